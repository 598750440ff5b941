/*
 * expr_eval: computing the expressions of model families over a config section.
 * Must not wrap, guess or skip: overflow, wrong types and division by zero are SF_E_EXPR.
 * A missing key travels through operators until `??`, has() or the end meets it.
 */
#include "model/expr.h"
#include "model/expr_tree.h"

static sf_code eval(const sf_expr *e, const sf_scope *scope, sf_diags *dg, sf_value *ret);

/* Errors point at the user's config; the expression and its place in the family file come second. */
static sf_code fail(const sf_expr *e, const sf_scope *scope, const sf_value *v, sf_diags *dg,
                    const char *what)
{
    const sf_node *where = v && v->node ? v->node : scope->section;
    sf_where at = where ? sf_node_where(where) : sf_expr_where(e);
    sf_code rc;

    at.len = where && where->kind <= SF_STRING ? at.len : 0;
    if (where && where->kind <= SF_STRING)
        rc = sf_diag_error(dg, SF_E_EXPR, at, "check this value in config.json",
                           "%.*s cannot be used here: %s", SF_STR_ARG(where->text), what);
    else
        rc = sf_diag_error(dg, SF_E_EXPR, at, "check the values that it uses in config.json",
                           "`%.*s` cannot be computed: %s", SF_STR_ARG(e->text), what);
    if (where)
        sf_diag_related(dg, sf_expr_where(e), "the model family computes it here");
    return rc;
}

sf_code sf_expr_missing(const sf_expr *e, const sf_scope *scope, const sf_value *v, sf_diags *dg)
{
    sf_where at = scope->section ? sf_node_where_key(scope->section, v->s) : sf_expr_where(e);
    sf_code rc =
        sf_diag_error(dg, SF_E_CONFIG_KEY, at, "add the key to config.json, or give it with --hf-overrides",
                      "config.json has no `%.*s`, which the layout of the model needs", SF_STR_ARG(v->s));

    if (scope->section)
        sf_diag_related(dg, sf_expr_where(e), "the model family computes it here");
    return rc;
}

static sf_value missing(sf_str key)
{
    return (sf_value){.kind = SF_VAL_MISSING, .s = key};
}

static sf_value of_node(const sf_node *n, sf_str key)
{
    if (!n || sf_node_absent(n))
        return missing(key);
    switch (n->kind) {
    case SF_BOOL:
        return (sf_value){.kind = SF_VAL_INT, .i = n->as.b, .node = n};
    case SF_INT:
        return (sf_value){.kind = SF_VAL_INT, .i = n->as.i, .node = n};
    case SF_FLOAT:
        return (sf_value){.kind = SF_VAL_FLOAT, .f = n->as.f, .node = n};
    case SF_STRING:
        return (sf_value){.kind = SF_VAL_STR, .s = n->text, .node = n};
    default:
        return sf_value_node(n);
    }
}

/* Follows `a.b` down from a map. */
static sf_value walk(const sf_node *n, sf_str path, sf_str key)
{
    sf_str part;

    for (bool more = path.n > 0; more && n;) {
        more = sf_str_split(&path, '.', &part);
        n = sf_node_get_str(n, part);
    }
    return of_node(n, key);
}

/* What a bound name has behind its dots. */
static sf_value of_value(const sf_expr *e, const sf_value *v)
{
    if (!e->path.n || v->kind == SF_VAL_MISSING)
        return *v;
    return walk(v->kind == SF_VAL_NODE ? v->node : NULL, e->path, e->text);
}

static sf_value eval_name(const sf_expr *e, const sf_scope *scope)
{
    if (scope->item && sf_str_is(e->name, "v"))
        return of_value(e, scope->item);
    for (size_t i = scope->n_bindings; i-- > 0;)
        if (sf_str_eq(scope->bindings[i].name, e->name))
            return of_value(e, &scope->bindings[i].value);
    return walk(sf_node_get_str(scope->section, e->name), e->path, e->text);
}

static bool is_number(const sf_value *v)
{
    return v->kind == SF_VAL_INT || v->kind == SF_VAL_FLOAT;
}

static double as_double(const sf_value *v)
{
    return v->kind == SF_VAL_INT ? (double)v->i : v->f;
}

static bool truth(const sf_value *v)
{
    switch (v->kind) {
    case SF_VAL_INT:
        return v->i != 0;
    case SF_VAL_FLOAT:
        return v->f != 0;
    case SF_VAL_STR:
        return v->s.n > 0;
    case SF_VAL_NODE:
        return v->node && v->node->n > 0;
    default:
        return false;
    }
}

/* False when the two cannot be compared. */
static bool equal(const sf_value *a, const sf_value *b, bool *ret)
{
    if (is_number(a) && is_number(b))
        *ret = a->kind == SF_VAL_INT && b->kind == SF_VAL_INT ? a->i == b->i : as_double(a) == as_double(b);
    else if (a->kind == SF_VAL_STR && b->kind == SF_VAL_STR)
        *ret = sf_str_eq(a->s, b->s);
    else if (a->kind == SF_VAL_NODE || b->kind == SF_VAL_NODE)
        return false;
    else
        *ret = false; /* a text is not a number */
    return true;
}

/* floor() of a double that fits an integer; false when it does not. */
static bool floor_i64(double f, int64_t *ret)
{
    int64_t i;

    if (!(f > -9.2e18 && f < 9.2e18))
        return false;
    i = (int64_t)f;
    *ret = i - ((double)i > f);
    return true;
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

static sf_code arith_float(const sf_expr *e, const sf_scope *scope, sf_expr_op op, double a, double b,
                           sf_diags *dg, sf_value *ret)
{
    double f;

    if (op == SF_OP_MOD)
        return fail(e, scope, NULL, dg, "a remainder of a fraction");
    if (op == SF_OP_DIV && b == 0)
        return fail(e, scope, NULL, dg, "division by zero");
    f = op == SF_OP_ADD ? a + b : op == SF_OP_SUB ? a - b : op == SF_OP_MUL ? a * b : a / b;
    if (!(f > -1e300 && f < 1e300))
        return fail(e, scope, NULL, dg, "a number without bounds");
    *ret = (sf_value){.kind = SF_VAL_FLOAT, .f = f};
    return SF_OK;
}

static sf_code arith_int(const sf_expr *e, const sf_scope *scope, sf_expr_op op, int64_t a, int64_t b,
                         sf_diags *dg, sf_value *ret)
{
    int64_t r = 0;
    bool over = false;

    if (op == SF_OP_DIV || op == SF_OP_MOD) {
        if (b == 0)
            return fail(e, scope, NULL, dg, "division by zero");
        over = a == INT64_MIN && b == -1;
        if (!over)
            r = op == SF_OP_DIV ? floor_div(a, b) : a - floor_div(a, b) * b;
    } else if (op == SF_OP_ADD) {
        over = __builtin_add_overflow(a, b, &r);
    } else if (op == SF_OP_SUB) {
        over = __builtin_sub_overflow(a, b, &r);
    } else {
        over = __builtin_mul_overflow(a, b, &r);
    }
    if (over)
        return fail(e, scope, NULL, dg, "a number that is too large");
    *ret = sf_value_i64(r);
    return SF_OK;
}

static sf_code eval_arith(const sf_expr *e, const sf_scope *scope, const sf_value *a, const sf_value *b,
                          sf_diags *dg, sf_value *ret)
{
    if (!is_number(a))
        return fail(e, scope, a, dg, "a number is expected");
    if (!is_number(b))
        return fail(e, scope, b, dg, "a number is expected");
    if (a->kind == SF_VAL_INT && b->kind == SF_VAL_INT)
        return arith_int(e, scope, e->op, a->i, b->i, dg, ret);
    return arith_float(e, scope, e->op, as_double(a), as_double(b), dg, ret);
}

static sf_code eval_compare(const sf_expr *e, const sf_scope *scope, const sf_value *a, const sf_value *b,
                            sf_diags *dg, sf_value *ret)
{
    bool yes = false;

    if (e->op == SF_OP_EQ || e->op == SF_OP_NE) {
        if (!equal(a, b, &yes))
            return fail(e, scope, a->kind == SF_VAL_NODE ? a : b, dg, "a list cannot be compared");
        *ret = sf_value_i64(e->op == SF_OP_EQ ? yes : !yes);
        return SF_OK;
    }
    if (!is_number(a) || !is_number(b))
        return fail(e, scope, is_number(a) ? b : a, dg, "a number is expected");
    if (a->kind == SF_VAL_INT && b->kind == SF_VAL_INT)
        yes = e->op == SF_OP_LT   ? a->i < b->i
              : e->op == SF_OP_LE ? a->i <= b->i
              : e->op == SF_OP_GT ? a->i > b->i
                                  : a->i >= b->i;
    else
        yes = e->op == SF_OP_LT   ? as_double(a) < as_double(b)
              : e->op == SF_OP_LE ? as_double(a) <= as_double(b)
              : e->op == SF_OP_GT ? as_double(a) > as_double(b)
                                  : as_double(a) >= as_double(b);
    *ret = sf_value_i64(yes);
    return SF_OK;
}

static sf_code eval_binary(const sf_expr *e, const sf_scope *scope, sf_diags *dg, sf_value *ret)
{
    sf_value a = {0}, b = {0};
    sf_code rc = eval(e->arg[0], scope, dg, &a);

    if (rc)
        return rc;
    if (e->op == SF_OP_ELSE) {
        *ret = a;
        return a.kind == SF_VAL_MISSING ? eval(e->arg[1], scope, dg, ret) : SF_OK;
    }
    if (a.kind == SF_VAL_MISSING || (e->op == SF_OP_AND && !truth(&a)) || (e->op == SF_OP_OR && truth(&a))) {
        *ret = a.kind == SF_VAL_MISSING ? a : sf_value_i64(e->op == SF_OP_OR);
        return SF_OK;
    }
    rc = eval(e->arg[1], scope, dg, &b);
    if (rc)
        return rc;
    if (b.kind == SF_VAL_MISSING) {
        *ret = b;
        return SF_OK;
    }
    if (e->op == SF_OP_AND || e->op == SF_OP_OR) {
        *ret = sf_value_i64(truth(&b));
        return SF_OK;
    }
    return e->op >= SF_OP_ADD ? eval_arith(e, scope, &a, &b, dg, ret)
                              : eval_compare(e, scope, &a, &b, dg, ret);
}

static sf_code eval_unary(const sf_expr *e, const sf_scope *scope, sf_diags *dg, sf_value *ret)
{
    sf_value a = {0};
    sf_code rc = eval(e->arg[0], scope, dg, &a);

    if (rc || a.kind == SF_VAL_MISSING) {
        *ret = a;
        return rc;
    }
    if (e->op == SF_OP_NOT) {
        *ret = sf_value_i64(!truth(&a));
        return SF_OK;
    }
    if (!is_number(&a))
        return fail(e, scope, &a, dg, "a number is expected");
    if (a.kind == SF_VAL_INT)
        return arith_int(e, scope, SF_OP_SUB, 0, a.i, dg, ret);
    *ret = (sf_value){.kind = SF_VAL_FLOAT, .f = -a.f};
    return SF_OK;
}

/* Items of a list, bytes of a text: layer patterns such as "M*E-" have one letter a layer. */
static uint64_t length(const sf_value *v)
{
    return v->kind == SF_VAL_STR ? v->s.n : v->node->n;
}

static sf_code eval_index(const sf_expr *e, const sf_scope *scope, sf_diags *dg, sf_value *ret)
{
    sf_value list = {0}, index = {0};
    const sf_node *item;
    sf_code rc = eval(e->arg[0], scope, dg, &list);

    if (!rc && list.kind != SF_VAL_MISSING)
        rc = eval(e->arg[1], scope, dg, &index);
    if (rc)
        return rc;
    if (list.kind == SF_VAL_MISSING || index.kind == SF_VAL_MISSING) {
        *ret = list.kind == SF_VAL_MISSING ? list : index;
        return SF_OK;
    }
    if (list.kind != SF_VAL_STR && (list.kind != SF_VAL_NODE || list.node->kind != SF_SEQ))
        return fail(e, scope, &list, dg, "a list is expected");
    if (index.kind != SF_VAL_INT)
        return fail(e, scope, &index, dg, "an integer is expected");
    if (index.i < 0 || (uint64_t)index.i >= length(&list))
        return fail(e, scope, &list, dg, "the list is too short");
    if (list.kind == SF_VAL_STR) {
        *ret = (sf_value){.kind = SF_VAL_STR,
                          .s = sf_str_sub(list.s, (size_t)index.i, (size_t)index.i + 1),
                          .node = list.node};
        return SF_OK;
    }
    item = sf_node_item(list.node, (size_t)index.i);
    *ret = e->path.n ? walk(item, e->path, e->text) : of_node(item, e->text);
    return SF_OK;
}

static sf_code eval_if(const sf_expr *e, const sf_scope *scope, sf_diags *dg, sf_value *ret)
{
    sf_value c = {0};
    sf_code rc = eval(e->arg[0], scope, dg, &c);

    if (rc || c.kind == SF_VAL_MISSING) {
        *ret = c;
        return rc;
    }
    return eval(e->arg[truth(&c) ? 1 : 2], scope, dg, ret);
}

/* Sum or product over a list of numbers. */
static sf_code fold_list(const sf_expr *e, const sf_scope *scope, const sf_value *list, sf_diags *dg,
                         sf_value *ret)
{
    sf_value total = sf_value_i64(e->fn == SF_FN_PROD);

    for (uint32_t i = 0; i < list->node->n; i++) {
        sf_value v = of_node(sf_node_item(list->node, i), e->text);
        sf_code rc;

        if (!is_number(&v))
            return fail(e, scope, list, dg, "a list of numbers is expected");
        if (total.kind == SF_VAL_INT && v.kind == SF_VAL_INT)
            rc = arith_int(e, scope, e->fn == SF_FN_PROD ? SF_OP_MUL : SF_OP_ADD, total.i, v.i, dg, &total);
        else
            rc = arith_float(e, scope, e->fn == SF_FN_PROD ? SF_OP_MUL : SF_OP_ADD, as_double(&total),
                             as_double(&v), dg, &total);
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
        *ret = sf_value_i64((int64_t)length(&v[0]));
        return SF_OK;
    }
    if (e->fn == SF_FN_CONTAINS && v[0].kind == SF_VAL_STR) {
        if (v[1].kind != SF_VAL_STR)
            return fail(e, scope, &v[1], dg, "a text is expected");
        *ret = sf_value_i64(sf_str_find(v[0].s, v[1].s) >= 0);
        return SF_OK;
    }
    if (v[0].kind != SF_VAL_NODE || v[0].node->kind != SF_SEQ)
        return fail(e, scope, &v[0], dg, "a list is expected");
    if (e->fn != SF_FN_CONTAINS)
        return fold_list(e, scope, &v[0], dg, ret);
    *ret = sf_value_i64(0);
    for (uint32_t i = 0; i < v[0].node->n; i++) {
        sf_value item = of_node(sf_node_item(v[0].node, i), e->text);
        bool same = false;

        if (equal(&item, &v[1], &same) && same)
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
            return fail(e, scope, &v[i], dg, "an integer is expected");
    if (e->fn == SF_FN_CDIV || e->fn == SF_FN_EXACT) {
        if (b <= 0)
            return fail(e, scope, &v[1], dg, "division by zero or by a negative number");
        if (e->fn == SF_FN_EXACT && a % b != 0)
            return fail(e, scope, &v[0], dg, "the division leaves a remainder");
        *ret = sf_value_i64(floor_div(a, b) + (e->fn == SF_FN_CDIV && a % b != 0));
        return SF_OK;
    }
    if (e->fn == SF_FN_POW2CEIL) {
        if (a < 0 || a > (int64_t)1 << 62)
            return fail(e, scope, &v[0], dg, "a number that is too large");
        while (r.i < a)
            r.i *= 2;
        *ret = r;
        return SF_OK;
    }
    if (b < 0 || b > 64)
        return fail(e, scope, &v[1], dg, "an exponent from 0 to 64 is expected");
    for (int64_t i = 0; i < b; i++) {
        sf_code rc = arith_int(e, scope, SF_OP_MUL, r.i, a, dg, &r);

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
        if (!is_number(&v[i]))
            return fail(e, scope, &v[i], dg, "a number is expected");
    *ret = v[0];
    for (uint32_t i = 1; i < e->n_args; i++) {
        bool both = ret->kind == SF_VAL_INT && v[i].kind == SF_VAL_INT;
        bool less = both ? v[i].i < ret->i : as_double(&v[i]) < as_double(ret);

        if (less == (e->fn == SF_FN_MIN))
            *ret = v[i];
    }
    if (e->fn == SF_FN_FLOAT)
        *ret = (sf_value){.kind = SF_VAL_FLOAT, .f = as_double(&v[0])};
    if (e->fn == SF_FN_FLOOR && v[0].kind == SF_VAL_FLOAT) {
        int64_t i;

        if (!floor_i64(v[0].f, &i))
            return fail(e, scope, &v[0], dg, "a number that is too large");
        *ret = sf_value_i64(i);
    }
    ret->node = NULL;
    return SF_OK;
}

/* most(list, e): e for each item in turn. */
static sf_code eval_most(const sf_expr *e, const sf_scope *scope, sf_diags *dg, sf_value *ret)
{
    sf_value list = {0}, best = {.kind = SF_VAL_MISSING, .s = e->text};
    bool seq;
    sf_code rc = eval(e->arg[0], scope, dg, &list);

    if (rc || list.kind == SF_VAL_MISSING) {
        *ret = list;
        return rc;
    }
    seq = list.kind == SF_VAL_NODE && list.node->kind == SF_SEQ;
    for (uint32_t i = 0; i < (seq ? list.node->n : 1); i++) {
        sf_value item = seq ? of_node(sf_node_item(list.node, i), e->text) : list, v = {0};
        sf_scope in = *scope;

        in.item = &item;
        rc = eval(e->arg[1], &in, dg, &v);
        if (rc)
            return rc;
        if (!is_number(&v))
            return fail(e, scope, &list, dg, "a number for each item is expected");
        if (best.kind == SF_VAL_MISSING || as_double(&v) > as_double(&best))
            best = v;
    }
    *ret = best;
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
        return fail(e, scope, &v[0], dg, "the list is too short");
    *ret = of_node(sf_node_item(v[0].node, (size_t)v[1].i), e->text);
    return SF_OK;
}

static sf_code eval_call(const sf_expr *e, const sf_scope *scope, sf_diags *dg, sf_value *ret)
{
    sf_value v[SF_EXPR_ARGS] = {{0}};

    if (e->fn == SF_FN_MOST)
        return eval_most(e, scope, dg, ret);
    for (uint32_t i = 0; i < e->n_args; i++) {
        sf_code rc = eval(e->arg[i], scope, dg, &v[i]);

        if (rc)
            return rc;
        if (v[i].kind == SF_VAL_MISSING && e->fn != SF_FN_HAS) {
            *ret = v[i];
            return SF_OK;
        }
    }
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
            return fail(e, scope, &v[0], dg, "a text is expected");
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

static sf_code eval(const sf_expr *e, const sf_scope *scope, sf_diags *dg, sf_value *ret)
{
    switch (e->op) {
    case SF_OP_VALUE:
        *ret = e->value;
        return SF_OK;
    case SF_OP_NAME:
        *ret = eval_name(e, scope);
        return SF_OK;
    case SF_OP_ROOT:
        *ret = walk(scope->root, e->path, e->text);
        return SF_OK;
    case SF_OP_CALL:
        return eval_call(e, scope, dg, ret);
    case SF_OP_INDEX:
        return eval_index(e, scope, dg, ret);
    case SF_OP_IF:
        return eval_if(e, scope, dg, ret);
    case SF_OP_NOT:
    case SF_OP_NEG:
        return eval_unary(e, scope, dg, ret);
    default:
        return eval_binary(e, scope, dg, ret);
    }
}

sf_code sf_expr_eval_maybe(const sf_expr *e, const sf_scope *scope, sf_diags *dg, sf_value *ret)
{
    sf_value v = {0};
    sf_code rc = eval(e, scope, dg, &v);

    if (!rc)
        *ret = v;
    return rc;
}

sf_code sf_expr_eval(const sf_expr *e, const sf_scope *scope, sf_diags *dg, sf_value *ret)
{
    sf_value v = {0};
    sf_code rc = eval(e, scope, dg, &v);

    if (rc)
        return rc;
    if (v.kind == SF_VAL_MISSING)
        return sf_expr_missing(e, scope, &v, dg);
    *ret = v;
    return SF_OK;
}

sf_code sf_expr_eval_i64(const sf_expr *e, const sf_scope *scope, int64_t min, int64_t max, sf_diags *dg,
                         int64_t *ret)
{
    sf_value v = {0};
    int64_t i = 0;
    sf_code rc = sf_expr_eval(e, scope, dg, &v);

    if (rc)
        return rc;
    if (v.kind == SF_VAL_FLOAT && floor_i64(v.f, &i) && (double)i == v.f)
        v.i = i; /* 4.0 where a width is meant: some writers do that */
    else if (v.kind != SF_VAL_INT)
        return fail(e, scope, &v, dg, "an integer is expected");
    if (v.i < min || v.i > max)
        return fail(e, scope, &v, dg,
                    v.i < min ? "a number that is too small" : "a number that is too large");
    *ret = v.i;
    return SF_OK;
}

sf_code sf_expr_eval_bool(const sf_expr *e, const sf_scope *scope, sf_diags *dg, bool *ret)
{
    sf_value v;
    sf_code rc = sf_expr_eval(e, scope, dg, &v);

    if (!rc)
        *ret = truth(&v);
    return rc;
}
