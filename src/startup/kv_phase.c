/*
 * kv_phase: sizing the KV cache of a stage: what the release leaves for it on each rank, the
 * plan, the fit test, and the memory it takes.
 */
#include <math.h>

#include "memory/amount.h"
#include "startup/budget.h"
#include "startup/state.h"

bool sf_cache_absorbs(const sf_stage_need *n)
{
    return n->has_kv && !n->kv_override_bytes && !n->kv.blocks_override;
}

int64_t sf_other_use(const sf_start *st, size_t stage, const sf_rank_need *r)
{
    static const sf_part own[] = {SF_PART_WEIGHTS, SF_PART_BUFFERS, SF_PART_NON_TORCH, SF_PART_CONTEXT,
                                  SF_PART_NCCL};
    double other = sf_start_device((sf_start *)(uintptr_t)st, r->device)->used;
    const sf_stage_report *rep = &st->stages[stage];

    if (st->profile->kv_budget != SF_BUDGET_ALL_USED)
        return 0;
    for (size_t i = 0; rep->reached && i < sizeof own / sizeof *own; i++)
        other -= (double)r->part[own[i]].bytes;
    if (rep->started)
        other -= (double)r->part[SF_PART_KV].bytes + (double)r->part[SF_PART_GRAPHS].bytes;
    return other > 0 ? (int64_t)other : 0;
}

/* Bytes for the cache on one rank, and its band. */
static sf_amount kv_budget(sf_start *st, size_t stage, const sf_rank_need *r)
{
    const sf_stage_report *rep = &st->stages[stage];
    int64_t requested = rep->rank_requested[r->rank], k;
    sf_amount charges;
    sf_str formula;

    if (rep->need->kv_override_bytes)
        return sf_amount_exact(rep->need->kv_override_bytes, SF_STR("kv_cache_memory_bytes as given"),
                               (sf_str){0});
    charges =
        sf_budget_charges(st->arena, st->profile, r, sf_other_use(st, stage, r), sf_start_process_known(st));
    k = requested - charges.bytes;
    if (st->profile->kv_floor_zero && k < 0)
        k = 0;
    formula = sf_arena_printf(st->arena, "requested %.*s − (%.*s)",
                              SF_STR_ARG(sf_fmt_gib(st->arena, requested)), SF_STR_ARG(charges.formula));
    return (sf_amount){
        k, requested - charges.high, requested - charges.low, SF_ORIGIN_MODELLED, formula, charges.source};
}

/*
 * After sizing, the cache makes up for the errors of what was charged: those of what is resident cancel
 * out, those of room kept free (activation, graph reserve) turn into errors of the cache.
 */
static void take_cache(sf_start *st, size_t stage, sf_rank_need *r, uint64_t bytes)
{
    sf_device_state *s = sf_start_device(st, r->device);
    sf_amount taken = sf_amount_exact(bytes, (sf_str){0}, (sf_str){0}), *kv = &r->part[SF_PART_KV];

    kv->formula = sf_arena_printf(st->arena, "%.*s in whole blocks of %.*s", SF_STR_ARG(kv->formula),
                                  SF_STR_ARG(sf_fmt_bytes(st->arena, st->stages[stage].kv->block_bytes)));
    kv->high += taken.bytes - kv->bytes;
    kv->low += taken.bytes - kv->bytes;
    kv->bytes = taken.bytes;
    sf_state_take(s, &taken);
    if (!sf_cache_absorbs(st->stages[stage].need))
        return;
    for (sf_part part = 0; part < SF_PART_KV; part++) {
        if (part == SF_PART_GRAPHS || !sf_budget_has(st->profile, part, sf_start_process_known(st)))
            continue;
        if (part == SF_PART_ACTIVATION || part == SF_PART_GRAPHS_EST)
            sf_state_add_counterpart(s, &r->part[part]);
        else
            sf_state_forget_band(s, &r->part[part]);
    }
}

static sf_code kv_code(sf_kv_error error)
{
    return error == SF_KV_ERR_SHORT    ? SF_E_KV_SHORT
           : error == SF_KV_ERR_LAYOUT ? SF_E_KV_UNKNOWN
                                       : SF_E_NO_KV;
}

/* The first rank whose memory fails the test; the engine reports that one. */
static const sf_rank_need *failing_rank(const sf_start *st, size_t stage)
{
    const sf_rank_need *worst = &st->ranks[stage][0];

    for (size_t i = 1; i < st->stages[stage].need->n_ranks; i++)
        if (st->ranks[stage][i].part[SF_PART_KV].bytes < worst->part[SF_PART_KV].bytes)
            worst = &st->ranks[stage][i];
    return worst;
}

/* The argument that decides the size of the cache, else the stage. */
static sf_where kv_where(const sf_stage *stage)
{
    const sf_node *bytes = stage->args.v[SF_ARG_kv_cache_memory_bytes].node;
    const sf_node *util = stage->args.v[SF_ARG_gpu_memory_utilization].node;

    return sf_node_where(bytes ? bytes : util ? util : stage->node);
}

static void kv_fails(sf_start *st, size_t stage, const sf_kv_result *kv)
{
    const sf_stage_need *n = st->stages[stage].need;
    const sf_rank_need *r = failing_rank(st, stage);
    sf_str hint = sf_hint_kv(st, stage, r, kv);
    sf_event *e = sf_start_event(st, SF_EVENT_KV, stage, r, sf_state_free(sf_start_device(st, r->device)));

    if (!e)
        return;
    sf_start_fail(st, e, kv_code(kv->error), kv->error_text.n ? kv->error_text : kv->error_class);
    sf_diag_error(st->dg, kv_code(kv->error), kv_where(n->stage), hint.p,
                  "stage %lld (%.*s) stops on GPU %u: %.*s", (long long)n->stage->id,
                  SF_STR_ARG(n->stage->name), r->device, SF_STR_ARG(e->text));
}

/* Would the outcome be another one at the end of the band? */
static void kv_risk(sf_start *st, size_t stage, const sf_kv_result *kv, sf_event *e)
{
    const sf_stage_report *rep = &st->stages[stage];
    uint64_t needed = kv->n_tests ? kv->needed[kv->n_tests - 1] : 0;
    bool fits = kv->error == SF_KV_OK;
    int64_t edge = fits ? rep->kv_low : rep->kv_high;

    if (rep->need->max_model_len_auto)
        needed = 0;
    if (fits ? edge > 0 && edge >= (int64_t)needed : edge <= 0 || edge < (int64_t)needed)
        return;
    sf_start_risk(st, e, SF_E_TIGHT,
                  sf_arena_printf(st->arena, "KV cache memory is %.*s … %.*s, one request needs %.*s",
                                  SF_STR_ARG(sf_fmt_gib(st->arena, rep->kv_low)),
                                  SF_STR_ARG(sf_fmt_gib(st->arena, rep->kv_high)),
                                  SF_STR_ARG(sf_fmt_gib(st->arena, (int64_t)needed))));
}

static bool plan(sf_start *st, size_t stage, const sf_kv_result **ret)
{
    sf_stage_report *rep = &st->stages[stage];
    size_t n = rep->need->n_ranks;
    sf_kv_worker *workers = SF_NEW_ARRAY(st->arena, sf_kv_worker, n);
    sf_kv_case c = rep->need->kv;
    sf_code rc;

    if (!workers) {
        st->out_of_memory = true;
        return false;
    }
    rep->kv_available = rep->kv_low = rep->kv_high = INT64_MAX;
    for (size_t i = 0; i < n; i++) {
        sf_rank_need *r = &st->ranks[stage][i];
        sf_amount k = kv_budget(st, stage, r);

        if (rep->need->model && rep->need->model->assumed)
            k.origin = SF_ORIGIN_ASSUMED;
        r->part[SF_PART_KV] = k;
        workers[i] = (sf_kv_worker){r->pp_rank, k.bytes};
        rep->kv_available = k.bytes < rep->kv_available ? k.bytes : rep->kv_available;
        rep->kv_low = k.low < rep->kv_low ? k.low : rep->kv_low;
        rep->kv_high = k.high < rep->kv_high ? k.high : rep->kv_high;
    }
    c.workers = workers;
    c.n_workers = n;
    rc = sf_kv_plan(st->arena, st->profile, &c, st->dg, ret);
    st->out_of_memory = st->out_of_memory || rc == SF_E_NOMEM;
    return rc == SF_OK;
}

/* The layout is refused; what is wrong has been said. */
static void cannot_plan(sf_start *st, size_t stage)
{
    const sf_rank_need *r = &st->ranks[stage][0];
    const sf_diag *why = st->dg ? sf_diags_last_error(st->dg) : NULL;
    sf_event *e = sf_start_event(st, SF_EVENT_KV, stage, r, sf_state_free(sf_start_device(st, r->device)));

    if (e)
        sf_start_fail(st, e, why ? why->code : SF_E_KV_UNKNOWN,
                      why ? why->message : SF_STR("unknown cache layout"));
}

/* Takes the cache of each rank. */
static bool take_caches(sf_start *st, size_t stage)
{
    const sf_stage_report *rep = &st->stages[stage];

    for (size_t i = 0; i < rep->need->n_ranks; i++) {
        sf_rank_need *r = &st->ranks[stage][i];
        sf_device_state *s = sf_start_device(st, r->device);
        double before = sf_state_free(s);
        sf_str text, hint;
        sf_event *e;

        take_cache(st, stage, r, rep->kv->worker_bytes[i]);
        e = sf_start_event(st, SF_EVENT_KV, stage, r, before);
        if (!e)
            return false;
        if (i == 0)
            kv_risk(st, stage, rep->kv, e);
        if (sf_state_free(s) >= 0)
            continue;
        text = sf_arena_printf(
            st->arena, "torch.OutOfMemoryError: CUDA out of memory while allocating the KV cache: %.*s short",
            SF_STR_ARG(sf_fmt_gib(st->arena, (int64_t)-sf_state_free(s))));
        sf_start_fail(st, e, SF_E_OOM, text);
        hint = sf_hint_room(st, stage, r, -sf_state_free(s));
        sf_diag_error(st->dg, SF_E_OOM, kv_where(rep->need->stage), hint.p,
                      "stage %lld (%.*s) on GPU %u: %.*s", (long long)rep->need->stage->id,
                      SF_STR_ARG(rep->need->stage->name), r->device, SF_STR_ARG(text));
    }
    return !st->failed && !st->out_of_memory;
}

bool sf_kv_phase(sf_start *st, size_t stage)
{
    sf_stage_report *rep = &st->stages[stage];
    const sf_kv_result *kv;

    rep->max_model_len = rep->need->max_model_len;
    if (!rep->need->has_kv)
        return true;
    if (!st->trial)
        rep->util_needed = sf_util_needed(st, stage);
    if (!plan(st, stage, &kv)) {
        cannot_plan(st, stage);
        return false;
    }
    rep->kv = kv;
    rep->max_model_len = kv->max_model_len ? kv->max_model_len : rep->need->max_model_len;
    rep->longest_len = kv->n_tests ? kv->estimated_len[kv->n_tests - 1] : 0;
    rep->kv_why = st->ranks[stage][0].part[SF_PART_KV].formula;
    if (kv->error != SF_KV_OK) {
        kv_fails(st, stage, kv);
        if (st->n_events)
            kv_risk(st, stage, kv, &st->events[st->n_events - 1]);
        return false;
    }
    return take_caches(st, stage);
}
