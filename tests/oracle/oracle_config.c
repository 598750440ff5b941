/*
 * oracle_config: compares what we read from stage configs with what vLLM-Omni itself read from them.
 * Usage: oracle_config FILE [[--configs] DIR].  FILE has one JSON object a line (docs/pipelines.md says which
 * fields); DIR has the configs that rows refer to.  Prints every mismatch; ends with "N passed, N failed".
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/fs.h"
#include "base/num.h"
#include "base/path.h"
#include "stages/deployment.h"
#include "text/json.h"

typedef struct ctx {
    sf_arena *a;
    const sf_node *row;
    sf_str dir;           /* of the configs */
    const sf_node *files; /* of an adversarial row */
    char why[512];
} ctx;

static sf_str text_of(const sf_node *map, const char *key)
{
    const sf_node *v = sf_node_get(map, key);

    return v && v->kind == SF_STRING ? v->text : (sf_str){0};
}

/* "sub/../b.yaml" -> "b.yaml" */
static sf_str tidy(sf_arena *a, sf_str path)
{
    char *out = sf_arena_alloc(a, path.n + 1, 1);
    size_t n = 0;
    sf_str part, rest = path;

    for (bool more = true; more;) {
        more = sf_str_split(&rest, '/', &part);
        if (sf_str_is(part, "..")) {
            while (n && out[n - 1] != '/')
                n--;
            n -= n != 0;
            while (n && out[n - 1] != '/')
                n--;
            continue;
        }
        if (!part.n || sf_str_is(part, "."))
            continue;
        memcpy(out + n, part.p, part.n);
        n += part.n;
        if (more)
            out[n++] = '/';
    }
    return (sf_str){out, n};
}

static sf_code load(void *p, sf_arena *a, sf_str path, sf_diags *dg, sf_str *ret)
{
    ctx *c = p;

    if (sf_node_get(c->row, "yaml")) {
        const sf_node *text = sf_node_get_str(c->files, tidy(a, path));

        if (sf_str_is(path, "main.yaml"))
            text = sf_node_get(c->row, "yaml");
        if (!text)
            return sf_diag_error(dg, SF_E_NOT_FOUND, (sf_where){0}, NULL, "no such file");
        *ret = text->text;
        return SF_OK;
    }
    return sf_fs_read_all(&sf_fs_posix, a, path, 8u << 20, dg, ret);
}

static bool mismatch(ctx *c, const char *what, sf_str got, sf_str want)
{
    snprintf(c->why, sizeof c->why, "%s: got %.*s, want %.*s", what, SF_STR_ARG(got), SF_STR_ARG(want));
    return false;
}

static sf_str number(sf_arena *a, const sf_node *n)
{
    double v;

    if (sf_node_absent(n))
        return SF_STR("null");
    if (n->kind == SF_INT)
        return sf_arena_printf(a, "%lld", (long long)n->as.i);
    if (n->kind == SF_FLOAT && n->as.f > -1e15 && n->as.f < 1e15 && (double)(int64_t)n->as.f == n->as.f)
        return sf_arena_printf(a, "%lld", (long long)n->as.f);
    if (n->kind == SF_FLOAT)
        return sf_fmt_py_float(a, n->as.f);
    if (n->kind == SF_STRING && sf_parse_f64(n->text, &v))
        return (double)(int64_t)v == v ? sf_arena_printf(a, "%lld", (long long)v) : sf_fmt_py_float(a, v);
    if (n->kind == SF_BOOL)
        return n->as.b ? SF_STR("true") : SF_STR("false");
    return n->text;
}

static bool same_value(ctx *c, const sf_stage *st, sf_arg arg, const sf_node *row, const char *key)
{
    sf_str got = number(c->a, st->args.v[arg].node), want = number(c->a, sf_node_get(row, key));

    return sf_str_eq(got, want) || mismatch(c, key, got, want);
}

static sf_str ids_text(sf_arena *a, const sf_stage *st)
{
    sf_str s = SF_STR("");

    if (!st->devices_given)
        return SF_STR("null");
    for (size_t i = 0; i < st->n_devices; i++)
        s = sf_arena_printf(a, i ? "%.*s,%u" : "%.*s%u", SF_STR_ARG(s), st->devices[i]);
    return s;
}

/* Device words of one replica, numbers without leading zeros. */
static sf_str words_text(sf_arena *a, const sf_node *list)
{
    sf_str s = SF_STR("");

    if (sf_node_absent(list))
        return SF_STR("null");
    for (uint32_t i = 0; i < list->n; i++) {
        sf_str word = number(a, list->as.items[i]);

        s = sf_arena_printf(a, i ? "%.*s,%.*s" : "%.*s%.*s", SF_STR_ARG(s), SF_STR_ARG(word));
    }
    return s;
}

static bool same_devices(ctx *c, const sf_stage *st, const sf_node *row)
{
    const sf_node *list = sf_node_get(row, "devices");
    sf_str got = ids_text(c->a, st), want;

    if (list && list->kind == SF_SEQ && list->n && list->as.items[0]->kind == SF_SEQ)
        list = sf_node_item(list, st->replica);
    want = words_text(c->a, list);
    return sf_str_eq(got, want) || mismatch(c, "devices", got, want);
}

static bool same_kind(ctx *c, const sf_stage *st, const sf_node *row)
{
    sf_str want = text_of(row, "execution_type"), got = sf_str_of(sf_stage_kind_name(st->kind));

    if (!want.n)
        return st->kind != SF_STAGE_DIFFUSION || mismatch(c, "kind", got, SF_STR("an LLM"));
    if (sf_str_starts(want, SF_STR("llm_")))
        want = sf_str_sub(want, 4, want.n);
    return sf_str_eq(got, want) || mismatch(c, "kind", got, want);
}

static bool same_stage(ctx *c, const sf_stage *st, const sf_node *row, sf_str era)
{
    static const struct {
        sf_arg arg;
        const char *key;
    } llm[] = {
        {SF_ARG_gpu_memory_utilization, "gpu_memory_utilization"},
        {SF_ARG_kv_cache_memory_bytes,  "kv_cache_memory_bytes" },
        {SF_ARG_max_num_batched_tokens, "max_num_batched_tokens"},
        {SF_ARG_max_model_len,          "max_model_len"         },
        {SF_ARG_enforce_eager,          "enforce_eager"         },
        {SF_ARG_quantization,           "quantization"          },
        {SF_ARG_dtype,                  "dtype"                 },
        {SF_ARG_kv_cache_dtype,         "kv_cache_dtype"        },
        {SF_ARG_tensor_parallel_size,   "tensor_parallel_size"  },
        {SF_ARG_pipeline_parallel_size, "pipeline_parallel_size"},
        {SF_ARG_data_parallel_size,     "data_parallel_size"    },
        {SF_ARG_enable_expert_parallel, "enable_expert_parallel"}
    };
    bool diffusion = st->kind == SF_STAGE_DIFFUSION;
    const sf_node *world = sf_node_get(row, "world_size"), *online = sf_node_get(row, "online_max_num_seqs");
    sf_str id = number(c->a, sf_node_get(row, "stage_id"));

    if (!sf_str_eq(sf_arena_printf(c->a, "%lld", (long long)st->id), id))
        return mismatch(c, "stage_id", sf_arena_printf(c->a, "%lld", (long long)st->id), id);
    if (!same_kind(c, st, row) || !same_devices(c, st, row))
        return false;
    for (size_t i = 0; i < sizeof llm / sizeof *llm; i++)
        if (!(diffusion && i >= 8) && !same_value(c, st, llm[i].arg, row, llm[i].key))
            return false;
    if (!sf_node_absent(world) && world->as.i != (int64_t)st->world)
        return mismatch(c, "world_size", sf_arena_printf(c->a, "%u", st->world), number(c->a, world));
    if (!diffusion && sf_str_is(era, "legacy-2025-12"))
        return sf_node_absent(online) || same_value(c, st, SF_ARG_max_num_seqs, row, "online_max_num_seqs");
    return same_value(c, st, SF_ARG_max_num_seqs, row, "max_num_seqs");
}

static bool same_stages(ctx *c, const sf_deployment *d, sf_str era)
{
    const sf_node *stages = sf_node_get(c->row, "stages");
    size_t at = 0;

    for (uint32_t i = 0; stages && i < stages->n; i++) {
        const sf_node *row = stages->as.items[i];

        do {
            if (at == d->n_stages)
                return mismatch(c, "stages", SF_STR("too few"), SF_STR("more"));
            if (!same_stage(c, &d->stages[at], row, era)) {
                size_t n = strlen(c->why);

                snprintf(c->why + n, sizeof c->why - n, " (stage %lld)", (long long)d->stages[at].id);
                return false;
            }
            at++;
        } while (d->stages[at - 1].replica + 1 < d->stages[at - 1].n_replicas);
    }
    return at == d->n_stages || mismatch(c, "stages", SF_STR("too many"), SF_STR("fewer"));
}

/* Device words that CUDA cannot use although the loader passes them on. */
static bool garbage_devices(ctx *c)
{
    const sf_node *stages = sf_node_get(c->row, "stages");

    for (uint32_t i = 0; stages && i < stages->n; i++) {
        const sf_node *list = sf_node_get(stages->as.items[i], "devices");
        uint64_t id;

        if (!sf_node_is(list, SF_SEQ))
            continue;
        if (!list->n)
            return true;
        for (uint32_t k = 0; k < list->n; k++)
            if (list->as.items[k]->kind == SF_STRING && !sf_parse_u64(list->as.items[k]->text, &id))
                return true;
    }
    return false;
}

/* Fewer devices than ranks: the oracle's code did not get that far. */
static bool few_devices(ctx *c)
{
    const sf_node *stages = sf_node_get(c->row, "stages");

    for (uint32_t i = 0; stages && i < stages->n; i++) {
        const sf_node *row = stages->as.items[i], *list = sf_node_get(row, "devices");
        int64_t ranks = 1;
        static const char *const sizes[] = {"tensor_parallel_size", "pipeline_parallel_size",
                                            "data_parallel_size"};

        for (size_t k = 0; k < 3; k++) {
            const sf_node *v = sf_node_get(row, sizes[k]);

            if (v && v->kind == SF_INT)
                ranks *= v->as.i;
        }
        if (sf_node_is(list, SF_SEQ) && (list->n < ranks || ranks < 1))
            return true;
    }
    return false;
}

static bool judge(ctx *c, sf_code rc, const sf_diags *dg, const sf_deployment *d, sf_str era)
{
    const sf_node *would = sf_node_get(c->row, "would_start");
    const sf_diag *e = sf_diags_last_error(dg);

    if (would && !would->as.b) {
        if (rc)
            return true;
        snprintf(c->why, sizeof c->why, "read, but upstream says: %.*s",
                 SF_STR_ARG(text_of(c->row, "error_text")));
        return false;
    }
    if (!rc)
        return same_stages(c, d, era);
    for (size_t i = 0; i < dg->n;
         i++) { /* refused with reason: what upstream lets pass and CUDA or vLLM does not */
        if (dg->items[i].severity != SF_ERROR)
            continue;
        if ((dg->items[i].code == SF_E_DEVICES && garbage_devices(c)) ||
            ((dg->items[i].code == SF_E_DEVICES_FEW || dg->items[i].code == SF_E_ARG_VALUE) &&
             few_devices(c)))
            return true;
    }
    snprintf(c->why, sizeof c->why, "SF%d %.*s", rc, SF_STR_ARG(e ? e->message : (sf_str){0}));
    return false;
}

static sf_code set_cli(sf_arena *a, const sf_node *cli, sf_args *args, sf_stages_wish *wish, sf_diags *dg)
{
    for (uint32_t i = 0; cli && i < cli->n; i++) {
        const sf_pair *p = &cli->as.pairs[i];
        sf_arg arg;

        if (sf_str_is(p->key, "stage_overrides")) {
            sf_code rc =
                sf_json_parse(a, p->value->text, SF_STR("--stage-overrides"), 0, dg, &wish->stage_overrides);

            if (rc)
                return rc;
        } else if (sf_arg_find(p->key, &arg)) {
            sf_code rc = sf_args_set(a, args, arg, p->value, SF_FROM_CLI, dg);

            if (rc)
                return rc;
            wish->cli = args;
        }
    }
    return SF_OK;
}

static bool run(ctx *c)
{
    sf_str era = text_of(c->row, "era"), file = text_of(c->row, "file"), text = text_of(c->row, "yaml");
    bool deploy = sf_str_starts(era, SF_STR("deploy"));
    sf_str date = sf_str_sub(era, era.n - 7, era.n);
    sf_profile profile = {.engine = SF_STR("vllm-omni"),
                          .release = date,
                          .omni = true,
                          .format = deploy ? SF_STR("stages") : SF_STR("stage_args")};
    sf_stages_wish wish = {.platform = text_of(c->row, "platform"),
                           .hf_model_type = text_of(c->row, "model_type_given"),
                           .profile = &profile};
    sf_loader loader = {.ctx = c, .load = load};
    const sf_deployment *d = NULL;
    sf_args cli = {0};
    sf_diags dg;
    sf_code rc;

    sf_diags_init(&dg, c->a);
    profile.date = sf_arena_printf(c->a, "%.*s-28", SF_STR_ARG(date));
    c->files = sf_node_get(c->row, "files");
    if (deploy && !wish.hf_model_type.n && !sf_node_get(c->row, "pipeline"))
        wish.hf_architecture = SF_STR("NotRegistered");
    if (deploy && sf_node_absent(sf_node_get(c->row, "model_type_given")))
        wish.hf_architecture = SF_STR("NotRegistered");
    rc = set_cli(c->a, sf_node_get(c->row, "cli"), &cli, &wish, &dg);
    if (!rc && file.n) {
        file = sf_path_join(c->a, c->dir, file);
        rc = sf_fs_read_all(&sf_fs_posix, c->a, file, 8u << 20, &dg, &text);
    } else {
        file = SF_STR("main.yaml");
    }
    if (!rc)
        rc = sf_stages_read(c->a, text, file, &loader, &wish, &dg, &d);
    return judge(c, rc, &dg, d, era);
}

int main(int argc, char **argv)
{
    sf_arena *a = sf_arena_new((size_t)4 << 30);
    sf_str text, line, rest;
    unsigned passed = 0, failed = 0;
    ctx c = {0};
    sf_diags dg;

    if (argc < 2 || !a)
        return 2;
    sf_diags_init(&dg, a);
    if (argc > 2)
        c.dir = sf_str_of(argv[argc - 1]);
    if (sf_fs_read_all(&sf_fs_posix, a, sf_str_of(argv[1]), (uint64_t)1 << 30, &dg, &text)) {
        printf("skipped: no corpus (%s)\n", argv[1]);
        return 77;
    }
    rest = text;
    for (bool more = true; more;) {
        more = sf_str_split(&rest, '\n', &line);
        if (!line.n)
            continue;
        c.a = sf_arena_new((size_t)1 << 30);
        c.why[0] = '\0';
        if (c.a && !sf_json_parse(c.a, line, sf_str_of(argv[1]), SF_JSON_NONFINITE, NULL, &c.row) &&
            run(&c)) {
            passed++;
        } else {
            failed++;
            printf("%.*s: %s\n", SF_STR_ARG(text_of(c.row, "id")), c.why);
        }
        sf_arena_free(c.a);
    }
    printf("%u passed, %u failed\n", passed, failed);
    sf_arena_free(a);
    return failed != 0;
}
