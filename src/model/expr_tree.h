/* expr_tree: what expr.c parses and expr_eval.c computes; nobody else includes it. */
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

#endif
