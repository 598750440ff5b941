/* hints: each number that is proposed is applied, and the deployment starts. */
#include <stdlib.h>

#include "start_helper.h"

/* Applies what the first error's hint proposes; false when it proposes nothing. */
static bool apply(world *w, const sf_diags *dg)
{
    const sf_diag *d = sf_diags_last_error(dg);
    char text[512], *p;
    bool any = false, util = false;

    assert_non_null(d);
    assert_true(d->hint.n < sizeof text);
    memcpy(text, d->hint.p ? d->hint.p : "", d->hint.n);
    text[d->hint.n] = '\0';
    if (strncmp(text, "set ", 4) != 0)
        return false;
    for (p = text; (p = strstr(p, " of stage ")); any = true) {
        long stage = strtol(p + 10, &p, 10);

        util = util || strncmp(text + 4, "gpu_memory_utilization", 22) == 0;
        assert_int_equal(strncmp(p, " to ", 4), 0);
        if (util)
            w->needs[stage].util_frac = strtod(p + 4, &p);
        else
            w->needs[stage].max_model_len = w->needs[stage].kv.max_model_len =
                (uint64_t)strtoll(p + 4, &p, 10);
    }
    return any;
}

static void assert_hint_works(world *w, fixture *f, const char *hint)
{
    sf_diags_init(&f->dg, f->a);
    world_start(w);
    assert_int_equal(w->r->verdict, SF_FAILS);
    assert_str(sf_diags_last_error(&f->dg)->hint, hint);
    assert_true(apply(w, &f->dg));
    world_start(w);
    assert_int_equal(w->r->verdict, SF_STARTS);
}

static void test_busy_gpu(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm@0.19.0", 1, 80);
    w.gpus[0].used = gib(20);
    world_stage(&w, SF_STAGE_AR, 0.9, 0, 1, 10);
    assert_hint_works(&w, f, "set gpu_memory_utilization of stage 0 to 0.75 (at least 0.13 is needed)");
}

/* The first stage takes too much for the second: both numbers are needed. */
static void test_two_stages(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm-omni@2026-01", 1, 80);
    world_stage(&w, SF_STAGE_AR, 0.9, 0, 1, 10);
    world_stage(&w, SF_STAGE_AR, 0.5, 0, 1, 30);
    assert_hint_works(&w, f, "set gpu_memory_utilization of stage 0 to 0.13, of stage 1 to 0.38");
}

static void test_cache(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm@0.19.0", 1, 80);
    world_stage(&w, SF_STAGE_AR, 0.25, 0, 1, 20.0 - 100.0 / 1024);
    assert_hint_works(&w, f, "set gpu_memory_utilization of stage 0 to 0.26, or max_model_len to 800");
    world_init(&w, f, "vllm@0.19.0", 1, 80);
    world_stage(&w, SF_STAGE_AR, 0.25, 0, 1, 22);
    assert_hint_works(&w, f, "set gpu_memory_utilization of stage 0 to 0.28");
    world_init(&w, f, "vllm@0.19.0", 1, 20); /* the GPU has no more to give: only the length helps */
    world_stage(&w, SF_STAGE_AR, 1.0, 0, 1, 20.0 - 100.0 / 1024);
    assert_hint_works(&w, f, "set max_model_len of stage 0 to 800");
}

static void test_graphs(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm@0.19.0", 1, 24);
    world_stage(&w, SF_STAGE_AR, 0.98, 0, 1, 10);
    world_part(&w, 0, SF_PART_GRAPHS, exact_gib(0.9));
    assert_hint_works(&w, f, "set gpu_memory_utilization of stage 0 to 0.96 or less");
}

/* Where no number helps, none is given. */
static void test_nothing_helps(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm@0.19.0", 1, 24);
    world_stage(&w, SF_STAGE_AR, 0.9, 0, 1, 28);
    world_start(&w);
    assert_false(apply(&w, &f->dg));
    sf_diags_init(&f->dg, f->a);
    world_init(&w, f, "vllm@0.19.0", 1, 24);
    w.gpus[0].used = gib(20);
    world_stage(&w, SF_STAGE_AR, 0.9, 0, 1, 10);
    world_start(&w);
    assert_false(apply(&w, &f->dg));
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_busy_gpu), TEST(test_two_stages), TEST(test_cache),
                                       TEST(test_graphs), TEST(test_nothing_helps)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
