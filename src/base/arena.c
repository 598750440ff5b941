/*
 * arena: a list of chunks, each filled from the front.
 * Must not give memory back before sf_arena_reset or sf_arena_free.
 */
#include "base/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

/* A huge page costs as much to fault in as about a hundred small ones: arenas grow into them. */
enum { CHUNK_MIN = 16 * 1024, CHUNK_SMALL_MAX = 128 * 1024, CHUNK_HUGE = 2 * 1024 * 1024 };

typedef struct chunk {
    struct chunk *next;
    size_t size, used;
    _Alignas(max_align_t) unsigned char bytes[];
} chunk;

struct sf_arena {
    chunk *chunks; /* the newest first */
    size_t max, used, next_size;
};

static void *(*alloc_hook)(size_t size);

void sf_alloc_hook(void *(*alloc)(size_t size))
{
    alloc_hook = alloc;
}

void *sf_alloc(size_t size)
{
    return alloc_hook ? alloc_hook(size) : malloc(size);
}

sf_arena *sf_arena_new(size_t max)
{
    sf_arena *a = sf_alloc(sizeof *a);

    if (a)
        *a = (sf_arena){.max = max, .next_size = CHUNK_MIN};
    return a;
}

void sf_arena_free(sf_arena *a)
{
    if (!a)
        return;
    for (chunk *c = a->chunks; c;) {
        chunk *next = c->next;

        free(c);
        c = next;
    }
    free(a);
}

void sf_arena_reset(sf_arena *a)
{
    chunk *kept = NULL;

    for (chunk *c = a->chunks, *next; c; c = next) {
        next = c->next;
        if (!kept || c->size > kept->size) {
            free(kept);
            kept = c;
        } else {
            free(c);
        }
    }
    if (kept) {
        kept->next = NULL;
        kept->used = 0;
    }
    a->chunks = kept;
    a->used = 0;
}

size_t sf_arena_used(const sf_arena *a)
{
    return a->used;
}

static void *chunk_take(chunk *c, size_t size, size_t align)
{
    uintptr_t bytes = (uintptr_t)c->bytes;
    size_t at = (size_t)(((bytes + c->used + align - 1) & ~(uintptr_t)(align - 1)) - bytes);

    if (at > c->size || size > c->size - at)
        return NULL;
    c->used = at + size;
    return c->bytes + at;
}

/* Memory for a chunk; a huge page where the size is that of one and the system has them. */
static chunk *new_chunk(size_t bytes)
{
    void *p = NULL;

    if (bytes != CHUNK_HUGE || alloc_hook)
        return sf_alloc(bytes);
    p = aligned_alloc(CHUNK_HUGE, bytes);
    if (p)
        madvise(p, bytes, MADV_HUGEPAGE); /* where that fails, small pages do */
    return p;
}

void *sf_arena_alloc(sf_arena *a, size_t size, size_t align)
{
    void *p = a->chunks ? chunk_take(a->chunks, size, align) : NULL;
    chunk *c;
    size_t want;

    if (size > a->max - a->used)
        return NULL;
    if (p) {
        a->used += size;
        return p;
    }
    if (size > SIZE_MAX - sizeof *c - align)
        return NULL;
    want = a->next_size - sizeof *c;
    if (size + align > want)
        want = size + align;
    c = new_chunk(sizeof *c + want);
    if (!c)
        return NULL;
    *c = (chunk){.next = a->chunks, .size = want};
    if (a->chunks && sizeof *c + want > a->next_size) { /* a large one: keep filling the current chunk */
        c->next = a->chunks->next;
        a->chunks->next = c;
    } else {
        a->chunks = c;
        a->next_size = a->next_size < CHUNK_SMALL_MAX ? a->next_size * 2 : CHUNK_HUGE;
    }
    a->used += size;
    return chunk_take(c, size, align);
}

void *sf_arena_array(sf_arena *a, size_t count, size_t size)
{
    size_t bytes;
    void *p;

    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    p = sf_arena_alloc(a, bytes, _Alignof(max_align_t));
    if (p)
        memset(p, 0, bytes);
    return p;
}

void *sf_arena_grow(sf_arena *a, const void *old, size_t old_count, size_t count, size_t size)
{
    void *p = sf_arena_array(a, count, size);

    if (p && old_count)
        memcpy(p, old, (old_count < count ? old_count : count) * size);
    return p;
}

sf_str sf_arena_str(sf_arena *a, sf_str s)
{
    char *p = s.n < SIZE_MAX ? sf_arena_alloc(a, s.n + 1, 1) : NULL;

    if (!p)
        return (sf_str){NULL, 0};
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return (sf_str){p, s.n};
}

const char *sf_arena_cstr(sf_arena *a, sf_str s)
{
    return sf_arena_str(a, s).p;
}

sf_str sf_arena_vprintf(sf_arena *a, const char *format, va_list args)
{
    char small[256]; /* most texts: written once, then copied */
    va_list again;
    char *p;
    int n;

    va_copy(again, args);
    n = vsnprintf(small, sizeof small, format, again);
    va_end(again);
    if (n < 0)
        return (sf_str){NULL, 0};
    if ((size_t)n < sizeof small)
        return sf_arena_str(a, (sf_str){small, (size_t)n});
    p = sf_arena_alloc(a, (size_t)n + 1, 1);
    if (!p)
        return (sf_str){NULL, 0};
    vsnprintf(p, (size_t)n + 1, format, args);
    return (sf_str){p, (size_t)n};
}

sf_str sf_arena_printf(sf_arena *a, const char *format, ...)
{
    va_list args;
    sf_str s;

    va_start(args, format);
    s = sf_arena_vprintf(a, format, args);
    va_end(args);
    return s;
}
