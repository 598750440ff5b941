/* t_lint: each rule of lint.c is provoked once, with its place; what is right is left alone. */
#include "stages_reading.h"

typedef struct finding {
    const char *text;
    sf_severity severity;
    sf_code code;
    unsigned line, col;
    const char *hint; /* part of it, or NULL */
} finding;

static const sf_diag *find(const sf_diags *dg, const finding *row)
{
    for (size_t i = 0; i < dg->n; i++) {
        const sf_diag *d = &dg->items[i];

        if (d->severity == row->severity && d->code == row->code && d->at.line == row->line &&
            d->at.col == row->col)
            return d;
    }
    return NULL;
}

/* A release as far as the rules ask for it. */
static sf_stages_wish lint_wish(fixture *f, const char *date, const char *model_type)
{
    sf_stages_wish wish = wish_of(f, date);
    sf_profile *p = (sf_profile *)(uintptr_t)wish.profile;

    p->default_util_frac = 0.9;
    p->check = strcmp(date, "2026-06-14") < 0 ? SF_CHECK_STRICT : SF_CHECK_CAP;
    p->order = strcmp(date, "2026-06-14") < 0   ? SF_ORDER_SERIAL_ID
               : strcmp(date, "2026-09-01") < 0 ? SF_ORDER_DIFFUSION_FIRST_GROUPS_BY_TEXT
                                                : SF_ORDER_DIFFUSION_FIRST_GROUPS_BY_OVERLAP;
    p->graphs = SF_GRAPHS_OUTSIDE;
    wish.hf_model_type = sf_str_of(model_type);
    wish.lint = SF_LINT_ALL;
    return wish;
}

static void check_rows(fixture *f, const finding *row, size_t n, sf_stages_wish wish, const test_file *files)
{
    for (size_t i = 0; i < n; i++) {
        const sf_deployment *d;
        const sf_diag *said;
        sf_code rc = read_text(f, row[i].text, &wish, files, &d);

        said = find(&f->dg, &row[i]);
        for (size_t k = 0; !said && k < f->dg.n; k++)
            print_message("# row %zu: SF%d %u:%u %.*s\n", i, f->dg.items[k].code, f->dg.items[k].at.line,
                          f->dg.items[k].at.col, SF_STR_ARG(f->dg.items[k].message));
        assert_non_null(said);
        if (row[i].severity == SF_ERROR)
            assert_int_equal(rc, row[i].code);
        if (row[i].hint)
            assert_true(sf_str_find(said->hint, sf_str_of(row[i].hint)) >= 0);
        sf_diags_init(&f->dg, f->a);
    }
}

/* No diagnostic of this code at all. */
static void assert_silent(fixture *f, const char *text, sf_stages_wish wish, const test_file *files,
                          sf_code code)
{
    const sf_deployment *d;

    read_text(f, text, &wish, files, &d);
    for (size_t i = 0; i < f->dg.n; i++)
        if (f->dg.items[i].code == code)
            fail_msg("SF%d: %.*s", code, SF_STR_ARG(f->dg.items[i].message));
    sf_diags_init(&f->dg, f->a);
}

#define STAGE(id, rest)                                                                                      \
    "  - stage_id: " id "\n    runtime: {devices: \"" id "\"}\n    engine_args: {model_stage: s" id          \
    ", worker_type: ar}\n" rest
#define LAST "    final_output: true\n"

static void test_wiring(void **state)
{
    /* clang-format off */
    static const finding row[] = {
        {"stages: []\nstage_args:\n" STAGE("0", LAST), SF_ERROR, SF_E_TWO_FORMATS, 1, 9, "migrate"},
        {"stage_args:\n" STAGE("1", LAST), SF_WARNING, SF_E_STAGE_ID, 2, 15, "stage_id: 0"},
        {"stage_args:\n" STAGE("0", "") STAGE("1", "    engine_input_source: [7]\n" LAST), SF_ERROR, SF_E_WIRING, 8,
         27, "this file"},
        {"stage_args:\n" STAGE("0", "") STAGE("1", "    engine_input_source: [1]\n" LAST), SF_ERROR, SF_E_WIRING, 8,
         27, "before"},
        {"stage_args:\n" STAGE("0", "    engine_input_source: [x]\n" LAST), SF_ERROR, SF_E_WIRING, 5, 27, "stage_id"},
        {"runtime:\n  edges:\n    - {from: 0, to: 4}\nstage_args:\n" STAGE("0", LAST), SF_ERROR, SF_E_WIRING, 3, 21,
         NULL},
        {"runtime:\n  edges:\n    - {from: 0, to: 0}\nstage_args:\n" STAGE("0", LAST), SF_ERROR, SF_E_WIRING, 3, 7,
         "remove"},
        {"runtime:\n  edges:\n    - {from: 0}\nstage_args:\n" STAGE("0", LAST), SF_ERROR, SF_E_WIRING, 3, 7, "from"},
        {"runtime:\n  connectors: {c: {name: C}}\nstage_args:\n" STAGE("0",
                                                                      "    output_connectors: {to_stage_9: c}\n" LAST),
         SF_WARNING, SF_E_WIRING, 7, 25, "to_stage_N"},
        {"stage_args:\n" STAGE("0", ""), SF_ERROR, SF_E_NO_END, 2, 3, "final_output"},
        {"stage_args:\n" STAGE("0", "    engine_input_source: [1]\n")
             STAGE("1", "    engine_input_source: [0]\n" LAST),
         SF_ERROR, SF_E_NO_END, 2, 3, "engine_input_source"},
    };
    /* clang-format on */

    check_rows(*state, row, sizeof row / sizeof *row, lint_wish(*state, "2026-04-20", ""), NULL);
    assert_silent(*state, "stage_args:\n" STAGE("0", "") STAGE("1", "    engine_input_source: [0]\n" LAST),
                  lint_wish(*state, "2026-04-20", ""), NULL, SF_E_WIRING);
}

static void test_values(void **state)
{
    /* clang-format off */
    static const finding row[] = {
        {"stages:\n  - {stage_id: 0, devices: 010}\n", SF_WARNING, SF_E_YAML_READING, 2, 28, "quotes"},
        {"stages:\n  - {stage_id: 0, devices: 1:30}\n", SF_WARNING, SF_E_YAML_READING, 2, 28, "quotes"},
        {"stages:\n  - {stage_id: 0, quantization: None}\n", SF_WARNING, SF_E_YAML_READING, 2, 33, "null"},
        {"stages:\n  - stage_id: 0\n    runtime: {max_batch_size: 4}\n", SF_WARNING, SF_E_STAGE_IGNORED, 3, 15,
         "max_num_seqs"},
        {"stages:\n  - stage_id: 0\n    runtime: {process: true}\n", SF_WARNING, SF_E_STAGE_IGNORED, 3, 15, "remove"},
        {"parallel_stage_init: true\nstages: []\n", SF_WARNING, SF_E_STAGE_IGNORED, 1, 22, "2026-09"},
        {"stages:\n  - {stage_id: 0, max_model_len: 100, max_num_seqs: 2, max_num_batched_tokens: 201}\n", SF_WARNING,
         SF_E_BATCHED_TOKENS, 2, 80, "200 is enough"},
        {"stages:\n  - {stage_id: 1, skip_mm_profiling: false}\n", SF_WARNING, SF_E_MM_PROFILING, 2, 38, "remove"},
        {"stages:\n  - {stage_id: 0, devices: \"0\"}\n", SF_WARNING, SF_E_NO_ENTRY, 2, 3, "stage_id: 1"},
        {"edges: [{from: 0, to: 5}]\nstages: []\n", SF_WARNING, SF_E_WIRING, 1, 23, NULL},
    };
    /* clang-format on */
    sf_stages_wish wish = lint_wish(*state, "2026-08-16", "qwen3_omni_moe");

    check_rows(*state, row, sizeof row / sizeof *row, wish, NULL);
    assert_silent(*state, "stages:\n  - {stage_id: 0, devices: \"010\"}\n", wish, NULL, SF_E_YAML_READING);
    assert_silent(
        *state,
        "stages:\n  - {stage_id: 0, max_model_len: 100, max_num_seqs: 2, max_num_batched_tokens: 200}\n",
        wish, NULL, SF_E_BATCHED_TOKENS);
}

#define ON(id, devices, rest) "  - {stage_id: " id ", devices: \"" devices "\"" rest "}\n"

static void test_sharing(void **state)
{
    /* clang-format off */
    static const finding row[] = {
        {"stages:\n" ON("0", "0", "") ON("1", "0", ", gpu_memory_utilization: 0.3") ON("2", "1", ""), SF_WARNING,
         SF_E_UTIL_DEFAULT, 2, 5, "gpu_memory_utilization"},
        {"stages:\n" ON("0", "0", ", gpu_memory_utilization: 0.7") ON("1", "0", ", gpu_memory_utilization: 0.6")
             ON("2", "1", ""),
         SF_WARNING, SF_E_UTIL_SUM, 3, 57, "below 1.0"},
        {"stages:\n" ON("2", "1", ", gpu_memory_utilization: 0.1"), SF_NOTE, SF_E_UTIL_NO_EFFECT, 2, 57, "leave it out"},
        {"stages:\n" ON("0", "0,1", ", tensor_parallel_size: 2") ON("1", "1", "") ON("2", "2", ""), SF_WARNING,
         SF_E_DEVICE_SETS, 3, 28, "same devices"},
        {"stages:\n" ON("0", "0", ", gpu_memory_utilization: 0.9") ON("1", "1", "") ON("2", "0", ""), SF_WARNING,
         SF_E_START_ORDER, 2, 57, "check"},
        {"stages:\n" ON("0", "0", ", gpu_memory_utilization: 0.6") ON("1", "0", ", gpu_memory_utilization: 0.37")
             ON("2", "1", ""),
         SF_WARNING, SF_E_GRAPHS_OUTSIDE, 3, 57, "0.95"},
    };
    /* clang-format on */
    sf_stages_wish wish = lint_wish(*state, "2026-08-16", "qwen3_omni_moe");

    check_rows(*state, row, sizeof row / sizeof *row, wish, NULL);
    assert_silent(*state,
                  "stages:\n" ON("0", "0", ", gpu_memory_utilization: 0.5")
                      ON("1", "0", ", gpu_memory_utilization: 0.5") ON("2", "1", ""),
                  wish, NULL, SF_E_UTIL_SUM);
    assert_silent(*state, "stages:\n" ON("0", "0", "") ON("1", "1", "") ON("2", "2", ""), wish, NULL,
                  SF_E_UTIL_DEFAULT);
    /* Groups of physical overlap do not mind; an account says the sums better. */
    wish = lint_wish(*state, "2026-09-01", "qwen3_omni_moe");
    assert_silent(*state, row[3].text, wish, NULL, SF_E_DEVICE_SETS);
    wish.lint = SF_LINT_CHECK;
    assert_silent(*state, row[1].text, wish, NULL, SF_E_UTIL_SUM);
    wish.lint = SF_LINT_OFF;
    assert_silent(*state, row[0].text, wish, NULL, SF_E_UTIL_DEFAULT);
}

static void test_features(void **state)
{
#define DIT(keys) "stages:\n  - {stage_id: 0, devices: \"0,1,2,3\", " keys "}\n"
    /* clang-format off */
    static const finding wan[] = {
        {DIT("parallel_config: {use_hsdp: true, hsdp_shard_size: 4, enable_expert_parallel: true}"), SF_ERROR,
         SF_E_CONFLICT, 2, 67, "off"},
        {DIT("enable_layerwise_offload: true, enable_cpu_offload: true"), SF_WARNING, SF_E_CONFLICT, 2, 65, "off"},
        {DIT("diffusion_compile_granularity: full, cache_backend: cache_dit"), SF_WARNING, SF_E_CONFLICT, 2, 70,
         "off"},
        {DIT("quantization: fp8"), SF_WARNING, SF_E_UNSUPPORTED, 2, 53, "remove"},
    };
    /* clang-format on */
    /* clang-format off */
    static const finding z_image[] = {
        {DIT("parallel_config: {tensor_parallel_size: 4}"), SF_WARNING, SF_E_UNSUPPORTED, 2, 79, "1, 2"},
    };
    /* clang-format on */
#undef DIT
    sf_stages_wish wish = lint_wish(*state, "2026-08-16", "wan2_2_ti2v");

    check_rows(*state, wan, sizeof wan / sizeof *wan, wish, NULL);
    assert_silent(*state, "stages:\n  - {stage_id: 0, devices: \"0\", enable_layerwise_offload: true}\n",
                  wish, NULL, SF_E_CONFLICT);
    assert_silent(*state,
                  "stages:\n  - {stage_id: 0, devices: \"0\", diffusion_compile_granularity: regional, "
                  "cache_backend: cache_dit}\n",
                  wish, NULL, SF_E_CONFLICT);
    wish.hf_model_type = (sf_str){0};
    wish.pipeline = SF_STR("z_image");
    check_rows(*state, z_image, sizeof z_image / sizeof *z_image, wish, NULL);
}

static void test_memory(void **state)
{
    /* clang-format off */
    static const finding row[] = {
        {"stages:\n  - {stage_id: 1, devices: \"0\"}\n", SF_NOTE, SF_E_LOADED_MORE, 2, 5, NULL},
        {"connectors:\n  c: {name: M, extra: {memory_pool_size: 1073741824, memory_pool_device: cuda}}\nstages:\n"
         "  - {stage_id: 0, devices: \"0\", output_connectors: {to_stage_1: c}}\n",
         SF_NOTE, SF_E_GPU_POOL, 2, 42, "cpu"},
    };
    /* clang-format on */

    check_rows(*state, row, sizeof row / sizeof *row, lint_wish(*state, "2026-08-16", "qwen3_tts"), NULL);
}

static void test_overlay(void **state)
{
    static const test_file files[] = {
        {"base.yaml",
         "connectors: {a: {name: A}, b: {name: B}}\nstages:\n  - stage_id: 0\n    env: {X: 1, Y: 2}\n"
         "    default_sampling_params: {seed: 1, top_k: 2}\n"},
        {NULL,        NULL                                   }
    };
    /* clang-format off */
    static const finding row[] = {
        {"base_config: base.yaml\nstages:\n  - stage_id: 0\n    env: {X: 3}\n", SF_WARNING, SF_E_OVERLAY_LOSES, 4, 5,
         "repeat"},
        {"base_config: base.yaml\nconnectors: {a: {name: A}}\nstages: []\n", SF_WARNING, SF_E_OVERLAY_LOSES, 2, 1,
         "repeat"},
    };
    /* clang-format on */
    sf_stages_wish wish = lint_wish(*state, "2026-08-16", "qwen3_omni_moe");

    check_rows(*state, row, sizeof row / sizeof *row, wish, files);
    assert_silent(*state,
                  "base_config: base.yaml\nstages:\n  - stage_id: 0\n    env: {X: 3, Y: 4}\n"
                  "    default_sampling_params: {seed: 2}\n",
                  wish, files, SF_E_OVERLAY_LOSES);
    /* From September 2026 connectors merge. */
    assert_silent(*state, row[1].text, lint_wish(*state, "2026-09-01", "qwen3_omni_moe"), files,
                  SF_E_OVERLAY_LOSES);
}

/* Thousands of faults are told of fifty times, and quickly. */
static void test_flood(void **state)
{
    fixture *f = *state;
    sf_stages_wish wish = lint_wish(f, "2026-08-16", "qwen3_omni_moe");
    const sf_deployment *d;
    sf_str text = SF_STR("stages: []\nmodes: [");
    char *bytes = sf_arena_alloc(f->a, 100000, 1);
    size_t n = 0, said = 0;

    memcpy(bytes, text.p, text.n);
    n = text.n;
    for (int i = 0; i < 10000; i++) {
        memcpy(bytes + n, "010, ", 5);
        n += 5;
    }
    memcpy(bytes + n, "]\n", 3);
    read_text(f, bytes, &wish, NULL, &d);
    for (size_t i = 0; i < f->dg.n; i++)
        said += f->dg.items[i].code == SF_E_YAML_READING;
    assert_int_equal(said, 50);
}

/* However much memory there is: the same findings, or the word that there was too little. */
static void test_no_memory(void **state)
{
    static const char text[] = "stages:\n" ON("0", "0", ", gpu_memory_utilization: 0.7")
        ON("1", "0", ", gpu_memory_utilization: 0.6, max_num_seqs: 010") ON("2", "1", "");
    fixture *f = *state;
    sf_stages_wish wish = lint_wish(f, "2026-08-16", "qwen3_omni_moe");
    const sf_deployment *d;
    size_t wanted, poor = 0;
    sf_code rc = read_text(f, text, &wish, NULL, &d);

    wanted = f->dg.n;
    assert_int_equal(rc, SF_OK);
    for (size_t max = 4096;; max += 1024) {
        sf_arena *a = sf_arena_new(max);
        sf_diags dg;

        assert_non_null(a);
        sf_diags_init(&dg, a);
        rc = sf_stages_read(a, sf_str_of(text), SF_STR("main.yaml"), NULL, &wish, &dg, &d);
        if (rc || dg.failed) {
            assert_true(rc == SF_E_NOMEM || dg.failed);
            poor++;
            sf_arena_free(a);
            continue;
        }
        assert_int_equal(dg.n, wanted);
        sf_arena_free(a);
        break;
    }
    assert_true(poor > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_wiring), TEST(test_values),  TEST(test_sharing), TEST(test_features),
        TEST(test_memory), TEST(test_overlay), TEST(test_flood),   TEST(test_no_memory),
    };

    return cmocka_run_group_tests_name("lint", tests, NULL, NULL);
}
