/*
 * weights_lora: the slots that an engine with LoRA makes beside each linear layer when the model is loaded.
 * Per slice a pair: A, rank × inputs, and B, outputs × rank, for each adapter that may be in use at once.
 * Rule: docs/numbers.md, "Weights"; vLLM lora/layers (base_linear.py, column_parallel_linear.py, fused_moe.py,
 * vocal_parallel_embedding.py, logits_processor.py).
 */
#include "base/num.h"
#include "memory/weights_cut.h"

typedef struct slots {
    const sf_model *m;
    const sf_weights_wish *wish;
    uint64_t first_layer, end_layer;
    sf_allocator *allocator;
    uint64_t element; /* bytes */
    uint64_t bytes;
    bool failed; /* out of memory */
} slots;

/* One tensor of the engine: `each` elements for every adapter in use. */
static void add(slots *s, uint64_t each)
{
    uint64_t bytes = sf_mul_sat(sf_mul_sat(s->wish->lora.slots, each), s->element);

    s->bytes = sf_add_sat(s->bytes, bytes);
    s->failed = s->failed || (bytes && !sf_allocator_add(s->allocator, bytes));
}

static bool is_slice(const slots *s, const sf_tensor *t)
{
    if (!t->loaded || !t->in_checkpoint || t->packed || t->n_dims != 2 || t->pp != SF_PP_LAYER)
        return false;
    if (t->in_experts && !s->wish->lora.experts)
        return false;
    return t->cls == SF_TENSOR_LINEAR || t->cls == SF_TENSOR_EXPERT || t->cls == SF_TENSOR_ROUTER;
}

static uint64_t layers_here(const slots *s, const sf_tensor *t)
{
    uint64_t from = t->first_layer, to = from + t->repeat;

    from = from > s->first_layer ? from : s->first_layer;
    to = to < s->end_layer ? to : s->end_layer;
    return to > from ? to - from : 0;
}

static sf_code add_slice(slots *s, const sf_tensor *t, sf_diags *dg)
{
    uint64_t rank = s->wish->lora.rank, tp = s->wish->tp ? s->wish->tp : 1, experts = 1, a, b;
    uint64_t dims[SF_TENSOR_DIMS];
    uint64_t shared = s->wish->lora.sharded && t->shard != SF_SHARD_NONE ? tp : 1;
    bool row = t->shard == SF_SHARD_ROW;
    sf_code rc = sf_weights_cut_dims(s->m, t, s->wish, dg, dims, &experts);

    if (rc)
        return rc;
    a = sf_mul_sat(row ? rank : rank / shared, dims[1]);
    b = sf_mul_sat(row ? dims[0] / shared : dims[0], rank);
    for (uint64_t i = layers_here(s, t); i > 0; i--) {
        add(s, sf_mul_sat(experts, a));
        add(s, sf_mul_sat(experts, b));
    }
    return SF_OK;
}

/* Embedding and head: whole on each rank; older releases keep rows for tokens that adapters add. */
static void add_vocabulary(slots *s, const sf_tensor *t)
{
    bool first = s->wish->pp_rank == 0, last = s->wish->pp_rank + 1 >= s->wish->pp;
    bool head = t->cls == SF_TENSOR_HEAD || s->m->tie_word_embeddings;
    uint64_t rank = s->wish->lora.rank, extra = s->wish->lora.extra_vocab, tp = s->wish->tp ? s->wish->tp : 1;

    if (t->n_dims != 2)
        return;
    if (t->cls == SF_TENSOR_EMBED && first) {
        add(s, sf_mul_sat(t->dims[0], rank));
        add(s, sf_mul_sat(t->dims[1], rank));
        add(s, sf_mul_sat(extra, t->dims[1]) / tp);
    }
    if (head && last) {
        add(s, sf_mul_sat(t->dims[1], rank));
        add(s, sf_mul_sat(t->dims[0] + extra, rank));
        add(s, sf_mul_sat(extra, t->dims[1]));
        add(s, t->cls == SF_TENSOR_HEAD ? sf_mul_sat(extra, t->dims[1]) / tp : 0);
    }
}

sf_code sf_weights_lora(const sf_model *m, const sf_weights_wish *wish, uint64_t first_layer,
                        uint64_t end_layer, sf_allocator *allocator, sf_diags *dg, uint64_t *ret_bytes)
{
    slots s = {.m = m,
               .wish = wish,
               .first_layer = first_layer,
               .end_layer = end_layer,
               .allocator = allocator,
               .element = sf_dtype_bits(wish->dtype) / 8};

    for (size_t i = 0; wish->lora.slots && i < m->n_tensors; i++) {
        const sf_tensor *t = &m->tensors[i];
        sf_code rc = is_slice(&s, t) ? add_slice(&s, t, dg) : SF_OK;

        if (rc)
            return rc;
        if (wish->lora.vocabulary && t->loaded && t->in_checkpoint &&
            ((t->cls == SF_TENSOR_EMBED && t->pp == SF_PP_FIRST) ||
             (t->cls == SF_TENSOR_HEAD && t->pp == SF_PP_LAST)))
            add_vocabulary(&s, t);
    }
    *ret_bytes = s.bytes;
    return s.failed ? SF_E_NOMEM : SF_OK;
}
