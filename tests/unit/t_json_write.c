/* json_write: layout, escapes, numbers that read back, and misuse that must not become broken JSON. */
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "test.h"

#include "text/json.h"
#include "text/json_write.h"

static void write_sample(sf_json_writer *w)
{
    sf_jw_object(w);
    sf_jw_kv_text(w, "name", "a\"b");
    sf_jw_key(w, "list");
    sf_jw_array(w);
    sf_jw_i64(w, INT64_MIN);
    sf_jw_u64(w, UINT64_MAX);
    sf_jw_bool(w, true);
    sf_jw_null(w);
    sf_jw_array_end(w);
    sf_jw_key(w, "none");
    sf_jw_array(w);
    sf_jw_array_end(w);
    sf_jw_key(w, "empty");
    sf_jw_object(w);
    sf_jw_object_end(w);
    sf_jw_kv_text(w, "absent", NULL);
    sf_jw_kv_str(w, "s", SF_STR("t"));
    sf_jw_kv_i64(w, "i", -1);
    sf_jw_kv_u64(w, "u", 1);
    sf_jw_kv_f64(w, "f", 0.9);
    sf_jw_kv_bool(w, "b", false);
    sf_jw_kv_null(w, "n");
    sf_jw_object_end(w);
}

static void test_layout(void **state)
{
    sf_json_writer w;
    sf_buf b;

    (void)state;
    sf_buf_init(&b, 4096);
    sf_jw_init(&w, &b, false);
    write_sample(&w);
    assert_false(b.failed);
    assert_int_equal(w.depth, 0);
    assert_str(sf_buf_str(&b),
               "{\"name\":\"a\\\"b\",\"list\":[-9223372036854775808,18446744073709551615,true,null],"
               "\"none\":[],\"empty\":{},\"absent\":null,\"s\":\"t\",\"i\":-1,\"u\":1,\"f\":0.9,"
               "\"b\":false,\"n\":null}");
    sf_buf_release(&b);

    sf_buf_init(&b, 4096);
    sf_jw_init(&w, &b, true);
    sf_jw_object(&w);
    sf_jw_key(&w, "a");
    sf_jw_array(&w);
    sf_jw_i64(&w, 1);
    sf_jw_object(&w);
    sf_jw_object_end(&w);
    sf_jw_array_end(&w);
    sf_jw_kv_bool(&w, "b", true);
    sf_jw_object_end(&w);
    assert_str(sf_buf_str(&b), "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": true\n}");
    sf_buf_release(&b);
}

static void test_strings(void **state)
{
    static const struct {
        sf_str s;
        const char *want;
    } row[] = {
        {SF_STR(""),                           "\"\""                                         },
        {SF_STR("a/b"),                        "\"a/b\""                                      },
        {SF_STR("\"\\\b\f\n\r\t\x01\x1f\x7f"), "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\""},
        {SF_STR("a\0b"),                       "\"a\\u0000b\""                                },
        {SF_STR("\xc3\xa9\xf0\x9f\x98\x80"),   "\"\xc3\xa9\xf0\x9f\x98\x80\""                 },
        {SF_STR("a\xff\xc3"),                  "\"a\xef\xbf\xbd\xef\xbf\xbd\""                },
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_json_writer w;
        sf_buf b;

        sf_buf_init(&b, 4096);
        sf_jw_init(&w, &b, false);
        sf_jw_str(&w, row[i].s);
        assert_str(sf_buf_str(&b), row[i].want);
        sf_buf_release(&b);
    }
}

static const char *double_text(double v)
{
    static char text[64];
    sf_json_writer w;
    sf_buf b;

    sf_buf_init(&b, 4096);
    sf_jw_init(&w, &b, false);
    sf_jw_f64(&w, v);
    assert_false(b.failed);
    snprintf(text, sizeof text, "%s", b.p);
    sf_buf_release(&b);
    return text;
}

static void test_doubles(void **state)
{
    static const struct {
        double v;
        const char *want;
    } row[] = {
        {0,                      "0.0"                    },
        {-0.0,                   "-0.0"                   },
        {1,                      "1.0"                    },
        {24,                     "24.0"                   },
        {100,                    "100.0"                  },
        {0.9,                    "0.9"                    },
        {0.1 + 0.2,              "0.30000000000000004"    },
        {79.19,                  "79.19"                  },
        {-1234.5,                "-1234.5"                },
        {0.0001,                 "0.0001"                 },
        {0.00001,                "1e-05"                  },
        {1.5e-7,                 "1.5e-07"                },
        {123456789012345680.0,   "1.2345678901234568e+17" },
        {9007199254740992.0,     "9007199254740992.0"     },
        {1e15,                   "1000000000000000.0"     },
        {1e16,                   "1e+16"                  },
        {1e100,                  "1e+100"                 },
        {5e-324,                 "5e-324"                 },
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {INFINITY,               "null"                   },
        {-INFINITY,              "null"                   },
        {NAN,                    "null"                   },
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        assert_string_equal(double_text(row[i].v), row[i].want);
}

/* parse(write(x)) = x for doubles of every size. */
static void test_doubles_read_back(void **state)
{
    fixture *f = *state;
    uint64_t bits = 0x9e3779b97f4a7c15u;

    for (int i = 0; i < 20000; i++) {
        const sf_node *n = NULL;
        double v;

        bits ^= bits << 13;
        bits ^= bits >> 7;
        bits ^= bits << 17;
        memcpy(&v, &bits, sizeof v);
        if (v - v != 0)
            continue;
        assert_int_equal(sf_json_parse(f->a, sf_str_of(double_text(v)), SF_STR("x"), 0, &f->dg, &n), SF_OK);
        assert_int_equal(n->kind, SF_FLOAT);
        assert_memory_equal(&n->as.f, &v, sizeof v);
    }
}

static void test_doubles_ignore_the_locale(void **state)
{
    (void)state;
    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8")) {
        print_message("# not checked: no locale with a decimal comma\n");
        return;
    }
    assert_string_equal(double_text(0.5), "0.5");
    assert_string_equal(double_text(1.25e-7), "1.25e-07");
    setlocale(LC_NUMERIC, "C");
}

/* Each list of calls breaks the order of JSON. */
static void test_misuse_fails(void **state)
{
    static const char *const row[] = {"kk", "o1",  "a k", "}",     "]", "o]",
                                      "a}", "ok}", "11",  "aa]]1", "k", "ok}1"};

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_json_writer w;
        sf_buf b;

        sf_buf_init(&b, 4096);
        sf_jw_init(&w, &b, false);
        for (const char *p = row[i]; *p; p++) {
            if (*p == 'o')
                sf_jw_object(&w);
            else if (*p == 'a')
                sf_jw_array(&w);
            else if (*p == 'k')
                sf_jw_key(&w, "k");
            else if (*p == '1')
                sf_jw_i64(&w, 1);
            else if (*p == '}')
                sf_jw_object_end(&w);
            else if (*p == ']')
                sf_jw_array_end(&w);
        }
        if (!b.failed)
            print_message("calls %s\n", row[i]);
        assert_true(b.failed);
        sf_buf_release(&b);
    }
}

static void test_depth_and_room(void **state)
{
    sf_json_writer w;
    sf_buf b;

    (void)state;
    sf_buf_init(&b, 4096);
    sf_jw_init(&w, &b, false);
    for (int i = 0; i < 63; i++)
        sf_jw_array(&w);
    assert_false(b.failed);
    sf_jw_array(&w);
    assert_true(b.failed);
    sf_buf_release(&b);
    sf_buf_init(&b, 4);
    sf_jw_init(&w, &b, false);
    sf_jw_str(&w, SF_STR("longer"));
    assert_true(b.failed);
    sf_buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_layout),
        TEST(test_strings),
        TEST(test_doubles),
        TEST(test_doubles_read_back),
        TEST(test_doubles_ignore_the_locale),
        TEST(test_misuse_fails),
        TEST(test_depth_and_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
