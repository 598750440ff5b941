/*
 * key_set: which keys were seen, for objects with very many of them (a header of 90,000
 * tensors, an index).  Keys are borrowed and compared in full; a set lives in its arena and
 * takes 16 to 43 bytes a key.  A hostile text whose keys all fall on one place of the table is
 * found by the number of steps, not by waiting.
 */
#ifndef SF_TEXT_KEY_SET_H
#define SF_TEXT_KEY_SET_H

#include "base/arena.h"

typedef enum sf_key_added {
    SF_KEY_NEW,
    SF_KEY_SEEN,
    SF_KEY_NO_MEMORY,
    SF_KEY_HOSTILE, /* far more collisions than chance gives */
} sf_key_added;

typedef struct sf_key_slot {
    const char *p; /* NULL: free */
    uint32_t n, hash;
} sf_key_slot;

typedef struct sf_key_set {
    sf_arena *a;
    sf_key_slot *slots;
    size_t n, cap;
    uint64_t calls, steps; /* additions, and steps past other keys in them */
} sf_key_set;

void sf_key_set_init(sf_key_set *set, sf_arena *a);
/* Makes room for `n` keys in all; false when memory is out. */
bool sf_key_set_reserve(sf_key_set *set, size_t n);
/* `hash` is any good hash of the key, always the same one. */
sf_key_added sf_key_set_add(sf_key_set *set, sf_str key, uint64_t hash);
bool sf_key_set_has(const sf_key_set *set, sf_str key, uint64_t hash);

#endif
