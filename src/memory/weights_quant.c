/*
 * weights_quant: rows of a form computed for one fused parameter of one rank.
 * Must not know a format by name.  Rules: docs/quantization.md; vLLM model_executor/layers/quantization.
 */
#include "memory/weights_quant.h"

#include "memory/weights_cut.h"
#include "model/family.h"
#include "model/quant.h"

enum { N_BINDINGS = 10 };

/* Outputs and inputs of the slices that a rank has of each part, summed as the engine fuses them. */
typedef struct slice {
    uint64_t n, k, experts, shards;
} slice;

/* Slices that are cut through a group or a block are refused by the engine. */
static sf_code check_aligned(sf_arena *a, const sf_model *m, const sf_weights_wish *wish, const sf_tensor *t,
                             uint64_t n, uint64_t k, sf_diags *dg)
{
    const sf_node *rules = sf_node_get(t->quant->node, "aligned");
    sf_binding nk[] = {
        {SF_STR("n"), sf_value_i64((int64_t)n)},
        {SF_STR("k"), sf_value_i64((int64_t)k)}
    };

    for (uint32_t i = 0; wish->tp > 1 && rules && i < rules->n; i++) {
        const sf_node *r = rules->as.items[i], *say = sf_node_get(r, "slice");
        const sf_node *value = sf_node_get(r, "value"), *to = sf_node_get(r, "to");
        sf_where at = sf_node_where(r);
        int64_t v, unit;
        sf_code rc;

        if (sf_str_is(value->text, "n") ? n == t->dims[0] : k == t->dims[1])
            continue; /* whole on every rank */
        rc = sf_quant_i64(a, t->quant, value->text, at, nk, 2, 0, dg, &v);
        if (!rc)
            rc = sf_quant_i64(a, t->quant, to->text, at, nk, 2, 1, dg, &unit);
        if (rc)
            return rc;
        if (!say || v % unit == 0)
            continue;
        return sf_diag_error(
            dg, SF_E_TP_DIVIDE, sf_node_where(m->text),
            "a smaller tensor_parallel_size leaves whole groups; expert parallelism keeps experts "
            "whole",
            "%.*s (%.*s: %lld a rank, groups of %lld)", SF_STR_ARG(say->text), SF_STR_ARG(t->name),
            (long long)v, (long long)unit);
    }
    return SF_OK;
}

static sf_code add_part(sf_arena *a, const sf_model *m, const sf_weights_wish *wish, const sf_tensor *t,
                        sf_diags *dg, slice *s)
{
    uint64_t dims[SF_TENSOR_DIMS], experts, n, k;
    sf_code rc = sf_weights_cut_dims(m, t, wish, dg, dims, &experts);

    if (rc)
        return rc;
    n = dims[0];
    k = dims[1];
    s->n = sf_add_sat(s->n, n);
    s->k = k;
    s->experts = experts;
    s->shards++;
    return check_aligned(a, m, wish, t, n, k, dg);
}

/* What the expressions of a form may use beside the scheme's parameters. */
static void bindings(const sf_weights_wish *wish, const sf_tensor *t, const slice *s, sf_binding *ret)
{
    const sf_binding all[N_BINDINGS] = {
        {SF_STR("n"),         sf_value_i64((int64_t)s->n)             },
        {SF_STR("k"),         sf_value_i64((int64_t)s->k)             },
        {SF_STR("e"),         sf_value_i64((int64_t)s->experts)       },
        {SF_STR("shards"),    sf_value_i64((int64_t)s->shards)        },
        {SF_STR("is_expert"), sf_value_i64(t->cls == SF_TENSOR_EXPERT)},
        {SF_STR("is_gated"),  sf_value_i64(sf_str_starts(t->param,      SF_STR("w13")))},
        {SF_STR("capability"),                   sf_value_i64(wish->capability ? wish->capability : 100)                                       },
        {SF_STR("b"),                   sf_value_i64(sf_dtype_bits(wish->dtype) / 8)         },
        {SF_STR("tp"),                   sf_value_i64((int64_t)wish->tp)                                      },
        {SF_STR("release"),                   sf_value_i64(wish->release)    },
    };

    memcpy(ret, all, sizeof all);
}

/* The first way of the form that serves this GPU and release. */
static sf_code choose_variant(sf_arena *a, const sf_model *m, const sf_weights_wish *wish, const sf_tensor *t,
                              const sf_binding *b, sf_diags *dg, const sf_node **ret)
{
    const sf_node *variants = sf_node_get(t->quant->form, "variants"),
                  *say = sf_node_get(t->quant->form, "refused");

    for (uint32_t i = 0; variants && i < variants->n; i++) {
        bool yes;
        sf_code rc =
            sf_quant_truth(a, t->quant, sf_node_get(variants->as.items[i], "when"), b, N_BINDINGS, dg, &yes);

        if (rc)
            return rc;
        if (yes) {
            *ret = variants->as.items[i];
            return SF_OK;
        }
    }
    return sf_diag_error(dg, SF_E_QUANT_UNKNOWN, sf_node_where(m->quantization),
                         "choose a newer GPU, or a checkpoint in another format", "%.*s (capability %u)",
                         SF_STR_ARG(say ? say->text : t->quant->scheme), wish->capability);
}

static sf_code row_bytes(sf_arena *a, const sf_weights_wish *wish, const sf_tensor *t, const sf_node *node,
                         const sf_binding *b, uint64_t experts, sf_diags *dg, uint64_t *ret)
{
    sf_where at = sf_node_where(node);
    sf_family_row row;
    uint64_t numel = 1;
    bool yes = true;
    sf_dtype dtype;
    sf_code rc = sf_family_row_parse(node->text, at, dg, &row);

    *ret = 0;
    if (!rc && row.when.n) {
        sf_node when = *node;

        when.text = row.when;
        rc = sf_quant_truth(a, t->quant, &when, b, N_BINDINGS, dg, &yes);
    }
    if (rc || !yes)
        return rc;
    for (uint8_t i = 0; i < row.n_dims; i++) {
        int64_t v;

        rc = sf_quant_i64(a, t->quant, row.dims[i], at, b, N_BINDINGS, 0, dg, &v);
        if (rc)
            return rc;
        numel = sf_mul_sat(numel, (uint64_t)v);
    }
    if (!row.once)
        numel = sf_mul_sat(numel, experts);
    dtype = row.run.n ? sf_dtype_of_torch(row.run) : wish->dtype;
    if (!sf_dtype_bytes(dtype, numel, ret))
        return sf_diag_error(dg, SF_E_RANGE, at, NULL, "tensor %.*s is larger than can be counted",
                             SF_STR_ARG(t->name));
    return SF_OK;
}

sf_code sf_weights_held(sf_arena *a, const sf_model *m, const sf_weights_wish *wish,
                        const sf_tensor *const *parts, size_t n, sf_diags *dg, sf_held *ret)
{
    sf_held held = {0};
    sf_binding b[N_BINDINGS];
    const sf_node *variant = NULL, *rows;
    slice s = {0};
    sf_code rc = SF_OK;

    for (size_t i = 0; !rc && i < n; i++)
        rc = add_part(a, m, wish, parts[i], dg, &s);
    if (rc)
        return rc;
    bindings(wish, parts[0], &s, b);
    rc = choose_variant(a, m, wish, parts[0], b, dg, &variant);
    if (rc)
        return rc;
    rows = sf_node_get(variant, "rows");
    for (uint32_t i = 0; rows && i < rows->n && held.n < SF_HELD_TENSORS; i++) {
        uint64_t bytes = 0;

        rc = row_bytes(a, wish, parts[0], rows->as.items[i], b, s.experts, dg, &bytes);
        if (rc)
            return rc;
        held.bytes[held.n] = bytes;
        held.n += bytes != 0;
        held.total = sf_add_sat(held.total, bytes);
    }
    held.params = sf_mul_sat(sf_mul_sat(s.n, s.k), s.experts);
    held.loading = held.total;
    if (parts[0]->quant->online && !sf_dtype_bytes(wish->dtype, held.params, &held.loading))
        held.loading = UINT64_MAX;
    *ret = held;
    return SF_OK;
}
