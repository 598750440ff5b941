/*
 * estimate: one model by itself: what it weighs, what its cache costs, and the smallest
 * number of each common GPU that serves it.  Every row is a check of its own.
 */
#include "api/inputs.h"

#include "text/pack.h"

enum { MAX_GPUS = 8 };

typedef struct estimating {
    sf_inputs in;
    sf_estimate_view *v;
    sf_args set;
    sf_model_wish wish;
    sf_weights_memo *weights; /* of all rows */
} estimating;

/* A deployment of the model alone, on GPUs 0 … tp-1. */
static sf_code deployment(estimating *e, uint32_t tp, const sf_deployment **ret)
{
    sf_deployment *d = SF_NEW(e->in.arena, sf_deployment);
    sf_stage *st = SF_NEW(e->in.arena, sf_stage);
    const sf_node *tp_node = sf_node_new_i64(e->in.arena, tp);
    sf_code rc;

    if (!d || !st || !tp_node)
        return SF_E_NOMEM;
    *st = (sf_stage){.name = SF_STR("engine"),
                     .kind = SF_STAGE_AR,
                     .args = e->set,
                     .tp = tp,
                     .pp = 1,
                     .dp = 1,
                     .world = tp,
                     .n_replicas = 1,
                     .model = e->v->model->name};
    rc = sf_args_set(e->in.arena, &st->args, SF_ARG_tensor_parallel_size, tp_node, SF_FROM_CLI, e->in.dg);
    if (!rc && e->in.req.context > 0) {
        const sf_node *len = sf_node_new_i64(e->in.arena, e->in.req.context);

        rc = len ? sf_args_set(e->in.arena, &st->args, SF_ARG_max_model_len, len, SF_FROM_CLI, e->in.dg)
                 : SF_E_NOMEM;
    }
    if (rc)
        return rc;
    *d = (sf_deployment){.source = SF_STR("estimate"),
                         .model = e->v->model->name,
                         .stages = st,
                         .n_stages = 1,
                         .served_by = SF_STR("serve")};
    *ret = d;
    return SF_OK;
}

/* One check on `count` GPUs of a kind; SF_OK with row->starts false when it does not start or TP does not divide. */
static sf_code try_row(estimating *e, const sf_gpu_model *gpu, const sf_gpu *gpus, uint32_t count,
                       sf_estimate_row *row)
{
    sf_account_options opt = {
        .assume_full_attention = e->wish.assume_full_attention, .host_pids = true, .weights = e->weights};
    const sf_inventory inv = {.gpus = gpus, .n = count};
    const sf_deployment *d;
    const sf_need *need;
    const sf_replay *replay;
    sf_diags quiet;
    sf_code rc;

    sf_diags_init(&quiet, e->in.arena);
    *row = (sf_estimate_row){.gpu = gpu, .count = count};
    rc = deployment(e, count, &d);
    if (!rc)
        rc = sf_account(e->in.arena, e->v->profile, d, &e->v->model, &inv, &opt, &quiet, &need);
    if (!rc)
        rc = sf_replay_start(e->in.arena, e->v->profile, d, need, &inv, &opt, &quiet, &replay);
    if (rc == SF_E_TP_DIVIDE)
        return SF_OK;
    if (rc) { /* what stops every row is said once */
        for (size_t i = 0; i < quiet.n; i++)
            sf_diag_error(e->in.dg, quiet.items[i].code, quiet.items[i].at, quiet.items[i].hint.p, "%.*s",
                          SF_STR_ARG(quiet.items[i].message));
        return rc;
    }
    row->starts = replay->verdict == SF_STARTS;
    row->maybe = replay->verdict == SF_STARTS_MAYBE;
    row->weights_bytes = need->stages[0].ranks[0].part[SF_PART_WEIGHTS].bytes;
    if (!replay->stages[0].kv)
        return SF_OK;
    row->kv_tokens = replay->stages[0].kv->tokens;
    row->concurrency = replay->stages[0].kv->concurrency;
    row->longest_len = replay->stages[0].longest_len;
    row->kv_bytes = replay->stages[0].kv_available;
    return SF_OK;
}

/* The smallest of 1, 2, 4, 8 GPUs that starts, else the smallest that may, else the row of eight. */
static sf_code best_row(estimating *e, const sf_gpu_model *gpu, sf_estimate_row *ret)
{
    sf_str spec = sf_arena_printf(e->in.arena, "%dx%.*s", MAX_GPUS, SF_STR_ARG(gpu->name));
    sf_estimate_row maybe = {0};
    sf_inventory all = {0};
    sf_code rc = spec.p ? sf_inventory_add(e->in.arena, &all, spec, e->in.dg) : SF_E_NOMEM;

    if (rc)
        return rc;
    for (uint32_t count = 1; count <= MAX_GPUS; count *= 2) {
        rc = try_row(e, gpu, all.gpus, count, ret);
        if (rc || ret->starts)
            return rc;
        if (ret->maybe && !maybe.count)
            maybe = *ret;
    }
    if (maybe.count)
        *ret = maybe;
    return SF_OK;
}

static const sf_gpu_model *catalogue_gpu(const sf_gpu_model *all, size_t n, sf_str alias)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < all[i].n_aliases; k++)
            if (sf_str_eq_nocase(all[i].aliases[k], alias) && all[i].runtime_total)
                return &all[i];
    return NULL;
}

/* GPUs of data/gpus/common.yaml, or those of the request (one row each). */
static sf_code fill_rows(estimating *e)
{
    const sf_gpu_model *all;
    const sf_node *names;
    sf_estimate_row *rows;
    size_t n;
    sf_code rc = sf_gpu_catalogue(e->in.arena, e->in.dg, &all, &n);

    if (!rc)
        rc = sf_data_read(e->in.arena, SF_STR("gpus/common.yaml"), &names);
    if (rc)
        return rc;
    names = sf_node_get(names, "gpus");
    rows = SF_NEW_ARRAY(e->in.arena, sf_estimate_row, names->n);
    if (!rows)
        return SF_E_NOMEM;
    for (size_t i = 0; i < names->n; i++) {
        const sf_gpu_model *gpu = catalogue_gpu(all, n, sf_node_item(names, i)->text);

        if (!gpu)
            continue;
        rc = best_row(e, gpu, &rows[e->v->n_rows]);
        if (rc)
            return rc;
        e->v->n_rows++;
    }
    e->v->rows = rows;
    return SF_OK;
}

static sf_code fill_weights(estimating *e)
{
    const sf_model *m = e->v->model;
    sf_weights_wish wish = {.tp = 1,
                            .pp = 1,
                            .dtype = m->dtype ? m->dtype : SF_DT_BF16,
                            .attention_scalars = (uint64_t)e->v->profile->attention_scalars,
                            .batched_tokens = 8192,
                            .release = sf_profile_vllm_number(e->v->profile)};
    sf_weights w;
    sf_code rc;

    if (wish.dtype == SF_DT_F32)
        wish.dtype = SF_DT_BF16;
    wish.allocator.max_split = e->v->profile->large_segments_whole ? (uint64_t)20 << 20 : 0;
    rc = sf_weights_memo_of_rank(e->weights, m, &wish, e->in.dg, &w);
    if (rc)
        return rc;
    sf_model_totals(m, &e->v->tensors, &e->v->params, &e->v->checkpoint_bytes);
    e->v->loaded_bytes = w.allocated;
    e->v->shares = w.shares;
    e->v->n_shares = w.n_shares;
    return SF_OK;
}

/* What the makers of the models call them. */
static const char *state_name(sf_str kind)
{
    static const char *const names[][2] = {
        {"mamba1",     "Mamba-1"             },
        {"mamba2",     "Mamba-2"             },
        {"gdn",        "gated delta net"     },
        {"short_conv", "short convolution"   },
        {"linear",     "linear attention"    },
        {"kda",        "Kimi delta attention"},
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sf_str_is(kind, names[i][0]))
            return names[i][1];
    return "state";
}

/* "10 full + 52 sliding (1024) layers, 16 KV heads × 128". */
static sf_str layout_text(sf_arena *a, const sf_model *m)
{
    sf_str text = SF_STR("");

    for (size_t i = 0; i < m->n_kv; i++) {
        const sf_kv_layers *k = &m->kv[i];
        uint64_t layers = 0;
        bool seen = false;

        for (size_t j = 0; j < m->n_kv; j++)
            if (m->kv[j].kind == k->kind && m->kv[j].kv_heads == k->kv_heads &&
                m->kv[j].head_size == k->head_size && m->kv[j].window == k->window &&
                m->kv[j].ratio == k->ratio && m->kv[j].pool == k->pool) {
                seen = seen || j < i;
                layers += m->kv[j].repeat;
            }
        if (seen)
            continue;
        text = sf_arena_printf(a, "%.*s%s%llu %s", SF_STR_ARG(text), text.n ? " + " : "",
                               (unsigned long long)layers,
                               k->kind == SF_KV_NONE    ? "layers without"
                               : k->kind == SF_KV_STATE ? state_name(k->state_kind)
                                                        : sf_kv_kind_name(k->kind));
        if (k->ratio > 1)
            text = sf_arena_printf(a, "%.*s 1:%u", SF_STR_ARG(text), k->ratio);
        if (k->window)
            text = sf_arena_printf(a, "%.*s (%llu)", SF_STR_ARG(text), (unsigned long long)k->window);
        if (k->kind != SF_KV_NONE && k->kv_heads)
            text = sf_arena_printf(a, "%.*s layers of %u KV heads × %u", SF_STR_ARG(text), k->kv_heads,
                                   k->head_size);
    }
    return text;
}

static sf_code fill_cache(estimating *e)
{
    enum {
        SHORT = 1 << 20,
        LONG = 1 << 21
    }; /* far above any window: the slope is the growing layers' alone */
    const sf_model *m = e->v->model;
    sf_kv_wish wish = {.tp = 1,
                       .pp = 1,
                       .dcp = 1,
                       .pcp = 1,
                       .model_dtype = m->dtype ? m->dtype : SF_DT_BF16,
                       .kv_cache_dtype = sf_args_str(&e->set, SF_ARG_kv_cache_dtype, SF_STR("auto")),
                       .max_model_len = LONG,
                       .max_num_batched_tokens = 8192,
                       .max_num_seqs = 256,
                       .mamba_cache_dtype = SF_STR("auto"),
                       .mamba_ssm_cache_dtype = SF_STR("auto"),
                       .assume_full_attention = e->wish.assume_full_attention};
    sf_kv_case c;
    uint64_t one, two, len = e->v->context, block, from;
    sf_code rc;

    if (!m->n_kv)
        return SF_OK;
    rc = sf_kv_case_of_model(e->in.arena, e->v->profile, m, &wish, e->in.dg, &c);
    if (rc)
        return rc;
    block = c.cache_block_size ? c.cache_block_size : 1;
    from = SHORT / block * block; /* whole blocks: what the last one has left over is no cost of a token */
    rc = sf_kv_needed(e->in.arena, e->v->profile, &c, from, e->in.dg, &one);
    if (!rc)
        rc = sf_kv_needed(e->in.arena, e->v->profile, &c, from + block, e->in.dg, &two);
    if (!rc)
        rc = sf_kv_needed(e->in.arena, e->v->profile, &c, len, e->in.dg, &e->v->kv_context_bytes);
    if (rc)
        return rc;
    e->v->kv_bytes_per_token = (two - one) / block;
    e->v->kv_fixed_bytes = one - e->v->kv_bytes_per_token * from;
    e->v->kv_layout = layout_text(e->in.arena, m);
    return e->v->kv_layout.p ? SF_OK : SF_E_NOMEM;
}

static sf_code estimate(estimating *e)
{
    const sf_checkpoint *ckpt;
    sf_code rc;

    if (!e->in.req.model)
        return sf_diag_error(e->in.dg, SF_E_USAGE, (sf_where){0}, "stagefit estimate Qwen/Qwen3-8B",
                             "which model?");
    if (e->in.req.context < 0)
        return sf_diag_error(e->in.dg, SF_E_USAGE, (sf_where){0}, "--context 8192",
                             "a context is a number of tokens");
    rc = sf_inputs_settings(&e->in, &e->set);
    e->wish.quantization = sf_args_str(&e->set, SF_ARG_quantization, (sf_str){0});
    e->wish.quantization_at = e->set.v[SF_ARG_quantization].node;
    if (!rc)
        rc = sf_profile_find(e->in.arena, sf_str_of(e->in.req.engine), false, e->in.dg, &e->v->profile);
    if (!rc)
        rc = sf_inputs_checkpoint(&e->in, sf_str_of(e->in.req.model), &ckpt);
    if (!rc)
        rc = sf_model_resolve(e->in.arena, ckpt, &e->wish, e->in.dg, &e->v->model);
    if (rc)
        return rc;
    e->weights = sf_weights_memo_new(e->in.arena);
    if (!e->weights)
        return SF_E_NOMEM;
    e->v->context = e->in.req.context ? (uint64_t)e->in.req.context : e->v->model->max_model_len;
    rc = fill_weights(e);
    if (!rc)
        rc = fill_cache(e);
    return rc ? rc : fill_rows(e);
}

int stagefit_estimate(stagefit *sf, const stagefit_request *req, stagefit_result **ret)
{
    estimating e = {0};
    stagefit_request request;
    stagefit_result *r;
    sf_code rc;

    if (!sf || !ret || !sf_request_read(req, &request))
        return SF_E_USAGE;
    *ret = NULL;
    r = sf_result_new(sf, SF_RESULT_ESTIMATE);
    if (!r)
        return SF_E_NOMEM;
    sf_inputs_init(&e.in, sf, r, &request);
    e.v = &r->estimate;
    e.v->diags = &r->dg;
    e.wish.assume_full_attention = (request.flags & STAGEFIT_ASSUME_FULL_ATTENTION) != 0;
    rc = estimate(&e);
    if (rc)
        e.v->n_rows = 0;
    return sf_result_finish(r, rc, ret);
}
