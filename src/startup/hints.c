/*
 * hints: which number to change to what.  A number is proposed only when the deployment starts with it:
 * each one is tried on a copy of the needs, by the same replay that found the failure.
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
    sf_amount charges =
        sf_budget_charges(st->arena, st->profile, r, sf_other_use(st, stage, r), sf_start_process_known(st));

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

/* The largest utilisation in hundredths that every rank's GPU has free now. */
static double util_free(sf_start *st, size_t stage)
{
    const sf_stage_need *n = st->stages[stage].need;
    double least = 1;

    for (size_t i = 0; i < n->n_ranks; i++) {
        const sf_device_state *s = sf_start_device(st, st->ranks[stage][i].device);
        double util = floor(sf_state_free(s) / (double)s->gpu->total * 100) / 100;

        least = util < least ? util : least;
    }
    return least;
}

/* A change that may help: the needs with it, and how to say it. */
typedef struct change {
    sf_start *st;
    sf_stage_need *stages; /* a copy of all, to be changed */
    sf_str text;           /* "gpu_memory_utilization of stage 1 to 0.35" */
} change;

static bool change_init(change *c, sf_start *st)
{
    *c = (change){.st = st, .text = SF_STR("")};
    c->stages =
        sf_arena_grow(st->arena, st->need->stages, st->need->n_stages, st->need->n_stages, sizeof *c->stages);
    if (!c->stages)
        st->out_of_memory = true;
    return c->stages != NULL;
}

static void change_util(change *c, size_t stage, double util)
{
    c->stages[stage].util_frac = util;
    c->text =
        sf_arena_printf(c->st->arena, "%.*s%s of stage %lld to %.*s", SF_STR_ARG(c->text),
                        c->text.n ? "," : "gpu_memory_utilization", (long long)c->stages[stage].stage->id,
                        SF_STR_ARG(sf_fmt_py_round2(c->st->arena, util)));
}

static void change_length(change *c, size_t stage, uint64_t len)
{
    c->stages[stage].max_model_len = c->stages[stage].kv.max_model_len = len;
    c->text = sf_arena_printf(c->st->arena, "max_model_len of stage %lld to %llu",
                              (long long)c->stages[stage].stage->id, (unsigned long long)len);
}

static bool change_works(change *c)
{
    const sf_need need = {c->stages, c->st->need->n_stages};

    return sf_start_trial(c->st, &need);
}

/* One utilisation changed: does that do?  Replicas of a stage share their arguments. */
static bool try_util(sf_start *st, size_t stage, double util, sf_str *ret)
{
    change c;

    if (util < 0.01 || util > 1 || !change_init(&c, st))
        return false;
    change_util(&c, stage, util);
    for (size_t s = 0; s < st->d->n_stages; s++)
        if (st->d->stages[s].id == st->d->stages[stage].id)
            c.stages[s].util_frac = util;
    *ret = c.text;
    return change_works(&c);
}

static bool try_length(sf_start *st, size_t stage, uint64_t len, sf_str *ret)
{
    change c;

    if (!len || st->stages[stage].need->max_model_len_auto || !change_init(&c, st))
        return false;
    change_length(&c, stage, len);
    for (size_t s = 0; s < st->d->n_stages; s++)
        if (st->d->stages[s].id == st->d->stages[stage].id)
            c.stages[s].max_model_len = c.stages[s].kv.max_model_len = len;
    *ret = c.text;
    return change_works(&c);
}

/* What a stage without a KV cache really takes on its fullest GPU, as a utilisation: enough for the check. */
static double util_resident(sf_start *st, size_t stage)
{
    const sf_stage_need *n = st->stages[stage].need;
    double most = 0.01;

    for (size_t i = 0; i < n->n_ranks; i++) {
        const sf_rank_need *r = &st->ranks[stage][i];
        double bytes = (double)r->part[SF_PART_WEIGHTS].bytes + (double)r->part[SF_PART_BUFFERS].bytes +
                       (double)r->part[SF_PART_ACTIVATION].bytes;
        double util = ceil(bytes / (double)sf_start_device(st, r->device)->gpu->total * 100) / 100;

        most = util > most ? util : most;
    }
    return most;
}

/* Every stage at the least that it needs. */
static bool try_all_least(sf_start *st, sf_str *ret)
{
    change c;

    if (!change_init(&c, st))
        return false;
    for (size_t s = 0; s < st->d->n_stages; s++) {
        const sf_stage_need *n = st->stages[s].need;
        double util = n->has_kv ? sf_util_needed(st, s) : util_resident(st, s);
        bool again = s > 0 && st->d->stages[s - 1].id == st->d->stages[s].id;

        bool counts = n->has_kv
                          ? !n->kv_override_bytes
                          : st->profile->check == SF_CHECK_STRICT && n->stage->kind != SF_STAGE_DIFFUSION;

        if (!counts || (!n->has_kv && util >= n->util_frac))
            continue;
        if (util <= 0 || util > 1)
            return false;
        if (again)
            c.stages[s].util_frac = util;
        else if (util < n->util_frac || util > n->util_frac)
            change_util(&c, s, util);
    }
    *ret = c.text;
    return c.text.n && change_works(&c);
}

static sf_str say(sf_start *st, sf_str what, const char *more)
{
    return sf_arena_printf(st->arena, "set %.*s%s", SF_STR_ARG(what), more);
}

/* Nothing that was tried starts. */
static sf_str say_need(sf_start *st, size_t stage, const sf_rank_need *r, const char *what_helps)
{
    return sf_arena_printf(
        st->arena, "stage %lld needs %.*s in its budget on GPU %u: %s", (long long)st->d->stages[stage].id,
        SF_STR_ARG(sf_fmt_gib(st->arena, (int64_t)sf_budget_needed(st, stage, r))), r->device, what_helps);
}

sf_str sf_hint_free_memory(sf_start *st, size_t stage, const sf_rank_need *r, double free_bytes)
{
    bool kv = st->stages[stage].need->has_kv;
    double least = sf_util_needed(st, stage), most = util_free(st, stage);
    sf_str found;

    if (st->trial)
        return (sf_str){0};
    if (try_util(st, stage, most, &found)) {
        if (!kv)
            return say(st, found, " or less; it has no KV cache");
        if (least <= 0 || least >= most)
            return say(st, found, "");
        return sf_arena_printf(st->arena, "set %.*s (at least %.*s is needed)", SF_STR_ARG(found),
                               SF_STR_ARG(sf_fmt_py_round2(st->arena, least)));
    }
    if (kv && least < most && try_util(st, stage, least, &found))
        return say(st, found, "");
    if (try_all_least(st, &found))
        return say(st, found, "");
    if (kv && least <= 0)
        return say_need(
            st, stage, r,
            "more than the GPU has; raise tensor_parallel_size, lower max_model_len, or use a larger GPU");
    return sf_arena_printf(
        st->arena,
        "stage %lld needs %.*s in its budget and GPU %u has %.*s free: lower "
        "gpu_memory_utilization of the stages that start before it, or move it to another GPU",
        (long long)st->d->stages[stage].id,
        SF_STR_ARG(sf_fmt_gib(st->arena, (int64_t)sf_budget_needed(st, stage, r))), r->device,
        SF_STR_ARG(sf_fmt_gib(st->arena, (int64_t)(free_bytes < 0 ? 0 : free_bytes))));
}

sf_str sf_hint_kv(sf_start *st, size_t stage, const sf_rank_need *r, const sf_kv_result *kv)
{
    uint64_t fits = kv->n_tests ? kv->estimated_len[kv->n_tests - 1] : 0;
    sf_str util, length;
    bool by_util, by_length;

    if (st->trial)
        return (sf_str){0};
    by_util = try_util(st, stage, sf_util_needed(st, stage), &util);
    by_length = try_length(st, stage, fits, &length);
    if (by_util && by_length)
        return sf_arena_printf(st->arena, "set %.*s, or max_model_len to %llu", SF_STR_ARG(util),
                               (unsigned long long)fits);
    if (by_util)
        return say(st, util, "");
    if (by_length)
        return say(st, length, "");
    if (try_all_least(st, &util))
        return say(st, util, "");
    return say_need(st, stage, r,
                    "raise tensor_parallel_size, lower max_num_batched_tokens, or move other stages away");
}

sf_str sf_hint_room(sf_start *st, size_t stage, const sf_rank_need *r, double short_bytes)
{
    const sf_stage_need *n = st->stages[stage].need;
    double total = (double)sf_start_device(st, r->device)->gpu->total;
    double less = floor((n->util_frac - short_bytes / total) * 100) / 100;
    sf_str found;

    if (st->trial)
        return (sf_str){0};
    if (n->has_kv && !n->kv_override_bytes && try_util(st, stage, less, &found))
        return say(st, found, " or less");
    if (try_all_least(st, &found))
        return say(st, found, "");
    if (n->kv_override_bytes)
        return SF_STR("lower kv_cache_memory_bytes, or move the stage to another GPU");
    return SF_STR("move the stage to another GPU, raise tensor_parallel_size, or lower what the other stages "
                  "of this GPU take");
}
