/* defaults: batch limits by release and GPU, lengths, dtypes, what is refused. */
#include "start_helper.h"

static const sf_stage_need *need_of(const stagefit_result *r)
{
    assert_non_null(r->check.need);
    return &r->check.need->stages[0];
}

static void test_batch_limits(void **state)
{
    static const struct {
        const char *engine, *gpu;
        uint64_t tokens, seqs;
    } row[] = {
        {"vllm@0.8.0",    "H100-80GB", 8192,  1024},
        {"vllm@0.8.0",    "A100-40GB", 2048,  1024},
        {"vllm@0.8.4",    "A100-80GB", 2048,  256 },
        {"vllm@0.8.5",    "A100-80GB", 8192,  1024},
        {"vllm@0.9.0",    "A100-80GB", 2048,  256 },
        {"vllm@0.19.0",   "H100-80GB", 8192,  1024},
        {"vllm@0.19.0",   "L40S",      2048,  256 },
        {"vllm@0.27.0",   "B200",      8192,  1024},
        {"vllm@0.28.0",   "B200",      16384, 1024},
        {"vllm@0.28.0",   "H100-80GB", 8192,  1024},
        {"vllm-v0@0.6.4", "H100-80GB", 512,   256 },
        {"vllm-v0@0.6.5", "H100-80GB", 2048,  256 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        stagefit_result *r = ask(
            &(question){.engine = row[i].engine, .gpu = row[i].gpu, .command = "vllm serve Qwen/Qwen3-8B"});

        if (need_of(r)->max_num_batched_tokens != row[i].tokens || need_of(r)->max_num_seqs != row[i].seqs)
            fail_msg("%s on %s: %llu, %llu", row[i].engine, row[i].gpu,
                     (unsigned long long)need_of(r)->max_num_batched_tokens,
                     (unsigned long long)need_of(r)->max_num_seqs);
        stagefit_result_free(r);
    }
}

/* tokens <= sequences × length, sequences <= tokens; without chunks at least one prompt fits. */
static void test_clamps(void **state)
{
    static const struct {
        const char *engine, *set[3];
        uint64_t tokens, seqs;
    } row[] = {
        {"vllm@0.19.0",   {"max_num_seqs=4", "max_model_len=1000"},                4000,  4   },
        {"vllm@0.19.0",   {"max_num_batched_tokens=512"},                          512,   512 },
        {"vllm@0.19.0",   {"max_num_batched_tokens=512", "max_num_seqs=700"},      512,   700 },
        {"vllm@0.19.0",   {"enable_chunked_prefill=false", "max_model_len=20000"}, 20000, 1024},
        {"vllm-v0@0.7.0", {"max_model_len=4096"},                                  4096,  256 },
        {"vllm-v0@0.7.0", {"max_model_len=1024"},                                  2048,  256 },
        {"vllm-v0@0.7.0", {"max_model_len=32769"},                                 2048,  256 },
        {"vllm-v0@0.7.0", {"max_model_len=32768"},                                 32768, 256 },
        {"vllm-v0@0.7.0", {"max_model_len=40000", "enable_lora=true"},             40000, 256 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        stagefit_result *r = ask(&(question){
            .engine = row[i].engine,
            .gpu = "H100-80GB",
            .set = {row[i].set[0], row[i].set[1]},
            .command = "vllm serve Qwen/Qwen3-8B"
        });

        assert_int_equal(need_of(r)->max_num_batched_tokens, row[i].tokens);
        assert_int_equal(need_of(r)->max_num_seqs, row[i].seqs);
        stagefit_result_free(r);
    }
}

/* bfloat16 needs capability 8.0; what is given wins. */
static void test_dtypes(void **state)
{
    static const struct {
        const char *gpu, *set;
        sf_dtype dtype;
    } row[] = {
        {"H100-80GB", NULL,          SF_DT_BF16},
        {"T4",        NULL,          SF_DT_F16 },
        {"H100-80GB", "dtype=half",  SF_DT_F16 },
        {"H100-80GB", "dtype=float", SF_DT_F32 },
        {"H100-80GB", "dtype=auto",  SF_DT_BF16},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        stagefit_result *r = ask(&(question){.engine = "vllm@0.19.0",
                                             .gpu = row[i].gpu,
                                             .set = {row[i].set},
                                             .command = "vllm serve Qwen/Qwen3-0.6B"});

        assert_int_equal(need_of(r)->dtype, row[i].dtype);
        stagefit_result_free(r);
    }
}

/* Refused, at the value's own place. */
static void test_refused(void **state)
{
    static const struct {
        const char *engine, *command;
        sf_code code;
        unsigned col;
    } row[] = {
        {"vllm@0.19.0", "vllm serve Qwen/Qwen3-8B --max-model-len 50000",               SF_E_MODEL_LEN, 42},
        {"vllm@0.19.0", "vllm serve Qwen/Qwen3-8B --dtype int8",                        SF_E_ARG_VALUE, 34},
        {"vllm@0.19.0", "vllm serve Qwen/Qwen3-8B --max-num-batched-tokens 3000000000", SF_E_ARG_VALUE, 51},
        {"vllm@0.10.1", "vllm serve Qwen/Qwen3-8B --kv-cache-memory-bytes 1000000000",  SF_E_ARG_VALUE, 50},
        {"vllm@0.13.0", "vllm serve Qwen/Qwen3-8B --max-model-len auto",                SF_E_ARG_VALUE, 42},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        stagefit_result *r =
            ask(&(question){.engine = row[i].engine, .gpu = "H100-80GB", .command = row[i].command});

        assert_error_at(&r->dg, row[i].code, 1, row[i].col);
        assert_int_equal(stagefit_result_status(r), 2);
        stagefit_result_free(r);
    }
}

/* Told so, or by the modules of sentence-transformers unless told otherwise. */
static void test_pooling(void **state)
{
    static const struct {
        const char *command;
        bool pooling;
    } row[] = {
        {"vllm serve Qwen/Qwen3-Embedding-8B",                   true },
        {"vllm serve Qwen/Qwen3-Embedding-8B --runner generate", false},
        {"vllm serve Qwen/Qwen3-8B",                             false},
        {"vllm serve Qwen/Qwen3-8B --runner pooling",            true },
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        stagefit_result *r =
            ask(&(question){.engine = "vllm@0.19.0", .gpu = "H100-80GB", .command = row[i].command});

        assert_int_equal(need_of(r)->pooling, row[i].pooling);
        stagefit_result_free(r);
    }
}

/* The environment in front of the command allows what the config does not. */
static void test_long_length_allowed(void **state)
{
    stagefit_result *r = ask(&(question){
        .engine = "vllm@0.19.0",
        .gpu = "H100-80GB",
        .command = "VLLM_ALLOW_LONG_MAX_MODEL_LEN=1 vllm serve Qwen/Qwen3-8B --max-model-len 50000"});

    (void)state;
    assert_int_equal(r->dg.errors, 0);
    assert_int_equal(need_of(r)->max_model_len, 50000);
    stagefit_result_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_batch_limits), TEST(test_clamps),
                                       TEST(test_dtypes),       TEST(test_refused),
                                       TEST(test_pooling),      TEST(test_long_length_allowed)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
