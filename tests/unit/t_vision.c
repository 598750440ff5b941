/* vision: multimodal and encoder-decoder families, against published counts and what engines logged. */
#include "model_helper.h"

#include "memory/need.h"

static void test_counts_and_caches(void **state)
{
    static const struct {
        const char *name;
        uint64_t params, tensors, kv_bytes; /* of one token, windows and encoders included */
    } row[] = {
        {"Qwen/Qwen2-VL-2B-Instruct",                     2208985600u,   729,  28672 },
        {"Qwen/Qwen2-VL-7B-Instruct",                     8291375616u,   730,  57344 },
        {"Qwen/Qwen3-VL-8B-Instruct",                     8767123696u,   750,  147456},
        {"Qwen/Qwen3-VL-30B-A3B-Instruct",                31070754032u,  882,  98304 },
        {"Qwen/Qwen3-VL-235B-A22B-Instruct",              235670022896u, 1388, 192512},
        {"google/gemma-3-27b-it",                         27432406640u,  1247, 507904},
        {"google/gemma-4-31B-it",                         31273088876u,  1188, 901120},
        {"google/gemma-4-26B-A4B-it",                     25805936206u,  1013, 225280},
        {"mistralai/Mistral-Small-3.1-24B-Instruct-2503", 24011361280u,  585,  163840},
        {"openai/whisper-large-v3-turbo",                 808878080u,    587,  40960 },
        {"openai/whisper-large-v3",                       1543490560u,   1259, 327680},
        {"meta-llama/Llama-3.2-11B-Vision-Instruct",      10670220835u,  906,  163840},
        {"llava-hf/llava-1.5-7b-hf",                      7063427072u,   686,  524288},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_model *m = model_of(f, row[i].name, "");
        uint64_t tensors, params, bytes;

        assert_non_null(m);
        sf_model_totals(m, &tensors, &params, &bytes);
        assert_int_equal(params, row[i].params);
        assert_int_equal(tensors, row[i].tensors);
        assert_int_equal(kv_of(m), row[i].kv_bytes);
        assert_true(m->n_encoders > 0);
    }
    assert_int_equal(f->dg.n, 0);
}

static double loaded(fixture *f, const sf_model *m, sf_weights_wish wish)
{
    sf_weights w = {0};

    wish.pp = 1;
    wish.dtype = SF_DT_BF16;
    wish.attention_scalars = 7;
    wish.batched_tokens = 8192;
    assert_int_equal(sf_weights_of_rank(f->a, m, &wish, &f->dg, &w), SF_OK);
    return (double)w.allocated / (double)SF_GIB;
}

/* Qwen3-VL-235B-A22B on eight H100 (vllm 26000): 55.4919 GiB a rank, 56.4331 with whole towers, 55.1608 without. */
static void test_towers(void **state)
{
    fixture *f = *state;
    const sf_model *m = model_of(f, "Qwen/Qwen3-VL-235B-A22B-Instruct", "");

    assert_non_null(m);
    assert_float_equal((float)loaded(f, m, (sf_weights_wish){.tp = 8}), 55.4919f, 0.012f);
    assert_float_equal((float)loaded(f, m, (sf_weights_wish){.tp = 8, .encoders_whole = true}), 56.4331f,
                       0.012f);
    assert_float_equal(
        (float)loaded(
            f, m, (sf_weights_wish){.tp = 8, .modalities_unused = SF_MM_IMAGE | SF_MM_VIDEO | SF_MM_AUDIO}),
        55.1608f, 0.012f);
    /* as long as videos may come, the tower stays */
    assert_true(loaded(f, m, (sf_weights_wish){.tp = 8, .modalities_unused = SF_MM_AUDIO}) > 55.4);
}

/* Published runs on one GPU. */
static void test_loads(void **state)
{
    static const struct {
        const char *name;
        float gib, within;
    } row[] = {
        {"google/gemma-3-4b-it",                          8.58f,  0.006f},
        {"google/gemma-3-12b-it",                         23.31f, 0.012f},
        {"mistralai/Mistral-Small-3.2-24B-Instruct-2506", 44.76f, 0.006f},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_model *m = model_of(f, row[i].name, "");

        assert_non_null(m);
        assert_float_equal((float)loaded(f, m, (sf_weights_wish){.tp = 1}), row[i].gib, row[i].within);
    }
}

/* mm_processor_kwargs reaches the largest item. */
static void test_processor_arguments(void **state)
{
    fixture *f = *state;
    sf_node pixels = {.kind = SF_INT, .as = {.i = 1003520}};
    sf_pair pair = {.key = SF_STR("max_pixels"), .value = &pixels};
    sf_node map = {.kind = SF_MAP, .n = 1, .as = {.pairs = &pair}};
    sf_model_wish wish = {.mm_processor_kwargs = &map};
    const sf_checkpoint *c = NULL;
    const sf_model *m = NULL;

    assert_int_equal(sf_catalogue_find(f->a, SF_STR("Qwen/Qwen2.5-VL-7B-Instruct"), &f->dg, &c), SF_OK);
    assert_int_equal(sf_model_resolve(f->a, c, &wish, &f->dg, &m), SF_OK);
    assert_int_equal(m->encoders[0].item_tokens, 1280);
    m = model_of(f, "Qwen/Qwen2.5-VL-7B-Instruct", "");
    assert_int_equal(m->encoders[0].item_tokens, 16384);
}

/* Mistral Small 4: its class has latent attention where the text says so.  22.5 GiB for 1,048,576 tokens is logged. */
static void test_latent_text(void **state)
{
    fixture *f = *state;
    const sf_model *m;

    assert_int_equal(
        resolve_text(
            f,
            "{\"architectures\": [\"Mistral3ForConditionalGeneration\"], \"text_config\": {\"model_type\": "
            "\"mistral4\", \"hidden_size\": 4096, \"intermediate_size\": 12288, \"kv_lora_rank\": 256, "
            "\"q_lora_rank\": 1024, \"qk_nope_head_dim\": 64, \"qk_rope_head_dim\": 64, \"v_head_dim\": 128, "
            "\"moe_intermediate_size\": 2048, \"n_routed_experts\": 128, \"n_shared_experts\": 1, "
            "\"num_experts_per_tok\": 4, \"num_attention_heads\": 32, \"num_key_value_heads\": 32, "
            "\"num_hidden_layers\": 36, \"max_position_embeddings\": 1048576, \"vocab_size\": 131072}}",
            NULL, &m),
        SF_OK);
    assert_int_equal(m->n_kv, 1);
    assert_int_equal(m->kv[0].kind, SF_KV_MLA);
    assert_int_equal((uint64_t)m->kv[0].repeat * m->kv[0].head_size * 2, 23040); /* 22.5 GiB / 1,048,576 */
    assert_int_equal(params_of(m, "text") / 10000000, 11897);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_counts_and_caches),   TEST(test_towers),      TEST(test_loads),
        TEST(test_processor_arguments), TEST(test_latent_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
