/*
 * str: comparing, splitting and searching borrowed text.
 * Must not allocate and must not look at the locale.
 */
#include "base/str.h"

static unsigned char lower(char c)
{
    unsigned char u = (unsigned char)c;

    return u >= 'A' && u <= 'Z' ? (unsigned char)(u + 32) : u;
}

bool sf_str_eq_nocase(sf_str a, sf_str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

bool sf_str_starts(sf_str s, sf_str head)
{
    return s.n >= head.n && (head.n == 0 || memcmp(s.p, head.p, head.n) == 0);
}

bool sf_str_ends(sf_str s, sf_str tail)
{
    return s.n >= tail.n && (tail.n == 0 || memcmp(s.p + s.n - tail.n, tail.p, tail.n) == 0);
}

int sf_str_cmp(sf_str a, sf_str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n ? memcmp(a.p, b.p, n) : 0;

    if (c)
        return c;
    return a.n < b.n ? -1 : a.n > b.n;
}

ptrdiff_t sf_str_find_char(sf_str s, char c)
{
    const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

    return at ? at - s.p : -1;
}

ptrdiff_t sf_str_find(sf_str s, sf_str needle)
{
    if (needle.n == 0)
        return 0;
    for (size_t i = 0; i + needle.n <= s.n; i++)
        if (s.p[i] == needle.p[0] && memcmp(s.p + i, needle.p, needle.n) == 0)
            return (ptrdiff_t)i;
    return -1;
}

sf_str sf_str_sub(sf_str s, size_t from, size_t to)
{
    if (to > s.n)
        to = s.n;
    if (from > to)
        from = to;
    return (sf_str){s.p ? s.p + from : NULL, to - from};
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

sf_str sf_str_trim(sf_str s)
{
    size_t from = 0, to = s.n;

    while (from < to && is_blank(s.p[from]))
        from++;
    while (to > from && is_blank(s.p[to - 1]))
        to--;
    return sf_str_sub(s, from, to);
}

bool sf_str_split(sf_str *rest, char sep, sf_str *ret_part)
{
    ptrdiff_t at = sf_str_find_char(*rest, sep);

    if (at < 0) {
        *ret_part = *rest;
        *rest = sf_str_sub(*rest, rest->n, rest->n);
        return false;
    }
    *ret_part = sf_str_sub(*rest, 0, (size_t)at);
    *rest = sf_str_sub(*rest, (size_t)at + 1, rest->n);
    return true;
}

uint64_t sf_str_hash(sf_str s)
{
    uint64_t h = 0xcbf29ce484222325u;
    size_t i = 0;

    for (; i + 8 <= s.n; i += 8) {
        uint64_t w;

        memcpy(&w, s.p + i, 8);
        h = (h ^ w) * 0x9e3779b97f4a7c15u;
        h ^= h >> 29;
    }
    for (; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93u;
    return h ^ (h >> 32);
}

unsigned sf_str_distance(sf_str a, sf_str b, unsigned limit)
{
    enum { MAX = 64 };
    unsigned row[3][MAX + 1];

    if (a.n > MAX || b.n > MAX || (a.n > b.n ? a.n - b.n : b.n - a.n) > limit)
        return limit + 1;
    for (size_t j = 0; j <= b.n; j++)
        row[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a.n; i++) {
        unsigned *now = row[i % 3], *prev = row[(i + 2) % 3], *before = row[(i + 1) % 3];

        now[0] = (unsigned)i;
        for (size_t j = 1; j <= b.n; j++) {
            unsigned cost = lower(a.p[i - 1]) != lower(b.p[j - 1]);
            unsigned best = prev[j - 1] + cost;

            if (prev[j] + 1 < best)
                best = prev[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && lower(a.p[i - 1]) == lower(b.p[j - 2]) &&
                lower(a.p[i - 2]) == lower(b.p[j - 1]) && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[a.n % 3][b.n] > limit ? limit + 1 : row[a.n % 3][b.n];
}

/* Length of the sequence at p[0..n), or 0 when it is not valid UTF-8. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    if (len == 0 || p[0] > 0xf4 || len > n)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
        (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return len;
}

bool sf_utf8_valid(sf_str s, size_t *ret_bad_at)
{
    const unsigned char *p = (const unsigned char *)s.p;

    for (size_t i = 0; i < s.n;) {
        size_t len;

        if (p[i] < 0x80) { /* eight ASCII bytes at once: most text is ASCII */
            uint64_t w;

            while (i + 8 <= s.n && (memcpy(&w, p + i, 8), (w & 0x8080808080808080u) == 0))
                i += 8;
            if (i >= s.n)
                break;
        }
        len = utf8_length(p + i, s.n - i);
        if (len == 0) {
            if (ret_bad_at)
                *ret_bad_at = i;
            return false;
        }
        i += len;
    }
    return true;
}

size_t sf_utf8_count(sf_str s)
{
    size_t count = 0;

    for (size_t i = 0; i < s.n;) {
        size_t len = utf8_length((const unsigned char *)s.p + i, s.n - i);

        i += len ? len : 1;
        count++;
    }
    return count;
}
