/*
 * pack_data: packs one YAML file of data/ for embedding; part of the build only.
 * Usage: pack_data NAME IN.yaml OUT.   NAME is what places in the file are reported under.
 */
#include <stdio.h>

#include "base/fs.h"
#include "text/pack.h"
#include "text/yaml.h"

static int complain(const char *name, const sf_diags *dg)
{
    const sf_diag *d = sf_diags_last_error(dg);

    if (d)
        fprintf(stderr, "%s:%u:%u: %.*s\n", name, d->at.line, d->at.col, SF_STR_ARG(d->message));
    return 1;
}

static int write_file(const char *path, sf_str bytes)
{
    FILE *f = fopen(path, "wb");
    int bad;

    if (!f)
        return 1;
    bad = fwrite(bytes.p, 1, bytes.n, f) != bytes.n;
    return fclose(f) != 0 || bad;
}

int main(int argc, char **argv)
{
    enum { MAX = 64 * 1024 * 1024 };
    sf_arena *a = sf_arena_new((size_t)1 << 30);
    const sf_node *root;
    sf_str text;
    sf_diags dg;
    sf_buf out;
    int rc = 1;

    if (argc != 4 || !a)
        return 2;
    sf_diags_init(&dg, a);
    sf_buf_init(&out, MAX);
    if (sf_fs_read_all(&sf_fs_posix, a, sf_str_of(argv[2]), MAX, &dg, &text) ||
        sf_yaml_parse(a, text, sf_str_of(argv[1]), &dg, &root)) {
        complain(argv[2], &dg);
    } else {
        sf_pack_write(&out, root);
        rc = out.failed || write_file(argv[3], sf_buf_str(&out));
        if (rc)
            fprintf(stderr, "%s: cannot write\n", argv[3]);
    }
    sf_buf_release(&out);
    sf_arena_free(a);
    return rc;
}
