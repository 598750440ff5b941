/*
 * need: what one rank of one stage takes, part by part, before anyone asks whether it
 * fits.  Each part is an amount with a band, an origin, and the formula that gave it.
 */
#ifndef SF_MEMORY_NEED_H
#define SF_MEMORY_NEED_H

#include "gpu/gpu.h"
#include "memory/allocator.h"
#include "memory/kv.h"
#include "stages/deployment.h"

/* low..high is the 90 % band; exact amounts have low == bytes == high. */
typedef struct sf_amount {
    int64_t bytes, low, high;
    sf_origin origin;
    sf_str formula; /* written out with its numbers */
    sf_str source;  /* what it rests on: a section of numbers.md, a measured row */
} sf_amount;

typedef enum sf_part {
    SF_PART_CONTEXT, /* CUDA context and libraries of the process */
    SF_PART_NCCL,    /* communicators, all-reduce buffers */
    SF_PART_WEIGHTS,
    SF_PART_BUFFERS,    /* the runner's persistent buffers, allocator slack */
    SF_PART_NON_TORCH,  /* growth outside torch while profiling */
    SF_PART_ACTIVATION, /* peak of the profile run over the weights */
    SF_PART_GRAPHS_EST, /* what is subtracted for CUDA graphs, where it is */
    SF_PART_GRAPHS,     /* what they really take */
    SF_PART_KV,
    SF_PART_CODEC_GRAPHS, /* graph pools of a codec, outside every budget */
    SF_PART_POOL,         /* connector memory pools on the device */
    SF_PART_REQUEST,      /* a diffusion request beyond the warm-up run */
    SF_PART_COUNT
} sf_part;
const char *sf_part_name(sf_part part);  /* "weights", "kv_cache", … stable: used as JSON keys */
const char *sf_part_title(sf_part part); /* for people */

/* Bytes of a component of the weights ("text", "vision", …) on one rank. */
typedef struct sf_weight_share {
    sf_str component;
    uint64_t bytes; /* sum of tensor bytes, no allocator rounding */
    uint64_t params;
    sf_role role;           /* of a component of a diffusion pipeline */
    uint64_t blocks, block; /* bytes in layers, and those of the largest layer */
} sf_weight_share;

typedef struct sf_activation {
    sf_amount forward, encoder, encoder_kept, sampler;
} sf_activation;

/* One rank on one device. */
typedef struct sf_rank_need {
    uint32_t rank, tp_rank, pp_rank, dp_rank;
    uint32_t device;               /* inventory index */
    sf_amount part[SF_PART_COUNT]; /* KV is filled by the replay */
    uint64_t weights_tensors;      /* bytes of the tensors before the allocator's rounding */
    uint64_t weights_loading;      /* what an online quantisation takes at its most above the weights */
    const sf_weight_share *shares;
    size_t n_shares;
    sf_activation activation;
    sf_amount host; /* weights in pinned host memory */
} sf_rank_need;

/* One stage, defaults applied. */
typedef struct sf_stage_need {
    const sf_stage *stage;
    const sf_model *model; /* NULL: nothing is known (refused) */
    double util_frac;
    bool util_given;
    uint64_t max_model_len; /* resolved; with auto-fit the length asked for */
    sf_str max_model_len_why;
    bool max_model_len_auto;
    uint64_t max_num_seqs, max_num_batched_tokens;
    sf_str batch_why; /* where the two come from */
    sf_dtype dtype;
    uint64_t kv_override_bytes; /* kv_cache_memory_bytes, 0 none */
    bool has_kv;
    bool pooling;             /* texts become vectors or scores: no head, no sampling */
    bool runner_v2;           /* the second model runner serves it */
    sf_graph_rule graph_rule; /* of that runner */
    bool graphs;              /* CUDA graphs are captured */
    const uint64_t *capture_sizes;
    size_t n_capture_sizes;
    sf_kv_case kv; /* workers empty */
    const sf_rank_need *ranks;
    size_t n_ranks;
} sf_stage_need;

typedef struct sf_need {
    const sf_stage_need *stages; /* as the deployment's */
    size_t n_stages;
} sf_need;

/* What a diffusion request asks for; a width of 0: nothing is asked. */
typedef struct sf_picture {
    uint64_t width, height, frames, batch;
} sf_picture;

typedef struct sf_weights_memo sf_weights_memo; /* weights already computed (sf_weights_memo_new) */

typedef struct sf_account_options {
    sf_picture request;
    bool assume_full_attention;
    bool host_pids;           /* the process sees host PIDs (no container): NVML accounting works */
    sf_weights_memo *weights; /* shared by accounts of the same models; NULL: each has its own */
} sf_account_options;

/*
 * Everything that does not depend on what else is on the GPUs.  `models` has one entry per stage.
 * Codes: SF_E_TP_DIVIDE, SF_E_QUANT_UNKNOWN, SF_E_KV_UNKNOWN, SF_E_MODEL_LEN, SF_E_DEVICE_OUTSIDE, SF_E_NOMEM.
 */
sf_code sf_account(sf_arena *a, const sf_profile *profile, const sf_deployment *d,
                   const sf_model *const *models, const sf_inventory *inv, const sf_account_options *opt,
                   sf_diags *dg, const sf_need **ret);

/* Room for adapters (enable_lora); no slots: none. */
typedef struct sf_lora_wish {
    uint64_t slots, rank; /* max_loras, max_lora_rank */
    bool sharded;         /* fully_sharded_loras */
    bool experts;         /* the release has them for mixtures too */
    bool vocabulary;      /* the architecture takes them on embedding and head */
    uint64_t extra_vocab; /* lora_extra_vocab_size, where the release has it */
} sf_lora_wish;

/* Weights of one rank: allocator model over the fused parameters.  Used by account and estimate. */
typedef struct sf_weights_wish {
    uint64_t tp, pp, ep; /* ep = 0: no expert parallelism */
    uint32_t tp_rank, pp_rank, ep_rank;
    sf_dtype dtype; /* the stage's run dtype */
    sf_allocator_rules allocator;
    const uint64_t *pp_layers;  /* layers per pipeline stage; NULL when pp is 1 */
    bool prediction_layers;     /* those that the engine otherwise skips are loaded to draft */
    uint64_t attention_scalars; /* fp32 scalars of an attention layer, by release */
    uint64_t batched_tokens;    /* max_num_batched_tokens: rows of buffers that are made while loading */
    unsigned capability;        /* of the GPU: decides the form of quantised weights; 0: the newest form */
    unsigned release;           /* of vLLM: 1 000 000 × major + 1 000 × minor + patch, 0 for the newest */
    bool whole_online;          /* an online quantisation loads the whole model first */
    uint64_t redundant_experts; /* copies beside the model's own, with expert parallelism */
    uint64_t offload_bytes;     /* of the layers' parameters, kept in host memory; 0 none */
    bool no_head;               /* a pooling engine drops it */
    sf_lora_wish lora;
    bool encoders_whole;          /* mm_encoder_tp_mode "data": encoders are not cut */
    uint8_t modalities_unused;    /* encoders for these only are not made */
    uint64_t encoder_tp;          /* of the text encoders of a diffusion pipeline; 0: whole on each rank */
    const sf_node *tp_components; /* components beside the denoiser that `tp` divides; NULL: none */
} sf_weights_wish;
typedef struct sf_weights {
    uint64_t tensor_bytes, allocated, reserved, params;
    uint64_t offloaded; /* bytes in host memory, not in the others */
    uint64_t
        loading; /* the most that the tensors take while loading; tensor_bytes where nothing is converted */
    const sf_weight_share *shares;
    size_t n_shares;
} sf_weights;
sf_code sf_weights_of_rank(sf_arena *a, const sf_model *m, const sf_weights_wish *wish, sf_diags *dg,
                           sf_weights *ret);

/* Ranks alike in all that decides their weights share one computation.  NULL: no memory. */
sf_weights_memo *sf_weights_memo_new(sf_arena *a);
/* As sf_weights_of_rank; a failure is not kept, so that each caller has its diagnostic. */
sf_code sf_weights_memo_of_rank(sf_weights_memo *memo, const sf_model *m, const sf_weights_wish *wish,
                                sf_diags *dg, sf_weights *ret);

#endif
