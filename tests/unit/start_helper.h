/*
 * start_helper: deployments made by hand for the replay: stages whose every amount is known to the byte, and
 * answers of the public API with what stands behind them.
 */
#ifndef SF_TESTS_UNIT_START_HELPER_H
#define SF_TESTS_UNIT_START_HELPER_H

#include "test.h"

#include "api/session.h"
#include "memory/amount.h"
#include "startup/replay.h"

enum { WORLD_STAGES = 4, WORLD_RANKS = 4, WORLD_GPUS = 4, WORLD_LAYERS = 32 };

/* One block of the hand-made stages: 32 layers × 16 tokens × (K + V) × 8 heads × 128 × 2 bytes. */
#define WORLD_BLOCK ((uint64_t)2 << 20)

typedef struct world {
    fixture *f;
    sf_profile profile; /* a copy that a test may change */
    sf_gpu gpus[WORLD_GPUS];
    sf_inventory inv;
    sf_stage stages[WORLD_STAGES];
    sf_stage_need needs[WORLD_STAGES];
    sf_rank_need ranks[WORLD_STAGES][WORLD_RANKS];
    sf_node nodes[WORLD_STAGES][2]; /* the stage, its utilisation */
    sf_kv_spec spec;
    sf_kv_run run;
    sf_kv_stage_runs runs;
    sf_deployment d;
    sf_need need;
    sf_account_options opt;
    const sf_replay *r;
} world;

static inline uint64_t gib(double n)
{
    return (uint64_t)(n * (double)SF_GIB + 0.5);
}

static inline sf_amount exact_gib(double n)
{
    return sf_amount_exact(gib(n), SF_STR("as the test says"), SF_STR("test"));
}

static inline sf_amount banded_gib(double n, double low, double high)
{
    return sf_amount_band(n * (double)SF_GIB, low * (double)SF_GIB, high * (double)SF_GIB, SF_ORIGIN_MODELLED,
                          SF_STR("as the test says"), SF_STR("test"));
}

static inline void world_init(world *w, fixture *f, const char *engine, size_t gpus, double total_gib)
{
    const sf_profile *p = NULL;

    *w = (world){.f = f, .opt = {.host_pids = true}};
    assert_int_equal(sf_profile_find(f->a, sf_str_of(engine), false, &f->dg, &p), SF_OK);
    w->profile = *p;
    for (size_t i = 0; i < gpus; i++)
        w->gpus[i] = (sf_gpu){.index = (uint32_t)i,
                              .name = SF_STR("card"),
                              .total = gib(total_gib),
                              .total_low = gib(total_gib),
                              .total_high = gib(total_gib)};
    w->inv = (sf_inventory){w->gpus, gpus};
    w->spec = (sf_kv_spec){.kind = SF_KV_FULL,
                           .block_size = 16,
                           .kv_heads = 8,
                           .head_size = 128,
                           .head_size_v = 128,
                           .dtype_bits = 16};
    w->run = (sf_kv_run){0, WORLD_LAYERS};
    w->runs = (sf_kv_stage_runs){&w->run, 1};
    w->d = (sf_deployment){.source = SF_STR("d.yaml"), .stages = w->stages, .served_by = SF_STR("llm")};
    w->need = (sf_need){w->needs, 0};
}

static inline void world_cache(world *w, sf_stage_need *n, uint64_t len)
{
    n->has_kv = true;
    n->max_model_len = len;
    n->kv = (sf_kv_case){.specs = &w->spec,
                         .n_specs = 1,
                         .stages = &w->runs,
                         .n_stages = 1,
                         .dcp = 1,
                         .pcp = 1,
                         .max_model_len = len,
                         .max_num_batched_tokens = 8192,
                         .in_flight_tokens = 8192,
                         .cache_block_size = 16};
}

/*
 * A stage on GPUs first … first + tp - 1: util, weights, and for an AR stage a cache for requests of 1024 tokens
 * (128 MiB).  Its node stands at line 10 × (id + 1), column 5; its utilisation one line below, column 9.
 */
static inline sf_stage_need *world_stage(world *w, sf_stage_kind kind, double util, uint32_t first,
                                         uint32_t tp, double weights_gib)
{
    static const char *const names[WORLD_STAGES] = {"one", "two", "three", "four"};
    size_t s = w->d.n_stages++;
    sf_stage *st = &w->stages[s];
    sf_stage_need *n = &w->needs[s];

    w->nodes[s][0] =
        (sf_node){.kind = SF_MAP, .file = SF_STR("d.yaml"), .line = (uint32_t)(10 * (s + 1)), .col = 5};
    w->nodes[s][1] = (sf_node){.kind = SF_FLOAT,
                               .file = SF_STR("d.yaml"),
                               .line = (uint32_t)(10 * (s + 1) + 1),
                               .col = 9,
                               .as = {.f = util}};
    *st = (sf_stage){.id = (int64_t)s,
                     .name = sf_str_of(names[s]),
                     .kind = kind,
                     .tp = tp,
                     .pp = 1,
                     .dp = 1,
                     .world = tp,
                     .n_replicas = 1,
                     .node = &w->nodes[s][0]};
    st->args.v[SF_ARG_gpu_memory_utilization].node = &w->nodes[s][1];
    *n = (sf_stage_need){.stage = st,
                         .util_frac = util,
                         .util_given = true,
                         .max_num_seqs = 256,
                         .max_num_batched_tokens = 8192,
                         .ranks = w->ranks[s],
                         .n_ranks = tp};
    for (uint32_t r = 0; r < tp; r++) {
        w->ranks[s][r] = (sf_rank_need){.rank = r, .tp_rank = r, .device = first + r};
        w->ranks[s][r].part[SF_PART_WEIGHTS] = exact_gib(weights_gib);
    }
    if (kind == SF_STAGE_AR)
        world_cache(w, n, 1024);
    w->need.n_stages = w->d.n_stages;
    return n;
}

/* Gives every rank of a stage the same amount of one part. */
static inline void world_part(world *w, size_t stage, sf_part part, sf_amount x)
{
    for (size_t r = 0; r < w->needs[stage].n_ranks; r++)
        w->ranks[stage][r].part[part] = x;
}

static inline const sf_replay *world_start(world *w)
{
    assert_int_equal(
        sf_replay_start(w->f->a, &w->profile, &w->d, &w->need, &w->inv, &w->opt, &w->f->dg, &w->r), SF_OK);
    return w->r;
}

/* The n-th diagnostic of a code, or NULL. */
static inline const sf_diag *diag_of(const sf_diags *dg, sf_code code)
{
    for (size_t i = 0; i < dg->n; i++)
        if (dg->items[i].code == code)
            return &dg->items[i];
    return NULL;
}

static inline void assert_diag_at(const sf_diags *dg, sf_code code, sf_severity severity, unsigned line,
                                  unsigned col)
{
    const sf_diag *d = diag_of(dg, code);

    assert_non_null(d);
    assert_int_equal(d->severity, severity);
    assert_int_equal(d->at.line, line);
    assert_int_equal(d->at.col, col);
}

static inline const sf_event *event_of(const sf_replay *r, sf_event_kind kind, size_t stage, uint32_t rank)
{
    for (size_t i = 0; i < r->n_events; i++)
        if (r->events[i].kind == kind && r->events[i].stage == stage && r->events[i].rank == rank)
            return &r->events[i];
    return NULL;
}

/* The lines of each GPU and what is left add up to its total. */
static inline void assert_adds_up(const sf_replay *r)
{
    for (size_t d = 0; d < r->n_devices; d++) {
        int64_t sum = r->devices[d].left;

        for (size_t i = 0; i < r->n_entries; i++)
            if (r->entries[i].device == r->devices[d].gpu->index)
                sum += r->entries[i].amount.bytes;
        assert_int_equal(sum, r->devices[d].total);
    }
}

/* One question to the public API; `command` is a pasted line. */
typedef struct question {
    const char *engine, *gpu, *config, *command, *model;
    const char *set[4];
    uint32_t flags;
} question;

static inline stagefit_result *ask(const question *q)
{
    stagefit_request req = {.size = sizeof req,
                            .flags = q->flags,
                            .engine = q->engine,
                            .gpus = &q->gpu,
                            .n_gpus = 1,
                            .config_text = q->config,
                            .config_len = q->config ? strlen(q->config) : 0,
                            .command = q->command ? &q->command : NULL,
                            .n_command = q->command ? 1 : 0,
                            .model = q->model,
                            .set = q->set};
    stagefit_result *r = NULL;
    static stagefit *session; /* lives as long as the program */

    while (req.n_set < sizeof q->set / sizeof *q->set && q->set[req.n_set])
        req.n_set++;
    if (!session)
        assert_int_equal(stagefit_open(NULL, &session), 0);
    assert_int_not_equal(stagefit_check(session, &req, &r), SF_E_NOMEM);
    assert_non_null(r);
    return r;
}

#endif
