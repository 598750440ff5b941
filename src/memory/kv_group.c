/*
 * kv_group: which layers share one pool of blocks.  Layers of equal specs form buckets, buckets
 * are cut into groups of one size; models whose layers are all of one type stay one group.
 * Must not count blocks: kv_blocks.c does.
 * Rules: docs/kv-cache.md, from vLLM v1/core/kv_cache_utils.py (0.10.2 … 2026-08-17).
 */
#include "memory/kv_internal.h"

#include "base/num.h"

bool sf_kv_refuse(sf_kv_work *w, sf_kv_error error, const char *error_class, sf_str text)
{
    w->out->error = error;
    w->out->error_class = sf_str_of(error_class);
    w->out->error_text = text;
    return false;
}

void sf_kv_find_aliases(sf_kv_work *w)
{
    for (size_t i = 0; i < w->n_specs; i++) {
        size_t j = 0;

        while (j < i && !sf_kv_spec_same(&w->specs[i].s, &w->specs[j].s))
            j++;
        w->alias[i] = (uint32_t)j;
    }
}

bool sf_kv_make_shares(sf_kv_work *w, const uint32_t *layers, size_t n, sf_kv_share **ret, size_t *ret_n)
{
    uint32_t *slot = SF_NEW_ARRAY(w->a, uint32_t, w->n_specs); /* 1 + index of the spec's share */
    sf_kv_share *shares;
    uint32_t *counts;
    size_t k = 0;

    if (!slot)
        return sf_kv_nomem(w);
    for (size_t i = 0; i < n; i++) {
        uint32_t spec = w->alias[w->layer_spec[layers[i]]];

        if (!slot[spec])
            slot[spec] = (uint32_t)++k;
    }
    shares = SF_NEW_ARRAY(w->a, sf_kv_share, k);
    counts = SF_NEW_ARRAY(w->a, uint32_t, k * w->c->n_stages);
    if (!shares || !counts)
        return sf_kv_nomem(w);
    for (size_t i = 0; i < k; i++)
        shares[i].on_stage = counts + i * w->c->n_stages;
    for (size_t i = 0; i < n; i++) {
        uint32_t spec = w->alias[w->layer_spec[layers[i]]];
        sf_kv_share *s = &shares[slot[spec] - 1];

        s->spec = spec;
        s->n++;
        s->on_stage[w->layer_stage[layers[i]]]++;
    }
    *ret = shares;
    *ret_n = k;
    return true;
}

bool sf_kv_add_group(sf_kv_work *w, sf_kv_view *view, const uint32_t *layers, size_t n, bool uniform)
{
    sf_kv_work_group g = {.uniform = uniform, .n_layers = (uint32_t)n, .n_slots = (uint32_t)n};

    if (view->n_groups == view->cap) {
        size_t cap = view->cap ? 2 * view->cap : 8;
        sf_kv_work_group *grown = sf_arena_grow(w->a, view->groups, view->n_groups, cap, sizeof *grown);

        if (!grown)
            return sf_kv_nomem(w);
        view->groups = grown;
        view->cap = cap;
    }
    g.on_stage = SF_NEW_ARRAY(w->a, uint32_t, w->c->n_stages);
    if (!g.on_stage || !sf_kv_make_shares(w, layers, n, &g.shares, &g.n_shares))
        return sf_kv_nomem(w);
    sf_bug_if(!g.n_shares);
    g.spec = g.shares[0].spec;
    for (size_t i = 0; i < g.n_shares; i++)
        for (size_t s = 0; s < w->c->n_stages; s++)
            g.on_stage[s] += g.shares[i].on_stage[s];
    view->groups[view->n_groups++] = g;
    return true;
}

/* Full attention specs that differ in nothing but the window (which a backend may ignore). */
static bool full_alike(const sf_kv_spec *x, const sf_kv_spec *y)
{
    sf_kv_spec same_window = *y;

    same_window.window = x->window;
    return x->kind == SF_KV_FULL && sf_kv_spec_same(x, &same_window);
}

typedef enum merge_answer { MERGE_NO, MERGE_YES, MERGE_RAISES } merge_answer;

/* Whether every layer's spec merges into one. */
static merge_answer specs_merge(const sf_kv_work *w, const sf_kv_view *view)
{
    const sf_kv_spec *first = &w->made[view->shares[0].spec].s;
    uint64_t window = first->window;
    bool alike = true, full = first->kind == SF_KV_FULL, mixed = false;

    for (size_t i = 1; i < view->n_shares; i++) {
        const sf_kv_spec *s = &w->made[view->shares[i].spec].s;

        if (sf_kv_spec_same(first, s))
            continue;
        full = full && s->kind == SF_KV_FULL;
        mixed = mixed || (s->window && window && s->window != window);
        if (s->window)
            window = s->window;
        alike = alike && full_alike(first, s);
    }
    if (full && mixed)
        return MERGE_RAISES;
    return alike ? MERGE_YES : MERGE_NO;
}

/* One class, one block size, one window: the layers form one group though their pages differ. */
bool sf_kv_is_uniform_type(const sf_kv_work *w, const sf_kv_view *view)
{
    const sf_kv_spec *first = &w->made[view->shares[0].spec].s;

    for (size_t i = 1; i < view->n_shares; i++) {
        const sf_kv_spec *s = &w->made[view->shares[i].spec].s;

        if (s->block_size != first->block_size)
            return false;
        if (sf_kv_is_full(first) ? !sf_kv_is_full(s) : s->kind != first->kind)
            return false;
        if (!sf_kv_is_full(first) && first->kind != SF_KV_CROSS && s->window != first->window)
            return false;
        if (first->kind == SF_KV_STATE && s->speculative_blocks != first->speculative_blocks)
            return false;
    }
    return true;
}

/* The same after conversion and unification; or, in newer releases, what merges into one. */
static bool one_bucket(const sf_kv_work *w, uint32_t x, uint32_t y)
{
    return sf_kv_spec_same(&w->made[x].s, &w->made[y].s) ||
           (w->r->merge_specs && full_alike(&w->made[x].s, &w->made[y].s));
}

/* Which bucket each spec's layers go to; returns how many there are. */
static size_t find_buckets(const sf_kv_work *w, const sf_kv_view *view, uint32_t *bucket)
{
    size_t n = 0;

    for (size_t i = 0; i < view->n_shares; i++) {
        uint32_t x = view->shares[i].spec;
        size_t j = 0;

        while (j < i && !one_bucket(w, x, view->shares[j].spec))
            j++;
        bucket[x] = j < i ? bucket[view->shares[j].spec] : (uint32_t)n++;
    }
    return n;
}

static uint64_t layers_per_group(const sf_kv_rules *r, const uint32_t *counts, size_t n)
{
    uint32_t least = counts[0], most = counts[0];

    for (size_t i = 1; i < n; i++) {
        least = counts[i] < least ? counts[i] : least;
        most = counts[i] > most ? counts[i] : most;
    }
    if (r->group_ratio > 0 && (double)most < r->group_ratio * (double)least)
        return most;
    return least;
}

static void log_padding(sf_kv_work *w, uint64_t padding, uint64_t n)
{
    const sf_message_arg args[] = {
        sf_msg_count("layers", sf_kv_i64(padding)),
        sf_msg_number("percent", (double)padding / (double)n * 100),
    };

    sf_kv_log(w, SF_MSG_KV_PADDING, args, 2);
}

/* Cuts one bucket into groups of at most `size` layers. */
static bool cut_bucket(sf_kv_work *w, sf_kv_view *view, const uint32_t *layers, size_t n, uint64_t size)
{
    size_t parts = sf_cdiv(n, size);
    uint32_t *part = SF_NEW_ARRAY(w->a, uint32_t, size);

    if (!part)
        return sf_kv_nomem(w);
    if (size * parts > n)
        log_padding(w, size * parts - n, n);
    for (size_t p = 0; p < parts; p++) {
        size_t k = 0;

        if (w->r->groups_consecutive)
            for (size_t i = p * size; i < n && k < size; i++)
                part[k++] = layers[i];
        else
            for (size_t i = p; i < n; i += parts)
                part[k++] = layers[i];
        if (!sf_kv_add_group(w, view, part, k, false))
            return false;
        view->groups[view->n_groups - 1].n_slots = (uint32_t)size;
    }
    return true;
}

static bool cut_buckets(sf_kv_work *w, sf_kv_view *view)
{
    uint32_t *bucket = SF_NEW_ARRAY(w->a, uint32_t, w->n_specs);
    uint32_t *counts = SF_NEW_ARRAY(w->a, uint32_t, view->n_shares);
    uint32_t *sorted = SF_NEW_ARRAY(w->a, uint32_t, view->n_layers);
    size_t n, at = 0, from = 0;
    uint64_t size;

    if (!bucket || !counts || !sorted)
        return sf_kv_nomem(w);
    n = find_buckets(w, view, bucket);
    for (size_t i = 0; i < view->n_shares; i++)
        counts[bucket[view->shares[i].spec]] += view->shares[i].n;
    size = layers_per_group(w->r, counts, n);
    for (size_t b = 0; b < n; b++, from = at) {
        for (size_t i = 0; i < view->n_layers; i++)
            if (bucket[w->alias[w->layer_spec[view->layers[i]]]] == b)
                sorted[at++] = view->layers[i];
        if (!cut_bucket(w, view, sorted + from, at - from, size))
            return false;
    }
    return true;
}

static bool any_packed(const sf_kv_work *w, const sf_kv_view *view)
{
    for (size_t i = 0; i < view->n_shares; i++)
        if (w->made[view->shares[i].spec].s.v4)
            return true;
    return false;
}

bool sf_kv_group_view(sf_kv_work *w, sf_kv_view *view)
{
    bool promoted = false;

    if (!view->n_layers)
        return true;
    if (!sf_kv_make_shares(w, view->layers, view->n_layers, &view->shares, &view->n_shares))
        return false;
    if ((w->c->disable_hybrid || !w->r->hybrid_manager) && !sf_kv_convert_windows(w, view))
        return false;
    switch (specs_merge(w, view)) {
    case MERGE_YES:
        return sf_kv_add_group(w, view, view->layers, view->n_layers, false);
    case MERGE_RAISES:
        return sf_kv_refuse(w, SF_KV_ERR_LAYOUT, "ValueError", sf_kv_message(w, SF_MSG_KV_WINDOWS, NULL, 0));
    case MERGE_NO:
    default:
        break;
    }
    if (w->r->uniform_type && sf_kv_is_uniform_type(w, view))
        return sf_kv_add_group(w, view, view->layers, view->n_layers, true);
    if (any_packed(w, view))
        return sf_kv_group_packed(w, view);
    if (!sf_kv_unify(w, view, &promoted))
        return false;
    if (promoted)
        return sf_kv_add_group(w, view, view->layers, view->n_layers, true);
    return cut_buckets(w, view);
}
