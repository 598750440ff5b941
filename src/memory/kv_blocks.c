/*
 * kv_blocks: bytes of one block over all pools of a rank, the number of blocks, and the blocks
 * that one request takes.
 * Must not choose groups or judge: kv_group and kv_fit do.
 * Rules: docs/kv-cache.md, from vLLM v1/core/kv_cache_utils.py (0.10.2 … 2026-08-17).
 */
#include "memory/kv_internal.h"

#include "base/num.h"

const sf_kv_view *sf_kv_view_of(const sf_kv_work *w, size_t worker)
{
    return &w->views[w->n_views > 1 ? w->c->workers[worker].stage : 0];
}

uint32_t sf_kv_share_on(const sf_kv_share *s, uint32_t stage)
{
    return stage == SF_KV_ALL_STAGES ? s->n : s->on_stage[stage];
}

bool sf_kv_one_uniform(const sf_kv_view *view)
{
    return view->n_groups == 1 && view->groups[0].uniform && !view->packed;
}

uint32_t sf_kv_slots(const sf_kv_view *view, uint32_t stage)
{
    uint32_t most = 0;

    for (size_t i = 0; i < view->n_groups; i++) {
        const sf_kv_work_group *g = &view->groups[i];
        uint32_t n = stage == SF_KV_ALL_STAGES ? g->n_layers : g->on_stage[stage];

        most = n > most ? n : most;
    }
    return most;
}

uint64_t sf_kv_group_page(const sf_kv_work *w, const sf_kv_work_group *g, uint32_t stage)
{
    uint64_t sum = 0;

    if (!g->uniform)
        return w->made[g->spec].page;
    for (size_t i = 0; i < g->n_shares; i++)
        sum = sf_add_sat(sum,
                         sf_mul_sat(w->made[g->shares[i].spec].page, sf_kv_share_on(&g->shares[i], stage)));
    return sum;
}

uint64_t sf_kv_group_pages(const sf_kv_work *w, const sf_kv_work_group *g, uint64_t len)
{
    uint64_t most = 0;

    for (size_t i = 0; i < (g->uniform ? g->n_shares : 1); i++) {
        uint64_t n = sf_kv_spec_pages(w, &w->made[g->shares[i].spec].s, len);

        most = n > most ? n : most;
    }
    return most;
}

uint64_t sf_kv_block_bytes(sf_kv_work *w, const sf_kv_view *view, uint32_t stage)
{
    if (!view->n_groups)
        return 0;
    if (view->packed)
        return sf_kv_packed_block(w, view, stage);
    if (sf_kv_one_uniform(view))
        return sf_kv_group_page(w, &view->groups[0], stage);
    return sf_mul_sat(sf_kv_group_page(w, &view->groups[0], stage), sf_kv_slots(view, stage));
}

uint64_t sf_kv_request_blocks(const sf_kv_work *w, const sf_kv_view *view, uint32_t stage)
{
    uint64_t pages = 0, bytes = 0, page = sf_kv_group_page(w, &view->groups[0], stage);

    for (size_t i = 0; i < view->n_groups; i++) {
        uint64_t n = sf_kv_group_pages(w, &view->groups[i], w->max_model_len);

        pages = sf_add_sat(pages, n);
        bytes = sf_add_sat(bytes, sf_mul_sat(n, sf_kv_group_page(w, &view->groups[i], stage)));
    }
    return w->r->pages_sum_of_cdivs || !page ? pages : sf_cdiv(bytes, page);
}

static const sf_kv_work_spec *first_spec(const sf_kv_work *w, const sf_kv_work_group *g, uint32_t stage)
{
    for (size_t i = 0; i < g->n_shares; i++)
        if (sf_kv_share_on(&g->shares[i], stage))
            return &w->made[g->shares[i].spec];
    return &w->made[g->spec];
}

uint64_t sf_kv_scheduler_blocks(const sf_kv_work *w, const sf_kv_view *view, uint32_t stage)
{
    uint64_t pages = 0, bytes = 0, page = first_spec(w, &view->groups[0], stage)->page;

    for (size_t i = 0; i < view->n_groups; i++) {
        const sf_kv_work_spec *s = first_spec(w, &view->groups[i], stage);
        uint64_t n = sf_kv_spec_pages(w, &s->s, w->max_model_len);

        pages = sf_add_sat(pages, n);
        bytes = sf_add_sat(bytes, sf_mul_sat(n, s->page));
    }
    return w->r->pages_sum_of_cdivs || !page ? pages : sf_cdiv(bytes, page);
}

/* What the block count of a rank is divided by. */
static uint64_t divisor(sf_kv_work *w, const sf_kv_view *view, uint32_t stage)
{
    if (sf_kv_one_uniform(view) && w->r->uniform_type_whole_model)
        stage = SF_KV_ALL_STAGES;
    return sf_kv_block_bytes(w, view, stage);
}

static void log_override(sf_kv_work *w, uint64_t blocks)
{
    const sf_message_arg args[] = {
        sf_msg_count("blocks", sf_kv_i64(blocks)),
        sf_msg_count("override", sf_kv_i64(w->c->blocks_override)),
    };

    sf_kv_log(w, SF_MSG_KV_OVERRIDE, args, 2);
}

/* What the rank's memory gives, before num_gpu_blocks_override. */
static bool blocks_of_memory(sf_kv_work *w, size_t worker, uint64_t *ret_bytes, uint64_t *ret)
{
    int64_t available = w->available[worker];

    *ret_bytes = divisor(w, sf_kv_view_of(w, worker), w->c->workers[worker].stage);
    if (w->rc)
        return false;
    if (*ret_bytes == UINT64_MAX)
        return sf_kv_too_large(w, "the size of a cache block");
    if (!*ret_bytes) /* a pipeline stage without a cache layer */
        return sf_kv_refuse(w, SF_KV_ERR_LAYOUT, "ZeroDivisionError",
                            SF_STR("integer division or modulo by zero"));
    *ret = available > 0 ? (uint64_t)available / *ret_bytes : 0;
    return true;
}

bool sf_kv_count_blocks(sf_kv_work *w, size_t worker, uint64_t *ret)
{
    uint64_t bytes;

    if (!sf_kv_view_of(w, worker)->n_groups) { /* no layer has a cache */
        *ret = 1;
        return true;
    }
    if (!blocks_of_memory(w, worker, &bytes, ret))
        return false;
    if (w->c->blocks_override && !w->r->override_in_fit_test)
        log_override(w, *ret);
    if (w->c->blocks_override)
        *ret = w->c->blocks_override;
    return true;
}

/* From 0.21 on the fit test sees the memory of the overridden number of blocks. */
bool sf_kv_override_available(sf_kv_work *w)
{
    for (size_t i = 0; i < w->c->n_workers; i++) {
        uint64_t bytes = 0, blocks = 0;

        if (!sf_kv_view_of(w, i)->n_groups)
            continue;
        if (!blocks_of_memory(w, i, &bytes, &blocks))
            return false;
        log_override(w, blocks);
        if (!sf_mul(bytes, w->c->blocks_override, &bytes) || bytes > INT64_MAX)
            return sf_kv_too_large(w, "num_gpu_blocks_override");
        w->available[i] = (int64_t)bytes;
    }
    return true;
}
