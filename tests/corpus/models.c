/*
 * models: every model folder of the corpus whose architecture has a family: its parameters
 * against the published count, where there is an exact one.
 */
#include <stdio.h>

#include "base/fs.h"
#include "base/num.h"
#include "model/folder.h"
#include "model/model.h"

typedef struct tally {
    unsigned passed, failed, skipped, compared;
} tally;

/* The exact published count of a model; false when there is none. */
static bool published(sf_str sizes, sf_str model, uint64_t *ret)
{
    sf_str line, cell;

    for (bool more = true; more;) {
        more = sf_str_split(&sizes, '\n', &line);
        sf_str_split(&line, '\t', &cell);
        if (!sf_str_eq(cell, model))
            continue;
        sf_str_split(&line, '\t', &cell);
        return sf_parse_u64(cell, ret) && sf_str_find(line, SF_STR("\texact")) >= 0;
    }
    return false;
}

static bool known_family(const sf_diags *dg)
{
    return !sf_diags_last_error(dg) || sf_diags_last_error(dg)->code != SF_E_ARCH_UNKNOWN;
}

/* Parameters over all parts; SF_E_ARCH_UNKNOWN and others as they come. */
static sf_code count(sf_arena *a, const sf_checkpoint *c, sf_diags *dg, uint64_t *ret)
{
    sf_model_wish wish = {.cache = sf_model_cache_new(a)};
    sf_str *parts;
    size_t n;
    sf_code rc = wish.cache ? sf_model_parts(a, c, &wish, dg, &parts, &n) : SF_E_NOMEM;

    *ret = 0;
    for (size_t i = 0; !rc && i < n; i++) {
        const sf_model *m;
        uint64_t tensors, params, bytes;

        wish.part = parts[i];
        rc = sf_model_resolve(a, c, &wish, dg, &m);
        if (rc)
            break;
        sf_model_totals(m, &tensors, &params, &bytes);
        *ret += params;
    }
    return rc;
}

static sf_str model_name(sf_arena *a, sf_str folder)
{
    ptrdiff_t at = sf_str_find(folder, SF_STR("__"));

    return at < 0 ? folder
                  : sf_arena_printf(a, "%.*s/%.*s", (int)at, folder.p,
                                    SF_STR_ARG(sf_str_sub(folder, (size_t)at + 2, folder.n)));
}

/* What a published count has beyond what config.json of the folder describes; negative where it has less. */
static int64_t counted_besides(sf_str name)
{
    static const struct {
        const char *name;
        int64_t params;
    } row[] = {
        {"Qwen/Qwen3-0.6B",       155582464 }, /* a stored copy of the tied head */
  /* The vision tower: the folder has the language model's config. */
        {"MiniMaxAI/MiniMax-M3",  865567232 },
 /* The folder leaves out attention_k_eq_v, num_global_key_value_heads and standardize: with them it is exact. */
        {"google/gemma-4-31B-it", -770700624},
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        if (sf_str_is(name, row[i].name))
            return row[i].params;
    return 0;
}

static void run_one(sf_str dir, sf_str folder, sf_str sizes, tally *t)
{
    sf_arena *a = sf_arena_new((size_t)1 << 30);
    uint64_t got = 0, want = 0;
    const sf_checkpoint *c;
    sf_diags dg;
    sf_str name, path;
    bool exact;
    sf_code rc;

    if (!a)
        return;
    sf_diags_init(&dg, a);
    name = model_name(a, folder);
    path = sf_arena_printf(a, "%.*s/%.*s", SF_STR_ARG(dir), SF_STR_ARG(folder));
    rc = sf_folder_read(a, &sf_fs_posix, path, &dg, &c);
    if (!rc)
        rc = count(a, c, &dg, &got);
    exact = published(sizes, name, &want);
    want -= exact ? (uint64_t)counted_besides(name) : 0;
    if (rc && (rc == SF_E_CONFIG_MISSING || !known_family(&dg))) { /* metadata only */
        t->skipped++;
    } else if (rc) {
        const sf_diag *d = sf_diags_last_error(&dg);

        printf("%.*s: SF%d %.*s\n", SF_STR_ARG(name), rc, SF_STR_ARG(d ? d->message : SF_STR("no message")));
        t->failed++;
    } else if (exact && want != got) {
        printf("%.*s: %llu parameters, published %llu\n", SF_STR_ARG(name), (unsigned long long)got,
               (unsigned long long)want);
        t->failed++;
    } else {
        t->passed++;
        t->compared += exact;
    }
    sf_arena_free(a);
}

int main(int argc, char **argv)
{
    sf_arena *a = sf_arena_new((size_t)64 << 20);
    sf_str dir = sf_str_of(argc > 1 ? argv[1] : NULL), *names, sizes = {0};
    tally t = {0};
    sf_diags dg;
    size_t n;

    if (!a)
        return 1;
    sf_diags_init(&dg, a);
    if (sf_fs_posix.list(NULL, a, dir, &dg, &names, &n) ||
        sf_fs_read_all(&sf_fs_posix, a, sf_arena_printf(a, "%.*s/sizes.tsv", SF_STR_ARG(dir)), 1 << 20, &dg,
                       &sizes)) {
        printf("cannot read %.*s\n", SF_STR_ARG(dir));
        return 1;
    }
    for (size_t i = 0; i < n; i++)
        if (sf_str_find(names[i], SF_STR("__")) > 0)
            run_one(dir, names[i], sizes, &t);
    printf("%u have the exact published number of parameters\n", t.compared);
    printf("%u passed, %u failed, %u skipped\n", t.passed, t.failed, t.skipped);
    sf_arena_free(a);
    return t.failed != 0;
}
