/*
 * view: one answer, complete, as the report writers see it.  Everything is borrowed and
 * read-only; a part that was not reached (a file could not be read) is NULL.
 */
#ifndef SF_REPORT_VIEW_H
#define SF_REPORT_VIEW_H

#include "base/buf.h"
#include "startup/replay.h"
#include "text/json_write.h"

typedef struct sf_check_view {
    const sf_profile *profile;
    const sf_deployment *deployment;
    const sf_inventory *inventory;
    const sf_model *const *models;  /* one per stage; entries may be NULL */
    const sf_need *need;
    const sf_replay *replay;
    const sf_command *command;      /* NULL unless a command was pasted */
    const sf_diags *diags;
} sf_check_view;

/* One GPU that an estimate was tried on: `count` of them with tensor parallelism `count`. */
typedef struct sf_estimate_row {
    const sf_gpu_model *gpu;
    uint32_t count;
    bool starts;
    uint64_t kv_tokens, longest_len;
    double concurrency;      /* at the context asked for */
    int64_t kv_bytes, weights_bytes;
} sf_estimate_row;

typedef struct sf_estimate_view {
    const sf_profile *profile;
    const sf_model *model;
    uint64_t context;
    uint64_t params, checkpoint_bytes, tensors, loaded_bytes;
    const sf_weight_share *shares;
    size_t n_shares;
    uint64_t kv_bytes_per_token, kv_fixed_bytes; /* fixed: per request (windows, states) */
    sf_str kv_layout;        /* "48 full layers (4 KV heads × 128)" */
    uint64_t kv_context_bytes; /* one request of `context` tokens */
    const sf_estimate_row *rows;
    size_t n_rows;
    const sf_diags *diags;
} sf_estimate_view;

enum { SF_TEXT_COLOR = 1, SF_TEXT_UNICODE = 2, SF_TEXT_EXPLAIN = 4, SF_TEXT_TIMELINE = 8 };

/* Text for people, `width` columns. */
void sf_report_check_text(sf_buf *out, sf_arena *a, const sf_check_view *v, unsigned width, unsigned flags);
void sf_report_estimate_text(sf_buf *out, sf_arena *a, const sf_estimate_view *v, unsigned width, unsigned flags);
/* "error SF2002: …", "  --> file:line:col", "   hint: …"; notes and warnings after errors. */
void sf_report_diags_text(sf_buf *out, sf_arena *a, const sf_diags *dg, unsigned width, unsigned flags);

/* Documents: "stagefit/check/1", "stagefit/estimate/1" (docs/json.md and docs/schema/ *.json). */
void sf_report_check_json(sf_json_writer *w, sf_arena *a, const sf_check_view *v, int status);
void sf_report_estimate_json(sf_json_writer *w, sf_arena *a, const sf_estimate_view *v, int status);
/* The member "diagnostics": an array of objects. */
void sf_report_diags_json(sf_json_writer *w, const sf_diags *dg);

#endif
