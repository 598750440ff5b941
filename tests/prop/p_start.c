/*
 * start: properties of the replay over random deployments.  The seed is printed; SF_SEED repeats a run,
 * SF_ROUNDS sets the number of deployments.
 */
#include <stdio.h>
#include <stdlib.h>

#include "../unit/start_helper.h"

static const char *const engines[] = {
    "vllm-v0@0.7.0",      "vllm@0.9.0",        "vllm@0.10.2",           "vllm@0.19.0",
    "vllm@0.29.0",        "vllm-omni@2025-12", "vllm-omni@2026-01",     "vllm-omni@nvml",
    "vllm-omni@tolerant", "vllm-omni@2026-08", "vllm-omni@device-level"};
enum { ENGINES = sizeof engines / sizeof *engines };

static uint64_t seed, rng;

static uint64_t next(void)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng;
}

static double between(double low, double high)
{
    return low + (high - low) * (double)(next() % 1000003) / 1000003.0;
}

static sf_amount some(double most)
{
    double n = between(0, most);

    return next() % 3 ? banded_gib(n, n * between(0.3, 1), n * between(1, 1.7)) : exact_gib(n);
}

static sf_stage_kind some_kind(bool omni)
{
    return !omni || next() % 2 ? SF_STAGE_AR : next() % 2 ? SF_STAGE_GENERATION : SF_STAGE_DIFFUSION;
}

/* One to four stages on up to four GPUs; plain vLLM has one stage. */
static void random_world(world *w, fixture *f, const char *engine)
{
    size_t gpus = 1 + next() % WORLD_GPUS, stages;
    bool omni;

    world_init(w, f, engine, gpus, (double)(24 + next() % 120));
    omni = w->profile.omni;
    w->opt.host_pids = next() % 2;
    for (size_t i = 0; i < gpus; i++)
        w->gpus[i].used = next() % 3 ? 0 : gib(between(0, 20));
    stages = omni ? 1 + next() % WORLD_STAGES : 1;
    for (size_t s = 0; s < stages; s++) {
        uint32_t tp = gpus >= 2 && next() % 3 == 0 ? 2 : 1;
        sf_stage_kind kind = some_kind(omni);
        double util = (double)(5 + next() % 95) / 100;
        sf_stage_need *n =
            world_stage(w, kind, util, (uint32_t)(next() % (gpus - tp + 1)), tp, between(0.1, 30));

        if (n->has_kv)
            world_cache(w, n, 16 + next() % 60000);
        world_part(w, s, SF_PART_CONTEXT, some(0.8));
        world_part(w, s, SF_PART_NCCL, tp > 1 ? some(2) : exact_gib(0));
        world_part(w, s, SF_PART_BUFFERS, some(0.4));
        world_part(w, s, SF_PART_NON_TORCH, some(1));
        world_part(w, s, SF_PART_ACTIVATION, some(5));
        world_part(w, s, SF_PART_GRAPHS, kind == SF_STAGE_AR ? some(1.5) : exact_gib(0));
        if (kind == SF_STAGE_AR && w->profile.graphs == SF_GRAPHS_SUBTRACT)
            world_part(w, s, SF_PART_GRAPHS_EST, some(2));
        world_part(w, s, SF_PART_CODEC_GRAPHS, kind == SF_STAGE_GENERATION ? some(3) : exact_gib(0));
    }
}

/* A copy whose pointers look at itself. */
static void copy_world(world *to, const world *from)
{
    *to = *from;
    to->inv.gpus = to->gpus;
    to->d.stages = to->stages;
    to->need.stages = to->needs;
    to->runs.runs = &to->run;
    for (size_t s = 0; s < to->d.n_stages; s++) {
        to->needs[s].stage = &to->stages[s];
        to->needs[s].ranks = to->ranks[s];
        to->needs[s].kv.specs = &to->spec;
        to->needs[s].kv.stages = &to->runs;
        to->stages[s].node = &to->nodes[s][0];
        to->stages[s].args.v[SF_ARG_gpu_memory_utilization].node = &to->nodes[s][1];
    }
}

static int rank_of(sf_verdict v)
{
    return v == SF_STARTS ? 2 : v == SF_STARTS_MAYBE ? 1 : 0;
}

#define hold(cond)                                                                                           \
    do {                                                                                                     \
        if (!(cond))                                                                                         \
            fail_msg("seed %llu, %s: %s", (unsigned long long)seed, engine, #cond);                          \
    } while (0)

/* Lines and what is left add up to the total; a start that holds uses no more than there is while it starts. */
static void check_sums(const world *w, const char *engine)
{
    assert_adds_up(w->r);
    for (size_t i = 0; i < w->r->n_events; i++)
        hold(w->r->verdict != SF_STARTS || w->r->events[i].free_after >= 0);
    for (size_t d = 0; d < w->r->n_devices; d++) {
        int64_t resident = 0;

        for (size_t i = 0; i < w->r->n_entries; i++)
            if (w->r->entries[i].resident && w->r->entries[i].device == w->r->devices[d].gpu->index)
                resident += w->r->entries[i].amount.bytes;
        hold(w->r->verdict != SF_STARTS || resident <= w->r->devices[d].total);
        hold(w->r->devices[d].left_low <= w->r->devices[d].left &&
             w->r->devices[d].left <= w->r->devices[d].left_high);
    }
}

/*
 * Releases that cap: memory that becomes free on one GPU lets a capped stage on two of them grow on both, and a
 * later stage on the other finds less.  So nothing of this kind holds there once a stage has several ranks.
 */
static bool caps_over_ranks(const world *w)
{
    for (size_t s = 0; s < w->d.n_stages; s++)
        if (w->needs[s].n_ranks > 1)
            return w->profile.check == SF_CHECK_CAP;
    return false;
}

/* GPUs with less on them make no verdict worse. */
static void check_less_used(const world *w, const char *engine)
{
    world other;

    if (caps_over_ranks(w))
        return;
    copy_world(&other, w);
    for (size_t i = 0; i < other.inv.n; i++)
        other.gpus[i].used = 0;
    world_start(&other);
    hold(rank_of(other.r->verdict) >= rank_of(w->r->verdict));
}

/* A lower utilisation of one stage leaves the others at least as much (where nothing is capped). */
static void check_lower_util(const world *w, const char *engine)
{
    size_t s = next() % w->d.n_stages;
    world other;

    if (w->profile.check == SF_CHECK_CAP)
        return;
    copy_world(&other, w);
    other.needs[s].util_frac *= 0.9;
    world_start(&other);
    for (size_t k = 0; k < w->d.n_stages; k++)
        if (k != s && w->r->stages[k].reached && other.r->stages[k].reached)
            for (size_t i = 0; i < w->needs[k].n_ranks; i++)
                hold(other.r->stages[k].rank_free[i] >= w->r->stages[k].rank_free[i]);
}

/* The first and the last GPU change their numbers: verdict and caches stay. */
static void check_relabelled(const world *w, const char *engine)
{
    uint32_t last = (uint32_t)w->inv.n - 1;
    uint64_t used;
    world other;

    copy_world(&other, w);
    used = other.gpus[0].used;
    other.gpus[0].used = other.gpus[last].used;
    other.gpus[last].used = used;
    for (size_t s = 0; s < other.d.n_stages; s++)
        for (size_t r = 0; r < other.needs[s].n_ranks; r++) {
            uint32_t *device = &other.ranks[s][r].device;

            *device = *device == 0 ? last : *device == last ? 0 : *device;
        }
    world_start(&other);
    hold(other.r->verdict == w->r->verdict && other.r->n_events == w->r->n_events);
    for (size_t s = 0; s < w->d.n_stages; s++)
        hold(other.r->stages[s].kv_available == w->r->stages[s].kv_available);
}

/* Where nothing is capped, a larger share never gives a smaller cache. */
static void check_higher_util(const world *w, const char *engine)
{
    size_t s = next() % w->d.n_stages;
    world other;

    if (w->profile.check == SF_CHECK_CAP || !w->needs[s].has_kv)
        return;
    copy_world(&other, w);
    other.needs[s].util_frac = other.needs[s].util_frac * 1.02 > 1 ? 1 : other.needs[s].util_frac * 1.02;
    world_start(&other);
    if (w->r->stages[s].started && other.r->stages[s].started)
        hold(other.r->stages[s].kv_available >= w->r->stages[s].kv_available);
}

/* Numbers after "of stage N to X" are put in; with all of them it starts. */
static bool apply_hint(world *w, const char *engine)
{
    const sf_diag *d = sf_diags_last_error(&w->f->dg);
    char text[1024], *p;
    bool util;

    hold(d && d->hint.n < sizeof text);
    memcpy(text, d->hint.p ? d->hint.p : "", d->hint.n);
    text[d->hint.n] = '\0';
    util = strncmp(text, "set gpu_memory_utilization", 26) == 0;
    if (!util && strncmp(text, "set max_model_len", 17) != 0)
        return false;
    for (p = text; (p = strstr(p, " of stage "));) {
        long s = strtol(p + 10, &p, 10);

        if (util)
            w->needs[s].util_frac = strtod(p + 4, &p);
        else
            w->needs[s].max_model_len = w->needs[s].kv.max_model_len = (uint64_t)strtoll(p + 4, &p, 10);
    }
    return true;
}

static unsigned long failures, hints;

static void check_hint(const world *w, fixture *f, const char *engine)
{
    world other;

    if (w->r->verdict != SF_FAILS)
        return;
    failures++;
    copy_world(&other, w);
    if (!apply_hint(&other, engine))
        return;
    hints++;
    sf_diags_init(&f->dg, f->a);
    world_start(&other);
    hold(other.r->nominal_ok);
}

static void test_random_deployments(void **state)
{
    const char *rounds = getenv("SF_ROUNDS");
    unsigned long n = rounds ? strtoul(rounds, NULL, 10) : 2000;

    for (unsigned long i = 0; i < n; i++) {
        const char *engine = engines[i % ENGINES];
        fixture f;
        world w;

        f.a = sf_arena_new((size_t)1 << 28);
        sf_diags_init(&f.dg, f.a);
        random_world(&w, &f, engine);
        world_start(&w);
        check_hint(&w, &f, engine);
        check_sums(&w, engine);
        check_less_used(&w, engine);
        check_lower_util(&w, engine);
        check_relabelled(&w, engine);
        check_higher_util(&w, engine);
        sf_arena_free(f.a);
    }
    (void)state;
    print_message("# %lu deployments, %lu do not start, %lu hints with numbers, all of them work\n", n,
                  failures, hints);
    assert_true(failures > n / 20 && hints > failures / 10); /* the properties were put to the test */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_deployments)};
    const char *given = getenv("SF_SEED");

    seed = given ? strtoull(given, NULL, 10) : 20261125;
    rng = seed * 2654435761u + 88172645463325252u;
    printf("# seed %llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
