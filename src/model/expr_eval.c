/*
 * expr_eval: computing the expressions of model families over a config section.
 * Must not wrap, guess or skip: overflow, wrong types and division by zero are SF_E_EXPR.
 * A missing key travels through operators until `??`, has() or the end meets it.
 */
#include "model/expr.h"
#include "model/expr_tree.h"

static sf_code eval(const sf_expr *e, const sf_scope *scope, sf_diags *dg, sf_value *ret);

/* Errors point at the user's config; the expression and its place in the family file come second. */
sf_code sf_expr_fail(const sf_expr *e, const sf_scope *scope, const sf_value *v, sf_diags *dg,
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

sf_value sf_expr_of_node(const sf_node *n, sf_str key)
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
    return sf_expr_of_node(n, key);
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

bool sf_expr_is_number(const sf_value *v)
{
    return v->kind == SF_VAL_INT || v->kind == SF_VAL_FLOAT;
}

double sf_expr_double(const sf_value *v)
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
bool sf_expr_equal(const sf_value *a, const sf_value *b, bool *ret)
{
    if (sf_expr_is_number(a) && sf_expr_is_number(b))
        *ret = a->kind == SF_VAL_INT && b->kind == SF_VAL_INT ? a->i == b->i
                                                              : sf_expr_double(a) == sf_expr_double(b);
    else if (a->kind == SF_VAL_STR && b->kind == SF_VAL_STR)
        *ret = sf_str_eq(a->s, b->s);
    else if (a->kind == SF_VAL_NODE || b->kind == SF_VAL_NODE)
        return false;
    else
        *ret = false; /* a text is not a number */
    return true;
}

/* floor() of a double that fits an integer; false when it does not. */
bool sf_expr_floor(double f, int64_t *ret)
{
    int64_t i;

    if (!(f > -9.2e18 && f < 9.2e18))
        return false;
    i = (int64_t)f;
    *ret = i - ((double)i > f);
    return true;
}

int64_t sf_expr_floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

sf_code sf_expr_arith_float(const sf_expr *e, const sf_scope *scope, sf_expr_op op, double a, double b,
                            sf_diags *dg, sf_value *ret)
{
    double f;

    if (op == SF_OP_MOD)
        return sf_expr_fail(e, scope, NULL, dg, "a remainder of a fraction");
    if (op == SF_OP_DIV && b == 0)
        return sf_expr_fail(e, scope, NULL, dg, "division by zero");
    f = op == SF_OP_ADD ? a + b : op == SF_OP_SUB ? a - b : op == SF_OP_MUL ? a * b : a / b;
    if (!(f > -1e300 && f < 1e300))
        return sf_expr_fail(e, scope, NULL, dg, "a number without bounds");
    *ret = (sf_value){.kind = SF_VAL_FLOAT, .f = f};
    return SF_OK;
}

sf_code sf_expr_arith_int(const sf_expr *e, const sf_scope *scope, sf_expr_op op, int64_t a, int64_t b,
                          sf_diags *dg, sf_value *ret)
{
    int64_t r = 0;
    bool over = false;

    if (op == SF_OP_DIV || op == SF_OP_MOD) {
        if (b == 0)
            return sf_expr_fail(e, scope, NULL, dg, "division by zero");
        over = a == INT64_MIN && b == -1;
        if (!over)
            r = op == SF_OP_DIV ? sf_expr_floor_div(a, b) : a - sf_expr_floor_div(a, b) * b;
    } else if (op == SF_OP_ADD) {
        over = __builtin_add_overflow(a, b, &r);
    } else if (op == SF_OP_SUB) {
        over = __builtin_sub_overflow(a, b, &r);
    } else {
        over = __builtin_mul_overflow(a, b, &r);
    }
    if (over)
        return sf_expr_fail(e, scope, NULL, dg, "a number that is too large");
    *ret = sf_value_i64(r);
    return SF_OK;
}

static sf_code eval_arith(const sf_expr *e, const sf_scope *scope, const sf_value *a, const sf_value *b,
                          sf_diags *dg, sf_value *ret)
{
    if (!sf_expr_is_number(a))
        return sf_expr_fail(e, scope, a, dg, "a number is expected");
    if (!sf_expr_is_number(b))
        return sf_expr_fail(e, scope, b, dg, "a number is expected");
    if (a->kind == SF_VAL_INT && b->kind == SF_VAL_INT)
        return sf_expr_arith_int(e, scope, e->op, a->i, b->i, dg, ret);
    return sf_expr_arith_float(e, scope, e->op, sf_expr_double(a), sf_expr_double(b), dg, ret);
}

static sf_code eval_compare(const sf_expr *e, const sf_scope *scope, const sf_value *a, const sf_value *b,
                            sf_diags *dg, sf_value *ret)
{
    bool yes = false;

    if (e->op == SF_OP_EQ || e->op == SF_OP_NE) {
        if (!sf_expr_equal(a, b, &yes))
            return sf_expr_fail(e, scope, a->kind == SF_VAL_NODE ? a : b, dg, "a list cannot be compared");
        *ret = sf_value_i64(e->op == SF_OP_EQ ? yes : !yes);
        return SF_OK;
    }
    if (!sf_expr_is_number(a) || !sf_expr_is_number(b))
        return sf_expr_fail(e, scope, sf_expr_is_number(a) ? b : a, dg, "a number is expected");
    if (a->kind == SF_VAL_INT && b->kind == SF_VAL_INT)
        yes = e->op == SF_OP_LT   ? a->i < b->i
              : e->op == SF_OP_LE ? a->i <= b->i
              : e->op == SF_OP_GT ? a->i > b->i
                                  : a->i >= b->i;
    else
        yes = e->op == SF_OP_LT   ? sf_expr_double(a) < sf_expr_double(b)
              : e->op == SF_OP_LE ? sf_expr_double(a) <= sf_expr_double(b)
              : e->op == SF_OP_GT ? sf_expr_double(a) > sf_expr_double(b)
                                  : sf_expr_double(a) >= sf_expr_double(b);
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
    if (!sf_expr_is_number(&a))
        return sf_expr_fail(e, scope, &a, dg, "a number is expected");
    if (a.kind == SF_VAL_INT)
        return sf_expr_arith_int(e, scope, SF_OP_SUB, 0, a.i, dg, ret);
    *ret = (sf_value){.kind = SF_VAL_FLOAT, .f = -a.f};
    return SF_OK;
}

/* Items of a list, bytes of a text: layer patterns such as "M*E-" have one letter a layer. */
uint64_t sf_expr_length(const sf_value *v)
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
        return sf_expr_fail(e, scope, &list, dg, "a list is expected");
    if (index.kind != SF_VAL_INT)
        return sf_expr_fail(e, scope, &index, dg, "an integer is expected");
    if (index.i < 0 || (uint64_t)index.i >= sf_expr_length(&list))
        return sf_expr_fail(e, scope, &list, dg, "the list is too short");
    if (list.kind == SF_VAL_STR) {
        *ret = (sf_value){.kind = SF_VAL_STR,
                          .s = sf_str_sub(list.s, (size_t)index.i, (size_t)index.i + 1),
                          .node = list.node};
        return SF_OK;
    }
    item = sf_node_item(list.node, (size_t)index.i);
    *ret = e->path.n ? walk(item, e->path, e->text) : sf_expr_of_node(item, e->text);
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
        sf_value item = seq ? sf_expr_of_node(sf_node_item(list.node, i), e->text) : list, v = {0};
        sf_scope in = *scope;

        in.item = &item;
        rc = eval(e->arg[1], &in, dg, &v);
        if (rc)
            return rc;
        if (!sf_expr_is_number(&v))
            return sf_expr_fail(e, scope, &list, dg, "a number for each item is expected");
        if (best.kind == SF_VAL_MISSING || sf_expr_double(&v) > sf_expr_double(&best))
            best = v;
    }
    *ret = best;
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
    return sf_expr_call(e, scope, v, dg, ret);
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
    if (v.kind == SF_VAL_FLOAT && sf_expr_floor(v.f, &i) && (double)i == v.f)
        v.i = i; /* 4.0 where a width is meant: some writers do that */
    else if (v.kind != SF_VAL_INT)
        return sf_expr_fail(e, scope, &v, dg, "an integer is expected");
    if (v.i < min || v.i > max)
        return sf_expr_fail(e, scope, &v, dg,
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
