/* accuracy_text: the error table of many rows, for people. */
#include "report/table.h"
#include "report/view.h"

#include "base/num.h"

static const sf_column cold_columns[] = {
    {"from the inputs alone", .flex = true },
    {"rows",                  .right = true},
    {"median",                .right = true},
    {"mean",                  .right = true},
    {"p90",                   .right = true},
    {"worst",                 .right = true},
    {"in band",               .right = true},
    {"worst row",             .drop = 1    }
};

static const sf_column exact_columns[] = {
    {"given the memory printed", .flex = true },
    {"rows",                     .right = true},
    {"exact",                    .right = true},
    {"share",                    .right = true}
};

static const sf_column group_columns[] = {
    {"",          .flex = true },
    {"rows",      .right = true},
    {"weights",   .right = true},
    {"rows",      .right = true},
    {"KV memory", .right = true}
};

static const char *percent(sf_page *p, double v, int digits)
{
    return sf_page_printf(p, "%.*s%%", SF_STR_ARG(sf_fmt_fixed(p->a, v, digits)));
}

static void cold(sf_page *p, const sf_accuracy_view *v)
{
    static const char *const names[SF_COLD_COUNT] = {"weights",     "KV cache memory", "KV cache tokens",
                                                     "concurrency", "activation peak", "non-torch memory",
                                                     "CUDA graphs"};
    sf_table t;

    sf_table_init(&t, p, cold_columns, sizeof cold_columns / sizeof *cold_columns);
    for (int m = 0; m < SF_COLD_COUNT; m++) {
        const sf_score *s = &v->sum.cold[m];

        sf_table_text(&t, names[m]);
        sf_table_text(&t, sf_page_printf(p, "%zu", s->n));
        sf_table_text(&t, s->n ? percent(p, s->median_abs_pct, 2) : "-");
        sf_table_text(&t, s->n ? percent(p, s->mean_abs_pct, 2) : "-");
        sf_table_text(&t, s->n ? percent(p, s->p90_abs_pct, 2) : "-");
        sf_table_text(&t, s->n ? percent(p, s->worst_pct, 1) : "-");
        sf_table_text(&t, s->n ? percent(p, s->in_band_pct, 0) : "-");
        sf_table_add(&t, s->worst_id);
    }
    sf_table_print(&t, 0);
}

static void exact_row(sf_page *p, sf_table *t, const char *name, const sf_exact *x)
{
    sf_table_text(t, name);
    sf_table_text(t, sf_page_printf(p, "%zu", x->n));
    sf_table_text(t, sf_page_printf(p, "%zu", x->exact));
    sf_table_text(t, x->n ? percent(p, 100.0 * (double)x->exact / (double)x->n, 1) : "-");
}

static void exact(sf_page *p, const sf_accuracy_view *v)
{
    static const char *const names[SF_GIVEN_COUNT] = {"bytes a token", "tokens", "blocks",
                                                      "memory that one request needs"};
    sf_table t;

    sf_page_end(p);
    sf_table_init(&t, p, exact_columns, sizeof exact_columns / sizeof *exact_columns);
    for (int m = 0; m < SF_GIVEN_COUNT; m++)
        exact_row(p, &t, names[m], &v->sum.given[m]);
    exact_row(p, &t, "verdict (starts, or how it fails)", &v->sum.verdict);
    sf_table_print(&t, 0);
}

/* Mean errors by family, GPU, release and TP size. */
static void groups(sf_page *p, const sf_accuracy_view *v)
{
    sf_str by = {0};
    sf_table t;

    for (size_t i = 0; i < v->sum.n_groups; i++) {
        const sf_accuracy_group *g = &v->sum.groups[i];

        if (!sf_str_eq(by, g->by)) {
            by = g->by;
            sf_page_end(p);
            sf_page_wrapf(p, 0, 2, SF_BOLD, "mean error by %.*s", SF_STR_ARG(by));
            sf_table_init(&t, p, group_columns, sizeof group_columns / sizeof *group_columns);
        }
        sf_table_add(&t, g->name);
        sf_table_text(&t, sf_page_printf(p, "%zu", g->weights.n));
        sf_table_text(&t, g->weights.n ? percent(p, g->weights.mean_abs_pct, 2) : "-");
        sf_table_text(&t, sf_page_printf(p, "%zu", g->kv_available.n));
        sf_table_text(&t, g->kv_available.n ? percent(p, g->kv_available.mean_abs_pct, 2) : "-");
        if (i + 1 == v->sum.n_groups || !sf_str_eq(by, v->sum.groups[i + 1].by))
            sf_table_print(&t, 2);
    }
}

static void refused(sf_page *p, const sf_accuracy_view *v, size_t n)
{
    if (!n)
        return;
    sf_page_end(p);
    sf_page_wrapf(p, 0, 2, SF_BOLD, "%zu row%s without a prediction", n, n == 1 ? "" : "s");
    for (size_t i = 0; i < v->n_rows; i++)
        if (v->rows[i].reason.n)
            sf_page_wrapf(p, 0, 4, SF_PLAIN, "  %.*s: %.*s", SF_STR_ARG(v->rows[i].truth.id),
                          SF_STR_ARG(v->rows[i].reason));
}

void sf_report_accuracy_text(sf_buf *out, sf_arena *a, const sf_accuracy_view *v, unsigned width,
                             unsigned flags)
{
    size_t n = 0;
    sf_page p;

    if (!v->n_rows)
        return;
    for (size_t i = 0; i < v->n_rows; i++)
        n += v->rows[i].reason.n != 0;
    sf_page_init(&p, out, a, width, flags);
    sf_page_wrapf(&p, 0, 2, SF_BOLD, "%zu measured starts: %zu predicted, %zu refused", v->n_rows,
                  v->n_rows - n, n);
    sf_page_end(&p);
    cold(&p, v);
    exact(&p, v);
    groups(&p, v);
    refused(&p, v, n);
}
