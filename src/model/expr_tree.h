/* expr_tree: what expr.c parses and expr_eval.c and expr_call.c compute; nobody else includes it. */
#ifndef SF_MODEL_EXPR_TREE_H
#define SF_MODEL_EXPR_TREE_H

#include "model/expr.h"

typedef enum sf_expr_op {
    SF_OP_VALUE, /* a literal */
    SF_OP_NAME,  /* `name`, the first part; `path` the rest after the dot, or empty */
    SF_OP_ROOT,  /* `$.path` */
    SF_OP_CALL,
    SF_OP_INDEX, /* arg[0] [ arg[1] ] */
    SF_OP_IF,    /* arg[0] ? arg[1] : arg[2] */
    SF_OP_ELSE,  /* arg[0] ?? arg[1] */
    SF_OP_OR,
    SF_OP_AND,
    SF_OP_EQ,
    SF_OP_NE,
    SF_OP_LT,
    SF_OP_LE,
    SF_OP_GT,
    SF_OP_GE,
    SF_OP_ADD,
    SF_OP_SUB,
    SF_OP_MUL,
    SF_OP_DIV,
    SF_OP_MOD,
    SF_OP_NOT,
    SF_OP_NEG,
} sf_expr_op;

typedef enum sf_expr_fn {
    SF_FN_MIN,
    SF_FN_MAX,
    SF_FN_CDIV,
    SF_FN_LEN,
    SF_FN_SUM,
    SF_FN_PROD,
    SF_FN_HAS,
    SF_FN_EXACT,
    SF_FN_POW,
    SF_FN_POW2CEIL,
    SF_FN_CONTAINS,
    SF_FN_STARTS,
    SF_FN_FLOAT,
    SF_FN_FLOOR,
    SF_FN_MOST,
    SF_FN_COUNT,
    SF_FN_AT,
} sf_expr_fn;

enum { SF_EXPR_ARGS = 8 };

/* The text that a tree was read from, and where it stands. */
typedef struct sf_expr_source {
    sf_str text;
    sf_where at;
} sf_expr_source;

struct sf_expr {
    sf_expr_op op;
    sf_expr_fn fn;
    sf_value value;    /* SF_OP_VALUE */
    sf_str name, path; /* SF_OP_NAME, SF_OP_ROOT; SF_OP_INDEX: the path inside the item */
    uint32_t n_args;
    const sf_expr *arg[SF_EXPR_ARGS];
    sf_str text; /* the source of this part, for messages */
    const sf_expr_source *source;
};

/* The place of the byte `pos` of a source; counted only when there is something to tell. */
sf_where sf_expr_place(const sf_expr_source *source, size_t pos);

static inline sf_where sf_expr_where(const sf_expr *e)
{
    return sf_expr_place(e->source, (size_t)(e->text.p - e->source->text.p));
}

/* Over values (expr_eval.c). */
sf_value sf_expr_of_node(const sf_node *n, sf_str key); /* missing, under this key, when it is absent */
bool sf_expr_is_number(const sf_value *v);
double sf_expr_double(const sf_value *v);
uint64_t sf_expr_length(const sf_value *v); /* of a list or a text */
/* False when the two cannot be compared. */
bool sf_expr_equal(const sf_value *a, const sf_value *b, bool *ret);
/* floor() of a double that fits an integer; false when it does not. */
bool sf_expr_floor(double f, int64_t *ret);
int64_t sf_expr_floor_div(int64_t a, int64_t b);
sf_code sf_expr_arith_int(const sf_expr *e, const sf_scope *scope, sf_expr_op op, int64_t a, int64_t b,
                          sf_diags *dg, sf_value *ret);
sf_code sf_expr_arith_float(const sf_expr *e, const sf_scope *scope, sf_expr_op op, double a, double b,
                            sf_diags *dg, sf_value *ret);
/* SF_E_EXPR at the value, or else the section; the expression and its place in the family file come second. */
sf_code sf_expr_fail(const sf_expr *e, const sf_scope *scope, const sf_value *v, sf_diags *dg,
                     const char *what);

/* A function of computed arguments, none of them missing but for has() (expr_call.c). */
sf_code sf_expr_call(const sf_expr *e, const sf_scope *scope, const sf_value *v, sf_diags *dg, sf_value *ret);

#endif
