/*
 * family_walk: lists of tensors of a family file, loops included, become groups of tensors.
 * Order is the order of the file, which is the order in which the engine creates them.
 * Layers of several kinds are walked in runs of equal kinds.
 */
#include "model/family.h"

#include "base/num.h"

enum { MAX_KINDS = 8, MAX_DIM_BITS = 40 };

/* "a.b" for a prefix that ends in its dot; {expr} in the name is computed, {} stays or becomes `index`. */
static sf_code join(sf_walk *w, const sf_frame *frame, sf_str prefix, sf_str name, sf_str index, sf_where at,
                    sf_str *ret)
{
    sf_str out = prefix;

    for (size_t from = 0, i = 0; i <= name.n; i++) {
        ptrdiff_t end;
        sf_value v;
        sf_code rc;

        if (i < name.n && name.p[i] != '{')
            continue;
        if (i > from)
            out = sf_arena_printf(w->a, "%.*s%.*s", SF_STR_ARG(out), SF_STR_ARG(sf_str_sub(name, from, i)));
        end = sf_str_find_char(sf_str_sub(name, i, name.n), '}');
        if (i >= name.n || end < 0)
            break;
        if (end == 1) {
            out = sf_arena_printf(w->a, "%.*s%.*s", SF_STR_ARG(out), SF_STR_ARG(index));
        } else {
            rc = sf_family_eval_text(w, frame, sf_str_sub(name, i + 1, i + (size_t)end), at, &v);
            if (rc)
                return rc;
            out = sf_arena_printf(w->a, "%.*s%lld", SF_STR_ARG(out), (long long)v.i);
        }
        i += (size_t)end;
        from = i + 1;
    }
    *ret = out;
    return out.p || !out.n ? SF_OK : SF_E_NOMEM;
}

/* The prefix of a loop: its name, with ".{}" behind it when it does not say where the number goes. */
static sf_code loop_prefix(sf_walk *w, const sf_frame *frame, const sf_node *loop, sf_str index, sf_str *ret)
{
    const sf_node *n = sf_node_get(loop, "name");
    const sf_node *flat = sf_node_get(loop, "flat");
    sf_str name = n ? n->text : (sf_str){0};
    sf_code rc = sf_family_expand(w, frame, name, &name);

    if (rc)
        return rc;
    if (flat && flat->kind == SF_BOOL && flat->as.b) { /* the loop leaves no trace in the names */
        *ret = frame->prefix;
        return SF_OK;
    }
    if (sf_str_find(name, SF_STR("{}")) < 0)
        name = name.n ? sf_arena_printf(w->a, "%.*s.{}", SF_STR_ARG(name)) : SF_STR("{}");
    if (!name.p)
        return SF_E_NOMEM;
    rc = join(w, frame, frame->prefix, name, index, sf_node_where(loop), ret);
    if (rc)
        return rc;
    *ret = sf_arena_printf(w->a, "%.*s.", SF_STR_ARG(*ret));
    return ret->p ? SF_OK : SF_E_NOMEM;
}

static sf_code bind_lets(sf_walk *w, const sf_frame *frame, const sf_node *lets)
{
    for (uint32_t i = 0; lets && lets->kind == SF_MAP && i < lets->n; i++) {
        sf_value v;
        sf_code rc = sf_family_eval(w, frame, lets->as.pairs[i].value, &v);

        if (!rc)
            rc = sf_family_bind(w, lets->as.pairs[i].key, v, sf_node_where(lets));
        if (rc)
            return rc;
    }
    return SF_OK;
}

sf_code sf_family_truth(sf_walk *w, const sf_frame *frame, sf_str text, sf_where at, bool *ret)
{
    sf_scope scope = sf_family_scope(w, frame);
    const sf_expr *e;
    sf_code rc = sf_family_expand(w, frame, text, &text);

    if (!rc)
        rc = sf_expr_parse(w->a, text, at, w->dg, &e);
    return rc ? rc : sf_expr_eval_bool(e, &scope, w->dg, ret);
}

static sf_code walk_rows(sf_walk *w, const sf_frame *frame, const sf_node *rows)
{
    sf_code rc = SF_OK;

    for (uint32_t i = 0; !rc && i < rows->n; i++) {
        const sf_node *row = rows->as.items[i];

        rc = row->kind == SF_STRING ? sf_family_emit(w, frame, row) : sf_family_walk(w, frame, row);
    }
    return rc;
}

/* Names of the kinds of a layer, and the expressions that give them. */
typedef struct kinds {
    size_t n;
    const sf_node *map;
    const sf_expr *expr[MAX_KINDS];
    bool vary; /* an expression reads the layer's number */
} kinds;

static sf_code read_kinds(sf_walk *w, const sf_frame *frame, const sf_node *map, kinds *k)
{
    *k = (kinds){.map = map};
    if (map && map->n > MAX_KINDS)
        return sf_diag_error(w->dg, SF_E_EXPR, sf_node_where(map), NULL, "more than %d kinds", MAX_KINDS);
    for (; map && map->kind == SF_MAP && k->n < map->n; k->n++) {
        sf_code rc = sf_family_compile(w, frame, map->as.pairs[k->n].value, &k->expr[k->n]);

        if (rc)
            return rc;
        k->vary |= sf_expr_uses(k->expr[k->n], SF_STR("i"));
    }
    return SF_OK;
}

/* Binds i and the kinds of layer i; the caller has noted n_bindings. */
static sf_code bind_layer(sf_walk *w, const sf_frame *frame, const kinds *k, int64_t i)
{
    sf_where at = k->map ? sf_node_where(k->map) : (sf_where){0};
    sf_code rc = sf_family_bind(w, SF_STR("i"), sf_value_i64(i), at);

    for (size_t j = 0; !rc && j < k->n; j++) {
        sf_scope scope = sf_family_scope(w, frame);
        sf_value v;

        rc = sf_expr_eval(k->expr[j], &scope, w->dg, &v);
        if (!rc)
            rc = sf_family_bind(w, k->map->as.pairs[j].key, v, at);
    }
    return rc;
}

static bool same_value(const sf_value *a, const sf_value *b)
{
    return a->kind == b->kind &&
           (a->kind == SF_VAL_STR ? sf_str_eq(a->s, b->s) : a->i == b->i && a->node == b->node);
}

/* The first layer after `first` whose kinds are others; the bindings are those of `first`. */
static sf_code run_end(sf_walk *w, const sf_frame *frame, const kinds *k, int64_t first, int64_t n,
                       int64_t *ret)
{
    size_t at = w->n_bindings - k->n;
    sf_value mine[MAX_KINDS];
    int64_t i;

    for (size_t j = 0; j < k->n; j++)
        mine[j] = w->bindings[at + j].value;
    for (i = k->vary ? first + 1 : n; i < n; i++) {
        size_t mark = w->n_bindings;
        bool same = true;
        sf_code rc = bind_layer(w, frame, k, i);

        if (rc)
            return rc;
        for (size_t j = 0; j < k->n; j++)
            same &= same_value(&mine[j], &w->bindings[mark + 1 + j].value);
        w->n_bindings = mark;
        if (!same)
            break;
    }
    *ret = i;
    return SF_OK;
}

static sf_code walk_run(sf_walk *w, const sf_frame *frame, const sf_node *loop, int64_t first, int64_t count,
                        bool layers)
{
    sf_frame in = *frame;
    sf_code rc = loop_prefix(w, frame, loop, SF_STR("{}"), &in.prefix);

    if (rc)
        return rc;
    if (in.block) { /* a loop in a loop: so many of each */
        in.experts *= (uint32_t)count;
    } else {
        in.block = ++w->n_blocks;
        in.first = (uint32_t)first;
        in.repeat = (uint32_t)count;
        in.layered = true;
        in.pp_layers = layers && (frame->serves || frame->role == SF_ROLE_DIT);
    }
    rc = bind_lets(w, &in, sf_node_get(loop, "let"));
    return rc ? rc : walk_rows(w, &in, sf_node_get(loop, "rows"));
}

/* `layers:` and `repeat:`: loops whose tensors are alike. */
static sf_code walk_folded(sf_walk *w, const sf_frame *frame, const sf_node *loop, const sf_node *count,
                           bool layers)
{
    size_t mark = w->n_bindings;
    int64_t n = 0, end = 0;
    kinds k;
    sf_code rc = sf_family_i64(w, frame, count, 0, SF_FAMILY_LAYERS, &n);

    if (!rc)
        rc = read_kinds(w, frame, sf_node_get(loop, "kinds"), &k);
    for (int64_t first = 0; !rc && first < n; first = end) {
        rc = bind_layer(w, frame, &k, first);
        if (!rc)
            rc = run_end(w, frame, &k, first, n, &end);
        if (!rc)
            rc = walk_run(w, frame, loop, first, end - first, layers);
        w->n_bindings = mark;
    }
    return rc;
}

/* `experts:`: so many of each in every layer, fused by the engine. */
static sf_code walk_experts(sf_walk *w, const sf_frame *frame, const sf_node *loop, const sf_node *count)
{
    size_t mark = w->n_bindings;
    sf_frame in = *frame;
    int64_t n = 0;
    sf_code rc = sf_family_i64(w, frame, count, 0, 1 << 20, &n);

    if (rc || n == 0)
        return rc;
    in.expert = true;
    in.experts = (uint32_t)n;
    rc = loop_prefix(w, frame, loop, SF_STR("{}"), &in.prefix);
    if (!rc)
        rc = bind_lets(w, &in, sf_node_get(loop, "let"));
    if (!rc)
        rc = walk_rows(w, &in, sf_node_get(loop, "rows"));
    w->n_bindings = mark;
    return rc;
}

/* `each:`: a loop that is written out, over a list (v is its value) or a number. */
static sf_code walk_each(sf_walk *w, const sf_frame *frame, const sf_node *loop, const sf_node *over)
{
    size_t mark = w->n_bindings;
    const sf_node *from_node = sf_node_get(loop, "from");
    int64_t n = 0, from = 0;
    sf_value list = {0};
    sf_code rc = sf_family_eval(w, frame, over, &list);

    if (!rc && from_node)
        rc = sf_family_i64(w, frame, from_node, 0, SF_FAMILY_LAYERS, &from);
    if (!rc && list.kind == SF_VAL_NODE && list.node->kind == SF_SEQ)
        n = list.node->n;
    else if (!rc)
        rc = sf_family_i64(w, frame, over, 0, SF_FAMILY_LAYERS, &n);
    for (int64_t i = 0; !rc && i < n && i < SF_FAMILY_LAYERS; i++) {
        sf_frame in = *frame;
        long long number = i + from;
        sf_str index = sf_arena_printf(w->a, "%lld", number);
        sf_value v = list;

        if (list.kind == SF_VAL_NODE) { /* the item as a value: through a one-key lookup */
            const sf_node *item = sf_node_item(list.node, (size_t)i);

            v = sf_value_node(item);
            if (item->kind == SF_INT)
                v = (sf_value){.kind = SF_VAL_INT, .i = item->as.i, .node = item};
            else if (item->kind == SF_STRING)
                v = (sf_value){.kind = SF_VAL_STR, .s = item->text, .node = item};
        }
        rc = sf_family_bind(w, SF_STR("i"), sf_value_i64(i), sf_node_where(loop));
        if (!rc)
            rc = sf_family_bind(w, SF_STR("v"), v, sf_node_where(loop));
        if (!rc)
            rc = loop_prefix(w, frame, loop, index, &in.prefix);
        if (!rc)
            rc = bind_lets(w, &in, sf_node_get(loop, "let"));
        if (!rc)
            rc = walk_rows(w, &in, sf_node_get(loop, "rows"));
        w->n_bindings = mark;
    }
    return rc;
}

/* What a loop or a list of rows says of all that it holds. */
static void enter_words(const sf_node *node, sf_frame *in)
{
    const sf_node *skip = sf_node_get(node, "skip"), *component = sf_node_get(node, "component");

    in->skip |= sf_node_is(skip, SF_BOOL) && skip->as.b;
    if (sf_node_is(component, SF_STRING))
        in->component = component->text;
}

sf_code sf_family_walk(sf_walk *w, const sf_frame *frame, const sf_node *node)
{
    static const char *const lists[] = {"tensors", "rows"};
    const sf_node *when = sf_node_get(node, "when"), *n;
    size_t mark = w->n_bindings;
    sf_frame in = *frame;
    bool yes = true;
    sf_code rc = SF_OK;

    if (when)
        rc = sf_family_truth(w, frame, when->text, sf_node_where(when), &yes);
    if (rc || !yes)
        return rc;
    if (sf_node_get(node, "use"))
        return sf_family_use(w, frame, node);
    enter_words(node, &in);
    frame = &in;
    if (sf_node_get(node, "components"))
        return sf_family_components(w, frame, node);
    if ((n = sf_node_get(node, "layers")) && sf_node_get(node, "rows"))
        return walk_folded(w, frame, node, n, true);
    if ((n = sf_node_get(node, "repeat")))
        return walk_folded(w, frame, node, n, false);
    if ((n = sf_node_get(node, "experts")))
        return walk_experts(w, frame, node, n);
    if ((n = sf_node_get(node, "each")))
        return walk_each(w, frame, node, n);
    rc = bind_lets(w, frame, sf_node_get(node, "let"));
    for (size_t i = 0; !rc && i < sizeof lists / sizeof *lists; i++)
        if ((n = sf_node_get(node, lists[i])) && n->kind == SF_SEQ)
            rc = walk_rows(w, frame, n);
    w->n_bindings = mark;
    return rc;
}

/* Which rank of a pipeline holds it. */
static sf_pp pp_of(const sf_frame *frame, const sf_family_row *row)
{
    if (sf_str_is(frame->component, "mtp")) /* prediction layers stand behind the last */
        return SF_PP_LAST;
    if (frame->pp_layers)
        return SF_PP_LAYER;
    if (!frame->serves)
        return SF_PP_ALL;
    return row->first ? SF_PP_FIRST : row->last ? SF_PP_LAST : SF_PP_ALL;
}

/* A dimension, or a number of heads. */
static sf_code size_of(sf_walk *w, const sf_scope *scope, sf_str text, sf_where at, uint64_t *ret)
{
    const sf_expr *e;
    int64_t v = 0;
    sf_code rc = sf_expr_parse(w->a, text, at, w->dg, &e);

    if (!rc)
        rc = sf_expr_eval_i64(e, scope, 1, (int64_t)1 << MAX_DIM_BITS, w->dg, &v);
    if (!rc)
        *ret = (uint64_t)v;
    return rc;
}

static sf_code shape_of(sf_walk *w, const sf_frame *frame, const sf_family_row *row, sf_where at,
                        sf_tensor *t)
{
    sf_scope scope = sf_family_scope(w, frame);
    uint64_t numel = 1, total;
    sf_code rc = SF_OK;

    t->n_dims = row->n_dims;
    for (uint8_t i = 0; !rc && i < row->n_dims; i++) {
        rc = size_of(w, &scope, row->dims[i], at, &t->dims[i]);
        numel = rc ? numel : sf_mul_sat(numel, t->dims[i]);
    }
    total = sf_mul_sat(numel, sf_mul_sat(t->repeat, t->experts));
    if (!rc && total > (uint64_t)1 << 58)
        rc = sf_diag_error(w->dg, SF_E_EXPR, sf_node_where(frame->section), "check the sizes in config.json",
                           "`%.*s` would have more than 2^58 elements", SF_STR_ARG(t->name));
    if (!rc && row->units.n)
        rc = size_of(w, &scope, row->units, at, &t->units);
    if (!rc && row->kv_units.n)
        rc = size_of(w, &scope, row->kv_units, at, &t->kv_units);
    if (!rc && row->unit_rows.n)
        rc = size_of(w, &scope, row->unit_rows, at, &t->unit_rows);
    return rc;
}

static sf_code keep(sf_walk *w, const sf_frame *frame, const sf_tensor *t, bool maybe)
{
    if (w->n_out == SF_FAMILY_TENSORS)
        return sf_diag_error(w->dg, SF_E_LIMIT, sf_node_where(frame->section), NULL,
                             "the model has more than %d groups of tensors", SF_FAMILY_TENSORS);
    if (w->n_out == w->cap_out) {
        size_t cap = w->cap_out ? w->cap_out * 2 : 64;
        sf_family_tensor *out = sf_arena_grow(w->a, w->out, w->n_out, cap, sizeof *out);

        if (!out)
            return SF_E_NOMEM;
        w->out = out;
        w->cap_out = cap;
    }
    w->out[w->n_out++] = (sf_family_tensor){.t = *t, .sub = frame->sub, .maybe = maybe};
    return SF_OK;
}

sf_code sf_family_emit(sf_walk *w, const sf_frame *frame, const sf_node *node)
{
    sf_where at = sf_node_where(node);
    sf_family_row row = {0};
    sf_tensor t;
    bool yes = true;
    sf_str text;
    sf_code rc = sf_family_expand(w, frame, node->text, &text);

    if (!rc)
        rc = sf_family_row_parse(text, at, w->dg, &row);
    if (!rc && row.when.n)
        rc = sf_family_truth(w, frame, row.when, at, &yes);
    if (rc || !yes || (row.made && frame->foreign))
        return rc;
    t = (sf_tensor){.param = row.param,
                    .component = frame->component,
                    .layered = frame->layered,
                    .in_checkpoint = !row.made && !frame->made,
                    .loaded = !row.skip && !frame->skip,
                    .once = row.once,
                    .in_experts = frame->expert,
                    .dequantised = row.dequantised,
                    .stack = row.stack,
                    .disk_dtype = row.disk.n ? sf_dtype_of_torch(row.disk) : frame->disk,
                    .run_dtype = row.run.n ? sf_dtype_of_torch(row.run) : frame->run,
                    .shard = row.shard,
                    .cls = frame->expert && row.cls == SF_TENSOR_LINEAR ? SF_TENSOR_EXPERT : row.cls,
                    .repeat = frame->repeat,
                    .first_layer = frame->first,
                    .experts = frame->experts,
                    .origin = row.modelled || frame->modelled ? SF_ORIGIN_MODELLED : SF_ORIGIN_EXACT,
                    .modalities = frame->modalities,
                    .pp = pp_of(frame, &row),
                    .role = frame->role,
                    .block = frame->block};
    rc = join(w, frame, frame->prefix, row.name, SF_STR("{}"), at, &t.name);
    if (!rc)
        rc = shape_of(w, frame, &row, at, &t);
    return rc ? rc : keep(w, frame, &t, row.maybe);
}
