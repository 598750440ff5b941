/* strategy: strategy files over a deploy config, under flags. */
#include "stages_reading.h"

#include "text/yaml.h"

/* Thinker on two GPUs, talker and code2wav on the third. */
static const char config[] = "stages:\n"
                             "  - {stage_id: 0, devices: \"0,1\"}\n"
                             "  - {stage_id: 1, devices: \"2\", tensor_parallel_size: 1}\n"
                             "  - {stage_id: 2, devices: \"2\"}\n";

static sf_code read_with(fixture *f, const char *strategy, sf_stages_wish *wish, const sf_deployment **ret)
{
    wish->hf_model_type = SF_STR("qwen3_omni_moe");
    assert_int_equal(
        sf_yaml_parse(f->a, sf_str_of(strategy), SF_STR("strategy.yaml"), &f->dg, &wish->strategies), SF_OK);
    return read_text(f, config, wish, NULL, ret);
}

static const sf_deployment *with(fixture *f, const char *strategy)
{
    sf_stages_wish wish = wish_of(f, "2026-08-28");
    const sf_deployment *d;

    assert_int_equal(read_with(f, strategy, &wish, &d), SF_OK);
    return d;
}

static void test_axes(void **state)
{
    const sf_deployment *d = with(*state, "strategies:\n  thinker:\n    - {axis: tp, size: 2}\n"
                                          "    - {axis: ep, size: 2}\n");

    assert_int_equal(d->n_stages, 3);
    assert_int_equal(d->stages[0].tp, 2);
    assert_true(sf_args_bool(&d->stages[0].args, SF_ARG_enable_expert_parallel, false));
    assert_int_equal(d->stages[1].tp, 1);
    d = with(*state, "thinker:\n  - {axis: pp, size: \"2\"}\n"); /* the map of roles alone will do */
    assert_int_equal(d->stages[0].pp, 2);
}

/* The devices are a pool of all replicas, or a template of one. */
static void test_replicas(void **state)
{
    const sf_deployment *d = with(*state, "strategies:\n  thinker:\n    - {axis: stage_replica, size: 2}\n");

    assert_int_equal(d->n_stages, 4);
    assert_int_equal(d->stages[0].n_replicas, 2);
    assert_int_equal(d->stages[0].devices[0], 0);
    assert_int_equal(d->stages[1].devices[0], 1);
}

/* Flags beside the file come later, and win. */
static void test_flags(void **state)
{
    fixture *f = *state;
    sf_stages_wish wish = wish_of(f, "2026-08-28");
    const sf_deployment *d;

    assert_int_equal(sf_yaml_parse(f->a, SF_STR("\"0\": {tensor_parallel_size: 1, devices: \"0\"}\n"),
                                   SF_STR("--stage-overrides"), &f->dg, &wish.stage_overrides),
                     SF_OK);
    assert_int_equal(read_with(f, "strategies:\n  thinker:\n    - {axis: tp, size: 2}\n", &wish, &d), SF_OK);
    assert_int_equal(d->stages[0].tp, 1);
    assert_said(&f->dg, SF_WARNING, SF_E_STRATEGY, 1, 29);
}

/* Overrides of a stage that is not there are told. */
static void test_foreign_override(void **state)
{
    fixture *f = *state;
    sf_stages_wish wish = wish_of(f, "2026-08-28");
    const sf_deployment *d;

    wish.hf_model_type = SF_STR("qwen3_omni_moe");
    assert_int_equal(sf_yaml_parse(f->a, SF_STR("\"9\": {max_num_seqs: 1}\n"), SF_STR("--stage-overrides"),
                                   &f->dg, &wish.stage_overrides),
                     SF_OK);
    assert_int_equal(read_text(f, config, &wish, NULL, &d), SF_OK);
    assert_said(&f->dg, SF_WARNING, SF_E_STAGE_ID, 1, 6);
}

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        unsigned line, col;
    } row[] = {
        {"strategies: [thinker]\n",                                                         1, 13},
        {"strategies:\n  thinker: tp\n",                                                    2, 12},
        {"strategies:\n  thinker:\n    - tp\n",                                             3, 7 },
        {"strategies:\n  thinker:\n    - {size: 2}\n",                                      3, 7 },
        {"strategies:\n  thinker:\n    - {axis: tp}\n",                                     3, 7 },
        {"strategies:\n  thinker:\n    - {axis: tp, size: two}\n",                          3, 24},
        {"strategies:\n  thinker:\n    - {axis: tp, size: 0}\n",                            3, 24},
        {"strategies:\n  thinker:\n    - {axis: tp, size: 2, routing: x}\n",                3, 36},
        {"strategies:\n  thinker:\n    - {axis: dp, size: 2, routing: hash}\n",             3, 36},
        {"strategies:\n  thinker:\n    - {axis: tp, size: 2, l1_owner: delegated}\n",       3, 37},
        {"strategies:\n  thinker:\n    - {axis: cp, size: 2}\n",                            3, 14},
        {"strategies:\n  thinker:\n    - {axis: tq, size: 2}\n",                            3, 14},
        {"strategies:\n  thinker:\n    - {axis: tp, size: 2}\n    - {axis: tp, size: 2}\n", 4, 7 },
        {"strategies:\n  thinker:\n    - {axis: tp, size: 2}\n    - {axis: ep, size: 4}\n", 4, 24},
        {"strategies:\n  drummer:\n    - {axis: tp, size: 2}\n",                            3, 5 },
        {"strategies:\n  talker:\n    - {axis: tp, size: 2}\n",                             3, 24},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_stages_wish wish = wish_of(f, "2026-08-28");
        const sf_deployment *d;

        sf_diags_init(&f->dg, f->a);
        assert_int_equal(read_with(f, row[i].text, &wish, &d), SF_E_STRATEGY);
        assert_error_at(&f->dg, SF_E_STRATEGY, row[i].line, row[i].col);
    }
}

/* Devices of the config that fit neither one replica nor all: the place is in the config. */
static void test_devices(void **state)
{
    fixture *f = *state;
    sf_stages_wish wish = wish_of(f, "2026-08-28");
    const sf_deployment *d;

    assert_int_equal(read_with(f, "strategies:\n  thinker:\n    - {axis: tp, size: 4}\n", &wish, &d),
                     SF_E_STRATEGY);
    assert_error_at(&f->dg, SF_E_STRATEGY, 2, 28);
    sf_diags_init(&f->dg, f->a);
    assert_int_equal(read_with(f,
                               "strategies:\n  thinker:\n    - {axis: stage_replica, size: 2}\n"
                               "  code2wav:\n    - {axis: stage_replica, size: 2, routing: random}\n",
                               &wish, &d),
                     SF_E_STRATEGY);
    assert_error_at(&f->dg, SF_E_STRATEGY, 5, 35); /* one balancer for all */
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_axes),    TEST(test_replicas),
                                       TEST(test_flags),   TEST(test_foreign_override),
                                       TEST(test_refused), TEST(test_devices)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
