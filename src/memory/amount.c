/* amount: values with bands.  Bands are 90 % bands; independent ones add as squares. */
#include "memory/amount.h"

#include <math.h>

/* No machine has this much; sums of many amounts stay far from overflow. */
#define MOST ((int64_t)1 << 52)

static int64_t to_bytes(double v)
{
    if (v >= (double)MOST)
        return MOST;
    if (v <= -(double)MOST)
        return -MOST;
    return (int64_t)llround(v);
}

sf_amount sf_amount_exact(uint64_t bytes, sf_str formula, sf_str source)
{
    int64_t b = bytes > (uint64_t)MOST ? MOST : (int64_t)bytes;

    return (sf_amount){b, b, b, SF_ORIGIN_EXACT, formula, source};
}

sf_amount sf_amount_band(double bytes, double low, double high, sf_origin origin, sf_str formula,
                         sf_str source)
{
    return (sf_amount){to_bytes(bytes), to_bytes(low), to_bytes(high), origin, formula, source};
}

sf_amount sf_amount_relative(double bytes, double frac, sf_str formula, sf_str source)
{
    return sf_amount_band(bytes, bytes * (1 - frac), bytes * (1 + frac), SF_ORIGIN_MODELLED, formula, source);
}

sf_amount sf_amount_overhead(sf_arena *a, const sf_overhead *o, double layers, double scale)
{
    double value = (o->base_bytes + o->per_layer_bytes * layers) * scale;
    sf_str base = sf_fmt_bytes(a, (uint64_t)to_bytes(o->base_bytes < 0 ? 0 : o->base_bytes));
    sf_str formula = base;

    if (o->per_layer_bytes > 0)
        formula =
            sf_arena_printf(a, "%.*s + %.*s × %.0f layers", SF_STR_ARG(base),
                            SF_STR_ARG(sf_fmt_bytes(a, (uint64_t)to_bytes(o->per_layer_bytes))), layers);
    if (scale < 0.999 || scale > 1.001)
        formula =
            sf_arena_printf(a, "(%.*s) × %.*s", SF_STR_ARG(formula), SF_STR_ARG(sf_fmt_fixed(a, scale, 2)));
    return sf_amount_band(value, value - o->low_bytes * scale, value + o->high_bytes * scale,
                          SF_ORIGIN_MODELLED, formula, o->source);
}

sf_amount sf_amount_sum(const sf_amount *items, size_t n)
{
    double bytes = 0, low = 0, high = 0;
    sf_origin origin = SF_ORIGIN_EXACT;

    for (size_t i = 0; i < n; i++) {
        double l = (double)(items[i].bytes - items[i].low), h = (double)(items[i].high - items[i].bytes);

        bytes += (double)items[i].bytes;
        low += l * l;
        high += h * h;
        if (items[i].origin != SF_ORIGIN_EXACT && items[i].bytes)
            origin = items[i].origin;
    }
    return sf_amount_band(bytes, bytes - sqrt(low), bytes + sqrt(high), origin, (sf_str){0}, (sf_str){0});
}
