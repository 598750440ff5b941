/*
 * admission: what vLLM-Omni adds up per GPU before a parallel start (parallel_stage_init), and refuses.
 * Rule: docs/numbers.md, "Admission of a parallel start"; it looks at requests, not at what is free.
 */
#include "startup/state.h"

/* vLLM-Omni's own constants (#5224). */
#define GRAPH_RESERVE (2 * SF_GIB)    /* for each stage that captures graphs */
#define EXTERNAL_RESERVE (1 * SF_GIB) /* for whatever else uses the GPU */
#define MARGIN (1 * SF_GIB)

/* What the stages of one GPU ask for, and which they are. */
typedef struct asking {
    uint64_t bytes;
    size_t n_stages;
    sf_str names;
} asking;

static bool captures(const sf_stage_need *n)
{
    return n->stage->kind != SF_STAGE_DIFFUSION &&
           !sf_args_bool(&n->stage->args, SF_ARG_enforce_eager, false);
}

static bool is_on(const sf_stage_need *n, const sf_rank_need *ranks, uint32_t device)
{
    for (size_t i = 0; i < n->n_ranks; i++)
        if (ranks[i].device == device)
            return true;
    return false;
}

static asking asked_of(sf_start *st, const sf_gpu *gpu)
{
    asking a = {.names = SF_STR("")};

    for (size_t s = 0; s < st->d->n_stages; s++) {
        const sf_stage_need *n = st->stages[s].need;

        if (!is_on(n, st->ranks[s], gpu->index))
            continue;
        a.bytes = sf_add_sat(a.bytes, (uint64_t)((double)gpu->total * n->util_frac));
        a.bytes = sf_add_sat(a.bytes, captures(n) ? GRAPH_RESERVE : 0);
        a.names = sf_arena_printf(st->arena, "%.*s%sstage %lld", SF_STR_ARG(a.names), a.n_stages ? ", " : "",
                                  (long long)n->stage->id);
        a.n_stages++;
    }
    a.bytes = sf_add_sat(a.bytes, EXTERNAL_RESERVE + MARGIN);
    return a;
}

static sf_where place(const sf_start *st)
{
    const sf_node *node = st->d->parallel_node;

    return node ? sf_node_where_key(node, SF_STR("parallel_stage_init")) : (sf_where){.file = st->d->source};
}

/* The start ends before anything is launched: one event, on the first GPU that is over. */
static void refuse(sf_start *st, const sf_gpu *gpu, sf_str text, const char *hint)
{
    for (size_t s = 0; s < st->d->n_stages && !st->failed; s++)
        for (size_t i = 0; i < st->stages[s].need->n_ranks && !st->failed; i++) {
            const sf_rank_need *r = &st->ranks[s][i];
            sf_event *e =
                r->device == gpu->index
                    ? sf_start_event(st, SF_EVENT_INIT, s, r, sf_state_free(sf_start_device(st, r->device)))
                    : NULL;

            if (st->out_of_memory)
                return;
            if (e)
                sf_start_fail(st, e, SF_E_ADMISSION, text);
        }
    sf_diag_error(st->dg, SF_E_ADMISSION, place(st), hint, "%.*s", SF_STR_ARG(text));
}

/* A dense diffusion stage that does not say its share cannot be admitted. */
static bool refuse_diffusion(sf_start *st)
{
    for (size_t s = 0; s < st->d->n_stages; s++) {
        const sf_stage_need *n = st->stages[s].need;
        sf_str text;

        if (n->stage->kind != SF_STAGE_DIFFUSION || n->util_given)
            continue;
        text = sf_arena_printf(
            st->arena, "parallel_stage_init needs gpu_memory_utilization of diffusion stage %lld (%.*s)",
            (long long)n->stage->id, SF_STR_ARG(n->stage->name));
        refuse(st, sf_start_device(st, st->ranks[s][0].device)->gpu, text,
               "give the stage a gpu_memory_utilization, or leave parallel_stage_init out");
        return true;
    }
    return false;
}

static sf_str refusal(sf_start *st, const sf_gpu *gpu, const asking *a)
{
    sf_message_arg args[] = {
        sf_msg_count("device", gpu->index),
        sf_msg_bytes("need", (int64_t)a->bytes),
        sf_msg_bytes("capacity", (int64_t)gpu->total),
        sf_msg_text("contributors", a->names),
    };

    return sf_profile_message(st->arena, st->profile, SF_MSG_ADMISSION, args, sizeof args / sizeof *args);
}

bool sf_admission(sf_start *st)
{
    bool asked = st->d->parallel_stage_init;

    if (!st->profile->has_admission)
        return true;
    if (asked && refuse_diffusion(st))
        return false;
    for (size_t i = 0; i < st->n_devices; i++) {
        const sf_gpu *gpu = st->devices[i].gpu;
        asking a = asked_of(st, gpu);

        if (a.bytes <= gpu->total || !a.n_stages)
            continue;
        if (asked) {
            refuse(st, gpu, refusal(st, gpu, &a),
                   "lower the gpu_memory_utilization of stages on it, or leave parallel_stage_init out");
            return false;
        }
        if (a.n_stages > 1 && !st->trial)
            sf_diag_note(
                st->dg, SF_E_ADMISSION, sf_start_gpu_where(st, gpu->index),
                "keep parallel_stage_init off, or lower utilisations",
                "with parallel_stage_init the start would be refused: GPU %u needs %.*s with the reserves, "
                "and has %.*s",
                gpu->index, SF_STR_ARG(sf_fmt_gib(st->arena, (int64_t)a.bytes)),
                SF_STR_ARG(sf_fmt_gib(st->arena, (int64_t)gpu->total)));
    }
    return !st->out_of_memory;
}
