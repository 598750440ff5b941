/* catalogue: models by name. */
#include "model_helper.h"

#include "base/embed.h"
#include "text/pack.h"

static void test_names(void **state)
{
    static const struct {
        const char *asked, *found;
    } row[] = {
        {"Qwen/Qwen3-Omni-30B-A3B-Instruct", "Qwen/Qwen3-Omni-30B-A3B-Instruct"},
        {"qwen/qwen3-omni-30b-a3b-instruct", "Qwen/Qwen3-Omni-30B-A3B-Instruct"},
        {"Qwen3-Omni-30B-A3B-Instruct",      "Qwen/Qwen3-Omni-30B-A3B-Instruct"},
        {"qwen2.5-7b-instruct",              "Qwen/Qwen2.5-7B-Instruct"        },
        {"meta-llama/Llama-3.1-8B",          "meta-llama/Llama-3.1-8B"         }, /* an alias */
        {"BAGEL-7B-MoT",                     "ByteDance-Seed/BAGEL-7B-MoT"     },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_checkpoint *c = NULL;

        assert_int_equal(sf_catalogue_find(f->a, sf_str_of(row[i].asked), &f->dg, &c), SF_OK);
        assert_str(c->name, row[i].found);
        assert_non_null(c->config);
        assert_non_null(c->facts);
        assert_null(c->headers);
        assert_true(sf_str_starts(c->source, SF_STR("catalogue: ")));
    }
}

static void test_unknown_names(void **state)
{
    static const struct {
        const char *asked, *hint;
    } row[] = {
        {"Qwen3-Omni-30B",                    "Qwen/Qwen3-Omni-30B-A3B-"},
        {"Qwen/Qwen3-9B",                     "Qwen/Qwen3-8B"           },
        {"./no/such/folder-with-a-long-name", "`stagefit models`"       },
        {"",                                  "stagefit models"         },
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        fixture *f = *state;
        const sf_checkpoint *c = NULL;

        f->dg.n = f->dg.errors = 0;
        assert_int_equal(sf_catalogue_find(f->a, sf_str_of(row[i].asked), &f->dg, &c), SF_E_MODEL_UNKNOWN);
        assert_error_at(&f->dg, SF_E_MODEL_UNKNOWN, 0, 0); /* a name has no place in a file */
        if (i > 0)
            assert_int_equal(f->dg.errors, 1);
        if (row[i].asked[0])
            assert_true(sf_str_find(sf_diags_last_error(&f->dg)->hint, sf_str_of(row[i].hint)) >= 0);
    }
}

/* A known model with an ending that says how it was quantised: taken, and said. */
static void test_names_that_say_how(void **state)
{
    static const struct {
        const char *asked, *method; /* NULL: not taken */
    } row[] = {
        {"Somebody/Qwen3-8B-AWQ",          "awq"               },
        {"RedHatAI/Qwen3-32B-FP8-dynamic", "compressed-tensors"},
        {"RedHatAI/phi-4-quantized.w4a16", "gptq"              },
        {"Qwen/Qwen3-14B-FP8",             "fp8"               },
        {"somebody/Qwen3-14B-FP8",         NULL                },
        {"somebody/NoSuchModel-AWQ",       NULL                },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_checkpoint *c = NULL;
        sf_code rc = sf_catalogue_find(f->a, sf_str_of(row[i].asked), &f->dg, &c);

        assert_int_equal(rc, row[i].method ? SF_OK : SF_E_MODEL_UNKNOWN);
        if (!row[i].method)
            continue;
        assert_true(c->assumed);
        assert_str(sf_node_path(c->config, SF_STR("quantization_config.quant_method"))->text, row[i].method);
    }
    assert_int_equal(f->dg.warnings, 4);
}

/* Every name of the index is found and every part of every model resolves without a word. */
static void test_every_entry_resolves(void **state)
{
    fixture *f = *state;
    sf_str *names = NULL;
    size_t n = 0;

    assert_int_equal(sf_catalogue_list(f->a, &names, &n), SF_OK);
    assert_true(n >= 100);
    for (size_t i = 0; i < n; i++) {
        const sf_checkpoint *c = NULL;
        sf_model_wish wish = {.cache = sf_model_cache_new(f->a)};
        sf_str *parts = NULL;
        size_t n_parts = 0;

        if (i)
            assert_true(sf_str_cmp(names[i - 1], names[i]) < 0);
        assert_int_equal(sf_catalogue_find(f->a, names[i], &f->dg, &c), SF_OK);
        assert_true(sf_str_eq(c->name, names[i]));
        assert_int_equal(sf_model_parts(f->a, c, &wish, &f->dg, &parts, &n_parts), SF_OK);
        for (size_t p = 0; p < n_parts; p++) {
            const sf_model *m = NULL;

            wish.part = parts[p];
            assert_int_equal(sf_model_resolve(f->a, c, &wish, &f->dg, &m), SF_OK);
            assert_true(m->n_tensors > 0);
            assert_true(m->dtype_known);
        }
    }
    assert_int_equal(f->dg.n, 0);
}

/* What an entry says was published is what its family derives. */
static void test_published_counts(void **state)
{
    fixture *f = *state;
    sf_str *names = NULL;
    size_t n = 0, checked = 0;

    assert_int_equal(sf_catalogue_list(f->a, &names, &n), SF_OK);
    for (size_t i = 0; i < n; i++) {
        const sf_checkpoint *c = NULL;
        sf_model_wish wish = {0};
        const sf_node *want;
        sf_str *parts = NULL;
        size_t n_parts = 0;
        uint64_t params = 0;

        assert_int_equal(sf_catalogue_find(f->a, names[i], &f->dg, &c), SF_OK);
        want = sf_node_path(c->facts, SF_STR("published.params"));
        if (!want)
            continue;
        assert_int_equal(sf_model_parts(f->a, c, &wish, &f->dg, &parts, &n_parts), SF_OK);
        for (size_t p = 0; p < n_parts; p++) {
            const sf_model *m = NULL;

            wish.part = parts[p];
            assert_int_equal(sf_model_resolve(f->a, c, &wish, &f->dg, &m), SF_OK);
            params += params_of(m, NULL);
        }
        assert_int_equal(params, want->as.i);
        checked++;
    }
    assert_true(checked >= 15);
}

/* The index has each name of each file once, under that file. */
static void test_index_is_in_step(void **state)
{
    fixture *f = *state;
    sf_str path, bytes;
    const sf_node *index = NULL;
    size_t names = 0;

    assert_int_equal(sf_data_read(f->a, SF_STR("models/catalogue/index.yaml"), &index), SF_OK);
    for (size_t i = 0; sf_embed_at(i, &path, &bytes); i++) {
        sf_str file = sf_str_sub(path, strlen("models/catalogue/"), path.n - strlen(".yaml"));
        const sf_node *root = NULL, *models;

        if (!sf_str_starts(path, SF_STR("models/catalogue/")) || sf_str_is(file, "index"))
            continue;
        assert_int_equal(sf_data_read(f->a, path, &root), SF_OK);
        models = sf_node_get(root, "models");
        for (uint32_t k = 0; k < models->n; k++) {
            const sf_node *also = sf_node_get(sf_node_item(models, k), "also"), *row;

            row = sf_node_get_str(index, sf_node_get(sf_node_item(models, k), "name")->text);
            assert_true(row && sf_str_eq(row->text, file));
            names++;
            for (uint32_t j = 0; also && j < also->n; j++, names++) {
                row = sf_node_get_str(index, sf_node_item(also, j)->text);
                assert_true(row && sf_str_eq(row->text, file));
            }
        }
    }
    assert_int_equal(names, index->n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_names),
        TEST(test_unknown_names),
        TEST(test_names_that_say_how),
        TEST(test_every_entry_resolves),
        TEST(test_published_counts),
        TEST(test_index_is_in_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
