/*
 * flags: the table of command-line flags, from data/engines/arguments.yaml.
 * Must not know any flag by name: what is listed there is known, all else is not.
 */
#include "base/num.h"
#include "engine/args.h"
#include "text/pack.h"

#define ARGUMENTS "engines/arguments.yaml"

struct sf_flags {
    sf_flag *items;
    size_t n;
    uint32_t *slots; /* hash table of names: index + 1, 0 empty */
    size_t n_slots;  /* a power of two */
};

/* A list of names in the data, and what its flags are. */
typedef struct group {
    const char *key;
    sf_arg_type type;
    bool negatable, list;
} group;

static const group groups[] = {
    {"bool",      SF_ARG_BOOL,  true,  false},
    {"switch",    SF_ARG_BOOL,  false, false},
    {"int",       SF_ARG_INT,   false, false},
    {"float",     SF_ARG_FLOAT, false, false},
    {"str",       SF_ARG_STR,   false, false},
    {"json",      SF_ARG_ANY,   false, false},
    {"list",      SF_ARG_ANY,   false, true },
    {"json_list", SF_ARG_ANY,   false, true },
};

enum { GROUPS = sizeof groups / sizeof *groups };

static sf_code data_error(const sf_node *at, sf_str name, sf_diags *dg)
{
    return sf_diag_error(dg, SF_E_TYPE, sf_node_where_key(at, name), NULL,
                         "\"%.*s\" is not a list of names or names no flag", SF_STR_ARG(name));
}

static sf_flag *slot_of(const sf_flags *f, sf_str name, size_t *ret_slot)
{
    size_t at = (size_t)sf_str_hash(name) & (f->n_slots - 1);

    for (; f->slots[at]; at = (at + 1) & (f->n_slots - 1))
        if (sf_str_eq(f->items[f->slots[at] - 1].name, name))
            return &f->items[f->slots[at] - 1];
    *ret_slot = at;
    return NULL;
}

static sf_code add_group(sf_flags *f, const group *g, const sf_node *list, sf_diags *dg)
{
    for (size_t i = 0; i < list->n; i++) {
        sf_str name = list->as.items[i]->text;
        size_t slot;

        if (list->as.items[i]->kind != SF_STRING || slot_of(f, name, &slot))
            return data_error(list->as.items[i], name, dg);
        f->items[f->n++] =
            (sf_flag){.name = name, .type = g->type, .negatable = g->negatable, .list = g->list};
        f->slots[slot] = (uint32_t)f->n;
    }
    return SF_OK;
}

/* Marks the flags of a list: `memory` or `omni_only`. */
static sf_code mark(sf_flags *f, const sf_node *list, bool memory, sf_diags *dg)
{
    for (size_t i = 0; list && i < list->n; i++) {
        size_t slot;
        sf_flag *flag = slot_of(f, list->as.items[i]->text, &slot);

        if (!flag)
            return data_error(list->as.items[i], list->as.items[i]->text, dg);
        if (memory)
            flag->memory = true;
        else
            flag->omni_only = true;
    }
    return SF_OK;
}

/* Short forms and second names become flags of their own kind with the canonical name. */
static sf_code add_names(sf_flags *f, const sf_node *map, bool shorts, sf_diags *dg)
{
    for (size_t i = 0; map && i < map->n; i++) {
        const sf_pair *pair = &map->as.pairs[i];
        size_t slot;
        sf_flag *flag = slot_of(f, pair->value->text, &slot), copy;

        if (!flag)
            return data_error(pair->value, pair->value->text, dg);
        if (shorts && !flag->short_flag.n)
            flag->short_flag = pair->key;
        copy = *flag;
        copy.name = pair->key; /* found by this; the look-up gives the canonical one */
        if (slot_of(f, pair->key, &slot))
            return data_error(pair->value, pair->key, dg);
        f->items[f->n++] = copy;
        f->items[f->n - 1].canonical = flag->name;
        f->slots[slot] = (uint32_t)f->n;
    }
    return SF_OK;
}

static size_t count_names(const sf_node *root)
{
    size_t n = 0;

    for (size_t i = 0; i < root->n; i++)
        n += root->as.pairs[i].value->n;
    return n;
}

static sf_code fill(sf_flags *f, const sf_node *root, sf_diags *dg)
{
    sf_code rc = SF_OK;

    for (size_t i = 0; i < GROUPS && !rc; i++) {
        const sf_node *list = sf_node_get(root, groups[i].key);

        rc = sf_node_is(list, SF_SEQ) ? add_group(f, &groups[i], list, dg)
                                      : data_error(root, sf_str_of(groups[i].key), dg);
    }
    if (!rc)
        rc = mark(f, sf_node_get(root, "omni"), false, dg);
    if (!rc)
        rc = mark(f, sf_node_get(root, "memory"), true, dg);
    for (size_t i = 0; i < f->n && !rc; i++) {
        sf_arg arg;

        f->items[i].memory |= sf_arg_find(f->items[i].name, &arg);
    }
    if (!rc)
        rc = add_names(f, sf_node_get(root, "same"), false, dg);
    return rc ? rc : add_names(f, sf_node_get(root, "short"), true, dg);
}

sf_code sf_flags_load(sf_arena *a, sf_diags *dg, const sf_flags **ret)
{
    sf_flags *f = SF_NEW(a, sf_flags);
    const sf_node *root;
    size_t names, slots = 64;
    sf_code rc;

    if (!f)
        return SF_E_NOMEM;
    rc = sf_data_read(a, sf_str_of(ARGUMENTS), &root);
    if (rc)
        return rc;
    names = count_names(root);
    while (slots < 2 * names)
        slots *= 2;
    f->n_slots = slots;
    f->items = SF_NEW_ARRAY(a, sf_flag, names);
    f->slots = SF_NEW_ARRAY(a, uint32_t, slots);
    if (!f->items || !f->slots)
        return SF_E_NOMEM;
    rc = fill(f, root, dg);
    if (rc)
        return rc;
    *ret = f;
    return SF_OK;
}

enum { NAME_MAX_BYTES = 128 };

/* "--Tensor-Parallel" is not folded: case matters to the engine; only dashes become underscores. */
static sf_str underscored(sf_str word, char *buf)
{
    size_t from = 0;

    while (from < word.n && from < 2 && word.p[from] == '-')
        from++;
    if (word.n - from > NAME_MAX_BYTES)
        return (sf_str){NULL, 0};
    for (size_t i = from; i < word.n; i++)
        buf[i - from] = word.p[i];
    for (size_t i = 0; i < word.n - from; i++)
        if (buf[i] == '-')
            buf[i] = '_';
    return (sf_str){buf, word.n - from};
}

static const sf_flag *lookup(const sf_flags *flags, sf_str name)
{
    size_t slot;
    const sf_flag *f = name.n ? slot_of(flags, name, &slot) : NULL;

    return f && f->canonical.n ? slot_of(flags, f->canonical, &slot) : f;
}

const sf_flag *sf_flag_find(const sf_flags *flags, sf_str word, bool *ret_negated)
{
    char buf[NAME_MAX_BYTES];
    bool is_long = sf_str_starts(word, SF_STR("--"));
    sf_str name = underscored(word, buf);
    const sf_flag *f;

    *ret_negated = false;
    if (word.n > 1 && word.p[0] == '-' && !is_long)
        return lookup(flags, word);
    if (name.n && name.p[0] == '-')
        return NULL;
    f = lookup(flags, name);
    if (f || !sf_str_starts(name, SF_STR("no_")))
        return f;
    f = lookup(flags, sf_str_sub(name, 3, name.n));
    if (!f || !f->negatable)
        return NULL;
    *ret_negated = true;
    return f;
}

sf_str sf_flag_suggest(const sf_flags *flags, sf_str word)
{
    char buf[NAME_MAX_BYTES];
    sf_str name = underscored(word, buf), best = {NULL, 0};
    unsigned limit = name.n < 6 ? 1 : name.n < 12 ? 2 : 3, nearest = limit + 1;

    for (size_t i = 0; i < flags->n && name.n; i++) {
        const sf_flag *f = &flags->items[i];
        unsigned d;

        if (f->canonical.n)
            continue;
        d = sf_str_distance(name, f->name, limit);
        if (d < nearest) {
            nearest = d;
            best = f->name;
        }
    }
    /* An abbreviation, which the engine's parser does not take, or a part of a name. */
    for (size_t i = 0; i < 2 * flags->n && !best.n && name.n > 7; i++) {
        const sf_flag *f = &flags->items[i % flags->n];

        if (!f->canonical.n &&
            (i < flags->n ? sf_str_starts(f->name, name) : sf_str_find(f->name, name) >= 0))
            best = f->name;
    }
    return best;
}
