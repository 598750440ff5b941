/*
 * json: the pull reader.  One pass over the bytes, no allocation, no recursion.
 * Must not keep state outside its sf_json, and must not count lines unless something is wrong.
 * Grammar: RFC 8259; the literals of SF_JSON_NONFINITE: Python's json module.
 */
#include "text/json.h"

#include <stdio.h>

#include "base/num.h"
#include "text/swar.h"

/* What may follow at one level of nesting. */
enum { AT_START, AT_DONE, OBJECT_FIRST, OBJECT_VALUE, OBJECT_NEXT, ARRAY_FIRST, ARRAY_NEXT };

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The next byte; 0 at the end (a NUL in the text is an error wherever it matters). */
static inline char peek(const sf_json *j)
{
    return j->at < j->text.n ? j->text.p[j->at] : '\0';
}

static inline void skip_blanks(sf_json *j)
{
    while (j->at < j->text.n && is_blank(j->text.p[j->at]))
        j->at++;
}

void sf_json_init(sf_json *j, sf_str text, sf_str file, unsigned flags, sf_diags *dg)
{
    j->text = text;
    j->file = file;
    j->dg = dg;
    j->error = SF_OK;
    j->at = sf_str_starts(text, SF_STR("\xef\xbb\xbf")) ? 3 : 0;
    j->token_off = j->at;
    j->token_len = 0;
    j->escaped = false;
    j->base = 0;
    j->flags = flags;
    j->depth = 0;
    j->stack[0] = AT_START;
}

sf_where sf_json_where(const sf_json *j, size_t off, size_t len)
{
    sf_where at = {.file = j->file, .line = 1, .off = j->base + off, .len = len};
    sf_str before = sf_str_sub(j->text, 0, off);
    size_t start = sf_str_starts(before, SF_STR("\xef\xbb\xbf")) ? 3 : 0, col;

    for (size_t i = start; i < before.n; i++) {
        const char *nl = memchr(before.p + i, '\n', before.n - i);

        if (!nl)
            break;
        i = (size_t)(nl - before.p);
        start = i + 1;
        at.line += at.line < UINT32_MAX;
    }
    col = sf_utf8_count(sf_str_sub(before, start, before.n)) + 1;
    at.col = col < UINT32_MAX ? (uint32_t)col : UINT32_MAX;
    return at;
}

static sf_json_event fail(sf_json *j, sf_code code, size_t off, const char *hint, const char *message)
{
    j->error = code;
    if (j->dg) /* else nobody asks for the place, which takes a walk from the start */
        j->error = sf_diag_error(j->dg, code, sf_json_where(j, off, off < j->text.n), hint, "%s", message);
    return SF_JSON_ERROR;
}

sf_code sf_json_fail(sf_json *j, sf_code code, const char *format, ...)
{
    sf_str message;
    va_list args;

    if (j->error)
        return j->error;
    j->error = code;
    if (!j->dg)
        return code;
    va_start(args, format);
    message = sf_arena_vprintf(j->dg->arena, format, args);
    va_end(args);
    if (!message.p) {
        j->dg->failed = true;
        j->error = SF_E_NOMEM;
    } else {
        j->error = sf_diag_error(j->dg, code, sf_json_where(j, j->token_off, j->token_len),
                                 code == SF_E_LIMIT ? "is it the file that was meant?"
                                                    : "check the text just before this place",
                                 "%.*s", SF_STR_ARG(message));
    }
    return j->error;
}

/* What to say about a word that is no JSON value but that people write. */
static const char *hint_for(sf_str rest)
{
    static const struct {
        const char *head, *hint;
    } known[] = {
        {"'",                       "write strings in double quotes"                      },
        {"//",                      "JSON has no comments: remove it"                     },
        {"/*",                      "JSON has no comments: remove it"                     },
        {"#",                       "JSON has no comments: remove it"                     },
        {"True",                    "write true"                                          },
        {"False",                   "write false"                                         },
        {"None",                    "write null"                                          },
        {"+",                       "write the number without the plus sign"              },
        {".",                       "write a digit before the point"                      },
        {"}",                       "remove the comma before it"                          },
        {"]",                       "remove the comma before it"                          },
        {"<",                       "this looks like a web page: download the file itself"},
        {"version https://git-lfs", "this is a Git LFS pointer: run `git lfs pull`"       },
        {"NaN",                     "not-a-number is not JSON: write null"                },
        {"Infinity",                "infinity is not JSON: write a large number or null"  },
        {"-Infinity",               "infinity is not JSON: write a large number or null"  },
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (sf_str_starts(rest, sf_str_of(known[i].head)))
            return known[i].hint;
    return "the text is no JSON from here on: look for a missing or doubled comma or quote";
}

/* "expected X, found Y" at the next byte. */
static sf_json_event fail_expected(sf_json *j, const char *expected)
{
    sf_str rest = sf_str_sub(j->text, j->at, j->text.n);
    size_t bad = 0, len = rest.n < 4 ? rest.n : 4;
    unsigned char c;
    char message[128];

    if (!rest.n) {
        snprintf(message, sizeof message, "expected %s, but the text ends here", expected);
        return fail(j, SF_E_JSON, j->at, j->at ? "the file is cut short" : "the file is empty", message);
    }
    c = (unsigned char)rest.p[0];
    if (c >= 0x80 && !sf_utf8_valid(sf_str_sub(rest, 0, len), &bad) && bad == 0)
        return fail(j, SF_E_UTF8, j->at, "save the file as UTF-8", "text is not valid UTF-8");
    if (c >= 0x80)
        snprintf(message, sizeof message, "expected %s, found a character outside ASCII", expected);
    else if (c < 0x20 || c == 0x7f)
        snprintf(message, sizeof message, "expected %s, found the control character 0x%02x", expected, c);
    else
        snprintf(message, sizeof message, "expected %s, found '%c'", expected, c);
    return fail(j, SF_E_JSON, j->at, hint_for(rest), message);
}

/* Moves over bytes that need no look: up to a quote, a backslash, a control character or the end. */
static inline size_t plain_run(const char *p, size_t i, size_t n, uint64_t *high)
{
    while (i + 8 <= n) {
        uint64_t w = sf_load8(p + i), ends = sf_string_ends(w);

        *high |= w & SF_HIGHS;
        if (ends)
            return i + sf_first_byte(ends);
        i += 8;
    }
    while (i < n && p[i] != '"' && p[i] != '\\' && (unsigned char)p[i] >= 0x20)
        *high |= (uint64_t)(unsigned char)p[i++] & 0x80;
    return i;
}

static int hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four digits of \uXXXX at text[i]; -1 when they are not there. */
static int32_t hex4(sf_str text, size_t i)
{
    int32_t v = 0;

    if (i > text.n || text.n - i < 4)
        return -1;
    for (size_t k = i; k < i + 4; k++) {
        int d = hex_digit(text.p[k]);

        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

/* Bytes of the escape at text[i]; 0 after an error. */
static size_t check_escape(sf_json *j, size_t i)
{
    char c = i + 1 < j->text.n ? j->text.p[i + 1] : '\0';
    int32_t v;

    if (c != 'u') {
        if (c && strchr("\"\\/bfnrt", c))
            return 2;
        fail(j, SF_E_JSON, i, "write \\\\ for a backslash", "unknown escape in a string");
        return 0;
    }
    v = hex4(j->text, i + 2);
    if (v < 0) {
        fail(j, SF_E_JSON, i, "write it as in \\u00e9", "\\u needs four hexadecimal digits");
        return 0;
    }
    if (v < 0xd800 || v > 0xdfff)
        return 6;
    if (v < 0xdc00 && j->text.n - i >= 12 && j->text.p[i + 6] == '\\' && j->text.p[i + 7] == 'u') {
        v = hex4(j->text, i + 8);
        if (v >= 0xdc00 && v <= 0xdfff)
            return 12;
    }
    fail(j, SF_E_JSON, i, "write both halves, as in \\ud83d\\ude00", "half of a surrogate pair stands alone");
    return 0;
}

static sf_json_event fail_in_string(sf_json *j, size_t i)
{
    if (i >= j->text.n)
        return fail(j, SF_E_JSON, j->token_off, "close it with a double quote",
                    "the string that starts here does not end");
    return fail(j, SF_E_JSON, i, "write it as an escape: \\n for a line break, \\t for a tab",
                "control character in a string");
}

/* Reads the string whose opening quote is the next byte. */
static inline sf_json_event scan_string(sf_json *j, sf_json_event event)
{
    const char *p = j->text.p;
    size_t n = j->text.n, i = j->at + 1, bad = 0, step;
    uint64_t high = 0;

    j->token_off = j->at;
    j->escaped = false;
    for (;;) {
        i = plain_run(p, i, n, &high);
        if (i >= n || (p[i] != '"' && p[i] != '\\'))
            return fail_in_string(j, i);
        if (p[i] == '"')
            break;
        step = check_escape(j, i);
        if (!step)
            return SF_JSON_ERROR;
        j->escaped = true;
        i += step;
    }
    j->token_len = i + 1 - j->token_off;
    if (high && !sf_utf8_valid(sf_json_raw(j), &bad))
        return fail(j, SF_E_UTF8, j->token_off + 1 + bad, "save the file as UTF-8",
                    "text is not valid UTF-8");
    j->at = i + 1;
    return event;
}

/* Moves over digits; false when there is none. */
static inline bool skip_digits(const char *p, size_t n, size_t *i)
{
    size_t from = *i;

    while (*i < n && is_digit(p[*i]))
        ++*i;
    return *i > from;
}

static bool take_word(sf_json *j, const char *word)
{
    size_t len = strlen(word);

    if (j->text.n - j->at < len || memcmp(j->text.p + j->at, word, len) != 0)
        return false;
    j->token_off = j->at;
    j->token_len = len;
    j->at += len;
    return true;
}

static sf_json_event scan_number(sf_json *j)
{
    const char *p = j->text.p;
    size_t n = j->text.n, i = j->at + (p[j->at] == '-');

    if (j->flags & SF_JSON_NONFINITE && i < n && p[i] == 'I' && take_word(j, "-Infinity"))
        return SF_JSON_NUMBER;
    if (i + 1 < n && p[i] == '0' && is_digit(p[i + 1]))
        return fail(j, SF_E_JSON, j->at, "remove the leading zeros", "a number starts with a zero");
    if (!skip_digits(p, n, &i))
        goto bad;
    if (i < n && p[i] == '.') {
        i++;
        if (!skip_digits(p, n, &i))
            goto bad;
    }
    if (i < n && (p[i] == 'e' || p[i] == 'E')) {
        i++;
        i += i < n && (p[i] == '+' || p[i] == '-');
        if (!skip_digits(p, n, &i))
            goto bad;
    }
    j->token_off = j->at;
    j->token_len = i - j->at;
    j->at = i;
    return SF_JSON_NUMBER;
bad:
    if (p[j->at] != '-' || i > j->at + 1) { /* the sign alone may be -Infinity, which has a hint of its own */
        j->at = i;
        return fail_expected(j, "a digit");
    }
    return fail(j, SF_E_JSON, j->at, hint_for(sf_str_sub(j->text, j->at, n)),
                "a minus sign without a number");
}

static sf_json_event open_level(sf_json *j, unsigned char state, sf_json_event event)
{
    if (j->depth == SF_JSON_DEPTH)
        return fail(j, SF_E_LIMIT, j->at, "close brackets that are open, or flatten it",
                    "nested more than 64 levels deep");
    j->token_off = j->at++;
    j->token_len = 1;
    j->stack[++j->depth] = state;
    return event;
}

static inline sf_json_event close_level(sf_json *j, sf_json_event event)
{
    j->token_off = j->at++;
    j->token_len = 1;
    j->depth--;
    return event;
}

static sf_json_event scan_word(sf_json *j)
{
    if (take_word(j, "true"))
        return SF_JSON_TRUE;
    if (take_word(j, "false"))
        return SF_JSON_FALSE;
    if (take_word(j, "null"))
        return SF_JSON_NULL;
    if (j->flags & SF_JSON_NONFINITE && (take_word(j, "Infinity") || take_word(j, "NaN")))
        return SF_JSON_NUMBER;
    return fail_expected(j, "a value");
}

static inline sf_json_event scan_value(sf_json *j)
{
    char c = peek(j);

    if (c == '"')
        return scan_string(j, SF_JSON_STRING);
    if (c == '{')
        return open_level(j, OBJECT_FIRST, SF_JSON_OBJECT);
    if (c == '[')
        return open_level(j, ARRAY_FIRST, SF_JSON_ARRAY);
    if (is_digit(c) || c == '-')
        return scan_number(j);
    return scan_word(j);
}

/* A key and its colon; the token stays the key. */
static inline sf_json_event scan_key(sf_json *j)
{
    skip_blanks(j);
    if (peek(j) != '"')
        return fail_expected(j, "a key in double quotes");
    if (scan_string(j, SF_JSON_KEY) == SF_JSON_ERROR)
        return SF_JSON_ERROR;
    skip_blanks(j);
    if (peek(j) != ':')
        return fail_expected(j, "':' after a key");
    j->at++;
    j->stack[j->depth] = OBJECT_VALUE;
    return SF_JSON_KEY;
}

sf_json_event sf_json_next(sf_json *j)
{
    if (j->error)
        return SF_JSON_ERROR;
    skip_blanks(j);
    switch (j->stack[j->depth]) {
    case OBJECT_VALUE:
        j->stack[j->depth] = OBJECT_NEXT;
        return scan_value(j);
    case OBJECT_NEXT:
        if (peek(j) == '}')
            return close_level(j, SF_JSON_OBJECT_END);
        if (peek(j) != ',')
            return fail_expected(j, "',' or '}'");
        j->at++;
        return scan_key(j);
    case OBJECT_FIRST:
        return peek(j) == '}' ? close_level(j, SF_JSON_OBJECT_END) : scan_key(j);
    case ARRAY_NEXT:
        if (peek(j) == ']')
            return close_level(j, SF_JSON_ARRAY_END);
        if (peek(j) != ',')
            return fail_expected(j, "',' or ']'");
        j->at++;
        skip_blanks(j);
        return scan_value(j);
    case ARRAY_FIRST:
        if (peek(j) == ']')
            return close_level(j, SF_JSON_ARRAY_END);
        j->stack[j->depth] = ARRAY_NEXT;
        return scan_value(j);
    case AT_START:
        j->stack[0] = AT_DONE;
        return scan_value(j);
    default:
        return j->at < j->text.n ? fail_expected(j, "nothing after the value") : SF_JSON_END;
    }
}

bool sf_json_before_member(const sf_json *j, size_t *ret_at)
{
    unsigned char state = j->stack[j->depth];
    size_t at = j->at;

    for (; at < j->text.n && is_blank(j->text.p[at]); at++)
        continue;
    if (state == OBJECT_NEXT && at < j->text.n && j->text.p[at] == ',')
        at++;
    else if (state != OBJECT_FIRST)
        return false;
    for (; at < j->text.n && is_blank(j->text.p[at]); at++)
        continue;
    *ret_at = at;
    return !j->error && at < j->text.n && j->text.p[at] == '"';
}

void sf_json_after_member(sf_json *j, size_t at)
{
    j->at = at;
    j->stack[j->depth] = OBJECT_NEXT;
}

sf_str sf_json_raw(const sf_json *j)
{
    return sf_str_sub(j->text, j->token_off + 1, j->token_off + j->token_len - 1);
}

static char *put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
    } else if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
        *out++ = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        *out++ = (char)(0xe0 | c >> 12);
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    } else {
        *out++ = (char)(0xf0 | c >> 18);
        *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
        *out++ = (char)(0x80 | (c & 0x3f));
    }
    return out;
}

/* Decodes the escape at raw[*i], which check_escape has seen, and moves past it. */
static char *put_escape(char *out, sf_str raw, size_t *i)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *known = strchr(from, raw.p[*i + 1]);
    uint32_t c;

    if (raw.p[*i + 1] != 'u') {
        *out = known ? to[known - from] : raw.p[*i + 1];
        *i += 2;
        return out + 1;
    }
    c = (uint32_t)hex4(raw, *i + 2);
    *i += 6;
    if (c >= 0xd800 && c <= 0xdbff) {
        c = 0x10000 + ((c - 0xd800) << 10) + ((uint32_t)hex4(raw, *i + 2) - 0xdc00);
        *i += 6;
    }
    return put_utf8(out, c);
}

sf_code sf_json_decode(sf_json *j, sf_arena *a, sf_str *ret)
{
    sf_str raw = sf_json_raw(j);
    char *start, *out;

    if (!j->escaped) {
        *ret = raw;
        return SF_OK;
    }
    start = out = sf_arena_alloc(a, raw.n + 1, 1); /* an escape is never shorter than what it means */
    if (!start)
        return j->error = SF_E_NOMEM;
    for (size_t i = 0; i < raw.n;) {
        if (raw.p[i] == '\\')
            out = put_escape(out, raw, &i);
        else
            *out++ = raw.p[i++];
    }
    *out = '\0';
    *ret = (sf_str){start, (size_t)(out - start)};
    return SF_OK;
}

bool sf_json_u64(const sf_json *j, uint64_t *ret)
{
    const char *p = j->text.p + j->token_off;
    size_t n = j->token_len;
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++) {
        if (!is_digit(p[i]))
            return false;
        if (n > 19 && (!sf_mul(v, 10, &v) || !sf_add(v, (uint64_t)(p[i] - '0'), &v)))
            return false;
        if (n <= 19) /* 19 digits always fit */
            v = v * 10 + (uint64_t)(p[i] - '0');
    }
    *ret = v;
    return n > 0;
}

sf_code sf_json_skip(sf_json *j, sf_json_event event)
{
    unsigned depth = j->depth;

    if (event == SF_JSON_OBJECT || event == SF_JSON_ARRAY)
        while (j->depth >= depth)
            if (sf_json_next(j) == SF_JSON_ERROR)
                break;
    return j->error;
}
