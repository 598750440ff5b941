/* profile: which behaviour a text means, and that every release of the data loads and is as documented. */
#include "test.h"

#include "base/num.h"
#include "engine/profile.h"

static const sf_profile *find(fixture *f, const char *spec, bool omni)
{
    const sf_profile *p = NULL;

    assert_int_equal(sf_profile_find(f->a, sf_str_of(spec), omni, &f->dg, &p), SF_OK);
    assert_non_null(p);
    return p;
}

/* Text → engine, release, vLLM under it. */
static void test_what_a_text_means(void **state)
{
    static const struct {
        const char *spec;
        bool omni;
        const char *engine, *release, *vllm;
        bool noted;
    } row[] = {
        {"",                                 false, "vllm",      "0.29.0",        "",       false},
        {"",                                 true,  "vllm-omni", "2026-09",       "0.28.0", false},
        {"vllm",                             true,  "vllm",      "0.29.0",        "",       false},
        {"vllm@0.19.0",                      false, "vllm",      "0.19.0",        "",       false},
        {"vllm==0.19.0",                     false, "vllm",      "0.19.0",        "",       false},
        {"0.19",                             false, "vllm",      "0.19.0",        "",       false},
        {"v0.19.1",                          false, "vllm",      "0.19.0",        "",       true },
        {"vllm@0.10.1.1",                    false, "vllm",      "0.10.1",        "",       true },
        {"vllm@0.8.5.post1",                 false, "vllm",      "0.8.5",         "",       false},
        {"vllm@0.23.1rc1.dev280+gc0b2d8f47", false, "vllm",      "0.23.0",        "",       true },
        {"vllm@0.7.3",                       false, "vllm",      "0.7.2",         "",       true },
        {"vllm@0.6.0",                       false, "vllm",      "0.6.0",         "",       false},
        {"vllm-v0@0.8.5",                    false, "vllm",      "0.8.3",         "",       true },
        {"vllm@2026-04-30",                  false, "vllm",      "0.20.0",        "",       true },
        {"vllm@2024-12",                     false, "vllm",      "0.6.5",         "",       true },
        {"vllm@latest",                      false, "vllm",      "0.29.0",        "",       false},
        {"vllm-omni@0.12",                   false, "vllm-omni", "2025-12",       "0.12.0", true },
        {"vllm-omni@0.14",                   false, "vllm-omni", "2026-01",       "0.14.0", true },
        {"vllm-omni@0.16",                   false, "vllm-omni", "2026-02",       "0.16.0", true },
        {"vllm-omni@0.18",                   false, "vllm-omni", "2026-03",       "0.18.0", true },
        {"vllm-omni@0.20",                   false, "vllm-omni", "2026-05",       "0.20.0", true },
        {"vllm-omni@0.24.0",                 false, "vllm-omni", "2026-06",       "0.24.0", true },
        {"vllm-omni@2026-07",                false, "vllm-omni", "2026-06",       "0.23.0", true },
        {"vllm-omni@2026-01",                false, "vllm-omni", "2026-01",       "0.14.0", false},
        {"vllm-omni@device-level",           false, "vllm-omni", "2026-09",       "0.28.0", false},
        {"vllm-omni@strict-2025",            false, "vllm-omni", "2025-12",       "0.12.0", false},
        {"vllm-omni@graph-reserve",          false, "vllm-omni", "graph-reserve", "0.28.0", false},
        {"vllm-omni@2026-12",                false, "vllm-omni", "2026-09",       "0.28.0", true },
        {"tolerant",                         true,  "vllm-omni", "2026-06",       "0.23.0", false},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_profile *p = find(f, row[i].spec, row[i].omni);

        assert_str(p->engine, row[i].engine);
        assert_str(p->release, row[i].release);
        assert_str(p->vllm_release, row[i].vllm);
        assert_str(p->asked, row[i].spec);
        assert_int_equal(p->note.n > 0, row[i].noted);
    }
    assert_int_equal(f->dg.n, 0);
}

static void test_unknown_engines(void **state)
{
    static const char *const specs[] = {"sglang",
                                        "sglang@0.5",
                                        "vllm@",
                                        "vllm@0.5.4",
                                        "vllm@9",
                                        "vllm@banana",
                                        "vllm-v0@0.11",
                                        "vllm-omni@0.10",
                                        "vllm@2020-01",
                                        "vllm@2026-13",
                                        "vllm-omni@2025-11",
                                        "vllm@0.19/../x"};
    fixture *f = *state;

    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        const sf_profile *p;
        const sf_diag *d;

        assert_int_equal(sf_profile_find(f->a, sf_str_of(specs[i]), false, &f->dg, &p), SF_E_ENGINE_UNKNOWN);
        assert_int_equal(f->dg.errors, i + 1);
        assert_error_at(&f->dg, SF_E_ENGINE_UNKNOWN, 1, 1);
        d = sf_diags_last_error(&f->dg);
        assert_str(d->at.file, "--engine");
        if (sf_str_starts(sf_str_of(specs[i]), SF_STR("vllm-v0")))
            assert_str(d->hint, "write vllm-v0@ and one of 0.8.0, 0.8.3, 0.10.0");
        else if (sf_str_starts(sf_str_of(specs[i]), SF_STR("vllm-omni")))
            assert_true(sf_str_find(d->hint, SF_STR("2026-09 (device-level)")) > 0);
        else
            assert_true(sf_str_find(d->hint, SF_STR("0.19.0")) > 0);
    }
}

static void test_newer_than_known_warns(void **state)
{
    fixture *f = *state;
    const sf_profile *p = find(f, "vllm@0.31.0", false);

    assert_str(p->release, "0.29.0");
    assert_int_equal(f->dg.warnings, 1);
    assert_int_equal(f->dg.items[0].code, SF_E_ENGINE_UNKNOWN);
    find(f, "vllm@0.29.1", false);
    assert_int_equal(f->dg.warnings, 1);
}

/* Every entry of the data can be asked for, dates ascend, and nothing is left out that a user of it needs. */
static void test_every_release_loads(void **state)
{
    fixture *f = *state;
    sf_str date = {NULL, 0}, engine = {NULL, 0};
    sf_release *list;
    size_t n;

    assert_int_equal(sf_profile_list(f->a, &f->dg, &list, &n), SF_OK);
    assert_true(n > 40);
    for (size_t i = 0; i < n; i++) {
        sf_str spec =
            sf_arena_printf(f->a, "%.*s@%.*s", SF_STR_ARG(list[i].engine), SF_STR_ARG(list[i].release));
        const sf_profile *p = find(f, sf_arena_cstr(f->a, spec), false);

        if (sf_str_eq(engine, list[i].engine))
            assert_true(sf_str_cmp(date, list[i].date) <= 0);
        date = list[i].date;
        engine = list[i].engine;
        assert_str(p->release, sf_arena_cstr(f->a, list[i].release));
        assert_int_equal(p->note.n, 0);
        assert_true(list[i].summary.n && list[i].source.n);
        assert_true(p->n_batch && p->default_util_frac > 0.5);
        assert_true(p->sampler.bytes_per_logit > 0 && p->context.base_bytes > 0 &&
                    p->graphs_actual.graphs > 0);
        assert_true(p->message[SF_MSG_NO_KV].n && p->message[SF_MSG_KV_SHORT].n &&
                    p->message[SF_MSG_WEIGHTS].n);
        assert_int_equal(p->check != SF_CHECK_NONE, p->message[SF_MSG_FREE_MEMORY].n > 0);
        assert_int_equal(p->check == SF_CHECK_CAP, p->message[SF_MSG_FREE_MEMORY_CAP].n > 0);
        assert_true(p->dense_hidden_factor > 0 && p->graph_estimate_factor > 0 && p->capture_max > 0);
    }
    assert_int_equal(f->dg.n, 0);
}

/* What a release does, in words: check, requested, utilisation, budget, graphs under either runner, tokens, numbers … */
static sf_str in_words(fixture *f, const sf_profile *p)
{
    static const char *const check[] = {"none", "strict", "cap"}, *const requested[] = {"float", "ceil"},
                             *const budget[] = {"v0", "all", "delta", "consumed", "process"},
                             *const graphs[] = {"outside", "logged", "subtract"},
                             *const number[] = {"fixed", "round"};

    return sf_arena_printf(f->a, "%s %s %s %s %s/%s tokens %d %s%s%s%s%s", check[p->check],
                           requested[p->requested], sf_fmt_py_float(f->a, p->default_util_frac).p,
                           budget[p->kv_budget], graphs[p->graphs], graphs[p->graphs_v2], p->kv.tokens_rule,
                           number[p->number], p->nccl_in_budget ? " nccl" : "",
                           p->context_in_budget ? " context" : "", p->buffers_in_budget ? " buffers" : "",
                           p->kv.pages_sum_of_cdivs ? " sums" : "");
}

/* The matrix of behaviours at one glance. */
static void test_behaviour_matrix(void **state)
{
    static const struct {
        const char *spec, *want;
    } row[] = {
        {"vllm@0.6.0",              "none float 0.9 v0 outside/outside tokens 0 fixed nccl context"          },
        {"vllm@0.6.4",              "none float 0.9 all outside/outside tokens 0 fixed nccl context"         },
        {"vllm@0.6.5",              "none float 0.9 v0 outside/outside tokens 0 fixed nccl"                  },
        {"vllm@0.9.0",              "none float 0.9 all outside/outside tokens 0 fixed nccl context"         },
        {"vllm@0.9.1",              "strict float 0.9 delta outside/outside tokens 1 fixed nccl"             },
        {"vllm@0.10.2",             "strict float 0.9 delta outside/outside tokens 1 fixed nccl"             },
        {"vllm@0.11.0",             "strict float 0.9 delta outside/outside tokens 1 fixed"                  },
        {"vllm@0.13.0",             "strict float 0.9 delta outside/outside tokens 1 fixed"                  },
        {"vllm@0.14.0",             "strict ceil 0.9 delta outside/outside tokens 1 round"                   },
        {"vllm@0.17.0",             "strict ceil 0.9 delta outside/outside tokens 1 round"                   },
        {"vllm@0.18.0",             "strict ceil 0.9 delta logged/outside tokens 1 round"                    },
        {"vllm@0.19.0",             "strict ceil 0.9 delta logged/outside tokens 1 round"                    },
        {"vllm@0.20.0",             "strict ceil 0.92 delta subtract/outside tokens 1 round"                 },
        {"vllm@0.21.0",             "strict ceil 0.92 delta subtract/outside tokens 2 round"                 },
        {"vllm@0.26.0",             "strict ceil 0.92 consumed subtract/outside tokens 2 round buffers sums" },
        {"vllm@0.29.0",             "strict ceil 0.92 consumed subtract/subtract tokens 2 round buffers sums"},
        {"vllm-omni@2025-12",       "strict float 0.9 delta outside/outside tokens 1 fixed"                  },
        {"vllm-omni@2026-01",       "strict ceil 0.9 delta outside/outside tokens 1 round"                   },
        {"vllm-omni@2026-02",       "strict ceil 0.9 process outside/outside tokens 1 round"                 },
        {"vllm-omni@2026-05",       "strict ceil 0.92 process outside/outside tokens 1 round"                },
        {"vllm-omni@2026-06",       "cap ceil 0.92 process outside/outside tokens 2 round"                   },
        {"vllm-omni@2026-08",       "cap ceil 0.92 process outside/outside tokens 2 round sums"              },
        {"vllm-omni@2026-09",       "cap ceil 0.92 delta outside/outside tokens 2 round sums"                },
        {"vllm-omni@graph-reserve", "cap ceil 0.92 delta subtract/outside tokens 2 round sums"               },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        assert_str(in_words(f, find(f, row[i].spec, false)), row[i].want);
}

static const sf_batch_default *batch_of(const sf_profile *p, uint64_t total, const char *name)
{
    for (size_t i = 0; i < p->n_batch; i++) {
        const sf_batch_default *b = &p->batch[i];

        if (total >= b->min_total_bytes && (!b->name_has.n || strstr(name, "H100") || strstr(name, "H200")) &&
            !(b->name_lacks.n && strstr(name, "A100")))
            return b;
    }
    return NULL;
}

static void test_batch_defaults(void **state)
{
    static const struct {
        const char *spec, *gpu;
        unsigned gib;
        int64_t llm, server, seqs;
    } row[] = {
        {"vllm@0.6.0",  "H100", 80,  512,   512,   256 },
        {"vllm@0.6.5",  "H100", 80,  2048,  2048,  256 },
        {"vllm@0.8.0",  "A100", 80,  8192,  2048,  1024},
        {"vllm@0.8.0",  "H100", 80,  16384, 8192,  1024},
        {"vllm@0.8.4",  "A100", 80,  8192,  2048,  256 },
        {"vllm@0.8.5",  "A100", 80,  16384, 8192,  1024},
        {"vllm@0.9.0",  "A100", 80,  8192,  2048,  256 },
        {"vllm@0.27.0", "B200", 180, 16384, 8192,  1024},
        {"vllm@0.28.0", "B200", 180, 16384, 16384, 1024},
        {"vllm@0.28.0", "H100", 80,  16384, 8192,  1024},
        {"vllm@0.28.0", "L4",   23,  8192,  2048,  256 },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_batch_default *b = batch_of(find(f, row[i].spec, false), row[i].gib * SF_GIB, row[i].gpu);

        assert_non_null(b);
        assert_int_equal(b->batched_tokens_llm, row[i].llm);
        assert_int_equal(b->batched_tokens_server, row[i].server);
        assert_int_equal(b->max_num_seqs, row[i].seqs);
    }
}

static void test_omni_rules(void **state)
{
    static const struct {
        const char *spec, *format;
        sf_start_order order;
        bool admission, floor;
    } row[] = {
        {"vllm-omni@strict-2025",  "stage_args",        SF_ORDER_SERIAL_ID,                         false, false},
        {"vllm-omni@strict-2026",  "stage_args",        SF_ORDER_SERIAL_ID,                         false, false},
        {"vllm-omni@nvml",         "stage_args",        SF_ORDER_PARALLEL,                          false, true },
        {"vllm-omni@2026-04",      "stage_args,stages", SF_ORDER_PARALLEL,                          false, true },
        {"vllm-omni@tolerant",     "stage_args,stages", SF_ORDER_DIFFUSION_FIRST_GROUPS_BY_TEXT,    false, true },
        {"vllm-omni@2026-08",      "stages",            SF_ORDER_DIFFUSION_FIRST_GROUPS_BY_TEXT,    false, true },
        {"vllm-omni@device-level", "stages",            SF_ORDER_DIFFUSION_FIRST_GROUPS_BY_OVERLAP, true,  true },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_profile *p = find(f, row[i].spec, true);

        assert_true(p->omni);
        assert_str(p->format, row[i].format);
        assert_int_equal(p->order, row[i].order);
        assert_int_equal(p->has_admission, row[i].admission);
        assert_int_equal(p->kv_floor_zero, row[i].floor);
    }
}

static void test_model_lists_grow(void **state)
{
    fixture *f = *state;
    const sf_profile *p = find(f, "vllm@0.10.2", false);

    assert_str(p->mla_model_types, "deepseek_v2,deepseek_v3,deepseek_mtp,kimi_k2");
    assert_false(sf_profile_runs_v2(p, SF_STR("Qwen3ForCausalLM"), true));
    p = find(f, "vllm@0.22.0", false);
    assert_true(sf_str_find(p->mla_model_types, SF_STR("glm_moe_dsa")) > 0);
    assert_true(sf_profile_runs_v2(p, SF_STR("Qwen3ForCausalLM"), true));
    assert_false(sf_profile_runs_v2(p, SF_STR("LlamaForCausalLM"), true));
    p = find(f, "vllm@0.25.0", false);
    assert_true(sf_profile_runs_v2(p, SF_STR("Gemma2ForCausalLM"), true));
    assert_false(sf_profile_runs_v2(p, SF_STR("Qwen3NextForCausalLM"), false));
    p = find(f, "vllm@0.29.0", false);
    assert_true(sf_profile_runs_v2(p, SF_STR("Qwen3NextForCausalLM"), false));
}

/* The sampler's law against runs whose peak it sets (vocabulary, hidden size, rows, GiB of the log). */
static void test_sampler_law_against_runs(void **state)
{
    static const struct {
        const char *spec;
        bool other;
        double vocab, hidden, rows, tokens, gib;
    } row[] = {
        {"vllm@0.19.0", false, 128256, 4096, 1024, 8192, 1.89}, /* Llama-3.1-8B */
        {"vllm@0.19.0", false, 151936, 4096, 1024, 8192, 2.21}, /* Qwen3-8B */
        {"vllm@0.19.0", false, 256000, 2304, 1024, 8192, 3.62}, /* gemma-2-2b */
        {"vllm@0.19.0", false, 201088, 2880, 1024, 8192, 2.87}, /* gpt-oss-20b, TP 2 */
        {"vllm@0.17.0", false, 151936, 5120, 1024, 8192, 2.23}, /* Qwen3-14B */
        {"vllm@0.16.0", false, 151936, 5120, 1024, 8192, 5.64}, /* Qwen3-14B */
        {"vllm@0.10.2", false, 151936, 2560, 1024, 8192, 5.59}, /* Qwen3-4B */
        {"vllm@0.10.2", false, 151936, 4096, 224,  2048, 1.23}, /* Qwen3-8B-FP8, L4 */
        {"vllm@0.12.0", true,  151936, 2560, 256,  8192, 0.59}, /* Qwen3-4B, FlashInfer sampling */
        {"vllm@0.11.0", true,  131072, 5120, 1024, 8192, 2.12}, /* Mistral-Small-24B, FlashInfer sampling */
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_profile *p = find(f, row[i].spec, false);
        const sf_sampler_law *law = row[i].other ? &p->sampler_other : &p->sampler;
        double gib = (row[i].tokens * row[i].hidden * 2 + law->bytes_per_logit * row[i].rows * row[i].vocab +
                      law->fixed_bytes) /
                     (double)SF_GIB;

        assert_true(gib > row[i].gib * (1 - law->band_frac) && gib < row[i].gib * (1 + law->band_frac));
    }
}

/* An arena that is too small at any point ends in SF_E_NOMEM, and nothing worse. */
static void test_survives_no_memory(void **state)
{
    static const char *const specs[] = {"vllm-omni@2026-07", "vllm@0.31", "vllm@banana"};

    (void)state;
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        sf_code rc = SF_E_NOMEM;

        for (size_t max = 0; rc == SF_E_NOMEM; max += 256) {
            sf_arena *a = sf_arena_new(max);
            const sf_profile *p;
            sf_diags dg;

            sf_diags_init(&dg, a);
            rc = sf_profile_find(a, sf_str_of(specs[i]), false, &dg, &p);
            if (dg.failed && !rc)
                rc = SF_E_NOMEM;
            sf_arena_free(a);
            assert_true(max < 1 << 20);
        }
        assert_int_equal(rc, i == 2 ? SF_E_ENGINE_UNKNOWN : SF_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_what_a_text_means),   TEST(test_unknown_engines),  TEST(test_newer_than_known_warns),
        TEST(test_every_release_loads), TEST(test_behaviour_matrix), TEST(test_batch_defaults),
        TEST(test_omni_rules),          TEST(test_model_lists_grow), TEST(test_sampler_law_against_runs),
        TEST(test_survives_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
