/* weights: "Model loading took" of public logs, out of the catalogue's configs (numbers.md, Weights). */
#include "test.h"

#include "base/num.h"
#include "memory/need.h"

typedef struct wanted {
    const char *model, *part;
    uint64_t tp;
    int scalars; /* fp32 scalars of an attention layer: 4 in V0, 7 in V1 */
    uint64_t max_split;
    int decimals;
    const char *printed;
} wanted;

static const sf_model *resolve(fixture *f, const char *name, const char *part)
{
    const sf_checkpoint *ckpt;
    const sf_model *m;
    sf_model_wish wish = {.part = sf_str_of(part)};

    assert_int_equal(sf_catalogue_find(f->a, sf_str_of(name), &f->dg, &ckpt), SF_OK);
    assert_int_equal(sf_model_resolve(f->a, ckpt, &wish, &f->dg, &m), SF_OK);
    return m;
}

static double gib_of(fixture *f, const wanted *w)
{
    const sf_model *m = resolve(f, w->model, w->part);
    sf_weights_wish wish = {.tp = w->tp,
                            .pp = 1,
                            .dtype = SF_DT_BF16,
                            .allocator = {.max_split = w->max_split},
                            .attention_scalars = (uint64_t)w->scalars,
                            .batched_tokens = 8192};
    sf_weights got;

    assert_int_equal(sf_weights_of_rank(f->a, m, &wish, &f->dg, &got), SF_OK);
    return (double)got.allocated / (double)SF_GIB;
}

static void test_loading_took(void **state)
{
    static const wanted row[] = {
        {"meta-llama/Llama-3.1-8B-Instruct",     "",        1, 4, 0,           4, "14.9888"},
        {"Qwen/Qwen2.5-7B-Instruct",             "",        1, 4, 0,           4, "14.2487"},
        {"Qwen/Qwen3-4B",                        "",        1, 7, 0,           4, "7.5552" },
        {"Qwen/Qwen3-8B",                        "",        1, 7, 0,           2, "15.27"  },
        {"Qwen/Qwen3-0.6B",                      "",        1, 7, 0,           4, "1.1201" },
        {"Qwen/Qwen2.5-32B-Instruct",            "",        1, 4, 0,           4, "61.0374"},
        {"Qwen/Qwen2.5-32B-Instruct",            "",        2, 4, 0,           4, "30.7098"},
        {"meta-llama/Meta-Llama-3-8B-Instruct",  "",        2, 4, 0,           4, "7.4830" },
        {"meta-llama/Llama-3.3-70B-Instruct",    "",        4, 4, 0,           4, "32.8893"},
        {"meta-llama/Llama-3.3-70B-Instruct",    "",        8, 4, 0,           4, "16.4606"},
        {"Qwen/Qwen3-30B-A3B",                   "",        4, 4, 0,           4, "14.2464"},
        {"Qwen/Qwen2.5-14B-Instruct",            "",        1, 4, 0,           4, "27.5681"},
        {"Qwen/Qwen2.5-72B-Instruct",            "",        2, 7, 0,           2, "67.80"  },
        {"Qwen/Qwen3-14B",                       "",        1, 7, 0,           2, "27.52"  },
        {"google/gemma-2-2b-it",                 "",        1, 7, 0,           2, "4.90"   },
        {"google/gemma-2-27b-it",                "",        1, 7, 0,           2, "50.72"  },
        {"codellama/CodeLlama-7b-hf",            "",        1, 7, 0,           2, "12.56"  },
        {"ibm-granite/granite-3.1-8b-instruct",  "",        1, 7, 0,           2, "15.25"  },
        {"Qwen/Qwen2.5-7B-Instruct",             "",        1, 7, 20 * SF_MIB, 2, "14.29"  },
        {"Qwen/Qwen3-Omni-30B-A3B-Instruct",     "thinker", 2, 7, 0,           2, "30.33"  },
        {"Qwen/Qwen3-Omni-30B-A3B-Instruct",     "talker",  1, 7, 0,           2, "8.49"   },
        {"mistralai/Mixtral-8x7B-Instruct-v0.1", "",        2, 7, 0,           2, "43.51"  },
        {"microsoft/phi-2",                      "",        1, 7, 0,           2, "5.19"   },
        {"google/gemma-2-9b-it",                 "",        1, 7, 0,           2, "17.22"  },
        {"meta-llama/Meta-Llama-3-8B-Instruct",  "",        4, 7, 0,           4, "3.7418" },
        {"Qwen/Qwen3-30B-A3B-Instruct-2507",     "",        1, 7, 0,           4, "56.9342"},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_str got = sf_fmt_fixed(f->a, gib_of(f, &row[i]), row[i].decimals);

        if (!sf_str_is(got, row[i].printed))
            fail_msg("%s %s at tp %d: %.*s, printed %s", row[i].model, row[i].part, (int)row[i].tp,
                     SF_STR_ARG(got), row[i].printed);
    }
}

/* Within 0.02 % where the last digits are not explained: logs of vllm-omni 240 and 276, both to four decimals. */
static void test_omni_stages(void **state)
{
    static const struct {
        wanted w;
        double printed;
    } row[] = {
        {{"Qwen/Qwen3-Omni-30B-A3B-Instruct", "thinker", 2, 7, 0, 4, ""}, 30.3338},
        {{"Qwen/Qwen3-Omni-30B-A3B-Instruct", "talker", 1, 7, 0, 4, ""},  8.4897 },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        double off = gib_of(f, &row[i].w) / row[i].printed - 1;

        assert_true(off < 0.0002 && off > -0.0002);
    }
}

/* "size=412.02 MB" and "1492.80 MB" count tensors, not blocks (vllm-omni 1434, 1539). */
static void test_codec_tensors(void **state)
{
    static const struct {
        const char *model, *part, *mib;
    } row[] = {
        {"Qwen/Qwen3-Omni-30B-A3B-Instruct", "code2wav",  "412.02" },
        {"Qwen/Qwen2.5-Omni-7B",             "token2wav", "1492.80"},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_weights_wish wish = {.tp = 1, .pp = 1, .dtype = SF_DT_BF16};
        sf_weights w;

        assert_int_equal(sf_weights_of_rank(f->a, resolve(f, row[i].model, row[i].part), &wish, &f->dg, &w),
                         SF_OK);
        assert_str(sf_fmt_fixed(f->a, (double)w.tensor_bytes / (double)SF_MIB, 2), row[i].mib);
    }
}

static void test_tp_that_does_not_divide(void **state)
{
    fixture *f = *state;
    const sf_model *m = resolve(f, "Qwen/Qwen3-14B", "");
    sf_weights_wish wish = {.tp = 3, .pp = 1, .dtype = SF_DT_BF16};
    sf_weights w;

    assert_int_equal(sf_weights_of_rank(f->a, m, &wish, &f->dg, &w), SF_E_TP_DIVIDE);
    assert_int_equal(sf_diags_last_error(&f->dg)->code, SF_E_TP_DIVIDE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_loading_took),
        TEST(test_omni_stages),
        TEST(test_codec_tensors),
        TEST(test_tp_that_does_not_divide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
