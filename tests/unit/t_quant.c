/* quant: what quantised checkpoints store, and configs that cannot be used (docs/quantization.md). */
#include "model_helper.h"

#define LLAMA                                                                                                \
    "{\"architectures\": [\"LlamaForCausalLM\"], \"hidden_size\": 256, \"num_hidden_layers\": 4, "           \
    "\"vocab_size\": 512, \"num_attention_heads\": 4, \"num_key_value_heads\": 2, "                          \
    "\"intermediate_size\": 512, \"max_position_embeddings\": 64, \"torch_dtype\": \"bfloat16\",\n"          \
    "\"quantization_config\": "

static const sf_model *resolved(fixture *f, const char *quantization)
{
    const sf_model *m = NULL;
    sf_str json = sf_arena_printf(f->a, "%s%s}", LLAMA, quantization);

    assert_int_equal(resolve_text(f, json.p, NULL, &m), SF_OK);
    return m;
}

/* Name, shape and type of each stored tensor of one matrix: [512, 256] of mlp.up_proj. */
static void test_stored_tensors(void **state)
{
    static const struct {
        const char *config, *tensors;
    } row[] = {
        {"{\"quant_method\": \"fp8\"}",                                                                                 "weight 512x256 F8_E4M3, weight_scale F32"                                                         },
        {"{\"quant_method\": \"fp8\", \"activation_scheme\": \"static\"}",
         "weight 512x256 F8_E4M3, weight_scale F32, input_scale F32"                                                                                                                                                       },
        {"{\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}",
         "weight 512x256 F8_E4M3, weight_scale_inv 4x2 F32"                                                                                                                                                                },
        {"{\"quant_method\": \"fbgemm_fp8\"}",                                                                          "weight 512x256 F8_E4M3, weight_scale 512x1 F32"                                                   },
        {"{\"quant_method\": \"awq\", \"bits\": 4, \"group_size\": 128, \"zero_point\": true}",
         "qweight 256x64 I32, qzeros 2x64 I32, scales 2x512 F16"                                                                                                                                                           },
        {"{\"quant_method\": \"gptq\", \"bits\": 4, \"group_size\": 128, \"desc_act\": false}",
         "qweight 32x512 I32, qzeros 2x64 I32, scales 2x512 F16, g_idx 256 I32"                                                                                                                                            },
        {"{\"quant_method\": \"gptq\", \"bits\": 8, \"group_size\": -1}",
         "qweight 64x512 I32, qzeros 1x128 I32, scales 1x512 F16, g_idx 256 I32"                                                                                                                                           },
        {"{\"quant_method\": \"bitsandbytes\", \"load_in_4bit\": true, \"bnb_4bit_use_double_quant\": true}",
         "weight 65536x1 U8, weight.absmax 2048 U8, weight.quant_map 16 F32, weight.nested_absmax 8 F32, "
         "weight.nested_quant_map 256 F32"                                                                                                                                                                                 },
        {"{\"quant_method\": \"bitsandbytes\", \"load_in_8bit\": true}",                                                "weight 512x256 I8, SCB 512 F32"                                                                   },
        {"{\"quant_method\": \"compressed-tensors\", \"config_groups\": {\"g\": {\"targets\": [\"Linear\"], "
         "\"weights\": {\"num_bits\": 4, \"type\": \"int\", \"strategy\": \"group\", \"group_size\": 128}}}}", "weight_packed 512x32 I32, weight_scale 512x2 BF16, weight_shape 2 I64"                            },
        {"{\"quant_method\": \"compressed-tensors\", \"config_groups\": {\"g\": {\"targets\": [\"Linear\"], "
         "\"weights\": {\"num_bits\": 4, \"type\": \"int\", \"strategy\": \"group\", \"group_size\": 32, "
         "\"symmetric\": false}}}}",                                                                           "weight_packed 512x32 I32, weight_scale 512x8 BF16, weight_zero_point 64x8 I32, weight_shape 2 I64"},
        {"{\"quant_method\": \"compressed-tensors\", \"config_groups\": {\"g\": {\"targets\": [\"Linear\"], "
         "\"input_activations\": {\"dynamic\": true}, "
         "\"weights\": {\"num_bits\": 8, \"type\": \"int\", \"strategy\": \"channel\"}}}}",                    "weight 512x256 I8, weight_scale 512x1 BF16"                                                       },
        {"{\"quant_method\": \"compressed-tensors\", \"config_groups\": {\"g\": {\"targets\": [\"Linear\"], "
         "\"input_activations\": {\"dynamic\": true}, "
         "\"weights\": {\"num_bits\": 8, \"type\": \"float\", \"strategy\": \"channel\"}}}}",                  "weight 512x256 F8_E4M3, weight_scale 512x1 BF16"                                                  },
        {"{\"quant_method\": \"compressed-tensors\", \"config_groups\": {\"g\": {\"targets\": [\"Linear\"], "
         "\"input_activations\": {\"dynamic\": false}, "
         "\"weights\": {\"num_bits\": 4, \"type\": \"float\", \"group_size\": 16}}}}",                         "weight_packed 512x128 U8, weight_scale 512x16 F8_E4M3, weight_global_scale 1 F32, "
         "input_global_scale 1 F32"                                                                                         },
        {"{\"quant_method\": \"modelopt\", \"quant_algo\": \"NVFP4\", \"group_size\": 16}",
         "weight 512x128 U8, weight_scale 512x16 F8_E4M3, weight_scale_2 F32, input_scale F32"                                                                                                                             },
        {"{\"quant_algo\": \"FP8\", \"producer\": {\"name\": \"modelopt\"}}",
         "weight 512x256 F8_E4M3, weight_scale F32, input_scale F32"                                                                                                                                                       },
        {"{\"quant_method\": \"auto-round\", \"bits\": 4, \"group_size\": 128, \"sym\": true, "
         "\"packing_format\": \"auto_round:auto_gptq\"}",                                                      "qweight 32x512 I32, qzeros 2x64 I32, scales 2x512 F16, g_idx 256 I32"                             },
    };
    static const char head[] = "model.layers.{}.mlp.up_proj.";
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_model *m = resolved(f, row[i].config);
        sf_str got = {0};

        for (size_t k = 0; k < m->n_tensors; k++) {
            const sf_tensor *t = &m->tensors[k];

            if (!t->packed || !sf_str_starts(t->name, SF_STR(head)))
                continue;
            got = sf_arena_printf(f->a, "%.*s%s%.*s", SF_STR_ARG(got), got.n ? ", " : "",
                                  SF_STR_ARG(sf_str_sub(t->name, sizeof head - 1, t->name.n)));
            for (uint8_t d = 0; d < t->n_dims; d++)
                got = sf_arena_printf(f->a, "%.*s%s%llu", SF_STR_ARG(got), d ? "x" : " ",
                                      (unsigned long long)t->dims[d]);
            got = sf_arena_printf(f->a, "%.*s %s", SF_STR_ARG(got), sf_dtype_name(t->disk_dtype));
        }
        assert_str(got, row[i].tensors);
        assert_null(tensor_of(m, "lm_head.weight")->quant);
        assert_null(tensor_of(m, "model.embed_tokens.weight")->quant);
        assert_null(tensor_of(m, "model.norm.weight")->quant);
    }
}

/* Layers that a matrix is quantised in, "0-3" or "1,2": one group a run. */
static sf_str layers_of(fixture *f, const sf_model *m, const char *name)
{
    sf_str text = SF_STR("");

    for (size_t i = 0; i < m->n_tensors; i++)
        if (sf_str_is(m->tensors[i].name, name) && m->tensors[i].quant)
            text = sf_arena_printf(f->a, "%.*s%s%u-%u", SF_STR_ARG(text), text.n ? "," : "",
                                   m->tensors[i].first_layer,
                                   m->tensors[i].first_layer + m->tensors[i].repeat - 1);
    return text;
}

static void test_what_stays(void **state)
{
    static const struct {
        const char *config, *q, *up;
    } row[] = {
        {"{\"quant_method\": \"fp8\", \"modules_to_not_convert\": [\"model.layers.0.self_attn\", "
         "\"model.layers.3.mlp.up_proj\"]}",                                                            "1-3",     "0-2"        },
        {"{\"quant_method\": \"awq\", \"bits\": 4, \"group_size\": 64, "
         "\"modules_to_not_convert\": [\"layers.1.\"]}",                                                "0-0,2-3", "0-0,2-3"    },
        {"{\"quant_method\": \"gptq\", \"bits\": 4, \"group_size\": 64, "
         "\"dynamic\": {\"-:.*\\\\.self_attn\\\\..*\": {}, \"+:layers\\\\.2\\\\.\": {\"bits\": 8}}}",   "",        "0-1,2-2,3-3"},
        {"{\"quant_method\": \"modelopt\", \"quant_algo\": \"NVFP4\", \"ignore\": [\"*.self_attn*\", "
         "\"model.layers.2.*\"]}",                                                                      "",        "0-1,3-3"    },
        {"{\"quant_method\": \"modelopt\", \"quant_algo\": \"MIXED_PRECISION\", \"quantized_layers\": {"
         "\"model.layers.1.self_attn.q_proj\": {\"quant_algo\": \"FP8\"}, "
         "\"model.layers.3.mlp.up_proj\": {\"quant_algo\": \"NVFP4\", \"group_size\": 16}}}",           "1-1",     "3-3"        },
        {"{\"quant_method\": \"compressed-tensors\", \"ignore\": [\"lm_head\", \"re:.*self_attn.*\"], "
         "\"config_groups\": {\"a\": {\"targets\": [\"Linear\"], \"weights\": {\"num_bits\": 4, "
         "\"type\": \"float\", \"group_size\": 16}}, \"b\": {\"targets\": [\"re:.*layers.3.*up_proj\"], "
         "\"weights\": {\"num_bits\": 8, \"type\": \"float\", \"strategy\": \"channel\"}}}}",           "",        "0-2,3-3"    },
        {"{\"quant_method\": \"bitsandbytes\", \"load_in_4bit\": true, "
         "\"llm_int8_skip_modules\": [\"lm_head\", \"up_proj\", \"model.layers.0.self_attn.q_proj\"]}", "1-3",     ""           },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_model *m = resolved(f, row[i].config);

        assert_str(layers_of(f, m, "model.layers.{}.self_attn.q_proj.weight"), row[i].q);
        assert_str(layers_of(f, m, "model.layers.{}.mlp.up_proj.weight"), row[i].up);
    }
}

/* Stored elements and bytes of releases, as published (a tensor viewer's page each: total of all shapes). */
static void test_published_totals(void **state)
{
    static const struct {
        const char *config;
        uint64_t tensors, elements;
    } row[] = {
  /* Qwen/Qwen3-8B-FP8: https://github.com/gogongxt/python/blob/main/scripts/qwen3_8b_fp8.md */
        {"{\"architectures\": [\"Qwen3ForCausalLM\"], \"hidden_size\": 4096, \"num_hidden_layers\": 36, "
         "\"vocab_size\": 151936, \"num_attention_heads\": 32, \"num_key_value_heads\": 8, \"head_dim\": "
         "128, "
         "\"intermediate_size\": 12288, \"max_position_embeddings\": 40960, \"torch_dtype\": \"bfloat16\", "
         "\"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}}", 651,   8191159296 },
 /* Qwen/Qwen3-32B-AWQ: …/scripts/qwen3_32b_awq.md */
        {"{\"architectures\": [\"Qwen3ForCausalLM\"], \"hidden_size\": 5120, \"num_hidden_layers\": 64, "
         "\"vocab_size\": 151936, \"num_attention_heads\": 64, \"num_key_value_heads\": 8, \"head_dim\": "
         "128, "
         "\"intermediate_size\": 25600, \"max_position_embeddings\": 40960, \"torch_dtype\": \"float16\", "
         "\"quantization_config\": {\"quant_method\": \"awq\", \"bits\": 4, \"group_size\": 128}}",  1603,  5731472384 },
 /* Qwen/Qwen3-30B-A3B-Thinking-2507-FP8: …/scripts/models/qwen3_30b_a3b_thinking_2507_fp8.md */
        {"{\"architectures\": [\"Qwen3MoeForCausalLM\"], \"hidden_size\": 2048, \"num_hidden_layers\": 48, "
         "\"vocab_size\": 151936, \"num_attention_heads\": 32, \"num_key_value_heads\": 4, \"head_dim\": "
         "128, "
         "\"intermediate_size\": 6144, \"moe_intermediate_size\": 768, \"num_experts\": 128, "
         "\"num_experts_per_tok\": 8, \"decoder_sparse_step\": 1, \"mlp_only_layers\": [], "
         "\"max_position_embeddings\": 262144, \"torch_dtype\": \"bfloat16\", "
         "\"quantization_config\": {\"quant_method\": \"fp8\", \"weight_block_size\": [128, 128]}}", 37491, 30533947392},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        uint64_t tensors, elements, bytes;
        const sf_model *m;

        assert_int_equal(resolve_text(f, row[i].config, NULL, &m), SF_OK);
        sf_model_totals(m, &tensors, &elements, &bytes);
        assert_int_equal(tensors, row[i].tensors);
        assert_int_equal(elements, row[i].elements);
    }
}

static void test_configs_that_cannot_be_used(void **state)
{
    static const struct {
        const char *config;
        sf_code code;
        uint32_t line, col;
        const char *says;
    } row[] = {
        {"{\n\"quant_method\": \"nf9\"}",                                                           SF_E_QUANT_UNKNOWN, 3, 17, "`nf9` is not modelled"                    },
        {"{\n\"bits\": 4}",                                                                         SF_E_QUANT_CONFIG,  2, 24, "does not say its quant_method"            },
        {"{\"quant_method\":\n7}",                                                                  SF_E_QUANT_CONFIG,  3, 1,  "quant_method is a whole number"           },
        {"[1]",                                                                                     SF_E_QUANT_CONFIG,  2, 24, "list and not a map"                       },
        {"{\"quant_method\": \"gptq\",\n\"group_size\": 128}",                                      SF_E_QUANT_CONFIG,  2, 24, "lacks bits"                               },
        {"{\"quant_method\": \"gptq\", \"bits\": 4,\n\"group_size\": \"128\"}",                     SF_E_QUANT_CONFIG,  3, 15,
         "group_size of quantization_config is 128"                                                                                                                       },
        {"{\"quant_method\": \"gptq\", \"bits\":\n5, \"group_size\": 128}",                         SF_E_QUANT_CONFIG,  3, 1,  "bits"                                     },
        {"{\"quant_method\": \"gptq\", \"bits\": 4,\n\"group_size\": 0}",                           SF_E_QUANT_CONFIG,  3, 15,
         "group_size"                                                                                                                                                     },
        {"{\"quant_method\": \"gptq\", \"bits\": 4,\n\"group_size\": 100}",                         SF_E_QUANT_CONFIG,  2, 24,
         "100 does not divide the 256"                                                                                                                                    },
        {"{\"quant_method\": \"fp8\",\n\"weight_block_size\": [128]}",                              SF_E_QUANT_CONFIG,  3, 22,
         "weight_block_size"                                                                                                                                              },
        {"{\"quant_method\": \"fp8\", \"modules_to_not_convert\":\n[7]}",                           SF_E_QUANT_CONFIG,  3, 2,
         "not a text"                                                                                                                                                     },
        {"{\"quant_method\": \"compressed-tensors\"}",                                              SF_E_QUANT_CONFIG,  2, 24, "lacks config_groups"                      },
        {"{\"quant_method\": \"compressed-tensors\", \"config_groups\": {\"a\":\n{\"targets\": "
         "[\"Linear\"]}}}",                                                                SF_E_QUANT_CONFIG,  3, 1,  "lacks weights"                            },
        {"{\"quant_method\": \"compressed-tensors\", \"config_groups\": {\"a\":\n{\"targets\": [\"Linear\"], "
         "\"weights\": {\"type\": \"int\", \"num_bits\": 3, \"strategy\": \"tensor\"}}}}", SF_E_QUANT_UNKNOWN, 3, 1,  "this kind of quantisation is not modelled"},
        {"{\"quant_method\": \"modelopt\", \"quant_algo\": \"W9\"}",                                SF_E_QUANT_UNKNOWN, 2, 24, "ModelOpt"                                 },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_model *m = NULL;
        sf_str json = sf_arena_printf(f->a, "%s%s}", LLAMA, row[i].config);

        if (resolve_text(f, json.p, NULL, &m) != row[i].code)
            fail_msg("%s is taken", row[i].config);
        assert_error_at(&f->dg, row[i].code, row[i].line, row[i].col);
        if (sf_str_find(sf_diags_last_error(&f->dg)->message, sf_str_of(row[i].says)) < 0)
            fail_msg("%s: %.*s", row[i].config, SF_STR_ARG(sf_diags_last_error(&f->dg)->message));
    }
}

static void test_the_argument(void **state)
{
    static const struct {
        const char *asked, *config;
        sf_code code;
        const char *says;
    } row[] = {
        {"fp8",          "null",                                                          SF_OK,              ""                                                },
        {"bitsandbytes", "null",                                                          SF_OK,              ""                                                },
        {"awq",          "null",                                                          SF_E_QUANT_UNKNOWN, "Cannot find the config file for awq"             },
        {"nf9",          "null",                                                          SF_E_QUANT_UNKNOWN, "nf9 of an unquantised checkpoint is not modelled"},
        {"awq_marlin",   "{\"quant_method\": \"awq\", \"bits\": 4, \"group_size\": 128}", SF_OK,              ""                                                },
        {"gptq",         "{\"quant_method\": \"awq\", \"bits\": 4, \"group_size\": 128}", SF_E_QUANT_UNKNOWN,
         "Quantization method specified in the model config (awq) does not match"                                                                               },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_model *m = NULL;
        sf_model_wish wish = {.quantization = sf_str_of(row[i].asked)};
        sf_str json = sf_arena_printf(f->a, "%s%s}", LLAMA, row[i].config);

        assert_int_equal(resolve_text(f, json.p, &wish, &m), row[i].code);
        if (row[i].code)
            assert_true(sf_str_find(sf_diags_last_error(&f->dg)->message, sf_str_of(row[i].says)) >= 0);
        else
            assert_non_null(tensor_of(m, "model.layers.{}.mlp.up_proj.weight")->quant);
    }
}

/* What is on disk counts: a module whose scales are not there was left alone. */
static void test_headers_decide(void **state)
{
    static const char plain[] = "{\"quant_method\": \"awq\", \"bits\": 4, \"group_size\": 64}";
    static const char skips[] = "{\"quant_method\": \"awq\", \"bits\": 4, \"group_size\": 64, "
                                "\"modules_to_not_convert\": [\"layers.2.\"]}";
    fixture *f = *state;
    header_change none = {0};
    const sf_model *stored = resolved(f, skips), *m;
    sf_model_wish wish = {0};
    sf_checkpoint c = checkpoint_of(f, sf_arena_printf(f->a, "%s%s}", LLAMA, plain).p);

    c.headers = headers_of(f, &stored, 1, &none);
    assert_int_equal(sf_model_resolve(f->a, &c, &wish, &f->dg, &m), SF_OK);
    assert_true(m->headers_read);
    assert_str(layers_of(f, m, "model.layers.{}.mlp.up_proj.weight"), "0-1,3-3");
    assert_int_equal(f->dg.warnings, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_stored_tensors),   TEST(test_what_stays),
        TEST(test_published_totals), TEST(test_configs_that_cannot_be_used),
        TEST(test_the_argument),     TEST(test_headers_decide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
