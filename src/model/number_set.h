/*
 * number_set: which numbered members of which group were seen, as bits: the names of a
 * checkpoint are dense ("layers.0…60.experts.0…255"), so 512 of them share 64 bytes, and a
 * look-up stays in the processor's cache where a hash of each name would not.
 */
#ifndef SF_MODEL_NUMBER_SET_H
#define SF_MODEL_NUMBER_SET_H

#include "base/arena.h"
#include "text/key_set.h"

typedef struct sf_number_page {
    uint64_t key; /* 0: free */
    uint64_t bits[8];
} sf_number_page;

typedef struct sf_number_set {
    sf_arena *a;
    sf_number_page *pages;
    size_t n, cap;
    uint64_t calls, steps; /* additions, and steps past other pages in them */
} sf_number_set;

/* Bits of a group and of a number in it. */
enum { SF_NUMBER_GROUP_BITS = 24, SF_NUMBER_BITS = 48 };

void sf_number_set_init(sf_number_set *set, sf_arena *a);
sf_key_added sf_number_set_add(sf_number_set *set, uint32_t group, uint64_t number);
bool sf_number_set_has(const sf_number_set *set, uint32_t group, uint64_t number);

#endif
