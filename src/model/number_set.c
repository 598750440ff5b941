/*
 * number_set: pages of 512 bits in an open-addressed table, at most half full.
 * Must not mix groups up: a page's key holds group and page number in full.
 */
#include "model/number_set.h"

/* By chance an addition takes half a step at this load (Knuth, TAOCP 3, 6.4: linear probing). */
enum { LEAST = 64, STEPS_PER_CALL = 64, STEPS_FREE = 4096, PAGE_BITS = 9 };

void sf_number_set_init(sf_number_set *set, sf_arena *a)
{
    *set = (sf_number_set){.a = a};
}

static inline uint64_t page_key(uint32_t group, uint64_t number)
{
    return ((uint64_t)group << (SF_NUMBER_BITS - PAGE_BITS) | number >> PAGE_BITS) + 1;
}

/* The slot of a key, or the free one where it would go. */
static inline size_t find(const sf_number_set *set, uint64_t key, uint64_t *steps)
{
    /* The upper bytes of the product are the mixed ones: they come first in reverse. */
    size_t at = (size_t)__builtin_bswap64(key * 0x9e3779b97f4a7c15u) & (set->cap - 1);

    for (; set->pages[at].key && set->pages[at].key != key; at = (at + 1) & (set->cap - 1))
        ++*steps;
    return at;
}

static __attribute__((noinline)) bool grow(sf_number_set *set)
{
    sf_number_set grown = {.a = set->a,
                           .n = set->n,
                           .cap = set->cap ? set->cap * 2 : LEAST,
                           .calls = set->calls,
                           .steps = set->steps};

    grown.pages = SF_NEW_ARRAY(set->a, sf_number_page, grown.cap);
    if (!grown.pages)
        return false;
    for (size_t i = 0; i < set->cap; i++)
        if (set->pages[i].key)
            grown.pages[find(&grown, set->pages[i].key, &grown.steps)] = set->pages[i];
    *set = grown;
    return true;
}

sf_key_added sf_number_set_add(sf_number_set *set, uint32_t group, uint64_t number)
{
    uint64_t key = page_key(group, number), bit = (uint64_t)1 << (number & 63);
    size_t word = (size_t)(number >> 6) & 7;
    sf_number_page *page;

    if (set->n >= set->cap / 2 && !grow(set))
        return SF_KEY_NO_MEMORY;
    page = &set->pages[find(set, key, &set->steps)];
    if (set->steps > ++set->calls * STEPS_PER_CALL + STEPS_FREE)
        return SF_KEY_HOSTILE;
    set->n += !page->key;
    page->key = key;
    if (page->bits[word] & bit)
        return SF_KEY_SEEN;
    page->bits[word] |= bit;
    return SF_KEY_NEW;
}

bool sf_number_set_has(const sf_number_set *set, uint32_t group, uint64_t number)
{
    uint64_t steps = 0;
    const sf_number_page *page;

    if (!set->cap)
        return false;
    page = &set->pages[find(set, page_key(group, number), &steps)];
    return page->key && (page->bits[number >> 6 & 7] >> (number & 63) & 1);
}
