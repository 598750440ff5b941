/*
 * fold: a tensor's name as a pattern and the numbers in it: "model.layers.12.mlp" is
 * "model.layers.{}.mlp" and 12.  A number is a part between dots that is all digits.
 */
#ifndef SF_MODEL_FOLD_H
#define SF_MODEL_FOLD_H

#include "base/arena.h"

/* Numbers in one name beyond these stay as they are. */
enum { SF_FOLD_MAX = 12 };
/* The dense form: four numbers of twelve bits fill the 48 that a number_set takes. */
enum { SF_FOLD_DENSE_MAX = 4, SF_FOLD_DENSE_BITS = 12, SF_FOLD_DENSE_DIGITS = 4 };

typedef struct sf_fold {
    sf_str name;
    unsigned n;                                  /* numbers */
    uint32_t from[SF_FOLD_MAX], to[SF_FOLD_MAX]; /* where they stand */
    uint64_t hash;                               /* of the pattern */
    uint64_t numbers;                            /* of 12 bits each, when `dense` */
    bool dense; /* pattern and `numbers` together are the name: few, small, without leading zeros */
} sf_fold;

void sf_fold_name(sf_str name, sf_fold *ret);
/* The pattern written out, with SF_SWAR_SLACK bytes behind it; p is NULL when memory is out. */
sf_str sf_fold_text(sf_arena *a, const sf_fold *f);
/* Whether the pattern is `text`, without writing it out. */
bool sf_fold_is(const sf_fold *f, sf_str text);

#endif
