/*
 * json_tree: the pull reader's events as a tree of nodes.
 * Must not copy text that it can borrow; the places of nodes are counted forward, never again from the start.
 * Duplicate keys are refused as the engines' configs can't mean both (RFC 8259 §4 leaves it open).
 */
#include <math.h>

#include "base/num.h"
#include "text/json.h"
#include "text/key_set.h"

enum { FEW_KEYS = 12 };

/* A member or item of something that is still open; `key` is NULL in arrays and at the top. */
typedef struct slot {
    const sf_node *key, *value;
} slot;

typedef struct builder {
    sf_arena *a;
    sf_json j;
    slot *slots; /* of all open levels, outermost first */
    size_t n, cap;
    size_t nodes;
    struct {
        sf_node *node;
        const sf_node *key;
        size_t first; /* in slots */
    } open[SF_JSON_DEPTH + 1];
    unsigned depth;
    const sf_node *key; /* read, its value still to come */
    size_t seen;        /* bytes that line and col account for */
    uint32_t line, col;
} builder;

/* Moves line and col to the start of the last token. */
static void count_to_token(builder *b)
{
    const char *p = b->j.text.p;

    for (; b->seen < b->j.token_off; b->seen++) {
        if (p[b->seen] == '\n') {
            b->line++;
            b->col = 1;
        } else {
            b->col += ((unsigned char)p[b->seen] & 0xc0) != 0x80;
        }
    }
}

static sf_node *new_node(builder *b, sf_node_kind kind)
{
    sf_node *node;

    if (++b->nodes > SF_JSON_MAX_NODES) {
        sf_json_fail(&b->j, SF_E_LIMIT, "more than %d values", SF_JSON_MAX_NODES);
        return NULL;
    }
    node = sf_arena_alloc(b->a, sizeof *node, _Alignof(sf_node));
    if (!node) {
        b->j.error = SF_E_NOMEM;
        return NULL;
    }
    count_to_token(b);
    *node = (sf_node){
        .kind = kind,
        .line = b->line,
        .col = b->col,
        .off = b->j.token_off,
        .len = b->j.token_len,
        .file = b->j.file,
        .text = sf_str_sub(b->j.text, b->j.token_off, b->j.token_off + b->j.token_len),
    };
    return node;
}

static sf_node *new_string(builder *b)
{
    sf_node *node = new_node(b, SF_STRING);

    if (!node || sf_json_decode(&b->j, b->a, &node->text))
        return NULL;
    node->flags = SF_NODE_QUOTED;
    return node;
}

static sf_node *new_number(builder *b)
{
    sf_node *node = new_node(b, SF_INT);

    if (!node || sf_parse_i64(node->text, &node->as.i))
        return node;
    node->kind = SF_FLOAT;
    if (sf_str_is(node->text, "NaN"))
        node->as.f = NAN;
    else if (sf_str_ends(node->text, SF_STR("Infinity")))
        node->as.f = node->text.p[0] == '-' ? -INFINITY : INFINITY;
    else if (node->text.n >= 400)
        sf_json_fail(&b->j, SF_E_LIMIT, "a number of %zu characters", node->text.n);
    else if (!sf_parse_f64(node->text, &node->as.f))
        sf_json_fail(&b->j, SF_E_RANGE, "%.*s is larger than a number can be", SF_STR_ARG(node->text));
    return b->j.error ? NULL : node;
}

static bool add_slot(builder *b, const sf_node *key, const sf_node *value)
{
    if (b->n == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 64;
        slot *grown = sf_arena_grow(b->a, b->slots, b->n, cap, sizeof *grown);

        if (!grown) {
            b->j.error = SF_E_NOMEM;
            return false;
        }
        b->slots = grown;
        b->cap = cap;
    }
    b->slots[b->n++] = (slot){key, value};
    return true;
}

static void refuse_duplicate(builder *b, const sf_pair *first, const sf_pair *again)
{
    b->j.error = sf_diag_error(b->j.dg, SF_E_DUP_KEY, sf_node_where(again->key_at), "keep one of them",
                               "key \"%.*s\" given twice in one object", SF_STR_ARG(again->key));
    if (b->j.error == SF_E_DUP_KEY)
        sf_diag_related(b->j.dg, sf_node_where(first->key_at), "first given here");
}

/* Compares each with each: cheaper than a table for the objects of real configs. */
static void check_few(builder *b, const sf_pair *pairs, size_t n)
{
    for (size_t i = 1; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (sf_str_eq(pairs[i].key, pairs[k].key)) {
                refuse_duplicate(b, &pairs[k], &pairs[i]);
                return;
            }
}

static void check_many(builder *b, const sf_pair *pairs, size_t n)
{
    sf_key_set seen;

    sf_key_set_init(&seen, b->a);
    if (!sf_key_set_reserve(&seen, n)) {
        b->j.error = SF_E_NOMEM;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        sf_key_added added = sf_key_set_add(&seen, pairs[i].key, sf_str_hash(pairs[i].key));
        size_t first = 0;

        if (added == SF_KEY_NEW)
            continue;
        if (added == SF_KEY_SEEN) {
            while (!sf_str_eq(pairs[first].key, pairs[i].key))
                first++;
            refuse_duplicate(b, &pairs[first], &pairs[i]);
        } else {
            sf_json_fail(&b->j, SF_E_LIMIT, "an object whose keys are made to collide");
        }
        return;
    }
}

static void close_object(builder *b, sf_node *node, const slot *slots, size_t n)
{
    sf_pair *pairs = SF_NEW_ARRAY(b->a, sf_pair, n);

    if (!pairs) {
        b->j.error = SF_E_NOMEM;
        return;
    }
    for (size_t i = 0; i < n; i++)
        pairs[i] = (sf_pair){slots[i].key->text, slots[i].key, slots[i].value};
    node->as.pairs = pairs;
    if (n <= FEW_KEYS)
        check_few(b, pairs, n);
    else
        check_many(b, pairs, n);
}

static void close_array(builder *b, sf_node *node, const slot *slots, size_t n)
{
    const sf_node **items = SF_NEW_ARRAY(b->a, const sf_node *, n);

    if (!items) {
        b->j.error = SF_E_NOMEM;
        return;
    }
    for (size_t i = 0; i < n; i++)
        items[i] = slots[i].value;
    node->as.items = items;
}

static sf_node *close_level(builder *b)
{
    sf_node *node = b->open[--b->depth].node;
    const slot *slots = b->slots ? b->slots + b->open[b->depth].first : NULL; /* NULL: all is empty */
    size_t n = slots ? b->n - b->open[b->depth].first : 0;

    node->n = (uint32_t)n;
    node->len = b->j.token_off + 1 - node->off;
    if (n && node->kind == SF_MAP)
        close_object(b, node, slots, n);
    else if (n)
        close_array(b, node, slots, n);
    b->n = b->open[b->depth].first;
    b->key = b->open[b->depth].key;
    return b->j.error ? NULL : node;
}

static void open_level(builder *b, sf_node_kind kind)
{
    sf_node *node = new_node(b, kind);

    if (!node)
        return;
    node->flags = SF_NODE_FLOW;
    node->text = (sf_str){NULL, 0};
    b->open[b->depth].node = node;
    b->open[b->depth].key = b->key;
    b->open[b->depth++].first = b->n;
    b->key = NULL;
}

/* The finished value that an event brings; NULL when there is none (yet), or after an error. */
static sf_node *take(builder *b, sf_json_event event)
{
    sf_node *node;

    switch (event) {
    case SF_JSON_OBJECT:
    case SF_JSON_ARRAY:
        open_level(b, event == SF_JSON_OBJECT ? SF_MAP : SF_SEQ);
        return NULL;
    case SF_JSON_OBJECT_END:
    case SF_JSON_ARRAY_END:
        return close_level(b);
    case SF_JSON_KEY:
        b->key = new_string(b);
        return NULL;
    case SF_JSON_STRING:
        return new_string(b);
    case SF_JSON_NUMBER:
        return new_number(b);
    case SF_JSON_TRUE:
    case SF_JSON_FALSE:
        node = new_node(b, SF_BOOL);
        if (node)
            node->as.b = event == SF_JSON_TRUE;
        return node;
    default:
        return new_node(b, SF_NULL);
    }
}

sf_code sf_json_parse(sf_arena *a, sf_str text, sf_str file, unsigned flags, sf_diags *dg,
                      const sf_node **ret)
{
    builder b = {.a = a, .line = 1, .col = 1};
    const sf_node *root = NULL;

    if (text.n > UINT32_MAX / 2)
        return sf_diag_error(dg, SF_E_LIMIT, (sf_where){.file = file}, NULL, "larger than 2 GiB");
    sf_json_init(&b.j, text, file, flags, dg);
    b.seen = b.j.at;
    for (;;) {
        sf_json_event event = sf_json_next(&b.j);
        const sf_node *value;

        if (event == SF_JSON_END)
            break;
        value = event == SF_JSON_ERROR ? NULL : take(&b, event);
        if (b.j.error)
            return b.j.error;
        if (!value)
            continue;
        if (!b.depth)
            root = value;
        else if (!add_slot(&b, b.key, value))
            return b.j.error;
        b.key = NULL;
    }
    *ret = root;
    return SF_OK;
}
