/*
 * kv_phase: sizing the KV cache of a stage: what the release leaves for it on each rank, the
 * plan, the fit test, and the memory it takes.
 */
#include <math.h>

#include "memory/amount.h"
#include "startup/budget.h"
#include "startup/state.h"

static bool process_known(const sf_start *st)
{
    return st->opt && st->opt->host_pids;
}

/* Memory on the GPU that is not this process's torch memory, for releases that charge it. */
static int64_t other_use(const sf_start *st, const sf_device_state *s, const sf_rank_need *r)
{
    double own = (double)r->part[SF_PART_WEIGHTS].bytes + (double)r->part[SF_PART_BUFFERS].bytes +
                 (double)r->part[SF_PART_NON_TORCH].bytes + (double)r->part[SF_PART_CONTEXT].bytes +
                 (double)r->part[SF_PART_NCCL].bytes;

    return st->profile->kv_budget == SF_BUDGET_ALL_USED ? (int64_t)(s->used - own) : 0;
}

/* Bytes for the cache on one rank, and its band. */
static sf_amount kv_budget(sf_start *st, size_t stage, const sf_rank_need *r)
{
    const sf_stage_report *rep = &st->stages[stage];
    const sf_device_state *s = sf_start_device(st, r->device);
    int64_t requested = rep->rank_requested[r->rank], k;
    sf_amount charges;
    sf_str formula;

    if (rep->need->kv_override_bytes)
        return sf_amount_exact(rep->need->kv_override_bytes, SF_STR("kv_cache_memory_bytes as given"),
                               (sf_str){0});
    charges = sf_budget_charges(st->arena, st->profile, r, other_use(st, s, r), process_known(st));
    k = requested - charges.bytes;
    if (st->profile->kv_floor_zero && k < 0)
        k = 0;
    formula = sf_arena_printf(st->arena, "requested %.*s − (%.*s)",
                              SF_STR_ARG(sf_fmt_gib(st->arena, requested)), SF_STR_ARG(charges.formula));
    return (sf_amount){
        k, requested - charges.high, requested - charges.low, SF_ORIGIN_MODELLED, formula, charges.source};
}

/* After sizing, the cache makes up for the errors of what was charged; the activation's remains. */
static void take_cache(sf_start *st, size_t stage, sf_rank_need *r, uint64_t bytes)
{
    static const sf_part absorbed[] = {SF_PART_WEIGHTS, SF_PART_NON_TORCH, SF_PART_BUFFERS, SF_PART_CONTEXT,
                                       SF_PART_NCCL};
    sf_device_state *s = sf_start_device(st, r->device);
    const sf_profile *p = st->profile;
    sf_amount taken = sf_amount_exact(bytes, (sf_str){0}, (sf_str){0});

    r->part[SF_PART_KV].formula =
        sf_arena_printf(st->arena, "%.*s in whole blocks of %.*s", SF_STR_ARG(r->part[SF_PART_KV].formula),
                        SF_STR_ARG(sf_fmt_bytes(st->arena, st->stages[stage].kv->block_bytes)));
    r->part[SF_PART_KV].high += (int64_t)bytes - r->part[SF_PART_KV].bytes;
    r->part[SF_PART_KV].low += (int64_t)bytes - r->part[SF_PART_KV].bytes;
    r->part[SF_PART_KV].bytes = (int64_t)bytes;
    sf_state_take(s, &taken);
    if (st->stages[stage].need->kv_override_bytes)
        return;
    for (size_t i = 0; i < sizeof absorbed / sizeof *absorbed; i++) {
        bool charged = (absorbed[i] != SF_PART_BUFFERS || p->buffers_in_budget) &&
                       (absorbed[i] != SF_PART_CONTEXT || p->context_in_budget) &&
                       (absorbed[i] != SF_PART_NCCL || p->nccl_in_budget);

        if (charged || p->kv_budget == SF_BUDGET_PROCESS)
            sf_state_forget_band(s, &r->part[absorbed[i]]);
    }
    if (sf_budget_keeps_activation(p, process_known(st)))
        sf_state_add_band(s, &r->part[SF_PART_ACTIVATION]);
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

static void kv_fails(sf_start *st, size_t stage, const sf_kv_result *kv)
{
    const sf_stage_need *n = st->stages[stage].need;
    const sf_node *node = n->stage->args.v[SF_ARG_gpu_memory_utilization].node;
    const sf_rank_need *r = failing_rank(st, stage);
    sf_str hint = sf_hint_kv(st, stage, r, kv);
    sf_event *e = sf_start_event(st, SF_EVENT_KV, stage, r, sf_state_free(sf_start_device(st, r->device)));

    if (!e)
        return;
    sf_start_fail(st, e, kv_code(kv->error), kv->error_text.n ? kv->error_text : kv->error_class);
    sf_diag_error(st->dg, kv_code(kv->error), sf_node_where(node ? node : n->stage->node), hint.p,
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

bool sf_kv_phase(sf_start *st, size_t stage)
{
    sf_stage_report *rep = &st->stages[stage];
    const sf_kv_result *kv;

    rep->max_model_len = rep->need->max_model_len;
    if (!rep->need->has_kv)
        return true;
    if (!plan(st, stage, &kv)) {
        st->failed = true;
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
    for (size_t i = 0; i < rep->need->n_ranks; i++) {
        sf_rank_need *r = &st->ranks[stage][i];
        sf_device_state *s = sf_start_device(st, r->device);
        double before = sf_state_free(s);
        sf_event *e;

        take_cache(st, stage, r, kv->worker_bytes[i]);
        e = sf_start_event(st, SF_EVENT_KV, stage, r, before);
        if (!e)
            return false;
        if (i == 0)
            kv_risk(st, stage, kv, e);
        if (sf_state_free(s) < 0) {
            sf_str text = sf_arena_printf(
                st->arena,
                "torch.OutOfMemoryError: CUDA out of memory while allocating the KV cache: %.*s short",
                SF_STR_ARG(sf_fmt_gib(st->arena, (int64_t)-sf_state_free(s))));

            sf_start_fail(st, e, SF_E_OOM, text);
            sf_diag_error(st->dg, SF_E_OOM, sf_node_where(rep->need->stage->node),
                          "lower kv_cache_memory_bytes or gpu_memory_utilization",
                          "stage %lld (%.*s) on GPU %u: %.*s", (long long)rep->need->stage->id,
                          SF_STR_ARG(rep->need->stage->name), r->device, SF_STR_ARG(text));
        }
    }
    return !st->failed && !st->out_of_memory;
}
