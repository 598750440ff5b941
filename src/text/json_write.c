/*
 * json_write: JSON text into a buffer.
 * Must not depend on the locale, and must not let a caller's mistake become broken JSON: the buffer fails.
 * Escapes: RFC 8259 §7; numbers: as Python's json module writes them ("24.0", "1e-05").
 */
#include "text/json_write.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/num.h"

enum { DEPTH_MAX = 63 };

void sf_jw_init(sf_json_writer *w, sf_buf *out, bool pretty)
{
    *w = (sf_json_writer){.out = out, .pretty = pretty, .first = true};
}

static bool in_object(const sf_json_writer *w)
{
    return w->depth && (w->objects >> w->depth & 1);
}

static void line_break(sf_json_writer *w)
{
    if (!w->pretty)
        return;
    sf_buf_add_char(w->out, '\n');
    sf_buf_fill(w->out, ' ', (size_t)w->depth * 2);
}

/* The comma and the indent before an item of an array or a key of an object. */
static void separate(sf_json_writer *w)
{
    if (!w->first)
        sf_buf_add_char(w->out, ',');
    if (w->depth)
        line_break(w);
    w->first = false;
}

/* What goes before any value; false when none may stand here. */
static bool before_value(sf_json_writer *w)
{
    bool allowed = w->depth ? in_object(w) == w->after_key : w->first;

    if (!allowed)
        w->out->failed = true;
    else if (!w->after_key)
        separate(w);
    w->after_key = false;
    return allowed;
}

static void open_level(sf_json_writer *w, char c, bool object)
{
    if (!before_value(w))
        return;
    if (w->depth == DEPTH_MAX) {
        w->out->failed = true;
        return;
    }
    sf_buf_add_char(w->out, c);
    w->depth++;
    w->objects = (w->objects & ~((uint64_t)1 << w->depth)) | (uint64_t)object << w->depth;
    w->first = true;
}

static void close_level(sf_json_writer *w, char c, bool object)
{
    bool empty = w->first;

    if (!w->depth || in_object(w) != object || w->after_key) {
        w->out->failed = true;
        return;
    }
    w->depth--;
    w->first = false;
    if (!empty)
        line_break(w);
    sf_buf_add_char(w->out, c);
}

void sf_jw_object(sf_json_writer *w)
{
    open_level(w, '{', true);
}

void sf_jw_object_end(sf_json_writer *w)
{
    close_level(w, '}', true);
}

void sf_jw_array(sf_json_writer *w)
{
    open_level(w, '[', false);
}

void sf_jw_array_end(sf_json_writer *w)
{
    close_level(w, ']', false);
}

static bool needs_escape(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

static void put_escape(sf_buf *out, unsigned char c)
{
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *known = strchr(from, c);

    if (c && known) {
        sf_buf_add_char(out, '\\');
        sf_buf_add_char(out, to[known - from]);
    } else {
        sf_buf_printf(out, "\\u%04x", c);
    }
}

/* A run of valid UTF-8. */
static void put_valid(sf_buf *out, sf_str s)
{
    size_t from = 0;

    for (size_t i = 0; i < s.n; i++)
        if (needs_escape((unsigned char)s.p[i])) {
            sf_buf_add(out, sf_str_sub(s, from, i));
            put_escape(out, (unsigned char)s.p[i]);
            from = i + 1;
        }
    sf_buf_add(out, sf_str_sub(s, from, s.n));
}

static void put_string(sf_buf *out, sf_str s)
{
    size_t bad = 0;

    sf_buf_add_char(out, '"');
    while (!sf_utf8_valid(s, &bad)) {
        put_valid(out, sf_str_sub(s, 0, bad));
        sf_buf_add(out, SF_STR("\xef\xbf\xbd"));
        s = sf_str_sub(s, bad + 1, s.n);
    }
    put_valid(out, s);
    sf_buf_add_char(out, '"');
}

void sf_jw_key_str(sf_json_writer *w, sf_str key)
{
    if (!in_object(w) || w->after_key) {
        w->out->failed = true;
        return;
    }
    separate(w);
    put_string(w->out, key);
    sf_buf_add_text(w->out, w->pretty ? ": " : ":");
    w->after_key = true;
}

void sf_jw_key(sf_json_writer *w, const char *key)
{
    sf_jw_key_str(w, sf_str_of(key));
}

void sf_jw_str(sf_json_writer *w, sf_str s)
{
    if (before_value(w))
        put_string(w->out, s);
}

void sf_jw_text(sf_json_writer *w, const char *s)
{
    if (s)
        sf_jw_str(w, sf_str_of(s));
    else
        sf_jw_null(w);
}

void sf_jw_i64(sf_json_writer *w, int64_t v)
{
    if (before_value(w))
        sf_buf_printf(w->out, "%lld", (long long)v);
}

void sf_jw_u64(sf_json_writer *w, uint64_t v)
{
    if (before_value(w))
        sf_buf_printf(w->out, "%llu", (unsigned long long)v);
}

/*
 * The digits of |v| without the point, trailing zeros dropped, and the decimal exponent of the first.
 * 15 digits always survive a double, 17 always tell it apart, so the first that reads back is the shortest;
 * below the least normal double fewer than 15 are significant.
 */
static int shortest_digits(double v, char digits[static 24])
{
    char text[40], plain[40];
    double back = 0;
    int exponent = 0;
    size_t n = 0;

    for (int precision = v < 2.2250738585072014e-308 ? 0 : 14; precision <= 16; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, v);
        n = 0;
        for (const char *p = text; *p != 'e'; p++) /* the locale's point may be more than one byte */
            if (*p >= '0' && *p <= '9' && n < 20)
                digits[n++] = *p;
        exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
        snprintf(plain, sizeof plain, "%c.%.*se%d", digits[0], (int)n - 1, digits + 1, exponent);
        if (sf_parse_f64(sf_str_of(plain), &back) && back == v)
            break;
    }
    while (n > 1 && digits[n - 1] == '0')
        n--;
    digits[n] = '\0';
    return exponent;
}

static void put_double(sf_buf *out, double v)
{
    char digits[24] = "0";
    int exponent, n;

    if (v < 0 || (v == 0 && 1 / v < 0)) {
        sf_buf_add_char(out, '-');
        v = -v;
    }
    exponent = shortest_digits(v, digits);
    n = (int)strlen(digits);
    if (exponent < -4 || exponent >= 16) {
        sf_buf_printf(out, "%c%s%se%c%02d", digits[0], n > 1 ? "." : "", digits + 1, exponent < 0 ? '-' : '+',
                      abs(exponent));
    } else if (exponent < 0) {
        sf_buf_add_text(out, "0.");
        sf_buf_fill(out, '0', (size_t)(-exponent - 1));
        sf_buf_add_text(out, digits);
    } else if (n <= exponent + 1) {
        sf_buf_add_text(out, digits);
        sf_buf_fill(out, '0', (size_t)(exponent + 1 - n));
        sf_buf_add_text(out, ".0");
    } else {
        sf_buf_printf(out, "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
    }
}

void sf_jw_f64(sf_json_writer *w, double v)
{
    if (!before_value(w))
        return;
    if (v - v != 0) /* infinite or not a number */
        sf_buf_add_text(w->out, "null");
    else
        put_double(w->out, v);
}

void sf_jw_bool(sf_json_writer *w, bool v)
{
    if (before_value(w))
        sf_buf_add_text(w->out, v ? "true" : "false");
}

void sf_jw_null(sf_json_writer *w)
{
    if (before_value(w))
        sf_buf_add_text(w->out, "null");
}

void sf_jw_kv_str(sf_json_writer *w, const char *key, sf_str v)
{
    sf_jw_key(w, key);
    sf_jw_str(w, v);
}

void sf_jw_kv_text(sf_json_writer *w, const char *key, const char *v)
{
    sf_jw_key(w, key);
    sf_jw_text(w, v);
}

void sf_jw_kv_i64(sf_json_writer *w, const char *key, int64_t v)
{
    sf_jw_key(w, key);
    sf_jw_i64(w, v);
}

void sf_jw_kv_u64(sf_json_writer *w, const char *key, uint64_t v)
{
    sf_jw_key(w, key);
    sf_jw_u64(w, v);
}

void sf_jw_kv_f64(sf_json_writer *w, const char *key, double v)
{
    sf_jw_key(w, key);
    sf_jw_f64(w, v);
}

void sf_jw_kv_bool(sf_json_writer *w, const char *key, bool v)
{
    sf_jw_key(w, key);
    sf_jw_bool(w, v);
}

void sf_jw_kv_null(sf_json_writer *w, const char *key)
{
    sf_jw_key(w, key);
    sf_jw_null(w);
}

void sf_jw_node(sf_json_writer *w, const sf_node *n)
{
    switch (n->kind) {
    case SF_NULL:
        sf_jw_null(w);
        break;
    case SF_BOOL:
        sf_jw_bool(w, n->as.b);
        break;
    case SF_INT:
        sf_jw_i64(w, n->as.i);
        break;
    case SF_FLOAT:
        sf_jw_f64(w, n->as.f);
        break;
    case SF_STRING:
        sf_jw_str(w, n->text);
        break;
    case SF_SEQ:
        sf_jw_array(w);
        for (uint32_t i = 0; i < n->n; i++)
            sf_jw_node(w, n->as.items[i]);
        sf_jw_array_end(w);
        break;
    case SF_MAP:
        sf_jw_object(w);
        for (uint32_t i = 0; i < n->n; i++) {
            sf_jw_key_str(w, n->as.pairs[i].key);
            sf_jw_node(w, n->as.pairs[i].value);
        }
        sf_jw_object_end(w);
        break;
    }
}
