/*
 * bundled: each deploy config of data/deploy resolves to the same stages, devices and memory arguments as
 * the file of vLLM-Omni that it was read from, on every platform.
 * Usage: bundled DIR (the folder omni-configs).  Ends with "N passed, N failed".
 */
#include <stdio.h>

#include "base/fs.h"
#include "base/path.h"
#include "stages/bundled.h"
#include "stages/deployment.h"

typedef struct counts {
    unsigned passed, failed;
} counts;

static sf_code load(void *ctx, sf_arena *a, sf_str path, sf_diags *dg, sf_str *ret)
{
    (void)ctx;
    return sf_fs_read_all(&sf_fs_posix, a, path, 1u << 20, dg, ret);
}

/* The corpus file of this path and commit, by SOURCES.tsv: file, repository, path, commit, licence. */
static sf_str file_of(sf_str sources, const sf_bundled *b)
{
    sf_str line;

    for (bool more = true; more;) {
        sf_str file, repo, path;

        more = sf_str_split(&sources, '\n', &line);
        if (sf_str_split(&line, '\t', &file) && sf_str_split(&line, '\t', &repo) &&
            sf_str_split(&line, '\t', &path) && sf_str_is(repo, "vllm-project/vllm-omni") &&
            sf_str_eq(path, b->file) && sf_str_starts(line, b->commit))
            return file;
    }
    return (sf_str){0};
}

static bool same_node(const sf_node *x, const sf_node *y)
{
    if (!x || !y || x->kind != y->kind)
        return x == y;
    if (x->kind != SF_MAP && x->kind != SF_SEQ)
        return x->kind == SF_FLOAT ? x->as.f >= y->as.f && x->as.f <= y->as.f : sf_str_eq(x->text, y->text);
    if (x->n != y->n)
        return false;
    for (uint32_t i = 0; i < x->n; i++)
        if (!(x->kind == SF_SEQ ? same_node(x->as.items[i], y->as.items[i])
                                : same_node(x->as.pairs[i].value, sf_node_get_str(y, x->as.pairs[i].key))))
            return false;
    return true;
}

/* What differs between two readings of a stage; NULL: nothing that the accounting reads. */
static const char *stage_difference(const sf_stage *x, const sf_stage *y)
{
    static const char *const env[] = {"PYTORCH_CUDA_ALLOC_CONF", "VLLM_PP_LAYER_PARTITION",
                                      "VLLM_ALLOW_LONG_MAX_MODEL_LEN"};

    if (x->id != y->id || x->kind != y->kind || x->replica != y->replica || x->n_replicas != y->n_replicas)
        return "stages";
    if (x->n_devices != y->n_devices || x->devices_given != y->devices_given)
        return "number of devices";
    for (size_t i = 0; i < x->n_devices; i++)
        if (x->devices[i] != y->devices[i])
            return "devices";
    if (x->tp != y->tp || x->pp != y->pp || x->dp != y->dp || x->world != y->world)
        return "parallel sizes";
    for (int i = 0; i < SF_ARG_COUNT; i++)
        if (!same_node(x->args.v[i].node, y->args.v[i].node))
            return sf_arg_name((sf_arg)i);
    for (size_t i = 0; i < sizeof env / sizeof *env; i++)
        if (!same_node(sf_node_get(x->env, env[i]), sf_node_get(y->env, env[i])))
            return env[i];
    return x->gpu_pool_bytes != y->gpu_pool_bytes ? "connector pools" : NULL;
}

static const char *difference(const sf_deployment *x, const sf_deployment *y)
{
    if (x->n_stages != y->n_stages)
        return "number of stages";
    if (x->async_chunk != y->async_chunk || x->parallel_stage_init != y->parallel_stage_init)
        return "async_chunk or parallel_stage_init";
    for (size_t i = 0; i < x->n_stages; i++) {
        const char *what = stage_difference(&x->stages[i], &y->stages[i]);

        if (what)
            return what;
    }
    return NULL;
}

static void check(sf_arena *a, const sf_bundled *b, sf_str real, const sf_stages_wish *wish, counts *c)
{
    sf_loader loader = {.load = load};
    const sf_deployment *x = NULL, *y = NULL;
    const char *what = NULL;
    sf_str own, text;
    sf_diags dg;
    sf_code rx, ry;

    sf_diags_init(&dg, a);
    if (!sf_bundled_text(a, b->path, &own) || load(NULL, a, real, &dg, &text)) {
        what = "no text";
    } else {
        rx = sf_stages_read(a, own, b->path, &loader, wish, &dg, &x);
        ry = sf_stages_read(a, text, real, &loader, wish, &dg, &y);
        what = rx != ry ? "refused" : rx ? NULL : difference(x, y);
    }
    if (what)
        printf("# %.*s, %.*s, differs: %s\n", SF_STR_ARG(b->path), SF_STR_ARG(wish->platform), what);
    *(what ? &c->failed : &c->passed) += 1;
}

static void check_all(sf_arena *a, sf_str dir, sf_str pipeline, sf_str sources, counts *c)
{
    static const char *const platforms[] = {"cuda", "rocm", "npu", "xpu", "musa"};
    sf_stages_wish wish = {.pipeline = pipeline};
    sf_bundled b = {0};
    sf_str real = {0};
    sf_diags dg;

    sf_diags_init(&dg, a);
    if (sf_bundled_find(a, pipeline, &b) || !b.path.n)
        return;
    real = file_of(sources, &b);
    if (!real.n || sf_profile_find(a, SF_STR("vllm-omni@2026-09"), true, &dg, &wish.profile)) {
        printf("# %.*s: no such source\n", SF_STR_ARG(b.path));
        c->failed++;
        return;
    }
    real = sf_path_join(a, dir, real);
    for (size_t i = 0; i < sizeof platforms / sizeof *platforms; i++) {
        wish.platform = sf_str_of(platforms[i]);
        check(a, &b, real, &wish, c);
    }
}

int main(int argc, char **argv)
{
    sf_arena *a = sf_arena_new((size_t)256 << 20);
    const sf_pipeline *list;
    counts c = {0};
    sf_str sources;
    sf_diags dg;
    size_t n;

    if (argc < 2 || !a)
        return 2;
    sf_diags_init(&dg, a);
    if (load(NULL, a, sf_path_join(a, sf_str_of(argv[1]), SF_STR("SOURCES.tsv")), &dg, &sources) ||
        sf_pipeline_list(a, &dg, &list, &n))
        return 2;
    for (size_t i = 0; i < n; i++)
        check_all(a, sf_str_of(argv[1]), list[i].key, sources, &c);
    printf("%u passed, %u failed\n", c.passed, c.failed);
    sf_arena_free(a);
    return c.failed != 0 || c.passed == 0;
}
