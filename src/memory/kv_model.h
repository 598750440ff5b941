/* kv_model.h: what the parts share that make a KV case out of a model. */
#ifndef SF_MEMORY_KV_MODEL_H
#define SF_MEMORY_KV_MODEL_H

#include "memory/kv.h"

/* How this model's K and V are stored. */
typedef struct sf_kv_format {
    sf_str name; /* "auto", "fp8", … after the checkpoint had its say */
    sf_kv_store store;
    uint32_t bits;
} sf_kv_format;

/* Code: SF_E_KV_UNKNOWN. */
sf_code sf_kv_format_of(const sf_profile *profile, const sf_model *m, const sf_kv_wish *wish, sf_diags *dg,
                        sf_kv_format *ret);

/* The model's decoder layers; without a number of its own, what the entries span; at least 1. */
uint64_t sf_kv_layer_count(const sf_model *m);
/* Fills ret->stages: specs are indices of m->kv.  Codes: those of sf_pp_partition. */
sf_code sf_kv_stages_of(sf_arena *a, const sf_kv_rules *rules, const sf_model *m, const sf_kv_wish *wish,
                        sf_diags *dg, sf_kv_case *ret);

#endif
