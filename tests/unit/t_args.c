/* args: values that the engine takes or refuses, and the table of flags. */
#include "test.h"

#include "engine/args.h"
#include "text/yaml.h"

/* A scalar as the YAML of a stage config gives it, at 3:9. */
static const sf_node *yaml_value(fixture *f, const char *text)
{
    sf_str doc = sf_arena_printf(f->a, "\n\nvalue:  %s\n", text);
    const sf_node *root;

    assert_int_equal(sf_yaml_parse(f->a, doc, SF_STR("stage.yaml"), &f->dg, &root), SF_OK);
    return sf_node_get(root, "value");
}

static sf_code set(fixture *f, sf_args *args, sf_arg arg, const char *text)
{
    return sf_args_set(f->a, args, arg, yaml_value(f, text), SF_FROM_FILE, &f->dg);
}

static void test_integers(void **state)
{
    static const struct {
        sf_arg arg;
        const char *text;
        int64_t want;
    } row[] = {
        {SF_ARG_max_model_len,          "8192",   8192      },
        {SF_ARG_max_model_len,          "8k",     8000      },
        {SF_ARG_max_model_len,          "8K",     8192      },
        {SF_ARG_max_model_len,          "25.6k",  25600     },
        {SF_ARG_max_model_len,          "2M",     2097152   },
        {SF_ARG_max_model_len,          "1.1m",   1100000   },
        {SF_ARG_max_model_len,          "-1",     -1        },
        {SF_ARG_max_model_len,          "auto",   -1        },
        {SF_ARG_max_model_len,          "8192.0", 8192      },
        {SF_ARG_max_num_batched_tokens, "1k",     1000      },
        {SF_ARG_kv_cache_memory_bytes,  "4G",     4294967296},
        {SF_ARG_kv_cache_memory_bytes,  "4g",     4000000000},
        {SF_ARG_max_num_seqs,           "'256'",  256       },
        {SF_ARG_tensor_parallel_size,   "2",      2         },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_args args = {0};

        assert_int_equal(set(f, &args, row[i].arg, row[i].text), SF_OK);
        assert_true(sf_args_i64(&args, row[i].arg, -7) == row[i].want);
        assert_int_equal(args.v[row[i].arg].from, SF_FROM_FILE);
    }
    assert_int_equal(f->dg.n, 0);
}

static void test_refused_values(void **state)
{
    static const struct {
        sf_arg arg;
        const char *text;
    } row[] = {
        {SF_ARG_max_model_len,          "8kk"        },
        {SF_ARG_max_model_len,          "1.5K"       },
        {SF_ARG_max_model_len,          "k"          },
        {SF_ARG_max_model_len,          "-2"         },
        {SF_ARG_max_model_len,          "8192.5"     },
        {SF_ARG_max_model_len,          "true"       },
        {SF_ARG_max_model_len,          "999999999T" },
        {SF_ARG_max_num_seqs,           "1k"         },
        {SF_ARG_max_num_seqs,           "0"          },
        {SF_ARG_tensor_parallel_size,   "0"          },
        {SF_ARG_tensor_parallel_size,   "65537"      },
        {SF_ARG_block_size,             "[16]"       },
        {SF_ARG_gpu_memory_utilization, "x"          },
        {SF_ARG_gpu_memory_utilization, ".nan"       },
        {SF_ARG_gpu_memory_utilization, "-.inf"      },
        {SF_ARG_gpu_memory_utilization, "true"       },
        {SF_ARG_enforce_eager,          "2"          },
        {SF_ARG_enforce_eager,          "maybe"      },
        {SF_ARG_dtype,                  "{a: 1}"     },
        {SF_ARG_hf_overrides,           "'{\"a\": }'"},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_args args = {0};

        assert_int_equal(set(f, &args, row[i].arg, row[i].text), SF_E_ARG_VALUE);
        assert_int_equal(f->dg.errors, i + 1);
        assert_error_at(&f->dg, SF_E_ARG_VALUE, 3, 9);
        assert_str(sf_diags_last_error(&f->dg)->at.key, sf_arg_name(row[i].arg));
        assert_false(sf_args_has(&args, row[i].arg));
    }
}

static void test_other_types(void **state)
{
    fixture *f = *state;
    sf_args args = {0};

    assert_int_equal(set(f, &args, SF_ARG_gpu_memory_utilization, "'0.9'"), SF_OK);
    assert_true(sf_args_f64(&args, SF_ARG_gpu_memory_utilization, 0) == 0.9);
    assert_int_equal(set(f, &args, SF_ARG_gpu_memory_utilization, "1"), SF_OK);
    assert_true(sf_args_f64(&args, SF_ARG_gpu_memory_utilization, 0) == 1.0);
    assert_int_equal(set(f, &args, SF_ARG_enforce_eager, "'True'"), SF_OK);
    assert_true(sf_args_bool(&args, SF_ARG_enforce_eager, false));
    assert_int_equal(set(f, &args, SF_ARG_enforce_eager, "0"), SF_OK);
    assert_false(sf_args_bool(&args, SF_ARG_enforce_eager, true));
    assert_int_equal(set(f, &args, SF_ARG_quantization, "fp8"), SF_OK);
    assert_str(sf_args_str(&args, SF_ARG_quantization, SF_STR("")), "fp8");
    assert_int_equal(set(f, &args, SF_ARG_quantization, "null"), SF_OK);
    assert_false(sf_args_has(&args, SF_ARG_quantization));
    assert_int_equal(set(f, &args, SF_ARG_hf_overrides, "'{\"a\": {\"b\": 3}}'"), SF_OK);
    assert_int_equal(sf_node_path(args.v[SF_ARG_hf_overrides].node, SF_STR("a.b"))->as.i, 3);
    assert_int_equal(set(f, &args, SF_ARG_limit_mm_per_prompt, "{image: 2}"), SF_OK);
    assert_int_equal(sf_node_get(args.v[SF_ARG_limit_mm_per_prompt].node, "image")->as.i, 2);
}

static void test_names(void **state)
{
    sf_arg arg;

    (void)state;
    for (unsigned i = 0; i < SF_ARG_COUNT; i++) {
        assert_true(sf_arg_find(sf_str_of(sf_arg_name((sf_arg)i)), &arg));
        assert_int_equal(arg, i);
    }
    assert_false(sf_arg_find(SF_STR("port"), &arg));
}

/* What is typed → which flag, negated or not; "" is not known. */
static void test_flags(void **state)
{
    static const struct {
        const char *word, *name;
        bool negated;
    } row[] = {
        {"--tensor-parallel-size",     "tensor_parallel_size",         false},
        {"--tensor_parallel_size",     "tensor_parallel_size",         false},
        {"-tp",                        "tensor_parallel_size",         false},
        {"-q",                         "quantization",                 false},
        {"-cc",                        "compilation_config",           false},
        {"-dcp",                       "decode_context_parallel_size", false},
        {"--no-enable-prefix-caching", "enable_prefix_caching",        true },
        {"--kv-cache-memory",          "kv_cache_memory_bytes",        false},
        {"--no-max-model-len",         "",                             false},
        {"--no-omni",                  "",                             false},
        {"--tensor-parallel",          "",                             false},
        {"--max-model",                "",                             false},
        {"-x",                         "",                             false},
        {"--",                         "",                             false},
        {"---model",                   "",                             false},
        {"--Model",                    "",                             false},
        {"tensor_parallel_size",       "tensor_parallel_size",         false},
    };
    fixture *f = *state;
    const sf_flags *flags;

    assert_int_equal(sf_flags_load(f->a, &f->dg, &flags), SF_OK);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        bool negated;
        const sf_flag *flag = sf_flag_find(flags, sf_str_of(row[i].word), &negated);

        assert_str(flag ? flag->name : SF_STR(""), row[i].name);
        assert_int_equal(negated, row[i].negated);
    }
    /* Every argument that the accounting reads is in the data, with the same type. */
    for (unsigned i = 0; i < SF_ARG_COUNT; i++) {
        bool negated;
        const sf_flag *flag = sf_flag_find(flags, sf_str_of(sf_arg_name((sf_arg)i)), &negated);

        assert_non_null(flag);
        assert_true(flag->memory);
        assert_int_equal(flag->type, sf_arg_kind((sf_arg)i));
    }
}

static void test_did_you_mean(void **state)
{
    static const struct {
        const char *word, *want;
    } row[] = {
        {"--tensor-paralel-size",     "tensor_parallel_size"  },
        {"--gpu-memory-utilisation",  "gpu_memory_utilization"},
        {"max_model_length",          "max_model_len"         },
        {"--gpu-memory-util",         "gpu_memory_utilization"},
        {"--max-num-seq",             "max_num_seqs"          },
        {"--something-else-entirely", ""                      },
        {"--",                        ""                      },
        {"--model-len",               "max_model_len"         },
    };
    fixture *f = *state;
    const sf_flags *flags;

    assert_int_equal(sf_flags_load(f->a, &f->dg, &flags), SF_OK);
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        assert_str(sf_flag_suggest(flags, sf_str_of(row[i].word)), row[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_integers), TEST(test_refused_values), TEST(test_other_types),
        TEST(test_names),    TEST(test_flags),          TEST(test_did_you_mean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
