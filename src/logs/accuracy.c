/*
 * accuracy: what a prediction is held against.  Rounding of the printed figures counts for the prediction.
 */
#include "logs/accuracy.h"

#include <math.h>

static const double gib = 1073741824.0;

const char *sf_cold_key(sf_cold metric)
{
    static const char *const key[SF_COLD_COUNT] = {
        [SF_COLD_WEIGHTS] = "weights",       [SF_COLD_KV_AVAILABLE] = "kv_available",
        [SF_COLD_KV_TOKENS] = "kv_tokens",   [SF_COLD_CONCURRENCY] = "concurrency",
        [SF_COLD_ACTIVATION] = "activation", [SF_COLD_NON_TORCH] = "non_torch",
        [SF_COLD_GRAPHS] = "graphs"};

    return key[metric];
}

const char *sf_given_key(sf_given metric)
{
    static const char *const key[SF_GIVEN_COUNT] = {[SF_GIVEN_BYTES_PER_TOKEN] = "kv_bytes_per_token",
                                                    [SF_GIVEN_TOKENS] = "kv_tokens",
                                                    [SF_GIVEN_BLOCKS] = "blocks",
                                                    [SF_GIVEN_NEEDED] = "needed_kv"};

    return key[metric];
}

static void hold(sf_accuracy_row *row, sf_cold metric, double low, double predicted, double high,
                 sf_printed seen, double unit)
{
    if (!sf_printed_given(seen))
        return;
    row->has[metric] = true;
    row->cold[metric] =
        (sf_pair_seen){row->truth.id, predicted, low, high, seen.value * unit, seen.half * unit};
}

static void hold_amount(sf_accuracy_row *row, sf_cold metric, const sf_amount *x, sf_printed seen)
{
    hold(row, metric, (double)x->low, (double)x->bytes, (double)x->high, seen, gib);
}

/* Tokens and concurrency follow the memory, whose band they have. */
static void hold_cache(sf_accuracy_row *row, const sf_prediction *p)
{
    const sf_truth_observed *seen = &row->truth.seen;
    double low = 0, high = 0;

    if (!p->kv || p->kv_available.bytes <= 0)
        return;
    low = (double)p->kv_available.low / (double)p->kv_available.bytes;
    high = (double)p->kv_available.high / (double)p->kv_available.bytes;
    hold_amount(row, SF_COLD_KV_AVAILABLE, &p->kv_available, seen->kv_available);
    if (p->kv->error)
        return;
    hold(row, SF_COLD_KV_TOKENS, (double)p->kv->tokens * low, (double)p->kv->tokens,
         (double)p->kv->tokens * high, seen->tokens, 1);
    if (!seen->concurrency_tokens || seen->concurrency_tokens == p->kv->max_model_len)
        hold(row, SF_COLD_CONCURRENCY, p->kv->concurrency * low, p->kv->concurrency,
             p->kv->concurrency * high, seen->concurrency, 1);
}

static void hold_cold(sf_accuracy_row *row, const sf_prediction *p)
{
    const sf_truth_observed *seen = &row->truth.seen;

    if (seen->usable_weights)
        hold_amount(row, SF_COLD_WEIGHTS, &p->weights,
                    sf_printed_given(seen->loading) ? seen->loading : seen->weights);
    if (!row->gpu_known)
        return;
    hold_amount(row, SF_COLD_ACTIVATION, &p->activation, seen->activation);
    hold_amount(row, SF_COLD_NON_TORCH, &p->non_torch, seen->non_torch);
    if (p->need->graphs)
        hold_amount(row, SF_COLD_GRAPHS, &p->graphs, seen->graphs);
    if (seen->usable_kv && !seen->failure.n)
        hold_cache(row, p);
}

static void hold_given(sf_given_seen *to, double low, double high, sf_printed seen)
{
    if (!sf_printed_given(seen))
        return;
    *to = (sf_given_seen){true, seen.value + seen.half >= low && seen.value - seen.half <= high, low, high,
                          seen.value};
}

/* The cache that the printed memory gives, at both ends of its rounding. */
static sf_code hold_arithmetic(sf_arena *a, const sf_prediction *p, sf_accuracy_row *row)
{
    const sf_truth_observed *seen = &row->truth.seen;
    const sf_kv_result *low = NULL, *high = NULL;
    sf_printed k = seen->kv_available, per_token = {.value = NAN};
    double from = (k.value - k.half) * gib, to = (k.value + k.half) * gib;
    sf_code rc;

    if (!sf_printed_given(k) || !p->need->has_kv || from <= 0)
        return SF_OK;
    rc = sf_predict_given(a, p, (int64_t)from, NULL, &low);
    if (!rc)
        rc = sf_predict_given(a, p, (int64_t)to, NULL, &high);
    if (rc)
        return rc == SF_E_NOMEM ? rc : SF_OK;
    if (high->error)
        return SF_OK;
    hold_given(&row->given[SF_GIVEN_TOKENS], (double)low->tokens, (double)high->tokens, seen->tokens);
    hold_given(&row->given[SF_GIVEN_BLOCKS], (double)low->num_blocks, (double)high->num_blocks, seen->blocks);
    if (!sf_printed_given(seen->tokens) || seen->tokens.value <= 0 || !low->tokens)
        return SF_OK;
    per_token.value = k.value * gib / seen->tokens.value;
    hold_given(&row->given[SF_GIVEN_BYTES_PER_TOKEN], from / (double)high->tokens, to / (double)low->tokens,
               per_token);
    return SF_OK;
}

/* What one request of the longest length needs, as the error texts say it. */
static sf_code hold_needed(sf_arena *a, const sf_prediction *p, sf_accuracy_row *row)
{
    sf_printed seen = row->truth.seen.needed_kv;
    uint64_t needed = 0;
    sf_code rc;

    if (!sf_printed_given(seen) || !p->need->has_kv)
        return SF_OK;
    rc = sf_kv_needed(a, p->profile, &p->need->kv, p->need->max_model_len, NULL, &needed);
    if (rc)
        return rc == SF_E_NOMEM ? rc : SF_OK;
    hold_given(&row->given[SF_GIVEN_NEEDED], (double)needed / gib, (double)needed / gib, seen);
    return SF_OK;
}

/* Kinds of failure that a replay decides; others happen later, or are no matter of memory. */
static const struct {
    const char *kind;
    sf_code codes[3];
} kinds[] = {
    {"free_memory_check",      {SF_E_FREE_MEMORY}                      },
    {"no_cache_blocks",        {SF_E_NO_KV, SF_E_KV_SHORT}             },
    {"max_seq_len_exceeds_kv", {SF_E_KV_SHORT, SF_E_NO_KV}             },
    {"oom_loading",            {SF_E_WEIGHTS_OOM, SF_E_OOM}            },
    {"oom_profiling",          {SF_E_OOM, SF_E_NO_KV, SF_E_WEIGHTS_OOM}},
};

static void judge_verdict(const sf_prediction *p, sf_accuracy_row *row)
{
    sf_str kind = row->truth.seen.failure;

    row->failure = p->failure;
    if (!row->gpu_known || !row->truth.seen.usable_kv)
        return;
    if (!kind.n) {
        row->verdict_scored = true;
        row->verdict_right = !p->failure;
        return;
    }
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (!sf_str_is(kind, kinds[i].kind))
            continue;
        row->verdict_scored = true;
        for (size_t k = 0; k < 3; k++)
            row->verdict_right |= kinds[i].codes[k] && p->failure == kinds[i].codes[k];
    }
}

sf_code sf_accuracy_judge(sf_arena *a, const sf_prediction *p, sf_accuracy_row *row)
{
    sf_code rc = SF_OK;

    hold_cold(row, p);
    judge_verdict(p, row);
    if (!row->truth.seen.usable_kv)
        return SF_OK;
    rc = hold_arithmetic(a, p, row);
    return rc ? rc : hold_needed(a, p, row);
}
