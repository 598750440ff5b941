/*
 * kv_packed: DeepSeek-V4, whose full, windowed and compressor caches lie side by side in one pool:
 * groups of layers with unequal pages, cut so that all groups have about as many layers of a page.
 * Must not be used for other layouts.
 * Rules: docs/kv-cache.md, from vLLM v1/core/kv_cache_utils.py (#40860, #44454, #48993).
 */
#include "memory/kv_internal.h"

#include "base/num.h"

/* A bucket: specs of one block size and window, and its most layers of one page size. */
typedef struct bucket {
    uint32_t *layers;
    size_t n;
    uint64_t block_size, window;
    bool full;
    uint64_t repeats;
} bucket;

/* Bytes and how many layers have a page of that many. */
typedef struct page_count {
    uint64_t page, n;
} page_count;

/* Adds `n` layers of `page`; false when the list is full, which SF_KV_MAX_SPECS rules out. */
static void count_page(page_count *list, size_t *n_list, uint64_t page, uint64_t n)
{
    size_t i = 0;

    while (i < *n_list && list[i].page != page)
        i++;
    if (i == *n_list)
        list[(*n_list)++] = (page_count){page, 0};
    list[i].n += n;
}

static page_count *pages_of_group(sf_kv_work *w, const sf_kv_work_group *g, uint32_t stage, size_t *ret_n)
{
    page_count *list = SF_NEW_ARRAY(w->a, page_count, g->n_shares);

    *ret_n = 0;
    for (size_t i = 0; list && i < g->n_shares; i++) {
        uint32_t n = sf_kv_share_on(&g->shares[i], stage);

        if (n)
            count_page(list, ret_n, w->made[g->shares[i].spec].page, n);
    }
    return list;
}

static bucket *find_bucket(const sf_kv_work *w, bucket *list, size_t *n_list, uint32_t spec, size_t most)
{
    const sf_kv_spec *s = &w->made[spec].s;
    size_t i = 0;

    while (i < *n_list && !(list[i].block_size == s->block_size && list[i].full == sf_kv_is_full(s) &&
                            (list[i].full || list[i].window == s->window)))
        i++;
    if (i == *n_list) {
        list[i] = (bucket){.block_size = s->block_size, .window = s->window, .full = sf_kv_is_full(s)};
        list[i].layers = SF_NEW_ARRAY(w->a, uint32_t, most);
        (*n_list)++;
    }
    return list[i].layers ? &list[i] : NULL;
}

/* The full bucket comes first; the others follow in dict order. */
static bool make_buckets(sf_kv_work *w, const sf_kv_view *view, bucket *list, size_t *ret_n)
{
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < view->n_layers; i++) {
            uint32_t spec = w->alias[w->layer_spec[view->layers[i]]];
            bucket *b;

            if (sf_kv_is_full(&w->made[spec].s) != (pass == 0))
                continue;
            b = find_bucket(w, list, ret_n, spec, view->n_layers);
            if (!b)
                return sf_kv_nomem(w);
            b->layers[b->n++] = view->layers[i];
        }
    return true;
}

/* Raises each windowed page to the nearest page of the full bucket that holds it. */
static bool raise_pages(sf_kv_work *w, const sf_kv_view *view)
{
    for (size_t i = 0; i < view->n_shares; i++) {
        sf_kv_work_spec *s = &w->made[view->shares[i].spec];
        uint64_t best = 0;

        if (sf_kv_is_full(&s->s))
            continue;
        for (size_t j = 0; j < view->n_shares; j++) {
            const sf_kv_work_spec *f = &w->made[view->shares[j].spec];

            if (sf_kv_is_full(&f->s) && f->page >= s->page && (!best || f->page < best))
                best = f->page;
        }
        if (!best)
            return sf_kv_refuse(w, SF_KV_ERR_LAYOUT, "AssertionError", SF_STR(""));
        s->s.page_padded = best;
        s->page = best;
    }
    return true;
}

static bool count_repeats(sf_kv_work *w, bucket *b)
{
    page_count *list = SF_NEW_ARRAY(w->a, page_count, w->n_specs);
    size_t n = 0;

    if (!list)
        return sf_kv_nomem(w);
    for (size_t i = 0; i < b->n; i++)
        count_page(list, &n, w->made[w->alias[w->layer_spec[b->layers[i]]]].page, 1);
    for (size_t i = 0; i < n; i++)
        b->repeats = list[i].n > b->repeats ? list[i].n : b->repeats;
    return true;
}

/* The group height that wastes the fewest layers, at least that of the full bucket; ties: the larger. */
static uint64_t best_height(const bucket *list, size_t n)
{
    uint64_t least = list[0].repeats ? list[0].repeats : 1; /* a bucket has a layer */
    uint64_t most = 0, best = least, best_waste = UINT64_MAX;

    for (size_t i = 0; i < n; i++)
        most = list[i].repeats > most ? list[i].repeats : most;
    for (uint64_t d = least; d <= most; d++) {
        uint64_t waste = 0;

        for (size_t i = 0; i < n; i++)
            waste += sf_round_up(list[i].repeats, d) - list[i].repeats;
        if (waste <= best_waste) {
            best_waste = waste;
            best = d;
        }
    }
    return best;
}

/* The i-th layer of each page size goes to part i mod parts. */
static bool cut(sf_kv_work *w, sf_kv_view *view, const bucket *b, uint64_t parts)
{
    page_count *list = SF_NEW_ARRAY(w->a, page_count, w->n_specs);
    uint32_t *part = SF_NEW_ARRAY(w->a, uint32_t, b->n), *which = SF_NEW_ARRAY(w->a, uint32_t, b->n);
    size_t n_list = 0;

    if (!list || !part || !which)
        return sf_kv_nomem(w);
    for (size_t i = 0; i < b->n; i++) {
        uint64_t page = w->made[w->alias[w->layer_spec[b->layers[i]]]].page;
        size_t j = 0;

        count_page(list, &n_list, page, 1);
        while (list[j].page != page)
            j++;
        which[i] = (uint32_t)((list[j].n - 1) % parts);
    }
    for (uint64_t p = 0; p < parts; p++) {
        size_t k = 0;

        for (size_t i = 0; i < b->n; i++)
            if (which[i] == p)
                part[k++] = b->layers[i];
        if (k && !sf_kv_add_group(w, view, part, k, true))
            return false;
    }
    return true;
}

bool sf_kv_group_packed(sf_kv_work *w, sf_kv_view *view)
{
    bucket *list = SF_NEW_ARRAY(w->a, bucket, view->n_shares);
    size_t n = 0;
    uint64_t height;

    if (!list)
        return sf_kv_nomem(w);
    if (w->r->dsv4_block_rule == SF_DSV4_ABSENT) {
        w->rc =
            sf_diag_error(w->dg, SF_E_KV_UNKNOWN, (sf_where){0}, "name a release from 0.21 on with --engine",
                          "%.*s %.*s does not know the cache layout of DeepSeek-V4",
                          SF_STR_ARG(w->profile->engine), SF_STR_ARG(w->profile->release));
        return false;
    }
    view->packed = true;
    if (w->r->dsv4_block_rule != SF_DSV4_PER_GROUP && !raise_pages(w, view))
        return false;
    if (!make_buckets(w, view, list, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!count_repeats(w, &list[i]))
            return false;
    height = best_height(list, n);
    for (size_t i = 0; i < n; i++)
        if (!cut(w, view, &list[i], i ? sf_cdiv(list[i].repeats, height) : 1))
            return false;
    return true;
}

/* Most layers of one page size in any group, and the sum of the full group's page sizes. */
static uint64_t slots_times_pages(sf_kv_work *w, const sf_kv_view *view, uint32_t stage)
{
    uint64_t slots = 0, pages = 0;

    for (size_t i = 0; i < view->n_groups; i++) {
        size_t n;
        page_count *list = pages_of_group(w, &view->groups[i], stage, &n);

        if (!list)
            return sf_kv_nomem(w);
        for (size_t j = 0; j < n; j++) {
            slots = list[j].n > slots ? list[j].n : slots;
            pages = i ? pages : sf_add_sat(pages, list[j].page);
        }
    }
    return sf_mul_sat(slots, pages);
}

/* Each page size as often as the group with the most such layers has it. */
static uint64_t most_of_each_page(sf_kv_work *w, const sf_kv_view *view, uint32_t stage)
{
    page_count *most = SF_NEW_ARRAY(w->a, page_count, w->n_specs);
    uint64_t bytes = 0;
    size_t n_most = 0;

    if (!most)
        return sf_kv_nomem(w);
    for (size_t i = 0; i < view->n_groups; i++) {
        size_t n;
        page_count *list = pages_of_group(w, &view->groups[i], stage, &n);

        if (!list)
            return sf_kv_nomem(w);
        for (size_t j = 0; j < n; j++) {
            size_t k = 0;

            count_page(most, &n_most, list[j].page, 0);
            while (most[k].page != list[j].page)
                k++;
            most[k].n = list[j].n > most[k].n ? list[j].n : most[k].n;
        }
    }
    for (size_t i = 0; i < n_most; i++)
        bytes = sf_add_sat(bytes, sf_mul_sat(most[i].page, most[i].n));
    return bytes;
}

static uint64_t largest_group(const sf_kv_work *w, const sf_kv_view *view, uint32_t stage)
{
    uint64_t most = 0;

    for (size_t i = 0; i < view->n_groups; i++) {
        uint64_t bytes = sf_kv_group_page(w, &view->groups[i], stage);

        most = bytes > most ? bytes : most;
    }
    return most;
}

uint64_t sf_kv_packed_block(sf_kv_work *w, const sf_kv_view *view, uint32_t stage)
{
    switch (w->r->dsv4_block_rule) {
    case SF_DSV4_MAX_SLOTS:
        return slots_times_pages(w, view, stage);
    case SF_DSV4_PER_PAGE:
        return most_of_each_page(w, view, stage);
    default:
        return largest_group(w, view, stage);
    }
}

uint64_t sf_kv_packed_unit(sf_kv_work *w, const sf_kv_view *view, uint32_t stage)
{
    return slots_times_pages(w, view, stage);
}
