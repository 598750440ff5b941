/* unmodelled: each argument that is left out is said to be, and docs/limits.md lists it. */
#include <stdio.h>

#include "start_helper.h"

#include "memory/unmodelled.h"

/* A value that switches the argument on. */
static const char *on_value(sf_arg arg)
{
    switch (sf_arg_kind(arg)) {
    case SF_ARG_BOOL:
        return "true";
    case SF_ARG_ANY:
        return "{\"num_speculative_tokens\": 2}";
    case SF_ARG_STR:
        return "pooling";
    default:
        return "2";
    }
}

static void test_each_is_said(void **state)
{
    fixture *f = *state;
    sf_str name;
    size_t n = 0;

    while ((name = sf_unmodelled_at(n)).n) {
        stagefit_result *r;
        sf_arg arg;

        assert_true(sf_arg_find(name, &arg));
        r = ask(&(question){.engine = "vllm@0.19.0",
                            .gpu = "H100-80GB",
                            .command = "vllm serve Qwen/Qwen3-8B",
                            .set = {sf_arena_printf(f->a, "%.*s=%s", SF_STR_ARG(name), on_value(arg)).p}});
        assert_non_null(diag_of(&r->dg, SF_E_NOT_MODELLED));
        assert_int_equal(diag_of(&r->dg, SF_E_NOT_MODELLED)->severity, SF_WARNING);
        assert_true(sf_str_eq(diag_of(&r->dg, SF_E_NOT_MODELLED)->at.key, name));
        stagefit_result_free(r);
        n++;
    }
    assert_true(n >= 3);
}

static void test_off_is_silent(void **state)
{
    static const char *const off[] = {"enable_sleep_mode=false", "kv_transfer_config=null",
                                      "enable_cpu_offload=false"};

    (void)state;
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
        stagefit_result *r = ask(&(question){.engine = "vllm@0.19.0",
                                             .gpu = "H100-80GB",
                                             .command = "vllm serve Qwen/Qwen3-8B",
                                             .set = {off[i]}});

        assert_null(diag_of(&r->dg, SF_E_NOT_MODELLED));
        stagefit_result_free(r);
    }
}

static void test_place(void **state)
{
    const sf_diag *d;
    stagefit_result *r = ask(&(question){.engine = "vllm@0.19.0",
                                         .gpu = "H100-80GB",
                                         .command = "vllm serve Qwen/Qwen3-8B --enable-sleep-mode"});

    (void)state;
    d = diag_of(&r->dg, SF_E_NOT_MODELLED);
    assert_non_null(d);
    assert_int_equal(d->at.line, 1);
    assert_int_equal(d->at.col, 26);
    stagefit_result_free(r);
}

static void test_other_vendors(void **state)
{
    stagefit_result *r =
        ask(&(question){.engine = "vllm@0.19.0", .gpu = "MI300X", .command = "vllm serve Qwen/Qwen3-8B"});

    (void)state;
    assert_non_null(diag_of(&r->dg, SF_E_NOT_MODELLED));
    stagefit_result_free(r);
}

/* docs/limits.md names every one of them in backticks. */
static void test_docs_list_them(void **state)
{
    fixture *f = *state;
    FILE *in = fopen("docs/limits.md", "rb");
    char text[32768];
    sf_str name, all;

    assert_non_null(in);
    all = (sf_str){text, fread(text, 1, sizeof text, in)};
    fclose(in);
    assert_true(all.n > 500 && all.n < sizeof text);
    for (size_t i = 0; (name = sf_unmodelled_at(i)).n; i++)
        if (sf_str_find(all, sf_arena_printf(f->a, "`%.*s`", SF_STR_ARG(name))) < 0)
            fail_msg("docs/limits.md does not name %.*s", SF_STR_ARG(name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_each_is_said), TEST(test_off_is_silent), TEST(test_place),
                                       TEST(test_other_vendors), TEST(test_docs_list_them)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
