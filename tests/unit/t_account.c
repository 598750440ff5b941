/* account: whole engines against public logs, ranks of parallel ones, what a deployment lacks. */
#include "start_helper.h"

static double in_gib(int64_t bytes)
{
    return (double)bytes / (double)SF_GIB;
}

#define assert_near(got, want, tolerance) assert_float_equal((float)(got), (float)(want), (float)(tolerance))

/* vLLM 0.19.0, H100, Llama-3.1-8B, utilisation 0.95: 14.99 + 1.89 + 0.25, 58.11 GiB left, 476,016 tokens. */
static void test_llama_on_h100(void **state)
{
    const sf_rank_need *rank;
    const sf_stage_report *rep;
    stagefit_result *r = ask(&(question){.engine = "vllm@0.19.0",
                                         .gpu = "H100-80GB",
                                         .command = "vllm serve meta-llama/Llama-3.1-8B-Instruct "
                                                    "--gpu-memory-utilization 0.95 --max-model-len 8192 "
                                                    "--max-num-batched-tokens 8192"});

    (void)state;
    rank = &r->check.need->stages[0].ranks[0];
    rep = &r->check.replay->stages[0];
    assert_int_equal(r->check.replay->verdict, SF_STARTS);
    assert_near(in_gib(rank->part[SF_PART_WEIGHTS].bytes), 14.99, 0.005);
    assert_near(in_gib(rank->part[SF_PART_ACTIVATION].bytes), 1.89, 0.005);
    assert_near(in_gib(rank->part[SF_PART_NON_TORCH].bytes), 0.25, 0.01);
    assert_near(in_gib(rank->part[SF_PART_GRAPHS].bytes), 0.91, 0.05);
    assert_near(in_gib(rep->kv_available), 58.11, 0.015);
    assert_true(in_gib(rep->kv_low) < 58.105 && in_gib(rep->kv_high) > 58.115);
    assert_true(rep->kv->tokens > 475700 && rep->kv->tokens < 476300);
    assert_adds_up(r->check.replay);
    stagefit_result_free(r);
}

/* The embedding and the encoders are on the first pipeline stage, the head and the sampler on the last. */
static void test_pipeline_ranks(void **state)
{
    const sf_stage_need *n;
    stagefit_result *r =
        ask(&(question){.engine = "vllm@0.19.0",
                        .gpu = "4xH100-80GB",
                        .command = "vllm serve meta-llama/Llama-3.1-8B-Instruct -tp 2 -pp 2"});

    (void)state;
    n = &r->check.need->stages[0];
    assert_int_equal(n->n_ranks, 4);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(n->ranks[i].device, i);
        assert_int_equal(n->ranks[i].tp_rank, i % 2);
        assert_int_equal(n->ranks[i].pp_rank, i / 2);
        assert_int_equal(n->ranks[i].activation.sampler.bytes > 0, i / 2 == 1);
        assert_true(n->ranks[i].part[SF_PART_NCCL].bytes > 0);
    }
    assert_int_equal(n->ranks[0].part[SF_PART_WEIGHTS].bytes, n->ranks[1].part[SF_PART_WEIGHTS].bytes);
    assert_adds_up(r->check.replay);
    stagefit_result_free(r);
}

/* The user's own division of the layers moves weights and cache. */
static void test_layer_partition(void **state)
{
    const sf_stage_need *n;
    stagefit_result *r = ask(&(question){
        .engine = "vllm@0.19.0",
        .gpu = "2xH100-80GB",
        .command = "VLLM_PP_LAYER_PARTITION=24,8 vllm serve meta-llama/Llama-3.1-8B-Instruct -pp 2"});

    (void)state;
    n = &r->check.need->stages[0];
    assert_int_equal(n->kv.n_stages, 2);
    assert_int_equal(n->kv.stages[0].runs[0].count, 24);
    assert_int_equal(n->kv.stages[1].runs[0].count, 8);
    assert_true(n->ranks[0].part[SF_PART_WEIGHTS].bytes > 2 * n->ranks[1].part[SF_PART_WEIGHTS].bytes);
    stagefit_result_free(r);
}

/* expandable_segments splits every block: the weights are their tensors, rounded to 512 bytes. */
static void test_expandable_segments(void **state)
{
    const sf_rank_need *rank;
    stagefit_result *r = ask(&(question){
        .engine = "vllm@0.19.0",
        .gpu = "H100-80GB",
        .command = "PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True vllm serve Qwen/Qwen2.5-7B-Instruct"});

    (void)state;
    rank = &r->check.need->stages[0].ranks[0];
    assert_near(in_gib(rank->part[SF_PART_WEIGHTS].bytes), 14.1930, 0.0005);
    stagefit_result_free(r);
}

/* Which release lowers the cache by what: the reserve for graphs is there from 0.20 on. */
static void test_graphs_by_release(void **state)
{
    static const struct {
        const char *engine, *set;
        bool graphs, reserve;
    } row[] = {
        {"vllm@0.19.0", NULL,                 true,  false},
        {"vllm@0.20.0", NULL,                 true,  true },
        {"vllm@0.20.0", "enforce_eager=true", false, false},
        {"vllm@0.25.0", NULL,                 true,  false}, /* the second runner reserves nothing … */
        {"vllm@0.25.0", "model_runner=v1",    true,  true },
        {"vllm@0.29.0", NULL,                 true,  true }, /* … until 0.29 */
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        stagefit_result *r = ask(&(question){.engine = row[i].engine,
                                             .gpu = "H100-80GB",
                                             .set = {row[i].set},
                                             .command = "vllm serve meta-llama/Llama-3.1-8B-Instruct"});
        const sf_rank_need *rank = &r->check.need->stages[0].ranks[0];

        assert_int_equal(rank->part[SF_PART_GRAPHS].bytes > 0, row[i].graphs);
        assert_int_equal(rank->part[SF_PART_GRAPHS_EST].bytes > 0, row[i].reserve);
        assert_adds_up(r->check.replay);
        stagefit_result_free(r);
    }
}

static void test_tp_does_not_divide(void **state)
{
    stagefit_result *r = ask(&(question){.engine = "vllm@0.19.0",
                                         .gpu = "3xH100-80GB",
                                         .command = "vllm serve meta-llama/Llama-3.1-8B-Instruct -tp 3"});

    (void)state;
    assert_int_equal(sf_diags_last_error(&r->dg)->code, SF_E_TP_DIVIDE);
    assert_int_equal(stagefit_result_status(r), 2);
    stagefit_result_free(r);
}

/* Arguments as large as they can be neither overflow nor crash. */
static void test_hostile_numbers(void **state)
{
    static const char *const sets[] = {"max_num_batched_tokens=2147483647",
                                       "max_num_seqs=2147483647",
                                       "kv_cache_memory_bytes=9007199254740992",
                                       "num_gpu_blocks_override=9007199254740992",
                                       "block_size=2147483647",
                                       "max_model_len=40960",
                                       "speculative_config={\"num_speculative_tokens\": 4294967297}"};

    (void)state;
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        stagefit_result *r = ask(&(question){.engine = "vllm@0.19.0",
                                             .gpu = "H100-80GB",
                                             .set = {sets[i]},
                                             .command = "vllm serve Qwen/Qwen3-8B"});

        assert_non_null(stagefit_result_json(r));
        if (r->check.replay)
            assert_adds_up(r->check.replay);
        stagefit_result_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_llama_on_h100),       TEST(test_pipeline_ranks),    TEST(test_layer_partition),
        TEST(test_expandable_segments), TEST(test_graphs_by_release), TEST(test_tp_does_not_divide),
        TEST(test_hostile_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
