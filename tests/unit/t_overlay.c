/* overlay: base_config chains, merge rules, platforms. */
#include "stages_reading.h"

static const sf_deployment *overlay(fixture *f, const char *text, const test_file *files, const char *date)
{
    sf_stages_wish wish = wish_of(f, date);

    wish.hf_model_type = SF_STR("qwen3_omni_moe");
    return read_ok(f, text, &wish, files);
}

static int64_t seqs(const sf_deployment *d, size_t i)
{
    return sf_args_i64(&d->stages[i].args, SF_ARG_max_num_seqs, 0);
}

static void test_chain(void **state)
{
    static const test_file files[] = {
        {"sub/a.yaml",                                                                                        "base_config: ../b.yaml\nstages:\n  - {stage_id: 0, max_num_seqs: 3}\n"},
        {"sub/../b.yaml",
         "stages:\n  - {stage_id: 0, devices: \"2\", max_num_seqs: 1}\n  - {stage_id: 1, max_num_seqs: 7}\n"},
        {0}
    };
    const sf_deployment *d = overlay(*state, "base_config: sub/a.yaml\n", files, "2026-08-16");

    assert_int_equal(d->n_stages, 3);
    assert_int_equal(seqs(d, 0), 3);
    assert_int_equal(d->stages[0].devices[0], 2);
    assert_int_equal(seqs(d, 1), 7);
    assert_false(d->stages[1].devices_given);
}

/* Values keep the file they come from. */
static void test_places(void **state)
{
    static const test_file files[] = {
        {"b.yaml", "stages:\n  - stage_id: 0\n    max_num_seqs: 4\n"},
        {0       }
    };
    const sf_deployment *d =
        overlay(*state, "base_config: b.yaml\nstages:\n  - stage_id: 0\n    max_model_len: 64\n", files,
                "2026-08-16");

    assert_str(d->stages[0].args.v[SF_ARG_max_num_seqs].node->file, "b.yaml");
    assert_int_equal(d->stages[0].args.v[SF_ARG_max_num_seqs].node->line, 3);
    assert_str(d->stages[0].args.v[SF_ARG_max_model_len].node->file, "main.yaml");
    assert_int_equal(d->stages[0].args.v[SF_ARG_max_model_len].node->col, 20);
}

/* null removes, flat maps are replaced whole, engine_extras merge. */
static void test_values(void **state)
{
    static const test_file files[] = {
        {"b.yaml", "stages:\n  - stage_id: 0\n    max_num_seqs: 4\n    compilation_config: {cudagraph_mode: "
                   "NONE, level: 3}\n"
                   "    engine_extras: {kv_cache_memory_bytes: 100, max_loras: 2}\n"},
        {0       }
    };
    const sf_deployment *d =
        overlay(*state,
                "base_config: b.yaml\nstages:\n  - stage_id: 0\n    max_num_seqs: null\n"
                "    compilation_config: {level: 0}\n    engine_extras: {kv_cache_memory_bytes: 200}\n",
                files, "2026-08-16");
    const sf_args *args = &d->stages[0].args;

    assert_false(sf_args_has(args, SF_ARG_max_num_seqs));
    assert_int_equal(args->v[SF_ARG_compilation_config].node->n, 1);
    assert_int_equal(sf_args_i64(args, SF_ARG_kv_cache_memory_bytes, 0), 200);
    assert_int_equal(sf_args_i64(args, SF_ARG_max_loras, 0), 2);
}

/* Connectors are replaced whole up to August 2026 and merged from September. */
static void test_connectors(void **state)
{
    static const test_file files[] = {
        {"b.yaml", "connectors:\n  c: {name: X, extra: {memory_pool_size: 1024, memory_pool_device: cuda}}\n"
                   "stages:\n  - {stage_id: 0, output_connectors: {to_stage_1: c}}\n"},
        {0       }
    };
    static const char over[] = "base_config: b.yaml\nconnectors:\n  c: {extra: {chunk: 9}}\n";
    fixture *f = *state;
    const sf_deployment *d = overlay(f, over, files, "2026-08-16");

    assert_int_equal(d->stages[0].gpu_pool_bytes, 0);
    assert_said(&f->dg, SF_WARNING, SF_E_CONNECTOR, 4, 51);
    d = overlay(f, over, files, "2026-09-01");
    assert_int_equal(d->stages[0].gpu_pool_bytes, 1024);
    assert_int_equal(d->stages[0].n_connectors, 1);
    assert_int_equal(sf_node_get(d->stages[0].connectors[0], "chunk")->as.i, 9);
}

static void test_platforms(void **state)
{
    static const char text[] =
        "stages:\n  - {stage_id: 0, devices: \"0\", gpu_memory_utilization: 0.9}\n"
        "  - {stage_id: 1, devices: \"1\", max_num_seqs: 8}\n"
        "platforms:\n  npu:\n    stages:\n      - {stage_id: 0, devices: \"0,1\", "
        "tensor_parallel_size: 2, gpu_memory_utilization: 0.6}\n"
        "      - {stage_id: 1, devices: \"2\", max_num_seqs: 3, engine_args: {max_model_len: 5}}\n";
    fixture *f = *state;
    sf_stages_wish wish = wish_of(f, "2026-08-16");
    const sf_deployment *d;

    wish.hf_model_type = SF_STR("qwen3_omni_moe");
    d = read_ok(f, text, &wish, NULL);
    assert_int_equal(d->stages[0].tp, 1);
    wish.platform = SF_STR("npu");
    d = read_ok(f, text, &wish, NULL);
    assert_int_equal(d->stages[0].tp, 2);
    assert_int_equal(d->stages[0].n_devices, 2);
    assert_true(sf_args_f64(&d->stages[0].args, SF_ARG_gpu_memory_utilization, 0) == 0.6);
    /* with engine_args the flat keys of a platform entry do not count */
    assert_int_equal(d->stages[1].devices[0], 1);
    assert_int_equal(seqs(d, 1), 8);
    assert_int_equal(sf_args_i64(&d->stages[1].args, SF_ARG_max_model_len, 0), 5);
}

static void test_bad_bases(void **state)
{
    static const test_file files[] = {
        {"a.yaml",                       "base_config: b.yaml\n"},
        {"b.yaml",                              "x: 1\nbase_config: a.yaml\n"},
        {"list.yaml","- 1\n"},
        {"old.yaml",                    "stages: []\nstage_args: []\n"},
        {0                             }
    };
    static const struct {
        const char *text;
        sf_code code;
        unsigned line, col;
        const char *file;
    } row[] = {
        {"base_config: nowhere.yaml\n",       SF_E_BASE_CONFIG, 1, 14, "main.yaml"},
        {"stages: []\nbase_config: \"\"\n",   SF_E_BASE_CONFIG, 2, 14, "main.yaml"},
        {"base_config: [a.yaml]\n",           SF_E_BASE_CONFIG, 1, 14, "main.yaml"},
        {"base_config: main.yaml\n",          SF_E_BASE_CONFIG, 1, 14, "main.yaml"},
        {"base_config: a.yaml\n",             SF_E_BASE_CONFIG, 2, 14, "b.yaml"   },
        {"base_config: list.yaml\n",          SF_E_YAML,        1, 1,  "list.yaml"},
        {"base_config: old.yaml\n",           SF_E_FORMAT_OLD,  2, 13, "old.yaml" },
        {"base_config: b2.yaml\nstages: 3\n", SF_E_BASE_CONFIG, 1, 14, "main.yaml"},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_stages_wish wish = wish_of(f, "2026-08-16");
        const sf_deployment *d;
        size_t before = f->dg.errors;

        wish.hf_model_type = SF_STR("qwen3_omni_moe");
        assert_int_equal(read_text(f, row[i].text, &wish, files, &d), row[i].code);
        assert_error_at(&f->dg, row[i].code, row[i].line, row[i].col);
        assert_str(sf_diags_last_error(&f->dg)->at.file, row[i].file);
        assert_true(f->dg.errors <= before + 1);
        assert_null(d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_chain),      TEST(test_places),    TEST(test_values),
        TEST(test_connectors), TEST(test_platforms), TEST(test_bad_bases),
    };

    return cmocka_run_group_tests_name("overlay", tests, NULL, NULL);
}
