/*
 * kv_vectors: capacity lines that people published, for models and releases of all kinds.  Where a
 * log gives the memory with two decimals only, the answer must lie between its two ends.
 */
#include "kv_helper.h"

/* A hybrid of attention and gated delta nets: blocks as the engine aligns them. */
static sf_hybrid add_hybrid(fixture *f, const sf_profile *p, kv_sample *s, sf_kv_spec attention,
                            uint32_t n_full, uint64_t state_bytes, uint32_t n_states, uint32_t spec_tokens,
                            const char *mode)
{
    sf_hybrid_wish wish = {
        .state_bytes = state_bytes,
        .token_bytes =
            (attention.head_size + attention.head_size_v) * attention.kv_heads * attention.dtype_bits / 8,
        .head_size = attention.head_size,
        .capability = 89,
        .max_model_len = s->c.max_model_len,
        .prefix_caching = mode != NULL,
        .mode = sf_str_of(mode),
    };
    sf_kv_spec state = {.kind = SF_KV_STATE, .state_bytes = state_bytes, .speculative_blocks = spec_tokens};
    sf_hybrid h = {0};

    assert_int_equal(sf_hybrid_align(f->a, p, &wish, &f->dg, &h), SF_OK);
    attention.block_size = h.block_size;
    state.block_size = h.state_block;
    state.page_padded = h.page_padded;
    state.state_mode = h.mode;
    sample_add(s, attention, n_full);
    sample_add(s, state, n_states);
    s->c.cache_block_size = h.block_size;
    return h;
}

/* 1, 2, 3, 11, 15, 16, 18, 23: plain attention, from V0 to 0.26. */
static void test_plain_attention(void **state)
{
    fixture *f = *state;
    kv_sample s;
    const sf_kv_result *r;

    sample_init(&s, 8192, 8192);
    sample_add(&s, full(8, 128, 16, 16), 32); /* Llama-3.1-8B */
    r = plan_bytes(f, engine(f, "vllm@0.10.2"), &s, 59212694937);
    assert_int_equal(r->block_bytes, 2097152);
    assert_int_equal(r->num_blocks, 28234);
    assert_int_equal(r->tokens, 451744);
    assert_str(r->log[0], "GPU KV cache size: 451,744 tokens");
    assert_tokens_about(f, engine(f, "vllm@0.9.2"), &s, 85.79, 702800);
    assert_tokens_about(f, engine(f, "vllm@0.9.2"), &s, 5.29, 43296);
    assert_blocks_about(f, engine(f, "vllm-v0@0.6.4"), &s, 3.81, 1952);
    assert_blocks_about(f, engine(f, "vllm-v0@0.6.4"), &s, 2.89, 1478);
    assert_tokens_about(f, engine(f, "vllm@0.19.0"), &s, 58.11, 476016);
    s.specs[0].dtype_bits = 8;
    assert_tokens_about(f, engine(f, "vllm@0.19.0"), &s, 58.11, 952032);

    sample_init(&s, 8192, 8192);
    sample_add(&s, full(8, 128, 16, 16), 36); /* Qwen3-4B */
    assert_tokens_about(f, engine(f, "vllm@0.10.2"), &s, 5.29, 38544);
    s.runs[0].count = 28; /* Qwen3-0.6B; the log has one decimal */
    assert_in_range(649728, plan_gib(f, engine(f, "vllm@0.10.2"), &s, 69.35)->tokens,
                    plan_gib(f, engine(f, "vllm@0.10.2"), &s, 69.45)->tokens);

    sample_init(&s, 8192, 8192);
    sample_add(&s, full(2, 64, 16, 16), 24); /* Qwen2.5-0.5B: 12,288 bytes a token */
    r = plan_bytes(f, engine(f, "vllm@0.26.0"), &s, (int64_t)6908880 * 12288);
    assert_int_equal(r->tokens, 6908880);

    sample_init(&s, 8192, 8192);
    sample_add(&s, full(4, 128, 16, 16), 64); /* Qwen2.5-32B on two ranks */
    assert_blocks_about(f, engine(f, "vllm-v0@0.7.2"), &s, 7.71, 3947);
    sample_init(&s, 65536, 8192);
    sample_add(&s, full(8, 128, 16, 16), 40); /* the 11B vision Llama */
    assert_blocks_about(f, engine(f, "vllm-v0@0.7.0"), &s, 14.65, 6001);
}

/* 10, 25: latent attention, in V0 with entries padded to 256 bytes. */
static void test_latent_attention(void **state)
{
    fixture *f = *state;
    kv_sample s;
    const sf_kv_result *r;

    sample_init(&s, 163840, 8192);
    sample_add(&s, mla(576, 16, 16), 27);
    s.specs[0].page_padded = 16 * 1280;
    r = plan_bytes(f, engine(f, "vllm-v0@0.7.2"), &s, (int64_t)116023 * 552960);
    assert_int_equal(r->num_blocks, 116023);
    assert_str(sf_fmt_fixed(f->a, r->concurrency, 2), "11.33");
    assert_blocks_about(f, engine(f, "vllm-v0@0.7.2"), &s, 59.75, 116023);
    s.specs[0].page_padded = 0;
    assert_tokens_about(f, engine(f, "vllm@0.23.0"), &s, 75.49, 2606080);
}

/* 4, 5, 19: Qwen3.6-35B-A3B, whose log of 0.20 shows a fifth of the tokens. */
static void test_gated_delta_nets(void **state)
{
    fixture *f = *state;
    const sf_profile *p = engine(f, "vllm@0.20.0");
    kv_sample s;
    sf_hybrid h;
    const sf_kv_result *r;

    sample_init(&s, 65536, 8192);
    h = add_hybrid(f, p, &s, full(2, 256, 8, 16), 10, 49152 + 2097152, 30, 0, "align");
    assert_int_equal(h.block_size, 2096);
    r = plan_gib(f, p, &s, 2.95);
    assert_int_equal(r->n_groups, 4);
    assert_int_equal(r->groups[0].n_slots, 10);
    assert_int_equal(r->num_blocks, 147);
    assert_int_equal(r->tokens, 75456);
    assert_str(sf_fmt_fixed(f->a, r->concurrency, 2), "3.87");

    p = engine(f, "vllm@0.24.0");
    sample_init(&s, 131072, 8192);
    add_hybrid(f, p, &s, full(2, 256, 8, 16), 10, 49152 + 2097152, 30, 0, "align");
    assert_int_equal(plan_gib(f, p, &s, 5.98)->num_blocks, 299);
    assert_int_equal(plan_gib(f, p, &s, 5.98)->tokens, 567978);
    assert_int_equal(plan_gib(f, p, &s, 6.01)->num_blocks, 300);
    assert_int_equal(plan_gib(f, p, &s, 6.01)->tokens, 569878);

    p = engine(f, "vllm@0.25.0"); /* with a draft layer and two speculative tokens */
    sample_init(&s, 262144, 8192);
    h = add_hybrid(f, p, &s, full(2, 256, 16, 16), 11, 81920 + 2097152, 30, 2, "align");
    assert_int_equal(h.block_size, 1072);
    assert_blocks_about(f, p, &s, 74.22, 3300);
    r = plan_bytes(f, p, &s, (int64_t)3300 * 11 * 1072 * 2048);
    assert_int_equal(r->num_blocks, 3300);
    assert_int_equal(r->tokens, 3366051);
    assert_str(sf_fmt_fixed(f->a, r->concurrency, 2), "12.84");
}

/* 6, 7, 9, 20: Qwen3.5 and 3.8 with 27B parameters. */
static void test_more_gated_delta_nets(void **state)
{
    fixture *f = *state;
    const sf_profile *p = engine(f, "vllm@0.27.0");
    kv_sample s;
    sf_hybrid h;
    const sf_kv_result *r;

    sample_init(&s, 131072, 8192);
    h = add_hybrid(f, p, &s, full(2, 256, 8, 16), 16, 30720 + 1572864, 48, 0, "align");
    assert_int_equal(h.block_size, 1568);
    r = plan_gib(f, p, &s, 4.99);
    assert_int_equal(r->num_blocks, 208);
    assert_int_equal(r->tokens, 302921);
    assert_str(sf_fmt_fixed(f->a, r->concurrency, 2), "2.31");

    p = engine(f, "vllm@0.19.0");
    sample_init(&s, 32768, 8192);
    h = add_hybrid(f, p, &s, full(4, 256, 16, 16), 16, 61440 + 3145728, 48, 0, NULL);
    assert_int_equal(h.block_size, 784);
    r = plan_bytes(f, p, &s, (int64_t)1487 * 16 * 784 * 4096);
    assert_int_equal(r->tokens, 290864);
    assert_str(sf_fmt_fixed(f->a, r->concurrency, 2), "33.04");

    sample_init(&s, 32768, 8192);
    h = add_hybrid(f, p, &s, full(4, 256, 8, 16), 16, 61440 + 3145728, 48, 0, NULL);
    assert_int_equal(h.block_size, 1568);
    assert_str(h.log[h.n_log - 1],
               "Padding mamba page size by 0.13% to ensure that mamba page size and attention "
               "page size are exactly equal.");

    p = engine(f, "vllm@0.25.0");
    sample_init(&s, 262144, 8192);
    h = add_hybrid(f, p, &s, full(4, 256, 16, 16), 17, 3248128, 48, 2, "align");
    assert_int_equal(h.block_size, 800);
    r = plan_gib(f, p, &s, 80.17);
    assert_int_equal(r->groups[0].page_size, 3276800);
    assert_int_equal(r->num_blocks, 1545);
    assert_int_equal(r->tokens, 1191213);
}

/* 8: the block of Qwen3-Next on two ranks' worth of heads, and of Qwen3.5-0.8B. */
static void test_hybrid_blocks(void **state)
{
    fixture *f = *state;
    const sf_profile *p = engine(f, "vllm@0.19.0");
    kv_sample s;
    sf_hybrid h;

    sample_init(&s, 32768, 8192);
    h = add_hybrid(f, p, &s, full(1, 256, 16, 16), 12, (49152 + 1048576) / 2, 36, 0, NULL);
    assert_int_equal(h.block_size, 544);
    assert_str(h.log[h.n_log - 1],
               "Padding mamba page size by 1.49% to ensure that mamba page size and attention "
               "page size are exactly equal.");
    sample_init(&s, 32768, 8192);
    h = add_hybrid(f, p, &s, full(2, 256, 16, 16), 6, 36864 + 1048576, 18, 0, NULL);
    assert_int_equal(h.block_size, 544);
    assert_str(h.log[h.n_log - 1],
               "Padding mamba page size by 2.64% to ensure that mamba page size and attention "
               "page size are exactly equal.");
}

/* 21, 22: sliding windows beside full attention, 0.19. */
static void test_sliding_windows(void **state)
{
    static const struct {
        uint64_t heads, size, window;
        uint32_t n_full, n_sliding;
        size_t groups;
        double gib;
        uint64_t tokens;
    } row[] = {
        {8,  256, 1024, 8,  40, 6, 47.72, 130304 }, /* Gemma-3-12B */
        {4,  256, 1024, 5,  29, 7, 62.51, 468144 }, /* Gemma-3-4B */
        {16, 128, 4096, 23, 23, 2, 20.59, 58672  }, /* Gemma-2-27B */
        {4,  64,  128,  12, 12, 2, 59.32, 2591776}, /* gpt-oss-20b on two ranks */
    };
    fixture *f = *state;
    const sf_profile *p = engine(f, "vllm@0.19.0");

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        kv_sample s;

        sample_init(&s, 8192, 8192);
        sample_add(&s, full(row[i].heads, row[i].size, 16, 16), row[i].n_full);
        sample_add(&s, sliding(row[i].heads, row[i].size, 16, 16, row[i].window), row[i].n_sliding);
        assert_int_equal(plan_gib(f, p, &s, row[i].gib)->n_groups, row[i].groups);
        assert_tokens_about(f, p, &s, row[i].gib, row[i].tokens);
    }
}

/* 12: 0.15 holds the whole model against one rank of a pipeline. */
static void test_pipeline_fit(void **state)
{
    fixture *f = *state;
    const sf_profile *p = engine(f, "vllm@0.15.0");
    kv_sample s;
    const sf_kv_result *r;
    sf_kv_run half = {0, 24};

    sample_init(&s, 262144, 8192);
    sample_add(&s, full(4, 128, 16, 16), 24);
    s.stage[1] = (sf_kv_stage_runs){&half, 1};
    s.c.n_stages = s.c.n_workers = 2;
    s.workers[1].stage = 1;
    r = plan_gib(f, p, &s, 3.181);
    assert_int_equal(r->error, SF_KV_ERR_SHORT);
    assert_int_equal(r->needed[0], (uint64_t)24 * SF_GIB);
    assert_int_equal(r->estimated_len[0], 34736);
    assert_str(
        r->error_text,
        "To serve at least one request with the models's max seq len (262144), (24.0 GiB KV cache is needed, "
        "which is larger than the available KV cache memory (3.18 GiB). Based on the available memory, the "
        "estimated maximum model length is 34736. Try increasing `gpu_memory_utilization` or decreasing "
        "`max_model_len` when initializing the engine. See "
        "https://docs.vllm.ai/en/latest/configuration/conserving_memory/ for more details.");
}

/* 13: the poorest rank decides. */
static void test_poorest_rank(void **state)
{
    fixture *f = *state;
    kv_sample s;
    const sf_kv_result *r;

    sample_init(&s, 40960, 8192);
    sample_add(&s, full(1, 128, 16, 16), 94);
    s.c.n_workers = 2;
    s.workers[0].available = (int64_t)(8.11 * (double)SF_GIB);
    s.workers[1].available = (int64_t)178880 / 16 * 94 * 512 * 16;
    assert_int_equal(sf_kv_plan(f->a, engine(f, "vllm@0.9.2"), &s.c, &f->dg, &r), SF_OK);
    assert_int_equal(r->num_blocks * 16, 178880);
    assert_true(r->worker_blocks[0] > r->worker_blocks[1]);
}

/* 14: less than nothing is left. */
static void test_nothing_left(void **state)
{
    fixture *f = *state;
    kv_sample s;
    const sf_kv_result *r;

    sample_init(&s, 131072, 8192);
    sample_add(&s, full(8, 64, 16, 16), 18);
    sample_add(&s, sliding(8, 64, 16, 16, 128), 18);
    r = plan_gib(f, engine(f, "vllm@0.10.1"), &s, -2.14);
    assert_int_equal(r->error, SF_KV_ERR_NONE_LEFT);
    assert_str(r->error_text,
               "No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when "
               "initializing the engine.");
}

/* 24: what MiniMax-M2.7 needs for its full length on each of two ranks. */
static void test_needed(void **state)
{
    fixture *f = *state;
    kv_sample s;
    uint64_t needed = 0;

    sample_init(&s, 196608, 8192);
    sample_add(&s, full(4, 128, 16, 16), 62);
    s.c.n_workers = 0;
    assert_int_equal(sf_kv_needed(f->a, engine(f, "vllm@0.29.0"), &s.c, 196608, &f->dg, &needed), SF_OK);
    assert_int_equal(needed, (uint64_t)62 * 4 * 512 * 196608);
    assert_str(sf_fmt_gib(f->a, (int64_t)needed), "23.25 GiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_plain_attention),  TEST(test_latent_attention),
        TEST(test_gated_delta_nets), TEST(test_more_gated_delta_nets),
        TEST(test_hybrid_blocks),    TEST(test_sliding_windows),
        TEST(test_pipeline_fit),     TEST(test_poorest_rank),
        TEST(test_nothing_left),     TEST(test_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
