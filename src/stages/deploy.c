/*
 * deploy: the `stages` format (from Apr 2026): sizes and places for the stages that the pipeline
 * registry defines.
 * Must not work out ranks or devices: assemble does.  Rules: vllm-omni 10906e3a, config/stage_config.py,
 * engine/stage_init_utils.py.
 */
#include "stages/merge.h"
#include "stages/read.h"

#include "base/path.h"

static const char *const top_lists[] = {"deploy_top", NULL};
static const char *const stage_lists[] = {"deploy_stage", "passed_on", "diffusion_passed_on", "flat_parallel",
                                          NULL};

static bool is_placement(sf_str key)
{
    static const char *const keys[] = {"stage_id",
                                       "devices",
                                       "num_replicas",
                                       "env",
                                       "output_connectors",
                                       "input_connectors",
                                       "engine_extras",
                                       "engine_args",
                                       "runtime",
                                       "default_sampling_params",
                                       "default_pooling_params"};

    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (sf_str_is(key, keys[i]))
            return true;
    return false;
}

/* Python's truth of a value. */
static bool truth(const sf_node *node)
{
    switch (node->kind) {
    case SF_NULL:
        return false;
    case SF_BOOL:
        return node->as.b;
    case SF_INT:
        return node->as.i != 0;
    case SF_FLOAT:
        return node->as.f != 0;
    case SF_STRING:
        return node->text.n != 0;
    default:
        return node->n != 0;
    }
}

static sf_code wrong_shape(sf_reading *r, const sf_node *at, sf_str path, const char *hint, const char *what)
{
    return sf_diag_error(r->dg, SF_E_CONFIG_SHAPE, sf_node_where_key(at, path), hint, "%.*s %s",
                         SF_STR_ARG(path), what);
}

/* engine_args over the flat keys, runtime's three keys over both. */
static sf_code flatten(sf_reading *r, const sf_node *entry, sf_str path, const sf_node **ret)
{
    static const char *const placed[] = {"devices", "num_replicas", "env"};
    const sf_node *engine = sf_node_get(entry, "engine_args"), *runtime = sf_node_get(entry, "runtime");
    sf_merge m;

    if ((engine && engine->kind != SF_MAP) || (runtime && runtime->kind != SF_MAP))
        return wrong_shape(r, engine && engine->kind != SF_MAP ? engine : runtime, path,
                           "remove the key or indent a map under it",
                           engine && engine->kind != SF_MAP ? "has engine_args that are no map"
                                                            : "has a runtime that is no map");
    *ret = entry;
    if (!engine && !runtime)
        return SF_OK;
    if ((engine && engine->n > SF_MERGE_KEYS) || (runtime && runtime->n > SF_MERGE_KEYS))
        return sf_diag_error(r->dg, SF_E_LIMIT, sf_node_where(entry), NULL, "a stage of more than %d keys",
                             SF_MERGE_KEYS);
    sf_merge_init(&m, r->a, entry);
    sf_merge_drop(&m, SF_STR("engine_args"));
    sf_merge_drop(&m, SF_STR("runtime"));
    for (uint32_t i = 0; engine && i < engine->n; i++) {
        sf_pair pair = engine->as.pairs[i];
        const sf_pair *old = sf_merge_find(&m, pair.key);
        sf_code rc = old ? sf_merge_deep(r->a, old->value, pair.value, r->dg, &pair.value) : SF_OK;

        if (rc)
            return rc;
        if (!sf_str_is(pair.key, "devices"))
            sf_merge_put(&m, &pair);
    }
    for (size_t k = 0; runtime && k < 3; k++)
        for (uint32_t i = 0; i < runtime->n; i++)
            if (sf_str_is(runtime->as.pairs[i].key, placed[k]))
                sf_merge_put(&m, &runtime->as.pairs[i]);
    *ret = sf_merge_node(&m);
    return *ret ? SF_OK : SF_E_NOMEM;
}

/* Splits an entry: known keys that are set go to `known`, the others over engine_extras to `extras`. */
static sf_code split(sf_reading *r, const sf_node *entry, sf_merge *known, sf_merge *extras)
{
    for (uint32_t i = 0; entry && i < entry->n; i++) {
        sf_pair pair = entry->as.pairs[i];
        const sf_pair *old;

        if (is_placement(pair.key))
            continue;
        if (sf_keys_has(&r->keys, "deploy_stage", pair.key)) {
            if (!sf_node_absent(pair.value))
                sf_merge_put(known, &pair);
            continue;
        }
        old = sf_merge_find(extras, pair.key);
        if (old) {
            sf_code rc = sf_merge_deep(r->a, old->value, pair.value, r->dg, &pair.value);

            if (rc)
                return rc;
        }
        sf_merge_put(extras, &pair);
    }
    return SF_OK;
}

static void put_all(sf_merge *to, const sf_merge *from)
{
    for (uint32_t i = 0; i < from->n; i++)
        sf_merge_put(to, &from->pairs[i]);
}

/* Pipeline-wide fields < the stage's known fields < engine_extras and unknown keys. */
static sf_code engine_map(sf_reading *r, const sf_node *entry, const sf_node **ret)
{
    const sf_node *extra_map = sf_node_get(entry, "engine_extras");
    sf_merge wide, known, extras;
    sf_code rc;

    if (extra_map && extra_map->n > SF_MERGE_KEYS)
        return sf_diag_error(r->dg, SF_E_LIMIT, sf_node_where(extra_map), NULL,
                             "engine_extras of more than %d keys", SF_MERGE_KEYS);
    sf_merge_init(&wide, r->a, NULL);
    sf_merge_init(&known, r->a, NULL);
    sf_merge_init(&extras, r->a, extra_map);
    for (uint32_t i = 0; i < r->root->n; i++)
        if (!sf_node_absent(r->root->as.pairs[i].value) &&
            sf_keys_has(&r->keys, "deploy_wide", r->root->as.pairs[i].key))
            sf_merge_put(&wide, &r->root->as.pairs[i]);
    rc = sf_node_is(entry, SF_MAP) ? split(r, entry, &known, &extras) : SF_OK;
    if (rc)
        return rc;
    put_all(&wide, &known);
    put_all(&wide, &extras);
    wide.like = entry ? entry : r->root;
    wide.failed |= known.failed || extras.failed;
    *ret = sf_merge_node(&wide);
    return *ret ? SF_OK : SF_E_NOMEM;
}

/*
 * The section of this platform over a stage: devices and env as placement, engine_args or flat keys
 * over the stage's own.  With engine_args the flat keys do not count; runtime never does.
 */
static sf_code apply_platform(sf_reading *r, const sf_node *over, const sf_node *stage, const sf_node **ret)
{
    const sf_node *engine = sf_node_get(over, "engine_args"), *source = engine ? engine : over;
    sf_merge m;

    *ret = stage;
    if (sf_node_is(source, SF_MAP) && source->n > SF_MERGE_KEYS)
        return sf_diag_error(r->dg, SF_E_LIMIT, sf_node_where(source), NULL, "a stage of more than %d keys",
                             SF_MERGE_KEYS);
    if (!sf_node_is(source, SF_MAP))
        return SF_OK;
    sf_merge_init(&m, r->a, stage);
    for (uint32_t i = 0; i < source->n; i++) {
        sf_pair pair = source->as.pairs[i];
        const sf_pair *old = sf_merge_find(&m, pair.key);
        bool placed = sf_str_is(pair.key, "devices") || sf_str_is(pair.key, "env");

        if (sf_str_is(pair.key, "stage_id") || sf_str_is(pair.key, "runtime") ||
            (placed && (engine || sf_node_absent(pair.value))))
            continue;
        if (old && (sf_merge_is_deep_key(pair.key) || sf_str_is(pair.key, "env"))) {
            sf_code rc = sf_merge_deep(r->a, old->value, pair.value, r->dg, &pair.value);

            if (rc)
                return rc;
        }
        sf_merge_put(&m, &pair);
    }
    *ret = sf_merge_node(&m);
    return *ret ? SF_OK : SF_E_NOMEM;
}

static const sf_node *entry_of(const sf_node *stages, int64_t id)
{
    const sf_node *found = NULL;

    for (uint32_t i = 0; sf_node_is(stages, SF_SEQ) && i < stages->n; i++) {
        int64_t own;

        if (sf_merge_stage_id(sf_node_get(stages->as.items[i], "stage_id"), &own) && own == id)
            found = stages->as.items[i]; /* the last one wins */
    }
    return found;
}

static const sf_node *platform_stages(const sf_reading *r)
{
    sf_str name = r->wish->platform.n ? r->wish->platform : SF_STR("cuda");

    return sf_node_get(sf_node_get_str(sf_node_get(r->root, "platforms"), name), "stages");
}

static sf_code check_list(sf_reading *r, const sf_node *stages, sf_str path)
{
    if (!stages)
        return SF_OK;
    if (stages->kind != SF_SEQ)
        return wrong_shape(r, stages, path, "write it as a list: `- stage_id: N`", "is no list");
    if (stages->n > SF_MERGE_STAGES)
        return sf_diag_error(r->dg, SF_E_LIMIT, sf_node_where(stages), NULL, "%u stages; at most %d are read",
                             stages->n, SF_MERGE_STAGES);
    for (uint32_t i = 0; i < stages->n; i++) {
        const sf_node *s = stages->as.items[i];

        if (!sf_node_is(s, SF_MAP))
            return wrong_shape(r, s, path, "write `- stage_id: N`", "has an entry that is no map");
        if (!sf_node_get(s, "stage_id"))
            return sf_diag_error(r->dg, SF_E_STAGE_ID, sf_node_where_key(s, path), "add stage_id: N",
                                 "a stage without stage_id");
        if (s->n > SF_MERGE_KEYS)
            return sf_diag_error(r->dg, SF_E_LIMIT, sf_node_where(s), NULL, "a stage of %u keys", s->n);
    }
    return SF_OK;
}

static sf_code warn_foreign(sf_reading *r, const sf_node *stages)
{
    for (uint32_t i = 0; stages && i < stages->n; i++) {
        const sf_node *id = sf_node_get(stages->as.items[i], "stage_id");
        int64_t own;

        if (sf_merge_stage_id(id, &own) && sf_pipeline_stage_by_id(r->d->pipeline, own)) {
            if (entry_of(stages, own) != stages->as.items[i] &&
                sf_diag_warning(r->dg, SF_E_STAGE_ID, sf_node_where(id), "keep one of the entries",
                                "stage_id %lld is given again later: only the last entry counts",
                                (long long)own) == SF_E_NOMEM)
                return SF_E_NOMEM;
            continue;
        }
        if (sf_diag_warning(r->dg, SF_E_STAGE_ID, sf_node_where(id),
                            "stage ids are the pipeline's: see `stagefit pipelines`",
                            "pipeline %.*s has no stage %.*s: the entry is ignored",
                            SF_STR_ARG(r->d->pipeline->key), SF_STR_ARG(id->text)) == SF_E_NOMEM)
            return SF_E_NOMEM;
    }
    return SF_OK;
}

static sf_code warn_keys(sf_reading *r, const sf_node *map, const char *const *lists, const char *what)
{
    for (uint32_t i = 0; map && sf_node_is(map, SF_MAP) && i < map->n; i++) {
        const sf_pair *pair = &map->as.pairs[i];
        bool known = false;
        sf_arg arg;

        for (const char *const *l = lists; *l; l++)
            known |= sf_keys_has(&r->keys, *l, pair->key);
        if (known || (lists != top_lists && sf_arg_find(pair->key, &arg)))
            continue;
        if (sf_reading_unknown_key(r, pair, lists, lists != top_lists, SF_WARNING, what) == SF_E_NOMEM)
            return SF_E_NOMEM;
    }
    return SF_OK;
}

static sf_code check_connectors(sf_reading *r, const sf_draft *draft)
{
    const sf_node *sides[2] = {draft->inputs, draft->outputs};

    for (int s = 0; s < 2; s++)
        for (uint32_t i = 0; sf_node_is(sides[s], SF_MAP) && i < sides[s]->n && i < SF_READING_CONNECTORS / 2;
             i++) {
            const sf_node *name = sides[s]->as.pairs[i].value, *c;

            c = name->kind == SF_STRING ? sf_node_get_str(r->connectors, name->text) : NULL;
            if (sf_node_get(c, "name"))
                continue;
            if (sf_diag_warning(r->dg, SF_E_CONNECTOR, sf_node_where(name),
                                "define it under connectors, with its name",
                                c ? "connector \"%.*s\" has no name: the engine then drops all connectors"
                                  : "connector \"%.*s\" is not defined: the engine then drops all connectors",
                                SF_STR_ARG(name->text)) == SF_E_NOMEM)
                return SF_E_NOMEM;
        }
    return SF_OK;
}

static sf_code read_entry(sf_reading *r, const sf_node *stages, const sf_pipeline_stage *ps, sf_draft *draft)
{
    const sf_node *entry = entry_of(stages, ps->id),
                  *over = entry ? entry_of(platform_stages(r), ps->id) : NULL;
    const sf_node *flat = NULL;
    sf_code rc = SF_OK;

    *draft = (sf_draft){.id = ps->id, .node = entry, .pipeline = ps, .kind = ps->kind};
    draft->path = sf_arena_printf(r->a, "stages[stage_id=%lld]", (long long)ps->id);
    draft->devices_path = sf_arena_printf(r->a, "%.*s.devices", SF_STR_ARG(draft->path));
    if (!draft->path.p || !draft->devices_path.p)
        return SF_E_NOMEM;
    if (entry)
        rc = flatten(r, entry, draft->path, &flat);
    if (!rc && over)
        rc = apply_platform(r, over, flat, &flat);
    if (!rc)
        rc = engine_map(r, flat, &draft->engine);
    if (rc)
        return rc;
    draft->devices = sf_node_get(flat, "devices");
    draft->num_replicas = sf_node_get(flat, "num_replicas");
    draft->env = sf_node_get(flat, "env");
    draft->inputs = sf_node_get(flat, "input_connectors");
    draft->outputs = sf_node_get(flat, "output_connectors");
    rc = warn_keys(r, flat, stage_lists, "the engine drops it");
    return rc ? rc : check_connectors(r, draft);
}

/* An aligner is one more model beside the stages, with a utilisation of its own. */
static sf_code warn_aligner(sf_reading *r)
{
    const sf_node *aligner = sf_node_get(r->root, "forced_aligner");
    sf_code rc;

    if (sf_node_absent(aligner))
        return SF_OK;
    rc = sf_diag_warning(r->dg, SF_E_NOT_MODELLED, sf_node_where_key(aligner, SF_STR("forced_aligner")),
                         "keep room for it: describe its GPU with used=SIZE",
                         "forced_aligner loads another model beside the stages; it is not counted");
    return rc == SF_E_NOMEM ? rc : SF_OK;
}

/* `modes` leaves the stages of the first mode; their ids have to start at 0 and have no gap. */
static sf_code check_modes(sf_reading *r)
{
    const sf_node *list = sf_node_get(sf_node_item(sf_node_get(r->root, "modes"), 0), "stages");

    for (uint32_t i = 0; sf_node_is(list, SF_SEQ) && i < list->n; i++) {
        const sf_node *id = list->as.items[i];

        if (id->kind != SF_INT || id->as.i == (int64_t)i)
            continue;
        return sf_diag_error(
            r->dg, SF_E_STAGE_ID, sf_node_where(id), "a mode has to keep stages 0, 1, … in order",
            "the mode leaves stage %lld in place %u: ids must be contiguous from 0", (long long)id->as.i, i);
    }
    return SF_OK;
}

static sf_code read_async(sf_reading *r)
{
    const sf_node *async = sf_node_get(r->root, "async_chunk");
    const sf_pipeline *p = r->d->pipeline;

    r->d->async_chunk = p->n_stages > 1 && (!async || truth(async));
    if (!r->d->async_chunk || p->async_chunk_ok)
        return SF_OK;
    return sf_reading_note(
        r, sf_diag_error(r->dg, SF_E_ASYNC_CHUNK,
                         async ? sf_node_where_key(async, SF_STR("async_chunk")) : sf_node_where(r->root),
                         "write async_chunk: false",
                         "async_chunk is %s, but no stage of pipeline %.*s produces chunks",
                         async ? "on" : "on by default", SF_STR_ARG(p->key)));
}

/* A model that no pipeline is registered for: one diffusion stage, whatever the file says. */
static sf_code default_diffusion(sf_reading *r)
{
    sf_node *one = SF_NEW(r->a, sf_node);
    sf_code rc = sf_diag_warning(
        r->dg, SF_E_NO_PIPELINE, sf_node_where(r->root),
        "name the pipeline with --pipeline, or check --model",
        "no pipeline is registered for this model: the engine ignores the file and starts one "
        "diffusion stage on its own settings");

    if (rc == SF_E_NOMEM || !one)
        return SF_E_NOMEM;
    r->drafts = SF_NEW_ARRAY(r->a, sf_draft, 1);
    if (!r->drafts)
        return SF_E_NOMEM;
    r->n_drafts = 1;
    *one = *r->root;
    one->kind = SF_INT;
    one->as.i = 1;
    one->text = SF_STR("1");
    r->drafts[0] = (sf_draft){.kind = SF_STAGE_DIFFUSION,
                              .model_stage = SF_STR("diffusion"),
                              .path = SF_STR("stages[0]"),
                              .devices_path = SF_STR("stages[0].devices"),
                              .first_devices = true,
                              .max_num_seqs = one};
    return SF_OK;
}

static sf_code find_pipeline(sf_reading *r, bool *ret_ignored)
{
    const sf_node *said = sf_node_get(r->root, "pipeline");
    bool flag = r->wish->pipeline.n != 0;
    sf_pipeline_ask ask = {
        .key = flag                    ? r->wish->pipeline
               : !sf_node_absent(said) ? said->text
                                       : (sf_str){0                    },
        .key_at = flag ? NULL : said,
        .key_any_release = flag,
        .model_type = r->wish->hf_model_type,
        .architecture = r->wish->hf_architecture,
        .model = r->wish->model,
        .files = {sf_path_base(r->file), sf_path_base(r->base_file)},
        .date = r->wish->profile ? r->wish->profile->date : (sf_str){0                    }
    };
    sf_pipeline_found found;
    sf_code rc = sf_pipeline_choose(r->a, &r->index, &ask, r->dg, &found);

    if (rc)
        return rc;
    r->d->pipeline = found.pipeline;
    *ret_ignored = !found.pipeline && (ask.model_type.n || ask.architecture.n);
    if (!found.pipeline && !*ret_ignored)
        return sf_diag_error(r->dg, SF_E_PIPELINE_UNKNOWN, sf_node_where(r->root),
                             "name it with --pipeline KEY (`stagefit pipelines` lists them), or give --model",
                             "the file does not say which pipeline it is for");
    if (found.pipeline && found.by_file_name)
        rc =
            sf_diag_note(r->dg, SF_E_PIPELINE_UNKNOWN, sf_node_where(r->root), "name it with --pipeline",
                         "the pipeline is taken from the file's name: %.*s", SF_STR_ARG(found.pipeline->key));
    if (rc != SF_E_NOMEM && found.pipeline && found.fork)
        rc = sf_diag_warning(
            r->dg, SF_E_NO_PIPELINE, sf_node_where(r->root), NULL,
            "no release registers pipeline %.*s: the file is read as the fork that has it does",
            SF_STR_ARG(found.pipeline->key));
    return rc == SF_E_NOMEM ? rc : SF_OK;
}

sf_code sf_deploy_read(sf_reading *r)
{
    const sf_node *stages = sf_node_get(r->root, "stages"),
                  *parallel = sf_node_get(r->root, "parallel_stage_init");
    bool ignored = false;
    sf_code rc = check_list(r, stages, SF_STR("stages"));

    r->at = stages ? stages : r->root;
    r->connectors = sf_node_get(r->root, "connectors");
    if (!rc)
        rc = check_list(r, platform_stages(r), SF_STR("platforms.stages"));
    if (!rc)
        rc = find_pipeline(r, &ignored);
    if (rc)
        return rc;
    if (ignored)
        return default_diffusion(r);
    r->d->parallel_stage_init =
        r->wish->profile && r->wish->profile->has_admission && parallel && truth(parallel);
    r->d->parallel_node = parallel;
    r->n_drafts = r->d->pipeline->n_stages;
    r->drafts = SF_NEW_ARRAY(r->a, sf_draft, r->n_drafts);
    if (!r->drafts)
        return SF_E_NOMEM;
    rc = warn_keys(r, r->root, top_lists, "the engine ignores it");
    if (!rc)
        rc = warn_foreign(r, stages);
    if (!rc)
        rc = warn_aligner(r);
    if (!rc)
        rc = check_modes(r);
    if (!rc)
        rc = sf_reading_note(r, sf_session_check(r));
    if (!rc)
        rc = read_async(r);
    for (size_t i = 0; i < r->n_drafts && !rc; i++)
        rc = read_entry(r, stages, &r->d->pipeline->stages[i], &r->drafts[i]);
    return rc;
}
