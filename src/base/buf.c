/*
 * buf: growth by doubling, bounded by `max`.
 * Grows by copy, so that a failed growth leaves the old bytes in place.
 */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

void sf_buf_init(sf_buf *b, size_t max)
{
    *b = (sf_buf){.max = max};
}

void sf_buf_release(sf_buf *b)
{
    if (!b)
        return;
    free(b->p);
    *b = (sf_buf){.max = b->max};
}

/* Room for `more` bytes and a terminator. */
static bool buf_room(sf_buf *b, size_t more)
{
    size_t cap = b->cap ? b->cap : 256;
    char *p;

    if (b->failed || more > b->max || b->n > b->max - more) {
        b->failed = true;
        return false;
    }
    if (b->n + more < b->cap)
        return true;
    while (cap <= b->n + more)
        cap *= 2;
    p = sf_alloc(cap);
    if (!p) {
        b->failed = true;
        return false;
    }
    if (b->n)
        memcpy(p, b->p, b->n);
    free(b->p);
    b->p = p;
    b->cap = cap;
    return true;
}

void sf_buf_add(sf_buf *b, sf_str s)
{
    if (!s.n || !buf_room(b, s.n))
        return;
    memcpy(b->p + b->n, s.p, s.n);
    b->n += s.n;
    b->p[b->n] = '\0';
}

void sf_buf_add_text(sf_buf *b, const char *text)
{
    sf_buf_add(b, sf_str_of(text));
}

void sf_buf_add_char(sf_buf *b, char c)
{
    sf_buf_add(b, (sf_str){&c, 1});
}

void sf_buf_fill(sf_buf *b, char c, size_t count)
{
    if (!count || !buf_room(b, count))
        return;
    memset(b->p + b->n, c, count);
    b->n += count;
    b->p[b->n] = '\0';
}

void sf_buf_vprintf(sf_buf *b, const char *format, va_list args)
{
    va_list again;
    int n;

    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (n < 0) {
        b->failed = true;
        return;
    }
    if (!buf_room(b, (size_t)n))
        return;
    vsnprintf(b->p + b->n, (size_t)n + 1, format, args);
    b->n += (size_t)n;
}

void sf_buf_printf(sf_buf *b, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    sf_buf_vprintf(b, format, args);
    va_end(args);
}
