/*
 * expr: reading the expressions of model families into a tree (precedence climbing).
 * Must not compute anything: expr_eval.c does.  The grammar is the one in expr.h.
 */
#include "model/expr.h"

#include "base/num.h"
#include "model/expr_tree.h"

typedef struct reader {
    sf_arena *a;
    const sf_expr_source *source;
    sf_str text;
    size_t pos;
    sf_diags *dg;
    unsigned depth;
} reader;

static const struct {
    const char *name;
    sf_expr_fn fn;
    uint32_t min_args, max_args;
} functions[] = {
    {"min",      SF_FN_MIN,      1, SF_EXPR_ARGS},
    {"max",      SF_FN_MAX,      1, SF_EXPR_ARGS},
    {"cdiv",     SF_FN_CDIV,     2, 2           },
    {"len",      SF_FN_LEN,      1, 1           },
    {"sum",      SF_FN_SUM,      1, 1           },
    {"prod",     SF_FN_PROD,     1, 1           },
    {"has",      SF_FN_HAS,      1, 1           },
    {"exact",    SF_FN_EXACT,    2, 2           },
    {"pow",      SF_FN_POW,      2, 2           },
    {"pow2ceil", SF_FN_POW2CEIL, 1, 1           },
    {"contains", SF_FN_CONTAINS, 2, 2           },
    {"starts",   SF_FN_STARTS,   2, 2           },
    {"float",    SF_FN_FLOAT,    1, 1           },
    {"floor",    SF_FN_FLOOR,    1, 1           },
    {"most",     SF_FN_MOST,     2, 2           },
    {"count",    SF_FN_COUNT,    1, 1           },
    {"at",       SF_FN_AT,       2, 2           },
};

/* Two-character operators before their one-character heads. */
static const struct {
    const char *sign;
    sf_expr_op op;
    unsigned level;
} operators[] = {
    {"??", SF_OP_ELSE, 1},
    {"||", SF_OP_OR,   2},
    {"&&", SF_OP_AND,  3},
    {"==", SF_OP_EQ,   4},
    {"!=", SF_OP_NE,   4},
    {"<=", SF_OP_LE,   5},
    {">=", SF_OP_GE,   5},
    {"<",  SF_OP_LT,   5},
    {">",  SF_OP_GT,   5},
    {"+",  SF_OP_ADD,  6},
    {"-",  SF_OP_SUB,  6},
    {"*",  SF_OP_MUL,  7},
    {"/",  SF_OP_DIV,  7},
    {"%",  SF_OP_MOD,  7},
};

static sf_code parse_expr(reader *r, const sf_expr **ret);

sf_where sf_expr_place(const sf_expr_source *source, size_t pos)
{
    sf_where w = source->at;

    if (w.line)
        w.col += (uint32_t)sf_utf8_count(sf_str_sub(source->text, 0, pos));
    w.off += pos;
    w.len = pos < source->text.n;
    return w;
}

static sf_code fail(reader *r, size_t pos, const char *what)
{
    return sf_diag_error(r->dg, SF_E_EXPR, sf_expr_place(r->source, pos),
                         "see the list of operators and functions in docs/families.md", "%s in `%.*s`", what,
                         SF_STR_ARG(r->text));
}

static void skip_blanks(reader *r)
{
    while (r->pos < r->text.n && (r->text.p[r->pos] == ' ' || r->text.p[r->pos] == '\t'))
        r->pos++;
}

static bool take(reader *r, char c)
{
    skip_blanks(r);
    if (r->pos >= r->text.n || r->text.p[r->pos] != c)
        return false;
    r->pos++;
    return true;
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static sf_str take_name(reader *r)
{
    size_t from = r->pos;

    while (r->pos < r->text.n && (is_name_start(r->text.p[r->pos]) || is_digit(r->text.p[r->pos])))
        r->pos++;
    return sf_str_sub(r->text, from, r->pos);
}

static sf_expr *new_expr(reader *r, sf_expr_op op, size_t from)
{
    sf_expr *e = SF_NEW(r->a, sf_expr);

    if (e) {
        e->op = op;
        e->source = r->source;
        e->text = sf_str_sub(r->text, from, r->pos);
    }
    return e;
}

static sf_code parse_number(reader *r, const sf_expr **ret)
{
    size_t from = r->pos;
    bool whole = true;
    sf_value v = {0};
    sf_expr *e;

    for (; r->pos < r->text.n; r->pos++) {
        char c = r->text.p[r->pos];

        if (c == '.' || c == 'e' || c == 'E' ||
            ((c == '-' || c == '+') && (r->text.p[r->pos - 1] | 32) == 'e'))
            whole = false;
        else if (!is_digit(c))
            break;
    }
    v.kind = whole ? SF_VAL_INT : SF_VAL_FLOAT;
    if (whole ? !sf_parse_i64(sf_str_sub(r->text, from, r->pos), &v.i)
              : !sf_parse_f64(sf_str_sub(r->text, from, r->pos), &v.f))
        return fail(r, from, "a number that cannot be read");
    e = new_expr(r, SF_OP_VALUE, from);
    if (!e)
        return SF_E_NOMEM;
    e->value = v;
    *ret = e;
    return SF_OK;
}

static sf_code parse_text(reader *r, const sf_expr **ret)
{
    size_t from = r->pos;
    char quote = r->text.p[r->pos++];
    ptrdiff_t n = sf_str_find_char(sf_str_sub(r->text, r->pos, r->text.n), quote);
    sf_expr *e;

    if (n < 0)
        return fail(r, from, "a text without its closing quote");
    r->pos += (size_t)n + 1;
    e = new_expr(r, SF_OP_VALUE, from);
    if (!e)
        return SF_E_NOMEM;
    e->value = (sf_value){.kind = SF_VAL_STR, .s = sf_str_sub(r->text, from + 1, r->pos - 1)};
    *ret = e;
    return SF_OK;
}

/* Arguments up to and with the closing parenthesis. */
static sf_code parse_args(reader *r, sf_expr *e)
{
    if (take(r, ')'))
        return SF_OK;
    for (;;) {
        sf_code rc;

        if (e->n_args == SF_EXPR_ARGS)
            return fail(r, r->pos, "too many arguments");
        rc = parse_expr(r, &e->arg[e->n_args]);
        if (rc)
            return rc;
        e->n_args++;
        if (take(r, ')'))
            return SF_OK;
        if (!take(r, ','))
            return fail(r, r->pos, "`,` or `)` expected");
    }
}

static sf_code parse_call(reader *r, sf_str name, size_t from, const sf_expr **ret)
{
    sf_expr *e = new_expr(r, SF_OP_CALL, from);
    sf_code rc;

    if (!e)
        return SF_E_NOMEM;
    rc = parse_args(r, e);
    if (rc)
        return rc;
    e->text = sf_str_sub(r->text, from, r->pos);
    *ret = e;
    if (sf_str_is(name, "if")) {
        e->op = SF_OP_IF;
        return e->n_args == 3 ? SF_OK : fail(r, from, "if() takes three arguments");
    }
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (!sf_str_is(name, functions[i].name))
            continue;
        e->fn = functions[i].fn;
        if (e->n_args < functions[i].min_args || e->n_args > functions[i].max_args)
            return fail(r, from, "wrong number of arguments");
        return SF_OK;
    }
    return fail(r, from, "unknown function");
}

/* `.key.key` after a name; the dots stay inside. */
static sf_str take_path(reader *r)
{
    size_t from = r->pos;

    while (r->pos + 1 < r->text.n && r->text.p[r->pos] == '.' && is_name_start(r->text.p[r->pos + 1])) {
        r->pos++;
        take_name(r);
    }
    return sf_str_sub(r->text, from + 1, r->pos);
}

static sf_code parse_name(reader *r, const sf_expr **ret)
{
    size_t from = r->pos;
    bool root = r->text.p[r->pos] == '$';
    sf_str name = {0}, path;
    sf_expr *e;

    if (root)
        r->pos++;
    else
        name = take_name(r);
    if (!root && r->pos < r->text.n && r->text.p[r->pos] == '(') {
        r->pos++;
        return parse_call(r, name, from, ret);
    }
    path = take_path(r);
    e = new_expr(r, root ? SF_OP_ROOT : SF_OP_NAME, from);
    if (!e)
        return SF_E_NOMEM;
    e->name = name;
    e->path = path;
    *ret = e;
    return SF_OK;
}

static sf_code parse_primary(reader *r, const sf_expr **ret)
{
    char c;

    skip_blanks(r);
    if (r->pos >= r->text.n)
        return fail(r, r->pos, "a value is missing at the end");
    c = r->text.p[r->pos];
    if (is_digit(c))
        return parse_number(r, ret);
    if (c == '\'' || c == '"')
        return parse_text(r, ret);
    if (is_name_start(c) || c == '$')
        return parse_name(r, ret);
    if (take(r, '(')) {
        sf_code rc = parse_expr(r, ret);

        if (rc)
            return rc;
        return take(r, ')') ? SF_OK : fail(r, r->pos, "`)` expected");
    }
    return fail(r, r->pos, "unexpected character");
}

static sf_code make(reader *r, sf_expr_op op, size_t from, const sf_expr *a, const sf_expr *b,
                    const sf_expr **ret)
{
    sf_expr *e = new_expr(r, op, from);

    if (!e)
        return SF_E_NOMEM;
    e->arg[0] = a;
    e->arg[1] = b;
    e->n_args = b ? 2 : 1;
    *ret = e;
    return SF_OK;
}

/* `list[i]`, and `list[i].key.key` for what is inside the item. */
static sf_code make_index(reader *r, size_t from, const sf_expr *index, const sf_expr **ret)
{
    const sf_expr *list = *ret;
    sf_str path = r->pos < r->text.n && r->text.p[r->pos] == '.' ? take_path(r) : (sf_str){0};
    sf_expr *e = new_expr(r, SF_OP_INDEX, from);

    if (!e)
        return SF_E_NOMEM;
    e->arg[0] = list;
    e->arg[1] = index;
    e->n_args = 2;
    e->path = path;
    *ret = e;
    return SF_OK;
}

static sf_code parse_postfix(reader *r, const sf_expr **ret)
{
    size_t from;
    sf_code rc;

    skip_blanks(r);
    from = r->pos;
    rc = parse_primary(r, ret);
    while (!rc && take(r, '[')) {
        const sf_expr *index;

        rc = parse_expr(r, &index);
        if (rc)
            return rc;
        if (!take(r, ']'))
            return fail(r, r->pos, "`]` expected");
        rc = make_index(r, from, index, ret);
    }
    return rc;
}

static sf_code parse_unary(reader *r, const sf_expr **ret)
{
    size_t from;
    char c;
    sf_code rc;

    skip_blanks(r);
    from = r->pos;
    c = r->pos < r->text.n ? r->text.p[r->pos] : '\0';
    if (c != '-' && c != '!')
        return parse_postfix(r, ret);
    if (++r->depth > SF_EXPR_MAX_DEPTH)
        return fail(r, r->pos, "nested too deeply");
    r->pos++;
    rc = parse_unary(r, ret);
    r->depth--;
    return rc ? rc : make(r, c == '-' ? SF_OP_NEG : SF_OP_NOT, from, *ret, NULL, ret);
}

/* Index of the operator at the cursor with at least this level; -1 when there is none. */
static int find_operator(reader *r, unsigned level)
{
    sf_str rest;

    skip_blanks(r);
    rest = sf_str_sub(r->text, r->pos, r->text.n);
    for (size_t i = 0; rest.n && i < sizeof operators / sizeof *operators; i++)
        if (rest.p[0] == operators[i].sign[0] &&
            (!operators[i].sign[1] || (rest.n > 1 && rest.p[1] == operators[i].sign[1])))
            return operators[i].level >= level ? (int)i : -1;
    return -1;
}

static sf_code parse_binary(reader *r, unsigned level, const sf_expr **ret)
{
    size_t from = r->pos;
    sf_code rc = parse_unary(r, ret);
    int i;

    while (!rc && (i = find_operator(r, level)) >= 0) {
        const sf_expr *right = NULL;

        r->pos += strlen(operators[i].sign);
        rc = parse_binary(r, operators[i].level + 1, &right);
        if (!rc)
            rc = make(r, operators[i].op, from, *ret, right, ret);
    }
    return rc;
}

static sf_code parse_expr(reader *r, const sf_expr **ret)
{
    size_t from;
    const sf_expr *a = NULL, *b = NULL;
    sf_expr *e;
    sf_code rc;

    skip_blanks(r);
    from = r->pos;
    if (++r->depth > SF_EXPR_MAX_DEPTH)
        return fail(r, r->pos, "nested too deeply");
    rc = parse_binary(r, 1, ret);
    if (!rc && take(r, '?')) {
        rc = parse_expr(r, &a);
        if (!rc && !take(r, ':'))
            rc = fail(r, r->pos, "`:` expected");
        if (!rc)
            rc = parse_expr(r, &b);
        if (!rc) {
            e = new_expr(r, SF_OP_IF, from);
            if (!e)
                return SF_E_NOMEM;
            e->arg[0] = *ret;
            e->arg[1] = a;
            e->arg[2] = b;
            e->n_args = 3;
            *ret = e;
        }
    }
    r->depth--;
    return rc;
}

sf_code sf_expr_parse(sf_arena *a, sf_str text, sf_where at, sf_diags *dg, const sf_expr **ret)
{
    sf_expr_source *source = SF_NEW(a, sf_expr_source);
    reader r = {.a = a, .source = source, .text = text, .dg = dg};
    const sf_expr *e = NULL;
    sf_code rc;

    if (!source)
        return SF_E_NOMEM;
    *source = (sf_expr_source){text, at};

    if (text.n > SF_EXPR_MAX_LEN)
        return sf_diag_error(dg, SF_E_EXPR, at, NULL, "an expression of %zu bytes; the limit is %d", text.n,
                             SF_EXPR_MAX_LEN);
    rc = parse_expr(&r, &e);
    if (rc)
        return rc;
    skip_blanks(&r);
    if (r.pos < text.n)
        return fail(&r, r.pos, "unexpected text after the value");
    *ret = e;
    return SF_OK;
}

bool sf_expr_uses(const sf_expr *e, sf_str name)
{
    if (e->op == SF_OP_NAME && sf_str_eq(e->name, name))
        return true;
    for (uint32_t i = 0; i < e->n_args; i++)
        if (sf_expr_uses(e->arg[i], name))
            return true;
    return false;
}
