/*
 * arena: memory that is born together and dies together.  Nothing in an arena is
 * freed alone; everything that a request reads and computes hangs on one arena.
 */
#ifndef SF_BASE_ARENA_H
#define SF_BASE_ARENA_H

#include <stdarg.h>

#include "base/str.h"

typedef struct sf_arena sf_arena;

/*
 * The one way to get memory in this program.  Tests replace the function to fail the
 * n-th allocation; NULL gives malloc back.  Not for use by more than one thread.
 */
void sf_alloc_hook(void *(*alloc)(size_t size));
void *sf_alloc(size_t size);

/* An empty arena that will hold at most `max` bytes; NULL when memory is out. */
sf_arena *sf_arena_new(size_t max);
/* Frees all that was taken from it; NULL is fine. */
void sf_arena_free(sf_arena *a);
/* Forgets all that was taken from it, and keeps its largest piece of memory for what comes next. */
void sf_arena_reset(sf_arena *a);
/* Bytes handed out so far. */
size_t sf_arena_used(const sf_arena *a);

/* `size` bytes, uninitialised, aligned to `align` (a power of two).  NULL: out of memory or of `max`. */
void *sf_arena_alloc(sf_arena *a, size_t size, size_t align);
/* `count` zeroed objects of `size` bytes; NULL on overflow too. */
void *sf_arena_array(sf_arena *a, size_t count, size_t size);
/* A larger copy of an array (the old one stays in the arena); the new tail is zeroed. */
void *sf_arena_grow(sf_arena *a, const void *old, size_t old_count, size_t count, size_t size);

/* A terminated copy; the terminator is not part of the length.  `p` is NULL when memory is out. */
sf_str sf_arena_str(sf_arena *a, sf_str s);
const char *sf_arena_cstr(sf_arena *a, sf_str s);
/* printf into the arena; the result is terminated.  `p` is NULL when memory is out. */
sf_str sf_arena_printf(sf_arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
sf_str sf_arena_vprintf(sf_arena *a, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

#define SF_NEW(arena, type) ((type *)sf_arena_array((arena), 1, sizeof(type)))
#define SF_NEW_ARRAY(arena, type, count) ((type *)sf_arena_array((arena), (count), sizeof(type)))

#endif
