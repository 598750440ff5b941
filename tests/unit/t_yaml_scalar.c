/* yaml scalars: the loader's types.  The whole table is compared with the loader itself in tests/oracle. */
#include <math.h>

#include "test.h"

#include "text/yaml.h"

static sf_node typed(const char *text)
{
    sf_node node = {0};

    sf_yaml_type_scalar(sf_str_of(text), &node);
    assert_str(node.text, text);
    return node;
}

static void test_kinds(void **state)
{
    static const struct {
        const char *text;
        sf_node_kind kind;
    } row[] = {
        {"",                     SF_NULL  },
        {"~",                    SF_NULL  },
        {"null",                 SF_NULL  },
        {"Null",                 SF_NULL  },
        {"NULL",                 SF_NULL  },
        {"None",                 SF_STRING},
        {"nULL",                 SF_STRING},
        {"yes",                  SF_BOOL  },
        {"Off",                  SF_BOOL  },
        {"ON",                   SF_BOOL  },
        {"tRUE",                 SF_STRING},
        {"y",                    SF_STRING},
        {"nO",                   SF_STRING},
        {"0o17",                 SF_STRING},
        {"08",                   SF_STRING},
        {"0x1G",                 SF_STRING},
        {"1,000",                SF_STRING},
        {"4G",                   SF_STRING},
        {"85%",                  SF_STRING},
        {"0,1",                  SF_STRING},
        {"+.5",                  SF_STRING},
        {".5e3",                 SF_STRING},
        {"0.9f",                 SF_STRING},
        {"1e",                   SF_STRING},
        {"1:60",                 SF_STRING},
        {"0:30",                 SF_STRING},
        {"2024-01-01",           SF_STRING},
        {"-",                    SF_STRING},
        {".",                    SF_STRING},
        {"-.nan",                SF_STRING},
        {"inf",                  SF_STRING},
        {"1.2.3",                SF_STRING},
        {"0x_",                  SF_STRING},
        {"1:30:",                SF_STRING},
        {"<<",                   SF_STRING},
        {"=",                    SF_STRING},
        {"1e3",                  SF_FLOAT },
        {"08e1",                 SF_FLOAT },
        {".inf",                 SF_FLOAT },
        {".NaN",                 SF_FLOAT },
        {"1:30.5",               SF_FLOAT },
        {"99999999999999999999", SF_FLOAT },
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        assert_int_equal(typed(row[i].text).kind, row[i].kind);
}

static void test_integers(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } row[] = {
        {"0",                    0        },
        {"-0",                   0        },
        {"+1",                   1        },
        {"-12",                  -12      },
        {"010",                  8        },
        {"-017",                 -15      },
        {"0777",                 511      },
        {"0_7",                  7        },
        {"0_",                   0        },
        {"1_000",                1000     },
        {"1_",                   1        },
        {"0x1F",                 31       },
        {"-0x10",                -16      },
        {"0x_1",                 1        },
        {"0b101",                5        },
        {"1:30",                 90       },
        {"-1:30",                -90      },
        {"1:30:00",              5400     },
        {"9223372036854775807",  INT64_MAX},
        {"-9223372036854775808", INT64_MIN},
        {"0x7fffffffffffffff",   INT64_MAX},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_node node = typed(row[i].text);

        assert_int_equal(node.kind, SF_INT);
        assert_true(node.as.i == row[i].value);
    }
}

static void test_floats(void **state)
{
    static const struct {
        const char *text;
        double value;
    } row[] = {
        {"0.9",                                        0.9                   },
        {"1e3",                                        1000                  },
        {"1e-3",                                       0.001                 },
        {"-1.5e+3",                                    -1500                 },
        {".5",                                         0.5                   },
        {"5.",                                         5                     },
        {"1_0.5_0",                                    10.5                  },
        {"12e03",                                      12000                 },
        {"1:30.5",                                     90.5                  },
        {"-1:30.5",                                    -90.5                 },
        {"1e309",                                      INFINITY              },
        {"-.inf",                                      -INFINITY             },
        {"1e-400",                                     0                     },
        {"0.30000000000000004",                        0.1 + 0.2             },
        {"9223372036854775808",                        9223372036854775808.0 },
        {"0xFFFFFFFFFFFFFFFF",                         18446744073709551616.0},
        {"0.0000000000000000000000000000000000000001", 1e-40                 },
    };
    char longest[1200];

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_node node = typed(row[i].text);

        assert_int_equal(node.kind, SF_FLOAT);
        assert_true(node.as.f == row[i].value);
    }
    assert_true(isnan(typed(".nan").as.f));
    memset(longest, '1', sizeof longest); /* as long as it may be: 0.111… and 111… */
    longest[sizeof longest - 1] = '\0';
    assert_true(isinf(typed(longest).as.f));
    longest[1] = '.';
    assert_true(fabs(typed(longest).as.f - 10.0 / 9) < 1e-15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_kinds), TEST(test_integers), TEST(test_floats)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
