/*
 * num: reading and printing numbers in the C locale, whatever the process's locale is.
 * Python's rules: Objects/floatobject.c (repr: shortest that round-trips; exponent form
 * below 1e-4 and from 1e16).
 */
#include "base/num.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

/* glibc gives its static C locale here: nothing is allocated and nothing must be freed. */
static locale_t c_locale(void)
{
    return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

bool sf_parse_u64(sf_str s, uint64_t *ret)
{
    uint64_t v = 0;
    size_t i = s.n > 1 && s.p[0] == '+';

    if (i == s.n)
        return false;
    for (; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9' || !sf_mul(v, 10, &v) || !sf_add(v, (uint64_t)(s.p[i] - '0'), &v))
            return false;
    *ret = v;
    return true;
}

bool sf_parse_i64(sf_str s, int64_t *ret)
{
    bool negative = s.n > 1 && s.p[0] == '-';
    uint64_t v;

    if (negative && (s.p[1] == '+' || s.p[1] == '-'))
        return false;
    if (!sf_parse_u64(sf_str_sub(s, negative, s.n), &v) || v > (uint64_t)INT64_MAX + negative)
        return false;
    *ret = negative ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

/* [+-] digits [. digits] [e [+-] digits], at least one digit before or after the point. */
static bool is_decimal(sf_str s)
{
    size_t i = s.n && (s.p[0] == '+' || s.p[0] == '-'), digits = 0, exp_digits = 0;

    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
        digits++;
    if (i < s.n && s.p[i] == '.')
        for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
            digits++;
    if (!digits)
        return false;
    if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
        i++;
        i += i < s.n && (s.p[i] == '+' || s.p[i] == '-');
        for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
            exp_digits++;
        if (!exp_digits)
            return false;
    }
    return i == s.n;
}

bool sf_parse_f64(sf_str s, double *ret)
{
    char text[400];
    double v;

    if (s.n >= sizeof text || !is_decimal(s))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    v = strtod_l(text, NULL, c_locale());
    if (__builtin_isinf(v))
        return false;
    *ret = v;
    return true;
}

/* printf("%.*f") of one double in the C locale, with `unit` behind it. */
static void print_fixed(char *text, size_t size, int decimals, double value, const char *unit)
{
    locale_t old = uselocale(c_locale());

    snprintf(text, size, "%.*f%s", decimals, value, unit);
    uselocale(old);
}

sf_str sf_fmt_fixed(sf_arena *a, double value, int decimals)
{
    char text[400];

    print_fixed(text, sizeof text, decimals, value, "");
    return sf_arena_str(a, sf_str_of(text));
}

sf_str sf_fmt_py_round2(sf_arena *a, double value)
{
    char text[400];
    size_t n;

    print_fixed(text, sizeof text, 2, value, "");
    n = strlen(text);
    if (n > 1 && text[n - 1] == '0') /* "1.40" -> "1.4", "24.00" -> "24.0" */
        text[--n] = '\0';
    return sf_arena_str(a, sf_str_of(text));
}

/* The shortest digits in %e form that read back as `value`. */
static void shortest_digits(double value, char *text, size_t size)
{
    locale_t old = uselocale(c_locale());

    for (int precision = 0; precision <= 17; precision++) {
        snprintf(text, size, "%.*e", precision, value);
        if (strtod_l(text, NULL, c_locale()) == value)
            break;
    }
    uselocale(old);
}

sf_str sf_fmt_py_float(sf_arena *a, double value)
{
    char text[64], fixed[400];
    const char *e;
    int exponent, digits;

    if (value != value)
        return sf_arena_str(a, SF_STR("nan"));
    if (__builtin_isinf(value))
        return sf_arena_str(a, value > 0 ? SF_STR("inf") : SF_STR("-inf"));
    shortest_digits(value, text, sizeof text);
    e = strchr(text, 'e');
    exponent = (int)strtol(e + 1, NULL, 10);
    if (value != 0 && (exponent < -4 || exponent >= 16))
        return sf_arena_str(a, sf_str_of(text));
    digits = (int)(e - text) - (text[0] == '-'); /* digits and the point */
    digits = digits > 1 ? digits - 1 : 1;        /* significant digits */
    digits = digits - 1 - exponent;              /* after the point */
    print_fixed(fixed, sizeof fixed, digits > 1 ? digits : 1, value, "");
    return sf_arena_str(a, sf_str_of(fixed));
}

sf_str sf_fmt_commas(sf_arena *a, int64_t value)
{
    char digits[32], text[48];
    int n, at = 0;
    uint64_t v = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)v);
    if (value < 0)
        text[at++] = '-';
    for (int i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    return sf_arena_str(a, (sf_str){text, (size_t)at});
}

sf_str sf_fmt_gib(sf_arena *a, int64_t bytes)
{
    char text[64];

    print_fixed(text, sizeof text, 2, (double)bytes / (double)SF_GIB, " GiB");
    return sf_arena_str(a, sf_str_of(text));
}

sf_str sf_fmt_bytes(sf_arena *a, uint64_t bytes)
{
    char text[64];

    if (bytes < SF_KIB)
        return sf_arena_printf(a, "%llu B", (unsigned long long)bytes);
    if (bytes < SF_MIB)
        print_fixed(text, sizeof text, bytes < 100 * SF_KIB ? 1 : 0, (double)bytes / (double)SF_KIB, " KiB");
    else if (bytes < SF_GIB)
        print_fixed(text, sizeof text, bytes < 100 * SF_MIB ? 1 : 0, (double)bytes / (double)SF_MIB, " MiB");
    else
        print_fixed(text, sizeof text, 2, (double)bytes / (double)SF_GIB, " GiB");
    return sf_arena_str(a, sf_str_of(text));
}

bool sf_parse_size(sf_str s, uint64_t *ret)
{
    static const struct {
        const char *unit;
        double factor;
    } units[] = {
        {"",    1.0            },
        {"B",   1.0            },
        {"KB",  1e3            },
        {"MB",  1e6            },
        {"GB",  1e9            },
        {"TB",  1e12           },
        {"KiB", 1024.0         },
        {"MiB", 1048576.0      },
        {"GiB", 1073741824.0   },
        {"TiB", 1099511627776.0},
    };
    size_t n = 0;
    sf_str unit;
    double v;

    while (n < s.n && ((s.p[n] >= '0' && s.p[n] <= '9') || s.p[n] == '.'))
        n++;
    if (!sf_parse_f64(sf_str_sub(s, 0, n), &v))
        return false;
    unit = sf_str_sub(s, n + (n < s.n - 1 && s.p[n] == ' '), s.n);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (sf_str_eq_nocase(unit, sf_str_of(units[i].unit))) {
            v *= units[i].factor;
            if (v >= 9.2e18)
                return false;
            *ret = (uint64_t)(v + 0.5);
            return true;
        }
    return false;
}
