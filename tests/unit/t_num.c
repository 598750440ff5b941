/* num: sizes, Python's way to print floats. */
#include <locale.h>

#include "test.h"

#include "base/num.h"

/* Sizes: what a user may type, and the bytes it means. */
static void test_size_parse(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        uint64_t bytes;
    } row[] = {
        {"80GiB",          true,  85899345920u},
        {"80GB",           true,  80000000000u},
        {"1.5GiB",         true,  1610612736u },
        {"81559MiB",       true,  85520809984u},
        {"80 GB",          true,  80000000000u},
        {"512",            true,  512         },
        {"80  GiB",        false, 0           },
        {"-1GiB",          false, 0           },
        {"",               false, 0           },
        {"GiB",            false, 0           },
        {"1e3GiB",         false, 0           },
        {"99999999999GiB", false, 0           },
        {"8gib",           true,  8589934592u },
        {"0.5",            true,  1           },
        {"3 ",             false, 0           },
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        uint64_t got = 0;

        assert_int_equal(sf_parse_size(sf_str_of(row[i].text), &got), row[i].ok);
        if (row[i].ok)
            assert_int_equal(got, row[i].bytes);
    }
}

static void test_python_floats(void **state)
{
    fixture *f = *state;

    /* str(round(x, 2)) */
    assert_str(sf_fmt_py_round2(f->a, 1.4), "1.4");
    assert_str(sf_fmt_py_round2(f->a, 24.0), "24.0");
    assert_str(sf_fmt_py_round2(f->a, 0.05), "0.05");
    assert_str(sf_fmt_py_round2(f->a, -2.144), "-2.14");
    assert_str(sf_fmt_py_round2(f->a, 2.675), "2.67"); /* the double is below 2.675 */
    /* repr(x) */
    assert_str(sf_fmt_py_float(f->a, 0.9), "0.9");
    assert_str(sf_fmt_py_float(f->a, 0.8661508568217998), "0.8661508568217998");
    assert_str(sf_fmt_py_float(f->a, 24), "24.0");
    assert_str(sf_fmt_py_float(f->a, 100), "100.0");
    assert_str(sf_fmt_py_float(f->a, 0.00001), "1e-05");
    assert_str(sf_fmt_py_float(f->a, 123456789.5), "123456789.5");
    assert_str(sf_fmt_py_float(f->a, 1e16), "1e+16");
    assert_str(sf_fmt_py_float(f->a, 0), "0.0");
    assert_str(sf_fmt_py_float(f->a, -0.35), "-0.35");
}

static void test_commas_and_bytes(void **state)
{
    fixture *f = *state;

    assert_str(sf_fmt_commas(f->a, 451744), "451,744");
    assert_str(sf_fmt_commas(f->a, -1000), "-1,000");
    assert_str(sf_fmt_commas(f->a, 0), "0");
    assert_str(sf_fmt_commas(f->a, INT64_MIN), "-9,223,372,036,854,775,808");
    assert_str(sf_fmt_bytes(f->a, 512), "512 B");
    assert_str(sf_fmt_bytes(f->a, 1536), "1.5 KiB");
    assert_str(sf_fmt_bytes(f->a, 51011434516u), "47.51 GiB");
}

static void test_integers(void **state)
{
    int64_t i = 7;
    uint64_t u;

    (void)state;
    assert_true(sf_parse_i64(SF_STR("-9223372036854775808"), &i));
    assert_true(i == INT64_MIN);
    assert_false(sf_parse_i64(SF_STR("9223372036854775808"), &i));
    assert_false(sf_parse_i64(SF_STR("-"), &i));
    assert_false(sf_parse_i64(SF_STR("1x"), &i));
    assert_false(sf_parse_u64(SF_STR("18446744073709551616"), &u));
    assert_true(sf_parse_u64(SF_STR("18446744073709551615"), &u));
    assert_false(sf_mul(UINT64_MAX, 2, &u));
    assert_true(sf_mul_sat(UINT64_MAX, 2) == UINT64_MAX);
    assert_int_equal(sf_cdiv(10, 3), 4);
    assert_int_equal(sf_round_up(513, 512), 1024);
}

static void test_numbers_ignore_the_locale(void **state)
{
    fixture *f = *state;
    double v = 0;

    if (!setlocale(LC_NUMERIC, "de_DE.UTF-8")) {
        print_message("# not checked: no locale with a decimal comma\n");
        return;
    }
    assert_true(sf_parse_f64(SF_STR("0.5"), &v));
    assert_true(v == 0.5);
    assert_str(sf_fmt_fixed(f->a, 1.25, 2), "1.25");
    setlocale(LC_NUMERIC, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_size_parse),
        TEST(test_python_floats),
        TEST(test_commas_and_bytes),
        TEST(test_integers),
        TEST(test_numbers_ignore_the_locale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
