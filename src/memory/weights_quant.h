/* weights_quant: what the engine holds of a quantised matrix on one rank (data/quantization/forms.yaml). */
#ifndef SF_MEMORY_WEIGHTS_QUANT_H
#define SF_MEMORY_WEIGHTS_QUANT_H

#include "memory/need.h"

enum { SF_HELD_TENSORS = 10 };

/* The tensors of one parameter, in the order of creation. */
typedef struct sf_held {
    uint64_t bytes[SF_HELD_TENSORS];
    size_t n;
    uint64_t total, params;
    uint64_t loading; /* what it takes before it is converted: the unquantised matrix of an online method */
} sf_held;

/*
 * `parts`: the matrices of one scheme that the engine fuses.  Codes: SF_E_TP_DIVIDE where a slice is cut through a
 * block or a group, SF_E_QUANT_UNKNOWN where the GPU cannot run the format.
 */
sf_code sf_weights_held(sf_arena *a, const sf_model *m, const sf_weights_wish *wish,
                        const sf_tensor *const *parts, size_t n, sf_diags *dg, sf_held *ret);

#endif
