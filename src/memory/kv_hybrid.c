/*
 * kv_hybrid: block sizes of models that have attention and states: the attention block is raised
 * until its page holds a state, then the state's page is padded to it.
 * Must not group or count blocks.
 * Rules: docs/kv-cache.md, from vLLM model_executor/models/config.py and platforms/interface.py.
 */
#include "memory/kv_internal.h"

#include "base/num.h"

enum {
    DEFAULT_BLOCK = 16,
    DEFAULT_CHUNK = 2048, /* Mamba-1 has no chunks: the engine takes 2,048 tokens */
    WIDE_HEAD = 256,      /* FlashInfer on SM100 takes such heads in blocks of 32 */
};

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t t = a % b;

        a = b;
        b = t;
    }
    return a;
}

/* What the attention block must be a multiple of. */
static uint64_t alignment(const sf_kv_rules *r, const sf_hybrid_wish *wish)
{
    bool sm100 = wish->capability / 10 == 10;
    uint64_t kernel = wish->kernel_block ? wish->kernel_block : DEFAULT_BLOCK;
    uint64_t block = wish->user_block ? wish->user_block : DEFAULT_BLOCK;

    switch (r->hybrid_align) {
    case SF_ALIGN_BACKEND:
        if (wish->mla)
            return sm100 && r->mla_block_rule == SF_MLA_BLOCK_PLATFORM ? 128 : 64;
        return sm100 && wish->head_size == WIDE_HEAD ? 32 : 16;
    case SF_ALIGN_KERNEL:
        return kernel > block ? kernel : block;
    case SF_ALIGN_KERNEL_MLA128:
        block = kernel > block ? kernel : block;
        return wish->mla && block < 128 ? 128 : block;
    case SF_ALIGN_16:
    default:
        return 16;
    }
}

/* Prefix caching and the mode of the states, with the lines that say so. */
static void choose_mode(sf_kv_work *w, const sf_hybrid_wish *wish, sf_hybrid *h, bool *ret_chunked)
{
    const sf_kv_rules *r = w->r;
    bool on = wish->prefix_caching, all = sf_str_is(wish->mode, "all"),
         align = sf_str_is(wish->mode, "align");
    sf_message_arg args[] = {sf_msg_text("mode", wish->mode), sf_msg_text("model", wish->model)};

    if (r->state_prefix == SF_STATE_PREFIX_OFF)
        on = false;
    if (on && r->state_prefix == SF_STATE_PREFIX_PLAIN && !wish->supports_prefix_caching) {
        sf_kv_log(w, SF_MSG_STATE_NO_PREFIX, NULL, 0);
        on = false;
    }
    sf_kv_log(w, SF_MSG_STATE_SETUP, NULL, 0);
    h->prefix_caching = on;
    h->mode = !on ? SF_STATE_NONE : all ? SF_STATE_ALL : align ? SF_STATE_ALIGN : SF_STATE_NONE;
    *ret_chunked = on && r->state_prefix == SF_STATE_PREFIX_PLAIN;
    if (!on || r->state_prefix < SF_STATE_PREFIX_MODES)
        return;
    if (h->mode == SF_STATE_NONE) {
        h->mode = r->state_prefix == SF_STATE_PREFIX_MODES && wish->supports_prefix_caching ? SF_STATE_ALL
                                                                                            : SF_STATE_ALIGN;
        args[0].value = h->mode == SF_STATE_ALL ? SF_STR("all") : SF_STR("align");
        sf_kv_log(w, SF_MSG_STATE_MODE, args, 2);
    } else if (h->mode == SF_STATE_ALL && !wish->supports_prefix_caching) {
        h->mode = SF_STATE_ALIGN;
    }
    args[0].value = h->mode == SF_STATE_ALL ? SF_STR("all") : SF_STR("align");
    sf_kv_log(w, SF_MSG_STATE_EXPERIMENTAL, args, 2);
    *ret_chunked = h->mode == SF_STATE_ALL;
}

/* The least legal attention block whose page holds a state. */
static uint64_t least_block(const sf_kv_rules *r, const sf_hybrid_wish *wish, bool chunked)
{
    uint64_t step = alignment(r, wish), chunk = wish->chunk ? wish->chunk : DEFAULT_CHUNK;

    if (!chunked)
        return sf_mul_sat(step, sf_cdiv(wish->state_bytes, sf_mul_sat(step, wish->token_bytes)));
    step = sf_mul_sat(chunk / gcd(chunk, step), step);
    return sf_mul_sat(step, sf_cdiv(sf_cdiv(wish->state_bytes, wish->token_bytes), step));
}

static bool pad_state(sf_kv_work *w, const sf_hybrid_wish *wish, sf_hybrid *h)
{
    uint64_t page;

    if (!sf_mul(h->block_size, wish->token_bytes, &page))
        return sf_kv_too_large(w, "the attention block of a model with states");
    if (page != wish->state_bytes) {
        double more = 100 * (double)(page - wish->state_bytes) / (double)wish->state_bytes;
        sf_message_arg arg = sf_msg_number("percent", more);

        h->page_padded = page;
        sf_kv_log(w, SF_MSG_STATE_PADDING, &arg, 1);
    }
    return true;
}

static bool raise_block(sf_kv_work *w, const sf_hybrid_wish *wish, sf_hybrid *h, bool chunked)
{
    uint64_t block = least_block(w->r, wish, chunked);
    sf_message_arg arg = sf_msg_count("block", sf_kv_i64(block));

    if (block > INT64_MAX)
        return sf_kv_too_large(w, "the attention block of a model with states");
    if (h->prefix_caching)
        h->state_block = block;
    /* before 0.18 a block that nobody gave is not known yet, so that it counts as raised */
    if (block > h->block_size || (!wish->user_block && w->r->mla_block_rule != SF_MLA_BLOCK_BACKEND)) {
        h->block_size = block;
        sf_kv_log(w, SF_MSG_STATE_BLOCK, &arg, 1);
    }
    if (h->mode == SF_STATE_ALIGN)
        h->state_block = h->block_size;
    return pad_state(w, wish, h);
}

sf_code sf_hybrid_align(sf_arena *a, const sf_profile *profile, const sf_hybrid_wish *wish, sf_diags *dg,
                        sf_hybrid *ret)
{
    sf_kv_work w = {.a = a, .profile = profile, .r = &profile->kv, .dg = dg};
    sf_hybrid h = {.block_size = wish->user_block ? wish->user_block : DEFAULT_BLOCK};
    bool chunked;

    choose_mode(&w, wish, &h, &chunked);
    h.state_block = h.prefix_caching ? h.block_size : wish->max_model_len;
    if (wish->token_bytes && wish->state_bytes)
        raise_block(&w, wish, &h, chunked);
    if (w.rc)
        return w.rc;
    h.log = w.log;
    h.n_log = w.n_log;
    *ret = h;
    return SF_OK;
}
