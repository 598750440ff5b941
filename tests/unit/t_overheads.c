/* overheads: figures of the pipelines' data, graphs that scale with their number. */
#include "start_helper.h"

#include "memory/overheads.h"
#include "text/yaml.h"

static const sf_node *yaml(fixture *f, const char *text)
{
    const sf_node *root = NULL;

    assert_int_equal(sf_yaml_parse(f->a, sf_str_of(text), SF_STR("f.yaml"), &f->dg, &root), SF_OK);
    return root;
}

static void test_facts(void **state)
{
    fixture *f = *state;
    sf_amount x;

    assert_int_equal(sf_overheads_fact(f->a, NULL, &f->dg, &x), SF_OK);
    assert_int_equal(x.bytes, 0);
    assert_int_equal(
        sf_overheads_fact(f->a, yaml(f, "{bytes: 6GiB, low: 1GiB, high: 13GiB, source: log}"), &f->dg, &x),
        SF_OK);
    assert_int_equal(x.bytes, 6 * SF_GIB);
    assert_int_equal(x.low, SF_GIB);
    assert_int_equal(x.high, 13 * SF_GIB);
    assert_str(x.source, "log");
    assert_int_equal(sf_overheads_fact(f->a, yaml(f, "{bytes: 1000}"), &f->dg, &x), SF_OK);
    assert_int_equal(x.low, 750); /* without a band a quarter to each side */
    assert_int_equal(x.high, 1250);
    assert_int_equal(sf_overheads_fact(f->a, yaml(f, "bytes: 1GiB\nlow: much\n"), &f->dg, &x), SF_E_TYPE);
    assert_error_at(&f->dg, SF_E_TYPE, 2, 6);
}

/* A fifth of the sizes takes about a fifth of the memory. */
static void test_graphs_scale(void **state)
{
    stagefit_result *all = ask(&(question){.engine = "vllm@0.19.0",
                                           .gpu = "H100-80GB",
                                           .command = "vllm serve meta-llama/Llama-3.1-8B-Instruct"});
    stagefit_result *few = ask(&(question){.engine = "vllm@0.19.0",
                                           .gpu = "H100-80GB",
                                           .set = {"cudagraph_capture_sizes=[1,2,4,8]"},
                                           .command = "vllm serve meta-llama/Llama-3.1-8B-Instruct"});
    int64_t a = all->check.need->stages[0].ranks[0].part[SF_PART_GRAPHS].bytes;
    int64_t b = few->check.need->stages[0].ranks[0].part[SF_PART_GRAPHS].bytes;

    (void)state;
    assert_int_equal(all->check.need->stages[0].n_capture_sizes, 51);
    assert_int_equal(few->check.need->stages[0].n_capture_sizes, 4);
    assert_float_equal((float)((double)b / (double)a), 8.0f / 102.0f, 0.001f);
    stagefit_result_free(all);
    stagefit_result_free(few);
}

/* A single rank has no communicators; several have, and more growth outside torch. */
static void test_ranks(void **state)
{
    stagefit_result *one = ask(&(question){.engine = "vllm@0.19.0",
                                           .gpu = "2xH100-80GB",
                                           .command = "vllm serve meta-llama/Llama-3.1-8B-Instruct"});
    stagefit_result *two = ask(&(question){.engine = "vllm@0.19.0",
                                           .gpu = "2xH100-80GB",
                                           .command = "vllm serve meta-llama/Llama-3.1-8B-Instruct -tp 2"});
    const sf_rank_need *a = &one->check.need->stages[0].ranks[0], *b = &two->check.need->stages[0].ranks[0];

    (void)state;
    assert_int_equal(a->part[SF_PART_NCCL].bytes, 0);
    assert_true(b->part[SF_PART_NCCL].bytes > 0);
    assert_true(b->part[SF_PART_NON_TORCH].low <= (int64_t)gib(0.63) &&
                b->part[SF_PART_NON_TORCH].high >= (int64_t)gib(2.21));
    stagefit_result_free(one);
    stagefit_result_free(two);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_facts), TEST(test_graphs_scale), TEST(test_ranks)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
