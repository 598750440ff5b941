/* session: what stands behind the public handles.  Private to src/api. */
#ifndef SF_API_SESSION_H
#define SF_API_SESSION_H

#include "base/fs.h"
#include "report/lint.h"
#include "stagefit/stagefit.h"

struct stagefit {
    uint64_t max_memory;
    const sf_fs *fs;
};

typedef enum sf_result_kind {
    SF_RESULT_CHECK,
    SF_RESULT_ESTIMATE,
    SF_RESULT_LIST,
    SF_RESULT_CODE,
    SF_RESULT_LINT,
    SF_RESULT_ACCURACY,
    SF_RESULT_DOCUMENT
} sf_result_kind;

struct stagefit_result {
    sf_arena *arena;
    sf_diags dg;
    sf_result_kind kind;
    int status;
    sf_check_view check;
    sf_estimate_view estimate;
    const sf_list_view *list;
    sf_code_view code;
    sf_lint_view lint;
    sf_accuracy_view accuracy;
    sf_document_view document;
    sf_buf text, json, diags; /* rendered on demand */
};

enum { SF_CONFIG_MAX_BYTES = 8 * 1024 * 1024 };

/* A result with an empty arena, or NULL. */
stagefit_result *sf_result_new(const stagefit *sf, sf_result_kind kind);
/*
 * Ends a call: sets the status and gives the public number.  `rc` is what the work returned;
 * SF_E_NOMEM frees the result and leaves *ret NULL.
 */
int sf_result_finish(stagefit_result *r, sf_code rc, stagefit_result **ret);

/* A request with the fields that the caller's `size` does not reach set to zero; false when it is not understood. */
bool sf_request_read(const stagefit_request *req, stagefit_request *ret);

/*
 * Test door: replaces the file system that a session reads through (NULL: the real one).
 * Not part of the public header.
 */
void sf_session_set_fs(stagefit *sf, const sf_fs *fs);

#endif
