/* state: bookkeeping of free memory, its band, and events. */
#include "startup/state.h"

#include <math.h>

static double squared(int64_t width)
{
    return (double)width * (double)width;
}

double sf_state_free(const sf_device_state *s)
{
    return (double)s->gpu->total - s->used;
}

double sf_state_free_low(const sf_device_state *s)
{
    double t = (double)(s->gpu->total - s->gpu->total_low);

    return sf_state_free(s) - sqrt(s->var_high + t * t);
}

double sf_state_free_high(const sf_device_state *s)
{
    double t = (double)(s->gpu->total_high - s->gpu->total);

    return sf_state_free(s) + sqrt(s->var_low + t * t);
}

void sf_state_take(sf_device_state *s, const sf_amount *amount)
{
    s->used += (double)amount->bytes;
    s->var_low += squared(amount->bytes - amount->low);
    s->var_high += squared(amount->high - amount->bytes);
}

void sf_state_add_counterpart(sf_device_state *s, const sf_amount *amount)
{
    s->var_low += squared(amount->high - amount->bytes);
    s->var_high += squared(amount->bytes - amount->low);
}

void sf_state_forget_band(sf_device_state *s, const sf_amount *amount)
{
    s->var_low -= squared(amount->bytes - amount->low);
    s->var_high -= squared(amount->high - amount->bytes);
    s->var_low = s->var_low < 0 ? 0 : s->var_low;
    s->var_high = s->var_high < 0 ? 0 : s->var_high;
}

sf_device_state *sf_start_device(sf_start *st, uint32_t index)
{
    for (size_t i = 0; i < st->n_devices; i++)
        if (st->devices[i].gpu->index == index)
            return &st->devices[i];
    sf_bug_if(true);
    return NULL;
}

sf_event *sf_start_event(sf_start *st, sf_event_kind kind, size_t stage, const sf_rank_need *r, double before)
{
    const sf_device_state *s = sf_start_device(st, r->device);
    sf_event *e;

    if (st->n_events == st->cap_events) {
        size_t cap = st->cap_events ? st->cap_events * 2 : 64;
        sf_event *events = sf_arena_grow(st->arena, st->events, st->n_events, cap, sizeof *events);

        if (!events) {
            st->out_of_memory = true;
            return NULL;
        }
        st->events = events;
        st->cap_events = cap;
    }
    e = &st->events[st->n_events++];
    *e = (sf_event){
        .kind = kind,
        .stage = stage,
        .rank = r->rank,
        .device = r->device,
        .free_before = (int64_t)before,
        .free_after = (int64_t)sf_state_free(s),
        .low_after = (int64_t)sf_state_free_low(s),
        .high_after = (int64_t)sf_state_free_high(s),
    };
    return e;
}

void sf_start_fail(sf_start *st, sf_event *e, sf_code code, sf_str text)
{
    e->failed = true;
    e->code = code;
    e->text = text;
    if (!text.p)
        st->out_of_memory = true;
    if (!st->failed)
        st->failure = (size_t)(e - st->events);
    st->failed = true;
}

void sf_start_risk(sf_start *st, sf_event *e, sf_code code, sf_str text)
{
    e->risk = true;
    if (!e->code) {
        e->code = code;
        e->text = text;
    }
    if (!st->risky)
        st->risk = (size_t)(e - st->events);
    st->risky = true;
}

bool sf_start_process_known(const sf_start *st)
{
    return st->opt && st->opt->host_pids;
}

const char *sf_event_name(sf_event_kind kind)
{
    static const char *const names[] = {"init",     "check",  "load",  "profile",
                                        "kv_cache", "graphs", "ready", "request"};

    return names[kind];
}

sf_where sf_start_util_where(const sf_stage *s)
{
    const sf_node *node = s->args.v[SF_ARG_gpu_memory_utilization].node;

    return sf_node_where(node && node->line ? node : s->node);
}

sf_where sf_start_gpu_where(const sf_start *st, uint32_t device)
{
    const sf_stage *found = NULL;
    int best = -1;

    for (size_t s = 0; s < st->d->n_stages; s++)
        for (size_t i = 0; i < st->stages[s].need->n_ranks; i++) {
            int weight = 2 * st->stages[s].need->has_kv + st->stages[s].need->util_given;

            if (st->ranks[s][i].device != device || weight < best)
                continue;
            found = &st->d->stages[s];
            best = weight;
        }
    return found ? sf_start_util_where(found) : (sf_where){0};
}
