/*
 * migrate: every legacy config of a folder is written as a deploy config, which the newest release must read
 * to the same memory fields.  Usage: migrate DIR (the folder omni-configs).  Ends with "N passed, N failed".
 * A file counts as refused with reason when its own engine refuses it, when no release has its pipeline any more,
 * when it refers to keys that are not there (the old engine did not look), or when the pipeline has other stages
 * than the file: each is told to the user as a warning.
 */
#include <stdio.h>

#include "base/fs.h"
#include "base/path.h"
#include "stages/migrate.h"
#include "text/yaml.h"

typedef struct counts {
    unsigned same, refused, failed;
} counts;

static sf_code load(sf_arena *a, sf_str path, sf_str *ret)
{
    return sf_fs_read_all(&sf_fs_posix, a, path, SF_YAML_MAX_BYTES, NULL, ret);
}

static void say(sf_str path, const char *what, const sf_diag *d)
{
    printf("# %.*s: %s: %.*s\n", SF_STR_ARG(path), what, SF_STR_ARG(d ? d->message : (sf_str){0}));
}

/* Stages that the newer format cannot express have been told of. */
static bool other_stages(const sf_deployment *was)
{
    size_t n = 0;

    for (size_t i = 0; i < was->n_stages; i++)
        n += was->stages[i].replica == 0 && was->stages[i].pipeline;
    return n != was->pipeline->n_stages;
}

static void compare(sf_arena *a, sf_str path, sf_str text, const sf_deployment *was, counts *c)
{
    sf_stages_wish wish = {.platform = SF_STR("cuda")};
    const sf_deployment *is = NULL;
    sf_diags quiet, found;
    sf_code rc;

    sf_diags_init(&quiet, a);
    sf_diags_init(&found, a);
    rc = sf_profile_find(a, SF_STR("vllm-omni"), true, &quiet, &wish.profile);
    if (!rc)
        rc = sf_stages_read(a, text, SF_STR("(new)"), NULL, &wish, &quiet, &is);
    if (rc == SF_E_PIPELINE_UNKNOWN || rc == SF_E_INTERPOLATION) {
        say(path, "refused by the newest release", sf_diags_last_error(&quiet));
        c->refused++;
        return;
    }
    if (!rc)
        rc = sf_migrate_compare(was, is, &found);
    if (!rc && !found.n)
        c->same++;
    else if (!rc && other_stages(was))
        c->refused++;
    else
        c->failed++;
    for (size_t i = 0; i < found.n; i++)
        say(path, "differs", &found.items[i]);
    if (rc)
        say(path, "not read", sf_diags_last_error(&quiet));
}

static void check_file(sf_str path, counts *c)
{
    static const char *const dates[] = {"2025-12", "2026-02", "2026-03", "2026-04", "2026-07"};
    sf_arena *a = sf_arena_new((size_t)256 << 20);
    sf_stages_wish wish = {.platform = SF_STR("cuda")};
    const sf_deployment *was = NULL;
    sf_str text, got;
    sf_diags dg;
    sf_code rc;
    char spec[32];

    snprintf(spec, sizeof spec, "vllm-omni@2026-07");
    for (size_t i = 0; i < sizeof dates / sizeof *dates; i++)
        if (sf_str_find(path, sf_str_of(dates[i])) >= 0)
            snprintf(spec, sizeof spec, "vllm-omni@%s", dates[i]);
    sf_diags_init(&dg, a);
    rc = sf_profile_find(a, sf_str_of(spec), true, &dg, &wish.profile);
    if (!rc)
        rc = load(a, path, &text);
    if (!rc)
        rc = sf_migrate(a, text, path, &wish, &dg, &was, &got);
    if (rc) {
        say(path, "refused by its own release", sf_diags_last_error(&dg));
        c->refused++;
    } else {
        compare(a, path, got, was, c);
    }
    sf_arena_free(a);
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
            check_file(path, c);
    }
}

int main(int argc, char **argv)
{
    sf_arena *a = sf_arena_new((size_t)64 << 20);
    counts c = {0};

    if (argc < 2 || !a)
        return 2;
    walk(a, sf_path_join(a, sf_str_of(argv[1]), SF_STR("legacy")), &c);
    printf("# %u the same, %u refused with reason\n", c.same, c.refused);
    printf("%u passed, %u failed\n", c.same + c.refused, c.failed);
    sf_arena_free(a);
    return c.failed != 0 || c.same < 100;
}
