/* diffusers: pipelines in folders, component by component, against published counts. */
#include "model_helper.h"

#include "base/embed.h"
#include "model/family.h"

static void test_published_components(void **state)
{
    static const struct {
        const char *name, *component;
        uint64_t params;
    } row[] = {
        {"black-forest-labs/FLUX.1-dev",                    "transformer",    23802816640u / 2},
        {"black-forest-labs/FLUX.1-dev",                    "text_encoder",   123060480u      },
        {"black-forest-labs/FLUX.1-dev",                    "text_encoder_2", 9524621312u / 2 },
        {"black-forest-labs/FLUX.1-dev",                    "vae",            83819683u       },
        {"black-forest-labs/FLUX.1-schnell",                "transformer",    23782357120u / 2},
        {"lodestones/Chroma",                               "transformer",    17799966848u / 2},
        {"Kwai-Kolors/Kolors",                              "text_encoder",   12487168064u / 2},
        {"Kwai-Kolors/Kolors",                              "vae",            83653863u       },
        {"Qwen/Qwen-Image",                                 "transformer",    20430401088u    },
        {"Qwen/Qwen-Image-2512",                            "transformer",    20430401088u    },
        {"Qwen/Qwen-Image-Edit-2511",                       "transformer",    20430401088u    },
        {"Qwen/Qwen-Image",                                 "text_encoder",   8292166656u     },
        {"Qwen/Qwen-Image",                                 "vae",            126892531u      },
        {"Tencent-Hunyuan/HunyuanDiT-Diffusers",            "text_encoder_2", 6679834624u / 4 },
        {"Tongyi-MAI/Z-Image-Turbo",                        "transformer",    6154908736u     },
        {"Wan-AI/Wan2.2-T2V-A14B-Diffusers",                "transformer",    14288491584u    },
        {"Wan-AI/Wan2.2-T2V-A14B-Diffusers",                "transformer_2",  14288491584u    },
        {"Wan-AI/Wan2.2-T2V-A14B-Diffusers",                "text_encoder",   5680910336u     },
        {"Wan-AI/Wan2.2-TI2V-5B-Diffusers",                 "transformer",    4999787712u     },
        {"runwayml/stable-diffusion-v1-5",                  "unet",           859520964u      },
        {"stabilityai/stable-diffusion-2-1",                "unet",           865910724u      },
        {"stabilityai/stable-diffusion-xl-base-1.0",        "unet",           2567463684u     },
        {"stabilityai/stable-diffusion-xl-base-1.0",        "text_encoder_2", 694659840u      },
        {"stabilityai/stable-diffusion-3-medium-diffusers", "text_encoder_3", 9524621312u / 2 },
        {"stabilityai/stable-diffusion-3.5-large",          "transformer",    16292561536u / 2},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_model *m = model_of(f, row[i].name, "");

        assert_non_null(m);
        assert_int_equal(params_of(m, row[i].component), row[i].params);
    }
    assert_int_equal(f->dg.n, 0);
}

/* Rounded counts of model cards: 3.6 and 1.5 billion, 19 billion, 0.7 billion. */
static void test_rounded_components(void **state)
{
    static const struct {
        const char *name, *component;
        double billions, half; /* of the last digit that is published */
    } row[] = {
        {"stabilityai/stable-cascade-prior",        "prior",       3.6,   0.05 },
        {"stabilityai/stable-cascade",              "decoder",     1.56,  0.05 },
        {"Lightricks/LTX-2",                        "transformer", 19,    0.5  },
        {"Wan-AI/Wan2.2-TI2V-5B-Diffusers",         "vae",         0.705, 0.005},
        {"Tencent-Hunyuan/HunyuanDiT-Diffusers",    "transformer", 1.5,   0.05 },
        {"stabilityai/stable-diffusion-3.5-medium", "transformer", 2.5,   0.05 },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_model *m = model_of(f, row[i].name, "");
        double got = m ? (double)params_of(m, row[i].component) / 1e9 : 0;

        assert_true(got >= row[i].billions - row[i].half && got <= row[i].billions + row[i].half);
    }
}

/* Roles decide what is divided, offloaded and decoded. */
static void test_roles(void **state)
{
    fixture *f = *state;
    const sf_model *m = model_of(f, "Wan-AI/Wan2.2-T2V-A14B-Diffusers", "");
    const sf_tensor *q = NULL, *table = NULL;

    assert_non_null(m);
    for (size_t i = 0; i < m->n_tensors; i++) {
        const sf_tensor *t = &m->tensors[i];
        bool dit = sf_str_starts(t->component, SF_STR("transformer"));

        assert_int_equal(t->role, dit                              ? SF_ROLE_DIT
                                  : sf_str_is(t->component, "vae") ? SF_ROLE_VAE
                                                                   : SF_ROLE_ENCODER);
        if (dit && sf_str_is(t->name, "blocks.{}.attn1.to_q.weight"))
            q = t;
        if (dit && sf_str_is(t->name, "scale_shift_table"))
            table = t;
    }
    assert_non_null(q);
    assert_non_null(table);
    assert_int_equal(q->shard, SF_SHARD_COLUMN);
    assert_int_equal(q->pp, SF_PP_LAYER);
    assert_int_equal(table->shard, SF_SHARD_NONE);
    assert_int_equal(table->pp, SF_PP_ALL);
    assert_int_equal(m->n_layers, 40);
    assert_int_equal(m->diffusion.hidden, 5120);
    assert_int_equal(m->diffusion.intermediate, 13824);
    assert_int_equal(m->diffusion.patch, 2);
    assert_int_equal(m->diffusion.scale, 8);
    assert_int_equal(m->diffusion.scale_t, 4);
    assert_int_equal(m->diffusion.decode_elements, 2690);
}

#define FLUX_INDEX                                                                                           \
    "{\"_class_name\": \"MyPipeline\", \"vae\": [\"diffusers\", \"AutoencoderKL\"], \"none\": [null, "       \
    "null], "                                                                                                \
    "\"flag\": true, \"tokenizer\": [\"transformers\", \"CLIPTokenizer\"], \"scheduler\": "                  \
    "[\"diffusers\", \"EulerDiscreteScheduler\"]"

/* A checkpoint of an index and one sub-folder `vae`. */
static sf_code resolve_index(fixture *f, const char *index, const char *vae, const sf_model_wish *wish,
                             const sf_model **ret)
{
    static const sf_model_wish none;
    sf_checkpoint *c = SF_NEW(f->a, sf_checkpoint);

    *c = checkpoint_of(f, index);
    c->index = c->config;
    if (vae) {
        c->subs = SF_NEW(f->a, struct sf_checkpoint_sub);
        c->n_subs = 1;
        c->subs[0].name = SF_STR("vae");
        assert_int_equal(
            sf_json_parse(f->a, sf_str_of(vae), SF_STR("vae/config.json"), 0, &f->dg, &c->subs[0].config),
            SF_OK);
    }
    return sf_model_resolve(f->a, c, wish ? wish : &none, &f->dg, ret);
}

#define VAE                                                                                                  \
    "{\"_class_name\": \"AutoencoderKL\", \"in_channels\": 3, \"out_channels\": 3, \"latent_channels\": 4, " \
    "\"layers_per_block\": 2, \"block_out_channels\": [128, 256, 512, 512]}"

/* A pipeline that no file knows is the sum of its components; settings, tokenizers and schedulers weigh nothing. */
static void test_unknown_pipeline(void **state)
{
    fixture *f = *state;
    const sf_model *m = NULL;

    assert_int_equal(resolve_index(f, FLUX_INDEX "}", VAE, NULL, &m), SF_OK);
    assert_str(m->architecture, "MyPipeline");
    assert_int_equal(params_of(m, NULL), 83653863);
    assert_int_equal(f->dg.n, 0);
}

static void test_unknown_component(void **state)
{
    fixture *f = *state;
    const sf_model *m = NULL;
    static const char index[] = "{\"_class_name\": \"P\",\n \"vae\": [\"diffusers\", \"NewAutoencoder\"]}";

    assert_int_equal(resolve_index(f, index, VAE, NULL, &m), SF_E_ARCH_UNKNOWN);
    assert_error_at(&f->dg, SF_E_ARCH_UNKNOWN, 1, 1);
    assert_non_null(strstr(f->dg.items[0].message.p, "`vae` is a `NewAutoencoder`"));
}

static void test_missing_component(void **state)
{
    fixture *f = *state;
    const sf_model *m = NULL;

    assert_int_equal(resolve_index(f, FLUX_INDEX "}", NULL, NULL, &m), SF_E_CONFIG_MISSING);
    assert_non_null(strstr(f->dg.items[0].message.p, "the sub-folder `vae`"));
}

/* A published config stands in where the pipeline says which: told, and marked as modelled. */
static void test_stand_in(void **state)
{
    static const char index[] = "{\"_class_name\": \"WanPipeline\", \"expand_timesteps\": true, \"vae\": "
                                "[\"diffusers\", \"AutoencoderKLWan\"]}";
    fixture *f = *state;
    const sf_model *m = NULL;

    assert_int_equal(resolve_index(f, index, NULL, NULL, &m), SF_OK);
    assert_int_equal(params_of(m, "vae"), 704688668);
    assert_int_equal(m->tensors[0].origin, SF_ORIGIN_MODELLED);
    assert_int_equal(f->dg.n, 1);
    assert_int_equal(f->dg.items[0].severity, SF_NOTE);
}

/* A stage that loads some of the folders only. */
static void test_wished_components(void **state)
{
    fixture *f = *state;
    const sf_checkpoint *c = NULL;
    const sf_model *m = NULL;
    sf_model_wish wish = {0};

    assert_int_equal(sf_json_parse(f->a, SF_STR("[\"vae\"]"), SF_STR("x"), 0, &f->dg, &wish.components),
                     SF_OK);
    assert_int_equal(sf_catalogue_find(f->a, SF_STR("zai-org/GLM-Image"), &f->dg, &c), SF_OK);
    assert_int_equal(sf_model_resolve(f->a, c, &wish, &f->dg, &m), SF_OK);
    assert_int_equal(params_of(m, NULL), 83819683);
}

/* Every class of the index leads to a part or to a family that exists, or that is refused by name. */
static void test_classes_lead_somewhere(void **state)
{
    fixture *f = *state;
    sf_model_cache *cache = sf_model_cache_new(f->a);
    const sf_node *index = NULL, *classes;

    assert_int_equal(sf_family_index(cache, &f->dg, &index), SF_OK);
    classes = sf_node_get(index, "components");
    assert_true(sf_node_is(classes, SF_MAP) && classes->n >= 30);
    for (uint32_t i = 0; i < classes->n; i++) {
        const sf_node *row = classes->as.pairs[i].value, *use = sf_node_get(row, "use"),
                      *family = sf_node_get(row, "family"), *root = NULL;
        sf_family_entry e;
        bool found = false;
        sf_str file, part;

        if (family) {
            assert_int_equal(sf_family_find(cache, family->text, &f->dg, &found, &e), SF_OK);
            assert_true(found);
            continue;
        }
        part = use->text;
        assert_true(sf_str_split(&part, '/', &file));
        assert_int_equal(sf_family_file(cache, file, (sf_where){0}, &f->dg, &root), SF_OK);
        assert_non_null(sf_node_get_str(sf_node_get(root, "parts"), part));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_published_components),
        TEST(test_rounded_components),
        TEST(test_roles),
        TEST(test_unknown_pipeline),
        TEST(test_unknown_component),
        TEST(test_missing_component),
        TEST(test_stand_in),
        TEST(test_wished_components),
        TEST(test_classes_lead_somewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
