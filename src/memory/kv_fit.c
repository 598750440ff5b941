/*
 * kv_fit: whether one request of the full length fits, the longest that does, and the text with
 * which the engine refuses.
 * Must not round: bytes are compared as whole numbers, as the engine does.
 * Rules: docs/kv-cache.md, from vLLM v1/core/kv_cache_utils.py (0.10.2 … 2026-08-17).
 */
#include "memory/kv_internal.h"

#include "base/num.h"

/* `worker` may be past the last one: then the first stage is meant. */
sf_kv_demand sf_kv_demand_of(sf_kv_work *w, size_t worker)
{
    sf_kv_demand d = {.stage = worker < w->c->n_workers ? w->c->workers[worker].stage : 0};

    if (w->r->fit_test == SF_FIT_OWN_LAYERS)
        return d;
    if (w->r->fit_test == SF_FIT_FIRST_MODEL)
        d.stage = SF_KV_ALL_STAGES;
    d.view = &w->views[0];
    d.unit = d.view->packed ? sf_kv_packed_unit(w, d.view, d.stage) : sf_kv_block_bytes(w, d.view, d.stage);
    return d;
}

static uint64_t layers_at(const sf_kv_work *w, const sf_kv_work_spec *specs, const sf_kv_share *shares,
                          size_t n, uint32_t stage, uint64_t len)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < n; i++) {
        const sf_kv_work_spec *s = &specs[shares[i].spec];
        uint64_t each = sf_mul_sat(sf_kv_spec_pages(w, &s->s, len), s->page);

        sum = sf_add_sat(sum, sf_mul_sat(each, sf_kv_share_on(&shares[i], stage)));
    }
    return sum;
}

uint64_t sf_kv_demand_at(const sf_kv_work *w, const sf_kv_demand *d, uint64_t len)
{
    uint64_t pages = 0;

    if (!d->view)
        return layers_at(w, w->specs, w->own, w->n_own, d->stage, len);
    if (!d->view->n_groups)
        return 0;
    if (sf_kv_one_uniform(d->view))
        return layers_at(w, w->made, d->view->groups[0].shares, d->view->groups[0].n_shares, d->stage, len);
    for (size_t i = 0; i < d->view->n_groups; i++) {
        pages = sf_add_sat(pages, sf_kv_group_pages(w, &d->view->groups[i], len));
        if (w->r->fit_test != SF_FIT_ALL_GROUPS && !d->view->packed)
            break; /* the first group stands for all */
    }
    return sf_mul_sat(d->unit, pages);
}

static bool fits(const sf_kv_work *w, const sf_kv_demand *d, uint64_t len, int64_t available)
{
    return available >= 0 && sf_kv_demand_at(w, d, len) <= (uint64_t)available;
}

/* The longest request that fits, at most the full length; 0 when not even one token does. */
static uint64_t longest(const sf_kv_work *w, const sf_kv_demand *d, int64_t available)
{
    uint64_t low = 1, high = w->max_model_len; /* low fits, high may */

    if (!fits(w, d, 1, available))
        return 0;
    while (low < high) {
        uint64_t mid = low + (high - low + 1) / 2;

        if (fits(w, d, mid, available))
            low = mid;
        else
            high = mid - 1;
    }
    return low;
}

static bool refuse_short(sf_kv_work *w, uint64_t needed, int64_t available, uint64_t estimate)
{
    const sf_message_arg args[] = {
        sf_msg_count("len", sf_kv_i64(w->max_model_len)),
        sf_msg_bytes("needed", sf_kv_i64(needed)),
        sf_msg_bytes("available", available),
        sf_msg_count("tokens",
                     sf_kv_i64(estimate)), /* V0: what the blocks hold; the same where all layers are full */
        sf_msg_count("estimate", sf_kv_i64(estimate)),
    };

    return sf_kv_refuse(w, SF_KV_ERR_SHORT, "ValueError",
                        sf_kv_message(w, SF_MSG_KV_SHORT, args, estimate ? 5 : 4));
}

static bool test(sf_kv_work *w, const sf_kv_demand *d, int64_t available)
{
    uint64_t needed = sf_kv_demand_at(w, d, w->max_model_len);
    size_t i = w->out->n_tests++;

    if (needed == UINT64_MAX)
        return sf_kv_too_large(w, "what one request needs of the cache");
    w->needed[i] = needed;
    w->checked[i] = available;
    w->estimated[i] = longest(w, d, available);
    if (available <= 0)
        return sf_kv_refuse(w, SF_KV_ERR_NONE_LEFT, "ValueError", sf_kv_message(w, SF_MSG_NO_KV, NULL, 0));
    return needed <= (uint64_t)available || refuse_short(w, needed, available, w->estimated[i]);
}

bool sf_kv_fit_worker(sf_kv_work *w, size_t worker)
{
    sf_kv_demand d = sf_kv_demand_of(w, worker);

    return !w->rc && test(w, &d, w->available[worker]);
}

static int64_t poorest(const sf_kv_work *w)
{
    int64_t least = w->available[0];

    for (size_t i = 1; i < w->c->n_workers; i++)
        least = w->available[i] < least ? w->available[i] : least;
    return least;
}

bool sf_kv_fit_all(sf_kv_work *w)
{
    if (w->r->fit_test == SF_FIT_FIRST_MODEL) {
        sf_kv_demand d = sf_kv_demand_of(w, 0);

        return !w->rc && test(w, &d, poorest(w));
    }
    for (size_t i = 0; i < w->c->n_workers; i++)
        if (!sf_kv_fit_worker(w, i))
            return false;
    return true;
}

static void log_fitted(sf_kv_work *w, uint64_t asked, uint64_t len, int64_t available)
{
    const sf_message_arg args[] = {
        sf_msg_count("len", sf_kv_i64(len)),
        sf_msg_count("from", sf_kv_i64(asked)),
        sf_msg_bytes("available", available),
    };

    sf_kv_log(w, len < asked ? SF_MSG_AUTO_FIT_LOWER : SF_MSG_AUTO_FIT_WHOLE, args, 3);
}

/* Lowers max_model_len to the longest length that fits every rank. */
bool sf_kv_auto_fit(sf_kv_work *w)
{
    uint64_t asked = w->max_model_len, best = asked;
    bool model = w->r->fit_test == SF_FIT_FIRST_MODEL;
    int64_t limit = model ? poorest(w) : w->available[0];

    for (size_t i = 0; i < (model ? 1 : w->c->n_workers); i++) {
        sf_kv_demand d = sf_kv_demand_of(w, i);
        int64_t available = model ? limit : w->available[i];
        uint64_t len = longest(w, &d, available);

        if (w->rc)
            return false;
        if (len < best) {
            best = len;
            limit = available;
        }
    }
    if (!best)
        return sf_kv_refuse(w, SF_KV_ERR_AUTO_FIT, "ValueError",
                            sf_kv_message(w, SF_MSG_AUTO_FIT_NONE, NULL, 0));
    w->max_model_len = best;
    log_fitted(w, asked, best, limit);
    return true;
}
