/*
 * oracle_config: compares what we read from stage configs with what vLLM-Omni itself read from them.
 * Usage: oracle_config FILE [[--configs] DIR].  FILE has one JSON object a line (docs/pipelines.md says which
 * fields); DIR has the configs that rows refer to.  Prints every mismatch; ends with "N passed, N failed".
 */
#include <stdio.h>

#include "base/fs.h"
#include "base/num.h"
#include "base/path.h"
#include "stages/deployment.h"
#include "stages/strategy.h"
#include "text/json.h"
#include "text/yaml.h"

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

    if (!st->node && st->kind == SF_STAGE_DIFFUSION && sf_str_is(got, "null") &&
        (sf_str_is(want, "false") || sf_str_is(want, "auto")))
        return true; /* the default stage: upstream writes its defaults out */
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
        if (!(diffusion && (i == 5 || i >= 7)) && !same_value(c, st, llm[i].arg, row, llm[i].key))
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

/* A value that no engine can use, passed on by the loader as it stood: a word for a number, 30 digits, -1 requests. */
static bool unusable_value(ctx *c)
{
    static const char *const numbers[] = {"gpu_memory_utilization", "kv_cache_memory_bytes",
                                          "max_num_seqs",           "online_max_num_seqs",
                                          "max_model_len",          "max_num_batched_tokens"};
    const sf_node *stages = sf_node_get(c->row, "stages");

    for (uint32_t i = 0; stages && i < stages->n; i++)
        for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++) {
            const sf_node *v = sf_node_get(stages->as.items[i], numbers[k]);
            double d;

            if (v &&
                ((v->kind == SF_STRING && !sf_parse_f64(v->text, &d)) ||
                 (v->kind == SF_FLOAT && v->as.f > 9e18) || (v->kind == SF_INT && v->as.i < 0 && k != 4)))
                return true;
        }
    return false;
}

/* Refused with reason although the loader lets it pass: CUDA or vLLM would stop at it, or only the environment knows. */
static bool refused_with_reason(ctx *c, const sf_diags *dg)
{
    bool all = dg->errors > 0;

    for (size_t i = 0; i < dg->n; i++) {
        sf_code code = dg->items[i].code;

        if (dg->items[i].severity != SF_ERROR)
            continue;
        all &= ((code == SF_E_DEVICES || code == SF_E_REPLICAS) && garbage_devices(c)) ||
               ((code == SF_E_DEVICES_FEW || code == SF_E_ARG_VALUE) && few_devices(c)) ||
               (code == SF_E_ARG_VALUE && unusable_value(c)) ||
               (code == SF_E_INTERPOLATION && sf_str_find(text_of(c->row, "yaml"), SF_STR("${oc.env:")) >= 0);
    }
    return all;
}

/* True when one of our errors is of the kind that upstream's exception stands for. */
static bool same_failure(ctx *c, const sf_diags *dg)
{
    static const struct {
        const char *exception, *text;
        int codes[6];
    } map[] = {
        {"ScannerError",                 "",                  {SF_E_YAML}                                                                       },
        {"ParserError",                  "",                  {SF_E_YAML}                                                                       },
        {"ComposerError",                "",                  {SF_E_YAML}                                                                       },
        {"ConstructorError",             "",                  {SF_E_YAML, SF_E_DUP_KEY}                                                         },
        {"ReaderError",                  "",                  {SF_E_YAML, SF_E_UTF8}                                                            },
        {"UnicodeDecodeError",           "",                  {SF_E_YAML, SF_E_UTF8}                                                            },
        {"KeyValidationError",           "",                  {SF_E_YAML}                                                                       },
        {"RecursionError",               "",                  {SF_E_YAML, SF_E_LIMIT, SF_E_BASE_CONFIG}                                         },
        {"FileNotFoundError",            "",                  {SF_E_BASE_CONFIG}                                                                },
        {"IsADirectoryError",            "",                  {SF_E_BASE_CONFIG}                                                                },
        {"InterpolationKeyError",        "",                  {SF_E_INTERPOLATION}                                                              },
        {"InterpolationResolutionError", "",                  {SF_E_INTERPOLATION}                                                              },
        {"KeyError",                     "stage_id",          {SF_E_STAGE_ID}                                                                   },
        {"KeyError",                     "Pipeline",          {SF_E_PIPELINE_UNKNOWN}                                                           },
        {"ModuleNotFoundError",          "",                  {SF_E_PIPELINE_UNKNOWN}                                                           },
        {"ConfigAttributeError",         "",                  {SF_E_CONFIG_SHAPE}                                                               },
        {"MissingMandatoryValue",        "",                  {SF_E_CONFIG_SHAPE}                                                               },
        {"ValueError",                   "stage_args",        {SF_E_FORMAT_OLD, SF_E_CONFIG_SHAPE}                                              },
        {"ValueError",                   "max_workers",       {SF_E_CONFIG_SHAPE}                                                               },
        {"ValueError",                   "async_chunk",       {SF_E_ASYNC_CHUNK}                                                                },
        {"ValueError",                   "devices",           {SF_E_REPLICAS, SF_E_DEVICES, SF_E_DEVICES_FEW}                                   },
        {"ValueError",                   "device",            {SF_E_REPLICAS, SF_E_DEVICES, SF_E_DEVICES_FEW}                                   },
        {"ValueError",                   "Device",            {SF_E_DEVICES}                                                                    },
        {"ValueError",                   "num_replicas",      {SF_E_REPLICAS}                                                                   },
        {"ValueError",                   "invalid literal",   {SF_E_REPLICAS, SF_E_ARG_VALUE}                                                   },
        {"ValueError",                   "connector",         {SF_E_CONNECTOR}                                                                  },
        {"ValueError",                   "stage_id",          {SF_E_STAGE_ID}                                                                   },
        {"ValueError",                   "duplex",            {SF_E_ARG_VALUE}                                                                  },
        {"ValueError",                   "must be",           {SF_E_ARG_VALUE, SF_E_UTIL_RANGE}                                                 },
        {"ValueError",                   "WORLD",             {SF_E_ARG_VALUE}                                                                  },
        {"ValueError",                   "HSDP",              {SF_E_ARG_VALUE}                                                                  },
        {"ValueError",                   "Diffusion KV",      {SF_E_ARG_VALUE}                                                                  },
        {"ValueError",                   "--stage-overrides", {SF_E_JSON}                                                                       },
        {"ValueError",                   "root",              {SF_E_CONFIG_SHAPE}                                                               },
        {"ValidationError",              "Assertion",         {SF_E_ARG_VALUE}                                                                  },
        {"ValidationError",              "keyword",           {SF_E_STAGE_KEY}                                                                  },
        {"StrategyApplyError",           "",                  {SF_E_STRATEGY}                                                                   },
        {"IndexError",                   "",                  {SF_E_REPLICAS}                                                                   },
        {"TypeError",                    "keyword argument",  {SF_E_STAGE_KEY}                                                                  },
        {"TypeError",                    "int()",             {SF_E_REPLICAS}                                                                   },
        {"TypeError",                    "",                  {SF_E_CONFIG_SHAPE, SF_E_ARG_VALUE, SF_E_DEVICES, SF_E_BASE_CONFIG, SF_E_STAGE_ID}},
        {"AttributeError",               "",                  {SF_E_CONFIG_SHAPE, SF_E_REPLICAS}                                                },
    };
    const sf_node *stages = sf_node_get(c->row, "stage_errors");
    sf_str exception = text_of(c->row, "error_class"), text = text_of(c->row, "error_text");
    bool known = false;

    for (uint32_t e = 0; e <= (stages ? stages->n : 0); e++) {
        if (e) {
            exception = text_of(stages->as.items[e - 1], "error_class");
            text = text_of(stages->as.items[e - 1], "error_text");
        }
        for (size_t m = 0; m < sizeof map / sizeof *map; m++) {
            if (!sf_str_is(exception, map[m].exception) || sf_str_find(text, sf_str_of(map[m].text)) < 0)
                continue;
            for (size_t i = 0; i < dg->n; i++)
                for (size_t k = 0; k < 6; k++)
                    known |= dg->items[i].severity == SF_ERROR && map[m].codes[k] &&
                             (int)dg->items[i].code == map[m].codes[k];
        }
    }
    return known;
}

static bool judge(ctx *c, sf_code rc, const sf_diags *dg, const sf_deployment *d, sf_str era)
{
    const sf_node *would = sf_node_get(c->row, "would_start");
    const sf_diag *e = sf_diags_last_error(dg);
    bool starts = !would || would->as.b;

    if (starts && !rc)
        return same_stages(c, d, era);
    if (rc && (starts ? refused_with_reason(c, dg) : same_failure(c, dg)))
        return true;
    if (rc)
        snprintf(c->why, sizeof c->why, "SF%d %.*s%s", rc, SF_STR_ARG(e ? e->message : (sf_str){0}),
                 starts ? "" : "; upstream fails otherwise: ");
    else
        snprintf(c->why, sizeof c->why, "read, but upstream says: ");
    if (!starts) {
        size_t n = strlen(c->why);

        snprintf(c->why + n, sizeof c->why - n, "%.*s %.*s", SF_STR_ARG(text_of(c->row, "error_class")),
                 SF_STR_ARG(text_of(c->row, "error_text")));
    }
    return false;
}

/* {"stage": {key: value}} added to the overrides, later ones over earlier ones. */
static const sf_node * override(sf_arena *a, const sf_node *all, sf_str stage, sf_str key,
                                const sf_node *value)
{
    sf_node *empty = SF_NEW(a, sf_node);

    empty->kind = SF_MAP;
    return sf_node_with(
        a, all ? all : empty, stage,
        sf_node_with(a, sf_node_get_str(all, stage) ? sf_node_get_str(all, stage) : empty, key, value));
}

static sf_code set_cli(sf_arena *a, const sf_node *cli, sf_args *args, sf_stages_wish *wish, sf_diags *dg)
{
    for (uint32_t i = 0; cli && i < cli->n; i++) {
        const sf_pair *p = &cli->as.pairs[i];
        sf_code rc = SF_OK;
        sf_arg arg;

        if (sf_str_is(p->key, "stage_overrides")) {
            rc = sf_json_parse(a, p->value->text, SF_STR("--stage-overrides"), 0, dg, &wish->stage_overrides);
        } else if (sf_str_starts(p->key, SF_STR("stage_"))) {
            wish->stage_overrides = override(a, wish->stage_overrides, sf_str_sub(p->key, 6, 7),
                                             sf_str_sub(p->key, 8, p->key.n), p->value);
        } else if (sf_arg_find(p->key, &arg)) {
            rc = sf_args_set(a, args, arg, p->value, SF_FROM_CLI, dg);
            wish->cli = args;
            for (uint32_t k = 0; k < i && !rc; k++) /* given after a stage's own: it wins */
                if (sf_str_starts(cli->as.pairs[k].key, SF_STR("stage_")) &&
                    sf_str_ends(cli->as.pairs[k].key, p->key) &&
                    !sf_str_is(cli->as.pairs[k].key, "stage_overrides"))
                    wish->stage_overrides = override(
                        a, wish->stage_overrides, sf_str_sub(cli->as.pairs[k].key, 6, 7), p->key, p->value);
        } else {
            for (int id = 0; id < 4; id++)
                wish->stage_overrides =
                    override(a, wish->stage_overrides, sf_arena_printf(a, "%d", id), p->key, p->value);
        }
        if (rc)
            return rc;
    }
    return SF_OK;
}

/* The text of a base64 row. */
static sf_str decode64(sf_arena *a, sf_str s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = sf_arena_alloc(a, s.n + 1, 1);
    unsigned acc = 0, bits = 0;
    size_t n = 0;

    for (size_t i = 0; out && i < s.n; i++) {
        const char *d = s.p[i] ? strchr(digits, s.p[i]) : NULL;

        if (!d)
            continue;
        acc = acc << 6 | (unsigned)(d - digits);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[n++] = (char)(acc >> bits & 255);
        }
    }
    return (sf_str){out, n};
}

/*
 * A strategy file goes over the deploy config that the engine brings for the model, which lies beside it in `dir`.
 * Changes nothing for other files.
 */
static sf_code over_bundled(ctx *c, sf_str *file, sf_str *text, sf_stages_wish *wish, sf_diags *dg)
{
    const sf_node *root = NULL;

    if (sf_yaml_parse(c->a, *text, *file, NULL, &root) || !sf_strategy_is(root))
        return SF_OK;
    wish->strategies = root;
    *file =
        sf_arena_printf(c->a, "%.*s/deploy/%.*s.yaml", SF_STR_ARG(c->dir), SF_STR_ARG(wish->hf_model_type));
    return sf_fs_read_all(&sf_fs_posix, c->a, *file, 8u << 20, dg, text);
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
    if (text_of(c->row, "yaml_base64").n)
        text = decode64(c->a, text_of(c->row, "yaml_base64"));
    rc = set_cli(c->a, sf_node_get(c->row, "cli"), &cli, &wish, &dg);
    if (!rc && file.n) {
        file = sf_path_join(c->a, c->dir, file);
        rc = sf_fs_read_all(&sf_fs_posix, c->a, file, 8u << 20, &dg, &text);
        if (!rc)
            rc = over_bundled(c, &file, &text, &wish, &dg);
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
        bool good;

        more = sf_str_split(&rest, '\n', &line);
        if (!line.n)
            continue;
        c.a = sf_arena_new((size_t)1 << 30);
        c.why[0] = '\0';
        good =
            c.a && !sf_json_parse(c.a, line, sf_str_of(argv[1]), SF_JSON_NONFINITE, NULL, &c.row) && run(&c);
        passed += good;
        failed += !good;
        if (!good)
            printf("%.*s: %s\n", SF_STR_ARG(text_of(c.row, "id")), c.why);
        sf_arena_free(c.a);
    }
    printf("%u passed, %u failed\n", passed, failed);
    sf_arena_free(a);
    return failed != 0;
}
