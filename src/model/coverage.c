/*
 * coverage: neighbours are joined as they come, so that a file in its own order needs no memory.
 * Must not depend on the order in which ranges come.
 */
#include "model/coverage.h"

#include <stdlib.h>

void sf_coverage_init(sf_coverage *c, sf_arena *a)
{
    *c = (sf_coverage){.a = a};
}

static bool push(sf_coverage *c, const sf_range *range)
{
    if (c->n == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 256;
        sf_range *grown = sf_arena_grow(c->a, c->ranges, c->n, cap, sizeof *grown);

        if (!grown)
            return false;
        c->ranges = grown;
        c->cap = cap;
    }
    c->ranges[c->n++] = *range;
    return true;
}

bool sf_coverage_add(sf_coverage *c, const sf_range *range)
{
    if (range->begin == range->end)
        return true;
    if (!c->n) {
        if (range->begin == c->filled) {
            c->filled = range->end;
            return true;
        }
        if (c->filled && !push(c, &(sf_range){.end = c->filled}))
            return false;
    } else if (c->ranges[c->n - 1].end == range->begin) {
        c->ranges[c->n - 1].end = range->end;
        return true;
    }
    return push(c, range);
}

static int compare_ranges(const void *a, const void *b)
{
    const sf_range *x = a, *y = b;

    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->owner_off > y->owner_off) - (x->owner_off < y->owner_off);
}

bool sf_coverage_check(sf_coverage *c, uint64_t *ret_end, const sf_range **ret_bad)
{
    uint64_t end = 0;

    if (!c->n) {
        *ret_end = c->filled;
        return true;
    }
    qsort(c->ranges, c->n, sizeof *c->ranges, compare_ranges);
    for (size_t i = 0; i < c->n; i++) {
        *ret_end = end;
        if (c->ranges[i].begin != end) {
            *ret_bad = &c->ranges[i];
            return false;
        }
        end = c->ranges[i].end;
    }
    *ret_end = end;
    return true;
}
