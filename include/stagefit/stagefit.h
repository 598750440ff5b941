/*
 * stagefit: will these model stages start on these GPUs, how much KV cache does each get,
 * and where does the memory go?  Answered from files, without a GPU.
 *
 * All handles are opaque.  A session belongs to one thread at a time; sessions share
 * nothing.  Texts are UTF-8.  Functions return 0 or a positive SF number (the NNNN of
 * "SFNNNN"), never renumbered.  Wide answers leave as JSON with a versioned schema (docs/json.md).
 * Nothing here prints, exits, or touches signals or the locale.
 */
#ifndef STAGEFIT_H
#define STAGEFIT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define STAGEFIT_API __attribute__((visibility("default")))
#else
#define STAGEFIT_API
#endif

typedef struct stagefit stagefit;               /* a session: options and limits */
typedef struct stagefit_result stagefit_result; /* one answer; freed before its session */

/* Options of a session.  Set `size` to sizeof(stagefit_options); fields are only ever added at the end. */
typedef struct stagefit_options {
    uint32_t size;
    uint32_t flags;      /* none yet: must be 0 */
    uint64_t max_memory; /* bytes that one answer may take; 0: 1 GiB */
} stagefit_options;

/* Flags of a request. */
#define STAGEFIT_ASSUME_FULL_ATTENTION                                                                       \
    1u                        /* an unknown architecture is taken for a dense decoder; marked assumed */
#define STAGEFIT_CONTAINER 2u /* the engine runs in a container without the host's PIDs */
#define STAGEFIT_STRICT 4u    /* lint: warnings count as findings */

/*
 * What to check.  Pointers are borrowed for the call; unset ones are NULL.  Exactly one of
 * `config`, `config_text`, `command` and (for estimate) `model` says what is asked about.
 */
typedef struct stagefit_request {
    uint32_t size; /* sizeof(stagefit_request) */
    uint32_t flags;
    const char *config;      /* path of a stage config, legacy or deploy */
    const char *config_text; /* or its text, not terminated; base_config is relative to `config_dir` */
    size_t config_len;
    const char *config_dir;
    const char *const *command; /* or the words of a pasted command: "vllm", "serve", … */
    size_t n_command;
    const char *model;       /* folder or catalogue name; overrides what the config implies */
    const char *pipeline;    /* overrides the pipeline that the config implies */
    const char *engine;      /* "vllm@0.19.0", "vllm-omni@2026-07"; NULL: the newest */
    const char *platform;    /* "cuda" (default), "rocm", "npu", "xpu" */
    const char *const *gpus; /* "2xH100-80GB", "0=RTX4090,free=20GiB", "24GiB", "@inventory.json" */
    size_t n_gpus;
    const char *const *set; /* engine arguments beside the config: "max_model_len=8192" */
    size_t n_set;
    int64_t context;            /* estimate: tokens of one request to size for; 0: the model's own */
    const char *const *configs; /* lint: paths of stage configs, in place of `config` */
    size_t n_configs;
    const char *strategy_config; /* path of a strategy file that goes over the deploy config */
    const char *truth;           /* accuracy: path of a file of measured starts, one JSON object a line */
    const char *models;          /* accuracy: folder with a folder for each model, "owner__name" */
    const char *aliases;         /* accuracy: table of names that share a folder's shapes, or NULL */
    const char *stage_overrides; /* JSON: {"0": {"gpu_memory_utilization": 0.5}}, over config and `set` */
    const char *resolution;      /* diffusion stages: a request of "1024x1024" pixels; NULL: none */
    int64_t frames, batch;       /* of it; 0: one */
} stagefit_request;

/* `opt` may be NULL.  SF1001 when memory is out, SF1010 for options that are not understood. */
STAGEFIT_API int stagefit_open(const stagefit_options *opt, stagefit **ret);
STAGEFIT_API void stagefit_close(stagefit *sf); /* NULL is fine */

/*
 * Reads the config or command, the model files and the GPU descriptions, accounts for every
 * byte and replays the start.  `*ret` is set whenever 0 or an SF number other than 1001 comes back, so
 * that the diagnostics can be read; the number is that of the first error, 0 when there is none.
 */
STAGEFIT_API int stagefit_check(stagefit *sf, const stagefit_request *req, stagefit_result **ret);
/* One model: weights by component, KV cache per token, what fits which GPU. */
STAGEFIT_API int stagefit_estimate(stagefit *sf, const stagefit_request *req, stagefit_result **ret);
/*
 * Stage configs held against the rules of the engine release: `configs`, or one of `config` and `config_text`.
 * Needs no GPU.  Status: 0 nothing but warnings and notes (STAGEFIT_STRICT: notes), 1 findings, 2 a file cannot
 * be read.
 */
STAGEFIT_API int stagefit_lint(stagefit *sf, const stagefit_request *req, stagefit_result **ret);
/*
 * The starts of `truth` predicted from their inputs and held against what the engine printed.  Status 0 unless
 * the files cannot be read; rows without a prediction are listed with the reason.
 */
STAGEFIT_API int stagefit_accuracy(stagefit *sf, const stagefit_request *req, stagefit_result **ret);
/* JSON Schema of a format of stage configs, "stages" or "stage_args", as the text of the result. */
STAGEFIT_API int stagefit_schema(stagefit *sf, const char *format, stagefit_result **ret);
/* A legacy config (`config` or `config_text`) as a deploy config: the text of the result.  What is lost is a warning. */
STAGEFIT_API int stagefit_migrate(stagefit *sf, const stagefit_request *req, stagefit_result **ret);
/* What the program knows: "gpus", "models", "engines", "pipelines", "codes". */
STAGEFIT_API int stagefit_list(stagefit *sf, const char *what, stagefit_result **ret);
/* The long text of a diagnostic code (7001 for SF7001). */
STAGEFIT_API int stagefit_explain_code(stagefit *sf, int code, stagefit_result **ret);

/* How a result is shown as text. */
#define STAGEFIT_TEXT_COLOR 1u    /* ANSI colours */
#define STAGEFIT_TEXT_UNICODE 2u  /* bars and signs outside ASCII */
#define STAGEFIT_TEXT_EXPLAIN 4u  /* the ledger with each formula written out */
#define STAGEFIT_TEXT_TIMELINE 8u /* every event of the start */
#define STAGEFIT_TEXT_NAMES 16u   /* lists: the names only, one a line */

/*
 * 0: fits.  1: the answer is no.  2: wrong use or input that cannot be understood, a file that cannot be read included.
 * The program's exit status 3 (out of memory, output that cannot be written) has no result, so it is never given here.
 */
STAGEFIT_API int stagefit_result_status(const stagefit_result *r);
/* The answer as text, `width` columns wide (0: 80).  Owned by the result; NULL when memory is out. */
STAGEFIT_API const char *stagefit_result_text(stagefit_result *r, unsigned width, unsigned flags);
/* The answer and its diagnostics as one JSON document.  Owned by the result; NULL when memory is out. */
STAGEFIT_API const char *stagefit_result_json(stagefit_result *r);
/*
 * Findings of stagefit_lint in another format: "sarif" (SARIF 2.1.0) or "github" (annotations of a workflow).
 * Owned by the result until the next call; NULL when memory is out, for other results and for other formats.
 */
STAGEFIT_API const char *stagefit_result_as(stagefit_result *r, const char *format);
/* The diagnostics as the program prints them; empty when there are none.  Owned by the result. */
STAGEFIT_API const char *stagefit_result_diagnostics(stagefit_result *r, unsigned width, unsigned flags);
STAGEFIT_API void stagefit_result_free(stagefit_result *r); /* NULL is fine */

STAGEFIT_API const char *stagefit_version(void);

#ifdef __cplusplus
}
#endif

#endif
