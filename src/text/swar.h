/*
 * swar: eight bytes looked at as one word (SIMD within a register; Hacker's Delight, 6-1).
 * The lowest byte that is flagged is right; a borrow may flag others above it.
 * All of these read whole words: SF_SWAR_SLACK bytes behind the last one that counts must be there.
 */
#ifndef SF_TEXT_SWAR_H
#define SF_TEXT_SWAR_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SF_ONES ((uint64_t)0x0101010101010101)
#define SF_HIGHS ((uint64_t)0x8080808080808080)
enum { SF_SWAR_SLACK = 8 };

/* The byte at p is the lowest. */
static inline uint64_t sf_load8(const char *p)
{
    uint64_t w;

    memcpy(&w, p, 8);
    return le64toh(w);
}

/* The high bit of each byte that is zero. */
static inline uint64_t sf_zero_bytes(uint64_t w)
{
    return (w - SF_ONES) & ~w & SF_HIGHS;
}

/* Of each byte that ends a plain run in a JSON string: quote, backslash, control character. */
static inline uint64_t sf_string_ends(uint64_t w)
{
    return sf_zero_bytes(w ^ SF_ONES * '"') | sf_zero_bytes(w ^ SF_ONES * '\\') |
           ((w - SF_ONES * 0x20) & ~w & SF_HIGHS);
}

/* Index of the lowest flagged byte; flags must not be 0. */
static inline size_t sf_first_byte(uint64_t flags)
{
    return (size_t)__builtin_ctzll(flags) / 8;
}

/* Whether n bytes at a and b are the same. */
static inline bool sf_same_bytes(const char *a, const char *b, size_t n)
{
    size_t i = 0;

    if (n < 8)
        return ((sf_load8(a) ^ sf_load8(b)) & (((uint64_t)1 << 8 * n) - 1)) == 0;
    for (; i + 8 < n; i += 8)
        if (sf_load8(a + i) != sf_load8(b + i))
            return false;
    return sf_load8(a + n - 8) == sf_load8(b + n - 8);
}

/* How many decimal digits stand at the front of the word: 0 to 8. */
static inline unsigned sf_digit_count(uint64_t w)
{
    uint64_t x = w ^ SF_ONES * '0', others = ((x + SF_ONES * 0x76) | x) & SF_HIGHS;

    return others ? (unsigned)sf_first_byte(others) : 8;
}

/* The number that the first n of them make (n from 1): pairs, then fours, then all eight at once. */
static inline uint64_t sf_digits_value(uint64_t w, unsigned n)
{
    uint64_t x = (w ^ SF_ONES * '0') << 8 * (8 - n);

    x = x * 10 + (x >> 8);
    x = (x & 0x000000ff000000ff) * (100 + ((uint64_t)1000000 << 32)) +
        (x >> 16 & 0x000000ff000000ff) * (1 + ((uint64_t)10000 << 32));
    return x >> 32;
}

/*
 * The digits at *p as a number; moves past them.  False without digits, with zeros in front, and with more than
 * SF_SWAR_DIGITS of them: three words are read.
 */
enum { SF_SWAR_DIGITS = 18 };
static inline bool sf_take_number(const char **p, uint64_t *ret)
{
    static const uint64_t power[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    const char *s = *p;
    uint64_t v = 0, w;
    unsigned n;

    do {
        w = sf_load8(s);
        n = sf_digit_count(w);
        if (!n)
            break;
        v = v * power[n] + sf_digits_value(w, n);
        s += n;
    } while (n == 8 && s - *p <= SF_SWAR_DIGITS);
    if (s == *p || s - *p > SF_SWAR_DIGITS || (**p == '0' && s - *p > 1))
        return false;
    *p = s;
    *ret = v;
    return true;
}

#endif
