/*
 * interp: resolving ${...} without an environment.
 * Must not read the environment and must end on any input: depth, number of look-ups and bytes made
 * are limited.  Rules: OmegaConf 2.2 as vllm-omni uses it.
 */
#include "stages/interp.h"

#include "base/buf.h"
#include "text/yaml.h"

enum { MAX_DEPTH = 16, MAX_LOOKUPS = 10000, MAX_TEXT = 1 << 16, MAX_STACK = 72 };

typedef struct interp {
    sf_arena *a;
    sf_diags *dg;
    const sf_node *root;
    const sf_node *stack[MAX_STACK]; /* containers around the value, outermost first */
    size_t depth;
    unsigned lookups, nested;
} interp;

bool sf_interp_left(const sf_node *node)
{
    return sf_node_is(node, SF_STRING) && sf_str_find(node->text, SF_STR("${")) >= 0;
}

static bool any_left(const sf_node *node)
{
    if (!node)
        return false;
    if (node->kind == SF_MAP) {
        for (uint32_t i = 0; i < node->n; i++)
            if (any_left(node->as.pairs[i].value))
                return true;
        return false;
    }
    if (node->kind == SF_SEQ) {
        for (uint32_t i = 0; i < node->n; i++)
            if (any_left(node->as.items[i]))
                return true;
        return false;
    }
    return sf_interp_left(node);
}

/* A scalar made here, at the place of the text that asked for it. */
static const sf_node *made(interp *x, const sf_node *at, sf_node_kind kind, sf_str text)
{
    sf_node *node = SF_NEW(x->a, sf_node);

    if (!node)
        return NULL;
    *node = *at;
    node->kind = kind;
    node->text = sf_arena_str(x->a, text);
    return node->text.p ? node : NULL;
}

static sf_code no_such(interp *x, const sf_node *at, sf_str what)
{
    return sf_diag_error(x->dg, SF_E_INTERPOLATION, sf_node_where(at), "write the value itself",
                         "interpolation key '%.*s' not found", SF_STR_ARG(what));
}

/* Takes "name" or "[3]" off the front of a path. */
static bool next_part(sf_str *path, sf_str *ret)
{
    size_t i = 0;

    if (path->n && path->p[0] == '.')
        *path = sf_str_sub(*path, 1, path->n);
    if (!path->n)
        return false;
    if (path->p[0] == '[') {
        ptrdiff_t end = sf_str_find_char(*path, ']');

        *ret = sf_str_sub(*path, 1, end < 0 ? path->n : (size_t)end);
        *path = sf_str_sub(*path, end < 0 ? path->n : (size_t)end + 1, path->n);
        return true;
    }
    while (i < path->n && path->p[i] != '.' && path->p[i] != '[')
        i++;
    *ret = sf_str_sub(*path, 0, i);
    *path = sf_str_sub(*path, i, path->n);
    return true;
}

static const sf_node *walk(const sf_node *from, sf_str path)
{
    sf_str part;

    while (from && next_part(&path, &part)) {
        if (from->kind == SF_SEQ) {
            uint64_t i = 0;

            for (size_t k = 0; k < part.n; k++)
                i = part.p[k] >= '0' && part.p[k] <= '9' ? i * 10 + (uint64_t)(part.p[k] - '0') : UINT32_MAX;
            from = part.n && part.n < 8 ? sf_node_item(from, (size_t)i) : NULL;
        } else {
            from = sf_node_get_str(from, part);
        }
    }
    return from;
}

static sf_code resolve_scalar(interp *x, const sf_node *node, const sf_node **ret);

static sf_code resolve_path(interp *x, const sf_node *at, sf_str path, const sf_node **ret)
{
    const sf_node *from = x->root;
    sf_str rest = path;
    size_t up = 0;

    while (up < rest.n && rest.p[up] == '.')
        up++;
    if (up) {
        if (up > x->depth)
            return no_such(x, at, path);
        from = x->stack[x->depth - up];
        rest = sf_str_sub(rest, up, rest.n);
    }
    from = rest.n ? walk(from, rest) : NULL;
    if (!from)
        return no_such(x, at, path);
    if (sf_interp_left(from))
        return resolve_scalar(x, from, ret);
    *ret = from;
    return SF_OK;
}

/* NAME[,default]: *ret is NULL when only the environment knows. */
static sf_code resolve_env(interp *x, const sf_node *at, sf_str args, const sf_node **ret)
{
    ptrdiff_t comma = sf_str_find_char(args, ',');
    sf_str name = sf_str_trim(comma < 0 ? args : sf_str_sub(args, 0, (size_t)comma)), value;
    sf_code rc;

    *ret = NULL;
    if (comma < 0)
        return SF_OK;
    value = sf_str_trim(sf_str_sub(args, (size_t)comma + 1, args.n));
    if (value.n >= 2 && (value.p[0] == '\'' || value.p[0] == '"') && value.p[value.n - 1] == value.p[0])
        value = sf_str_sub(value, 1, value.n - 1);
    else if (sf_str_is(value, "null"))
        return (*ret = made(x, at, SF_NULL, value)) ? SF_OK : SF_E_NOMEM;
    rc = sf_diag_note(x->dg, SF_E_INTERPOLATION, sf_node_where(at), NULL,
                      "the environment is not read: %.*s is taken as its default \"%.*s\"", SF_STR_ARG(name),
                      SF_STR_ARG(value));
    if (rc == SF_E_NOMEM)
        return rc;
    *ret = made(x, at, SF_STRING, value);
    return *ret ? SF_OK : SF_E_NOMEM;
}

/* oc.decode: a text typed as a plain scalar of the file would be. */
static sf_code resolve_decode(interp *x, const sf_node *at, sf_str text, const sf_node **ret)
{
    sf_node *node = SF_NEW(x->a, sf_node);

    if (text.n >= 2 && (text.p[0] == '\'' || text.p[0] == '"') && text.p[text.n - 1] == text.p[0])
        text = sf_str_sub(text, 1, text.n - 1);
    text = sf_arena_str(x->a, text);
    if (!node || !text.p)
        return SF_E_NOMEM;
    *node = *at;
    sf_yaml_type_scalar(text, node);
    *ret = node;
    return SF_OK;
}

static sf_code resolve_expression(interp *x, const sf_node *at, sf_str inner, const sf_node **ret)
{
    ptrdiff_t colon = sf_str_find_char(inner, ':');
    sf_str name;

    if (++x->lookups > MAX_LOOKUPS || x->nested > MAX_DEPTH)
        return sf_diag_error(x->dg, SF_E_INTERPOLATION, sf_node_where(at), "write the value itself",
                             "interpolations refer to each other without end");
    if (colon < 0)
        return resolve_path(x, at, sf_str_trim(inner), ret);
    name = sf_str_trim(sf_str_sub(inner, 0, (size_t)colon));
    if (sf_str_is(name, "oc.decode"))
        return resolve_decode(x, at, sf_str_trim(sf_str_sub(inner, (size_t)colon + 1, inner.n)), ret);
    if (sf_str_is(name, "oc.env"))
        return resolve_env(x, at, sf_str_sub(inner, (size_t)colon + 1, inner.n), ret);
    return sf_diag_error(x->dg, SF_E_INTERPOLATION, sf_node_where(at), "write the value itself",
                         "interpolation type %.*s is not supported", SF_STR_ARG(name));
}

/* The length of "${...}" at the start of `s`, braces inside counted; 0 when it has no end. */
static size_t expression_length(sf_str s)
{
    size_t open = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '{')
            open++;
        else if (s.p[i] == '}' && --open == 0)
            return i + 1;
    }
    return 0;
}

static sf_code resolve_text(interp *x, const sf_node *at, sf_str text, const sf_node **ret);

/* What is between the braces may hold expressions of its own. */
static sf_code resolve_inner(interp *x, const sf_node *at, sf_str inner, const sf_node **ret)
{
    const sf_node *node;
    sf_code rc;

    if (sf_str_find(inner, SF_STR("${")) < 0)
        return resolve_expression(x, at, inner, ret);
    rc = resolve_text(x, at, inner, &node);
    if (rc || !node) {
        *ret = NULL;
        return rc;
    }
    return resolve_expression(x, at, node->text, ret);
}

/* Text with expressions in it: a text; *ret is NULL when one of them needs the environment. */
static sf_code resolve_mixed(interp *x, const sf_node *at, sf_str text, const sf_node **ret)
{
    sf_code rc = SF_OK;
    sf_buf out;

    *ret = NULL;
    sf_buf_init(&out, MAX_TEXT);
    while (text.n && !rc) {
        ptrdiff_t start = sf_str_find(text, SF_STR("${"));
        const sf_node *part;
        size_t len;

        if (start < 0) {
            sf_buf_add(&out, text);
            break;
        }
        sf_buf_add(&out, sf_str_sub(text, 0, (size_t)start - (start > 0 && text.p[start - 1] == '\\')));
        text = sf_str_sub(text, (size_t)start, text.n);
        len = expression_length(text);
        if (!len) {
            rc = no_such(x, at, text);
            break;
        }
        rc = resolve_inner(x, at, sf_str_sub(text, 2, len - 1), &part);
        if (!rc && !part)
            goto out;
        if (!rc)
            sf_buf_add(&out, part->text);
        text = sf_str_sub(text, len, text.n);
    }
    if (!rc && out.failed)
        rc = sf_diag_error(x->dg, SF_E_LIMIT, sf_node_where(at), NULL, "an interpolated text over %d bytes",
                           MAX_TEXT);
    if (!rc && !(*ret = made(x, at, SF_STRING, sf_buf_str(&out))))
        rc = SF_E_NOMEM;
out:
    sf_buf_release(&out);
    return rc;
}

static sf_code resolve_text(interp *x, const sf_node *at, sf_str text, const sf_node **ret)
{
    sf_code rc;

    if (x->nested >= MAX_DEPTH)
        return resolve_expression(x, at, text, ret); /* says that it has no end */
    x->nested++;
    if (text.n > 3 && text.p[0] == '$' && expression_length(text) == text.n)
        rc = resolve_inner(x, at, sf_str_sub(text, 2, text.n - 1), ret);
    else
        rc = resolve_mixed(x, at, text, ret);
    x->nested--;
    return rc;
}

static sf_code resolve_scalar(interp *x, const sf_node *node, const sf_node **ret)
{
    const sf_node *value = NULL;
    sf_code rc;

    if (x->nested >= MAX_DEPTH) {
        x->nested++;
        return resolve_expression(x, node, node->text, ret);
    }
    rc = resolve_text(x, node, node->text, &value);
    if (!rc)
        *ret = value ? value : node;
    return rc;
}

static sf_code resolve_tree(interp *x, const sf_node *node, const sf_node **ret);

static sf_code resolve_children(interp *x, const sf_node *node, sf_node *copy)
{
    sf_pair *pairs = node->kind == SF_MAP ? SF_NEW_ARRAY(x->a, sf_pair, (size_t)node->n + 1) : NULL;
    const sf_node **items =
        node->kind == SF_SEQ ? SF_NEW_ARRAY(x->a, const sf_node *, (size_t)node->n + 1) : NULL;

    if (!pairs && !items)
        return SF_E_NOMEM;
    for (uint32_t i = 0; i < node->n; i++) {
        sf_code rc;

        if (pairs)
            pairs[i] = node->as.pairs[i];
        rc = resolve_tree(x, pairs ? pairs[i].value : node->as.items[i], pairs ? &pairs[i].value : &items[i]);
        if (rc)
            return rc;
    }
    if (pairs)
        copy->as.pairs = pairs;
    else
        copy->as.items = items;
    return SF_OK;
}

static sf_code resolve_tree(interp *x, const sf_node *node, const sf_node **ret)
{
    sf_node *copy;
    sf_code rc;

    *ret = node;
    if (node->kind != SF_MAP && node->kind != SF_SEQ)
        return sf_interp_left(node) ? resolve_scalar(x, node, ret) : SF_OK;
    if (x->depth == MAX_STACK)
        return sf_diag_error(x->dg, SF_E_LIMIT, sf_node_where(node), NULL, "nested too deeply");
    copy = SF_NEW(x->a, sf_node);
    if (!copy)
        return SF_E_NOMEM;
    *copy = *node;
    x->stack[x->depth++] = node;
    rc = resolve_children(x, node, copy);
    x->depth--;
    *ret = copy;
    return rc;
}

sf_code sf_interp_resolve(sf_arena *a, const sf_node *root, const sf_node *tree, sf_diags *dg,
                          const sf_node **ret)
{
    interp x = {.a = a, .dg = dg, .root = root};

    *ret = tree;
    return any_left(tree) ? resolve_tree(&x, tree, ret) : SF_OK;
}
