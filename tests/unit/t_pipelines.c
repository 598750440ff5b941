/* pipelines: the data is whole, the index agrees with the files, and configs find their pipeline. */
#include "test.h"

#include "base/embed.h"
#include "stages/pipeline.h"
#include "text/pack.h"

static const sf_pipeline *find(fixture *f, const char *key)
{
    const sf_pipeline *p = NULL;

    assert_int_equal(sf_pipeline_find(f->a, sf_str_of(key), &f->dg, &p), SF_OK);
    assert_non_null(p);
    return p;
}

static void test_kinds_have_names(void **state)
{
    (void)state;
    assert_string_equal(sf_stage_kind_name(SF_STAGE_AR), "ar");
    assert_string_equal(sf_stage_kind_name(SF_STAGE_GENERATION), "generation");
    assert_string_equal(sf_stage_kind_name(SF_STAGE_DIFFUSION), "diffusion");
}

static void test_first_families(void **state)
{
    static const struct {
        const char *key;
        size_t n;
        const char *stages[3], *parts[3];
        sf_stage_kind kinds[3];
        bool async;
    } row[] = {
        {"qwen3_omni_moe",
         3,                   {"thinker", "talker", "code2wav"},
         {"thinker", "talker", "code2wav"},
         {SF_STAGE_AR, SF_STAGE_AR, SF_STAGE_GENERATION},
         true                                                                                                                },
        {"qwen2_5_omni",
         3,                   {"thinker", "talker", "code2wav"},
         {"thinker", "talker", "token2wav"},
         {SF_STAGE_AR, SF_STAGE_AR, SF_STAGE_GENERATION},
         false                                                                                                               },
        {"qwen3_tts",
         2,                   {"qwen3_tts", "code2wav"},
         {"talker", "code2wav"},
         {SF_STAGE_AR, SF_STAGE_GENERATION},
         true                                                                                                                },
        {"bagel",          2, {"thinker", "dit"},                {"thinker", "dit"}, {SF_STAGE_AR, SF_STAGE_DIFFUSION}, false},
        {"glm_image",      2, {"ar", "dit"},                     {"ar", "dit"},      {SF_STAGE_AR, SF_STAGE_DIFFUSION}, false},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_pipeline *p = find(f, row[i].key);

        assert_int_equal(p->n_stages, row[i].n);
        assert_int_equal(p->async_chunk_ok, row[i].async);
        assert_true(p->model.n > 0);
        for (size_t k = 0; k < row[i].n; k++) {
            assert_int_equal(p->stages[k].id, (int64_t)k);
            assert_str(p->stages[k].model_stage, row[i].stages[k]);
            assert_str(p->stages[k].part, row[i].parts[k]);
            assert_int_equal(p->stages[k].kind, row[i].kinds[k]);
        }
    }
}

/* Observed figures: 1492.80 MB of the token2wav log line are the DiT in fp32 and BigVGAN in bf16. */
static void test_facts(void **state)
{
    fixture *f = *state;
    const sf_pipeline *p = find(f, "qwen2_5_omni");
    const sf_node *dtypes = sf_node_get(p->stages[2].facts, "dtypes");

    assert_str(sf_node_get(sf_node_item(dtypes, 0), "dtype")->text, "float32");
    assert_str(sf_node_get(sf_node_item(dtypes, 1), "dtype")->text, "bfloat16");
    assert_int_equal((333607760ull * 4 + 115443504ull * 2) * 100 / (1024 * 1024), 149280);
    p = find(f, "qwen3_tts");
    assert_true(sf_node_get(p->stages[1].facts, "fp32")->as.b);
    assert_int_equal(sf_node_path(p->stages[1].facts, SF_STR("codec_graphs.bytes"))->as.i, 6442450944);
    assert_true(sf_node_path(p->stages[1].facts, SF_STR("codec_graphs.source"))->text.n > 10);
}

static void test_aliases(void **state)
{
    fixture *f = *state;

    assert_str(find(f, "moss_tts")->key, "moss_tts_delay");
    assert_str(find(f, "nemotron_labs_voicechat")->key, "nemotron_voicechat");
}

static void test_unknown_key(void **state)
{
    fixture *f = *state;
    const sf_pipeline *p = NULL;
    const sf_diag *d;

    assert_int_equal(sf_pipeline_find(f->a, SF_STR("qwen3_omni_mo"), &f->dg, &p), SF_E_PIPELINE_UNKNOWN);
    d = sf_diags_last_error(&f->dg);
    assert_true(sf_str_find(d->hint, SF_STR("qwen3_omni_moe")) >= 0);
    assert_int_equal(f->dg.errors, 1);
}

/* model_stage and class of the stages of a file, type and class of the model → pipeline. */
static void test_guess(void **state)
{
    static const struct {
        const char *stages[3], *archs[3];
        size_t n;
        const char *hf_arch, *hf_type, *key;
    } row[] = {
        {{"thinker", "talker", "code2wav"},
         {"Qwen3OmniMoeForConditionalGeneration"},
         3,                                                                               "",
         "",                                                                                                                               "qwen3_omni_moe"             },
        {{"thinker", "talker", "code2wav"},
         {"Qwen2_5OmniForConditionalGeneration"},
         3,                                                                               "",
         "",                                                                                                                               "qwen2_5_omni"               },
        {{"thinker"},                       {"Qwen3OmniMoeForConditionalGeneration"},  1, "",                                 "",          "qwen3_omni_moe_thinker_only"},
        {{"thinker", "dit"},                {"BagelForConditionalGeneration", ""},     2, "",                                 "",          "bagel"                      },
        {{"thinker", "dit"},                {"OmniBagelForConditionalGeneration", ""}, 2, "",                                 "",          "bagel"                      },
        {{"qwen3_tts", "code2wav"},
         {"Qwen3TTSTalkerForConditionalGeneration", "Qwen3TTSCode2Wav"},
         2,                                                                               "",
         "",                                                                                                                               "qwen3_tts"                  },
        {{"qwen3_tts"},                     {"Qwen3TTSForConditionalGeneration"},      1, "",                                 "",          "qwen3_tts_single_stage"     },
        {{"talker", "code2wav"},            {"CosyVoice3Model"},                       2, "",                                 "",          "cosyvoice3"                 },
        {{"AR", "diffusion"},               {"HunyuanImage3ForCausalMM", ""},          2, "",                                 "",          "hunyuan_image_3_moe"        },
        {{NULL},                            {NULL},                                    0, "GlmImageForConditionalGeneration", "",          "glm_image"                  },
        {{NULL},                            {NULL},                                    0, "",                                 "qwen3_tts", "qwen3_tts"                  },
        {{NULL},                            {NULL},                                    0, "WanPipeline",                      "",          "wan2_2_ti2v"                },
        {{"thinker", "talker", "code2wav"},
         {"", "", ""},
         3,                                                                               "",
         "",                                                                                                                               NULL                         }, /* two pipelines have these names */
        {{NULL},                            {NULL},                                    0, "LlamaForCausalLM",                 "llama",     NULL                         },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_str stages[3], archs[3];
        const sf_pipeline *p = NULL;

        for (size_t k = 0; k < 3; k++) {
            stages[k] = sf_str_of(row[i].stages[k]);
            archs[k] = sf_str_of(row[i].archs[k]);
        }
        assert_int_equal(sf_pipeline_guess(f->a, stages, archs, row[i].n, sf_str_of(row[i].hf_arch),
                                           sf_str_of(row[i].hf_type), &f->dg, &p),
                         SF_OK);
        if (!row[i].key) {
            assert_null(p);
            continue;
        }
        assert_non_null(p);
        assert_str(p->key, row[i].key);
    }
}

/* Each row of the index is in its file with the same stages, and no file has a pipeline that the index lacks. */
static void test_index_agrees(void **state)
{
    fixture *f = *state;
    const sf_pipeline *list;
    sf_pipeline_index index;
    sf_str name, bytes;
    size_t n, in_files = 0;

    assert_int_equal(sf_pipeline_list(f->a, &f->dg, &list, &n), SF_OK);
    assert_int_equal(sf_pipeline_index_load(f->a, &index), SF_OK);
    assert_int_equal(n, index.rows->n);
    for (size_t i = 0; i < n; i++) {
        const sf_node *row = index.rows->as.items[i], *names = sf_node_get(row, "stages");
        const sf_node *model = sf_node_get(row, "model");

        assert_true(list[i].title.n > 0 && list[i].source.n > 0);
        assert_int_equal(names->n, list[i].n_stages);
        assert_true(sf_str_eq(model ? model->text : (sf_str){0}, list[i].model));
        for (size_t k = 0; k < list[i].n_stages; k++) {
            assert_true(sf_str_eq(names->as.items[k]->text, list[i].stages[k].model_stage));
            assert_int_equal(list[i].stages[k].id, (int64_t)k);
        }
    }
    for (size_t i = 0; sf_embed_at(i, &name, &bytes); i++) {
        const sf_node *root;

        if (!sf_str_starts(name, SF_STR("pipelines/")))
            continue;
        assert_int_equal(sf_data_read(f->a, name, &root), SF_OK);
        if (!sf_str_is(name, "pipelines/index.yaml") && sf_node_get(root, "pipelines"))
            in_files += sf_node_get(root, "pipelines")->n;
    }
    assert_int_equal(in_files, n);
    assert_int_equal(f->dg.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_kinds_have_names), TEST(test_first_families), TEST(test_facts),        TEST(test_aliases),
        TEST(test_unknown_key),      TEST(test_guess),          TEST(test_index_agrees),
    };

    return cmocka_run_group_tests_name("pipelines", tests, NULL, NULL);
}
