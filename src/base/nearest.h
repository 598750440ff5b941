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

/* Offers a name; of two that are equally far the one offered first stays in front. */
void sf_nearest_add(sf_nearest *list, sf_str name, unsigned distance);
/* "A, B, C"; empty when nothing was offered.  `p` is NULL when memory is out. */
sf_str sf_nearest_text(sf_arena *a, const sf_nearest *list);

#endif
