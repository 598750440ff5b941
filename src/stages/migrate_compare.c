/*
 * migrate_compare: do two deployments take the same memory, as far as their configs say?
 * Must not count presets of the pipeline registry: those are the newer format's purpose.
 */
#include "stages/migrate.h"

static bool same_value(const sf_node *a, const sf_node *b)
{
    if (!a || !b)
        return a == b;
    if (a->kind != b->kind || a->n != b->n)
        return a->kind != SF_MAP && a->kind != SF_SEQ && b->kind != SF_MAP && b->kind != SF_SEQ &&
               sf_str_eq(a->text, b->text);
    for (uint32_t i = 0; i < a->n; i++) {
        bool map = a->kind == SF_MAP;
        const sf_node *x = map ? a->as.pairs[i].value : a->as.items[i];

        if (!same_value(x, map ? sf_node_get_str(b, a->as.pairs[i].key) : b->as.items[i]))
            return false;
    }
    return a->kind == SF_MAP || a->kind == SF_SEQ || sf_str_eq(a->text, b->text);
}

static sf_code differs(const sf_stage *was, const char *what, const sf_node *at, sf_diags *dg)
{
    return sf_diag_warning(dg, SF_E_MIGRATE, sf_node_where_key(at ? at : was->node, sf_str_of(what)),
                           "compare both files with `stagefit check`",
                           "%s of stage %lld (%.*s) is not the same in the new format", what,
                           (long long)was->id, SF_STR_ARG(was->name));
}

static bool same_places(const sf_stage *a, const sf_stage *b)
{
    if (a->world != b->world || a->n_devices != b->n_devices || a->n_replicas != b->n_replicas)
        return false;
    for (size_t i = 0; i < a->n_devices; i++)
        if (a->devices[i] != b->devices[i])
            return false;
    return true;
}

static sf_code compare_stage(const sf_stage *was, const sf_stage *is, sf_diags *dg)
{
    sf_code rc = SF_OK;

    if (!same_places(was, is))
        rc = differs(was, "devices", was->devices_node, dg);
    if (was->kind != is->kind && rc != SF_E_NOMEM)
        rc = differs(was, "kind", NULL, dg);
    if (was->gpu_pool_bytes != is->gpu_pool_bytes && rc != SF_E_NOMEM)
        rc = differs(was, "memory_pool_size", NULL, dg);
    for (int i = 0; i < SF_ARG_COUNT && rc != SF_E_NOMEM; i++) {
        const sf_arg_value *x = &was->args.v[i], *y = &is->args.v[i];

        if ((y->node && y->from == SF_FROM_PIPELINE) || i == SF_ARG_model_class_name ||
            same_value(x->node, y->node))
            continue;
        rc = differs(was, sf_arg_name((sf_arg)i), x->node, dg);
    }
    return rc == SF_E_NOMEM ? rc : SF_OK;
}

/* The same stage: by its place in the pipeline, as legacy files may number otherwise. */
static const sf_stage *partner(const sf_deployment *is, const sf_stage *was)
{
    for (size_t i = 0; was->pipeline && i < is->n_stages; i++)
        if (is->stages[i].id == was->pipeline->id && is->stages[i].replica == was->replica)
            return &is->stages[i];
    return NULL;
}

sf_code sf_migrate_compare(const sf_deployment *was, const sf_deployment *is, sf_diags *dg)
{
    sf_code rc = SF_OK;

    for (size_t i = 0; i < was->n_stages && !rc; i++) {
        const sf_stage *to = partner(is, &was->stages[i]);

        if (to) /* stages that are left out have been told of */
            rc = compare_stage(&was->stages[i], to, dg);
    }
    if (!rc && was->async_chunk != is->async_chunk && is->n_stages > 1 && was->n_stages)
        rc = differs(&was->stages[0], "async_chunk", NULL, dg);
    return rc == SF_E_NOMEM ? rc : SF_OK;
}
