/*
 * keys: which keys are known, and the nearest known one for a wrong one.
 * Must not decide what an unknown key means: the readers do.
 */
#include "stages/keys.h"

#include "engine/args.h"
#include "text/pack.h"

sf_code sf_keys_load(sf_arena *a, sf_keys *ret)
{
    return sf_data_read(a, SF_STR("pipelines/stage_keys.yaml"), &ret->lists);
}

bool sf_keys_has(const sf_keys *keys, const char *list, sf_str key)
{
    const sf_node *seq = sf_node_get(keys->lists, list);

    for (size_t i = 0; seq && i < seq->n; i++)
        if (sf_str_eq(seq->as.items[i]->text, key))
            return true;
    return false;
}

static void nearer(sf_str key, sf_str candidate, unsigned *best, sf_str *ret)
{
    unsigned d = sf_str_distance(key, candidate, *best);

    if (d < *best) {
        *best = d;
        *ret = candidate;
    }
}

sf_str sf_keys_suggest(const sf_keys *keys, const char *const *lists, bool arguments, sf_str key)
{
    unsigned best = key.n < 6 ? 2 : 4; /* nearer than that, or it is a guess */
    sf_str found = {0};

    if (key.n > 64)
        return found;
    for (; *lists; lists++) {
        const sf_node *seq = sf_node_get(keys->lists, *lists);

        for (size_t i = 0; seq && i < seq->n; i++)
            nearer(key, seq->as.items[i]->text, &best, &found);
    }
    for (int i = 0; arguments && i < SF_ARG_COUNT; i++)
        nearer(key, sf_str_of(sf_arg_name((sf_arg)i)), &best, &found);
    return found;
}
