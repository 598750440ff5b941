/* order: what another start order would do. */
#include "start_helper.h"

#include "startup/order.h"

static sf_order_study study(fixture *f, const world *w)
{
    sf_order_study s;

    assert_int_equal(sf_order_try_all(f->a, &w->profile, &w->d, &w->need, &w->inv, &w->opt, &s), SF_OK);
    return s;
}

/* One stage has no order; two that fit have one other, which starts. */
static void test_fits(void **state)
{
    fixture *f = *state;
    sf_order_study s;
    world w;

    world_init(&w, f, "vllm-omni@2026-01", 1, 80);
    world_stage(&w, SF_STAGE_AR, 0.4, 0, 1, 10);
    world_start(&w);
    assert_int_equal(study(f, &w).n, 0);
    world_stage(&w, SF_STAGE_AR, 0.4, 0, 1, 10);
    world_start(&w);
    s = study(f, &w);
    assert_int_equal(s.n, 1);
    assert_int_equal(s.tries[0].stages[0], 1);
    assert_true(s.tries[0].starts);
}

/* A cache that takes nine tenths leaves nothing for a stage that needs its weights; the other way round both start. */
static void test_order_matters(void **state)
{
    fixture *f = *state;
    sf_order_study s;
    world w;

    world_init(&w, f, "vllm-omni@tolerant", 1, 80);
    world_stage(&w, SF_STAGE_GENERATION, 0.1, 0, 1, 20);
    world_stage(&w, SF_STAGE_AR, 0.9, 0, 1, 10);
    world_start(&w);
    assert_int_not_equal(w.r->verdict, SF_FAILS);
    s = study(f, &w);
    assert_int_equal(s.n, 1);
    assert_int_equal(s.n_failing, 1);
    assert_int_equal(s.tries[0].failure.stage, 0);
    assert_int_not_equal(s.tries[0].failure.code, SF_OK);
}

/* Three stages have five other orders, five stages four exchanges. */
static void test_count(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm-omni@tolerant", 1, 80);
    for (int i = 0; i < 3; i++)
        world_stage(&w, SF_STAGE_AR, 0.2, 0, 1, 5);
    world_start(&w);
    assert_int_equal(study(f, &w).n, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_fits), TEST(test_order_matters), TEST(test_count)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
