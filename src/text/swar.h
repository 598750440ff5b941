/*
 * swar: eight bytes looked at as one word (SIMD within a register; Hacker's Delight, 6-1).
 * The lowest byte that is flagged is right; a borrow may flag others above it.
 */
#ifndef SF_TEXT_SWAR_H
#define SF_TEXT_SWAR_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define SF_ONES ((uint64_t)0x0101010101010101)
#define SF_HIGHS ((uint64_t)0x8080808080808080)

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

#endif
