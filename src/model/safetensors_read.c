/*
 * safetensors_read: one weight file through an sf_fs: the length, the header, never the data.
 * Must not read more than once what one read can bring.
 */
#include "model/safetensors.h"

enum { LEAST_GUESS = 4096, MOST_GUESS = 1024 * 1024 };

sf_code sf_safetensors_read(sf_tensor_table *t, sf_arena *a, const sf_fs *fs, sf_str path, uint64_t guess,
                            sf_diags *dg, uint64_t *ret_file_size)
{
    uint64_t size = 0, n = 0;
    sf_str head;
    sf_code rc;

    guess = guess < LEAST_GUESS ? LEAST_GUESS : guess > MOST_GUESS ? MOST_GUESS : guess;
    rc = fs->read(fs->ctx, a, path, 0, guess, dg, &head, &size);
    if (!rc)
        rc = sf_safetensors_length(head, size, path, dg, &n);
    if (rc)
        return rc;
    if (n <= head.n - SF_SAFETENSORS_PREFIX) {
        head = sf_str_sub(head, SF_SAFETENSORS_PREFIX, SF_SAFETENSORS_PREFIX + (size_t)n);
    } else {
        rc = fs->read(fs->ctx, a, path, SF_SAFETENSORS_PREFIX, n, dg, &head, &size);
        if (rc)
            return rc;
        if (head.n < n)
            return sf_diag_error(dg, SF_E_HEADER, (sf_where){.file = path}, "wait until its download is done",
                                 "the file became shorter while it was read");
    }
    rc = sf_safetensors_add(t, head, size, path, dg);
    if (!rc)
        *ret_file_size = size;
    return rc;
}
