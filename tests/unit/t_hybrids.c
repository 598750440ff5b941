/* hybrids: models of attention and states, and of states alone: published counts, capacity lines, cuts, bad configs. */
#include "model_helper.h"

#include "memory/kv.h"
#include "memory/need.h"

static const sf_profile *engine(fixture *f, const char *spec)
{
    const sf_profile *p = NULL;

    assert_int_equal(sf_profile_find(f->a, sf_str_of(spec), false, &f->dg, &p), SF_OK);
    return p;
}

static sf_kv_wish wish_of(uint64_t tp, uint64_t len)
{
    return (sf_kv_wish){.tp = tp,
                        .pp = 1,
                        .kv_cache_dtype = SF_STR("auto"),
                        .model_dtype = SF_DT_BF16,
                        .capability = 89,
                        .max_model_len = len,
                        .max_num_batched_tokens = 8192,
                        .max_num_seqs = 256,
                        .async_scheduling = true};
}

static const sf_kv_result *plan(fixture *f, const char *release, const char *name, const sf_kv_wish *w,
                                double gib)
{
    const sf_profile *p = engine(f, release);
    const sf_model *m = model_of(f, name, "");
    sf_kv_worker worker = {.available = (int64_t)(gib * (double)SF_GIB)};
    const sf_kv_result *r = NULL;
    sf_kv_case c;

    assert_non_null(m);
    assert_int_equal(sf_kv_case_of_model(f->a, p, m, w, &f->dg, &c), SF_OK);
    c.workers = &worker;
    c.n_workers = 1;
    assert_int_equal(sf_kv_plan(f->a, p, &c, &f->dg, &r), SF_OK);
    return r;
}

static void assert_log_has(const sf_kv_result *r, const char *text)
{
    bool found = false;

    for (size_t i = 0; i < r->n_log; i++)
        found = found || sf_str_find(r->log[i], sf_str_of(text)) >= 0;
    assert_true(found);
}

/* Counts that the publishers' indexes state; those with a number of tensors state that too. */
static void test_published_parameters(void **state)
{
    static const struct {
        const char *name;
        uint64_t params, tensors;
    } row[] = {
        {"Qwen/Qwen3.5-0.8B",                          873438784u,    488  },
        {"Qwen/Qwen3.5-2B",                            2274069824u,   632  },
        {"Qwen/Qwen3.5-4B",                            4659865088u,   738  },
        {"Qwen/Qwen3.5-9B",                            9653104368u,   775  },
        {"Qwen/Qwen3.5-27B",                           27781427952u,  1199 },
        {"Qwen/Qwen3.6-27B",                           27781427952u,  1199 },
        {"Qwen/Qwen3.6-35B-A3B",                       35951822704u,  1045 },
        {"Qwen/Qwen3-Next-80B-A3B-Instruct",           81324862720u,  75944},
        {"nvidia/NVIDIA-Nemotron-Nano-9B-v2",          8888227328u,   341  },
        {"nvidia/NVIDIA-Nemotron-3-Nano-4B-BF16",      3973556832u,   263  },
        {"nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", 31577940288u,  6243 },
        {"ibm-granite/granite-4.0-h-small",            32207337984u,  586  },
        {"moonshotai/Kimi-Linear-48B-A3B-Instruct",    49122681728u,  20493},
        {"mistralai/Mamba-Codestral-7B-v0.1",          7285403648u,   579  },
        {"LiquidAI/LFM2-1.2B",                         1170340608u,   148  },
        {"LiquidAI/LFM2-8B-A1B",                       8339930560u,   2302 },
        {"MiniMaxAI/MiniMax-M1-40k",                   456089655296u, 8243 },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_model *m = model_of(f, row[i].name, "");
        uint64_t tensors, params, bytes;

        assert_non_null(m);
        sf_model_totals(m, &tensors, &params, &bytes);
        assert_int_equal(params, row[i].params);
        assert_int_equal(tensors, row[i].tensors);
    }
    assert_int_equal(f->dg.n, 0);
}

/* One layer's state and the growing layers' bytes of a token, whole model, 16-bit cache. */
static void test_states_and_tokens(void **state)
{
    static const struct {
        const char *name;
        uint64_t state, token;
        uint32_t states, full;
    } row[] = {
        {"Qwen/Qwen3-Next-80B-A3B-Instruct",           1097728, 24576, 36, 12}, /* bf16 state */
        {"Qwen/Qwen3.5-27B",                           3207168, 65536, 48, 16}, /* fp32 state */
        {"Qwen/Qwen3.5-0.8B",                          1085440, 12288, 18, 6 },
        {"nvidia/NVIDIA-Nemotron-Nano-9B-v2",          5316608, 16384, 27, 4 },
        {"nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", 2134016, 6144,  23, 6 },
        {"ai21labs/AI21-Jamba-1.5-Mini",               311296,  16384, 28, 4 },
        {"ibm-granite/granite-4.0-h-small",            2147840, 16384, 36, 4 },
        {"moonshotai/Kimi-Linear-48B-A3B-Instruct",    2170880, 8064,  20, 7 },
        {"moonshotai/Kimi-K3",                         6512640, 27648, 69, 24},
        {"mistralai/Mamba-Codestral-7B-v0.1",          2158592, 0,     64, 0 },
        {"LiquidAI/LFM2-1.2B",                         8192,    12288, 10, 6 },
        {"MiniMaxAI/MiniMax-M1-40k",                   2097152, 40960, 70, 10},
    };
    fixture *f = *state;
    sf_kv_wish w = wish_of(1, 32768);

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_model *m = model_of(f, row[i].name, "");
        uint32_t states = 0, full = 0;
        sf_kv_case c;

        assert_non_null(m);
        assert_int_equal(sf_kv_case_of_model(f->a, engine(f, "vllm@0.19.0"), m, &w, &f->dg, &c), SF_OK);
        for (size_t k = 0; k < m->n_kv; k++) {
            if (m->kv[k].kind == SF_KV_STATE) {
                states += m->kv[k].repeat;
                assert_int_equal(c.specs[k].state_bytes, row[i].state);
            }
            full += m->kv[k].kind == SF_KV_FULL || m->kv[k].kind == SF_KV_MLA ? m->kv[k].repeat : 0;
        }
        assert_int_equal(states, row[i].states);
        assert_int_equal(full, row[i].full);
        assert_int_equal(kv_of(m), row[i].token);
    }
}

/* Capacity lines of starts, with the lines about blocks and padding that came before them. */
static void test_capacity_lines(void **state)
{
    static const struct {
        const char *name, *dtype;
        uint64_t tp, len;
        double gib, concurrency;
        uint64_t tokens;
        const char *block, *padding;
    } row[] = {
        {"Qwen/Qwen3.6-35B-A3B",                  "auto",     1, 131072, 47.55,  18.44,  623040,  "size to 1056 tokens", "by 0.76%"},
        {"Qwen/Qwen3.5-9B",                       "auto",     4, 32768,  15.36,  57.74,  502656,  "size to 528 tokens",  "by 0.76%"},
        {"Qwen/Qwen3.5-27B",                      "auto",     4, 50000,  7.56,   9.42,   123088,  "size to 784 tokens",  "by 0.13%"},
        {"nvidia/NVIDIA-Nemotron-3-Nano-4B-BF16", "fp8_e4m3", 1, 49152,  103.39, 216.94, 1934432,
         "size to 1952 tokens",                                                                                          "by 0.18%"},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_kv_wish w = wish_of(row[i].tp, row[i].len);
        const sf_kv_result *low, *high;

        w.kv_cache_dtype = sf_str_of(row[i].dtype);
        low = plan(f, "vllm@0.19.0", row[i].name, &w, row[i].gib - 0.005);
        high = plan(f, "vllm@0.19.0", row[i].name, &w, row[i].gib + 0.005);
        assert_in_range(row[i].tokens, low->tokens, high->tokens);
        assert_true(low->concurrency < row[i].concurrency + 0.005 &&
                    high->concurrency > row[i].concurrency - 0.005);
        assert_log_has(low, row[i].block);
        assert_log_has(low, row[i].padding);
    }
    { /* 1,487 blocks of 784 tokens over 16 pools: 290,864 tokens, 33.04 requests of 32,768 */
        sf_kv_wish w = wish_of(1, 32768);
        const sf_kv_result *r = plan(f, "vllm@0.19.0", "Qwen/Qwen3.5-27B", &w, 71.17);

        assert_int_equal(r->num_blocks, 1487);
        assert_int_equal(r->tokens, 290864);
        assert_true(r->concurrency > 33.035 && r->concurrency < 33.045);
    }
}

/* Three tokens of the model's own prediction layer: its attention joins the cache, three states more a request. */
static void test_prediction_layers(void **state)
{
    static const struct {
        const char *release, *name, *dtype;
        uint64_t len;
        double gib, concurrency;
        uint64_t tokens;
        const char *block, *layers;
    } row[] = {
        {"vllm@0.25.0", "Qwen/Qwen3.6-35B-A3B",                          "auto", 262144, 74.22, 12.84, 3366051, "size to 1072 tokens",
         "Add 3 padding layers, may waste at most 10.00%"                                                                                                                              },
        {"vllm@0.25.0", "Qwen/Qwen3.8-27B",                              "auto", 262144, 80.17, 4.54,  1191213, "size to 800 tokens",
         "Add 3 padding layers, may waste at most 6.25%"                                                                                                                               },
        {"vllm@0.19.0", "nvidia/NVIDIA-Nemotron-3-Super-120B-A12B-BF16", "fp8",  131072, 36.25, 27.81, 1399712,
         "size to 8432 tokens",                                                                                                        "Add 5 padding layers, may waste at most 12.50%"},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_kv_wish w = wish_of(1, row[i].len);
        const sf_kv_result *low, *high;

        w.kv_cache_dtype = sf_str_of(row[i].dtype);
        w.num_spec_tokens = 3;
        w.prediction_layers = true;
        low = plan(f, row[i].release, row[i].name, &w, row[i].gib - 0.005);
        high = plan(f, row[i].release, row[i].name, &w, row[i].gib + 0.005);
        assert_in_range(row[i].tokens, low->tokens, high->tokens);
        assert_true(low->concurrency < row[i].concurrency + 0.005 &&
                    high->concurrency > row[i].concurrency - 0.005);
        assert_log_has(low, row[i].block);
        assert_log_has(low, row[i].layers);
    }
}

/* Flags of the states' types and of prefix caching come through. */
static void test_state_options(void **state)
{
    fixture *f = *state;
    const char *name = "nvidia/NVIDIA-Nemotron-Nano-9B-v2";
    sf_kv_wish w = wish_of(1, 32768);
    const sf_kv_result *r = plan(f, "vllm@0.19.0", name, &w, 40);

    /* conv 3 x 12288 in bf16, state 128 x 80 x 128 in fp32: 5,316,608 bytes in blocks of 1,312 x 4,096 */
    assert_log_has(r, "size to 1312 tokens");
    w.mamba_ssm_cache_dtype = SF_STR("float16");
    assert_log_has(plan(f, "vllm@0.19.0", name, &w, 40), "size to 672 tokens");
    w.mamba_ssm_cache_dtype = SF_STR("auto");
    w.mamba_cache_dtype = SF_STR("float32"); /* the convolution's; the state stays the config's own */
    assert_log_has(plan(f, "vllm@0.19.0", name, &w, 40), "size to 1328 tokens");
    w.mamba_cache_dtype = SF_STR("auto");
    w.num_spec_tokens = 3; /* three columns more: 5,390,336 bytes; and three more pages a request */
    r = plan(f, "vllm@0.19.0", name, &w, 40);
    assert_log_has(r, "size to 1328 tokens");
    assert_int_equal(r->groups[0].kind, SF_KV_STATE);
    assert_int_equal(r->groups[0].pages, 4);
    w.num_spec_tokens = 0;
    w.prefix_caching = w.prefix_caching_given = true;
    r = plan(f, "vllm@0.19.0", name, &w,
             40); /* supported: every block keeps a state, in chunks of 256 or 2,048 */
    assert_log_has(r, "'all'");
    w.mamba_cache_mode = SF_STR("align");
    r = plan(f, "vllm@0.19.0", name, &w, 40);
    assert_int_equal(r->groups[0].pages, 2);
    w.block_size = 2048;
    r = plan(f, "vllm@0.19.0", name, &w, 40);
    assert_int_equal(r->groups[r->n_groups - 1].block_size, 2048);
}

/* Prediction layers are loaded when they draft, on the last rank of a pipeline. */
static void test_prediction_weights(void **state)
{
    fixture *f = *state;
    const sf_model *m = model_of(f, "Qwen/Qwen3.5-4B", "");
    const uint64_t layers[] = {16, 16};
    sf_weights_wish w = {.dtype = SF_DT_BF16, .tp = 1, .pp = 2, .pp_layers = layers};
    sf_weights off = {0}, on = {0};

    for (w.pp_rank = 0; w.pp_rank < 2; w.pp_rank++) {
        w.prediction_layers = false;
        assert_int_equal(sf_weights_of_rank(f->a, m, &w, &f->dg, &off), SF_OK);
        w.prediction_layers = true;
        assert_int_equal(sf_weights_of_rank(f->a, m, &w, &f->dg, &on), SF_OK);
        assert_int_equal(on.params - off.params, w.pp_rank ? params_of(m, "mtp") : 0);
    }
    assert_true(params_of(m, "mtp") > 0);
}

/* From 0.26 on prefixes are cached by default where there is attention: two states a request, else one. */
static void test_prefix_default(void **state)
{
    fixture *f = *state;
    sf_kv_wish w = wish_of(1, 2048);
    const sf_kv_result *r = plan(f, "vllm@0.26.0", "mistralai/Mamba-Codestral-7B-v0.1", &w, 10);

    assert_int_equal(r->groups[0].pages, 1);
    r = plan(f, "vllm@0.26.0", "Qwen/Qwen3.5-4B", &w, 10);
    assert_int_equal(r->groups[0].kind, SF_KV_STATE);
    assert_int_equal(r->groups[0].pages, 2);
    r = plan(f, "vllm@0.25.0", "Qwen/Qwen3.5-4B", &w, 10);
    assert_int_equal(r->groups[0].pages, 1);
}

static uint64_t params_on_rank(fixture *f, const sf_model *m, uint64_t tp)
{
    sf_weights_wish w = {.dtype = SF_DT_BF16, .tp = tp, .pp = 1};
    sf_weights r = {0};

    assert_int_equal(sf_weights_of_rank(f->a, m, &w, &f->dg, &r), SF_OK);
    return r.params;
}

/* One group: each rank has it whole.  Eight: they are dealt out up to eight ranks, and no further. */
static void test_groups_are_cut(void **state)
{
    fixture *f = *state;
    const sf_model *granite = model_of(f, "ibm-granite/granite-4.0-h-micro", "");
    const sf_model *codestral = model_of(f, "mistralai/Mamba-Codestral-7B-v0.1", "");
    const sf_tensor *in = tensor_of(granite, "model.layers.{}.mamba.in_proj.weight");
    sf_weights_wish w = {.dtype = SF_DT_BF16, .tp = 16, .pp = 1};
    sf_weights r = {0};
    /* in_proj, the convolution and its bias repeat 2 x 128 rows on the second rank */
    uint64_t repeated = 36 * 256 * (2048 + 4 + 1), whole = 0;

    assert_int_equal(in->dims[0], 2 * 4096 + 2 * 128 + 64);
    assert_int_equal(in->units, 1);
    assert_int_equal(in->unit_rows, 256);
    for (size_t i = 0; i < granite->n_tensors; i++) {
        const sf_tensor *t = &granite->tensors[i];

        if (t->loaded && t->shard == SF_SHARD_NONE && t->cls != SF_TENSOR_SCALE)
            whole += sf_tensor_numel(t) * sf_tensor_count(t);
    }
    /* what is not divided is on both; only norms and engine-made tensors are not */
    assert_int_equal(2 * params_on_rank(f, granite, 2), params_on_rank(f, granite, 1) + whole + repeated);
    assert_true(params_on_rank(f, codestral, 8) * 8 > params_on_rank(f, codestral, 1));
    assert_int_equal(sf_weights_of_rank(f->a, codestral, &w, &f->dg, &r), SF_E_TP_DIVIDE);
    assert_int_equal(f->dg.errors, 1);
    assert_true(sf_str_find(sf_diags_last_error(&f->dg)->message, SF_STR("the 8 groups of")) >= 0);
}

#define NEMOTRON(pattern, layers, groups, state_size)                                                        \
    "{\"architectures\": [\"NemotronHForCausalLM\"], \"hidden_size\": 64, \"intermediate_size\": 128,\n"     \
    " \"num_hidden_layers\": " layers ", \"num_attention_heads\": 4, \"num_key_value_heads\": 2,\n"          \
    " \"vocab_size\": 128, \"max_position_embeddings\": 64, \"torch_dtype\": \"bfloat16\",\n"                \
    " \"hybrid_override_pattern\": \"" pattern "\",\n"                                                       \
    " \"mamba_num_heads\": 8, \"mamba_head_dim\": 8, \"conv_kernel\": 4,\n"                                  \
    " \"n_groups\": " groups ",\n"                                                                           \
    " \"ssm_state_size\": " state_size "}"

static void test_bad_configs(void **state)
{
    static const struct {
        const char *json;
        sf_code code;
        unsigned line, col;
    } row[] = {
        {NEMOTRON("M*-",  "4", "2", "16"),     SF_E_CONFIG_VALUE, 4, 29},
        {NEMOTRON("",     "4", "2", "16"),     SF_E_CONFIG_VALUE, 4, 29},
        {NEMOTRON("M*-X", "4", "2", "16"),     SF_E_KV_UNKNOWN,   4, 29},
        {NEMOTRON("M*-M", "4", "3", "16"),     SF_E_CONFIG_VALUE, 6, 14},
        {NEMOTRON("M*-M", "4", "0", "16"),     SF_E_CONFIG_VALUE, 6, 14},
        {NEMOTRON("M*-M", "4", "2", "0"),      SF_E_CONFIG_VALUE, 7, 20},
        {NEMOTRON("M*-M", "4", "2", "-1"),     SF_E_CONFIG_VALUE, 7, 20},
        {NEMOTRON("M*-M", "4", "2", "\"16\""), SF_E_EXPR,         7, 20},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_model *m = NULL;

        f->dg.n = f->dg.errors = 0;
        assert_int_equal(resolve_text(f, row[i].json, NULL, &m), row[i].code);
        assert_int_equal(f->dg.errors, 1);
        assert_error_at(&f->dg, row[i].code, row[i].line, row[i].col);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_published_parameters), TEST(test_states_and_tokens),  TEST(test_capacity_lines),
        TEST(test_prediction_layers),    TEST(test_prediction_weights), TEST(test_state_options),
        TEST(test_groups_are_cut),       TEST(test_bad_configs),        TEST(test_prefix_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
