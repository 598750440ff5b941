/* quant_plan: what one quantization_config (or --quantization) makes of each module of a checkpoint. */
#ifndef SF_MODEL_QUANT_PLAN_H
#define SF_MODEL_QUANT_PLAN_H

#include "model/family.h"
#include "model/quant.h"

typedef struct sf_quant_plan sf_quant_plan; /* lives in the walk's arena */

/* One module as the plan is asked about it. */
typedef struct sf_quant_module {
    sf_str name;  /* "model.layers.3.self_attn.q_proj" */
    sf_str fused; /* "model.layers.3.self_attn.qkv_proj", or empty */
    sf_tensor_class cls;
    int64_t layer, layers; /* for rules that depend on the layer */
} sf_quant_module;

/*
 * *ret stays NULL when nothing is quantised.  Codes: SF_E_QUANT_UNKNOWN for a format without data or that the engine
 * refuses, SF_E_QUANT_CONFIG for a config that contradicts itself.
 */
sf_code sf_quant_plan_new(sf_walk *w, const sf_model_wish *wish, const sf_node *config, sf_quant_plan **ret);
/* The scheme of a module; NULL: it is left alone. */
sf_code sf_quant_plan_of(sf_quant_plan *p, const sf_quant_module *m, const sf_quant **ret);
/* True for a tensor that belongs to the format beside the matrices (scales of the cache): known, not loaded. */
bool sf_quant_plan_beside(const sf_quant_plan *p, sf_str name);
sf_str sf_quant_plan_title(const sf_quant_plan *p);

/* The method's map of data/quantization.  Codes as for sf_quant_plan_new. */
sf_code sf_quant_method(sf_walk *w, const sf_model_wish *wish, const sf_node *config, const sf_node **ret);
/* SF_E_QUANT_CONFIG at the first key of `section` that is not what `keys` wants it to be. */
sf_code sf_quant_check_keys(sf_walk *w, const sf_node *section, const sf_node *keys);

#endif
