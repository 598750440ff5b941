/*
 * yaml: libyaml's events into a value tree.  The only file that includes libyaml.
 * Must not use yaml_parser_load (quadratic in anchors), must not copy what an alias names, must delete every
 * event.  Which texts load, and as what: OmegaConf 2.2 over PyYAML 6 (YAML 1.1).
 */
#include "text/yaml.h"

#include <yaml.h>

#include "text/yaml_parts.h"

enum { MAX_ANCHORS = 65536 };

typedef struct anchor {
    sf_str name;
    const sf_node *node;
    uint64_t weight; /* 0: still open */
} anchor;

/* A list or map that is being read. */
typedef struct frame {
    sf_node *node;
    size_t first;    /* of its children on the stack */
    uint64_t weight; /* nodes below it, those behind aliases counted each time */
    size_t anchor;   /* index + 1; 0 none */
    size_t end;      /* byte behind its last child */
} frame;

typedef struct reader {
    sf_arena *a;
    sf_yaml_text t;
    yaml_parser_t parser;
    size_t char_at, byte_at; /* libyaml counts characters: where we know both */
    frame frames[SF_YAML_DEPTH + 1];
    unsigned depth;
    const sf_node **stack; /* finished children of the open frames */
    size_t n_stack, cap_stack;
    anchor *anchors;
    uint32_t *slots; /* hash of anchor names: index + 1 */
    size_t n_anchors, cap_anchors;
    size_t nodes;
    char bom_mask[3]; /* stands for U+FEFF, see sf_yaml_hide_bom */
    bool tabs;        /* the text has tabs: look where they stand */
    size_t tab_from;
    const sf_node *root;
} reader;

/* Characters to bytes.  Marks mostly move forward, so the walk is short. */
static size_t byte_of(reader *r, const yaml_mark_t *mark)
{
    const char *p = r->t.text.p;

    while (r->char_at < mark->index && r->byte_at < r->t.text.n) {
        r->byte_at++;
        while (r->byte_at < r->t.text.n && ((unsigned char)p[r->byte_at] & 0xc0) == 0x80)
            r->byte_at++;
        r->char_at++;
    }
    while (r->char_at > mark->index && r->byte_at > 0) {
        r->byte_at--;
        while (r->byte_at > 0 && ((unsigned char)p[r->byte_at] & 0xc0) == 0x80)
            r->byte_at--;
        r->char_at--;
    }
    return r->byte_at;
}

static sf_where where_mark(reader *r, const yaml_mark_t *mark, size_t len)
{
    return (sf_where){.file = r->t.file,
                      .line = (uint32_t)mark->line + 1,
                      .col = (uint32_t)mark->column + 1,
                      .off = r->t.bom + byte_of(r, mark),
                      .len = len};
}

static sf_code too_many(reader *r, const yaml_mark_t *mark)
{
    return sf_diag_error(r->t.dg, SF_E_LIMIT, where_mark(r, mark, 0), NULL,
                         "more than %d values, those behind aliases counted each time", SF_YAML_MAX_NODES);
}

/* Moves from a start mark over "&anchor" and "!tag" to the value itself, at most to `end`. */
static size_t skip_properties(sf_str s, size_t i, size_t end, uint32_t *line, uint32_t *col)
{
    bool comment = false;

    if (i >= end || (s.p[i] != '&' && s.p[i] != '!'))
        return i;
    while (i < end) {
        bool line_end = s.p[i] == '\n' || s.p[i] == '\r';

        if (comment) {
            comment = !line_end;
        } else if (s.p[i] == '&' || s.p[i] == '!') {
            while (i + 1 < end && !strchr(" \t\r\n,[]{}", s.p[i + 1]))
                i = sf_yaml_step(s, i, line, col);
        } else if (s.p[i] == '#') {
            comment = true;
        } else if (s.p[i] != ' ' && !line_end) {
            break;
        }
        i = sf_yaml_step(s, i, line, col);
    }
    return i;
}

/* A node that starts at a mark, at the latest at byte `to`. */
static sf_node *new_node(reader *r, const yaml_mark_t *start, size_t to)
{
    sf_node *node = SF_NEW(r->a, sf_node);
    size_t at = byte_of(r, start);

    if (!node)
        return NULL;
    node->file = r->t.file;
    node->line = (uint32_t)start->line + 1;
    node->col = (uint32_t)start->column + 1;
    at = skip_properties(r->t.text, at, to, &node->line, &node->col);
    node->off = r->t.bom + at;
    return node;
}

static bool expects_key(const reader *r)
{
    const frame *f = r->depth ? &r->frames[r->depth - 1] : NULL;

    return f && f->node->kind == SF_MAP && (r->n_stack - f->first) % 2 == 0;
}

/* Hands a finished value to the list or map around it; `end` is the byte behind it. */
static sf_code push(reader *r, const sf_node *node, uint64_t weight, size_t end, const yaml_mark_t *mark)
{
    frame *f;

    if (r->depth == 0) {
        r->root = node;
        return SF_OK;
    }
    f = &r->frames[r->depth - 1];
    if (r->n_stack == r->cap_stack) {
        size_t cap = r->cap_stack ? r->cap_stack * 2 : 256;
        const sf_node **more = sf_arena_grow(r->a, r->stack, r->n_stack, cap, sizeof *more);

        if (!more)
            return SF_E_NOMEM;
        r->stack = more;
        r->cap_stack = cap;
    }
    sf_bug_if(!r->stack);
    r->stack[r->n_stack++] = node;
    f->end = end;
    f->weight += weight; /* both are at most SF_YAML_MAX_NODES */
    return f->weight > SF_YAML_MAX_NODES ? too_many(r, mark) : SF_OK;
}

/* The slot of an anchor name: its own, or a free one. */
static uint32_t *anchor_slot(const reader *r, sf_str name)
{
    size_t mask = r->cap_anchors * 2 - 1, h = (size_t)sf_str_hash(name) & mask;

    while (r->slots[h] && !sf_str_eq(r->anchors[r->slots[h] - 1].name, name))
        h = (h + 1) & mask;
    return &r->slots[h];
}

static sf_code grow_anchors(reader *r)
{
    size_t cap = r->cap_anchors ? r->cap_anchors * 2 : 16;
    anchor *more = sf_arena_grow(r->a, r->anchors, r->n_anchors, cap, sizeof *more);

    if (!more)
        return SF_E_NOMEM;
    r->anchors = more;
    r->cap_anchors = cap;
    r->slots = SF_NEW_ARRAY(r->a, uint32_t, cap * 2);
    if (!r->slots)
        return SF_E_NOMEM;
    for (size_t i = 0; i < r->n_anchors; i++)
        *anchor_slot(r, r->anchors[i].name) = (uint32_t)i + 1;
    return SF_OK;
}

static sf_code add_anchor(reader *r, const yaml_char_t *text, const sf_node *node, uint64_t weight,
                          size_t *ret_index, const yaml_mark_t *mark)
{
    sf_str name = sf_str_of((const char *)text);
    uint32_t *slot;

    *ret_index = 0;
    if (!text)
        return SF_OK;
    if (r->n_anchors == MAX_ANCHORS)
        return sf_diag_error(r->t.dg, SF_E_LIMIT, where_mark(r, mark, name.n + 1), NULL,
                             "more than %d anchors", MAX_ANCHORS);
    if (r->n_anchors == r->cap_anchors && grow_anchors(r))
        return SF_E_NOMEM;
    slot = anchor_slot(r, name);
    if (*slot) {
        sf_code rc =
            sf_diag_error(r->t.dg, SF_E_YAML, where_mark(r, mark, name.n + 1), "rename one of the two",
                          "anchor \"%.*s\" given twice", SF_STR_ARG(sf_yaml_clip(name)));

        sf_diag_related(r->t.dg, sf_node_where(r->anchors[*slot - 1].node), "first given here");
        return rc;
    }
    name = sf_arena_str(r->a, name);
    if (!name.p)
        return SF_E_NOMEM;
    r->anchors[r->n_anchors++] = (anchor){name, node, weight};
    *slot = (uint32_t)r->n_anchors;
    *ret_index = r->n_anchors;
    return SF_OK;
}

static sf_code on_alias(reader *r, const yaml_event_t *e)
{
    sf_str name = sf_str_of((const char *)e->data.alias.anchor);
    const anchor *found = NULL;
    sf_node *node;

    if (r->n_anchors && *anchor_slot(r, name))
        found = &r->anchors[*anchor_slot(r, name) - 1];
    if (!found)
        return sf_diag_error(r->t.dg, SF_E_YAML, where_mark(r, &e->start_mark, name.n + 1),
                             "define it before its use, as in &name, or put the value in quotes",
                             "alias \"*%.*s\" names no anchor", SF_STR_ARG(sf_yaml_clip(name)));
    if (!found->weight)
        return sf_diag_error(r->t.dg, SF_E_YAML, where_mark(r, &e->start_mark, name.n + 1),
                             "a list or map cannot hold itself",
                             "alias \"*%.*s\" stands inside its own anchor", SF_STR_ARG(sf_yaml_clip(name)));
    node = SF_NEW(r->a, sf_node);
    if (!node)
        return SF_E_NOMEM;
    *node = *found->node;
    node->flags |= SF_NODE_ALIAS;
    return push(r, node, found->weight, byte_of(r, &e->end_mark), &e->start_mark);
}

/* "int" for "tag:yaml.org,2002:int"; the whole of any other tag. */
static sf_str short_tag(const yaml_char_t *tag, bool *ret_core)
{
    sf_str s = sf_str_of((const char *)tag), core = SF_STR("tag:yaml.org,2002:");

    *ret_core = sf_str_starts(s, core);
    return *ret_core ? sf_str_sub(s, core.n, s.n) : s;
}

static sf_code bad_tag(reader *r, const yaml_event_t *e, sf_str tag, bool core, bool known)
{
    const char *bangs = core ? "!!" : "";
    sf_where at = where_mark(r, &e->start_mark, 0);

    if (known)
        return sf_diag_error(r->t.dg, SF_E_YAML, at, "remove the tag or correct the value",
                             "tag %s%.*s does not fit its value", bangs, SF_STR_ARG(sf_yaml_clip(tag)));
    return sf_diag_error(r->t.dg, SF_E_YAML, at, "remove the tag; the engine refuses it as well",
                         "tag %s%.*s is not supported", bangs, SF_STR_ARG(sf_yaml_clip(tag)));
}

static bool is_known_tag(sf_str tag)
{
    static const char *const known[] = {"str", "int", "float", "bool", "null", "seq", "map", "binary"};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (sf_str_is(tag, known[i]))
            return true;
    return false;
}

/* Kind and value of a scalar. */
static sf_code type_scalar(reader *r, const yaml_event_t *e, sf_str text, sf_node *node)
{
    sf_yaml_plain plain;
    bool core;

    if (e->data.scalar.tag && strcmp((const char *)e->data.scalar.tag, "!") != 0) {
        sf_str tag = short_tag(e->data.scalar.tag, &core);
        sf_code rc = core ? sf_yaml_tagged_type(r->a, tag, text, node) : SF_E_YAML;

        return rc == SF_E_YAML ? bad_tag(r, e, tag, core, core && is_known_tag(tag)) : rc;
    }
    /* "!" alone makes the loader type even a quoted text. */
    if (!e->data.scalar.plain_implicit && !e->data.scalar.tag) {
        node->kind = SF_STRING;
        node->text = text;
        node->flags |= SF_NODE_QUOTED;
        return SF_OK;
    }
    plain = sf_yaml_plain_type(text, node);
    if (plain == SF_YAML_BROKEN)
        return sf_diag_error(r->t.dg, SF_E_YAML, sf_node_where(node), "put it in quotes when it is a text",
                             "\"%.*s\" looks like a number and is none", SF_STR_ARG(sf_yaml_clip(text)));
    if ((plain == SF_YAML_MERGE || plain == SF_YAML_EQUALS) && !expects_key(r))
        return sf_diag_error(r->t.dg, SF_E_YAML, sf_node_where(node), "put it in quotes",
                             "\"%.*s\" cannot stand alone as a value", SF_STR_ARG(text));
    return SF_OK;
}

/* The byte behind the last line of a block text that is not blank ("+" keeps the blank ones). */
static size_t block_end(sf_str s, size_t from, size_t to)
{
    for (size_t i = from; i < to && s.p[i] != '\n' && s.p[i] != '\r' && s.p[i] != '#'; i++)
        if (s.p[i] == '+')
            return to;
    while (to > from && strchr(" \t\r\n", s.p[to - 1]))
        to--;
    return to;
}

/* Looks for tabs up to a quoted or block text, in which they are fine. */
static sf_code check_tabs(reader *r, size_t to, size_t next)
{
    size_t at;

    if (!r->tabs || to < r->tab_from)
        return SF_OK;
    at = sf_yaml_find_tab(r->t.text, r->tab_from, to);
    if (at < to)
        return sf_yaml_tab_error(&r->t, at);
    r->tab_from = next;
    return SF_OK;
}

static sf_code scalar_span(reader *r, yaml_scalar_style_t style, sf_node *node)
{
    size_t from = (size_t)node->off - r->t.bom, to = from + (size_t)node->len, line = from;

    if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE) {
        node->len = block_end(r->t.text, from, to) - from;
        while (line < to && r->t.text.p[line] != '\n' && r->t.text.p[line] != '\r')
            line++;
        return check_tabs(r, line, to);
    }
    if (style != YAML_PLAIN_SCALAR_STYLE)
        return check_tabs(r, from, to);
    return SF_OK;
}

static sf_code on_scalar(reader *r, const yaml_event_t *e)
{
    sf_str text = {(const char *)e->data.scalar.value, e->data.scalar.length};
    size_t to = byte_of(r, &e->end_mark), index;
    sf_node *node = new_node(r, &e->start_mark, to);
    sf_code rc;

    if (!node)
        return SF_E_NOMEM;
    node->len = to - ((size_t)node->off - r->t.bom);
    rc = scalar_span(r, e->data.scalar.style, node);
    if (rc)
        return rc;
    text = sf_arena_str(r->a, text);
    if (!text.p)
        return SF_E_NOMEM;
    sf_yaml_show_bom(text, r->bom_mask);
    rc = type_scalar(r, e, text, node);
    if (!rc)
        rc = add_anchor(r, e->data.scalar.anchor, node, 1, &index, &e->start_mark);
    if (rc)
        return rc;
    return push(r, node, 1, (size_t)(node->off + node->len) - r->t.bom, &e->start_mark);
}

static sf_code on_start(reader *r, const yaml_event_t *e, sf_node_kind kind)
{
    const yaml_char_t *tag = kind == SF_SEQ ? e->data.sequence_start.tag : e->data.mapping_start.tag;
    const yaml_char_t *name = kind == SF_SEQ ? e->data.sequence_start.anchor : e->data.mapping_start.anchor;
    bool flow = kind == SF_SEQ ? e->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE
                               : e->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
    bool core = false;
    sf_node *node;
    sf_code rc;
    frame *f;

    if (r->depth == SF_YAML_DEPTH)
        return sf_diag_error(r->t.dg, SF_E_LIMIT, where_mark(r, &e->start_mark, 1),
                             "close brackets that are open, or flatten it",
                             "lists and maps are nested deeper than %d", SF_YAML_DEPTH);
    if (tag) {
        sf_str s = short_tag(tag, &core);

        if (!core || !sf_str_is(s, kind == SF_SEQ ? "seq" : "map"))
            return bad_tag(r, e, s, core, core && is_known_tag(s));
    }
    node = new_node(r, &e->start_mark, r->t.text.n);
    if (!node)
        return SF_E_NOMEM;
    node->kind = kind;
    node->flags = flow ? SF_NODE_FLOW : 0;
    f = &r->frames[r->depth];
    *f = (frame){.node = node, .first = r->n_stack, .end = (size_t)node->off - r->t.bom};
    rc = add_anchor(r, name, node, 0, &f->anchor, &e->start_mark);
    r->depth += !rc;
    return rc;
}

static sf_code on_end(reader *r, const yaml_event_t *e)
{
    frame *f = &r->frames[r->depth - 1];
    const sf_node **children = r->stack ? r->stack + f->first : NULL;
    size_t n = r->n_stack - f->first, end = f->end;
    sf_node *node = f->node;
    uint64_t weight = f->weight + 1;

    if (node->kind == SF_MAP) {
        sf_code rc = sf_yaml_map_finish(r->a, children, n / 2, r->t.dg, node);

        if (rc)
            return rc;
    } else {
        const sf_node **items = sf_arena_grow(r->a, children, n, n, sizeof *items);

        if (!items)
            return SF_E_NOMEM;
        node->as.items = items;
        node->n = (uint32_t)n;
    }
    if (node->flags & SF_NODE_FLOW)
        end = byte_of(r, &e->end_mark);
    node->len = end - ((size_t)node->off - r->t.bom);
    if (f->anchor)
        r->anchors[f->anchor - 1].weight = weight;
    r->n_stack = f->first;
    r->depth--;
    return push(r, node, weight, end, &e->start_mark);
}

static sf_code syntax_error(reader *r)
{
    const yaml_parser_t *p = &r->parser;
    sf_where at = where_mark(r, &p->problem_mark, 0);
    size_t byte = (size_t)at.off - r->t.bom;
    const char *problem = p->problem ? p->problem : "cannot be read";
    sf_code rc;

    if (p->error == YAML_MEMORY_ERROR)
        return SF_E_NOMEM;
    if (byte < r->t.text.n && r->t.text.p[byte] == '\t')
        return sf_yaml_tab_error(&r->t, byte);
    if (!p->context)
        return sf_diag_error(r->t.dg, SF_E_YAML, at, sf_yaml_hint(problem), "%s", problem);
    rc = sf_diag_error(r->t.dg, SF_E_YAML, at, sf_yaml_hint(problem), "%s %s", p->context, problem);
    if (p->context_mark.line != p->problem_mark.line || p->context_mark.column != p->problem_mark.column)
        sf_diag_related(r->t.dg, where_mark(r, &p->context_mark, 0), p->context);
    return rc;
}

/* One event; `ret_end` becomes true with the last one. */
static sf_code on_event(reader *r, const yaml_event_t *e, bool *ret_end)
{
    if (++r->nodes > 2 * (size_t)SF_YAML_MAX_NODES) /* lists and maps have two events */
        return too_many(r, &e->start_mark);
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (r->root)
            return sf_diag_error(r->t.dg, SF_E_YAML, where_mark(r, &e->start_mark, 3),
                                 "keep one document in the file", "a second document begins here");
        return SF_OK;
    case YAML_SCALAR_EVENT:
        return on_scalar(r, e);
    case YAML_ALIAS_EVENT:
        return on_alias(r, e);
    case YAML_SEQUENCE_START_EVENT:
        return on_start(r, e, SF_SEQ);
    case YAML_MAPPING_START_EVENT:
        return on_start(r, e, SF_MAP);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        return on_end(r, e);
    case YAML_STREAM_END_EVENT:
        *ret_end = true;
        return check_tabs(r, r->t.text.n, r->t.text.n);
    default:
        return SF_OK;
    }
}

static sf_code read_events(reader *r)
{
    bool end = false;
    sf_code rc = SF_OK;

    yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->t.text.p, r->t.text.n);
    while (!rc && !end) {
        yaml_event_t e;

        if (!yaml_parser_parse(&r->parser, &e))
            return syntax_error(r);
        rc = on_event(r, &e, &end);
        yaml_event_delete(&e);
    }
    return rc;
}

/* The loader's rule for the whole file: a map; nothing or null is an empty one, a word is {word: null}. */
static sf_code root_map(reader *r, const sf_node **ret)
{
    const sf_node *root = r->root;
    sf_node *map, *null;
    sf_pair *pair;
    sf_where end;

    if (sf_node_is(root, SF_MAP)) {
        *ret = root;
        return SF_OK;
    }
    if (!sf_node_absent(root) && root->kind != SF_STRING)
        return sf_diag_error(r->t.dg, SF_E_YAML, sf_node_where(root), "begin with a key, as in \"stages:\"",
                             "the file is a %s, not a map", sf_node_kind_name(root->kind));
    map = SF_NEW(r->a, sf_node);
    null = SF_NEW(r->a, sf_node);
    pair = SF_NEW(r->a, sf_pair);
    if (!map || !null || !pair)
        return SF_E_NOMEM;
    *map = (sf_node){.kind = SF_MAP, .line = 1, .col = 1, .file = r->t.file, .off = r->t.bom};
    if (sf_node_is(root, SF_STRING)) {
        end = sf_yaml_place(&r->t, (size_t)(root->off + root->len) - r->t.bom, 0);
        *null = (sf_node){.file = r->t.file, .line = end.line, .col = end.col, .off = end.off};
        *pair = (sf_pair){root->text, root, null};
        map->n = 1;
        map->as.pairs = pair;
    }
    *ret = map;
    return SF_OK;
}

sf_code sf_yaml_parse(sf_arena *a, sf_str text, sf_str file, sf_diags *dg, const sf_node **ret)
{
    reader *r;
    sf_code rc;

    file = sf_arena_str(a, file);
    r = SF_NEW(a, reader);
    if (!file.p || !r)
        return SF_E_NOMEM;
    r->a = a;
    r->t = (sf_yaml_text){.text = text, .file = file, .dg = dg};
    if (sf_str_starts(text, SF_STR("\xef\xbb\xbf"))) {
        r->t.bom = 3;
        r->t.text = sf_str_sub(text, 3, text.n);
    }
    rc = sf_yaml_check_text(&r->t);
    if (!rc)
        rc = sf_yaml_hide_bom(a, &r->t.text, r->bom_mask);
    if (rc)
        return rc;
    r->tabs = sf_str_find_char(r->t.text, '\t') >= 0;
    if (!r->t.text.p)
        r->t.text.p = "";
    if (!yaml_parser_initialize(&r->parser))
        return SF_E_NOMEM;
    rc = read_events(r);
    yaml_parser_delete(&r->parser);
    return rc ? rc : root_map(r, ret);
}
