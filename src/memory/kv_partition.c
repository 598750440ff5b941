/*
 * kv_partition: layers of each pipeline stage, rows of a padded vocabulary.
 * Must not know of caches.
 * Rules: docs/kv-cache.md, from vLLM distributed/utils.py and layers/vocab_parallel_embedding.py.
 */
#include "base/num.h"
#include "memory/kv.h"

enum { VOCAB_PADDING = 64, STAGES_MAX = 4096 };

uint64_t sf_vocab_padded(uint64_t vocab)
{
    return sf_round_up(vocab, VOCAB_PADDING);
}

/* VLLM_PP_LAYER_PARTITION: a list of numbers with commas, one per stage, that adds up to the layers. */
static sf_code user_layers(uint64_t layers, uint64_t pp, sf_str text, sf_diags *dg, uint64_t *ret)
{
    static const char hint[] = "give VLLM_PP_LAYER_PARTITION one number per pipeline stage, such as 16,16";
    sf_str part, rest = text;
    uint64_t sum = 0, n = 0;
    bool more = true;

    while (more) {
        uint64_t v;

        more = sf_str_split(&rest, ',', &part);
        if (!sf_parse_u64(sf_str_trim(part), &v))
            return sf_diag_error(dg, SF_E_ARG_VALUE, (sf_where){0}, hint, "Invalid partition string: %.*s",
                                 SF_STR_ARG(text));
        if (n < pp)
            ret[n] = v;
        n++;
        sum = sf_add_sat(sum, v);
    }
    if (n != pp)
        return sf_diag_error(dg, SF_E_ARG_VALUE, (sf_where){0}, hint,
                             "len(partitions)=%llu does not match pp_size=%llu.", (unsigned long long)n,
                             (unsigned long long)pp);
    if (sum != layers)
        return sf_diag_error(dg, SF_E_ARG_VALUE, (sf_where){0}, hint,
                             "sum(partitions)=%llu does not match num_hidden_layers=%llu.",
                             (unsigned long long)sum, (unsigned long long)layers);
    return SF_OK;
}

sf_code sf_pp_partition(sf_arena *a, uint64_t layers, uint64_t pp, sf_str user_partition, sf_diags *dg,
                        uint64_t **ret)
{
    uint64_t *list, rest;

    if (!pp || pp > STAGES_MAX)
        return sf_diag_error(dg, SF_E_RANGE, (sf_where){0}, "pipeline_parallel_size is 1 or more",
                             "pipeline_parallel_size is out of range");
    list = SF_NEW_ARRAY(a, uint64_t, pp);
    if (!list)
        return SF_E_NOMEM;
    if (user_partition.n) {
        sf_code rc = user_layers(layers, pp, user_partition, dg, list);

        if (rc == SF_OK)
            *ret = list;
        return rc;
    }
    rest = layers % pp;
    for (uint64_t i = 0; i < pp; i++)
        list[i] = layers / pp;
    for (uint64_t i = 0; i < rest; i++) /* the last stage has the head to carry: it gets none first */
        list[pp - 2 - i]++;
    *ret = list;
    return SF_OK;
}
