/*
 * list: what the program knows, as a table, as names and as JSON; the long text of a code.
 * The columns of each kind are in catalogues.c.
 */
#include "report/json.h"
#include "report/parts.h"
#include "report/table.h"

static const char *cell_text(sf_page *p, const sf_cell *c)
{
    const char *text = "";

    switch (c->kind) {
    case SF_CELL_NONE:
        break;
    case SF_CELL_TEXT:
        return sf_page_printf(p, "%.*s", SF_STR_ARG(c->text));
    case SF_CELL_COUNT:
        return sf_page_printf(p, "%llu", (unsigned long long)c->number);
    case SF_CELL_BYTES:
        return sf_page_gib(p, c->number > INT64_MAX ? INT64_MAX : (int64_t)c->number);
    case SF_CELL_TEXTS:
        for (size_t i = 0; i < c->n_texts; i++)
            text = sf_page_printf(p, "%s%s%.*s", text, i ? ", " : "", SF_STR_ARG(c->texts[i]));
        break;
    }
    return text;
}

/* Names as a shell takes them: blanks become dashes, which every look-up takes for the same. */
static void names(sf_page *p, const sf_list_view *v)
{
    for (size_t i = 0; i < v->n_rows; i++) {
        const char *name = cell_text(p, &v->cells[i * v->n_columns]);

        for (; *name; name++)
            sf_page_add(p, SF_PLAIN, *name == ' ' ? SF_STR("-") : (sf_str){name, 1});
        sf_page_end(p);
    }
}

void sf_report_list_text(sf_buf *out, sf_arena *a, const sf_list_view *v, unsigned width, unsigned flags)
{
    sf_column columns[SF_TABLE_COLUMNS];
    size_t n = 0;
    sf_table t;
    sf_page p;

    sf_page_init(&p, out, a, width, flags);
    if (flags & SF_TEXT_NAMES) {
        names(&p, v);
        return;
    }
    for (size_t c = 0; c < v->n_columns && n < SF_TABLE_COLUMNS; c++)
        if (v->columns[c].title)
            columns[n++] =
                (sf_column){v->columns[c].title, v->columns[c].right, v->columns[c].flex, v->columns[c].drop};
    sf_table_init(&t, &p, columns, n);
    for (size_t i = 0; i < v->n_rows; i++)
        for (size_t c = 0; c < v->n_columns; c++)
            if (v->columns[c].title)
                sf_table_text(&t, cell_text(&p, &v->cells[i * v->n_columns + c]));
    sf_table_print(&t, 0);
}

/* Prose whose line ends mean nothing: paragraphs are what blank lines part. */
static void paragraphs(sf_page *p, sf_str text)
{
    sf_str line, rest = sf_str_trim(text);
    const char *paragraph = "";

    for (bool more = true; more;) {
        more = sf_str_split(&rest, '\n', &line);
        line = sf_str_trim(line);
        if (line.n)
            paragraph = sf_page_printf(p, "%s%s%.*s", paragraph, *paragraph ? " " : "", SF_STR_ARG(line));
        if (line.n && more)
            continue;
        sf_page_end(p);
        sf_page_wrap(p, 0, 0, SF_PLAIN, sf_str_of(paragraph));
        paragraph = "";
    }
}

void sf_report_code_text(sf_buf *out, sf_arena *a, const sf_code_view *v, unsigned width, unsigned flags)
{
    sf_page p;

    if (!v->title.n)
        return;
    sf_page_init(&p, out, a, width, flags);
    sf_page_wrapf(&p, 0, 2, SF_BOLD, "SF%04d: %.*s", v->number, SF_STR_ARG(v->title));
    if (v->text.n)
        paragraphs(&p, v->text);
}

static void cell_json(sf_json_writer *w, const char *key, const sf_cell *c)
{
    switch (c->kind) {
    case SF_CELL_NONE:
        sf_jw_kv_null(w, key);
        break;
    case SF_CELL_TEXT:
        sf_jw_kv_str(w, key, c->text);
        break;
    case SF_CELL_COUNT:
    case SF_CELL_BYTES:
        sf_jw_kv_u64(w, key, c->number);
        break;
    case SF_CELL_TEXTS:
        sf_jw_key(w, key);
        sf_jw_array(w);
        for (size_t i = 0; i < c->n_texts; i++)
            sf_jw_str(w, c->texts[i]);
        sf_jw_array_end(w);
        break;
    }
}

void sf_report_list_json(sf_json_writer *w, const sf_list_view *v, int status)
{
    static const sf_list_view nothing = {0};

    v = v ? v : &nothing; /* the catalogue could not be read */
    sf_json_head(w, "stagefit/list/1", status);
    sf_json_opt(w, "what", v->what);
    sf_jw_key(w, "items");
    sf_jw_array(w);
    for (size_t i = 0; i < v->n_rows; i++) {
        sf_jw_object(w);
        for (size_t c = 0; c < v->n_columns; c++)
            cell_json(w, v->columns[c].key, &v->cells[i * v->n_columns + c]);
        sf_jw_object_end(w);
    }
    sf_jw_array_end(w);
    sf_report_diags_json(w, v->diags);
    sf_jw_object_end(w);
}

void sf_report_code_json(sf_json_writer *w, const sf_code_view *v, int status)
{
    sf_json_head(w, "stagefit/code/1", status);
    sf_json_code(w, "code", v->number);
    sf_json_opt(w, "title", v->title);
    sf_json_opt(w, "text", sf_str_trim(v->text));
    sf_report_diags_json(w, v->diags);
    sf_jw_object_end(w);
}
