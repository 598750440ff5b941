/*
 * keys: the tables of keys that stage configs may have (data/pipelines/stage_keys.yaml).
 */
#ifndef SF_STAGES_KEYS_H
#define SF_STAGES_KEYS_H

#include "text/node.h"

typedef struct sf_keys {
    const sf_node *lists;
} sf_keys;

sf_code sf_keys_load(sf_arena *a, sf_keys *ret);
/* True when the list of that name has the key. */
bool sf_keys_has(const sf_keys *keys, const char *list, sf_str key);
/* The key of the named lists (NULL ends them) or the engine's arguments that is most like `key`; empty: none. */
sf_str sf_keys_suggest(const sf_keys *keys, const char *const *lists, bool arguments, sf_str key);

#endif
