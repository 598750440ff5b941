/*
 * migrate_text: values and comments of the old file written anew at another indentation.
 * Must not know what a key means.  Style is kept where it can be: quotes, flow or block, spelling of numbers.
 */
#include "stages/migrate.h"

#include <stdlib.h>

#include "text/json_write.h"
#include "text/yaml.h"

enum { SPANS_MAX = 200 * 1000 };

typedef struct span {
    uint64_t from, to;
} span;

typedef struct spans {
    span *items;
    size_t n;
} spans;

static void add_span(spans *s, const sf_node *n)
{
    if (s->n < SPANS_MAX && n->len)
        s->items[s->n++] = (span){n->off, n->off + n->len};
}

/* Texts of the file: a "#" inside one is no comment. */
static void collect(spans *s, const sf_node *n)
{
    if (n->flags & SF_NODE_ALIAS)
        return;
    if (n->kind == SF_MAP)
        for (uint32_t i = 0; i < n->n; i++) {
            add_span(s, n->as.pairs[i].key_at);
            collect(s, n->as.pairs[i].value);
        }
    else if (n->kind == SF_SEQ)
        for (uint32_t i = 0; i < n->n; i++)
            collect(s, n->as.items[i]);
    else
        add_span(s, n);
}

static int span_cmp(const void *x, const void *y)
{
    const span *a = x, *b = y;

    return a->from < b->from ? -1 : a->from > b->from;
}

static uint32_t count_lines(sf_str s)
{
    uint32_t n = 1;

    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == '\n';
    return n;
}

/* One pass over the source: which lines hold content, and where the comments are. */
static void scan(sf_migrate_text *t, const spans *s, bool *content)
{
    uint32_t line = 1;
    size_t k = 0;

    for (size_t i = 0; i < t->source.n; i++) {
        char c = t->source.p[i];
        bool blank_before = i == 0 || strchr(" \t\n", t->source.p[i - 1]);
        bool inside;

        while (k < s->n && s->items[k].to <= i)
            k++;
        inside = k < s->n && s->items[k].from <= i;
        if (c == '#' && blank_before && !inside) {
            size_t end = i;

            while (end < t->source.n && t->source.p[end] != '\n')
                end++;
            t->comments[t->n_comments++] = (sf_comment){
                .line = line, .own_line = !content[line], .text = sf_str_trim(sf_str_sub(t->source, i, end))};
            i = end - 1;
        } else if (c == '\n') {
            line++;
        } else if (!strchr(" \t\r", c)) {
            content[line] = true;
        }
    }
}

sf_code sf_migrate_text_init(sf_migrate_text *t, sf_arena *a, sf_str source, const sf_node *root)
{
    spans s = {.items = SF_NEW_ARRAY(a, span, SPANS_MAX)};
    bool *content;

    *t = (sf_migrate_text){.a = a, .source = source, .n_lines = count_lines(source)};
    sf_buf_init(&t->out, SF_YAML_MAX_BYTES);
    content = SF_NEW_ARRAY(a, bool, (size_t)t->n_lines + 2);
    t->comments = SF_NEW_ARRAY(a, sf_comment, (size_t)t->n_lines + 1);
    t->content = content;
    if (!s.items || !content || !t->comments)
        return SF_E_NOMEM;
    collect(&s, root);
    qsort(s.items, s.n, sizeof *s.items, span_cmp);
    scan(t, &s, content);
    return SF_OK;
}

static void put_comment(sf_migrate_text *t, sf_comment *c, unsigned indent)
{
    sf_buf_fill(&t->out, ' ', indent);
    sf_buf_add(&t->out, c->text);
    sf_buf_add_char(&t->out, '\n');
    c->used = true;
}

/* The comment on `line`, or NULL. */
static sf_comment *comment_at(const sf_migrate_text *t, uint32_t line)
{
    size_t low = 0, high = t->n_comments;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (t->comments[mid].line < line)
            low = mid + 1;
        else
            high = mid;
    }
    return low < t->n_comments && t->comments[low].line == line ? &t->comments[low] : NULL;
}

/* Empty lines part what they parted before; never two, and none at the beginning. */
static void put_blank(sf_migrate_text *t, uint32_t line)
{
    if (t->blank >= line || t->out.n < 2 ||
        (t->out.p[t->out.n - 1] == '\n' && t->out.p[t->out.n - 2] == '\n'))
        return;
    sf_buf_add_char(&t->out, '\n');
    t->blank = line;
}

void sf_migrate_comments_above(sf_migrate_text *t, uint32_t line, unsigned indent)
{
    uint32_t to = line <= t->n_lines ? line : t->n_lines + 1, from = to;

    while (from > 1 && !t->content[from - 1])
        from--;
    for (uint32_t at = from; at < to && !t->out.failed; at++) {
        sf_comment *c = comment_at(t, at);

        if (!c && (at < t->n_lines || line <= t->n_lines))
            put_blank(t, at);
        else if (c && !c->used)
            put_comment(t, c, indent);
    }
}

void sf_migrate_end_line(sf_migrate_text *t, uint32_t line)
{
    sf_comment *c = comment_at(t, line);

    if (c && !c->used && !c->own_line) {
        sf_buf_add_text(&t->out, "  ");
        sf_buf_add(&t->out, c->text);
        c->used = true;
    }
    sf_buf_add_char(&t->out, '\n');
}

static bool word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '/' || c == '.';
}

/* True when the text may stand without quotes and is read as the same text. */
static bool plain_text(sf_str s, bool in_flow)
{
    sf_node typed = {0};

    if (!s.n || s.n > 200 || !word_char(s.p[0]) || s.p[s.n - 1] == ' ' || s.p[s.n - 1] == ':')
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!word_char(s.p[i]) && !strchr(in_flow ? "-+@" : "-+@=()", s.p[i]) &&
            !(s.p[i] == ' ' && i + 1 < s.n && s.p[i + 1] != '#') &&
            !(s.p[i] == ':' && i + 1 < s.n && s.p[i + 1] != ' ' && !in_flow))
            return false;
    sf_yaml_type_scalar(s, &typed);
    return typed.kind == SF_STRING;
}

static void put_quoted(sf_migrate_text *t, sf_str s)
{
    sf_json_writer w;

    sf_jw_init(&w, &t->out, false); /* a JSON string is a YAML one */
    sf_jw_str(&w, s);
}

/* 'single' quotes stay when the text has nothing that they cannot hold. */
static bool put_single(sf_migrate_text *t, const sf_node *v)
{
    if (!(v->flags & SF_NODE_QUOTED) || v->off >= t->source.n || t->source.p[v->off] != '\'')
        return false;
    for (size_t i = 0; i < v->text.n; i++)
        if ((unsigned char)v->text.p[i] < 0x20 || v->text.p[i] == '\'' || v->text.p[i] == 0x7f)
            return false;
    sf_buf_add_char(&t->out, '\'');
    sf_buf_add(&t->out, v->text);
    sf_buf_add_char(&t->out, '\'');
    return true;
}

void sf_migrate_scalar(sf_migrate_text *t, const sf_node *v, bool in_flow)
{
    if (v->kind == SF_NULL)
        sf_buf_add_text(&t->out, "null");
    else if (v->kind != SF_STRING)
        sf_buf_add(&t->out, v->text);
    else if (put_single(t, v))
        return;
    else if (!(v->flags & SF_NODE_QUOTED) && plain_text(v->text, in_flow))
        sf_buf_add(&t->out, v->text);
    else
        put_quoted(t, v->text);
}

static void put_key(sf_migrate_text *t, const sf_pair *pair, bool in_flow)
{
    bool number = pair->key_at->kind == SF_INT || pair->key_at->kind == SF_FLOAT;

    if (number || plain_text(pair->key, in_flow))
        sf_buf_add(&t->out, pair->key);
    else
        put_quoted(t, pair->key);
    sf_buf_add_text(&t->out, ":");
}

static void put_flow(sf_migrate_text *t, const sf_node *v)
{
    if (v->kind != SF_MAP && v->kind != SF_SEQ) {
        sf_migrate_scalar(t, v, true);
        return;
    }
    sf_buf_add_char(&t->out, v->kind == SF_MAP ? '{' : '[');
    for (uint32_t i = 0; i < v->n; i++) {
        if (i)
            sf_buf_add_text(&t->out, ", ");
        if (v->kind == SF_MAP) {
            put_key(t, &v->as.pairs[i], true);
            sf_buf_add_char(&t->out, ' ');
        }
        put_flow(t, v->kind == SF_MAP ? v->as.pairs[i].value : v->as.items[i]);
    }
    sf_buf_add_char(&t->out, v->kind == SF_MAP ? '}' : ']');
}

/* Brackets on one line stay brackets. */
static bool flows(const sf_migrate_text *t, const sf_node *v)
{
    if ((v->kind != SF_MAP && v->kind != SF_SEQ) || !v->n)
        return true;
    return (v->flags & SF_NODE_FLOW) && v->off + v->len <= t->source.n &&
           !memchr(t->source.p + v->off, '\n', (size_t)v->len);
}

static void put_items(sf_migrate_text *t, const sf_node *list, unsigned indent);

static void put_pairs(sf_migrate_text *t, const sf_node *map, unsigned indent, uint32_t from)
{
    for (uint32_t i = from; i < map->n; i++)
        sf_migrate_pair(t, &map->as.pairs[i], indent);
}

/* Behind "key:" on `line`. */
static void put_value(sf_migrate_text *t, const sf_node *v, uint32_t line, unsigned indent)
{
    if (flows(t, v)) {
        sf_buf_add_char(&t->out, ' ');
        put_flow(t, v);
        sf_migrate_end_line(t, line);
    } else {
        sf_migrate_end_line(t, line);
        if (v->kind == SF_MAP)
            put_pairs(t, v, indent + 2, 0);
        else
            put_items(t, v, indent + 2);
    }
}

static void put_items(sf_migrate_text *t, const sf_node *list, unsigned indent)
{
    for (uint32_t i = 0; i < list->n; i++) {
        const sf_node *v = list->as.items[i];

        sf_migrate_comments_above(t, v->line, indent);
        sf_buf_fill(&t->out, ' ', indent);
        sf_buf_add_text(&t->out, "-");
        if (!flows(t, v) && v->kind == SF_MAP) {
            sf_buf_add_char(&t->out, ' ');
            put_key(t, &v->as.pairs[0], false);
            put_value(t, v->as.pairs[0].value, v->as.pairs[0].key_at->line, indent + 2);
            put_pairs(t, v, indent + 2, 1);
        } else {
            put_value(t, v, v->line, indent);
        }
    }
}

void sf_migrate_pair(sf_migrate_text *t, const sf_pair *pair, unsigned indent)
{
    sf_migrate_comments_above(t, pair->key_at->line, indent);
    sf_buf_fill(&t->out, ' ', indent);
    put_key(t, pair, false);
    put_value(t, pair->value, pair->key_at->line, indent);
}
