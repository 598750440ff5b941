/*
 * amount: building amounts with their bands and formulas.  An amount is at most 2^52 bytes: larger ones (a
 * hostile argument) count as that, which no GPU holds.
 */
#ifndef SF_MEMORY_AMOUNT_H
#define SF_MEMORY_AMOUNT_H

#include "memory/need.h"

/* Bytes that are known to the byte. */
sf_amount sf_amount_exact(uint64_t bytes, sf_str formula, sf_str source);
/* A modelled value with a relative band: value × (1 - frac) … value × (1 + frac). */
sf_amount sf_amount_relative(double bytes, double frac, sf_str formula, sf_str source);
/* A modelled value with an absolute band. */
sf_amount sf_amount_band(double bytes, double low, double high, sf_origin origin, sf_str formula,
                         sf_str source);
/* base + per_layer × layers with the overhead's own band, all times `scale`. */
sf_amount sf_amount_overhead(sf_arena *a, const sf_overhead *o, double layers, double scale);

/*
 * A sum of independent amounts: bytes add up, half-widths add up as squares do.  Formula and
 * source are the caller's.
 */
sf_amount sf_amount_sum(const sf_amount *items, size_t n);

#endif
