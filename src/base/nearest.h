/* nearest: the few names that lie closest to a wrong one, for hints. */
#ifndef SF_BASE_NEAREST_H
#define SF_BASE_NEAREST_H

#include "base/arena.h"

enum { SF_NEAREST_NAMES = 3 };

/* Starts as {0}; names are borrowed. */
typedef struct sf_nearest {
    sf_str name[SF_NEAREST_NAMES]; /* closest first; unused ones are empty */
    unsigned distance[SF_NEAREST_NAMES];
} sf_nearest;

/*
 * Offers a name of a model ("org/Name-3-8B") or of a class ("Name3ForCausalLM") that exists for `wrong`.  One that is
 * not similar is not kept.  Names of the same family (the letters in front: Qwen of Qwen3-8B) come first and may differ
 * in half of the rest; others in a quarter of it.  Of two that are equally far the same organisation wins, then the
 * one offered first.
 */
void sf_nearest_offer(sf_nearest *list, sf_str name, sf_str wrong);
/* "A, B, C"; empty when nothing was offered.  `p` is NULL when memory is out. */
sf_str sf_nearest_text(sf_arena *a, const sf_nearest *list);

#endif
