/*
 * expr: the small language in which model families (data/models/families) say what
 * follows from config.json: `num_attention_heads * (head_dim ?? hidden_size / num_attention_heads)`.
 *
 * Values are 64-bit integers, doubles, texts and lists; a comparison gives 1 or 0.  A name is a key of
 * the config section that the family is applied to; dots go down, `$.` starts at the top of the
 * file; `let` names and loop variables hide keys.  Operators, loosest first: ?: ?? || && (== !=)
 * (< <= > >=) (+ -) (* / %) (! -) and postfix [i] and [i].key.  `/` is floor division on integers and
 * refuses a remainder only in `exact(a, b)`.  Functions: min, max, cdiv, len, sum, prod, has(key), exact, pow, pow2ceil,
 * contains(list, x), starts(text, text), float, floor, at(list, i), if(c, a, b), which looks at one of a and b only, and
 * most(list, e): the largest e, where `v` is an item of the list; count(list).  The last two and `at` take a single
 * value for a list of that value.  len, [i] and contains take a text as well, letter by letter.
 * A key that is missing or null makes the whole expression missing, which is an error that names key and
 * file, unless `??` or has() catches it.
 */
#ifndef SF_MODEL_EXPR_H
#define SF_MODEL_EXPR_H

#include "text/node.h"

typedef enum sf_value_kind {
    SF_VAL_MISSING,
    SF_VAL_INT,
    SF_VAL_FLOAT,
    SF_VAL_STR,
    SF_VAL_NODE
} sf_value_kind;

typedef struct sf_value {
    sf_value_kind kind;
    int64_t i;
    double f;
    sf_str s;            /* the text; of a missing value, the key that is missing */
    const sf_node *node; /* lists and maps of the config; of a scalar, where it was read */
} sf_value;

enum { SF_EXPR_MAX_LEN = 2000, SF_EXPR_MAX_DEPTH = 64 };

typedef struct sf_expr sf_expr; /* parsed; lives in its arena */

typedef struct sf_binding {
    sf_str name;
    sf_value value;
} sf_binding;

typedef struct sf_scope {
    const sf_node *root;    /* `$` */
    const sf_node *section; /* bare names */
    const sf_binding *bindings;
    size_t n_bindings;    /* the last one of a name wins */
    const sf_value *item; /* `v` inside most(); hides the bindings */
} sf_scope;

static inline sf_value sf_value_i64(int64_t i)
{
    return (sf_value){.kind = SF_VAL_INT, .i = i};
}

static inline sf_value sf_value_node(const sf_node *node)
{
    return (sf_value){.kind = SF_VAL_NODE, .node = node};
}

/* Code SF_E_EXPR at `at` (the column of the offending character when `at` has one). */
sf_code sf_expr_parse(sf_arena *a, sf_str text, sf_where at, sf_diags *dg, const sf_expr **ret);
/* Codes: SF_E_CONFIG_KEY for a missing key, SF_E_EXPR for a wrong type, division by zero, overflow. */
sf_code sf_expr_eval(const sf_expr *e, const sf_scope *scope, sf_diags *dg, sf_value *ret);
/* The same, but a missing key gives a value of kind SF_VAL_MISSING. */
sf_code sf_expr_eval_maybe(const sf_expr *e, const sf_scope *scope, sf_diags *dg, sf_value *ret);
/* eval, and the result must be an integer in [min, max]. */
sf_code sf_expr_eval_i64(const sf_expr *e, const sf_scope *scope, int64_t min, int64_t max, sf_diags *dg,
                         int64_t *ret);
/* eval, as truth: nonzero, non-empty. */
sf_code sf_expr_eval_bool(const sf_expr *e, const sf_scope *scope, sf_diags *dg, bool *ret);
/* True when the expression reads `name` as its first part ("i" in `layer_types[i]`). */
bool sf_expr_uses(const sf_expr *e, sf_str name);
/* The error for a value that is missing; its code. */
sf_code sf_expr_missing(const sf_expr *e, const sf_scope *scope, const sf_value *v, sf_diags *dg);

#endif
