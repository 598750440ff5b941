/*
 * yaml_map: from keys and values to a map: duplicates, merge keys.
 * Must not know about libyaml.  Rules: OmegaConf 2.2 omegaconf/_utils.py (duplicates), PyYAML 6
 * yaml/constructor.py flatten_mapping (merge keys: merged entries come first, own ones win).
 */
#include "text/yaml_parts.h"

#include "base/num.h"

enum { LINEAR = 8 }; /* so many keys are compared one by one */

/* Positions of keys by their identity. */
typedef struct key_index {
    sf_arena *a;
    const sf_str *ids; /* borrowed: identity of pair i */
    uint32_t *slots;   /* position + 1, or 0; NULL: few keys, compared one by one */
    size_t mask, n;
} key_index;

/* Two keys are the same when this text is: "0x1F" and "31", "yes" and "true". */
static bool key_identity(sf_arena *a, const sf_node *key, sf_str *ret)
{
    *ret = key->text;
    if (key->kind == SF_INT)
        *ret = sf_arena_printf(a, "%lld", (long long)key->as.i);
    else if (key->kind == SF_BOOL)
        *ret = key->as.b ? SF_STR("true") : SF_STR("false");
    else if (key->kind == SF_FLOAT)
        *ret = sf_fmt_py_float(a, key->as.f);
    return ret->p || !key->text.n;
}

static bool index_init(key_index *ix, sf_arena *a, const sf_str *ids, size_t most)
{
    size_t size = 16;

    *ix = (key_index){.a = a, .ids = ids};
    if (most <= LINEAR)
        return true;
    while (size < most * 2)
        size *= 2;
    ix->slots = SF_NEW_ARRAY(a, uint32_t, size);
    ix->mask = size - 1;
    return ix->slots != NULL;
}

/* The position of a key with the identity of `ids[at]`; `at` itself, which is then kept, when it is new. */
static size_t index_add(key_index *ix, size_t at)
{
    sf_str id = ix->ids[at];

    if (!ix->slots) {
        for (size_t i = 0; i < ix->n; i++)
            if (sf_str_eq(ix->ids[i], id))
                return i;
        ix->n = at + 1;
        return at;
    }
    for (size_t h = (size_t)sf_str_hash(id) & ix->mask;; h = (h + 1) & ix->mask) {
        if (!ix->slots[h]) {
            ix->slots[h] = (uint32_t)at + 1;
            return at;
        }
        if (sf_str_eq(ix->ids[ix->slots[h] - 1], id))
            return ix->slots[h] - 1;
    }
}

static bool is_merge_key(const sf_node *key)
{
    return key->kind == SF_STRING && !(key->flags & SF_NODE_QUOTED) && sf_str_is(key->text, "<<");
}

static sf_code check_key(const sf_node *key, sf_diags *dg)
{
    if (key->kind == SF_SEQ || key->kind == SF_MAP)
        return sf_diag_error(dg, SF_E_YAML, sf_node_where(key), "write the key as a single word",
                             "a key cannot be a %s", sf_node_kind_name(key->kind));
    if (key->kind == SF_NULL)
        return sf_diag_error(dg, SF_E_YAML, sf_node_where(key), "name the key, or put it in quotes",
                             "a key cannot be null");
    return SF_OK;
}

static sf_code duplicate(const sf_node *first, const sf_node *again, sf_diags *dg)
{
    sf_code rc =
        sf_diag_error(dg, SF_E_DUP_KEY, sf_node_where(again), "keep one of the two",
                      "key \"%.*s\" given twice in one mapping", SF_STR_ARG(sf_yaml_clip(again->text)));

    sf_diag_related(dg, sf_node_where(first), "first given here");
    return rc;
}

/* Checks the map's own keys; leaves their identities in `ids` and counts what merge keys bring. */
static sf_code check_own_keys(sf_arena *a, const sf_node *const *kv, size_t n, sf_diags *dg, sf_str *ids)
{
    const sf_node **keys = SF_NEW_ARRAY(a, const sf_node *, n);
    size_t used = 0;
    key_index ix;

    if (!keys || !index_init(&ix, a, ids, n))
        return SF_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        sf_code rc = check_key(kv[2 * i], dg);
        size_t at;

        if (rc)
            return rc;
        if (is_merge_key(kv[2 * i]))
            continue;
        if (!key_identity(a, kv[2 * i], &ids[used]))
            return SF_E_NOMEM;
        keys[used] = kv[2 * i];
        at = index_add(&ix, used);
        if (at != used)
            return duplicate(keys[at], kv[2 * i], dg);
        used++;
    }
    return SF_OK;
}

static sf_code bad_merge(const sf_node *value, sf_diags *dg)
{
    return sf_diag_error(dg, SF_E_YAML, sf_node_where(value), "name an anchor of a map, as in <<: *base",
                         "\"<<\" takes a map or a list of maps, not a %s", sf_node_kind_name(value->kind));
}

/* Entries that the merge keys bring, before equal ones are put together. */
static sf_code count_merged(const sf_node *const *kv, size_t n, sf_diags *dg, size_t *ret)
{
    size_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        const sf_node *v = kv[2 * i + 1];

        if (!is_merge_key(kv[2 * i]))
            continue;
        if (v->kind != SF_MAP && v->kind != SF_SEQ)
            return bad_merge(v, dg);
        if (v->kind == SF_MAP)
            sum += v->n;
        for (uint32_t k = 0; v->kind == SF_SEQ && k < v->n; k++) {
            if (v->as.items[k]->kind != SF_MAP)
                return bad_merge(v->as.items[k], dg);
            sum += v->as.items[k]->n;
        }
    }
    *ret = sum;
    return SF_OK;
}

/* The pairs under construction. */
typedef struct pair_list {
    sf_arena *a;
    sf_pair *pairs;
    sf_str *ids;
    size_t n;
    key_index ix;
} pair_list;

/* A later value replaces an earlier one in its place. */
static bool put_pair(pair_list *l, const sf_node *key, const sf_node *value)
{
    size_t at;

    if (!key_identity(l->a, key, &l->ids[l->n]))
        return false;
    at = index_add(&l->ix, l->n);
    l->n += at == l->n;
    l->pairs[at] = (sf_pair){key->text, key, value};
    return true;
}

static bool put_merged(pair_list *l, const sf_node *map)
{
    for (uint32_t i = 0; i < map->n; i++) {
        sf_node *copy = SF_NEW(l->a, sf_node);

        if (!copy)
            return false;
        *copy = *map->as.pairs[i].value;
        copy->flags |= SF_NODE_MERGED;
        if (!put_pair(l, map->as.pairs[i].key_at, copy))
            return false;
    }
    return true;
}

static sf_code merge_pairs(sf_arena *a, const sf_node *const *kv, size_t n, size_t merged, sf_node *map)
{
    pair_list l = {.a = a};

    l.pairs = SF_NEW_ARRAY(a, sf_pair, n + merged);
    l.ids = SF_NEW_ARRAY(a, sf_str, n + merged + 1);
    if (!l.pairs || !l.ids || !index_init(&l.ix, a, l.ids, n + merged))
        return SF_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        const sf_node *v = kv[2 * i + 1];

        if (!is_merge_key(kv[2 * i]))
            continue;
        if (v->kind == SF_MAP && !put_merged(&l, v))
            return SF_E_NOMEM;
        for (uint32_t k = v->n; v->kind == SF_SEQ && k-- > 0;) /* the first of a list wins: it comes last */
            if (!put_merged(&l, v->as.items[k]))
                return SF_E_NOMEM;
    }
    for (size_t i = 0; i < n; i++)
        if (!is_merge_key(kv[2 * i]) && !put_pair(&l, kv[2 * i], kv[2 * i + 1]))
            return SF_E_NOMEM;
    map->as.pairs = l.pairs;
    map->n = (uint32_t)l.n;
    return SF_OK;
}

sf_code sf_yaml_map_finish(sf_arena *a, const sf_node *const *kv, size_t n, sf_diags *dg, sf_node *map)
{
    sf_str few[LINEAR], *ids = n <= LINEAR ? few : SF_NEW_ARRAY(a, sf_str, n);
    size_t merged = 0, merges = 0;
    sf_pair *pairs;
    sf_code rc;

    if (!ids)
        return SF_E_NOMEM;
    rc = check_own_keys(a, kv, n, dg, ids);
    for (size_t i = 0; !rc && i < n; i++)
        merges += is_merge_key(kv[2 * i]);
    if (!rc && merges)
        rc = count_merged(kv, n, dg, &merged);
    if (rc)
        return rc;
    if (merges)
        return merge_pairs(a, kv, n, merged, map);
    pairs = sf_arena_alloc(a, n * sizeof *pairs, _Alignof(sf_pair));
    if (!pairs)
        return SF_E_NOMEM;
    for (size_t i = 0; i < n; i++)
        pairs[i] = (sf_pair){kv[2 * i]->text, kv[2 * i], kv[2 * i + 1]};
    map->as.pairs = pairs;
    map->n = (uint32_t)n;
    return SF_OK;
}
