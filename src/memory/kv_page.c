/*
 * kv_page: bytes of one block of one layer, and the blocks that one request takes of it.
 * Must not know of groups: that is kv_group's part.
 * Rules: docs/kv-cache.md, from vLLM v1/kv_cache_interface.py (0.10.2 … 2026-08-17).
 */
#include "memory/kv_internal.h"

#include "base/num.h"

enum {
    DS_MLA_TOKEN = 656,    /* 512 fp8 + 4 fp32 scales + 64 bf16 */
    DS_MLA_V4_TOKEN = 584, /* 448 fp8 + 7 scales + padding + 64 bf16, per stored token */
    TOKEN_SCALES = 8,      /* two fp32 scales per head and token */
    NVFP4_BLOCK = 16,      /* elements that share one fp8 scale */
};

bool sf_kv_is_full(const sf_kv_spec *s)
{
    return s->kind == SF_KV_FULL || s->kind == SF_KV_MLA || s->kind == SF_KV_INDEXER;
}

/* Bytes of one token in all heads of the rank; false on overflow. */
static bool token_bytes(const sf_kv_spec *s, uint64_t *ret)
{
    uint64_t width, per_head;

    if (s->store == SF_KV_STORE_DS_MLA) {
        *ret = s->v4 ? DS_MLA_V4_TOKEN : DS_MLA_TOKEN;
        return true;
    }
    if (!sf_add(s->head_size, s->head_size_v, &width))
        return false;
    switch (s->store) {
    case SF_KV_STORE_HEAD_SCALED:
        if (!sf_add(width, TOKEN_SCALES, &per_head))
            return false;
        break;
    case SF_KV_STORE_HEAD_INT4:
        per_head = width / 2 + TOKEN_SCALES;
        break;
    case SF_KV_STORE_NVFP4:
        per_head =
            s->head_size / 2 + s->head_size / NVFP4_BLOCK + s->head_size_v / 2 + s->head_size_v / NVFP4_BLOCK;
        break;
    case SF_KV_STORE_PLAIN:
    default:
        if (!sf_mul(width, s->dtype_bits, &per_head))
            return false;
        per_head /= 8;
        break;
    }
    return sf_mul(per_head, s->kv_heads, ret);
}

bool sf_kv_page_bytes(const sf_kv_spec *spec, uint64_t *ret)
{
    uint64_t bytes, stored = spec->block_size;

    if (spec->kind == SF_KV_NONE) {
        *ret = 0;
        return true;
    }
    if (spec->kind == SF_KV_STATE) {
        bytes = spec->state_bytes;
    } else {
        if (spec->compress_ratio > 1)
            stored /= spec->compress_ratio;
        if (!token_bytes(spec, &bytes) || !sf_mul(bytes, stored, &bytes))
            return false;
        if (spec->alignment) {
            bytes = sf_round_up(bytes, spec->alignment);
            if (bytes == UINT64_MAX)
                return false;
        }
    }
    if (spec->page_padded && spec->page_padded < bytes)
        return false;
    *ret = spec->page_padded ? spec->page_padded : bytes;
    return true;
}

bool sf_kv_set_page(sf_kv_work *w, sf_kv_work_spec *spec)
{
    return sf_kv_page_bytes(&spec->s, &spec->page) || sf_kv_too_large(w, "the page of a cache layer");
}

/* Blocks of state that one request holds. */
static uint64_t state_pages(const sf_kv_rules *r, const sf_kv_spec *s, uint64_t len)
{
    uint64_t extra = r->mamba_spec_pages ? s->speculative_blocks : 0;

    if (!r->mamba_modes)
        return r->mamba_len_pages ? sf_cdiv(len, s->block_size) : 1;
    switch (s->state_mode) {
    case SF_STATE_ALL:
        return sf_add_sat(sf_cdiv(len, s->block_size), r->mamba_all_spec ? extra : 0);
    case SF_STATE_ALIGN:
        return 2 + extra;
    case SF_STATE_NONE:
    default:
        return 1 + extra;
    }
}

uint64_t sf_kv_spec_pages(const sf_kv_work *w, const sf_kv_spec *s, uint64_t len)
{
    const sf_kv_case *c = w->c;
    uint64_t held;

    switch (s->kind) {
    case SF_KV_SLIDING: /* the window, what is in flight, and the block that is half left behind */
        held = sf_add_sat(s->window - 1, c->in_flight_tokens);
        return sf_add_sat(sf_cdiv(held < len ? held : len, s->block_size), 1);
    case SF_KV_CHUNKED:
        held = sf_add_sat(s->window, c->in_flight_tokens);
        return sf_cdiv(held < len ? held : len, s->block_size);
    case SF_KV_CROSS:
        return sf_cdiv(c->encoder_tokens, s->block_size);
    case SF_KV_STATE:
        return state_pages(w->r, s, len);
    case SF_KV_NONE:
        return 0;
    case SF_KV_FULL:
    case SF_KV_MLA:
    case SF_KV_INDEXER:
    default:
        return sf_cdiv(sf_cdiv(len, c->dcp * c->pcp), s->block_size);
    }
}

bool sf_kv_spec_same(const sf_kv_spec *x, const sf_kv_spec *y)
{
    if (x->kind != y->kind || x->block_size != y->block_size || x->page_padded != y->page_padded)
        return false;
    if (x->kind == SF_KV_STATE)
        return x->state_bytes == y->state_bytes && x->speculative_blocks == y->speculative_blocks &&
               x->state_mode == y->state_mode;
    return x->v4 == y->v4 && x->v4_compressor == y->v4_compressor && x->kv_heads == y->kv_heads &&
           x->head_size == y->head_size && x->head_size_v == y->head_size_v && x->store == y->store &&
           x->dtype_bits == y->dtype_bits && x->window == y->window &&
           x->compress_ratio == y->compress_ratio && x->alignment == y->alignment &&
           x->by_block_stride == y->by_block_stride;
}
