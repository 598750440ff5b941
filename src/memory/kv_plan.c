/*
 * kv_plan: the start sequence of the KV cache: fit test, grouping, fitting of the length, blocks,
 * minimum over the ranks, report, in the order of the release.
 * Must not know formulas: the other kv files have them.
 * Order: docs/kv-cache.md, from vLLM v1/core/kv_cache_utils.py and v1/engine/core.py.
 */
#include "memory/kv_internal.h"

#include "base/num.h"

static bool check_case(sf_kv_work *w, bool workers)
{
    const sf_kv_case *c = w->c;

    if (!c->n_stages || c->n_specs > SF_KV_MAX_SPECS || c->n_workers > SF_KV_MAX_WORKERS ||
        c->n_stages > SF_KV_MAX_WORKERS || (workers && !c->n_workers))
        return sf_kv_too_large(w, "the number of ranks, stages or cache layouts");
    if (!c->max_model_len || !c->dcp || !c->pcp || c->dcp > SF_KV_MAX_WORKERS || c->pcp > SF_KV_MAX_WORKERS)
        return sf_kv_too_large(w, "max_model_len or a context-parallel size");
    for (size_t i = 0; i < c->n_workers; i++)
        if (c->workers[i].stage >= c->n_stages)
            return sf_kv_too_large(w, "the pipeline stage of a rank");
    for (size_t i = 0; i < c->n_specs; i++) {
        const sf_kv_spec *s = &c->specs[i];

        if (!s->block_size || ((s->kind == SF_KV_SLIDING || s->kind == SF_KV_CHUNKED) && !s->window))
            return sf_kv_too_large(w, "the block size or window of a cache layer");
    }
    return true;
}

/* Unfolds the runs of all stages into one list of layers. */
static bool list_layers(sf_kv_work *w)
{
    const sf_kv_case *c = w->c;
    uint64_t n = 0;
    size_t at = 0;

    for (size_t s = 0; s < c->n_stages; s++)
        for (size_t i = 0; i < c->stages[s].n; i++) {
            if (c->stages[s].runs[i].spec >= c->n_specs)
                return sf_kv_too_large(w, "the layout of a cache layer");
            n += c->stages[s].runs[i].count;
            if (n > SF_KV_MAX_LAYERS)
                return sf_kv_too_large(w, "the number of cache layers");
        }
    w->layer_spec = SF_NEW_ARRAY(w->a, uint32_t, n);
    w->layer_stage = SF_NEW_ARRAY(w->a, uint32_t, n);
    if (!w->layer_spec || !w->layer_stage)
        return sf_kv_nomem(w);
    for (size_t s = 0; s < c->n_stages; s++)
        for (size_t i = 0; i < c->stages[s].n; i++)
            for (uint32_t k = 0; k < c->stages[s].runs[i].count; k++) {
                w->layer_spec[at] = c->stages[s].runs[i].spec;
                w->layer_stage[at++] = (uint32_t)s;
            }
    w->n_layers = n;
    return true;
}

static bool copy_specs(sf_kv_work *w)
{
    uint64_t *pages = SF_NEW_ARRAY(w->a, uint64_t, w->n_specs);

    w->specs = SF_NEW_ARRAY(w->a, sf_kv_work_spec, w->n_specs);
    w->made = SF_NEW_ARRAY(w->a, sf_kv_work_spec, w->n_specs);
    w->alias = SF_NEW_ARRAY(w->a, uint32_t, w->n_specs);
    if (!pages || !w->specs || !w->made || !w->alias)
        return sf_kv_nomem(w);
    for (size_t i = 0; i < w->n_specs; i++) {
        w->specs[i].s = w->c->specs[i];
        if (!sf_kv_set_page(w, &w->specs[i]))
            return false;
        pages[i] = w->specs[i].page;
        w->made[i] = w->specs[i];
    }
    sf_kv_find_aliases(w);
    w->out->page_sizes = pages;
    return true;
}

/* One view of the whole model, or one per stage. */
static bool make_views(sf_kv_work *w)
{
    uint32_t *all = SF_NEW_ARRAY(w->a, uint32_t, w->n_layers);
    size_t at = 0;

    w->n_views = w->r->group_per_stage ? w->c->n_stages : 1;
    w->views = SF_NEW_ARRAY(w->a, sf_kv_view, w->n_views);
    if (!all || !w->views)
        return sf_kv_nomem(w);
    for (uint32_t i = 0; i < w->n_layers; i++)
        all[i] = i;
    for (size_t v = 0; v < w->n_views; v++) {
        w->views[v].layers = all + at;
        while (at < w->n_layers && (w->n_views == 1 || w->layer_stage[at] == v))
            at++;
        w->views[v].n_layers = (size_t)(all + at - w->views[v].layers);
    }
    return sf_kv_make_shares(w, all, w->n_layers, &w->own, &w->n_own);
}

static bool make_tests(sf_kv_work *w)
{
    size_t n = w->c->n_workers;

    w->available = SF_NEW_ARRAY(w->a, int64_t, n);
    w->needed = SF_NEW_ARRAY(w->a, uint64_t, n);
    w->estimated = SF_NEW_ARRAY(w->a, uint64_t, n);
    w->checked = SF_NEW_ARRAY(w->a, int64_t, n);
    if (!w->available || !w->needed || !w->estimated || !w->checked)
        return sf_kv_nomem(w);
    for (size_t i = 0; i < n; i++)
        w->available[i] = w->c->workers[i].available;
    w->out->needed = w->needed;
    w->out->estimated_len = w->estimated;
    w->out->checked = w->checked;
    return true;
}

static bool prepare(sf_kv_work *w, bool workers)
{
    w->out = SF_NEW(w->a, sf_kv_result);
    if (!w->out)
        return sf_kv_nomem(w);
    w->n_specs = w->c->n_specs;
    w->max_model_len = w->c->max_model_len;
    return check_case(w, workers) && list_layers(w) && copy_specs(w) && make_views(w) && make_tests(w);
}

/* The place of the engine's class name in the alphabet, by which 0.10.2 sorts groups. */
static int class_order(const sf_kv_spec *s)
{
    switch (s->kind) {
    case SF_KV_CHUNKED:
        return 0; /* ChunkedLocalAttentionSpec */
    case SF_KV_CROSS:
        return 1; /* CrossAttentionSpec */
    case SF_KV_STATE:
        return 3; /* MambaSpec */
    case SF_KV_SLIDING:
        return 4; /* SlidingWindowSpec */
    default:
        return 2; /* FullAttentionSpec */
    }
}

/* 0.10.2 sorts each rank's groups by class before it compares them; equal ones keep their order. */
static bool sort_groups(sf_kv_work *w, sf_kv_view *view)
{
    sf_kv_work_group *sorted = SF_NEW_ARRAY(w->a, sf_kv_work_group, view->n_groups);
    size_t n = 0;

    if (!sorted)
        return sf_kv_nomem(w);
    for (int order = 0; order <= 4; order++)
        for (size_t i = 0; i < view->n_groups; i++)
            if (class_order(&w->made[view->groups[i].spec].s) == order)
                sorted[n++] = view->groups[i];
    view->groups = sorted;
    view->cap = view->n_groups;
    return true;
}

/* Only as many groups are compared as both have. */
static bool same_groups(const sf_kv_work *w, const sf_kv_view *x, const sf_kv_view *y)
{
    for (size_t i = 0; i < x->n_groups && i < y->n_groups; i++)
        if (!sf_kv_spec_same(&w->made[x->groups[i].spec].s, &w->made[y->groups[i].spec].s))
            return false;
    return true;
}

/* 0.10.2: every rank plans for itself; then their groups must agree. */
static bool plan_ranks(sf_kv_work *w, uint64_t *blocks)
{
    bool *grouped = SF_NEW_ARRAY(w->a, bool, w->n_views);

    if (!grouped)
        return sf_kv_nomem(w);
    for (size_t i = 0; i < w->c->n_workers; i++) {
        sf_kv_view *view = &w->views[w->n_views > 1 ? w->c->workers[i].stage : 0];

        if (!sf_kv_fit_worker(w, i))
            return false;
        if (!grouped[view - w->views] && !sf_kv_group_view(w, view))
            return false;
        grouped[view - w->views] = true;
        if (!sf_kv_count_blocks(w, i, &blocks[i]))
            return false;
        sf_kv_report_worker(w, i, blocks[i]);
    }
    for (size_t i = 0; i < w->n_views; i++)
        if (!sort_groups(w, &w->views[i]))
            return false;
    for (size_t i = 1; i < w->n_views; i++)
        if (!same_groups(w, &w->views[0], &w->views[i]))
            return sf_kv_refuse(w, SF_KV_ERR_LAYOUT, "AssertionError", SF_STR(""));
    return true;
}

/* 0.11 on: the model is grouped as a whole. */
static bool plan_model(sf_kv_work *w, uint64_t *blocks)
{
    uint64_t least = UINT64_MAX;
    size_t n = w->c->n_workers;

    if (w->r->fit_test == SF_FIT_OWN_LAYERS && !sf_kv_fit_all(w))
        return false;
    if (!sf_kv_group_view(w, &w->views[0]))
        return false;
    if (w->r->override_in_fit_test && w->c->blocks_override && !sf_kv_override_available(w))
        return false;
    if (w->c->auto_fit && w->r->auto_fit && !sf_kv_auto_fit(w))
        return false;
    if (w->r->fit_test != SF_FIT_OWN_LAYERS && !sf_kv_fit_all(w))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!sf_kv_count_blocks(w, i, &blocks[i]))
            return false;
        if (w->r->tokens_per_worker)
            sf_kv_report_worker(w, i, blocks[i]);
        least = blocks[i] < least ? blocks[i] : least;
    }
    for (size_t i = 0; i < n && !w->r->tokens_per_worker; i++)
        sf_kv_report_worker(w, i, least);
    return true;
}

sf_code sf_kv_plan(sf_arena *a, const sf_profile *profile, const sf_kv_case *c, sf_diags *dg,
                   const sf_kv_result **ret)
{
    sf_kv_work w = {.a = a, .profile = profile, .r = &profile->kv, .c = c, .dg = dg};
    uint64_t *blocks;

    if (!prepare(&w, true))
        return w.rc;
    blocks = SF_NEW_ARRAY(a, uint64_t, c->n_workers);
    if (!blocks)
        return SF_E_NOMEM;
    for (size_t i = 0; i < c->n_log; i++)
        sf_kv_log_line(&w, c->log[i]);
    if (w.r->group_per_stage ? plan_ranks(&w, blocks) : plan_model(&w, blocks))
        sf_kv_fill_result(&w, blocks);
    if (w.rc)
        return w.rc;
    w.out->max_model_len = w.max_model_len;
    w.out->log = w.log;
    w.out->n_log = w.n_log;
    *ret = w.out;
    return SF_OK;
}

sf_code sf_kv_needed(sf_arena *a, const sf_profile *profile, const sf_kv_case *c, uint64_t len, sf_diags *dg,
                     uint64_t *ret)
{
    sf_kv_work w = {.a = a, .profile = profile, .r = &profile->kv, .c = c, .dg = dg};
    sf_kv_demand d;

    if (!prepare(&w, false))
        return w.rc;
    if (w.r->fit_test != SF_FIT_OWN_LAYERS && !sf_kv_group_view(&w, &w.views[0])) {
        if (w.rc)
            return w.rc;
        return sf_diag_error(dg, SF_E_KV_UNKNOWN, (sf_where){0}, "choose another release with --engine",
                             "this release cannot plan the cache of this model: %.*s: %.*s",
                             SF_STR_ARG(w.out->error_class), SF_STR_ARG(w.out->error_text));
    }
    d = sf_kv_demand_of(&w, 0);
    if (w.rc)
        return w.rc;
    *ret = sf_kv_demand_at(&w, &d, len);
    if (*ret == UINT64_MAX) {
        sf_kv_too_large(&w, "what one request needs of the cache");
        return w.rc;
    }
    return SF_OK;
}
