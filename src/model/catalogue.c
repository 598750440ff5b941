/*
 * catalogue: models by name, from facts that are embedded in the program (data/models/catalogue).
 * Must not read the whole catalogue for one name: the index leads to one small file.
 */
#include "base/nearest.h"
#include "model/catalogue_quant.h"
#include "text/pack.h"

static sf_code read_entry(sf_arena *a, sf_str name, const sf_node **ret)
{
    sf_str path = sf_arena_printf(a, "models/catalogue/%.*s.yaml", SF_STR_ARG(name));

    return path.p ? sf_data_read(a, path, ret) : SF_E_NOMEM;
}

static sf_str last_part(sf_str name)
{
    ptrdiff_t at;

    while ((at = sf_str_find_char(name, '/')) >= 0)
        name = sf_str_sub(name, (size_t)at + 1, name.n);
    return name;
}

/* Exactly, then without regard to case, then by the last part of the name. */
static const sf_pair *find_name(const sf_node *index, sf_str name)
{
    bool owner = sf_str_find_char(name, '/') >= 0;

    for (int pass = 0; pass < 3; pass++)
        for (uint32_t i = 0; i < index->n; i++) {
            sf_str key = index->as.pairs[i].key;

            if (pass == 0 ? sf_str_eq(key, name)
                          : sf_str_eq_nocase(pass == 1 || owner ? key : last_part(key), name))
                return &index->as.pairs[i];
        }
    return NULL;
}

/* The names most alike: "A, B, C". */
static sf_str nearest(sf_arena *a, const sf_node *index, sf_str name)
{
    sf_nearest list = {0};

    for (uint32_t i = 0; i < index->n; i++)
        sf_nearest_offer(&list, index->as.pairs[i].key, name);
    return sf_nearest_text(a, &list);
}

static sf_code unknown(sf_arena *a, const sf_node *index, sf_str name, sf_diags *dg)
{
    sf_str like = nearest(a, index, name);
    sf_str hint = like.n ? sf_arena_printf(a, "name a local folder, or one of these: %.*s", SF_STR_ARG(like))
                         : SF_STR("name a local folder, or a model that `stagefit models` lists");

    if (!hint.p)
        return SF_E_NOMEM;
    return sf_diag_error(dg, SF_E_MODEL_UNKNOWN, (sf_where){0}, hint.p,
                         "`%.*s` is neither a folder nor in the catalogue of models", SF_STR_ARG(name));
}

/* The entry of this name in a file of the catalogue. */
static const sf_node *find_entry(const sf_node *file, sf_str name)
{
    const sf_node *models = sf_node_get(file, "models");

    for (uint32_t i = 0; models && i < models->n; i++) {
        const sf_node *entry = sf_node_item(models, i), *also = sf_node_get(entry, "also"),
                      *own = sf_node_get(entry, "name");

        if (own && sf_str_eq(own->text, name))
            return entry;
        for (uint32_t j = 0; also && j < also->n; j++)
            if (sf_str_eq(sf_node_item(also, j)->text, name))
                return entry;
    }
    return NULL;
}

static sf_code make_subs(sf_arena *a, const sf_node *subs, sf_checkpoint *c)
{
    if (!subs || !subs->n)
        return SF_OK;
    c->subs = SF_NEW_ARRAY(a, struct sf_checkpoint_sub, subs->n);
    if (!c->subs)
        return SF_E_NOMEM;
    for (; c->n_subs < subs->n; c->n_subs++) {
        c->subs[c->n_subs].name = subs->as.pairs[c->n_subs].key;
        c->subs[c->n_subs].config = subs->as.pairs[c->n_subs].value;
    }
    return SF_OK;
}

static sf_code find_row(sf_arena *a, const sf_node *index, const sf_pair *row, bool quantised, sf_diags *dg,
                        const sf_checkpoint **ret);

/* An entry that is another model in a quantised form. */
static sf_code make_quantised(sf_arena *a, const sf_node *index, const sf_node *entry, sf_diags *dg,
                              sf_checkpoint **ret)
{
    const sf_node *base = sf_node_get(entry, "base"), *other = sf_node_get(entry, "config");
    const sf_pair *row = find_name(index, base->text);
    const sf_checkpoint *plain = NULL;
    sf_code rc;

    sf_bug_if(!row);
    rc = find_row(a, index, row, false, dg, &plain);
    if (!rc)
        rc = sf_catalogue_quantised(a, plain, sf_node_get(entry, "quantization"), ret);
    for (uint32_t i = 0; !rc && other && i < other->n; i++) {
        (*ret)->config = sf_node_with(a, (*ret)->config, other->as.pairs[i].key, other->as.pairs[i].value);
        rc = (*ret)->config ? SF_OK : SF_E_NOMEM;
    }
    return rc;
}

static sf_code make_plain(sf_arena *a, const sf_node *entry, sf_checkpoint **ret)
{
    sf_checkpoint *c = SF_NEW(a, sf_checkpoint);

    if (!c)
        return SF_E_NOMEM;
    c->index = sf_node_get(entry, "index");
    c->config = c->index ? c->index : sf_node_get(entry, "config");
    *ret = c;
    return make_subs(a, sf_node_get(entry, "subs"), c);
}

/* The checkpoint that a row of the index leads to; `quantised`: it may be a form of another one. */
static sf_code find_row(sf_arena *a, const sf_node *index, const sf_pair *row, bool quantised, sf_diags *dg,
                        const sf_checkpoint **ret)
{
    const sf_node *file, *entry, *known;
    sf_checkpoint *c = NULL;
    sf_code rc = read_entry(a, row->value->text, &file);

    if (rc)
        return rc;
    entry = find_entry(file, row->key);
    if (!entry || (sf_node_get(entry, "base") && !quantised))
        return unknown(a, index, row->key, dg);
    rc = sf_node_get(entry, "base") ? make_quantised(a, index, entry, dg, &c) : make_plain(a, entry, &c);
    if (rc)
        return rc;
    known = sf_node_get(entry, "known");
    c->name = row->key;
    c->facts = entry;
    c->embeds = sf_node_get(entry, "modules") != NULL;
    c->source = sf_arena_printf(a, "catalogue: %.*s (%.*s)", SF_STR_ARG(row->key),
                                SF_STR_ARG(known ? known->text : row->key));
    *ret = c;
    return c->source.p ? SF_OK : SF_E_NOMEM;
}

/* A name that is not in the index: a known model with an ending that says how it was quantised. */
static sf_code find_guess(sf_arena *a, const sf_node *index, sf_str name, sf_diags *dg,
                          const sf_checkpoint **ret)
{
    const sf_node *recipe = NULL;
    const sf_checkpoint *plain = NULL;
    const sf_pair *row = NULL;
    sf_checkpoint *c;
    sf_str base;
    sf_code rc = sf_catalogue_guess(a, name, &base, &recipe);

    if (!rc && base.n)
        row = find_name(index, base);
    if (rc || !row)
        return rc ? rc : unknown(a, index, name, dg);
    rc = find_row(a, index, row, false, dg, &plain);
    if (!rc)
        rc = sf_catalogue_quantised(a, plain, recipe, &c);
    if (rc)
        return rc;
    sf_diag_warning(dg, SF_E_MODEL_UNKNOWN, (sf_where){0}, "name a folder with its config.json to be sure",
                    "`%.*s` is not in the catalogue of models: %.*s quantised by the recipe %.*s is assumed",
                    SF_STR_ARG(name), SF_STR_ARG(row->key), SF_STR_ARG(recipe->text));
    c->name = sf_arena_str(a, name);
    c->assumed = true;
    c->source = sf_arena_printf(a, "catalogue: %.*s, and the recipe %.*s by its name", SF_STR_ARG(row->key),
                                SF_STR_ARG(recipe->text));
    *ret = c;
    return c->name.p && c->source.p ? SF_OK : SF_E_NOMEM;
}

sf_code sf_catalogue_find(sf_arena *a, sf_str name, sf_diags *dg, const sf_checkpoint **ret)
{
    const sf_node *index;
    const sf_pair *row;
    sf_code rc = read_entry(a, SF_STR("index"), &index);

    if (rc)
        return rc;
    row = find_name(index, name);
    return row ? find_row(a, index, row, true, dg, ret) : find_guess(a, index, name, dg, ret);
}

sf_code sf_catalogue_list(sf_arena *a, sf_str **ret, size_t *ret_n)
{
    const sf_node *index;
    sf_str *names;
    sf_code rc = read_entry(a, SF_STR("index"), &index);

    if (rc)
        return rc;
    names = SF_NEW_ARRAY(a, sf_str, index->n);
    if (!names)
        return SF_E_NOMEM;
    for (uint32_t i = 0; i < index->n; i++) {
        size_t j = i;

        for (; j > 0 && sf_str_cmp(names[j - 1], index->as.pairs[i].key) > 0; j--)
            names[j] = names[j - 1];
        names[j] = index->as.pairs[i].key;
    }
    *ret = names;
    *ret_n = index->n;
    return SF_OK;
}
