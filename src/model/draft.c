/*
 * draft: a model together with the one that drafts for it, as one: the drafter's weights are on the last rank of a
 * pipeline, its cache layers come behind the model's own (vLLM v1/spec_decode, v1/worker/gpu_model_runner.py).
 */
#include "base/num.h"
#include "model/model.h"

/* Rotary caches of one form are one in the engine. */
static bool has_same_cache(const sf_model *m, const sf_tensor *t)
{
    for (size_t i = 0; i < m->n_tensors; i++) {
        const sf_tensor *o = &m->tensors[i];

        if (o->once && o->n_dims == t->n_dims && memcmp(o->dims, t->dims, t->n_dims * sizeof *t->dims) == 0)
            return true;
    }
    return false;
}

static sf_code add_tensors(sf_arena *a, const sf_model *m, const sf_model *draft, bool whole, sf_model *ret)
{
    sf_tensor *all = SF_NEW_ARRAY(a, sf_tensor, m->n_tensors + draft->n_tensors);
    uint32_t blocks = 0;

    if (!all)
        return SF_E_NOMEM;
    for (size_t i = 0; i < m->n_tensors; i++) {
        all[i] = m->tensors[i];
        blocks = all[i].block > blocks ? all[i].block : blocks;
    }
    for (size_t i = 0; i < draft->n_tensors; i++) {
        sf_tensor *t = &all[m->n_tensors + i];

        *t = draft->tensors[i];
        t->name = sf_arena_printf(a, "draft.%.*s", SF_STR_ARG(t->name));
        t->component = SF_STR("draft");
        t->pp = SF_PP_LAST;
        t->block = t->block ? t->block + blocks : 0;
        t->loaded = t->loaded && !(t->once && has_same_cache(m, t));
        t->shard = whole ? SF_SHARD_NONE : t->shard;
        if (!t->name.p)
            return SF_E_NOMEM;
    }
    ret->tensors = all;
    ret->n_tensors = m->n_tensors + draft->n_tensors;
    return SF_OK;
}

static sf_code add_cache(sf_arena *a, const sf_model *m, const sf_model *draft, uint32_t ranks, sf_model *ret)
{
    sf_kv_layers *all = SF_NEW_ARRAY(a, sf_kv_layers, m->n_kv + draft->n_kv);

    if (!all)
        return SF_E_NOMEM;
    for (size_t i = 0; i < m->n_kv; i++)
        all[i] = m->kv[i];
    for (size_t i = 0; i < draft->n_kv; i++) {
        sf_kv_layers *kv = &all[m->n_kv + i];

        *kv = draft->kv[i];
        kv->first_layer += m->n_layers;
        kv->kv_heads *= ranks; /* all of them on each rank */
    }
    ret->kv = all;
    ret->n_kv = m->n_kv + draft->n_kv;
    return SF_OK;
}

sf_code sf_model_with_draft(sf_arena *a, const sf_model *m, const sf_model *draft, uint32_t whole_on,
                            const sf_model **ret)
{
    sf_model *both = SF_NEW(a, sf_model);
    sf_code rc;

    if (!both)
        return SF_E_NOMEM;
    *both = *m;
    both->draft = draft;
    both->assumed = m->assumed || draft->assumed;
    rc = add_tensors(a, m, draft, whole_on > 0, both);
    if (!rc)
        rc = add_cache(a, m, draft, whole_on ? whole_on : 1, both);
    if (!rc)
        *ret = both;
    return rc;
}
