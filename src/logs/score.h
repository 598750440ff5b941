/*
 * score: error figures over many rows.
 */
#ifndef SF_LOGS_SCORE_H
#define SF_LOGS_SCORE_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/str.h"

/* A prediction held against what was printed.  low..high is the stated band. */
typedef struct sf_pair_seen {
    sf_str id;
    double predicted, low, high, observed, half; /* half: half a unit of the printed digit */
} sf_pair_seen;

typedef struct sf_score {
    size_t n;
    double median_abs_pct, mean_abs_pct, p90_abs_pct,
        worst_pct;      /* of the observed value; worst keeps its sign */
    double in_band_pct; /* printed rounding counts for the band */
    double band_pct;    /* median width of the band */
    sf_str worst_id;
} sf_score;

/* In percent of the observed value; an observed zero is left out.  SF_E_NOMEM. */
sf_code sf_score_of(sf_arena *a, const sf_pair_seen *pairs, size_t n, sf_score *ret);

/* Rows where a figure had to come out exactly. */
typedef struct sf_exact {
    size_t n, exact;
} sf_exact;

#endif
