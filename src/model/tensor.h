/*
 * tensor: what a checkpoint holds, as groups of like tensors ("48 × [4096, 2048]"), each with
 * the rule by which tensor parallelism cuts it and the engine's parameter that it becomes part of.
 */
#ifndef SF_MODEL_TENSOR_H
#define SF_MODEL_TENSOR_H

#include "base/arena.h"
#include "base/num.h"

typedef enum sf_dtype {
    SF_DT_NONE,
    SF_DT_F64,
    SF_DT_F32,
    SF_DT_F16,
    SF_DT_BF16,
    SF_DT_F8_E4M3,
    SF_DT_F8_E5M2,
    SF_DT_F8_E8M0,
    SF_DT_I64,
    SF_DT_I32,
    SF_DT_I16,
    SF_DT_I8,
    SF_DT_U64,
    SF_DT_U32,
    SF_DT_U16,
    SF_DT_U8,
    SF_DT_BOOL,
    SF_DT_F4, /* two in a byte */
    SF_DT_F6_E2M3,
    SF_DT_F6_E3M2,
    SF_DT_C64,
    SF_DT_F8_E4M3FNUZ,
    SF_DT_F8_E5M2FNUZ, /* AMD's */
    SF_DT_COUNT
} sf_dtype;

/* Names as safetensors writes them ("BF16"); SF_DT_NONE for an unknown one. */
sf_dtype sf_dtype_of_header(sf_str name);
/* Names as torch and vLLM write them ("bfloat16", "half", "torch.float32", "float"). */
sf_dtype sf_dtype_of_torch(sf_str name);
const char *sf_dtype_name(sf_dtype dtype);
/* Bits of one element (4 for F4, 6 for F6). */
unsigned sf_dtype_bits(sf_dtype dtype);
/* Bytes of `count` elements; false on overflow or when they do not fill whole bytes. */
bool sf_dtype_bytes(sf_dtype dtype, uint64_t count, uint64_t *ret);

/* How tensor parallelism (and expert parallelism) cuts a tensor. */
typedef enum sf_shard {
    SF_SHARD_NONE,   /* a full copy on every rank */
    SF_SHARD_VOCAB,  /* dim 0 padded to a multiple of 64, then divided by tp */
    SF_SHARD_COLUMN, /* dim 0 divided */
    SF_SHARD_ROW,    /* dim 1 divided (dim 0 of a one-dimensional tensor is kept whole) */
    SF_SHARD_HEADS,  /* dim 0 consists of `units` heads: divided */
    SF_SHARD_KV,     /* dim 0 consists of `units` KV heads: divided, one head per rank when tp > units */
    SF_SHARD_QKV,    /* dim 0 is `units` query heads and twice `kv_units` KV heads, each cut as above */
    SF_SHARD_GROUPS, /* dim 0 has `units` groups of `unit_rows` rows, a whole one on each rank; the rest is divided */
} sf_shard;

typedef enum sf_origin {
    SF_ORIGIN_EXACT,    /* read from files, or computed by the engine's own arithmetic */
    SF_ORIGIN_MODELLED, /* a formula with an error band */
    SF_ORIGIN_MEASURED, /* from the user's own log */
    SF_ORIGIN_ASSUMED,  /* a default, named in the note */
} sf_origin;
const char *sf_origin_name(sf_origin origin);

/* What kind of weight it is: decides what quantisation and LoRA touch. */
typedef enum sf_tensor_class {
    SF_TENSOR_LINEAR, /* a matrix of a linear layer (its bias is SF_TENSOR_OTHER) */
    SF_TENSOR_EXPERT, /* the same, one per expert */
    SF_TENSOR_EMBED,
    SF_TENSOR_HEAD,
    SF_TENSOR_NORM,
    SF_TENSOR_ROUTER,
    SF_TENSOR_SCALE, /* the fp32 scalars of an attention layer: their number belongs to the engine release */
    SF_TENSOR_OTHER,
} sf_tensor_class;

enum { SF_TENSOR_DIMS = 6 };

/* How the experts of a layer lie in the checkpoint; `dims` are always one expert's, as the engine has them. */
typedef enum sf_stack {
    SF_STACK_NONE,       /* a tensor per expert */
    SF_STACK_FRONT,      /* one tensor a layer, [experts, dims…] */
    SF_STACK_TRANSPOSED, /* the same with each matrix transposed: [experts, in, out] */
    SF_STACK_ROWS,       /* one below another: [experts × dim 0, …] */
    SF_STACK_ROWS_TRANSPOSED,
} sf_stack;

/* What a multimodal model takes beside text; bits. */
enum { SF_MM_IMAGE = 1, SF_MM_VIDEO = 2, SF_MM_AUDIO = 4, SF_MM_COUNT = 3 };
/* The bits of a text such as "image video"; words that are not known have none.  And the name of the n-th bit. */
unsigned sf_modality_bits(sf_str words);
const char *sf_modality_name(unsigned n);

/* Which rank of a pipeline holds a tensor. */
typedef enum sf_pp {
    SF_PP_ALL,   /* every rank: encoders, codecs, what has no layers */
    SF_PP_FIRST, /* with the first layers: the embedding */
    SF_PP_LAYER, /* with its layer: first_layer … first_layer + repeat - 1 count decoder layers */
    SF_PP_LAST,  /* with the last layers: final norm, head */
} sf_pp;

/* What a component of a diffusion pipeline is for; other models have no roles. */
typedef enum sf_role {
    SF_ROLE_NONE,
    SF_ROLE_DIT,     /* denoises: the transformer or U-Net */
    SF_ROLE_ENCODER, /* of text or images, run once before */
    SF_ROLE_VAE,
    SF_ROLE_OTHER, /* connectors, vocoders, safety checkers */
} sf_role;

/*
 * `repeat` tensors of one shape: one per layer first_layer … first_layer+repeat-1 when
 * `layered`, each `experts` times (1 when there are none).
 */
typedef struct sf_tensor {
    sf_str name;  /* pattern with {} for numbers: "model.layers.{}.self_attn.q_proj.weight" */
    sf_str param; /* engine parameter of the same module instance that it is fused into ("qkv_proj.weight") */
    sf_str component; /* "text", "audio", "vision", "talker", "code_predictor", "codec", "dit", … */
    uint64_t dims[SF_TENSOR_DIMS];
    uint8_t n_dims;
    bool layered;
    bool in_checkpoint; /* false: made by the engine (rotary cache, scale scalars, second copies) */
    bool loaded;        /* false: in the checkpoint, but the engine skips it */
    bool once;          /* per process, created with the first layer, shared by all (rotary cache) */
    bool in_experts;    /* one of each expert: expert parallelism deals them out */
    bool dequantised;   /* made by the engine where the parameter that it is named after is quantised */
    sf_stack stack;
    sf_dtype disk_dtype;
    sf_dtype run_dtype; /* SF_DT_NONE: the stage's dtype */
    sf_shard shard;
    uint64_t units, kv_units; /* heads for SF_SHARD_HEADS, SF_SHARD_KV and SF_SHARD_QKV; groups for _GROUPS */
    uint64_t unit_rows;       /* rows of a group for SF_SHARD_GROUPS */
    sf_tensor_class cls;
    uint32_t repeat, first_layer, experts;
    uint32_t
        block; /* the family's loop it came from: layered neighbours of one block are built layer by layer */
    uint8_t modalities; /* of an encoder or of what follows it: which items it is for */
    sf_pp pp;
    sf_role role;
    sf_origin origin;
    const struct sf_quant *quant; /* of a quantised matrix: its form at run time (model/quant.h) */
    bool packed; /* what the checkpoint stores of a quantised matrix: nothing of it is kept as it is */
} sf_tensor;

/* Elements of one tensor of the group; saturates. */
uint64_t sf_tensor_numel(const sf_tensor *t);
/* Number of tensors in the group as the engine counts them (repeat × experts). */
uint64_t sf_tensor_count(const sf_tensor *t);
/* Number of them in the checkpoint, and the shape of one there; returns the number of dimensions. */
uint64_t sf_tensor_stored_count(const sf_tensor *t);
uint8_t sf_tensor_stored_dims(const sf_tensor *t, uint64_t ret[SF_TENSOR_DIMS]);

#endif
