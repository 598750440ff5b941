/*
 * diag: collecting diagnostics.
 * Must not print: that is the program's part.
 */
#include "base/diag.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
    int number;
    const char *title;
} codes[] = {
#define X(name, number, title) {number, title},
#include "base/codes/base.def"
#include "base/codes/text.def"
#include "base/codes/model.def"
#include "base/codes/gpu.def"
#include "base/codes/engine.def"
#include "base/codes/stages.def"
#include "base/codes/memory.def"
#include "base/codes/startup.def"
#include "base/codes/logs.def"
#undef X
};

const char *sf_code_title(int number)
{
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i].number == number)
            return codes[i].title;
    return NULL;
}

int sf_code_at(size_t index)
{
    return index < sizeof codes / sizeof *codes ? codes[index].number : 0;
}

const char *sf_severity_name(sf_severity severity)
{
    static const char *const names[] = {"error", "warning", "note"};

    return names[severity];
}

void sf_diags_init(sf_diags *dg, sf_arena *arena)
{
    *dg = (sf_diags){.arena = arena};
}

static bool same_place(const sf_where *a, const sf_where *b)
{
    return a->line == b->line && a->col == b->col && sf_str_eq(a->file, b->file);
}

static bool already_there(const sf_diags *dg, const sf_diag *d)
{
    for (size_t i = 0; i < dg->n; i++)
        if (dg->items[i].code == d->code && dg->items[i].severity == d->severity &&
            same_place(&dg->items[i].at, &d->at) && sf_str_eq(dg->items[i].message, d->message))
            return true;
    return false;
}

__attribute__((format(printf, 4, 0))) static sf_code diag_add(sf_diags *dg, sf_diag d, const char *hint,
                                                              const char *format, va_list args)
{
    if (!dg)
        return d.code;
    d.message = sf_arena_vprintf(dg->arena, format, args);
    d.hint = sf_arena_str(dg->arena, sf_str_of(hint));
    d.at.file = sf_arena_str(dg->arena, d.at.file);
    d.at.key = sf_arena_str(dg->arena, d.at.key);
    if (!d.message.p || !d.hint.p || !d.at.file.p || !d.at.key.p)
        goto out_of_memory;
    if (already_there(dg, &d))
        return d.code;
    if (dg->n == dg->cap) {
        size_t cap = dg->cap ? dg->cap * 2 : 16;
        sf_diag *items = sf_arena_grow(dg->arena, dg->items, dg->n, cap, sizeof *items);

        if (!items)
            goto out_of_memory;
        dg->items = items;
        dg->cap = cap;
    }
    dg->items[dg->n++] = d;
    dg->errors += d.severity == SF_ERROR;
    dg->warnings += d.severity == SF_WARNING;
    return d.code;

out_of_memory:
    dg->failed = true;
    return SF_E_NOMEM;
}

#define DIAG_FUNCTION(name, level)                                                                           \
    sf_code name(sf_diags *dg, sf_code code, sf_where at, const char *hint, const char *format, ...)         \
    {                                                                                                        \
        sf_diag d = {.severity = (level), .code = code, .at = at};                                           \
        va_list args;                                                                                        \
        sf_code rc;                                                                                          \
                                                                                                             \
        va_start(args, format);                                                                              \
        rc = diag_add(dg, d, hint, format, args);                                                            \
        va_end(args);                                                                                        \
        return rc;                                                                                           \
    }

DIAG_FUNCTION(sf_diag_error, SF_ERROR)
DIAG_FUNCTION(sf_diag_warning, SF_WARNING)
DIAG_FUNCTION(sf_diag_note, SF_NOTE)

void sf_diag_related(sf_diags *dg, sf_where at, const char *text)
{
    sf_diag *d;

    if (!dg || !dg->n)
        return;
    d = &dg->items[dg->n - 1];
    d->related = sf_arena_str(dg->arena, sf_str_of(text));
    d->related_at = at;
    d->related_at.file = sf_arena_str(dg->arena, at.file);
    d->related_at.key = sf_arena_str(dg->arena, at.key);
    if (!d->related.p || !d->related_at.file.p || !d->related_at.key.p)
        dg->failed = true;
}

void sf_diag_place(sf_diags *dg, sf_code code, sf_where at)
{
    sf_diag *d;

    if (!dg || !dg->n)
        return;
    d = &dg->items[dg->n - 1];
    if (d->code != code || d->at.line || d->at.file.n)
        return;
    d->at = at;
    d->at.file = sf_arena_str(dg->arena, at.file);
    d->at.key = sf_arena_str(dg->arena, at.key);
    if (!d->at.file.p || !d->at.key.p)
        dg->failed = true;
}

const sf_diag *sf_diags_last_error(const sf_diags *dg)
{
    for (size_t i = dg->n; i-- > 0;)
        if (dg->items[i].severity == SF_ERROR)
            return &dg->items[i];
    return NULL;
}

void sf_bug(const char *file, int line, const char *what)
{
    fprintf(stderr, "stagefit: broken invariant at %s:%d: %s\n", file, line, what);
    abort();
}
