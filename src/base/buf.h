/*
 * buf: the one growable buffer.  Its largest size is part of it; going over that, or
 * running out of memory, sets `failed` and later calls do nothing, so that writers
 * check once at the end.
 */
#ifndef SF_BASE_BUF_H
#define SF_BASE_BUF_H

#include <stdarg.h>

#include "base/str.h"

typedef struct sf_buf {
    char *p; /* owned; terminated when n > 0 */
    size_t n, cap, max;
    bool failed;
} sf_buf;

void sf_buf_init(sf_buf *b, size_t max);
/* Frees the bytes; the buffer may be initialised again. */
void sf_buf_release(sf_buf *b);

void sf_buf_add(sf_buf *b, sf_str s);
void sf_buf_add_text(sf_buf *b, const char *text);
void sf_buf_add_char(sf_buf *b, char c);
/* `c`, `count` times. */
void sf_buf_fill(sf_buf *b, char c, size_t count);
void sf_buf_printf(sf_buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void sf_buf_vprintf(sf_buf *b, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

/* What is in it, borrowed until the next call. */
static inline sf_str sf_buf_str(const sf_buf *b)
{
    return (sf_str){b->p, b->n};
}

#endif
