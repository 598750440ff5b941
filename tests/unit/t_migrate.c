/* t_migrate: legacy configs as deploy configs: the text, its comments, what is lost, what it resolves to. */
#include "stages_reading.h"

#include "stages/migrate.h"

static sf_code migrate(fixture *f, const char *text, const char *date, const char *pipeline, sf_str *ret,
                       const sf_deployment **ret_old)
{
    sf_stages_wish wish = wish_of(f, date);

    wish.pipeline = sf_str_of(pipeline);
    return sf_migrate(f->a, sf_str_of(text), SF_STR("old.yaml"), &wish, &f->dg, ret_old, ret);
}

/* The new text must be read by the newest release, and nothing may have changed. */
static const sf_deployment *resolves(fixture *f, sf_str text, const sf_deployment *was)
{
    sf_stages_wish wish = wish_of(f, "2026-08-16");
    size_t before = f->dg.n;
    const sf_deployment *is = read_ok(f, sf_arena_cstr(f->a, text), &wish, NULL);

    before = f->dg.n;
    assert_int_equal(sf_migrate_compare(was, is, &f->dg), SF_OK);
    for (size_t i = before; i < f->dg.n; i++)
        fail_msg("%.*s", SF_STR_ARG(f->dg.items[i].message));
    return is;
}

static const char whole[] = "# What it is for\n"
                            "async_chunk: false  # off\n"
                            "stage_args:\n"
                            "  # the first\n"
                            "  - stage_id: 0  # thinker\n"
                            "    runtime:\n"
                            "      process: true\n"
                            "      devices: \"0,1\"  # two GPUs\n"
                            "    engine_args:\n"
                            "      model_stage: thinker  # gone\n"
                            "      worker_type: ar\n"
                            "      # enough for three\n"
                            "      gpu_memory_utilization: 0.6\n"
                            "      tensor_parallel_size: 2\n"
                            "      hf_overrides: {a: 'x, y', b: [1, \"2\"]}\n"
                            "    final_output: true\n"
                            "    default_sampling_params:\n"
                            "      temperature: 0.4  # calm\n"
                            "      stop: [\"#\", 'it''s']\n"
                            "\n"
                            "  - stage_id: 1\n"
                            "    runtime: {devices: 1}\n"
                            "    engine_args: {model_stage: talker, worker_type: ar, max_num_seqs: 0x10}\n"
                            "  - stage_id: 2\n"
                            "    runtime: {devices: '1'}\n"
                            "    engine_args: {model_stage: code2wav, worker_type: generation}\n"
                            "    output_connectors: {}\n"
                            "runtime:\n"
                            "  defaults: {window_size: -1}\n"
                            "  edges:\n"
                            "    - {from: 0, to: 1}  # text\n"
                            "    - from: 1\n"
                            "      to: 2\n"
                            "# the end\n";

static const char whole_new[] = "# What it is for\n"
                                "pipeline: qwen3_omni_moe\n"
                                "async_chunk: false  # off\n"
                                "edges:\n"
                                "  - {from: 0, to: 1}  # text\n"
                                "  - from: 1\n"
                                "    to: 2\n"
                                "stages:\n"
                                "  # the first\n"
                                "  - stage_id: 0  # thinker\n"
                                "    devices: \"0,1\"  # two GPUs\n"
                                "    # enough for three\n"
                                "    gpu_memory_utilization: 0.6\n"
                                "    tensor_parallel_size: 2\n"
                                "    hf_overrides: {a: 'x, y', b: [1, \"2\"]}\n"
                                "    default_sampling_params:\n"
                                "      temperature: 0.4  # calm\n"
                                "      stop: [\"#\", \"it's\"]\n"
                                "\n"
                                "  - stage_id: 1\n"
                                "    devices: 1\n"
                                "    max_num_seqs: 0x10\n"
                                "  - stage_id: 2\n"
                                "    devices: '1'\n"
                                "    output_connectors: {}\n"
                                "# the end\n";

static void test_whole(void **state)
{
    fixture *f = *state;
    const sf_deployment *was, *is;
    sf_str text;

    assert_int_equal(migrate(f, whole, "2026-04-20", "qwen3_omni_moe", &text, &was), SF_OK);
    assert_str(text, whole_new);
    is = resolves(f, text, was);
    assert_int_equal(is->n_stages, 3);
    assert_int_equal(is->stages[0].world, 2);
    assert_int_equal(sf_args_i64(&is->stages[1].args, SF_ARG_max_num_seqs, 0), 16);
    assert_int_equal(f->dg.warnings, 0);
    assert_said(&f->dg, SF_NOTE, SF_E_MIGRATE, 10, 7); /* what the pipeline says */
    assert_said(&f->dg, SF_NOTE, SF_E_MIGRATE, 2, 1);  /* a comment that is gone */
}

/* max_batch_size where it counted, a base-60 device, an interpolation, merge keys and an anchor. */
static void test_values(void **state)
{
    static const char text[] = "common: &c {enforce_eager: true, worker_type: ar}\n"
                               "size: 4096\n"
                               "stage_args:\n"
                               "  - stage_id: 0\n"
                               "    runtime: {devices: -1, max_batch_size: 8}\n"
                               "    engine_args: {<<: *c, model_stage: thinker, max_model_len: \"${size}\",\n"
                               "      hf_config_path: \"${oc.env:DIR,x}\"}\n"
                               "    final_output: true\n";
    fixture *f = *state;
    const sf_deployment *was;
    sf_str got;

    assert_int_equal(migrate(f, text, "2026-02-11", "qwen3_omni_moe_thinker_only", &got, &was), SF_OK);
    assert_str(got, "pipeline: qwen3_omni_moe_thinker_only\n"
                    "stages:\n"
                    "  - stage_id: 0\n"
                    "    devices: \"0\"\n"
                    "    max_num_seqs: 8\n"
                    "    enforce_eager: true\n"
                    "    max_model_len: 4096\n"
                    "    hf_config_path: \"${oc.env:DIR,x}\"\n");
    resolves(f, got, was);
    assert_said(&f->dg, SF_WARNING, SF_E_MIGRATE, 1, 1); /* common: has no place */
}

static void test_lost(void **state)
{
    /* clang-format off */
    static const struct {
        const char *text;
        unsigned line, col;
    } row[] = {
        {"stage_args:\n  - stage_id: 0\n    is_prefill_only: true\n    runtime: {}\n    engine_args: {model_stage: "
         "thinker, worker_type: ar}\n",                                                                3, 5 },
        {"stage_args:\n  - stage_id: 0\n    runtime: {}\n    engine_args: {model_stage: thinker, worker_type: ar}\n"
         "  - stage_id: 1\n    runtime: {}\n    engine_args: {model_stage: other, worker_type: ar}\n",  5, 5 },
        {"stage_args:\n  - stage_id: 0\n    tts_args: {voice: a}\n    runtime: {}\n    engine_args: {model_stage: "
         "thinker, worker_type: ar}\n",                                                                3, 16},
        {"stage_args:\n  - stage_id: 0\n    runtime: {}\n    engine_args: {model_stage: thinker, worker_type: ar}\n",
         2,                                                                                               3 }, /* stages 1, 2 */
        {"async_chunks: 1\nstage_args:\n  - stage_id: 0\n    runtime: {}\n    engine_args: {model_stage: thinker, "
         "worker_type: ar}\n",                                                                         1, 1 },
    };
    /* clang-format on */
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_deployment *was;
        sf_str got;

        assert_int_equal(migrate(f, row[i].text, "2026-04-20", "qwen3_omni_moe", &got, &was), SF_OK);
        assert_said(&f->dg, SF_WARNING, SF_E_MIGRATE, row[i].line, row[i].col);
        sf_diags_init(&f->dg, f->a);
    }
}

static void test_refused(void **state)
{
    fixture *f = *state;
    const sf_deployment *was;
    sf_str got;

    assert_int_equal(migrate(f, "stages: []\n", "2026-08-16", "qwen3_omni_moe", &got, &was), SF_E_MIGRATE);
    assert_error_at(&f->dg, SF_E_MIGRATE, 1, 1);
    assert_int_equal(
        migrate(f,
                "stage_args:\n  - stage_id: 0\n    runtime: {}\n    engine_args: {model_stage: x, "
                "worker_type: ar}\n",
                "2026-04-20", "", &got, &was),
        SF_E_MIGRATE);
    assert_error_at(&f->dg, SF_E_MIGRATE, 2, 3);
    assert_int_equal(migrate(f, "stage_args: 3\n", "2026-04-20", "", &got, &was), SF_E_CONFIG_SHAPE);
}

/* A difference is found: the comparison can fail. */
static void test_compare(void **state)
{
    static const char
        one[] = "pipeline: qwen3_tts\nstages:\n  - {stage_id: 0, devices: \"0\", max_num_seqs: 1}\n",
        other[] = "pipeline: qwen3_tts\nstages:\n  - {stage_id: 0, devices: \"1\", max_num_seqs: 2}\n";
    fixture *f = *state;
    sf_stages_wish wish = wish_of(f, "2026-08-16");
    const sf_deployment *a = read_ok(f, one, &wish, NULL), *b = read_ok(f, other, &wish, NULL);

    assert_int_equal(sf_migrate_compare(a, b, &f->dg), SF_OK);
    assert_said(&f->dg, SF_WARNING, SF_E_MIGRATE, 3, 28);
    assert_said(&f->dg, SF_WARNING, SF_E_MIGRATE, 3, 47);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_whole), TEST(test_values), TEST(test_lost), TEST(test_refused), TEST(test_compare),
    };

    return cmocka_run_group_tests_name("migrate", tests, NULL, NULL);
}
