/* allocator: PyTorch's rounding, held against "Model loading took" of public logs (numbers.md, Weights). */
#include "test.h"

#include "base/num.h"
#include "memory/allocator.h"

/* A dense decoder as the engine builds it, from its widths. */
typedef struct decoder {
    const char *name;
    uint64_t vocab, hidden, layers, q_heads, kv_heads, head_dim, intermediate, max_position;
    bool tied, qkv_bias, qk_norm;
} decoder;

static void add(sf_allocator *al, uint64_t elements)
{
    assert_true(sf_allocator_add(al, elements * 2));
}

static void add_layer(sf_allocator *al, const decoder *d, bool first, int scalars)
{
    uint64_t qkv = (d->q_heads + 2 * d->kv_heads) * d->head_dim;

    add(al, qkv * d->hidden);
    if (d->qkv_bias)
        add(al, qkv);
    add(al, d->hidden * d->q_heads * d->head_dim);
    if (first)
        add(al, d->max_position * d->head_dim);
    for (int i = 0; i < scalars; i++)
        assert_true(sf_allocator_add(al, 4)); /* fp32 scales of the attention layer */
    if (d->qk_norm) {
        add(al, d->head_dim);
        add(al, d->head_dim);
    }
    add(al, 2 * d->intermediate * d->hidden);
    add(al, d->hidden * d->intermediate);
    add(al, d->hidden);
    add(al, d->hidden);
}

static double loaded_gib(sf_arena *a, const decoder *d, int scalars, sf_allocator_rules rules)
{
    sf_allocator *al = sf_allocator_new(a, rules);

    assert_non_null(al);
    add(al, d->vocab * d->hidden);
    for (uint64_t l = 0; l < d->layers; l++)
        add_layer(al, d, l == 0, scalars);
    add(al, d->hidden);
    if (!d->tied)
        add(al, d->vocab * d->hidden);
    assert_true(sf_allocator_reserved(al) >= sf_allocator_allocated(al));
    return (double)sf_allocator_allocated(al) / (double)SF_GIB;
}

static const decoder llama31_8b = {"Llama-3.1-8B", 128256, 4096,  32,    32,   8, 128,
                                   14336,          131072, false, false, false};
static const decoder qwen25_7b = {"Qwen2.5-7B", 152064, 3584,  28,    28,   4,
                                  128,          18944,  32768, false, true, false};
static const decoder qwen3_4b = {"Qwen3-4B", 151936, 2560, 36, 32, 8, 128, 9728, 40960, true, false, true};

/* V0 keeps 4 fp32 scalars per attention layer, V1 7: that is what the last printed digit tells. */
static void test_loading_took(void **state)
{
    static const struct {
        const decoder *model;
        int scalars;
        const char *printed;
    } row[] = {
        {&llama31_8b, 4, "14.9888"},
        {&qwen25_7b,  4, "14.2487"},
        {&llama31_8b, 7, "14.9889"},
        {&qwen25_7b,  7, "14.2488"},
        {&qwen3_4b,   7, "7.5552" },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        double gib = loaded_gib(f->a, row[i].model, row[i].scalars, (sf_allocator_rules){0});

        assert_str(sf_fmt_fixed(f->a, gib, 4), row[i].printed);
    }
}

/* From 0.21 on tensors of 20 MiB and more are not split while loading: 14.29 for Qwen2.5-7B. */
static void test_split_limit(void **state)
{
    fixture *f = *state;
    const sf_allocator_rules rules = {.max_split = 20 * SF_MIB};

    assert_str(sf_fmt_fixed(f->a, loaded_gib(f->a, &qwen25_7b, 7, rules), 2), "14.29");
}

static void test_rounding(void **state)
{
    fixture *f = *state;
    sf_allocator *al = sf_allocator_new(f->a, (sf_allocator_rules){0});

    assert_true(sf_allocator_add(al, 1)); /* 512 B of a 2-MiB segment */
    assert_int_equal(sf_allocator_allocated(al), 512);
    assert_int_equal(sf_allocator_reserved(al), 2 * SF_MIB);
    assert_true(sf_allocator_add(al, 3 * SF_MIB)); /* out of a 20-MiB segment, split */
    assert_int_equal(sf_allocator_allocated(al), 512 + 3 * SF_MIB);
    assert_int_equal(sf_allocator_reserved(al), 22 * SF_MIB);
    assert_true(sf_allocator_add(al, 16 * SF_MIB +
                                         100)); /* fits the hole of 17 MiB; the rest is too small to split */
    assert_int_equal(sf_allocator_allocated(al), 512 + 20 * SF_MIB);
    assert_int_equal(sf_allocator_reserved(al), 22 * SF_MIB);
    assert_false(sf_allocator_add(al, UINT64_MAX));
}

static void test_expandable_segments(void **state)
{
    fixture *f = *state;
    sf_allocator *al = sf_allocator_new(f->a, (sf_allocator_rules){.expandable_segments = true});

    assert_true(sf_allocator_add(al, 21 * SF_MIB + 1));
    assert_int_equal(sf_allocator_allocated(al), 21 * SF_MIB + 512);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_loading_took),
        TEST(test_split_limit),
        TEST(test_rounding),
        TEST(test_expandable_segments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
