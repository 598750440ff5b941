/* accuracy_sum: the figures of many rows, and of the rows of each family, GPU, release and TP size. */
#include "logs/accuracy.h"

static sf_code score(sf_arena *a, const sf_accuracy_row *const *rows, size_t n, sf_cold metric, sf_score *ret)
{
    sf_pair_seen *pairs = SF_NEW_ARRAY(a, sf_pair_seen, n + 1);
    size_t k = 0;

    if (!pairs)
        return SF_E_NOMEM;
    for (size_t i = 0; i < n; i++)
        if (!rows[i]->reason.n && rows[i]->has[metric])
            pairs[k++] = rows[i]->cold[metric];
    return sf_score_of(a, pairs, k, ret);
}

static sf_str label(sf_arena *a, const sf_accuracy_row *row, unsigned by)
{
    switch (by) {
    case 0:
        return row->family;
    case 1:
        return row->gpu;
    case 2:
        return row->release;
    default:
        return sf_arena_printf(a, "%lld",
                               (long long)sf_args_i64(&row->truth.in.args, SF_ARG_tensor_parallel_size, 1));
    }
}

static sf_code add_groups(sf_arena *a, const sf_accuracy_row *const *rows, size_t n, unsigned by,
                          sf_accuracy_group *groups, size_t *n_groups)
{
    static const char *const names[] = {"family", "gpu", "release", "tensor_parallel_size"};
    const sf_accuracy_row **own = SF_NEW_ARRAY(a, const sf_accuracy_row *, n + 1);
    sf_str *labels = SF_NEW_ARRAY(a, sf_str, n + 1);

    if (!own || !labels)
        return SF_E_NOMEM;
    for (size_t i = 0; i < n; i++)
        labels[i] = label(a, rows[i], by);
    for (size_t i = 0; i < n; i++) {
        sf_accuracy_group *g = &groups[*n_groups];
        size_t k = 0, first = 0;
        sf_code rc;

        while (!sf_str_eq(labels[first], labels[i]))
            first++;
        if (first < i || !labels[i].n)
            continue;
        for (size_t j = i; j < n; j++)
            if (sf_str_eq(labels[j], labels[i]))
                own[k++] = rows[j];
        *g = (sf_accuracy_group){.by = sf_str_of(names[by]), .name = labels[i]};
        rc = score(a, own, k, SF_COLD_WEIGHTS, &g->weights);
        if (!rc)
            rc = score(a, own, k, SF_COLD_KV_AVAILABLE, &g->kv_available);
        if (rc)
            return rc;
        *n_groups += g->weights.n || g->kv_available.n;
    }
    return SF_OK;
}

sf_code sf_accuracy_sum(sf_arena *a, const sf_accuracy_row *rows, size_t n, sf_accuracy *ret)
{
    const sf_accuracy_row **all = SF_NEW_ARRAY(a, const sf_accuracy_row *, n + 1);
    sf_accuracy_group *groups = SF_NEW_ARRAY(a, sf_accuracy_group, 4 * n + 1);
    sf_code rc = SF_OK;

    *ret = (sf_accuracy){.groups = groups};
    if (!all || !groups)
        return SF_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        all[i] = &rows[i];
        for (int m = 0; m < SF_GIVEN_COUNT; m++) {
            ret->given[m].n += rows[i].given[m].compared;
            ret->given[m].exact += rows[i].given[m].exact;
        }
        ret->verdict.n += rows[i].verdict_scored;
        ret->verdict.exact += rows[i].verdict_scored && rows[i].verdict_right;
    }
    for (sf_cold m = 0; m < SF_COLD_COUNT && !rc; m++)
        rc = score(a, all, n, m, &ret->cold[m]);
    for (unsigned by = 0; by < 4 && !rc; by++)
        rc = add_groups(a, all, n, by, groups, &ret->n_groups);
    return rc;
}
