/* replay: checks and failures of one start, with the engine's own texts to the character. */
#include <math.h>

#include "start_helper.h"

static const char *const strict_0_14 =
    "Free memory on device cuda:0 (111.99/139.8 GiB) on startup is less than desired GPU memory utilization "
    "(0.95, 132.81 GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes.";
static const char *const strict_0_9_1 =
    "Free memory on device (111.99/139.8 GiB) on startup is less than desired GPU memory utilization "
    "(0.95, 132.81 GiB). Decrease GPU memory utilization or reduce GPU memory used by other processes.";

static void test_free_memory_text(void **state)
{
    static const struct {
        const char *engine;
        const char *const *text;
    } row[] = {
        {"vllm@0.9.1",        &strict_0_9_1},
        {"vllm@0.13.0",       &strict_0_9_1},
        {"vllm@0.14.0",       &strict_0_14 },
        {"vllm@0.29.0",       &strict_0_14 },
        {"vllm-omni@2025-12", &strict_0_9_1},
        {"vllm-omni@2026-01", &strict_0_14 },
        {"vllm-omni@2026-05", &strict_0_14 },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        world w;

        sf_diags_init(&f->dg, f->a);
        world_init(&w, f, row[i].engine, 1, 139.8);
        w.gpus[0].used = gib(139.8 - 111.99);
        world_stage(&w, SF_STAGE_AR, 0.95, 0, 1, 20);
        world_start(&w);
        assert_int_equal(w.r->verdict, SF_FAILS);
        assert_int_equal(w.r->first_failure->kind, SF_EVENT_CHECK);
        assert_int_equal(w.r->first_failure->code, SF_E_FREE_MEMORY);
        assert_str(w.r->first_failure->text, *row[i].text);
        assert_error_at(&f->dg, SF_E_FREE_MEMORY, 11, 9);
        assert_adds_up(w.r);
    }
}

/* The capping releases: a warning, the request is what is free. */
static void test_capped(void **state)
{
    static const struct {
        const char *engine, *end;
    } row[] = {
        {"vllm-omni@tolerant",
         "the per-process NVML accounting in determine_available_memory() will compute the correct "
         "KV cache budget."},
        {"vllm-omni@device-level",
         "determine_available_memory() profiles the device to size this stage's KV cache "
         "budget."         },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_event *e;
        world w;

        sf_diags_init(&f->dg, f->a);
        world_init(&w, f, row[i].engine, 1, 80);
        w.gpus[0].used = gib(50);
        world_stage(&w, SF_STAGE_AR, 0.5, 0, 1, 10);
        world_start(&w);
        assert_int_equal(w.r->verdict, SF_STARTS);
        e = event_of(w.r, SF_EVENT_CHECK, 0, 0);
        assert_int_equal(e->code, SF_E_CAPPED);
        assert_str(
            e->text,
            sf_arena_printf(
                f->a,
                "Free memory on device cuda:0 (30.0/80.0 GiB) on startup is less than desired GPU memory "
                "utilization (0.50, 40.0 GiB). Capping requested memory to available free memory (30.0 "
                "GiB). This is expected when multiple Omni stages share a GPU; %s",
                row[i].end)
                .p);
        assert_true(w.r->stages[0].capped);
        assert_int_equal(w.r->stages[0].requested, (int64_t)gib(30));
        assert_int_equal(w.r->stages[0].requested_uncapped, (int64_t)gib(40));
        assert_int_equal(w.r->stages[0].kv_available, (int64_t)gib(20));
        assert_diag_at(&f->dg, SF_E_CAPPED, SF_WARNING, 11, 9);
        assert_adds_up(w.r);
    }
}

/* free == requested passes; one byte less does not.  Up to 0.13 the product is not rounded up. */
static void test_equality_passes(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm@0.14.0", 1, 80);
    world_stage(&w, SF_STAGE_AR, 0.7, 0, 1, 10);
    w.gpus[0].used = gib(80) - (uint64_t)ceil(0.7 * (double)gib(80));
    world_start(&w);
    assert_int_equal(w.r->verdict, SF_STARTS);
    w.gpus[0].used++;
    world_start(&w);
    assert_int_equal(w.r->verdict, SF_FAILS);
    w.profile.requested = SF_REQUESTED_FLOAT;
    world_start(&w); /* still below: the product lies between two whole numbers */
    assert_int_equal(w.r->verdict, SF_FAILS);
}

/* V1 up to 0.9.0 and V0 start without looking. */
static void test_no_check(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm-v0@0.7.0", 1, 80);
    w.gpus[0].used = gib(30);
    world_stage(&w, SF_STAGE_AR, 0.9, 0, 1, 10);
    world_start(&w);
    assert_int_not_equal(w.r->first_failure ? w.r->first_failure->kind : SF_EVENT_READY, SF_EVENT_CHECK);
}

/* Communicators come before the snapshot from 0.11 on: they count at the check, not in the budget. */
static void test_communicators_at_the_check(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm@0.10.2", 2, 80);
    world_stage(&w, SF_STAGE_AR, 0.98, 0, 2, 10);
    world_part(&w, 0, SF_PART_CONTEXT, exact_gib(0.5));
    world_part(&w, 0, SF_PART_NCCL, exact_gib(1.25));
    world_start(&w);
    assert_int_equal(w.r->stages[0].rank_free[1], (int64_t)gib(79.5));
    assert_int_equal(w.r->stages[0].kv_available, (int64_t)(0.98 * (double)gib(80)) - (int64_t)gib(11.25));
    assert_adds_up(w.r);
    world_init(&w, f, "vllm@0.14.0", 2, 80);
    world_stage(&w, SF_STAGE_AR, 0.98, 0, 2, 10);
    world_part(&w, 0, SF_PART_CONTEXT, exact_gib(0.5));
    world_part(&w, 0, SF_PART_NCCL, exact_gib(1.25));
    world_start(&w);
    assert_int_equal(w.r->stages[0].rank_free[1], (int64_t)gib(78.25));
    assert_int_equal(w.r->verdict, SF_FAILS); /* 78.25 < 78.4 */
    assert_int_equal(w.r->n_events, 4);       /* both ranks init and check, then it ends */
    assert_true(w.r->events[2].failed && w.r->events[3].failed);
    assert_true(sf_str_find(w.r->events[3].text, SF_STR("cuda:1 (78.25/80.0 GiB)")) >= 0);
    assert_adds_up(w.r);
}

/* kv_cache_memory_bytes is taken as it is, on each GPU, and still needs the check to pass. */
static void test_cache_bytes_given(void **state)
{
    fixture *f = *state;
    sf_stage_need *n;
    world w;

    world_init(&w, f, "vllm@0.19.0", 1, 80);
    n = world_stage(&w, SF_STAGE_AR, 0.1, 0, 1, 10);
    n->kv_override_bytes = gib(40) + 1000;
    world_start(&w);
    assert_int_equal(w.r->verdict, SF_STARTS);
    assert_int_equal(w.r->stages[0].kv_available, (int64_t)gib(40) + 1000);
    assert_int_equal(w.r->stages[0].kv->num_blocks, gib(40) / WORLD_BLOCK);
    w.gpus[0].used = gib(73);
    world_start(&w);
    assert_int_equal(w.r->first_failure->code, SF_E_FREE_MEMORY);
    w.gpus[0].used = 0;
    n->kv_override_bytes = gib(75);
    sf_diags_init(&f->dg, f->a);
    world_start(&w);
    assert_int_equal(w.r->first_failure->kind, SF_EVENT_KV);
    assert_int_equal(w.r->first_failure->code, SF_E_OOM);
    assert_error_at(&f->dg, SF_E_OOM, 11, 9);
    assert_adds_up(w.r);
}

static void test_no_cache_memory(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm@0.19.0", 1, 80);
    world_stage(&w, SF_STAGE_AR, 0.25, 0, 1, 22);
    world_start(&w);
    assert_int_equal(w.r->first_failure->code, SF_E_NO_KV);
    assert_str(
        w.r->first_failure->text,
        "No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing "
        "the "
        "engine. See https://docs.vllm.ai/en/latest/configuration/conserving_memory/ for more details.");
    assert_error_at(&f->dg, SF_E_NO_KV, 11, 9);
    assert_int_equal(w.r->stages[0].kv_available, -(int64_t)gib(2));
    assert_adds_up(w.r);
}

/* One request of 1024 tokens takes 128 MiB; 100 MiB hold 800. */
static void test_cache_too_short(void **state)
{
    static const struct {
        const char *engine, *text;
    } row[] = {
        {"vllm@0.9.1",
         "To serve at least one request with the models's max seq len (1024), (0.12 GiB KV cache is needed, "
         "which is larger than the available KV cache memory (0.10 GiB). Based on the available memory, the "
         "estimated maximum model length is 800. Try increasing `gpu_memory_utilization` or decreasing "
         "`max_model_len` when initializing the engine."                                    },
        {"vllm@0.22.0",
         "To serve at least one request with the model's max seq len (1024), (0.12 GiB KV cache is needed, "
         "which is larger than the available KV cache memory (0.1 GiB). Based on the available memory, the "
         "estimated maximum model length is 800. Try increasing `gpu_memory_utilization` (which also "
         "controls "
         "CPU memory on the CPU backend) or decreasing `max_model_len` when initializing the engine. See "
         "https://docs.vllm.ai/en/latest/configuration/conserving_memory/ for more details."},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        world w;

        sf_diags_init(&f->dg, f->a);
        world_init(&w, f, row[i].engine, 1, 80);
        world_stage(&w, SF_STAGE_AR, 0.25, 0, 1, 20.0 - 100.0 / 1024);
        world_start(&w);
        assert_int_equal(w.r->first_failure->code, SF_E_KV_SHORT);
        assert_str(w.r->first_failure->text, row[i].text);
        assert_error_at(&f->dg, SF_E_KV_SHORT, 11, 9);
        assert_int_equal(w.r->stages[0].longest_len, 800);
    }
}

static void test_weights_do_not_fit(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm@0.19.0", 1, 24);
    world_stage(&w, SF_STAGE_AR, 0.9, 0, 1, 28);
    world_start(&w);
    assert_int_equal(w.r->first_failure->code, SF_E_WEIGHTS_OOM);
    assert_int_equal(w.r->first_failure->kind, SF_EVENT_LOAD);
    assert_str(w.r->first_failure->text,
               "torch.OutOfMemoryError: CUDA out of memory while loading the weights: 4.00 GiB short");
    assert_error_at(&f->dg, SF_E_WEIGHTS_OOM, 10, 5);
    assert_int_equal(w.r->devices[0].left, -(int64_t)gib(4));
    assert_adds_up(w.r);
}

static void test_profile_run_does_not_fit(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm@0.19.0", 1, 24);
    world_stage(&w, SF_STAGE_AR, 0.9, 0, 1, 20);
    world_part(&w, 0, SF_PART_ACTIVATION, exact_gib(5));
    world_start(&w);
    assert_int_equal(w.r->first_failure->code, SF_E_OOM);
    assert_int_equal(w.r->first_failure->kind, SF_EVENT_PROFILE);
    assert_error_at(&f->dg, SF_E_OOM, 10, 5);
    assert_adds_up(w.r);
}

/* Graphs are captured from memory outside the budget: a utilisation near 1 leaves none. */
static void test_graphs_do_not_fit(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm@0.19.0", 1, 24);
    world_stage(&w, SF_STAGE_AR, 0.98, 0, 1, 10);
    world_part(&w, 0, SF_PART_GRAPHS, exact_gib(0.9));
    world_start(&w);
    assert_int_equal(w.r->first_failure->kind, SF_EVENT_GRAPHS);
    assert_int_equal(w.r->first_failure->code, SF_E_OOM);
    assert_adds_up(w.r);
    world_init(&w, f, "vllm@0.20.0", 1, 24); /* where they are reserved for, they fit */
    world_stage(&w, SF_STAGE_AR, 0.98, 0, 1, 10);
    world_part(&w, 0, SF_PART_GRAPHS_EST, exact_gib(1.5));
    world_part(&w, 0, SF_PART_GRAPHS, exact_gib(0.9));
    world_start(&w);
    assert_int_equal(w.r->verdict, SF_STARTS);
    assert_adds_up(w.r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_free_memory_text),
        TEST(test_capped),
        TEST(test_equality_passes),
        TEST(test_no_check),
        TEST(test_communicators_at_the_check),
        TEST(test_cache_bytes_given),
        TEST(test_no_cache_memory),
        TEST(test_cache_too_short),
        TEST(test_weights_do_not_fit),
        TEST(test_profile_run_does_not_fit),
        TEST(test_graphs_do_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
