/* weights_cut: how one tensor group is cut for one rank. */
#ifndef SF_MEMORY_WEIGHTS_CUT_H
#define SF_MEMORY_WEIGHTS_CUT_H

#include "memory/need.h"

/*
 * Elements that this rank holds of one layer's tensors of the group (all its experts).
 * Code: SF_E_TP_DIVIDE when the parallel size does not divide what it has to.
 */
sf_code sf_weights_cut(const sf_model *m, const sf_tensor *t, const sf_weights_wish *wish, sf_diags *dg,
                       uint64_t *ret_numel);

/* The same as dimensions of one tensor and how many experts of it this rank has. */
sf_code sf_weights_cut_dims(const sf_model *m, const sf_tensor *t, const sf_weights_wish *wish, sf_diags *dg,
                            uint64_t *ret_dims, uint64_t *ret_experts);

/*
 * The LoRA slots of a rank, put through the allocator; nothing without wish->lora.slots.  Layers first_layer up to
 * end_layer are the rank's.  Codes: SF_E_TP_DIVIDE, SF_E_NOMEM.
 */
sf_code sf_weights_lora(const sf_model *m, const sf_weights_wish *wish, uint64_t first_layer,
                        uint64_t end_layer, sf_allocator *allocator, sf_diags *dg, uint64_t *ret_bytes);

#endif
