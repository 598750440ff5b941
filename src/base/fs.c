/*
 * fs: the real file system.
 * The only file of the library that opens files (the network and NVML apart).
 */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static sf_code io_error(sf_diags *dg, sf_str path, int error)
{
    sf_where at = {.file = path};

    if (error == ENOMEM)
        return SF_E_NOMEM;
    if (error == ENOENT || error == ENOTDIR)
        return sf_diag_error(dg, SF_E_NOT_FOUND, at, "check the name", "no such file or folder");
    if (error == EISDIR)
        return sf_diag_error(dg, SF_E_IS_DIRECTORY, at, "name a file in it", "is a folder");
    if (error == ESPIPE)
        return sf_diag_error(dg, SF_E_IO, at, "name a plain file", "is neither a file nor a folder");
    if (error == EACCES || error == EPERM)
        return sf_diag_error(dg, SF_E_IO, at, "check its permissions", "cannot read: %s", strerror(error));
    return sf_diag_error(dg, SF_E_IO, at, "check that it is a plain file, and the disk it is on",
                         "cannot read: %s", strerror(error));
}

/* Reads `want` bytes at `off`, fewer only at the end of the file; -1 and errno on failure. */
static ssize_t read_fully(int fd, char *p, size_t want, uint64_t off)
{
    size_t got = 0;

    while (got < want) {
        ssize_t n = pread(fd, p + got, want - got, (off_t)(off + got));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

static sf_code posix_read(void *ctx, sf_arena *a, sf_str path, uint64_t off, uint64_t max, sf_diags *dg,
                          sf_str *ret, uint64_t *ret_file_size)
{
    const char *name = sf_arena_cstr(a, path);
    uint64_t want;
    struct stat st;
    sf_code rc = SF_E_NOMEM;
    ssize_t got;
    char *p;
    int fd;

    (void)ctx;
    if (!name)
        return SF_E_NOMEM;
    fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang us */
    if (fd < 0)
        return io_error(dg, path, errno);
    if (fstat(fd, &st) < 0) {
        rc = io_error(dg, path, errno);
        goto out;
    }
    if (!S_ISREG(st.st_mode)) {
        rc = io_error(dg, path, S_ISDIR(st.st_mode) ? EISDIR : ESPIPE);
        goto out;
    }
    want = (uint64_t)st.st_size > off ? (uint64_t)st.st_size - off : 0;
    if (want > max)
        want = max;
    p = want < SIZE_MAX ? sf_arena_alloc(a, (size_t)want + 1, 16) : NULL;
    if (!p)
        goto out;
    got = read_fully(fd, p, (size_t)want, off);
    if (got < 0) {
        rc = io_error(dg, path, errno);
        goto out;
    }
    p[got] = '\0';
    *ret = (sf_str){p, (size_t)got};
    if (ret_file_size)
        *ret_file_size = (uint64_t)st.st_size;
    rc = SF_OK;
out:
    close(fd);
    return rc;
}

static sf_fs_kind posix_kind(void *ctx, sf_str path)
{
    char name[4096];
    struct stat st;

    (void)ctx;
    if (path.n >= sizeof name)
        return SF_FS_ABSENT;
    if (path.n)
        memcpy(name, path.p, path.n);
    name[path.n] = '\0';
    if (stat(name, &st) < 0)
        return SF_FS_ABSENT;
    return S_ISREG(st.st_mode) ? SF_FS_FILE : S_ISDIR(st.st_mode) ? SF_FS_DIR : SF_FS_OTHER;
}

static int compare_names(const void *a, const void *b)
{
    return sf_str_cmp(*(const sf_str *)a, *(const sf_str *)b);
}

static sf_code posix_list(void *ctx, sf_arena *a, sf_str path, sf_diags *dg, sf_str **ret, size_t *ret_n)
{
    const char *name = sf_arena_cstr(a, path);
    sf_str *names = NULL;
    size_t n = 0, cap = 0;
    sf_code rc = SF_E_NOMEM;
    struct dirent *e;
    DIR *dir;

    (void)ctx;
    if (!name)
        return SF_E_NOMEM;
    dir = opendir(name);
    if (!dir)
        return io_error(dg, path, errno);
    while ((e = readdir(dir))) {
        if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
            continue;
        if (n == cap) {
            size_t more = cap ? cap * 2 : 64;
            sf_str *grown = sf_arena_grow(a, names, n, more, sizeof *grown);

            if (!grown)
                goto out;
            names = grown;
            cap = more;
        }
        names[n] = sf_arena_str(a, sf_str_of(e->d_name));
        if (!names[n++].p)
            goto out;
    }
    if (n)
        qsort(names, n, sizeof *names, compare_names);
    *ret = names;
    *ret_n = n;
    rc = SF_OK;
out:
    closedir(dir);
    return rc;
}

const sf_fs sf_fs_posix = {NULL, posix_read, posix_kind, posix_list};

sf_code sf_fs_read_all(const sf_fs *fs, sf_arena *a, sf_str path, uint64_t max, sf_diags *dg, sf_str *ret)
{
    uint64_t size = 0;
    sf_str text;
    sf_code rc = fs->read(fs->ctx, a, path, 0, max, dg, &text, &size);

    if (rc)
        return rc;
    if (size > max)
        return sf_diag_error(dg, SF_E_TOO_LARGE, (sf_where){.file = path}, "is it the file that was meant?",
                             "%llu bytes, at most %llu are read", (unsigned long long)size,
                             (unsigned long long)max);
    *ret = text;
    return SF_OK;
}
