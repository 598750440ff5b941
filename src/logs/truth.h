/*
 * truth: a row of a truth file: what somebody started (inputs) and what the engine printed (observed).
 * The keys are those of docs/accuracy.md.  Inputs and observed figures are kept apart, so that a
 * prediction cannot look at what it is held against.
 */
#ifndef SF_LOGS_TRUTH_H
#define SF_LOGS_TRUTH_H

#include "engine/args.h"

/* A printed figure; `half` is half a unit of its last printed digit.  Absent: value is NAN. */
typedef struct sf_printed {
    double value, half;
} sf_printed;

typedef struct sf_truth_inputs {
    sf_str model;     /* as the row names it */
    sf_str model_dir; /* folder that a person resolved it to, or empty */
    sf_str engine; /* "vllm@0.19.0", "vllm-v0@0.8.5"; "vllm" or "vllm-omni" when the row names no release */
    bool release_given;
    sf_str gpu;                         /* as the row names it, or empty */
    double gpu_total_gib, gpu_free_gib; /* of one device; 0 not given */
    uint32_t gpu_count;
    sf_str quantization; /* or empty */
    sf_args args;
    const sf_str *ignored; /* words of other_args that nothing here reads */
    size_t n_ignored;
} sf_truth_inputs;

typedef struct sf_truth_observed {
    sf_printed loading, weights, non_torch, activation, graphs, kv_available; /* GiB */
    sf_printed tokens, blocks, concurrency, needed_kv, estimated_len;
    uint64_t concurrency_tokens; /* length that the concurrency is for; 0 not given */
    sf_str failure;              /* kind of a failure, or empty: it started */
    bool usable_kv, usable_weights;
} sf_truth_observed;

typedef struct sf_truth {
    sf_str id;
    sf_truth_inputs in;
    sf_truth_observed seen;
} sf_truth;

/*
 * One row, a JSON object.  Unknown keys are skipped.  Codes: SF_E_TRUTH for a row that is no object, has no
 * id or a field of the wrong type (with its place); SF_E_NOMEM.
 */
sf_code sf_truth_read(sf_arena *a, const sf_node *row, sf_diags *dg, sf_truth *ret);

static inline bool sf_printed_given(sf_printed p)
{
    return p.value == p.value;
}

#endif
