/*
 * family_facts: what the serving part says beside its tensors: the cache of each layer, the
 * widths of the forward pass, the encoders.  Kinds of caches are the engine's spec classes
 * (vLLM v1/kv_cache_interface.py).
 */
#include "model/family.h"

enum { KV_ENTRIES = 8 };

/* Numbers of an entry, as `field_names`. */
enum { KV_HEADS, KV_SIZE, KV_SIZE_V, KV_WINDOW, KV_BLOCK, KV_RATIO, KV_POOL, KV_ALIGN, KV_NUMBERS };

static const char *const kind_names[] = {"full", "sliding", "chunked", "cross",
                                         "mla",  "indexer", "state",   "none"};

const char *sf_kv_kind_name(sf_kv_kind kind)
{
    return kind_names[kind];
}

static bool kind_of(sf_str name, sf_kv_kind *ret)
{
    for (size_t i = 0; i < sizeof kind_names / sizeof *kind_names; i++)
        if (sf_str_is(name, kind_names[i])) {
            *ret = (sf_kv_kind)i;
            return true;
        }
    return false;
}

/* One entry of a `kv` list, ready to compute for each layer. */
typedef struct kv_entry {
    const sf_node *node;
    const sf_expr *kind, *when, *state_kind;
    const sf_expr *field[KV_NUMBERS];
    const sf_node *state; /* a map of expressions, or NULL */
    bool vary;
} kv_entry;

static const char *const field_names[KV_NUMBERS] = {"heads", "size",  "size_v", "window",
                                                    "block", "ratio", "pool",   "align"};

/* The expression of a key; integers are texts too. */
static sf_code compile(sf_walk *w, const sf_frame *f, const sf_node *map, const char *key,
                       const sf_expr **ret)
{
    const sf_node *n = sf_node_get(map, key);

    *ret = NULL;
    return n ? sf_family_compile(w, f, n, ret) : SF_OK;
}

static sf_code compile_entry(sf_walk *w, const sf_frame *f, const sf_node *node, kv_entry *ret)
{
    sf_code rc;

    *ret = (kv_entry){.node = node, .state = sf_node_get(node, "state")};
    rc = compile(w, f, node, "kind", &ret->kind);
    if (!rc && !ret->kind)
        rc = sf_diag_error(w->dg, SF_E_EXPR, sf_node_where(node), NULL, "a kv entry without its kind");
    if (!rc)
        rc = compile(w, f, node, "when", &ret->when);
    if (!rc)
        rc = compile(w, f, node, "state_kind", &ret->state_kind);
    for (size_t i = 0; !rc && i < KV_NUMBERS; i++)
        rc = compile(w, f, node, field_names[i], &ret->field[i]);
    if (rc)
        return rc;
    ret->vary = sf_expr_uses(ret->kind, SF_STR("i")) || ret->when || ret->state || ret->state_kind;
    for (size_t i = 0; i < KV_NUMBERS; i++)
        ret->vary |= ret->field[i] && sf_expr_uses(ret->field[i], SF_STR("i"));
    return SF_OK;
}

/* The state's parameters as a map of integers. */
static sf_code state_map(sf_walk *w, const sf_frame *f, const sf_node *state, const sf_node **ret)
{
    const sf_node *map = state;

    for (uint32_t i = 0; i < state->n; i++) {
        const sf_node *value;
        int64_t v;
        sf_code rc = sf_family_i64(w, f, state->as.pairs[i].value, 0, (int64_t)1 << 40, &v);

        if (rc)
            return rc;
        value = sf_node_new_i64(w->a, v);
        map = value ? sf_node_with(w->a, map, state->as.pairs[i].key, value) : NULL;
        if (!map)
            return SF_E_NOMEM;
    }
    *ret = map;
    return SF_OK;
}

static sf_code eval_kind(sf_walk *w, const sf_scope *scope, const kv_entry *e, uint32_t layer,
                         sf_kv_kind *ret)
{
    sf_value v;
    sf_code rc = sf_expr_eval(e->kind, scope, w->dg, &v);

    if (rc)
        return rc;
    if (v.kind == SF_VAL_STR && kind_of(v.s, ret))
        return SF_OK;
    return sf_diag_error(w->dg, SF_E_KV_UNKNOWN, sf_node_where(v.node ? v.node : scope->section),
                         "--assume full-attention counts every layer as full attention",
                         "the cache of layer %u is of a kind that is not modelled: `%.*s`", layer,
                         SF_STR_ARG(v.kind == SF_VAL_STR ? v.s : SF_STR("?")));
}

static void set_numbers(const kv_entry *e, const int64_t n[KV_NUMBERS], sf_kv_layers *kv)
{
    bool one = kv->kind == SF_KV_MLA || kv->kind == SF_KV_INDEXER || n[KV_POOL]; /* K and V are one */

    kv->kv_heads = (uint32_t)n[KV_HEADS];
    kv->head_size = (uint32_t)n[KV_SIZE];
    kv->head_size_v = (uint32_t)(e->field[KV_SIZE_V] ? n[KV_SIZE_V] : one ? 0 : n[KV_SIZE]);
    kv->window = kv->kind == SF_KV_SLIDING || kv->kind == SF_KV_CHUNKED ? (uint64_t)n[KV_WINDOW] : 0;
    kv->block = (uint32_t)n[KV_BLOCK];
    kv->ratio = (uint32_t)n[KV_RATIO];
    kv->pool = (sf_kv_pool)(n[KV_POOL] < SF_KV_POOL_COUNT ? n[KV_POOL] : SF_KV_POOL_NONE);
    kv->align = (uint32_t)n[KV_ALIGN];
}

static sf_code eval_layer(sf_walk *w, const sf_frame *f, const kv_entry *e, uint32_t layer, bool *ret_there,
                          sf_kv_layers *ret)
{
    sf_scope scope = sf_family_scope(w, f);
    int64_t n[KV_NUMBERS] = {0};
    sf_kv_layers kv = {.first_layer = layer, .repeat = 1};
    sf_value v;
    sf_code rc = SF_OK;

    *ret_there = true;
    if (e->when)
        rc = sf_expr_eval_bool(e->when, &scope, w->dg, ret_there);
    if (rc || !*ret_there)
        return rc;
    rc = eval_kind(w, &scope, e, layer, &kv.kind);
    for (size_t i = 0; !rc && i < KV_NUMBERS; i++)
        if (e->field[i])
            rc = sf_expr_eval_i64(e->field[i], &scope, 0, INT32_MAX, w->dg, &n[i]);
    if (!rc && e->state_kind) {
        rc = sf_expr_eval(e->state_kind, &scope, w->dg, &v);
        kv.state_kind = !rc && v.kind == SF_VAL_STR ? v.s : (sf_str){0};
    }
    if (!rc && e->state)
        rc = state_map(w, f, e->state, &kv.state);
    if (rc)
        return rc;
    if (kv.kind == SF_KV_STATE || kv.kind == SF_KV_NONE)
        n[KV_HEADS] = n[KV_SIZE] = n[KV_SIZE_V] =
            0; /* what an entry of several kinds says of its attention layers */
    set_numbers(e, n, &kv);
    *ret = kv;
    return SF_OK;
}

static bool same_cache(const sf_kv_layers *a, const sf_kv_layers *b)
{
    return a->kind == b->kind && a->kv_heads == b->kv_heads && a->head_size == b->head_size &&
           a->head_size_v == b->head_size_v && a->window == b->window && a->block == b->block &&
           a->ratio == b->ratio && a->pool == b->pool && a->align == b->align &&
           sf_str_eq(a->state_kind, b->state_kind);
}

typedef struct kv_list {
    sf_kv_layers *items;
    size_t n, cap;
} kv_list;

static bool kv_add(sf_arena *a, kv_list *list, const sf_kv_layers *kv)
{
    sf_kv_layers *last = list->n ? &list->items[list->n - 1] : NULL;

    if (last && same_cache(last, kv) && last->first_layer + last->repeat == kv->first_layer) {
        last->repeat += kv->repeat;
        return true;
    }
    if (list->n == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 16;
        sf_kv_layers *items = sf_arena_grow(a, list->items, list->n, cap, sizeof *items);

        if (!items)
            return false;
        list->items = items;
        list->cap = cap;
    }
    list->items[list->n++] = *kv;
    return true;
}

/* All entries for layer i; `count` layers at once when nothing depends on i. */
static sf_code kv_layer(sf_walk *w, const sf_frame *f, const kv_entry *e, size_t n, uint32_t i,
                        uint32_t count, kv_list *list)
{
    size_t mark = w->n_bindings;
    sf_code rc = sf_family_bind(w, SF_STR("i"), sf_value_i64(i), sf_node_where(e->node));

    for (size_t j = 0; !rc && j < n; j++) {
        sf_kv_layers kv;
        bool there;

        rc = eval_layer(w, f, &e[j], i, &there, &kv);
        if (rc || !there)
            continue;
        kv.repeat = count;
        if (!kv_add(w->a, list, &kv))
            rc = SF_E_NOMEM;
    }
    w->n_bindings = mark;
    return rc;
}

static sf_code read_kv(sf_walk *w, const sf_frame *f, const sf_node *kv, uint32_t layers)
{
    kv_entry e[KV_ENTRIES] = {{0}};
    kv_list list = {0};
    bool vary = false;
    sf_code rc = SF_OK;

    if (kv->kind != SF_SEQ || kv->n > KV_ENTRIES || !kv->n)
        return sf_diag_error(w->dg, SF_E_EXPR, sf_node_where(kv), NULL, "kv is a list of one to %d entries",
                             KV_ENTRIES);
    for (uint32_t j = 0; !rc && j < kv->n; j++) {
        rc = compile_entry(w, f, kv->as.items[j], &e[j]);
        vary |= !rc && (e[j].vary || kv->n > 1);
    }
    if (!rc && !vary)
        rc = kv_layer(w, f, e, kv->n, 0, layers, &list);
    for (uint32_t i = 0; !rc && vary && i < layers; i++)
        rc = kv_layer(w, f, e, kv->n, i, 1, &list);
    if (rc)
        return rc;
    w->model->kv = list.items;
    w->model->n_kv = list.n;
    return SF_OK;
}

static sf_code read_u64(sf_walk *w, const sf_frame *f, const sf_node *map, const char *key, uint64_t *ret)
{
    const sf_node *n = sf_node_get(map, key);
    int64_t v;
    sf_code rc;

    if (!n)
        return SF_OK;
    rc = sf_family_i64(w, f, n, 0, (int64_t)1 << 40, &v);
    if (!rc)
        *ret = (uint64_t)v;
    return rc;
}

static sf_code read_forward(sf_walk *w, const sf_frame *f, const sf_node *map)
{
    sf_forward fw = w->model->forward;
    const struct {
        const char *key;
        uint64_t *to;
    } fields[] = {
        {"hidden",              &fw.hidden             },
        {"intermediate",        &fw.intermediate       },
        {"layers",              &fw.layers             },
        {"q_heads",             &fw.q_heads            },
        {"kv_heads",            &fw.kv_heads           },
        {"head_dim",            &fw.head_dim           },
        {"experts",             &fw.experts            },
        {"experts_per_token",   &fw.experts_per_token  },
        {"moe_intermediate",    &fw.moe_intermediate   },
        {"shared_intermediate", &fw.shared_intermediate},
        {"vocab",               &fw.vocab              },
    };

    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        sf_code rc = read_u64(w, f, map, fields[i].key, fields[i].to);

        if (rc)
            return rc;
    }
    w->model->forward = fw;
    return SF_OK;
}

/* `mtp`: the prediction layers that the checkpoint has; their number, and their cache. */
static sf_code read_mtp(sf_walk *w, const sf_frame *f, const sf_node *mtp, uint32_t layers)
{
    const sf_node *kv = sf_node_get(mtp, "kv");
    int64_t n = 0;
    kv_list list = {0};
    kv_entry e[KV_ENTRIES] = {{0}};
    size_t n_entries = sf_node_is(kv, SF_SEQ) ? kv->n : 1;
    sf_code rc = sf_family_i64(w, f, sf_node_get(mtp, "layers"), 0, SF_FAMILY_LAYERS, &n);

    if (rc || n == 0)
        return rc;
    if (!n_entries || n_entries > KV_ENTRIES)
        return sf_diag_error(w->dg, SF_E_EXPR, sf_node_where(kv), NULL, "kv is a list of one to %d entries",
                             KV_ENTRIES);
    for (size_t i = 0; !rc && i < n_entries; i++)
        rc = compile_entry(w, f, sf_node_is(kv, SF_SEQ) ? sf_node_item(kv, i) : kv, &e[i]);
    if (!rc)
        rc = kv_layer(w, f, e, n_entries, layers, (uint32_t)n, &list);
    if (rc)
        return rc;
    w->model->mtp_kv = list.items;
    w->model->n_mtp_kv = list.n;
    return SF_OK;
}

sf_code sf_family_facts(sf_walk *w, const sf_frame *frame, const sf_node *use, const sf_node *part)
{
    const sf_node *outer = frame->outer, *kv = sf_node_get(outer, "kv");
    const sf_node *forward = sf_node_get(part, "forward"), *layers = sf_node_get(part, "layers");
    const sf_node *tie = sf_node_get(part, "tie"), *at = sf_node_get(outer ? outer : use, "at");
    const sf_node *mtp = sf_node_get(use, "mtp") ? sf_node_get(use, "mtp") : sf_node_get(part, "mtp");
    int64_t n = 0, tied = 0;
    sf_code rc = SF_OK;

    if (!kv)
        kv = sf_node_get(use, "kv") ? sf_node_get(use, "kv") : sf_node_get(part, "kv");

    w->model->text = frame->section;
    w->text_path = at ? at->text : (sf_str){0};
    if (layers)
        rc = sf_family_i64(w, frame, layers, 1, SF_FAMILY_LAYERS, &n);
    if (!rc && tie)
        rc = sf_family_i64(w, frame, tie, 0, 1, &tied);
    if (rc)
        return rc;
    w->model->n_layers = (uint32_t)n;
    w->model->tie_word_embeddings = tied != 0;
    if (forward)
        rc = read_forward(w, frame, forward);
    if (!rc && kv)
        rc = read_kv(w, frame, kv, (uint32_t)n);
    if (!rc && mtp)
        rc = read_mtp(w, frame, mtp, (uint32_t)n);
    return rc;
}

static sf_code add_encoder(sf_walk *w, const sf_frame *frame, const sf_node *map)
{
    const sf_node *modality = sf_node_get(map, "modality");
    sf_encoder e = {.modality = modality ? modality->text : (sf_str){0}};
    const struct {
        const char *key;
        uint64_t *to;
    } fields[] = {
        {"item_tokens",       &e.item_tokens      },
        {"patches_per_token", &e.patches_per_token},
        {"hidden",            &e.hidden           },
        {"intermediate",      &e.intermediate     },
        {"qkv",               &e.qkv              },
        {"out_hidden",        &e.out_hidden       },
        {"held",              &e.held             },
        {"input",             &e.input            },
    };

    if (w->model->n_encoders == SF_MODEL_ENCODERS)
        return sf_diag_error(w->dg, SF_E_EXPR, sf_node_where(map), NULL, "more than %d kinds of items",
                             SF_MODEL_ENCODERS);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        sf_code rc = read_u64(w, frame, map, fields[i].key, fields[i].to);

        if (rc)
            return rc;
    }
    w->model->encoders[w->model->n_encoders++] = e;
    return SF_OK;
}

sf_code sf_family_encoder(sf_walk *w, const sf_frame *frame, const sf_node *part)
{
    const sf_node *encoder = sf_node_get(part, "encoder");
    sf_code rc = read_u64(w, frame, part, "deepstack", &w->model->forward.deepstack);

    if (rc || !encoder || frame->made)
        return rc; /* an encoder that the engine makes but never feeds is weights only */
    if (encoder->kind != SF_SEQ)
        return add_encoder(w, frame, encoder);
    for (uint32_t i = 0; !rc && i < encoder->n; i++)
        rc = add_encoder(w, frame, encoder->as.items[i]);
    return rc;
}
