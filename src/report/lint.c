/*
 * lint: findings as text, as JSON and as annotations of GitHub's workflows.
 * Must not judge: severities come with the diagnostics.  Shapes: docs/lint.md, docs/json.md.
 */
#include "report/lint.h"

#include "report/json.h"
#include "report/parts.h"

static void count(const sf_lint_view *v, size_t ret[3])
{
    for (size_t f = 0; f < v->n_files; f++)
        for (size_t i = 0; i < v->files[f].diags->n; i++)
            ret[v->files[f].diags->items[i].severity]++;
}

static const char *plural(size_t n)
{
    return n == 1 ? "" : "s";
}

void sf_report_lint_text(sf_buf *out, sf_arena *a, const sf_lint_view *v, unsigned width, unsigned flags)
{
    size_t n[3] = {0};
    sf_page p;

    sf_page_init(&p, out, a, width, flags);
    for (size_t f = 0; f < v->n_files; f++)
        sf_page_diags(&p, v->files[f].diags, SF_DIAGS_ALL, (sf_str){NULL, 0});
    if (!v->n_files)
        return;
    count(v, n);
    sf_page_wrapf(&p, 0, 0, SF_PLAIN, "%zu file%s: %zu error%s, %zu warning%s, %zu note%s", v->n_files,
                  plural(v->n_files), n[SF_ERROR], plural(n[SF_ERROR]), n[SF_WARNING], plural(n[SF_WARNING]),
                  n[SF_NOTE], plural(n[SF_NOTE]));
}

static void file_json(sf_json_writer *w, const sf_lint_file *f)
{
    sf_jw_object(w);
    sf_jw_kv_str(w, "file", f->name);
    sf_jw_kv_i64(w, "status", f->status);
    sf_jw_kv_text(w, "format",
                  f->format == SF_FORMAT_LEGACY   ? "stage_args"
                  : f->format == SF_FORMAT_DEPLOY ? "stages"
                                                  : NULL);
    sf_json_engine(w, f->profile);
    sf_json_opt(w, "pipeline", f->pipeline);
    sf_report_diags_json(w, f->diags);
    sf_jw_object_end(w);
}

void sf_report_lint_json(sf_json_writer *w, const sf_lint_view *v, int status)
{
    size_t n[3] = {0};

    count(v, n);
    sf_json_head(w, "stagefit/lint/1", status);
    sf_jw_kv_bool(w, "strict", v->strict);
    sf_jw_kv_u64(w, "errors", n[SF_ERROR]);
    sf_jw_kv_u64(w, "warnings", n[SF_WARNING]);
    sf_jw_kv_u64(w, "notes", n[SF_NOTE]);
    sf_jw_key(w, "files");
    sf_jw_array(w);
    for (size_t f = 0; f < v->n_files; f++)
        file_json(w, &v->files[f]);
    sf_jw_array_end(w);
    sf_report_diags_json(w, v->usage);
    sf_jw_object_end(w);
}

/* GitHub's escapes: line ends and percent signs everywhere, colons and commas in properties. */
static void escaped(sf_buf *out, sf_str s, bool property)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c < 0x20 || c == '%' || c == 0x7f || (property && (c == ':' || c == ',')))
            sf_buf_printf(out, "%%%02X", c);
        else
            sf_buf_add_char(out, (char)c);
    }
}

static void annotation(sf_page *p, sf_str file, const sf_diag *d)
{
    static const char *const words[] = {"error", "warning", "notice"};
    sf_str at = d->at.file.n ? d->at.file : file;

    sf_buf_printf(p->out, "::%s file=", words[d->severity]);
    escaped(p->out, sf_page_clean(p, at), true);
    if (d->at.line)
        sf_buf_printf(p->out, ",line=%u,col=%u", d->at.line, d->at.col);
    sf_buf_printf(p->out, ",title=SF%04d::", (int)d->code);
    escaped(p->out, sf_page_clean(p, d->message), false);
    if (d->hint.n) {
        sf_buf_add_text(p->out, "%0Ahint: ");
        escaped(p->out, sf_page_clean(p, d->hint), false);
    }
    sf_buf_add_char(p->out, '\n');
}

void sf_report_lint_github(sf_buf *out, sf_arena *a, const sf_lint_view *v)
{
    sf_page p;

    sf_page_init(&p, out, a, 0, SF_TEXT_UNICODE);
    for (size_t f = 0; f < v->n_files; f++)
        for (size_t i = 0; i < v->files[f].diags->n; i++)
            annotation(&p, v->files[f].name, &v->files[f].diags->items[i]);
}

void sf_report_document_json(sf_json_writer *w, const sf_document_view *v, int status)
{
    sf_json_head(w, v->schema, status);
    sf_json_opt(w, "text", v->text);
    sf_report_diags_json(w, v->diags);
    sf_jw_object_end(w);
}
