/*
 * quant_apply: a plan over the tensors that a family derived.  A matrix that the plan takes becomes two
 * things: what the checkpoint stores of it (packed tensors, counted there and nowhere else) and the
 * matrix itself, which the engine makes out of them and which carries its scheme to the accounting.
 * Layers of one loop that fare differently become groups of their own.
 */
#include "model/quant_plan.h"

#include "base/num.h"

enum { MAX_NAME = 400, MAX_ROWS = 12 };

typedef struct applying {
    sf_walk *w;
    sf_quant_plan *plan;
    sf_str only; /* the component that the config is for, or empty */
    sf_family_tensor *out, *packed;
    size_t n_out, cap_out, n_packed, cap_packed;
} applying;

static bool push(sf_arena *a, sf_family_tensor **items, size_t *n, size_t *cap, const sf_family_tensor *t)
{
    if (*n == *cap) {
        size_t more = *cap ? *cap * 2 : 64;
        sf_family_tensor *grown = sf_arena_grow(a, *items, *n, more, sizeof *grown);

        if (!grown)
            return false;
        *items = grown;
        *cap = more;
    }
    (*items)[(*n)++] = *t;
    return true;
}

/* The module of a tensor: its name without ".weight", numbers in place of {}. */
static bool module_name(const sf_tensor *t, sf_str name, uint32_t layer, char *buf, sf_str *ret)
{
    size_t n = 0;
    bool first = t->layered;

    if (sf_str_ends(name, SF_STR(".weight")))
        name.n -= 7;
    for (size_t i = 0; i < name.n; i++) {
        int len = 1;

        if (n + 12 > MAX_NAME)
            return false;
        if (name.p[i] == '{') {
            char digits[12];
            uint32_t v = first ? layer : 0;

            len = 0;
            do
                digits[len++] = (char)('0' + v % 10);
            while (v /= 10);
            for (int k = 0; k < len; k++)
                buf[n + (size_t)k] = digits[len - 1 - k];
            first = false;
            i++;
        } else {
            buf[n] = name.p[i];
        }
        n += (size_t)len;
    }
    *ret = (sf_str){buf, n};
    return true;
}

/* "…self_attn.q_proj" and the parameter "qkv_proj.weight" give "…self_attn.qkv_proj". */
static sf_str fused_name(sf_str module, sf_str param, char *buf)
{
    size_t cut = module.n;

    if (!sf_str_ends(param, SF_STR(".weight")))
        return (sf_str){0};
    param.n -= 7;
    while (cut > 0 && module.p[cut - 1] != '.')
        cut--;
    if (cut + param.n > MAX_NAME)
        return (sf_str){0};
    memcpy(buf, module.p, cut);
    memcpy(buf + cut, param.p, param.n);
    return (sf_str){buf, cut + param.n};
}

static const sf_tensor_table *table_of(const sf_walk *w, sf_str sub)
{
    for (size_t i = 0; sub.n && i < w->ckpt->n_subs; i++)
        if (sf_str_eq(w->ckpt->subs[i].name, sub))
            return w->ckpt->subs[i].headers;
    return sub.n ? NULL : w->headers;
}

/* What is on disk counts: without the tensor that a scheme cannot do without, the module was left alone. */
static bool is_there(const applying *x, const sf_family_tensor *ft, const sf_quant *q, sf_str module)
{
    const sf_tensor_table *table = table_of(x->w, ft->sub);
    sf_str sign = sf_quant_sign(q);
    char buf[2 * MAX_NAME];

    if (!table || !sign.n || module.n + sign.n + 1 > sizeof buf)
        return true;
    memcpy(buf, module.p, module.n);
    buf[module.n] = sf_str_ends(ft->t.name, SF_STR(".weight")) ? '.' : '_';
    memcpy(buf + module.n + 1, sign.p, sign.n);
    return sf_tensor_table_has(table, (sf_str){buf, module.n + 1 + sign.n});
}

static sf_code scheme_of(const applying *x, const sf_family_tensor *ft, uint32_t layer, const sf_quant **ret)
{
    char name[MAX_NAME], fused[MAX_NAME];
    sf_quant_module m = {
        .cls = ft->t.cls, .layer = ft->t.layered ? (int64_t)layer : -1, .layers = x->w->model->n_layers};
    sf_code rc;

    *ret = NULL;
    if (!module_name(&ft->t, ft->t.name, layer, name, &m.name))
        return SF_OK;
    m.fused = fused_name(m.name, ft->t.param, fused);
    rc = sf_quant_plan_of(x->plan, &m, ret);
    if (!rc && *ret && !is_there(x, ft, *ret, m.name))
        *ret = NULL;
    return rc;
}

/* Sizes that must divide: the group that the config gives into the inputs of the matrix. */
static sf_code check_aligned(const applying *x, const sf_tensor *t, const sf_quant *q, const sf_binding *nk)
{
    const sf_node *rules = sf_node_get(q->node, "aligned");

    for (uint32_t i = 0; rules && i < rules->n; i++) {
        const sf_node *r = rules->as.items[i], *value = sf_node_get(r, "value"), *to = sf_node_get(r, "to");
        sf_where at = sf_node_where(r);
        int64_t v, unit;
        sf_code rc;

        if (sf_node_get(r, "slices_only")) /* blocks at the edge may be smaller */
            continue;
        rc = sf_quant_i64(x->w->a, q, value->text, at, nk, 2, 0, x->w->dg, &v);
        if (!rc)
            rc = sf_quant_i64(x->w->a, q, to->text, at, nk, 2, 1, x->w->dg, &unit);
        if (rc)
            return rc;
        if (v % unit == 0)
            continue;
        return sf_diag_error(x->w->dg, SF_E_QUANT_CONFIG, sf_node_where(q->section),
                             "take the config.json that belongs to the weights",
                             "%lld does not divide the %lld that `%.*s` has: %.*s of %.*s", (long long)unit,
                             (long long)v, SF_STR_ARG(t->name), SF_STR_ARG(to->text), SF_STR_ARG(q->scheme));
    }
    return SF_OK;
}

/* The name of a stored tensor: it stands in place of ".weight", or behind a name without it. */
static sf_str stored_name(sf_arena *a, sf_str name, sf_str row)
{
    if (sf_str_ends(name, SF_STR(".weight")))
        return sf_arena_printf(a, "%.*s.%.*s", (int)(name.n - 7), name.p, SF_STR_ARG(row));
    return sf_arena_printf(a, "%.*s_%.*s", SF_STR_ARG(name), SF_STR_ARG(row));
}

static sf_code stored_shape(const applying *x, const sf_family_row *row, sf_where at, const sf_quant *q,
                            const sf_binding *nk, sf_tensor *t)
{
    t->n_dims = row->n_dims;
    if (t->stack == SF_STACK_TRANSPOSED) /* packed forms keep the inputs in the last place */
        t->stack = SF_STACK_FRONT;
    for (uint8_t i = 0; i < row->n_dims; i++) {
        int64_t v;
        sf_code rc = sf_quant_i64(x->w->a, q, row->dims[i], at, nk, 2, 1, x->w->dg, &v);

        if (rc)
            return rc;
        t->dims[i] = (uint64_t)v;
    }
    return SF_OK;
}

static sf_code add_stored(applying *x, const sf_family_tensor *ft, const sf_quant *q, const sf_node *text,
                          const sf_binding *nk)
{
    sf_family_tensor s = *ft;
    sf_family_row row;
    bool yes = true;
    sf_code rc = sf_family_row_parse(text->text, sf_node_where(text), x->w->dg, &row);

    if (!rc && row.when.n) {
        sf_node when = *text;

        when.text = row.when;
        rc = sf_quant_truth(x->w->a, q, &when, nk, 2, x->w->dg, &yes);
    }
    if (rc || !yes)
        return rc;
    s.t.name = stored_name(x->w->a, ft->t.name, row.name);
    s.t.param = (sf_str){0};
    s.t.packed = true;
    s.t.quant = NULL;
    s.t.disk_dtype = row.disk.n ? sf_dtype_of_torch(row.disk) : SF_DT_NONE;
    s.t.shard = SF_SHARD_NONE;
    s.t.cls = SF_TENSOR_OTHER;
    s.maybe = row.maybe || ft->maybe;
    rc = s.t.name.p ? stored_shape(x, &row, sf_node_where(text), q, nk, &s.t) : SF_E_NOMEM;
    if (rc)
        return rc;
    return push(x->w->a, &x->packed, &x->n_packed, &x->cap_packed, &s) ? SF_OK : SF_E_NOMEM;
}

/* One run of layers that fare alike. */
static sf_code add_run(applying *x, const sf_family_tensor *ft, const sf_quant *q)
{
    const sf_node *rows = q && !q->online ? sf_node_get(q->node, "stored") : NULL;
    sf_family_tensor carrier = *ft;
    sf_binding nk[] = {
        {SF_STR("n"), sf_value_i64((int64_t)ft->t.dims[0])},
        {SF_STR("k"), sf_value_i64((int64_t)ft->t.dims[1])},
    };
    sf_code rc = q ? check_aligned(x, &ft->t, q, nk) : SF_OK;

    if (rc)
        return rc;
    carrier.t.quant = q;
    if (rows) {
        carrier.t.in_checkpoint = false;
        carrier.maybe = false;
    }
    if (!push(x->w->a, &x->out, &x->n_out, &x->cap_out, &carrier))
        return SF_E_NOMEM;
    for (uint32_t i = 0; !rc && rows && i < rows->n; i++)
        rc = add_stored(x, ft, q, rows->as.items[i], nk);
    return rc;
}

static bool may_be_taken(const applying *x, const sf_tensor *t)
{
    return t->in_checkpoint && t->n_dims == 2 && (!x->only.n || sf_str_eq(t->component, x->only));
}

static sf_code apply_one(applying *x, const sf_family_tensor *ft)
{
    uint32_t layers = ft->t.layered ? ft->t.repeat : 1, from = 0;
    const sf_quant *q = NULL, *next = NULL;
    sf_code rc = SF_OK;

    if (!may_be_taken(x, &ft->t))
        return push(x->w->a, &x->out, &x->n_out, &x->cap_out, ft) ? SF_OK : SF_E_NOMEM;
    rc = scheme_of(x, ft, ft->t.first_layer, &q);
    for (uint32_t i = 1; !rc && i <= layers; i++) {
        sf_family_tensor run = *ft;

        if (i < layers)
            rc = scheme_of(x, ft, ft->t.first_layer + i, &next);
        if (rc || (i < layers && next == q))
            continue;
        if (ft->t.layered) {
            run.t.first_layer = ft->t.first_layer + from;
            run.t.repeat = i - from;
        }
        rc = add_run(x, &run, q);
        from = i;
        q = next;
    }
    return rc;
}

/* Where the language model's own section has the config, the encoders beside it are not meant. */
static sf_str serving_component(const sf_walk *w)
{
    for (size_t i = 0; i < w->n_out; i++)
        if (w->out[i].t.pp == SF_PP_LAYER)
            return w->out[i].t.component;
    return (sf_str){0};
}

sf_code sf_quant_apply(sf_walk *w, const sf_model_wish *wish, const sf_node *config, bool text_only)
{
    applying x = {.w = w};
    size_t n = w->n_out;
    sf_code rc = sf_quant_plan_new(w, wish, config, &x.plan);

    if (rc || !x.plan)
        return rc;
    if (text_only)
        x.only = serving_component(w);
    if (text_only && !x.only.n)
        return sf_diag_error(w->dg, SF_E_QUANT_UNKNOWN,
                             config ? sf_node_where(config)
                                    : sf_node_where_key(wish->quantization_at, SF_STR("quantization")),
                             "leave quantization out to see the unquantised figures",
                             "quantisation of a model without a language model's layers is not modelled");
    w->quant = x.plan;
    w->model->quantization_title = sf_quant_plan_title(x.plan);
    for (size_t i = 0; !rc && i < n; i++)
        rc = apply_one(&x, &w->out[i]);
    for (size_t i = 0; !rc && i < x.n_packed; i++)
        if (!push(w->a, &x.out, &x.n_out, &x.cap_out, &x.packed[i]))
            rc = SF_E_NOMEM;
    if (!rc && x.n_out > SF_FAMILY_TENSORS)
        rc = sf_diag_error(w->dg, SF_E_LIMIT, sf_node_where(config), NULL,
                           "the model has more than %d groups of tensors", SF_FAMILY_TENSORS);
    if (rc)
        return rc;
    w->out = x.out;
    w->n_out = x.n_out;
    w->cap_out = x.cap_out;
    w->model->quantization_known = true;
    return SF_OK;
}
