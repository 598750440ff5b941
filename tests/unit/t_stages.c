/* stages: configs of both formats by the rules of their releases: stages, devices, sizes, replicas. */
#include "stages_reading.h"

#include "base/embed.h"
#include "base/fs.h"
#include "text/yaml.h"

static const char legacy[] =
    "stage_args:\n"
    "  - stage_id: 0\n"
    "    runtime: {devices: \"0,1\", max_batch_size: 4}\n"
    "    engine_args:\n"
    "      model_stage: thinker\n"
    "      model_arch: Qwen3OmniMoeForConditionalGeneration\n"
    "      worker_cls: x.gpu_ar_worker.GPUARWorker\n"
    "      tensor_parallel_size: 2\n"
    "      gpu_memory_utilization: 0.6\n"
    "      max_num_seqs: 32\n"
    "  - stage_id: 1\n"
    "    runtime: {devices: \"1\"}\n"
    "    engine_args: {model_stage: talker, worker_cls: x.gpu_ar_worker.GPUARWorker}\n"
    "  - stage_id: 2\n"
    "    runtime: {devices: 0}\n"
    "    engine_args: {model_stage: code2wav, worker_cls: x.gpu_generation_worker.W}\n";

static sf_str example(fixture *f, const char *name)
{
    sf_str text;

    assert_int_equal(sf_fs_read_all(&sf_fs_posix, f->a, sf_arena_printf(f->a, "examples/%s", name), 1 << 20,
                                    &f->dg, &text),
                     SF_OK);
    return text;
}

static void test_legacy(void **state)
{
    fixture *f = *state;
    sf_stages_wish wish = wish_of(f, "2025-12-28");
    const sf_deployment *d = read_ok(f, legacy, &wish, NULL);
    const sf_stage *s = d->stages;

    assert_int_equal(d->format, SF_FORMAT_LEGACY);
    assert_int_equal(d->n_stages, 3);
    assert_str(d->pipeline->key, "qwen3_omni_moe");
    assert_str(d->model, "Qwen/Qwen3-Omni-30B-A3B-Instruct");
    assert_str(d->model_why, "the usual checkpoint of pipeline qwen3_omni_moe");
    assert_str(s[0].name, "thinker");
    assert_int_equal(s[0].kind, SF_STAGE_AR);
    assert_int_equal(s[0].tp, 2);
    assert_int_equal(s[0].world, 2);
    assert_int_equal(s[0].devices[1], 1);
    assert_int_equal(s[2].kind, SF_STAGE_GENERATION);
    assert_int_equal(s[2].devices[0], 0);
    assert_str(s[2].part, "code2wav");
    assert_int_equal(s[0].args.v[SF_ARG_gpu_memory_utilization].node->line, 9);
    assert_int_equal(s[0].args.v[SF_ARG_gpu_memory_utilization].from, SF_FROM_FILE);
}

/* What max_batch_size does: sets max_num_seqs (Dec, Feb), nothing (Apr). */
static void test_max_batch_size(void **state)
{
    static const struct {
        const char *date;
        int64_t first, second;
    } row[] = {
        {"2025-12-28", 4,  1},
        {"2026-02-11", 4,  1},
        {"2026-03-20", 4,  1},
        {"2026-04-20", 32, 0}
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_stages_wish wish = wish_of(f, row[i].date);
        const sf_deployment *d = read_ok(f, legacy, &wish, NULL);

        assert_int_equal(sf_args_i64(&d->stages[0].args, SF_ARG_max_num_seqs, 0), row[i].first);
        assert_int_equal(sf_args_i64(&d->stages[1].args, SF_ARG_max_num_seqs, 0), row[i].second);
    }
    assert_said(&f->dg, SF_WARNING, SF_E_STAGE_IGNORED, 3, 47);
}

/* Flags beside the file: nowhere (Dec), below the file (Feb), above it (deploy). */
static void test_flags(void **state)
{
    fixture *f = *state;
    sf_args cli = {0};
    sf_stages_wish wish = wish_of(f, "2025-12-28");
    const sf_deployment *d;

    assert_int_equal(sf_args_set(f->a, &cli, SF_ARG_gpu_memory_utilization,
                                 sf_node_new_str(f->a, SF_STR("0.25")), SF_FROM_CLI, &f->dg),
                     SF_OK);
    wish.cli = &cli;
    d = read_ok(f, legacy, &wish, NULL);
    assert_false(sf_args_has(&d->stages[1].args, SF_ARG_gpu_memory_utilization));
    wish = wish_of(f, "2026-02-11");
    wish.cli = &cli;
    d = read_ok(f, legacy, &wish, NULL);
    assert_true(sf_args_f64(&d->stages[0].args, SF_ARG_gpu_memory_utilization, 0) == 0.6);
    assert_true(sf_args_f64(&d->stages[1].args, SF_ARG_gpu_memory_utilization, 0) == 0.25);
    wish = wish_of(f, "2026-08-16");
    wish.cli = &cli;
    d = read_ok(f, "pipeline: qwen3_omni_moe\nstages:\n  - {stage_id: 0, gpu_memory_utilization: 0.6}\n",
                &wish, NULL);
    assert_true(sf_args_f64(&d->stages[0].args, SF_ARG_gpu_memory_utilization, 0) == 0.25);
    assert_said(&f->dg, SF_WARNING, SF_E_FLAG_ALL_STAGES, 0, 0);
}

static void test_deploy(void **state)
{
    static const char text[] = "pipeline: qwen3_omni_moe\n"
                               "dtype: bfloat16\n"
                               "quantization: fp8\n"
                               "stages:\n"
                               "  - stage_id: 2\n"
                               "    devices: \"1\"\n"
                               "    enforce_eager: false\n"
                               "  - stage_id: 0\n"
                               "    devices: \"0,1\"\n"
                               "    tensor_parallel_size: 2\n"
                               "    max_num_seqs: null\n"
                               "    kv_cache_memory_bytes: 1073741824\n"
                               "    engine_extras: {kv_cache_memory_bytes: 5, tensor_parallel_size: 2}\n"
                               "    quantization: null\n"
                               "  - stage_id: 1\n"
                               "    devices: \"5\"\n"
                               "    runtime: {devices: \"1\"}\n"
                               "    engine_args: {max_model_len: 4096, devices: \"7\"}\n"
                               "    max_model_len: 1\n";
    fixture *f = *state;
    sf_stages_wish wish = wish_of(f, "2026-08-16");
    const sf_deployment *d = read_ok(f, text, &wish, NULL);
    const sf_stage *s = d->stages;

    assert_int_equal(d->format, SF_FORMAT_DEPLOY);
    assert_true(d->async_chunk);
    assert_int_equal(s[0].world, 2);
    assert_int_equal(sf_args_i64(&s[0].args, SF_ARG_kv_cache_memory_bytes, 0),
                     1073741824);                               /* unknown flat > extras */
    assert_false(sf_args_has(&s[0].args, SF_ARG_quantization)); /* null undoes the pipeline-wide value */
    assert_str(sf_args_str(&s[1].args, SF_ARG_quantization, SF_STR("")), "fp8");
    assert_str(sf_args_str(&s[0].args, SF_ARG_dtype, SF_STR("")), "bfloat16");
    assert_false(sf_args_has(&s[0].args, SF_ARG_skip_mm_profiling)); /* the thinker takes images */
    assert_true(sf_args_bool(&s[1].args, SF_ARG_skip_mm_profiling, false));
    assert_int_equal(s[1].args.v[SF_ARG_skip_mm_profiling].from, SF_FROM_PIPELINE);
    assert_int_equal(s[1].devices[0], 1);
    assert_int_equal(sf_args_i64(&s[1].args, SF_ARG_max_model_len, 0), 4096);
    assert_true(sf_args_bool(&s[2].args, SF_ARG_disable_hybrid_kv_cache_manager, false));
    assert_int_equal(s[2].kind, SF_STAGE_GENERATION);
}

/* Diffusion stages: only parallel_config counts. */
static void test_diffusion(void **state)
{
    static const struct {
        const char *keys;
        uint32_t tp, dp, world;
    } row[] = {
        {"tensor_parallel_size: 2",                                                               1, 1, 1},
        {"parallel_config: {tensor_parallel_size: 2}",                                            2, 1, 2},
        {"parallel_config: {tensor_parallel_size: \"2\", use_hsdp: \"no\", ulysses_degree: 1.0}", 2, 1, 2},
        {"parallel_config: {tensor_parallel_size: 2, ulysses_degree: 2}",                         2, 1, 4},
        {"parallel_config: {cfg_parallel_size: 2, ring_degree: 2}",                               1, 1, 4},
        {"parallel_config: {use_hsdp: true, hsdp_shard_size: 4}",                                 1, 1, 4},
        {"parallel_config: {allgather_degree: 4, sequence_parallel_size: 4}",                     1, 1, 4},
        {"num_gpus: 4, parallel_config: {tensor_parallel_size: 2}",                               2, 2, 4},
        {"parallel_config: null",                                                                 1, 1, 1},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_stages_wish wish = wish_of(f, "2026-08-16");
        sf_str text = sf_arena_printf(
            f->a, "pipeline: wan2_2_ti2v\nstages:\n  - {stage_id: 0, devices: \"0,1,2,3\", %s}\n",
            row[i].keys);
        const sf_deployment *d = read_ok(f, text.p, &wish, NULL);

        assert_int_equal(d->n_stages, 1);
        assert_int_equal(d->stages[0].kind, SF_STAGE_DIFFUSION);
        assert_int_equal(d->stages[0].tp, row[i].tp);
        assert_int_equal(d->stages[0].dp, row[i].dp);
        assert_int_equal(d->stages[0].world, row[i].world);
        if (i == 0)
            assert_said(&f->dg, SF_WARNING, SF_E_STAGE_IGNORED, 3, 39);
    }
}

static void test_replicas(void **state)
{
    static const struct {
        const char *keys;
        uint32_t n;
        uint32_t first[2], second[2];
    } row[] = {
        {"num_replicas: 2, devices: \"2,3\"",                              2, {2},    {3}   },
        {"num_replicas: 2, devices: \"0,0\"",                              2, {0},    {0}   },
        {"num_replicas: 2, devices: \"0\"",                                2, {0},    {1}   }, /* a template */
        {"num_replicas: 2, tensor_parallel_size: 2, devices: \"0,1,2,3\"", 2, {0, 1}, {2, 3}},
        {"num_replicas: 2, tensor_parallel_size: 2, devices: \"1,0\"",     2, {1, 0}, {3, 2}},
        {"num_replicas: 1.9, devices: \"4\"",                              1, {4},    {0}   },
        {"num_replicas: 0, devices: \"4\"",                                1, {4},    {0}   },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_stages_wish wish = wish_of(f, "2026-08-16");
        sf_str text =
            sf_arena_printf(f->a, "pipeline: qwen3_omni_moe\nstages:\n  - {stage_id: 1, %s}\n", row[i].keys);
        const sf_deployment *d = read_ok(f, text.p, &wish, NULL);

        assert_int_equal(d->n_stages, 2 + row[i].n);
        for (uint32_t k = 0; k < row[i].n; k++) {
            const sf_stage *s = &d->stages[1 + k];

            assert_int_equal(s->replica, k);
            assert_int_equal(s->n_replicas, row[i].n);
            for (size_t g = 0; g < s->n_devices; g++)
                assert_int_equal(s->devices[g], (k ? row[i].second : row[i].first)[g]);
        }
    }
}

/* The same text by the rules of Dec 2025 and of Apr 2026. */
static void test_devices(void **state)
{
    static const struct {
        const char *text, *dec, *apr; /* "-": all visible, "!": refused */
    } row[] = {
        {"\"2,5,7\"",  "2,5,7", "2,5,7"},
        {"1",          "1",     "1"    },
        {"\"03\"",     "3",     "3"    },
        {"\" 3\"",     "3",     "3"    },
        {"\",1,,2\"",  "1,2",   "1,2"  },
        {"null",       "-",     "-"    },
        {"cpu",        "-",     "-"    },
        {"\"0-3\"",    "-",     "!"    },
        {"\"cuda:1\"", "-",     "!"    },
        {"all",        "-",     "!"    },
        {"[0, 1]",     "-",     "!"    },
        {"true",       "1",     "!"    },
        {"-1",         "0",     "!"    },
        {"\"-1\"",     "!",     "!"    },
        {"0.5",        "-",     "!"    },
        {"\"0,x\"",    "!",     "!"    },
        {"\",\"",      "!",     "!"    },
        {"1:30",       "90",    "90"   },
        {"\"???\"",    "-",     "-"    },
        {"010",        "8",     "8"    },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        for (int era = 0; era < 2; era++) {
            sf_stages_wish wish = wish_of(f, era ? "2026-04-20" : "2025-12-28");
            sf_str text = sf_arena_printf(f->a,
                                          "stage_args:\n  - stage_id: 0\n    runtime: {devices: %s}\n"
                                          "    engine_args: {model_stage: thinker}\n",
                                          row[i].text);
            const char *want = era ? row[i].apr : row[i].dec;
            const sf_deployment *d;
            sf_str got = SF_STR("");

            if (read_text(f, text.p, &wish, NULL, &d)) {
                assert_string_equal(want, "!");
                assert_error_at(&f->dg, SF_E_DEVICES, 3, 24);
                continue;
            }
            if (!d->stages[0].devices_given)
                got = SF_STR("-");
            for (size_t k = 0; d->stages[0].devices_given && k < d->stages[0].n_devices; k++)
                got =
                    sf_arena_printf(f->a, "%.*s%s%u", SF_STR_ARG(got), k ? "," : "", d->stages[0].devices[k]);
            assert_str(got, want);
        }
}

static void test_interpolation(void **state)
{
    static const char text[] =
        "u: 0.5\npipeline: qwen3_omni_moe\nstages:\n"
        "  - {stage_id: 0, devices: \"2\", gpu_memory_utilization: \"${u}\", max_model_len: 64, "
        "max_num_batched_tokens: \"${.max_model_len}\"}\n"
        "  - {stage_id: 1, devices: \"${stages[0].devices}\", max_num_seqs: \"${oc.env:NO,3}\"}\n"
        "  - {stage_id: 2, devices: \"${stages.0.devices},5\", max_model_len: \"${oc.decode:'4096'}\"}\n";
    fixture *f = *state;
    sf_stages_wish wish = wish_of(f, "2026-08-16");
    const sf_deployment *d = read_ok(f, text, &wish, NULL);

    assert_true(sf_args_f64(&d->stages[0].args, SF_ARG_gpu_memory_utilization, 0) == 0.5);
    assert_int_equal(sf_args_i64(&d->stages[0].args, SF_ARG_max_num_batched_tokens, 0), 64);
    assert_int_equal(d->stages[1].devices[0], 2);
    assert_int_equal(sf_args_i64(&d->stages[1].args, SF_ARG_max_num_seqs, 0), 3);
    assert_said(&f->dg, SF_NOTE, SF_E_INTERPOLATION, 5, 66);
    assert_int_equal(d->stages[2].n_devices, 2);
    assert_int_equal(sf_args_i64(&d->stages[2].args, SF_ARG_max_model_len, 0), 4096);
}

/* Each way to a pipeline, first things first. */
static void test_pipeline_order(void **state)
{
    static const struct {
        const char *flag, *said, *type, *model, *file, *key;
    } row[] = {
        {"bagel_think", "pipeline: bagel\n", "",          "",                            "x.yaml",                              "bagel_think"},
        {"",            "pipeline: bagel\n", "glm_image", "",                            "x.yaml",                              "bagel"      },
        {"",            "",                  "glm_image", "",                            "bagel.yaml",                          "glm_image"  },
        {"",            "",                  "",          "ByteDance-Seed/BAGEL-7B-MoT", "glm_image.yaml",                      "bagel"      },
        {"",            "",                  "",          "me/glm_image-tuned",          "x.yaml",                              "glm_image"  },
        {"",            "",                  "",          "",                            "glm_image_big.yaml",                  "glm_image"  },
        {"",            "",                  "",          "",                            "dir/qwen3_tts_high_concurrency.yaml", "qwen3_tts"  },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_stages_wish wish = wish_of(f, "2026-08-16");
        sf_str text = sf_arena_printf(f->a, "%sasync_chunk: false\nstages: []\n", row[i].said);
        const sf_deployment *d;

        wish.pipeline = sf_str_of(row[i].flag);
        wish.hf_model_type = sf_str_of(row[i].type);
        wish.model = sf_str_of(row[i].model);
        assert_int_equal(sf_stages_read(f->a, text, sf_str_of(row[i].file), NULL, &wish, &f->dg, &d), SF_OK);
        assert_str(d->pipeline->key, row[i].key);
    }
    assert_said(&f->dg, SF_NOTE, SF_E_PIPELINE_UNKNOWN, 1, 1);
}

static void test_example(void **state)
{
    fixture *f = *state;
    sf_stages_wish wish = wish_of(f, "2025-12-28");
    sf_str text = example(f, "qwen3-omni-2xh100.yaml"), embedded;
    const char *files[] = {NULL, "qwen3-omni-2xh100.deploy.yaml", "qwen3-omni-override.yaml"};
    test_file base[] = {
        {"qwen3-omni-2xh100.deploy.yaml", NULL},
        {0                              }
    };

    assert_true(sf_embed_find(SF_STR("examples/qwen3-omni-2xh100.yaml"), &embedded));
    assert_true(sf_str_eq(text, embedded));
    base[0].text = sf_arena_cstr(f->a, example(f, files[1]));
    for (int i = 0; i < 3; i++) {
        const sf_deployment *d;

        if (i) {
            wish = wish_of(f, "2026-09-01");
            text = example(f, files[i]);
        }
        wish.visible = 2;
        d = read_ok(f, sf_arena_cstr(f->a, text), &wish, base);
        assert_int_equal(d->n_stages, 3);
        assert_int_equal(d->stages[0].tp, 2);
        assert_int_equal(d->stages[0].devices[0], 0);
        assert_int_equal(d->stages[0].devices[1], 1);
        assert_int_equal(d->stages[1].devices[0], 1);
        assert_int_equal(d->stages[2].devices[0], 0);
        assert_true(sf_args_f64(&d->stages[0].args, SF_ARG_gpu_memory_utilization, 0) == 0.6);
        assert_true(sf_args_f64(&d->stages[1].args, SF_ARG_gpu_memory_utilization, 0) == 0.3);
        assert_true(sf_args_f64(&d->stages[2].args, SF_ARG_gpu_memory_utilization, 0) == 0.1);
        assert_int_equal(sf_args_i64(&d->stages[0].args, SF_ARG_max_num_seqs, 0), i == 2 ? 16 : 1);
        assert_int_equal(f->dg.n, 0);
    }
}

static void test_format(void **state)
{
    static const struct {
        const char *text;
        sf_config_format format;
    } row[] = {
        {"stage_args: []",    SF_FORMAT_LEGACY},
        {"stages: []",        SF_FORMAT_DEPLOY},
        {"base_config: x",    SF_FORMAT_DEPLOY},
        {"pipeline: x",       SF_FORMAT_DEPLOY},
        {"model_type: llama", SF_FORMAT_NONE  },
        {"",                  SF_FORMAT_NONE  }
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_node *root;

        assert_int_equal(sf_yaml_parse(f->a, sf_str_of(row[i].text), SF_STR("x"), &f->dg, &root), SF_OK);
        assert_int_equal(sf_stages_format(root), row[i].format);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_legacy),         TEST(test_max_batch_size), TEST(test_flags),   TEST(test_deploy),
        TEST(test_diffusion),      TEST(test_replicas),       TEST(test_devices), TEST(test_interpolation),
        TEST(test_pipeline_order), TEST(test_example),        TEST(test_format),
    };

    return cmocka_run_group_tests_name("stages", tests, NULL, NULL);
}
