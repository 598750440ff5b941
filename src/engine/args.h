/*
 * args: the engine's arguments, one table for every way they come in: the YAML keys of a
 * stage, the flags of a pasted command, a --config file, JSON.  The table is data
 * (data/engines/arguments.yaml): name, flags, type, whether it has to do with memory.
 *
 * Values keep the place they came from, for messages and for writing back.
 */
#ifndef SF_ENGINE_ARGS_H
#define SF_ENGINE_ARGS_H

#include "text/node.h"

/* Arguments that the accounting reads, by the engine's own names. */
/* clang-format off */
#define SF_ARG_MAP(X) \
    X(gpu_memory_utilization, FLOAT) \
    X(kv_cache_memory_bytes, INT) \
    X(max_model_len, INT) \
    X(max_num_seqs, INT) \
    X(max_num_batched_tokens, INT) \
    X(block_size, INT) \
    X(tensor_parallel_size, INT) \
    X(pipeline_parallel_size, INT) \
    X(data_parallel_size, INT) \
    X(decode_context_parallel_size, INT) \
    X(prefill_context_parallel_size, INT) \
    X(enable_expert_parallel, BOOL) \
    X(num_redundant_experts, INT) \
    X(dtype, STR) \
    X(quantization, STR) \
    X(kv_cache_dtype, STR) \
    X(load_format, STR) \
    X(enforce_eager, BOOL) \
    X(num_gpu_blocks_override, INT) \
    X(swap_space, FLOAT) \
    X(cpu_offload_gb, FLOAT) \
    X(enable_prefix_caching, BOOL) \
    X(enable_chunked_prefill, BOOL) \
    X(async_scheduling, BOOL) \
    X(disable_hybrid_kv_cache_manager, BOOL) \
    X(disable_sliding_window, BOOL) \
    X(skip_mm_profiling, BOOL) \
    X(limit_mm_per_prompt, ANY) \
    X(mm_processor_kwargs, ANY) \
    X(mm_encoder_tp_mode, STR) \
    X(mm_processor_cache_gb, FLOAT) \
    X(language_model_only, BOOL) \
    X(enable_lora, BOOL) \
    X(max_loras, INT) \
    X(max_lora_rank, INT) \
    X(fully_sharded_loras, BOOL) \
    X(speculative_config, ANY) \
    X(compilation_config, ANY) \
    X(cudagraph_capture_sizes, ANY) \
    X(max_cudagraph_capture_size, INT) \
    X(hf_overrides, ANY) \
    X(kv_transfer_config, ANY) \
    X(mamba_cache_dtype, STR) \
    X(mamba_ssm_cache_dtype, STR) \
    X(mamba_cache_mode, STR) \
    X(mamba_block_size, INT) \
    X(enable_sleep_mode, BOOL) \
    X(runner, STR) \
    X(model, STR) \
    X(model_class_name, STR) \
    X(num_gpus, INT) \
    X(parallel_config, ANY) \
    X(enable_cpu_offload, BOOL) \
    X(enable_layerwise_offload, BOOL) \
    X(vae_use_tiling, BOOL) \
    X(vae_use_slicing, BOOL) \
    X(enable_distributed_layerwise_offload, BOOL) \
    X(dlo_use_allgather, BOOL) \
    X(dlo_resident_layers, INT) \
    X(diffusion_kv_mode, STR) \
    X(model_runner, STR) \
    X(parallel_stage_init, BOOL) \
    X(enable_eplb, BOOL) \
    X(eplb_config, ANY) \
    X(lora_extra_vocab_size, INT)
/* clang-format on */

typedef enum sf_arg {
#define X(name, type) SF_ARG_##name,
    SF_ARG_MAP(X)
#undef X
        SF_ARG_COUNT
} sf_arg;

typedef enum sf_arg_type { SF_ARG_BOOL, SF_ARG_INT, SF_ARG_FLOAT, SF_ARG_STR, SF_ARG_ANY } sf_arg_type;

/* Where a value came from; a later one beats an earlier one unless the era says otherwise. */
typedef enum sf_arg_from { SF_FROM_DEFAULT, SF_FROM_PIPELINE, SF_FROM_FILE, SF_FROM_CLI } sf_arg_from;

typedef struct sf_arg_value {
    const sf_node *node; /* NULL: not set (an explicit null is "not set" too) */
    sf_arg_from from;
} sf_arg_value;

typedef struct sf_args {
    sf_arg_value v[SF_ARG_COUNT];
} sf_args;

const char *sf_arg_name(sf_arg arg);
sf_arg_type sf_arg_kind(sf_arg arg);
/* False when no such argument is read by the accounting. */
bool sf_arg_find(sf_str name, sf_arg *ret);

static inline bool sf_args_has(const sf_args *args, sf_arg arg)
{
    return args->v[arg].node != NULL;
}

/* The value or `otherwise`; sf_args_set has made sure that the type is right. */
bool sf_args_bool(const sf_args *args, sf_arg arg, bool otherwise);
int64_t sf_args_i64(const sf_args *args, sf_arg arg, int64_t otherwise);
double sf_args_f64(const sf_args *args, sf_arg arg, double otherwise);
sf_str sf_args_str(const sf_args *args, sf_arg arg, sf_str otherwise);

/*
 * Sets an argument from a node; an integer-valued float or a text that reads as the wanted
 * type is accepted where the engine accepts it (max_model_len "8k" is 8000, "8K" 8192, "auto" -1).
 * An absent value unsets it.
 * SF_E_ARG_VALUE with the place otherwise.
 */
sf_code sf_args_set(sf_arena *a, sf_args *args, sf_arg arg, const sf_node *value, sf_arg_from from,
                    sf_diags *dg);

/* One flag of the command line, as the data file lists it. */
typedef struct sf_flag {
    sf_str name;       /* "tensor_parallel_size" */
    sf_str short_flag; /* "-tp" or empty */
    sf_arg_type type;
    bool negatable; /* --no-name exists */
    bool list;      /* takes one or more words */
    bool memory;    /* has to do with memory (else: known, of no effect here) */
    bool omni_only;
    sf_str canonical; /* private to the table: a second name stands for this one */
} sf_flag;

/* The table of flags, read from data/engines/arguments.yaml into `a`. */
typedef struct sf_flags sf_flags;
sf_code sf_flags_load(sf_arena *a, sf_diags *dg, const sf_flags **ret);

/* The flag for "--tensor-parallel-size", "--tensor_parallel_size", "-tp"; NULL when it is not known. */
const sf_flag *sf_flag_find(const sf_flags *flags, sf_str word, bool *ret_negated);
/* The nearest known name for a wrong one ("tensor_parallel_size"), or empty. */
sf_str sf_flag_suggest(const sf_flags *flags, sf_str word);

#endif
