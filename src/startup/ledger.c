/*
 * ledger: what is on each GPU when the start is over (or was, when it failed), line by line,
 * and what is left.  The lines of a GPU and what is left add up to its total.
 */
#include <math.h>

#include "startup/budget.h"
#include "startup/state.h"

typedef struct lines {
    sf_start *st;
    sf_entry *items;
    size_t n;
} lines;

static bool counts_in_budget(const sf_start *st, sf_part part)
{
    return part == SF_PART_KV || sf_budget_has(st->profile, part, sf_start_process_known(st));
}

/*
 * CUDA graphs that were reserved for are paid from the reserve: the reserve line holds what the
 * graphs do not fill, so that nothing is counted twice.
 */
static sf_amount reserve_left(const sf_rank_need *r)
{
    sf_amount x = r->part[SF_PART_GRAPHS_EST];
    int64_t graphs = r->part[SF_PART_GRAPHS].bytes;

    x.bytes = x.bytes > graphs ? x.bytes - graphs : 0;
    x.low = x.low > graphs ? x.low - graphs : 0;
    x.high = x.high > graphs ? x.high - graphs : x.bytes;
    return x;
}

/* How far a stage got decides which of its parts are on the GPU. */
static bool part_is_there(const sf_start *st, size_t stage, sf_part part)
{
    const sf_stage_report *rep = &st->stages[stage];
    sf_event_kind reached = SF_EVENT_INIT;

    if (!rep->reached)
        return false;
    if (rep->started)
        return true;
    for (size_t i = 0; i < st->n_events; i++)
        if (st->events[i].stage == stage && st->events[i].kind > reached)
            reached = st->events[i].kind;
    switch (part) {
    case SF_PART_CONTEXT:
        return true;
    case SF_PART_NCCL:
        return !st->profile->nccl_in_budget || reached >= SF_EVENT_LOAD;
    case SF_PART_WEIGHTS:
    case SF_PART_BUFFERS:
    case SF_PART_POOL:
        return reached >= SF_EVENT_LOAD;
    case SF_PART_NON_TORCH:
    case SF_PART_ACTIVATION:
        return reached >= SF_EVENT_PROFILE;
    case SF_PART_KV:
        return reached > SF_EVENT_KV;
    case SF_PART_REQUEST:
        return false;
    default:
        return reached >= SF_EVENT_GRAPHS;
    }
}

static void add_rank(lines *l, size_t stage, const sf_rank_need *r)
{
    for (sf_part part = 0; part < SF_PART_COUNT; part++) {
        sf_amount x = part == SF_PART_GRAPHS_EST ? reserve_left(r) : r->part[part];

        if (!part_is_there(l->st, stage, part) || (x.bytes == 0 && x.high == 0))
            continue;
        l->items[l->n++] = (sf_entry){
            .device = r->device,
            .stage = stage,
            .rank = r->rank,
            .part = part,
            .amount = x,
            .in_budget = counts_in_budget(l->st, part),
            .resident = part != SF_PART_GRAPHS_EST && part != SF_PART_REQUEST &&
                        (part != SF_PART_ACTIVATION || l->st->d->stages[stage].kind == SF_STAGE_DIFFUSION),
        };
    }
}

static void add_device(lines *l, const sf_gpu *gpu)
{
    if (gpu->used)
        l->items[l->n++] = (sf_entry){
            .device = gpu->index,
            .stage = SIZE_MAX,
            .part = SF_PART_COUNT,
            .amount = {(int64_t)gpu->used,
                       (int64_t)gpu->used,
                       (int64_t)gpu->used,
                       SF_ORIGIN_EXACT, SF_STR("as given with free= or used="),
                       {0}},
            .resident = true,
        };
    for (size_t s = 0; s < l->st->d->n_stages; s++)
        for (size_t i = 0; i < l->st->stages[s].need->n_ranks; i++)
            if (l->st->ranks[s][i].device == gpu->index)
                add_rank(l, s, &l->st->ranks[s][i]);
}

/*
 * The room for activations counts as used.  Where the cache takes what they leave, the two errors cancel out;
 * elsewhere the error of the room comes on top.
 */
static void count_activation(const sf_start *st, size_t stage, const sf_rank_need *r, sf_device_state *s)
{
    const sf_stage_report *rep = &st->stages[stage];
    const sf_amount *x = &r->part[SF_PART_ACTIVATION];
    const sf_amount mirror = {x->bytes, 2 * x->bytes - x->high, 2 * x->bytes - x->low, x->origin, {0}, {0}};

    if (part_is_there(st, stage, SF_PART_REQUEST))
        sf_state_take(s, &r->part[SF_PART_REQUEST]);
    if (!part_is_there(st, stage, SF_PART_ACTIVATION) || st->d->stages[stage].kind == SF_STAGE_DIFFUSION)
        return; /* the warm-up of a diffusion stage was taken with the rest */
    if (part_is_there(st, stage, SF_PART_KV) && sf_cache_absorbs(rep->need) &&
        sf_budget_has(st->profile, SF_PART_ACTIVATION, sf_start_process_known(st)))
        sf_state_forget_band(s, &mirror);
    else
        sf_state_take(s, x);
}

static int64_t saturated(double bytes)
{
    return bytes > 9e18 ? INT64_MAX : bytes < -9e18 ? INT64_MIN : (int64_t)bytes;
}

static void sum_device(const sf_start *st, const lines *l, const sf_gpu *gpu, sf_device_report *d)
{
    sf_device_state s = *sf_start_device((sf_start *)(uintptr_t)st, gpu->index);

    *d = (sf_device_report){.gpu = gpu, .total = (int64_t)gpu->total, .tenants = (int64_t)gpu->used};
    for (size_t i = 0; i < l->n; i++)
        if (l->items[i].device == gpu->index)
            d->used += l->items[i].amount.bytes;
    for (size_t k = 0; k < st->d->n_stages; k++)
        for (size_t i = 0; i < st->stages[k].need->n_ranks; i++)
            if (st->ranks[k][i].device == gpu->index)
                count_activation(st, k, &st->ranks[k][i], &s);
    s.used = (double)d->used;
    d->used_low = saturated((double)d->used - sqrt(s.var_low));
    d->used_high = saturated((double)d->used + sqrt(s.var_high));
    d->left = d->total - d->used;
    d->left_low = saturated(sf_state_free_low(&s));
    d->left_high = saturated(sf_state_free_high(&s));
    for (size_t k = 0; k < st->d->n_stages; k++)
        for (size_t i = 0; i < st->stages[k].need->n_ranks; i++)
            if (st->ranks[k][i].device == gpu->index) {
                d->n_ranks++;
                d->util_sum += st->d->stages[k].kind == SF_STAGE_DIFFUSION && !st->stages[k].need->util_given
                                   ? 0
                                   : st->stages[k].need->util_frac;
            }
}

sf_code sf_ledger_build(sf_start *st, const sf_inventory *inv, sf_replay *ret)
{
    lines l = {.st = st};
    sf_device_report *devices = SF_NEW_ARRAY(st->arena, sf_device_report, inv->n);
    size_t most = inv->n;

    for (size_t s = 0; s < st->d->n_stages; s++)
        most += st->stages[s].need->n_ranks * SF_PART_COUNT;
    l.items = SF_NEW_ARRAY(st->arena, sf_entry, most);
    if (!devices || !l.items)
        return SF_E_NOMEM;
    for (size_t i = 0; i < inv->n; i++)
        add_device(&l, &inv->gpus[i]);
    for (size_t i = 0; i < inv->n; i++)
        sum_device(st, &l, &inv->gpus[i], &devices[i]);
    ret->entries = l.items;
    ret->n_entries = l.n;
    ret->devices = devices;
    ret->n_devices = inv->n;
    return SF_OK;
}
