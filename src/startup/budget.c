/* budget: which parts each release charges against the requested memory. */
#include "startup/budget.h"

#include "memory/amount.h"

bool sf_budget_has(const sf_profile *profile, sf_part part, bool process_known)
{
    bool process = profile->kv_budget == SF_BUDGET_PROCESS && process_known;

    switch (part) {
    case SF_PART_WEIGHTS:
    case SF_PART_NON_TORCH:
    case SF_PART_GRAPHS_EST:
        return true;
    case SF_PART_ACTIVATION: /* freed again when the process's use is read */
        return !process;
    case SF_PART_CONTEXT:
        return profile->context_in_budget || process;
    case SF_PART_NCCL:
        return profile->nccl_in_budget || process;
    case SF_PART_BUFFERS: /* torch's peak, and whatever is in use, holds them */
        return profile->buffers_in_budget || process || profile->kv_budget == SF_BUDGET_ALL_USED;
    default:
        return false;
    }
}

sf_amount sf_budget_charges(sf_arena *a, const sf_profile *profile, const sf_rank_need *r, int64_t other_use,
                            bool process_known)
{
    static const sf_part order[] = {SF_PART_WEIGHTS, SF_PART_ACTIVATION, SF_PART_NON_TORCH, SF_PART_CONTEXT,
                                    SF_PART_NCCL,    SF_PART_BUFFERS,    SF_PART_GRAPHS_EST};
    sf_amount list[SF_PART_COUNT + 1], sum;
    sf_str formula = SF_STR("");
    size_t n = 0;

    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        const sf_amount *x = &r->part[order[i]];

        if (!sf_budget_has(profile, order[i], process_known) || (!x->bytes && order[i] != SF_PART_WEIGHTS))
            continue;
        formula = sf_arena_printf(a, "%.*s%s%s %.*s", SF_STR_ARG(formula), n ? " + " : "",
                                  sf_part_title(order[i]), SF_STR_ARG(sf_fmt_gib(a, x->bytes)));
        list[n++] = *x;
    }
    if (profile->kv_budget == SF_BUDGET_ALL_USED && other_use > 0) {
        list[n++] = sf_amount_exact((uint64_t)other_use, (sf_str){0}, (sf_str){0});
        formula = sf_arena_printf(a, "%.*s + other use of the GPU %.*s", SF_STR_ARG(formula),
                                  SF_STR_ARG(sf_fmt_gib(a, other_use)));
    }
    sum = sf_amount_sum(list, n);
    sum.formula = formula;
    sum.source = SF_STR("numbers.md, KV cache memory");
    return sum;
}
