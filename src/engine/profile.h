/*
 * profile: how one release of an engine behaves, as far as memory is concerned.  A
 * profile is data (data/engines/ *.yaml): each release lists what it changed against the one
 * before, with its source, and the loader folds the list up to the release asked for.
 * No formula anywhere asks for a version number; it asks for a field of this struct.
 *
 * References are to the sections of docs/numbers.md.
 */
#ifndef SF_ENGINE_PROFILE_H
#define SF_ENGINE_PROFILE_H

#include "base/diag.h"
#include "text/node.h"

/* What happens when a GPU has less free memory than the engine was told to take. */
typedef enum sf_check_rule {
    SF_CHECK_NONE,   /* nothing is checked (V0, V1 up to 0.9.0) */
    SF_CHECK_STRICT, /* free < requested stops the start */
    SF_CHECK_CAP,    /* requested is lowered to what is free, with a warning */
} sf_check_rule;

typedef enum sf_requested_rule {
    SF_REQUESTED_FLOAT, /* total × utilisation as a double */
    SF_REQUESTED_CEIL,  /* rounded up to a whole byte */
} sf_requested_rule;

/* What is subtracted from the requested memory to give the KV cache memory. */
typedef enum sf_kv_budget_rule {
    SF_BUDGET_V0,       /* weights + activation + non-torch (V0 0.6.5 … 0.10) */
    SF_BUDGET_ALL_USED, /* torch peak + everything else in use on the GPU, others included (V1 <= 0.9.0) */
    SF_BUDGET_DELTA,    /* weights + activation + non-torch growth (0.9.1 … 0.25) */
    SF_BUDGET_CONSUMED, /* all memory consumed since the baseline + transient headroom (>= 0.26) */
    SF_BUDGET_PROCESS,  /* this process's use as the driver counts it; activation is not kept (omni, NVML) */
} sf_kv_budget_rule;

typedef enum sf_graph_rule {
    SF_GRAPHS_OUTSIDE,  /* captured after the KV cache, from memory outside the budget */
    SF_GRAPHS_LOGGED,   /* estimated and printed, not subtracted */
    SF_GRAPHS_SUBTRACT, /* the estimate is subtracted from the budget */
} sf_graph_rule;

typedef enum sf_number_format { SF_NUM_FIXED2, SF_NUM_ROUND2 } sf_number_format;

/* The test whether one request of the full length fits, as the releases have it. */
enum {
    SF_FIT_OWN_LAYERS,   /* sum over the layers of each rank, before grouping (<= 0.13) */
    SF_FIT_FIRST_MODEL,  /* first group of the whole model, against the poorest rank (0.14-0.15) */
    SF_FIT_FIRST_WORKER, /* first group of each rank (0.16-0.17) */
    SF_FIT_ALL_GROUPS,   /* all groups of each rank (0.18+) */
};

/* The number of tokens that is reported. */
enum {
    SF_TOKENS_BLOCKS,      /* blocks × block size (<= 0.9.0, V0) */
    SF_TOKENS_GROUPS,      /* blocks // groups × least block size (0.9.1-0.20) */
    SF_TOKENS_CONCURRENCY, /* int(concurrency × max_model_len) (0.21+) */
};

/* Bytes of one block of a DeepSeek-V4 model. */
enum {
    SF_DSV4_ABSENT,    /* the release does not know the layout */
    SF_DSV4_MAX_SLOTS, /* most slots × all page sizes of the full group (from 2026-04-26) */
    SF_DSV4_PER_PAGE,  /* each page size × its most slots in any group (from 2026-06-07) */
    SF_DSV4_PER_GROUP, /* the largest group's own pages (from 2026-07-22) */
};

/* The tokens that the attention block of a model with state layers is a multiple of. */
enum {
    SF_ALIGN_16,            /* 16 for every backend (<= 0.11.0) */
    SF_ALIGN_BACKEND,       /* 16, but 64 or 128 for MLA and 32 for wide heads on SM100 (0.11.1-0.19) */
    SF_ALIGN_KERNEL,        /* the larger of the kernel's block and the cache's block size (0.20+) */
    SF_ALIGN_KERNEL_MLA128, /* the same, and at least 128 for MLA (2026-07-30 on) */
};

/* Prefix caching of state layers. */
enum {
    SF_STATE_PREFIX_OFF,   /* switched off for every such model (<= 0.11.0) */
    SF_STATE_PREFIX_PLAIN, /* where the model supports it, without modes (0.11.1-0.14) */
    SF_STATE_PREFIX_MODES, /* "all" where supported, else "align" (0.15-0.26) */
    SF_STATE_PREFIX_ALIGN, /* "align" unless "all" is asked for (0.27+) */
};

/* A checkpoint of compressed-tensors with a kv_cache_scheme. */
enum {
    SF_KV_SCHEME_IGNORED, /* (<= 0.14) */
    SF_KV_SCHEME_FORCES,  /* fp8 whatever the flag says (0.15-0.21) */
    SF_KV_SCHEME_AUTO,    /* fp8 when the flag says auto (0.22+) */
};

/* The default block of MLA layers. */
enum {
    SF_MLA_BLOCK_PLATFORM, /* SM90 64, SM100 128 (<= 0.14) */
    SF_MLA_BLOCK_64,       /* SM90 64, SM100 64 (0.15-0.17) */
    SF_MLA_BLOCK_BACKEND,  /* 16 where it is legal: SM90 16, SM100 32 (0.18+) */
};

/*
 * KV-cache arithmetic that changed over the releases (docs/kv-cache.md).  In the data each
 * field has its own name under `kv:`; an enum is given by its number.
 */
typedef struct sf_kv_rules {
    /* which layers share what */
    bool hybrid_manager;        /* false: all windowed layers count as full (V1 <= 0.9.0) */
    bool attention_first_order; /* spec dict lists attention, then state, then indexer layers (<= 0.11.0) */
    bool group_per_stage;       /* 0.10.2: every pipeline stage groups its own layers */
    bool groups_consecutive;    /* 0.10.2: runs of g layers in place of i mod groups */
    bool uniform_type;          /* one group of unequal pages (0.11+) */
    bool uniform_type_whole_model; /* block count divided by the pages of all stages (0.11-0.15) */
    double group_ratio; /* max_n < ratio × min_n: g = max_n; 0 never (<= 0.11), 1.25 (0.12+), 1.5 (0.18+) */
    bool unify_pages;   /* page sizes are unified by scaling the block size (0.12+) */
    bool unify_pads;    /* pages that do not divide are padded where the backend can (0.24+) */
    bool
        unify_promotes_swa; /* MLA + plain sliding window that cannot be unified becomes all full (2026-07-23 on) */
    bool unify_pads_state; /* a smaller state page is padded (2026-07-07 on) */
    bool merge_specs;      /* mergeable specs share a bucket (2026-07-30 on) */
    int dsv4_block_rule;   /* SF_DSV4_… */

    /* how much one request takes, and whether it fits */
    int fit_test;              /* SF_FIT_… */
    bool auto_fit;             /* max_model_len -1 fits the length (0.14+) */
    bool override_in_fit_test; /* num_gpu_blocks_override changes the memory the fit test sees (0.21+) */
    bool
        pages_sum_of_cdivs; /* pages per request summed per group (2026-07-21 on); else one cdiv of the sum */
    bool in_flight_batches; /* windows count max_num_batched_tokens × batches in flight (2026-07-08 on) */
    bool
        cross_len_batch; /* cross attention is sized by max_num_batched_tokens (0.12+), else by the encoder */

    /* what is reported */
    int tokens_rule; /* SF_TOKENS_… */
    bool
        tokens_per_worker; /* logged once per rank before the minimum, tensors not shrunk to it (<= 0.11.0) */
    bool one_group_cache_block; /* 0.10.2: a single group reports the cache's block size, not its own */
    bool dcp_multiplies_groups; /* several groups are multiplied by dcp too (0.11+) */
    uint64_t mla_align;         /* an MLA entry is padded to this many bytes (V0 0.7.2-0.7.3: 256); 0 not */

    /* state layers (Mamba, GDN, …) */
    bool mamba_spec_pages;     /* speculative tokens add state pages (0.15+) */
    bool mamba_modes;          /* cache modes none/align/all count pages (0.15+) */
    bool mamba_len_pages;      /* 0.11.1-0.14: cdiv(T, state block); else one page without modes */
    bool mamba_all_spec;       /* mode all adds speculative pages (0.22+) */
    int state_prefix;          /* SF_STATE_PREFIX_… */
    bool state_prefix_default; /* prefix caching is on by default for state models (2026-07-10 on) */
    int hybrid_align;          /* SF_ALIGN_… */
    bool kda_three_states;     /* KDA keeps q, k and v convolution states apart (<= 0.25) */
    bool qwen35_ssm_dtype;     /* Qwen3.5's config may set the ssm state's dtype (0.16+) */

    /* defaults out of the model */
    bool chunked_disables_hybrid; /* chunked local attention counts as full unless asked for (0.10+) */
    bool modelopt_kv_auto;        /* ModelOpt checkpoints set the cache dtype (0.14+) */
    int kv_scheme_rule;           /* SF_KV_SCHEME_… */
    int mla_block_rule;           /* SF_MLA_BLOCK_… */
    bool sparse_fp8_is_ds_mla;    /* sparse MLA: any fp8 request becomes fp8_ds_mla (<= 0.17) */
    bool swa_own_block;           /* sliding layers keep their smallest kernel block (0.25+) */
    bool wide_block;              /* SM90: heads of 512 and fp8 caches take blocks of 64 (0.22+) */
    sf_str
        wide_head_types; /* model types whose larger head size (global_head_dim) is taken for all (0.19-0.27) */
} sf_kv_rules;

/* One row of the defaults for batch sizes; the first whose conditions hold is taken. */
typedef struct sf_batch_default {
    uint64_t min_total_bytes; /* NVML total of device 0 */
    sf_str name_has;          /* device name must contain one of these (comma list), or empty */
    sf_str name_lacks;        /* device name (lower case) must not contain this, or empty */
    int64_t batched_tokens_llm, batched_tokens_server; /* with chunked prefill */
    int64_t max_num_seqs;
} sf_batch_default;

enum { SF_BATCH_ROWS = 8 };

/* The sampler's share of the activation peak: c × R × V + k bytes.  c is 0 when there is no such law. */
typedef struct sf_sampler_law {
    double bytes_per_logit, fixed_bytes;
    double band_frac; /* relative half-width of the 90 % band */
    sf_str source;
} sf_sampler_law;

/* A quantity that is a fit: a + b × layers, with a band. */
typedef struct sf_overhead {
    double base_bytes, per_layer_bytes;
    double low_bytes, high_bytes; /* absolute band around the value: value - low … value + high */
    double graphs; /* the value is for this many captured graphs and scales with them; 0 it does not */
    sf_str source;
} sf_overhead;

/* Engine texts: templates of data/engines/messages.yaml, see sf_profile_message. */
typedef enum sf_message {
    SF_MSG_FREE_MEMORY,     /* {device} {free} {total} {util} {requested} */
    SF_MSG_FREE_MEMORY_CAP, /* the warning of the capping releases; the same fields */
    SF_MSG_NO_KV,           /* nothing */
    SF_MSG_KV_SHORT, /* {len} {needed} {available} {estimate}; V0: {len} {tokens}; the sentence between [[ and ]]
                               drops out when there is no estimate */
    SF_MSG_AUTO_FIT_NONE, /* nothing */
    SF_MSG_WEIGHTS,       /* {weights}; optional {seconds} */
    SF_MSG_KV_AVAILABLE,  /* {available}; V0 optional {weights} {non_torch} {activation} */
    SF_MSG_KV_TOKENS,     /* {tokens}; 0.28+ {len} {concurrency} too; V0 {blocks}, optional {cpu_blocks} */
    SF_MSG_CONCURRENCY,   /* {len} {concurrency}; absent where the line before says it (0.28+) */
    SF_MSG_GRAPHS,        /* {graphs}; optional {seconds} */
    SF_MSG_ADMISSION,     /* {device} {need} {capacity} {contributors} */
    /* KV cache log lines and errors; an absent template means that the release has no such line */
    SF_MSG_KV_PADDING,         /* {layers} {percent} */
    SF_MSG_KV_DCP,             /* {cp} {pcp} {dcp}: logged before the tokens */
    SF_MSG_KV_OVERRIDE,        /* {blocks} {override} */
    SF_MSG_KV_HYBRID_OFF,      /* nothing */
    SF_MSG_KV_PROMOTED,        /* nothing */
    SF_MSG_KV_PAGES,           /* {layer}: pages that cannot be unified */
    SF_MSG_KV_NOT_ONE_TYPE,    /* nothing: windows counted as full do not make the model uniform */
    SF_MSG_KV_WINDOWS,         /* nothing: full layers with different windows */
    SF_MSG_AUTO_FIT_LOWER,     /* {from} {len} {available} */
    SF_MSG_AUTO_FIT_WHOLE,     /* {len} */
    SF_MSG_STATE_BLOCK,        /* {block} */
    SF_MSG_STATE_PADDING,      /* {percent} */
    SF_MSG_STATE_SETUP,        /* nothing; may hold several lines: what every model with states logs first */
    SF_MSG_STATE_NO_PREFIX,    /* nothing: prefix caching is switched off */
    SF_MSG_STATE_MODE,         /* {mode} {model}: a mode chosen by default */
    SF_MSG_STATE_EXPERIMENTAL, /* {mode} */
    SF_MSG_KV_AVAILABLE_FALLBACK, /* as KV_AVAILABLE, where the process could not be measured (vLLM-Omni, NVML) */
    SF_MSG_COUNT
} sf_message;

typedef enum sf_start_order {
    SF_ORDER_SERIAL_ID,                      /* by stage id, one after another (with a pause) */
    SF_ORDER_PARALLEL,                       /* stages on one GPU may profile at the same time */
    SF_ORDER_DIFFUSION_FIRST_GROUPS_BY_TEXT, /* diffusion inline first; LLM groups by identical devices text */
    SF_ORDER_DIFFUSION_FIRST_GROUPS_BY_OVERLAP, /* the same, groups by shared GPU */
} sf_start_order;

typedef struct sf_profile {
    sf_str engine;  /* "vllm" or "vllm-omni" */
    sf_str release; /* "0.19.0", "2026-07" … as the catalogue names it */
    sf_str date;    /* ISO day of the release or behaviour */
    sf_str asked;   /* what the user typed */
    sf_str note;    /* how the asked text was mapped, or empty */
    bool v0;

    /* start check */
    double default_util_frac;
    sf_check_rule check;
    sf_requested_rule requested;
    bool nccl_in_budget;    /* baseline before NCCL: communicators are paid from the budget (<= 0.10.2) */
    bool context_in_budget; /* the process's CUDA context is paid from the budget (<= 0.9.0) */

    /* KV budget */
    sf_kv_budget_rule kv_budget;
    bool kv_floor_zero;     /* a negative budget is taken as 0 before the error (vLLM-Omni from 2026-02) */
    bool kv_bytes_flag;     /* kv_cache_memory_bytes exists (0.10.2+) */
    bool buffers_in_budget; /* persistent runner buffers and allocator slack are charged (>= 0.26) */
    sf_graph_rule graphs;
    sf_graph_rule graphs_v2; /* the same under the second model runner */
    sf_kv_rules kv;
    sf_number_format number;

    /* batch defaults */
    sf_batch_default batch[SF_BATCH_ROWS];
    size_t n_batch;
    bool chunked;                                  /* chunked prefill by default (V1) … */
    int64_t chunk_threshold;                       /* … or, V0, from this max_model_len on */
    int64_t unchunked_tokens, unchunked_tokens_mm; /* without it: max(max_model_len, this) tokens (V0) */
    bool async_default;                            /* async scheduling by default (0.14+) */

    /* activation, overheads */
    sf_sampler_law sampler; /* the default path of this release */
    sf_sampler_law
        sampler_other; /* the path that other installs of it take (FlashInfer, 0.8 - 0.16); may be absent */
    sf_sampler_law sampler_v2;  /* under the second model runner */
    double sampler_fp32_extra;  /* added to bytes_per_logit for a float32 model */
    double dense_hidden_factor; /* 4.2 of numbers.md, activation */
    double forward_band_frac;
    sf_overhead context, nccl_per_rank, non_torch_tp1, non_torch_tpn, graphs_actual, buffers;
    double graph_estimate_factor; /* the estimate as a multiple of what the graphs take */
    double graph_estimate_low_frac, graph_estimate_high_frac; /* band of the estimate as factors of it */
    int64_t moe_chunk_tokens; /* fused mixture kernels work on at most this many tokens; 0 all */
    bool sampler_gathers;     /* logits gathered on every rank (before 0.29) */

    /* weights */
    int64_t
        attention_scalars; /* fp32 scalars that an attention layer keeps on the GPU (numbers.md, Weights) */
    bool drops_unused_encoders; /* encoders whose items are limited to none are not made (0.10.1+) */
    bool large_segments_whole;  /* while loading, tensors >= 20 MiB are not split (>= 0.21) */
    bool online_quant_whole;    /* online quantisation holds the whole unquantised model first (<= 0.15) */

    /* CUDA graphs */
    int64_t capture_max;       /* largest capture size by default (512; 1024 …) */
    int64_t capture_max_sm100; /* the same on compute capability 10.x (1024 from 0.28) */
    bool capture_by_seqs;      /* … and at most 2 × max_num_seqs (0.10+; V0: max_num_seqs) */
    int64_t capture_step_small, capture_step_large; /* 8 below 256, 16 above (0.11.1+) */
    bool capture_full_and_piecewise;
    bool capture_spec_factor; /* largest size × (1 + speculative tokens) */
    bool capture_appends_m;   /* max_num_batched_tokens itself is captured when small (0.21+) */

    /* config reader */
    sf_str mla_model_types; /* comma list of model types that use MLA in this release */
    sf_str mrv2_models; /* comma list of architectures that run on the second model runner; "dense", "all" */
    sf_str lora_models; /* comma list of architectures that take LoRA on embedding and head */
    bool lora_experts;  /* mixtures of experts have LoRA slots (0.11.1+) */
    int64_t lora_vocabulary; /* tokens that each adapter may add by default (256 up to 0.11) */
    bool max_len_auto;       /* max_model_len -1 / auto is known */
    bool fp32_auto_half;     /* float32 checkpoints run in float16 by default (<= 0.9), later in bfloat16 */

    /* vLLM-Omni only */
    bool omni;
    sf_str vllm_release; /* release of vLLM that this one runs on */
    sf_str format;       /* stage config formats it reads: "stage_args", "stages", "stage_args,stages" */
    sf_start_order order;
    bool has_admission; /* parallel_stage_init exists */

    sf_str message[SF_MSG_COUNT]; /* templates; empty: this release says nothing there */
    sf_str sources;               /* where the differences of this release are documented */
} sf_profile;

/*
 * The profile for a text such as "vllm@0.19.0", "vllm-omni@2026-07", "vllm-omni@0.12",
 * "vllm", "0.19" (then `prefer_omni` decides the engine), "vllm-omni@device-level", "vllm-v0@0.9", or empty
 * (the newest of that engine).
 * A version between two known ones takes the nearest older one and says so in `note`; one that is newer than all
 * adds a warning as well.  Code: SF_E_ENGINE_UNKNOWN with the releases that are known in the hint.
 */
sf_code sf_profile_find(sf_arena *a, sf_str spec, bool prefer_omni, sf_diags *dg, const sf_profile **ret);

/*
 * Releases that the catalogue knows, one engine after another, oldest first: vllm, vllm-omni, and vllm-v0 for
 * the older engine in the releases in which it is no longer the default.
 */
typedef struct sf_release {
    sf_str engine, release, date, summary, source;
    sf_str profile; /* a second name ("device-level"), or empty */
    sf_str vllm;    /* vLLM-Omni: the vLLM release under it */
    bool open;      /* a proposal when it was described: never chosen by default */
} sf_release;
sf_code sf_profile_list(sf_arena *a, sf_diags *dg, sf_release **ret, size_t *ret_n);

/* The release of vLLM as a number that grows: 1 000 000 × major + 1 000 × minor + patch (0.10.1: 10001). */
unsigned sf_profile_vllm_number(const sf_profile *profile);
/* Whether the release makes LoRA slots for embedding and head of an architecture. */
bool sf_profile_lora_vocabulary(const sf_profile *profile, sf_str architecture);
/* True when `architecture` runs on the second model runner; `dense`: a text model without experts and states. */
bool sf_profile_runs_v2(const sf_profile *profile, sf_str architecture, bool dense);

/*
 * One field of a message template.  A text is put in as it is; the other kinds are printed the
 * way the template says ("{free:r2}").
 */
typedef enum sf_message_kind { SF_MSG_TEXT, SF_MSG_BYTES, SF_MSG_COUNT_OF, SF_MSG_NUMBER } sf_message_kind;

typedef struct sf_message_arg {
    const char *name;
    sf_str value; /* SF_MSG_TEXT */
    sf_message_kind kind;
    int64_t count; /* SF_MSG_COUNT_OF, and SF_MSG_BYTES: printed in GiB */
    double number; /* SF_MSG_NUMBER: utilisation, concurrency, seconds */
} sf_message_arg;

static inline sf_message_arg sf_msg_bytes(const char *name, int64_t bytes)
{
    return (sf_message_arg){.name = name, .kind = SF_MSG_BYTES, .count = bytes};
}

static inline sf_message_arg sf_msg_count(const char *name, int64_t count)
{
    return (sf_message_arg){.name = name, .kind = SF_MSG_COUNT_OF, .count = count};
}

static inline sf_message_arg sf_msg_number(const char *name, double number)
{
    return (sf_message_arg){.name = name, .kind = SF_MSG_NUMBER, .number = number};
}

static inline sf_message_arg sf_msg_text(const char *name, sf_str value)
{
    return (sf_message_arg){.name = name, .value = value};
}

/*
 * The engine's own text with its fields put in.  What stands in [[…]] drops out with the brackets
 * when a value in it is not given.  Empty (n 0) when the release prints nothing there; `p` is NULL
 * when memory is out.
 */
sf_str sf_profile_message(sf_arena *a, const sf_profile *profile, sf_message message,
                          const sf_message_arg *args, size_t n_args);

/* A number of bytes in GiB as this release prints it in its messages (fixed 2, or round 2). */
sf_str sf_profile_gib(sf_arena *a, const sf_profile *profile, double bytes);

#endif
