/* extras: what arguments add to the checkpoint on a rank, take from it, or keep from the cache. */
#include "start_helper.h"

static const sf_stage_need *need_of(const stagefit_result *r)
{
    assert_non_null(r->check.need);
    return &r->check.need->stages[0];
}

static stagefit_result *serve(fixture *f, const char *gpu, const char *rest)
{
    stagefit_result *r = ask(&(question){
        .engine = "vllm@0.19.0", .gpu = gpu, .command = sf_arena_printf(f->a, "vllm serve %s", rest).p});

    assert_null(diag_of(&r->dg, SF_E_NOT_MODELLED));
    return r;
}

static uint64_t weights_of(fixture *f, const char *gpu, const char *rest)
{
    stagefit_result *r = serve(f, gpu, rest);
    uint64_t bytes = need_of(r)->ranks[0].weights_tensors;

    stagefit_result_free(r);
    return bytes;
}

/* 128 experts and 32 more over 4 ranks: 40 in place of 32 on each, 48 layers of 3 x 768 x 2048 in bf16. */
static void test_redundant_experts(void **state)
{
    static const char line[] = "Qwen/Qwen3-30B-A3B -tp 4 --enable-expert-parallel --enable-eplb";
    static const char *const spelled[] = {"--num-redundant-experts 32",
                                          "--eplb-config '{\"num_redundant_experts\": 32}'"};
    fixture *f = *state;
    uint64_t without = weights_of(f, "4xH100-80GB", line), expert = (uint64_t)3 * 768 * 2048 * 2;

    for (size_t i = 0; i < 2; i++) {
        sf_str text = sf_arena_printf(f->a, "%s %s", line, spelled[i]);

        assert_int_equal(weights_of(f, "4xH100-80GB", text.p) - without, 48 * 8 * expert);
    }
}

static void test_redundant_experts_that_do_not_divide(void **state)
{
    fixture *f = *state;
    stagefit_result *r = serve(f, "4xH100-80GB",
                               "Qwen/Qwen3-30B-A3B -tp 4 --enable-expert-parallel --num-redundant-experts 3");

    assert_diag_at(&r->dg, SF_E_ARG_VALUE, SF_ERROR, 1, 86);
    stagefit_result_free(r);
}

/*
 * 4 GiB of an 8B: parameters of the first layers in their order.  A layer is q/k/v 6144 x 4096, o 4096 x 4096,
 * gate and up 24576 x 4096, down 4096 x 12288 and norms; the one that crosses the limit goes whole.
 */
static void test_cpu_offload(void **state)
{
    fixture *f = *state;
    uint64_t limit = (uint64_t)4 << 30, host = 0;
    const uint64_t params[] = {(uint64_t)6144 * 4096 * 2,  (uint64_t)4096 * 4096 * 2,  256,  256,
                               (uint64_t)24576 * 4096 * 2, (uint64_t)4096 * 12288 * 2, 8192, 8192};
    uint64_t without = weights_of(f, "H100-80GB", "Qwen/Qwen3-8B"), with;

    for (size_t i = 0; host < limit; i++)
        host += params[i % 8];
    with = weights_of(f, "H100-80GB", "Qwen/Qwen3-8B --cpu-offload-gb 4");
    assert_int_equal(without - with, host);
}

/* Without its window the model is full attention over no more than the window. */
static void test_no_sliding_window(void **state)
{
    fixture *f = *state;
    stagefit_result *r = serve(f, "H100-80GB", "google/gemma-2-2b --disable-sliding-window");
    const sf_stage_need *n = need_of(r);

    assert_int_equal(n->max_model_len, 4096);
    for (size_t i = 0; i < n->kv.n_specs; i++)
        assert_int_equal(n->kv.specs[i].kind, SF_KV_FULL);
    stagefit_result_free(r);
    r = serve(f, "H100-80GB", "google/gemma-2-2b --disable-sliding-window --max-model-len 8192");
    assert_diag_at(&r->dg, SF_E_MODEL_LEN, SF_ERROR, 1, 71);
    stagefit_result_free(r);
}

/* A pooling engine drops the head and samples nothing. */
static void test_pooling(void **state)
{
    fixture *f = *state;
    stagefit_result *r = serve(f, "H100-80GB", "Qwen/Qwen3-8B"),
                    *p = serve(f, "H100-80GB", "Qwen/Qwen3-8B --runner pooling"),
                    *own = serve(f, "H100-80GB", "intfloat/e5-mistral-7b-instruct");

    assert_false(need_of(r)->pooling);
    assert_true(need_of(p)->pooling && need_of(own)->pooling);
    assert_int_equal(need_of(r)->ranks[0].weights_tensors - need_of(p)->ranks[0].weights_tensors,
                     (uint64_t)151936 * 4096 * 2);
    assert_true(need_of(r)->ranks[0].activation.sampler.bytes > 0);
    assert_int_equal(need_of(p)->ranks[0].activation.sampler.bytes, 0);
    assert_int_equal(need_of(own)->ranks[0].activation.sampler.bytes, 0);
    stagefit_result_free(r);
    stagefit_result_free(p);
    stagefit_result_free(own);
}

/*
 * Slots of rank 16 beside each slice of Qwen3-8B: q 4096 + 4096, k and v 4096 + 1024, o 4096 + 4096, gate and up
 * 4096 + 12288, down 12288 + 4096; 36 layers.  0.19 has them for embedding and head of Qwen3 too, 0.10.2 has not.
 */
static void test_lora_slots(void **state)
{
    static const struct {
        const char *engine, *line;
        uint64_t layer, vocabulary;
    } row[] = {
        {"vllm@0.10.2", "vllm serve Qwen/Qwen3-8B --enable-lora",
         16 * (8192 + 2 * 5120 + 8192 + 2 * 16384 + 16384),      0                         },
        {"vllm@0.10.2", "vllm serve Qwen/Qwen3-8B --enable-lora --max-loras 3 --max-lora-rank 32",
         3 * 32 * (8192 + 2 * 5120 + 8192 + 2 * 16384 + 16384),  0                         },
        {"vllm@0.19.0", "vllm serve Qwen/Qwen3-8B --enable-lora",
         16 * (8192 + 2 * 5120 + 8192 + 2 * 16384 + 16384),      16 * (2 * (151936 + 4096))},
 /* outputs of columns and inputs of rows are divided, inputs of columns and outputs of rows are not */
        {"vllm@0.10.2", "vllm serve Qwen/Qwen3-8B --enable-lora -tp 2",
         16 * (6144 + 2 * 4608 + 6144 + 2 * 10240 + 10240),      0                         },
        {"vllm@0.10.2", "vllm serve Qwen/Qwen3-8B --enable-lora -tp 2 --fully-sharded-loras",
         8 * 4096 + 16 * 2048 + 2 * (8 * 4096 + 16 * 512) + 16 * 2048 + 2048 * 16 +
             2 * (8 * 4096 + 16 * 6144) + 16 * 6144 + 2048 * 16,
         0                                                                                 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        stagefit_result *r =
            ask(&(question){.engine = row[i].engine, .gpu = "2xH100-80GB", .command = row[i].line});
        const sf_rank_need *rank = &need_of(r)->ranks[0];
        uint64_t got = 0;

        for (size_t k = 0; k < rank->n_shares; k++)
            got += sf_str_is(rank->shares[k].component, "LoRA slots") ? rank->shares[k].bytes : 0;
        assert_int_equal(got, 2 * (36 * row[i].layer + row[i].vocabulary));
        stagefit_result_free(r);
    }
}

/* Logs with adapters: Qwen3-8B on two T4 with 0.22.1 loads 7.7 GiB; Llama 3.2 3B, rank 64, 6.2473 with V0 0.8.5. */
static void test_lora_logs(void **state)
{
    static const struct {
        const char *engine, *gpu, *line;
        double gib, off;
    } row[] = {
        {"vllm@0.22.1",   "2xT4",
         "vllm serve Qwen/Qwen3-8B --dtype float16 --enable-lora -tp 2 --max-model-len 4096", 7.7,    0.005 },
        {"vllm-v0@0.8.5", "T4",
         "vllm serve meta-llama/Llama-3.2-3B-Instruct --dtype float16 --enable-lora --max-lora-rank 64 "
         "--max-model-len 2048",                                                              6.2473, 0.0187},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        stagefit_result *r =
            ask(&(question){.engine = row[i].engine, .gpu = row[i].gpu, .command = row[i].line});
        double got = (double)need_of(r)->ranks[0].part[SF_PART_WEIGHTS].bytes / (double)SF_GIB;

        if (got - row[i].gib > row[i].off || row[i].gib - got > row[i].off)
            fail_msg("%s: %.4f, printed %.4f", row[i].line, got, row[i].gib);
        stagefit_result_free(r);
    }
}

static uint64_t share_of(const sf_rank_need *rank, const char *component)
{
    for (size_t k = 0; k < rank->n_shares; k++)
        if (sf_str_is(rank->shares[k].component, component))
            return rank->shares[k].bytes;
    return 0;
}

static uint64_t cached_layers(const sf_stage_need *n)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n->kv.stages[0].n; i++)
        sum += n->kv.stages[0].runs[i].count;
    return sum;
}

/* A draft model of its own: Llama 3.2 1B beside the 8B, divided with it or whole on each rank; its layers are cached. */
static void test_draft_model(void **state)
{
    static const struct {
        const char *line;
        uint64_t params, scalars, heads; /* on one rank; KV heads of the drafter's layers */
    } row[] = {
        {"meta-llama/Llama-3.1-8B --speculative-config '{\"model\": \"meta-llama/Llama-3.2-1B-Instruct\", "
         "\"num_speculative_tokens\": 4}'",                                    1235814400u,                               16 * 7 * 4, 8},
        {"meta-llama/Llama-3.1-8B --speculative-model meta-llama/Llama-3.2-1B-Instruct "
         "--num-speculative-tokens 4",                                         1235814400u,                               16 * 7 * 4, 8},
        {"meta-llama/Llama-3.1-8B -tp 2 --speculative-config '{\"model\": "
         "\"meta-llama/Llama-3.2-1B-Instruct\", "
         "\"num_speculative_tokens\": 4, \"draft_tensor_parallel_size\": 1}'", 1235814400u,                               16 * 7 * 4, 8},
        {"meta-llama/Llama-3.1-8B -tp 2 --speculative-config '{\"model\": "
         "\"meta-llama/Llama-3.2-1B-Instruct\", "
         "\"num_speculative_tokens\": 4}'",                                    (1235814400u - 33 * 2048) / 2 + 33 * 2048, 16 * 7 * 4, 4},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        stagefit_result *r = serve(f, "2xH100-80GB", row[i].line);
        const sf_stage_need *n = need_of(r);

        /* the 1B has heads of 64, so a rotary cache of its own */
        assert_int_equal(share_of(&n->ranks[0], "draft"),
                         2 * row[i].params + row[i].scalars + (uint64_t)131072 * 64 * 2);
        assert_int_equal(cached_layers(n), 32 + 16);
        assert_int_equal(n->kv.specs[n->kv.n_specs - 1].kv_heads, row[i].heads);
        assert_int_equal(n->kv.num_spec_tokens, 4);
        stagefit_result_free(r);
    }
}

/* MiMo's own prediction layer drafts: its weights, and one layer of cache more. */
static void test_prediction_layer(void **state)
{
    fixture *f = *state;
    stagefit_result *r = serve(f, "H100-80GB",
                               "XiaomiMiMo/MiMo-7B-Base --speculative-config '{\"method\": \"mimo_mtp\", "
                               "\"num_speculative_tokens\": 1}'");
    const uint64_t H = 4096, I = 11008;

    assert_int_equal(share_of(&need_of(r)->ranks[0], "mtp"),
                     2 * (5 * H + 2 * H * H + 2 * H * H + 2 * 1024 * H + H + 2 * 1024 + 3 * H * I));
    assert_int_equal(cached_layers(need_of(r)), 36 + 1);
    stagefit_result_free(r);
}

/* n-gram and suffix proposals take nothing; a drafter that is not known is said to be left out. */
static void test_proposals(void **state)
{
    static const char *const free_of_cost[] = {
        "Qwen/Qwen3-8B --speculative-config '{\"method\": \"ngram\", \"num_speculative_tokens\": 4}'",
        "Qwen/Qwen3-8B --speculative-config '{\"method\": \"suffix\", \"num_speculative_tokens\": 4}'",
        "Qwen/Qwen3-8B --speculative-model [ngram] --num-speculative-tokens 4",
    };
    fixture *f = *state;
    uint64_t without = weights_of(f, "H100-80GB", "Qwen/Qwen3-8B");
    stagefit_result *r;

    for (size_t i = 0; i < 3; i++)
        assert_int_equal(weights_of(f, "H100-80GB", free_of_cost[i]), without);
    r = ask(&(question){
        .engine = "vllm@0.19.0",
        .gpu = "H100-80GB",
        .command = "vllm serve Qwen/Qwen3-8B --speculative-config '{\"model\": \"no/such-model\"}'"});
    assert_non_null(diag_of(&r->dg, SF_E_NOT_MODELLED));
    assert_int_equal(r->dg.errors, 0);
    stagefit_result_free(r);
}

/* A layout taken at the user's wish: said in the text, the explanation, the JSON and by a warning. */
static void test_assumed_everywhere(void **state)
{
    stagefit_result *r = ask(&(question){.engine = "vllm@0.19.0",
                                         .gpu = "H100-80GB",
                                         .command = "vllm serve ./tests/codes/files/arch",
                                         .flags = STAGEFIT_ASSUME_FULL_ATTENTION});

    (void)state; /* each rendering takes the place of the one before */
    assert_non_null(strstr(stagefit_result_text(r, 100, 0), "? layout assumed, as asked"));
    assert_non_null(strstr(stagefit_result_text(r, 100, STAGEFIT_TEXT_EXPLAIN), "(assumed"));
    assert_non_null(strstr(stagefit_result_json(r), "\"assumed\": true"));
    assert_non_null(strstr(stagefit_result_json(r), "\"origin\": \"assumed\""));
    assert_int_equal(diag_of(&r->dg, SF_E_ARCH_UNKNOWN)->severity, SF_WARNING);
    assert_int_equal(need_of(r)->ranks[0].part[SF_PART_WEIGHTS].origin, SF_ORIGIN_ASSUMED);
    for (size_t i = 0; i < r->check.replay->n_entries; i++)
        if (r->check.replay->entries[i].part == SF_PART_KV)
            assert_int_equal(r->check.replay->entries[i].amount.origin, SF_ORIGIN_ASSUMED);
    stagefit_result_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_redundant_experts),
        TEST(test_redundant_experts_that_do_not_divide),
        TEST(test_cpu_offload),
        TEST(test_no_sliding_window),
        TEST(test_pooling),
        TEST(test_lora_slots),
        TEST(test_lora_logs),
        TEST(test_draft_model),
        TEST(test_proposals),
        TEST(test_prediction_layer),
        TEST(test_assumed_everywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
