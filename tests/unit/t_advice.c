/* advice: what is said about a start that works. */
#include "start_helper.h"

static void test_sum_above_one(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm-omni@tolerant", 1, 80);
    world_stage(&w, SF_STAGE_AR, 0.6, 0, 1, 10);
    world_stage(&w, SF_STAGE_AR, 0.5, 0, 1, 10);
    world_start(&w);
    assert_diag_at(&f->dg, SF_E_UTIL_SUM, SF_WARNING, 21, 9);
    assert_str(diag_of(&f->dg, SF_E_UTIL_SUM)->message,
               "GPU 0 carries gpu_memory_utilization one 0.6 + two 0.5 = 1.1");
    sf_diags_init(&f->dg, f->a);
    w.needs[1].util_frac = 0.4;
    world_start(&w);
    assert_null(diag_of(&f->dg, SF_E_UTIL_SUM));
}

/* A utilisation on a stage without a cache: diffusion always, codecs since the check caps. */
static void test_no_effect(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm-omni@tolerant", 1, 80);
    world_stage(&w, SF_STAGE_AR, 0.3, 0, 1, 10);
    world_stage(&w, SF_STAGE_GENERATION, 0.1, 0, 1, 1);
    world_start(&w);
    assert_diag_at(&f->dg, SF_E_UTIL_NO_EFFECT, SF_NOTE, 21, 9);
    sf_diags_init(&f->dg, f->a);
    world_init(&w, f, "vllm-omni@2026-01", 1, 80);
    world_stage(&w, SF_STAGE_GENERATION, 0.1, 0, 1, 1);
    world_start(&w);
    assert_null(diag_of(&f->dg, SF_E_UTIL_NO_EFFECT)); /* there it gates the start */
    world_stage(&w, SF_STAGE_DIFFUSION, 0.1, 0, 1, 1);
    world_start(&w);
    assert_diag_at(&f->dg, SF_E_UTIL_NO_EFFECT, SF_NOTE, 21, 9);
}

static void test_later(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm-omni@tolerant", 1, 80); /* the process's use: activation is not kept */
    world_stage(&w, SF_STAGE_AR, 0.98, 0, 1, 10);
    world_part(&w, 0, SF_PART_ACTIVATION, exact_gib(3));
    world_start(&w);
    assert_int_equal(w.r->verdict, SF_STARTS);
    assert_true(w.r->devices[0].left < 0);
    assert_diag_at(&f->dg, SF_E_OOM_LATER, SF_WARNING, 11, 9);
    sf_diags_init(&f->dg, f->a);
    w.opt.host_pids = false; /* in a container it is */
    world_start(&w);
    assert_true(w.r->devices[0].left > 0);
    assert_null(diag_of(&f->dg, SF_E_OOM_LATER));
    assert_adds_up(w.r);
}

/* An unused GPU, a large rest, and a cache for far more requests than may run. */
static void test_idle(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm@0.19.0", 2, 80);
    world_stage(&w, SF_STAGE_AR, 0.9, 0, 1, 10);
    world_start(&w);
    assert_str(diag_of(&f->dg, SF_E_IDLE)->message, "no stage uses GPU 1 (card)");
    sf_diags_init(&f->dg, f->a);
    world_init(&w, f, "vllm@0.19.0", 1, 80);
    world_stage(&w, SF_STAGE_AR, 0.5, 0, 1, 10);
    world_start(&w);
    assert_str(diag_of(&f->dg, SF_E_IDLE)->message, "40.00 GiB of GPU 0 stay unused");
    sf_diags_init(&f->dg, f->a);
    world_init(&w, f, "vllm@0.19.0", 1, 80);
    world_stage(&w, SF_STAGE_AR, 0.9, 0, 1, 10)->max_num_seqs = 4;
    world_start(&w);
    assert_diag_at(&f->dg, SF_E_IDLE, SF_NOTE, 11, 9);
}

/* A limit in the file that the cache cannot serve; the default of the engine is not held against anybody. */
static void test_few(void **state)
{
    fixture *f = *state;
    sf_node node = {.kind = SF_INT, .as.i = 4096, .text = SF_STR("4096"), .line = 31, .col = 7};
    sf_stage *stage;
    world w;

    world_init(&w, f, "vllm@0.19.0", 1, 80);
    world_stage(&w, SF_STAGE_AR, 0.9, 0, 1, 10)->max_num_seqs = 4096;
    world_start(&w);
    assert_null(diag_of(&f->dg, SF_E_KV_FEW));
    stage = (sf_stage *)(uintptr_t)w.needs[0].stage;
    stage->args.v[SF_ARG_max_num_seqs] = (sf_arg_value){&node, SF_FROM_FILE};
    sf_diags_init(&f->dg, f->a);
    world_start(&w);
    assert_diag_at(&f->dg, SF_E_KV_FEW, SF_NOTE, 31, 7);
    sf_diags_init(&f->dg, f->a);
    w.needs[0].max_num_seqs = 1;
    world_start(&w);
    assert_null(diag_of(&f->dg, SF_E_KV_FEW));
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_sum_above_one), TEST(test_no_effect), TEST(test_later),
                                       TEST(test_idle), TEST(test_few)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
