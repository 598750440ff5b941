/*
 * node: looking things up in a value tree, with errors that say where the value stands.
 * Must not change a node: trees are shared between files once they are read.
 */
#include "text/node.h"

#include "base/num.h"

const sf_node *sf_node_get_str(const sf_node *map, sf_str key)
{
    if (!sf_node_is(map, SF_MAP))
        return NULL;
    for (uint32_t i = 0; i < map->n; i++)
        if (sf_str_eq(map->as.pairs[i].key, key))
            return map->as.pairs[i].value;
    return NULL;
}

const sf_node *sf_node_get(const sf_node *map, const char *key)
{
    return sf_node_get_str(map, sf_str_of(key));
}

const sf_node *sf_node_item(const sf_node *seq, size_t i)
{
    return sf_node_is(seq, SF_SEQ) && i < seq->n ? seq->as.items[i] : NULL;
}

/* Follows the "[0][1]" behind a key; NULL when an index is malformed or past the end. */
static const sf_node *follow_indices(const sf_node *node, sf_str rest)
{
    while (node && rest.n) {
        ptrdiff_t close = sf_str_find_char(rest, ']');
        uint64_t i;

        if (rest.p[0] != '[' || close < 0 || !sf_parse_u64(sf_str_sub(rest, 1, (size_t)close), &i))
            return NULL;
        node = i <= UINT32_MAX ? sf_node_item(node, (size_t)i) : NULL;
        rest = sf_str_sub(rest, (size_t)close + 1, rest.n);
    }
    return node;
}

const sf_node *sf_node_path(const sf_node *root, sf_str path)
{
    const sf_node *node = root;
    sf_str part;

    if (!path.n)
        return root;
    for (bool more = true; more && node;) {
        ptrdiff_t open;
        size_t n;

        more = sf_str_split(&path, '.', &part);
        open = sf_str_find_char(part, '[');
        n = open < 0 ? part.n : (size_t)open;
        if (n || open < 0)
            node = sf_node_get_str(node, sf_str_sub(part, 0, n));
        node = follow_indices(node, sf_str_sub(part, n, part.n));
    }
    return node;
}

bool sf_node_is(const sf_node *node, sf_node_kind kind)
{
    return node && node->kind == kind;
}

bool sf_node_absent(const sf_node *node)
{
    return !node || node->kind == SF_NULL;
}

sf_str sf_node_text(const sf_node *map, const char *key)
{
    const sf_node *n = sf_node_get(map, key);

    return sf_node_is(n, SF_STRING) ? n->text : (sf_str){NULL, 0};
}

bool sf_node_python_int(const sf_node *node, int64_t *ret)
{
    if (node->kind == SF_INT)
        *ret = node->as.i;
    else if (node->kind == SF_BOOL)
        *ret = node->as.b;
    else if (node->kind == SF_FLOAT && node->as.f > -1e9 && node->as.f < 1e9)
        *ret = (int64_t)node->as.f;
    else
        return node->kind == SF_STRING && sf_parse_i64(sf_str_trim(node->text), ret);
    return true;
}

sf_where sf_node_where(const sf_node *node)
{
    if (!node)
        return (sf_where){.line = 0};
    return (sf_where){
        .file = node->file, .line = node->line, .col = node->col, .off = node->off, .len = node->len};
}

sf_where sf_node_where_key(const sf_node *node, sf_str key)
{
    sf_where at = sf_node_where(node);

    at.key = key;
    return at;
}

const char *sf_node_kind_name(sf_node_kind kind)
{
    static const char *const names[] = {
        [SF_NULL] = "null",     [SF_BOOL] = "true/false", [SF_INT] = "whole number", [SF_FLOAT] = "number",
        [SF_STRING] = "string", [SF_SEQ] = "list",        [SF_MAP] = "map",
    };

    return names[kind];
}

static sf_code wrong_type(const sf_node *node, const char *key, const char *wanted, const char *hint,
                          sf_diags *dg)
{
    sf_where at = sf_node_where_key(node, sf_str_of(key));
    const char *is = node->kind == SF_FLOAT ? "number with a fraction" : sf_node_kind_name(node->kind);

    return sf_diag_error(dg, SF_E_TYPE, at, hint, "\"%s\" must be a %s, not a %s", key, wanted, is);
}

sf_code sf_node_read_bool(const sf_node *map, const char *key, sf_diags *dg, bool *ret)
{
    const sf_node *node = sf_node_get(map, key);

    if (sf_node_absent(node))
        return SF_OK;
    if (node->kind != SF_BOOL)
        return wrong_type(node, key, "true/false", "write true or false, without quotes", dg);
    *ret = node->as.b;
    return SF_OK;
}

/* A number that was written as an integer and did not fit. */
static bool is_large_integer(const sf_node *node)
{
    if (node->kind != SF_FLOAT || !node->text.n)
        return false;
    if (sf_str_find(node->text, SF_STR("0x")) >= 0 || sf_str_find(node->text, SF_STR("0b")) >= 0)
        return true;
    for (size_t i = 0; i < node->text.n; i++) {
        char c = node->text.p[i];

        if ((c < '0' || c > '9') && c != '_' && c != ':' && !(i == 0 && (c == '-' || c == '+')))
            return false;
    }
    return true;
}

static sf_code out_of_range(const sf_node *node, const char *key, int64_t min, int64_t max, sf_diags *dg)
{
    sf_where at = sf_node_where_key(node, sf_str_of(key));
    sf_str text = sf_str_sub(node->text, 0, 40);
    long long low = min, high = max;

    if (max == INT64_MAX && min > INT64_MIN)
        return sf_diag_error(dg, SF_E_RANGE, at, "use a number in that range",
                             "\"%s\" is %.*s; it must be at least %lld", key, SF_STR_ARG(text), low);
    if (min == INT64_MIN)
        return sf_diag_error(dg, SF_E_RANGE, at, "use a number in that range",
                             "\"%s\" is %.*s; it must be at most %lld", key, SF_STR_ARG(text), high);
    return sf_diag_error(dg, SF_E_RANGE, at, "use a number in that range",
                         "\"%s\" is %.*s; it must be from %lld to %lld", key, SF_STR_ARG(text), low, high);
}

sf_code sf_node_read_i64(const sf_node *map, const char *key, int64_t min, int64_t max, sf_diags *dg,
                         int64_t *ret)
{
    const sf_node *node = sf_node_get(map, key);

    if (sf_node_absent(node))
        return SF_OK;
    if (is_large_integer(node))
        return out_of_range(node, key, min, max, dg);
    if (node->kind != SF_INT)
        return wrong_type(node, key, "whole number", "write digits only, without quotes", dg);
    if (node->as.i < min || node->as.i > max)
        return out_of_range(node, key, min, max, dg);
    *ret = node->as.i;
    return SF_OK;
}

sf_code sf_node_read_f64(const sf_node *map, const char *key, sf_diags *dg, double *ret)
{
    const sf_node *node = sf_node_get(map, key);

    if (sf_node_absent(node))
        return SF_OK;
    if (node->kind != SF_FLOAT && node->kind != SF_INT)
        return wrong_type(node, key, "number", "write it as in 0.9, without quotes", dg);
    *ret = node->kind == SF_INT ? (double)node->as.i : node->as.f;
    return SF_OK;
}

sf_code sf_node_read_str(const sf_node *map, const char *key, sf_diags *dg, sf_str *ret)
{
    const sf_node *node = sf_node_get(map, key);

    if (sf_node_absent(node))
        return SF_OK;
    if (node->kind != SF_STRING)
        return wrong_type(node, key, "string", "put the value in quotes", dg);
    *ret = node->text;
    return SF_OK;
}

/* A key that is added by the program stands where its value stands. */
static const sf_node *new_key(sf_arena *a, sf_str key, const sf_node *value)
{
    sf_node *node = SF_NEW(a, sf_node);

    if (!node)
        return NULL;
    node->kind = SF_STRING;
    node->text = key;
    if (value) {
        node->file = value->file;
        node->line = value->line;
        node->col = value->col;
        node->off = value->off;
        node->len = value->len;
    }
    return node;
}

const sf_node *sf_node_with(sf_arena *a, const sf_node *map, sf_str key, const sf_node *value)
{
    uint32_t n = sf_node_is(map, SF_MAP) ? map->n : 0, at = 0;
    sf_node *node = SF_NEW(a, sf_node);
    sf_pair *pairs;

    if (!node || n == UINT32_MAX)
        return NULL;
    if (sf_node_is(map, SF_MAP))
        *node = *map;
    while (at < n && !sf_str_eq(map->as.pairs[at].key, key))
        at++;
    node->kind = SF_MAP;
    node->n = at == n ? n + 1 : n;
    pairs = sf_arena_grow(a, n ? map->as.pairs : NULL, n, node->n, sizeof *pairs);
    if (!pairs)
        return NULL;
    if (at == n) {
        pairs[at].key = sf_arena_str(a, key);
        if (!pairs[at].key.p)
            return NULL;
        pairs[at].key_at = new_key(a, pairs[at].key, value);
        if (!pairs[at].key_at)
            return NULL;
    }
    pairs[at].value = value;
    node->as.pairs = pairs;
    return node;
}

const sf_node *sf_node_new_str(sf_arena *a, sf_str text)
{
    sf_node *node = SF_NEW(a, sf_node);

    if (!node)
        return NULL;
    node->kind = SF_STRING;
    node->text = sf_arena_str(a, text);
    return node->text.p ? node : NULL;
}

const sf_node *sf_node_new_i64(sf_arena *a, int64_t value)
{
    sf_node *node = SF_NEW(a, sf_node);

    if (!node)
        return NULL;
    node->kind = SF_INT;
    node->as.i = value;
    node->text = sf_arena_printf(a, "%lld", (long long)value);
    return node->text.p ? node : NULL;
}
