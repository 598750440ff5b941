/*
 * explain: the whole ledger, every amount with the formula that gave it, its origin and band.
 * Must not compute anything that the account or the replay has not: the formulas come with the amounts.
 */
#include "report/parts.h"

static void field(sf_page *p, const char *name, const char *text)
{
    size_t used = 4 + strlen(name) + 1;

    if (!*text)
        return;
    sf_page_pad(p, 4);
    sf_page_text(p, SF_DIM, name);
    sf_page_pad(p, 1);
    sf_page_wrap(p, used, 6, SF_PLAIN, sf_str_of(text));
}

static const char *text_of(sf_page *p, sf_str s)
{
    return sf_page_printf(p, "%.*s", SF_STR_ARG(s));
}

/* "exact", "modelled, 2.10 to 3.40 GiB" */
static const char *origin_text(sf_page *p, const sf_amount *m)
{
    if (m->low == m->high)
        return sf_origin_name(m->origin);
    return sf_page_printf(p, "%s, %s to %s GiB", sf_origin_name(m->origin), sf_page_gib(p, m->low),
                          sf_page_gib(p, m->high));
}

static const char *use_text(const sf_entry *e)
{
    if (e->stage == SIZE_MAX)
        return "";
    if (!e->resident)
        return "room kept free";
    return e->in_budget ? "in the budget" : "outside the budget";
}

static void entry_text(sf_page *p, const sf_entry *e)
{
    const char *size = sf_page_size(p, e->amount.bytes);
    const char *title = e->stage == SIZE_MAX ? "other processes" : sf_part_title(e->part);
    const char *use = use_text(e);
    size_t n = strlen(title), m = strlen(size);

    sf_page_pad(p, 2);
    sf_page_text(p, SF_BOLD, title);
    sf_page_pad(p, n < 28 ? 28 - n : 1);
    sf_page_pad(p, m < 10 ? 10 - m : 0);
    sf_page_wrapf(p, 2 + (n < 28 ? 28 : n + 1) + (m < 10 ? 10 : m), 4, SF_PLAIN, "%s  (%s%s%s)", size,
                  origin_text(p, &e->amount), *use ? "; " : "", use);
    field(p, "=", text_of(p, e->amount.formula));
    field(p, "from", text_of(p, e->amount.source));
}

/* "requested = 79.19 GiB × 0.6 = 47.51 GiB" */
static void requested_text(sf_page *p, const sf_check_view *v, const sf_stage_report *s,
                           const sf_rank_need *rank)
{
    const sf_gpu *gpu = sf_inventory_find(v->inventory, rank->device);
    bool up = v->profile && v->profile->requested == SF_REQUESTED_CEIL;
    size_t i = (size_t)(rank - s->need->ranks);
    const char *line;

    if (!gpu || !s->requested_uncapped)
        return;
    line = sf_page_printf(p, "%s × %s = %s%s", sf_page_size(p, (int64_t)gpu->total),
                          sf_page_fraction(p, s->need->util_frac), sf_page_size(p, s->requested_uncapped),
                          up ? ", rounded up to a byte" : "");
    if (!s->need->util_given)
        line = sf_page_printf(p, "%s (the default of this release)", line);
    field(p, "requested =", line);
    if (s->capped && s->rank_requested)
        field(p, "capped to",
              sf_page_printf(p, "%s, all that is free at this point", sf_page_size(p, s->rank_requested[i])));
    if (s->rank_free)
        field(p, "free at the check:", sf_page_size(p, s->rank_free[i]));
}

static void kv_text(sf_page *p, const sf_stage_report *s)
{
    const sf_kv_result *kv = s->kv;

    if (!kv)
        return;
    if (kv->block_bytes)
        field(p, "blocks =",
              sf_page_printf(p, "%s for the cache / %s B a block = %s", sf_page_size(p, s->kv_available),
                             sf_page_count(p, kv->block_bytes), sf_page_count(p, kv->num_blocks)));
    if (kv->error == SF_KV_OK)
        field(p, "at once =",
              sf_page_printf(p, "%s requests of %s tokens, printed as %s tokens",
                             sf_page_fixed2(p, kv->concurrency), sf_page_count(p, s->max_model_len),
                             sf_page_count(p, kv->tokens)));
    if (kv->n_tests)
        field(p, "one request needs", sf_page_size(p, (int64_t)kv->needed[kv->n_tests - 1]));
    if (s->longest_len)
        field(p,
              "longest request that fits:", sf_page_printf(p, "%s tokens", sf_page_count(p, s->longest_len)));
    field(p, "cache =", text_of(p, s->kv_why));
}

static void stage_head(sf_page *p, const sf_check_view *v, const sf_entry *e)
{
    const sf_stage_report *s = &v->replay->stages[e->stage];
    const sf_stage_need *need = s->need;

    sf_page_pad(p, 1);
    sf_page_wrapf(p, 1, 4, SF_BOLD, "stage %s, rank %u", sf_stage_label(p, need->stage), e->rank);
    if (need->model)
        field(
            p, "model:",
            sf_page_printf(p, "%.*s (%.*s)", SF_STR_ARG(need->model->name), SF_STR_ARG(need->model->source)));
    for (size_t k = 0; k < need->n_ranks; k++)
        if (need->ranks[k].rank == e->rank && need->ranks[k].device == e->device)
            requested_text(p, v, s, &need->ranks[k]);
    kv_text(p, s);
}

static void device_explain(sf_page *p, const sf_check_view *v, const sf_device_report *d)
{
    const sf_entry *last = NULL;

    sf_page_end(p);
    sf_page_wrapf(p, 0, 2, SF_BOLD, "GPU %u: %.*s", d->gpu->index, SF_STR_ARG(d->gpu->name));
    field(p, "total:", d->gpu->note.n ? text_of(p, d->gpu->note) : sf_total_how_text(d->gpu->how));
    for (size_t i = 0; i < v->replay->n_entries; i++) {
        const sf_entry *e = &v->replay->entries[i];

        if (e->device != d->gpu->index || (!e->amount.bytes && !e->amount.high))
            continue;
        if (e->stage < v->replay->n_stages && (!last || last->stage != e->stage || last->rank != e->rank))
            stage_head(p, v, e);
        entry_text(p, e);
        last = e;
    }
    sf_page_wrapf(p, 0, 4, SF_PLAIN, " sum: %s used + %s left = %s", sf_page_size(p, d->used),
                  sf_page_size(p, d->left), sf_page_size(p, d->total));
}

/* Flags of a pasted command that were read and have nothing to do with memory. */
static void flags_without_effect(sf_page *p, const sf_command *c)
{
    const char *text = "";

    for (size_t i = 0; c && i < c->n_ignored; i++)
        text = sf_page_printf(p, "%s%s%.*s", text, i ? ", " : "", SF_STR_ARG(c->ignored[i]));
    if (!*text)
        return;
    sf_page_end(p);
    sf_page_wrapf(p, 0, 2, SF_PLAIN, "Flags without effect on memory: %s", text);
}

void sf_page_explain(sf_page *p, const sf_check_view *v)
{
    for (size_t i = 0; i < v->replay->n_devices; i++)
        device_explain(p, v, &v->replay->devices[i]);
    flags_without_effect(p, v->command);
    sf_page_end(p);
    sf_page_wrap(
        p, 0, 0, SF_DIM,
        SF_STR("exact: read from files or computed by the engine's own arithmetic; modelled: a formula with "
               "an error band; measured: from a log; assumed: a default."));
}
