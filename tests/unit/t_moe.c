/* moe: mixtures of experts and latent attention: parameters, cache and cuts, against published figures. */
#include "model_helper.h"

#include <math.h>

#include "memory/kv.h"
#include "memory/weights_cut.h"

/* The model as it was before it was quantised. */
static const sf_model *plain_model(fixture *f, const char *name)
{
    const sf_checkpoint *c = NULL;
    const sf_model *m = NULL;
    sf_model_wish wish = {0};

    assert_int_equal(sf_json_parse(f->a, SF_STR("{\"quantization_config\": null}"), SF_STR("hf_overrides"), 0,
                                   &f->dg, &wish.hf_overrides),
                     SF_OK);
    assert_int_equal(sf_catalogue_find(f->a, sf_str_of(name), &f->dg, &c), SF_OK);
    return sf_model_resolve(f->a, c, &wish, &f->dg, &m) ? NULL : m;
}

/* Scales of a checkpoint that keeps one for each 128 × 128 block of its linear layers and experts. */
static uint64_t block_scales(const sf_model *m)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < m->n_tensors; i++) {
        const sf_tensor *t = &m->tensors[i];

        if (t->in_checkpoint && (t->cls == SF_TENSOR_LINEAR || t->cls == SF_TENSOR_EXPERT))
            sum += sf_cdiv(t->dims[0], 128) * sf_cdiv(t->dims[1], 128) * sf_tensor_count(t);
    }
    return sum;
}

/* Bytes of one token, two an element but for an indexer's. */
static uint64_t token_bytes(const sf_model *m)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < m->n_kv; i++) {
        const sf_kv_layers *kv = &m->kv[i];

        sum += (uint64_t)(kv->kind == SF_KV_INDEXER ? 1 : 2) * kv->repeat * kv->kv_heads *
               (kv->head_size + kv->head_size_v);
    }
    return sum;
}

/*
 * Whole checkpoints.  `scales`: the published count includes those of 128 x 128 blocks, which shows that the
 * right tensors are taken for linear layers.  https://github.com/gogongxt/python/tree/main/scripts and the counts
 * that the publishers' model pages show.
 */
static void test_published(void **state)
{
    static const struct {
        const char *name;
        uint64_t params, more, tensors, kv; /* more: what is stored and never looked at */
        bool scales;
    } row[] = {
        {"deepseek-ai/DeepSeek-V2-Lite",  15706484224u,   0,       5291,  31104,                      false},
        {"deepseek-ai/DeepSeek-V2",       235741434880u,  0,       0,     69120,                      false},
        {"deepseek-ai/DeepSeek-R1",       684531386000u,  0,       0,     70272,                      true },
        {"deepseek-ai/DeepSeek-V3.2",     685396921376u,  0,       0,     78324,                      true },
        {"deepseek-ai/DeepSeek-V4-Flash", 290944616402u,  0,       0,     0,                          false},
        {"deepseek-ai/DeepSeek-V4-Pro",   1598839674782u, 0,       0,     0,                          false},
        {"moonshotai/Kimi-K2-Instruct",   1026470731056u, 61 * 56, 0,     70272,                      true }, /* inv_freq */
        {"zai-org/GLM-5.1",               753864139008u,  0,       59870, 78 * (1152 + 132),          false},
        {"zai-org/GLM-5.1-FP8",           753910024032u,  0,       0,     78 * (1152 + 132),          true },
        {"zai-org/GLM-5.2",               753329940480u,  0,       59585, 78 * 1152 + 21 * 132,       false},
        {"zai-org/GLM-4.7-Flash",         31221488576u,   0,       9703,  47 * 1152,                  false},
        {"zai-org/GLM-4.5",               358337791296u,  0,       0,     92 * 4096,                  false},
        {"zai-org/GLM-4.5-Air",           110468824832u,  0,       0,     46 * 4096,                  false},
        {"zai-org/GLM-4.7",               358337791296u,  0,       0,     92 * 4096,                  false},
        {"openai/gpt-oss-20b",            20914757184u,   0,       411,   24 * 2048,                  false},
        {"openai/gpt-oss-120b",           116829156672u,  0,       0,     36 * 2048,                  false},
        {"MiniMaxAI/MiniMax-M2",          228689764864u,  0,       0,     62 * 4096,                  false},
        {"MiniMaxAI/MiniMax-M2.7",        228703644928u,  0,       0,     62 * 4096,                  true },
 /* V2.5's language model: the sum of the listed tensors, without scales and prediction layers */
        {"XiaomiMiMo/MiMo-V2-Flash",      308778780864u,  0,       0,     9 * 4 * 640 + 39 * 8 * 640, false},
        {"Qwen/Qwen1.5-MoE-A2.7B",        14315784192u,   0,       0,     24 * 8192,                  false},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_model *m = plain_model(f, row[i].name);
        uint64_t tensors, params, bytes;

        assert_non_null(m);
        sf_model_totals(m, &tensors, &params, &bytes);
        assert_int_equal(params + (row[i].scales ? block_scales(m) : 0) + row[i].more, row[i].params);
        if (row[i].tensors)
            assert_int_equal(tensors, row[i].tensors);
        if (row[i].kv)
            assert_int_equal(token_bytes(m), row[i].kv);
    }
    assert_int_equal(f->dg.n, 0);
}

/* Counts that are published in billions. */
static void test_published_billions(void **state)
{
    static const struct {
        const char *name;
        double billions, half; /* half of the last digit */
        uint64_t kv;
    } row[] = {
        {"zai-org/GLM-4-32B-0414",         32.6, 0.05,  61 * 1024       },
        {"XiaomiMiMo/MiMo-7B-Base",        7.83, 0.005, 36 * 4096       },
        {"openbmb/MiniCPM3-4B",            4.07, 0.005, 62 * 40 * 96 * 4},
        {"microsoft/Phi-3.5-MoE-instruct", 41.9, 0.05,  32 * 4096       },
        {"databricks/dbrx-instruct",       132,  0.5,   40 * 4096       },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_model *m = plain_model(f, row[i].name);

        assert_non_null(m);
        assert_true(fabs((double)params_of(m, NULL) / 1e9 - row[i].billions) <= row[i].half);
        assert_int_equal(token_bytes(m), row[i].kv);
    }
}

/* Language models that are published inside multimodal ones: the count without the tower and the projector. */
static void test_inner_texts(void **state)
{
    static const struct {
        const char *json;
        uint64_t params;
    } row[] = {
  /* 108,641,793,536 and 401,583,781,376 with 871,932,416 of vision */
        {"{\"architectures\":[\"Llama4ForCausalLM\"],\"head_dim\":128,\"hidden_size\":5120,\"intermediate_"
         "size\":8192,"
         "\"intermediate_size_mlp\":16384,\"interleave_moe_layer_step\":1,\"max_position_embeddings\":"
         "10485760,"
         "\"num_attention_heads\":40,\"num_hidden_layers\":48,\"num_key_value_heads\":8,\"num_local_"
         "experts\":16,"
         "\"num_experts_per_tok\":1,\"attention_chunk_size\":8192,\"vocab_size\":202048,\"torch_dtype\":"
         "\"bfloat16\"}",                                                                        108641793536u - 871932416u     },
        {"{\"architectures\":[\"Llama4ForCausalLM\"],\"head_dim\":128,\"hidden_size\":5120,\"intermediate_"
         "size\":8192,"
         "\"intermediate_size_mlp\":16384,\"interleave_moe_layer_step\":2,\"max_position_embeddings\":"
         "1048576,"
         "\"num_attention_heads\":40,\"num_hidden_layers\":48,\"num_key_value_heads\":8,\"num_local_"
         "experts\":128,"
         "\"num_experts_per_tok\":1,\"attention_chunk_size\":8192,\"vocab_size\":202048,\"torch_dtype\":"
         "\"bfloat16\"}",                                                                        401583781376u - 871932416u     },
 /* Step-3.5 and 3.7 Flash */
        {"{\"architectures\":[\"Step3p7FlashForCausalLM\"],\"num_hidden_layers\":4,\"hidden_size\":4096,"
         "\"num_attention_heads\":64,\"num_key_value_heads\":8,\"head_dim\":128,\"vocab_size\":128896,"
         "\"max_position_embeddings\":65536,\"intermediate_size\":11264,\"sliding_window\":512,\"layer_"
         "types\":"
         "[\"full_attention\",\"sliding_attention\",\"sliding_attention\",\"sliding_attention\"],"
         "\"first_k_dense_replace\":3,\"num_experts\":288,\"num_experts_per_tok\":8,\"moe_intermediate_"
         "size\":1280,"
         "\"share_expert_dim\":1280,\"use_moe_router_bias\":true,\"torch_dtype\":\"bfloat16\"}", 2 * 128896u * 4096u + 4096u + /* q and o, k and v, gate, norms of the two kinds of layers */
             4096u * (2 * 64 * 128 + 2 * 1024 + 64) + 3 * 4096u * (2 * 96 * 128 + 2 * 1024 + 96) +
             4 * (2 * 4096u + 256u) + 3 * 3 * 4096u * 11264u + (uint64_t)289 * 3 * 4096 * 1280 +
             288u * 4096u + 288u},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_model *m = NULL;

        assert_int_equal(resolve_text(f, row[i].json, NULL, &m), SF_OK);
        assert_int_equal(params_of(m, NULL), row[i].params);
    }
}

/* Experts that lie in one tensor a layer: as the checkpoint has them, and as the engine does. */
static void test_stacked_experts(void **state)
{
    static const struct {
        const char *model, *name;
        uint64_t dims[2], stored[3];
        uint8_t n_stored;
    } row[] = {
        {"openai/gpt-oss-20b",       "model.layers.{}.mlp.experts.gate_up_proj",      {5760, 2880},  {32, 2880, 5760}, 3},
        {"openai/gpt-oss-20b",       "model.layers.{}.mlp.experts.gate_up_proj_bias", {5760},        {32, 5760},       2},
        {"databricks/dbrx-instruct",
         "transformer.blocks.{}.ffn.experts.mlp.w1",                                  {10752, 6144},
         {172032, 6144},
         2                                                                                                              },
        {"databricks/dbrx-instruct",
         "transformer.blocks.{}.ffn.experts.mlp.w2",                                  {6144, 10752},
         {172032, 6144},
         2                                                                                                              },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_model *m = plain_model(f, row[i].model);
        const sf_tensor *t = tensor_of(m, row[i].name);
        uint64_t dims[SF_TENSOR_DIMS] = {0};

        assert_non_null(t);
        assert_memory_equal(t->dims, row[i].dims, t->n_dims * sizeof *dims);
        assert_int_equal(sf_tensor_stored_dims(t, dims), row[i].n_stored);
        assert_memory_equal(dims, row[i].stored, row[i].n_stored * sizeof *dims);
        assert_int_equal(sf_tensor_stored_count(t), t->repeat);
        assert_int_equal(sf_tensor_count(t), (uint64_t)t->repeat * t->experts);
    }
}

/*
 * DeepSeek-V4: the layers' caches in the order of the engine, pages as its own functions computed them (0.22; see
 * tests/oracle), and the group of the full ones.
 */
static void test_pooled_caches(void **state)
{
    static const uint64_t pages[] = {37440, 37440, /* two layers with a window alone */
                                     8640,  8640,  37440, 37440, 32832, 37440, 1728, 32832};
    fixture *f = *state;
    const sf_model *m = plain_model(f, "deepseek-ai/DeepSeek-V4-Flash");
    sf_kv_worker worker = {0, (int64_t)49458806933};
    sf_kv_wish wish = {.tp = 8,
                       .pp = 1,
                       .kv_cache_dtype = SF_STR("auto"),
                       .model_dtype = SF_DT_BF16,
                       .capability = 90,
                       .max_model_len = 131072,
                       .max_num_batched_tokens = 8192,
                       .max_num_seqs = 256};
    const sf_profile *engine = NULL;
    const sf_kv_result *r = NULL;
    sf_kv_case c = {0};
    size_t k = 0;

    assert_int_equal(sf_profile_find(f->a, SF_STR("vllm@0.22.0"), false, &f->dg, &engine), SF_OK);
    assert_int_equal(sf_kv_case_of_model(f->a, engine, m, &wish, &f->dg, &c), SF_OK);
    for (size_t i = 0; k < sizeof pages / sizeof *pages && i < c.stages[0].n; i++)
        for (uint32_t n = 0; n < c.stages[0].runs[i].count && k < sizeof pages / sizeof *pages; n++) {
            uint64_t page = 0;

            assert_true(sf_kv_page_bytes(&c.specs[c.stages[0].runs[i].spec], &page));
            assert_int_equal(page, pages[k++]);
        }
    assert_int_equal(k, sizeof pages / sizeof *pages);
    assert_int_equal(c.cache_block_size, 256);
    c.workers = &worker;
    c.n_workers = 1;
    assert_int_equal(sf_kv_plan(f->a, engine, &c, &f->dg, &r), SF_OK);
    assert_int_equal(r->error, SF_KV_OK);
    assert_int_equal(r->groups[0].n_layers, 62); /* 21 indexers, 21 and 20 compressed caches */
    assert_int_equal(r->groups[0].page_size, 1002240);
    assert_int_equal(r->groups[0].pages, 512);
    assert_int_equal(r->groups[r->n_groups - 1].n_layers, 20);
    assert_int_equal(r->groups[r->n_groups - 1].page_size, 20 * 37440);
    /* with the prediction layer: case 283 of the engine's own answers */
    wish.prediction_layers = true;
    wish.num_spec_tokens = 1;
    assert_int_equal(sf_kv_case_of_model(f->a, engine, m, &wish, &f->dg, &c), SF_OK);
    c.workers = &worker;
    c.n_workers = 1;
    assert_int_equal(sf_kv_plan(f->a, engine, &c, &f->dg, &r), SF_OK);
    assert_int_equal(r->n_groups, 5);
    assert_int_equal(r->groups[1].n_layers, 22);
    assert_int_equal(r->groups[3].n_layers, 42);
    assert_int_equal(r->num_blocks, 47024);
    assert_true(r->concurrency == 13.48938611589214);
    assert_int_equal(r->needed[0], 4066166016u);
    assert_int_equal(sf_profile_find(f->a, SF_STR("vllm@0.19.0"), false, &f->dg, &engine), SF_OK);
    assert_int_equal(sf_kv_plan(f->a, engine, &c, &f->dg, &r),
                     SF_E_KV_UNKNOWN); /* before the layout existed */
}

/* Configs that contradict themselves: the place and the reason. */
static void test_bad_configs(void **state)
{
#define OSS(layers, heads, kv, experts, types)                                                               \
    "{\"architectures\":[\"GptOssForCausalLM\"],\"head_dim\":64,\"hidden_size\":2880,\n\"intermediate_"      \
    "size\":2880,"                                                                                           \
    "\"num_hidden_layers\":" layers ",\n\"num_attention_heads\":" heads ",\n\"num_key_value_heads\":" kv     \
    ",\n\"num_local_experts\":" experts ",\n\"layer_types\":" types                                          \
    ",\"sliding_window\":128,\"vocab_size\":64,\"max_position_embeddings\":64}"
#define V4(ratios)                                                                                           \
    "{\"architectures\":[\"DeepseekV4ForCausalLM\"],\"head_dim\":512,\"hidden_size\":64,\"num_attention_"    \
    "heads\":64,\n"                                                                                          \
    "\"num_hidden_layers\":2,\"num_key_value_heads\":1,\"moe_intermediate_size\":64,\"n_routed_experts\":4," \
    "\n"                                                                                                     \
    "\"n_shared_experts\":1,\"num_experts_per_tok\":2,\"q_lora_rank\":64,\"o_lora_rank\":64,\"o_groups\":8," \
    "\n"                                                                                                     \
    "\"qk_rope_head_dim\":64,\"index_head_dim\":128,\"index_n_heads\":64,\"hc_mult\":4,\"sliding_window\":"  \
    "128,\n"                                                                                                 \
    "\"compress_ratios\":" ratios ",\"vocab_size\":64,\"max_position_embeddings\":64}"
    static const struct {
        const char *json;
        sf_code code;
        unsigned line, col;
    } row[] = {
        {OSS("0",                                     "64",      "8","4","[]"), SF_E_EXPR, 2, 46},
        {OSS("-2",                                  "64",                                          "8","4","[]"), SF_E_EXPR, 2, 46},
        {OSS("\"2\"",      "64","8","4","[]"), SF_E_EXPR, 2, 46},
        {OSS("2",                                          "64",                                                 "7","4","[\"full_attention\",\"full_attention\"]"), SF_E_CONFIG_VALUE, 4, 23},
        {OSS("2",                                        "64",                                                                            "8",                                                                         "-4",                                               "[\"full_attention\",\"full_attention\"]"), SF_E_EXPR, 5, 21},
        {OSS("2",                                         "64",                                                  "8","4","[\"full_attention\"]"), SF_E_CONFIG_VALUE, 6, 15},
        {OSS("2",                                        "64",       "8","4","[\"full_attention\",\"banana\"]"), SF_E_KV_UNKNOWN, 6, 33},
        {V4("[4]"),                                           SF_E_EXPR,                                              5,19},
        {V4("[4, 7]"), SF_E_KV_UNKNOWN, 1,1},
        {V4("[4, \"x\"]"),                                     SF_E_EXPR,  5,23},
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

/* Expert parallelism deals out whole experts, biases with them. */
static void test_expert_parallel(void **state)
{
    fixture *f = *state;
    const sf_model *m = plain_model(f, "openai/gpt-oss-20b");
    sf_weights_wish wish = {.tp = 2, .pp = 1, .ep = 2};
    uint64_t numel = 0;

    assert_int_equal(
        sf_weights_cut(m, tensor_of(m, "model.layers.{}.mlp.experts.gate_up_proj"), &wish, &f->dg, &numel),
        SF_OK);
    assert_int_equal(numel, 16 * 5760 * 2880);
    assert_int_equal(
        sf_weights_cut(m, tensor_of(m, "model.layers.{}.mlp.experts.down_proj_bias"), &wish, &f->dg, &numel),
        SF_OK);
    assert_int_equal(numel, 16 * 2880);
    wish.ep = 0;
    assert_int_equal(
        sf_weights_cut(m, tensor_of(m, "model.layers.{}.mlp.experts.gate_up_proj"), &wish, &f->dg, &numel),
        SF_OK);
    assert_int_equal(numel, (uint64_t)32 * 2880 * 2880);
}

/* Prediction layers are stored behind the last, as a component of their own, and not loaded. */
static void test_prediction_layers(void **state)
{
    fixture *f = *state;
    const sf_model *m = plain_model(f, "deepseek-ai/DeepSeek-V3");
    uint64_t mtp = 0;

    for (size_t i = 0; i < m->n_tensors; i++) {
        const sf_tensor *t = &m->tensors[i];

        assert_int_equal(!t->loaded, sf_str_starts(t->component, SF_STR("mtp")));
        if (!t->loaded && t->in_checkpoint)
            mtp += sf_tensor_numel(t) * sf_tensor_count(t);
    }
    /* "14B of the Multi-Token Prediction module weights" with the embedding and the head (the model's README) */
    assert_int_equal(mtp, 684489845504u - 671026419200u);
    assert_non_null(tensor_of(m, "model.layers.61.eh_proj.weight"));
    assert_int_equal(m->n_layers, 61);
    assert_int_equal(m->n_mtp_kv, 1);
    assert_int_equal(m->mtp_kv[0].kind, SF_KV_MLA);
    m = plain_model(f, "zai-org/GLM-5.2"); /* layer 78 has an indexer */
    assert_int_equal(m->n_mtp_kv, 2);
    assert_int_equal(m->mtp_kv[1].kind, SF_KV_INDEXER);
    assert_int_equal(m->mtp_kv[1].first_layer, 78);
    m = plain_model(f, "zai-org/GLM-4.5-Air");
    assert_int_equal(m->n_mtp_kv, 1);
    assert_int_equal(m->mtp_kv[0].kind, SF_KV_FULL);
    assert_int_equal(plain_model(f, "moonshotai/Kimi-K2-Instruct")->n_mtp_kv, 0);
}

/* One layer in four has an indexer in GLM-5.2; those behind it take what it chose, and keep no keys. */
static void test_shared_indexers(void **state)
{
    fixture *f = *state;
    const sf_model *m = plain_model(f, "zai-org/GLM-5.2");
    uint32_t indexers = 0;

    for (size_t i = 0; i < m->n_kv; i++)
        if (m->kv[i].kind == SF_KV_INDEXER) {
            assert_true(m->kv[i].first_layer < 3 || m->kv[i].first_layer % 4 == 2);
            assert_int_equal(m->kv[i].head_size, 132);
            indexers += m->kv[i].repeat;
        }
    assert_int_equal(indexers, 21);
}

/* What latent attention divides over ranks and what each rank has whole. */
static void test_latent_cuts(void **state)
{
    static const struct {
        const char *name;
        uint64_t numel; /* of one tensor at tp 8 */
    } row[] = {
        {"model.layers.{}.self_attn.q_a_proj.weight",                1536 * 7168          },
        {"model.layers.{}.self_attn.kv_a_proj_with_mqa.weight",      576 * 7168           },
        {"model.layers.{}.self_attn.q_b_proj.weight",                128 * 192 / 8 * 1536 },
        {"model.layers.{}.self_attn.kv_b_proj.weight",               128 * 256 / 8 * 512  },
        {"model.layers.{}.self_attn.kv_b_proj.weight_in_model_type", 128 * 256 / 8 * 512  },
        {"model.layers.{}.self_attn.o_proj.weight",                  7168 * 128 * 128 / 8 },
        {"model.layers.{}.mlp.gate.weight",                          256 * 7168           },
        {"model.layers.{}.mlp.shared_experts.gate_proj.weight",      2048 / 8 * 7168      },
        {"model.layers.{}.mlp.experts.{}.gate_proj.weight",          256 * 2048 / 8 * 7168},
    };
    fixture *f = *state;
    const sf_model *m = plain_model(f, "deepseek-ai/DeepSeek-V3");
    sf_weights_wish wish = {.tp = 8, .pp = 1};

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_tensor *t = tensor_of(m, row[i].name);
        uint64_t numel = 0;

        assert_non_null(t);
        assert_int_equal(sf_weights_cut(m, t, &wish, &f->dg, &numel), SF_OK);
        assert_int_equal(numel, row[i].numel);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_published),       TEST(test_published_billions), TEST(test_inner_texts),
        TEST(test_stacked_experts), TEST(test_expert_parallel),    TEST(test_pooled_caches),
        TEST(test_bad_configs),     TEST(test_prediction_layers),  TEST(test_shared_indexers),
        TEST(test_latent_cuts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
