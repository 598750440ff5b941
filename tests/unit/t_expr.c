/* expr: the language of the family files. */
#include "test.h"

#include "base/num.h"
#include "model/expr.h"
#include "text/json.h"

static const char config_text[] =
    "{\n"
    "  \"hidden_size\": 4096, \"heads\": 32, \"none\": null,\n"
    "  \"name\": \"llama\", \"ratio\": 0.5, \"on\": true,\n"
    "  \"rates\": [8, 5, 4, 3], \"rope\": {\"factor\": 4.0, \"type\": \"yarn\"},\n"
    "  \"huge\": 9000000000000000000, \"bad\": \"x\",\n"
    "  \"blocks\": [{\"ffn\": {\"mult\": 2.5}}, {\"ffn\": null}]\n"
    "}\n";

static sf_scope scope_of(fixture *f, sf_binding *bindings, size_t n)
{
    const sf_node *root = NULL;

    assert_int_equal(sf_json_parse(f->a, SF_STR(config_text), SF_STR("config.json"), 0, &f->dg, &root),
                     SF_OK);
    return (sf_scope){.root = root, .section = root, .bindings = bindings, .n_bindings = n};
}

static sf_code eval(fixture *f, const char *text, sf_value *ret)
{
    sf_binding b[] = {
        {SF_STR("i"),     sf_value_i64(7) },
        {SF_STR("heads"), sf_value_i64(16)}
    };
    sf_scope scope = scope_of(f, b, 2);
    sf_where at = {.file = SF_STR("family.yaml"), .line = 3, .col = 9};
    const sf_expr *e = NULL;
    sf_code rc = sf_expr_parse(f->a, sf_str_of(text), at, &f->dg, &e);

    return rc ? rc : sf_expr_eval(e, &scope, &f->dg, ret);
}

static void test_values(void **state)
{
    static const struct {
        const char *text;
        int64_t want;
    } row[] = {
        {"1 + 2 * 3",                                  7   },
        {"(1 + 2) * 3",                                9   },
        {"10 - 3 - 2",                                 5   },
        {"-7 / 2",                                     -4  },
        {"-7 % 3",                                     2   },
        {"7 / 2",                                      3   },
        {"!0 + !5",                                    1   },
        {"hidden_size / heads",                        256 },
        {"$.heads",                                    32  },
        {"rope.factor == 4",                           1   },
        {"absent ?? none ?? 3",                        3   },
        {"absent.deeper ?? 1",                         1   },
        {"has(none) || has(rope.factor)",              1   },
        {"on ? 5 : absent",                            5   },
        {"if(0, absent, 6)",                           6   },
        {"1 ? 0 ? 1 : 2 : 3",                          2   },
        {"most(rates, v * v + heads)",                 80  },
        {"most(-2, if(v < 0, 24 + v + 1, v))",         23  },
        {"most(absent, v) ?? 4",                       4   },
        {"count(rates) + count(heads)",                5   },
        {"1 < 2 == 1",                                 1   },
        {"1 || 0 && 0",                                1   },
        {"0 && absent",                                0   },
        {"name == 'llama' && rope.type != \"linear\"", 1   },
        {"rates[1] + rates[i - 5]",                    9   },
        {"blocks[i - 7].ffn.mult == 2.5",              1   },
        {"blocks[1].ffn.mult ?? 3",                    3   },
        {"len(blocks[0]) + len(rope)",                 3   },
        {"len(rates) + sum(rates) + prod(rates)",      504 },
        {"min(3, 1, 2) * 10 + max(3, 1, 2)",           13  },
        {"cdiv(10, 4) + exact(12, 4)",                 6   },
        {"pow(2, 10) + pow2ceil(1000)",                2048},
        {"contains(rates, 5) + contains(rates, 6)",    1   },
        {"starts(name, 'll')",                         1   },
        {"at(7, 3)",                                   7   },
        {"len(name) + len('')",                        5   },
        {"name[0] == 'l' && name[4] == 'a'",           1   },
        {"contains(name, 'am') + contains(name, 'b')", 1   },
        {"floor(heads * ratio) + floor(-1.5)",         6   },
        {"floor(float(7) / 2)",                        3   },
        {"2.5 > 2",                                    1   },
        {"i",                                          7   },
    };
    fixture *f = *state;

    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        sf_value v = {0};

        assert_int_equal(eval(f, row[k].text, &v), SF_OK);
        assert_int_equal(v.kind, SF_VAL_INT);
        assert_int_equal(v.i, row[k].want);
    }
}

/* A text that is no expression: the column of the offending character in the family file. */
static void test_syntax_errors(void **state)
{
    static const struct {
        const char *text;
        unsigned col;
    } row[] = {
        {"",                     9 },
        {"1 +",                  12},
        {"(1",                   11},
        {"1 2",                  11},
        {"foo(1)",               9 },
        {"min()",                9 },
        {"cdiv(1)",              9 },
        {"'abc",                 9 },
        {"a[1",                  12},
        {"1 ? 2",                14},
        {"if(1, 2)",             9 },
        {"#",                    9 },
        {"a &",                  11},
        {"99999999999999999999", 9 },
        {"min(1 2)",             15},
        {"sum(1,2)",             9 },
        {"1.2.3",                9 },
    };

    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        fixture *f = *state;
        sf_value v;

        f->dg.n = f->dg.errors = 0;
        assert_int_equal(eval(f, row[k].text, &v), SF_E_EXPR);
        assert_error_at(&f->dg, SF_E_EXPR, 3, row[k].col);
    }
}

/* What cannot be computed points at the user's value, or at the section when there is none. */
static void test_evaluation_errors(void **state)
{
    static const struct {
        const char *text;
        unsigned line, col;
    } row[] = {
        {"bad * 2",           5, 39},
        {"huge * 2",          1, 1 },
        {"1 / (i - 7)",       1, 1 },
        {"rates + 1",         4, 12},
        {"rates[9]",          4, 12},
        {"heads[0]",          1, 1 },
        {"exact(7, 2)",       1, 1 },
        {"cdiv(7, 0)",        1, 1 },
        {"pow(10, 40)",       1, 1 },
        {"len(heads)",        1, 1 },
        {"sum(name)",         3, 11},
        {"name[5]",           3, 11},
        {"rates == 1",        4, 12},
        {"name < 3",          3, 11},
        {"-name",             3, 11},
        {"1.5 % 2",           1, 1 },
        {"rates[name]",       3, 11},
        {"pow(2, -1)",        1, 1 },
        {"contains(name, 1)", 1, 1 },
    };

    for (size_t k = 0; k < sizeof row / sizeof *row; k++) {
        fixture *f = *state;
        sf_value v;

        f->dg.n = f->dg.errors = 0;
        assert_int_equal(eval(f, row[k].text, &v), SF_E_EXPR);
        assert_int_equal(f->dg.errors, 1);
        assert_error_at(&f->dg, SF_E_EXPR, row[k].line, row[k].col);
        assert_int_equal(sf_diags_last_error(&f->dg)->related_at.line, 3);
    }
}

static void test_a_missing_key_is_named(void **state)
{
    fixture *f = *state;
    sf_value v;

    assert_int_equal(eval(f, "2 * (rope.original + 1)", &v), SF_E_CONFIG_KEY);
    assert_error_at(&f->dg, SF_E_CONFIG_KEY, 1, 1);
    assert_str(sf_diags_last_error(&f->dg)->at.file, "config.json");
    assert_str(sf_diags_last_error(&f->dg)->at.key, "rope.original");
}

static void test_ranges(void **state)
{
    fixture *f = *state;
    sf_scope scope = scope_of(f, NULL, 0);
    const sf_expr *e = NULL;
    int64_t i = 0;

    assert_int_equal(sf_expr_parse(f->a, SF_STR("rope.factor"), (sf_where){0}, &f->dg, &e), SF_OK);
    assert_int_equal(sf_expr_eval_i64(e, &scope, 1, 10, &f->dg, &i), SF_OK); /* 4.0 is a width */
    assert_int_equal(i, 4);
    assert_int_equal(sf_expr_eval_i64(e, &scope, 5, 10, &f->dg, &i), SF_E_EXPR);
    assert_int_equal(sf_expr_parse(f->a, SF_STR("ratio"), (sf_where){0}, &f->dg, &e), SF_OK);
    assert_int_equal(sf_expr_eval_i64(e, &scope, 0, 10, &f->dg, &i), SF_E_EXPR);
    assert_error_at(&f->dg, SF_E_EXPR, 3, 29);
}

/* Hostile depth and length end in an error, not in the stack's end. */
static void test_limits(void **state)
{
    static const char heads[] = {'(', '-', '!'};
    fixture *f = *state;
    char text[SF_EXPR_MAX_LEN + 2];
    sf_value v;

    for (size_t k = 0; k < sizeof heads; k++) {
        memset(text, heads[k], 1000);
        text[1000] = '\0';
        assert_int_equal(eval(f, text, &v), SF_E_EXPR);
    }
    memset(text, '1', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(eval(f, text, &v), SF_E_EXPR);
    assert_int_equal(
        eval(f,
             "a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a["
             "a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[a[",
             &v),
        SF_E_EXPR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_values),
        TEST(test_syntax_errors),
        TEST(test_evaluation_errors),
        TEST(test_a_missing_key_is_named),
        TEST(test_ranges),
        TEST(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
