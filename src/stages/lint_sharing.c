/*
 * lint_sharing: stages that share a GPU: what they ask for together, and in which order they start.
 * Must not know how large a GPU is: `check` does, and says more.  Rules: the start order of each release.
 */
#include "stages/lint.h"

#include "base/num.h"

/* True when the release checks, or sizes a cache by, the utilisation of the stage. */
static bool util_counts(const sf_lint *l, const sf_stage *st)
{
    return st->kind == SF_STAGE_AR ||
           (st->kind == SF_STAGE_GENERATION && l->profile->check == SF_CHECK_STRICT);
}

/* 0 for one outside (0, 1]: that has been said, and nothing follows from it. */
static double util_of(const sf_lint *l, const sf_stage *st)
{
    double util = sf_args_f64(&st->args, SF_ARG_gpu_memory_utilization, l->profile->default_util_frac);

    return util > 0 && util <= 1 ? util : 0;
}

/* The slots [from, *ret_to) of one GPU; false past the last. */
static bool next_device(const sf_lint *l, size_t from, size_t *ret_to)
{
    size_t to = from;

    while (to < l->n_slots && l->slots[to].device == l->slots[from].device)
        to++;
    *ret_to = to;
    return from < l->n_slots;
}

static bool shares(const sf_lint *l, size_t stage, sf_lint_slot *ret_other)
{
    for (size_t from = 0, to; next_device(l, from, &to); from = to) {
        size_t other = SIZE_MAX;
        bool here = false;

        for (size_t i = from; i < to; i++) {
            here |= l->slots[i].stage == stage;
            if (!sf_lint_same_stage(l, l->slots[i].stage, stage))
                other = i;
        }
        if (here && other != SIZE_MAX) {
            *ret_other = l->slots[other];
            return true;
        }
    }
    return false;
}

/* The default is made for a GPU that one engine has to itself. */
void sf_lint_util_default(sf_lint *l)
{
    for (size_t s = 0; l->profile && s < l->d->n_stages; s++) {
        const sf_stage *st = &l->d->stages[s];
        const sf_draft *draft = sf_lint_draft(l, st);
        sf_lint_slot other;

        if (st->replica || !draft || !util_counts(l, st) ||
            sf_args_has(&st->args, SF_ARG_gpu_memory_utilization) ||
            sf_args_has(&st->args, SF_ARG_kv_cache_memory_bytes) || !shares(l, s, &other))
            continue;
        sf_lint_say(l, SF_WARNING, SF_E_UTIL_DEFAULT,
                    sf_lint_where(l, draft, sf_lint_stage_node(l, st), SF_STR("gpu_memory_utilization")),
                    "write gpu_memory_utilization of the stage",
                    "stage %lld (%.*s) shares GPU %u with stage %lld and has no gpu_memory_utilization: it "
                    "takes %.*s",
                    (long long)st->id, SF_STR_ARG(st->name), other.device,
                    (long long)l->d->stages[other.stage].id,
                    SF_STR_ARG(sf_fmt_py_float(l->a, l->profile->default_util_frac)));
    }
}

/* What stages with a budget ask of one GPU. */
static double sum_of(const sf_lint *l, size_t from, size_t to, size_t *ret_last, size_t *ret_n)
{
    double sum = 0;

    *ret_n = 0;
    for (size_t i = from; i < to; i++) {
        const sf_stage *st = &l->d->stages[l->slots[i].stage];

        if (!util_counts(l, st))
            continue;
        sum += util_of(l, st);
        *ret_last = l->slots[i].stage;
        ++*ret_n;
    }
    return sum;
}

/* "thinker 0.6 + talker 0.5" */
static const char *parts(sf_lint *l, size_t from, size_t to)
{
    const char *text = "";

    for (size_t i = from, n = 0; i < to && n < 8; i++) {
        const sf_stage *st = &l->d->stages[l->slots[i].stage];

        if (!util_counts(l, st))
            continue;
        text = sf_lint_text(l, "%s%s%.*s %.*s", text, n++ ? " + " : "", SF_STR_ARG(st->name),
                            SF_STR_ARG(sf_fmt_py_float(l->a, util_of(l, st))));
    }
    return text;
}

static const sf_node *util_node(const sf_lint *l, size_t stage)
{
    const sf_node *v = l->d->stages[stage].args.v[SF_ARG_gpu_memory_utilization].node;

    return v ? v : sf_lint_stage_node(l, &l->d->stages[stage]);
}

void sf_lint_util_sum(sf_lint *l)
{
    for (size_t from = 0, to; l->profile && next_device(l, from, &to); from = to) {
        size_t last = 0, n;
        double sum = sum_of(l, from, to, &last, &n);

        if (n < 2 || sum <= 1.0000001)
            continue;
        sf_lint_say(l, SF_WARNING, SF_E_UTIL_SUM,
                    sf_node_where_key(util_node(l, last), SF_STR("gpu_memory_utilization")),
                    "stages that share a GPU stay resident together; keep the sum below 1.0",
                    "GPU %u carries gpu_memory_utilization %s = %.*s", l->slots[from].device,
                    parts(l, from, to), SF_STR_ARG(sf_fmt_py_round2(l->a, sum)));
    }
}

/* Has a cache of its own: a paged one is sized by the utilisation. */
static bool paged(const sf_draft *draft)
{
    const sf_node *mode = sf_node_get(draft->engine, "diffusion_kv_mode");

    return mode && sf_str_starts(mode->text, SF_STR("paged"));
}

void sf_lint_util_unused(sf_lint *l)
{
    for (size_t s = 0; l->profile && s < l->d->n_stages; s++) {
        const sf_stage *st = &l->d->stages[s];
        const sf_draft *draft = sf_lint_draft(l, st);
        const sf_arg_value *util = &st->args.v[SF_ARG_gpu_memory_utilization];

        if (st->replica || !draft || !util->node || util->from == SF_FROM_CLI || util_counts(l, st) ||
            paged(draft))
            continue;
        sf_lint_say(
            l, SF_NOTE, SF_E_UTIL_NO_EFFECT,
            sf_lint_where(l, draft, util->node, SF_STR("gpu_memory_utilization")),
            "leave it out; the stage takes what it needs, whatever the number says",
            "gpu_memory_utilization of stage %lld (%.*s) has no effect: a %s stage has no KV cache to size",
            (long long)st->id, SF_STR_ARG(st->name), sf_stage_kind_name(st->kind));
    }
}

static bool same_devices(const sf_stage *a, const sf_stage *b)
{
    if (!a->devices_node || !b->devices_node)
        return a->devices_node == b->devices_node;
    return sf_str_eq(a->devices_node->text, b->devices_node->text);
}

/* Start groups are formed by the text of `devices`: stages of one GPU in two groups wait for each other. */
void sf_lint_device_sets(sf_lint *l)
{
    for (size_t from = 0, to; next_device(l, from, &to); from = to)
        for (size_t i = from + 1; i < to && l->said < SF_LINT_SAID; i++) {
            const sf_stage *st = &l->d->stages[l->slots[i].stage],
                           *before = &l->d->stages[l->slots[i - 1].stage];
            const sf_draft *draft = sf_lint_draft(l, st);

            if (st->kind == SF_STAGE_DIFFUSION || before->kind == SF_STAGE_DIFFUSION ||
                same_devices(st, before) || sf_lint_same_stage(l, l->slots[i].stage, l->slots[i - 1].stage) ||
                !draft)
                continue;
            sf_lint_say(
                l, SF_WARNING, SF_E_DEVICE_SETS,
                sf_node_where_key(st->devices_node ? st->devices_node : sf_lint_stage_node(l, st),
                                  draft->devices_path),
                "give both the same devices, or move one away; releases from September 2026 do not mind",
                "stages %lld and %lld share GPU %u but not all their devices: this release starts them side "
                "by side, and they can block each other for minutes",
                (long long)before->id, (long long)st->id, l->slots[from].device);
            if (before->devices_node)
                sf_lint_related(l, sf_node_where(before->devices_node), "the other devices");
        }
}

/* True when the release has stage `a` ready before `b` starts. */
static bool before(const sf_profile *p, const sf_stage *a, const sf_stage *b)
{
    bool diffusion_first = p->order == SF_ORDER_DIFFUSION_FIRST_GROUPS_BY_TEXT ||
                           p->order == SF_ORDER_DIFFUSION_FIRST_GROUPS_BY_OVERLAP;

    if (p->order == SF_ORDER_PARALLEL)
        return false;
    if (diffusion_first && (a->kind == SF_STAGE_DIFFUSION) != (b->kind == SF_STAGE_DIFFUSION))
        return a->kind == SF_STAGE_DIFFUSION;
    return a->id < b->id;
}

/* A cache takes all that it may: nine tenths of a GPU leave little to one that is not sized by a fraction. */
void sf_lint_start_order(sf_lint *l)
{
    for (size_t from = 0, to; l->profile && next_device(l, from, &to); from = to)
        for (size_t i = from; i < to; i++)
            for (size_t k = from; k < to && l->said < SF_LINT_SAID; k++) {
                const sf_stage *first = &l->d->stages[l->slots[i].stage],
                               *then = &l->d->stages[l->slots[k].stage];
                double util = util_of(l, first);

                if (first->kind != SF_STAGE_AR || util_counts(l, then) || util < 0.9 ||
                    !before(l->profile, first, then))
                    continue;
                sf_lint_say(
                    l, SF_WARNING, SF_E_START_ORDER,
                    sf_node_where_key(util_node(l, l->slots[i].stage), SF_STR("gpu_memory_utilization")),
                    "lower it by what the later stage needs; `stagefit check` says how much",
                    "stage %lld (%.*s) starts first and takes %.*s of GPU %u: stage %lld (%.*s) has to start "
                    "in the rest",
                    (long long)first->id, SF_STR_ARG(first->name), SF_STR_ARG(sf_fmt_py_float(l->a, util)),
                    l->slots[from].device, (long long)then->id, SF_STR_ARG(then->name));
            }
}

/* Captured graphs come on top of what the utilisation bounds, in the releases that do not subtract them. */
void sf_lint_graphs(sf_lint *l)
{
    if (!l->profile || l->profile->graphs == SF_GRAPHS_SUBTRACT)
        return;
    for (size_t from = 0, to; next_device(l, from, &to); from = to) {
        size_t last = 0, n, captures = 0;
        double sum = sum_of(l, from, to, &last, &n);

        for (size_t i = from; i < to; i++) {
            const sf_stage *st = &l->d->stages[l->slots[i].stage];

            captures += util_counts(l, st) && !sf_args_bool(&st->args, SF_ARG_enforce_eager, false);
        }
        if (!captures || n < 2 || sum <= 0.9500001 || sum > 1.0000001)
            continue;
        sf_lint_say(l, SF_WARNING, SF_E_GRAPHS_OUTSIDE,
                    sf_node_where_key(util_node(l, last), SF_STR("gpu_memory_utilization")),
                    "keep the sum at 0.95 or below, or set enforce_eager: true",
                    "GPU %u carries %s = %.*s, and %zu stage(s) capture CUDA graphs outside of it",
                    l->slots[from].device, parts(l, from, to), SF_STR_ARG(sf_fmt_py_round2(l->a, sum)),
                    captures);
    }
}
