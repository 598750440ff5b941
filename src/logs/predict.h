/*
 * predict: what account and replay make of the inputs of a truth row.  Sees no observed figure, except in
 * sf_predict_given, which is asked what the cache arithmetic makes of a given amount of memory.
 */
#ifndef SF_LOGS_PREDICT_H
#define SF_LOGS_PREDICT_H

#include "logs/truth.h"
#include "startup/replay.h"

typedef struct sf_prediction {
    const sf_stage_need *need;
    const sf_replay *replay;
    const sf_profile *profile;
    sf_amount weights, non_torch, activation, graphs; /* of the first rank */
    sf_amount kv_available;                           /* least over the ranks; all 0 without a cache */
    const sf_kv_result *kv;                           /* NULL: not reached, or no cache */
    sf_code failure;                                  /* SF_OK: it starts */
} sf_prediction;

/*
 * The GPUs of a row.  *ret_known is false when the row neither names a GPU of the catalogue nor gives its memory:
 * then they stand in for any, and nothing that depends on their size means anything.  SF_E_NOMEM.
 */
sf_code sf_predict_gpus(sf_arena *a, const sf_truth_inputs *in, sf_inventory *ret, bool *ret_known);

/* Codes: those of sf_account; SF_E_NOMEM.  A start that fails is a prediction, not an error. */
sf_code sf_predict(sf_arena *a, const sf_profile *profile, const sf_model *model, const sf_truth_inputs *in,
                   const sf_inventory *inv, sf_diags *dg, sf_prediction *ret);

/* The cache that fits into `available` bytes on every rank.  Codes: those of sf_kv_plan. */
sf_code sf_predict_given(sf_arena *a, const sf_prediction *p, int64_t available, sf_diags *dg,
                         const sf_kv_result **ret);

#endif
