/* stages_errors: each diagnostic of stage configs, with its line and column; one error for one fault. */
#include <stdio.h>

#include "stages_reading.h"

typedef struct fault {
    const char *text;
    sf_code code;
    unsigned line, col;
    const char *hint; /* part of it, or NULL */
} fault;

static void check_faults(fixture *f, const fault *row, size_t n, const char *date, const char *model_type)
{
    for (size_t i = 0; i < n; i++) {
        sf_stages_wish wish = wish_of(f, date);
        const sf_deployment *d;
        size_t before = f->dg.errors;
        const sf_diag *e;
        sf_code rc;

        wish.hf_model_type = sf_str_of(model_type);
        wish.visible = 8;
        rc = read_text(f, row[i].text, &wish, NULL, &d);
        e = sf_diags_last_error(&f->dg);
        if (rc != row[i].code || !e || e->at.line != row[i].line || e->at.col != row[i].col)
            print_message("# row %zu: SF%d at %u:%u %.*s\n", i, rc, e ? e->at.line : 0, e ? e->at.col : 0,
                          SF_STR_ARG(e ? e->message : SF_STR("")));
        assert_int_equal(rc, row[i].code);
        assert_error_at(&f->dg, row[i].code, row[i].line, row[i].col);
        assert_int_equal(f->dg.errors, before + 1);
        assert_null(d);
        if (row[i].hint)
            assert_true(sf_str_find(e->hint, sf_str_of(row[i].hint)) >= 0);
        f->dg.n = 0; /* the same fault may come again in the next row */
        f->dg.errors = 0;
    }
}

static void test_deploy(void **state)
{
    static const fault row[] = {
        {"stages: 3\n",                                                             SF_E_CONFIG_SHAPE,     1, 9,  "list"          },
        {"stages:\n  - 7\n",                                                        SF_E_CONFIG_SHAPE,     2, 5,  "stage_id"      },
        {"stages:\n  - {stage_id: 0, runtime: 5}\n",                                SF_E_CONFIG_SHAPE,     2, 28, NULL            },
        {"stages:\n  - {devices: 0}\n",                                             SF_E_STAGE_ID,         2, 5,  "stage_id"      },
        {"pipeline: qwen3_omni_mo\nstages: []\n",                                   SF_E_PIPELINE_UNKNOWN, 1, 11, "qwen3_omni_moe"},
        {"pipeline: qwen3_tts_fused\nstages: []\n",                                 SF_E_PIPELINE_UNKNOWN, 1, 11, "2026-09"       },
        {"pipeline: hunyuan_image3_t2i\nstages: []\n",                              SF_E_PIPELINE_UNKNOWN, 1, 11, "--pipeline"    },
        {"stages:\n  - stage_id: 0\n    devices: \"0-3\"\n",                        SF_E_DEVICES,          3, 14, "\"0,1\""       },
        {"stages:\n  - stage_id: 0\n    devices: \"\"\n",                           SF_E_DEVICES,          3, 14, NULL            },
        {"stages:\n  - stage_id: 0\n    devices: {gpu: 0}\n",                       SF_E_DEVICES,          3, 14, NULL            },
        {"stages:\n  - {stage_id: 0, devices: \"0,1\", tensor_parallel_size: 4}\n", SF_E_DEVICES_FEW,      2, 28,
         NULL                                                                                                                     },
        {"stages:\n  - {stage_id: 0, tensor_parallel_size: 16}\n",                  SF_E_DEVICES_FEW,      2, 5,  NULL            },
        {"stages:\n  - {stage_id: 0, devices: \"9\"}\n",                            SF_E_DEVICE_OUTSIDE,   2, 28, "--gpu"         },
        {"stages:\n  - {stage_id: 0, gpu_memory_utilization: 90}\n",                SF_E_UTIL_RANGE,       2, 43, "0.9"           },
        {"stages:\n  - {stage_id: 0, gpu_memory_utilization: 0}\n",                 SF_E_UTIL_RANGE,       2, 43, NULL            },
        {"stages:\n  - {stage_id: 0, gpu_memory_utilization: high}\n",              SF_E_ARG_VALUE,        2, 43, NULL            },
        {"stages:\n  - {stage_id: 0, tensor_parallel_size: 0}\n",                   SF_E_ARG_VALUE,        2, 41, NULL            },
        {"stages:\n  - {stage_id: 1, num_replicas: 2}\n",                           SF_E_REPLICAS,         2, 5,  NULL            },
        {"stages:\n  - {stage_id: 1, num_replicas: 2, devices: 1}\n",               SF_E_REPLICAS,         2, 45, NULL            },
        {"stages:\n  - {stage_id: 1, num_replicas: 2, devices: \"1,2,3\"}\n",       SF_E_REPLICAS,         2, 45, NULL            },
        {"stages:\n  - {stage_id: 1, num_replicas: 2, devices: \"4\"}\n",           SF_E_REPLICAS,         2, 45, "offsets"       },
        {"stages:\n  - {stage_id: 1, num_replicas: -1, devices: \"4\"}\n",          SF_E_REPLICAS,         2, 33, NULL            },
        {"stages:\n  - {stage_id: 1, num_replicas: many, devices: \"4\"}\n",        SF_E_REPLICAS,         2, 33, NULL            },
        {"stage_args: []\nstages: []\n",                                            SF_E_FORMAT_OLD,       1, 13, "stages"        },
        {"stages:\n  - {stage_id: 0, max_num_seqs: \"${nowhere}\"}\n",              SF_E_INTERPOLATION,    2, 33, NULL            },
        {"stages:\n  - {stage_id: 0, devices: \"${oc.env:GPU}\"}\n",                SF_E_INTERPOLATION,    2, 28, NULL            },
        {"stages:\n  - {stage_id: 0, max_num_seqs: \"${oc.env:N}\"}\n",             SF_E_INTERPOLATION,    2, 33, NULL            },
        {"a: \"${b}\"\nb: \"${a}\"\nstages: []\n",                                  SF_E_INTERPOLATION,    1, 4,  NULL            },
        {"stages: [}\n",                                                            SF_E_YAML,             1, 10, NULL            },
        {"duplex_session: {max_sessions: 0}\nstages: []\n",                         SF_E_ARG_VALUE,        1, 32, NULL            },
        {"duplex_session: {max_session: 2}\nstages: []\n",                          SF_E_STAGE_KEY,        1, 18, "max_sessions"  },
        {"modes: [{mode: t2i, stages: [1, 2]}]\nstages: []\n",                      SF_E_STAGE_ID,         1, 30, NULL            },
    };

    check_faults(*state, row, sizeof row / sizeof *row, "2026-08-16", "qwen3_omni_moe");
}

static void test_async_chunk(void **state)
{
    static const fault row[] = {
        {"stages:\n  - {stage_id: 0, devices: \"0\"}\n", SF_E_ASYNC_CHUNK, 1, 1,  "async_chunk: false"},
        {"async_chunk: \"false\"\nstages: []\n",         SF_E_ASYNC_CHUNK, 1, 14, NULL                }, /* a text is true */
    };

    check_faults(*state, row, sizeof row / sizeof *row, "2026-08-16", "qwen2_5_omni");
}

static void test_diffusion(void **state)
{
#define STAGE(keys) "async_chunk: false\nstages:\n  - {stage_id: 0, devices: \"0,1,2,3\", " keys "}\n"
    static const fault row[] = {
        {STAGE("parallel_config: [1]"),                                            SF_E_ARG_VALUE,   3, 56,  NULL                  },
        {STAGE("parallel_config: {tensor_paralel_size: 2}"),                       SF_E_STAGE_KEY,   3, 57,  "tensor_parallel_size"},
        {STAGE("parallel_config: {tensor_parallel_size: 0}"),                      SF_E_ARG_VALUE,   3, 79,  NULL                  },
        {STAGE("parallel_config: {ulysses_degree: 2, sequence_parallel_size: 4}"), SF_E_ARG_VALUE,   3, 100,
         NULL                                                                                                                      },
        {STAGE("parallel_config: {use_hsdp: true, tensor_parallel_size: 2}"),      SF_E_ARG_VALUE,   3, 67,  NULL                  },
        {STAGE("parallel_config: {use_hsdp: true}"),                               SF_E_ARG_VALUE,   3, 67,  NULL                  },
        {STAGE("parallel_config: {vae_parallel_mode: rows}"),                      SF_E_ARG_VALUE,   3, 76,  NULL                  },
        {STAGE("parallel_config: {allgather_degree: 2, ring_degree: 2}"),          SF_E_ARG_VALUE,   3, 75,  NULL                  },
        {STAGE("num_gpus: 3, parallel_config: {tensor_parallel_size: 2}"),         SF_E_ARG_VALUE,   3, 49,  NULL                  },
        {STAGE("parallel_config: {tensor_parallel_size: 8}"),                      SF_E_DEVICES_FEW, 3, 28,  NULL                  },
        {STAGE("max_model_len: 0"),                                                SF_E_ARG_VALUE,   3, 54,  NULL                  },
        {STAGE("diffusion_kv_mode: lazy"),                                         SF_E_ARG_VALUE,   3, 58,  "paged_scheduler"     },
        {STAGE("diffusion_compile_dynamic: \"yes\""),                              SF_E_ARG_VALUE,   3, 66,  NULL                  },
    };
#undef STAGE

    check_faults(*state, row, sizeof row / sizeof *row, "2026-08-16", "wan2_2_ti2v");
}

static void test_legacy(void **state)
{
#define AR "worker_cls: x.gpu_ar_worker.W"
    static const fault row[] = {
        {"stage_args: []\n",                                                          SF_E_CONFIG_SHAPE, 1, 13, NULL                    },
        {"stage_args:\n  - 3\n",                                                      SF_E_CONFIG_SHAPE, 2, 5,  NULL                    },
        {"stage_args:\n  - runtime: {}\n    engine_args: {model_stage: x, " AR "}\n", SF_E_STAGE_ID,     2, 5,
         NULL                                                                                                                           },
        {"stage_args:\n  - stage_id: one\n    runtime: {}\n",                         SF_E_STAGE_ID,     2, 15, NULL                    },
        {"stage_args:\n  - stage_id: 0\n    engine_args: {model_stage: x, " AR "}\n", SF_E_CONFIG_SHAPE, 2, 5,
         "runtime"                                                                                                                      },
        {"stage_args:\n  - stage_id: 0\n    runtime: {}\n",                           SF_E_CONFIG_SHAPE, 2, 5,  "model_stage"           },
        {"stage_args:\n  - stage_id: 0\n    runtime: {}\n    engine_args: {model_stage: x, "
         "gpu_memory_utilisation: 1, " AR "}\n",
         SF_E_STAGE_KEY,                                                                                 4, 35, "gpu_memory_utilization"},
        {"stage_args:\n  - stage_id: 0\n    runtime: {max_batch_size: many}\n    engine_args: {model_stage: "
         "x, " AR "}\n",
         SF_E_ARG_VALUE,                                                                                 3, 31, NULL                    },
        {"stage_args:\n  - stage_id: 0\n    runtime: {}\n    input_connectors: {from_stage_0: nope}\n"
         "    engine_args: {model_stage: x, " AR "}\n",
         SF_E_CONNECTOR,                                                                                 4, 38, NULL                    },
        {"stage_args:\n  - stage_id: 0\n    runtime: {}\n    engine_args: {model_stage: x, max_num_seqs: "
         "\"${u}\", " AR "}\n",
         SF_E_INTERPOLATION,                                                                             4, 49, NULL                    },
        {"stages: []\n",                                                              SF_E_FORMAT_OLD,   1, 9,  "2026-04"               },
        {"",                                                                          SF_E_CONFIG_SHAPE, 1, 1,  "stages"                },
        {"model_type: llama\n",                                                       SF_E_CONFIG_SHAPE, 1, 1,  NULL                    },
    };
#undef AR

    check_faults(*state, row, sizeof row / sizeof *row, "2025-12-28", "");
}

/* What only warns: the file is read all the same. */
static void test_warnings(void **state)
{
    static const struct {
        const char *text;
        sf_code code;
        unsigned line, col;
    } row[] = {
        {"stages:\n  - {stage_id: 0, devices: \"0,1\"}\n",                          SF_E_DEVICES_MANY,  2, 28},
        {"stages:\n  - {stage_id: 0, devices: \"1,1\", tensor_parallel_size: 2}\n", SF_E_DEVICES,       2, 28},
        {"stages:\n  - {stage_id: 0, gpu_memory_utilisation: 0.5}\n",               SF_E_STAGE_KEY,     2, 19},
        {"stages:\n  - {stage_id: 0, ulysses_degree: 2}\n",                         SF_E_STAGE_IGNORED, 2, 19},
        {"async_chunks: false\nstages: []\n",                                       SF_E_STAGE_KEY,     1, 1 },
        {"stages:\n  - {stage_id: 9}\n",                                            SF_E_STAGE_ID,      2, 16},
        {"stages:\n  - {stage_id: 0}\n  - {stage_id: 0}\n",                         SF_E_STAGE_ID,      2, 16},
        {"stages:\n  - {stage_id: 0, output_connectors: {to_stage_1: nope}}\n",     SF_E_CONNECTOR,     2, 51},
        {"forced_aligner: {model: x}\n",                                            SF_E_NOT_MODELLED,  1, 17},
        {"# nothing\n",                                                             SF_E_CONFIG_SHAPE,  1, 1 },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_stages_wish wish = wish_of(f, "2026-08-16");

        wish.hf_model_type = SF_STR("qwen3_omni_moe");
        read_ok(f, row[i].text, &wish, NULL);
        assert_said(&f->dg, SF_WARNING, row[i].code, row[i].line, row[i].col);
        f->dg.n = 0;
    }
}

static void test_stage_kind(void **state)
{
    fixture *f = *state;
    sf_stages_wish wish = wish_of(f, "2026-04-20");
    const sf_deployment *d = read_ok(
        f, "stage_args:\n  - stage_id: 0\n    runtime: {}\n    engine_args: {model_stage: x}\n", &wish, NULL);

    assert_int_equal(d->stages[0].kind, SF_STAGE_AR);
    assert_null(d->pipeline);
    assert_said(&f->dg, SF_WARNING, SF_E_STAGE_KIND, 2, 5);
}

/* A model without a registered pipeline: the engine starts one diffusion stage of its own. */
static void test_no_pipeline(void **state)
{
    fixture *f = *state;
    sf_stages_wish wish = wish_of(f, "2026-08-16");
    const sf_deployment *d;

    wish.hf_model_type = SF_STR("llama");
    d = read_ok(f, "stages:\n  - {stage_id: 0, devices: \"2,3\"}\n", &wish, NULL);
    assert_int_equal(d->n_stages, 1);
    assert_int_equal(d->stages[0].kind, SF_STAGE_DIFFUSION);
    assert_int_equal(d->stages[0].devices[0], 0);
    assert_said(&f->dg, SF_WARNING, SF_E_NO_PIPELINE, 1, 1);
    wish.hf_model_type = (sf_str){0};
    assert_int_equal(read_text(f, "stages: []\n", &wish, NULL, &d), SF_E_PIPELINE_UNKNOWN);
    assert_error_at(&f->dg, SF_E_PIPELINE_UNKNOWN, 1, 1);
}

/* Several faults of one file come out of one run. */
static void test_many_faults(void **state)
{
    fixture *f = *state;
    sf_stages_wish wish = wish_of(f, "2026-08-16");
    const sf_deployment *d;

    wish.hf_model_type = SF_STR("qwen3_omni_moe");
    assert_int_equal(
        read_text(f,
                  "stages:\n  - {stage_id: 0, gpu_memory_utilization: 2}\n  - {stage_id: 1, devices: all}\n"
                  "  - {stage_id: 2, num_replicas: x}\n",
                  &wish, NULL, &d),
        SF_E_UTIL_RANGE);
    assert_int_equal(f->dg.errors, 3);
}

/* Limits: stages, keys, ranks. */
static void test_limits(void **state)
{
    fixture *f = *state;
    sf_stages_wish wish = wish_of(f, "2026-08-16");
    const sf_deployment *d;
    char *text = sf_arena_alloc(f->a, 65536, 1);
    size_t n;

    wish.hf_model_type = SF_STR("qwen3_omni_moe");
    n = (size_t)sprintf(text, "stages:\n");
    for (int i = 0; i < 300; i++)
        n += (size_t)sprintf(text + n, "  - stage_id: %d\n", i);
    assert_int_equal(read_text(f, text, &wish, NULL, &d), SF_E_LIMIT);
    assert_error_at(&f->dg, SF_E_LIMIT, 2, 3);
    n = (size_t)sprintf(text, "stages:\n  - stage_id: 0\n");
    for (int i = 0; i < 1100; i++)
        n += (size_t)sprintf(text + n, "    k%d: 1\n", i);
    assert_int_equal(read_text(f, text, &wish, NULL, &d), SF_E_LIMIT);
    assert_int_equal(
        read_text(f, "stages:\n  - {stage_id: 0, tensor_parallel_size: 1024, data_parallel_size: 1024}\n",
                  &wish, NULL, &d),
        SF_E_ARG_VALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_deploy),      TEST(test_async_chunk), TEST(test_diffusion),
        TEST(test_legacy),      TEST(test_warnings),    TEST(test_stage_kind),
        TEST(test_no_pipeline), TEST(test_many_faults), TEST(test_limits),
    };

    return cmocka_run_group_tests_name("stages_errors", tests, NULL, NULL);
}
