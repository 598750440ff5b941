/* activation: the laws of the profile run, against peaks that engines logged. */
#include <math.h>

#include "test.h"

#include "memory/activation.h"

static const sf_forward llama_8b = {
    .hidden = 4096, .intermediate = 14336, .q_heads = 32, .kv_heads = 8, .head_dim = 128, .vocab = 128256};
static const sf_forward qwen3_30b_a3b = {.hidden = 2048,
                                         .q_heads = 32,
                                         .kv_heads = 4,
                                         .head_dim = 128,
                                         .experts = 128,
                                         .experts_per_token = 8,
                                         .moe_intermediate = 768,
                                         .vocab = 151936};

typedef struct sample {
    const sf_profile *p;
    sf_model m;
    sf_stage st;
    sf_stage_need n;
    sf_activation phases;
} sample;

static void sample_init(sample *s, fixture *f, const char *engine, const sf_forward *fwd, uint64_t m,
                        uint64_t seqs)
{
    *s = (sample){.m = {.forward = *fwd}, .st = {.kind = SF_STAGE_AR}};
    assert_int_equal(sf_profile_find(f->a, sf_str_of(engine), false, &f->dg, &s->p), SF_OK);
    s->n = (sf_stage_need){.stage = &s->st,
                           .model = &s->m,
                           .max_num_batched_tokens = m,
                           .max_num_seqs = seqs,
                           .max_model_len = 32768,
                           .dtype = SF_DT_BF16};
}

static double peak(fixture *f, sample *s, uint64_t tp)
{
    return (double)sf_activation_peak(f->a, s->p, &s->n, tp, true, true, &s->phases).bytes / (double)SF_GIB;
}

static double in_gib(sf_amount x)
{
    return (double)x.bytes / (double)SF_GIB;
}

#define assert_near(got, want, tolerance) assert_float_equal((float)(got), (float)(want), (float)(tolerance))

/* vLLM 0.19, H100: the forward law at three batch sizes. */
static void test_forward_grows_with_the_batch(void **state)
{
    static const struct {
        uint64_t m;
        double gib;
    } row[] = {
        {16384, 1.84},
        {8192,  0.92},
        {2048,  0.23}
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sample s;

        sample_init(&s, f, "vllm@0.19.0", &llama_8b, row[i].m, 1);
        peak(f, &s, 1);
        assert_near(in_gib(s.phases.forward), row[i].gib, 0.005);
    }
}

/* 0.19.0, H100, 8192 tokens, 1024 sequences: what the logs print. */
static void test_sampler_of_0_19(void **state)
{
    static const struct {
        uint64_t hidden, vocab, tp;
        double logged;
    } row[] = {
        {4096, 128256, 1, 1.89}, /* Llama-3.1-8B */
        {4096, 151936, 1, 2.21}, /* Qwen3-8B */
        {2304, 256000, 1, 3.62}, /* gemma-2-2b */
        {8192, 152064, 2, 2.29}, /* Qwen2.5-72B: logits are gathered on both */
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_forward fwd = {.hidden = row[i].hidden, .vocab = row[i].vocab};
        sample s;

        sample_init(&s, f, "vllm@0.19.0", &fwd, 8192, 1024);
        peak(f, &s, row[i].tp);
        assert_near(in_gib(s.phases.sampler), row[i].logged, 0.015);
        assert_true(s.phases.sampler.high >= (int64_t)(row[i].logged * (double)SF_GIB));
    }
}

/* Up to 0.16 the sort takes 38.3 bytes a logit; with FlashInfer sampling 15.5, and the band says so. */
static void test_sampler_that_sorts(void **state)
{
    fixture *f = *state;
    sf_forward qwen3_14b = {.hidden = 5120, .vocab = 151936};
    sample s;

    sample_init(&s, f, "vllm@0.15.0", &qwen3_14b, 8192, 1024);
    assert_near(peak(f, &s, 1), 5.64, 0.02);
    sample_init(&s, f, "vllm@0.10.2", &llama_8b, 8192, 1024);
    peak(f, &s, 1);
    assert_true((double)s.phases.sampler.low / (double)SF_GIB < 1.97); /* logged with FlashInfer */
    assert_true((double)s.phases.sampler.high / (double)SF_GIB > 4.75);
    sample_init(&s, f, "vllm-v0@0.7.0", &(sf_forward){.hidden = 4096, .vocab = 128256}, 8192, 256);
    assert_near(peak(f, &s, 1), 1.26, 0.03);
    assert_true((double)s.phases.sampler.low / (double)SF_GIB > 1.15); /* V0 has the one path only */
}

/* No more rows are sampled than tokens are batched. */
static void test_rows_are_limited_by_tokens(void **state)
{
    fixture *f = *state;
    sample s, t;

    sample_init(&s, f, "vllm@0.19.0", &llama_8b, 128, 1024);
    sample_init(&t, f, "vllm@0.19.0", &llama_8b, 128, 128);
    peak(f, &s, 1);
    peak(f, &t, 1);
    assert_int_equal(s.phases.sampler.bytes, t.phases.sampler.bytes);
}

/* A float32 model takes two bytes more a logit: 2.21 GiB in the log of 0.19. */
static void test_float32(void **state)
{
    fixture *f = *state;
    sample s;

    sample_init(&s, f, "vllm@0.19.0", &llama_8b, 8192, 1024);
    s.n.dtype = SF_DT_F32;
    peak(f, &s, 1);
    assert_near(in_gib(s.phases.sampler), 2.21, 0.04);
}

/* From 0.29 on a rank samples its share of the vocabulary. */
static void test_sharded_sampler(void **state)
{
    fixture *f = *state;
    sample s, whole;

    sample_init(&s, f, "vllm@0.29.0", &llama_8b, 2048, 1024);
    s.n.runner_v2 = true;
    whole = s;
    peak(f, &s, 4);
    peak(f, &whole, 1);
    assert_true(s.phases.sampler.bytes < whole.phases.sampler.bytes / 2);
    sample_init(&s, f, "vllm@0.28.0", &llama_8b, 2048, 1024);
    s.n.runner_v2 = true;
    whole = s;
    peak(f, &s, 4);
    peak(f, &whole, 1);
    assert_int_equal(s.phases.sampler.bytes, whole.phases.sampler.bytes);
}

/* A rank that sends its result on keeps three times the hidden states: 1.10 GiB for Llama-3.1-8B, PP 2. */
static void test_pipeline_stages(void **state)
{
    fixture *f = *state;
    sf_activation first, last;
    sample s;

    sample_init(&s, f, "vllm@0.19.0", &llama_8b, 8192, 256);
    sf_activation_peak(f->a, s.p, &s.n, 1, true, false, &first);
    sf_activation_peak(f->a, s.p, &s.n, 1, false, true, &last);
    assert_near(in_gib(first.forward), 1.10, 0.01);
    assert_near(in_gib(last.forward), 0.92, 0.005);
    assert_int_equal(first.sampler.bytes, 0);
    assert_true(last.sampler.bytes > 0);
}

/* All-reduce copies the hidden states; the MLP is divided. */
static void test_tensor_parallel(void **state)
{
    fixture *f = *state;
    sample s;

    sample_init(&s, f, "vllm@0.19.0", &llama_8b, 8192, 1);
    peak(f, &s, 2);
    assert_int_equal(s.phases.forward.bytes,
                     (int64_t)llround(8192.0 * 2 * (4.2 * 4096 + 3 * 14336 / 2.0)) + 8192 * 4096 * 2);
}

/* Experts: two caches of the routed rows; whole experts with expert parallelism; chunks before 0.18. */
static void test_experts(void **state)
{
    fixture *f = *state;
    const double dense = 8192.0 * 2 * 4.2 * 2048, copy = 8192.0 * 2048 * 2;
    sf_node on = {.kind = SF_BOOL, .as = {.b = true}};
    sample s;

    sample_init(&s, f, "vllm@0.19.0", &qwen3_30b_a3b, 8192, 1);
    peak(f, &s, 1);
    assert_int_equal(s.phases.forward.bytes, (int64_t)llround(dense + 8192.0 * 8 * (2048 + 2048) * 2));
    sample_init(&s, f, "vllm@0.19.0",
                &(sf_forward){.hidden = 2048, .experts = 8, .experts_per_token = 2, .moe_intermediate = 8192},
                8192, 1);
    peak(f, &s, 2);
    assert_int_equal(s.phases.forward.bytes, (int64_t)llround(dense + copy + 8192.0 * 2 * (8192 + 4096) * 2));
    s.st.args.v[SF_ARG_enable_expert_parallel].node = &on;
    peak(f, &s, 2);
    assert_int_equal(s.phases.forward.bytes,
                     (int64_t)llround(dense + copy + 8192.0 * 2 * (16384 + 8192) * 2));
    sample_init(&s, f, "vllm@0.17.0", &qwen3_30b_a3b, 65536, 1);
    peak(f, &s, 1);
    assert_int_equal(s.phases.forward.bytes, (int64_t)llround(dense * 8 + 16384.0 * 8 * (2048 + 2048) * 2));
}

static const sf_encoder tower = {.modality = SF_STR("image"),
                                 .item_tokens = 4096,
                                 .patches_per_token = 4,
                                 .hidden = 1000,
                                 .intermediate = 2000,
                                 .qkv = 3000,
                                 .out_hidden = 500};

/* How many items are profiled: the budget, the sequences, what a prompt may hold. */
static void test_profiled_items(void **state)
{
    static const struct {
        const char *engine;
        uint64_t m, seqs, len;
        int64_t limit; /* -1: not given */
        uint64_t items;
    } row[] = {
        {"vllm@0.19.0",   16384, 256, 32768, -1, 4},
        {"vllm@0.19.0",   2048,  256, 32768, -1, 1},
        {"vllm@0.19.0",   16384, 256, 32768, 1,  4},
        {"vllm@0.19.0",   16384, 1,   32768, -1, 4},
        {"vllm@0.19.0",   16384, 1,   8192,  -1, 2},
        {"vllm@0.19.0",   16384, 1,   32768, 3,  3},
        {"vllm-v0@0.7.0", 16384, 2,   32768, -1, 2},
        {"vllm@0.19.0",   16384, 256, 1024,  -1, 1},
        {"vllm@0.19.0",   16384, 256, 32768, 0,  0},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_node count = {.kind = SF_INT, .as = {.i = row[i].limit}};
        sf_pair pair = {.key = SF_STR("image"), .value = &count};
        sf_node limits = {.kind = SF_MAP, .n = 1, .as = {.pairs = &pair}};
        sample s;

        sample_init(&s, f, row[i].engine, &llama_8b, row[i].m, row[i].seqs);
        s.n.max_model_len = row[i].len;
        s.m.encoders[0] = tower;
        s.m.n_encoders = 1;
        if (row[i].limit >= 0)
            s.st.args.v[SF_ARG_limit_mm_per_prompt].node = &limits;
        peak(f, &s, 1);
        assert_int_equal(s.phases.encoder_kept.bytes, row[i].items * 4096 * 500 * 2);
        assert_int_equal(s.phases.encoder.bytes, row[i].items * 4096 * 4 * (1000 + 3 * 2000 + 3000) * 2);
    }
}

static void test_encoder_switches(void **state)
{
    fixture *f = *state;
    sf_node on = {.kind = SF_BOOL, .as = {.b = true}}, data = {.kind = SF_STRING, .text = SF_STR("data")};
    sf_activation later;
    sample s;

    sample_init(&s, f, "vllm@0.19.0", &llama_8b, 4096, 256);
    s.m.encoders[0] = tower;
    s.m.encoders[1] = tower;
    s.m.encoders[1].item_tokens = 2048; /* the smaller item is not the one that is profiled */
    s.m.n_encoders = 2;
    peak(f, &s, 2);
    assert_int_equal(s.phases.encoder.bytes, 4096 * 4 * (1000 + 3 * 1000 + 3000) * 2);
    s.st.args.v[SF_ARG_mm_encoder_tp_mode].node = &data;
    peak(f, &s, 2);
    assert_int_equal(s.phases.encoder.bytes, 4096 * 4 * (1000 + 3 * 2000 + 3000) * 2);
    sf_activation_peak(f->a, s.p, &s.n, 2, false, true, &later); /* the first pipeline stage encodes */
    assert_int_equal(later.encoder.bytes, 0);
    s.st.args.v[SF_ARG_skip_mm_profiling].node = &on;
    peak(f, &s, 2);
    assert_int_equal(s.phases.encoder.bytes, 0);
    s.st.args.v[SF_ARG_skip_mm_profiling].node = NULL;
    s.st.args.v[SF_ARG_language_model_only].node = &on;
    peak(f, &s, 2);
    assert_int_equal(s.phases.encoder_kept.bytes, 0);
}

/* The peak is the largest phase with what the encoder left beside it, and its band covers the others. */
static void test_peak_is_the_largest_phase(void **state)
{
    fixture *f = *state;
    sf_amount all;
    sample s;

    sample_init(&s, f, "vllm@0.19.0", &llama_8b, 8192, 1024);
    all = sf_activation_peak(f->a, s.p, &s.n, 1, true, true, &s.phases);
    assert_int_equal(all.bytes, s.phases.sampler.bytes);
    s.n.max_num_seqs = 1;
    all = sf_activation_peak(f->a, s.p, &s.n, 1, true, true, &s.phases);
    assert_int_equal(all.bytes, s.phases.forward.bytes);
    s.m.encoders[0] = tower;
    s.m.n_encoders = 1;
    all = sf_activation_peak(f->a, s.p, &s.n, 1, true, true, &s.phases);
    assert_int_equal(all.bytes, (s.phases.forward.bytes > s.phases.encoder.bytes ? s.phases.forward.bytes
                                                                                 : s.phases.encoder.bytes) +
                                    s.phases.encoder_kept.bytes);
    assert_true(all.high >= s.phases.encoder.high && all.high >= s.phases.forward.high);
    sample_init(&s, f, "vllm@0.15.0", &llama_8b, 16384,
                1024); /* sampler or forward pass: low is the larger low */
    all = sf_activation_peak(f->a, s.p, &s.n, 1, true, true, &s.phases);
    assert_int_equal(all.low, s.phases.forward.low > s.phases.sampler.low ? s.phases.forward.low
                                                                          : s.phases.sampler.low);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_forward_grows_with_the_batch),
        TEST(test_sampler_of_0_19),
        TEST(test_sampler_that_sorts),
        TEST(test_rows_are_limited_by_tokens),
        TEST(test_float32),
        TEST(test_sharded_sampler),
        TEST(test_pipeline_stages),
        TEST(test_tensor_parallel),
        TEST(test_experts),
        TEST(test_profiled_items),
        TEST(test_encoder_switches),
        TEST(test_peak_is_the_largest_phase),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
