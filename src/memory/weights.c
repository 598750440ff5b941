/*
 * weights: the bytes of a model on one rank: which tensors, how tensor, pipeline and expert
 * parallelism cut them, fused into the engine's parameters, in creation order, through the
 * allocator model.  Rule: docs/numbers.md, "Weights"; vLLM model_executor/layers (linear.py,
 * vocab_parallel_embedding.py, fused_moe/layer.py).
 */
#include "memory/need.h"
#include "memory/weights_cut.h"

/* Components in the order in which they appear. */
typedef struct share_list {
    sf_weight_share *items;
    size_t n, cap;
} share_list;

typedef struct walk {
    sf_arena *arena;
    const sf_model *m;
    const sf_weights_wish *wish;
    sf_diags *dg;
    sf_allocator *allocator;
    sf_weights sum;
    share_list shares;
    uint64_t first_layer, end_layer;
    const sf_tensor **made_once; /* engine-made singletons that exist already */
    size_t n_made;
} walk;

static bool count_share(walk *w, sf_str component, uint64_t bytes, uint64_t params)
{
    share_list *l = &w->shares;
    size_t i = 0;

    while (i < l->n && !sf_str_eq(l->items[i].component, component))
        i++;
    if (i == l->n) {
        if (l->n == l->cap) {
            size_t cap = l->cap ? l->cap * 2 : 8;
            sf_weight_share *items = sf_arena_grow(w->arena, l->items, l->n, cap, sizeof *items);

            if (!items)
                return false;
            l->items = items;
            l->cap = cap;
        }
        l->items[l->n++] = (sf_weight_share){.component = component};
    }
    l->items[i].bytes = sf_add_sat(l->items[i].bytes, bytes);
    l->items[i].params = sf_add_sat(l->items[i].params, params);
    return true;
}

/* The rank's decoder layers under pipeline parallelism. */
static void set_layers(walk *w)
{
    w->end_layer = UINT64_MAX;
    if (w->wish->pp <= 1 || !w->wish->pp_layers)
        return;
    for (uint32_t s = 0; s < w->wish->pp_rank; s++)
        w->first_layer += w->wish->pp_layers[s];
    w->end_layer = w->first_layer + w->wish->pp_layers[w->wish->pp_rank];
}

static bool on_this_rank(const walk *w, const sf_tensor *t, uint64_t layer)
{
    bool first = w->wish->pp_rank == 0, last = w->wish->pp_rank + 1 >= w->wish->pp;

    if (w->wish->pp <= 1)
        return true;
    switch (t->pp) {
    case SF_PP_LAYER:
        return layer >= w->first_layer && layer < w->end_layer;
    case SF_PP_FIRST: /* a tied head needs the embedding on the last rank too */
        return first || (last && w->m->tie_word_embeddings);
    case SF_PP_LAST:
        return last;
    case SF_PP_ALL:
        break;
    }
    return true;
}

static bool same_singleton(const sf_tensor *a, const sf_tensor *b)
{
    return a == b || (sf_str_eq(a->name, b->name) && a->n_dims == b->n_dims &&
                      memcmp(a->dims, b->dims, a->n_dims * sizeof *a->dims) == 0);
}

/* True the first time that a process-wide tensor is met; runs of layers may each have it. */
static bool first_time(walk *w, const sf_tensor *t)
{
    for (size_t i = 0; i < w->n_made; i++)
        if (same_singleton(w->made_once[i], t))
            return false;
    w->made_once[w->n_made++] = t;
    return true;
}

/* The scalars of one attention layer: each takes a block of its own. */
static sf_code add_scalars(walk *w, const sf_tensor *t)
{
    for (uint64_t i = 0; i < w->wish->attention_scalars; i++)
        if (!sf_allocator_add(w->allocator, sizeof(float)))
            return SF_E_NOMEM;
    w->sum.tensor_bytes = sf_add_sat(w->sum.tensor_bytes, w->wish->attention_scalars * sizeof(float));
    return count_share(w, t->component, w->wish->attention_scalars * sizeof(float), 0) ? SF_OK : SF_E_NOMEM;
}

/* Adds one fused parameter: tensors [from, to) of the model at one layer. */
static sf_code add_param(walk *w, size_t from, size_t to)
{
    uint64_t bytes = 0;

    if (w->m->tensors[from].cls == SF_TENSOR_SCALE)
        return add_scalars(w, &w->m->tensors[from]);
    for (size_t i = from; i < to; i++) {
        const sf_tensor *t = &w->m->tensors[i];
        uint64_t numel = 0, part = 0;
        sf_code rc = sf_weights_cut(w->m, t, w->wish, w->dg, &numel);

        if (rc)
            return rc;
        if (!sf_dtype_bytes(t->run_dtype ? t->run_dtype : w->wish->dtype, numel, &part))
            return sf_diag_error(w->dg, SF_E_RANGE, (sf_where){0}, NULL,
                                 "tensor %.*s is larger than can be counted", SF_STR_ARG(t->name));
        bytes = sf_add_sat(bytes, part);
        w->sum.params = sf_add_sat(w->sum.params, numel);
        if (!count_share(w, t->component, part, numel))
            return SF_E_NOMEM;
    }
    w->sum.tensor_bytes = sf_add_sat(w->sum.tensor_bytes, bytes);
    return bytes == 0 || sf_allocator_add(w->allocator, bytes) ? SF_OK : SF_E_NOMEM;
}

static bool covers(const sf_tensor *t, uint64_t layer)
{
    return layer >= t->first_layer && layer - t->first_layer < t->repeat;
}

static bool takes_part(walk *w, const sf_tensor *t, uint64_t layer)
{
    if (!t->loaded || (t->layered && !covers(t, layer)) || !on_this_rank(w, t, layer))
        return false;
    if (t->dequantised && !w->m->quantization)
        return false; /* of an unquantised parameter the engine makes a view */
    return !t->once || first_time(w, t);
}

/* Tensors [from, to) that exist at this layer, neighbours of one parameter fused. */
static sf_code add_run(walk *w, size_t from, size_t to, uint64_t layer)
{
    for (size_t i = from; i < to;) {
        size_t end = i + 1;
        sf_code rc;

        if (!takes_part(w, &w->m->tensors[i], layer)) {
            i++;
            continue;
        }
        while (end < to && w->m->tensors[i].param.n &&
               sf_str_eq(w->m->tensors[end].param, w->m->tensors[i].param) &&
               takes_part(w, &w->m->tensors[end], layer))
            end++;
        rc = add_param(w, i, end);
        if (rc)
            return rc;
        i = end;
    }
    return SF_OK;
}

/* A run of layered tensors is walked layer by layer, as the engine builds them. */
static sf_code add_layers(walk *w, size_t from, size_t to)
{
    uint64_t first = UINT64_MAX, end = 0;

    for (size_t i = from; i < to; i++) {
        const sf_tensor *t = &w->m->tensors[i];

        if (t->first_layer < first)
            first = t->first_layer;
        if ((uint64_t)t->first_layer + t->repeat > end)
            end = (uint64_t)t->first_layer + t->repeat;
    }
    for (uint64_t layer = first; layer < end; layer++) {
        sf_code rc = add_run(w, from, to, layer);

        if (rc)
            return rc;
    }
    return SF_OK;
}

/*
 * Models with deep-stack encoders keep one buffer of input embeddings a level, made with the model
 * (vLLM qwen3_vl.py, qwen3_omni_moe_thinker.py).
 */
static sf_code add_deepstack(walk *w)
{
    uint64_t bytes = 0;

    if (!w->m->n_encoders || !w->m->forward.deepstack)
        return SF_OK;
    if (!sf_dtype_bytes(w->wish->dtype, sf_mul_sat(w->wish->batched_tokens, w->m->forward.hidden), &bytes))
        return SF_E_NOMEM;
    for (uint64_t i = 0; bytes && i < w->m->forward.deepstack; i++) {
        if (!sf_allocator_add(w->allocator, bytes) || !count_share(w, SF_STR("deep-stack buffers"), bytes, 0))
            return SF_E_NOMEM;
        w->sum.tensor_bytes = sf_add_sat(w->sum.tensor_bytes, bytes);
    }
    return SF_OK;
}

static sf_code add_all(walk *w)
{
    const sf_tensor *t = w->m->tensors;

    for (size_t i = 0; i < w->m->n_tensors;) {
        size_t end = i + 1;
        sf_code rc;

        while (end < w->m->n_tensors && t[end].layered == t[i].layered &&
               sf_str_eq(t[end].component, t[i].component) && t[end].block == t[i].block)
            end++;
        rc = t[i].layered ? add_layers(w, i, end) : add_run(w, i, end, 0);
        if (rc)
            return rc;
        i = end;
    }
    return SF_OK;
}

sf_code sf_weights_of_rank(sf_arena *a, const sf_model *m, const sf_weights_wish *wish, sf_diags *dg,
                           sf_weights *ret)
{
    walk w = {.arena = a, .m = m, .wish = wish, .dg = dg};
    sf_code rc;

    if (m->quantization && !m->quantization_known)
        return sf_diag_error(dg, SF_E_QUANT_UNKNOWN, sf_node_where(m->quantization),
                             "check the unquantised checkpoint, or wait for this format",
                             "%.*s is quantised, and its format is not modelled", SF_STR_ARG(m->name));
    w.allocator = sf_allocator_new(a, wish->allocator);
    w.made_once = SF_NEW_ARRAY(a, const sf_tensor *, m->n_tensors);
    if (!w.allocator || !w.made_once)
        return SF_E_NOMEM;
    set_layers(&w);
    rc = add_deepstack(&w);
    if (!rc)
        rc = add_all(&w);
    if (rc)
        return rc;
    if (m->extra_bytes) {
        w.sum.tensor_bytes = sf_add_sat(w.sum.tensor_bytes, m->extra_bytes);
        if (!sf_allocator_add(w.allocator, m->extra_bytes) ||
            !count_share(&w, SF_STR("files without a header"), m->extra_bytes, 0))
            return SF_E_NOMEM;
    }
    w.sum.allocated = sf_allocator_allocated(w.allocator);
    w.sum.reserved = sf_allocator_reserved(w.allocator);
    w.sum.shares = w.shares.items;
    w.sum.n_shares = w.shares.n;
    *ret = w.sum;
    return SF_OK;
}
