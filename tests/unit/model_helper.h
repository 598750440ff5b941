/* model_helper: models of the catalogue or of a config text, and synthetic weight-file headers. */
#ifndef SF_TESTS_UNIT_MODEL_HELPER_H
#define SF_TESTS_UNIT_MODEL_HELPER_H

#include "test.h"

#include "base/buf.h"
#include "base/num.h"
#include "model/model.h"
#include "text/json.h"

/* A catalogue model's part; NULL and a diagnostic when it cannot be resolved. */
static inline const sf_model *model_of(fixture *f, const char *name, const char *part)
{
    sf_model_wish wish = {.part = sf_str_of(part)};
    const sf_checkpoint *c = NULL;
    const sf_model *m = NULL;

    assert_int_equal(sf_catalogue_find(f->a, sf_str_of(name), &f->dg, &c), SF_OK);
    return sf_model_resolve(f->a, c, &wish, &f->dg, &m) ? NULL : m;
}

/* A checkpoint of one config text. */
static inline sf_checkpoint checkpoint_of(fixture *f, const char *json)
{
    sf_checkpoint c = {.name = SF_STR("m"), .source = SF_STR("config.json alone")};

    assert_int_equal(sf_json_parse(f->a, sf_str_of(json), SF_STR("config.json"), 0, &f->dg, &c.config),
                     SF_OK);
    return c;
}

static inline sf_code resolve_text(fixture *f, const char *json, const sf_model_wish *wish,
                                   const sf_model **ret)
{
    static const sf_model_wish none;
    sf_checkpoint *c = SF_NEW(f->a, sf_checkpoint);

    *c = checkpoint_of(f, json);
    return sf_model_resolve(f->a, c, wish ? wish : &none, &f->dg, ret);
}

/* Parameters of the checkpoint tensors of a component (all when NULL). */
static inline uint64_t params_of(const sf_model *m, const char *component)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < m->n_tensors; i++)
        if (m->tensors[i].in_checkpoint && (!component || sf_str_is(m->tensors[i].component, component)))
            sum += sf_tensor_numel(&m->tensors[i]) * sf_tensor_count(&m->tensors[i]);
    return sum;
}

/* Bytes of K and V of one token over all layers, two bytes an element. */
static inline uint64_t kv_of(const sf_model *m)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < m->n_kv; i++)
        sum += m->kv[i].kind == SF_KV_NONE ? 0
                                           : (uint64_t)2 * m->kv[i].repeat * m->kv[i].kv_heads *
                                                 (m->kv[i].head_size + m->kv[i].head_size_v);
    return sum;
}

static inline const sf_tensor *tensor_of(const sf_model *m, const char *name)
{
    for (size_t i = 0; i < m->n_tensors; i++)
        if (sf_str_is(m->tensors[i].name, name))
            return &m->tensors[i];
    return NULL;
}

/* How a synthetic header differs from what the family derives. */
typedef struct header_change {
    const char *skip;  /* the first tensor of this pattern is left out */
    const char *wider; /* the first tensor of this pattern has one row more */
    const char *extra; /* a tensor of this name is added, [4, 4] bf16 */
} header_change;

typedef struct header_text {
    sf_buf b;
    uint64_t at;
    bool first, skipped, widened;
} header_text;

static inline void add_tensor(header_text *h, sf_str name, sf_dtype dtype, const uint64_t *dims, uint8_t n)
{
    uint64_t numel = 1, bytes = 0;

    for (uint8_t i = 0; i < n; i++)
        numel *= dims[i];
    assert_true(sf_dtype_bytes(dtype, numel, &bytes));
    sf_buf_printf(&h->b, "%s\"%.*s\":{\"dtype\":\"%s\",\"shape\":[", h->first ? "" : ",", SF_STR_ARG(name),
                  sf_dtype_name(dtype));
    for (uint8_t i = 0; i < n; i++)
        sf_buf_printf(&h->b, "%s%llu", i ? "," : "", (unsigned long long)dims[i]);
    sf_buf_printf(&h->b, "],\"data_offsets\":[%llu,%llu]}", (unsigned long long)h->at,
                  (unsigned long long)(h->at + bytes));
    h->at += bytes;
    h->first = false;
}

/* One real name of a pattern: the first {} is the layer, the second the expert. */
static inline sf_str real_name(fixture *f, const sf_tensor *t, uint32_t layer, uint32_t expert)
{
    sf_str name = t->name;
    ptrdiff_t at;

    for (int k = 0; (at = sf_str_find(name, SF_STR("{}"))) >= 0; k++)
        name = sf_arena_printf(f->a, "%.*s%u%.*s", (int)at, name.p, k ? expert : layer,
                               SF_STR_ARG(sf_str_sub(name, (size_t)at + 2, name.n)));
    return name;
}

static inline void add_group(fixture *f, header_text *h, const sf_tensor *t, const header_change *change)
{
    bool nested = sf_str_find(t->name, SF_STR("{}")) >= 0 && t->experts > 1;

    for (uint32_t l = 0; l < t->repeat; l++)
        for (uint32_t e = 0; e < t->experts; e++) {
            uint64_t dims[SF_TENSOR_DIMS];

            memcpy(dims, t->dims, sizeof dims);
            if (change->skip && !h->skipped && sf_str_is(t->name, change->skip)) {
                h->skipped = true;
                continue;
            }
            if (change->wider && !h->widened && sf_str_is(t->name, change->wider)) {
                h->widened = true;
                dims[0]++;
            }
            add_tensor(h, real_name(f, t, t->first_layer + l, nested ? e : 0), t->disk_dtype, dims,
                       t->n_dims);
        }
}

/* The header that a checkpoint of the models' parts would have. */
static inline const sf_tensor_table *headers_of(fixture *f, const sf_model *const *parts, size_t n,
                                                const header_change *change)
{
    header_text h = {.first = true};
    sf_tensor_table *table = sf_tensor_table_new(f->a);
    sf_str text;

    sf_buf_init(&h.b, (size_t)64 << 20);
    sf_buf_add_text(&h.b, "{");
    for (size_t p = 0; p < n; p++)
        for (size_t i = 0; i < parts[p]->n_tensors; i++)
            if (parts[p]->tensors[i].in_checkpoint)
                add_group(f, &h, &parts[p]->tensors[i], change);
    if (change->extra)
        add_tensor(&h, sf_str_of(change->extra), SF_DT_BF16, (const uint64_t[]){4, 4}, 2);
    sf_buf_add_text(&h.b, "}");
    assert_false(h.b.failed);
    text = sf_arena_str(f->a, sf_buf_str(&h.b));
    assert_int_equal(sf_safetensors_add(table, text, 8 + text.n + h.at, SF_STR("model.safetensors"), &f->dg),
                     SF_OK);
    sf_buf_release(&h.b);
    return table;
}

#endif
