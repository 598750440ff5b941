/*
 * check_text: the answer to a check, for people: verdict, what can be served, where the memory
 * goes, the stages, the findings.  The order is that of the questions users bring (docs/guide.md).
 */
#include "report/parts.h"

static bool any_finding(const sf_diags *dg)
{
    for (size_t i = 0; dg && i < dg->n; i++)
        if (sf_diag_is_finding(&dg->items[i]))
            return true;
    return false;
}

void sf_report_check_text(sf_buf *out, sf_arena *a, const sf_check_view *v, unsigned width, unsigned flags)
{
    sf_page p;

    if (!v->replay || !v->deployment || !v->inventory)
        return;
    sf_page_init(&p, out, a, width, flags);
    sf_page_verdict(&p, v);
    sf_page_answers(&p, v);
    sf_page_end(&p);
    sf_page_devices(&p, v);
    sf_page_end(&p);
    sf_page_stages(&p, v);
    if (any_finding(v->diags)) {
        sf_page_end(&p);
        sf_page_diags(&p, v->diags, SF_DIAGS_FINDINGS,
                      v->replay->first_failure ? v->replay->first_failure->text : (sf_str){NULL, 0});
    }
    if (flags & SF_TEXT_TIMELINE) {
        sf_page_timeline(&p, v);
        sf_page_orders(&p, v);
    }
    if (flags & SF_TEXT_EXPLAIN)
        sf_page_explain(&p, v);
}
