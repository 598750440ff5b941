/* fs: files of this machine, and each way in which one cannot be read. */
#include "test.h"

#include <stdlib.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"

static char folder[32];

static sf_str in_folder(const fixture *f, const char *name)
{
    return sf_arena_printf(f->a, "%s/%s", folder, name);
}

static void write_file(sf_str path, const char *text)
{
    FILE *out = fopen(path.p, "we");

    assert_non_null(out);
    fputs(text, out);
    assert_int_equal(fclose(out), 0);
}

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/t_fs-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static void test_reads_parts(void **state)
{
    fixture *f = *state;
    sf_str path = in_folder(f, "ten"), got;
    uint64_t size = 0;

    write_file(path, "0123456789");
    assert_int_equal(sf_fs_posix.read(NULL, f->a, path, 0, 100, &f->dg, &got, &size), SF_OK);
    assert_str(got, "0123456789");
    assert_int_equal(size, 10);
    assert_int_equal(got.p[got.n], 0);
    assert_int_equal(sf_fs_posix.read(NULL, f->a, path, 4, 3, &f->dg, &got, NULL), SF_OK);
    assert_str(got, "456");
    assert_int_equal(sf_fs_posix.read(NULL, f->a, path, 40, 3, &f->dg, &got, NULL), SF_OK);
    assert_int_equal(got.n, 0);
    assert_int_equal(f->dg.n, 0);
}

static void assert_fails(fixture *f, sf_str path, sf_code code, const char *hint)
{
    const sf_diag *d;
    size_t before = f->dg.errors;
    sf_str got = SF_STR("untouched");

    assert_int_equal(sf_fs_posix.read(NULL, f->a, path, 0, 100, &f->dg, &got, NULL), code);
    assert_str(got, "untouched");
    assert_int_equal(f->dg.errors, before + 1);
    d = sf_diags_last_error(&f->dg);
    assert_int_equal(d->code, code);
    assert_true(sf_str_eq(d->at.file, path));
    assert_str(d->hint, hint);
}

static void test_what_cannot_be_read(void **state)
{
    fixture *f = *state;
    sf_str file = in_folder(f, "file"), fifo = in_folder(f, "fifo");

    write_file(file, "x");
    assert_fails(f, in_folder(f, "absent"), SF_E_NOT_FOUND, "check the name");
    assert_fails(f, in_folder(f, "file/below"), SF_E_NOT_FOUND, "check the name");
    assert_fails(f, sf_str_of(folder), SF_E_IS_DIRECTORY, "name a file in it");
    assert_int_equal(mkfifo(fifo.p, 0600), 0);
    assert_fails(f, fifo, SF_E_IO, "name a plain file");
    if (geteuid() != 0) { /* root may read everything */
        assert_int_equal(chmod(file.p, 0), 0);
        assert_fails(f, file, SF_E_IO, "check its permissions");
    }
}

static void test_whole_file_has_a_limit(void **state)
{
    fixture *f = *state;
    sf_str path = in_folder(f, "ten"), got;

    write_file(path, "0123456789");
    assert_int_equal(sf_fs_read_all(&sf_fs_posix, f->a, path, 10, &f->dg, &got), SF_OK);
    assert_str(got, "0123456789");
    assert_int_equal(sf_fs_read_all(&sf_fs_posix, f->a, path, 9, &f->dg, &got), SF_E_TOO_LARGE);
    assert_int_equal(sf_diags_last_error(&f->dg)->code, SF_E_TOO_LARGE);
    assert_str(sf_diags_last_error(&f->dg)->message, "10 bytes, at most 9 are read");
}

static void test_kinds_and_lists(void **state)
{
    fixture *f = *state;
    sf_str *names = NULL;
    size_t n = 0;

    write_file(in_folder(f, "list-b"), "");
    write_file(in_folder(f, "list-B"), "");
    assert_int_equal(sf_fs_posix.kind(NULL, in_folder(f, "list-b")), SF_FS_FILE);
    assert_int_equal(sf_fs_posix.kind(NULL, sf_str_of(folder)), SF_FS_DIR);
    assert_int_equal(sf_fs_posix.kind(NULL, SF_STR("/dev/null")), SF_FS_OTHER);
    assert_int_equal(sf_fs_posix.kind(NULL, in_folder(f, "absent")), SF_FS_ABSENT);
    assert_int_equal(sf_fs_posix.list(NULL, f->a, sf_str_of(folder), &f->dg, &names, &n), SF_OK);
    assert_true(n >= 2);
    for (size_t i = 1; i < n; i++)
        assert_true(sf_str_cmp(names[i - 1], names[i]) < 0);
    assert_int_equal(sf_fs_posix.list(NULL, f->a, in_folder(f, "absent"), &f->dg, &names, &n),
                     SF_E_NOT_FOUND);
    assert_int_equal(f->dg.errors, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reads_parts),
        TEST(test_what_cannot_be_read),
        TEST(test_whole_file_has_a_limit),
        TEST(test_kinds_and_lists),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
