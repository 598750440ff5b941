/* ledger: which lines are there, how far a stage got, what the reserve for graphs holds. */
#include "start_helper.h"

static const sf_entry *line_of(const sf_replay *r, size_t stage, sf_part part)
{
    for (size_t i = 0; i < r->n_entries; i++)
        if (r->entries[i].stage == stage && r->entries[i].part == part)
            return &r->entries[i];
    return NULL;
}

static void test_reserve_holds_what_graphs_leave(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm@0.20.0", 1, 80);
    world_stage(&w, SF_STAGE_AR, 0.9, 0, 1, 10);
    world_part(&w, 0, SF_PART_GRAPHS_EST, exact_gib(2));
    world_part(&w, 0, SF_PART_GRAPHS, exact_gib(1.25));
    world_start(&w);
    assert_int_equal(line_of(w.r, 0, SF_PART_GRAPHS_EST)->amount.bytes, (int64_t)gib(0.75));
    assert_false(line_of(w.r, 0, SF_PART_GRAPHS_EST)->resident);
    assert_int_equal(line_of(w.r, 0, SF_PART_GRAPHS)->amount.bytes, (int64_t)gib(1.25));
    assert_adds_up(w.r);
    world_part(&w, 0, SF_PART_GRAPHS, exact_gib(3)); /* more than was reserved for */
    world_start(&w);
    assert_null(line_of(w.r, 0, SF_PART_GRAPHS_EST));
    assert_adds_up(w.r);
}

static void test_tenants(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm@0.19.0", 1, 80);
    w.gpus[0].used = gib(5);
    world_stage(&w, SF_STAGE_AR, 0.5, 0, 1, 10);
    world_start(&w);
    assert_int_equal(w.r->entries[0].stage, SIZE_MAX);
    assert_int_equal(w.r->entries[0].amount.bytes, (int64_t)gib(5));
    assert_int_equal(w.r->devices[0].tenants, (int64_t)gib(5));
    assert_adds_up(w.r);
}

/* A stage that failed holds what it had taken by then. */
static void test_failed_stage(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm@0.10.2", 2, 24);
    world_stage(&w, SF_STAGE_AR, 0.99, 0, 2, 10);
    world_part(&w, 0, SF_PART_CONTEXT, exact_gib(0.5));
    world_part(&w, 0, SF_PART_NCCL, exact_gib(1));
    world_start(&w);
    assert_int_equal(w.r->first_failure->kind, SF_EVENT_CHECK);
    assert_non_null(line_of(w.r, 0, SF_PART_CONTEXT));
    assert_null(line_of(w.r, 0, SF_PART_NCCL)); /* made after the check in this release */
    assert_null(line_of(w.r, 0, SF_PART_WEIGHTS));
    assert_adds_up(w.r);
    w.needs[0].util_frac = 0.4;
    world_start(&w);
    assert_int_equal(w.r->first_failure->kind, SF_EVENT_KV);
    assert_non_null(line_of(w.r, 0, SF_PART_WEIGHTS));
    assert_non_null(line_of(w.r, 0, SF_PART_NCCL));
    assert_null(line_of(w.r, 0, SF_PART_KV));
    assert_adds_up(w.r);
}

/* Lines say whether they count against the request. */
static void test_in_budget(void **state)
{
    fixture *f = *state;
    world w;

    world_init(&w, f, "vllm@0.9.0", 1, 80); /* everything in use is charged */
    world_stage(&w, SF_STAGE_AR, 0.9, 0, 1, 10);
    world_part(&w, 0, SF_PART_CONTEXT, exact_gib(0.5));
    world_part(&w, 0, SF_PART_BUFFERS, exact_gib(0.25));
    world_part(&w, 0, SF_PART_GRAPHS, exact_gib(0.5));
    world_start(&w);
    assert_true(line_of(w.r, 0, SF_PART_CONTEXT)->in_budget);
    assert_true(line_of(w.r, 0, SF_PART_BUFFERS)->in_budget);
    assert_true(line_of(w.r, 0, SF_PART_KV)->in_budget);
    assert_false(line_of(w.r, 0, SF_PART_GRAPHS)->in_budget);
    /* the request but for less than one block, and the graphs on top */
    assert_true(w.r->devices[0].used <= (int64_t)gib(72.5));
    assert_true(w.r->devices[0].used > (int64_t)gib(72.5) - (int64_t)WORLD_BLOCK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_reserve_holds_what_graphs_leave), TEST(test_tenants),
                                       TEST(test_failed_stage), TEST(test_in_budget)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
