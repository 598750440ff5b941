/* replay: several stages: their order, what earlier ones leave, bands, admission. */
#include "start_helper.h"

/* Stages as they were first seen, as digits. */
static const char *order_of(fixture *f, const sf_replay *r)
{
    sf_str text = SF_STR("");

    for (size_t i = 0; i < r->n_events; i++)
        if (r->events[i].kind == SF_EVENT_INIT && r->events[i].rank == 0)
            text = sf_arena_printf(f->a, "%.*s%zu", SF_STR_ARG(text), r->events[i].stage);
    return sf_arena_cstr(f->a, text);
}

static void test_order(void **state)
{
    static const struct {
        const char *engine, *order;
    } row[] = {
        {"vllm-omni@2025-12",      "012"},
        {"vllm-omni@nvml",         "012"},
        {"vllm-omni@tolerant",     "102"},
        {"vllm-omni@device-level", "102"},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        world w;

        world_init(&w, f, row[i].engine, 1, 80);
        world_stage(&w, SF_STAGE_AR, 0.3, 0, 1, 10);
        world_stage(&w, SF_STAGE_DIFFUSION, 0.1, 0, 1, 20);
        world_stage(&w, SF_STAGE_AR, 0.2, 0, 1, 5);
        world_start(&w);
        assert_string_equal(order_of(f, w.r), row[i].order);
        assert_int_equal(w.r->verdict, SF_STARTS);
        assert_adds_up(w.r);
    }
}

/* A later stage sees what earlier ones hold: their caches, too. */
static void test_earlier_stages_lower_what_is_free(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm-omni@2026-01", 1, 80);
    world_stage(&w, SF_STAGE_AR, 0.5, 0, 1, 10);
    world_stage(&w, SF_STAGE_AR, 0.4, 0, 1, 10);
    world_part(&w, 0, SF_PART_CONTEXT, exact_gib(0.5));
    world_part(&w, 1, SF_PART_CONTEXT, exact_gib(0.5));
    world_start(&w);
    assert_int_equal(w.r->verdict, SF_STARTS);
    assert_int_equal(w.r->stages[1].rank_free[0], (int64_t)gib(80 - 0.5 - 40 - 0.5));
    w.stages[0].args.v[SF_ARG_gpu_memory_utilization].node = NULL;
    w.needs[0].util_frac = 0.6;
    world_start(&w);
    assert_int_equal(w.r->verdict, SF_FAILS);
    assert_int_equal(w.r->first_failure->stage, 1);
    assert_int_equal(w.r->first_failure->code, SF_E_FREE_MEMORY);
    assert_false(w.r->stages[1].started);
    assert_true(w.r->stages[0].started);
    assert_adds_up(w.r);
}

/* Just above and just below the request: the outcome is in the band, and is said to be. */
static void test_tight(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm@0.19.0", 1, 80);
    world_stage(&w, SF_STAGE_AR, 0.99, 0, 1, 10); /* 79.2 GiB */
    world_part(&w, 0, SF_PART_CONTEXT, banded_gib(0.7, 0.4, 1.0));
    world_start(&w);
    assert_int_equal(w.r->verdict, SF_STARTS_MAYBE);
    assert_true(w.r->nominal_ok);
    assert_int_equal(w.r->first_failure->code, SF_E_TIGHT);
    world_part(&w, 0, SF_PART_CONTEXT, banded_gib(0.9, 0.6, 1.2));
    sf_diags_init(&f->dg, f->a);
    world_start(&w);
    assert_int_equal(w.r->verdict, SF_FAILS);
    assert_true(w.r->first_failure->risk);
    assert_non_null(diag_of(&f->dg, SF_E_TIGHT));
    assert_int_equal(diag_of(&f->dg, SF_E_TIGHT)->severity, SF_NOTE);
    world_part(&w, 0, SF_PART_CONTEXT, banded_gib(2, 1.9, 2.1));
    sf_diags_init(&f->dg, f->a);
    world_start(&w);
    assert_false(w.r->first_failure->risk);
    assert_null(diag_of(&f->dg, SF_E_TIGHT));
}

/* The room for activations counts with its band where no cache makes up for it, and cancels out where one does. */
static void test_activation_bands(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm@0.19.0", 1, 80);
    world_stage(&w, SF_STAGE_AR, 0.5, 0, 1, 10);
    world_part(&w, 0, SF_PART_ACTIVATION, banded_gib(4, 3, 6));
    world_start(&w);
    assert_int_equal(w.r->devices[0].left_low, w.r->devices[0].left);
    assert_int_equal(w.r->devices[0].left_high, w.r->devices[0].left);
    world_init(&w, f, "vllm-omni@2026-01", 1, 80);
    world_stage(&w, SF_STAGE_GENERATION, 0.5, 0, 1, 10);
    world_part(&w, 0, SF_PART_ACTIVATION, banded_gib(4, 3, 6));
    world_start(&w);
    assert_int_equal(w.r->devices[0].left_low, w.r->devices[0].left - (int64_t)gib(2));
    assert_int_equal(w.r->devices[0].left_high, w.r->devices[0].left + (int64_t)gib(1));
}

static void ask_admission(world *w, fixture *f, double one, double two, bool parallel)
{
    static const sf_node on = {
        .kind = SF_BOOL, .file = {"d.yaml", 6},
             .line = 3, .col = 22
    };

    sf_diags_init(&f->dg, f->a);
    world_init(w, f, "vllm-omni@device-level", 1, 80);
    world_stage(w, SF_STAGE_AR, one, 0, 1, 10);
    world_stage(w, SF_STAGE_AR, two, 0, 1, 10);
    w->d.parallel_stage_init = parallel;
    w->d.parallel_node = parallel ? &on : NULL;
    world_start(w);
}

/* 80 GiB: 0.5 + 0.42 ask for 73.6, two reserves for graphs 4, for others 1, margin 1: 79.6.  0.43: 80.4. */
static void test_admission(void **state)
{
    fixture *f = *state;
    world w;

    ask_admission(&w, f, 0.5, 0.42, true);
    assert_int_equal(w.r->verdict, SF_STARTS);
    assert_null(diag_of(&f->dg, SF_E_ADMISSION));
    ask_admission(&w, f, 0.5, 0.43, true);
    assert_int_equal(w.r->verdict, SF_FAILS);
    assert_int_equal(w.r->first_failure->code, SF_E_ADMISSION);
    assert_str(
        w.r->first_failure->text,
        "parallel_stage_init admission failed — per-device budget exceeds capacity. Lower "
        "gpu_memory_utilization, "
        "reduce co-located stages, or disable parallel_stage_init. device 0: need 80.40 GiB > 80.00 GiB "
        "(contributors [stage 0, stage 1])");
    assert_error_at(&f->dg, SF_E_ADMISSION, 3, 22);
    assert_int_equal(w.r->devices[0].used, 0); /* nothing was launched */
    assert_adds_up(w.r);
    ask_admission(&w, f, 0.5, 0.43, false); /* not asked for: a note, and it starts */
    assert_int_equal(w.r->verdict, SF_STARTS);
    assert_int_equal(diag_of(&f->dg, SF_E_ADMISSION)->severity, SF_NOTE);
}

/* A diffusion stage must say its share; releases without the option do not look. */
static void test_admission_of_diffusion(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm-omni@device-level", 1, 80);
    world_stage(&w, SF_STAGE_DIFFUSION, 0.92, 0, 1, 10)->util_given = false;
    w.d.parallel_stage_init = true;
    world_start(&w);
    assert_int_equal(w.r->first_failure->code, SF_E_ADMISSION);
    world_init(&w, f, "vllm-omni@tolerant", 1, 80);
    world_stage(&w, SF_STAGE_DIFFUSION, 0.92, 0, 1, 10)->util_given = false;
    w.d.parallel_stage_init = true;
    world_start(&w);
    assert_int_equal(w.r->verdict, SF_STARTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_order),     TEST(test_earlier_stages_lower_what_is_free),
        TEST(test_tight),     TEST(test_activation_bands),
        TEST(test_admission), TEST(test_admission_of_diffusion),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
