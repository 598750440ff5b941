/* stages_reading.h: reading a config from text in a test; base configs come from a small table. */
#ifndef SF_TESTS_UNIT_STAGES_READING_H
#define SF_TESTS_UNIT_STAGES_READING_H

#include "test.h"

#include "stages/deployment.h"

typedef struct test_file {
    const char *name, *text;
} test_file;

static inline sf_code test_load(void *ctx, sf_arena *a, sf_str path, sf_diags *dg, sf_str *ret)
{
    (void)a;
    for (const test_file *t = ctx; t && t->name; t++)
        if (sf_str_is(path, t->name)) {
            *ret = sf_str_of(t->text);
            return SF_OK;
        }
    return sf_diag_error(dg, SF_E_NOT_FOUND, (sf_where){0}, NULL, "no such file");
}

/* A wish for a release by date; formats as that day's engine reads them. */
static inline sf_stages_wish wish_of(fixture *f, const char *date)
{
    sf_profile *p = SF_NEW(f->a, sf_profile);
    bool first = strcmp(date, "2026-04-20") < 0, last = strcmp(date, "2026-08-16") >= 0;

    *p = (sf_profile){.engine = SF_STR("vllm-omni"),
                      .release = sf_str_of(date),
                      .date = sf_str_of(date),
                      .omni = true,
                      .format = first  ? SF_STR("stage_args")
                                : last ? SF_STR("stages")
                                       : SF_STR("stage_args,stages"),
                      .has_admission = strcmp(date, "2026-09-01") >= 0};
    return (sf_stages_wish){.platform = SF_STR("cuda"), .profile = p};
}

static inline sf_code read_text(fixture *f, const char *text, const sf_stages_wish *wish,
                                const test_file *files, const sf_deployment **ret)
{
    sf_loader loader = {.ctx = (void *)(uintptr_t)files, .load = test_load};

    *ret = NULL;
    return sf_stages_read(f->a, sf_str_of(text), SF_STR("main.yaml"), &loader, wish, &f->dg, ret);
}

/* Reads what must be readable. */
static inline const sf_deployment *read_ok(fixture *f, const char *text, const sf_stages_wish *wish,
                                           const test_file *files)
{
    const sf_deployment *d;
    sf_code rc = read_text(f, text, wish, files, &d);

    if (rc)
        print_message("# SF%d %.*s\n", rc, SF_STR_ARG(sf_diags_last_error(&f->dg)->message));
    assert_int_equal(rc, SF_OK);
    assert_non_null(d);
    return d;
}

/* Some diagnostic of this severity and code stands at this place. */
static inline void assert_said(const sf_diags *dg, sf_severity severity, sf_code code, unsigned line,
                               unsigned col)
{
    for (size_t i = 0; i < dg->n; i++)
        if (dg->items[i].severity == severity && dg->items[i].code == code && dg->items[i].at.line == line &&
            dg->items[i].at.col == col)
            return;
    for (size_t i = 0; i < dg->n; i++)
        print_message("# SF%d %u:%u %.*s\n", dg->items[i].code, dg->items[i].at.line, dg->items[i].at.col,
                      SF_STR_ARG(dg->items[i].message));
    fail_msg("no SF%d at %u:%u", code, line, col);
}

#endif
