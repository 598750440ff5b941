/*
 * kv_report: tokens and concurrency as the release reports them, and the result as others see it.
 * Must not change a number: it only counts what was planned.
 * Rules: docs/kv-cache.md, from vLLM v1/core/kv_cache_utils.py (0.10.2 … 2026-08-17).
 */
#include "memory/kv_internal.h"

#include <math.h>

#include "base/num.h"

static double concurrency(const sf_kv_work *w, size_t worker, uint64_t blocks)
{
    uint64_t each = sf_kv_request_blocks(w, sf_kv_view_of(w, worker), w->c->workers[worker].stage);

    if (w->r->tokens_rule == SF_TOKENS_BLOCKS)
        return (double)sf_mul_sat(blocks, w->c->cache_block_size) / (double)w->max_model_len;
    return each ? (double)blocks / (double)each : 0;
}

static uint64_t least_block(const sf_kv_work *w, const sf_kv_view *view)
{
    uint64_t least = UINT64_MAX;

    for (size_t i = 0; i < view->n_groups; i++) {
        uint64_t block = w->made[view->groups[i].spec].s.block_size;

        least = block < least ? block : least;
    }
    return least;
}

static uint64_t whole(double v)
{
    return v < 1.8e19 ? (uint64_t)v : UINT64_MAX;
}

static uint64_t tokens(const sf_kv_work *w, size_t worker, uint64_t blocks)
{
    const sf_kv_view *view = sf_kv_view_of(w, worker);
    const sf_kv_rules *r = w->r;
    uint64_t parallel = w->c->dcp * w->c->pcp, n;
    bool one = view->n_groups == 1;

    switch (r->tokens_rule) {
    case SF_TOKENS_CONCURRENCY:
        return whole(concurrency(w, worker, blocks) * (double)w->max_model_len);
    case SF_TOKENS_GROUPS:
        n = sf_mul_sat(blocks / view->n_groups,
                       one && r->one_group_cache_block ? w->c->cache_block_size : least_block(w, view));
        return one || r->dcp_multiplies_groups ? sf_mul_sat(n, parallel) : n;
    case SF_TOKENS_BLOCKS:
    default:
        return sf_mul_sat(blocks, w->c->cache_block_size);
    }
}

/* The lines about one rank's cache of `blocks` blocks. */
void sf_kv_report_worker(sf_kv_work *w, size_t worker, uint64_t blocks)
{
    const sf_kv_view *view = sf_kv_view_of(w, worker);
    bool multiplied = w->r->tokens_rule == SF_TOKENS_GROUPS && w->c->dcp * w->c->pcp > 1 &&
                      (view->n_groups == 1 || w->r->dcp_multiplies_groups);

    if (view->n_groups) {
        const sf_message_arg args[] = {
            sf_msg_count("tokens", sf_kv_i64(tokens(w, worker, blocks))),
            sf_msg_count("len", sf_kv_i64(w->max_model_len)),
            sf_msg_number("concurrency", concurrency(w, worker, blocks)),
            sf_msg_count("blocks", sf_kv_i64(blocks)),
            sf_msg_count("cp", sf_kv_i64(w->c->dcp * w->c->pcp)),
            sf_msg_count("pcp", sf_kv_i64(w->c->pcp)),
            sf_msg_count("dcp", sf_kv_i64(w->c->dcp)),
        };

        if (multiplied)
            sf_kv_log(w, SF_MSG_KV_DCP, args, 7);
        sf_kv_log(w, SF_MSG_KV_TOKENS, args, 7);
        sf_kv_log(w, SF_MSG_CONCURRENCY, args, 7);
    }
}

static bool fill_groups(sf_kv_work *w, const sf_kv_view *view)
{
    sf_kv_group *groups = SF_NEW_ARRAY(w->a, sf_kv_group, view->n_groups);

    if (!groups)
        return sf_kv_nomem(w);
    for (size_t i = 0; i < view->n_groups; i++) {
        const sf_kv_work_group *g = &view->groups[i];

        groups[i] = (sf_kv_group){
            .kind = w->made[g->spec].s.kind,
            .uniform_type = g->uniform,
            .n_layers = g->n_layers,
            .n_slots = g->n_slots,
            .block_size = w->made[g->spec].s.block_size,
            .page_size = sf_kv_group_page(w, g, SF_KV_ALL_STAGES),
            .pages = sf_kv_group_pages(w, g, w->max_model_len),
        };
    }
    w->out->groups = groups;
    w->out->n_groups = view->n_groups;
    return true;
}

static bool fill_layers(sf_kv_work *w)
{
    size_t *n_groups = SF_NEW_ARRAY(w->a, size_t, w->c->n_workers), most = 0;
    uint32_t *layers;

    if (!n_groups)
        return sf_kv_nomem(w);
    for (size_t i = 0; i < w->c->n_workers; i++) {
        n_groups[i] = sf_kv_view_of(w, i)->n_groups;
        most = n_groups[i] > most ? n_groups[i] : most;
    }
    layers = SF_NEW_ARRAY(w->a, uint32_t, w->c->n_workers * most);
    if (!layers)
        return sf_kv_nomem(w);
    for (size_t i = 0; i < w->c->n_workers; i++)
        for (size_t j = 0; j < n_groups[i]; j++)
            layers[i * most + j] = sf_kv_view_of(w, i)->groups[j].on_stage[w->c->workers[i].stage];
    w->out->group_layers = layers;
    w->out->group_columns = most;
    w->out->worker_groups = n_groups;
    return true;
}

static bool fill_workers(sf_kv_work *w, const uint64_t *worker_blocks)
{
    size_t n = w->c->n_workers;
    uint64_t *bytes = SF_NEW_ARRAY(w->a, uint64_t, n), *per_block = SF_NEW_ARRAY(w->a, uint64_t, n);
    uint64_t *each_tokens = SF_NEW_ARRAY(w->a, uint64_t, n);
    double *each = SF_NEW_ARRAY(w->a, double, n);

    if (!bytes || !per_block || !each_tokens || !each)
        return sf_kv_nomem(w);
    for (size_t i = 0; i < n; i++) {
        const sf_kv_view *view = sf_kv_view_of(w, i);
        uint64_t reported = w->r->tokens_per_worker ? worker_blocks[i] : w->out->num_blocks;

        if (!view->n_groups)
            continue;
        per_block[i] = sf_kv_block_bytes(w, view, w->c->workers[i].stage);
        if (w->rc)
            return false;
        if (!sf_mul(per_block[i], reported, &bytes[i]))
            return sf_kv_too_large(w, "the size of the cache");
        each[i] = concurrency(w, i, w->out->num_blocks);
        each_tokens[i] = tokens(w, i, reported);
    }
    w->out->worker_bytes = bytes;
    w->out->worker_block_bytes = per_block;
    w->out->block_bytes = per_block[0];
    w->out->worker_concurrency = each;
    w->out->concurrency = each[0];
    w->out->worker_tokens = each_tokens;
    w->out->tokens = each_tokens[0];
    return true;
}

bool sf_kv_fill_result(sf_kv_work *w, const uint64_t *worker_blocks)
{
    const sf_kv_view *view = sf_kv_view_of(w, 0);

    w->out->worker_blocks = worker_blocks;
    w->out->num_blocks = worker_blocks[0];
    for (size_t i = 1; i < w->c->n_workers; i++)
        if (worker_blocks[i] < w->out->num_blocks)
            w->out->num_blocks = worker_blocks[i];
    if (!fill_groups(w, view) || !fill_layers(w) || !fill_workers(w, worker_blocks))
        return false;
    if (view->n_groups) {
        uint64_t each = sf_kv_scheduler_blocks(w, view, w->c->workers[0].stage);

        w->out->scheduler_concurrency = each ? (double)w->out->num_blocks / (double)each : 0;
    }
    return true;
}
