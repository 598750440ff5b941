/* budget: which parts each release charges against the requested memory. */
#include "startup/budget.h"

#include "memory/amount.h"

bool sf_budget_keeps_activation(const sf_profile *profile, bool process_known)
{
    return !(profile->kv_budget == SF_BUDGET_PROCESS && process_known);
}

/* Adds a part to the list and its figure to the formula. */
static void charge(sf_arena *a, const sf_rank_need *r, sf_part part, sf_amount *list, size_t *n,
                   sf_str *formula)
{
    const sf_amount *x = &r->part[part];

    if (!x->bytes && part != SF_PART_WEIGHTS)
        return;
    *formula = sf_arena_printf(a, "%.*s%s%s %.*s", SF_STR_ARG(*formula), *n ? " + " : "", sf_part_title(part),
                               SF_STR_ARG(sf_fmt_gib(a, x->bytes)));
    list[(*n)++] = *x;
}

sf_amount sf_budget_charges(sf_arena *a, const sf_profile *profile, const sf_rank_need *r, int64_t other_use,
                            bool process_known)
{
    sf_amount list[SF_PART_COUNT + 1];
    size_t n = 0;
    sf_str formula = SF_STR("");
    bool process = profile->kv_budget == SF_BUDGET_PROCESS && process_known;
    bool all = profile->kv_budget == SF_BUDGET_ALL_USED;
    sf_amount sum;

    charge(a, r, SF_PART_WEIGHTS, list, &n, &formula);
    if (!process)
        charge(a, r, SF_PART_ACTIVATION, list, &n, &formula);
    charge(a, r, SF_PART_NON_TORCH, list, &n, &formula);
    if (profile->context_in_budget || process)
        charge(a, r, SF_PART_CONTEXT, list, &n, &formula);
    if (profile->nccl_in_budget || process)
        charge(a, r, SF_PART_NCCL, list, &n, &formula);
    if (profile->buffers_in_budget || process || all)
        charge(a, r, SF_PART_BUFFERS, list, &n, &formula);
    if (r->part[SF_PART_GRAPHS_EST].bytes > 0)
        charge(a, r, SF_PART_GRAPHS_EST, list, &n, &formula);
    if (all && other_use > 0) {
        list[n++] = sf_amount_exact((uint64_t)other_use, (sf_str){0}, (sf_str){0});
        formula = sf_arena_printf(a, "%.*s + other use of the GPU %.*s", SF_STR_ARG(formula),
                                  SF_STR_ARG(sf_fmt_gib(a, other_use)));
    }
    sum = sf_amount_sum(list, n);
    sum.formula = formula;
    sum.source = SF_STR("numbers.md, KV cache memory");
    return sum;
}
