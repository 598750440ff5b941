/* tensor: names and sizes of element types, counts; folding of names. */
#include <stdio.h>

#include "test.h"

#include "model/fold.h"
#include "model/tensor.h"

static void test_dtypes(void **state)
{
    static const struct {
        const char *name;
        sf_dtype dtype;
        unsigned bits;
    } row[] = {
        {"F64",         SF_DT_F64,         64},
        {"F32",         SF_DT_F32,         32},
        {"F16",         SF_DT_F16,         16},
        {"BF16",        SF_DT_BF16,        16},
        {"F8_E4M3",     SF_DT_F8_E4M3,     8 },
        {"F8_E5M2",     SF_DT_F8_E5M2,     8 },
        {"F8_E8M0",     SF_DT_F8_E8M0,     8 },
        {"F8_E4M3FNUZ", SF_DT_F8_E4M3FNUZ, 8 },
        {"F8_E5M2FNUZ", SF_DT_F8_E5M2FNUZ, 8 },
        {"I64",         SF_DT_I64,         64},
        {"I32",         SF_DT_I32,         32},
        {"I16",         SF_DT_I16,         16},
        {"I8",          SF_DT_I8,          8 },
        {"U64",         SF_DT_U64,         64},
        {"U32",         SF_DT_U32,         32},
        {"U16",         SF_DT_U16,         16},
        {"U8",          SF_DT_U8,          8 },
        {"BOOL",        SF_DT_BOOL,        8 },
        {"F4",          SF_DT_F4,          4 },
        {"F6_E2M3",     SF_DT_F6_E2M3,     6 },
        {"F6_E3M2",     SF_DT_F6_E3M2,     6 },
        {"C64",         SF_DT_C64,         64},
    };

    (void)state;
    assert_int_equal(sizeof row / sizeof *row, SF_DT_COUNT - 1);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_int_equal(sf_dtype_of_header(sf_str_of(row[i].name)), row[i].dtype);
        assert_int_equal(sf_dtype_bits(row[i].dtype), row[i].bits);
        assert_string_equal(sf_dtype_name(row[i].dtype), row[i].name);
    }
    assert_int_equal(sf_dtype_of_header(SF_STR("bf16")), SF_DT_NONE);
    assert_int_equal(sf_dtype_of_header(SF_STR("")), SF_DT_NONE);
    assert_int_equal(sf_dtype_of_header(SF_STR("unknown")), SF_DT_NONE);
}

static void test_torch_names(void **state)
{
    (void)state;
    assert_int_equal(sf_dtype_of_torch(SF_STR("bfloat16")), SF_DT_BF16);
    assert_int_equal(sf_dtype_of_torch(SF_STR("torch.bfloat16")), SF_DT_BF16);
    assert_int_equal(sf_dtype_of_torch(SF_STR("half")), SF_DT_F16);
    assert_int_equal(sf_dtype_of_torch(SF_STR("float")), SF_DT_F32);
    assert_int_equal(sf_dtype_of_torch(SF_STR("float8_e4m3fn")), SF_DT_F8_E4M3);
    assert_int_equal(sf_dtype_of_torch(SF_STR("auto")), SF_DT_NONE);
    assert_int_equal(sf_dtype_of_torch(SF_STR("BF16")), SF_DT_NONE);
}

static void test_bytes(void **state)
{
    uint64_t n = 7;

    (void)state;
    assert_true(sf_dtype_bytes(SF_DT_BF16, 10, &n) && n == 20);
    assert_true(sf_dtype_bytes(SF_DT_F4, 10, &n) && n == 5);
    assert_true(sf_dtype_bytes(SF_DT_F6_E2M3, 4, &n) && n == 3);
    n = 7;
    assert_false(sf_dtype_bytes(SF_DT_F4, 3, &n));
    assert_false(sf_dtype_bytes(SF_DT_F6_E2M3, 2, &n));
    assert_false(sf_dtype_bytes(SF_DT_F32, UINT64_MAX / 2, &n));
    assert_false(sf_dtype_bytes(SF_DT_F4, UINT64_MAX, &n));
    assert_true(n == 7);
}

static void test_counts(void **state)
{
    sf_tensor t = {
        .dims = {3, 4},
          .n_dims = 2, .repeat = 5, .experts = 2
    };

    (void)state;
    assert_true(sf_tensor_numel(&t) == 12);
    assert_true(sf_tensor_count(&t) == 10);
    t.experts = 0;
    assert_true(sf_tensor_count(&t) == 5);
    t.n_dims = 0;
    assert_true(sf_tensor_numel(&t) == 1);
    t = (sf_tensor){
        .dims = {UINT64_MAX, 2},
          .n_dims = 2
    };
    assert_true(sf_tensor_numel(&t) == UINT64_MAX);
    assert_string_equal(sf_origin_name(SF_ORIGIN_MODELLED), "modelled");
}

static void test_fold(void **state)
{
    static const struct {
        const char *name, *pattern;
        bool dense;
    } row[] = {
        {"model.layers.12.mlp.experts.255.down_proj.weight",
         "model.layers.{}.mlp.experts.{}.down_proj.weight",                                                                    true },
        {"lm_head.weight",                                                        "lm_head.weight",                            true },
        {"",                                                                      "",                                          true },
        {"7",                                                                     "{}",                                        true },
        {"7.8",                                                                   "{}.{}",                                     true },
        {"a.7",                                                                   "a.{}",                                      true },
        {"0.weight",                                                              "{}.weight",                                 true },
        {"layer_3.x",                                                             "layer_3.x",                                 true },
        {"layers.3a.x",                                                           "layers.3a.x",                               true },
        {"layers.a3.x",                                                           "layers.a3.x",                               true },
        {"a..3..b",                                                               "a..{}..b",                                  true },
        {"a.3.",                                                                  "a.{}.",                                     true },
        {".3",                                                                    ".{}",                                       true },
        {"./3.4",                                                                 "./3.{}",                                    true }, /* '/' beside '.', which differ in one bit */
        {"a.4095.b",                                                              "a.{}.b",                                    true },
        {"a.4096.b",                                                              "a.{}.b",                                    false},
        {"a.007.b",                                                               "a.{}.b",                                    false},
        {"a.0.b",                                                                 "a.{}.b",                                    true },
        {"1.2.3.4",                                                               "{}.{}.{}.{}",                               true },
        {"1.2.3.4.5",                                                             "{}.{}.{}.{}.{}",                            false},
        {"1.2.3.4.5.6.7.8.9.10.11.12.13.14",                                      "{}.{}.{}.{}.{}.{}.{}.{}.{}.{}.{}.{}.13.14", false},
        {"down_blocks.0.attentions.1.transformer_blocks.10.ff.net.0.proj.weight",
         "down_blocks.{}.attentions.{}.transformer_blocks.{}.ff.net.{}.proj.weight",                                           true },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_fold fold;

        sf_fold_name(sf_str_of(row[i].name), &fold);
        assert_str(sf_fold_text(f->a, &fold), row[i].pattern);
        assert_true(sf_fold_is(&fold, sf_str_of(row[i].pattern)));
        assert_false(sf_fold_is(&fold, SF_STR("model.layers.{}")));
        assert_int_equal(fold.dense, row[i].dense);
    }
}

/* One hash for all numbers, wherever the name starts in memory. */
static void test_fold_hash(void **state)
{
    char text[128];
    uint64_t first = 0;

    (void)state;
    for (int i = 0; i < 300; i++) {
        sf_fold fold;
        size_t shift = (size_t)i % 8;
        int n = snprintf(text + shift, sizeof text - shift, "model.layers.%d.self_attn.q_proj.%d.weight", i,
                         3 * i);

        sf_fold_name((sf_str){text + shift, (size_t)n}, &fold);
        if (!i)
            first = fold.hash;
        assert_true(fold.hash == first);
        assert_true(fold.numbers == ((uint64_t)i << 12 | (uint64_t)(3 * i)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_dtypes), TEST(test_torch_names), TEST(test_bytes),
        TEST(test_counts), TEST(test_fold),        TEST(test_fold_hash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
