/*
 * merge: laying one config over another.
 * Must not change a node: trees are shared.  Rules: vllm-omni, config/stage_config.py (Aug 2026) and,
 * for connectors, the files of September 2026.
 */
#include "stages/merge.h"

void sf_merge_init(sf_merge *m, sf_arena *a, const sf_node *from)
{
    *m = (sf_merge){.arena = a, .like = from};
    if (!sf_node_is(from, SF_MAP) || !from->n)
        return;
    m->pairs = SF_NEW_ARRAY(a, sf_pair, (size_t)from->n + 8);
    if (!m->pairs) {
        m->failed = true;
        return;
    }
    memcpy(m->pairs, from->as.pairs, from->n * sizeof *m->pairs);
    m->n = from->n;
    m->cap = from->n + 8;
}

static sf_pair *find(const sf_merge *m, sf_str key)
{
    for (uint32_t i = 0; i < m->n; i++)
        if (sf_str_eq(m->pairs[i].key, key))
            return &m->pairs[i];
    return NULL;
}

const sf_pair *sf_merge_find(const sf_merge *m, sf_str key)
{
    return find(m, key);
}

void sf_merge_put(sf_merge *m, const sf_pair *pair)
{
    sf_pair *old;

    if (m->failed)
        return;
    old = find(m, pair->key);
    if (old) {
        *old = *pair;
        return;
    }
    if (m->n == m->cap) {
        uint32_t cap = m->cap ? m->cap * 2 : 16;
        sf_pair *pairs = sf_arena_grow(m->arena, m->pairs, m->n, cap, sizeof *pairs);

        if (!pairs) {
            m->failed = true;
            return;
        }
        m->pairs = pairs;
        m->cap = cap;
    }
    m->pairs[m->n++] = *pair;
}

void sf_merge_drop(sf_merge *m, sf_str key)
{
    sf_pair *old = m->failed ? NULL : find(m, key);

    if (!old)
        return;
    memmove(old, old + 1, (size_t)(m->pairs + m->n - (old + 1)) * sizeof *old);
    m->n--;
}

/* A node without a value, at the place of `like`. */
static sf_node *node_like(sf_arena *a, const sf_node *like, sf_node_kind kind)
{
    sf_node *node = SF_NEW(a, sf_node);

    if (!node)
        return NULL;
    if (like)
        *node = *like;
    node->kind = kind;
    node->flags |= SF_NODE_MERGED;
    node->n = 0;
    return node;
}

const sf_node *sf_merge_node(sf_merge *m)
{
    sf_node *node = m->failed ? NULL : node_like(m->arena, m->like, SF_MAP);

    if (!node)
        return NULL;
    node->n = m->n;
    node->as.pairs = m->pairs;
    return node;
}

const sf_node *sf_merge_list(sf_arena *a, const sf_node *like, const sf_node *const *items, uint32_t n)
{
    sf_node *node = node_like(a, like, SF_SEQ);

    if (!node)
        return NULL;
    node->n = n;
    node->as.items = items;
    return node;
}

/* Merging looks every key up in the other map; a map of that many keys is no config. */
static sf_code small_enough(const sf_node *map, sf_diags *dg)
{
    if (!map || map->n <= SF_MERGE_KEYS)
        return SF_OK;
    return sf_diag_error(dg, SF_E_LIMIT, sf_node_where(map), NULL,
                         "a map of %u keys; at most %d are read here", map->n, SF_MERGE_KEYS);
}

sf_code sf_merge_deep(sf_arena *a, const sf_node *base, const sf_node *over, sf_diags *dg,
                      const sf_node **ret)
{
    sf_merge m;
    sf_code rc;

    if (!sf_node_is(base, SF_MAP) || !sf_node_is(over, SF_MAP)) {
        *ret = over;
        return SF_OK;
    }
    rc = small_enough(base, dg);
    if (!rc)
        rc = small_enough(over, dg);
    if (rc)
        return rc;
    sf_merge_init(&m, a, base);
    for (uint32_t i = 0; i < over->n && !m.failed; i++) {
        sf_pair pair = over->as.pairs[i];
        const sf_pair *old = find(&m, pair.key);

        if (old) {
            rc = sf_merge_deep(a, old->value, pair.value, dg, &pair.value);
            if (rc)
                return rc;
        }
        sf_merge_put(&m, &pair);
    }
    *ret = sf_merge_node(&m);
    return *ret ? SF_OK : SF_E_NOMEM;
}

bool sf_merge_is_deep_key(sf_str key)
{
    static const char *const deep[] = {"default_sampling_params", "default_pooling_params",
                                       "subtalker_sampling_params", "engine_extras", "engine_args"};

    for (size_t i = 0; i < sizeof deep / sizeof *deep; i++)
        if (sf_str_is(key, deep[i]))
            return true;
    return false;
}

bool sf_merge_stage_id(const sf_node *id, int64_t *ret)
{
    if (!id)
        return false;
    if (id->kind == SF_INT)
        *ret = id->as.i;
    else if (id->kind == SF_BOOL)
        *ret = id->as.b;
    else if (id->kind == SF_FLOAT && id->as.f >= -1e15 && id->as.f <= 1e15 &&
             (double)(int64_t)id->as.f == id->as.f)
        *ret = (int64_t)id->as.f;
    else
        return false;
    return true;
}

sf_code sf_merge_stage(sf_arena *a, const sf_node *base, const sf_node *over, sf_diags *dg,
                       const sf_node **ret)
{
    sf_code rc = small_enough(base, dg);
    sf_merge m;

    if (!rc)
        rc = small_enough(over, dg);
    if (rc)
        return rc;
    sf_merge_init(&m, a, base);
    m.like = over;
    for (uint32_t i = 0; i < over->n && !m.failed; i++) {
        sf_pair pair = over->as.pairs[i];
        const sf_pair *old = find(&m, pair.key);

        if (old && sf_merge_is_deep_key(pair.key)) {
            rc = sf_merge_deep(a, old->value, pair.value, dg, &pair.value);
            if (rc)
                return rc;
        }
        sf_merge_put(&m, &pair);
    }
    *ret = sf_merge_node(&m);
    return *ret ? SF_OK : SF_E_NOMEM;
}

/* Ids are compared as the loader's dictionary does: numbers by value, texts by text. */
static bool same_id(const sf_node *a, const sf_node *b)
{
    const sf_node *x = sf_node_get(a, "stage_id"), *y = sf_node_get(b, "stage_id");
    int64_t i, j;

    if (sf_merge_stage_id(x, &i) && sf_merge_stage_id(y, &j))
        return i == j;
    return x && y && x->kind == SF_STRING && y->kind == SF_STRING && sf_str_eq(x->text, y->text);
}

static sf_code stages_shape(const sf_node *stages, sf_diags *dg)
{
    if (!stages || (stages->kind == SF_SEQ && stages->n <= SF_MERGE_STAGES))
        return SF_OK;
    if (stages->kind == SF_SEQ)
        return sf_diag_error(dg, SF_E_LIMIT, sf_node_where(stages), NULL, "%u stages; at most %d are read",
                             stages->n, SF_MERGE_STAGES);
    return sf_diag_error(dg, SF_E_CONFIG_SHAPE, sf_node_where_key(stages, SF_STR("stages")),
                         "write `stages:` and under it one `- stage_id: N` for each stage",
                         "stages is a %s where a list is needed", sf_node_kind_name(stages->kind));
}

static sf_code each_is_map(const sf_node *stages, sf_diags *dg)
{
    for (uint32_t i = 0; stages && i < stages->n; i++) {
        const sf_node *s = stages->as.items[i];

        if (!sf_node_is(s, SF_MAP))
            return sf_diag_error(dg, SF_E_CONFIG_SHAPE, sf_node_where(s), "write `- stage_id: N`",
                                 "a stage is a %s where a map is needed", sf_node_kind_name(s->kind));
        if (!sf_node_get(s, "stage_id"))
            return sf_diag_error(dg, SF_E_STAGE_ID, sf_node_where(s), "add `stage_id: N`",
                                 "a stage without stage_id");
    }
    return SF_OK;
}

/* Joins two lists of stages by id: the base's order, new ones behind. */
static sf_code join_stages(sf_arena *a, const sf_node *base, const sf_node *over, sf_diags *dg,
                           const sf_node **ret)
{
    const sf_node **items;
    uint32_t n = 0;
    sf_code rc = stages_shape(base, dg);

    if (!rc)
        rc = stages_shape(over, dg);
    if (!rc)
        rc = each_is_map(base, dg);
    if (!rc)
        rc = each_is_map(over, dg);
    if (rc)
        return rc;
    items = SF_NEW_ARRAY(a, const sf_node *, (size_t)(base ? base->n : 0) + (over ? over->n : 0) + 1);
    if (!items)
        return SF_E_NOMEM;
    for (int side = 0; side < 2; side++) {
        const sf_node *list = side ? over : base;

        for (uint32_t i = 0; list && i < list->n; i++) {
            uint32_t at = 0;

            while (at < n && !same_id(items[at], list->as.items[i]))
                at++;
            if (at == n)
                items[n++] = list->as.items[i];
            else if (!side) /* twice in the base: the last one wins whole */
                items[at] = list->as.items[i];
            else if ((rc = sf_merge_stage(a, items[at], list->as.items[i], dg, &items[at])))
                return rc;
        }
    }
    *ret = sf_merge_list(a, over ? over : base, items, n);
    return *ret ? SF_OK : SF_E_NOMEM;
}

/* How a member that both maps have is merged; `key` is its name. */
typedef sf_code merge_member(sf_arena *a, sf_str key, const sf_node *base, const sf_node *over, sf_diags *dg,
                             const sf_node **ret);

/* `over` over `base`, members of both by `member`; something that is no map on either side: `over`. */
static sf_code merge_map(sf_arena *a, const sf_node *base, const sf_node *over, merge_member *member,
                         sf_diags *dg, const sf_node **ret)
{
    sf_merge m;

    if (!sf_node_is(base, SF_MAP) || !sf_node_is(over, SF_MAP)) {
        *ret = over;
        return SF_OK;
    }
    sf_merge_init(&m, a, base);
    for (uint32_t i = 0; i < over->n && !m.failed; i++) {
        sf_pair pair = over->as.pairs[i];
        const sf_pair *old = find(&m, pair.key);
        sf_code rc = old ? member(a, pair.key, old->value, pair.value, dg, &pair.value) : SF_OK;

        if (rc)
            return rc;
        sf_merge_put(&m, &pair);
    }
    *ret = sf_merge_node(&m);
    return *ret ? SF_OK : SF_E_NOMEM;
}

/* Inside one platform: `stages` are joined, all else is replaced. */
static sf_code platform_member(sf_arena *a, sf_str key, const sf_node *base, const sf_node *over,
                               sf_diags *dg, const sf_node **ret)
{
    if (sf_str_is(key, "stages"))
        return join_stages(a, base, over, dg, ret);
    *ret = over;
    return SF_OK;
}

static sf_code one_platform(sf_arena *a, sf_str key, const sf_node *base, const sf_node *over, sf_diags *dg,
                            const sf_node **ret)
{
    (void)key;
    return merge_map(a, base, over, platform_member, dg, ret);
}

/* The value of a top-level key that both files have. */
static sf_code merge_top(sf_arena *a, const sf_era *era, sf_str key, const sf_node *base, const sf_node *over,
                         sf_diags *dg, const sf_node **ret)
{
    bool stages = sf_str_is(key, "stages"), platforms = sf_str_is(key, "platforms");

    *ret = over;
    if (stages || platforms) {
        if (sf_node_absent(over)) { /* an explicit null leaves the base's */
            *ret = base;
            return SF_OK;
        }
        if (sf_node_absent(base))
            return SF_OK;
        return stages ? join_stages(a, base, over, dg, ret) : merge_map(a, base, over, one_platform, dg, ret);
    }
    if (sf_str_is(key, "connectors") && era->connectors_merged)
        return sf_merge_deep(a, base, over, dg, ret);
    return SF_OK;
}

sf_code sf_merge_files(sf_arena *a, const sf_era *era, const sf_node *base, const sf_node *over, sf_diags *dg,
                       const sf_node **ret)
{
    sf_code rc = small_enough(base, dg);
    sf_merge m;

    if (!rc)
        rc = small_enough(over, dg);
    if (rc)
        return rc;
    sf_merge_init(&m, a, base);
    m.like = over;
    for (uint32_t i = 0; i < over->n && !m.failed; i++) {
        sf_pair pair = over->as.pairs[i];
        const sf_pair *old = find(&m, pair.key);

        if (old && (rc = merge_top(a, era, pair.key, old->value, pair.value, dg, &pair.value)))
            return rc;
        if (!old && sf_node_absent(pair.value) &&
            (sf_str_is(pair.key, "stages") || sf_str_is(pair.key, "platforms")))
            continue;
        sf_merge_put(&m, &pair);
    }
    *ret = sf_merge_node(&m);
    return *ret ? SF_OK : SF_E_NOMEM;
}
