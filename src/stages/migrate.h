/*
 * migrate: a legacy config (stage_args) as a deploy config (stages).  Comments go with the keys they
 * stand at; what the newer format cannot express is a warning (SF_E_MIGRATE).
 */
#ifndef SF_STAGES_MIGRATE_H
#define SF_STAGES_MIGRATE_H

#include "base/buf.h"
#include "stages/read.h"

/*
 * The new text of `text`, which `wish` reads as the engine that it was written for.  `ret_old` is what that engine
 * makes of it.  Codes: those of sf_stages_read; SF_E_MIGRATE for a deploy config or an unknown pipeline.
 */
sf_code sf_migrate(sf_arena *a, sf_str text, sf_str file, const sf_stages_wish *wish, sf_diags *dg,
                   const sf_deployment **ret_old, sf_str *ret);

/* Warns of each memory field that the two deployments do not have in common; places are those of `was`. */
sf_code sf_migrate_compare(const sf_deployment *was, const sf_deployment *is, sf_diags *dg);

/* A comment of the old file. */
typedef struct sf_comment {
    uint32_t line;
    bool own_line; /* nothing stands before it */
    bool used;
    sf_str text; /* "# …" */
} sf_comment;

/* Where the new text is put together, and the comments that are still to be placed. */
typedef struct sf_migrate_text {
    sf_arena *a;
    sf_buf out;
    sf_str source;
    sf_comment *comments; /* by line */
    size_t n_comments;
    const bool *content; /* by line, from 1: something else than a comment stands there */
    uint32_t n_lines;
    uint32_t blank; /* the last empty line that was carried over */
} sf_migrate_text;

/* Finds the comments of `source`, whose tree is `root`.  Release `out` afterwards. */
sf_code sf_migrate_text_init(sf_migrate_text *t, sf_arena *a, sf_str source, const sf_node *root);
/* Comments and one empty line of those above `line`, indented; those at the end of the file for line UINT32_MAX. */
void sf_migrate_comments_above(sf_migrate_text *t, uint32_t line, unsigned indent);
/* The comment behind what stands on `line`, then the end of the line. */
void sf_migrate_end_line(sf_migrate_text *t, uint32_t line);
/* "key: value" with everything below it, its comments, and the end of the line. */
void sf_migrate_pair(sf_migrate_text *t, const sf_pair *pair, unsigned indent);
/* A scalar as YAML; `in_flow`: inside of brackets. */
void sf_migrate_scalar(sf_migrate_text *t, const sf_node *v, bool in_flow);

#endif
