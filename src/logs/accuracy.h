/*
 * accuracy: predictions held against what engines printed, row by row and summed up.
 */
#ifndef SF_LOGS_ACCURACY_H
#define SF_LOGS_ACCURACY_H

#include "logs/predict.h"
#include "logs/score.h"

/* Figures predicted from the inputs alone. */
typedef enum sf_cold {
    SF_COLD_WEIGHTS,
    SF_COLD_KV_AVAILABLE,
    SF_COLD_KV_TOKENS,
    SF_COLD_CONCURRENCY,
    SF_COLD_ACTIVATION,
    SF_COLD_NON_TORCH,
    SF_COLD_GRAPHS,
    SF_COLD_COUNT
} sf_cold;
const char *sf_cold_key(sf_cold metric); /* "kv_available": stable, used in JSON */

/* Figures of the cache arithmetic alone, given the available memory that was printed. */
typedef enum sf_given {
    SF_GIVEN_BYTES_PER_TOKEN,
    SF_GIVEN_TOKENS,
    SF_GIVEN_BLOCKS,
    SF_GIVEN_NEEDED,
    SF_GIVEN_COUNT
} sf_given;
const char *sf_given_key(sf_given metric);

/* One exact figure: low..high is what the printed rounding of the memory leaves open. */
typedef struct sf_given_seen {
    bool compared, exact;
    double low, high, observed;
} sf_given_seen;

typedef struct sf_accuracy_row {
    sf_truth truth;
    sf_str family, release; /* architecture; engine and release in force */
    sf_str gpu;             /* name of the catalogue, or what the row says */
    sf_str reason;          /* why there is no prediction; empty: there is one */
    bool gpu_known;
    bool has[SF_COLD_COUNT];
    sf_pair_seen cold[SF_COLD_COUNT]; /* bytes, tokens, requests */
    sf_given_seen given[SF_GIVEN_COUNT];
    bool verdict_scored, verdict_right;
    sf_code failure; /* predicted; SF_OK: it starts */
} sf_accuracy_row;

/* Fills the comparisons of a row whose truth, family and gpu_known are set.  SF_E_NOMEM. */
sf_code sf_accuracy_judge(sf_arena *a, const sf_prediction *p, sf_accuracy_row *row);

/* Rows of one family, GPU, release or tensor parallel size. */
typedef struct sf_accuracy_group {
    sf_str by, name; /* "family", "LlamaForCausalLM" */
    sf_score weights, kv_available;
} sf_accuracy_group;

typedef struct sf_accuracy {
    sf_score cold[SF_COLD_COUNT];
    sf_exact given[SF_GIVEN_COUNT];
    sf_exact verdict; /* n rows, `exact` of them right */
    const sf_accuracy_group *groups;
    size_t n_groups;
} sf_accuracy;

sf_code sf_accuracy_sum(sf_arena *a, const sf_accuracy_row *rows, size_t n, sf_accuracy *ret);

#endif
