/*
 * assemble: from what a reader found to stages: engine arguments in the order of the era, ranks,
 * devices, replicas, and the checks that need nothing but the config.
 * Must not know which format the file had.
 */
#include "stages/devices.h"
#include "stages/interp.h"
#include "stages/parallel.h"
#include "stages/strategy.h"

#include "base/num.h"

enum { MAX_REPLICAS = 1024, MAX_RANKS = 4096, MAX_STAGES = 4096 };

static sf_str path_of(sf_reading *r, sf_str stage, sf_str key)
{
    sf_str s = sf_arena_printf(r->a, "%.*s.%.*s", SF_STR_ARG(stage), SF_STR_ARG(key));

    return s.p ? s : key;
}

sf_code sf_reading_unknown_key(sf_reading *r, const sf_pair *pair, const char *const *lists, bool arguments,
                               sf_severity severity, const char *what)
{
    sf_str like, hint = SF_STR("");
    sf_where at = sf_node_where_key(pair->key_at, pair->key);

    if (++r->unknown_keys > SF_READING_UNKNOWN)
        return SF_E_STAGE_KEY;
    like = sf_keys_suggest(&r->keys, lists, arguments, pair->key);
    if (like.n)
        hint = sf_arena_printf(r->a, "did you mean %.*s?", SF_STR_ARG(like));
    if (!hint.p)
        return SF_E_NOMEM;
    return (severity == SF_ERROR ? sf_diag_error : sf_diag_warning)(
        r->dg, SF_E_STAGE_KEY, at, hint.p, "key %.*s is not known: %s", SF_STR_ARG(pair->key), what);
}

/* A scalar node for a default that no file says. */
static sf_code set_default(sf_reading *r, sf_args *args, sf_arg arg, bool value)
{
    sf_node *node = SF_NEW(r->a, sf_node);

    if (!node)
        return SF_E_NOMEM;
    node->kind = SF_BOOL;
    node->as.b = value;
    node->text = value ? SF_STR("true") : SF_STR("false");
    return sf_args_set(r->a, args, arg, node, SF_FROM_PIPELINE, r->dg);
}

/* What the pipeline registry presets (deploy configs only). */
static sf_code pipeline_defaults(sf_reading *r, const sf_draft *draft, sf_args *args)
{
    sf_code rc = SF_OK;

    if (r->d->format != SF_FORMAT_DEPLOY || !draft->pipeline || draft->kind == SF_STAGE_DIFFUSION)
        return SF_OK;
    if (!draft->pipeline->multimodal)
        rc = set_default(r, args, SF_ARG_skip_mm_profiling, true);
    if (!rc && draft->kind == SF_STAGE_GENERATION) {
        rc = set_default(r, args, SF_ARG_enable_prefix_caching, false);
        if (!rc)
            rc = set_default(r, args, SF_ARG_disable_hybrid_kv_cache_manager, true);
    }
    return rc;
}

static sf_code set_pair(sf_reading *r, const sf_draft *draft, sf_args *args, const sf_pair *pair,
                        sf_arg_from from)
{
    sf_arg arg = SF_ARG_max_num_seqs;

    if (!(from == SF_FROM_CLI && sf_str_is(pair->key, "max_batch_size")) && !sf_arg_find(pair->key, &arg))
        return SF_OK;
    if (sf_node_absent(pair->value)) {
        args->v[arg].node = NULL;
        return SF_OK;
    }
    if (draft->kind == SF_STAGE_DIFFUSION && sf_keys_has(&r->keys, "flat_parallel", pair->key))
        return SF_OK; /* said by warn_dropped */
    if (sf_interp_left(pair->value))
        return sf_diag_error(r->dg, SF_E_INTERPOLATION,
                             sf_node_where_key(pair->value, path_of(r, draft->path, pair->key)),
                             "write the value itself", "%.*s comes from the environment, which is not read",
                             SF_STR_ARG(pair->key));
    return sf_args_set(r->a, args, arg, pair->value, from, r->dg);
}

static sf_code set_map(sf_reading *r, const sf_draft *draft, sf_args *args, const sf_node *map,
                       sf_arg_from from)
{
    for (uint32_t i = 0; sf_node_is(map, SF_MAP) && i < map->n; i++) {
        sf_code rc = sf_reading_note(r, set_pair(r, draft, args, &map->as.pairs[i], from));

        if (rc)
            return rc;
    }
    return SF_OK;
}

static void set_cli(const sf_reading *r, sf_args *args)
{
    const sf_args *cli = r->wish->cli;

    for (int i = 0; cli && i < SF_ARG_COUNT; i++)
        if (cli->v[i].node && i != SF_ARG_model)
            args->v[i] = (sf_arg_value){cli->v[i].node, SF_FROM_CLI};
}

/* --stage-overrides of this stage, or NULL. */
static const sf_node *override_of(const sf_reading *r, const sf_draft *draft)
{
    char text[24];
    size_t n = 0;
    uint64_t id = draft->id < 0 ? 0 : (uint64_t)draft->id;

    if (draft->id < 0)
        return NULL;
    do
        text[sizeof text - ++n] = (char)('0' + id % 10);
    while ((id /= 10) != 0);
    return sf_node_get_str(r->wish->stage_overrides, (sf_str){text + sizeof text - n, n});
}

static sf_code set_args(sf_reading *r, const sf_draft *draft, sf_args *args)
{
    bool legacy = r->d->format == SF_FORMAT_LEGACY;
    sf_code rc = pipeline_defaults(r, draft, args);

    if (!rc && legacy && r->era.cli == SF_CLI_BELOW)
        set_cli(r, args);
    if (!rc)
        rc = set_map(r, draft, args, draft->engine, SF_FROM_FILE);
    if (!rc && draft->max_num_seqs)
        rc = sf_reading_note(
            r, sf_args_set(r->a, args, SF_ARG_max_num_seqs, draft->max_num_seqs, SF_FROM_FILE, r->dg));
    if (!rc && !legacy)
        set_cli(r, args);
    return rc ? rc : set_map(r, draft, args, override_of(r, draft), SF_FROM_CLI);
}

static bool same_as_default(const sf_node *value)
{
    return sf_node_absent(value) || (value->kind == SF_INT && value->as.i == 1) ||
           (value->kind == SF_BOOL && !value->as.b);
}

/* Keys of this stage that the engine reads and throws away. */
static sf_code warn_dropped(sf_reading *r, const sf_draft *draft)
{
    bool diffusion = draft->kind == SF_STAGE_DIFFUSION;

    for (uint32_t i = 0; draft->engine && i < draft->engine->n; i++) {
        const sf_pair *pair = &draft->engine->as.pairs[i];
        bool flat = diffusion && sf_keys_has(&r->keys, "flat_parallel", pair->key);
        sf_code rc;

        if (same_as_default(pair->value) ||
            !(flat || sf_keys_has(&r->keys, diffusion ? "diffusion_dropped" : "llm_dropped", pair->key)))
            continue;
        rc = sf_diag_warning(r->dg, SF_E_STAGE_IGNORED,
                             sf_node_where_key(pair->key_at, path_of(r, draft->path, pair->key)),
                             flat        ? "put it into parallel_config: {…}"
                             : diffusion ? "remove it; quantisation of a diffusion stage is `quantization`"
                                         : "remove it: it belongs to diffusion stages",
                             "%.*s has no effect on %s stage %lld", SF_STR_ARG(pair->key),
                             diffusion ? "diffusion" : "LLM", (long long)draft->id);
        if (rc == SF_E_NOMEM)
            return rc;
    }
    return SF_OK;
}

static sf_code check_util(sf_reading *r, const sf_draft *draft, const sf_stage *st)
{
    const sf_arg_value *v = &st->args.v[SF_ARG_gpu_memory_utilization];
    double util = sf_args_f64(&st->args, SF_ARG_gpu_memory_utilization, 1.0);

    if (!v->node || (util > 0 && util <= 1))
        return SF_OK;
    return sf_diag_error(
        r->dg, SF_E_UTIL_RANGE,
        sf_node_where_key(v->node, path_of(r, draft->path, SF_STR("gpu_memory_utilization"))),
        "it is a fraction of each GPU's memory: 0.9 means nine tenths",
        "gpu_memory_utilization %.*s of stage %lld is outside (0, 1]", SF_STR_ARG(v->node->text),
        (long long)draft->id);
}

/* What the diffusion config refuses (the LLM engines have checks of their own, later). */
static sf_code check_diffusion(sf_reading *r, const sf_draft *draft, const sf_stage *st)
{
    const struct {
        sf_arg arg;
        int64_t min, also;
    } row[] = {
        {SF_ARG_max_model_len,          1, -1},
        {SF_ARG_max_num_batched_tokens, 1, 1 },
        {SF_ARG_kv_cache_memory_bytes,  0, 0 },
        {SF_ARG_max_num_seqs,           1, 1 }
    };

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_node *node = st->args.v[row[i].arg].node;
        int64_t v = sf_args_i64(&st->args, row[i].arg, row[i].min);

        if (v >= row[i].min || v == row[i].also)
            continue;
        return sf_diag_error(
            r->dg, SF_E_ARG_VALUE,
            sf_node_where_key(node, path_of(r, draft->path, sf_str_of(sf_arg_name(row[i].arg)))), NULL,
            "%s of diffusion stage %lld is %lld", sf_arg_name(row[i].arg), (long long)draft->id,
            (long long)v);
    }
    return SF_OK;
}

/* Diffusion options that are refused by value, memory or not. */
static sf_code check_diffusion_words(sf_reading *r, const sf_draft *draft)
{
    const sf_node *dynamic = sf_node_get(draft->engine, "diffusion_compile_dynamic");
    const sf_node *mode = sf_node_get(draft->engine, "diffusion_kv_mode");

    if (!sf_node_absent(dynamic) && dynamic->kind != SF_BOOL)
        return sf_diag_error(
            r->dg, SF_E_ARG_VALUE,
            sf_node_where_key(dynamic, path_of(r, draft->path, SF_STR("diffusion_compile_dynamic"))),
            "write true or false", "diffusion_compile_dynamic is a %s where true or false is needed",
            sf_node_kind_name(dynamic->kind));
    if (sf_node_absent(mode) || sf_keys_has(&r->keys, "diffusion_kv_modes", mode->text))
        return SF_OK;
    return sf_diag_error(r->dg, SF_E_ARG_VALUE,
                         sf_node_where_key(mode, path_of(r, draft->path, SF_STR("diffusion_kv_mode"))),
                         "write dense_legacy, paged_worker_local or paged_scheduler",
                         "diffusion_kv_mode has no value \"%.*s\"", SF_STR_ARG(mode->text));
}

static sf_code size_arg(sf_reading *r, const sf_draft *draft, const sf_stage *st, sf_arg arg, uint32_t *ret)
{
    const sf_node *node = st->args.v[arg].node;
    int64_t v = sf_args_i64(&st->args, arg, 1);

    *ret = 1;
    if (v < 1 || v > MAX_RANKS)
        return sf_diag_error(r->dg, SF_E_ARG_VALUE,
                             sf_node_where_key(node, path_of(r, draft->path, sf_str_of(sf_arg_name(arg)))),
                             "write 1 or more", "%s of stage %lld must be between 1 and %d, not %lld",
                             sf_arg_name(arg), (long long)draft->id, MAX_RANKS, (long long)v);
    *ret = (uint32_t)v;
    return SF_OK;
}

static sf_code llm_ranks(sf_reading *r, const sf_draft *draft, sf_stage *st)
{
    sf_code rc = size_arg(r, draft, st, SF_ARG_tensor_parallel_size, &st->tp);

    if (!rc)
        rc = size_arg(r, draft, st, SF_ARG_pipeline_parallel_size, &st->pp);
    if (!rc)
        rc = size_arg(r, draft, st, SF_ARG_data_parallel_size, &st->dp);
    if (rc)
        return rc;
    if ((uint64_t)st->tp * st->pp * st->dp > MAX_RANKS)
        return sf_diag_error(r->dg, SF_E_ARG_VALUE,
                             sf_node_where(st->args.v[SF_ARG_tensor_parallel_size].node), NULL,
                             "stage %lld asks for more than %d ranks", (long long)draft->id, MAX_RANKS);
    st->world = st->tp * st->pp * st->dp;
    return SF_OK;
}

static sf_code diffusion_ranks(sf_reading *r, sf_stage *st)
{
    const sf_node *num = st->args.v[SF_ARG_num_gpus].node;
    const sf_arg_value *tp = &st->args.v[SF_ARG_tensor_parallel_size];
    sf_parallel p;
    sf_code rc = sf_parallel_read(st->args.v[SF_ARG_parallel_config].node, &r->keys, r->dg, &p);

    if (!rc && num)
        rc = sf_parallel_fill(&p, sf_args_i64(&st->args, SF_ARG_num_gpus, 1), num, r->dg);
    if (rc)
        return rc;
    st->tp = p.tp;
    st->pp = p.pp;
    st->dp = p.dp;
    st->world = p.world;
    st->parallel = p;
    if (tp->node && tp->from == SF_FROM_CLI &&
        p.world == 1) /* flags reach parallel_config, flat keys do not */
        st->tp = st->world = st->parallel.tp = st->parallel.world =
            (uint32_t)sf_args_i64(&st->args, SF_ARG_tensor_parallel_size, 1);
    return SF_OK;
}

/* int() of num_replicas as the loader takes it. */
static sf_code replica_count(sf_reading *r, const sf_draft *draft, uint32_t *ret)
{
    const sf_node *node = draft->num_replicas;
    int64_t v = 1;

    *ret = 1;
    if (!node)
        return SF_OK;
    if (!sf_node_python_int(node, &v))
        return sf_diag_error(
            r->dg, SF_E_REPLICAS, sf_node_where_key(node, path_of(r, draft->path, SF_STR("num_replicas"))),
            "write a whole number", "num_replicas of stage %lld is no whole number", (long long)draft->id);
    if (v < 0 || v > MAX_REPLICAS)
        return sf_diag_error(
            r->dg, SF_E_REPLICAS, sf_node_where_key(node, path_of(r, draft->path, SF_STR("num_replicas"))),
            "write 1 or more", "num_replicas of stage %lld must be between 0 and %d, not %lld",
            (long long)draft->id, MAX_REPLICAS, (long long)v);
    *ret = v ? (uint32_t)v : 1;
    return SF_OK;
}

static bool device_exists(const sf_stages_wish *wish, uint32_t id)
{
    if (!wish->visible)
        return true;
    if (!wish->visible_ids)
        return id < wish->visible;
    for (uint32_t i = 0; i < wish->visible; i++)
        if (wish->visible_ids[i] == id)
            return true;
    return false;
}

static sf_code too_few(sf_reading *r, const sf_draft *draft, const sf_stage *st, size_t have)
{
    const sf_node *at = draft->devices ? draft->devices : draft->node ? draft->node : r->at;

    return sf_diag_error(r->dg, SF_E_DEVICES_FEW, sf_node_where_key(at, draft->devices_path),
                         "list as many GPUs as there are ranks, or lower the parallel sizes",
                         "stage %lld has %u ranks (tensor %u × pipeline %u × data %u%s) but %zu device(s)",
                         (long long)st->id, st->world, st->tp, st->pp, st->dp,
                         st->kind == SF_STAGE_DIFFUSION ? " × sequence × CFG" : "", have);
}

static sf_code check_devices(sf_reading *r, const sf_draft *draft, const sf_stage *st)
{
    sf_where at = sf_node_where_key(draft->devices, draft->devices_path);
    sf_code rc = SF_OK;

    if (st->n_devices < st->world)
        return too_few(r, draft, st, st->n_devices);
    if (st->n_devices > st->world)
        rc = sf_diag_warning(r->dg, SF_E_DEVICES_MANY, at, "shorten the list, or raise the parallel sizes",
                             "stage %lld has %zu devices for %u rank(s): the rest stays unused",
                             (long long)st->id, st->n_devices, st->world);
    for (size_t i = 0; i < st->world && rc != SF_E_NOMEM; i++) {
        if (!device_exists(r->wish, st->devices[i]))
            return sf_diag_error(r->dg, SF_E_DEVICE_OUTSIDE, at, "add the GPU with --gpu, or change devices",
                                 "stage %lld runs on GPU %u, which is not in the inventory of %u",
                                 (long long)st->id, st->devices[i], r->wish->visible);
        for (size_t k = 0; k < i; k++)
            if (st->devices[k] == st->devices[i])
                rc = sf_diag_warning(r->dg, SF_E_DEVICES, at, "name each GPU once",
                                     "stage %lld names GPU %u for two of its ranks", (long long)st->id,
                                     st->devices[i]);
    }
    return rc == SF_E_NOMEM ? rc : SF_OK;
}

/* No devices in the file: rank r runs on the r-th visible GPU. */
static sf_code all_visible(sf_reading *r, const sf_draft *draft, sf_stage *st)
{
    if (r->wish->visible && st->world > r->wish->visible)
        return too_few(r, draft, st, r->wish->visible);
    st->devices = SF_NEW_ARRAY(r->a, uint32_t, st->world);
    if (!st->devices)
        return SF_E_NOMEM;
    st->n_devices = st->world;
    for (uint32_t i = 0; i < st->world; i++)
        st->devices[i] = r->wish->visible_ids ? r->wish->visible_ids[i] : i;
    return SF_OK;
}

/* Pools on the device, and the settings, of the connectors that the stage names. */
static sf_code add_connectors(sf_reading *r, const sf_draft *draft, sf_stage *st)
{
    const sf_node *sides[2] = {draft->inputs, draft->outputs};
    const sf_node **extras = SF_NEW_ARRAY(r->a, const sf_node *, SF_READING_CONNECTORS);

    if (!extras)
        return SF_E_NOMEM;
    for (int s = 0; s < 2; s++)
        for (uint32_t i = 0; sf_node_is(sides[s], SF_MAP) && i < sides[s]->n && i < SF_READING_CONNECTORS / 2;
             i++) {
            const sf_node *name = sides[s]->as.pairs[i].value;
            const sf_node *c = name->kind == SF_STRING ? sf_node_get_str(r->connectors, name->text) : NULL;
            const sf_node *extra = sf_node_get(c, "extra"),
                          *device = sf_node_get(extra, "memory_pool_device");
            const sf_node *size = sf_node_get(extra, "memory_pool_size");
            bool seen = false;

            for (size_t k = 0; k < st->n_connectors; k++)
                seen |= extras[k] == extra;
            if (!sf_node_is(extra, SF_MAP) || seen)
                continue;
            extras[st->n_connectors++] = extra;
            if (device && size && size->kind == SF_INT && size->as.i > 0 &&
                (sf_str_starts(device->text, SF_STR("cuda")) || sf_str_starts(device->text, SF_STR("npu"))))
                st->gpu_pool_bytes = sf_add_sat(st->gpu_pool_bytes, (uint64_t)size->as.i);
        }
    st->connectors = extras;
    return SF_OK;
}

static void name_stage(const sf_reading *r, const sf_draft *draft, sf_stage *st)
{
    const sf_pipeline_stage *p = draft->pipeline;

    st->id = draft->id;
    st->kind = draft->kind;
    st->pipeline = p;
    st->model_stage = draft->model_stage.n ? draft->model_stage : p ? p->model_stage : (sf_str){0};
    st->architecture = draft->architecture.n ? draft->architecture : p ? p->architecture : (sf_str){0};
    st->subdir = draft->subdir.n ? draft->subdir : p ? p->subdir : (sf_str){0};
    st->part = p ? p->part : st->model_stage;
    st->name = st->model_stage.n ? st->model_stage : SF_STR("engine");
    st->model = sf_args_str(&st->args, SF_ARG_model, (sf_str){0});
    st->node = draft->node;
    st->env = draft->env;
    st->devices_node = draft->devices;
    (void)r;
}

static sf_code add_stage(sf_reading *r, const sf_stage *st, size_t *cap)
{
    sf_deployment *d = r->d;

    if (d->n_stages == MAX_STAGES)
        return sf_diag_error(r->dg, SF_E_LIMIT, sf_node_where(r->at), NULL,
                             "more than %d stages and replicas", MAX_STAGES);
    if (d->n_stages == *cap) {
        size_t n = *cap ? *cap * 2 : 8;
        sf_stage *list = sf_arena_grow(r->a, d->stages, d->n_stages, n, sizeof *list);

        if (!list)
            return SF_E_NOMEM;
        d->stages = list;
        *cap = n;
    }
    ((sf_stage *)d->stages)[d->n_stages++] = *st;
    return SF_OK;
}

static sf_code place(sf_reading *r, const sf_draft *draft, sf_stage *st, const sf_devices *all, size_t *cap)
{
    uint32_t per = draft->kind == SF_STAGE_DIFFUSION || r->era.replica_counts_all_ranks ? st->world : st->tp;
    sf_stage one = *st;

    for (uint32_t k = 0; k < st->n_replicas; k++) {
        sf_devices own;
        sf_code rc = sf_devices_split(r->a, all, st->n_replicas, per, k,
                                      draft->devices ? draft->devices
                                      : draft->node  ? draft->node
                                                     : r->at,
                                      draft->id, r->dg, &own);

        if (rc)
            return sf_reading_note(r, rc);
        one.replica = k;
        one.devices_given = own.given || draft->first_devices;
        one.devices = own.ids;
        one.n_devices = own.n;
        rc = own.given ? check_devices(r, draft, &one) : all_visible(r, draft, &one);
        if (rc)
            return sf_reading_note(r, rc);
        rc = add_stage(r, &one, cap);
        if (rc)
            return rc;
    }
    return SF_OK;
}

static sf_code assemble_one(sf_reading *r, const sf_draft *draft, size_t *cap)
{
    sf_stage st = {.tp = 1, .pp = 1, .dp = 1, .world = 1};
    const sf_node *over = override_of(r, draft);
    sf_draft placed = *draft;
    sf_devices all;
    sf_code rc = warn_dropped(r, draft);

    if (!rc)
        rc = set_args(r, draft, &st.args);
    if (rc)
        return rc;
    name_stage(r, draft, &st);
    if (sf_node_get(over, "devices"))
        placed.devices = sf_node_get(over, "devices");
    if (sf_node_get(over, "num_replicas"))
        placed.num_replicas = sf_node_get(over, "num_replicas");
    rc = sf_reading_note(r, check_util(r, draft, &st));
    if (!rc && draft->kind == SF_STAGE_DIFFUSION)
        rc = sf_reading_note(r, check_diffusion(r, draft, &st));
    if (!rc && draft->kind == SF_STAGE_DIFFUSION && r->d->format == SF_FORMAT_DEPLOY)
        rc = sf_reading_note(r, check_diffusion_words(r, draft));
    if (rc)
        return rc;
    rc = draft->kind == SF_STAGE_DIFFUSION ? diffusion_ranks(r, &st) : llm_ranks(r, draft, &st);
    if (!rc)
        rc = replica_count(r, &placed, &st.n_replicas);
    if (!rc)
        rc = sf_devices_read(r->a, placed.devices, &r->era, draft->id, draft->devices_path, r->dg, &all);
    if (!rc)
        rc = sf_strategy_recheck(r, draft, &placed, &st, all.given ? all.n : 0);
    if (rc)
        return sf_reading_note(r, rc);
    rc = add_connectors(r, draft, &st);
    return rc ? rc : place(r, &placed, &st, &all, cap);
}

/* A flag beside the file goes to every stage: rarely what is meant for these. */
static sf_code warn_broadcast(sf_reading *r)
{
    static const sf_arg args[] = {SF_ARG_tensor_parallel_size, SF_ARG_gpu_memory_utilization};
    sf_code rc = SF_OK;

    if (!r->wish->cli || r->n_drafts < 2 || (r->d->format == SF_FORMAT_LEGACY && r->era.cli == SF_CLI_NONE))
        return SF_OK;
    for (size_t i = 0; i < 2 && rc != SF_E_NOMEM; i++) {
        const sf_node *node = r->wish->cli->v[args[i]].node;

        if (node)
            rc = sf_diag_warning(r->dg, SF_E_FLAG_ALL_STAGES, sf_node_where(node),
                                 "write it into the stage that it is meant for",
                                 "%s on the command line goes to every stage", sf_arg_name(args[i]));
    }
    return rc == SF_E_NOMEM ? rc : SF_OK;
}

static sf_code warn_cli_unused(sf_reading *r)
{
    sf_code rc = SF_OK;

    if (r->d->format != SF_FORMAT_LEGACY || r->era.cli != SF_CLI_NONE)
        return SF_OK;
    for (int i = 0; r->wish->cli && i < SF_ARG_COUNT && rc != SF_E_NOMEM; i++)
        if (r->wish->cli->v[i].node && i != SF_ARG_model)
            rc = sf_diag_warning(r->dg, SF_E_STAGE_IGNORED, sf_node_where(r->wish->cli->v[i].node),
                                 "write it into the stages of the file",
                                 "%s on the command line does not reach the stages in this release",
                                 sf_arg_name((sf_arg)i));
    return rc == SF_E_NOMEM ? rc : SF_OK;
}

/* Overrides of a stage that is not there. */
static sf_code warn_overrides(sf_reading *r)
{
    const sf_node *all = r->wish->stage_overrides;
    sf_code rc = SF_OK;

    for (uint32_t i = 0; sf_node_is(all, SF_MAP) && i < all->n && rc != SF_E_NOMEM; i++) {
        const sf_node *own = all->as.pairs[i].value;
        bool found = false;

        for (size_t k = 0; k < r->n_drafts; k++)
            found |= override_of(r, &r->drafts[k]) == own;
        if (!found)
            rc = sf_diag_warning(
                r->dg, SF_E_STAGE_ID, sf_node_where(own), "give the id of a stage of the file",
                "overrides for stage %.*s, which is not there", SF_STR_ARG(all->as.pairs[i].key));
    }
    return rc == SF_E_NOMEM ? rc : SF_OK;
}

sf_code sf_assemble(sf_reading *r)
{
    size_t cap = 0;
    sf_code rc = warn_broadcast(r);

    if (!rc)
        rc = warn_cli_unused(r);
    if (!rc)
        rc = warn_overrides(r);
    for (size_t i = 0; i < r->n_drafts && !rc; i++)
        rc = assemble_one(r, &r->drafts[i], &cap);
    return rc ? rc : r->first;
}
