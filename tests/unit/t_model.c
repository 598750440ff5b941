/* model: what the families derive from config.json, against published sums. */
#include "model_helper.h"

/* Whole checkpoints: published counts are exact where a source states them. */
static void test_published_parameters(void **state)
{
    static const struct {
        const char *name;
        uint64_t params, tensors; /* tensors: 0 not published */
    } row[] = {
        {"meta-llama/Llama-3.1-8B",                  8030261248u,             0       },
        {"meta-llama/Meta-Llama-3-8B-Instruct",      8030261248u,             0       },
        {"meta-llama/Llama-3.2-3B-Instruct",         3212749824u,             0       },
 /* 6,738,417,664 in 323 tensors are published: 32 of them inv_freq buffers of 64 elements */
        {"meta-llama/Llama-2-7b-hf",                 6738417664u - 32 * 64,   323 - 32},
        {"Qwen/Qwen2.5-72B-Instruct",                72706203648u,            0       },
        {"Qwen/Qwen2.5-7B-Instruct",                 7615616512u,             0       },
        {"Qwen/Qwen2.5-3B-Instruct",                 3085938688u,             0       },
        {"Qwen/Qwen2.5-1.5B-Instruct",               1543714304u,             0       },
        {"Qwen/Qwen2.5-0.5B",                        494032768u,              0       },
        {"Qwen/Qwen3-8B",                            8190735360u,             0       },
        {"Qwen/Qwen3-14B",                           14768307200u,            0       },
        {"Qwen/Qwen3-32B",                           32762123264u,            0       },
 /* 751,632,384 are published with a stored copy of the tied head, 155,582,464 */
        {"Qwen/Qwen3-0.6B",                          751632384u - 155582464u, 0       },
        {"Qwen/Qwen3-30B-A3B-Instruct-2507",         30532122624u,            18867   },
        {"deepseek-ai/DeepSeek-R1-Distill-Qwen-7B",  7615616512u,             0       },
        {"deepseek-ai/DeepSeek-R1-Distill-Llama-8B", 8030261248u,             0       },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_model *m = model_of(f, row[i].name, "");
        uint64_t tensors, params, bytes;

        assert_non_null(m);
        sf_model_totals(m, &tensors, &params, &bytes);
        assert_int_equal(params, row[i].params);
        if (row[i].tensors)
            assert_int_equal(tensors, row[i].tensors);
    }
    assert_int_equal(f->dg.n, 0);
}

/* Parts of the omni models: sums by group, as computed for the published totals. */
static void test_omni_parts(void **state)
{
    static const struct {
        const char *name, *part, *component;
        uint64_t params;
    } row[] = {
        {"Qwen/Qwen3-Omni-30B-A3B-Instruct",     "thinker",   "text",              30532646912u                                 },
        {"Qwen/Qwen3-Omni-30B-A3B-Instruct",     "thinker",   "audio",             647927168u                                   },
        {"Qwen/Qwen3-Omni-30B-A3B-Instruct",     "thinker",   "vision",            538631408u                                   },
        {"Qwen/Qwen3-Omni-30B-A3B-Instruct",     "thinker",   NULL,                31719205488u                                 },
        {"Qwen/Qwen3-Omni-30B-A3B-Instruct",     "talker",    "talker",            3183026176u                                  },
        {"Qwen/Qwen3-Omni-30B-A3B-Instruct",     "talker",    "code_predictor",    141570304u                                   },
        {"Qwen/Qwen3-Omni-30B-A3B-Instruct",     "code2wav",  NULL,                216016577u                                   },
        {"Qwen/Qwen3-Omni-30B-A3B-Thinking",     "",          NULL,                31719205488u                                 },
        {"Qwen/Qwen3-Omni-30B-A3B-Captioner",    "",          NULL,                31719205488u                                 },
        {"Qwen/Qwen2.5-Omni-7B",                 "thinker",   "text",              6525621760u + 2 * 544997376u                 },
        {"Qwen/Qwen2.5-Omni-7B",                 "thinker",   "audio",             639647232u                                   },
        {"Qwen/Qwen2.5-Omni-7B",                 "thinker",   "vision",            676550144u                                   },
        {"Qwen/Qwen2.5-Omni-7B",                 "talker",    NULL,                1310301056u + 30277632u + 7569408u + 3212160u},
        {"Qwen/Qwen2.5-Omni-7B",                 "token2wav", "dit",               333607760u                                   },
        {"Qwen/Qwen2.5-Omni-7B",                 "token2wav", "vocoder",           115443504u                                   },
        {"Qwen/Qwen2.5-Omni-3B",                 "thinker",   "text",              2774773760u + 2 * 311164928u                 },
        {"Qwen/Qwen2.5-Omni-3B",                 "thinker",   "audio",             637676544u                                   },
        {"Qwen/Qwen2.5-Omni-3B",                 "thinker",   "vision",            668684288u                                   },
        {"Qwen/Qwen2.5-Omni-3B",                 "talker",    NULL,                357898112u + 17301504u + 7569408u + 1835904u },
        {"Qwen/Qwen3-TTS-12Hz-1.7B-Base",        "talker",    "talker",
         1409410048u + 311164928u + 12582912u + 8392704u                                                                        },
        {"Qwen/Qwen3-TTS-12Hz-1.7B-Base",        "talker",    "code_predictor",    175125760u                                   },
        {"Qwen/Qwen3-TTS-12Hz-1.7B-Base",        "talker",    "speaker_encoder",   12001088u                                    },
        {"Qwen/Qwen3-TTS-12Hz-1.7B-VoiceDesign", "talker",    "speaker_encoder",   0                                            },
        {"Qwen/Qwen3-TTS-12Hz-0.6B-Base",        "talker",    "talker",            440467456u + 311164928u + 6291456u + 6294528u},
        {"Qwen/Qwen3-TTS-12Hz-0.6B-Base",        "talker",    "code_predictor",    141570304u                                   },
        {"Qwen/Qwen3-TTS-12Hz-0.6B-Base",        "talker",    "speaker_encoder",   8854336u                                     },
        {"Qwen/Qwen3-TTS-12Hz-0.6B-Base",        "talker",    "tokenizer_encoder", 56234304u                                    },
        {"Qwen/Qwen3-TTS-12Hz-0.6B-Base",        "code2wav",  NULL,                114323137u                                   },
        {"ByteDance-Seed/BAGEL-7B-MoT",          "dit",       "vae",               83819683u                                    },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_model *m = model_of(f, row[i].name, row[i].part);

        assert_non_null(m);
        assert_int_equal(params_of(m, row[i].component), row[i].params);
    }
    assert_int_equal(f->dg.n, 0);
}

static void test_whole_omni_checkpoints(void **state)
{
    static const struct {
        const char *name;
        uint64_t tensors, params, bytes;
    } row[] = {
        {"Qwen/Qwen3-Omni-30B-A3B-Instruct",     28010, 35259818545u,             70519637090u            },
        {"Qwen/Qwen2.5-Omni-7B",                 0,     10732225408u,             22362553344u            },
        {"Qwen/Qwen2.5-Omni-3B",                 0,     5537120640u,              11972343808u            },
 /* model.safetensors 1,829,286,016 bytes and speech_tokenizer 682,229,764 */
        {"Qwen/Qwen3-TTS-12Hz-0.6B-Base",        0,     914643008u + 170557441u,  1829286016u + 682229764u},
        {"Qwen/Qwen3-TTS-12Hz-1.7B-VoiceDesign", 0,     1916676352u + 170557441u,
         (uint64_t)3833352704u + 682229764u                                                               },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        uint64_t sum[3] = {0};
        const sf_checkpoint *c = NULL;
        sf_model_wish wish = {0};
        sf_str *parts = NULL;
        size_t n = 0;

        assert_int_equal(sf_catalogue_find(f->a, sf_str_of(row[i].name), &f->dg, &c), SF_OK);
        assert_int_equal(sf_model_parts(f->a, c, &wish, &f->dg, &parts, &n), SF_OK);
        for (size_t p = 0; p < n; p++) {
            const sf_model *m = NULL;
            uint64_t t[3];

            wish.part = parts[p];
            assert_int_equal(sf_model_resolve(f->a, c, &wish, &f->dg, &m), SF_OK);
            sf_model_totals(m, &t[0], &t[1], &t[2]);
            for (size_t k = 0; k < 3; k++)
                sum[k] += t[k];
        }
        if (row[i].tensors)
            assert_int_equal(sum[0], row[i].tensors);
        assert_int_equal(sum[1], row[i].params);
        assert_int_equal(sum[2], row[i].bytes);
    }
}

/* Bytes of one token in a 16-bit cache, layers and kinds. */
static void test_kv_layers(void **state)
{
    static const struct {
        const char *name, *part;
        uint64_t bytes;
        size_t runs;
        uint32_t layers;
    } row[] = {
        {"Qwen/Qwen3-Omni-30B-A3B-Instruct",          "thinker",  98304,  1,  48},
        {"Qwen/Qwen3-Omni-30B-A3B-Instruct",          "talker",   20480,  1,  20},
        {"Qwen/Qwen3-Omni-30B-A3B-Instruct",          "code2wav", 0,      0,  0 },
        {"Qwen/Qwen2.5-Omni-7B",                      "thinker",  57344,  1,  28},
        {"Qwen/Qwen2.5-Omni-7B",                      "talker",   49152,  1,  24},
        {"Qwen/Qwen2.5-Omni-3B",                      "thinker",  36864,  1,  36},
        {"Qwen/Qwen2.5-Omni-3B",                      "talker",   12288,  1,  24},
        {"Qwen/Qwen3-TTS-12Hz-1.7B-Base",             "talker",   114688, 1,  28},
        {"Qwen/Qwen3-TTS-12Hz-0.6B-Base",             "talker",   114688, 1,  28},
        {"meta-llama/Llama-3.1-8B",                   "",         131072, 1,  32},
        {"meta-llama/Llama-3.3-70B-Instruct",         "",         327680, 1,  80},
        {"Qwen/Qwen2.5-7B",                           "",         57344,  1,  28},
        {"Qwen/Qwen3-8B",                             "",         147456, 1,  36},
        {"Qwen/Qwen3-30B-A3B",                        "",         98304,  1,  48},
        {"mistralai/Mistral-Small-24B-Instruct-2501", "",         163840, 1,  40},
        {"microsoft/phi-4",                           "",         204800, 1,  40},
        {"google/gemma-2-2b",                         "",         106496, 26, 26},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_model *m = model_of(f, row[i].name, row[i].part);

        assert_non_null(m);
        assert_int_equal(kv_of(m), row[i].bytes);
        assert_int_equal(m->n_kv, row[i].runs);
        assert_int_equal(m->n_layers, row[i].layers);
    }
}

static void test_sliding_layers(void **state)
{
    fixture *f = *state;
    const sf_model *gemma = model_of(f, "google/gemma-2-2b", ""), *mistral, *qwen;

    assert_int_equal(gemma->kv[0].kind, SF_KV_SLIDING);
    assert_int_equal(gemma->kv[0].window, 4096);
    assert_int_equal(gemma->kv[1].kind, SF_KV_FULL);
    assert_int_equal(gemma->kv[1].window, 0);
    mistral = model_of(f, "mistralai/Mistral-7B-v0.1", "");
    assert_int_equal(mistral->n_kv, 1);
    assert_int_equal(mistral->kv[0].kind, SF_KV_SLIDING);
    assert_int_equal(mistral->kv[0].repeat, 32);
    qwen = model_of(f, "Qwen/Qwen2.5-7B", ""); /* has a window, and use_sliding_window is false */
    assert_int_equal(qwen->kv[0].kind, SF_KV_FULL);
}

/* token2wav is fp32 on disk; at run time the DiT stays fp32, the vocoder does not: 1492.8 MiB were observed. */
static void test_dtypes(void **state)
{
    fixture *f = *state;
    const sf_model *m = model_of(f, "Qwen/Qwen2.5-Omni-7B", "token2wav");
    uint64_t run = 0;

    for (size_t i = 0; i < m->n_tensors; i++) {
        const sf_tensor *t = &m->tensors[i];

        assert_int_equal(t->disk_dtype, SF_DT_F32);
        run += sf_tensor_numel(t) * sf_tensor_count(t) * (t->run_dtype == SF_DT_F32 ? 4 : 2);
    }
    assert_int_equal(m->dtype, SF_DT_BF16);
    assert_int_equal(run, 1565318048u);
    m = model_of(f, "Qwen/Qwen3-TTS-12Hz-0.6B-Base", "code2wav");
    assert_int_equal(m->tensors[0].run_dtype, SF_DT_F32);
    m = model_of(f, "Qwen/Qwen3-TTS-12Hz-0.6B-Base", "talker");
    assert_int_equal(tensor_of(m, "encoder.downsample.conv.weight")->disk_dtype, SF_DT_F32);
    assert_int_equal(tensor_of(m, "encoder.downsample.conv.weight")->run_dtype, SF_DT_NONE);
    m = model_of(f, "meta-llama/Llama-2-7b-hf", "");
    assert_int_equal(m->dtype, SF_DT_F16);
}

/* What the engine makes beside the checkpoint. */
static void test_made_tensors(void **state)
{
    fixture *f = *state;
    const sf_model *m = model_of(f, "meta-llama/Llama-3.1-8B", "");
    const sf_tensor *t = tensor_of(m, "model.layers.{}.self_attn.rotary_emb.cos_sin_cache");

    assert_non_null(t);
    assert_true(t->once && !t->in_checkpoint);
    assert_int_equal(sf_tensor_numel(t) * 2, (uint64_t)32 << 20); /* 131072 x 128, bf16 */
    t = tensor_of(m, "model.layers.{}.self_attn.attn.scales");
    assert_int_equal(t->repeat, 32);
    assert_int_equal(t->run_dtype, SF_DT_F32);
    assert_int_equal(t->cls, SF_TENSOR_SCALE);
    m = model_of(f, "Qwen/Qwen2.5-Omni-7B", "talker");
    t = tensor_of(m, "thinker_embed_tokens.weight");
    assert_int_equal(sf_tensor_numel(t), 544997376u);
    assert_true(!t->in_checkpoint && t->loaded && t->shard == SF_SHARD_NONE);
    m = model_of(f, "Qwen/Qwen3-TTS-12Hz-1.7B-CustomVoice", "talker"); /* built although it is not stored */
    t = tensor_of(m, "speaker_encoder.fc.weight");
    assert_true(t && !t->in_checkpoint);
}

/* The engine's order of creation, and how parameters are fused and cut. */
static void test_order_and_shards(void **state)
{
    static const struct {
        const char *name, *param;
        sf_shard shard;
        sf_pp pp;
        uint64_t units;
    } row[] = {
        {"model.embed_tokens.weight",                       "",                SF_SHARD_VOCAB,  SF_PP_FIRST, 0 },
        {"model.layers.{}.self_attn.q_proj.weight",         "qkv_proj.weight", SF_SHARD_HEADS,  SF_PP_LAYER, 32},
        {"model.layers.{}.self_attn.k_proj.weight",         "qkv_proj.weight", SF_SHARD_KV,     SF_PP_LAYER, 4 },
        {"model.layers.{}.self_attn.v_proj.weight",         "qkv_proj.weight", SF_SHARD_KV,     SF_PP_LAYER, 4 },
        {"model.layers.{}.self_attn.o_proj.weight",         "",                SF_SHARD_ROW,    SF_PP_LAYER, 0 },
        {"model.layers.{}.self_attn.q_norm.weight",         "",                SF_SHARD_NONE,   SF_PP_LAYER, 0 },
        {"model.layers.{}.mlp.gate.weight",                 "",                SF_SHARD_NONE,   SF_PP_LAYER, 0 },
        {"model.layers.{}.mlp.experts.{}.gate_proj.weight", "w13_weight",      SF_SHARD_COLUMN, SF_PP_LAYER, 0 },
        {"model.layers.{}.mlp.experts.{}.up_proj.weight",   "w13_weight",      SF_SHARD_COLUMN, SF_PP_LAYER, 0 },
        {"model.layers.{}.mlp.experts.{}.down_proj.weight", "w2_weight",       SF_SHARD_ROW,    SF_PP_LAYER, 0 },
        {"model.layers.{}.input_layernorm.weight",          "",                SF_SHARD_NONE,   SF_PP_LAYER, 0 },
        {"model.norm.weight",                               "",                SF_SHARD_NONE,   SF_PP_LAST,  0 },
        {"lm_head.weight",                                  "",                SF_SHARD_VOCAB,  SF_PP_LAST,  0 },
    };
    fixture *f = *state;
    const sf_model *m = model_of(f, "Qwen/Qwen3-30B-A3B", "");
    const sf_tensor *before = NULL;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_tensor *t = tensor_of(m, row[i].name);

        assert_non_null(t);
        assert_true(!before || t > before);
        assert_str(t->param, row[i].param);
        assert_int_equal(t->shard, row[i].shard);
        assert_int_equal(t->pp, row[i].pp);
        assert_int_equal(t->units, row[i].units);
        before = t;
    }
    assert_int_equal(tensor_of(m, row[7].name)->experts, 128);
    assert_int_equal(tensor_of(m, row[7].name)->cls, SF_TENSOR_EXPERT);
    assert_int_equal(tensor_of(m, row[7].name)->block, tensor_of(m, row[1].name)->block);
}

static void test_forward_and_encoders(void **state)
{
    fixture *f = *state;
    const sf_model *m = model_of(f, "Qwen/Qwen3-Omni-30B-A3B-Instruct", "thinker");

    assert_int_equal(m->forward.hidden, 2048);
    assert_int_equal(m->forward.experts, 128);
    assert_int_equal(m->forward.experts_per_token, 8);
    assert_int_equal(m->forward.moe_intermediate, 768);
    assert_int_equal(m->forward.vocab, 152064);
    assert_int_equal(m->forward.deepstack, 3);
    assert_int_equal(m->n_encoders, 2);
    assert_str(m->encoders[1].modality, "image video");
    assert_int_equal(m->encoders[1].item_tokens, 12544);
    m = model_of(f, "Qwen/Qwen2.5-Omni-7B", "thinker");
    assert_int_equal(m->encoders[1].item_tokens, 16384);
    m = model_of(f, "mistralai/Mixtral-8x7B-v0.1", "");
    assert_int_equal(m->forward.experts, 8);
    assert_int_equal(m->forward.moe_intermediate, 14336);
}

static void test_max_model_len(void **state)
{
    static const struct {
        const char *keys;
        uint64_t want;
        const char *why;
    } row[] = {
        {"\"max_position_embeddings\": 4096",                                                          4096,   "max_position_embeddings"                       },
        {"\"max_position_embeddings\": 4096, \"seq_length\": 2048",                                    2048,   "seq_length"                                    },
        {"\"max_position_embeddings\": 4096, \"model_max_length\": 8192",                              8192,   "model_max_length"                              },
        {"\"max_position_embeddings\": 4096, \"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}", 8192,
         "max_position_embeddings x rope factor"                                                                                                               },
        {"\"max_position_embeddings\": 131072, \"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": "
         "8.0}",                                                                              131072, "max_position_embeddings"                       },
        {"\"max_position_embeddings\": 40960, \"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 4.0, "
         "\"original_max_position_embeddings\": 32768}",                                      131072, "original_max_position_embeddings x rope factor"},
        {"\"max_position_embeddings\": 131072, \"original_max_position_embeddings\": 4096, \"rope_scaling\": "
         "{\"type\": "
         "\"longrope\"}",                                                                     4096,   "original_max_position_embeddings"              },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_str json =
            sf_arena_printf(f->a,
                            "{\"architectures\": [\"LlamaForCausalLM\"], \"hidden_size\": 64, "
                            "\"num_hidden_layers\": 2, \"vocab_size\": 128, \"num_attention_heads\": 4, "
                            "\"intermediate_size\": 128, %s}",
                            row[i].keys);
        const sf_model *m = NULL;

        assert_int_equal(resolve_text(f, json.p, NULL, &m), SF_OK);
        assert_int_equal(m->max_model_len, row[i].want);
        assert_str(m->max_model_len_why, row[i].why);
    }
}

static const char small[] = "{\"architectures\": [\"LlamaForCausalLM\"], \"hidden_size\": 64,\n"
                            " \"num_hidden_layers\": 2, \"vocab_size\": 128, \"num_attention_heads\": 4,\n"
                            " \"intermediate_size\": 128, \"max_position_embeddings\": 32}";

static void test_overrides(void **state)
{
    fixture *f = *state;
    sf_model_wish wish = {0};
    const sf_model *m = NULL;

    assert_int_equal(sf_json_parse(f->a,
                                   SF_STR("{\"num_hidden_layers\": 5, \"rope_scaling\": {\"factor\": 2.0, "
                                          "\"rope_type\": \"linear\"}}"),
                                   SF_STR("--hf-overrides"), 0, &f->dg, &wish.hf_overrides),
                     SF_OK);
    assert_int_equal(resolve_text(f, small, &wish, &m), SF_OK);
    assert_int_equal(m->n_layers, 5);
    assert_int_equal(m->max_model_len, 64);
}

static void test_errors(void **state)
{
    static const struct {
        const char *json, *part;
        sf_code code;
        unsigned line, col;
    } row[] = {
        {"{\n \"architectures\": [\"LlamaForCasualLM\"]}",                                                  "",         SF_E_ARCH_UNKNOWN,   2, 20},
        {"{}",                                                                                              "",         SF_E_ARCH_UNKNOWN,   1, 1 },
        {"{\"architectures\": [\"LlamaForCausalLM\"]}",                                                     "",         SF_E_CONFIG_KEY,     1, 1 },
        {"{\"architectures\": [\"LlamaForCausalLM\"], \"hidden_size\": 64,\n \"num_hidden_layers\": \"two\", "
         "\"vocab_size\": 8, \"num_attention_heads\": 4, \"intermediate_size\": 8, "
         "\"max_position_embeddings\": 8}",                                                        "",         SF_E_EXPR,           2, 23},
        {"{\"architectures\": [\"LlamaForCausalLM\"], \"hidden_size\": -64, \"num_hidden_layers\": 2,\n"
         "\"vocab_size\": 8, \"num_attention_heads\": 4, \"intermediate_size\": 8, "
         "\"max_position_embeddings\": 8}",                                                        "",         SF_E_EXPR,           1, 56},
        {"{\"architectures\": [\"LlamaForCausalLM\"], \"hidden_size\": 64, \"num_hidden_layers\": 2,\n"
         "\"vocab_size\": 8, \"num_attention_heads\": 4, \"intermediate_size\": 8, "
         "\"max_position_embeddings\": 8,\n"
         "\"layer_types\": [\"full_attention\", \"linear_attention\"]}",                           "",         SF_E_KV_UNKNOWN,     3, 35},
        {"{\"architectures\": [\"Qwen3OmniMoeForConditionalGeneration\"],\n \"thinker_config\": 7}",        "",
         SF_E_CONFIG_KEY,                                                                                                                    2, 20},
        {"{\"architectures\": [\"Qwen3OmniMoeForConditionalGeneration\"]}",                                 "talkr",    SF_E_UNKNOWN_NAME,   1, 1 },
        {"{\"architectures\": [\"Qwen3OmniMoeForConditionalGeneration\"], \"enable_audio_output\": false}",
         "talker",                                                                                                      SF_E_UNKNOWN_NAME,   1, 1 },
        {"{\"architectures\": [\"Qwen3TTSForConditionalGeneration\"]}",                                     "code2wav", SF_E_CONFIG_MISSING, 1,
         1                                                                                                                                        },
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        fixture *f = *state;
        sf_model_wish wish = {.part = sf_str_of(row[i].part)};
        const sf_model *m = NULL;

        f->dg.n = f->dg.errors = 0;
        assert_int_equal(resolve_text(f, row[i].json, &wish, &m), row[i].code);
        assert_int_equal(f->dg.errors, 1);
        assert_error_at(&f->dg, row[i].code, row[i].line, row[i].col);
        assert_true(sf_diags_last_error(&f->dg)->hint.n > 0);
    }
}

static void test_unknown_architectures(void **state)
{
    fixture *f = *state;
    sf_model_wish wish = {.assume_full_attention = true};
    const char *json =
        "{\"architectures\": [\"NobodyKnowsForCausalLM\"], \"hidden_size\": 64, \"num_hidden_layers\": 2, "
        "\"vocab_size\": 128, \"num_attention_heads\": 4, \"intermediate_size\": 128, "
        "\"max_position_embeddings\": 32}";
    const sf_model *m = NULL;

    assert_int_equal(resolve_text(f, json, NULL, &m), SF_E_ARCH_UNKNOWN);
    assert_true(sf_str_find(sf_diags_last_error(&f->dg)->hint, SF_STR("--assume full-attention")) >= 0);
    assert_int_equal(resolve_text(f, json, &wish, &m), SF_OK);
    assert_true(m->assumed);
    assert_str(m->architecture, "NobodyKnowsForCausalLM");
    assert_int_equal(m->tensors[0].origin, SF_ORIGIN_ASSUMED);
    assert_int_equal(f->dg.warnings, 1);
    /* a stage's own class name that no family has: config.json decides */
    wish = (sf_model_wish){.architecture = SF_STR("SomeStageClass")};
    assert_int_equal(resolve_text(f, small, &wish, &m), SF_OK);
    assert_str(m->architecture, "LlamaForCausalLM");
    /* and one that stands for a part */
    assert_int_equal(
        resolve_text(f,
                     "{\"model_type\": \"llama\", \"hidden_size\": 64, \"num_hidden_layers\": 2, "
                     "\"vocab_size\": 8, \"num_attention_heads\": 4, \"intermediate_size\": 8, "
                     "\"max_position_embeddings\": 8}",
                     NULL, &m),
        SF_OK);
    assert_str(m->architecture, "LlamaForCausalLM");
}

static void test_quantised_checkpoints_keep_their_node(void **state)
{
    fixture *f = *state;
    const sf_model *m = NULL;

    assert_int_equal(
        resolve_text(f,
                     "{\"architectures\": [\"LlamaForCausalLM\"], \"hidden_size\": 64, "
                     "\"num_hidden_layers\": 2, \"vocab_size\": 128, \"num_attention_heads\": 4, "
                     "\"intermediate_size\": 128, \"max_position_embeddings\": 32,\n"
                     "\"quantization_config\": {\"quant_method\": \"fp8\"}}",
                     NULL, &m),
        SF_OK);
    assert_non_null(m->quantization);
    assert_true(m->quantization_known);
    assert_str(m->quantization_title, "fp8");
    assert_int_equal(m->quantization->line, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_published_parameters),
        TEST(test_omni_parts),
        TEST(test_whole_omni_checkpoints),
        TEST(test_kv_layers),
        TEST(test_sliding_layers),
        TEST(test_dtypes),
        TEST(test_made_tensors),
        TEST(test_order_and_shards),
        TEST(test_forward_and_encoders),
        TEST(test_max_model_len),
        TEST(test_overrides),
        TEST(test_errors),
        TEST(test_unknown_architectures),
        TEST(test_quantised_checkpoints_keep_their_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
