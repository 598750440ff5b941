/*
 * quant: quantised checkpoints.  What a format stores in place of a matrix, which modules it takes and what
 * the engine holds of them at run time is data (data/quantization/ *.yaml, docs/quantization.md); here is
 * what reads it.
 */
#ifndef SF_MODEL_QUANT_H
#define SF_MODEL_QUANT_H

#include "model/expr.h"
#include "model/name_list.h"
#include "model/tensor.h"

enum { SF_QUANT_PARAMS = 12, SF_QUANT_GROUPS = 20000, SF_QUANT_KINDS = 256 };

/* A scheme with its parameters: how one kind of matrix is stored and held. */
typedef struct sf_quant {
    sf_str scheme;
    const sf_node *node;    /* its map in data/quantization/schemes.yaml */
    const sf_node *form;    /* what the engine holds: data/quantization/forms.yaml */
    const sf_node *config;  /* quantization_config; an empty map for a conversion while loading */
    const sf_node *section; /* the part of it that chose the scheme */
    sf_binding params[SF_QUANT_PARAMS];
    size_t n_params;
    bool online; /* the checkpoint is not quantised: the engine converts it while loading */
} sf_quant;

/* Computes one expression of a scheme: its parameters and `extra` are known. */
sf_code sf_quant_i64(sf_arena *a, const sf_quant *q, sf_str text, sf_where at, const sf_binding *extra,
                     size_t n_extra, int64_t least, sf_diags *dg, int64_t *ret);
sf_code sf_quant_truth(sf_arena *a, const sf_quant *q, const sf_node *when, const sf_binding *extra,
                       size_t n_extra, sf_diags *dg, bool *ret);

/* The stored tensor of a scheme that shows that a module is quantised ("qweight"); empty: none. */
sf_str sf_quant_sign(const sf_quant *q);

/* What the data's expressions are computed with: `root` is $, bare names are keys of `section`. */
sf_code sf_quant_scope_eval(sf_arena *a, const sf_node *root, const sf_node *section, const sf_binding *b,
                            size_t n, sf_str text, sf_where at, sf_diags *dg, sf_value *ret);
/* True when there is no `when`. */
sf_code sf_quant_scope_truth(sf_arena *a, const sf_node *root, const sf_node *section, const sf_binding *b,
                             size_t n, const sf_node *when, sf_diags *dg, bool *ret);
/* The empty map: the config of a conversion while loading. */
const sf_node *sf_quant_nothing(void);

#endif
