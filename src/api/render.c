/* render: a result as text and as JSON, made when asked for and kept with it. */
#include "api/session.h"

static const char *finished(sf_buf *b)
{
    if (!b->n && !b->failed) {
        sf_buf_add_char(b, ' '); /* so that an empty text is a text */
        if (b->failed)
            return NULL;
        b->n = 0;
        b->p[0] = '\0';
    }
    return b->failed ? NULL : b->p;
}

const char *stagefit_result_text(stagefit_result *r, unsigned width, unsigned flags)
{
    unsigned columns = width ? width : 80;

    sf_buf_release(&r->text);
    switch (r->kind) {
    case SF_RESULT_CHECK:
        sf_report_check_text(&r->text, r->arena, &r->check, columns, flags);
        break;
    case SF_RESULT_ESTIMATE:
        if (r->estimate.model)
            sf_report_estimate_text(&r->text, r->arena, &r->estimate, columns, flags);
        break;
    case SF_RESULT_LIST:
        if (r->list)
            sf_report_list_text(&r->text, r->arena, r->list, columns, flags);
        break;
    case SF_RESULT_CODE:
        sf_report_code_text(&r->text, r->arena, &r->code, columns, flags);
        break;
    case SF_RESULT_LINT:
        sf_report_lint_text(&r->text, r->arena, &r->lint, columns, flags);
        break;
    case SF_RESULT_ACCURACY:
        sf_report_accuracy_text(&r->text, r->arena, &r->accuracy, columns, flags);
        break;
    case SF_RESULT_DOCUMENT:
        sf_buf_add(&r->text, r->document.text);
        break;
    }
    return finished(&r->text);
}

const char *stagefit_result_json(stagefit_result *r)
{
    sf_json_writer w;

    if (r->json.n)
        return r->json.p;
    sf_jw_init(&w, &r->json, true);
    switch (r->kind) {
    case SF_RESULT_CHECK:
        sf_report_check_json(&w, r->arena, &r->check, r->status);
        break;
    case SF_RESULT_ESTIMATE:
        sf_report_estimate_json(&w, r->arena, &r->estimate, r->status);
        break;
    case SF_RESULT_LIST:
        sf_report_list_json(&w, r->list ? r->list : &(sf_list_view){.diags = &r->dg}, r->status);
        break;
    case SF_RESULT_CODE:
        sf_report_code_json(&w, &r->code, r->status);
        break;
    case SF_RESULT_LINT:
        sf_report_lint_json(&w, &r->lint, r->status);
        break;
    case SF_RESULT_ACCURACY:
        sf_report_accuracy_json(&w, &r->accuracy, r->status);
        break;
    case SF_RESULT_DOCUMENT:
        sf_report_document_json(&w, &r->document, r->status);
        break;
    }
    sf_buf_add_char(&r->json, '\n');
    return finished(&r->json);
}

const char *stagefit_result_diagnostics(stagefit_result *r, unsigned width, unsigned flags)
{
    unsigned shown = flags;

    sf_buf_release(&r->diags);
    if (r->kind == SF_RESULT_CHECK && r->check.replay)
        shown |= SF_TEXT_INPUT_ONLY; /* the answer itself holds the rest */
    sf_report_diags_text(&r->diags, r->arena, &r->dg, width ? width : 80, shown);
    return finished(&r->diags);
}
