/*
 * page: where report text goes: a buffer, a width, colours or none, ASCII or Unicode.
 * Every text that reaches it may come from a stranger's file: control characters, bidi marks and
 * broken UTF-8 are written as escapes, so that a config cannot drive the reader's terminal.
 */
#ifndef SF_REPORT_PAGE_H
#define SF_REPORT_PAGE_H

#include "base/arena.h"
#include "base/buf.h"

typedef enum sf_style {
    SF_PLAIN,
    SF_BOLD,
    SF_DIM,
    SF_GOOD,
    SF_WARN,
    SF_BAD,
    SF_STYLE_WEIGHTS, /* the parts of a bar */
    SF_STYLE_KV,
    SF_STYLE_ACTIVATION,
    SF_STYLE_GRAPHS,
    SF_STYLE_OTHER,
    SF_STYLE_TENANTS,
} sf_style;

typedef struct sf_page {
    sf_buf *out;           /* its `failed` says that memory ran out on the way */
    sf_arena *a;           /* for texts on the way */
    unsigned width, flags; /* SF_TEXT_… of view.h */
} sf_page;

enum { SF_PAGE_MIN = 40, SF_PAGE_DEFAULT = 80, SF_PAGE_MAX = 1000 };

/* `width` 0 is SF_PAGE_DEFAULT; others are brought into [SF_PAGE_MIN, SF_PAGE_MAX]. */
void sf_page_init(sf_page *p, sf_buf *out, sf_arena *a, unsigned width, unsigned flags);

/* Columns on a terminal: wide characters count two, combining ones none.  The text must be clean. */
size_t sf_text_columns(sf_str clean);
/* The text with escapes for what must not reach a terminal, signs such as "×" in ASCII when asked. */
sf_str sf_page_clean(sf_page *p, sf_str s);

/* Text, cleaned, without wrapping. */
void sf_page_add(sf_page *p, sf_style style, sf_str s);
void sf_page_text(sf_page *p, sf_style style, const char *s);
void sf_page_pad(sf_page *p, size_t columns);
void sf_page_end(sf_page *p); /* end of line */

/*
 * Words wrapped at the width.  `used` columns of the first line are taken, the others start at
 * `indent`.  Line ends in the text are kept.  Ends the last line.
 */
void sf_page_wrap(sf_page *p, size_t used, size_t indent, sf_style style, sf_str text);
/* The same with formatted text; `%f` and friends must not be used (the locale would show). */
void sf_page_wrapf(sf_page *p, size_t used, size_t indent, sf_style style, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* printf into the page's arena; an empty text, and `failed`, when memory is out. */
const char *sf_page_printf(sf_page *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A terminated arena text; "", and `failed`, when it could not be made. */
const char *sf_page_got(sf_page *p, sf_str s);

#endif
