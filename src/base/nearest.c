/* nearest: a short list kept in order.  How far apart two names are is the caller's matter. */
#include "base/nearest.h"

void sf_nearest_add(sf_nearest *list, sf_str name, unsigned distance)
{
    for (size_t j = 0; j < SF_NEAREST_NAMES; j++)
        if (!list->name[j].n || distance < list->distance[j]) {
            for (size_t k = SF_NEAREST_NAMES - 1; k > j; k--) {
                list->name[k] = list->name[k - 1];
                list->distance[k] = list->distance[k - 1];
            }
            list->name[j] = name;
            list->distance[j] = distance;
            return;
        }
}

sf_str sf_nearest_text(sf_arena *a, const sf_nearest *list)
{
    sf_str out = {0};

    for (size_t j = 0; j < SF_NEAREST_NAMES && list->name[j].n; j++)
        out = sf_arena_printf(a, "%.*s%s%.*s", SF_STR_ARG(out), j ? ", " : "", SF_STR_ARG(list->name[j]));
    return out;
}
