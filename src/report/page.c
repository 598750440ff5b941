/*
 * page: cleaning, measuring and wrapping text.
 * Must not look at the locale: widths come from the table below (Unicode 15 East Asian Width
 * "W"/"F" and general category Mn, by blocks).
 */
#include "report/page.h"

#include "report/view.h"

typedef struct range {
    uint32_t first, last;
} range;

static const range wide[] = {
    {0x1100,  0x115f },
    {0x2e80,  0x303e },
    {0x3041,  0xa4cf },
    {0xa960,  0xa97c },
    {0xac00,  0xd7a3 },
    {0xf900,  0xfaff },
    {0xfe30,  0xfe6f },
    {0xff00,  0xff60 },
    {0xffe0,  0xffe6 },
    {0x1f300, 0x1f64f},
    {0x1f680, 0x1f6ff},
    {0x1f900, 0x1f9ff},
    {0x20000, 0x3fffd},
};
static const range combining[] = {
    {0x0300, 0x036f},
    {0x0483, 0x0489},
    {0x0591, 0x05bd},
    {0x0610, 0x061a},
    {0x064b, 0x065f},
    {0x0900, 0x0902},
    {0x093c, 0x093c},
    {0x0941, 0x0948},
    {0x0e31, 0x0e31},
    {0x0e34, 0x0e3a},
    {0x1ab0, 0x1aff},
    {0x1dc0, 0x1dff},
    {0x20d0, 0x20ff},
    {0xfe00, 0xfe0f},
    {0xfe20, 0xfe2f},
};
/* C1 controls, bidi marks, line separators, zero-width characters. */
static const range unsafe[] = {
    {0x0000,  0x001f },
    {0x007f,  0x009f },
    {0x061c,  0x061c },
    {0x200b,  0x200f },
    {0x2028,  0x202e },
    {0x2060,  0x2069 },
    {0xfeff,  0xfeff },
    {0xe0000, 0xe007f},
};

#define IN(table, c) in_ranges(table, sizeof(table) / sizeof *(table), c)

static bool in_ranges(const range *r, size_t n, uint32_t c)
{
    for (size_t i = 0; i < n; i++)
        if (c >= r[i].first && c <= r[i].last)
            return true;
    return false;
}

/* One character off the front: its length in bytes, 0 when the bytes are not UTF-8. */
static size_t decode(const char *text, size_t n, uint32_t *ret)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    if (len > n || !sf_utf8_valid((sf_str){text, len}, NULL))
        return 0;
    *ret = len == 1 ? p[0] : p[0] & (0x7fu >> len);
    for (size_t i = 1; i < len; i++)
        *ret = *ret << 6 | (p[i] & 0x3fu);
    return len;
}

void sf_page_init(sf_page *p, sf_buf *out, sf_arena *a, unsigned width, unsigned flags)
{
    width = width == 0 ? SF_PAGE_DEFAULT : width;
    width = width < SF_PAGE_MIN ? SF_PAGE_MIN : width > SF_PAGE_MAX ? SF_PAGE_MAX : width;
    *p = (sf_page){.out = out, .a = a, .width = width, .flags = flags};
}

size_t sf_text_columns(sf_str s)
{
    size_t columns = 0;

    for (size_t i = 0; i < s.n;) {
        uint32_t c = 0;
        size_t len = decode(s.p + i, s.n - i, &c);

        columns += len == 0 ? 1 : IN(wide, c) ? 2 : c >= 0x300 && IN(combining, c) ? 0 : 1;
        i += len ? len : 1;
    }
    return columns;
}

/* Signs that our own texts use, for terminals that have only ASCII. */
static const char *ascii_for(uint32_t c)
{
    static const struct {
        uint32_t c;
        const char *ascii;
    } signs[] = {
        {0x00d7, "x"       },
        {0x2212, "-"       },
        {0x00b1, "+-"      },
        {0x2248, "~"       },
        {0x2264, "<="      },
        {0x2265, ">="      },
        {0x2026, "..."     },
        {0x2013, "-"       },
        {0x2014, "-"       },
        {0x2018, "'"       },
        {0x2019, "'"       },
        {0x201c, "\""      },
        {0x201d, "\""      },
        {0x2192, "->"      },
        {0x00b7, "*"       },
        {0x00f7, "/"       },
        {0x03a3, "sum"     },
        {0x00a7, "section "},
        {0x230a, "floor("  },
        {0x230b, ")"       },
        {0x2308, "ceil("   },
        {0x2309, ")"       },
        {0x00a0, " "       },
        {0x202f, " "       },
    };

    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (signs[i].c == c)
            return signs[i].ascii;
    return NULL;
}

static bool needs_cleaning(sf_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || (unsigned char)s.p[i] >= 0x7f)
            return true;
    return false;
}

const char *sf_page_got(sf_page *p, sf_str s)
{
    if (!s.p)
        p->out->failed = true;
    return s.p ? s.p : "";
}

static size_t put(char *to, const char *text)
{
    size_t n = 0;

    for (; text[n]; n++)
        to[n] = text[n];
    return n;
}

/* Writes at most 10 bytes for one character (or one bad byte). */
static size_t clean_one(const sf_page *p, char *to, const char *from, size_t len, uint32_t c)
{
    static const char hex[] = "0123456789abcdef";
    const char *ascii = (p->flags & SF_TEXT_UNICODE) || len < 2 ? NULL : ascii_for(c);

    if (c == '\n' && len == 1) {
        to[0] = '\n';
        return 1;
    }
    if (c == '\t' && len == 1)
        return put(to, "    ");
    if (ascii)
        return put(to, ascii);
    if (len && !IN(unsafe, c)) {
        memcpy(to, from, len);
        return len;
    }
    if (len < 2) { /* a control character or a byte that is not UTF-8 */
        to[0] = '\\';
        to[1] = 'x';
        to[2] = hex[((unsigned char)from[0]) >> 4];
        to[3] = hex[((unsigned char)from[0]) & 15];
        return 4;
    }
    to[0] = '\\';
    to[1] = 'u';
    for (size_t i = 0; i < 6; i++)
        to[2 + i] = hex[c >> (20 - 4 * i) & 15];
    return 8;
}

sf_str sf_page_clean(sf_page *p, sf_str s)
{
    size_t n = 0;
    char *to;

    if (!needs_cleaning(s))
        return s;
    to = s.n < SIZE_MAX / 10 ? sf_arena_alloc(p->a, s.n * 10, 1) : NULL;
    if (!to) {
        p->out->failed = true;
        return (sf_str){NULL, 0};
    }
    for (size_t i = 0; i < s.n;) {
        uint32_t c = 0;
        size_t len = decode(s.p + i, s.n - i, &c);

        n += clean_one(p, to + n, s.p + i, len, c);
        i += len ? len : 1;
    }
    return (sf_str){to, n};
}

static const char *style_on(const sf_page *p, sf_style style)
{
    static const char *const codes[] = {
        [SF_BOLD] = "\033[1m",           [SF_DIM] = "\033[2m",
        [SF_GOOD] = "\033[1;32m",        [SF_WARN] = "\033[1;33m",
        [SF_BAD] = "\033[1;31m",         [SF_STYLE_WEIGHTS] = "\033[34m",
        [SF_STYLE_KV] = "\033[32m",      [SF_STYLE_ACTIVATION] = "\033[33m",
        [SF_STYLE_GRAPHS] = "\033[35m",  [SF_STYLE_OTHER] = "\033[36m",
        [SF_STYLE_TENANTS] = "\033[31m",
    };

    return (p->flags & SF_TEXT_COLOR) && style != SF_PLAIN ? codes[style] : NULL;
}

static void style_begin(sf_page *p, sf_style style)
{
    const char *on = style_on(p, style);

    if (on)
        sf_buf_add_text(p->out, on);
}

static void style_end(sf_page *p, sf_style style)
{
    if (style_on(p, style))
        sf_buf_add_text(p->out, "\033[0m");
}

void sf_page_add(sf_page *p, sf_style style, sf_str s)
{
    sf_str clean = sf_page_clean(p, s);

    if (!clean.n)
        return;
    style_begin(p, style);
    sf_buf_add(p->out, clean);
    style_end(p, style);
}

void sf_page_text(sf_page *p, sf_style style, const char *s)
{
    sf_page_add(p, style, sf_str_of(s));
}

void sf_page_pad(sf_page *p, size_t columns)
{
    sf_buf_fill(p->out, ' ', columns);
}

void sf_page_end(sf_page *p)
{
    sf_buf_add_char(p->out, '\n');
}

/* The longest head of `s` that is at most `columns` wide, at least one character. */
static size_t head_bytes(sf_str s, size_t columns)
{
    size_t i = 0, used = 0;

    while (i < s.n) {
        uint32_t c;
        size_t len = decode(s.p + i, s.n - i, &c), step = len ? len : 1;
        size_t width = sf_text_columns((sf_str){s.p + i, step});

        if (i && used + width > columns)
            break;
        used += width;
        i += step;
    }
    return i;
}

/* The next line of a wrapped text; indents are not coloured. */
static size_t next_line(sf_page *p, size_t indent, sf_style style)
{
    style_end(p, style);
    sf_page_end(p);
    sf_page_pad(p, indent);
    style_begin(p, style);
    return indent;
}

/* One word, cut where it is longer than the line; returns the column behind it. */
static size_t put_word(sf_page *p, size_t at, size_t indent, sf_style style, sf_str word)
{
    while (word.n) {
        sf_str head = sf_str_sub(word, 0, head_bytes(word, p->width > at ? p->width - at : 1));

        sf_buf_add(p->out, head);
        at += sf_text_columns(head);
        word = sf_str_sub(word, head.n, word.n);
        if (word.n)
            at = next_line(p, indent, style);
    }
    return at;
}

/* Wraps one line of clean text. */
static void wrap_line(sf_page *p, size_t used, size_t indent, sf_style style, sf_str line)
{
    size_t at = used;
    bool first = true;
    sf_str word, rest = line;

    if (!line.n)
        return;
    style_begin(p, style);
    for (bool more = true; more;) {
        more = sf_str_split(&rest, ' ', &word);
        if (!word.n)
            continue;
        if (!first && at + 1 + sf_text_columns(word) > p->width) {
            at = next_line(p, indent, style);
        } else if (!first) {
            sf_buf_add_char(p->out, ' ');
            at++;
        }
        at = put_word(p, at, indent, style, word);
        first = false;
    }
    style_end(p, style);
}

void sf_page_wrap(sf_page *p, size_t used, size_t indent, sf_style style, sf_str text)
{
    sf_str line, rest = sf_str_trim(sf_page_clean(p, text));
    bool first = true;

    if (indent + 8 > p->width)
        indent = 0;
    for (bool more = true; more; first = false) {
        more = sf_str_split(&rest, '\n', &line);
        if (!first)
            sf_page_pad(p, line.n ? indent : 0);
        wrap_line(p, first ? used : indent, indent, style, line);
        sf_page_end(p);
    }
}

const char *sf_page_printf(sf_page *p, const char *format, ...)
{
    va_list args;
    sf_str s;

    va_start(args, format);
    s = sf_arena_vprintf(p->a, format, args);
    va_end(args);
    return sf_page_got(p, s);
}

void sf_page_wrapf(sf_page *p, size_t used, size_t indent, sf_style style, const char *format, ...)
{
    va_list args;
    sf_str s;

    va_start(args, format);
    s = sf_arena_vprintf(p->a, format, args);
    va_end(args);
    sf_page_wrap(p, used, indent, style, sf_str_of(sf_page_got(p, s)));
}
