/*
 * phases: one stage from process start to ready: context, check, weights, profile run, KV
 * cache, CUDA graphs; all ranks go through each phase together.
 * Rule: vLLM v1/worker/gpu_worker.py (init_device, determine_available_memory), vLLM-Omni worker/.
 */
#include <math.h>

#include "memory/amount.h"
#include "startup/budget.h"
#include "startup/state.h"

static sf_str device_text(const sf_start *st, size_t stage, const sf_rank_need *r)
{
    uint32_t tp = st->d->stages[stage].tp ? st->d->stages[stage].tp : 1;

    return sf_arena_printf(st->arena, "cuda:%u",
                           r->pp_rank * tp + r->tp_rank); /* as the engine counts its GPUs */
}

static sf_str check_text(sf_start *st, sf_message which, size_t stage, const sf_rank_need *r,
                         double requested, double free_bytes)
{
    const sf_gpu *gpu = sf_start_device(st, r->device)->gpu;
    sf_message_arg args[] = {
        sf_msg_text("device", device_text(st, stage, r)),
        sf_msg_bytes("free", (int64_t)free_bytes),
        sf_msg_bytes("total", (int64_t)gpu->total),
        sf_msg_number("util", st->stages[stage].need->util_frac),
        sf_msg_bytes("requested", (int64_t)requested),
    };

    return sf_profile_message(st->arena, st->profile, which, args, sizeof args / sizeof *args);
}

static void phase_init(sf_start *st, size_t stage, const sf_rank_need *r)
{
    sf_device_state *s = sf_start_device(st, r->device);
    double before = sf_state_free(s);

    sf_state_take(s, &r->part[SF_PART_CONTEXT]);
    if (!st->profile->nccl_in_budget) /* else they are made after the snapshot */
        sf_state_take(s, &r->part[SF_PART_NCCL]);
    sf_start_event(st, SF_EVENT_INIT, stage, r, before);
}

static void check_fails(sf_start *st, size_t stage, const sf_rank_need *r, sf_event *e, double requested,
                        double f)
{
    const sf_stage_need *n = st->stages[stage].need;
    sf_str text = check_text(st, SF_MSG_FREE_MEMORY, stage, r, requested, f);
    sf_str hint = sf_hint_free_memory(st, stage, r, f);

    sf_start_fail(st, e, SF_E_FREE_MEMORY, text);
    sf_diag_error(st->dg, SF_E_FREE_MEMORY, sf_start_util_where(n->stage), hint.p,
                  "stage %lld (%.*s) stops on GPU %u: %.*s", (long long)n->stage->id,
                  SF_STR_ARG(n->stage->name), r->device, SF_STR_ARG(text));
}

static void check_caps(sf_start *st, size_t stage, const sf_rank_need *r, sf_event *e, double requested,
                       double f)
{
    const sf_stage_need *n = st->stages[stage].need;
    sf_str text = check_text(st, SF_MSG_FREE_MEMORY_CAP, stage, r, requested, f);
    sf_str hint = sf_hint_free_memory(st, stage, r, f);

    e->code = SF_E_CAPPED;
    e->text = text;
    st->stages[stage].capped = true;
    if (n->has_kv)
        sf_diag_warning(st->dg, SF_E_CAPPED, sf_start_util_where(n->stage), hint.p,
                        "stage %lld (%.*s) asks for %.*s of GPU %u and gets the %.*s that are free; its CUDA "
                        "graphs and later stages find nothing",
                        (long long)n->stage->id, SF_STR_ARG(n->stage->name),
                        SF_STR_ARG(sf_fmt_gib(st->arena, (int64_t)requested)), r->device,
                        SF_STR_ARG(sf_fmt_gib(st->arena, (int64_t)f)));
}

static bool is_checked(const sf_start *st, const sf_stage *s)
{
    return st->profile->check != SF_CHECK_NONE && s->kind != SF_STAGE_DIFFUSION;
}

static void phase_check(sf_start *st, size_t stage, const sf_rank_need *r)
{
    sf_device_state *s = sf_start_device(st, r->device);
    sf_stage_report *rep = &st->stages[stage];
    const sf_stage_need *n = rep->need;
    double requested = (double)s->gpu->total * n->util_frac, f = sf_state_free(s);
    sf_event *e = sf_start_event(st, SF_EVENT_CHECK, stage, r, f);

    if (!e)
        return;
    if (st->profile->requested == SF_REQUESTED_CEIL)
        requested = ceil(requested);
    rep->rank_free[r->rank] = (int64_t)f;
    rep->rank_requested[r->rank] = (int64_t)requested;
    if (r->rank == 0)
        rep->requested = rep->requested_uncapped = (int64_t)requested;
    if (!is_checked(st, n->stage))
        return;
    if (f < requested && st->profile->check == SF_CHECK_CAP) {
        rep->rank_requested[r->rank] = (int64_t)f;
        if (r->rank == 0)
            rep->requested = (int64_t)f;
        check_caps(st, stage, r, e, requested, f);
        return;
    }
    if (f < requested)
        check_fails(st, stage, r, e, requested, f);
    if (st->profile->check != SF_CHECK_STRICT)
        return;
    if ((f >= requested && sf_state_free_low(s) < requested) ||
        (f < requested && sf_state_free_high(s) >= requested))
        sf_start_risk(st, e, SF_E_TIGHT,
                      sf_arena_printf(st->arena, "%.*s free against %.*s requested, within the error band",
                                      SF_STR_ARG(sf_fmt_gib(st->arena, (int64_t)f)),
                                      SF_STR_ARG(sf_fmt_gib(st->arena, (int64_t)requested))));
}

/* Fails the event when less than `room` is free, marks a risk when the band reaches that far. */
static void check_room(sf_start *st, sf_event *e, const sf_rank_need *r, const sf_amount *room, sf_code code)
{
    static const char *const what[] = {
        [SF_EVENT_LOAD] = "while loading the weights",
        [SF_EVENT_PROFILE] = "in the profile run",
        [SF_EVENT_GRAPHS] = "while capturing CUDA graphs",
        [SF_EVENT_REQUEST] = "in a request of that size",
    };
    const sf_stage *stage = st->stages[e->stage].need->stage;
    sf_device_state s = *sf_start_device(st, r->device);
    const char *when = what[e->kind];
    double f, low, high;
    sf_str text, hint;

    if (room)
        sf_state_take(&s, room);
    f = sf_state_free(&s);
    low = sf_state_free_low(&s);
    high = sf_state_free_high(&s);
    if (f >= 0 && low >= 0)
        return;
    if (f >= 0) {
        sf_start_risk(st, e, SF_E_TIGHT,
                      sf_arena_printf(st->arena, "%s leaves %.*s, within the error band", when,
                                      SF_STR_ARG(sf_fmt_gib(st->arena, (int64_t)f))));
        return;
    }
    text = sf_arena_printf(st->arena, "torch.OutOfMemoryError: CUDA out of memory %s: %.*s short", when,
                           SF_STR_ARG(sf_fmt_gib(st->arena, (int64_t)-f)));
    sf_start_fail(st, e, code, text);
    if (high >= 0)
        sf_start_risk(st, e, SF_E_TIGHT, text);
    hint =
        e->kind == SF_EVENT_REQUEST
            ? SF_STR(
                  "ask for fewer pixels or frames, or set vae_use_tiling, ulysses_degree or an offload mode")
            : sf_hint_room(st, e->stage, r, -f);
    sf_diag_error(st->dg, code, sf_node_where(stage->devices_node ? stage->devices_node : stage->node),
                  hint.p, "stage %lld (%.*s) runs out of memory on GPU %u %s: %.*s short",
                  (long long)stage->id, SF_STR_ARG(stage->name), e->device, when,
                  SF_STR_ARG(sf_fmt_gib(st->arena, (int64_t)-f)));
}

static void phase_load(sf_start *st, size_t stage, const sf_rank_need *r)
{
    sf_device_state *s = sf_start_device(st, r->device);
    sf_amount more =
        sf_amount_exact(r->weights_loading, (sf_str){0}, (sf_str){0}); /* gone when they are loaded */
    double before = sf_state_free(s);
    sf_event *e;

    if (st->profile->nccl_in_budget)
        sf_state_take(s, &r->part[SF_PART_NCCL]);
    sf_state_take(s, &r->part[SF_PART_WEIGHTS]);
    sf_state_take(s, &r->part[SF_PART_BUFFERS]);
    sf_state_take(s, &r->part[SF_PART_POOL]);
    e = sf_start_event(st, SF_EVENT_LOAD, stage, r, before);
    if (e)
        check_room(st, e, r, r->weights_loading ? &more : NULL, SF_E_WEIGHTS_OOM);
}

static void phase_profile(sf_start *st, size_t stage, const sf_rank_need *r)
{
    sf_device_state *s = sf_start_device(st, r->device);
    bool stays = st->d->stages[stage].kind == SF_STAGE_DIFFUSION;
    double before = sf_state_free(s);
    sf_event *e;

    sf_state_take(s, &r->part[SF_PART_NON_TORCH]);
    if (stays) /* the allocator keeps what the warm-up took */
        sf_state_take(s, &r->part[SF_PART_ACTIVATION]);
    e = sf_start_event(st, SF_EVENT_PROFILE, stage, r, before);
    if (e)
        check_room(st, e, r, stays ? NULL : &r->part[SF_PART_ACTIVATION], SF_E_OOM);
}

static void phase_graphs(sf_start *st, size_t stage, const sf_rank_need *r)
{
    sf_device_state *s = sf_start_device(st, r->device);
    double before = sf_state_free(s);
    sf_event *e;

    sf_state_take(s, &r->part[SF_PART_GRAPHS]);
    sf_state_take(s, &r->part[SF_PART_CODEC_GRAPHS]);
    e = sf_start_event(st, SF_EVENT_GRAPHS, stage, r, before);
    if (e)
        check_room(st, e, r, NULL, SF_E_OOM);
}

static void phase_request(sf_start *st, size_t stage, const sf_rank_need *r)
{
    const sf_amount *more = &r->part[SF_PART_REQUEST];
    double before = sf_state_free(sf_start_device(st, r->device));
    sf_event *e = more->high > 0 ? sf_start_event(st, SF_EVENT_REQUEST, stage, r, before) : NULL;

    if (e)
        check_room(st, e, r, more, SF_E_REQUEST_OOM);
}

typedef void phase(sf_start *st, size_t stage, const sf_rank_need *r);

static bool each_rank(sf_start *st, size_t stage, phase *run)
{
    for (size_t i = 0; i < st->stages[stage].need->n_ranks && !st->out_of_memory; i++)
        run(st, stage, &st->ranks[stage][i]);
    return !st->failed && !st->out_of_memory;
}

bool sf_stage_start(sf_start *st, size_t stage)
{
    sf_stage_report *rep = &st->stages[stage];

    rep->reached = true;
    if (!each_rank(st, stage, phase_init) || !each_rank(st, stage, phase_check) ||
        !each_rank(st, stage, phase_load) || !each_rank(st, stage, phase_profile) ||
        !sf_kv_phase(st, stage) || !each_rank(st, stage, phase_graphs))
        return false;
    for (size_t i = 0; i < rep->need->n_ranks; i++) {
        const sf_rank_need *r = &st->ranks[stage][i];

        sf_start_event(st, SF_EVENT_READY, stage, r, sf_state_free(sf_start_device(st, r->device)));
    }
    rep->started = true;
    return !st->out_of_memory;
}

bool sf_stage_request(sf_start *st, size_t stage)
{
    return st->d->stages[stage].kind != SF_STAGE_DIFFUSION || each_rank(st, stage, phase_request);
}
