/*
 * lint_features: settings that exclude each other, what a model does not support, and memory that a stage
 * takes beyond its checkpoint.
 * Must not know a model: data/pipelines/lint.yaml and the facts of data/pipelines do.
 */
#include "stages/lint.h"

#include "base/num.h"

static bool switched_on(const sf_node *v, const sf_node *is)
{
    if (sf_node_absent(v))
        return false;
    if (is)
        return sf_str_eq(v->text, is->text);
    switch (v->kind) {
    case SF_BOOL:
        return v->as.b;
    case SF_INT:
        return v->as.i > 1;
    case SF_FLOAT:
        return v->as.f > 1;
    case SF_STRING:
        return v->text.n && !sf_str_is(v->text, "none");
    default:
        return v->n != 0;
    }
}

/* The value that switches a feature on in this stage, or NULL. */
static const sf_node *find_feature(const sf_lint *l, const sf_draft *draft, sf_str name, sf_str *ret_key)
{
    const sf_node *feature = sf_node_get_str(sf_node_get(l->data, "features"), name);
    const sf_node *keys = sf_node_get(feature, "keys"),
                  *parallel = sf_node_get(draft->engine, "parallel_config");

    for (uint32_t i = 0; keys && i < keys->n; i++) {
        sf_str key = keys->as.items[i]->text;
        const sf_node *map = sf_keys_has(&l->r->keys, "parallel_config", key) ? parallel : draft->engine;
        const sf_node *v = sf_node_get_str(map, key);

        if (!switched_on(v, sf_node_get(feature, "is")))
            continue;
        *ret_key = key;
        return v;
    }
    return NULL;
}

static sf_str title_of(const sf_lint *l, sf_str name)
{
    const sf_node *t = sf_node_get(sf_node_get_str(sf_node_get(l->data, "features"), name), "title");

    return t ? t->text : name;
}

static bool diffusion(const sf_draft *draft)
{
    return draft->path.p && draft->kind == SF_STAGE_DIFFUSION && draft->engine;
}

static void check_conflict(sf_lint *l, const sf_draft *draft, const sf_node *row)
{
    sf_str one = sf_node_get(row, "one")->text, other = sf_node_get(row, "other")->text, key, key2;
    const sf_node *v = find_feature(l, draft, one, &key),
                  *w = v ? find_feature(l, draft, other, &key2) : NULL;
    bool refused = sf_node_get(row, "refused") != NULL;

    if (!w)
        return;
    sf_lint_say(l, refused ? SF_ERROR : SF_WARNING, SF_E_CONFLICT, sf_lint_where(l, draft, v, key),
                "switch one of them off",
                refused ? "%.*s and %.*s exclude each other: the engine refuses stage %lld"
                        : "%.*s and %.*s are not made to go together (stage %lld)",
                SF_STR_ARG(title_of(l, one)), SF_STR_ARG(title_of(l, other)), (long long)draft->id);
    sf_lint_related(l, sf_lint_where(l, draft, w, key2), "the other setting");
}

void sf_lint_conflicts(sf_lint *l)
{
    const sf_node *rows = sf_node_get(l->data, "conflicts");

    for (size_t i = 0; i < l->r->n_drafts; i++)
        for (uint32_t k = 0; diffusion(&l->r->drafts[i]) && k < rows->n; k++)
            check_conflict(l, &l->r->drafts[i], rows->as.items[k]);
}

static bool has_class(const sf_node *row, sf_str cls)
{
    const sf_node *classes = sf_node_get(row, "classes");

    for (uint32_t i = 0; cls.n && i < classes->n; i++)
        if (sf_str_eq(classes->as.items[i]->text, cls))
            return true;
    return false;
}

static const sf_node *model_row(const sf_lint *l, const sf_stage *st)
{
    const sf_node *rows = sf_node_get(l->data, "models");
    sf_str cls = sf_args_str(&st->args, SF_ARG_model_class_name, st->architecture);

    for (uint32_t i = 0; i < rows->n; i++)
        if (has_class(rows->as.items[i], cls))
            return rows->as.items[i];
    return NULL;
}

static void check_lacks(sf_lint *l, const sf_draft *draft, const sf_node *row)
{
    const sf_node *lacks = sf_node_get(row, "lacks"), *title = sf_node_get(row, "title");

    for (uint32_t i = 0; lacks && i < lacks->n; i++) {
        sf_str name = lacks->as.items[i]->text, key;
        const sf_node *v = find_feature(l, draft, name, &key);

        if (v)
            sf_lint_say(l, SF_WARNING, SF_E_UNSUPPORTED, sf_lint_where(l, draft, v, key), "remove it",
                        "%.*s has no %.*s: the engine refuses or ignores it", SF_STR_ARG(title->text),
                        SF_STR_ARG(title_of(l, name)));
    }
}

/* Where the tensor parallel size of a stage stands. */
static const sf_node *tp_node(const sf_stage *st)
{
    const sf_node *nested = sf_node_get(st->args.v[SF_ARG_parallel_config].node, "tensor_parallel_size");

    return nested ? nested : st->args.v[SF_ARG_tensor_parallel_size].node;
}

static void check_tp(sf_lint *l, const sf_draft *draft, const sf_stage *st, const sf_node *row)
{
    const sf_node *sizes = sf_node_get(row, "tensor_parallel"), *title = sf_node_get(row, "title");
    const char *list = "";

    for (uint32_t i = 0; sizes && i < sizes->n; i++) {
        if (sizes->as.items[i]->as.i == st->tp)
            return;
        list = sf_lint_text(l, "%s%s%lld", list, i ? ", " : "", (long long)sizes->as.items[i]->as.i);
    }
    if (sizes)
        sf_lint_say(l, SF_WARNING, SF_E_UNSUPPORTED,
                    sf_lint_where(l, draft, tp_node(st), SF_STR("tensor_parallel_size")),
                    sf_lint_text(l, "these sizes work: %s", list),
                    "%.*s does not run with tensor_parallel_size %u", SF_STR_ARG(title->text), st->tp);
}

void sf_lint_unsupported(sf_lint *l)
{
    for (size_t s = 0; s < l->d->n_stages; s++) {
        const sf_stage *st = &l->d->stages[s];
        const sf_draft *draft = sf_lint_draft(l, st);
        const sf_node *row = st->replica || !draft ? NULL : model_row(l, st);

        if (!row)
            continue;
        if (diffusion(draft))
            check_lacks(l, draft, row);
        check_tp(l, draft, st, row);
    }
}

void sf_lint_loaded_more(sf_lint *l)
{
    for (size_t s = 0; s < l->d->n_stages; s++) {
        const sf_stage *st = &l->d->stages[s];
        const sf_draft *draft = sf_lint_draft(l, st);
        const sf_node *facts = st->pipeline ? st->pipeline->facts : NULL;
        const sf_node *fp32 = sf_node_get(facts, "fp32"), *twice = sf_node_get(facts, "loaded_twice");
        sf_where at;

        if (st->replica || !draft)
            continue;
        at = sf_lint_where(l, draft, sf_lint_stage_node(l, st), (sf_str){0});
        if (sf_node_is(fp32, SF_BOOL) && fp32->as.b)
            sf_lint_say(l, SF_NOTE, SF_E_LOADED_MORE, at,
                        "nothing to change: `stagefit check` counts four bytes a weight",
                        "stage %lld (%.*s) holds its weights in float32, whatever the checkpoint has",
                        (long long)st->id, SF_STR_ARG(st->name));
        if (sf_node_get(twice, "tensors") && sf_node_get(twice, "also_in"))
            sf_lint_say(l, SF_NOTE, SF_E_LOADED_MORE, at,
                        "nothing to change: `stagefit check` counts them in both stages",
                        "stage %lld (%.*s) loads tensors that %.*s holds as well: %.*s", (long long)st->id,
                        SF_STR_ARG(st->name), SF_STR_ARG(sf_node_get(twice, "also_in")->text),
                        SF_STR_ARG(sf_node_get(twice, "tensors")->text));
    }
}

void sf_lint_gpu_pools(sf_lint *l)
{
    for (size_t s = 0; s < l->d->n_stages; s++) {
        const sf_stage *st = &l->d->stages[s];
        const sf_draft *draft = sf_lint_draft(l, st);
        const sf_node *size = NULL;

        for (size_t i = 0; i < st->n_connectors && !size; i++)
            if (sf_node_get(st->connectors[i], "memory_pool_device"))
                size = sf_node_get(st->connectors[i], "memory_pool_size");
        if (st->replica || !draft || !st->gpu_pool_bytes || !size)
            continue;
        sf_lint_say(
            l, SF_NOTE, SF_E_GPU_POOL, sf_lint_where(l, draft, size, SF_STR("memory_pool_size")),
            "memory_pool_device: cpu keeps it in host memory",
            "the connectors of stage %lld (%.*s) take %.*s of its GPU, outside of gpu_memory_utilization",
            (long long)st->id, SF_STR_ARG(st->name), SF_STR_ARG(sf_fmt_bytes(l->a, st->gpu_pool_bytes)));
    }
}
