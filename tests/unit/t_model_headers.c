/* model: weight-file headers held against what the family derives. */
#include "model_helper.h"

static const char dense[] =
    "{\"architectures\": [\"Qwen3ForCausalLM\"], \"hidden_size\": 64, \"head_dim\": 32,\n"
    " \"num_hidden_layers\": 3, \"vocab_size\": 128, \"num_attention_heads\": 4,\n"
    " \"num_key_value_heads\": 2, \"intermediate_size\": 96, \"tie_word_embeddings\": true,\n"
    " \"max_position_embeddings\": 32, \"torch_dtype\": \"float32\"}";
static const char moe[] =
    "{\"architectures\": [\"Qwen3MoeForCausalLM\"], \"hidden_size\": 64, \"head_dim\": 32,\n"
    " \"num_hidden_layers\": 4, \"vocab_size\": 128, \"num_attention_heads\": 4,\n"
    " \"num_key_value_heads\": 2, \"intermediate_size\": 96, \"moe_intermediate_size\": 32,\n"
    " \"num_experts\": 5, \"num_experts_per_tok\": 2, \"mlp_only_layers\": [1],\n"
    " \"max_position_embeddings\": 32, \"torch_dtype\": \"bfloat16\"}";

static const sf_model *derive(fixture *f, const char *json)
{
    const sf_model *m = NULL;

    assert_int_equal(resolve_text(f, json, NULL, &m), SF_OK);
    return m;
}

static sf_code resolve_with(fixture *f, const char *json, const sf_tensor_table *headers,
                            const sf_model **ret)
{
    static const sf_model_wish none;
    sf_checkpoint *c = SF_NEW(f->a, sf_checkpoint);

    *c = checkpoint_of(f, json);
    c->headers = headers;
    return sf_model_resolve(f->a, c, &none, &f->dg, ret);
}

static void assert_same_totals(const sf_model *a, const sf_model *b)
{
    uint64_t x[3], y[3];

    sf_model_totals(a, &x[0], &x[1], &x[2]);
    sf_model_totals(b, &y[0], &y[1], &y[2]);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(x[i], y[i]);
    assert_int_equal(a->n_tensors, b->n_tensors);
}

static void test_read_equals_derived(void **state)
{
    static const char *const texts[] = {dense, moe};
    fixture *f = *state;

    for (size_t i = 0; i < 2; i++) {
        const sf_model *m = derive(f, texts[i]), *read = NULL;

        assert_int_equal(resolve_with(f, texts[i], headers_of(f, &m, 1, &(header_change){0}), &read), SF_OK);
        assert_true(read->headers_read && !m->headers_read);
        assert_same_totals(m, read);
        assert_int_equal(f->dg.n, 0);
    }
}

/* One header of a whole omni checkpoint serves each of its parts, without a word about the others'. */
static void test_parts_of_one_checkpoint(void **state)
{
    static const char *const parts[] = {"thinker", "talker", "code2wav"};
    fixture *f = *state;
    const sf_checkpoint *c = NULL;
    const sf_model *derived[3];
    sf_checkpoint with;

    assert_int_equal(sf_catalogue_find(f->a, SF_STR("Qwen/Qwen3-Omni-30B-A3B-Instruct"), &f->dg, &c), SF_OK);
    for (size_t i = 0; i < 3; i++)
        derived[i] = model_of(f, "Qwen/Qwen3-Omni-30B-A3B-Instruct", parts[i]);
    with = *c;
    with.headers = headers_of(f, derived, 3, &(header_change){0});
    for (size_t i = 0; i < 3; i++) {
        sf_model_wish wish = {.part = sf_str_of(parts[i])};
        const sf_model *m = NULL;

        assert_int_equal(sf_model_resolve(f->a, &with, &wish, &f->dg, &m), SF_OK);
        assert_same_totals(derived[i], m);
    }
    assert_int_equal(f->dg.n, 0);
}

/* The data type on disk is the header's, whatever config.json says. */
static void test_dtype_comes_from_headers(void **state)
{
    fixture *f = *state;
    const sf_model *m = derive(f, moe), *read = NULL;
    sf_str text = sf_arena_str(f->a, sf_str_of(moe));

    memcpy((char *)(uintptr_t)text.p + sf_str_find(text, SF_STR("bfloat16")), "float32\"", 8);
    ((char *)(uintptr_t)text.p)[sf_str_find(text, SF_STR("float32\"\"")) + 8] = ' ';
    assert_int_equal(resolve_with(f, text.p, headers_of(f, &m, 1, &(header_change){0}), &read), SF_OK);
    assert_int_equal(read->dtype, SF_DT_F32);
    assert_int_equal(read->tensors[0].disk_dtype, SF_DT_BF16);
    assert_same_totals(m, read);
}

static void test_differences(void **state)
{
    static const struct {
        header_change change;
        const char *found; /* in the message */
    } row[] = {
        {{.skip = "model.layers.{}.mlp.experts.{}.up_proj.weight"}, "15 tensors"    },
        {{.skip = "model.norm.weight"},                             "have 0"        },
        {{.wider = "model.embed_tokens.weight"},                    "1 of [129, 64]"},
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        fixture *f = *state;
        const sf_model *m = derive(f, moe), *read = NULL;

        f->dg.n = f->dg.errors = 0;
        assert_int_equal(resolve_with(f, moe, headers_of(f, &m, 1, &row[i].change), &read),
                         SF_E_TENSORS_DIFFER);
        assert_int_equal(f->dg.errors, 1);
        assert_error_at(&f->dg, SF_E_TENSORS_DIFFER, 1, 1);
        assert_true(sf_str_find(sf_diags_last_error(&f->dg)->message, sf_str_of(row[i].found)) >= 0);
    }
}

static void test_extra_tensors_are_told(void **state)
{
    fixture *f = *state;
    const sf_model *m = derive(f, moe), *read = NULL;
    const sf_tensor *extra;

    assert_int_equal(resolve_with(f, moe,
                                  headers_of(f, &m, 1, &(header_change){.extra = "model.surprise.3.weight"}),
                                  &read),
                     SF_OK);
    assert_int_equal(f->dg.warnings, 1);
    assert_int_equal(f->dg.items[0].code, SF_E_TENSORS_DIFFER);
    assert_int_equal(f->dg.items[0].at.line, 1);
    assert_true(sf_str_find(f->dg.items[0].message, SF_STR("1 tensors (32 B)")) >= 0);
    assert_true(sf_str_find(f->dg.items[0].message, SF_STR("model.surprise.3.weight")) >= 0);
    extra = tensor_of(read, "model.surprise.{}.weight");
    assert_true(extra && !extra->loaded && extra->in_checkpoint);
}

/* A tied head may be stored all the same: it counts as stored, not as loaded. */
static void test_stored_copy_of_a_tied_head(void **state)
{
    fixture *f = *state;
    const sf_model *m = derive(f, dense), *read = NULL;
    sf_tensor *tensors = SF_NEW_ARRAY(f->a, sf_tensor, m->n_tensors + 1);
    sf_model more = *m;
    const sf_model *list = &more;

    assert_true(m->tie_word_embeddings);
    assert_null(tensor_of(m, "lm_head.weight"));
    memcpy(tensors, m->tensors, m->n_tensors * sizeof *tensors);
    tensors[m->n_tensors] = *tensor_of(m, "model.embed_tokens.weight");
    tensors[m->n_tensors].name = SF_STR("lm_head.weight");
    more.tensors = tensors;
    more.n_tensors++;
    assert_int_equal(resolve_with(f, dense, headers_of(f, &list, 1, &(header_change){0}), &read), SF_OK);
    assert_int_equal(f->dg.n, 0);
    assert_false(tensor_of(read, "lm_head.weight")->loaded);
    assert_int_equal(params_of(read, NULL), params_of(m, NULL) + 128 * 64);
}

/* An unknown architecture that is assumed takes its weights from the headers. */
static void test_assumed_with_headers(void **state)
{
    fixture *f = *state;
    const sf_model *m = derive(f, moe), *read = NULL;
    sf_checkpoint c =
        checkpoint_of(f, "{\"architectures\": [\"Other\"], \"hidden_size\": 64, \"num_hidden_layers\": 4, "
                         "\"vocab_size\": 128, \"num_attention_heads\": 4, \"intermediate_size\": 96, "
                         "\"max_position_embeddings\": 32}");
    sf_model_wish wish = {.assume_full_attention = true};

    c.headers = headers_of(f, &m, 1, &(header_change){0});
    assert_int_equal(sf_model_resolve(f->a, &c, &wish, &f->dg, &read), SF_OK);
    assert_int_equal(params_of(read, NULL), params_of(m, NULL));
    assert_int_equal(read->dtype, SF_DT_BF16);
    assert_int_equal(read->tensors[0].origin, SF_ORIGIN_ASSUMED);
    assert_int_equal(read->kv[0].repeat, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_read_equals_derived),      TEST(test_parts_of_one_checkpoint),
        TEST(test_dtype_comes_from_headers), TEST(test_differences),
        TEST(test_extra_tensors_are_told),   TEST(test_stored_copy_of_a_tied_head),
        TEST(test_assumed_with_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
