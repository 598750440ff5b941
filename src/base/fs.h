/*
 * fs: how bytes of files come in.  The pure layers (text … logs) never open a file; what
 * they need is handed to them, or they ask through this table.  `sf_fs_posix` is the real
 * one; tests give others that are short, slow or broken.
 */
#ifndef SF_BASE_FS_H
#define SF_BASE_FS_H

#include "base/diag.h"

typedef enum sf_fs_kind { SF_FS_ABSENT, SF_FS_FILE, SF_FS_DIR, SF_FS_OTHER } sf_fs_kind;

typedef struct sf_fs {
    void *ctx;
    /*
     * Reads up to `max` bytes from offset `off` into the arena (terminated, the terminator not
     * counted); fewer only at the end of the file.  `ret_file_size` may be NULL.  Errors:
     * SF_E_NOT_FOUND, SF_E_IS_DIRECTORY, SF_E_IO, SF_E_NOMEM, each with one diagnostic but the last.
     */
    sf_code (*read)(void *ctx, sf_arena *a, sf_str path, uint64_t off, uint64_t max, sf_diags *dg,
                    sf_str *ret, uint64_t *ret_file_size);
    /* What `path` is; SF_FS_ABSENT when there is nothing (or it may not be seen). */
    sf_fs_kind (*kind)(void *ctx, sf_str path);
    /* Names in a folder without "." and "..", sorted by bytes.  Errors as read. */
    sf_code (*list)(void *ctx, sf_arena *a, sf_str path, sf_diags *dg, sf_str **ret, size_t *ret_n);
} sf_fs;

/* The file system of this machine. */
extern const sf_fs sf_fs_posix;

/* The whole file, or SF_E_TOO_LARGE when it is longer than `max`. */
sf_code sf_fs_read_all(const sf_fs *fs, sf_arena *a, sf_str path, uint64_t max, sf_diags *dg, sf_str *ret);

#endif
