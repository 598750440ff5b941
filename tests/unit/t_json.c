/* json: what is accepted and what is refused, with the place of each error; numbers, escapes, the tree. */
#include <math.h>
#include <stdio.h>

#include "test.h"

#include "text/json.h"
#include "text/key_set.h"

#define FILE_NAME SF_STR("x.json")

static const sf_node *parse(fixture *f, const char *text)
{
    const sf_node *root = NULL;

    assert_int_equal(sf_json_parse(f->a, sf_str_of(text), FILE_NAME, 0, &f->dg, &root), SF_OK);
    assert_non_null(root);
    return root;
}

/* Every way to be refused: code, line and column. */
static void test_refused(void **state)
{
    static const struct {
        const char *text;
        sf_code code;
        unsigned line, col;
    } row[] = {
        {"",                           SF_E_JSON,    1, 1 },
        {"  \n ",                      SF_E_JSON,    2, 2 },
        {"{",                          SF_E_JSON,    1, 2 },
        {"{\"a\"",                     SF_E_JSON,    1, 5 },
        {"{\"a\":",                    SF_E_JSON,    1, 6 },
        {"{\"a\":1",                   SF_E_JSON,    1, 7 },
        {"{\"a\":1,}",                 SF_E_JSON,    1, 8 },
        {"{\"a\" 1}",                  SF_E_JSON,    1, 6 },
        {"{a:1}",                      SF_E_JSON,    1, 2 },
        {"{,}",                        SF_E_JSON,    1, 2 },
        {"{1:2}",                      SF_E_JSON,    1, 2 },
        {"[1,]",                       SF_E_JSON,    1, 4 },
        {"[,1]",                       SF_E_JSON,    1, 2 },
        {"[1 2]",                      SF_E_JSON,    1, 4 },
        {"[1",                         SF_E_JSON,    1, 3 },
        {"[}",                         SF_E_JSON,    1, 2 },
        {"{]",                         SF_E_JSON,    1, 2 },
        {"]",                          SF_E_JSON,    1, 1 },
        {"1 2",                        SF_E_JSON,    1, 3 },
        {"{} x",                       SF_E_JSON,    1, 4 },
        {"01",                         SF_E_JSON,    1, 1 },
        {"-01",                        SF_E_JSON,    1, 1 },
        {"-",                          SF_E_JSON,    1, 1 },
        {"-x",                         SF_E_JSON,    1, 1 },
        {"+1",                         SF_E_JSON,    1, 1 },
        {".5",                         SF_E_JSON,    1, 1 },
        {"1.",                         SF_E_JSON,    1, 3 },
        {"1.x",                        SF_E_JSON,    1, 3 },
        {"1e",                         SF_E_JSON,    1, 3 },
        {"1e+",                        SF_E_JSON,    1, 4 },
        {"0x10",                       SF_E_JSON,    1, 2 },
        {"1_000",                      SF_E_JSON,    1, 2 },
        {"tru",                        SF_E_JSON,    1, 1 },
        {"truex",                      SF_E_JSON,    1, 5 },
        {"True",                       SF_E_JSON,    1, 1 },
        {"nul",                        SF_E_JSON,    1, 1 },
        {"NaN",                        SF_E_JSON,    1, 1 },
        {"[0, Infinity]",              SF_E_JSON,    1, 5 },
        {"-Infinity",                  SF_E_JSON,    1, 1 },
        {"'a'",                        SF_E_JSON,    1, 1 },
        {"[1, // x\n2]",               SF_E_JSON,    1, 5 },
        {"[1 /* x */]",                SF_E_JSON,    1, 4 },
        {"# x\n1",                     SF_E_JSON,    1, 1 },
        {"<html>",                     SF_E_JSON,    1, 1 },
        {"\"abc",                      SF_E_JSON,    1, 1 },
        {"\"abcdefghijkl",             SF_E_JSON,    1, 1 },
        {"\"a\nb\"",                   SF_E_JSON,    1, 3 },
        {"\"abcdefgh\tb\"",            SF_E_JSON,    1, 10},
        {"\"\x1f\"",                   SF_E_JSON,    1, 2 },
        {"\"\\x\"",                    SF_E_JSON,    1, 2 },
        {"\"\\",                       SF_E_JSON,    1, 2 },
        {"\"\\u12g4\"",                SF_E_JSON,    1, 2 },
        {"\"\\u123",                   SF_E_JSON,    1, 2 },
        {"\"ab\\ud800\"",              SF_E_JSON,    1, 4 },
        {"\"ab\\ud800\\ud800\"",       SF_E_JSON,    1, 4 },
        {"\"ab\\ud800\\n\"",           SF_E_JSON,    1, 4 },
        {"\"\\udc00\"",                SF_E_JSON,    1, 2 },
        {"\"a\xff\"",                  SF_E_UTF8,    1, 3 },
        {"\"\xc3\xa9\xc0\x80\"",       SF_E_UTF8,    1, 3 }, /* one character before it */
        {"\"\xed\xa0\x80\"",           SF_E_UTF8,    1, 2 },
        {"\"\xf5\x80\x80\x80\"",       SF_E_UTF8,    1, 2 },
        {"\"\xe2\x82\"",               SF_E_UTF8,    1, 2 },
        {"\xff\xfe{",                  SF_E_UTF8,    1, 1 },
        {"\xe2\x80\x9cx\xe2\x80\x9d",  SF_E_JSON,    1, 1 }, /* typographic quotes */
        {"\x01",                       SF_E_JSON,    1, 1 },
        {"[1,\r\n 2\r\n 3]",           SF_E_JSON,    3, 2 },
        {"\xef\xbb\xbf[x",             SF_E_JSON,    1, 2 },
        {"{\"a\":1,\"b\":2,\"a\":3}",  SF_E_DUP_KEY, 1, 14},
        {"{\"a\":1,\n \"\\u0061\":3}", SF_E_DUP_KEY, 2, 2 },
        {"[{\"k\":{\"\":1,\"\":2}}]",  SF_E_DUP_KEY, 1, 13},
        {"[1e999]",                    SF_E_RANGE,   1, 2 },
        {"[-1e999]",                   SF_E_RANGE,   1, 2 },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_node *root = NULL;
        sf_diags dg;
        sf_code rc;

        sf_diags_init(&dg, f->a);
        rc = sf_json_parse(f->a, sf_str_of(row[i].text), FILE_NAME, 0, &dg, &root);
        if (rc != row[i].code || dg.n != 1 || dg.items[0].at.col != row[i].col)
            print_message("row %zu: %s\n", i, row[i].text);
        assert_int_equal(rc, row[i].code);
        assert_int_equal(dg.n, 1);
        assert_null(root);
        assert_error_at(&dg, row[i].code, row[i].line, row[i].col);
        assert_str(dg.items[0].at.file, "x.json");
    }
}

static void test_hints(void **state)
{
    static const struct {
        const char *text, *hint;
    } row[] = {
        {"[1,]",                                       "remove the comma before it"                                                    },
        {"{'a': 1}",                                   "write strings in double quotes"                                                },
        {"['a']",                                      "write strings in double quotes"                                                },
        {"[None]",                                     "write null"                                                                    },
        {"[1 2]",                                      "the text is no JSON from here on: look for a missing or doubled comma or quote"},
        {"[// x",                                      "JSON has no comments: remove it"                                               },
        {"<!DOCTYPE html>",                            "this looks like a web page: download the file itself"                          },
        {"version https://git-lfs.github.com/spec/v1", "this is a Git LFS pointer: run `git lfs pull`"                                 },
        {"{\"a\": 1",                                  "the file is cut short"                                                         },
        {"",                                           "the file is empty"                                                             },
        {"[-Infinity]",                                "infinity is not JSON: write a large number or null"                            },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_node *root;

        assert_int_equal(sf_json_parse(f->a, sf_str_of(row[i].text), FILE_NAME, 0, &f->dg, &root), SF_E_JSON);
        assert_str(sf_diags_last_error(&f->dg)->hint, row[i].hint);
    }
}

static void test_duplicate_names_both_places(void **state)
{
    fixture *f = *state;
    const sf_node *root;
    const sf_diag *d;

    assert_int_equal(sf_json_parse(f->a, SF_STR("{\"x\":\n1, \"x\":2}"), FILE_NAME, 0, &f->dg, &root),
                     SF_E_DUP_KEY);
    d = sf_diags_last_error(&f->dg);
    assert_str(d->message, "key \"x\" given twice in one object");
    assert_int_equal(d->at.line, 2);
    assert_int_equal(d->at.col, 4);
    assert_int_equal(d->at.off, 9);
    assert_int_equal(d->at.len, 3);
    assert_str(d->related, "first given here");
    assert_int_equal(d->related_at.line, 1);
    assert_int_equal(d->related_at.col, 2);
}

/* More keys than are compared one by one. */
static void test_duplicate_in_a_large_object(void **state)
{
    fixture *f = *state;
    const sf_node *root;
    char text[4096] = "{";
    size_t n = 1;

    for (int i = 0; i < 200; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "\"k%d\":0,\n", i);
    snprintf(text + n, sizeof text - n, "\"k200\":0}");
    assert_int_equal(parse(f, text)->n, 201);
    snprintf(text + n, sizeof text - n, "\"k7\":0}");
    assert_int_equal(sf_json_parse(f->a, sf_str_of(text), FILE_NAME, 0, &f->dg, &root), SF_E_DUP_KEY);
    assert_error_at(&f->dg, SF_E_DUP_KEY, 201, 1);
    assert_int_equal(sf_diags_last_error(&f->dg)->related_at.line, 8);
}

static void test_numbers(void **state)
{
    static const struct {
        const char *text;
        sf_node_kind kind;
        int64_t i;
        double d;
    } row[] = {
        {"0",                    SF_INT,   0,                0                     },
        {"-0",                   SF_INT,   0,                0                     },
        {"42",                   SF_INT,   42,               0                     },
        {"9007199254740993",     SF_INT,   9007199254740993, 0                     },
        {"9223372036854775807",  SF_INT,   INT64_MAX,        0                     },
        {"-9223372036854775808", SF_INT,   INT64_MIN,        0                     },
        {"9223372036854775808",  SF_FLOAT, 0,                9223372036854775808.0 },
        {"-9223372036854775809", SF_FLOAT, 0,                -9223372036854775808.0},
        {"1.0",                  SF_FLOAT, 0,                1                     },
        {"1e3",                  SF_FLOAT, 0,                1000                  },
        {"-2.5E-1",              SF_FLOAT, 0,                -0.25                 },
        {"1e-999",               SF_FLOAT, 0,                0                     },
        {"0e+0",                 SF_FLOAT, 0,                0                     },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_node *n = parse(f, row[i].text);

        assert_int_equal(n->kind, row[i].kind);
        assert_str(n->text, row[i].text);
        if (n->kind == SF_INT)
            assert_true(n->as.i == row[i].i);
        else
            assert_true(n->as.f == row[i].d);
    }
}

static void test_number_without_end(void **state)
{
    fixture *f = *state;
    const sf_node *root;
    char text[512];

    memset(text, '7', sizeof text);
    assert_int_equal(sf_json_parse(f->a, (sf_str){text, sizeof text}, FILE_NAME, 0, &f->dg, &root),
                     SF_E_LIMIT);
    assert_error_at(&f->dg, SF_E_LIMIT, 1, 1);
}

static void test_nonfinite(void **state)
{
    fixture *f = *state;
    const sf_node *root = NULL;

    assert_int_equal(sf_json_parse(f->a, SF_STR("{\"time_step_limit\": [0.0, Infinity, -Infinity, NaN]}"),
                                   FILE_NAME, SF_JSON_NONFINITE, &f->dg, &root),
                     SF_OK);
    root = sf_node_get(root, "time_step_limit");
    assert_true(isinf(sf_node_item(root, 1)->as.f) && sf_node_item(root, 1)->as.f > 0);
    assert_true(isinf(sf_node_item(root, 2)->as.f) && sf_node_item(root, 2)->as.f < 0);
    assert_true(isnan(sf_node_item(root, 3)->as.f));
    assert_int_equal(sf_node_item(root, 3)->kind, SF_FLOAT);
    assert_str(sf_node_item(root, 2)->text, "-Infinity");
    assert_int_equal(sf_json_parse(f->a, SF_STR("[Infinit]"), FILE_NAME, SF_JSON_NONFINITE, &f->dg, &root),
                     SF_E_JSON);
    assert_error_at(&f->dg, SF_E_JSON, 1, 2);
}

static void test_strings(void **state)
{
    static const struct {
        const char *text, *want;
    } row[] = {
        {"\"\"",                                    ""                                   },
        {"\"plain text of more than eight bytes\"", "plain text of more than eight bytes"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",          "\"\\/\b\f\n\r\t"                    },
        {"\"\\u0041\\u00e9\\u20AC\"",               "A\xc3\xa9\xe2\x82\xac"              },
        {"\"\\ud83d\\uDE00!\"",                     "\xf0\x9f\x98\x80!"                  },
        {"\"\xf0\x9f\x98\x80 \xc3\xa9\"",           "\xf0\x9f\x98\x80 \xc3\xa9"          },
        {"\"\x7f\"",                                "\x7f"                               },
    };
    fixture *f = *state;
    const sf_node *n;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        n = parse(f, row[i].text);
        assert_int_equal(n->kind, SF_STRING);
        assert_true(n->flags & SF_NODE_QUOTED);
        assert_str(n->text, row[i].want);
    }
    n = parse(f, "\"a\\u0000b\"");
    assert_int_equal(n->text.n, 3);
    assert_memory_equal(n->text.p, "a\0b", 3);
}

static void test_places(void **state)
{
    fixture *f = *state;
    const sf_node *root =
        parse(f, "\xef\xbb\xbf{\n  \"\xc3\xa9\": [1,\r\n    true, null],\n  \"b\": {}\n}\n");
    const sf_node *list = root->as.pairs[0].value;

    assert_int_equal(root->kind, SF_MAP);
    assert_int_equal(root->line, 1);
    assert_int_equal(root->col, 1);
    assert_int_equal(root->off, 3);
    assert_int_equal(root->n, 2);
    assert_str(root->as.pairs[0].key, "\xc3\xa9");
    assert_int_equal(root->as.pairs[0].key_at->line, 2);
    assert_int_equal(root->as.pairs[0].key_at->col, 3);
    assert_int_equal(list->line, 2);
    assert_int_equal(list->col, 8);
    assert_int_equal(list->len, 20);
    assert_int_equal(sf_node_item(list, 1)->line, 3);
    assert_int_equal(sf_node_item(list, 1)->col, 5);
    assert_true(sf_node_item(list, 1)->as.b);
    assert_int_equal(sf_node_item(list, 2)->kind, SF_NULL);
    assert_int_equal(sf_node_item(list, 2)->col, 11);
    assert_int_equal(sf_node_get(root, "b")->n, 0);
}

/* 64 levels are read, the 65th is refused where it starts, and a million cost nothing. */
static void test_depth(void **state)
{
    fixture *f = *state;
    const sf_node *root = NULL;
    enum { MANY = 1000 * 1000 };
    char *text = sf_arena_alloc(f->a, MANY, 1);

    assert_non_null(text);
    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    assert_int_equal(sf_json_parse(f->a, (sf_str){text, 128}, FILE_NAME, 0, &f->dg, &root), SF_OK);
    memset(text, '[', MANY);
    assert_int_equal(sf_json_parse(f->a, (sf_str){text, MANY}, FILE_NAME, 0, &f->dg, &root), SF_E_LIMIT);
    assert_error_at(&f->dg, SF_E_LIMIT, 1, 65);
}

static void test_pull(void **state)
{
    static const sf_json_event want[] = {
        SF_JSON_OBJECT, SF_JSON_KEY,    SF_JSON_ARRAY,      SF_JSON_NUMBER, SF_JSON_FALSE, SF_JSON_ARRAY_END,
        SF_JSON_KEY,    SF_JSON_STRING, SF_JSON_OBJECT_END, SF_JSON_END,    SF_JSON_END,
    };
    fixture *f = *state;
    sf_json j;

    sf_json_init(&j, SF_STR(" {\"a\" : [18446744073709551615 , false], \"b\":\"c\"} "), FILE_NAME, 0, &f->dg);
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        uint64_t u = 0;

        assert_int_equal(sf_json_next(&j), want[i]);
        if (want[i] == SF_JSON_NUMBER) {
            assert_true(sf_json_u64(&j, &u));
            assert_true(u == UINT64_MAX);
        }
        if (i == 6)
            assert_str(sf_json_raw(&j), "b");
    }
    assert_int_equal(f->dg.n, 0);
}

static void test_pull_numbers(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        uint64_t want;
    } row[] = {
        {"0",                    true,  0                   },
        {"1234567890123456789",  true,  1234567890123456789u},
        {"18446744073709551616", false, 0                   },
        {"99999999999999999999", false, 0                   },
        {"-1",                   false, 0                   },
        {"1.0",                  false, 0                   },
        {"1e2",                  false, 0                   },
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        uint64_t got = 7;
        sf_json j;

        sf_json_init(&j, sf_str_of(row[i].text), FILE_NAME, 0, NULL);
        assert_int_equal(sf_json_next(&j), SF_JSON_NUMBER);
        assert_int_equal(sf_json_u64(&j, &got), row[i].ok);
        assert_true(got == (row[i].ok ? row[i].want : 7));
    }
}

static void test_skip(void **state)
{
    fixture *f = *state;
    sf_json j;

    sf_json_init(&j, SF_STR("[[1,{\"a\":[]}],2]"), FILE_NAME, 0, &f->dg);
    assert_int_equal(sf_json_next(&j), SF_JSON_ARRAY);
    assert_int_equal(sf_json_skip(&j, sf_json_next(&j)), SF_OK);
    assert_int_equal(sf_json_skip(&j, sf_json_next(&j)), SF_OK);
    assert_str(sf_str_sub(j.text, j.token_off, j.token_off + j.token_len), "2");
    assert_int_equal(sf_json_next(&j), SF_JSON_ARRAY_END);
    sf_json_init(&j, SF_STR("[[1,x]]"), FILE_NAME, 0, &f->dg);
    assert_int_equal(sf_json_next(&j), SF_JSON_ARRAY);
    assert_int_equal(sf_json_skip(&j, sf_json_next(&j)), SF_E_JSON);
    assert_error_at(&f->dg, SF_E_JSON, 1, 5);
    assert_int_equal(sf_json_next(&j), SF_JSON_ERROR);
    assert_int_equal(f->dg.n, 1);
}

static void test_fail_at_token(void **state)
{
    fixture *f = *state;
    sf_json j;

    sf_json_init(&j, SF_STR("[\n \"abc\"]"), FILE_NAME, 0, &f->dg);
    sf_json_next(&j);
    sf_json_next(&j);
    assert_int_equal(sf_json_fail(&j, SF_E_HEADER, "no %s", "good"), SF_E_HEADER);
    assert_error_at(&f->dg, SF_E_HEADER, 2, 2);
    assert_int_equal(sf_diags_last_error(&f->dg)->at.len, 5);
    assert_str(sf_diags_last_error(&f->dg)->message, "no good");
    assert_int_equal(sf_json_next(&j), SF_JSON_ERROR);
}

/* Keys that all fall on one place are refused early; any number of other keys is not. */
static void test_key_set(void **state)
{
    fixture *f = *state;
    sf_key_added added = SF_KEY_NEW;
    sf_key_set set;
    int n;

    sf_key_set_init(&set, f->a);
    assert_false(sf_key_set_has(&set, SF_STR("a"), 1));
    for (n = 0; n < 100000 && added == SF_KEY_NEW; n++)
        added = sf_key_set_add(&set, sf_arena_printf(f->a, "%d", n), 7);
    assert_int_equal(added, SF_KEY_HOSTILE);
    assert_true(n < 1000);
    sf_key_set_init(&set, f->a);
    for (n = 0; n < 100000; n++) {
        sf_str key = sf_arena_printf(f->a, "%d", n);

        assert_int_equal(sf_key_set_add(&set, key, sf_str_hash(key)), SF_KEY_NEW);
        assert_int_equal(sf_key_set_add(&set, key, sf_str_hash(key)), SF_KEY_SEEN);
    }
    assert_true(sf_key_set_has(&set, SF_STR("99999"), sf_str_hash(SF_STR("99999"))));
    assert_false(sf_key_set_has(&set, SF_STR("100000"), sf_str_hash(SF_STR("100000"))));
}

static void test_no_memory(void **state)
{
    fixture *f = *state;
    const char *text = "{\"a\":[1,2,3,{\"b\\n\":\"c\"}],\"d\":null}";
    bool done = false;

    for (size_t max = 0; !done; max += 16) {
        sf_arena *a = sf_arena_new(max);
        const sf_node *root = NULL;
        sf_code rc = sf_json_parse(a, sf_str_of(text), FILE_NAME, 0, &f->dg, &root);

        assert_true(rc == SF_OK || rc == SF_E_NOMEM);
        assert_int_equal(root != NULL, rc == SF_OK);
        done = rc == SF_OK;
        sf_arena_free(a);
    }
    assert_int_equal(f->dg.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_refused),
        TEST(test_hints),
        TEST(test_duplicate_names_both_places),
        TEST(test_duplicate_in_a_large_object),
        TEST(test_numbers),
        TEST(test_number_without_end),
        TEST(test_nonfinite),
        TEST(test_strings),
        TEST(test_places),
        TEST(test_depth),
        TEST(test_pull),
        TEST(test_pull_numbers),
        TEST(test_skip),
        TEST(test_fail_at_token),
        TEST(test_key_set),
        TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
