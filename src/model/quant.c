/*
 * quant: expressions of quantisation data in the scope of a config.
 * Must not know what they are for.
 */
#include "model/quant.h"

static const sf_node nothing = {.kind = SF_MAP};

const sf_node *sf_quant_nothing(void)
{
    return &nothing;
}

sf_code sf_quant_scope_eval(sf_arena *a, const sf_node *root, const sf_node *section, const sf_binding *b,
                            size_t n, sf_str text, sf_where at, sf_diags *dg, sf_value *ret)
{
    sf_scope scope = {.root = root, .section = section, .bindings = b, .n_bindings = n};
    const sf_expr *e;
    sf_code rc = sf_expr_parse(a, text, at, dg, &e);

    return rc ? rc : sf_expr_eval(e, &scope, dg, ret);
}

sf_code sf_quant_scope_truth(sf_arena *a, const sf_node *root, const sf_node *section, const sf_binding *b,
                             size_t n, const sf_node *when, sf_diags *dg, bool *ret)
{
    sf_scope scope = {.root = root, .section = section, .bindings = b, .n_bindings = n};
    const sf_expr *e;
    sf_code rc;

    *ret = true;
    if (!when)
        return SF_OK;
    rc = sf_expr_parse(a, when->text, sf_node_where(when), dg, &e);
    return rc ? rc : sf_expr_eval_bool(e, &scope, dg, ret);
}

/* The parameters of the scheme and what the caller knows, in one list. */
static size_t bindings_of(const sf_quant *q, const sf_binding *extra, size_t n_extra, sf_binding *ret)
{
    memcpy(ret, q->params, q->n_params * sizeof *ret);
    if (n_extra)
        memcpy(ret + q->n_params, extra, n_extra * sizeof *ret);
    return q->n_params + n_extra;
}

enum { MAX_EXTRA = 20 };

sf_code sf_quant_i64(sf_arena *a, const sf_quant *q, sf_str text, sf_where at, const sf_binding *extra,
                     size_t n_extra, int64_t least, sf_diags *dg, int64_t *ret)
{
    sf_binding all[SF_QUANT_PARAMS + MAX_EXTRA];
    sf_scope scope = {.root = q->config, .section = q->section, .bindings = all};
    const sf_expr *e;
    sf_code rc;

    sf_bug_if(n_extra > MAX_EXTRA);
    scope.n_bindings = bindings_of(q, extra, n_extra, all);
    rc = sf_expr_parse(a, text, at, dg, &e);
    return rc ? rc : sf_expr_eval_i64(e, &scope, least, (int64_t)1 << 50, dg, ret);
}

sf_code sf_quant_truth(sf_arena *a, const sf_quant *q, const sf_node *when, const sf_binding *extra,
                       size_t n_extra, sf_diags *dg, bool *ret)
{
    sf_binding all[SF_QUANT_PARAMS + MAX_EXTRA];
    size_t n;

    sf_bug_if(n_extra > MAX_EXTRA);
    n = bindings_of(q, extra, n_extra, all);
    return sf_quant_scope_truth(a, q->config, q->section, all, n, when, dg, ret);
}

sf_str sf_quant_sign(const sf_quant *q)
{
    return sf_node_text(q->node, "sign");
}
