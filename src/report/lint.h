/*
 * lint: findings of many files, for people, for programs, as SARIF 2.1.0 and as annotations of GitHub's
 * workflows.  docs/lint.md.
 */
#ifndef SF_REPORT_LINT_H
#define SF_REPORT_LINT_H

#include "report/view.h"

/* One file; what was not reached is NULL or empty. */
typedef struct sf_lint_file {
    sf_str name;
    const sf_profile *profile;
    sf_config_format format;
    sf_str pipeline;
    const sf_diags *diags;
    int status; /* 0 nothing found, 1 findings, 2 the file cannot be read */
} sf_lint_file;

typedef struct sf_lint_view {
    const sf_lint_file *files;
    size_t n_files;
    bool strict;           /* warnings count */
    sf_str version;        /* of the program */
    const sf_diags *usage; /* what is wrong with the request itself */
} sf_lint_view;

/* Each finding in the order of severity, file by file, then one line of sums. */
void sf_report_lint_text(sf_buf *out, sf_arena *a, const sf_lint_view *v, unsigned width, unsigned flags);
/* "stagefit/lint/1". */
void sf_report_lint_json(sf_json_writer *w, const sf_lint_view *v, int status);
void sf_report_lint_sarif(sf_json_writer *w, sf_arena *a, const sf_lint_view *v);
/* "::error file=…,line=…,col=…,title=…::message" a line. */
void sf_report_lint_github(sf_buf *out, sf_arena *a, const sf_lint_view *v);

/* A text that is made rather than found: a schema, a migrated config. */
typedef struct sf_document_view {
    sf_str text;
    const char *schema; /* of the JSON that it is wrapped in; NULL: the text is JSON itself */
    const sf_diags *diags;
} sf_document_view;
void sf_report_document_json(sf_json_writer *w, const sf_document_view *v, int status);

#endif
