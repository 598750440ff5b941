/* kv: pages, groups, blocks, fit test and texts of hand-made layouts; what is refused. */
#include "kv_helper.h"

static void test_page_bytes(void **state)
{
    static const struct {
        sf_kv_spec spec;
        uint64_t bytes;
    } row[] = {
        {{.kind = SF_KV_FULL,
          .block_size = 16,
          .kv_heads = 8,
          .head_size = 128,
          .head_size_v = 128,
          .dtype_bits = 16},
         65536                                                                                                       },
        {{.kind = SF_KV_FULL,
          .block_size = 16,
          .kv_heads = 4,
          .head_size = 192,
          .head_size_v = 128,
          .dtype_bits = 16},
         40960                                                                                                       },
        {{.kind = SF_KV_MLA, .block_size = 64, .kv_heads = 1, .head_size = 576, .dtype_bits = 16},            73728  },
        {{.kind = SF_KV_MLA, .block_size = 64, .kv_heads = 1, .head_size = 576, .store = SF_KV_STORE_DS_MLA},
         41984                                                                                                       },
        {{.kind = SF_KV_INDEXER, .block_size = 64, .kv_heads = 1, .head_size = 132, .dtype_bits = 8},         8448   },
        {{.kind = SF_KV_FULL,
          .block_size = 16,
          .kv_heads = 2,
          .head_size = 128,
          .head_size_v = 128,
          .store = SF_KV_STORE_HEAD_SCALED},
         8448                                                                                                        },
        {{.kind = SF_KV_FULL,
          .block_size = 16,
          .kv_heads = 2,
          .head_size = 128,
          .head_size_v = 128,
          .store = SF_KV_STORE_HEAD_INT4},
         4352                                                                                                        },
        {{.kind = SF_KV_FULL,
          .block_size = 16,
          .kv_heads = 2,
          .head_size = 128,
          .head_size_v = 128,
          .store = SF_KV_STORE_NVFP4},
         4608                                                                                                        },
        {{.kind = SF_KV_STATE, .block_size = 4096, .state_bytes = 1097728, .page_padded = 1114112},           1114112},
        {{.kind = SF_KV_MLA,
          .v4 = true,
          .block_size = 256,
          .kv_heads = 1,
          .head_size = 512,
          .store = SF_KV_STORE_DS_MLA,
          .compress_ratio = 4,
          .alignment = 576},
         37440                                                                                                       },
        {{.kind = SF_KV_SLIDING,
          .v4 = true,
          .v4_compressor = true,
          .block_size = 8,
          .kv_heads = 1,
          .head_size = 1024,
          .dtype_bits = 32,
          .window = 128,
          .alignment = 576},
         32832                                                                                                       },
        {{.kind = SF_KV_NONE},                                                                                0      },
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        uint64_t got = 1;

        assert_true(sf_kv_page_bytes(&row[i].spec, &got));
        assert_int_equal(got, row[i].bytes);
    }
}

static void test_page_overflow(void **state)
{
    sf_kv_spec s = full(UINT64_MAX / 2, 128, 16, 16);
    uint64_t got = 7;

    (void)state;
    assert_false(sf_kv_page_bytes(&s, &got));
    assert_int_equal(got, 7);
    s = full(8, 128, 16, 16);
    s.page_padded = 100; /* below its own size */
    assert_false(sf_kv_page_bytes(&s, &got));
}

/* gpt-oss-20b with a draft layer: 13 full and 12 sliding layers. */
static void test_nearly_equal_buckets(void **state)
{
    fixture *f = *state;
    kv_sample s;
    const sf_kv_result *r;

    sample_init(&s, 32768, 8192);
    sample_add(&s, full(8, 64, 16, 16), 13);
    sample_add(&s, sliding(8, 64, 16, 16, 128), 12);
    r = plan_gib(f, engine(f, "vllm@0.11.0"), &s, 10);
    assert_int_equal(r->n_groups, 3); /* 12, 12 (11 of them padding), 12 */
    assert_str(r->log[0], "Add 11 padding layers, may waste at most 84.62% KV cache memory");
    r = plan_gib(f, engine(f, "vllm@0.12.0"), &s, 10);
    assert_int_equal(r->n_groups, 2);
    assert_int_equal(r->groups[1].n_layers, 12);
    assert_int_equal(r->groups[1].n_slots, 13);
    assert_int_equal(r->block_bytes, 13 * 32768);
}

/* Before 0.9.1 and with the manager switched off, windowed layers hold every token. */
static void test_windows_as_full(void **state)
{
    fixture *f = *state;
    kv_sample s;
    const sf_kv_result *r;

    sample_init(&s, 32768, 8192);
    sample_add(&s, full(8, 64, 16, 16), 12);
    sample_add(&s, sliding(8, 64, 16, 16, 128), 12);
    r = plan_gib(f, engine(f, "vllm@0.9.0"), &s, 10);
    assert_int_equal(r->n_groups, 1);
    assert_int_equal(r->block_bytes, 24 * 32768);
    assert_true(r->concurrency == (double)r->tokens / 32768);
    s.c.disable_hybrid = true;
    r = plan_gib(f, engine(f, "vllm@0.19.0"), &s, 10);
    assert_int_equal(r->n_groups, 1);
    assert_int_equal(r->groups[0].pages, 2048);
    assert_true(
        sf_str_starts(r->log[0], SF_STR("Hybrid KV cache manager is disabled for this hybrid model")));
}

static void test_windows_that_stay(void **state)
{
    fixture *f = *state;
    sf_kv_spec states = {.kind = SF_KV_STATE, .block_size = 4096, .state_bytes = 32768};
    kv_sample s;
    const sf_kv_result *r;

    sample_init(&s, 4096, 2048);
    sample_add(&s, full(8, 64, 16, 16), 4);
    sample_add(&s, states, 4);
    s.c.disable_hybrid = true;
    r = plan_gib(f, engine(f, "vllm@0.19.0"), &s, 1);
    assert_int_equal(r->error, SF_KV_ERR_LAYOUT);
    assert_str(r->error_class, "ValueError");
    assert_str(r->error_text,
               "Hybrid KV cache manager is disabled but failed to convert the KV cache specs to one "
               "unified type.");
    sample_init(&s, 4096, 2048);
    sample_add(&s, full(8, 64, 16, 16), 4);
    sample_add(&s, sliding(8, 64, 16, 16, 128), 4);
    sample_add(&s, sliding(8, 64, 16, 16, 512), 4);
    s.c.disable_hybrid = true;
    r = plan_gib(f, engine(f, "vllm@0.10.2"), &s, 1);
    assert_str(r->error_text,
               "All attention layers in the same KV cache group must have the same window size.");
}

/* Pages that do not divide: no text, a text, padding, or full allocation, by release. */
static void test_unequal_pages(void **state)
{
    fixture *f = *state;
    kv_sample s;
    const sf_kv_result *r;

    sample_init(&s, 16384, 8192);
    sample_add(&s, full(8, 96, 16, 16), 6);
    sample_add(&s, sliding(8, 64, 16, 16, 128), 6);
    r = plan_gib(f, engine(f, "vllm@0.11.0"), &s, 10);
    assert_int_equal(r->error, SF_KV_ERR_LAYOUT);
    assert_str(r->error_class, "NotImplementedError");
    assert_str(r->error_text, "");
    r = plan_gib(f, engine(f, "vllm@0.19.0"), &s, 10);
    assert_str(r->error_text,
               "The page size of the layer is not divisible by the maximum page size. Cannot unify by "
               "adjusting block_size.");
    s.c.layer_name = SF_STR("model.layers.{}.self_attn.attn");
    r = plan_gib(f, engine(f, "vllm@0.24.0"), &s, 10);
    assert_true(
        sf_str_starts(r->error_text, SF_STR("Layer model.layers.6.self_attn.attn: page size is not")));
    s.specs[0].by_block_stride = s.specs[1].by_block_stride = true;
    r = plan_gib(f, engine(f, "vllm@0.24.0"), &s, 10);
    assert_int_equal(r->error, SF_KV_OK);
    assert_int_equal(r->groups[1].page_size, 49152);
    assert_int_equal(r->groups[1].block_size, 16);
}

static void test_mla_beside_windows(void **state)
{
    fixture *f = *state;
    kv_sample s;
    const sf_kv_result *r;

    sample_init(&s, 16384, 8192);
    sample_add(&s, mla(576, 16, 64), 61);
    sample_add(&s, sliding(4, 128, 16, 16, 2048), 1);
    r = plan_gib(f, engine(f, "vllm@0.27.0"), &s, 10);
    assert_int_equal(r->error, SF_KV_OK);
    assert_int_equal(r->n_groups, 1);
    assert_true(r->groups[0].uniform_type);
    assert_int_equal(r->groups[0].block_size, 64); /* the sliding layer takes the block of the full ones */
    assert_int_equal(r->block_bytes, 61 * 73728 + 64 * 4 * 256 * 2);
    assert_true(sf_str_starts(r->log[0], SF_STR("KV cache page sizes cannot be unified")));
}

static void test_auto_fit(void **state)
{
    fixture *f = *state;
    const sf_profile *p = engine(f, "vllm@0.23.0");
    kv_sample s;
    const sf_kv_result *r;

    sample_init(&s, 131072, 8192);
    sample_add(&s, full(8, 128, 16, 16), 32);
    s.c.auto_fit = true;
    r = plan_gib(f, p, &s, 1);
    assert_int_equal(r->error, SF_KV_OK);
    assert_int_equal(r->max_model_len, 8192); /* 128 KiB a token */
    assert_str(r->log[0],
               "Auto-fit max_model_len: reduced from 131072 to 8192 to fit in available GPU memory (1.0 GiB "
               "available for KV cache)");
    r = plan_gib(f, p, &s, 20);
    assert_int_equal(r->max_model_len, 131072);
    assert_str(r->log[0],
               "Auto-fit max_model_len: full model context length 131072 fits in available GPU memory");
    r = plan_bytes(f, p, &s, 1000);
    assert_int_equal(r->error, SF_KV_ERR_AUTO_FIT);
    assert_true(sf_str_starts(r->error_text, SF_STR("Cannot auto-fit max_model_len: ")));
}

static void test_override(void **state)
{
    fixture *f = *state;
    kv_sample s;
    const sf_kv_result *r;

    sample_init(&s, 8192, 8192);
    sample_add(&s, full(8, 128, 16, 16), 32);
    s.c.blocks_override = 100;
    r = plan_gib(f, engine(f, "vllm@0.20.0"), &s, 10); /* not seen by the fit test */
    assert_int_equal(r->num_blocks, 100);
    assert_str(r->log[0], "Overriding num_gpu_blocks=5120 with num_gpu_blocks_override=100");
    assert_str(sf_fmt_fixed(f->a, r->concurrency, 2), "0.20");
    r = plan_gib(f, engine(f, "vllm@0.22.0"), &s, 10);
    assert_int_equal(r->error, SF_KV_ERR_SHORT);
    assert_int_equal(r->checked[0], 100 * 2097152);
}

static void test_no_cache(void **state)
{
    fixture *f = *state;
    kv_sample s;
    const sf_kv_result *r;

    sample_init(&s, 8192, 8192);
    r = plan_gib(f, engine(f, "vllm@0.23.0"), &s, 10);
    assert_int_equal(r->num_blocks, 1);
    assert_int_equal(r->n_groups, 0);
}

/* What no engine would be asked: one diagnostic, no number. */
static void test_out_of_range(void **state)
{
    fixture *f = *state;
    const sf_profile *p = engine(f, "vllm@0.23.0");
    kv_sample s;
    const sf_kv_result *r = NULL;
    uint64_t needed;

    sample_init(&s, 8192, 8192);
    sample_add(&s, full(UINT64_MAX / 512, 128, 16, 16), 32);
    assert_int_equal(sf_kv_plan(f->a, p, &s.c, &f->dg, &r), SF_E_RANGE);
    assert_error_at(&f->dg, SF_E_RANGE, 0, 0);
    assert_int_equal(f->dg.errors, 1);
    assert_null(r);

    sample_init(&s, UINT64_MAX, 8192);
    sample_add(&s, full(8, 128, 16, 16), 32);
    assert_int_equal(sf_kv_needed(f->a, p, &s.c, UINT64_MAX, &f->dg, &needed), SF_E_RANGE);
    sample_init(&s, 8192, 8192);
    sample_add(&s, full(8, 128, 16, 0), 32);
    assert_int_equal(sf_kv_plan(f->a, p, &s.c, &f->dg, &r), SF_E_RANGE);
    sample_init(&s, 8192, 8192);
    sample_add(&s, full(8, 128, 16, 16), UINT32_MAX);
    assert_int_equal(sf_kv_plan(f->a, p, &s.c, &f->dg, &r), SF_E_RANGE);
}

static void test_v4_before_its_time(void **state)
{
    fixture *f = *state;
    sf_kv_spec v4 = {.kind = SF_KV_MLA,
                     .v4 = true,
                     .block_size = 256,
                     .kv_heads = 1,
                     .head_size = 512,
                     .store = SF_KV_STORE_DS_MLA,
                     .compress_ratio = 4,
                     .alignment = 576};
    sf_kv_spec window = {.kind = SF_KV_SLIDING,
                         .v4 = true,
                         .block_size = 64,
                         .kv_heads = 1,
                         .head_size = 512,
                         .store = SF_KV_STORE_DS_MLA,
                         .window = 128,
                         .alignment = 576};
    kv_sample s;
    const sf_kv_result *r = NULL;

    sample_init(&s, 8192, 8192);
    sample_add(&s, v4, 4);
    sample_add(&s, window, 4);
    assert_int_equal(sf_kv_plan(f->a, engine(f, "vllm@0.19.0"), &s.c, &f->dg, &r), SF_E_KV_UNKNOWN);
    assert_error_at(&f->dg, SF_E_KV_UNKNOWN, 0, 0);
    assert_int_equal(plan_gib(f, engine(f, "vllm@0.22.0"), &s, 1)->error, SF_KV_OK);
}

/* A plan that runs out of memory at any point says so, and nothing else. */
static void test_no_memory(void **state)
{
    fixture *f = *state;
    const sf_profile *p = engine(f, "vllm@0.23.0");
    sf_kv_spec v4 = {.kind = SF_KV_MLA,
                     .v4 = true,
                     .block_size = 256,
                     .kv_heads = 1,
                     .head_size = 512,
                     .store = SF_KV_STORE_DS_MLA,
                     .compress_ratio = 4,
                     .alignment = 576};
    sf_kv_spec window = v4;
    bool done = false;

    window.kind = SF_KV_SLIDING;
    window.window = 128;
    window.block_size = 64;
    window.compress_ratio = 0;
    for (int packed = 0; packed < 2; packed++, done = false)
        for (size_t max = 0; !done; max += 48) {
            sf_arena *a = sf_arena_new(max);
            sf_diags dg;
            kv_sample s;
            const sf_kv_result *r = NULL;
            sf_code rc;

            assert_non_null(a);
            sf_diags_init(&dg, a);
            sample_init(&s, 8192, 8192);
            sample_add(&s, packed ? v4 : full(8, 64, 16, 16), 12);
            sample_add(&s, packed ? window : sliding(8, 64, 16, 16, 128), 29);
            s.workers[0].available = (int64_t)1 << 33;
            rc = sf_kv_plan(a, p, &s.c, &dg, &r);
            done = rc == SF_OK;
            if (!done)
                assert_int_equal(rc, SF_E_NOMEM);
            assert_int_equal(dg.n, 0);
            sf_arena_free(a);
            assert_true(max < 1 << 20);
        }
}

/* A spec that comes back after another one is still one bucket: three states, one full layer, three states … */
static void test_specs_that_come_back(void **state)
{
    fixture *f = *state;
    kv_sample s;
    const sf_kv_result *r;
    sf_kv_spec window = sliding(4, 128, 16, 16, 1024);

    sample_init(&s, 32768, 8192);
    sample_add(&s, window, 3);
    sample_add(&s, full(4, 128, 16, 16), 1);
    sample_add(&s, window, 3);
    sample_add(&s, full(4, 128, 16, 16), 1);
    r = plan_gib(f, engine(f, "vllm@0.19.0"), &s, 1);
    assert_int_equal(r->n_groups, 4);
    assert_int_equal(r->groups[0].n_layers, 2);
    assert_int_equal(r->groups[3].kind, SF_KV_FULL);
    assert_int_equal(r->block_bytes, 2 * 16 * 4 * 256 * 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_page_bytes),
        TEST(test_page_overflow),
        TEST(test_nearly_equal_buckets),
        TEST(test_windows_as_full),
        TEST(test_windows_that_stay),
        TEST(test_unequal_pages),
        TEST(test_mla_beside_windows),
        TEST(test_auto_fit),
        TEST(test_override),
        TEST(test_no_cache),
        TEST(test_out_of_range),
        TEST(test_v4_before_its_time),
        TEST(test_no_memory),
        TEST(test_specs_that_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
