/*
 * coverage: whether byte ranges fill a file without a hole or an overlap.  Ranges that come
 * in their order cost nothing; others are kept and sorted at the end.
 */
#ifndef SF_MODEL_COVERAGE_H
#define SF_MODEL_COVERAGE_H

#include "base/arena.h"

typedef struct sf_range {
    uint64_t begin, end;
    size_t owner_off, owner_len; /* who asked for `begin`: the tensor's name in the text */
} sf_range;

typedef struct sf_coverage {
    sf_arena *a;
    uint64_t filled; /* without `ranges`: [0, filled) is covered */
    sf_range *ranges;
    size_t n, cap;
} sf_coverage;

void sf_coverage_init(sf_coverage *c, sf_arena *a);
/* An empty range covers nothing and is not looked at.  False when memory is out. */
bool sf_coverage_add(sf_coverage *c, const sf_range *range);
/*
 * Sorts.  True when the ranges meet end to end from 0 on; `ret_end` is then where they end.
 * Else `ret_bad` is the first range that leaves a hole before it or starts inside another, and
 * `ret_end` the end of what is before it.
 */
bool sf_coverage_check(sf_coverage *c, uint64_t *ret_end, const sf_range **ret_bad);

#endif
