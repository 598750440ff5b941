/*
 * weights: the bytes of a model on one rank: which tensors, how tensor, pipeline and expert
 * parallelism cut them, fused into the engine's parameters, in creation order, through the
 * allocator model.  Rule: docs/numbers.md, "Weights"; vLLM model_executor/layers (linear.py,
 * vocab_parallel_embedding.py, fused_moe/layer.py).
 */
#include "memory/need.h"
#include "memory/weights_cut.h"
#include "memory/weights_quant.h"

/* Components in the order in which they appear. */
typedef struct share_list {
    sf_weight_share *items;
    size_t n, cap;
} share_list;

enum { MEMO_PARTS = 8 };

/* What the engine holds of one set of fused matrices. */
typedef struct memo {
    const sf_tensor *parts[MEMO_PARTS];
    size_t n;
    sf_held held;
} memo;

typedef struct walk {
    sf_arena *arena;
    const sf_model *m;
    const sf_weights_wish *wish;
    sf_diags *dg;
    sf_allocator *allocator;
    sf_weights sum;
    share_list shares;
    uint64_t first_layer, end_layer;
    bool host;                   /* the parameter at hand goes to host memory */
    const sf_tensor **made_once; /* engine-made singletons that exist already */
    size_t n_made;
    const sf_tensor **here, **fused; /* of one parameter: at this layer; of one scheme among them */
    size_t n_fused;
    memo *memos;
    size_t n_memos, cap_memos;
    uint64_t more_loading; /* unquantised matrices beside what they become */
} walk;

static sf_weight_share *share_of(walk *w, sf_str component)
{
    for (size_t i = 0; i < w->shares.n; i++)
        if (sf_str_eq(w->shares.items[i].component, component))
            return &w->shares.items[i];
    return NULL;
}

static bool count_share(walk *w, sf_str component, uint64_t bytes, uint64_t params)
{
    share_list *l = &w->shares;
    sf_weight_share *s = share_of(w, component);

    if (!s && l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 8;
        sf_weight_share *items = sf_arena_grow(w->arena, l->items, l->n, cap, sizeof *items);

        if (!items)
            return false;
        l->items = items;
        l->cap = cap;
    }
    if (!s) {
        s = &l->items[l->n++];
        *s = (sf_weight_share){.component = component};
    }
    s->bytes = sf_add_sat(s->bytes, bytes);
    s->params = sf_add_sat(s->params, params);
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

/* Parameters of the layers go to host memory in their order, until so many bytes are there (vLLM models/utils.py). */
static bool to_host(const walk *w, const sf_tensor *t)
{
    return w->sum.offloaded < w->wish->offload_bytes && t->pp == SF_PP_LAYER && t->in_checkpoint;
}

static sf_code count(walk *w, sf_str component, uint64_t bytes, uint64_t params)
{
    if (w->host) {
        w->sum.offloaded = sf_add_sat(w->sum.offloaded, bytes);
        return SF_OK;
    }
    w->sum.tensor_bytes = sf_add_sat(w->sum.tensor_bytes, bytes);
    return count_share(w, component, bytes, params) ? SF_OK : SF_E_NOMEM;
}

static sf_code add_plain(walk *w, const sf_tensor *t, uint64_t *bytes)
{
    uint64_t numel = 0, part = 0;
    sf_code rc = sf_weights_cut(w->m, t, w->wish, w->dg, &numel);

    if (rc)
        return rc;
    if (!sf_dtype_bytes(t->run_dtype ? t->run_dtype : w->wish->dtype, numel, &part))
        return sf_diag_error(w->dg, SF_E_RANGE, (sf_where){0}, NULL,
                             "tensor %.*s is larger than can be counted", SF_STR_ARG(t->name));
    *bytes = sf_add_sat(*bytes, part);
    w->sum.params = sf_add_sat(w->sum.params, numel);
    return count(w, t->component, part, numel);
}

/* The form of a quantised parameter is the same in all layers of its kind: computed once. */
static sf_code held_form(walk *w, sf_held *ret)
{
    size_t size = w->n_fused * sizeof *w->fused;
    memo *grown;
    sf_code rc;

    for (size_t i = 0; i < w->n_memos; i++)
        if (w->memos[i].n == w->n_fused && memcmp(w->memos[i].parts, w->fused, size) == 0) {
            *ret = w->memos[i].held;
            return SF_OK;
        }
    rc = sf_weights_held(w->arena, w->m, w->wish, w->fused, w->n_fused, w->dg, ret);
    if (rc || w->n_fused > MEMO_PARTS)
        return rc;
    if (w->n_memos == w->cap_memos) {
        size_t cap = w->cap_memos ? w->cap_memos * 2 : 32;

        grown = sf_arena_grow(w->arena, w->memos, w->n_memos, cap, sizeof *grown);
        if (!grown)
            return SF_E_NOMEM;
        w->memos = grown;
        w->cap_memos = cap;
    }
    grown = &w->memos[w->n_memos++];
    memcpy(grown->parts, w->fused, size);
    grown->n = w->n_fused;
    grown->held = *ret;
    return SF_OK;
}

/* A quantised parameter: several tensors, each a block of its own. */
static sf_code add_quantised(walk *w)
{
    uint64_t more;
    sf_held held;
    sf_code rc = held_form(w, &held);

    if (rc)
        return rc;
    for (size_t i = 0; i < held.n && !w->host; i++)
        if (!sf_allocator_add(w->allocator, held.bytes[i]))
            return SF_E_NOMEM;
    w->sum.params = sf_add_sat(w->sum.params, held.params);
    more = held.loading > held.total ? held.loading - held.total : 0;
    if (w->wish->whole_online)
        w->more_loading = sf_add_sat(w->more_loading, more);
    else if (more && held.loading > w->more_loading) /* one matrix at a time, beside its new form */
        w->more_loading = held.loading;
    return count(w, w->fused[0]->component, held.total, held.params);
}

/* Adds one parameter of w->fused. */
static sf_code add_param(walk *w)
{
    uint64_t bytes = 0;

    if (w->fused[0]->cls == SF_TENSOR_SCALE)
        return add_scalars(w, w->fused[0]);
    w->host = to_host(w, w->fused[0]);
    if (w->fused[0]->quant)
        return add_quantised(w);
    for (size_t i = 0; i < w->n_fused; i++) {
        sf_code rc = add_plain(w, w->fused[i], &bytes);

        if (rc)
            return rc;
    }
    return bytes == 0 || w->host || sf_allocator_add(w->allocator, bytes) ? SF_OK : SF_E_NOMEM;
}

static bool covers(const sf_tensor *t, uint64_t layer)
{
    return layer >= t->first_layer && layer - t->first_layer < t->repeat;
}

/* True when the matrix that a second copy is named after is quantised in this layer. */
static bool parent_is_quantised(const walk *w, const sf_tensor *copy, uint64_t layer)
{
    for (size_t i = 0; i < w->m->n_tensors; i++) {
        const sf_tensor *t = &w->m->tensors[i];

        if (t->quant && (!t->layered || covers(t, layer)) && sf_str_starts(copy->name, t->name))
            return true;
    }
    return false;
}

/* Prediction layers are loaded where speculation uses them; embedding and head are the model's own. */
static bool drafts(const walk *w, const sf_tensor *t)
{
    return w->wish->prediction_layers && w->m->n_mtp_kv && sf_str_is(t->component, "mtp");
}

/* An encoder that no item can reach is not made. */
static bool unused_encoder(const walk *w, const sf_tensor *t)
{
    return t->modalities && !(t->modalities & ~w->wish->modalities_unused);
}

static bool takes_part(walk *w, const sf_tensor *t, uint64_t layer)
{
    if (unused_encoder(w, t))
        return false;
    if ((!t->loaded && !drafts(w, t)) || t->packed || (t->layered && !covers(t, layer)) ||
        !on_this_rank(w, t, layer))
        return false;
    if (t->cls == SF_TENSOR_HEAD && w->wish->no_head)
        return false;
    if (t->dequantised && !parent_is_quantised(w, t, layer))
        return false; /* of an unquantised parameter the engine makes a view */
    return !t->once || first_time(w, t);
}

/* Tensors [from, to) of one parameter at this layer: those of one scheme are fused. */
static sf_code add_fused(walk *w, size_t from, size_t to, uint64_t layer)
{
    size_t n = 0;

    for (size_t i = from; i < to; i++)
        if (takes_part(w, &w->m->tensors[i], layer))
            w->here[n++] = &w->m->tensors[i];
    while (n) {
        const struct sf_quant *quant = w->here[0]->quant;
        size_t left = 0;
        sf_code rc;

        w->n_fused = 0;
        for (size_t i = 0; i < n; i++)
            if (w->here[i]->quant == quant)
                w->fused[w->n_fused++] = w->here[i];
            else
                w->here[left++] = w->here[i];
        n = left;
        rc = add_param(w);
        if (rc)
            return rc;
    }
    return SF_OK;
}

/* Tensors [from, to) that exist at this layer, neighbours of one parameter fused. */
static sf_code add_run(walk *w, size_t from, size_t to, uint64_t layer)
{
    for (size_t i = from; i < to;) {
        const sf_tensor *t = &w->m->tensors[i];
        size_t end = i + 1;
        sf_code rc;

        while (end < to && t->param.n && sf_str_eq(w->m->tensors[end].param, t->param))
            end++;
        rc = add_fused(w, i, end, layer);
        if (rc)
            return rc;
        i = end;
    }
    return SF_OK;
}

static uint64_t share_bytes(walk *w, sf_str component)
{
    const sf_weight_share *s = share_of(w, component);

    return s ? s->bytes : 0;
}

/* What one layer added: offloading moves layers. */
static void note_block(walk *w, const sf_tensor *t, uint64_t before)
{
    sf_weight_share *s = share_of(w, t->component);
    uint64_t layer = s ? s->bytes - before : 0;

    if (!s)
        return;
    s->blocks = sf_add_sat(s->blocks, layer);
    s->block = layer > s->block ? layer : s->block;
}

static void note_roles(walk *w)
{
    for (size_t i = 0; i < w->m->n_tensors; i++) {
        sf_weight_share *s = w->m->tensors[i].role ? share_of(w, w->m->tensors[i].component) : NULL;

        if (s)
            s->role = w->m->tensors[i].role;
    }
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
        uint64_t before = share_bytes(w, w->m->tensors[from].component);
        sf_code rc = add_run(w, from, to, layer);

        if (rc)
            return rc;
        note_block(w, &w->m->tensors[from], before);
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

    if (!w->m->n_encoders || !w->m->forward.deepstack || (w->wish->modalities_unused & SF_MM_IMAGE))
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
    uint64_t lora = 0;
    sf_code rc;

    w.allocator = sf_allocator_new(a, wish->allocator);
    w.made_once = SF_NEW_ARRAY(a, const sf_tensor *, m->n_tensors);
    w.here = SF_NEW_ARRAY(a, const sf_tensor *, m->n_tensors);
    w.fused = SF_NEW_ARRAY(a, const sf_tensor *, m->n_tensors);
    if (!w.allocator || !w.made_once || !w.here || !w.fused)
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
    rc = sf_weights_lora(m, wish, w.first_layer, w.end_layer, w.allocator, dg, &lora);
    if (rc)
        return rc;
    w.sum.tensor_bytes = sf_add_sat(w.sum.tensor_bytes, lora);
    if (lora && !count_share(&w, SF_STR("LoRA slots"), lora, 0))
        return SF_E_NOMEM;
    note_roles(&w);
    w.sum.loading = sf_add_sat(w.sum.tensor_bytes, w.more_loading);
    w.sum.allocated = sf_allocator_allocated(w.allocator);
    w.sum.reserved = sf_allocator_reserved(w.allocator);
    w.sum.shares = w.shares.items;
    w.sum.n_shares = w.shares.n;
    *ret = w.sum;
    return SF_OK;
}
