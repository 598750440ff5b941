/*
 * catalogues: the columns under which each catalogue is shown.
 * Must not leave out a row; what is not known is blank.
 */
#include "report/json.h"

/* A view with room for the cells; NULL when memory is out. */
static sf_list_view *new_view(sf_arena *a, sf_str what, const sf_list_column *columns, size_t n_columns,
                              size_t n_rows, const sf_diags *dg, sf_cell **ret_cells)
{
    sf_list_view *v = SF_NEW(a, sf_list_view);
    size_t n;

    if (!v || __builtin_mul_overflow(n_columns, n_rows, &n))
        return NULL;
    *ret_cells = SF_NEW_ARRAY(a, sf_cell, n);
    if (!*ret_cells)
        return NULL;
    *v = (sf_list_view){
        .what = what, .columns = columns, .n_columns = n_columns, .n_rows = n_rows, .diags = dg};
    v->cells = *ret_cells;
    return v;
}

static sf_cell text_cell(sf_str s)
{
    return (sf_cell){.kind = s.n ? SF_CELL_TEXT : SF_CELL_NONE, .text = s};
}

static sf_cell bytes_cell(uint64_t n)
{
    return (sf_cell){.kind = n ? SF_CELL_BYTES : SF_CELL_NONE, .number = n};
}

static sf_cell count_cell(uint64_t n)
{
    return (sf_cell){.kind = n ? SF_CELL_COUNT : SF_CELL_NONE, .number = n};
}

static sf_cell texts_cell(const sf_str *texts, size_t n)
{
    return (sf_cell){.kind = SF_CELL_TEXTS, .texts = texts, .n_texts = n};
}

const sf_list_view *sf_list_of_gpus(sf_arena *a, const sf_gpu_model *gpus, size_t n, const sf_diags *dg)
{
    static const sf_list_column columns[] = {
        {"name",               "name",        false, false, 0},
        {"aliases",            "also called", false, true,  2},
        {"vendor",             "vendor",      false, false, 4},
        {"total_bytes",        "GiB",         true,  false, 0},
        {"total_low_bytes",    NULL,          false, false, 0},
        {"total_high_bytes",   NULL,          false, false, 0},
        {"total_from",         "known from",  false, false, 3},
        {"compute_capability", NULL,          false, false, 0},
        {"note",               NULL,          false, false, 0},
        {"source",             NULL,          false, false, 0},
    };
    enum { N = sizeof columns / sizeof *columns };
    sf_cell *c;
    sf_list_view *v = new_view(a, SF_STR("gpus"), columns, N, n, dg, &c);

    for (size_t i = 0; v && i < n; i++, c += N) {
        c[0] = text_cell(gpus[i].name);
        c[1] = texts_cell(gpus[i].aliases, gpus[i].n_aliases);
        c[2] = text_cell(gpus[i].vendor);
        c[3] = bytes_cell(gpus[i].runtime_total);
        c[4] = bytes_cell(gpus[i].runtime_low);
        c[5] = bytes_cell(gpus[i].runtime_high);
        c[6] =
            gpus[i].runtime_total ? text_cell(sf_str_of(sf_json_how(gpus[i].how))) : (sf_cell){SF_CELL_NONE};
        c[7] = count_cell(gpus[i].capability);
        c[8] = text_cell(gpus[i].note);
        c[9] = text_cell(gpus[i].source);
    }
    return v;
}

const sf_list_view *sf_list_of_models(sf_arena *a, const sf_str *names, size_t n, const sf_diags *dg)
{
    static const sf_list_column columns[] = {
        {"name", "name", false, false, 0}
    };
    sf_cell *c;
    sf_list_view *v = new_view(a, SF_STR("models"), columns, 1, n, dg, &c);

    for (size_t i = 0; v && i < n; i++)
        c[i] = text_cell(names[i]);
    return v;
}

const sf_list_view *sf_list_of_engines(sf_arena *a, const sf_release *releases, size_t n, const sf_diags *dg)
{
    static const sf_list_column columns[] = {
        {"name",    "name",         false, false, 0},
        {"engine",  NULL,           false, false, 0},
        {"release", NULL,           false, false, 0},
        {"date",    "date",         false, false, 1},
        {"summary", "what changed", false, true,  0},
        {"source",  NULL,           false, false, 0},
    };
    enum { N = sizeof columns / sizeof *columns };
    sf_cell *c;
    sf_list_view *v = new_view(a, SF_STR("engines"), columns, N, n, dg, &c);

    for (size_t i = 0; v && i < n; i++, c += N) {
        sf_str name =
            sf_arena_printf(a, "%.*s@%.*s", SF_STR_ARG(releases[i].engine), SF_STR_ARG(releases[i].release));

        if (!name.p)
            return NULL;
        c[0] = text_cell(name);
        c[1] = text_cell(releases[i].engine);
        c[2] = text_cell(releases[i].release);
        c[3] = text_cell(releases[i].date);
        c[4] = text_cell(releases[i].summary);
        c[5] = text_cell(releases[i].source);
    }
    return v;
}

/* "thinker (ar)" for each stage. */
static bool stage_texts(sf_arena *a, const sf_pipeline *pipeline, sf_cell *ret)
{
    sf_str *texts = SF_NEW_ARRAY(a, sf_str, pipeline->n_stages);

    for (size_t i = 0; texts && i < pipeline->n_stages; i++) {
        const sf_pipeline_stage *s = &pipeline->stages[i];

        texts[i] = sf_arena_printf(a, "%.*s (%s)", SF_STR_ARG(s->model_stage), sf_stage_kind_name(s->kind));
        if (!texts[i].p)
            return false;
    }
    *ret = texts_cell(texts, pipeline->n_stages);
    return texts != NULL;
}

const sf_list_view *sf_list_of_pipelines(sf_arena *a, const sf_pipeline *pipelines, size_t n,
                                         const sf_diags *dg)
{
    static const sf_list_column columns[] = {
        {"name",   "name",   false, false, 0},
        {"title",  NULL,     false, false, 0},
        {"model",  "model",  false, false, 1},
        {"stages", "stages", false, true,  0},
        {"source", NULL,     false, false, 0},
    };
    enum { N = sizeof columns / sizeof *columns };
    sf_cell *c;
    sf_list_view *v = new_view(a, SF_STR("pipelines"), columns, N, n, dg, &c);

    for (size_t i = 0; v && i < n; i++, c += N) {
        c[0] = text_cell(pipelines[i].key);
        c[1] = text_cell(pipelines[i].title);
        c[2] = text_cell(pipelines[i].model);
        if (!stage_texts(a, &pipelines[i], &c[3]))
            return NULL;
        c[4] = text_cell(pipelines[i].source);
    }
    return v;
}

const sf_list_view *sf_list_of_codes(sf_arena *a, const sf_diags *dg)
{
    static const sf_list_column columns[] = {
        {"name",  "code",  false, false, 0},
        {"title", "title", false, true,  0}
    };
    size_t n = 0;
    sf_cell *c;
    sf_list_view *v;

    while (sf_code_at(n))
        n++;
    v = new_view(a, SF_STR("codes"), columns, 2, n, dg, &c);
    for (size_t i = 0; v && i < n; i++, c += 2) {
        sf_str name = sf_arena_printf(a, "SF%04d", sf_code_at(i));

        if (!name.p)
            return NULL;
        c[0] = text_cell(name);
        c[1] = text_cell(sf_str_of(sf_code_title(sf_code_at(i))));
    }
    return v;
}
