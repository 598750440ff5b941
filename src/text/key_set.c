/*
 * key_set: open addressing with linear steps, at most three quarters full.
 * Must not allocate per key and must not trust the hash: a match is compared byte by byte.
 */
#include "text/key_set.h"

/* By chance a key takes 1.5 steps on average at this load (Knuth, TAOCP 3, 6.4: linear probing). */
enum { LEAST = 64, STEPS_PER_CALL = 64, STEPS_FREE = 4096 };

void sf_key_set_init(sf_key_set *set, sf_arena *a)
{
    *set = (sf_key_set){.a = a};
}

static size_t slot_of(const sf_key_set *set, uint32_t hash)
{
    return hash & (set->cap - 1);
}

/* The part of the hash that is kept; a set never has more than 2^32 slots. */
static uint32_t short_hash(uint64_t hash)
{
    return (uint32_t)hash;
}

bool sf_key_set_reserve(sf_key_set *set, size_t n)
{
    size_t cap = set->cap ? set->cap : LEAST;
    sf_key_set grown = *set;

    if (n > UINT32_MAX / 2)
        return false;
    while (n > cap / 4 * 3)
        cap *= 2;
    if (cap == set->cap)
        return true;
    grown.cap = cap;
    grown.slots = SF_NEW_ARRAY(set->a, sf_key_slot, cap);
    if (!grown.slots)
        return false;
    for (size_t i = 0; i < set->cap; i++) {
        size_t at = slot_of(&grown, set->slots[i].hash);

        if (!set->slots[i].p)
            continue;
        for (; grown.slots[at].p; at = (at + 1) & (cap - 1))
            ;
        grown.slots[at] = set->slots[i];
    }
    *set = grown;
    return true;
}

static bool same(const sf_key_slot *slot, sf_str key, uint32_t hash)
{
    return slot->hash == hash && slot->n == key.n && memcmp(slot->p, key.p, key.n) == 0;
}

sf_key_added sf_key_set_add(sf_key_set *set, sf_str key, uint64_t hash)
{
    uint32_t h = short_hash(hash);
    uint64_t most;
    size_t at;

    if (set->n >= set->cap / 4 * 3 && !sf_key_set_reserve(set, set->n + 1))
        return SF_KEY_NO_MEMORY;
    if (!key.n)
        key.p = "";
    most = ++set->calls * STEPS_PER_CALL + STEPS_FREE;
    for (at = slot_of(set, h); set->slots[at].p; at = (at + 1) & (set->cap - 1)) {
        if (same(&set->slots[at], key, h))
            return SF_KEY_SEEN;
        if (++set->steps > most)
            return SF_KEY_HOSTILE;
    }
    set->slots[at] = (sf_key_slot){key.p, (uint32_t)key.n, h};
    set->n++;
    return SF_KEY_NEW;
}

bool sf_key_set_has(const sf_key_set *set, sf_str key, uint64_t hash)
{
    uint32_t h = short_hash(hash);

    if (!set->cap)
        return false;
    if (!key.n)
        key.p = "";
    for (size_t at = slot_of(set, h); set->slots[at].p; at = (at + 1) & (set->cap - 1))
        if (same(&set->slots[at], key, h))
            return true;
    return false;
}
