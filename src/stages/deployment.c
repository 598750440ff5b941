/*
 * deployment: the entry: which format a config has, whether the release reads it, and which model
 * it serves.
 * Must not open files: base configs come through the loader.
 */
#include "stages/lint.h"
#include "stages/overlay.h"
#include "stages/strategy.h"

#include "text/yaml.h"

sf_config_format sf_stages_format(const sf_node *root)
{
    static const char *const deploy[] = {"stages", "base_config", "pipeline", "platforms", "forced_aligner"};

    if (!sf_node_is(root, SF_MAP))
        return SF_FORMAT_NONE;
    if (sf_node_get(root, "stage_args"))
        return SF_FORMAT_LEGACY;
    for (size_t i = 0; i < sizeof deploy / sizeof *deploy; i++)
        if (sf_node_get(root, deploy[i]))
            return SF_FORMAT_DEPLOY;
    return SF_FORMAT_NONE;
}

bool sf_stages_reads(const sf_profile *profile, sf_config_format format)
{
    sf_str part, rest, name = format == SF_FORMAT_LEGACY ? SF_STR("stage_args") : SF_STR("stages");

    if (!profile || !profile->omni || !profile->format.n)
        return true;
    rest = profile->format;
    for (bool more = true; more;) {
        more = sf_str_split(&rest, ',', &part);
        if (sf_str_eq(sf_str_trim(part), name))
            return true;
    }
    return false;
}

static sf_code check_format(sf_reading *r, const sf_node *root)
{
    const sf_profile *p = r->wish->profile;
    const sf_node *at;

    if (r->d->format == SF_FORMAT_LEGACY && !sf_stages_reads(p, SF_FORMAT_LEGACY)) {
        at = sf_node_get(root, "stage_args");
        return sf_diag_error(
            r->dg, SF_E_FORMAT_OLD, sf_node_where_key(at, SF_STR("stage_args")),
            "move the sizes of each stage under `stages:`, or check it for the release that it was written "
            "for: --engine vllm-omni@2026-07",
            "%.*s %.*s no longer reads stage_args", SF_STR_ARG(p->engine), SF_STR_ARG(p->release));
    }
    if (r->d->format == SF_FORMAT_DEPLOY && !sf_stages_reads(p, SF_FORMAT_DEPLOY)) {
        at = sf_node_get(root, "stages");
        return sf_diag_error(r->dg, SF_E_FORMAT_OLD, sf_node_where_key(at ? at : root, SF_STR("stages")),
                             "check it for a later release: --engine vllm-omni@2026-04 or newer",
                             "%.*s %.*s reads only stage_args, not stages", SF_STR_ARG(p->engine),
                             SF_STR_ARG(p->release));
    }
    return SF_OK;
}

/* A file without any key of either format: empty ones start a pipeline that is known otherwise. */
static sf_code unknown_shape(sf_reading *r, const sf_node *root)
{
    const char *hint = "a stage config has a list `stages:` (or, for older releases, `stage_args:`)";

    if (sf_strategy_is(root))
        return sf_diag_error(r->dg, SF_E_CONFIG_SHAPE, sf_node_where(root),
                             "stagefit check CONFIG --strategy-config FILE; without CONFIG, say --model",
                             "this is a strategy file: it goes over a deploy config");
    if (sf_node_is(root, SF_MAP) &&
        (r->wish->pipeline.n || r->wish->hf_model_type.n || r->wish->hf_architecture.n)) {
        sf_code rc = sf_diag_warning(r->dg, SF_E_CONFIG_SHAPE, sf_node_where(root), hint,
                                     "the file has no stages: every stage starts with the engine's defaults");

        r->d->format = SF_FORMAT_DEPLOY;
        return rc == SF_E_NOMEM ? rc : SF_OK;
    }
    return sf_diag_error(r->dg, SF_E_CONFIG_SHAPE, sf_node_where(root), hint,
                         root->kind != SF_MAP ? "the file is a %s where a map is needed"
                         : root->n            ? "the file is a %s without stages"
                                              : "the file is empty",
                         sf_node_kind_name(root->kind));
}

static sf_code name_model(sf_reading *r)
{
    sf_deployment *d = r->d;

    if (r->wish->model.n) {
        d->model = r->wish->model;
        d->model_why = r->wish->model_why.n ? r->wish->model_why : SF_STR("--model");
    } else if (d->pipeline && d->pipeline->model.n) {
        d->model = d->pipeline->model;
        d->model_why =
            sf_arena_printf(r->a, "the usual checkpoint of pipeline %.*s", SF_STR_ARG(d->pipeline->key));
        if (!d->model_why.p)
            return SF_E_NOMEM;
    }
    return SF_OK;
}

static sf_code load_tables(sf_reading *r)
{
    sf_stages_tables *t = r->wish->tables;
    sf_code rc = SF_OK;

    r->keys.lists = t ? t->keys : NULL;
    r->index.rows = t ? t->index : NULL;
    if (!r->keys.lists)
        rc = sf_keys_load(r->a, &r->keys);
    if (!rc && !r->index.rows)
        rc = sf_pipeline_index_load(r->a, &r->index);
    if (!rc && t) {
        t->keys = r->keys.lists;
        t->index = r->index.rows;
    }
    return rc;
}

static sf_code apply_strategies(sf_reading *r)
{
    const sf_node *root = r->wish->strategies;

    if (r->d->format == SF_FORMAT_DEPLOY)
        return sf_strategy_apply(r, root);
    return sf_diag_error(r->dg, SF_E_STRATEGY, sf_node_where(root),
                         "write the sizes into the stages of the legacy config",
                         "strategies go over a deploy config (stages), not over stage_args");
}

static sf_code read_root(sf_reading *r, const sf_node *root, const sf_loader *loader)
{
    sf_code rc = SF_OK;

    r->d->format = sf_stages_format(root);
    if (r->d->format == SF_FORMAT_NONE)
        rc = unknown_shape(r, root);
    if (!rc)
        rc = check_format(r, root);
    if (!rc)
        rc = sf_era_find(r->a, r->wish->profile, &r->era);
    if (!rc)
        rc = load_tables(r);
    if (rc)
        return rc;
    r->root = root;
    r->base_file = r->file;
    if (r->d->format == SF_FORMAT_DEPLOY)
        rc = sf_overlay_read(r->a, root, r->file, &r->era, loader, r->dg, &r->root, &r->base_file);
    if (!rc)
        rc = r->d->format == SF_FORMAT_DEPLOY ? sf_deploy_read(r) : sf_legacy_read(r);
    if (!rc && r->wish->strategies)
        rc = apply_strategies(r);
    if (!rc)
        rc = name_model(r);
    return rc ? rc : sf_assemble(r);
}

sf_code sf_reading_run(sf_reading *r, sf_str text, const sf_loader *loader)
{
    sf_code rc;

    r->d->source = r->file;
    r->d->served_by = SF_STR("serve");
    r->loader = loader;
    r->own = r->wish->parsed;
    rc = r->own ? SF_OK : sf_yaml_parse(r->a, text, r->file, r->dg, &r->own);
    return rc ? rc : read_root(r, r->own, loader);
}

sf_code sf_stages_read(sf_arena *a, sf_str text, sf_str file, const sf_loader *loader,
                       const sf_stages_wish *wish, sf_diags *dg, const sf_deployment **ret)
{
    sf_deployment *d = SF_NEW(a, sf_deployment);
    sf_reading r = {.a = a, .dg = dg, .wish = wish, .file = file, .d = d};
    sf_code rc = d ? sf_reading_run(&r, text, loader) : SF_E_NOMEM;

    if (rc != SF_E_NOMEM && wish->lint != SF_LINT_OFF)
        rc = sf_lint_rules(&r, rc);
    if (!rc)
        *ret = d;
    return rc;
}
