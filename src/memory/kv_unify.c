/*
 * kv_unify: pages of one size for all layers of a model, by larger blocks, by padding, or by
 * counting windowed layers as full ones.
 * Must not group: it only changes the working specs.
 * Rules: docs/kv-cache.md, from vLLM v1/core/kv_cache_utils.py (#29143, #45181, #45207, #48776).
 */
#include "memory/kv_internal.h"

#include "base/num.h"

static bool is_windowed(const sf_kv_spec *s)
{
    return s->kind == SF_KV_SLIDING || s->kind == SF_KV_CHUNKED;
}

/* The block size of the full layers where they have one, else 0. */
static uint64_t full_block(const sf_kv_work *w, const sf_kv_view *view)
{
    uint64_t block = 0;

    for (size_t i = 0; i < view->n_shares; i++) {
        const sf_kv_spec *s = &w->made[view->shares[i].spec].s;

        if (!sf_kv_is_full(s))
            continue;
        if (block && block != s->block_size)
            return 0;
        block = s->block_size;
    }
    return block;
}

/* Windowed layers keep all tokens, as full layers do; false when the model is not uniform then. */
static bool promote_windows(sf_kv_work *w, const sf_kv_view *view)
{
    uint64_t block = w->r->unify_promotes_swa ? full_block(w, view) : 0;
    bool full = false;

    for (size_t i = 0; i < view->n_shares; i++)
        full = full || sf_kv_is_full(&w->made[view->shares[i].spec].s);
    for (size_t i = 0; full && i < view->n_shares; i++) {
        sf_kv_work_spec *s = &w->made[view->shares[i].spec];

        if (!is_windowed(&s->s))
            continue;
        s->s.kind = SF_KV_FULL;
        if (block)
            s->s.block_size = block;
        if (!sf_kv_set_page(w, s))
            return false;
    }
    if (w->r->uniform_type)
        return sf_kv_is_uniform_type(w, view);
    for (size_t i = 1; i < view->n_shares; i++)
        if (w->made[view->shares[i].spec].s.kind != w->made[view->shares[0].spec].s.kind ||
            w->made[view->shares[i].spec].page != w->made[view->shares[0].spec].page)
            return false;
    return true;
}

/* The hybrid manager is off; where that does not make the model uniform the engine gives up. */
bool sf_kv_convert_windows(sf_kv_work *w, const sf_kv_view *view)
{
    if (view->n_shares <= 1 || (w->r->uniform_type && sf_kv_is_uniform_type(w, view)))
        return true;
    sf_kv_log(w, SF_MSG_KV_HYBRID_OFF, NULL, 0);
    if (promote_windows(w, view))
        return true;
    if (w->rc)
        return false;
    return sf_kv_refuse(w, SF_KV_ERR_LAYOUT, "ValueError", sf_kv_message(w, SF_MSG_KV_NOT_ONE_TYPE, NULL, 0));
}

/* The engine's name of the first layer that has this spec. */
static sf_str layer_name(sf_kv_work *w, const sf_kv_view *view, uint32_t spec)
{
    sf_str pattern = w->c->layer_name.n ? w->c->layer_name : SF_STR("L{}");
    ptrdiff_t at = sf_str_find(pattern, SF_STR("{}"));
    size_t i = 0;
    sf_str name, number;

    while (i < view->n_layers && w->alias[w->layer_spec[view->layers[i]]] != spec)
        i++;
    if (at < 0)
        return pattern;
    number = sf_kv_text_u64(w, i < view->n_layers ? view->layers[i] : 0);
    name = sf_arena_printf(w->a, "%.*s%.*s%.*s", (int)at, pattern.p, SF_STR_ARG(number),
                           (int)(pattern.n - (size_t)at - 2), pattern.p + at + 2);
    if (!name.p)
        sf_kv_nomem(w);
    return name;
}

static bool refuse_pages(sf_kv_work *w, const sf_kv_view *view, uint32_t spec)
{
    sf_message_arg arg = sf_msg_text("layer", layer_name(w, view, spec));

    return sf_kv_refuse(w, SF_KV_ERR_LAYOUT, "NotImplementedError",
                        sf_kv_message(w, SF_MSG_KV_PAGES, &arg, 1));
}

/* MLA beside a plain sliding window can fall back on full allocation, each layer with its own page. */
static bool may_promote(const sf_kv_work *w, const sf_kv_view *view)
{
    bool mla = false, sliding = false;

    for (size_t i = 0; i < view->n_shares; i++) {
        const sf_kv_spec *s = &w->made[view->shares[i].spec].s;

        mla = mla || s->kind == SF_KV_MLA || s->kind == SF_KV_INDEXER;
        sliding = sliding || s->kind == SF_KV_SLIDING;
        if (s->kind == SF_KV_CHUNKED)
            return false;
    }
    return w->r->unify_promotes_swa && mla && sliding;
}

typedef enum unified { UNIFIED, UNIFY_RAISES, UNIFY_ASSERTS } unified;

/* Raises one layer's page to `page`. */
static unified raise_page(const sf_kv_rules *r, sf_kv_spec *s, uint64_t own, uint64_t page)
{
    if (own == page)
        return UNIFIED;
    if (s->kind == SF_KV_STATE && r->unify_pads_state) {
        s->page_padded = page;
        return UNIFIED;
    }
    if (page % own == 0) {
        if (s->kind == SF_KV_STATE || s->page_padded)
            return UNIFY_ASSERTS;
        return sf_mul(s->block_size, page / own, &s->block_size) ? UNIFIED : UNIFY_RAISES;
    }
    if (r->unify_pads && s->by_block_stride) {
        s->page_padded = page;
        return UNIFIED;
    }
    return UNIFY_RAISES;
}

static uint64_t largest_page(const sf_kv_work *w, const sf_kv_view *view, bool *ret_equal)
{
    uint64_t page = 0;

    *ret_equal = true;
    for (size_t i = 0; i < view->n_shares; i++) {
        uint64_t own = w->made[view->shares[i].spec].page;

        *ret_equal = *ret_equal && own == w->made[view->shares[0].spec].page;
        page = own > page ? own : page;
    }
    return page;
}

/* Layers are visited in dict order: the first that cannot be raised decides the text. */
bool sf_kv_unify(sf_kv_work *w, const sf_kv_view *view, bool *ret_promoted)
{
    bool equal;
    uint64_t page = largest_page(w, view, &equal);

    *ret_promoted = false;
    if (equal)
        return true;
    if (!w->r->unify_pages)
        return sf_kv_refuse(w, SF_KV_ERR_LAYOUT, "NotImplementedError", SF_STR(""));
    for (size_t i = 0; i < view->n_shares; i++) {
        sf_kv_work_spec raised = w->made[view->shares[i].spec];

        switch (raise_page(w->r, &raised.s, raised.page, page)) {
        case UNIFY_ASSERTS:
            return sf_kv_refuse(w, SF_KV_ERR_LAYOUT, "AssertionError", SF_STR(""));
        case UNIFY_RAISES:
            *ret_promoted = may_promote(w, view) && promote_windows(w, view);
            if (*ret_promoted)
                sf_kv_log(w, SF_MSG_KV_PROMOTED, NULL, 0);
            return *ret_promoted || (!w->rc && refuse_pages(w, view, view->shares[i].spec));
        case UNIFIED:
        default:
            break;
        }
    }
    for (size_t i = 0; i < view->n_shares; i++) {
        sf_kv_work_spec *s = &w->made[view->shares[i].spec];

        raise_page(w->r, &s->s, s->page, page);
        s->page = page;
    }
    return true;
}
