/*
 * deployment: what is going to be started: stages, each with its kind, devices, engine
 * arguments and the part of the checkpoint it loads.  A stage config of either format, or a
 * pasted command line, is read into this and nothing later looks at the file again.
 */
#ifndef SF_STAGES_DEPLOYMENT_H
#define SF_STAGES_DEPLOYMENT_H

#include "engine/args.h"
#include "engine/profile.h"
#include "text/node.h"

typedef enum sf_stage_kind { SF_STAGE_AR, SF_STAGE_GENERATION, SF_STAGE_DIFFUSION } sf_stage_kind;
const char *sf_stage_kind_name(sf_stage_kind kind); /* "ar", "generation", "diffusion" */

typedef enum sf_config_format { SF_FORMAT_NONE, SF_FORMAT_LEGACY, SF_FORMAT_DEPLOY } sf_config_format;

/* A stage of a pipeline, as data/pipelines describes it. */
typedef struct sf_pipeline_stage {
    int64_t id;
    sf_str model_stage; /* "thinker" */
    sf_stage_kind kind;
    sf_str architecture; /* the engine's class for it, or empty: config.json decides */
    sf_str part;         /* part of the model family that it loads */
    sf_str subdir;       /* model_subdir, or empty */
    const sf_node
        *facts; /* what only this stage has: codec graph pool, activation, fp32 … (docs/pipelines.md) */
    bool multimodal;           /* takes images, audio or video: its encoders are profiled */
    const sf_node *once_named; /* older names of model_stage, a list, or NULL */
} sf_pipeline_stage;

typedef struct sf_pipeline {
    sf_str key;   /* "qwen3_omni_moe" */
    sf_str model; /* the usual checkpoint: "Qwen/Qwen3-Omni-30B-A3B-Instruct" */
    sf_str title;
    const sf_pipeline_stage *stages;
    size_t n_stages;
    bool async_chunk_ok; /* a stage produces chunks, so async_chunk may stay at its default */
    sf_str source;
} sf_pipeline;

/* Data: data/pipelines/ *.yaml.  SF_E_PIPELINE_UNKNOWN with the nearest keys. */
sf_code sf_pipeline_find(sf_arena *a, sf_str key, sf_diags *dg, const sf_pipeline **ret);
/* The pipeline whose stages have these (model_stage, architecture) or this HF architecture; NULL when none fits. */
sf_code sf_pipeline_guess(sf_arena *a, const sf_str *model_stages, const sf_str *archs, size_t n,
                          sf_str hf_arch, sf_str hf_model_type, sf_diags *dg, const sf_pipeline **ret);
sf_code sf_pipeline_list(sf_arena *a, sf_diags *dg, const sf_pipeline **ret, size_t *ret_n);

/* parallel_config of a diffusion stage; all ones where there is none. */
typedef struct sf_parallel {
    uint32_t tp, pp, dp, sp, cfg, world;
    bool hsdp;
    uint32_t hsdp_shard, hsdp_replicate;
    uint32_t vae_patch, encoder_tp;
} sf_parallel;

typedef struct sf_stage {
    int64_t id;
    sf_str name; /* model_stage, or "engine" for plain vLLM */
    sf_stage_kind kind;
    sf_args args;
    uint32_t *devices;  /* per replica: n_devices ids in rank order, logical as the file says */
    size_t n_devices;   /* of one replica */
    bool devices_given; /* false: all visible, rank r on GPU r */
    const sf_node *devices_node;
    uint32_t replica, n_replicas; /* replicas are unrolled into stages of their own */
    uint32_t tp, pp, dp;          /* after defaults; diffusion: world = all of it */
    uint32_t
        world; /* ranks of this replica that live on this node: tp × pp × dp (× sp × cfg for diffusion) */
    sf_parallel parallel; /* diffusion only */
    sf_str model_stage, architecture, part, subdir;
    sf_str model;                      /* a stage may serve another checkpoint; empty: the deployment's */
    const sf_pipeline_stage *pipeline; /* NULL when no pipeline is known */
    const sf_node *node;     /* the stage's map in the file, or the model's word in a command: for places */
    const sf_node *env;      /* environment of the stage, or NULL */
    uint64_t gpu_pool_bytes; /* connector memory pools on the device */
    const sf_node *const
        *connectors; /* `extra` maps of the connectors on this stage: codec sizes and the like */
    size_t n_connectors;
} sf_stage;

typedef struct sf_deployment {
    sf_config_format format;
    sf_str source;               /* file name, or the command */
    sf_str model;                /* --model, the command's, or the pipeline's usual checkpoint */
    sf_str model_why;            /* "--model", "the command", "the usual checkpoint of pipeline …" */
    const sf_pipeline *pipeline; /* NULL: plain vLLM or unknown */
    const sf_stage *stages;      /* by id, then replica */
    size_t n_stages;
    bool async_chunk, parallel_stage_init;
    const sf_node *parallel_node; /* where parallel_stage_init is set, or NULL */
    sf_str served_by;             /* "serve" or "llm": decides the batch defaults */
} sf_deployment;

/* Files that a config refers to (base_config) come in through this. */
typedef struct sf_loader {
    void *ctx;
    /* Text of `path`; codes as sf_fs.read. */
    sf_code (*load)(void *ctx, sf_arena *a, sf_str path, sf_diags *dg, sf_str *ret);
} sf_loader;

/* Data files and a tree that one caller reads once for many configs; filled as they are needed. */
typedef struct sf_stages_tables {
    const sf_node *keys, *index, *lint;
} sf_stages_tables;

/* Which rules of lint.c look at a config once it is read. */
typedef enum sf_lint_mode {
    SF_LINT_OFF,
    SF_LINT_CHECK, /* those that an account and a replay do not answer better */
    SF_LINT_ALL,
} sf_lint_mode;

typedef struct sf_stages_wish {
    sf_str model;     /* --model, or empty */
    sf_str model_why; /* where it was asked for: "--model", "the command" */
    sf_str pipeline;  /* --pipeline, or empty */
    sf_str platform;  /* "cuda" by default */
    sf_str hf_architecture,
        hf_model_type;         /* of --model's config when it is known, for choosing the pipeline */
    const sf_args *cli;        /* engine arguments given beside the file; NULL none */
    const sf_profile *profile; /* decides precedence, max_batch_size, devices rules */
    uint32_t visible;          /* devices in the inventory: "all visible"; 0: not known, nothing is checked */
    const uint32_t *visible_ids;    /* their indices, when they are not 0 … visible - 1; NULL otherwise */
    const sf_node *stage_overrides; /* --stage-overrides: map of stage id to a map of arguments; NULL none */
    const sf_node *strategies;      /* root of a strategy file (--strategy-config); NULL none */
    sf_lint_mode lint;
    sf_stages_tables *tables; /* NULL: each reading has its own */
    const sf_node *parsed;    /* the tree of the text, when it is known already */
} sf_stages_wish;

/*
 * A stage config in either format (the text of `file`) with its base_config chain.
 * Codes: SF_E_YAML …, SF_E_CONFIG_SHAPE, SF_E_STAGE_ID, SF_E_BASE_CONFIG, SF_E_PIPELINE_UNKNOWN, SF_E_DEVICES,
 * SF_E_REPLICAS, SF_E_ARG_VALUE …; unknown keys are warnings with did-you-mean.
 */
sf_code sf_stages_read(sf_arena *a, sf_str text, sf_str file, const sf_loader *loader,
                       const sf_stages_wish *wish, sf_diags *dg, const sf_deployment **ret);

/* True when the text looks like a stage config of this format (cheap: top-level keys only). */
sf_config_format sf_stages_format(const sf_node *root);
/* True when the release's list of formats ("stage_args,stages") has this one, or there is no such list. */
bool sf_stages_reads(const sf_profile *profile, sf_config_format format);

/* A NAME=value in front of a command (or docker's -e). */
typedef struct sf_command_env {
    sf_str name, value;
} sf_command_env;

/*
 * A pasted command: ["vllm", "serve", MODEL, flags…], ["vllm-omni", "serve", …], ["python", "-m",
 * "vllm.entrypoints.openai.api_server", …], ["docker", "run", …, IMAGE, …], or the flags alone.
 * With --omni it names a deploy config (in ret_config) that the caller reads with sf_stages_read and
 * ret_cli; without, *ret is a deployment of one stage.  Unknown flags are warnings, listed.
 * Codes: SF_E_COMMAND, SF_E_ARG_VALUE.
 */
typedef struct sf_command {
    bool omni;
    bool offline;                   /* LLM class usage (never for serve) */
    sf_str model;                   /* positional or --model; may be empty */
    const sf_node *model_at;        /* its word; NULL when it has none */
    sf_str deploy_config;           /* --deploy-config / --stage-configs-path, or empty */
    sf_str strategy_config;         /* --strategy-config, or empty */
    const sf_node *stage_overrides; /* --stage-overrides, a map; or NULL */
    sf_str revision;
    sf_str text;        /* the words in one line: nodes and diagnostics count their columns in it */
    sf_str engine_hint; /* "vllm@0.19.0" from an image's tag, or empty */
    sf_str config_file; /* --config, already read; or empty */
    const sf_command_env *env;
    size_t n_env;
    sf_str visible_devices; /* CUDA_VISIBLE_DEVICES, or docker's --gpus device=…; see visible_given */
    bool visible_given;
    int64_t data_parallel_local; /* data-parallel ranks on this node; 0: all */
    int64_t nodes;               /* --nnodes; 1 by default */
    sf_args args;
    const sf_str *ignored; /* known flags without a memory effect, as typed */
    size_t n_ignored;
    const sf_str *unknown;
    size_t n_unknown;
} sf_command;
sf_code sf_command_read(sf_arena *a, const sf_str *words, size_t n, const sf_loader *loader, sf_diags *dg,
                        const sf_command **ret);
/* Value of an environment setting of the command; false when it has none. */
bool sf_command_env_find(const sf_command *cmd, const char *name, sf_str *ret);
/*
 * The one-stage deployment of a plain command: rank r on the r-th visible device.
 * Codes: SF_E_DEVICES, SF_E_DEVICES_FEW, SF_E_UTIL_RANGE, SF_E_COMMAND (several nodes), SF_E_NOMEM.
 */
sf_code sf_command_deployment(sf_arena *a, const sf_command *cmd, const sf_stages_wish *wish, sf_diags *dg,
                              const sf_deployment **ret);
/*
 * Splits a pasted text as a POSIX shell would (quotes, backslashes, line continuations, comments).  Nothing is
 * expanded; reading stops at an unquoted | ; & < > with a warning, and variables get one too.
 * Codes: SF_E_COMMAND for an open quote, SF_E_LIMIT.
 */
sf_code sf_command_split(sf_arena *a, sf_str line, sf_diags *dg, sf_str **ret, size_t *ret_n);

#endif
