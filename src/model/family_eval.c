/*
 * family_eval: texts of a family file made ready and computed: <names> are put in, expressions
 * parsed and evaluated in the scope of the part that is walked.
 */
#include "model/family.h"

#include "base/num.h"

enum { MAX_TEXT = 4000, MAX_NAME_DEPTH = 8 };

sf_scope sf_family_scope(const sf_walk *w, const sf_frame *frame)
{
    return (sf_scope){
        .root = frame->root, .section = frame->section, .bindings = w->bindings, .n_bindings = w->n_bindings};
}

sf_code sf_family_bind(sf_walk *w, sf_str name, sf_value value, sf_where at)
{
    if (w->n_bindings == SF_FAMILY_BINDINGS)
        return sf_diag_error(w->dg, SF_E_EXPR, at, NULL, "more than %d names in one family part",
                             SF_FAMILY_BINDINGS);
    w->bindings[w->n_bindings++] = (sf_binding){name, value};
    return SF_OK;
}

/* The text that <name> stands for, and where its own <names> are looked up. */
static const sf_node *find_name(const sf_family_names *names, sf_str name, const sf_family_names **ret_next)
{
    for (; names; names = names->up) {
        const sf_node *n = sf_node_get_str(names->given, name);

        *ret_next = names->up;
        if (n)
            return n;
        n = sf_node_get_str(names->defaults, name);
        *ret_next = names;
        if (n)
            return n;
    }
    return NULL;
}

/* Length of `<name>` at the start of `s`, 0 when it is something else. */
static size_t name_length(sf_str s)
{
    for (size_t i = 1; i < s.n; i++) {
        char c = s.p[i];

        if (c == '>')
            return i > 1 ? i + 1 : 0;
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9')))
            return 0;
    }
    return 0;
}

static bool put(char *out, size_t *n, sf_str s)
{
    if (s.n > MAX_TEXT - *n)
        return false;
    if (s.n)
        memcpy(out + *n, s.p, s.n);
    *n += s.n;
    return true;
}

static bool expand(const sf_family_names *names, sf_str text, unsigned depth, char *out, size_t *n)
{
    size_t from = 0;

    if (depth > MAX_NAME_DEPTH)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        sf_str rest = sf_str_sub(text, i, text.n);
        size_t len = text.p[i] == '<' ? name_length(rest) : 0;
        const sf_family_names *next = NULL;
        const sf_node *to = len ? find_name(names, sf_str_sub(rest, 1, len - 1), &next) : NULL;

        if (!to)
            continue;
        if (!put(out, n, sf_str_sub(text, from, i)) || !expand(next, to->text, depth + 1, out, n))
            return false;
        i += len - 1;
        from = i + 1;
    }
    return put(out, n, sf_str_sub(text, from, text.n));
}

sf_code sf_family_expand(sf_walk *w, const sf_frame *frame, sf_str text, sf_str *ret)
{
    char out[MAX_TEXT];
    size_t n = 0;

    if (sf_str_find_char(text, '<') < 0) {
        *ret = text;
        return SF_OK;
    }
    if (!expand(frame->names, text, 0, out, &n))
        return sf_diag_error(w->dg, SF_E_EXPR, (sf_where){.file = frame->file}, NULL,
                             "the names in `%.*s` go round in a circle or become too long", SF_STR_ARG(text));
    *ret = sf_arena_str(w->a, (sf_str){out, n});
    return ret->p ? SF_OK : SF_E_NOMEM;
}

static sf_code compile_text(sf_walk *w, const sf_frame *frame, sf_str text, sf_where at, const sf_expr **ret)
{
    sf_code rc = sf_family_expand(w, frame, text, &text);

    return rc ? rc : sf_expr_parse(w->a, text, at, w->dg, ret);
}

sf_code sf_family_compile(sf_walk *w, const sf_frame *frame, const sf_node *node, const sf_expr **ret)
{
    return compile_text(w, frame, node->text, sf_node_where(node), ret);
}

sf_code sf_family_eval_text(sf_walk *w, const sf_frame *frame, sf_str text, sf_where at, sf_value *ret)
{
    sf_scope scope = sf_family_scope(w, frame);
    const sf_expr *e;
    sf_code rc = compile_text(w, frame, text, at, &e);

    return rc ? rc : sf_expr_eval_maybe(e, &scope, w->dg, ret);
}

sf_code sf_family_eval(sf_walk *w, const sf_frame *frame, const sf_node *node, sf_value *ret)
{
    switch (node->kind) {
    case SF_INT:
        *ret = sf_value_i64(node->as.i);
        return SF_OK;
    case SF_BOOL:
        *ret = sf_value_i64(node->as.b);
        return SF_OK;
    case SF_FLOAT:
        *ret = (sf_value){.kind = SF_VAL_FLOAT, .f = node->as.f};
        return SF_OK;
    case SF_STRING:
        return sf_family_eval_text(w, frame, node->text, sf_node_where(node), ret);
    default:
        *ret = sf_value_node(node);
        return SF_OK;
    }
}

sf_code sf_family_i64(sf_walk *w, const sf_frame *frame, const sf_node *node, int64_t min, int64_t max,
                      int64_t *ret)
{
    sf_scope scope = sf_family_scope(w, frame);
    const sf_expr *e;
    sf_code rc;

    if (node->kind == SF_INT && node->as.i >= min && node->as.i <= max) {
        *ret = node->as.i;
        return SF_OK;
    }
    rc = compile_text(w, frame, node->text, sf_node_where(node), &e);
    return rc ? rc : sf_expr_eval_i64(e, &scope, min, max, w->dg, ret);
}
