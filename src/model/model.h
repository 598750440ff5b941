/*
 * model: what the accounting needs to know about a checkpoint: tensors, cache layers, the
 * widths that the activation peak follows.  It is derived from config.json by a model family
 * (data/models/families/ *.yaml) and, where the weight files are at hand, held against their
 * headers.
 */
#ifndef SF_MODEL_MODEL_H
#define SF_MODEL_MODEL_H

#include "model/safetensors.h"
#include "text/node.h"

/* Kinds of KV-cache layers, as the engine's spec classes name them. */
typedef enum sf_kv_kind {
    SF_KV_FULL,
    SF_KV_SLIDING, /* window tokens */
    SF_KV_CHUNKED, /* chunk tokens */
    SF_KV_CROSS,
    SF_KV_MLA,
    SF_KV_INDEXER,
    SF_KV_STATE, /* Mamba, GDN, short conv, linear attention */
    SF_KV_NONE,  /* shares another layer's cache, or encoder only */
} sf_kv_kind;
const char *sf_kv_kind_name(sf_kv_kind kind);

/* DeepSeek-V4 keeps caches of several kinds in one pool: tokens (compressed or not), and compressors' states. */
typedef enum sf_kv_pool {
    SF_KV_POOL_NONE,
    SF_KV_POOL_TOKENS,
    SF_KV_POOL_STATES, /* fp32 */
    SF_KV_POOL_COUNT
} sf_kv_pool;

/* `repeat` consecutive layers of the model with the same cache. */
typedef struct sf_kv_layers {
    sf_kv_kind kind;
    uint32_t first_layer, repeat;
    uint32_t kv_heads;    /* total, before tensor parallelism */
    uint32_t head_size;   /* of K; MLA: kv_lora_rank + rope */
    uint32_t head_size_v; /* of V; equals head_size for most; 0 for MLA */
    uint64_t window;      /* sliding: window; chunked: chunk */
    uint32_t block;       /* tokens of a block that the layer itself asks for; 0: the backend's */
    uint32_t ratio;       /* tokens for each stored one; 0 or 1: all are stored */
    uint32_t align;       /* bytes that a page is rounded up to; 0: none */
    sf_kv_pool pool;
    sf_str state_kind;    /* "mamba1", "mamba2", "gdn", "short_conv", "linear", "kda" */
    const sf_node *state; /* its parameters as the family computed them (a map of integers) */
} sf_kv_layers;

/* Widths of the forward pass of one component (0: does not apply). */
typedef struct sf_forward {
    uint64_t hidden, intermediate, layers;
    uint64_t q_heads, kv_heads, head_dim;
    uint64_t experts, experts_per_token, moe_intermediate, shared_intermediate;
    uint64_t vocab;     /* logits per row; 0: no sampling */
    uint64_t deepstack; /* extra embedding levels kept from the encoder */
} sf_forward;

/* An encoder that the profile run feeds with its largest items. */
typedef struct sf_encoder {
    sf_str modality;      /* "image", "video", "audio", or several: "image video" */
    uint64_t item_tokens; /* most tokens of one item */
    uint64_t patches_per_token;
    uint64_t hidden, intermediate, qkv, out_hidden;
    uint64_t held;  /* widths of the MLP that are alive at once: 3 with a gate, 2 without; 0 is 3 */
    uint64_t input; /* values of one patch as the processor gives it; they stay on the device */
} sf_encoder;

enum { SF_MODEL_ENCODERS = 4 };

/* What a request costs beside the weights of a diffusion model (0: not known). */
typedef struct sf_diffusion {
    /* The denoiser: its width, its MLP's, its blocks; a token is patch x patch latents of patch_t frames. */
    uint64_t hidden, intermediate, blocks, patch, patch_t, text_tokens, joint;
    /* The VAE: pixels of a latent, frames of a latent, frames decoded at once (0: all of them). */
    uint64_t scale, scale_t, chunk;
    /* Elements that decoding and encoding keep per pixel, measured; a tile's side. */
    uint64_t decode_elements, encode_elements, tile;
    sf_str decode_source;
    bool vae_float32, encodes; /* `encodes`: a request brings an image that the VAE encodes */
} sf_diffusion;

/* The part of a checkpoint that one stage loads. */
typedef struct sf_model {
    sf_str name;         /* as the user or the pipeline named it */
    sf_str architecture; /* "Qwen3OmniMoeForConditionalGeneration" */
    sf_str model_type;   /* of the section that serves */
    sf_str part;         /* "thinker", "talker", … or empty for the whole */
    sf_str family;       /* data/models/families/<family>.yaml */
    sf_str source;       /* "config.json and 15 weight files in DIR", "catalogue: …", "config.json alone" */
    const sf_node *config; /* the file's root */
    const sf_node *text;   /* the section with the language model's sizes; NULL when it has none */
    sf_dtype dtype;        /* torch_dtype of the section, else of the file, else of the weights */
    bool dtype_known;
    bool embeds;                 /* an engine that is not told otherwise pools its output */
    const sf_node *quantization; /* quantization_config, or NULL */
    bool quantization_known;     /* the tensors below are laid out in that format */
    sf_str quantization_title;   /* "FP8 (E4M3)", empty when nothing is quantised */

    const sf_tensor *tensors; /* in the engine's creation order */
    size_t n_tensors;
    const sf_kv_layers *kv; /* in layer order; none for a stage without a cache */
    size_t n_kv;
    const sf_kv_layers *mtp_kv; /* of the prediction layers that speculation may use, behind the decoder's */
    size_t n_mtp_kv;
    uint32_t n_layers; /* decoder layers, for pipeline parallelism */
    sf_forward forward;
    sf_encoder encoders[SF_MODEL_ENCODERS];
    size_t n_encoders;
    sf_diffusion diffusion;
    uint64_t max_model_len;   /* what the config allows; 0 unknown */
    sf_str max_model_len_why; /* "max_position_embeddings", … */
    uint64_t extra_bytes;     /* weights that no header shows (.pt codecs), by table */
    sf_str extra_note;
    bool tie_word_embeddings;
    bool headers_read; /* tensors were held against real headers */
    bool assumed;      /* a layout was assumed at the user's wish */
    const struct sf_model
        *draft; /* the model that drafts for this one: its tensors and cache are among those above */
} sf_model;

/* Everything known of a checkpoint before a stage takes its part. */
typedef struct sf_checkpoint {
    sf_str name;
    sf_str dir;                     /* empty for the catalogue */
    const sf_node *config;          /* config.json (or a stand-in made of model_index.json) */
    const sf_node *index;           /* model_index.json of a diffusers folder, or NULL */
    const sf_tensor_table *headers; /* NULL: no weight files at hand */
    uint64_t weight_file_bytes;     /* sum of the sizes of the weight files, 0 unknown */
    size_t n_weight_files;
    sf_str source;               /* how it is known, for the report */
    bool assumed;                /* its quantisation follows from its name alone */
    bool embeds;                 /* has the modules of sentence-transformers: engines pool its output */
    const sf_node *quantization; /* hf_quant_config.json, where config.json has none; or NULL */
    const sf_node *facts;        /* catalogue: the rest of the entry (published totals, notes); or NULL */
    /* Sub-folders with a config of their own ("vision_language_encoder", "speech_tokenizer"). */
    struct sf_checkpoint_sub {
        sf_str name;
        const sf_node *config;
        const sf_tensor_table *headers;
    } * subs;
    size_t n_subs;
} sf_checkpoint;

/*
 * The model that a stage sees.  `part` picks a part of the family ("thinker"); empty takes what
 * plain vLLM serves.  `architecture` overrides config.json's (a stage's model_arch) when not empty.
 * Codes: SF_E_ARCH_UNKNOWN, SF_E_CONFIG_KEY, SF_E_EXPR, SF_E_TENSORS_DIFFER (a warning unless bytes of known
 * tensors differ), SF_E_QUANT_UNKNOWN, SF_E_QUANT_CONFIG, SF_E_NOMEM.  `assume_full_attention`: an unknown architecture whose config has the usual
 * keys is treated as a dense decoder with full attention and marked assumed.
 */
typedef struct sf_model_cache sf_model_cache; /* family files already read; lives in its arena */
sf_model_cache *sf_model_cache_new(sf_arena *a);

typedef struct sf_model_wish {
    sf_str part, architecture, subdir;
    const sf_node *components; /* folders of a diffusers checkpoint that are loaded; NULL: all */
    const sf_node *hf_overrides;
    sf_str quantization; /* --quantization, or empty */
    const sf_node *quantization_at;
    bool quantize_text_only;            /* vLLM-Omni: --quantization is for the language model */
    const sf_node *mm_processor_kwargs; /* `mm` in the families' expressions */
    bool assume_full_attention;
    sf_model_cache *cache; /* NULL: family files are read anew for each part */
} sf_model_wish;
sf_code sf_model_resolve(sf_arena *a, const sf_checkpoint *ckpt, const sf_model_wish *wish, sf_diags *dg,
                         const sf_model **ret);

/*
 * The parts that the checkpoint's family knows ("thinker", "talker", "code2wav"); one empty name
 * when it has no parts.  A tensor that two stages load (BAGEL's language model) is in both of their parts.
 */
sf_code sf_model_parts(sf_arena *a, const sf_checkpoint *ckpt, const sf_model_wish *wish, sf_diags *dg,
                       sf_str **ret, size_t *ret_n);

/*
 * `m` with the weights and cache layers of the model that drafts for it.  `whole_on`: the drafter is not divided but
 * whole on each of so many ranks; 0: divided as `m` is.
 */
sf_code sf_model_with_draft(sf_arena *a, const sf_model *m, const sf_model *draft, uint32_t whole_on,
                            const sf_model **ret);

/* Sum over the checkpoint tensors of the model: how many, elements, bytes as stored. */
void sf_model_totals(const sf_model *m, uint64_t *ret_tensors, uint64_t *ret_params, uint64_t *ret_bytes);

/* Catalogue (data/models/catalogue): by exact name, alias, or the last part of the name. */
sf_code sf_catalogue_find(sf_arena *a, sf_str name, sf_diags *dg, const sf_checkpoint **ret);
/* Names in it, sorted. */
sf_code sf_catalogue_list(sf_arena *a, sf_str **ret, size_t *ret_n);
/* Architectures that a family exists for, sorted. */
sf_code sf_families_list(sf_arena *a, sf_diags *dg, sf_str **ret, size_t *ret_n);

#endif
