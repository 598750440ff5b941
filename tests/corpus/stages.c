/*
 * stages: every stage config of a folder is read by the releases that know its format.
 * Usage: stages DIR (the folder omni-configs).  Prints what is refused; ends with "N passed, N failed".
 * A refusal passes only when it is one of the kinds that such files have reason for.
 */
#include <stdio.h>

#include "base/fs.h"
#include "base/path.h"
#include "stages/deployment.h"
#include "text/yaml.h"

typedef struct counts {
    unsigned passed, failed, refused, files;
} counts;

static sf_code load(void *ctx, sf_arena *a, sf_str path, sf_diags *dg, sf_str *ret)
{
    (void)ctx;
    return sf_fs_read_all(&sf_fs_posix, a, path, SF_YAML_MAX_BYTES, dg, ret);
}

/* Strategy files are no configs; templates have words for numbers; keys of forks are not in a release. */
static bool with_reason(sf_code code)
{
    return code == SF_E_CONFIG_SHAPE || code == SF_E_REPLICAS || code == SF_E_DEVICES ||
           code == SF_E_FORMAT_OLD;
}

static sf_str said_pipeline(sf_arena *a, sf_str text, sf_str path)
{
    const sf_node *root, *key;

    if (sf_yaml_parse(a, text, path, NULL, &root))
        return (sf_str){0};
    key = sf_node_get(root, "pipeline");
    return key ? key->text : (sf_str){0};
}

static void check(sf_str path, const char *spec, counts *c)
{
    sf_arena *a = sf_arena_new((size_t)256 << 20);
    sf_loader loader = {.load = load};
    sf_stages_wish wish = {.platform = SF_STR("cuda")};
    const sf_deployment *d = NULL;
    sf_diags dg;
    sf_str text;
    sf_code rc;

    sf_diags_init(&dg, a);
    rc = sf_profile_find(a, sf_str_of(spec), true, &dg, &wish.profile);
    if (!rc)
        rc = load(NULL, a, path, &dg, &text);
    if (!rc)
        rc = sf_stages_read(a, text, path, &loader, &wish, &dg, &d);
    if (rc == SF_E_PIPELINE_UNKNOWN) { /* a fork's: read when it is named outright */
        wish.pipeline = said_pipeline(a, text, path);
        rc = wish.pipeline.n ? sf_stages_read(a, text, path, &loader, &wish, &dg, &d) : rc;
    }
    if (!rc && d->n_stages)
        c->passed++;
    else if (with_reason(rc))
        c->refused++;
    else
        c->failed++;
    if (rc) {
        const sf_diag *e = sf_diags_last_error(&dg);

        printf("# %.*s (%s): SF%d %.*s\n", SF_STR_ARG(path), spec, rc,
               SF_STR_ARG(e ? e->message : (sf_str){0}));
    }
    sf_arena_free(a);
}

/* Which release reads a file: by its format, a legacy one by the date in its path. */
static void check_file(sf_arena *a, sf_str path, counts *c)
{
    static const char *const dates[] = {"2025-12", "2026-02", "2026-03", "2026-04", "2026-07"};
    char spec[32];

    (void)a;
    c->files++;
    if (sf_str_find(path, SF_STR("/legacy/")) < 0 && sf_str_find(path, SF_STR("/older/voxcpm")) < 0) {
        check(path, "vllm-omni@2026-09", c);
        return;
    }
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++)
        if (sf_str_find(path, sf_str_of(dates[i])) >= 0 || i + 1 == sizeof dates / sizeof *dates) {
            snprintf(spec, sizeof spec, "vllm-omni@%s", dates[i]);
            check(path, spec, c);
            return;
        }
}

static void walk(sf_arena *a, sf_str dir, counts *c)
{
    sf_str *names;
    size_t n;

    if (sf_fs_posix.list(NULL, a, dir, NULL, &names, &n))
        return;
    for (size_t i = 0; i < n; i++) {
        sf_str path = sf_path_join(a, dir, names[i]);

        if (sf_fs_posix.kind(NULL, path) == SF_FS_DIR)
            walk(a, path, c);
        else if (sf_str_ends(path, SF_STR(".yaml")))
            check_file(a, path, c);
    }
}

int main(int argc, char **argv)
{
    sf_arena *a = sf_arena_new((size_t)64 << 20);
    counts c = {0};

    if (argc < 2 || !a)
        return 2;
    walk(a, sf_str_of(argv[1]), &c);
    printf("# %u files, %u refused with reason\n", c.files, c.refused);
    printf("%u passed, %u failed\n", c.passed + c.refused, c.failed);
    sf_arena_free(a);
    return c.failed != 0 || c.files == 0;
}
