/*
 * diag: everything that can be wrong, from a YAML typo to a start that fails, is a
 * diagnostic: a stable code, a severity, a message, a place and a hint that says what
 * to type.  Library code collects them; only the program prints.
 *
 * A function that fails has added exactly one error (SF_E_NOMEM excepted: nothing can be
 * allocated then) and returns its code.
 */
#ifndef SF_BASE_DIAG_H
#define SF_BASE_DIAG_H

#include "base/arena.h"
#include "base/str.h"

/* The numbers are printed (SF2002), documented, and never used again for something else. */
typedef enum sf_code {
    SF_OK = 0,
#define X(name, number, title) SF_E_##name = number,
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
} sf_code;

typedef enum sf_severity { SF_ERROR, SF_WARNING, SF_NOTE } sf_severity;

/* A place in a text; all zero: no place is known. */
typedef struct sf_where {
    sf_str file;        /* as the user wrote it */
    uint32_t line, col; /* from 1; col counts characters, as editors do */
    uint64_t off, len;  /* bytes */
    sf_str key;         /* key path such as "stage_args[1].runtime.devices", or empty */
} sf_where;

typedef struct sf_diag {
    sf_severity severity;
    sf_code code;
    sf_str message;
    sf_str hint; /* what to do; may be empty */
    sf_where at;
    sf_str related; /* text for a second place ("first given here"), or empty */
    sf_where related_at;
} sf_diag;

/* A list that copies its texts into an arena.  Identical diagnostics are kept once. */
typedef struct sf_diags {
    sf_arena *arena;
    sf_diag *items;
    size_t n, cap;
    size_t errors, warnings;
    bool failed; /* memory ran out: the list is incomplete */
} sf_diags;

void sf_diags_init(sf_diags *dg, sf_arena *arena);

/*
 * Adds one diagnostic; `hint` may be NULL.  Returns `code` (SF_E_NOMEM when it could not be
 * kept), so that a caller can `return sf_diag_error(...)`.  `dg` may be NULL.
 */
sf_code sf_diag_error(sf_diags *dg, sf_code code, sf_where at, const char *hint, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
sf_code sf_diag_warning(sf_diags *dg, sf_code code, sf_where at, const char *hint, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
sf_code sf_diag_note(sf_diags *dg, sf_code code, sf_where at, const char *hint, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
/* Gives the newest diagnostic a second place. */
void sf_diag_related(sf_diags *dg, sf_where at, const char *text);
/* Gives the newest diagnostic, when it is of this code and has no place yet, the place that its caller knows. */
void sf_diag_place(sf_diags *dg, sf_code code, sf_where at);
/* The newest error, or NULL. */
const sf_diag *sf_diags_last_error(const sf_diags *dg);

/* The fixed title of a code ("key given twice in one mapping"); NULL when there is no such code. */
const char *sf_code_title(int number);
/* The codes one after another: index 0, 1, … ; 0 when there are no more. */
int sf_code_at(size_t index);
const char *sf_severity_name(sf_severity severity);

/* A broken invariant of ours, never the user's fault: says where and aborts. */
#define sf_bug_if(broken) ((broken) ? sf_bug(__FILE__, __LINE__, #broken) : (void)0)
_Noreturn void sf_bug(const char *file, int line, const char *what);

#endif
