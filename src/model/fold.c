/*
 * fold: finds the numbers of a name eight bytes at a time.
 * Must give one hash for one pattern, whatever the numbers are; must not read past the name.
 */
#include "model/fold.h"

#include "text/swar.h"

#define FACTOR ((uint64_t)0x9e3779b97f4a7c15)

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline uint64_t mix(uint64_t h, uint64_t w)
{
    h = (h ^ w) * FACTOR;
    return h ^ h >> 32;
}

/* Up to 7 bytes as one word, without a loop. */
static inline uint64_t load_tail(const char *p, size_t n)
{
    uint32_t a, b;

    if (n >= 4) {
        memcpy(&a, p, 4);
        memcpy(&b, p + n - 4, 4);
        return (uint64_t)a << 32 | b;
    }
    if (!n)
        return 0;
    return (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[n / 2] << 8 |
           (unsigned char)p[n - 1];
}

static inline uint64_t hash_run(uint64_t h, const char *p, size_t n)
{
    size_t i = 0;

    for (; i + 8 <= n; i += 8)
        h = mix(h, sf_load8(p + i));
    return mix(h, load_tail(p + i, n - i) ^ (uint64_t)n << 56);
}

/* The first digit at or after `i` that follows a dot; n when there is none. */
static size_t next_number(const char *p, size_t i, size_t n)
{
    while (i + 8 <= n) { /* eight places at once: a dot before, 0x3X at it */
        uint64_t hits = sf_zero_bytes(sf_load8(p + i - 1) ^ SF_ONES * '.') &
                        sf_zero_bytes((sf_load8(p + i) ^ SF_ONES * 0x30) & SF_ONES * 0xf0);

        for (; hits; hits &= hits - 1) {
            size_t at = i + sf_first_byte(hits);

            if (p[at - 1] == '.' && is_digit(p[at]))
                return at;
        }
        i += 8;
    }
    for (; i < n; i++)
        if (p[i - 1] == '.' && is_digit(p[i]))
            return i;
    return n;
}

/* Adds the number at p[0..n) to the dense form, or finds that there is none. */
static inline void add_number(sf_fold *f, const char *p, size_t n)
{
    uint64_t value = 0;

    if (f->n >= SF_FOLD_DENSE_MAX || n > SF_FOLD_DENSE_DIGITS || (n > 1 && p[0] == '0')) {
        f->dense = false;
        return;
    }
    for (size_t i = 0; i < n; i++)
        value = value * 10 + (uint64_t)(p[i] - '0');
    if (value >> SF_FOLD_DENSE_BITS)
        f->dense = false;
    f->numbers = f->numbers << SF_FOLD_DENSE_BITS | value;
}

void sf_fold_name(sf_str name, sf_fold *ret)
{
    const char *p = name.p;
    size_t n = name.n, done = 0, at = n && is_digit(p[0]) ? 0 : 1;
    uint64_t hash = FACTOR;

    ret->name = name;
    ret->n = 0;
    ret->numbers = 0;
    ret->dense = true;
    if (at)
        at = next_number(p, 1, n);
    while (at < n && ret->n < SF_FOLD_MAX) {
        size_t end = at + 1;

        while (end < n && is_digit(p[end]))
            end++;
        if (end == n || p[end] == '.') {
            add_number(ret, p + at, end - at);
            ret->from[ret->n] = (uint32_t)at;
            ret->to[ret->n++] = (uint32_t)end;
            hash = hash_run(hash, p + done, at - done);
            done = end;
        }
        at = next_number(p, end, n);
    }
    ret->hash = hash_run(hash, p + done, n - done);
}

sf_str sf_fold_text(sf_arena *a, const sf_fold *f)
{
    char *text = sf_arena_alloc(a, f->name.n + 2 * (size_t)f->n + SF_SWAR_SLACK, 1), *out = text;
    size_t done = 0;

    if (!text)
        return (sf_str){NULL, 0};
    for (unsigned i = 0; i < f->n; i++) {
        memcpy(out, f->name.p + done, f->from[i] - done);
        out += f->from[i] - done;
        *out++ = '{';
        *out++ = '}';
        done = f->to[i];
    }
    memcpy(out, f->name.p + done, f->name.n - done);
    out += f->name.n - done;
    memset(out, 0, SF_SWAR_SLACK);
    return (sf_str){text, (size_t)(out - text)};
}

/* Whether the folded name is `pattern`, without writing it out. */
bool sf_fold_is(const sf_fold *f, sf_str pattern)
{
    size_t done = 0, at = 0, len;

    for (unsigned i = 0; i < f->n; i++) {
        len = f->from[i] - done;
        if (pattern.n - at < len + 2 || memcmp(pattern.p + at, f->name.p + done, len) != 0 ||
            pattern.p[at + len] != '{' || pattern.p[at + len + 1] != '}')
            return false;
        at += len + 2;
        done = f->to[i];
    }
    len = f->name.n - done;
    return pattern.n - at == len && memcmp(pattern.p + at, f->name.p + done, len) == 0;
}
