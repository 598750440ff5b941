/*
 * safetensors_read: one weight file through an sf_fs: the length, the header, never the data.
 */
#include "model/safetensors_reader.h"

static sf_code read_header(const sf_window_source *s, sf_tensor_table *t, sf_str text, uint64_t data_size)
{
    sf_header_reader r;
    sf_code rc = sf_header_start(&r, t, text, data_size, s->path, s->dg);

    if (rc)
        return rc;
    sf_window_start(s, &r.w);
    rc = sf_window_run(s, &r.w, sf_header_members, &r);
    if (!rc && !r.w.whole) {
        if (sf_header_is_covered(&r))
            return SF_OK;
        rc = sf_window_whole(s, &r.w);
    }
    return rc ? rc : sf_header_finish(&r);
}

sf_code sf_safetensors_read(sf_tensor_table *t, sf_arena *scratch, const sf_fs *fs, sf_str path,
                            uint64_t guess, sf_diags *dg, uint64_t *ret_file_size)
{
    sf_window_source s = {
        .fs = fs, .scratch = scratch, .path = path, .dg = dg, .start = SF_SAFETENSORS_PREFIX};
    uint64_t size = 0;
    sf_str head;
    sf_code rc;

    sf_arena_reset(scratch);
    guess = guess < SF_SAFETENSORS_LEAST ? SF_SAFETENSORS_LEAST : guess > SF_WINDOW ? SF_WINDOW : guess;
    rc = fs->read(fs->ctx, scratch, path, 0, guess, dg, &head, &size);
    if (!rc)
        rc = sf_safetensors_length(head, size, path, dg, &s.n);
    if (rc)
        return rc;
    head = sf_str_sub(head, SF_SAFETENSORS_PREFIX, SF_SAFETENSORS_PREFIX + (size_t)s.n);
    rc = read_header(&s, t, head, size - SF_SAFETENSORS_PREFIX - s.n);
    if (!rc)
        *ret_file_size = size;
    return rc;
}
