/*
 * legacy: the `stage_args` format (Dec 2025 to Aug 2026): stages with their whole topology.
 * Must not work out ranks or devices: assemble does.  Rules: vllm-omni be81443c, a42b7487,
 * 9aae75c3, c6d76d08.
 */
#include "stages/interp.h"
#include "stages/merge.h"
#include "stages/read.h"

#include "base/num.h"
#include "base/path.h"

static const char *const stage_lists[] = {"legacy_stage", NULL};
static const char *const runtime_lists[] = {"legacy_runtime", NULL};
static const char *const top_lists[] = {"legacy_top", NULL};
static const char *const engine_lists[] = {"passed_on", NULL};
static const char *const diffusion_lists[] = {"passed_on", "diffusion_passed_on", "deploy_stage", NULL};

static sf_code wrong_shape(sf_reading *r, const sf_node *at, sf_str path, const char *hint, const char *what)
{
    return sf_diag_error(r->dg, SF_E_CONFIG_SHAPE, sf_node_where_key(at, path), hint, "%.*s %s",
                         SF_STR_ARG(path), what);
}

static sf_code read_id(sf_reading *r, const sf_node *stage, sf_draft *draft)
{
    const sf_node *id = sf_node_get(stage, "stage_id");

    if (!id || id->kind == SF_NULL)
        return sf_diag_error(r->dg, SF_E_STAGE_ID, sf_node_where_key(stage, draft->path), "add stage_id: N",
                             "a stage without stage_id");
    if (sf_merge_stage_id(id, &draft->id))
        return SF_OK;
    if (id->kind == SF_STRING && sf_parse_i64(sf_str_trim(id->text), &draft->id)) {
        sf_code rc = sf_diag_warning(r->dg, SF_E_STAGE_ID, sf_node_where_key(id, draft->path),
                                     "write it without quotes", "stage_id is text");

        return rc == SF_E_NOMEM ? rc : SF_OK;
    }
    return sf_diag_error(r->dg, SF_E_STAGE_ID, sf_node_where_key(id, draft->path), "write a whole number",
                         "stage_id is a %s that is no whole number", sf_node_kind_name(id->kind));
}

static sf_str text_at(const sf_node *map, const char *key)
{
    const sf_node *v = sf_node_get(map, key);

    return v && v->kind == SF_STRING ? v->text : (sf_str){0};
}

static bool mentions(sf_str text, const char *what)
{
    return sf_str_find(text, sf_str_of(what)) >= 0;
}

/* From stage_type and the worker's name; else from the pipeline; else AR, with a warning. */
static sf_code read_kind(sf_reading *r, const sf_node *stage, sf_draft *draft)
{
    const sf_node *engine = sf_node_get(stage, "engine_args");
    sf_str type = text_at(stage, "stage_type"), worker = text_at(engine, "worker_type"),
           cls = text_at(engine, "worker_cls");
    sf_code rc;

    draft->kind = SF_STAGE_AR;
    if (sf_str_is(type, "diffusion")) {
        draft->kind = SF_STAGE_DIFFUSION;
        return SF_OK;
    }
    if (sf_str_is(worker, "generation") || mentions(cls, "generation_worker")) {
        draft->kind = SF_STAGE_GENERATION;
        return SF_OK;
    }
    if (sf_str_is(worker, "ar") || mentions(cls, "ar_worker"))
        return SF_OK;
    if (draft->pipeline && draft->pipeline->kind != SF_STAGE_DIFFUSION) {
        draft->kind = draft->pipeline->kind;
        return SF_OK;
    }
    rc = sf_diag_warning(r->dg, SF_E_STAGE_KIND, sf_node_where_key(stage, draft->path),
                         "add worker_type: ar or worker_type: generation under engine_args",
                         "stage %lld names no worker: it is taken for an autoregressive one",
                         (long long)draft->id);
    return rc == SF_E_NOMEM ? rc : SF_OK;
}

/* int(value or 1) as Python does it. */
static sf_code batch_size(sf_reading *r, const sf_node *node, const sf_draft *draft, int64_t *ret)
{
    *ret = 1;
    if (sf_node_absent(node))
        return SF_OK;
    if (node->kind == SF_INT)
        *ret = node->as.i;
    else if (node->kind == SF_BOOL)
        *ret = node->as.b;
    else if (node->kind == SF_FLOAT && node->as.f > -1e15 && node->as.f < 1e15)
        *ret = (int64_t)node->as.f;
    else if (node->kind == SF_STRING && node->text.n && !sf_parse_i64(sf_str_trim(node->text), ret))
        return sf_diag_error(r->dg, SF_E_ARG_VALUE, sf_node_where_key(node, draft->path),
                             "write a whole number", "max_batch_size of stage %lld is no whole number",
                             (long long)draft->id);
    if (*ret == 0)
        *ret = 1;
    return SF_OK;
}

/* max_batch_size: what it does depends on the release. */
static sf_code read_batch(sf_reading *r, const sf_node *runtime, sf_draft *draft)
{
    const sf_node *node = sf_node_get(runtime, "max_batch_size");
    const sf_node *seqs = sf_node_get(draft->engine, "max_num_seqs");
    sf_node *set;
    int64_t v;
    sf_code rc;

    if (r->era.max_batch_size == SF_BATCH_IGNORED) {
        if (!node || !draft->engine ||
            (seqs && batch_size(r, node, draft, &v) == SF_OK && seqs->kind == SF_INT && seqs->as.i == v))
            return SF_OK;
        rc = sf_diag_warning(r->dg, SF_E_STAGE_IGNORED, sf_node_where_key(node, SF_STR("max_batch_size")),
                             "set max_num_seqs under engine_args",
                             "max_batch_size of stage %lld does nothing in this release",
                             (long long)draft->id);
        return rc == SF_E_NOMEM ? rc : SF_OK;
    }
    if (draft->kind == SF_STAGE_DIFFUSION ||
        (r->era.max_batch_size == SF_BATCH_LOADER && !sf_node_is(runtime, SF_MAP)))
        return SF_OK;
    rc = batch_size(r, node, draft, &v);
    if (rc)
        return rc;
    if (v < 1)
        return sf_diag_error(r->dg, SF_E_ARG_VALUE, sf_node_where_key(node, draft->path), "write 1 or more",
                             "max_batch_size of stage %lld is %lld", (long long)draft->id, (long long)v);
    set = SF_NEW(r->a, sf_node);
    if (!set)
        return SF_E_NOMEM;
    *set = node ? *node : *draft->node;
    set->kind = SF_INT;
    set->as.i = v;
    set->text = sf_arena_printf(r->a, "%lld", (long long)v);
    draft->max_num_seqs = set;
    if (!set->text.p)
        return SF_E_NOMEM;
    if (!node || !seqs || (seqs->kind == SF_INT && seqs->as.i == v))
        return SF_OK;
    rc = sf_diag_note(
        r->dg, SF_E_STAGE_IGNORED, sf_node_where_key(seqs, SF_STR("max_num_seqs")), NULL,
        "max_num_seqs of stage %lld is overwritten: max_batch_size (%lld) is what counts in this release",
        (long long)draft->id, (long long)v);
    return rc == SF_E_NOMEM ? rc : SF_OK;
}

static sf_code warn_keys(sf_reading *r, const sf_node *map, const char *const *lists, const char *what)
{
    for (uint32_t i = 0; sf_node_is(map, SF_MAP) && i < map->n; i++) {
        const sf_pair *pair = &map->as.pairs[i];

        if (sf_keys_has(&r->keys, lists[0], pair->key))
            continue;
        if (sf_reading_unknown_key(r, pair, lists, false, SF_WARNING, what) == SF_E_NOMEM)
            return SF_E_NOMEM;
    }
    return SF_OK;
}

/* Engine arguments that nothing knows: the first release stops at them, later ones drop them. */
static sf_code check_engine_keys(sf_reading *r, const sf_draft *draft)
{
    bool diffusion = draft->kind == SF_STAGE_DIFFUSION, strict = r->era.unknown_is_error;
    const char *const *lists = diffusion ? diffusion_lists : engine_lists;

    for (uint32_t i = 0; sf_node_is(draft->engine, SF_MAP) && i < draft->engine->n; i++) {
        const sf_pair *pair = &draft->engine->as.pairs[i];
        bool refused =
            strict &&
            sf_keys_has(&r->keys, diffusion ? "first_diffusion_unknown" : "first_llm_unknown", pair->key);
        bool known = false;
        sf_arg arg;
        sf_code rc;

        for (const char *const *l = lists; *l; l++)
            known |= sf_keys_has(&r->keys, *l, pair->key);
        known |= sf_arg_find(pair->key, &arg);
        if (known && !refused)
            continue;
        rc =
            sf_reading_unknown_key(r, pair, lists, true, strict ? SF_ERROR : SF_WARNING,
                                   strict ? "the engine of this release stops at it" : "the engine drops it");
        rc = strict ? sf_reading_note(r, rc) : rc == SF_E_NOMEM ? rc : SF_OK;
        if (rc)
            return rc;
    }
    return SF_OK;
}

static sf_code resolve_engine(sf_reading *r, sf_draft *draft)
{
    const sf_node *engine = sf_node_get(draft->node, "engine_args");
    sf_code rc;

    if (sf_node_absent(engine))
        return SF_OK;
    if (engine->kind != SF_MAP)
        return wrong_shape(r, engine, draft->path, "write `engine_args:` and indent the arguments under it",
                           "has engine_args that are no map");
    if (engine->n > SF_MERGE_KEYS)
        return sf_diag_error(r->dg, SF_E_LIMIT, sf_node_where(engine), NULL, "engine_args has %u keys",
                             engine->n);
    rc = sf_interp_resolve(r->a, r->era.interpolation_self ? engine : r->root, engine, r->dg, &draft->engine);
    return rc;
}

static sf_code read_runtime(sf_reading *r, sf_draft *draft)
{
    const sf_node *runtime = sf_node_get(draft->node, "runtime");
    sf_code rc;

    if (!runtime && r->era.unknown_is_error)
        return wrong_shape(r, draft->node, draft->path, "add `runtime: {devices: \"0\"}`",
                           "lacks the key runtime");
    if (!sf_node_is(runtime, SF_MAP))
        return read_batch(r, NULL, draft);
    rc = sf_interp_resolve(r->a, r->root, runtime, r->dg, &runtime);
    if (rc)
        return rc;
    draft->devices = sf_node_get(runtime, "devices");
    draft->num_replicas = sf_node_get(runtime, "num_replicas");
    draft->env = sf_node_get(runtime, "env");
    draft->devices_path = sf_arena_printf(r->a, "%.*s.runtime.devices", SF_STR_ARG(draft->path));
    if (!draft->devices_path.p)
        return SF_E_NOMEM;
    rc = warn_keys(r, runtime, runtime_lists, "it does nothing");
    return rc ? rc : read_batch(r, runtime, draft);
}

static sf_code read_stage(sf_reading *r, sf_draft *draft)
{
    const sf_pipeline *p = r->d->pipeline;
    sf_code rc = read_id(r, draft->node, draft);

    if (rc)
        return rc;
    draft->pipeline = sf_pipeline_stage_by_name(p, draft->model_stage);
    if (!draft->pipeline && p && p->n_stages == 1 && r->n_drafts == 1)
        draft->pipeline = &p->stages[0];
    rc = resolve_engine(r, draft);
    if (rc)
        return rc;
    if (r->era.unknown_is_error && (!draft->model_stage.n || sf_str_is(draft->model_stage, "???")))
        return sf_diag_error(r->dg, SF_E_CONFIG_SHAPE, sf_node_where_key(draft->node, draft->path),
                             "add model_stage under engine_args", "stage %lld names no model_stage",
                             (long long)draft->id);
    rc = read_kind(r, draft->node, draft);
    if (!rc)
        rc = warn_keys(r, draft->node, stage_lists, "it does nothing");
    if (!rc)
        rc = check_engine_keys(r, draft);
    return rc ? rc : read_runtime(r, draft);
}

/* Model stages and classes of the whole file, then the pipeline that has them. */
static sf_code find_pipeline(sf_reading *r, const sf_node *stages)
{
    sf_str *names = SF_NEW_ARRAY(r->a, sf_str, (size_t)stages->n * 2);
    sf_pipeline_ask ask = {.key = r->wish->pipeline,
                           .key_any_release = true,
                           .model_type = r->wish->hf_model_type,
                           .architecture = r->wish->hf_architecture,
                           .model = r->wish->model,
                           .model_stages = names,
                           .n_stages = stages->n,
                           .files = {sf_path_base(r->file)},
                           .date = r->wish->profile ? r->wish->profile->date : (sf_str){0}};
    sf_pipeline_found found;
    sf_code rc;

    if (!names)
        return SF_E_NOMEM;
    ask.archs = names + stages->n;
    for (uint32_t i = 0; i < stages->n; i++) {
        const sf_node *engine = sf_node_get(stages->as.items[i], "engine_args");

        names[i] = text_at(engine, "model_stage");
        names[stages->n + i] = text_at(engine, "model_arch");
    }
    rc = sf_pipeline_choose(r->a, &r->index, &ask, r->dg, &found);
    if (!rc && !found.pipeline && (ask.model_type.n || ask.architecture.n)) {
        ask.model_type = ask.architecture = (sf_str){0}; /* the model says nothing: the stages may */
        rc = sf_pipeline_choose(r->a, &r->index, &ask, r->dg, &found);
    }
    if (rc)
        return rc;
    r->d->pipeline = found.pipeline;
    if (found.pipeline && found.not_yet)
        rc = sf_reading_note(r, sf_diag_error(r->dg, SF_E_PIPELINE_UNKNOWN, sf_node_where(stages),
                                              "check it for a later release with --engine vllm-omni@DATE",
                                              "this release does not have pipeline %.*s",
                                              SF_STR_ARG(found.pipeline->key)));
    if (found.pipeline && found.by_file_name)
        rc =
            sf_diag_note(r->dg, SF_E_PIPELINE_UNKNOWN, sf_node_where(stages), "name it with --pipeline",
                         "the pipeline is taken from the file's name: %.*s", SF_STR_ARG(found.pipeline->key));
    return rc == SF_E_NOMEM ? rc : SF_OK;
}

static sf_code same_ids(sf_reading *r)
{
    for (size_t i = 0; i < r->n_drafts; i++)
        for (size_t k = 0; k < i; k++)
            if (r->drafts[i].id == r->drafts[k].id &&
                sf_diag_warning(r->dg, SF_E_STAGE_ID, sf_node_where_key(r->drafts[i].node, r->drafts[i].path),
                                "number the stages 0, 1, 2, …", "stage_id %lld is given twice",
                                (long long)r->drafts[i].id) == SF_E_NOMEM)
                return SF_E_NOMEM;
    return SF_OK;
}

static sf_code check_connectors(sf_reading *r, const sf_draft *draft)
{
    const sf_node *sides[2] = {draft->inputs, draft->outputs};

    for (int s = 0; s < 2; s++)
        for (uint32_t i = 0; sf_node_is(sides[s], SF_MAP) && i < sides[s]->n && i < SF_READING_CONNECTORS / 2;
             i++) {
            const sf_node *name = sides[s]->as.pairs[i].value;
            sf_code rc;

            if (name->kind != SF_STRING || sf_node_get_str(r->connectors, name->text))
                continue;
            rc = sf_reading_note(r,
                                 sf_diag_error(r->dg, SF_E_CONNECTOR, sf_node_where(name),
                                               "define it under runtime.connectors",
                                               "connector \"%.*s\" is not defined", SF_STR_ARG(name->text)));
            if (rc)
                return rc;
        }
    return SF_OK;
}

static sf_code read_stages(sf_reading *r, const sf_node *stages)
{
    r->drafts = SF_NEW_ARRAY(r->a, sf_draft, stages->n);
    if (!r->drafts)
        return SF_E_NOMEM;
    r->n_drafts = stages->n;
    for (uint32_t i = 0; i < stages->n; i++) {
        sf_draft *draft = &r->drafts[i];
        const sf_node *engine = sf_node_get(stages->as.items[i], "engine_args");
        sf_code rc;

        draft->path = sf_arena_printf(r->a, "stage_args[%u]", i);
        draft->node = stages->as.items[i];
        draft->devices_path = draft->path;
        draft->model_stage = text_at(engine, "model_stage");
        draft->architecture = text_at(engine, "model_arch");
        draft->subdir = text_at(engine, "model_subdir");
        draft->inputs = sf_node_get(draft->node, "input_connectors");
        draft->outputs = sf_node_get(draft->node, "output_connectors");
        if (!draft->path.p)
            return SF_E_NOMEM;
        if (!sf_node_is(draft->node, SF_MAP))
            return wrong_shape(r, draft->node, draft->path, "write `- stage_id: N`", "is no map");
        rc = read_stage(r, draft);
        if (!rc)
            rc = check_connectors(r, draft);
        if (rc)
            return rc;
    }
    return same_ids(r);
}

sf_code sf_legacy_read(sf_reading *r)
{
    const sf_node *stages = sf_node_get(r->root, "stage_args"), *runtime = sf_node_get(r->root, "runtime");
    const sf_node *async = sf_node_get(r->root, "async_chunk");
    sf_code rc;

    r->at = stages;
    if (!sf_node_is(stages, SF_SEQ) || !stages->n)
        return wrong_shape(r, stages, SF_STR("stage_args"),
                           "write `stage_args:` and under it one `- stage_id: N` a stage",
                           sf_node_is(stages, SF_SEQ) ? "is empty" : "is no list");
    if (stages->n > SF_MERGE_STAGES)
        return sf_diag_error(r->dg, SF_E_LIMIT, sf_node_where(stages), NULL, "%u stages; at most %d are read",
                             stages->n, SF_MERGE_STAGES);
    if (runtime && runtime->kind != SF_MAP && r->era.unknown_is_error)
        return wrong_shape(r, runtime, SF_STR("runtime"), "remove the key or give it its map", "is no map");
    r->connectors = sf_node_get(runtime, "connectors");
    r->d->async_chunk = async && async->kind == SF_BOOL && async->as.b;
    rc = warn_keys(r, r->root, top_lists, "it does nothing");
    if (!rc)
        rc = find_pipeline(r, stages);
    return rc ? rc : read_stages(r, stages);
}
