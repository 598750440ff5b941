/*
 * yaml_check: what is checked in the raw text, and what is said about syntax errors.
 * Must not know about events.  Rules: the engine's loader (PyYAML's own scanner) takes no tab outside
 * quotes, comments and block texts, where libyaml takes some; both refuse control characters.
 */
#include "text/yaml_parts.h"

enum { MAX_DIRECTIVES = 16 }; /* libyaml compares each %TAG with all others */

static unsigned char byte_at(sf_str s, size_t i)
{
    return i < s.n ? (unsigned char)s.p[i] : 0;
}

size_t sf_yaml_step(sf_str text, size_t at, uint32_t *line, uint32_t *col)
{
    unsigned char c = byte_at(text, at), c2 = byte_at(text, at + 1), c3 = byte_at(text, at + 2);
    size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    bool newline = c == '\n' || c == '\r' || (c == 0xc2 && c2 == 0x85) ||
                   (c == 0xe2 && c2 == 0x80 && (c3 == 0xa8 || c3 == 0xa9));

    if (c == '\r' && c2 == '\n')
        n = 2;
    *line += newline;
    *col = newline ? 1 : *col + 1;
    return at + n;
}

sf_where sf_yaml_place(const sf_yaml_text *t, size_t at, size_t len)
{
    sf_where w = {.file = t->file, .line = 1, .col = 1, .off = t->bom + at, .len = len};

    for (size_t i = 0; i < at && i < t->text.n;)
        i = sf_yaml_step(t->text, i, &w.line, &w.col);
    return w;
}

static const char bom[] = "\xef\xbb\xbf";

static void replace(sf_str text, const char *from, const char *to)
{
    char *p = (char *)(uintptr_t)text.p; /* our own copy */

    for (size_t i = 0; i + 3 <= text.n; i++)
        if (memcmp(p + i, from, 3) == 0)
            memcpy(p + i, to, 3);
}

sf_code sf_yaml_hide_bom(sf_arena *a, sf_str *text, char mask[3])
{
    sf_str copy;

    mask[0] = '\0';
    if (sf_str_find(*text, sf_str_of(bom)) < 0)
        return SF_OK;
    /* U+E000 … U+E03F: a text that has them all keeps its marks. */
    for (unsigned c = 0x80; c < 0xc0; c++) {
        const char own[3] = {'\xee', '\x80', (char)c};

        if (sf_str_find(*text, (sf_str){own, 3}) >= 0)
            continue;
        copy = sf_arena_str(a, *text);
        if (!copy.p)
            return SF_E_NOMEM;
        memcpy(mask, own, 3);
        replace(copy, bom, mask);
        *text = copy;
        return SF_OK;
    }
    return SF_OK;
}

void sf_yaml_show_bom(sf_str text, const char mask[3])
{
    if (mask[0])
        replace(text, mask, bom);
}

static sf_code check_utf8(const sf_yaml_text *t)
{
    static const char utf16[] = "save the file as UTF-8";
    unsigned char a = byte_at(t->text, 0), b = byte_at(t->text, 1);
    sf_str good = t->text;
    sf_where at;
    size_t bad;

    if (t->bom == 0 && ((a == 0xff && b == 0xfe) || (a == 0xfe && b == 0xff)))
        return sf_diag_error(t->dg, SF_E_UTF8, sf_yaml_place(t, 0, 2), utf16, "the file is UTF-16");
    if (sf_utf8_valid(t->text, &bad))
        return SF_OK;
    good.n = bad;
    at = sf_yaml_place(&(sf_yaml_text){.text = good, .file = t->file, .bom = t->bom}, bad, 1);
    return sf_diag_error(t->dg, SF_E_UTF8, at, utf16, "byte 0x%02x is not valid UTF-8 here",
                         byte_at(t->text, bad));
}

/* The code point at `i` when it may not stand in YAML, else 0x20.  The text is valid UTF-8. */
static unsigned forbidden(sf_str s, size_t i)
{
    unsigned char c = byte_at(s, i), c2 = byte_at(s, i + 1), c3 = byte_at(s, i + 2);

    if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
        return c;
    if (c == 0xc2 && c2 < 0xa0 && c2 != 0x85)
        return c2;
    if (c == 0xef && c2 == 0xbf && c3 >= 0xbe)
        return 0xff00u + c3 + 0x40u;
    return 0x20;
}

static sf_code check_characters(const sf_yaml_text *t)
{
    for (size_t i = 0; i < t->text.n; i++) {
        unsigned char c = (unsigned char)t->text.p[i];

        if (c >= 0x20 && c < 0x7f)
            continue;
        if (forbidden(t->text, i) != 0x20)
            return sf_diag_error(t->dg, SF_E_YAML, sf_yaml_place(t, i, 1),
                                 "remove it; in a quoted text write it as an escape such as \"\\x00\"",
                                 "control character U+%04X", forbidden(t->text, i));
    }
    return SF_OK;
}

static sf_code check_directives(const sf_yaml_text *t)
{
    size_t count = 0;

    for (size_t i = 0; i < t->text.n; i++) {
        const char *p = memchr(t->text.p + i, '%', t->text.n - i);

        if (!p)
            break;
        i = (size_t)(p - t->text.p);
        if (i && t->text.p[i - 1] != '\n' && t->text.p[i - 1] != '\r')
            continue;
        if (sf_str_starts(sf_str_sub(t->text, i, t->text.n), SF_STR("%TAG")) && ++count > MAX_DIRECTIVES)
            return sf_diag_error(t->dg, SF_E_LIMIT, sf_yaml_place(t, i, 4), NULL,
                                 "more than %d %%TAG directives", MAX_DIRECTIVES);
    }
    return SF_OK;
}

sf_code sf_yaml_check_text(const sf_yaml_text *t)
{
    sf_code rc;

    if (t->text.n > SF_YAML_MAX_BYTES)
        return sf_diag_error(t->dg, SF_E_LIMIT, (sf_where){.file = t->file}, NULL,
                             "%zu bytes of YAML, at most %d are read", t->text.n, SF_YAML_MAX_BYTES);
    rc = check_utf8(t);
    if (!rc)
        rc = check_characters(t);
    if (!rc)
        rc = check_directives(t);
    return rc;
}

static bool opens_comment(sf_str text, size_t i, size_t from)
{
    return text.p[i] == '#' && (i == from || strchr(" \t\r\n[]{},", text.p[i - 1]));
}

size_t sf_yaml_find_tab(sf_str text, size_t from, size_t to)
{
    bool comment = false;

    for (size_t i = from; i < to; i++) {
        char c = text.p[i];

        if (c == '\n' || c == '\r')
            comment = false;
        else if (!comment && opens_comment(text, i, from))
            comment = true;
        else if (c == '\t' && !comment)
            return i;
    }
    return to;
}

sf_code sf_yaml_tab_error(const sf_yaml_text *t, size_t at)
{
    return sf_diag_error(t->dg, SF_E_YAML, sf_yaml_place(t, at, 1),
                         "replace the tab by blanks, or put the value in quotes",
                         "a tab outside quotes: YAML allows only blanks here");
}

const char *sf_yaml_hint(const char *problem)
{
    static const struct {
        const char *part, *hint;
    } rows[] = {
        {"mapping values are not allowed",
         "check the indentation of this line; a value that holds \": \" needs quotes"                                },
        {"did not find expected key",               "keys of one map start in the same column; check the indentation"},
        {"did not find expected '-' indicator",
         "the items of one list start in the same column; check the indentation"                                     },
        {"could not find expected ':'",             "write a colon and a blank behind the key"                       },
        {"found unexpected end of stream",          "close the quote that is opened here"                            },
        {"found unexpected document indicator",     "close the quote that is opened here"                            },
        {"expected ',' or ']'",                     "separate the items with commas and close the list with ]"       },
        {"expected ',' or '}'",                     "separate the entries with commas and close the map with }"      },
        {"unknown escape character",                "use single quotes, in which \\ means itself"                    },
        {"did not find expected hexdecimal number", "write the escape as \\xNN, or use single quotes"                },
        {"block sequence entries are not allowed",  "start the list on a line of its own"                            },
        {"cannot start any token",                  "put the value in quotes"                                        },
        {"found unknown directive name",            "remove the line that starts with %"                             },
        {"incompatible YAML document",              "remove the %YAML line"                                          },
        {"tab character",                           "replace the tab by blanks"                                      },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strstr(problem, rows[i].part))
            return rows[i].hint;
    return NULL;
}

sf_str sf_yaml_clip(sf_str s)
{
    size_t n = 60;

    if (s.n <= n)
        return s;
    while (n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--;
    return sf_str_sub(s, 0, n);
}
