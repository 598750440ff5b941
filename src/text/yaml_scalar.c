/*
 * yaml_scalar: the type and value of one scalar.
 * Must not look at anything but the text.  Rules: PyYAML 6 yaml/resolver.py and
 * yaml/constructor.py (YAML 1.1), with OmegaConf 2.2's own rule for floats and without dates.
 */
#include "text/yaml_parts.h"

#include "base/num.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The first position from `i` on that is no character of `set`. */
static size_t span(sf_str s, size_t i, const char *set)
{
    while (i < s.n && s.p[i] && strchr(set, s.p[i]))
        i++;
    return i;
}

static bool char_in(sf_str s, size_t i, const char *set)
{
    return i < s.n && s.p[i] && strchr(set, s.p[i]) != NULL;
}

#define DIGITS "0123456789"
#define DIGITS_ "0123456789_"

/* Passes over ":[0-5]?[0-9]" as often as it stands there. */
static size_t span_sixties(sf_str s, size_t i)
{
    while (i < s.n && s.p[i] == ':') {
        size_t end = span(s, i + 1, DIGITS), n = end - i - 1;

        if (n == 0 || n > 2 || (n == 2 && s.p[i + 1] > '5'))
            break;
        i = end;
    }
    return i;
}

/* Passes over an exponent; `i` itself when there is none. */
static size_t span_exponent(sf_str s, size_t i, bool need_sign)
{
    size_t digits = i + 1;

    if (!char_in(s, i, "eE"))
        return i;
    if (char_in(s, digits, "+-"))
        digits++;
    else if (need_sign)
        return i;
    return span(s, digits, DIGITS) > digits ? span(s, digits, DIGITS) : i;
}

static bool is_special_float(sf_str s)
{
    sf_str bare = char_in(s, 0, "+-") ? sf_str_sub(s, 1, s.n) : s;

    if (sf_str_is(bare, ".inf") || sf_str_is(bare, ".Inf") || sf_str_is(bare, ".INF"))
        return true;
    return sf_str_is(s, ".nan") || sf_str_is(s, ".NaN") || sf_str_is(s, ".NAN");
}

static bool is_float(sf_str s)
{
    size_t i = char_in(s, 0, "+-"), end;

    if (is_special_float(s))
        return true;
    if (char_in(s, 0, ".")) {
        end = span(s, 1, DIGITS_);
        return end > 1 && span_exponent(s, end, true) == s.n;
    }
    if (!char_in(s, i, DIGITS))
        return false;
    i = span(s, i, DIGITS_);
    if (char_in(s, i, ".")) {
        i = span(s, i + 1, DIGITS_);
        return span_exponent(s, i, false) == s.n;
    }
    end = span_exponent(s, i, false);
    if (end > i)
        return end == s.n;
    end = span_sixties(s, i);
    return end > i && char_in(s, end, ".") && span(s, end + 1, DIGITS_) == s.n;
}

static bool is_int(sf_str s)
{
    size_t i = char_in(s, 0, "+-");

    if (!char_in(s, i, DIGITS))
        return false;
    if (s.p[i] != '0')
        return span_sixties(s, span(s, i, DIGITS_)) == s.n;
    if (i + 1 == s.n)
        return true;
    if (s.p[i + 1] == 'b')
        return i + 2 < s.n && span(s, i + 2, "01_") == s.n;
    if (s.p[i + 1] == 'x')
        return i + 2 < s.n && span(s, i + 2, "0123456789abcdefABCDEF_") == s.n;
    return span(s, i + 1, "01234567_") == s.n;
}

enum { MANTISSA = 340 }; /* digits kept of one; a double is settled by fewer than 800, in practice by 20 */

/* [digits][.digits][e±digits] with underscores, as long as it may be; false without any digit. */
static bool decimal_value(sf_str s, double *ret)
{
    char text[MANTISSA + 24], digits[24];
    size_t n = 0, i = 0, start, k = 0;
    bool point = false, any = false;
    int64_t exp = 0, written = 0;
    uint64_t magnitude;

    for (; i < s.n && s.p[i] != 'e' && s.p[i] != 'E'; i++) {
        if (s.p[i] == '.')
            point = true;
        if (!is_digit(s.p[i]))
            continue;
        any = true;
        if (n < MANTISSA && (n || s.p[i] != '0')) {
            text[n++] = s.p[i];
            exp -= point;
        } else if (n || point) {
            exp += n ? !point : -1;
        }
    }
    if (!any)
        return false;
    start = i + 1 + char_in(s, i + 1, "+-");
    for (i = start; i < s.n && written < 100000000; i++)
        written = written * 10 + (s.p[i] - '0');
    exp += start <= s.n && start > 0 && char_in(s, start - 1, "-") ? -written : written;
    if (n == 0 || exp + (int64_t)n < -400) {
        *ret = 0;
        return true;
    }
    if (exp + (int64_t)n > 400) {
        *ret = __builtin_inf();
        return true;
    }
    text[n++] = 'e';
    text[n++] = exp < 0 ? '-' : '+';
    for (magnitude = (uint64_t)(exp < 0 ? -exp : exp); magnitude || k == 0; magnitude /= 10)
        digits[k++] = (char)('0' + magnitude % 10);
    while (k)
        text[n++] = digits[--k];
    if (!sf_parse_f64((sf_str){text, n}, ret))
        *ret = __builtin_inf();
    return true;
}

/* Decimal parts between colons, base 60, summed from the last as the loader does. */
static bool sixties_value(sf_str s, double *ret)
{
    double sum = 0, base = 1;
    size_t end = s.n;

    while (true) {
        size_t from = end;
        double part;

        while (from > 0 && s.p[from - 1] != ':')
            from--;
        if (!decimal_value(sf_str_sub(s, from, end), &part))
            return false;
        sum += part * base;
        base *= 60;
        if (from == 0)
            break;
        end = from - 1;
    }
    *ret = sum;
    return true;
}

static bool float_value(sf_str s, double *ret)
{
    bool negative = char_in(s, 0, "-");
    double v;

    if (char_in(s, 0, "+-"))
        s = sf_str_sub(s, 1, s.n);
    if (char_in(s, 0, ".") && char_in(s, 1, "iI"))
        v = __builtin_inf();
    else if (char_in(s, 0, ".") && char_in(s, 1, "nN"))
        v = __builtin_nan("");
    else if (!sixties_value(s, &v))
        return false;
    *ret = negative ? -v : v;
    return true;
}

static unsigned digit_value(char c)
{
    return is_digit(c) ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

/* False when it has no digits at all or does not fit; `ret_any` tells the two apart. */
static bool based_value(sf_str s, unsigned base, uint64_t *ret, bool *ret_any)
{
    uint64_t v = 0;

    *ret_any = false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '_')
            continue;
        *ret_any = true;
        if (!sf_mul(v, base, &v) || !sf_add(v, digit_value(s.p[i]), &v))
            return false;
    }
    *ret = v;
    return *ret_any;
}

static bool sixties_u64(sf_str s, uint64_t *ret)
{
    uint64_t sum = 0, part;
    sf_str piece;
    bool any;

    for (bool more = true; more;) {
        more = sf_str_split(&s, ':', &piece);
        if (!based_value(piece, 10, &part, &any) || !sf_mul(sum, 60, &sum) || !sf_add(sum, part, &sum))
            return false;
    }
    *ret = sum;
    return true;
}

/* The value in a base that is a power of two, as a double. */
static double based_double(sf_str s, unsigned base)
{
    double v = 0;

    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '_')
            v = v * base + digit_value(s.p[i]);
    return v;
}

/* Sets an SF_INT, or an SF_FLOAT when it does not fit; false when there are no digits ("0x_"). */
static bool set_int(sf_str s, sf_node *ret)
{
    bool negative = char_in(s, 0, "-"), any = true, fits;
    sf_str bare = sf_str_sub(s, char_in(s, 0, "+-"), s.n);
    unsigned base = 10;
    uint64_t v = 0;

    if (bare.n > 1 && bare.p[0] == '0') {
        base = bare.p[1] == 'b' ? 2 : bare.p[1] == 'x' ? 16 : 8;
        bare = sf_str_sub(bare, base == 8 ? 1 : 2, bare.n);
    }
    if (sf_str_find_char(bare, ':') >= 0)
        fits = sixties_u64(bare, &v);
    else
        fits = based_value(bare, base, &v, &any);
    if (!any && base == 8) { /* "0_" is 0 to the loader */
        fits = any = true;
        v = 0;
    }
    if (!any)
        return false;
    if (fits && v <= (uint64_t)INT64_MAX + negative) {
        ret->kind = SF_INT;
        ret->as.i = negative ? (int64_t)(0 - v) : (int64_t)v;
        return true;
    }
    ret->kind = SF_FLOAT;
    if (base != 10)
        ret->as.f = negative ? -based_double(bare, base) : based_double(bare, base);
    else if (!float_value(s, &ret->as.f))
        return false;
    return true;
}

static bool find_bool(sf_str s, bool any_case, bool *ret)
{
    static const char *const words[] = {"yes", "no", "true", "false", "on", "off"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        sf_str word = sf_str_of(words[i]);
        bool rest_low = true, rest_up = true;

        if (!sf_str_eq_nocase(s, word))
            continue;
        for (size_t k = 1; k < s.n; k++) {
            rest_low &= s.p[k] >= 'a';
            rest_up &= s.p[k] < 'a';
        }
        if (!any_case && !rest_low && !(rest_up && s.p[0] < 'a'))
            return false;
        *ret = i % 2 == 0;
        return true;
    }
    return false;
}

static bool is_null(sf_str s)
{
    return s.n == 0 || sf_str_is(s, "~") || sf_str_is(s, "null") || sf_str_is(s, "Null") ||
           sf_str_is(s, "NULL");
}

sf_yaml_plain sf_yaml_plain_type(sf_str text, sf_node *ret)
{
    char first = text.n ? text.p[0] : '\0';
    bool b;

    ret->text = text;
    ret->kind = SF_STRING;
    ret->as.i = 0;
    if (is_digit(first) || first == '-' || first == '+' || first == '.') {
        if (is_float(text)) {
            ret->kind = SF_FLOAT;
            return float_value(text, &ret->as.f) ? SF_YAML_VALUE : SF_YAML_BROKEN;
        }
        if (is_int(text))
            return set_int(text, ret) ? SF_YAML_VALUE : SF_YAML_BROKEN;
        return SF_YAML_VALUE;
    }
    if (is_null(text)) {
        ret->kind = SF_NULL;
    } else if (find_bool(text, false, &b)) {
        ret->kind = SF_BOOL;
        ret->as.b = b;
    } else if (sf_str_is(text, "<<")) {
        return SF_YAML_MERGE;
    } else if (sf_str_is(text, "=")) {
        return SF_YAML_EQUALS;
    }
    return SF_YAML_VALUE;
}

void sf_yaml_type_scalar(sf_str plain, sf_node *ret)
{
    if (sf_yaml_plain_type(plain, ret) == SF_YAML_BROKEN)
        ret->kind = SF_STRING;
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (is_digit(c))
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static sf_code decode_base64(sf_arena *a, sf_str s, sf_str *ret)
{
    char *out = sf_arena_alloc(a, s.n / 4 * 3 + 4, 1);
    uint32_t bits = 0;
    size_t n = 0, count = 0;

    if (!out)
        return SF_E_NOMEM;
    for (size_t i = 0; i < s.n && s.p[i] != '='; i++) {
        int digit = base64_digit(s.p[i]);

        if (char_in(s, i, " \t\r\n"))
            continue;
        if (digit < 0)
            return SF_E_YAML;
        bits = bits << 6 | (uint32_t)digit;
        if (++count % 4 == 0)
            bits &= 0xffffff;
        if (count % 4 != 1)
            out[n++] = (char)(bits >> (count % 4 == 2 ? 4 : count % 4 == 3 ? 2 : 0));
    }
    if (count % 4 == 1)
        return SF_E_YAML;
    *ret = (sf_str){out, n};
    return SF_OK;
}

sf_code sf_yaml_tagged_type(sf_arena *a, sf_str tag, sf_str text, sf_node *ret)
{
    bool b = false;

    ret->text = text;
    ret->kind = SF_STRING;
    ret->flags |= SF_NODE_QUOTED; /* keeps a tagged text from being taken for a plain one */
    if (sf_str_is(tag, "str"))
        return SF_OK;
    if (sf_str_is(tag, "binary"))
        return decode_base64(a, text, &ret->text);
    if (sf_str_is(tag, "null")) {
        ret->kind = SF_NULL;
        return SF_OK;
    }
    if (sf_str_is(tag, "bool") && find_bool(text, true, &b)) {
        ret->kind = SF_BOOL;
        ret->as.b = b;
        return SF_OK;
    }
    if (sf_str_is(tag, "int") && is_int(text) && set_int(text, ret))
        return SF_OK;
    if (sf_str_is(tag, "float")) {
        ret->kind = SF_FLOAT;
        if ((is_float(text) || span(text, char_in(text, 0, "+-"), DIGITS_) == text.n) &&
            float_value(text, &ret->as.f))
            return SF_OK;
        if (sf_parse_f64(text, &ret->as.f)) /* ".5e3", "+.5" */
            return SF_OK;
    }
    return SF_E_YAML;
}
