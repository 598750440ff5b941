/*
 * family: finding and reading the family files that are embedded in the program.
 * Must not know any architecture by name: what exists is data/models/index.yaml.
 */
#include "model/family.h"

#include "text/pack.h"
#include "text/yaml.h"

sf_model_cache *sf_model_cache_new(sf_arena *a)
{
    sf_model_cache *c = SF_NEW(a, sf_model_cache);

    if (c)
        c->a = a;
    return c;
}

/* A file that came in as text, or one of the program's own; *ret stays NULL when there is neither. */
static sf_code read_new(const sf_model_cache *c, sf_str path, sf_diags *dg, const sf_node **ret)
{
    sf_str shown;

    for (size_t i = 0; i < c->n_extra; i++)
        if (sf_str_eq(c->extra_names[i], path)) {
            shown = sf_arena_printf(c->a, "data/%.*s", SF_STR_ARG(path));
            return shown.p ? sf_yaml_parse(c->a, c->extra_texts[i], shown, dg, ret) : SF_E_NOMEM;
        }
    return sf_data_has(path) ? sf_data_read(c->a, path, ret) : SF_OK;
}

/* `path` under data/; *ret stays NULL when there is no such file. */
static sf_code read_file(sf_model_cache *c, sf_str path, sf_diags *dg, const sf_node **ret)
{
    sf_code rc;

    for (size_t i = 0; i < c->n; i++)
        if (sf_str_eq(c->files[i].name, path)) {
            *ret = c->files[i].root;
            return SF_OK;
        }
    *ret = NULL;
    path = sf_arena_str(c->a, path);
    if (!path.p)
        return SF_E_NOMEM;
    rc = read_new(c, path, dg, ret);
    if (!rc && *ret && c->n < SF_FAMILY_FILES) {
        c->files[c->n].name = path;
        c->files[c->n++].root = *ret;
    }
    return rc;
}

sf_code sf_family_file(sf_model_cache *c, sf_str name, sf_where at, sf_diags *dg, const sf_node **ret)
{
    sf_str path = sf_arena_printf(c->a, "models/families/%.*s.yaml", SF_STR_ARG(name));
    sf_code rc;

    if (!path.p)
        return SF_E_NOMEM;
    rc = read_file(c, path, dg, ret);
    if (rc || *ret)
        return rc;
    return sf_diag_error(dg, SF_E_EXPR, at, "files of families are in data/models/families",
                         "there is no family file `%.*s`", SF_STR_ARG(name));
}

sf_code sf_family_index(sf_model_cache *c, sf_diags *dg, const sf_node **ret)
{
    return read_file(c, SF_STR("models/index.yaml"), dg, ret);
}

sf_code sf_family_data(sf_model_cache *c, sf_str path, sf_diags *dg, const sf_node **ret)
{
    sf_code rc = read_file(c, path, dg, ret);

    sf_bug_if(!rc && !*ret);
    return rc;
}

/* "file", "file/Architecture" or "file/Architecture/part". */
static sf_code follow(sf_model_cache *c, const sf_node *row, sf_str architecture, sf_diags *dg,
                      sf_family_entry *ret)
{
    sf_str rest = row->text, file, name = architecture, part = {0};
    const sf_node *root;
    sf_code rc;

    if (sf_str_split(&rest, '/', &file) && sf_str_split(&rest, '/', &name))
        part = rest;
    rc = sf_family_file(c, file, sf_node_where(row), dg, &root);
    if (rc)
        return rc;
    *ret = (sf_family_entry){.architecture = architecture, .file = file, .part = part};
    ret->node = sf_node_get_str(sf_node_get(root, "architectures"), name);
    if (!ret->node)
        return sf_diag_error(dg, SF_E_EXPR, sf_node_where(row), NULL,
                             "family file `%.*s` has no architecture `%.*s`", SF_STR_ARG(file),
                             SF_STR_ARG(name));
    return SF_OK;
}

sf_code sf_family_find(sf_model_cache *c, sf_str architecture, sf_diags *dg, bool *ret_found,
                       sf_family_entry *ret)
{
    const sf_node *index, *row;
    sf_code rc = sf_family_index(c, dg, &index);

    *ret_found = false;
    if (rc)
        return rc;
    row = sf_node_get_str(sf_node_get(index, "architectures"), architecture);
    if (!row || row->kind != SF_STRING)
        return SF_OK;
    *ret_found = true;
    return follow(c, row, architecture, dg, ret);
}

static void sort_names(sf_str *names, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        sf_str name = names[i];
        size_t j = i;

        for (; j > 0 && sf_str_cmp(names[j - 1], name) > 0; j--)
            names[j] = names[j - 1];
        names[j] = name;
    }
}

sf_code sf_families_list(sf_arena *a, sf_diags *dg, sf_str **ret, size_t *ret_n)
{
    sf_model_cache *c = sf_model_cache_new(a);
    const sf_node *index, *map;
    sf_str *names;
    sf_code rc;

    if (!c)
        return SF_E_NOMEM;
    rc = sf_family_index(c, dg, &index);
    if (rc)
        return rc;
    map = sf_node_get(index, "architectures");
    *ret_n = 0;
    names = SF_NEW_ARRAY(a, sf_str, map ? map->n : 0);
    if (!names)
        return SF_E_NOMEM;
    for (uint32_t i = 0; map && i < map->n; i++)
        names[(*ret_n)++] = map->as.pairs[i].key;
    sort_names(names, *ret_n);
    *ret = names;
    return SF_OK;
}
