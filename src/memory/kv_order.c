/*
 * kv_order: the cache layers of each pipeline stage in the order of the engine's dict.
 * Must not know specs: a layer is the index of its entry in the model's list.
 * Rules: docs/kv-cache.md, from vLLM v1/worker/gpu_model_runner.py (get_kv_cache_spec).
 */
#include "base/num.h"
#include "memory/kv_internal.h"
#include "memory/kv_model.h"

typedef struct order {
    sf_arena *a;
    const sf_kv_rules *r;
    const sf_model *m;
    uint64_t n_layers;
    uint32_t *starts, *by_start; /* entries by their first layer */
    uint32_t *active;            /* scratch: entries that cover a layer */
} order;

/* The decoder's layers; without a number of its own, what the entries span. */
uint64_t sf_kv_layer_count(const sf_model *m)
{
    uint64_t n = m->n_layers;

    for (size_t i = 0; !m->n_layers && i < m->n_kv; i++) {
        uint64_t end = (uint64_t)m->kv[i].first_layer + m->kv[i].repeat;

        n = end > n ? end : n;
    }
    return n ? n : 1;
}

/* In which pass a layer is listed where the engine lists attention first. */
static int list_pass(const order *k, sf_kv_kind kind)
{
    if (!k->r->attention_first_order)
        return 0;
    return kind == SF_KV_STATE ? 1 : kind == SF_KV_INDEXER ? 2 : 0;
}

/* The layer at which an entry is listed first: what lies past the last layer comes with the last one. */
static uint64_t starts_at(const order *k, const sf_kv_layers *e)
{
    return e->first_layer < k->n_layers ? e->first_layer : k->n_layers - 1;
}

/* starts[layer]: how many entries start before it. */
static void count_starts(const order *k, uint32_t *starts)
{
    for (size_t i = 0; i < k->m->n_kv; i++)
        starts[starts_at(k, &k->m->kv[i]) + 1]++;
    for (uint64_t layer = 0; layer < k->n_layers; layer++)
        starts[layer + 1] += starts[layer];
}

/*
 * Entries by the layer they start at, in the family's order: by_start[starts[layer]] up to
 * by_start[starts[layer + 1]].
 */
static sf_code sort_entries(order *k)
{
    uint32_t *next;

    k->starts = SF_NEW_ARRAY(k->a, uint32_t, k->n_layers + 1);
    k->by_start = SF_NEW_ARRAY(k->a, uint32_t, k->m->n_kv);
    k->active = SF_NEW_ARRAY(k->a, uint32_t, k->m->n_kv);
    next = SF_NEW_ARRAY(k->a, uint32_t, k->n_layers + 1);
    if (!k->starts || !k->by_start || !k->active || !next)
        return SF_E_NOMEM;
    count_starts(k, k->starts);
    memcpy(next, k->starts, (k->n_layers + 1) * sizeof *next);
    for (size_t i = 0; i < k->m->n_kv; i++)
        k->by_start[next[starts_at(k, &k->m->kv[i])]++] = (uint32_t)i;
    return SF_OK;
}

/* Lets go of entries that ended before `layer` and takes those that start there, in the family's order. */
static size_t update_active(const order *k, uint64_t layer, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++) {
        const sf_kv_layers *e = &k->m->kv[k->active[i]];

        if (e->first_layer < k->n_layers && layer < (uint64_t)e->first_layer + e->repeat)
            k->active[kept++] = k->active[i];
    }
    for (uint32_t i = k->starts[layer]; i < k->starts[layer + 1]; i++) {
        size_t at = kept++;

        for (; at > 0 && k->active[at - 1] > k->by_start[i]; at--)
            k->active[at] = k->active[at - 1];
        k->active[at] = k->by_start[i];
    }
    return kept;
}

typedef struct run_list {
    sf_kv_run *items;
    size_t n, cap;
} run_list;

static bool add_run(const order *k, run_list *list, uint32_t spec, uint32_t count)
{
    if (list->n && list->items[list->n - 1].spec == spec) {
        list->items[list->n - 1].count += count;
        return true;
    }
    if (list->n == list->cap) {
        size_t cap = list->cap ? 2 * list->cap : 16;
        sf_kv_run *items = sf_arena_grow(k->a, list->items, list->n, cap, sizeof *items);

        if (!items)
            return false;
        list->items = items;
        list->cap = cap;
    }
    list->items[list->n++] = (sf_kv_run){spec, count};
    return true;
}

/* The runs of layers [from, to), those of one pass. */
static bool make_pass(const order *k, int pass, uint64_t from, uint64_t to, run_list *list)
{
    size_t n = 0;

    for (uint64_t layer = 0; layer < to; layer++) {
        n = update_active(k, layer, n);
        for (size_t i = 0; layer >= from && i < n; i++) {
            const sf_kv_layers *e = &k->m->kv[k->active[i]];
            uint32_t count = e->first_layer >= k->n_layers ? e->repeat : 1;

            if (e->kind != SF_KV_NONE && list_pass(k, e->kind) == pass &&
                !add_run(k, list, k->active[i], count))
                return false;
        }
    }
    return true;
}

static sf_code make_runs(const order *k, uint64_t from, uint64_t to, sf_kv_stage_runs *ret)
{
    run_list list = {0};

    for (int pass = 0; pass < (k->r->attention_first_order ? 3 : 1); pass++)
        if (!make_pass(k, pass, from, to, &list))
            return SF_E_NOMEM;
    *ret = (sf_kv_stage_runs){list.items, list.n};
    return SF_OK;
}

sf_code sf_kv_stages_of(sf_arena *a, const sf_kv_rules *rules, const sf_model *m, const sf_kv_wish *wish,
                        sf_diags *dg, sf_kv_case *ret)
{
    uint64_t pp = wish->pp ? wish->pp : 1;
    order k = {.a = a, .r = rules, .m = m, .n_layers = sf_kv_layer_count(m)};
    uint64_t *layers, from = 0;
    sf_kv_stage_runs *stages = NULL;
    sf_code rc = sf_pp_partition(a, k.n_layers, pp, wish->pp_partition, dg, &layers);

    if (!rc)
        rc = sort_entries(&k);
    if (rc)
        return rc;
    stages = SF_NEW_ARRAY(a, sf_kv_stage_runs, pp);
    if (!stages)
        return SF_E_NOMEM;
    for (uint64_t s = 0; !rc && s < pp; s++) {
        rc = make_runs(&k, from, from + layers[s], &stages[s]);
        from += layers[s];
    }
    ret->stages = stages;
    ret->n_stages = pp;
    return rc;
}
