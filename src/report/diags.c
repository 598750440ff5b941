/*
 * diags: diagnostics as text and as JSON.
 * Must not judge: severities and hints come with the diagnostic.  Shape: docs/json.md.
 */
#include "report/json.h"
#include "report/parts.h"

static sf_style style_of(sf_severity severity)
{
    return severity == SF_ERROR ? SF_BAD : severity == SF_WARNING ? SF_WARN : SF_BOLD;
}

/* "file:line:col", as much of it as is known. */
static const char *place(sf_page *p, const sf_where *at)
{
    if (!at->line)
        return sf_page_printf(p, "%.*s", SF_STR_ARG(at->file));
    if (!at->file.n)
        return sf_page_printf(p, "line %u, column %u", at->line, at->col);
    return sf_page_printf(p, "%.*s:%u:%u", SF_STR_ARG(at->file), at->line, at->col);
}

static bool has_place(const sf_where *at)
{
    return at->file.n || at->line;
}

/* A place is never wrapped: editors and terminals open it as one word. */
static void print_place(sf_page *p, const sf_diag *d)
{
    if (!has_place(&d->at))
        return;
    sf_page_text(p, SF_DIM, "  --> ");
    sf_page_text(p, SF_PLAIN, place(p, &d->at));
    if (d->at.key.n) {
        sf_page_text(p, SF_DIM, " in ");
        sf_page_add(p, SF_PLAIN, d->at.key);
    }
    sf_page_end(p);
}

/* The message without the engine's text, when that stands above already. */
static sf_str without(sf_str message, sf_str said)
{
    ptrdiff_t at = said.n ? sf_str_find(message, said) : -1;

    if (at <= 0)
        return message;
    message = sf_str_trim(sf_str_sub(message, 0, (size_t)at));
    return sf_str_ends(message, SF_STR(":")) ? sf_str_sub(message, 0, message.n - 1) : message;
}

static void print_diag(sf_page *p, const sf_diag *d, sf_str said)
{
    const char *head = sf_page_printf(p, "%s SF%04d:", sf_severity_name(d->severity), d->code);

    sf_page_text(p, style_of(d->severity), head);
    sf_page_pad(p, 1);
    sf_page_wrap(p, strlen(head) + 1, 2, SF_PLAIN, without(d->message, said));
    print_place(p, d);
    if (d->related.n) {
        sf_page_text(p, SF_DIM, "   note: ");
        if (has_place(&d->related_at))
            sf_page_wrapf(p, 9, 9, SF_PLAIN, "%.*s at %s", SF_STR_ARG(d->related), place(p, &d->related_at));
        else
            sf_page_wrap(p, 9, 9, SF_PLAIN, d->related);
    }
    if (d->hint.n) {
        sf_page_text(p, SF_DIM, "   hint: ");
        sf_page_wrap(p, 9, 9, SF_PLAIN, d->hint);
    }
}

bool sf_diag_is_finding(const sf_diag *d)
{
    return d->code >= 6000 && d->code < 8000;
}

void sf_page_diags(sf_page *p, const sf_diags *dg, sf_diags_choice choice, sf_str said)
{
    if (!dg)
        return;
    for (int severity = SF_ERROR; severity <= SF_NOTE; severity++)
        for (size_t i = 0; i < dg->n; i++) {
            const sf_diag *d = &dg->items[i];

            if (d->severity != (sf_severity)severity || (choice == SF_DIAGS_INPUT && sf_diag_is_finding(d)) ||
                (choice == SF_DIAGS_FINDINGS && !sf_diag_is_finding(d)))
                continue;
            print_diag(p, d, said);
        }
}

void sf_report_diags_text(sf_buf *out, sf_arena *a, const sf_diags *dg, unsigned width, unsigned flags)
{
    sf_page p;

    sf_page_init(&p, out, a, width, flags);
    sf_page_diags(&p, dg, flags & SF_TEXT_INPUT_ONLY ? SF_DIAGS_INPUT : SF_DIAGS_ALL, (sf_str){NULL, 0});
}

static void place_json(sf_json_writer *w, const char *key, const sf_where *at)
{
    if (!has_place(at) && !at->key.n) {
        sf_jw_kv_null(w, key);
        return;
    }
    sf_jw_key(w, key);
    sf_jw_object(w);
    sf_jw_kv_str(w, "file", at->file);
    if (at->line) {
        sf_jw_kv_u64(w, "line", at->line);
        sf_jw_kv_u64(w, "column", at->col);
        sf_jw_kv_u64(w, "offset", at->off);
        sf_jw_kv_u64(w, "length", at->len);
    }
    if (at->key.n)
        sf_jw_kv_str(w, "key", at->key);
    sf_jw_object_end(w);
}

static void diag_json(sf_json_writer *w, const sf_diag *d)
{
    sf_jw_object(w);
    sf_jw_kv_text(w, "severity", sf_severity_name(d->severity));
    sf_json_code(w, "code", (int)d->code);
    sf_jw_kv_text(w, "title", sf_code_title((int)d->code));
    sf_jw_kv_str(w, "message", d->message);
    place_json(w, "at", &d->at);
    sf_json_opt(w, "hint", d->hint);
    if (d->related.n) {
        sf_jw_key(w, "related");
        sf_jw_object(w);
        sf_jw_kv_str(w, "message", d->related);
        place_json(w, "at", &d->related_at);
        sf_jw_object_end(w);
    } else {
        sf_jw_kv_null(w, "related");
    }
    sf_jw_object_end(w);
}

void sf_report_diags_json(sf_json_writer *w, const sf_diags *dg)
{
    sf_jw_key(w, "diagnostics");
    sf_jw_array(w);
    for (size_t i = 0; dg && i < dg->n; i++)
        diag_json(w, &dg->items[i]);
    sf_jw_array_end(w);
}
