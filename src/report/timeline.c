/*
 * timeline: every event of the start, in order, with the free memory of the GPU around it.
 */
#include "report/parts.h"
#include "report/table.h"
#include "startup/order.h"

static const sf_column columns[] = {
    {"#",           true,  false, 0},
    {"stage",       false, false, 0},
    {"rank",        true,  false, 2},
    {"GPU",         true,  false, 0},
    {"event",       false, false, 0},
    {"free before", true,  false, 0},
    {"after",       true,  false, 0},
    {"",            false, true,  0},
};

void sf_page_timeline(sf_page *p, const sf_check_view *v)
{
    sf_table t;

    sf_page_end(p);
    sf_page_wrap(p, 0, 0, SF_BOLD, SF_STR("The start, event by event (GiB)"));
    sf_table_init(&t, p, columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < v->replay->n_events; i++) {
        const sf_event *e = &v->replay->events[i];

        sf_table_text(&t, sf_page_printf(p, "%zu", i + 1));
        sf_table_text(&t, e->stage < v->deployment->n_stages
                              ? sf_stage_label(p, &v->deployment->stages[e->stage])
                              : "");
        sf_table_text(&t, sf_page_printf(p, "%u", e->rank));
        sf_table_text(&t, sf_page_printf(p, "%u", e->device));
        sf_table_text(&t, sf_event_name(e->kind));
        sf_table_text(&t, sf_page_gib(p, e->free_before));
        sf_table_text(&t, sf_page_gib(p, e->free_after));
        sf_table_text(&t, sf_page_printf(p, "%s%.*s",
                                         e->failed ? "FAILS: "
                                         : e->risk ? "may fail: "
                                                   : "",
                                         SF_STR_ARG(e->text)));
    }
    sf_table_print(&t, 2);
}

enum { SHOWN_ORDERS = 6 };

static const char *order_text(sf_page *p, const sf_check_view *v, const sf_order_try *t)
{
    const char *text = "";

    for (size_t i = 0; i < v->deployment->n_stages; i++)
        text = sf_page_printf(p, "%s%s%s", text, i ? ", " : "",
                              sf_stage_label(p, &v->deployment->stages[t->stages[i]]));
    return text;
}

static void failing_order(sf_page *p, const sf_check_view *v, const sf_order_try *t)
{
    const sf_event *e = &t->failure;

    sf_page_wrapf(p, 0, 4, SF_PLAIN, "  %s: %s fails at %s on GPU %u: %.*s", order_text(p, v, t),
                  e->stage < v->deployment->n_stages ? sf_stage_label(p, &v->deployment->stages[e->stage])
                                                     : "the parallel start",
                  sf_event_name(e->kind), e->device, SF_STR_ARG(e->text));
}

/* What would fail first if the stages started in another order. */
void sf_page_orders(sf_page *p, const sf_check_view *v)
{
    sf_account_options opt = {.host_pids = v->host_pids};
    sf_order_study s;
    size_t shown = 0;

    if (v->deployment->n_stages < 2)
        return;
    if (sf_order_try_all(p->a, v->profile, v->deployment, v->need, v->inventory, &opt, &s)) {
        p->out->failed = true;
        return;
    }
    sf_page_end(p);
    if (!s.n_failing) {
        sf_page_wrapf(p, 0, 2, SF_PLAIN, "Order of the stages: it starts in the %zu other order%s%s as well.",
                      s.n, s.n == 1 ? "" : "s", v->deployment->n_stages > SF_ORDER_ALL ? " tried" : "");
        return;
    }
    sf_page_wrapf(p, 0, 2, SF_BOLD, "Order of the stages: %zu of %zu other orders fail", s.n_failing, s.n);
    for (size_t i = 0; i < s.n && shown < SHOWN_ORDERS; i++)
        if (!s.tries[i].starts) {
            failing_order(p, v, &s.tries[i]);
            shown++;
        }
    if (s.n_failing > shown)
        sf_page_wrapf(p, 0, 2, SF_DIM, "  and %zu more", s.n_failing - shown);
}
