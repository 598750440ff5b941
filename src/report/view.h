/*
 * view: one answer, complete, as the report writers see it.  Everything is borrowed and
 * read-only; a part that was not reached (a file could not be read) is NULL.
 */
#ifndef SF_REPORT_VIEW_H
#define SF_REPORT_VIEW_H

#include "base/buf.h"
#include "logs/accuracy.h"
#include "startup/replay.h"
#include "text/json_write.h"

typedef struct sf_check_view {
    const sf_profile *profile;
    const sf_deployment *deployment;
    const sf_inventory *inventory;
    const sf_model *const *models; /* one per stage; entries may be NULL */
    const sf_need *need;
    const sf_replay *replay;
    const sf_command *command; /* NULL unless a command was pasted */
    bool host_pids;            /* as in sf_account_options */
    const sf_diags *diags;
} sf_check_view;

/* One GPU that an estimate was tried on: `count` of them with tensor parallelism `count`. */
typedef struct sf_estimate_row {
    const sf_gpu_model *gpu;
    uint32_t count;
    bool starts;
    uint64_t kv_tokens, longest_len;
    double concurrency; /* at the context asked for */
    int64_t kv_bytes, weights_bytes;
    bool maybe; /* inside the error band: shown as "maybe", with its figures */
} sf_estimate_row;

typedef struct sf_estimate_view {
    const sf_profile *profile;
    const sf_model *model;
    uint64_t context;
    uint64_t params, checkpoint_bytes, tensors, loaded_bytes;
    const sf_weight_share *shares;
    size_t n_shares;
    uint64_t kv_bytes_per_token, kv_fixed_bytes; /* fixed: per request (windows, states) */
    sf_str kv_layout;                            /* "48 full layers (4 KV heads × 128)" */
    uint64_t kv_context_bytes;                   /* one request of `context` tokens */
    const sf_estimate_row *rows;
    size_t n_rows;
    const sf_diags *diags;
} sf_estimate_view;

/* One cell of a list. */
typedef enum sf_cell_kind {
    SF_CELL_NONE, /* not known: blank, null */
    SF_CELL_TEXT,
    SF_CELL_COUNT, /* a plain number */
    SF_CELL_BYTES, /* GiB for people, bytes in JSON */
    SF_CELL_TEXTS, /* an array of texts */
} sf_cell_kind;

typedef struct sf_cell {
    sf_cell_kind kind;
    sf_str text;
    uint64_t number;
    const sf_str *texts;
    size_t n_texts;
} sf_cell;

typedef struct sf_list_column {
    const char *key;   /* of the JSON */
    const char *title; /* for people; NULL: only in the JSON */
    bool right, flex;
    unsigned drop; /* left out first when the page is narrow: the highest */
} sf_list_column;

/* What the program knows of one kind: rows × columns, the first column is the name. */
typedef struct sf_list_view {
    sf_str what; /* "gpus", "models", "engines", "pipelines", "codes" */
    const sf_list_column *columns;
    size_t n_columns;
    const sf_cell *cells;
    size_t n_rows;
    const sf_diags *diags;
} sf_list_view;

/* Views of what the catalogues give.  NULL when memory is out. */
const sf_list_view *sf_list_of_gpus(sf_arena *a, const sf_gpu_model *gpus, size_t n, const sf_diags *dg);
const sf_list_view *sf_list_of_models(sf_arena *a, const sf_str *names, size_t n, const sf_diags *dg);
const sf_list_view *sf_list_of_engines(sf_arena *a, const sf_release *releases, size_t n, const sf_diags *dg);
const sf_list_view *sf_list_of_pipelines(sf_arena *a, const sf_pipeline *pipelines, size_t n,
                                         const sf_diags *dg);
const sf_list_view *sf_list_of_codes(sf_arena *a, const sf_diags *dg);

/* The long text of a diagnostic code, out of data/diagnostics/ *.yaml. */
typedef struct sf_code_view {
    int number;
    sf_str title, text; /* empty when there is no such code: then `diags` says so */
    const sf_diags *diags;
} sf_code_view;

/* Predictions held against measured starts. */
typedef struct sf_accuracy_view {
    const sf_accuracy_row *rows; /* in the order of the file */
    size_t n_rows;
    sf_accuracy sum;
    const sf_diags *diags;
} sf_accuracy_view;

/* The first four are those of the public header. */
enum {
    SF_TEXT_COLOR = 1,
    SF_TEXT_UNICODE = 2,
    SF_TEXT_EXPLAIN = 4,
    SF_TEXT_TIMELINE = 8,
    SF_TEXT_NAMES = 16, /* lists: the names only, one a line */
    SF_TEXT_INPUT_ONLY =
        1 << 8 /* diagnostics: without those that the text of the answer shows (SF6xxx, SF7xxx) */
};

/* Text for people, `width` columns. */
/*
 * A check without a verdict (no replay) gives no text: its diagnostics say why.  With one, the text holds the
 * findings (SF6xxx, SF7xxx) too, and the other diagnostics are printed with SF_TEXT_INPUT_ONLY.
 */
void sf_report_check_text(sf_buf *out, sf_arena *a, const sf_check_view *v, unsigned width, unsigned flags);
void sf_report_estimate_text(sf_buf *out, sf_arena *a, const sf_estimate_view *v, unsigned width,
                             unsigned flags);
/* "error SF2002: …", "  --> file:line:col", "   hint: …"; notes and warnings after errors. */
void sf_report_diags_text(sf_buf *out, sf_arena *a, const sf_diags *dg, unsigned width, unsigned flags);

void sf_report_accuracy_text(sf_buf *out, sf_arena *a, const sf_accuracy_view *v, unsigned width,
                             unsigned flags);
void sf_report_list_text(sf_buf *out, sf_arena *a, const sf_list_view *v, unsigned width, unsigned flags);
void sf_report_code_text(sf_buf *out, sf_arena *a, const sf_code_view *v, unsigned width, unsigned flags);

/*
 * Documents: "stagefit/check/1", "stagefit/estimate/1", "stagefit/list/1", "stagefit/code/1"
 * (docs/json.md and docs/schema/ *.json).
 */
void sf_report_check_json(sf_json_writer *w, sf_arena *a, const sf_check_view *v, int status);
void sf_report_accuracy_json(sf_json_writer *w, const sf_accuracy_view *v, int status);
void sf_report_estimate_json(sf_json_writer *w, sf_arena *a, const sf_estimate_view *v, int status);
void sf_report_list_json(sf_json_writer *w, const sf_list_view *v, int status);
void sf_report_code_json(sf_json_writer *w, const sf_code_view *v, int status);
/* The member "diagnostics": an array of objects. */
void sf_report_diags_json(sf_json_writer *w, const sf_diags *dg);

#endif
