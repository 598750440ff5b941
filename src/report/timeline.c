/*
 * timeline: every event of the start, in order, with the free memory of the GPU around it.
 */
#include "report/parts.h"
#include "report/table.h"

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
