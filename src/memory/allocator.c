/*
 * allocator: PyTorch's caching allocator, as far as "allocated" and "reserved" go.
 * It only ever allocates: tensors of a loaded model stay.
 * Rule: c10/cuda/CUDACachingAllocator.cpp (round_size, get_allocation_size, should_split, best fit).
 */
#include "memory/allocator.h"

#include "base/num.h"

enum { MIN_BLOCK = 512 };
#define SMALL_SIZE ((uint64_t)1 << 20) /* requests up to here come from small segments */
#define SMALL_SEGMENT ((uint64_t)2 << 20)
#define LARGE_SEGMENT ((uint64_t)20 << 20) /* requests below MIN_LARGE get one of these */
#define MIN_LARGE ((uint64_t)10 << 20)
#define ROUND_LARGE ((uint64_t)2 << 20)
#define MAX_FRAGMENT ((uint64_t)20 << 20) /* unsplittable blocks: at most this much larger than the request */

typedef struct hole {
    uint64_t size, address;
} hole;

/* Free remainders of one pool, ordered by size, then address. */
typedef struct pool {
    hole *holes;
    size_t n, cap;
} pool;

struct sf_allocator {
    sf_arena *arena;
    sf_allocator_rules rules;
    pool small, large;
    uint64_t allocated, reserved;
    uint64_t next_address;
};

sf_allocator *sf_allocator_new(sf_arena *a, sf_allocator_rules rules)
{
    sf_allocator *al = SF_NEW(a, sf_allocator);

    if (al) {
        al->arena = a;
        al->rules = rules;
    }
    return al;
}

static bool hole_before(hole a, hole b)
{
    return a.size != b.size ? a.size < b.size : a.address < b.address;
}

/* Index of the first hole that is not before `key`. */
static size_t pool_find(const pool *p, hole key)
{
    size_t lo = 0, hi = p->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (hole_before(p->holes[mid], key))
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static bool pool_put(sf_arena *a, pool *p, hole h)
{
    size_t at;

    if (p->n == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 32;
        hole *holes = sf_arena_grow(a, p->holes, p->n, cap, sizeof *holes);

        if (!holes)
            return false;
        p->holes = holes;
        p->cap = cap;
    }
    at = pool_find(p, h);
    memmove(p->holes + at + 1, p->holes + at, (p->n - at) * sizeof *p->holes);
    p->holes[at] = h;
    p->n++;
    return true;
}

/* Takes the best-fitting hole for `size` out of the pool; false when there is none. */
static bool pool_take(const sf_allocator *al, pool *p, uint64_t size, hole *ret)
{
    size_t at = pool_find(p, (hole){size, 0});
    uint64_t limit = al->rules.max_split;

    if (at == p->n)
        return false;
    if (limit && p == &al->large) {
        if (size < limit && p->holes[at].size >= limit)
            return false;
        if (size >= limit && p->holes[at].size >= size + MAX_FRAGMENT)
            return false;
    }
    *ret = p->holes[at];
    p->n--;
    memmove(p->holes + at, p->holes + at + 1, (p->n - at) * sizeof *p->holes);
    return true;
}

static uint64_t segment_size(uint64_t size)
{
    if (size <= SMALL_SIZE)
        return SMALL_SEGMENT;
    return size < MIN_LARGE ? LARGE_SEGMENT : sf_round_up(size, ROUND_LARGE);
}

static bool splits(const sf_allocator *al, bool is_small, uint64_t size, uint64_t rest)
{
    if (is_small || al->rules.expandable_segments)
        return rest >= MIN_BLOCK;
    if (al->rules.max_split && size >= al->rules.max_split)
        return false;
    return rest > SMALL_SIZE;
}

bool sf_allocator_add(sf_allocator *al, uint64_t bytes)
{
    uint64_t size = bytes < MIN_BLOCK ? MIN_BLOCK : sf_round_up(bytes, MIN_BLOCK), rest;
    bool is_small = size <= SMALL_SIZE;
    pool *p = is_small ? &al->small : &al->large;
    hole h;

    if (size > UINT64_MAX / 4 || al->reserved > UINT64_MAX / 4)
        return false;
    if (!pool_take(al, p, size, &h)) {
        h = (hole){segment_size(size), al->next_address};
        al->reserved += h.size;
        al->next_address += h.size;
    }
    rest = h.size - size;
    if (!splits(al, is_small, size, rest)) {
        al->allocated += h.size;
        return true;
    }
    al->allocated += size;
    return pool_put(al->arena, p, (hole){rest, h.address + size});
}

uint64_t sf_allocator_allocated(const sf_allocator *al)
{
    return al->allocated;
}

uint64_t sf_allocator_reserved(const sf_allocator *al)
{
    return al->reserved;
}
