/*
 * safetensors_read: one weight file through an sf_fs: the length, the header, never the data.
 * A long header is read in windows: its text is never whole in memory, unless something is wrong with it
 * (fresh memory costs more than reading: 12 MB at once take longer to touch than to parse).
 */
#include "model/safetensors_reader.h"

enum { LEAST_GUESS = 4096, MOST_GUESS = 1024 * 1024, WINDOW = 256 * 1024 };

typedef struct source {
    const sf_fs *fs;
    sf_arena *a;
    sf_str path;
    sf_diags *dg;
    uint64_t n; /* of the header */
} source;

/* Bytes [at, at + max) of the header, fewer only at its end. */
static sf_code read_text(const source *s, sf_arena *a, uint64_t at, uint64_t max, sf_str *ret)
{
    sf_code rc;

    if (max > s->n - at)
        max = s->n - at;
    rc = s->fs->read(s->fs->ctx, a, s->path, SF_SAFETENSORS_PREFIX + at, max, s->dg, ret, NULL);
    if (!rc && ret->n < max)
        return sf_diag_error(s->dg, SF_E_HEADER, (sf_where){.file = s->path},
                             "wait until its download is done", "the file became shorter while it was read");
    return rc;
}

/* Goes on at byte `at` with the whole text, which names what is wrong. */
static sf_code read_whole(const source *s, sf_header_reader *r, uint64_t at)
{
    sf_str text;
    sf_code rc = read_text(s, s->a, 0, s->n, &text);

    if (rc)
        return rc;
    r->j = r->before;
    r->j.dg = s->dg;
    r->j.text = text;
    r->j.at = (size_t)at;
    r->window_at = 0;
    rc = sf_header_members(r);
    return rc ? rc : sf_header_finish(r);
}

/* One window from byte *at on.  SF_OK: the header's end was reached; else *at is where the next starts. */
static sf_code read_window(const source *s, sf_header_reader *r, sf_tensor_table *t, uint64_t data_size,
                           uint64_t *at)
{
    sf_arena *a = sf_arena_new((size_t)4 * WINDOW);
    bool first = *at == 0;
    sf_str text;
    sf_code rc;

    if (!a)
        return SF_E_NOMEM;
    rc = read_text(s, a, *at, WINDOW, &text);
    if (rc)
        goto out;
    if (first) {
        rc = sf_header_start(r, t, text, data_size, s->path, NULL);
    } else {
        r->j = r->before;
        r->j.text = text;
        r->j.at = 0;
        r->window_at = *at;
    }
    if (!rc)
        rc = sf_header_members(r);
    *at += r->before.at;
out:
    sf_arena_free(a);
    return rc;
}

static sf_code read_long(const source *s, sf_tensor_table *t, uint64_t data_size)
{
    sf_header_reader r;
    uint64_t at = 0, last;
    sf_code rc;

    do {
        last = at;
        rc = read_window(s, &r, t, data_size, &at);
        if (rc == SF_E_NOMEM || rc == SF_E_IO || rc == SF_E_NOT_FOUND || rc == SF_E_IS_DIRECTORY)
            return rc;
    } while (rc && at > last);
    if (!rc && sf_header_is_covered(&r))
        return SF_OK;
    return read_whole(s, &r, at);
}

sf_code sf_safetensors_read(sf_tensor_table *t, sf_arena *a, const sf_fs *fs, sf_str path, uint64_t guess,
                            sf_diags *dg, uint64_t *ret_file_size)
{
    source s = {.fs = fs, .a = a, .path = path, .dg = dg};
    uint64_t size = 0;
    sf_arena *tmp;
    sf_str head;
    sf_code rc = SF_E_NOMEM;

    guess = guess < LEAST_GUESS ? LEAST_GUESS : guess > MOST_GUESS ? MOST_GUESS : guess;
    tmp = sf_arena_new((size_t)4 * MOST_GUESS);
    if (!tmp)
        return SF_E_NOMEM;
    rc = fs->read(fs->ctx, tmp, path, 0, guess, dg, &head, &size);
    if (!rc)
        rc = sf_safetensors_length(head, size, path, dg, &s.n);
    if (rc)
        goto out;
    if (s.n > MOST_GUESS) {
        rc = read_long(&s, t, size - SF_SAFETENSORS_PREFIX - s.n);
    } else {
        if (s.n <= head.n - SF_SAFETENSORS_PREFIX)
            head = sf_str_sub(head, SF_SAFETENSORS_PREFIX, SF_SAFETENSORS_PREFIX + (size_t)s.n);
        else
            rc = read_text(&s, tmp, 0, s.n, &head);
        if (!rc)
            rc = sf_safetensors_add(t, head, size, path, dg);
    }
    if (!rc)
        *ret_file_size = size;
out:
    sf_arena_free(tmp);
    return rc;
}
