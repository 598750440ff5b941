/*
 * account: what each rank of each stage takes, part by part.  Knows nothing of order or
 * of what else is on a GPU: that is the replay's part.
 */
#include "memory/activation.h"
#include "memory/amount.h"
#include "memory/defaults.h"
#include "memory/diffusion.h"
#include "memory/multimodal.h"
#include "memory/overheads.h"
#include "memory/unmodelled.h"

static const struct {
    const char *name, *title;
} parts[SF_PART_COUNT] = {
    [SF_PART_CONTEXT] = {"context",              "CUDA context"      },
    [SF_PART_NCCL] = {"nccl",                 "communicators"     },
    [SF_PART_WEIGHTS] = {"weights",              "weights"           },
    [SF_PART_BUFFERS] = {"buffers",              "runner buffers"    },
    [SF_PART_NON_TORCH] = {"non_torch",            "non-torch"         },
    [SF_PART_ACTIVATION] = {"activation",           "activation peak"   },
    [SF_PART_GRAPHS_EST] = {"cuda_graphs_reserved", "CUDA graph reserve"},
    [SF_PART_GRAPHS] = {"cuda_graphs",          "CUDA graphs"       },
    [SF_PART_KV] = {"kv_cache",             "KV cache"          },
    [SF_PART_CODEC_GRAPHS] = {"codec_graphs",         "codec graph pool"  },
    [SF_PART_POOL] = {"connector_pool",       "connector pool"    },
    [SF_PART_REQUEST] = {"request",              "request peak"      },
};

const char *sf_part_name(sf_part part)
{
    return parts[part].name;
}

const char *sf_part_title(sf_part part)
{
    return parts[part].title;
}

typedef struct job {
    sf_arena *arena;
    const sf_profile *profile;
    const sf_deployment *d;
    const sf_inventory *inv;
    const sf_account_options *opt;
    sf_diags *dg;
    sf_weights_memo *weights;
    uint64_t *pp_layers; /* of the stage at hand, NULL when pp is 1 */
} job;

/* The inventory index of a rank; all visible GPUs in order when the stage names none. */
static sf_code device_of_rank(const job *j, const sf_stage *st, uint32_t rank, uint32_t *ret)
{
    const sf_gpu *gpu = NULL;

    if (st->devices_given && rank < st->n_devices)
        gpu = sf_inventory_find(j->inv, st->devices[rank]);
    else if (!st->devices_given && rank < j->inv->n)
        gpu = &j->inv->gpus[rank];
    if (!gpu)
        return sf_diag_error(j->dg, SF_E_DEVICE_OUTSIDE, sf_node_where(st->devices_node),
                             "describe more GPUs with --gpu, or change devices",
                             "stage %lld needs a GPU for rank %u, and the inventory has %zu GPU%s",
                             (long long)st->id, rank, j->inv->n, j->inv->n == 1 ? "" : "s");
    *ret = gpu->index;
    return SF_OK;
}

static void rank_position(const sf_stage *st, uint32_t rank, sf_rank_need *r)
{
    uint32_t sp = st->parallel.sp ? st->parallel.sp : 1; /* 0 or 1 but for diffusion */
    uint32_t tp = (st->tp ? st->tp : 1) * sp, pp = st->pp ? st->pp : 1;

    r->rank = rank;
    r->tp_rank = rank % tp / sp;
    r->pp_rank = rank / tp % pp;
    r->dp_rank = rank / tp / pp;
}

/* Tensors of 20 MiB and more are loaded with a split limit in releases that set one. */
static sf_allocator_rules allocator_rules(const job *j, const sf_stage *st)
{
    const sf_node *conf = sf_node_get(st->env, "PYTORCH_CUDA_ALLOC_CONF");
    sf_allocator_rules rules = {.max_split = j->profile->large_segments_whole ? (uint64_t)20 << 20 : 0};

    if (sf_node_is(conf, SF_STRING) && sf_str_find(conf->text, SF_STR("expandable_segments:True")) >= 0)
        rules = (sf_allocator_rules){.expandable_segments = true};
    return rules;
}

/* cpu_offload_gb, in GiB whatever its name says. */
static uint64_t offload_bytes(const sf_stage *st)
{
    double gib = sf_args_f64(&st->args, SF_ARG_cpu_offload_gb, 0);

    return gib > 0 && gib < 1e9 ? (uint64_t)(gib * (double)SF_GIB) : 0;
}

/*
 * Copies of experts that load balancing adds, alike on every rank (vLLM fused_moe/layer.py).  They need expert
 * parallelism; without it the engine makes none.
 */
static sf_code redundant_experts(const sf_stage *st, const sf_model *m, uint64_t ep, sf_diags *dg,
                                 uint64_t *ret)
{
    const sf_node *v = sf_node_get(st->args.v[SF_ARG_eplb_config].node, "num_redundant_experts");
    int64_t n = sf_args_i64(&st->args, SF_ARG_num_redundant_experts, sf_node_is(v, SF_INT) ? v->as.i : 0);

    *ret = 0;
    if (n <= 0 || !ep || !m->forward.experts)
        return SF_OK;
    if ((m->forward.experts + (uint64_t)n) % ep)
        return sf_diag_error(dg, SF_E_ARG_VALUE,
                             v ? sf_node_where(v)
                               : sf_node_where(st->args.v[SF_ARG_num_redundant_experts].node),
                             "choose a number that brings the experts to a multiple of the ranks",
                             "%llu experts and %lld redundant ones do not divide among %llu ranks",
                             (unsigned long long)m->forward.experts, (long long)n, (unsigned long long)ep);
    *ret = (uint64_t)n;
    return SF_OK;
}

static sf_lora_wish lora_wish(const sf_profile *profile, const sf_stage_need *n)
{
    const sf_args *args = &n->stage->args;
    int64_t slots = sf_args_i64(args, SF_ARG_max_loras, 1),
            rank = sf_args_i64(args, SF_ARG_max_lora_rank, 16);
    int64_t extra = sf_args_i64(args, SF_ARG_lora_extra_vocab_size, profile->lora_vocabulary);

    if (!sf_args_bool(args, SF_ARG_enable_lora, false) || n->stage->kind != SF_STAGE_AR || slots <= 0 ||
        rank <= 0)
        return (sf_lora_wish){0};
    return (sf_lora_wish){.slots = (uint64_t)slots,
                          .rank = (uint64_t)rank,
                          .sharded = sf_args_bool(args, SF_ARG_fully_sharded_loras, false),
                          .experts = profile->lora_experts,
                          .vocabulary = sf_profile_lora_vocabulary(profile, n->model->architecture),
                          .extra_vocab = profile->lora_vocabulary && extra > 0 ? (uint64_t)extra : 0};
}

static sf_code rank_weights(const job *j, const sf_stage_need *n, sf_rank_need *r, uint64_t *ret_slack)
{
    const sf_stage *st = n->stage;
    const sf_gpu *gpu = sf_inventory_find(j->inv, r->device);
    bool ep = sf_args_bool(&st->args, SF_ARG_enable_expert_parallel, false);
    uint32_t tp = st->tp ? st->tp : 1, dp = st->dp ? st->dp : 1;
    sf_weights_wish wish = {
        .tp = st->kind == SF_STAGE_GENERATION ? 1 : tp,
        .pp = st->pp ? st->pp : 1,
        .ep = ep ? (uint64_t)tp * dp : 0,
        .tp_rank = r->tp_rank,
        .pp_rank = r->pp_rank,
        .ep_rank = r->dp_rank * tp + r->tp_rank,
        .dtype = n->dtype,
        .allocator = allocator_rules(j, st),
        .pp_layers = j->pp_layers,
        .prediction_layers = sf_defaults_prediction_layers(st, n->model),
        .attention_scalars = (uint64_t)j->profile->attention_scalars,
        .batched_tokens = n->max_num_batched_tokens,
        .encoder_tp = st->parallel.encoder_tp,
        .tp_components = st->pipeline ? sf_node_get(st->pipeline->facts, "tp_components") : NULL,
        .capability = gpu ? gpu->capability : 0,
        .release = sf_profile_vllm_number(j->profile),
        .whole_online = j->profile->online_quant_whole,
        .offload_bytes = offload_bytes(st),
        .no_head = n->pooling,
        .lora = lora_wish(j->profile, n),
        .encoders_whole = sf_encoders_whole(&st->args),
        .modalities_unused = sf_modalities_unused(j->profile, &st->args),
    };
    sf_weights w;
    sf_str formula;
    sf_code rc = redundant_experts(st, n->model, wish.ep, j->dg, &wish.redundant_experts);

    if (!rc)
        rc = sf_weights_memo_of_rank(j->weights, n->model, &wish, j->dg, &w);
    if (rc)
        return rc;
    formula = sf_arena_printf(j->arena, "%.*s of tensors in blocks of the caching allocator%s%.*s",
                              SF_STR_ARG(sf_fmt_bytes(j->arena, w.tensor_bytes)),
                              w.offloaded ? "; in host memory " : "",
                              SF_STR_ARG(w.offloaded ? sf_fmt_bytes(j->arena, w.offloaded) : (sf_str){0}));
    if (!formula.p)
        return SF_E_NOMEM;
    r->part[SF_PART_WEIGHTS] = sf_amount_exact(w.allocated, formula, n->model->source);
    if (n->model->assumed)
        r->part[SF_PART_WEIGHTS].origin = SF_ORIGIN_ASSUMED;
    r->weights_tensors = w.tensor_bytes;
    r->weights_loading = w.loading - w.tensor_bytes;
    r->shares = w.shares;
    r->n_shares = w.n_shares;
    *ret_slack = w.reserved - w.allocated;
    return st->kind == SF_STAGE_DIFFUSION ? sf_diffusion_weights(j->arena, n, w.allocated, r) : SF_OK;
}

/* Codecs and diffusion: a figure of the pipeline's data, else a share of the weights with a wide band. */
static sf_code decode_activation(const job *j, const sf_stage_need *n, sf_rank_need *r)
{
    const sf_node *facts = n->stage->pipeline ? n->stage->pipeline->facts : NULL;
    const sf_node *fact = sf_node_get(facts, "decode_activation");
    double weights = (double)r->part[SF_PART_WEIGHTS].bytes;

    r->activation = (sf_activation){0};
    if (!sf_node_absent(fact))
        return sf_overheads_fact(j->arena, fact, j->dg, &r->part[SF_PART_ACTIVATION]);
    if (n->stage->kind == SF_STAGE_DIFFUSION && (n->model->diffusion.hidden || n->model->diffusion.scale))
        return sf_diffusion_activation(j->arena, n, j->opt ? &j->opt->request : NULL, r);
    r->part[SF_PART_ACTIVATION] = sf_amount_band(weights * 0.1, 0, weights * 0.5, SF_ORIGIN_ASSUMED,
                                                 SF_STR("a tenth of the weights, for want of a measurement"),
                                                 SF_STR("numbers.md, Other stages"));
    return SF_OK;
}

static uint64_t layers_of_rank(const job *j, const sf_stage_need *n, const sf_rank_need *r)
{
    return j->pp_layers ? j->pp_layers[r->pp_rank] : n->model->n_layers;
}

static sf_code fill_rank(const job *j, const sf_stage_need *n, uint32_t rank, sf_rank_need *r)
{
    const sf_stage *st = n->stage;
    uint64_t slack = 0;
    sf_code rc;

    rank_position(st, rank, r);
    rc = device_of_rank(j, st, rank, &r->device);
    if (!rc)
        rc = rank_weights(j, n, r, &slack);
    if (!rc)
        rc = sf_overheads_fill(j->arena, j->profile, n, slack, layers_of_rank(j, n, r), j->dg, r);
    if (rc)
        return rc;
    if (st->kind != SF_STAGE_AR)
        return decode_activation(j, n, r);
    r->part[SF_PART_ACTIVATION] = sf_activation_peak(j->arena, j->profile, n, st->tp, r->pp_rank == 0,
                                                     r->pp_rank + 1 >= (st->pp ? st->pp : 1), &r->activation);
    return SF_OK;
}

static bool async_scheduling(const job *j, const sf_stage_need *n)
{
    return sf_args_bool(&n->stage->args, SF_ARG_async_scheduling, j->profile->async_default && !n->pooling);
}

/* The user's own division of the layers, or empty. */
static sf_str pp_partition(const sf_stage *st)
{
    const sf_node *v = sf_node_get(st->env, "VLLM_PP_LAYER_PARTITION");

    return v ? v->text : (sf_str){0};
}

/* One of the words of a list that ends in NULL. */
static sf_code check_word(const job *j, const sf_stage *st, sf_arg arg, const char *const *words)
{
    const sf_node *v = st->args.v[arg].node;
    sf_str text = sf_args_str(&st->args, arg, (sf_str){0}), known = {0};

    for (size_t i = 0; words[i]; i++) {
        if (!text.n || sf_str_is(text, words[i]))
            return SF_OK;
        known = sf_arena_printf(j->arena, "%.*s%s%s", SF_STR_ARG(known), i ? ", " : "", words[i]);
    }
    return sf_diag_error(j->dg, SF_E_ARG_VALUE, sf_node_where_key(v, sf_str_of(sf_arg_name(arg))), known.p,
                         "%s \"%.*s\" is none that the engine takes", sf_arg_name(arg), SF_STR_ARG(text));
}

/* How states are kept (vLLM config/cache.py; config/vllm.py, validate_mamba_block_size). */
static sf_code check_state_args(const job *j, const sf_stage *st, bool prefix_caching)
{
    static const char *const types[] = {"auto", "float32", "float16", "bfloat16", NULL};
    static const char *const modes[] = {"all", "align", "none", NULL};
    const sf_node *block = st->args.v[SF_ARG_mamba_block_size].node;
    int64_t tokens = sf_args_i64(&st->args, SF_ARG_mamba_block_size, 0);
    sf_code rc = check_word(j, st, SF_ARG_mamba_cache_dtype, types);

    if (!rc)
        rc = check_word(j, st, SF_ARG_mamba_ssm_cache_dtype, types);
    if (!rc)
        rc = check_word(j, st, SF_ARG_mamba_cache_mode, modes);
    if (rc || sf_node_absent(block))
        return rc;
    if (tokens <= 0 || tokens % 8)
        return sf_diag_error(j->dg, SF_E_ARG_VALUE, sf_node_where_key(block, SF_STR("mamba_block_size")),
                             "a multiple of 8, of the state kernel's chunk for its speed",
                             "mamba_block_size %lld is not a multiple of 8", (long long)tokens);
    if (!prefix_caching)
        return sf_diag_error(j->dg, SF_E_ARG_VALUE, sf_node_where_key(block, SF_STR("mamba_block_size")),
                             "add --enable-prefix-caching",
                             "--mamba-block-size can only be set with --enable-prefix-caching");
    return SF_OK;
}

static sf_code fill_kv(const job *j, const sf_gpu *gpu, sf_stage_need *n)
{
    const sf_stage *st = n->stage;
    sf_kv_wish wish = {
        .tp = st->tp,
        .pp = st->pp,
        .pp_partition = pp_partition(st),
        .dcp = (uint64_t)sf_args_i64(&st->args, SF_ARG_decode_context_parallel_size, 1),
        .pcp = (uint64_t)sf_args_i64(&st->args, SF_ARG_prefill_context_parallel_size, 1),
        .kv_cache_dtype = sf_args_str(&st->args, SF_ARG_kv_cache_dtype, SF_STR("auto")),
        .model_dtype = n->dtype,
        .block_size = (uint64_t)sf_args_i64(&st->args, SF_ARG_block_size, 0),
        .capability = gpu ? gpu->capability : 0,
        .max_model_len = n->max_model_len,
        .max_num_batched_tokens = n->max_num_batched_tokens,
        .max_num_seqs = n->max_num_seqs,
        .num_spec_tokens = sf_defaults_spec_tokens(n),
        .prefix_caching = sf_args_bool(&st->args, SF_ARG_enable_prefix_caching, !j->profile->omni),
        .prefix_caching_given = sf_args_has(&st->args, SF_ARG_enable_prefix_caching),
        .async_scheduling = async_scheduling(j, n),
        .no_sliding = sf_args_bool(&st->args, SF_ARG_disable_sliding_window, false),
        .disable_hybrid = sf_args_bool(&st->args, SF_ARG_disable_hybrid_kv_cache_manager, false),
        .mamba_block_size = (uint64_t)sf_args_i64(&st->args, SF_ARG_mamba_block_size, 0),
        .prediction_layers = sf_defaults_prediction_layers(st, n->model),
        .mamba_cache_mode = sf_args_str(&st->args, SF_ARG_mamba_cache_mode, (sf_str){0}),
        .mamba_cache_dtype = sf_args_str(&st->args, SF_ARG_mamba_cache_dtype, SF_STR("auto")),
        .mamba_ssm_cache_dtype = sf_args_str(&st->args, SF_ARG_mamba_ssm_cache_dtype, SF_STR("auto")),
        .assume_full_attention = j->opt && j->opt->assume_full_attention,
    };
    int64_t blocks = sf_args_i64(&st->args, SF_ARG_num_gpu_blocks_override, 0);
    sf_code rc;

    n->has_kv = st->kind == SF_STAGE_AR && n->model->n_kv > 0;
    if (!n->has_kv)
        return SF_OK;
    rc = check_state_args(
        j, st, wish.prefix_caching_given ? wish.prefix_caching : sf_kv_state_prefix(j->profile, n->model));
    if (rc)
        return rc;
    rc = sf_kv_case_of_model(j->arena, j->profile, n->model, &wish, j->dg, &n->kv);
    n->kv.blocks_override = blocks > 0 ? (uint64_t)blocks : 0;
    n->kv.auto_fit = n->max_model_len_auto;
    return rc;
}

/* Said once a kind of card: the measured constants are those of NVIDIA's. */
static void warn_vendor(const job *j, const sf_gpu *gpu)
{
    if (gpu && gpu->model && !sf_str_is(gpu->model->vendor, "nvidia"))
        sf_diag_warning(
            j->dg, SF_E_NOT_MODELLED, (sf_where){0}, "docs/limits.md lists what is not modelled",
            "context, communicators, graphs and non-torch memory were measured on NVIDIA GPUs; those of "
            "%.*s may differ",
            SF_STR_ARG(gpu->name));
}

static sf_code fill_stage(job *j, const sf_stage *st, const sf_model *model, sf_stage_need *n)
{
    const sf_gpu *gpu;
    uint32_t first = 0;
    sf_rank_need *ranks;
    sf_code rc;

    n->stage = st;
    n->model = model;
    rc = device_of_rank(j, st, 0, &first);
    if (rc)
        return rc;
    gpu = sf_inventory_find(j->inv, first);
    warn_vendor(j, gpu);
    rc = sf_unmodelled_check(st, model, j->dg);
    if (!rc)
        rc = sf_defaults_fill(j->arena, j->profile, j->d, gpu, n, j->dg);
    if (!rc)
        rc = fill_kv(j, gpu, n);
    j->pp_layers = NULL;
    if (!rc && st->pp > 1)
        rc = sf_pp_partition(j->arena, model->n_layers, st->pp, pp_partition(st), j->dg, &j->pp_layers);
    if (rc)
        return rc;
    n->n_ranks = st->world ? st->world : 1;
    n->ranks = ranks = SF_NEW_ARRAY(j->arena, sf_rank_need, n->n_ranks);
    if (!ranks)
        return SF_E_NOMEM;
    for (uint32_t r = 0; r < n->n_ranks; r++) {
        rc = fill_rank(j, n, r, &ranks[r]);
        if (rc)
            return rc;
    }
    return SF_OK;
}

/* Where the cause of an error most likely stands that was found by arithmetic alone. */
static sf_where cause_of(const sf_stage *st, sf_code code)
{
    const sf_node *tp = st->args.v[SF_ARG_tensor_parallel_size].node,
                  *dtype = st->args.v[SF_ARG_kv_cache_dtype].node,
                  *layers = sf_node_get(st->env, "VLLM_PP_LAYER_PARTITION");
    const sf_node *cause = code == SF_E_TP_DIVIDE    ? tp
                           : code == SF_E_KV_UNKNOWN ? dtype
                           : code == SF_E_ARG_VALUE  ? layers
                                                     : NULL;

    return sf_node_where(cause && cause->line ? cause : st->node);
}

sf_code sf_account(sf_arena *a, const sf_profile *profile, const sf_deployment *d,
                   const sf_model *const *models, const sf_inventory *inv, const sf_account_options *opt,
                   sf_diags *dg, const sf_need **ret)
{
    sf_weights_memo *memo = opt && opt->weights ? opt->weights : sf_weights_memo_new(a);
    job j = {a, profile, d, inv, opt, dg, memo, NULL};
    sf_need *need = SF_NEW(a, sf_need);
    sf_stage_need *stages = SF_NEW_ARRAY(a, sf_stage_need, d->n_stages);

    if (!need || !stages || !memo)
        return SF_E_NOMEM;
    for (size_t i = 0; i < d->n_stages; i++) {
        sf_code rc = fill_stage(&j, &d->stages[i], models[i], &stages[i]);

        if (rc) {
            sf_diag_place(dg, rc, cause_of(&d->stages[i], rc));
            return rc;
        }
    }
    need->stages = stages;
    need->n_stages = d->n_stages;
    *ret = need;
    return SF_OK;
}
