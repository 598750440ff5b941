/* budget: what each release takes off the requested memory, with the figures of public logs. */
#include "start_helper.h"

#include "startup/budget.h"

/* One rank with a different power of two in each part, so that a sum tells its parts. */
static sf_rank_need telling_rank(void)
{
    sf_rank_need r = {0};

    for (sf_part part = 0; part < SF_PART_COUNT; part++)
        r.part[part] = sf_amount_exact((uint64_t)1 << part, (sf_str){0}, (sf_str){0});
    return r;
}

#define BIT(part) (1 << SF_PART_##part)
#define ALWAYS (BIT(WEIGHTS) | BIT(NON_TORCH) | BIT(GRAPHS_EST))

static void test_parts_by_release(void **state)
{
    static const struct {
        const char *engine;
        bool host;
        int parts;
    } row[] = {
        {"vllm-v0@0.7.0",          true,  ALWAYS | BIT(ACTIVATION) | BIT(NCCL)                              },
        {"vllm@0.8.5",             true,  ALWAYS | BIT(ACTIVATION) | BIT(NCCL) | BIT(CONTEXT) | BIT(BUFFERS)},
        {"vllm@0.9.1",             true,  ALWAYS | BIT(ACTIVATION) | BIT(NCCL)                              },
        {"vllm@0.10.2",            true,  ALWAYS | BIT(ACTIVATION) | BIT(NCCL)                              },
        {"vllm@0.11.0",            true,  ALWAYS | BIT(ACTIVATION)                                          },
        {"vllm@0.25.0",            true,  ALWAYS | BIT(ACTIVATION)                                          },
        {"vllm@0.26.0",            true,  ALWAYS | BIT(ACTIVATION) | BIT(BUFFERS)                           },
        {"vllm-omni@2025-12",      true,  ALWAYS | BIT(ACTIVATION)                                          },
        {"vllm-omni@nvml",         true,  ALWAYS | BIT(CONTEXT) | BIT(NCCL) | BIT(BUFFERS)                  },
        {"vllm-omni@nvml",         false, ALWAYS | BIT(ACTIVATION)                                          },
        {"vllm-omni@device-level", true,  ALWAYS | BIT(ACTIVATION)                                          },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_rank_need r = telling_rank();
        const sf_profile *p;

        assert_int_equal(sf_profile_find(f->a, sf_str_of(row[i].engine), false, &f->dg, &p), SF_OK);
        if (sf_budget_charges(f->a, p, &r, 0, row[i].host).bytes != row[i].parts)
            fail_msg("%s: %llx, not %x", row[i].engine,
                     (unsigned long long)sf_budget_charges(f->a, p, &r, 0, row[i].host).bytes,
                     (unsigned)row[i].parts);
        for (sf_part part = 0; part < SF_PART_COUNT; part++) /* the list and the question agree */
            assert_int_equal(sf_budget_has(p, part, row[i].host), (row[i].parts >> part) & 1);
    }
}

/* Up to 0.9.0 what others hold on the GPU is charged; later it is not. */
static void test_other_use(void **state)
{
    fixture *f = *state;
    const sf_rank_need r = telling_rank();
    const sf_profile *old, *later;

    assert_int_equal(sf_profile_find(f->a, SF_STR("vllm@0.9.0"), false, &f->dg, &old), SF_OK);
    assert_int_equal(sf_profile_find(f->a, SF_STR("vllm@0.9.1"), false, &f->dg, &later), SF_OK);
    assert_int_equal(sf_budget_charges(f->a, old, &r, 5000, true).bytes -
                         sf_budget_charges(f->a, old, &r, 0, true).bytes,
                     5000);
    assert_int_equal(sf_budget_charges(f->a, later, &r, 5000, true).bytes,
                     sf_budget_charges(f->a, later, &r, 0, true).bytes);
}

/* Public V0 logs: total, utilisation and the three parts give the printed cache; its blocks are exact. */
static void test_v0_logs(void **state)
{
    static const struct {
        const char *engine;
        double total, weights, non_torch, activation;
        const char *kv;
    } row[] = {
        {"vllm-v0@0.7.0", 44.42, 30.71, 0.30, 1.26,  "7.71 GiB" }, /* #15815: Qwen2.5-32B TP 2, L40S */
        {"vllm-v0@0.6.5", 79.22, 14.96, 1.79, 1.26,  "53.29 GiB"}, /* #10511: Llama-3-8B, H100 */
        {"vllm-v0@0.7.0", 79.22, 19.86, 0.16, 36.63, "14.65 GiB"}  /* #12126: Llama-3.2-11B-Vision, H100 */
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        world w;

        world_init(&w, f, row[i].engine, 1, row[i].total);
        world_stage(&w, SF_STAGE_AR, 0.9, 0, 1, row[i].weights);
        world_part(&w, 0, SF_PART_NON_TORCH, exact_gib(row[i].non_torch));
        world_part(&w, 0, SF_PART_ACTIVATION, exact_gib(row[i].activation));
        world_start(&w);
        assert_int_equal(w.r->verdict, SF_STARTS);
        assert_str(sf_fmt_gib(f->a, w.r->stages[0].kv_available), row[i].kv);
        assert_adds_up(w.r);
    }
}

/* V1 up to 0.9.0: a second engine pays for the first one. */
static void test_second_engine_pays(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm@0.9.0", 1, 80);
    w.gpus[0].used = gib(30);
    world_stage(&w, SF_STAGE_AR, 0.9, 0, 1, 10);
    world_start(&w);
    assert_int_equal(w.r->stages[0].kv_available, (int64_t)(0.9 * (double)gib(80)) - (int64_t)gib(40));
    world_init(&w, f, "vllm@0.9.1", 1, 80);
    w.gpus[0].used = gib(30);
    world_stage(&w, SF_STAGE_AR, 0.6, 0, 1, 10);
    world_start(&w);
    assert_int_equal(w.r->stages[0].kv_available, (int64_t)(0.6 * (double)gib(80)) - (int64_t)gib(10));
}

static void test_formula_is_written_out(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm@0.19.0", 1, 80);
    world_stage(&w, SF_STAGE_AR, 0.9, 0, 1, 15);
    world_part(&w, 0, SF_PART_ACTIVATION, exact_gib(1.5));
    world_part(&w, 0, SF_PART_NON_TORCH, exact_gib(0.25));
    world_start(&w);
    assert_str(w.r->stages[0].kv_why,
               "requested 72.00 GiB − (weights 15.00 GiB + activation peak 1.50 GiB + non-torch 0.25 GiB)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_parts_by_release), TEST(test_other_use), TEST(test_v0_logs),
                                       TEST(test_second_engine_pays), TEST(test_formula_is_written_out)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
