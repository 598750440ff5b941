/* model_dense: the classic text models: parameters as published, cache of a token, layers that differ. */
#include "model_helper.h"

typedef struct wanted {
    const char *name;
    uint64_t params;
    uint64_t kv; /* bytes of a token, two an element */
    uint32_t layers;
    size_t runs; /* of layers with the same cache */
} wanted;

static void test_whole_models(void **state)
{
    static const wanted row[] = {
        {"nvidia/Llama-3_3-Nemotron-Super-49B-v1",   49867145216u,                        49 * 4096,  80, 0},
        {"CohereForAI/c4ai-command-r-v01",           34980831232u,                        40 * 32768, 40, 1},
        {"CohereLabs/aya-expanse-8b",                8028033024u,                         32 * 4096,  32, 1},
        {"baichuan-inc/Baichuan2-7B-Chat",           7505973248u,                         32 * 16384, 32, 1},
        {"THUDM/chatglm3-6b",                        6243584000u,                         28 * 1024,  28, 1},
        {"THUDM/glm-4-9b-chat",                      9399951360u,                         40 * 1024,  40, 1},
        {"zai-org/GLM-4-32B-0414",                   32566081536u,                        61 * 1024,  61, 1},
 /* 7,217,189,760 are published with a stored copy of the tied head */
        {"tiiuae/falcon-7b-instruct",                7217189760u - 65024u * 4544,         32 * 256,   32, 1},
        {"LGAI-EXAONE/EXAONE-3.0-7.8B-Instruct",     7818448896u,                         32 * 4096,  32, 1},
        {"facebook/opt-125m",                        125239296u,                          12 * 3072,  12, 1},
        {"bigcode/starcoder",                        15517456384u,                        40 * 512,   40, 1},
        {"EleutherAI/pythia-6.9b",                   6857302016u,                         32 * 16384, 32, 1},
        {"openai-community/gpt2",                    124439808u,                          12 * 3072,  12, 1},
        {"stabilityai/stablelm-3b-4e1t",             2795443200u,                         32 * 10240, 32, 1},
        {"microsoft/Phi-3-small-8k-instruct",        7392272384u,                         32 * 4096,  32, 1},
        {"internlm/internlm2-7b",                    7737708544u,                         32 * 4096,  32, 1},
        {"internlm/internlm2-7b-reward",             7737708544u - 92544u * 4096 + 4096,  32 * 4096,  32, 1},
        {"Qwen/Qwen-7B",                             7721324544u,                         32 * 16384, 32, 1},
        {"xverse/XVERSE-7B",                         7299846144u,                         32 * 16384, 32, 1},
        {"Skywork/Skywork-Reward-Llama-3.1-8B-v0.2", 8030261248u - 128256u * 4096 + 4096, 32 * 4096,  32, 1},
        {"intfloat/e5-mistral-7b-instruct",          7110660096u,                         32 * 4096,  32, 1},
        {"XiaomiMiMo/MiMo-7B-Base",                  7833409536u,                         36 * 4096,  36, 1},
        {"Alibaba-NLP/gte-Qwen2-7B-instruct",        7612620288u,                         0,          28, 1},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_model *m = model_of(f, row[i].name, "");

        assert_non_null(m);
        assert_int_equal(params_of(m, NULL), row[i].params);
        assert_int_equal(kv_of(m), row[i].kv);
        assert_int_equal(m->n_layers, row[i].layers);
        if (row[i].runs)
            assert_int_equal(m->n_kv, row[i].runs);
    }
    assert_int_equal(f->dg.n, 0);
}

/* Layers of Nemotron-NAS without attention have no cache, those with a narrower MLP are narrower. */
static void test_searched_layers(void **state)
{
    fixture *f = *state;
    const sf_model *m = model_of(f, "nvidia/Llama-3_3-Nemotron-Super-49B-v1", "");
    uint32_t cached = 0, narrow = 0;

    for (size_t i = 0; i < m->n_kv; i++)
        cached += m->kv[i].kind == SF_KV_FULL ? m->kv[i].repeat : 0;
    assert_int_equal(cached, 49);
    for (size_t i = 0; i < m->n_tensors; i++) /* ffn_mult 2.625 of 8192, a multiple of 256 */
        if (sf_str_is(m->tensors[i].name, "model.layers.{}.mlp.down_proj.weight") &&
            m->tensors[i].dims[1] == 14336)
            narrow += m->tensors[i].repeat;
    assert_true(narrow > 0 && narrow < 80);
}

/* Positions that are learned, ALiBi, or half a head: what the rotary cache comes to. */
static void test_rotary_caches(void **state)
{
    static const struct {
        const char *name;
        uint64_t rows, width; /* 0: none */
    } row[] = {
        {"openai-community/gpt2",          0,     0  },
        {"facebook/opt-125m",              0,     0  },
        {"THUDM/chatglm3-6b",              8192,  64 },
        {"zai-org/GLM-4-32B-0414",         32768, 64 },
        {"EleutherAI/pythia-6.9b",         2048,  32 },
        {"stabilityai/stablelm-3b-4e1t",   4096,  20 },
        {"tiiuae/falcon-7b-instruct",      2048,  64 },
        {"baichuan-inc/Baichuan2-7B-Chat", 4096,  128},
        {"google/gemma-2-2b",              8192,  256},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_model *m = model_of(f, row[i].name, "");
        uint64_t rows = 0, width = 0;

        for (size_t k = 0; k < m->n_tensors; k++)
            if (m->tensors[k].once) {
                rows = m->tensors[k].dims[0];
                width = m->tensors[k].dims[1];
            }
        assert_int_equal(rows, row[i].rows);
        assert_int_equal(width, row[i].width);
    }
}

/* ALiBi by the width: the 13B of Baichuan; BaiChuan, the older class, always rotates. */
static void test_alibi(void **state)
{
    static const char sizes[] =
        "\"hidden_size\": 5120, \"intermediate_size\": 13696, \"num_attention_heads\": 40, "
        "\"num_hidden_layers\": 40, \"model_max_length\": 4096, \"vocab_size\": 125696, "
        "\"max_position_embeddings\": 4096";
    static const struct {
        const char *name;
        bool rotates;
    } row[] = {
        {"BaichuanForCausalLM", false},
        {"BaiChuanForCausalLM", true }
    };
    fixture *f = *state;

    for (size_t i = 0; i < 2; i++) {
        const sf_model *m = NULL;
        sf_str text = sf_arena_printf(f->a, "{\"architectures\": [\"%s\"], %s}", row[i].name, sizes);
        bool made = false;

        assert_int_equal(resolve_text(f, text.p, NULL, &m), SF_OK);
        for (size_t k = 0; k < m->n_tensors; k++)
            made |= m->tensors[k].once;
        assert_int_equal(made, row[i].rotates);
        assert_int_equal(params_of(m, NULL), 13896668160u);
        assert_int_equal(m->kv[0].kind, SF_KV_FULL);
    }
}

/* Heads that draft for an 8B: what they load, without the target's embedding; one layer of cache behind its 32. */
static void test_eagle_heads(void **state)
{
    static const char sizes[] =
        "\"hidden_size\": 4096, \"intermediate_size\": 14336, \"num_attention_heads\": 32, "
        "\"num_key_value_heads\": 8, \"num_hidden_layers\": 1, \"vocab_size\": 128256, "
        "\"max_position_embeddings\": 131072, \"draft_vocab_size\": 32000";
    static const struct {
        const char *name;
        uint64_t loaded, wide; /* inputs of q, k and v */
    } row[] = {
        {"EagleLlamaForCausalLM",  2 * 4096 * 4096 + 218112000 - 4096,                4096},
        {"Eagle3LlamaForCausalLM",
         3 * 4096 * 4096 + 218112000 + 6144 * 4096 + 2 * 4096 + 32000 * 4096 + 32000, 8192},
    };
    fixture *f = *state;
    const sf_model *target = model_of(f, "meta-llama/Llama-3.1-8B", "");

    for (size_t i = 0; i < 2; i++) {
        sf_model_wish wish = {.architecture = sf_str_of(row[i].name)};
        sf_str text = sf_arena_printf(f->a, "{\"architectures\": [\"LlamaForCausalLM\"], %s}", sizes);
        const sf_model *m = NULL, *both = NULL;
        uint64_t loaded = 0;

        assert_int_equal(resolve_text(f, text.p, &wish, &m), SF_OK);
        for (size_t k = 0; k < m->n_tensors; k++)
            if (m->tensors[k].loaded && m->tensors[k].in_checkpoint)
                loaded += sf_tensor_numel(&m->tensors[k]) * sf_tensor_count(&m->tensors[k]);
        assert_int_equal(loaded, row[i].loaded);
        assert_int_equal(sf_model_with_draft(f->a, target, m, 0, &both), SF_OK);
        assert_int_equal(both->n_kv, 2);
        assert_int_equal(both->kv[1].first_layer, 32);
        assert_int_equal(both->kv[1].repeat, 1);
        for (size_t k = target->n_tensors; k < both->n_tensors; k++) {
            assert_int_equal(both->tensors[k].pp, SF_PP_LAST);
            assert_false(both->tensors[k].once && both->tensors[k].loaded); /* the target's rotary cache */
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_whole_models), TEST(test_searched_layers),
                                       TEST(test_rotary_caches), TEST(test_alibi), TEST(test_eagle_heads)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
