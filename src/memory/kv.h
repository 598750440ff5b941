/*
 * kv: the engine's KV-cache arithmetic: from the specs of the layers and the memory of each
 * rank to groups, blocks, tokens, concurrency, the test whether one request fits, and the error
 * texts.  Everything is exact: integers to the byte, concurrency to the last bit of the double.
 * Checked against the engine's own code, see tests/oracle.
 */
#ifndef SF_MEMORY_KV_H
#define SF_MEMORY_KV_H

#include "engine/profile.h"
#include "model/model.h"

/* How one K or V element, or one head-token, is stored. */
typedef enum sf_kv_store {
    SF_KV_STORE_PLAIN,       /* dtype_bits per element */
    SF_KV_STORE_DS_MLA,      /* fp8_ds_mla: 656 bytes per token */
    SF_KV_STORE_HEAD_SCALED, /* int8/fp8_per_token_head: (k + v) + 8 bytes per head-token */
    SF_KV_STORE_HEAD_INT4,   /* int4_per_token_head: (k + v)/2 + 8 */
    SF_KV_STORE_NVFP4,       /* d/2 + d/16 for K and for V */
} sf_kv_store;

typedef enum sf_state_mode { SF_STATE_NONE, SF_STATE_ALIGN, SF_STATE_ALL } sf_state_mode;

/* What one layer asks of the cache, on one rank. */
typedef struct sf_kv_spec {
    sf_kv_kind kind;
    bool v4; /* DeepSeek-V4 variants of mla, indexer, sliding mla and compressor state */
    bool v4_compressor;
    uint64_t block_size;                       /* tokens; states: the state block */
    uint64_t kv_heads, head_size, head_size_v; /* per rank; mla: 1 head, head_size_v 0 */
    sf_kv_store store;
    uint32_t dtype_bits;
    uint64_t window;      /* sliding window or chunk, tokens */
    uint64_t state_bytes; /* states: sum of the shapes */
    uint64_t page_padded; /* page size it asks to be raised to, 0 none */
    uint32_t speculative_blocks;
    sf_state_mode state_mode;
    uint64_t compress_ratio, alignment; /* DeepSeek-V4 */
    bool by_block_stride;               /* its backend reads padded pages */
} sf_kv_spec;

/* `count` consecutive layers of one spec in the engine's dict order. */
typedef struct sf_kv_run {
    uint32_t spec, count;
} sf_kv_run;

typedef struct sf_kv_stage_runs {
    const sf_kv_run *runs;
    size_t n;
} sf_kv_stage_runs;

typedef struct sf_kv_worker {
    uint32_t stage;    /* pipeline stage */
    int64_t available; /* bytes for the cache; may be negative */
} sf_kv_worker;

typedef struct sf_kv_case {
    const sf_kv_spec *specs;
    size_t n_specs;
    const sf_kv_stage_runs *stages; /* one per pipeline stage */
    size_t n_stages;
    const sf_kv_worker *workers; /* in rank order */
    size_t n_workers;
    uint64_t dcp, pcp; /* 1 by default */
    uint64_t max_model_len;
    bool auto_fit;
    uint64_t max_num_batched_tokens, in_flight_tokens; /* M and F */
    uint64_t cache_block_size;
    uint64_t encoder_tokens;  /* cross attention */
    uint64_t blocks_override; /* 0 none */
    bool disable_hybrid;
    uint32_t num_spec_tokens;
    const sf_str *log; /* lines that choosing the block sizes brought about */
    size_t n_log;
    sf_str layer_name; /* how texts name layer {} ("model.layers.{}.self_attn.attn"); empty: "L{}" */
} sf_kv_case;

typedef enum sf_kv_error {
    SF_KV_OK,
    SF_KV_ERR_NONE_LEFT, /* available <= 0 */
    SF_KV_ERR_SHORT,     /* one request does not fit */
    SF_KV_ERR_AUTO_FIT,  /* not even one token */
    SF_KV_ERR_LAYOUT,    /* NotImplementedError, AssertionError … of the engine: text may be empty */
} sf_kv_error;

typedef struct sf_kv_group {
    sf_kv_kind kind;
    bool uniform_type;
    uint32_t n_layers, n_slots;
    uint64_t block_size, page_size;
    uint64_t pages; /* blocks that one request of max length takes (first worker) */
} sf_kv_group;

typedef struct sf_kv_result {
    const uint64_t *page_sizes; /* per spec */
    const sf_kv_group *groups;
    size_t n_groups;
    const uint32_t *group_layers; /* n_workers × group_columns: layers of each group on each worker */
    size_t group_columns;
    const size_t *worker_groups;   /* groups of each worker (they differ only where a stage groups its own) */
    const uint64_t *worker_blocks; /* before the minimum */
    uint64_t num_blocks;
    uint64_t block_bytes; /* bytes of one block over all pools of the first worker */
    const uint64_t *worker_block_bytes;
    const uint64_t *worker_bytes; /* allocated per worker */
    double concurrency;           /* of the first worker where workers differ */
    double scheduler_concurrency; /* as the scheduler's copy of the plan counts it */
    const double *worker_concurrency;
    uint64_t tokens;               /* as the release reports them */
    const uint64_t *worker_tokens; /* as logged for each worker */
    uint64_t max_model_len;        /* after auto-fit */
    /* Fit tests that ran, in order; the last one is the one that failed. */
    size_t n_tests;
    const uint64_t *needed;
    const int64_t *checked;
    const uint64_t *estimated_len; /* 0: not even one token */
    sf_kv_error error;
    sf_str error_class; /* "ValueError", … */
    sf_str error_text;  /* the engine's own text */
    const sf_str *log;  /* distinct log lines, in order */
    size_t n_log;
} sf_kv_result;

/* Plans the cache.  Pure; every result lives in `a`.  Codes: SF_E_NOMEM, SF_E_KV_UNKNOWN, SF_E_RANGE. */
sf_code sf_kv_plan(sf_arena *a, const sf_profile *profile, const sf_kv_case *c, sf_diags *dg,
                   const sf_kv_result **ret);

/* Page size of one layer: bytes of one block (numbers.md, page bytes).  False on overflow. */
bool sf_kv_page_bytes(const sf_kv_spec *spec, uint64_t *ret);
/* Bytes that one request of `len` tokens needs (the fit test's figure of the release), first worker. */
sf_code sf_kv_needed(sf_arena *a, const sf_profile *profile, const sf_kv_case *c, uint64_t len, sf_diags *dg,
                     uint64_t *ret);

/*
 * State layers.  Their parameters, by kind, as a model family computes them (whole numbers, whole model):
 *   mamba1      conv_kernel, intermediate_size, state_size
 *   mamba2      conv_kernel, intermediate_size, n_groups, num_heads, head_dim, state_size
 *   gdn         conv_kernel_size, num_k_heads, num_v_heads, head_k_dim, head_v_dim
 *   short_conv  conv_kernel, intermediate_size
 *   linear      num_heads, head_dim
 *   kda         conv_kernel_size, num_heads, head_dim; optional num_k_heads, head_k_dim
 * and optional for all: chunk_size, supports_prefix_caching (0, 1), ssm_bits (the config's own dtype).
 */
enum { SF_STATE_SHAPES = 4, SF_STATE_DIMS = 3 };

typedef struct sf_state_shape {
    uint64_t dims[SF_STATE_DIMS];
    uint32_t n_dims, bits;
} sf_state_shape;

typedef struct sf_state_layer {
    sf_str kind;
    const sf_node *params;
    uint64_t tp;
    uint32_t spec_tokens, conv_bits, ssm_bits;
} sf_state_layer;

/* Shapes on one rank.  Codes: SF_E_KV_UNKNOWN for another kind, SF_E_CONFIG_KEY, SF_E_TP_DIVIDE, SF_E_RANGE. */
sf_code sf_state_shapes(const sf_kv_rules *rules, const sf_state_layer *layer, sf_diags *dg,
                        sf_state_shape ret[SF_STATE_SHAPES], size_t *ret_n);
/* Their bytes; false on overflow. */
bool sf_state_bytes(const sf_state_shape *shapes, size_t n, uint64_t *ret);

/* What decides the block of a model that has both attention and states. */
typedef struct sf_hybrid_wish {
    uint64_t state_bytes; /* largest state of a layer on one rank */
    uint64_t token_bytes; /* attention bytes per token and layer on one rank; 0: the model has no attention */
    bool mla;
    uint64_t head_size;
    unsigned capability;
    uint64_t kernel_block; /* smallest block of the attention kernel, 16 for most */
    uint64_t user_block;   /* 0: not given */
    uint64_t max_model_len;
    uint64_t chunk; /* tokens of the state kernel's chunk, or the user's state block; 0 none */
    bool supports_prefix_caching, prefix_caching;
    sf_str mode;  /* asked for, or empty */
    sf_str model; /* for the log: the architecture */
} sf_hybrid_wish;

typedef struct sf_hybrid {
    uint64_t block_size, state_block;
    uint64_t page_padded; /* state page, 0: not raised */
    sf_state_mode mode;
    bool prefix_caching;
    const sf_str *log;
    size_t n_log;
} sf_hybrid;

sf_code sf_hybrid_align(sf_arena *a, const sf_profile *profile, const sf_hybrid_wish *wish, sf_diags *dg,
                        sf_hybrid *ret);

/* What the engine reads out of a raw config.json about the heads of a text model. */
typedef struct sf_heads {
    uint64_t head_size, kv_heads;
    bool is_mla;
} sf_heads;

/* `text` is the section with the language model's sizes.  Code: SF_E_CONFIG_KEY. */
sf_code sf_heads_of_config(const sf_profile *profile, const sf_node *text, sf_diags *dg, sf_heads *ret);
/* KV heads on one rank: divided, at least one; false when tp neither divides nor is divided by them. */
bool sf_kv_heads_of_rank(uint64_t kv_heads, uint64_t tp, uint64_t *ret);

/* What a stage's arguments say about its cache, defaults applied. */
typedef struct sf_kv_wish {
    uint64_t tp, pp, dcp, pcp;
    sf_str pp_partition;   /* VLLM_PP_LAYER_PARTITION, or empty */
    sf_str kv_cache_dtype; /* "auto" … */
    sf_dtype model_dtype;
    uint64_t block_size; /* 0: the backend's */
    unsigned capability; /* 90, 100 …; 0 unknown */
    uint64_t max_model_len, max_num_batched_tokens, max_num_seqs;
    uint32_t num_spec_tokens;
    bool prefix_caching, prefix_caching_given, async_scheduling, disable_hybrid;
    bool no_sliding; /* disable_sliding_window: windows count as full attention */
    sf_str mamba_cache_mode, mamba_cache_dtype, mamba_ssm_cache_dtype;
    uint64_t mamba_block_size; /* 0: not given */
    bool prediction_layers;    /* the model's own layers draft: they keep a cache too */
    bool assume_full_attention;
} sf_kv_wish;

/*
 * The case of a model under a wish: specs per rank, the runs of each pipeline stage, hybrid block
 * sizes.  `workers` is left empty for the caller.  Codes: SF_E_KV_UNKNOWN with the layer kind that is
 * not modelled, SF_E_TP_DIVIDE, SF_E_NOMEM.
 */
sf_code sf_kv_case_of_model(sf_arena *a, const sf_profile *profile, const sf_model *m, const sf_kv_wish *wish,
                            sf_diags *dg, sf_kv_case *ret);

/* Prefix caching of a model with states where nobody asks for it or against it. */
bool sf_kv_state_prefix(const sf_profile *profile, const sf_model *m);

/* Layers of each pipeline stage: L//pp, the remainder to the stages before the last (numbers.md). */
sf_code sf_pp_partition(sf_arena *a, uint64_t layers, uint64_t pp, sf_str user_partition, sf_diags *dg,
                        uint64_t **ret);
/* Rows of the vocabulary after padding to 64. */
uint64_t sf_vocab_padded(uint64_t vocab);
/* CUDA graph capture sizes, ascending.  `user_max` < 0 and `user_list` NULL: the defaults. */
sf_code sf_capture_sizes(sf_arena *a, const sf_profile *profile, uint64_t max_num_seqs,
                         uint64_t batched_tokens, uint32_t spec_tokens, unsigned capability, int64_t user_max,
                         const sf_node *user_list, sf_diags *dg, uint64_t **ret, size_t *ret_n);

#endif
