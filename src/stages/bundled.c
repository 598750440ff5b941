/*
 * bundled: data/pipelines/bundled.yaml lists which deploy configs are at hand, data/deploy holds them as text.
 * Must not choose a pipeline: the caller has.
 */
#include "stages/bundled.h"

#include "base/embed.h"
#include "text/pack.h"

static const char prefix[] = "bundled:";

sf_code sf_bundled_find(sf_arena *a, sf_str pipeline, sf_bundled *ret)
{
    const sf_node *root, *rows;
    sf_code rc = sf_data_read(a, SF_STR("pipelines/bundled.yaml"), &root);

    if (rc)
        return rc;
    *ret = (sf_bundled){0};
    rows = sf_node_get(root, "bundled");
    for (uint32_t i = 0; i < rows->n; i++) {
        const sf_node *row = rows->as.items[i];

        if (!sf_str_eq(sf_node_text(row, "pipeline"), pipeline))
            continue;
        *ret = (sf_bundled){.path = sf_arena_printf(a, "%s%.*s", prefix, SF_STR_ARG(pipeline)),
                            .file = sf_node_text(row, "file"),
                            .commit = sf_node_text(row, "commit"),
                            .release = sf_node_text(row, "release")};
        return ret->path.p ? SF_OK : SF_E_NOMEM;
    }
    return SF_OK;
}

bool sf_bundled_text(sf_arena *a, sf_str path, sf_str *ret)
{
    sf_str name;

    if (!sf_str_starts(path, sf_str_of(prefix)))
        return false;
    name = sf_arena_printf(a, "deploy/%.*s.yaml", SF_STR_ARG(sf_str_sub(path, sizeof prefix - 1, path.n)));
    return name.p && sf_embed_find(name, ret);
}
