/*
 * expr_call: the functions of expressions, over arguments that are computed already.
 * Must not evaluate: expr_eval does, also what `most` needs.
 */
#include "model/expr_tree.h"

/* Sum or product over a list of numbers. */
static sf_code fold_list(const sf_expr *e, const sf_scope *scope, const sf_value *list, sf_diags *dg,
                         sf_value *ret)
{
    sf_value total = sf_value_i64(e->fn == SF_FN_PROD);

    for (uint32_t i = 0; i < list->node->n; i++) {
        sf_value v = sf_expr_of_node(sf_node_item(list->node, i), e->text);
        sf_code rc;

        if (!sf_expr_is_number(&v))
            return sf_expr_fail(e, scope, list, dg, "a list of numbers is expected");
        if (total.kind == SF_VAL_INT && v.kind == SF_VAL_INT)
            rc = sf_expr_arith_int(e, scope, e->fn == SF_FN_PROD ? SF_OP_MUL : SF_OP_ADD, total.i, v.i, dg,
                                   &total);
        else
            rc = sf_expr_arith_float(e, scope, e->fn == SF_FN_PROD ? SF_OP_MUL : SF_OP_ADD,
                                     sf_expr_double(&total), sf_expr_double(&v), dg, &total);
        if (rc)
            return rc;
    }
    *ret = total;
    return SF_OK;
}

static sf_code call_list(const sf_expr *e, const sf_scope *scope, const sf_value *v, sf_diags *dg,
                         sf_value *ret)
{
    if (e->fn == SF_FN_LEN && (v[0].kind == SF_VAL_NODE || v[0].kind == SF_VAL_STR)) {
        *ret = sf_value_i64((int64_t)sf_expr_length(&v[0]));
        return SF_OK;
    }
    if (e->fn == SF_FN_CONTAINS && v[0].kind == SF_VAL_STR) {
        if (v[1].kind != SF_VAL_STR)
            return sf_expr_fail(e, scope, &v[1], dg, "a text is expected");
        *ret = sf_value_i64(sf_str_find(v[0].s, v[1].s) >= 0);
        return SF_OK;
    }
    if (v[0].kind != SF_VAL_NODE || v[0].node->kind != SF_SEQ)
        return sf_expr_fail(e, scope, &v[0], dg, "a list is expected");
    if (e->fn != SF_FN_CONTAINS)
        return fold_list(e, scope, &v[0], dg, ret);
    *ret = sf_value_i64(0);
    for (uint32_t i = 0; i < v[0].node->n; i++) {
        sf_value item = sf_expr_of_node(sf_node_item(v[0].node, i), e->text);
        bool same = false;

        if (sf_expr_equal(&item, &v[1], &same) && same)
            *ret = sf_value_i64(1);
    }
    return SF_OK;
}

static sf_code call_int(const sf_expr *e, const sf_scope *scope, const sf_value *v, sf_diags *dg,
                        sf_value *ret)
{
    int64_t a = v[0].i, b = e->n_args > 1 ? v[1].i : 0;
    sf_value r = sf_value_i64(1);

    for (uint32_t i = 0; i < e->n_args; i++)
        if (v[i].kind != SF_VAL_INT)
            return sf_expr_fail(e, scope, &v[i], dg, "an integer is expected");
    if (e->fn == SF_FN_CDIV || e->fn == SF_FN_EXACT) {
        if (b <= 0)
            return sf_expr_fail(e, scope, &v[1], dg, "division by zero or by a negative number");
        if (e->fn == SF_FN_EXACT && a % b != 0)
            return sf_expr_fail(e, scope, &v[0], dg, "the division leaves a remainder");
        *ret = sf_value_i64(sf_expr_floor_div(a, b) + (e->fn == SF_FN_CDIV && a % b != 0));
        return SF_OK;
    }
    if (e->fn == SF_FN_POW2CEIL) {
        if (a < 0 || a > (int64_t)1 << 62)
            return sf_expr_fail(e, scope, &v[0], dg, "a number that is too large");
        while (r.i < a)
            r.i *= 2;
        *ret = r;
        return SF_OK;
    }
    if (b < 0 || b > 64)
        return sf_expr_fail(e, scope, &v[1], dg, "an exponent from 0 to 64 is expected");
    for (int64_t i = 0; i < b; i++) {
        sf_code rc = sf_expr_arith_int(e, scope, SF_OP_MUL, r.i, a, dg, &r);

        if (rc)
            return rc;
    }
    *ret = r;
    return SF_OK;
}

static sf_code call_number(const sf_expr *e, const sf_scope *scope, const sf_value *v, sf_diags *dg,
                           sf_value *ret)
{
    for (uint32_t i = 0; i < e->n_args; i++)
        if (!sf_expr_is_number(&v[i]))
            return sf_expr_fail(e, scope, &v[i], dg, "a number is expected");
    *ret = v[0];
    for (uint32_t i = 1; i < e->n_args; i++) {
        bool both = ret->kind == SF_VAL_INT && v[i].kind == SF_VAL_INT;
        bool less = both ? v[i].i < ret->i : sf_expr_double(&v[i]) < sf_expr_double(ret);

        if (less == (e->fn == SF_FN_MIN))
            *ret = v[i];
    }
    if (e->fn == SF_FN_FLOAT)
        *ret = (sf_value){.kind = SF_VAL_FLOAT, .f = sf_expr_double(&v[0])};
    if (e->fn == SF_FN_FLOOR && v[0].kind == SF_VAL_FLOAT) {
        int64_t i;

        if (!sf_expr_floor(v[0].f, &i))
            return sf_expr_fail(e, scope, &v[0], dg, "a number that is too large");
        *ret = sf_value_i64(i);
    }
    ret->node = NULL;
    return SF_OK;
}

/* An item of a list; a single value in its place stands for every item. */
static sf_code call_at(const sf_expr *e, const sf_scope *scope, const sf_value *v, sf_diags *dg,
                       sf_value *ret)
{
    if (v[0].kind != SF_VAL_NODE || v[0].node->kind != SF_SEQ) {
        *ret = v[0];
        return SF_OK;
    }
    if (v[1].kind != SF_VAL_INT || v[1].i < 0 || (uint64_t)v[1].i >= v[0].node->n)
        return sf_expr_fail(e, scope, &v[0], dg, "the list is too short");
    *ret = sf_expr_of_node(sf_node_item(v[0].node, (size_t)v[1].i), e->text);
    return SF_OK;
}

sf_code sf_expr_call(const sf_expr *e, const sf_scope *scope, const sf_value *v, sf_diags *dg, sf_value *ret)
{
    switch (e->fn) {
    case SF_FN_AT:
        return call_at(e, scope, v, dg, ret);
    case SF_FN_HAS:
        *ret = sf_value_i64(v[0].kind != SF_VAL_MISSING);
        return SF_OK;
    case SF_FN_LEN:
    case SF_FN_SUM:
    case SF_FN_PROD:
    case SF_FN_CONTAINS:
        return call_list(e, scope, v, dg, ret);
    case SF_FN_COUNT:
        *ret = sf_value_i64(v[0].kind == SF_VAL_NODE ? v[0].node->n : 1);
        return SF_OK;
    case SF_FN_STARTS:
        if (v[0].kind != SF_VAL_STR || v[1].kind != SF_VAL_STR)
            return sf_expr_fail(e, scope, &v[0], dg, "a text is expected");
        *ret = sf_value_i64(sf_str_starts(v[0].s, v[1].s));
        return SF_OK;
    case SF_FN_CDIV:
    case SF_FN_EXACT:
    case SF_FN_POW:
    case SF_FN_POW2CEIL:
        return call_int(e, scope, v, dg, ret);
    default:
        return call_number(e, scope, v, dg, ret);
    }
}
