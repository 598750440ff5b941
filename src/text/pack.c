/*
 * pack: pre-order, one byte of kind and flags, numbers as base-128 varints, texts with their length.
 * Keys have no place of their own: they stand where their values stand, which halves the nodes.
 * Must not trust lengths: every read is checked against what is left.
 */
#include "text/pack.h"

static const char magic[] = "sfpack1";

enum { DEPTH_MAX = 70 };

static void put_varint(sf_buf *out, uint64_t v)
{
    while (v >= 0x80) {
        sf_buf_add_char(out, (char)(v | 0x80));
        v >>= 7;
    }
    sf_buf_add_char(out, (char)v);
}

static void put_text(sf_buf *out, sf_str s)
{
    put_varint(out, s.n);
    sf_buf_add(out, s);
}

static void put_head(sf_buf *out, const sf_node *n)
{
    sf_buf_add_char(out, (char)((unsigned)n->kind | n->flags << 3));
    put_varint(out, n->line);
    put_varint(out, n->col);
}

static void put_node(sf_buf *out, const sf_node *n)
{
    put_head(out, n);
    switch (n->kind) {
    case SF_SEQ:
        put_varint(out, n->n);
        for (uint32_t i = 0; i < n->n; i++)
            put_node(out, n->as.items[i]);
        return;
    case SF_MAP:
        put_varint(out, n->n);
        for (uint32_t i = 0; i < n->n; i++) {
            put_text(out, n->as.pairs[i].key);
            put_node(out, n->as.pairs[i].value);
        }
        return;
    case SF_BOOL:
        sf_buf_add_char(out, n->as.b);
        break;
    case SF_INT:
    case SF_FLOAT:
        sf_buf_add(out, (sf_str){(const char *)&n->as, sizeof n->as.i});
        break;
    default:
        break;
    }
    put_text(out, n->text);
}

void sf_pack_write(sf_buf *out, const sf_node *root)
{
    sf_buf_add_text(out, magic);
    put_node(out, root);
}

typedef struct unpacking {
    sf_arena *arena;
    sf_str rest, file;
    unsigned depth;
    bool broken;
} unpacking;

static unsigned char take_byte(unpacking *u)
{
    unsigned char c;

    if (!u->rest.n) {
        u->broken = true;
        return 0;
    }
    c = (unsigned char)u->rest.p[0];
    u->rest.p++;
    u->rest.n--;
    return c;
}

static uint64_t take_varint(unpacking *u)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        unsigned char c = take_byte(u);

        v |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80)
            return v;
    }
    u->broken = true;
    return 0;
}

static sf_str take_bytes(unpacking *u, uint64_t n)
{
    sf_str s;

    if (n > u->rest.n) {
        u->broken = true;
        return (sf_str){NULL, 0};
    }
    s = (sf_str){u->rest.p, (size_t)n};
    u->rest.p += n;
    u->rest.n -= (size_t)n;
    return s;
}

static void take_head(unpacking *u, sf_node *n)
{
    unsigned char c = take_byte(u);

    *n = (sf_node){.kind = c & 7, .flags = c >> 3, .file = u->file};
    n->line = (uint32_t)take_varint(u);
    n->col = (uint32_t)take_varint(u);
}

static sf_code take_node(unpacking *u, sf_node *n);

/* Children are at least three bytes each: a count beyond that is no count. */
static uint32_t take_count(unpacking *u)
{
    uint64_t n = take_varint(u);

    if (n > u->rest.n / 3 || ++u->depth > DEPTH_MAX)
        u->broken = true;
    return u->broken ? 0 : (uint32_t)n;
}

static sf_code take_seq(unpacking *u, sf_node *seq)
{
    uint32_t n = take_count(u);
    sf_node *nodes = SF_NEW_ARRAY(u->arena, sf_node, n);
    const sf_node **items = SF_NEW_ARRAY(u->arena, const sf_node *, n);
    sf_code rc = nodes && items ? SF_OK : SF_E_NOMEM;

    for (uint32_t i = 0; i < n && !rc && !u->broken; i++) {
        items[i] = &nodes[i];
        rc = take_node(u, &nodes[i]);
    }
    seq->as.items = items;
    seq->n = n;
    u->depth--;
    return rc;
}

static sf_code take_map(unpacking *u, sf_node *map)
{
    uint32_t n = take_count(u);
    sf_node *nodes = SF_NEW_ARRAY(u->arena, sf_node, n);
    sf_pair *pairs = SF_NEW_ARRAY(u->arena, sf_pair, n);
    sf_code rc = nodes && pairs ? SF_OK : SF_E_NOMEM;

    for (uint32_t i = 0; i < n && !rc && !u->broken; i++) {
        pairs[i] = (sf_pair){take_bytes(u, take_varint(u)), &nodes[i], &nodes[i]};
        rc = take_node(u, &nodes[i]);
    }
    map->as.pairs = pairs;
    map->n = n;
    u->depth--;
    return rc;
}

static sf_code take_node(unpacking *u, sf_node *n)
{
    sf_str raw;

    take_head(u, n);
    switch (n->kind) {
    case SF_SEQ:
        return take_seq(u, n);
    case SF_MAP:
        return take_map(u, n);
    case SF_BOOL:
        n->as.b = take_byte(u) != 0;
        break;
    case SF_INT:
    case SF_FLOAT:
        raw = take_bytes(u, sizeof n->as.i);
        if (raw.n)
            memcpy(&n->as, raw.p, raw.n);
        break;
    default:
        break;
    }
    n->text = take_bytes(u, take_varint(u));
    return SF_OK;
}

sf_code sf_pack_read(sf_arena *a, sf_str bytes, sf_str file, const sf_node **ret)
{
    unpacking u = {.arena = a, .rest = bytes, .file = file};
    sf_node *root = SF_NEW(a, sf_node);
    sf_code rc;

    if (!root)
        return SF_E_NOMEM;
    if (!sf_str_starts(bytes, sf_str_of(magic)))
        return SF_E_RANGE;
    take_bytes(&u, sizeof magic - 1);
    rc = take_node(&u, root);
    if (rc)
        return rc;
    if (u.broken || u.rest.n)
        return SF_E_RANGE;
    *ret = root;
    return SF_OK;
}
