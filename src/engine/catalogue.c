/*
 * catalogue: reads the lists of releases, and lists them.
 * Must not choose: profile.c does.
 */
#include "engine/catalogue.h"
#include "text/pack.h"

static const char *const files[SF_LINEAGE_COUNT] = {"engines/vllm-v0.yaml", "engines/vllm.yaml",
                                                    "engines/vllm-omni.yaml"};

static sf_str text_of(const sf_node *map, const char *key)
{
    const sf_node *v = sf_node_get(map, key);

    return sf_node_absent(v) ? (sf_str){NULL, 0} : v->text;
}

/* V0 is the default before 0.8, and a second engine after that. */
static sf_str engine_of(sf_lineage lineage, const sf_version *version)
{
    static const sf_version v1_default = {
        {0, 8, 0, 0},
        2
    };

    if (lineage == SF_LINEAGE_OMNI)
        return SF_STR("vllm-omni");
    if (lineage == SF_LINEAGE_VLLM_V0 && sf_version_cmp(version, &v1_default) >= 0)
        return SF_STR("vllm-v0");
    return SF_STR("vllm");
}

static bool read_entry(sf_lineage lineage, const sf_node *map, sf_entry_of_release *ret)
{
    const sf_node *open = sf_node_get(map, "open");
    sf_release *r = &ret->release;
    sf_str from = text_of(map, "from");

    *r = (sf_release){.release = text_of(map, "release"),
                      .date = text_of(map, "date"),
                      .summary = text_of(map, "what"),
                      .source = text_of(map, "source"),
                      .profile = text_of(map, "profile"),
                      .vllm = text_of(map, "vllm")};
    r->open = sf_node_is(open, SF_BOOL) && open->as.b;
    ret->changes = sf_node_get(map, "changes");
    if (lineage != SF_LINEAGE_OMNI)
        from = r->release;
    else if (!from.n)
        from = r->vllm;
    if (!sf_version_parse(from, &ret->version) || !r->date.n || !sf_node_is(ret->changes, SF_MAP))
        return false;
    r->engine = engine_of(lineage, &ret->version);
    return true;
}

sf_code sf_catalogue_load(sf_arena *a, sf_lineage lineage, sf_diags *dg, sf_catalogue *ret)
{
    const sf_node *file, *root;
    sf_entry_of_release *entries;
    sf_code rc = sf_data_read(a, sf_str_of(files[lineage]), &file);

    if (rc)
        return rc;
    root = sf_node_get(file, "releases");
    if (!sf_node_is(root, SF_SEQ) || !root->n)
        return sf_diag_error(dg, SF_E_TYPE, sf_node_where(file), NULL, "a list of releases is expected");
    entries = SF_NEW_ARRAY(a, sf_entry_of_release, root->n);
    if (!entries)
        return SF_E_NOMEM;
    for (size_t i = 0; i < root->n; i++)
        if (!read_entry(lineage, root->as.items[i], &entries[i]))
            return sf_diag_error(dg, SF_E_TYPE, sf_node_where(root->as.items[i]),
                                 "docs/engines.md shows an entry",
                                 "an entry needs release, date and changes");
    *ret = (sf_catalogue){entries, root->n};
    return SF_OK;
}

/* Appends the releases of a lineage that are of the engine `of`. */
static void append_releases(sf_release *all, size_t *n, const sf_catalogue *list, const char *of)
{
    for (size_t i = 0; i < list->n; i++)
        if (sf_str_is(list->entries[i].release.engine, of))
            all[(*n)++] = list->entries[i].release;
}

sf_code sf_profile_list(sf_arena *a, sf_diags *dg, sf_release **ret, size_t *ret_n)
{
    sf_catalogue list[SF_LINEAGE_COUNT] = {{0}};
    sf_release *all;
    size_t n = 0, at = 0;

    for (unsigned l = 0; l < SF_LINEAGE_COUNT; l++) {
        sf_code rc = sf_catalogue_load(a, (sf_lineage)l, dg, &list[l]);

        if (rc)
            return rc;
        n += list[l].n;
    }
    all = SF_NEW_ARRAY(a, sf_release, n);
    if (!all)
        return SF_E_NOMEM;
    append_releases(all, &at, &list[SF_LINEAGE_VLLM_V0], "vllm");
    append_releases(all, &at, &list[SF_LINEAGE_VLLM], "vllm");
    append_releases(all, &at, &list[SF_LINEAGE_OMNI], "vllm-omni");
    append_releases(all, &at, &list[SF_LINEAGE_VLLM_V0], "vllm-v0");
    *ret = all;
    *ret_n = at;
    return SF_OK;
}
