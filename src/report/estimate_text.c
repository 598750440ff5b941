/*
 * estimate_text: one model for people: what it weighs, what a token of cache takes, which GPUs
 * it fits.
 */
#include "report/parts.h"
#include "report/table.h"

static const sf_column component_columns[] = {
    {"component",  false, false, 0},
    {"parameters", true,  false, 0},
    {"GiB",        true,  false, 0},
};

static const sf_column gpu_columns[] = {
    {"GPUs",    false, false, 0},
    {"starts",  false, false, 0},
    {"weights", true,  false, 2},
    {"KV",      true,  false, 2},
    {"tokens",  true,  false, 0},
    {"at once", true,  false, 0},
    {"longest", true,  false, 1},
};

/* "30.5 B" */
static const char *params_text(sf_page *p, uint64_t n)
{
    static const struct {
        double unit;
        const char *name;
    } units[] = {
        {1e12, "T"},
        {1e9,  "B"},
        {1e6,  "M"},
        {1e3,  "K"}
    };

    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if ((double)n >= units[i].unit)
            return sf_page_printf(p, "%s %s", sf_page_fixed2(p, (double)n / units[i].unit), units[i].name);
    return sf_page_printf(p, "%llu", (unsigned long long)n);
}

static int64_t to_signed(uint64_t bytes)
{
    return bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes;
}

static const char *bytes_text(sf_page *p, uint64_t bytes)
{
    return sf_page_got(p, sf_fmt_bytes(p->a, bytes));
}

static void model_head(sf_page *p, const sf_estimate_view *v)
{
    const sf_model *m = v->model;

    sf_page_wrapf(p, 0, 2, SF_BOLD, "%.*s", SF_STR_ARG(m->name));
    sf_page_wrapf(p, 0, 2, SF_PLAIN, "%.*s, %s parameters%s%s; from %.*s", SF_STR_ARG(m->architecture),
                  params_text(p, v->params), m->dtype == SF_DT_NONE ? "" : ", ",
                  m->dtype == SF_DT_NONE ? "" : sf_dtype_name(m->dtype), SF_STR_ARG(m->source));
    sf_page_wrapf(p, 0, 2, SF_PLAIN, "checkpoint %s in %s tensors; loaded %s%s",
                  sf_page_size(p, to_signed(v->checkpoint_bytes)), sf_page_count(p, v->tensors),
                  sf_page_size(p, to_signed(v->loaded_bytes)),
                  m->assumed ? " (layout assumed, as asked)" : "");
}

static void components(sf_page *p, const sf_estimate_view *v)
{
    sf_table t;

    if (v->n_shares < 2)
        return;
    sf_table_init(&t, p, component_columns, sizeof component_columns / sizeof *component_columns);
    for (size_t i = 0; i < v->n_shares; i++) {
        sf_table_add(&t, v->shares[i].component);
        sf_table_text(&t, params_text(p, v->shares[i].params));
        sf_table_text(&t, sf_page_gib(p, to_signed(v->shares[i].bytes)));
    }
    sf_table_print(&t, 2);
}

static void cache(sf_page *p, const sf_estimate_view *v)
{
    if (!v->kv_bytes_per_token && !v->kv_fixed_bytes) {
        sf_page_wrap(p, 0, 2, SF_PLAIN, SF_STR("no KV cache"));
        return;
    }
    sf_page_wrapf(p, 0, 2, SF_PLAIN, "KV cache: %s a token%s%s%s", bytes_text(p, v->kv_bytes_per_token),
                  v->kv_fixed_bytes ? " + " : "", v->kv_fixed_bytes ? bytes_text(p, v->kv_fixed_bytes) : "",
                  v->kv_fixed_bytes ? " a request" : "");
    if (v->kv_layout.n) {
        sf_page_pad(p, 2);
        sf_page_wrap(p, 2, 4, SF_PLAIN, v->kv_layout);
    }
    sf_page_wrapf(p, 0, 2, SF_PLAIN, "one request of %s tokens: %s", sf_page_count(p, v->context),
                  sf_page_size(p, to_signed(v->kv_context_bytes)));
}

static void gpus(sf_page *p, const sf_estimate_view *v)
{
    sf_table t;

    sf_page_end(p);
    sf_page_wrapf(p, 0, 2, SF_PLAIN, "With %s, default arguments, GiB per GPU, requests of %s tokens:",
                  sf_engine_label(p, v->profile), sf_page_count(p, v->context));
    sf_table_init(&t, p, gpu_columns, sizeof gpu_columns / sizeof *gpu_columns);
    for (size_t i = 0; i < v->n_rows; i++) {
        const sf_estimate_row *r = &v->rows[i];
        bool served = (r->starts || r->maybe) && r->kv_tokens;

        sf_table_text(&t, sf_page_printf(p, "%u × %.*s", r->count, SF_STR_ARG(r->gpu->name)));
        sf_table_text(&t, r->maybe ? "maybe" : r->starts ? "yes" : "no");
        sf_table_text(&t, r->weights_bytes ? sf_page_gib(p, r->weights_bytes) : "-");
        sf_table_text(&t, served ? sf_page_gib(p, r->kv_bytes) : "-");
        sf_table_text(&t, served ? sf_page_count(p, r->kv_tokens) : "-");
        sf_table_text(&t, served ? sf_page_fixed2(p, r->concurrency) : "-");
        sf_table_text(&t, served && r->longest_len ? sf_page_count(p, r->longest_len) : "-");
    }
    sf_table_print(&t, 2);
}

void sf_report_estimate_text(sf_buf *out, sf_arena *a, const sf_estimate_view *v, unsigned width,
                             unsigned flags)
{
    sf_page p;

    if (!v->model)
        return;
    sf_page_init(&p, out, a, width, flags);
    model_head(&p, v);
    components(&p, v);
    cache(&p, v);
    if (v->n_rows)
        gpus(&p, v);
}
