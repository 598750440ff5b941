/*
 * merge: maps put together key by key, the way an overlay is laid over its base.  Values
 * are shared with the trees they come from, so every value keeps its place.
 */
#ifndef SF_STAGES_MERGE_H
#define SF_STAGES_MERGE_H

#include "stages/era.h"
#include "text/node.h"

/* Keys of one map that takes part in a merge, and stages of one file: more is not a config. */
enum { SF_MERGE_KEYS = 1024, SF_MERGE_STAGES = 256 };

/* A map being built; keys keep the order in which they first came. */
typedef struct sf_merge {
    sf_arena *arena;
    sf_pair *pairs;
    uint32_t n, cap;
    const sf_node *like; /* place of the result */
    bool failed;         /* memory ran out */
} sf_merge;

/* Starts with the pairs of `from` (NULL or not a map: none). */
void sf_merge_init(sf_merge *m, sf_arena *a, const sf_node *from);
void sf_merge_put(sf_merge *m, const sf_pair *pair);
void sf_merge_drop(sf_merge *m, sf_str key);
const sf_pair *sf_merge_find(const sf_merge *m, sf_str key);
/* The map; NULL when memory ran out. */
const sf_node *sf_merge_node(sf_merge *m);

/* A list with the place of `like`; NULL: no memory. */
const sf_node *sf_merge_list(sf_arena *a, const sf_node *like, const sf_node *const *items, uint32_t n);

/* `over` laid over `base`, maps into maps; anything else is replaced.  SF_E_LIMIT, SF_E_NOMEM. */
sf_code sf_merge_deep(sf_arena *a, const sf_node *base, const sf_node *over, sf_diags *dg,
                      const sf_node **ret);

/* One stage entry over another: keys replace, but for sampling parameters and engine maps, which merge. */
sf_code sf_merge_stage(sf_arena *a, const sf_node *base, const sf_node *over, sf_diags *dg,
                       const sf_node **ret);

/* A deploy file over its base (both whole files, base_config already followed). */
sf_code sf_merge_files(sf_arena *a, const sf_era *era, const sf_node *base, const sf_node *over, sf_diags *dg,
                       const sf_node **ret);

/* True for the stage keys whose maps merge. */
bool sf_merge_is_deep_key(sf_str key);

/* stage_id as the loader compares it: integers, true (1), 2.0; false for anything else. */
bool sf_merge_stage_id(const sf_node *id, int64_t *ret);

#endif
