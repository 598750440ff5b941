/*
 * hints: which number to change to what.  Every number that is proposed is computed from
 * the same amounts as the failure it answers, rounded to the safe side.
 */
#include <math.h>

#include "startup/budget.h"
#include "startup/state.h"

/* Bytes of KV cache that the stage must have on this rank: one request of its length. */
static double kv_needed(sf_start *st, size_t stage)
{
    const sf_stage_need *n = st->stages[stage].need;
    uint64_t bytes = 0;

    if (!n->has_kv)
        return 0;
    if (sf_kv_needed(st->arena, st->profile, &n->kv, n->max_model_len_auto ? 1 : n->max_model_len, NULL,
                     &bytes))
        return 0;
    return (double)bytes;
}

double sf_budget_needed(sf_start *st, size_t stage, const sf_rank_need *r)
{
    bool host = st->opt && st->opt->host_pids;
    sf_amount charges = sf_budget_charges(st->arena, st->profile, r, 0, host);

    return (double)charges.bytes + kv_needed(st, stage);
}

double sf_util_needed(sf_start *st, size_t stage)
{
    const sf_stage_need *n = st->stages[stage].need;
    double most = 0;

    if (!n->has_kv || n->kv_override_bytes)
        return 0;
    for (size_t i = 0; i < n->n_ranks; i++) {
        const sf_rank_need *r = &st->ranks[stage][i];
        double total = (double)sf_start_device(st, r->device)->gpu->total;
        double util = ceil(sf_budget_needed(st, stage, r) / total * 100) / 100;

        most = util > most ? util : most;
    }
    return most > 1 ? 0 : most;
}

static sf_str hundredths(sf_start *st, double v)
{
    return sf_fmt_py_round2(st->arena, v);
}

sf_str sf_hint_free_memory(sf_start *st, size_t stage, const sf_rank_need *r, double free_bytes)
{
    double total = (double)sf_start_device(st, r->device)->gpu->total;
    double least = sf_util_needed(st, stage), most = floor(free_bytes / total * 100) / 100;
    const sf_stage *s = st->stages[stage].need->stage;
    bool kv = st->stages[stage].need->has_kv;

    if (kv && least == 0)
        return sf_arena_printf(
            st->arena,
            "no gpu_memory_utilization is enough here: stage %lld needs %.*s in its budget on GPU "
            "%u; raise tensor_parallel_size, lower max_model_len, or use a larger GPU",
            (long long)s->id, SF_STR_ARG(sf_fmt_gib(st->arena, (int64_t)sf_budget_needed(st, stage, r))),
            r->device);
    if (most < 0.01 || most < least)
        return sf_arena_printf(
            st->arena,
            "stage %lld needs %.*s in its budget and GPU %u has %.*s free: lower "
            "gpu_memory_utilization of the stages that start before it, or move it to another GPU",
            (long long)s->id, SF_STR_ARG(sf_fmt_gib(st->arena, (int64_t)sf_budget_needed(st, stage, r))),
            r->device, SF_STR_ARG(sf_fmt_gib(st->arena, (int64_t)(free_bytes < 0 ? 0 : free_bytes))));
    if (!kv)
        return sf_arena_printf(st->arena,
                               "set gpu_memory_utilization of stage %lld to %.*s or less; it has no KV cache",
                               (long long)s->id, SF_STR_ARG(hundredths(st, most)));
    return sf_arena_printf(
        st->arena, "set gpu_memory_utilization of stage %lld to %.*s (at least %.*s is needed)",
        (long long)s->id, SF_STR_ARG(hundredths(st, most)), SF_STR_ARG(hundredths(st, least)));
}

sf_str sf_hint_kv(sf_start *st, size_t stage, const sf_rank_need *r, const sf_kv_result *kv)
{
    const sf_stage_need *n = st->stages[stage].need;
    uint64_t fits = kv->n_tests ? kv->estimated_len[kv->n_tests - 1] : 0;
    double util = sf_util_needed(st, stage), total = (double)sf_start_device(st, r->device)->gpu->total;
    double room = sf_state_free(sf_start_device(st, r->device)) + (double)r->part[SF_PART_WEIGHTS].bytes +
                  (double)r->part[SF_PART_NON_TORCH].bytes + (double)r->part[SF_PART_BUFFERS].bytes;
    bool util_helps = util > 0 && util * total <= room && !n->kv_override_bytes;
    long long id = (long long)n->stage->id;

    if (util_helps && fits)
        return sf_arena_printf(st->arena,
                               "set gpu_memory_utilization of stage %lld to %.*s, or max_model_len to %llu",
                               id, SF_STR_ARG(hundredths(st, util)), (unsigned long long)fits);
    if (util_helps)
        return sf_arena_printf(st->arena, "set gpu_memory_utilization of stage %lld to %.*s", id,
                               SF_STR_ARG(hundredths(st, util)));
    if (fits)
        return sf_arena_printf(st->arena,
                               "set max_model_len of stage %lld to %llu; GPU %u has no more to give", id,
                               (unsigned long long)fits, r->device);
    return sf_arena_printf(st->arena,
                           "stage %lld needs %.*s in its budget on GPU %u: raise tensor_parallel_size, lower "
                           "max_num_batched_tokens, or move other stages away",
                           id, SF_STR_ARG(sf_fmt_gib(st->arena, (int64_t)sf_budget_needed(st, stage, r))),
                           r->device);
}
