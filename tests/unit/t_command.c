/* command: pasted command lines, as users paste them. */
#include "test.h"

#include "stages/deployment.h"

static const sf_command *read_with(fixture *f, const char *line, const sf_loader *loader)
{
    const sf_command *cmd = NULL;
    sf_str *words;
    size_t n;

    assert_int_equal(sf_command_split(f->a, sf_str_of(line), &f->dg, &words, &n), SF_OK);
    assert_int_equal(sf_command_read(f->a, words, n, loader, &f->dg, &cmd), SF_OK);
    return cmd;
}

static const sf_command *read(fixture *f, const char *line)
{
    return read_with(f, line, NULL);
}

static sf_code fails(fixture *f, const char *line)
{
    const sf_command *cmd;
    sf_str *words;
    size_t n;
    sf_code rc = sf_command_split(f->a, sf_str_of(line), &f->dg, &words, &n);

    return rc ? rc : sf_command_read(f->a, words, n, NULL, &f->dg, &cmd);
}

/* Words separated by "|". */
static void test_split(void **state)
{
    static const struct {
        const char *line, *want;
        unsigned warnings;
    } row[] = {
        {"vllm  serve\tx",              "vllm|serve|x",      0},
        {"a 'b c' \"d e\" f\\ g",       "a|b c|d e|f g",     0},
        {"a \\\n  b \\\r\n c",          "a|b|c",             0},
        {"--x='{\"a\": 1}'",            "--x={\"a\": 1}",    0},
        {"\"a\\\"b\\n\"",               "a\"b\\n",           0},
        {"a '' b",                      "a||b",              0},
        {"a # b\nc",                    "a|c",               0},
        {"a#b",                         "a#b",               0},
        {"",                            "",                  0},
        {"vllm serve x 2>&1 | tee log", "vllm|serve|x",      1},
        {"vllm serve xy12>log",         "vllm|serve|xy12",   1},
        {"vllm serve x &",              "vllm|serve|x",      1},
        {"vllm serve $MODEL",           "vllm|serve|$MODEL", 1},
        {"a 'price $5'",                "a|price $5",        0},
        {"é \"ü\"",                   "é|ü",             0},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_str *words, joined = SF_STR("");
        size_t n, before = f->dg.warnings;

        assert_int_equal(sf_command_split(f->a, sf_str_of(row[i].line), &f->dg, &words, &n), SF_OK);
        for (size_t w = 0; w < n; w++)
            joined =
                sf_arena_printf(f->a, "%.*s%s%.*s", SF_STR_ARG(joined), w ? "|" : "", SF_STR_ARG(words[w]));
        assert_str(joined, row[i].want);
        assert_int_equal(f->dg.warnings - before, row[i].warnings);
    }
}

static void test_split_errors(void **state)
{
    fixture *f = *state;
    sf_str *words;
    size_t n;
    char *many = sf_arena_alloc(f->a, 10001, 1);

    assert_int_equal(sf_command_split(f->a, SF_STR("vllm serve \\\n  'abc"), &f->dg, &words, &n),
                     SF_E_COMMAND);
    assert_error_at(&f->dg, SF_E_COMMAND, 2, 3);
    assert_int_equal(sf_command_split(f->a, SF_STR("é \"abc"), &f->dg, &words, &n), SF_E_COMMAND);
    assert_error_at(&f->dg, SF_E_COMMAND, 1, 3);
    for (int i = 0; i < 10000; i++)
        many[i] = i % 2 ? ' ' : 'a';
    assert_int_equal(sf_command_split(f->a, (sf_str){many, 10000}, &f->dg, &words, &n), SF_E_LIMIT);
    assert_error_at(&f->dg, SF_E_LIMIT, 1, 8194);
}

static void test_plain_serve(void **state)
{
    fixture *f = *state;
    const sf_command *c = read(
        f,
        "vllm serve meta-llama/Llama-3.1-8B-Instruct --tensor-parallel-size 2 -pp=1 \\\n"
        "  --gpu_memory_utilization=0.85 --max-model-len 8k --max-num-batched-tokens 25.6k --enforce-eager "
        "--no-enable-prefix-caching --kv-cache-dtype fp8 --port 8000 --served-model-name a b --dtype "
        "bfloat16");

    assert_str(c->model, "meta-llama/Llama-3.1-8B-Instruct");
    assert_false(c->omni);
    assert_int_equal(sf_args_i64(&c->args, SF_ARG_tensor_parallel_size, 0), 2);
    assert_int_equal(sf_args_i64(&c->args, SF_ARG_pipeline_parallel_size, 0), 1);
    assert_true(sf_args_f64(&c->args, SF_ARG_gpu_memory_utilization, 0) == 0.85);
    assert_int_equal(sf_args_i64(&c->args, SF_ARG_max_model_len, 0), 8000);
    assert_int_equal(sf_args_i64(&c->args, SF_ARG_max_num_batched_tokens, 0), 25600);
    assert_true(sf_args_bool(&c->args, SF_ARG_enforce_eager, false));
    assert_false(sf_args_bool(&c->args, SF_ARG_enable_prefix_caching, true));
    assert_str(sf_args_str(&c->args, SF_ARG_kv_cache_dtype, SF_STR("")), "fp8");
    assert_int_equal(c->args.v[SF_ARG_dtype].from, SF_FROM_CLI);
    assert_int_equal(c->n_ignored, 2);
    assert_str(c->ignored[0], "--port");
    assert_str(c->ignored[1], "--served-model-name");
    assert_int_equal(c->n_unknown, 0);
    assert_int_equal(f->dg.n, 0);
}

static void test_values(void **state)
{
    fixture *f = *state;
    const sf_command *c =
        read(f, "vllm serve m --speculative-config '{\"method\": \"eagle3\", \"num_speculative_tokens\": 3}' "
                "--compilation-config.cudagraph_mode NONE -O.mode=3 -cc.cudagraph_capture_sizes+ 1,2 "
                "--limit-mm-per-prompt image=4,video=0 --cudagraph-capture-sizes 1 2 4 --max-model-len -1 "
                "--enforce-eager False --hf-overrides={\\\"a\\\":1} --kv-transfer-config.kv_connector Nixl");

    assert_int_equal(
        sf_node_path(c->args.v[SF_ARG_speculative_config].node, SF_STR("num_speculative_tokens"))->as.i, 3);
    assert_str(sf_node_get(c->args.v[SF_ARG_compilation_config].node, "cudagraph_mode")->text, "NONE");
    assert_int_equal(sf_node_get(c->args.v[SF_ARG_compilation_config].node, "mode")->as.i, 3);
    assert_int_equal(sf_node_get(c->args.v[SF_ARG_compilation_config].node, "cudagraph_capture_sizes")->n, 2);
    assert_int_equal(sf_node_get(c->args.v[SF_ARG_limit_mm_per_prompt].node, "image")->as.i, 4);
    assert_int_equal(c->args.v[SF_ARG_cudagraph_capture_sizes].node->n, 3);
    assert_int_equal(sf_node_item(c->args.v[SF_ARG_cudagraph_capture_sizes].node, 2)->as.i, 4);
    assert_int_equal(sf_args_i64(&c->args, SF_ARG_max_model_len, 0), -1);
    assert_false(sf_args_bool(&c->args, SF_ARG_enforce_eager, true));
    assert_int_equal(sf_node_get(c->args.v[SF_ARG_hf_overrides].node, "a")->as.i, 1);
    assert_str(sf_node_get(c->args.v[SF_ARG_kv_transfer_config].node, "kv_connector")->text, "Nixl");
    assert_int_equal(f->dg.n, 0);

    c = read(f, "vllm serve m -O3");
    assert_int_equal(sf_node_get(c->args.v[SF_ARG_compilation_config].node, "mode")->as.i, 3);
    c = read(f, "vllm serve m -O 0");
    assert_str(sf_node_get(c->args.v[SF_ARG_compilation_config].node, "cudagraph_mode")->text, "NONE");
    c = read(f, "vllm serve m --cuda-graph-sizes 256");
    assert_int_equal(sf_args_i64(&c->args, SF_ARG_max_cudagraph_capture_size, 0), 256);
    c = read(f, "vllm serve m --rope-scaling '{\"factor\": 4.0}' --rope-theta 1e6");
    assert_true(sf_node_path(c->args.v[SF_ARG_hf_overrides].node, SF_STR("rope_scaling.factor"))->as.f ==
                4.0);
    c = read(f, "vllm serve m --speculative-model draft --num-speculative-tokens 5");
    assert_str(sf_node_get(c->args.v[SF_ARG_speculative_config].node, "model")->text, "draft");
    assert_int_equal(f->dg.n, 0);
}

static void test_ways_to_start(void **state)
{
    static const struct {
        const char *line, *model, *hint, *visible;
        bool omni;
    } row[] = {
        {"python -m vllm.entrypoints.openai.api_server --model m",                       "m", "",            "",    false},
        {"/usr/bin/python3.12 -u -m vllm.entrypoints.cli.main serve m",                  "m", "",            "",    false},
        {"CUDA_VISIBLE_DEVICES=2,3 VLLM_USE_V1=1 vllm serve m",                          "m", "",            "2,3", false},
        {"$ sudo env CUDA_VISIBLE_DEVICES=1 /opt/venv/bin/vllm serve m",                 "m", "",            "1",   false},
        {"uv run vllm serve m",                                                          "m", "",            "",    false},
        {"vllm-omni serve m",                                                            "m", "",            "",    true },
        {"vllm serve m --omni --deploy-config f.yaml",                                   "m", "",            "",    true },
        {"docker run --runtime nvidia --gpus all -v ~/.cache:/root/.cache --env HF_TOKEN=x -p 8000:8000 "
         "--ipc=host "
         "vllm/vllm-openai:v0.19.0 --model m",                                  "m", "vllm@0.19.0", "",    false},
        {"docker run -it --rm --gpus '\"device=1,2\"' vllm/vllm-openai:latest m",        "m", "",            "1,2", false},
        {"podman run -e CUDA_VISIBLE_DEVICES=0 reg.io/x/vllm-omni:v0.18.0 vllm serve m", "m",
         "vllm-omni@0.18.0",                                                                                 "0",   true },
        {"--model m --port 1",                                                           "m", "",            "",    false},
        {"serve m",                                                                      "m", "",            "",    false},
        {"vllm serve --model-tag m",                                                     "m", "",            "",    false},
        {"vllm serve --no-such-flag m",                                                  "m", "",            "",    false},
        {"vllm serve -- m",                                                              "m", "",            "",    false},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_command *c = read(f, row[i].line);

        assert_str(c->model, row[i].model);
        assert_str(c->engine_hint, row[i].hint);
        assert_str(c->visible_devices, row[i].visible);
        assert_int_equal(c->omni, row[i].omni);
    }
    assert_int_equal(f->dg.errors, 0);
}

static void test_environment(void **state)
{
    fixture *f = *state;
    const sf_command *c = read(f, "A=1 PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True A=2 vllm serve m");
    sf_str value;

    assert_int_equal(c->n_env, 3);
    assert_true(sf_command_env_find(c, "A", &value));
    assert_str(value, "2");
    assert_true(sf_command_env_find(c, "PYTORCH_CUDA_ALLOC_CONF", &value));
    assert_str(value, "expandable_segments:True");
    assert_false(sf_command_env_find(c, "B", &value));
    assert_false(c->visible_given);
}

static void test_unknown_flags(void **state)
{
    fixture *f = *state;
    const sf_command *c = read(f, "vllm serve m --tensor-paralel-size 2 --frobnicate --enforce-eager stray");

    assert_int_equal(c->n_unknown, 3);
    assert_str(c->unknown[0], "--tensor-paralel-size");
    assert_str(c->unknown[1], "--frobnicate");
    assert_str(c->unknown[2], "stray");
    assert_int_equal(f->dg.warnings, 3);
    assert_int_equal(f->dg.items[0].code, SF_E_ARG_UNKNOWN);
    assert_str(f->dg.items[0].hint, "did you mean --tensor-parallel-size?");
    assert_int_equal(f->dg.items[0].at.line, 1);
    assert_int_equal(f->dg.items[0].at.col, 14);
    assert_int_equal(f->dg.items[1].at.col, 38);
    assert_int_equal(f->dg.items[2].at.col, 67);
    assert_true(sf_args_bool(&c->args, SF_ARG_enforce_eager, false));
}

static void test_not_modelled_is_said(void **state)
{
    fixture *f = *state;

    read(f, "vllm serve m --kv-offloading-size 10");
    assert_int_equal(f->dg.warnings, 1);
    assert_int_equal(f->dg.items[0].code, SF_E_NOT_MODELLED);
    assert_int_equal(f->dg.items[0].at.col, 35);
}

/* What is refused, and where. */
static void test_errors(void **state)
{
    static const struct {
        const char *line;
        sf_code code;
        unsigned col;
    } row[] = {
        {"",                                           SF_E_COMMAND,   1 },
        {"ls -l",                                      SF_E_COMMAND,   1 },
        {"vllm bench latency",                         SF_E_COMMAND,   6 },
        {"vllm",                                       SF_E_COMMAND,   1 },
        {"python train.py",                            SF_E_COMMAND,   8 },
        {"docker build .",                             SF_E_COMMAND,   8 },
        {"docker run --gpus all",                      SF_E_COMMAND,   19},
        {"docker run --gpus",                          SF_E_COMMAND,   12},
        {"vllm serve",                                 SF_E_COMMAND,   6 },
        {"vllm serve m --max-model-len",               SF_E_COMMAND,   14},
        {"vllm serve mm --max-model-len --port 1",     SF_E_COMMAND,   15},
        {"vllm serve m --cudagraph-capture-sizes",     SF_E_COMMAND,   14},
        {"vllm serve m --max-model-len 8kk",           SF_E_ARG_VALUE, 30},
        {"vllm serve m -tp=two",                       SF_E_ARG_VALUE, 18},
        {"vllm serve m --hf-overrides {a:1}",          SF_E_ARG_VALUE, 29},
        {"vllm serve m --limit-mm-per-prompt image=x", SF_E_ARG_VALUE, 36},
        {"vllm serve m --compilation-config fast",     SF_E_ARG_VALUE, 35},
        {"vllm serve m --enforce-eager=perhaps",       SF_E_ARG_VALUE, 30},
        {"vllm serve m --nnodes 0",                    SF_E_ARG_VALUE, 23},
        {"vllm serve é --max-num-seqs x",             SF_E_ARG_VALUE, 29},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_int_equal(fails(f, row[i].line), row[i].code);
        assert_int_equal(f->dg.errors, i + 1);
        assert_error_at(&f->dg, row[i].code, 1, row[i].col);
    }
}

static sf_code load(void *ctx, sf_arena *a, sf_str path, sf_diags *dg, sf_str *ret)
{
    (void)a;
    if (!sf_str_is(path, "c.yaml"))
        return sf_diag_error(dg, SF_E_NOT_FOUND, (sf_where){.file = path}, NULL, "no such file");
    *ret = sf_str_of(ctx);
    return SF_OK;
}

static void test_config_file(void **state)
{
    static char text[] = "model: from-file\ntensor-parallel-size: 4\nmax_num_seqs: 32\nenforce-eager: true\n"
                         "served-model-name: [a, b]\nunknwon-key: 1\n";
    static char wrong[] = "port: 1\nmax-num-seqs: many\n";
    fixture *f = *state;
    sf_loader loader = {text, load};
    const sf_command *c = read_with(f, "vllm serve --config c.yaml -tp 2", &loader);
    sf_str words[] = {SF_STR("vllm"), SF_STR("serve"), SF_STR("m"), SF_STR("--config=c.yaml")};

    assert_str(c->model, "from-file");
    assert_str(c->config_file, "c.yaml");
    assert_int_equal(sf_args_i64(&c->args, SF_ARG_tensor_parallel_size, 0), 2);
    assert_int_equal(c->args.v[SF_ARG_tensor_parallel_size].from, SF_FROM_CLI);
    assert_int_equal(sf_args_i64(&c->args, SF_ARG_max_num_seqs, 0), 32);
    assert_int_equal(c->args.v[SF_ARG_max_num_seqs].from, SF_FROM_FILE);
    assert_true(sf_args_bool(&c->args, SF_ARG_enforce_eager, false));
    assert_int_equal(c->n_unknown, 1);
    assert_str(f->dg.items[0].at.file, "c.yaml");
    assert_int_equal(f->dg.items[0].at.line, 6);
    assert_int_equal(f->dg.items[0].at.col, 1);
    assert_int_equal(f->dg.errors, 0);

    loader.ctx = wrong;
    assert_int_equal(sf_command_read(f->a, words, 4, &loader, &f->dg, &c), SF_E_ARG_VALUE);
    assert_error_at(&f->dg, SF_E_ARG_VALUE, 2, 15);
    assert_int_equal(sf_command_read(f->a, words, 4, NULL, &f->dg, &c), SF_E_COMMAND);
    words[3] = SF_STR("--config=d.yaml");
    assert_int_equal(sf_command_read(f->a, words, 4, &loader, &f->dg, &c), SF_E_NOT_FOUND);
}

static void test_deployment(void **state)
{
    fixture *f = *state;
    sf_stages_wish wish = {.visible = 8};
    const sf_deployment *d;
    const sf_command *c =
        read(f, "CUDA_VISIBLE_DEVICES=5,4,7,6 vllm serve m -tp 2 -pp 2 --gpu-memory-utilization 0.8");

    assert_int_equal(sf_command_deployment(f->a, c, &wish, &f->dg, &d), SF_OK);
    assert_int_equal(d->n_stages, 1);
    assert_str(d->served_by, "serve");
    assert_str(d->model, "m");
    assert_str(d->model_why, "the command");
    assert_str(d->stages[0].name, "engine");
    assert_int_equal(d->stages[0].kind, SF_STAGE_AR);
    assert_int_equal(d->stages[0].world, 4);
    assert_int_equal(d->stages[0].n_devices, 4);
    assert_int_equal(d->stages[0].devices[0], 5);
    assert_int_equal(d->stages[0].devices[3], 6);
    c = read(f, "vllm serve m -dp 4 -dpl 2 -tp 2");
    assert_int_equal(sf_command_deployment(f->a, c, &wish, &f->dg, &d), SF_OK);
    assert_int_equal(d->stages[0].world, 4);
    assert_int_equal(d->stages[0].devices[3], 3);
    wish.visible = 0;
    wish.model = SF_STR("other");
    assert_int_equal(sf_command_deployment(f->a, c, &wish, &f->dg, &d), SF_OK);
    assert_str(d->model, "other");
    assert_int_equal(f->dg.n, 0);
}

static void test_deployment_errors(void **state)
{
    static const struct {
        const char *line;
        sf_code code;
        unsigned col;
    } row[] = {
        {"vllm serve m -tp 4",                             SF_E_DEVICES_FEW, 18},
        {"CUDA_VISIBLE_DEVICES=0 vllm serve m -tp 2",      SF_E_DEVICES_FEW, 41},
        {"CUDA_VISIBLE_DEVICES=0,-1,1 vllm serve m -tp 2", SF_E_DEVICES_FEW, 46},
        {"vllm serve m -tp 60000 -pp 60000 -dp 60000",     SF_E_DEVICES_FEW, 18},
        {"vllm serve m --gpu-memory-utilization 1.5",      SF_E_UTIL_RANGE,  39},
        {"vllm serve mm --gpu-memory-utilization 0",       SF_E_UTIL_RANGE,  40},
        {"vllm serve m -tp 2 --nnodes 2",                  SF_E_COMMAND,     18},
        {"CUDA_VISIBLE_DEVICES=GPU-8f1 vllm serve m",      SF_E_DEVICES,     0 },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_stages_wish wish = {.visible = 2};
        const sf_deployment *d;
        const sf_command *c = read(f, row[i].line);

        assert_int_equal(sf_command_deployment(f->a, c, &wish, &f->dg, &d), row[i].code);
        assert_int_equal(f->dg.errors, i + 1);
        assert_int_equal(sf_diags_last_error(&f->dg)->at.col, row[i].col);
    }
}

/* An arena that is too small at any point ends in SF_E_NOMEM, and nothing worse. */
static void test_survives_no_memory(void **state)
{
    static const char line[] =
        "A=1 CUDA_VISIBLE_DEVICES=1,0 docker run -e B=2 vllm/vllm-openai:v0.19.0 m -tp 2 --frob 1 --port 2 "
        "--hf-overrides '{\"a\": [1]}' -O.mode=3 --cudagraph-capture-sizes 1 2 --limit-mm-per-prompt image=1";
    const size_t enough = 1 << 20;
    size_t refused = 0;

    (void)state;
    for (size_t max = 0; max < enough; max += max < 4096 ? 16 : 256) {
        sf_arena *a = sf_arena_new(max);
        sf_stages_wish wish = {.visible = 8};
        const sf_deployment *d;
        const sf_command *cmd;
        sf_str *words;
        sf_diags dg;
        sf_code rc;
        size_t n;

        sf_diags_init(&dg, a);
        rc = sf_command_split(a, sf_str_of(line), &dg, &words, &n);
        if (!rc)
            rc = sf_command_read(a, words, n, NULL, &dg, &cmd);
        if (!rc)
            rc = sf_command_deployment(a, cmd, &wish, &dg, &d);
        sf_arena_free(a);
        if (!rc)
            break;
        assert_int_equal(rc, SF_E_NOMEM);
        refused++;
    }
    assert_true(refused > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_split),
        TEST(test_split_errors),
        TEST(test_plain_serve),
        TEST(test_values),
        TEST(test_ways_to_start),
        TEST(test_environment),
        TEST(test_unknown_flags),
        TEST(test_not_modelled_is_said),
        TEST(test_errors),
        TEST(test_config_file),
        TEST(test_deployment),
        TEST(test_deployment_errors),
        TEST(test_survives_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
