/*
 * kv_model: from a model and a stage's arguments to the case that is planned: the spec of each
 * layer on one rank and the block sizes.
 * Must not plan: kv_plan does.
 * Rules: docs/kv-cache.md, from vLLM's attention layers, config/vllm.py and platforms/cuda.py.
 */
#include "memory/kv_model.h"

#include "base/num.h"
#include "memory/kv_internal.h"

enum { BLOCK = 16, MLA_SPARSE_BLOCK = 64, WIDE_HEAD = 512, WIDE_HEAD_BLOCK = 64 };

typedef struct maker {
    sf_arena *a;
    const sf_profile *profile;
    const sf_kv_rules *r;
    const sf_model *m;
    const sf_kv_wish *wish;
    sf_diags *dg;
    sf_kv_format format;
    sf_hybrid hybrid;
    bool has_state;
    sf_kv_spec *specs;
} maker;

static bool any_kind(const sf_model *m, sf_kv_kind kind)
{
    for (size_t i = 0; i < m->n_kv; i++)
        if (m->kv[i].kind == kind)
            return true;
    return false;
}

static bool sm100(const maker *k)
{
    return k->wish->capability / 10 == 10;
}

/* The block of latent attention where nobody asks for another. */
static uint64_t mla_block(const maker *k)
{
    bool sm90 = k->wish->capability / 10 == 9;

    if (k->profile->v0)
        return BLOCK;
    if (any_kind(k->m, SF_KV_INDEXER))
        return MLA_SPARSE_BLOCK;
    switch (k->r->mla_block_rule) {
    case SF_MLA_BLOCK_PLATFORM:
        return sm90 ? 64 : sm100(k) ? 128 : BLOCK;
    case SF_MLA_BLOCK_64:
        return sm90 || sm100(k) ? 64 : BLOCK;
    case SF_MLA_BLOCK_BACKEND:
    default:
        return sm100(k) ? 32 : BLOCK;
    }
}

/* Tokens in a block of the cache's main attention, before states raise it. */
static uint64_t base_block(const maker *k)
{
    bool mla = any_kind(k->m, SF_KV_MLA);

    /* the platform's own block beats the user's in the older releases */
    if (mla && k->r->mla_block_rule == SF_MLA_BLOCK_PLATFORM && mla_block(k) != BLOCK)
        return mla_block(k);
    if (k->wish->block_size)
        return k->wish->block_size;
    return mla ? mla_block(k) : BLOCK;
}

/* Bytes of one token in one attention layer: the first full layer stands for all. */
static bool token_bytes(const maker *k, uint64_t *ret, const sf_kv_spec **ret_spec)
{
    const sf_kv_spec *found = NULL;

    for (size_t i = 0; i < k->m->n_kv; i++) {
        sf_kv_kind kind = k->m->kv[i].kind;

        if (kind == SF_KV_FULL || kind == SF_KV_MLA) {
            found = &k->specs[i];
            break;
        }
        if ((kind == SF_KV_SLIDING || kind == SF_KV_CHUNKED) && !found)
            found = &k->specs[i];
    }
    *ret_spec = found;
    *ret = 0;
    if (found) {
        sf_kv_spec one = *found;

        one.block_size = 1;
        one.page_padded = 0;
        return sf_kv_page_bytes(&one, ret);
    }
    return true;
}

static uint32_t state_dtype_bits(sf_str flag, uint32_t otherwise)
{
    sf_dtype dtype = flag.n && !sf_str_is(flag, "auto") ? sf_dtype_of_torch(flag) : SF_DT_NONE;

    return dtype == SF_DT_NONE ? otherwise : sf_dtype_bits(dtype);
}

static int64_t state_param(const sf_kv_layers *e, const char *key)
{
    const sf_node *n = sf_node_get(e->state, key);

    return sf_node_is(n, SF_INT) && n->as.i > 0 && n->as.i <= UINT32_MAX ? n->as.i : 0;
}

/* The state's own dtype: the flag, the config where the release reads it, else the convolution's. */
static uint32_t ssm_bits(const maker *k, const sf_kv_layers *e, uint32_t conv)
{
    uint32_t own = (uint32_t)state_param(e, "ssm_bits");

    if (sf_str_is(e->state_kind, "kda"))
        return 32;
    if (sf_str_is(e->state_kind, "linear"))
        return own ? own : conv;
    if (sf_str_is(e->state_kind, "gdn") && !k->r->qwen35_ssm_dtype)
        own = 0;
    return state_dtype_bits(k->wish->mamba_ssm_cache_dtype, own ? own : conv);
}

/* The mixer divides its groups, or repeats the one that there is (vLLM layers/mamba/mamba_mixer2.py). */
static sf_code check_groups(const maker *k, const sf_kv_layers *e)
{
    uint64_t groups = (uint64_t)state_param(e, "n_groups");

    if (!sf_str_is(e->state_kind, "mamba2") || groups <= 1 || groups % k->wish->tp == 0)
        return SF_OK;
    return sf_diag_error(k->dg, SF_E_TP_DIVIDE, (sf_where){0},
                         "choose a tensor_parallel_size that divides the groups",
                         "tensor_parallel_size %llu does not divide the %llu groups of the state layers",
                         (unsigned long long)k->wish->tp, (unsigned long long)groups);
}

static sf_code state_spec(const maker *k, const sf_kv_layers *e, sf_kv_spec *ret)
{
    uint32_t conv = state_dtype_bits(k->wish->mamba_cache_dtype, sf_dtype_bits(k->wish->model_dtype));
    sf_state_layer layer = {
        .kind = e->state_kind,
        .params = e->state,
        .tp = k->wish->tp,
        .spec_tokens = k->wish->num_spec_tokens,
        .conv_bits = conv,
        .ssm_bits = ssm_bits(k, e, conv),
    };
    sf_state_shape shapes[SF_STATE_SHAPES];
    size_t n;
    sf_code rc;

    if (k->profile->v0)
        return sf_diag_error(k->dg, SF_E_KV_UNKNOWN, (sf_where){0},
                             "choose a release from 0.10 on with --engine",
                             "V0 keeps the states of this model outside the KV cache, which is not modelled");
    rc = check_groups(k, e);
    if (!rc)
        rc = sf_state_shapes(k->r, &layer, k->dg, shapes, &n);
    if (rc)
        return rc;
    ret->speculative_blocks = k->wish->num_spec_tokens;
    if (!sf_state_bytes(shapes, n, &ret->state_bytes))
        return sf_diag_error(k->dg, SF_E_RANGE, sf_node_where(e->state), "check the sizes in config.json",
                             "the state of a layer is out of range");
    return SF_OK;
}

static sf_code tp_fails(const maker *k, uint32_t heads)
{
    return sf_diag_error(k->dg, SF_E_TP_DIVIDE, (sf_where){0},
                         "choose a tensor_parallel_size that divides the KV heads, or a multiple of them",
                         "tensor_parallel_size %llu does not divide the %u KV heads of %.*s",
                         (unsigned long long)k->wish->tp, heads, SF_STR_ARG(k->m->name));
}

/* DeepSeek-V4: packed fp8 tokens, bytes of an indexer, or the fp32 state of a compressor; always so. */
static sf_kv_spec pooled_spec(const sf_kv_layers *e, sf_kv_spec s)
{
    bool states = e->pool == SF_KV_POOL_STATES;

    s.v4 = true;
    s.v4_compressor = states;
    s.kv_heads = e->kv_heads;
    s.compress_ratio = e->ratio;
    s.alignment = e->align;
    s.store = states || e->kind == SF_KV_INDEXER ? SF_KV_STORE_PLAIN : SF_KV_STORE_DS_MLA;
    s.dtype_bits = states ? 32 : 8;
    return s;
}

/* The spec of one entry but for its block size. */
static sf_code layer_spec(const maker *k, const sf_kv_layers *e, sf_kv_spec *ret)
{
    sf_kv_spec s = {.kind = e->kind, .block_size = 1, .store = k->format.store, .dtype_bits = k->format.bits};

    *ret = s;
    if (e->kind == SF_KV_NONE)
        return SF_OK;
    if (e->kind == SF_KV_STATE)
        return state_spec(k, e, ret);
    if (!e->kv_heads || !e->head_size)
        return sf_diag_error(k->dg, SF_E_KV_UNKNOWN, (sf_where){0}, "the model family has to say both",
                             "the size of the cache of layer %u is not known", e->first_layer);
    s.head_size = e->head_size;
    s.window = e->kind == SF_KV_SLIDING || e->kind == SF_KV_CHUNKED ? e->window : 0;
    if (e->pool != SF_KV_POOL_NONE) {
        *ret = pooled_spec(e, s);
        return SF_OK;
    }
    if (e->kind == SF_KV_MLA || e->kind == SF_KV_INDEXER) {
        s.kv_heads = 1;
    } else {
        s.head_size_v = e->head_size_v;
        if (!sf_kv_heads_of_rank(e->kv_heads, k->wish->tp, &s.kv_heads))
            return tp_fails(k, e->kv_heads);
        s.by_block_stride = sm100(k); /* FlashInfer has blocks outermost */
    }
    if (e->kind == SF_KV_INDEXER) { /* bytes with their scales */
        s.store = SF_KV_STORE_PLAIN;
        s.dtype_bits = 8;
    } else if (s.store == SF_KV_STORE_DS_MLA && e->kind != SF_KV_MLA) {
        s.store = SF_KV_STORE_PLAIN;
    }
    if ((s.kind == SF_KV_SLIDING || s.kind == SF_KV_CHUNKED) &&
        (k->profile->v0 || k->wish->no_sliding || !s.window))
        s.kind = SF_KV_FULL;
    if (s.kind == SF_KV_CROSS && k->profile->v0) /* one pool, every attention layer alike */
        s.kind = SF_KV_FULL;
    *ret = s;
    return SF_OK;
}

/* vLLM config/model.py, is_prefix_caching_supported: hybrids in newer releases, models without attention in none. */
bool sf_kv_state_prefix(const sf_profile *profile, const sf_model *m)
{
    bool attends = false;

    for (size_t i = 0; i < m->n_kv; i++)
        attends = attends || (m->kv[i].kind != SF_KV_STATE && m->kv[i].kind != SF_KV_NONE);
    return profile->kv.state_prefix_default && attends;
}

static sf_code align_states(maker *k)
{
    const sf_kv_wish *w = k->wish;
    const sf_kv_spec *attention;
    sf_hybrid_wish h = {
        .mla = any_kind(k->m, SF_KV_MLA),
        .capability = w->capability,
        .user_block = w->block_size,
        .max_model_len = w->max_model_len,
        .prefix_caching = w->prefix_caching_given ? w->prefix_caching : sf_kv_state_prefix(k->profile, k->m),
        .mode = w->mamba_cache_mode,
        .model = k->m->architecture,
    };

    h.kernel_block = h.mla ? mla_block(k) : BLOCK;
    for (size_t i = 0; i < k->m->n_kv; i++)
        if (k->m->kv[i].kind == SF_KV_STATE) {
            uint64_t bytes = k->specs[i].state_bytes;

            h.state_bytes = bytes > h.state_bytes ? bytes : h.state_bytes;
            h.chunk = (uint64_t)state_param(&k->m->kv[i], "chunk_size");
            if (w->mamba_block_size)
                h.chunk = w->mamba_block_size;
            h.supports_prefix_caching = state_param(&k->m->kv[i], "supports_prefix_caching") != 0;
        }
    if (!token_bytes(k, &h.token_bytes, &attention))
        return sf_diag_error(k->dg, SF_E_RANGE, (sf_where){0}, "check the sizes in config.json",
                             "the size of a cache entry is out of range");
    h.head_size = attention ? attention->head_size : 0;
    return sf_hybrid_align(k->a, k->profile, &h, k->dg, &k->hybrid);
}

/* V0 of some releases pads each MLA entry. */
static void pad_entry(const maker *k, sf_kv_spec *s)
{
    uint64_t entry = s->head_size * s->dtype_bits / 8;

    if (s->kind == SF_KV_MLA && k->r->mla_align && s->store == SF_KV_STORE_PLAIN)
        s->page_padded = sf_mul_sat(s->block_size, sf_round_up(entry, k->r->mla_align));
}

/* Wide heads need a larger kernel block from 0.22 on, fp8 on SM90 too. */
static uint64_t kernel_block(const maker *k, const sf_kv_spec *s)
{
    bool fp8 = s->store == SF_KV_STORE_PLAIN && s->dtype_bits == 8;
    bool sm90 = k->wish->capability / 10 == 9;

    if (k->r->wide_block && sm90 && (s->head_size >= WIDE_HEAD || fp8))
        return WIDE_HEAD_BLOCK;
    return BLOCK;
}

static void set_block(const maker *k, const sf_kv_layers *e, sf_kv_spec *s, uint64_t block)
{
    if (e->kind == SF_KV_STATE) {
        s->block_size = k->hybrid.state_block;
        s->page_padded = k->hybrid.page_padded;
        s->state_mode = k->hybrid.mode;
        return;
    }
    s->block_size = e->block ? e->block : block;
    if (e->block)
        return;
    if (s->kind == SF_KV_SLIDING && k->r->swa_own_block)
        s->block_size = kernel_block(k, s);
    pad_entry(k, s);
}

/* One spec per entry of the model's list. */
static sf_code make_specs(maker *k)
{
    uint64_t block = base_block(k);

    k->specs = SF_NEW_ARRAY(k->a, sf_kv_spec, k->m->n_kv);
    if (!k->specs)
        return SF_E_NOMEM;
    for (size_t i = 0; i < k->m->n_kv; i++) {
        sf_code rc = layer_spec(k, &k->m->kv[i], &k->specs[i]);

        if (rc)
            return rc;
        if (sf_kv_is_full(&k->specs[i]) && k->m->kv[i].block > block)
            block = k->m->kv[i].block;
        if (k->m->kv[i].kind == SF_KV_FULL && !k->wish->block_size && kernel_block(k, &k->specs[i]) > block)
            block = kernel_block(k, &k->specs[i]);
    }
    k->has_state = any_kind(k->m, SF_KV_STATE);
    if (k->has_state) {
        sf_code rc = align_states(k);

        if (rc)
            return rc;
        block = k->hybrid.block_size > block ? k->hybrid.block_size : block;
    }
    k->hybrid.block_size = block;
    for (size_t i = 0; i < k->m->n_kv; i++)
        set_block(k, &k->m->kv[i], &k->specs[i], block);
    return SF_OK;
}

/* Batches that may be in flight at once. */
static uint64_t batches(const maker *k)
{
    const sf_kv_wish *w = k->wish;
    uint64_t pp = w->pp ? w->pp : 1;
    bool dense = !k->m->forward.experts && !k->has_state;

    if (!k->r->in_flight_batches)
        return 1;
    if (sf_profile_runs_v2(k->profile, k->m->architecture, dense))
        return w->async_scheduling ? pp + 1 : pp;
    return w->async_scheduling && pp == 1 ? 2 : pp;
}

/* Tokens of the encoder that cross attention is sized for. */
static sf_code encoder_tokens(const maker *k, uint64_t *ret)
{
    *ret = 0;
    if (!any_kind(k->m, SF_KV_CROSS))
        return SF_OK;
    if (k->r->cross_len_batch) {
        *ret = k->wish->max_num_batched_tokens;
        return SF_OK;
    }
    for (size_t i = 0; i < k->m->n_encoders; i++)
        *ret = k->m->encoders[i].item_tokens > *ret ? k->m->encoders[i].item_tokens : *ret;
    if (*ret)
        return SF_OK;
    return sf_diag_error(k->dg, SF_E_KV_UNKNOWN, (sf_where){0}, "choose a release from 0.12 on with --engine",
                         "this release sizes cross attention by the encoder, whose length is not known");
}

/* The model with its prediction layers behind the others. */
static const sf_model *with_prediction(sf_arena *a, const sf_model *m)
{
    sf_model *all = SF_NEW(a, sf_model);
    sf_kv_layers *kv = SF_NEW_ARRAY(a, sf_kv_layers, m->n_kv + m->n_mtp_kv);

    if (!all || !kv)
        return NULL;
    *all = *m;
    for (size_t i = 0; i < m->n_kv + m->n_mtp_kv; i++)
        kv[i] = i < m->n_kv ? m->kv[i] : m->mtp_kv[i - m->n_kv];
    all->kv = kv;
    all->n_kv = m->n_kv + m->n_mtp_kv;
    return all;
}

sf_code sf_kv_case_of_model(sf_arena *a, const sf_profile *profile, const sf_model *m, const sf_kv_wish *wish,
                            sf_diags *dg, sf_kv_case *ret)
{
    const sf_model *all = wish->prediction_layers && m->n_mtp_kv ? with_prediction(a, m) : m;
    maker k = {.a = a, .profile = profile, .r = &profile->kv, .m = all, .wish = wish, .dg = dg};
    sf_kv_case c = {
        .dcp = wish->dcp ? wish->dcp : 1,
        .pcp = wish->pcp ? wish->pcp : 1,
        .max_model_len = wish->max_model_len,
        .max_num_batched_tokens = wish->max_num_batched_tokens,
        .num_spec_tokens = wish->num_spec_tokens,
        .layer_name = SF_STR("model.layers.{}.self_attn.attn"),
        .disable_hybrid =
            wish->disable_hybrid || (profile->kv.chunked_disables_hybrid && any_kind(m, SF_KV_CHUNKED)),
    };
    sf_code rc;

    if (!all)
        return SF_E_NOMEM;
    m = all;
    if (!wish->tp || sf_kv_layer_count(m) > SF_KV_MAX_LAYERS || m->n_kv > SF_KV_MAX_SPECS)
        return sf_diag_error(dg, SF_E_RANGE, (sf_where){0}, "check tensor_parallel_size and config.json",
                             "the number of layers or ranks is out of range");
    rc = sf_kv_format_of(profile, m, wish, dg, &k.format);
    if (!rc)
        rc = make_specs(&k);
    if (!rc)
        rc = sf_kv_stages_of(a, k.r, m, wish, dg, &c);
    if (!rc)
        rc = encoder_tokens(&k, &c.encoder_tokens);
    if (rc)
        return rc;
    c.specs = k.specs;
    c.n_specs = m->n_kv;
    c.cache_block_size = k.hybrid.block_size;
    c.log = k.hybrid.log;
    c.n_log = k.hybrid.n_log;
    c.in_flight_tokens = sf_mul_sat(wish->max_num_batched_tokens, batches(&k));
    *ret = c;
    return SF_OK;
}
