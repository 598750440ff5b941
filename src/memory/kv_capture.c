/*
 * kv_capture: the batch sizes for which CUDA graphs are captured.
 * Must not guess their memory: that is overheads'.
 * Rules: docs/kv-cache.md, from vLLM config/vllm.py and config/compilation.py (0.8 … 2026-08-17).
 */
#include <stdlib.h>

#include "base/num.h"
#include "memory/kv.h"

/* Sizes in a list that a user gave; more are a mistake. */
enum { CAPTURE_LIST_MAX = 65536, CAPTURE_SIZE_MAX = 1 << 20 };

typedef struct sizes {
    uint64_t *at;
    size_t n;
} sizes;

static void add(sizes *s, uint64_t v)
{
    s->at[s->n++] = v;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void sort_unique(sizes *s)
{
    size_t n = 0;

    qsort(s->at, s->n, sizeof *s->at, by_size);
    for (size_t i = 0; i < s->n; i++)
        if (!n || s->at[n - 1] != s->at[i])
            s->at[n++] = s->at[i];
    s->n = n;
}

/* The user's own list: sorted, each once, none above max_num_batched_tokens. */
static sf_code user_sizes(sf_arena *a, const sf_node *list, uint64_t batched_tokens, sf_diags *dg, sizes *ret)
{
    if (list->kind != SF_SEQ || list->n > CAPTURE_LIST_MAX)
        return sf_diag_error(dg, SF_E_ARG_VALUE, sf_node_where(list), "write a list such as [1, 2, 4, 8]",
                             "cudagraph_capture_sizes is not a list of sizes");
    ret->at = SF_NEW_ARRAY(a, uint64_t, list->n);
    if (!ret->at)
        return SF_E_NOMEM;
    for (size_t i = 0; i < list->n; i++) {
        const sf_node *v = list->as.items[i];

        if (v->kind != SF_INT || v->as.i < 1)
            return sf_diag_error(dg, SF_E_ARG_VALUE, sf_node_where(v), "sizes are whole numbers from 1",
                                 "\"%.*s\" is not a capture size", SF_STR_ARG(v->text));
        if ((uint64_t)v->as.i <= batched_tokens)
            add(ret, (uint64_t)v->as.i);
    }
    sort_unique(ret);
    return SF_OK;
}

/* V0 pads the largest batch to a size that is captured. */
static uint64_t padded_batch(uint64_t seqs)
{
    if (seqs <= 2)
        return seqs;
    return seqs <= 4 ? 4 : sf_round_up(seqs, 8);
}

static uint64_t largest_size(const sf_profile *p, uint64_t seqs, uint32_t spec_tokens, unsigned capability)
{
    uint64_t most = (uint64_t)p->capture_max, batch;

    if (capability / 10 == 10 && p->capture_max_sm100 > 0)
        most = (uint64_t)p->capture_max_sm100;
    if (!p->capture_by_seqs)
        return most;
    batch = p->v0 ? padded_batch(seqs) : sf_mul_sat(seqs, 2);
    if (p->capture_spec_factor)
        batch = sf_mul_sat(batch, 1 + (uint64_t)spec_tokens);
    return batch < most ? batch : most;
}

/*
 * 1, 2, 4, then steps below 256 and steps from 256 on.  Releases with one step for all (<= 0.11.0)
 * have 1, 2 and 4 whatever the largest size is.
 */
static void steps(const sf_profile *p, uint64_t most, uint64_t batched_tokens, sizes *s)
{
    uint64_t small = (uint64_t)p->capture_step_small, large = (uint64_t)p->capture_step_large;

    for (uint64_t v = 1; v <= 4; v *= 2)
        if (v <= batched_tokens && (v <= most || small == large))
            add(s, v);
    for (uint64_t v = 8; v <= most && v < 256; v += small)
        add(s, v);
    for (uint64_t v = 256; v <= most; v += large)
        add(s, v);
    if (p->capture_appends_m && batched_tokens <= most)
        add(s, batched_tokens);
    sort_unique(s);
}

sf_code sf_capture_sizes(sf_arena *a, const sf_profile *profile, uint64_t max_num_seqs,
                         uint64_t batched_tokens, uint32_t spec_tokens, unsigned capability, int64_t user_max,
                         const sf_node *user_list, sf_diags *dg, uint64_t **ret, size_t *ret_n)
{
    sizes s = {0};
    uint64_t most;

    if (!sf_node_absent(user_list)) {
        sf_code rc = user_sizes(a, user_list, batched_tokens, dg, &s);

        if (rc != SF_OK)
            return rc;
        *ret = s.at;
        *ret_n = s.n;
        return SF_OK;
    }
    most = user_max >= 0 ? (uint64_t)user_max : largest_size(profile, max_num_seqs, spec_tokens, capability);
    most = most < batched_tokens ? most : batched_tokens;
    if (most > CAPTURE_SIZE_MAX)
        return sf_diag_error(dg, SF_E_RANGE, (sf_where){0}, "the engine's own default is 512",
                             "max_cudagraph_capture_size is out of range");
    s.at = SF_NEW_ARRAY(a, uint64_t, most / 8 + 8);
    if (!s.at)
        return SF_E_NOMEM;
    if (profile->capture_step_small > 0 && profile->capture_step_large > 0)
        steps(profile, most, batched_tokens, &s);
    *ret = s.at;
    *ret_n = s.n;
    return SF_OK;
}
