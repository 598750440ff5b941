/* kv_state: shapes of states and the blocks of models that have attention and states. */
#include "kv_helper.h"

#include "text/json.h"

static const sf_node *json(fixture *f, const char *text)
{
    const sf_node *n = NULL;

    assert_int_equal(sf_json_parse(f->a, sf_str_of(text), SF_STR("config.json"), 0, &f->dg, &n), SF_OK);
    return n;
}

static sf_state_layer layer_of(fixture *f, const char *kind, const char *params, uint64_t tp, uint32_t spec)
{
    return (sf_state_layer){.kind = sf_str_of(kind),
                            .params = json(f, params),
                            .tp = tp,
                            .spec_tokens = spec,
                            .conv_bits = 16,
                            .ssm_bits = 32};
}

static const char gdn[] = "{\"conv_kernel_size\":4,\"num_k_heads\":16,\"num_v_heads\":32,\"head_k_dim\":128,"
                          "\"head_v_dim\":128}";
static const char mamba2[] = "{\"conv_kernel\":4,\"intermediate_size\":8192,\"n_groups\":8,\"num_heads\":128,"
                             "\"head_dim\":64,\"state_size\":128}";
static const char kda[] = "{\"conv_kernel_size\":4,\"num_heads\":32,\"head_dim\":128}";

static void test_bytes(void **state)
{
    static const struct {
        const char *kind, *params;
        uint64_t tp;
        uint32_t spec;
        uint64_t bytes;
    } row[] = {
        {"gdn",        gdn,                                                                1, 0, 3 * 8192 * 2 + 32 * 128 * 128 * 4 },
        {"gdn",        gdn,                                                                2, 2, 5 * 4096 * 2 + 16 * 128 * 128 * 4 },
        {"mamba2",     mamba2,                                                             1, 0, 3 * 10240 * 2 + 128 * 64 * 128 * 4},
        {"mamba2",
         "{\"conv_kernel\":4,\"intermediate_size\":8192,\"n_groups\":1,\"num_heads\":128,\"head_dim\":64,"
         "\"state_size\":128}",                                                            4, 0, 3 * 2304 * 2 + 32 * 64 * 128 * 4  }, /* one group becomes four */
        {"mamba1",     "{\"conv_kernel\":4,\"intermediate_size\":8192,\"state_size\":16}", 4, 3,
         3 * 2048 * 2 + 2048 * 16 * 4                                                                                              },
        {"short_conv", "{\"conv_kernel\":3,\"intermediate_size\":2048}",                   2, 0, 2 * 1024 * 2                      },
        {"linear",     "{\"num_heads\":64,\"head_dim\":96}",                               4, 0, 16 * 96 * 96 * 4                  },
        {"kda",        kda,                                                                2, 0, 3 * 6144 * 2 + 16 * 128 * 128 * 4 },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_state_layer layer = layer_of(f, row[i].kind, row[i].params, row[i].tp, row[i].spec);
        sf_state_shape shapes[SF_STATE_SHAPES];
        size_t n;
        uint64_t bytes;

        assert_int_equal(sf_state_shapes(&engine(f, "vllm@0.26.0")->kv, &layer, &f->dg, shapes, &n), SF_OK);
        assert_true(sf_state_bytes(shapes, n, &bytes));
        assert_int_equal(bytes, row[i].bytes);
    }
}

/* The three convolutions of KDA are one state from 0.26 on; the bytes stay. */
static void test_kda(void **state)
{
    fixture *f = *state;
    sf_state_layer layer = layer_of(f, "kda", kda, 1, 0);
    sf_state_shape shapes[SF_STATE_SHAPES];
    size_t n;

    assert_int_equal(sf_state_shapes(&engine(f, "vllm@0.22.0")->kv, &layer, &f->dg, shapes, &n), SF_OK);
    assert_int_equal(n, 4);
    assert_int_equal(sf_state_shapes(&engine(f, "vllm@0.26.0")->kv, &layer, &f->dg, shapes, &n), SF_OK);
    assert_int_equal(n, 2);
    assert_int_equal(shapes[0].dims[1], 12288);
}

static void test_refused(void **state)
{
    fixture *f = *state;
    const sf_kv_rules *r = &engine(f, "vllm@0.26.0")->kv;
    sf_state_layer layer = layer_of(f, "rwkv", "\n{}", 1, 0);
    sf_state_shape shapes[SF_STATE_SHAPES];
    size_t n;

    assert_int_equal(sf_state_shapes(r, &layer, &f->dg, shapes, &n), SF_E_KV_UNKNOWN);
    assert_error_at(&f->dg, SF_E_KV_UNKNOWN, 2, 1);
    layer = layer_of(f, "gdn", "\n\n {\"num_k_heads\":16}", 1, 0);
    assert_int_equal(sf_state_shapes(r, &layer, &f->dg, shapes, &n), SF_E_CONFIG_KEY);
    assert_error_at(&f->dg, SF_E_CONFIG_KEY, 3, 2);
    layer = layer_of(f, "gdn", gdn, 3, 0);
    assert_int_equal(sf_state_shapes(r, &layer, &f->dg, shapes, &n), SF_E_TP_DIVIDE);
    assert_error_at(&f->dg, SF_E_TP_DIVIDE, 1, 1);
    layer = layer_of(f, "gdn", gdn, 0, 0);
    assert_int_equal(sf_state_shapes(r, &layer, &f->dg, shapes, &n), SF_E_RANGE);
    assert_error_at(&f->dg, SF_E_RANGE, 0, 0);
}

/* Nemotron-H-8B: what prefix caching makes of the block, by release. */
static void test_prefix_modes(void **state)
{
    static const struct {
        const char *release, *mode;
        bool on;
        uint64_t block, state_block;
        sf_state_mode got;
        bool still_on;
    } row[] = {
        {"vllm@0.11.0", "",      true,  1040, 32768, SF_STATE_NONE,  false},
        {"vllm@0.12.0", "",      true,  1152, 1152,  SF_STATE_NONE,  true },
        {"vllm@0.12.0", "",      false, 1040, 32768, SF_STATE_NONE,  false},
        {"vllm@0.19.0", "",      true,  1152, 1152,  SF_STATE_ALL,   true },
        {"vllm@0.19.0", "align", true,  1040, 1040,  SF_STATE_ALIGN, true },
        {"vllm@0.28.0", "",      true,  1040, 1040,  SF_STATE_ALIGN, true },
        {"vllm@0.28.0", "all",   true,  1152, 1152,  SF_STATE_ALL,   true },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_hybrid_wish wish = {
            .state_bytes = 61440 + 4194304,
            .token_bytes = 4096,
            .head_size = 128,
            .capability = 90,
            .max_model_len = 32768,
            .chunk = 128,
            .supports_prefix_caching = true,
            .prefix_caching = row[i].on,
            .mode = sf_str_of(row[i].mode),
        };
        sf_hybrid h;

        assert_int_equal(sf_hybrid_align(f->a, engine(f, row[i].release), &wish, &f->dg, &h), SF_OK);
        assert_int_equal(h.block_size, row[i].block);
        assert_int_equal(h.state_block, row[i].state_block);
        assert_int_equal(h.mode, row[i].got);
        assert_int_equal(h.prefix_caching, row[i].still_on);
        assert_int_equal(h.page_padded, row[i].block * 4096);
    }
}

/* The alignment of the block: SM100 with wide heads, MLA, a block of the user's. */
static void test_alignment(void **state)
{
    static const struct {
        const char *release;
        unsigned sm;
        bool mla;
        uint64_t user, token, state, block;
    } row[] = {
        {"vllm@0.19.0", 90,  false, 0,    4096, 61440 + 3145728, 784 },
        {"vllm@0.19.0", 100, false, 0,    4096, 61440 + 3145728, 800 },
        {"vllm@0.20.0", 100, false, 0,    4096, 61440 + 3145728, 784 },
        {"vllm@0.19.0", 90,  false, 1024, 4096, 61440 + 3145728, 1024},
        {"vllm@0.15.0", 90,  true,  0,    1152, 2170880,         1920},
        {"vllm@0.20.0", 90,  true,  0,    1152, 2170880,         1888},
        {"vllm@0.28.0", 90,  true,  0,    1152, 2170880,         1920},
        {"vllm@0.14.0", 100, true,  0,    1152, 2170880,         1920},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_hybrid_wish wish = {
            .state_bytes = row[i].state,
            .token_bytes = row[i].token,
            .mla = row[i].mla,
            .head_size = row[i].mla ? 576 : 256,
            .capability = row[i].sm,
            .user_block = row[i].user,
            .max_model_len = 32768,
        };
        sf_hybrid h;

        assert_int_equal(sf_hybrid_align(f->a, engine(f, row[i].release), &wish, &f->dg, &h), SF_OK);
        assert_int_equal(h.block_size, row[i].block);
    }
}

static void test_no_attention(void **state)
{
    fixture *f = *state;
    sf_hybrid_wish wish = {.state_bytes = 2653184, .max_model_len = 32768};
    sf_hybrid h;

    assert_int_equal(sf_hybrid_align(f->a, engine(f, "vllm@0.19.0"), &wish, &f->dg, &h), SF_OK);
    assert_int_equal(h.block_size, 16);
    assert_int_equal(h.state_block, 32768);
    assert_int_equal(h.page_padded, 0);
    wish.token_bytes = 1;
    wish.state_bytes = UINT64_MAX;
    assert_int_equal(sf_hybrid_align(f->a, engine(f, "vllm@0.19.0"), &wish, &f->dg, &h), SF_E_RANGE);
    assert_error_at(&f->dg, SF_E_RANGE, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_bytes),        TEST(test_kda),       TEST(test_refused),
        TEST(test_prefix_modes), TEST(test_alignment), TEST(test_no_attention),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
