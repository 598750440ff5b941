/*
 * weights_memo: the weights of ranks that are alike, computed once: the ranks of a tensor-parallel stage, and the
 * rows of an estimate.  Must not know what decides a size but for the members of the wish that do not.
 */
#include "memory/need.h"

typedef struct entry {
    struct entry *next;
    const sf_model *model;
    sf_weights_wish wish;
    sf_weights weights;
} entry;

struct sf_weights_memo {
    sf_arena *arena;
    entry *entries;
};

sf_weights_memo *sf_weights_memo_new(sf_arena *a)
{
    sf_weights_memo *memo = SF_NEW(a, sf_weights_memo);

    if (memo)
        memo->arena = a;
    return memo;
}

static bool is_quantised(const sf_model *m)
{
    for (size_t i = 0; i < m->n_tensors; i++)
        if (m->tensors[i].quant)
            return true;
    return false;
}

/* The wish without what makes no difference to this model. */
static sf_weights_wish plain_wish(const sf_model *m, const sf_weights_wish *wish)
{
    sf_weights_wish w = *wish;

    w.tp_rank = 0; /* every shard is as large as the first */
    if (!w.ep)
        w.ep_rank = 0;
    if (!m->n_encoders || !m->forward.deepstack)
        w.batched_tokens = 0;
    if (w.capability && !is_quantised(m))
        w.capability = 0;
    return w;
}

static bool same_lora(const sf_lora_wish *a, const sf_lora_wish *b)
{
    return a->slots == b->slots && a->rank == b->rank && a->sharded == b->sharded &&
           a->experts == b->experts && a->vocabulary == b->vocabulary && a->extra_vocab == b->extra_vocab;
}

static bool same_layers(const sf_weights_wish *a, const sf_weights_wish *b)
{
    if (a->pp <= 1 || !a->pp_layers || !b->pp_layers)
        return a->pp <= 1 || a->pp_layers == b->pp_layers;
    return memcmp(a->pp_layers, b->pp_layers, a->pp * sizeof *a->pp_layers) == 0;
}

static bool same_wish(const sf_weights_wish *a, const sf_weights_wish *b)
{
    _Static_assert(sizeof(void *) != 8 || sizeof *a == 184,
                   "a new member of the wish is to be compared here");

    return a->tp == b->tp && a->pp == b->pp && a->ep == b->ep && a->tp_rank == b->tp_rank &&
           a->pp_rank == b->pp_rank && a->ep_rank == b->ep_rank && a->dtype == b->dtype &&
           a->allocator.max_split == b->allocator.max_split &&
           a->allocator.expandable_segments == b->allocator.expandable_segments && same_layers(a, b) &&
           a->prediction_layers == b->prediction_layers && a->attention_scalars == b->attention_scalars &&
           a->batched_tokens == b->batched_tokens && a->capability == b->capability &&
           a->release == b->release && a->whole_online == b->whole_online &&
           a->redundant_experts == b->redundant_experts && a->offload_bytes == b->offload_bytes &&
           a->no_head == b->no_head && same_lora(&a->lora, &b->lora) &&
           a->encoders_whole == b->encoders_whole && a->modalities_unused == b->modalities_unused &&
           a->encoder_tp == b->encoder_tp && a->tp_components == b->tp_components;
}

sf_code sf_weights_memo_of_rank(sf_weights_memo *memo, const sf_model *m, const sf_weights_wish *wish,
                                sf_diags *dg, sf_weights *ret)
{
    sf_weights_wish plain = plain_wish(m, wish);
    entry *e = memo->entries;
    sf_code rc;

    while (e && !(e->model == m && same_wish(&e->wish, &plain)))
        e = e->next;
    if (!e) {
        e = SF_NEW(memo->arena, entry);
        if (!e)
            return SF_E_NOMEM;
        *e = (entry){.next = memo->entries, .model = m, .wish = plain};
        rc = sf_weights_of_rank(memo->arena, m, wish, dg, &e->weights);
        if (rc)
            return rc;
        memo->entries = e;
    }
    *ret = e->weights;
    return SF_OK;
}
