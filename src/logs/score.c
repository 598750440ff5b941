/* score: medians, means and worst rows of relative errors. */
#include "logs/score.h"

#include <math.h>
#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/* The q-quantile of sorted values, between neighbours (as NumPy's default). */
static double quantile(const double *sorted, size_t n, double q)
{
    double at = q * (double)(n - 1);
    size_t i = (size_t)at;

    return i + 1 < n ? sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

sf_code sf_score_of(sf_arena *a, const sf_pair_seen *pairs, size_t n, sf_score *ret)
{
    double *errors = SF_NEW_ARRAY(a, double, n + 1), *widths = SF_NEW_ARRAY(a, double, n + 1);
    sf_score s = {0};
    size_t inside = 0;

    if (!errors || !widths)
        return SF_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        const sf_pair_seen *p = &pairs[i];
        double pct;

        if (p->observed == 0)
            continue;
        pct = 100 * (p->predicted - p->observed) / fabs(p->observed);
        if (!s.n || fabs(pct) > fabs(s.worst_pct)) {
            s.worst_pct = pct;
            s.worst_id = p->id;
        }
        widths[s.n] = 100 * (p->high - p->low) / fabs(p->observed);
        errors[s.n++] = fabs(pct);
        s.mean_abs_pct += fabs(pct);
        inside += p->observed + p->half >= p->low && p->observed - p->half <= p->high;
    }
    if (s.n) {
        qsort(errors, s.n, sizeof *errors, by_value);
        qsort(widths, s.n, sizeof *widths, by_value);
        s.mean_abs_pct /= (double)s.n;
        s.median_abs_pct = quantile(errors, s.n, 0.5);
        s.p90_abs_pct = quantile(errors, s.n, 0.9);
        s.band_pct = quantile(widths, s.n, 0.5);
        s.in_band_pct = 100 * (double)inside / (double)s.n;
    }
    *ret = s;
    return SF_OK;
}
