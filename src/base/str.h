/*
 * str: a borrowed run of bytes.  It never owns memory and is not terminated;
 * it lives as long as the arena or buffer that it points into.
 */
#ifndef SF_BASE_STR_H
#define SF_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct sf_str {
    const char *p; /* may be NULL when n is 0 */
    size_t n;
} sf_str;

#define SF_STR(literal) ((sf_str){(literal), sizeof(literal) - 1})

/* For printf's "%.*s": SF_STR_ARG(s) gives the length and the pointer. */
#define SF_STR_ARG(s) ((int)(s).n), ((s).p ? (s).p : "")

static inline sf_str sf_str_of(const char *text)
{
    return text ? (sf_str){text, strlen(text)} : (sf_str){NULL, 0};
}

/* These two are everywhere: inline, the length of a literal is known and most comparisons end with it. */
static inline bool sf_str_eq(sf_str a, sf_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool sf_str_is(sf_str a, const char *text)
{
    return sf_str_eq(a, sf_str_of(text));
}

/* Equal but for the case of ASCII letters. */
bool sf_str_eq_nocase(sf_str a, sf_str b);
bool sf_str_starts(sf_str s, sf_str head);
bool sf_str_ends(sf_str s, sf_str tail);
/* Orders bytes as unsigned values; a prefix comes first. */
int sf_str_cmp(sf_str a, sf_str b);

/* The position of `c` / of `needle`, or -1. */
ptrdiff_t sf_str_find_char(sf_str s, char c);
ptrdiff_t sf_str_find(sf_str s, sf_str needle);

/* Bytes [from, to), clamped to the string. */
sf_str sf_str_sub(sf_str s, size_t from, size_t to);
/* Without ASCII blanks, tabs, CR and LF at both ends. */
sf_str sf_str_trim(sf_str s);

/*
 * Takes the text up to the next `sep` off the front of `rest` and puts it in
 * `ret_part`.  False when `rest` is used up; an empty input gives one empty part.
 *
 *     sf_str part, rest = list;
 *     for (bool more = true; more;) { more = sf_str_split(&rest, ',', &part); … }
 */
bool sf_str_split(sf_str *rest, char sep, sf_str *ret_part);

/* 64-bit FNV-1a with a final mix; for tables in memory only, never stored. */
uint64_t sf_str_hash(sf_str s);

/* Edit distance (insert, delete, replace, swap of neighbours), stopped at `limit` + 1. */
unsigned sf_str_distance(sf_str a, sf_str b, unsigned limit);

/* True when every byte sequence is valid UTF-8 (no surrogates, nothing overlong). */
bool sf_utf8_valid(sf_str s, size_t *ret_bad_at);
/* Number of code points in [p, p+n); invalid bytes count one each. */
size_t sf_utf8_count(sf_str s);

#endif
