/* config_errors: what a config.json may not say: each is refused at its place, with the reason. */
#include "model_helper.h"

enum { LINES = 9 };

typedef struct bad {
    unsigned replaced; /* line of the config */
    const char *text;  /* in its place; empty: the line is missing */
    sf_code code;
    unsigned line, col;
    const char *says;
} bad;

static const char *const lines[LINES] = {
    "{\"architectures\": [\"Qwen3ForCausalLM\"],\n",
    "\"hidden_size\": 1024,\n",
    "\"num_hidden_layers\": 28,\n",
    "\"num_attention_heads\": 16,\n",
    "\"num_key_value_heads\": 8,\n",
    "\"torch_dtype\": \"bfloat16\",\n",
    "\"intermediate_size\": 3072,\n",
    "\"max_position_embeddings\": 40960,\n",
    "\"vocab_size\": 151936}",
};

static void refuse(fixture *f, const bad *b)
{
    const sf_model *m = NULL;
    sf_str text = SF_STR("");
    sf_code rc;
    const sf_diag *d;

    f->dg.n = f->dg.errors = 0;
    for (unsigned i = 1; i <= LINES; i++)
        text = sf_arena_printf(f->a, "%.*s%s", SF_STR_ARG(text), i == b->replaced ? b->text : lines[i - 1]);
    rc = resolve_text(f, text.p, NULL, &m);
    d = sf_diags_last_error(&f->dg);
    if (!d || rc != b->code || d->at.line != b->line || d->at.col != b->col || f->dg.errors != 1 ||
        sf_str_find(d->message, sf_str_of(b->says)) < 0)
        fail_msg("%u %s: SF%d at %u:%u: %.*s", b->replaced, b->text, (int)rc, d ? d->at.line : 0,
                 d ? d->at.col : 0, SF_STR_ARG(d ? d->message : SF_STR("nothing")));
}

static void test_sound(void **state)
{
    fixture *f = *state;
    const sf_model *m = NULL;
    sf_str text = SF_STR("");

    for (unsigned i = 0; i < LINES; i++)
        text = sf_arena_printf(f->a, "%.*s%s", SF_STR_ARG(text), lines[i]);
    assert_int_equal(resolve_text(f, text.p, NULL, &m), SF_OK);
    assert_int_equal(f->dg.n, 0);
}

static void test_missing(void **state)
{
    static const bad row[] = {
        {2, "",                                                                                   SF_E_CONFIG_KEY,   1, 1,  "no `hidden_size`"            },
        {3, "",                                                                                   SF_E_CONFIG_KEY,   1, 1,  "no `num_hidden_layers`"      },
        {4, "\"num_attention_heads\": null,\n",                                                   SF_E_CONFIG_KEY,   1, 1,  "no `num_attention_heads`"    },
        {7, "",                                                                                   SF_E_CONFIG_KEY,   1, 1,  "no `intermediate_size`"      },
        {8, "",                                                                                   SF_E_CONFIG_KEY,   1, 1,  "no `max_position_embeddings`"},
        {1, "{\n",                                                                                SF_E_ARCH_UNKNOWN, 1, 1,  "no architecture"             },
        {1, "{\"architectures\": [],\n",                                                          SF_E_ARCH_UNKNOWN, 1, 1,  "no architecture"             },
        {1, "{\"architectures\": [\"Qwen33ForCausalLM\"],\n",                                     SF_E_ARCH_UNKNOWN, 1, 20, "is not known"                },
        {8, "\"max_position_embeddings\": 40960, \"rope_scaling\": {\"rope_type\": \"yarn\"},\n",
         SF_E_CONFIG_KEY,                                                                                            1, 1,  "no `rope.factor`"            },
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        refuse(*state, &row[i]);
}

static void test_wrong_values(void **state)
{
    static const bad row[] = {
        {2, "\"hidden_size\": \"1024\",\n",                                                   SF_E_EXPR, 2, 16, "an integer is expected"},
        {2, "\"hidden_size\": [1024],\n",                                                     SF_E_EXPR, 2, 16, "an integer is expected"},
        {2, "\"hidden_size\": 1024.5,\n",                                                     SF_E_EXPR, 2, 16, "an integer is expected"},
        {2, "\"hidden_size\": -1024,\n",                                                      SF_E_EXPR, 2, 16, "too small"             },
        {2, "\"hidden_size\": 0,\n",                                                          SF_E_EXPR, 2, 16, "too small"             },
        {2, "\"hidden_size\": 9000000000000000000,\n",                                        SF_E_EXPR, 2, 16, "too large"             },
        {3, "\"num_hidden_layers\": 0,\n",                                                    SF_E_EXPR, 3, 22, "too small"             },
        {3, "\"num_hidden_layers\": -28,\n",                                                  SF_E_EXPR, 3, 22, "too small"             },
        {3, "\"num_hidden_layers\": 1000000,\n",                                              SF_E_EXPR, 3, 22, "too large"             },
        {3, "\"num_hidden_layers\": \"28\",\n",                                               SF_E_EXPR, 3, 22, "an integer is expected"},
        {4, "\"num_attention_heads\": \"many\",\n",                                           SF_E_EXPR, 4, 24, "an integer is expected"},
        {4, "\"num_attention_heads\": 0,\n",                                                  SF_E_EXPR, 4, 24, "division by zero"      },
        {9, "\"vocab_size\": 0}",                                                             SF_E_EXPR, 9, 15, "too small"             },
        {9, "\"vocab_size\": -1}",                                                            SF_E_EXPR, 9, 15, "too small"             },
        {9, "\"vocab_size\": 9000000000000}",                                                 SF_E_EXPR, 9, 15, "too large"             },
        {9, "\"vocab_size\": 1, \"tie_word_embeddings\": \"false\"}",                         SF_E_EXPR, 9, 41,
         "an integer is expected"                                                                                                       },
        {9, "\"vocab_size\": 1, \"use_sliding_window\": true, \"sliding_window\": \"4096\"}", SF_E_EXPR, 9,
         64,                                                                                                    "a number is expected"  },
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        refuse(*state, &row[i]);
}

static void test_contradictions(void **state)
{
    static const bad row[] = {
        {4, "\"num_attention_heads\": 24,\n",                                          SF_E_EXPR,         2, 16, "leaves a remainder"},
        {5, "\"num_key_value_heads\": 3,\n",                                           SF_E_CONFIG_VALUE, 5, 24, "does not divide"   },
        {5, "\"num_key_value_heads\": 0,\n",                                           SF_E_CONFIG_VALUE, 5, 24, "does not divide"   },
        {5, "\"num_key_value_heads\": -8,\n",                                          SF_E_CONFIG_VALUE, 5, 24, "does not divide"   },
        {6, "\"head_dim\": -128,\n",                                                   SF_E_CONFIG_VALUE, 6, 13, "below zero"        },
        {6, "\"torch_dtype\": \"bfloat16\", \"layer_types\": [\"full_attention\"],\n", SF_E_CONFIG_VALUE, 6,
         43,                                                                                                     "one for each layer"},
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        refuse(*state, &row[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_sound), TEST(test_missing), TEST(test_wrong_values),
                                       TEST(test_contradictions)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
