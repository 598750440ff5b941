/*
 * migrate: which key of a legacy config goes where in a deploy config, and which is left out.
 * Must not change a value: the new file has to resolve to the same memory fields.  Rules: vllm-omni 10906e3a,
 * config/stage_config.py; keys that change their place are in data/pipelines/migrate.yaml.
 */
#include "stages/migrate.h"

#include "base/num.h"
#include "stages/interp.h"
#include "text/pack.h"
#include "text/yaml.h"

typedef struct migration {
    sf_arena *a;
    sf_reading r;
    sf_migrate_text t;
    const sf_node *lists; /* migrate.yaml */
    const sf_draft **by_id;
    size_t n;
    sf_str left;            /* keys that the pipeline has, "a, b" */
    const sf_node *left_at; /* the first of them */
    unsigned n_left;
    bool no_memory;
} migration;

static bool listed(const migration *m, const char *list, sf_str key)
{
    const sf_node *l = sf_node_get(m->lists, list);

    for (uint32_t i = 0; l && i < l->n; i++)
        if (sf_str_eq(l->as.items[i]->text, key))
            return true;
    return false;
}

static void lost(migration *m, const sf_node *at, sf_str key, const char *hint, const char *what)
{
    if (sf_diag_warning(m->r.dg, SF_E_MIGRATE, sf_node_where_key(at, key), hint, "%.*s is left out: %s",
                        SF_STR_ARG(key), what) == SF_E_NOMEM)
        m->no_memory = true;
}

/* Keys that the registry says: told together, each once. */
static void leave(migration *m, const sf_pair *pair)
{
    sf_str padded = sf_arena_printf(m->a, ", %.*s,", SF_STR_ARG(m->left));
    sf_str wanted = sf_arena_printf(m->a, ", %.*s,", SF_STR_ARG(pair->key));

    if (!padded.p || !wanted.p) {
        m->no_memory = true;
        return;
    }
    if (sf_str_find(padded, wanted) >= 0 || ++m->n_left > 64)
        return;
    if (!m->left_at)
        m->left_at = pair->key_at;
    m->left = sf_arena_printf(m->a, "%.*s%s%.*s", SF_STR_ARG(m->left), m->left.n ? ", " : "",
                              SF_STR_ARG(pair->key));
    m->no_memory |= !m->left.p;
}

/* True when every ${…} in the value comes from the environment: it means the same in any file. */
static bool only_env(const sf_node *v)
{
    sf_str rest;

    if (v->kind == SF_MAP || v->kind == SF_SEQ) {
        for (uint32_t i = 0; i < v->n; i++)
            if (!only_env(v->kind == SF_MAP ? v->as.pairs[i].value : v->as.items[i]))
                return false;
        return true;
    }
    rest = v->kind == SF_STRING ? v->text : (sf_str){0};
    for (ptrdiff_t at; (at = sf_str_find(rest, SF_STR("${"))) >= 0;) {
        rest = sf_str_sub(rest, (size_t)at + 2, rest.n);
        if (!sf_str_starts(rest, SF_STR("oc.env:")))
            return false;
    }
    return true;
}

/* A value that refers to keys of the old file is written out; one that nothing resolves stays as it is. */
static void put(migration *m, const sf_pair *pair, const sf_node *scope, unsigned indent)
{
    sf_pair settled = *pair;

    if (!only_env(pair->value)) {
        sf_code rc = sf_interp_resolve(m->a, scope, pair->value, NULL, &settled.value);

        m->no_memory |= rc == SF_E_NOMEM;
        if (rc) {
            settled.value = pair->value;
            if (sf_diag_warning(m->r.dg, SF_E_MIGRATE, sf_node_where_key(pair->value, pair->key),
                                "write the value itself, or ${oc.env:NAME} for the environment",
                                "%.*s refers to a key that is not there: it is kept as it is",
                                SF_STR_ARG(pair->key)) == SF_E_NOMEM)
                m->no_memory = true;
        }
    }
    sf_migrate_pair(&m->t, &settled, indent);
}

/* A key of a stage that is made here; `was` is the old one that it stands for, or NULL. */
static void put_new(migration *m, const char *key, const sf_node *value, const sf_pair *was)
{
    if (was)
        sf_migrate_comments_above(&m->t, was->key_at->line, 4);
    sf_buf_printf(&m->t.out, "    %s: ", key);
    sf_migrate_scalar(&m->t, value, false);
    sf_migrate_end_line(&m->t, was ? was->key_at->line : UINT32_MAX);
}

static const sf_pair *pair_of(const sf_node *map, const char *key)
{
    for (uint32_t i = 0; sf_node_is(map, SF_MAP) && i < map->n; i++)
        if (sf_str_is(map->as.pairs[i].key, key))
            return &map->as.pairs[i];
    return NULL;
}

/* Devices as the old release understands them; a text that it cannot read shows every GPU, like none. */
static void put_devices(migration *m, const sf_draft *draft, const sf_node *runtime)
{
    const sf_pair *pair = pair_of(runtime, "devices");
    const sf_stage *st = NULL;
    sf_str list = SF_STR("");

    for (size_t i = 0; i < m->r.d->n_stages && !st; i++)
        if (m->r.d->stages[i].node == draft->node)
            st = &m->r.d->stages[i];
    if (!pair || !st || !st->devices_given || sf_node_absent(pair->value))
        return;
    if (pair->value->kind == SF_STRING || (pair->value->kind == SF_INT && pair->value->as.i >= 0)) {
        put(m, pair, m->r.root, 4);
        return;
    }
    for (size_t i = 0; i < st->n_devices; i++)
        list = sf_arena_printf(m->a, "%.*s%s%u", SF_STR_ARG(list), i ? "," : "", st->devices[i]);
    put_new(m, "devices",
            &(sf_node){.kind = SF_STRING, .flags = SF_NODE_QUOTED, .off = UINT64_MAX, .text = list}, pair);
}

static void put_runtime(migration *m, const sf_draft *draft, const sf_node *runtime)
{
    put_devices(m, draft, runtime);
    for (uint32_t i = 0; sf_node_is(runtime, SF_MAP) && i < runtime->n; i++) {
        const sf_pair *pair = &runtime->as.pairs[i];

        if (sf_str_is(pair->key, "devices") || listed(m, "idle_runtime", pair->key))
            continue;
        if (listed(m, "pipeline_runtime", pair->key))
            leave(m, pair);
        else if (listed(m, "kept_runtime", pair->key))
            put(m, pair, m->r.root, 4);
        else if (!sf_str_is(pair->key,
                            "max_batch_size")) /* what it did is in max_num_seqs; that it did nothing, said */
            lost(m, pair->key_at, pair->key, NULL, "nothing reads it in the newer format");
    }
}

static void put_engine(migration *m, const sf_draft *draft)
{
    const sf_node *engine = sf_node_get(draft->node, "engine_args");
    bool diffusion = draft->kind == SF_STAGE_DIFFUSION;

    if (draft->max_num_seqs)
        put_new(m, "max_num_seqs", draft->max_num_seqs,
                pair_of(sf_node_get(draft->node, "runtime"), "max_batch_size"));
    for (uint32_t i = 0; sf_node_is(engine, SF_MAP) && i < engine->n; i++) {
        const sf_pair *pair = &engine->as.pairs[i];

        if (sf_node_absent(pair->value) || (draft->max_num_seqs && sf_str_is(pair->key, "max_num_seqs")))
            continue;
        if (listed(m, "pipeline_engine", pair->key))
            leave(m, pair);
        else if (diffusion && sf_keys_has(&m->r.keys, "flat_parallel", pair->key))
            lost(m, pair->key_at, pair->key, "put it into parallel_config when it is meant",
                 "outside of parallel_config it has no effect on a diffusion stage");
        else
            put(m, pair, m->r.era.interpolation_self ? engine : m->r.root, 4);
    }
}

/* tts_args.max_instructions_length has a key of its own. */
static void put_tts(migration *m, const sf_pair *args)
{
    for (uint32_t i = 0; sf_node_is(args->value, SF_MAP) && i < args->value->n; i++) {
        sf_pair pair = args->value->as.pairs[i];

        if (!sf_str_is(pair.key, "max_instructions_length")) {
            lost(m, pair.key_at, pair.key, NULL, "nothing reads it in the newer format");
            continue;
        }
        pair.key = SF_STR("tts_max_instructions_length");
        put(m, &pair, m->r.root, 4);
    }
}

static void put_stage(migration *m, const sf_draft *draft)
{
    const sf_pair *id = pair_of(draft->node, "stage_id");

    sf_migrate_comments_above(&m->t, draft->node->line, 2);
    sf_buf_printf(&m->t.out, "  - stage_id: %lld", (long long)draft->pipeline->id);
    sf_migrate_end_line(&m->t, id ? id->key_at->line : draft->node->line);
    put_runtime(m, draft, sf_node_get(draft->node, "runtime"));
    put_engine(m, draft);
    for (uint32_t i = 0; i < draft->node->n; i++) {
        const sf_pair *pair = &draft->node->as.pairs[i];

        if (sf_str_is(pair->key, "stage_id") || sf_str_is(pair->key, "runtime") ||
            sf_str_is(pair->key, "engine_args") || sf_node_absent(pair->value))
            continue;
        if (sf_str_is(pair->key, "tts_args"))
            put_tts(m, pair);
        else if (listed(m, "pipeline_stage", pair->key))
            leave(m, pair);
        else if (listed(m, "kept_stage", pair->key))
            put(m, pair, m->r.root, 4);
        else
            lost(m, pair->key_at, pair->key, NULL, "the newer format has no place for it");
    }
}

/* The drafts in the order of the pipeline; those that it does not have, or has once, are left out. */
static sf_code sort_stages(migration *m)
{
    const sf_pipeline *p = m->r.d->pipeline;

    m->by_id = SF_NEW_ARRAY(m->a, const sf_draft *, p->n_stages + 1);
    if (!m->by_id)
        return SF_E_NOMEM;
    m->n = p->n_stages;
    for (size_t i = 0; i < m->r.n_drafts; i++) {
        const sf_draft *draft = &m->r.drafts[i];
        size_t k = 0;

        while (k < p->n_stages && &p->stages[k] != draft->pipeline)
            k++;
        if (k < p->n_stages && !m->by_id[k]) {
            m->by_id[k] = draft;
            continue;
        }
        if (sf_diag_warning(m->r.dg, SF_E_MIGRATE, sf_node_where_key(draft->node, draft->path),
                            "see `stagefit pipelines`",
                            "stage %lld (%.*s) is left out: pipeline %.*s has no such stage%s",
                            (long long)draft->id, SF_STR_ARG(draft->model_stage), SF_STR_ARG(p->key),
                            k < p->n_stages ? " twice" : "") == SF_E_NOMEM)
            return SF_E_NOMEM;
    }
    for (size_t k = 0; k < m->n; k++)
        if (!m->by_id[k] &&
            sf_diag_warning(m->r.dg, SF_E_MIGRATE, sf_node_where_key(m->r.at, SF_STR("stage_args")),
                            "give it devices, or choose another pipeline with --pipeline",
                            "pipeline %.*s starts stage %lld (%.*s) too, which this file does not have",
                            SF_STR_ARG(p->key), (long long)p->stages[k].id,
                            SF_STR_ARG(p->stages[k].model_stage)) == SF_E_NOMEM)
            return SF_E_NOMEM;
    return SF_OK;
}

/* The new default is on: what was off by default has to be said. */
static void put_async(migration *m)
{
    const sf_pair *pair = pair_of(m->r.root, "async_chunk");
    bool on = m->r.d->async_chunk;

    if (m->r.d->pipeline->n_stages < 2)
        return;
    if (on && !m->r.d->pipeline->async_chunk_ok) {
        lost(m, pair ? pair->key_at : m->r.at, SF_STR("async_chunk: true"), "false is written in its place",
             "no stage of the pipeline produces chunks");
        on = false;
    }
    if (pair)
        sf_migrate_comments_above(&m->t, pair->key_at->line, 0);
    sf_buf_printf(&m->t.out, "async_chunk: %s", on ? "true" : "false");
    sf_migrate_end_line(&m->t, pair ? pair->key_at->line : UINT32_MAX);
}

/* The newer engines take the first mode's stages, which then have to be 0, 1, …. */
static bool modes_fit(const sf_node *modes)
{
    const sf_node *list = sf_node_get(sf_node_item(modes, 0), "stages");

    for (uint32_t i = 0; sf_node_is(list, SF_SEQ) && i < list->n; i++)
        if (list->as.items[i]->kind != SF_INT || list->as.items[i]->as.i != (int64_t)i)
            return false;
    return true;
}

static void put_top(migration *m)
{
    const sf_node *root = m->r.root;

    for (uint32_t i = 0; i < root->n; i++) {
        const sf_pair *pair = &root->as.pairs[i];

        if (sf_str_is(pair->key, "modes") && !modes_fit(pair->value))
            lost(m, pair->key_at, pair->key, "give the stages of the other mode a pipeline of their own",
                 "the newer engine takes the first mode only, and its stages have to start at 0");
        else if (listed(m, "kept_top", pair->key))
            put(m, pair, root, 0);
        else if (!sf_str_is(pair->key, "stage_args") && !sf_str_is(pair->key, "async_chunk") &&
                 !sf_str_is(pair->key, "runtime"))
            lost(m, pair->key_at, pair->key, NULL, "the newer format has no place for it");
    }
}

static void put_wiring(migration *m)
{
    const sf_node *runtime = sf_node_get(m->r.root, "runtime");

    for (uint32_t i = 0; sf_node_is(runtime, SF_MAP) && i < runtime->n; i++) {
        const sf_pair *pair = &runtime->as.pairs[i];

        if (sf_str_is(pair->key, "connectors") || sf_str_is(pair->key, "edges"))
            put(m, pair, m->r.root, 0);
        else if (!listed(m, "idle_top", pair->key))
            lost(m, pair->key_at, pair->key, NULL, "nothing reads it in the newer format");
    }
}

static sf_code note_left(migration *m)
{
    size_t unused = 0;
    sf_code rc = SF_OK;

    for (size_t i = 0; i < m->t.n_comments; i++)
        unused += !m->t.comments[i].used;
    if (m->left.n)
        rc = sf_diag_note(m->r.dg, SF_E_MIGRATE, sf_node_where(m->left_at), NULL,
                          "left to pipeline %.*s: %.*s", SF_STR_ARG(m->r.d->pipeline->key),
                          SF_STR_ARG(m->left));
    if (rc != SF_E_NOMEM && unused)
        rc = sf_diag_note(m->r.dg, SF_E_MIGRATE, sf_node_where(m->r.own), NULL,
                          "%zu comment line(s) belong to keys that are gone", unused);
    return rc == SF_E_NOMEM ? rc : SF_OK;
}

static sf_code write_text(migration *m)
{
    const sf_node *own = m->r.own;
    const sf_pair *list = pair_of(own, "stage_args");
    sf_code rc = sort_stages(m);

    sf_bug_if(!list); /* the config was read as a legacy one */
    if (rc)
        return rc;
    sf_migrate_comments_above(&m->t, own->as.pairs[0].key_at->line, 0);
    sf_buf_printf(&m->t.out, "pipeline: %.*s\n", SF_STR_ARG(m->r.d->pipeline->key));
    put_async(m);
    put_wiring(m);
    put_top(m);
    sf_migrate_comments_above(&m->t, list->key_at->line, 0);
    sf_buf_add_text(&m->t.out, "stages:");
    sf_migrate_end_line(&m->t, list->key_at->line);
    for (size_t k = 0; k < m->n; k++)
        if (m->by_id[k])
            put_stage(m, m->by_id[k]);
    sf_migrate_comments_above(&m->t, UINT32_MAX, 0);
    return m->no_memory || m->t.out.failed ? SF_E_NOMEM : note_left(m);
}

static sf_code refuse(const migration *m)
{
    const sf_deployment *d = m->r.d;

    if (d->format != SF_FORMAT_LEGACY)
        return sf_diag_error(m->r.dg, SF_E_MIGRATE, sf_node_where(m->r.own), "use it as it is",
                             "the file is not in the older stage_args format");
    if (!d->pipeline)
        return sf_diag_error(m->r.dg, SF_E_MIGRATE, sf_node_where_key(m->r.at, SF_STR("stage_args")),
                             "name it with --pipeline KEY; `stagefit pipelines` lists them",
                             "no pipeline of the registry has these stages");
    return SF_OK;
}

sf_code sf_migrate(sf_arena *a, sf_str text, sf_str file, const sf_stages_wish *wish, sf_diags *dg,
                   const sf_deployment **ret_old, sf_str *ret)
{
    sf_deployment *d = SF_NEW(a, sf_deployment);
    migration m = {
        .a = a, .r = {.a = a, .dg = dg, .wish = wish, .file = file, .d = d},
             .left = SF_STR("")
    };
    sf_code rc = d ? sf_reading_run(&m.r, text, NULL) : SF_E_NOMEM;

    if (!rc)
        rc = refuse(&m);
    if (!rc)
        rc = sf_data_read(a, SF_STR("pipelines/migrate.yaml"), &m.lists);
    if (rc)
        return rc;
    rc = sf_migrate_text_init(&m.t, a, text, m.r.own);
    if (!rc)
        rc = write_text(&m);
    if (!rc) {
        *ret_old = d;
        *ret = sf_arena_str(a, sf_buf_str(&m.t.out));
        rc = ret->p ? SF_OK : SF_E_NOMEM;
    }
    sf_buf_release(&m.t.out);
    return rc;
}
