/* kv_model: the case of a model: cache types, block sizes, the order of layers, what is refused. */
#include "kv_helper.h"

#include "text/json.h"

static const sf_node *json(fixture *f, const char *text)
{
    const sf_node *n = NULL;

    assert_int_equal(sf_json_parse(f->a, sf_str_of(text), SF_STR("config.json"), 0, &f->dg, &n), SF_OK);
    return n;
}

static sf_kv_layers entry(sf_kv_kind kind, uint32_t first, uint32_t repeat, uint32_t heads, uint32_t size)
{
    return (sf_kv_layers){.kind = kind,
                          .first_layer = first,
                          .repeat = repeat,
                          .kv_heads = heads,
                          .head_size = size,
                          .head_size_v = kind == SF_KV_MLA || kind == SF_KV_INDEXER ? 0 : size};
}

static sf_kv_wish wish(void)
{
    return (sf_kv_wish){
        .tp = 1,
        .pp = 1,
        .kv_cache_dtype = SF_STR("auto"),
        .model_dtype = SF_DT_BF16,
        .capability = 90,
        .max_model_len = 32768,
        .max_num_batched_tokens = 8192,
        .max_num_seqs = 256,
        .async_scheduling = true,
    };
}

static sf_kv_case make(fixture *f, const char *release, const sf_model *m, const sf_kv_wish *w)
{
    sf_kv_case c = {0};

    assert_int_equal(sf_kv_case_of_model(f->a, engine(f, release), m, w, &f->dg, &c), SF_OK);
    return c;
}

/* bytes of a page of the first layer */
static uint64_t page(const sf_kv_case *c, size_t spec)
{
    uint64_t bytes = 0;

    assert_true(sf_kv_page_bytes(&c->specs[spec], &bytes));
    return bytes;
}

static void test_tensor_parallel(void **state)
{
    fixture *f = *state;
    sf_kv_layers kv = entry(SF_KV_FULL, 0, 48, 4, 128); /* Qwen3-30B-A3B */
    sf_model m = {.name = SF_STR("m"), .kv = &kv, .n_kv = 1, .n_layers = 48};
    sf_kv_wish w = wish();
    sf_kv_case c = make(f, "vllm@0.19.0", &m, &w);

    assert_int_equal(page(&c, 0), 16 * 4 * 256 * 2);
    assert_int_equal(c.stages[0].runs[0].count, 48);
    assert_int_equal(c.cache_block_size, 16);
    w.tp = 8; /* each head is kept twice */
    c = make(f, "vllm@0.19.0", &m, &w);
    assert_int_equal(c.specs[0].kv_heads, 1);
    w.tp = 3;
    assert_int_equal(sf_kv_case_of_model(f->a, engine(f, "vllm@0.19.0"), &m, &w, &f->dg, &c), SF_E_TP_DIVIDE);
    assert_error_at(&f->dg, SF_E_TP_DIVIDE, 0, 0);
}

static void test_pipeline(void **state)
{
    fixture *f = *state;
    sf_kv_layers kv[4];
    sf_model m = {.kv = kv, .n_kv = 4, .n_layers = 6};
    sf_kv_wish w = wish();
    sf_kv_case c;

    kv[0] = entry(SF_KV_SLIDING, 0, 2, 8, 64);
    kv[1] = entry(SF_KV_FULL, 2, 1, 8, 64);
    kv[2] = entry(SF_KV_SLIDING, 3, 2, 8, 64);
    kv[3] = entry(SF_KV_FULL, 5, 1, 8, 64);
    kv[0].window = kv[2].window = 128;
    w.pp = 2;
    c = make(f, "vllm@0.19.0", &m, &w);
    assert_int_equal(c.n_stages, 2);
    assert_int_equal(c.stages[0].n, 2); /* two sliding, one full */
    assert_int_equal(c.stages[0].runs[0].count, 2);
    assert_int_equal(c.stages[1].runs[1].spec, 3);
    assert_int_equal(c.in_flight_tokens, 8192);
    c = make(f, "vllm@0.26.0", &m, &w); /* dense: the second runner keeps pp + 1 batches in flight */
    assert_int_equal(c.in_flight_tokens, 3 * 8192);
    m.forward.experts = 8;
    c = make(f, "vllm@0.26.0", &m, &w);
    assert_int_equal(c.in_flight_tokens, 2 * 8192);
    w.block_size = 64;
    c = make(f, "vllm@0.26.0", &m, &w); /* sliding layers keep their own */
    assert_int_equal(c.specs[0].block_size, 16);
    assert_int_equal(c.specs[1].block_size, 64);
}

/* An indexer beside each MLA layer: after all attention in 0.11.0, next to it later. */
static void test_sparse(void **state)
{
    fixture *f = *state;
    sf_kv_layers kv[2];
    sf_model m = {.kv = kv, .n_kv = 2, .n_layers = 3};
    sf_kv_wish w = wish();
    sf_kv_case c;

    kv[0] = entry(SF_KV_MLA, 0, 3, 1, 576);
    kv[1] = entry(SF_KV_INDEXER, 0, 3, 1, 132);
    c = make(f, "vllm@0.11.0", &m, &w);
    assert_int_equal(c.stages[0].n, 2);
    c = make(f, "vllm@0.12.0", &m, &w);
    assert_int_equal(c.stages[0].n, 6);
    assert_int_equal(c.stages[0].runs[1].spec, 1);
    assert_int_equal(page(&c, 0), 64 * 1152);
    assert_int_equal(page(&c, 1), 64 * 132);
    w.kv_cache_dtype = SF_STR("fp8");
    c = make(f, "vllm@0.12.0", &m, &w);
    assert_int_equal(page(&c, 0), 64 * 656);
    assert_int_equal(page(&c, 1), 64 * 132);
    w.capability = 100;
    c = make(f, "vllm@0.19.0", &m, &w);
    assert_int_equal(page(&c, 0), 64 * 576);
    w.capability = 120;
    w.kv_cache_dtype = SF_STR("auto");
    c = make(f, "vllm@0.19.0", &m, &w);
    assert_int_equal(page(&c, 0), 64 * 656);
}

static void test_latent_blocks(void **state)
{
    static const struct {
        const char *release;
        unsigned sm;
        uint64_t user, block;
    } row[] = {
        {"vllm@0.11.0",   90,  0,  64 },
        {"vllm@0.11.0",   100, 0,  128},
        {"vllm@0.11.0",   80,  0,  16 },
        {"vllm@0.11.0",   90,  16, 64 },
        {"vllm@0.15.0",   100, 0,  64 },
        {"vllm@0.19.0",   90,  0,  16 },
        {"vllm@0.19.0",   100, 0,  32 },
        {"vllm@0.19.0",   90,  64, 64 },
        {"vllm-v0@0.7.2", 90,  0,  16 },
    };
    fixture *f = *state;
    sf_kv_layers kv = entry(SF_KV_MLA, 0, 27, 1, 576);
    sf_model m = {.kv = &kv, .n_kv = 1, .n_layers = 27};

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_kv_wish w = wish();

        w.capability = row[i].sm;
        w.block_size = row[i].user;
        assert_int_equal(make(f, row[i].release, &m, &w).specs[0].block_size, row[i].block);
    }
}

/* V0 0.7.2 pads an entry of 1,152 bytes to 1,280. */
static void test_latent_padding(void **state)
{
    fixture *f = *state;
    sf_kv_layers kv = entry(SF_KV_MLA, 0, 27, 1, 576);
    sf_model m = {.kv = &kv, .n_kv = 1, .n_layers = 27};
    sf_kv_wish w = wish();
    sf_kv_case c = make(f, "vllm-v0@0.7.2", &m, &w);

    assert_int_equal(page(&c, 0), 16 * 1280);
    c = make(f, "vllm@0.19.0", &m, &w);
    assert_int_equal(page(&c, 0), 16 * 1152);
}

/* What the checkpoint says about the cache, by release. */
static void test_dtype_of_checkpoint(void **state)
{
    static const char tensors[] =
        "{\"quant_method\":\"compressed-tensors\",\"kv_cache_scheme\":{\"num_bits\":8,"
        "\"type\":\"float\"}}";
    static const char modelopt[] = "{\"quant_method\":\"modelopt\",\"kv_cache_quant_algo\":\"FP8\"}";
    static const char plain_fp8[] = "{\"quant_method\":\"fp8\"}";
    static const struct {
        const char *release, *config, *flag;
        uint32_t bits;
    } row[] = {
        {"vllm@0.14.0", tensors,   "auto",     16},
        {"vllm@0.15.0", tensors,   "auto",     8 },
        {"vllm@0.15.0", tensors,   "bfloat16", 8 },
        {"vllm@0.22.0", tensors,   "bfloat16", 16},
        {"vllm@0.22.0", tensors,   "auto",     8 },
        {"vllm@0.13.0", modelopt,  "auto",     16},
        {"vllm@0.14.0", modelopt,  "auto",     8 },
        {"vllm@0.14.0", modelopt,  "float16",  16},
        {"vllm@0.28.0", plain_fp8, "auto",     16},
        {"vllm@0.28.0", plain_fp8, "fp8_e5m2", 8 },
    };
    fixture *f = *state;
    sf_kv_layers kv = entry(SF_KV_FULL, 0, 2, 8, 128);
    sf_model m = {.kv = &kv, .n_kv = 1, .n_layers = 2};

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_kv_wish w = wish();

        m.quantization = json(f, row[i].config);
        w.kv_cache_dtype = sf_str_of(row[i].flag);
        assert_int_equal(make(f, row[i].release, &m, &w).specs[0].dtype_bits, row[i].bits);
    }
}

/* Chunked attention switches the hybrid manager off; cross attention is sized by the batch. */
static void test_special_layers(void **state)
{
    fixture *f = *state;
    sf_kv_layers kv[2];
    sf_model m = {.kv = kv, .n_kv = 2, .n_layers = 4};
    sf_kv_wish w = wish();
    sf_kv_case c;

    kv[0] = entry(SF_KV_CHUNKED, 0, 3, 8, 128);
    kv[0].window = 8192;
    kv[1] = entry(SF_KV_FULL, 3, 1, 8, 128);
    assert_true(make(f, "vllm@0.19.0", &m, &w).disable_hybrid);
    kv[0] = entry(SF_KV_FULL, 0, 4, 8, 64);
    kv[1] = entry(SF_KV_CROSS, 0, 4, 8, 64);
    c = make(f, "vllm@0.19.0", &m, &w);
    assert_int_equal(c.encoder_tokens, 8192);
    assert_int_equal(sf_kv_case_of_model(f->a, engine(f, "vllm@0.11.0"), &m, &w, &f->dg, &c),
                     SF_E_KV_UNKNOWN);
    assert_error_at(&f->dg, SF_E_KV_UNKNOWN, 0, 0);
    m.encoders[0].item_tokens = 1500;
    m.n_encoders = 1;
    assert_int_equal(make(f, "vllm@0.11.0", &m, &w).encoder_tokens, 1500);
    kv[1] = entry(SF_KV_NONE, 0, 4, 0, 0); /* shares another layer's cache */
    assert_int_equal(make(f, "vllm@0.19.0", &m, &w).stages[0].n, 1);
}

/* Qwen3-Next-80B on two ranks: block 544, as its log says. */
static void test_states(void **state)
{
    fixture *f = *state;
    sf_kv_layers kv[2];
    sf_model m = {.kv = kv, .n_kv = 2, .n_layers = 4, .architecture = SF_STR("Qwen3NextForCausalLM")};
    sf_kv_wish w = wish();
    sf_kv_case c;

    kv[0] = entry(SF_KV_STATE, 0, 3, 0, 0);
    kv[0].state_kind = SF_STR("gdn");
    kv[0].state = json(f, "{\"conv_kernel_size\":4,\"num_k_heads\":16,\"num_v_heads\":32,\"head_k_dim\":128,"
                          "\"head_v_dim\":128}");
    kv[1] = entry(SF_KV_FULL, 3, 1, 2, 256);
    w.tp = 2;
    c = make(f, "vllm@0.19.0", &m, &w);
    assert_int_equal(c.cache_block_size, 544);
    assert_int_equal(c.specs[0].block_size, 32768);
    assert_int_equal(page(&c, 0), page(&c, 1));
    assert_int_equal(c.n_log, 2);
    assert_int_equal(c.specs[0].state_mode, SF_STATE_NONE);
    c = make(f, "vllm@0.27.0", &m, &w); /* prefix caching is on by itself */
    assert_int_equal(c.specs[0].state_mode, SF_STATE_ALIGN);
    assert_int_equal(c.specs[0].block_size, c.cache_block_size);
    w.mamba_ssm_cache_dtype = SF_STR("float32");
    c = make(f, "vllm@0.19.0", &m, &w);
    assert_int_equal(c.specs[0].state_bytes, 3 * 4096 * 2 + 16 * 128 * 128 * 4);
    assert_int_equal(sf_kv_case_of_model(f->a, engine(f, "vllm-v0@0.9.0"), &m, &w, &f->dg, &c),
                     SF_E_KV_UNKNOWN);
    assert_error_at(&f->dg, SF_E_KV_UNKNOWN, 0, 0);
}

static void test_unknown(void **state)
{
    fixture *f = *state;
    sf_kv_layers kv = entry(SF_KV_FULL, 0, 2, 8, 128);
    sf_model m = {.kv = &kv, .n_kv = 1, .n_layers = 2};
    sf_kv_wish w = wish();
    sf_kv_case c;

    w.kv_cache_dtype = SF_STR("turboquant_k8v4");
    assert_int_equal(sf_kv_case_of_model(f->a, engine(f, "vllm@0.28.0"), &m, &w, &f->dg, &c),
                     SF_E_KV_UNKNOWN);
    assert_error_at(&f->dg, SF_E_KV_UNKNOWN, 0, 0);
    w = wish();
    kv.head_size = 0;
    assert_int_equal(sf_kv_case_of_model(f->a, engine(f, "vllm@0.28.0"), &m, &w, &f->dg, &c),
                     SF_E_KV_UNKNOWN);
    w.tp = 0;
    assert_int_equal(sf_kv_case_of_model(f->a, engine(f, "vllm@0.28.0"), &m, &w, &f->dg, &c), SF_E_RANGE);
    assert_error_at(&f->dg, SF_E_RANGE, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_tensor_parallel), TEST(test_pipeline),       TEST(test_sparse),
        TEST(test_latent_blocks),   TEST(test_latent_padding), TEST(test_dtype_of_checkpoint),
        TEST(test_special_layers),  TEST(test_states),         TEST(test_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
