/*
 * advice: findings about a start that works: sums of utilisations, settings without effect,
 * memory that may run out later or that nobody uses, the parallel start's admission.
 */
#include <math.h>

#include "startup/advice.h"

/* A utilisation that decides nothing: generation stages after the strict check, dense diffusion. */
static void advise_no_effect(const sf_start *st, const sf_stage_need *n)
{
    bool generation = n->stage->kind == SF_STAGE_GENERATION && st->profile->check == SF_CHECK_CAP;

    if (!n->util_given || n->has_kv || (!generation && n->stage->kind != SF_STAGE_DIFFUSION))
        return;
    sf_diag_note(
        st->dg, SF_E_UTIL_NO_EFFECT, sf_start_util_where(n->stage),
        "leave it out; the stage takes what it needs, whatever the number says",
        "gpu_memory_utilization of stage %lld (%.*s) has no effect: a %s stage has no KV cache to size",
        (long long)n->stage->id, SF_STR_ARG(n->stage->name), sf_stage_kind_name(n->stage->kind));
}

/* Which stages share this GPU, as "thinker 0.6 + code2wav 0.1". */
static sf_str sharers(const sf_start *st, uint32_t device)
{
    sf_str text = SF_STR("");

    for (size_t s = 0; s < st->d->n_stages; s++)
        for (size_t i = 0; i < st->stages[s].need->n_ranks; i++)
            if (st->ranks[s][i].device == device)
                text = sf_arena_printf(st->arena, "%.*s%s%.*s %.*s", SF_STR_ARG(text), text.n ? " + " : "",
                                       SF_STR_ARG(st->d->stages[s].name),
                                       SF_STR_ARG(sf_fmt_py_float(st->arena, st->stages[s].need->util_frac)));
    return text;
}

static void advise_sum(const sf_start *st, const sf_device_report *d)
{
    if (d->n_ranks < 2 || d->util_sum <= 1.0000001)
        return;
    sf_diag_warning(st->dg, SF_E_UTIL_SUM, sf_start_gpu_where(st, d->gpu->index),
                    "stages that share a GPU stay resident together; keep the sum below 1.0",
                    "GPU %u carries gpu_memory_utilization %.*s = %.*s", d->gpu->index,
                    SF_STR_ARG(sharers(st, d->gpu->index)),
                    SF_STR_ARG(sf_fmt_py_round2(st->arena, d->util_sum)));
}

static void advise_later(const sf_start *st, const sf_device_report *d)
{
    if (d->left_low >= 0)
        return;
    sf_diag_warning(st->dg, SF_E_OOM_LATER, sf_start_gpu_where(st, d->gpu->index),
                    "lower gpu_memory_utilization of a stage on it so that at least 1 GiB stays free",
                    d->left < 0 ? "GPU %u starts, but activations at full load pass its memory by %.*s"
                                : "GPU %u keeps only %.*s free at full load, within the error band",
                    d->gpu->index, SF_STR_ARG(sf_fmt_gib(st->arena, d->left < 0 ? -d->left : d->left)));
}

static void advise_idle_gpu(const sf_start *st, const sf_device_report *d)
{
    if (!d->n_ranks)
        sf_diag_note(st->dg, SF_E_IDLE, (sf_where){0},
                     "give it to a stage with `devices`, or leave it out of --gpu",
                     "no stage uses GPU %u (%.*s)", d->gpu->index, SF_STR_ARG(d->gpu->name));
    else if (d->left_low > d->total / 4)
        sf_diag_note(st->dg, SF_E_IDLE, sf_start_gpu_where(st, d->gpu->index),
                     "raise gpu_memory_utilization of a stage that needs KV cache",
                     "%.*s of GPU %u stay unused", SF_STR_ARG(sf_fmt_gib(st->arena, d->left)), d->gpu->index);
}

/* A cache that holds far more than the stage may ever run at once. */
static void advise_oversized(const sf_start *st, const sf_stage_report *rep)
{
    const sf_stage_need *n = rep->need;

    if (!rep->kv || rep->kv->concurrency <= 4.0 * (double)n->max_num_seqs)
        return;
    sf_diag_note(st->dg, SF_E_IDLE, sf_start_util_where(n->stage),
                 st->profile->kv_bytes_flag ? "lower gpu_memory_utilization, or set kv_cache_memory_bytes"
                                            : "lower gpu_memory_utilization",
                 "stage %lld (%.*s) has KV cache for %.*s requests of %llu tokens, and max_num_seqs is %llu",
                 (long long)n->stage->id, SF_STR_ARG(n->stage->name),
                 SF_STR_ARG(sf_fmt_fixed(st->arena, rep->kv->concurrency, 1)),
                 (unsigned long long)rep->max_model_len, (unsigned long long)n->max_num_seqs);
}

/* A limit that the file asks for and the cache cannot serve at full length. */
static void advise_short(const sf_start *st, const sf_stage_report *rep)
{
    const sf_stage_need *n = rep->need;
    const sf_node *asked = n->stage->args.v[SF_ARG_max_num_seqs].node;

    if (!rep->kv || !asked || !n->max_num_seqs || rep->kv->concurrency >= (double)n->max_num_seqs)
        return;
    sf_diag_note(
        st->dg, SF_E_KV_FEW, sf_node_where(asked),
        "when all are that long: raise gpu_memory_utilization, or lower max_model_len or max_num_seqs",
        "stage %lld (%.*s) has KV cache for %.*s requests of %llu tokens, and max_num_seqs is %llu: "
        "%llu at once may have %llu tokens each",
        (long long)n->stage->id, SF_STR_ARG(n->stage->name),
        SF_STR_ARG(sf_fmt_fixed(st->arena, rep->kv->concurrency, 2)), (unsigned long long)rep->max_model_len,
        (unsigned long long)n->max_num_seqs, (unsigned long long)n->max_num_seqs,
        (unsigned long long)(rep->kv->tokens / n->max_num_seqs));
}

void sf_advise(sf_start *st, const sf_replay *r)
{
    for (size_t s = 0; s < st->d->n_stages; s++)
        advise_no_effect(st, st->stages[s].need);
    for (size_t i = 0; i < r->n_devices; i++)
        advise_sum(st, &r->devices[i]);
    if (st->failed)
        return;
    for (size_t i = 0; i < r->n_devices; i++) {
        advise_later(st, &r->devices[i]);
        advise_idle_gpu(st, &r->devices[i]);
    }
    for (size_t s = 0; s < st->d->n_stages; s++) {
        advise_oversized(st, &st->stages[s]);
        advise_short(st, &st->stages[s]);
    }
}
