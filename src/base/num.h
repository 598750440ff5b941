/*
 * num: numbers as text, without the locale, and arithmetic that reports overflow.
 * The engine's own way to print (Python's) is here because its messages are reproduced.
 */
#ifndef SF_BASE_NUM_H
#define SF_BASE_NUM_H

#include "base/arena.h"
#include "base/str.h"

#define SF_KIB ((uint64_t)1 << 10)
#define SF_MIB ((uint64_t)1 << 20)
#define SF_GIB ((uint64_t)1 << 30)

/* False on overflow; *ret is then untouched. */
static inline bool sf_add(uint64_t a, uint64_t b, uint64_t *ret)
{
    uint64_t r;

    if (__builtin_add_overflow(a, b, &r))
        return false;
    *ret = r;
    return true;
}

static inline bool sf_mul(uint64_t a, uint64_t b, uint64_t *ret)
{
    uint64_t r;

    if (__builtin_mul_overflow(a, b, &r))
        return false;
    *ret = r;
    return true;
}

/* Sums and products that stop at the largest value in place of wrapping. */
static inline uint64_t sf_add_sat(uint64_t a, uint64_t b)
{
    uint64_t r;

    return __builtin_add_overflow(a, b, &r) ? UINT64_MAX : r;
}

static inline uint64_t sf_mul_sat(uint64_t a, uint64_t b)
{
    uint64_t r;

    return __builtin_mul_overflow(a, b, &r) ? UINT64_MAX : r;
}

/* ceil(a / b); b > 0. */
static inline uint64_t sf_cdiv(uint64_t a, uint64_t b)
{
    return a / b + (a % b != 0);
}

/* The least multiple of `b` that is >= a; b > 0; saturates. */
static inline uint64_t sf_round_up(uint64_t a, uint64_t b)
{
    return sf_mul_sat(sf_cdiv(a, b), b);
}

/* The whole of `s` as a decimal integer ("-12", "+3", "007"); false on anything else or overflow. */
bool sf_parse_i64(sf_str s, int64_t *ret);
bool sf_parse_u64(sf_str s, uint64_t *ret);
/* The whole of `s` as a decimal number with optional fraction and exponent; no hex, inf, nan. */
bool sf_parse_f64(sf_str s, double *ret);

/* printf("%.*f") in the C locale, correctly rounded. */
sf_str sf_fmt_fixed(sf_arena *a, double value, int decimals);
/* As Python prints str(round(value, 2)): "24.0", "1.4", "0.05", "-2.14". */
sf_str sf_fmt_py_round2(sf_arena *a, double value);
/* As Python prints repr(value): the shortest text that reads back the same ("0.9", "1e-05", "24.0"). */
sf_str sf_fmt_py_float(sf_arena *a, double value);
/* Thousands separated by commas: "451,744". */
sf_str sf_fmt_commas(sf_arena *a, int64_t value);

/* Bytes as GiB with two decimals and the unit: "47.51 GiB". */
sf_str sf_fmt_gib(sf_arena *a, int64_t bytes);
/* Bytes in the unit that reads best, three significant places: "512 B", "1.5 MiB", "47.51 GiB". */
sf_str sf_fmt_bytes(sf_arena *a, uint64_t bytes);

/*
 * A size as people type it: a number and a unit (B, KB, MB, GB, TB powers of 1000; KiB, MiB,
 * GiB, TiB powers of 1024; case does not matter; one space is allowed).  A bare number is
 * bytes.  "79.2GiB", "81559MiB", "80 GB".  False when it is anything else or too large.
 */
bool sf_parse_size(sf_str s, uint64_t *ret);

#endif
