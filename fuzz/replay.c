/*
 * replay: runs each seed of a folder through one fuzz target, as TAP.
 * A crash ends the program before its plan is fulfilled, which the test runner counts.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int is_seed(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

/* The whole file, `*ret_size` bytes, to be freed; NULL when it cannot be read. */
static uint8_t *read_file(const char *path, size_t *ret_size)
{
    FILE *f = fopen(path, "rbe");
    uint8_t *p = NULL;
    long size;

    if (!f)
        return NULL;
    if (!fseek(f, 0, SEEK_END) && (size = ftell(f)) >= 0 && !fseek(f, 0, SEEK_SET)) {
        p = malloc(size ? (size_t)size : 1); /* exact, so that a read past the end is seen */
        if (p && fread(p, 1, (size_t)size, f) != (size_t)size) {
            free(p);
            p = NULL;
        }
        *ret_size = (size_t)size;
    }
    fclose(f);
    return p;
}

int main(int argc, char **argv)
{
    struct dirent **names;
    int n = argc == 2 ? scandir(argv[1], &names, is_seed, alphasort) : -1;
    int failed = 0;

    if (n <= 0) {
        printf("1..1\nnot ok 1 - no seeds in %s\n", argc == 2 ? argv[1] : "(no folder given)");
        return 1;
    }
    printf("1..%d\n", n);
    for (int i = 0; i < n; i++) {
        char path[4096];
        size_t size = 0;
        uint8_t *data;

        snprintf(path, sizeof path, "%s/%s", argv[1], names[i]->d_name);
        data = read_file(path, &size);
        if (data)
            LLVMFuzzerTestOneInput(data, size);
        failed += !data;
        printf("%sok %d - %s\n", data ? "" : "not ", i + 1, names[i]->d_name);
        fflush(stdout);
        free(data);
        free(names[i]);
    }
    free(names);
    return failed != 0;
}
