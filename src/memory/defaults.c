/*
 * defaults: the engine's own rules for what is not given: lengths, batch limits, dtype,
 * capture sizes.  Rule: docs/numbers.md, "Defaults"; vLLM config/model.py (_get_and_verify_max_len,
 * _get_and_verify_dtype), engine/arg_utils.py (_set_default_args).
 */
#include "memory/defaults.h"

enum { MAX_SPEC_TOKENS = 1024 };

static sf_where arg_where(const sf_stage *st, sf_arg arg)
{
    return sf_node_where(st->args.v[arg].node);
}

/* Numbers that the engine refuses, or that nothing here could be computed with. */
static sf_code check_numbers(const sf_profile *profile, const sf_stage *st, sf_diags *dg)
{
    static const struct {
        sf_arg arg;
        int64_t least, most;
    } limits[] = {
        {SF_ARG_max_num_seqs,                  0,  INT32_MAX       },
        {SF_ARG_max_num_batched_tokens,        0,  INT32_MAX       },
        {SF_ARG_block_size,                    0,  INT32_MAX       },
        {SF_ARG_decode_context_parallel_size,  1,  4096            },
        {SF_ARG_prefill_context_parallel_size, 1,  4096            },
        {SF_ARG_num_gpu_blocks_override,       0,  INT64_MAX       },
        {SF_ARG_kv_cache_memory_bytes,         0,  INT64_MAX       },
        {SF_ARG_max_model_len,                 -1, (int64_t)1 << 40},
    };

    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        int64_t v = sf_args_i64(&st->args, limits[i].arg, limits[i].least);

        if (v < limits[i].least || v > limits[i].most)
            return sf_diag_error(dg, SF_E_ARG_VALUE, arg_where(st, limits[i].arg),
                                 "give a positive number that fits", "%s of stage %lld is out of range: %lld",
                                 sf_arg_name(limits[i].arg), (long long)st->id, (long long)v);
    }
    if (sf_args_i64(&st->args, SF_ARG_kv_cache_memory_bytes, 0) > 0 && !profile->kv_bytes_flag)
        return sf_diag_error(dg, SF_E_ARG_VALUE, arg_where(st, SF_ARG_kv_cache_memory_bytes),
                             "leave it out, or choose vLLM 0.10.2 or later with --engine",
                             "%.*s %.*s does not know kv_cache_memory_bytes", SF_STR_ARG(profile->engine),
                             SF_STR_ARG(profile->release));
    return SF_OK;
}

static sf_code fill_dtype(const sf_profile *profile, sf_stage_need *n, const sf_gpu *gpu, sf_diags *dg)
{
    sf_str asked = sf_args_str(&n->stage->args, SF_ARG_dtype, SF_STR("auto"));
    sf_dtype own = n->model && n->model->dtype ? n->model->dtype : SF_DT_BF16,
             given = sf_dtype_of_torch(asked);

    if (!sf_str_is(asked, "auto")) {
        if (given != SF_DT_BF16 && given != SF_DT_F16 && given != SF_DT_F32)
            return sf_diag_error(dg, SF_E_ARG_VALUE, arg_where(n->stage, SF_ARG_dtype),
                                 "auto, bfloat16, float16 (half) or float32 (float)",
                                 "dtype %.*s of stage %lld is none that a model runs in", SF_STR_ARG(asked),
                                 (long long)n->stage->id);
        n->dtype = given;
        return SF_OK;
    }
    if (own == SF_DT_F32 || own == SF_DT_F64) /* checkpoints of 32 bits are served in 16 */
        own = profile->fp32_auto_half ? SF_DT_F16 : SF_DT_BF16;
    if (own == SF_DT_BF16 && gpu && gpu->capability && gpu->capability < 80)
        own = SF_DT_F16;
    n->dtype = own;
    return SF_OK;
}

/* The smallest window of the layers; 0 when none slides. */
static uint64_t least_window(const sf_model *m)
{
    uint64_t least = 0;

    for (size_t i = 0; m && i < m->n_kv; i++)
        if (m->kv[i].kind == SF_KV_SLIDING && m->kv[i].window && (!least || m->kv[i].window < least))
            least = m->kv[i].window;
    return least;
}

/* What the model allows; without its sliding window no more than the window (vLLM config/model.py). */
static uint64_t own_length(const sf_stage_need *n)
{
    uint64_t own = n->model ? n->model->max_model_len : 0, window = least_window(n->model);

    if (!sf_args_bool(&n->stage->args, SF_ARG_disable_sliding_window, false) || !window)
        return own;
    return own && own < window ? own : window;
}

static sf_str own_why(const sf_stage_need *n, uint64_t own)
{
    return own == n->model->max_model_len ? n->model->max_model_len_why
                                          : SF_STR("the sliding window, which is switched off");
}

static sf_code fill_length(sf_arena *a, const sf_profile *profile, sf_stage_need *n, sf_diags *dg)
{
    const sf_stage *st = n->stage;
    uint64_t own = own_length(n);
    int64_t asked = sf_args_i64(&st->args, SF_ARG_max_model_len, 0);
    const sf_node *allow = sf_node_get(st->env, "VLLM_ALLOW_LONG_MAX_MODEL_LEN");

    if (asked == -1 && !profile->max_len_auto)
        return sf_diag_error(dg, SF_E_ARG_VALUE, arg_where(st, SF_ARG_max_model_len),
                             "give a number of tokens",
                             "%.*s %.*s cannot fit max_model_len to the memory (-1, auto)",
                             SF_STR_ARG(profile->engine), SF_STR_ARG(profile->release));
    if (!sf_args_has(&st->args, SF_ARG_max_model_len) || asked == -1) {
        n->max_model_len = own ? own : 2048;
        n->max_model_len_why = own ? own_why(n, own) : SF_STR("nothing in config.json; the engine's 2048");
        n->max_model_len_auto = asked == -1;
        return SF_OK;
    }
    if (asked == 0)
        return sf_diag_error(dg, SF_E_ARG_VALUE, arg_where(st, SF_ARG_max_model_len),
                             "give a number of tokens", "max_model_len %lld of stage %lld is not a length",
                             (long long)asked, (long long)st->id);
    n->max_model_len = (uint64_t)asked;
    n->max_model_len_why = SF_STR("max_model_len as given");
    if (!own || n->max_model_len <= own)
        return SF_OK;
    n->max_model_len_why =
        sf_arena_printf(a, "max_model_len as given, above the model's %llu", (unsigned long long)own);
    if (profile->omni || (allow && sf_str_is(allow->text, "1"))) {
        if (profile->omni && st->kind == SF_STAGE_AR)
            sf_diag_note(dg, SF_E_MODEL_LEN, arg_where(st, SF_ARG_max_model_len), NULL,
                         "max_model_len %lld of stage %lld is above the model's %llu; vLLM-Omni accepts that",
                         (long long)asked, (long long)st->id, (unsigned long long)own);
        return SF_OK;
    }
    return sf_diag_error(dg, SF_E_MODEL_LEN, arg_where(st, SF_ARG_max_model_len),
                         "lower max_model_len, or set VLLM_ALLOW_LONG_MAX_MODEL_LEN=1 for the engine",
                         "max_model_len %lld is above what the model allows: %llu (%.*s)", (long long)asked,
                         (unsigned long long)own, SF_STR_ARG(own_why(n, own)));
}

static bool contains_nocase(sf_str text, sf_str part)
{
    for (size_t i = 0; part.n && i + part.n <= text.n; i++)
        if (sf_str_eq_nocase(sf_str_sub(text, i, i + part.n), part))
            return true;
    return false;
}

static bool row_applies(const sf_batch_default *row, const sf_gpu *gpu)
{
    sf_str part, rest = row->name_has;
    bool named = row->name_has.n == 0;

    if (!gpu)
        return row->min_total_bytes == 0;
    for (bool more = row->name_has.n != 0; more;) {
        more = sf_str_split(&rest, ',', &part);
        named = named || contains_nocase(gpu->name, sf_str_trim(part));
    }
    return named && gpu->nvml_total >= row->min_total_bytes &&
           !(row->name_lacks.n && contains_nocase(gpu->name, row->name_lacks));
}

static const sf_batch_default *batch_row(const sf_profile *profile, const sf_gpu *gpu)
{
    for (size_t i = 0; i < profile->n_batch; i++)
        if (row_applies(&profile->batch[i], gpu))
            return &profile->batch[i];
    return NULL;
}

/* Without chunked prefill a whole prompt must fit into one batch. */
static uint64_t default_tokens(const sf_profile *profile, const sf_deployment *d, const sf_batch_default *row,
                               const sf_stage_need *n)
{
    bool many = n->model && n->model->n_encoders;
    bool long_text = profile->chunk_threshold > 0 && n->max_model_len > (uint64_t)profile->chunk_threshold &&
                     !many && !sf_args_bool(&n->stage->args, SF_ARG_enable_lora, false) &&
                     !sf_args_has(&n->stage->args, SF_ARG_speculative_config);
    bool chunked =
        sf_args_bool(&n->stage->args, SF_ARG_enable_chunked_prefill, profile->chunked || long_text);
    uint64_t least = (uint64_t)(many ? profile->unchunked_tokens_mm : profile->unchunked_tokens);
    uint64_t tokens = 2048;

    if (row)
        tokens = (uint64_t)(sf_str_is(d->served_by, "serve") ? row->batched_tokens_server
                                                             : row->batched_tokens_llm);
    if (chunked)
        return tokens;
    if (!profile->chunked)
        tokens = least;
    return tokens > n->max_model_len ? tokens : n->max_model_len;
}

static sf_code fill_batch(sf_arena *a, const sf_profile *profile, const sf_deployment *d, const sf_gpu *gpu,
                          sf_stage_need *n)
{
    const sf_args *args = &n->stage->args;
    const sf_batch_default *row = batch_row(profile, gpu);
    bool serve = sf_str_is(d->served_by, "serve");
    int64_t tokens = sf_args_i64(args, SF_ARG_max_num_batched_tokens, 0);
    int64_t seqs = sf_args_i64(args, SF_ARG_max_num_seqs, 0);

    n->max_num_seqs = seqs ? (uint64_t)seqs : row ? (uint64_t)row->max_num_seqs : 128;
    n->max_num_batched_tokens = tokens ? (uint64_t)tokens : default_tokens(profile, d, row, n);
    if (!tokens && n->max_num_batched_tokens > sf_mul_sat(n->max_num_seqs, n->max_model_len))
        n->max_num_batched_tokens = sf_mul_sat(n->max_num_seqs, n->max_model_len);
    if (!seqs && n->max_num_seqs > n->max_num_batched_tokens)
        n->max_num_seqs = n->max_num_batched_tokens;
    n->batch_why = tokens && seqs ? SF_STR("as given")
                                  : sf_arena_printf(a, "%s default of %.*s %.*s on this GPU%s",
                                                    serve ? "server" : "LLM class",
                                                    SF_STR_ARG(profile->engine), SF_STR_ARG(profile->release),
                                                    tokens || seqs ? ", the rest as given" : "");
    return n->batch_why.p ? SF_OK : SF_E_NOMEM;
}

/* Which of the two model runners serves the model: they profile and reserve differently. */
/*
 * Told so, without a vocabulary to sample from, or with the modules of sentence-transformers (vLLM config/model.py,
 * the default of --runner).
 */
static bool is_pooling(const sf_stage_need *n)
{
    sf_str runner = sf_args_str(&n->stage->args, SF_ARG_runner, SF_STR("auto"));
    const sf_model *m = n->model;

    if (n->stage->kind != SF_STAGE_AR)
        return false;
    return sf_str_is(runner, "pooling") || (m && m->n_kv && !m->forward.vocab) ||
           (m && m->embeds && sf_str_is(runner, "auto"));
}

static void fill_runner(const sf_profile *profile, sf_stage_need *n)
{
    const sf_model *m = n->model;
    sf_str asked = sf_args_str(&n->stage->args, SF_ARG_model_runner, (sf_str){0});
    bool dense =
        m && !m->forward.experts && m->n_encoders == 0 && m->n_kv == 1 && m->kv[0].kind != SF_KV_STATE;

    n->pooling = is_pooling(n);
    dense = dense && !n->pooling;
    n->runner_v2 = m && n->stage->kind == SF_STAGE_AR && sf_profile_runs_v2(profile, m->architecture, dense);
    if (asked.n)
        n->runner_v2 = sf_str_is(asked, "v2");
    n->graph_rule = n->runner_v2 ? profile->graphs_v2 : profile->graphs;
}

bool sf_defaults_prediction_layers(const sf_stage *st, const sf_model *m)
{
    const sf_node *method = sf_node_get(st->args.v[SF_ARG_speculative_config].node, "method");
    sf_str name = sf_node_is(method, SF_STRING) ? method->text : (sf_str){0};

    return m && m->n_mtp_kv && sf_str_ends(name, SF_STR("mtp"));
}

uint32_t sf_defaults_spec_tokens(const sf_stage_need *n)
{
    const sf_node *spec = n->stage->args.v[SF_ARG_speculative_config].node;
    const sf_node *k = sf_node_get(spec, "num_speculative_tokens");

    return sf_node_is(k, SF_INT) && k->as.i > 0 && k->as.i <= MAX_SPEC_TOKENS ? (uint32_t)k->as.i : 0;
}

static sf_code fill_graphs(sf_arena *a, const sf_profile *profile, const sf_gpu *gpu, sf_stage_need *n,
                           sf_diags *dg)
{
    const sf_args *args = &n->stage->args;
    const sf_node *comp = args->v[SF_ARG_compilation_config].node;
    const sf_node *list = args->v[SF_ARG_cudagraph_capture_sizes].node;
    const sf_node *mode = sf_node_get(comp, "cudagraph_mode");
    uint64_t *sizes = NULL;
    int64_t max = sf_args_i64(args, SF_ARG_max_cudagraph_capture_size, -1);
    sf_code rc;

    if (!list)
        list = sf_node_get(comp, "cudagraph_capture_sizes");
    if (max < 0 && sf_node_is(sf_node_get(comp, "max_cudagraph_capture_size"), SF_INT))
        max = sf_node_get(comp, "max_cudagraph_capture_size")->as.i;
    n->graphs = n->stage->kind == SF_STAGE_AR && !sf_args_bool(args, SF_ARG_enforce_eager, false) &&
                max != 0 && !(sf_node_is(mode, SF_STRING) && sf_str_eq_nocase(mode->text, SF_STR("NONE")));
    if (!n->graphs)
        return SF_OK;
    rc = sf_capture_sizes(a, profile, n->max_num_seqs, n->max_num_batched_tokens, sf_defaults_spec_tokens(n),
                          gpu ? gpu->capability : 0, max, list, dg, &sizes, &n->n_capture_sizes);
    n->capture_sizes = sizes;
    return rc;
}

sf_code sf_defaults_fill(sf_arena *a, const sf_profile *profile, const sf_deployment *d, const sf_gpu *gpu,
                         sf_stage_need *n, sf_diags *dg)
{
    const sf_args *args = &n->stage->args;
    int64_t kv_bytes = sf_args_i64(args, SF_ARG_kv_cache_memory_bytes, 0);
    sf_code rc;

    n->util_given = sf_args_has(args, SF_ARG_gpu_memory_utilization);
    n->util_frac = sf_args_f64(args, SF_ARG_gpu_memory_utilization, profile->default_util_frac);
    if (!n->util_given && n->stage->kind == SF_STAGE_DIFFUSION)
        n->util_frac = 0; /* dense diffusion has no such budget */
    n->kv_override_bytes = kv_bytes > 0 ? (uint64_t)kv_bytes : 0;
    fill_runner(profile, n);
    rc = check_numbers(profile, n->stage, dg);
    if (!rc)
        rc = fill_dtype(profile, n, gpu, dg);
    if (!rc)
        rc = fill_length(a, profile, n, dg);
    if (!rc)
        rc = fill_batch(a, profile, d, gpu, n);
    if (!rc)
        rc = fill_graphs(a, profile, gpu, n, dg);
    return rc;
}
