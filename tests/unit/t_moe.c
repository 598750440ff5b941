/* moe: mixtures of experts and latent attention: parameters, cache and cuts, against published figures. */
#include "model_helper.h"

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
 * Whole checkpoints.  `scales`: the published count includes those of 128 × 128 blocks, which shows
 * that the right tensors are taken for linear layers.  https://github.com/gogongxt/python/tree/main/scripts
 */
static void test_published(void **state)
{
    static const struct {
        const char *name;
        uint64_t params, more, tensors, kv; /* more: what is stored and never looked at */
        bool scales;
    } row[] = {
        {"deepseek-ai/DeepSeek-V2-Lite", 15706484224u,   0,       5291,  31104,                false},
        {"deepseek-ai/DeepSeek-R1",      684531386000u,  0,       0,     70272,                true },
        {"deepseek-ai/DeepSeek-V3.2",    685396921376u,  0,       0,     78324,                true },
        {"moonshotai/Kimi-K2-Instruct",  1026470731056u, 61 * 56, 0,     70272,                true }, /* inv_freq */
        {"zai-org/GLM-5.1",              753864139008u,  0,       59870, 78 * (1152 + 132),    false},
        {"zai-org/GLM-5.2",              753329940480u,  0,       59585, 78 * 1152 + 21 * 132, false},
        {"zai-org/GLM-4.7-Flash",        31221488576u,   0,       9703,  47 * 1152,            false},
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
        assert_int_equal(token_bytes(m), row[i].kv);
    }
    assert_int_equal(f->dg.n, 0);
}

/* Prediction layers are stored behind the last, as a component of their own, and not loaded. */
static void test_prediction_layers(void **state)
{
    fixture *f = *state;
    const sf_model *m = plain_model(f, "deepseek-ai/DeepSeek-V3");
    uint64_t mtp = 0;

    for (size_t i = 0; i < m->n_tensors; i++) {
        const sf_tensor *t = &m->tensors[i];

        assert_int_equal(!t->loaded, sf_str_is(t->component, "mtp"));
        if (!t->loaded && t->in_checkpoint)
            mtp += sf_tensor_numel(t) * sf_tensor_count(t);
    }
    /* "14B of the Multi-Token Prediction module weights" with the embedding and the head (the model's README) */
    assert_int_equal(mtp, 684489845504u - 671026419200u);
    assert_non_null(tensor_of(m, "model.layers.61.eh_proj.weight"));
    assert_int_equal(m->n_layers, 61);
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
        TEST(test_published),
        TEST(test_prediction_layers),
        TEST(test_shared_indexers),
        TEST(test_latent_cuts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
