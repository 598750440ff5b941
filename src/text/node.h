/*
 * node: the value tree that JSON and YAML are both read into.  Everything that the
 * program reads as configuration (config.json, stage configs, inventories, our own data
 * files) is such a tree, and every node knows where it stood.
 *
 * Nodes are read-only once read, live in the arena of the reader and may be shared
 * between trees (a merged stage config points at nodes of several files).
 */
#ifndef SF_TEXT_NODE_H
#define SF_TEXT_NODE_H

#include "base/diag.h"

typedef enum sf_node_kind {
    SF_NULL,
    SF_BOOL,
    SF_INT,   /* fits int64_t */
    SF_FLOAT, /* includes inf and nan where the dialect has them, and integers beyond int64_t */
    SF_STRING,
    SF_SEQ,
    SF_MAP,
} sf_node_kind;

enum {
    SF_NODE_QUOTED = 1, /* written in quotes (or as a block scalar) */
    SF_NODE_FLOW = 2,   /* {…} or […] */
    SF_NODE_ALIAS = 4,  /* reached through a YAML alias */
    SF_NODE_MERGED = 8, /* came in through a YAML merge key or a config merge */
};

typedef struct sf_node sf_node;

typedef struct sf_pair {
    sf_str key;            /* key text; non-string keys keep the text they had */
    const sf_node *key_at; /* the key's own node: kind, place */
    const sf_node *value;
} sf_pair;

struct sf_node {
    sf_node_kind kind;
    uint32_t flags;
    uint32_t line, col; /* from 1 */
    uint32_t n;         /* items of a seq, pairs of a map */
    uint64_t off, len;  /* bytes of the value in the file, quotes included */
    sf_str file;        /* as the user named it */
    sf_str text;        /* scalars: decoded text; a number as written */
    union {
        bool b;
        int64_t i;
        double f;
        const sf_node *const *items;
        const sf_pair *pairs;
    } as;
};

/* Member of a map; NULL when `map` is NULL, not a map, or has no such key. */
const sf_node *sf_node_get(const sf_node *map, const char *key);
const sf_node *sf_node_get_str(const sf_node *map, sf_str key);
/* Dotted path of keys and [index] parts: "thinker_config.text_config.layer_types[0]". */
const sf_node *sf_node_path(const sf_node *root, sf_str path);
/* i-th item; NULL past the end or when not a seq. */
const sf_node *sf_node_item(const sf_node *seq, size_t i);
bool sf_node_is(const sf_node *node, sf_node_kind kind);
/* True for NULL and for an explicit null. */
bool sf_node_absent(const sf_node *node);

/* Text of a member; empty when it is no string or not there. */
sf_str sf_node_text(const sf_node *map, const char *key);
/* What Python's int() makes of a scalar; false where it raises, and for fractions beyond ±1e9. */
bool sf_node_python_int(const sf_node *node, int64_t *ret);

sf_where sf_node_where(const sf_node *node);
/* The same with a key path for the message. */
sf_where sf_node_where_key(const sf_node *node, sf_str key);
const char *sf_node_kind_name(sf_node_kind kind); /* "map", "integer", … */

/*
 * Reads of one member.  An absent or null member leaves *ret as it is and gives SF_OK; a
 * member of another kind adds SF_E_TYPE, a number outside [min, max] SF_E_RANGE.
 */
sf_code sf_node_read_bool(const sf_node *map, const char *key, sf_diags *dg, bool *ret);
sf_code sf_node_read_i64(const sf_node *map, const char *key, int64_t min, int64_t max, sf_diags *dg,
                         int64_t *ret);
sf_code sf_node_read_f64(const sf_node *map, const char *key, sf_diags *dg, double *ret); /* ints too */
sf_code sf_node_read_str(const sf_node *map, const char *key, sf_diags *dg, sf_str *ret);

/* A new map like `map` but with `key` set to `value` (replaced in place, or appended).  NULL: no memory. */
const sf_node *sf_node_with(sf_arena *a, const sf_node *map, sf_str key, const sf_node *value);
/* A string / integer node that stands nowhere. */
const sf_node *sf_node_new_str(sf_arena *a, sf_str text);
const sf_node *sf_node_new_i64(sf_arena *a, int64_t value);

#endif
