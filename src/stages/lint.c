/*
 * lint: the table of rules, and what they share.
 * Must not read files or know a pipeline by name: what a model lacks is in data/pipelines/lint.yaml.
 */
#include "stages/lint.h"

#include <stdlib.h>

#include "text/pack.h"

enum { LEGACY = 1, DEPLOY = 2, BOTH = 3 };

typedef struct rule {
    void (*run)(sf_lint *l);
    sf_code code;
    unsigned formats;
    const char *since, *until; /* days between which engines behave so; NULL: always */
    bool in_check;             /* the account and the replay do not say it better */
} rule;

/* The order is that of the findings: the file as a whole, values, stages together, models. */
static const rule rules[] = {
    {sf_lint_two_formats,     SF_E_TWO_FORMATS,    BOTH,   NULL,         NULL,         true },
    {sf_lint_stage_order,     SF_E_STAGE_ID,       LEGACY, NULL,         NULL,         true },
    {sf_lint_sources,         SF_E_WIRING,         LEGACY, NULL,         NULL,         true },
    {sf_lint_edges,           SF_E_WIRING,         BOTH,   NULL,         NULL,         true },
    {sf_lint_connector_ends,  SF_E_WIRING,         BOTH,   NULL,         NULL,         true },
    {sf_lint_ends,            SF_E_NO_END,         LEGACY, NULL,         NULL,         true },
    {sf_lint_missing_entries, SF_E_NO_ENTRY,       DEPLOY, NULL,         NULL,         true },
    {sf_lint_overlay,         SF_E_OVERLAY_LOSES,  DEPLOY, NULL,         NULL,         true },
    {sf_lint_yaml_reading,    SF_E_YAML_READING,   BOTH,   NULL,         NULL,         true },
    {sf_lint_runtime_keys,    SF_E_STAGE_IGNORED,  DEPLOY, NULL,         NULL,         true },
    {sf_lint_parallel_init,   SF_E_STAGE_IGNORED,  DEPLOY, NULL,         NULL,         true },
    {sf_lint_batched_tokens,  SF_E_BATCHED_TOKENS, BOTH,   NULL,         NULL,         true },
    {sf_lint_mm_profiling,    SF_E_MM_PROFILING,   BOTH,   NULL,         NULL,         false},
    {sf_lint_util_default,    SF_E_UTIL_DEFAULT,   BOTH,   NULL,         NULL,         true },
    {sf_lint_util_unused,     SF_E_UTIL_NO_EFFECT, BOTH,   NULL,         NULL,         false},
    {sf_lint_util_sum,        SF_E_UTIL_SUM,       BOTH,   NULL,         NULL,         false},
    {sf_lint_device_sets,     SF_E_DEVICE_SETS,    BOTH,   "2026-06-14", "2026-09-01", true },
    {sf_lint_start_order,     SF_E_START_ORDER,    BOTH,   NULL,         NULL,         false},
    {sf_lint_graphs,          SF_E_GRAPHS_OUTSIDE, BOTH,   NULL,         NULL,         false},
    {sf_lint_conflicts,       SF_E_CONFLICT,       BOTH,   NULL,         NULL,         true },
    {sf_lint_unsupported,     SF_E_UNSUPPORTED,    BOTH,   NULL,         NULL,         true },
    {sf_lint_loaded_more,     SF_E_LOADED_MORE,    BOTH,   NULL,         NULL,         false},
    {sf_lint_gpu_pools,       SF_E_GPU_POOL,       BOTH,   NULL,         NULL,         false},
};

static void said(sf_lint *l, sf_code rc, sf_severity severity, sf_code code)
{
    if (rc == SF_E_NOMEM)
        l->no_memory = true;
    else if (severity == SF_ERROR && !l->first)
        l->first = code;
}

void sf_lint_say(sf_lint *l, sf_severity severity, sf_code code, sf_where at, const char *hint,
                 const char *format, ...)
{
    va_list args;
    sf_str text;

    if (l->no_memory || ++l->said > SF_LINT_SAID)
        return;
    va_start(args, format);
    text = sf_arena_vprintf(l->a, format, args);
    va_end(args);
    if (!text.p) {
        l->no_memory = true;
        return;
    }
    said(l,
         (severity == SF_ERROR     ? sf_diag_error
          : severity == SF_WARNING ? sf_diag_warning
                                   : sf_diag_note)(l->r->dg, code, at, hint, "%.*s", SF_STR_ARG(text)),
         severity, code);
}

void sf_lint_related(sf_lint *l, sf_where at, const char *text)
{
    if (!l->no_memory && l->said <= SF_LINT_SAID)
        sf_diag_related(l->r->dg, at, text);
}

const char *sf_lint_text(sf_lint *l, const char *format, ...)
{
    va_list args;
    sf_str text;

    va_start(args, format);
    text = sf_arena_vprintf(l->a, format, args);
    va_end(args);
    l->no_memory |= !text.p;
    return text.p ? text.p : "";
}

sf_where sf_lint_where(sf_lint *l, const sf_draft *draft, const sf_node *value, sf_str key)
{
    const char *path = key.n ? sf_lint_text(l, "%.*s.%.*s", SF_STR_ARG(draft->path), SF_STR_ARG(key)) : NULL;

    return sf_node_where_key(value, path ? sf_str_of(path) : draft->path);
}

const sf_draft *sf_lint_draft(const sf_lint *l, const sf_stage *st)
{
    for (size_t i = 0; i < l->r->n_drafts; i++)
        if (l->r->drafts[i].id == st->id && l->r->drafts[i].node == st->node)
            return &l->r->drafts[i];
    return NULL;
}

const sf_node *sf_lint_stage_node(const sf_lint *l, const sf_stage *st)
{
    return st->node ? st->node : l->r->at;
}

bool sf_lint_same_stage(const sf_lint *l, size_t a, size_t b)
{
    return l->d->stages[a].id == l->d->stages[b].id && l->d->stages[a].node == l->d->stages[b].node;
}

static int slot_cmp(const void *x, const void *y)
{
    const sf_lint_slot *a = x, *b = y;

    if (a->device != b->device)
        return a->device < b->device ? -1 : 1;
    return a->stage < b->stage ? -1 : a->stage > b->stage;
}

/* Which stages are on which GPU, each stage once a GPU. */
static bool fill_slots(sf_lint *l)
{
    sf_lint_slot *slots = SF_NEW_ARRAY(l->a, sf_lint_slot, SF_LINT_SLOTS);
    size_t n = 0;

    if (!slots)
        return false;
    for (size_t s = 0; s < l->d->n_stages; s++)
        for (size_t i = 0; i < l->d->stages[s].world && n < SF_LINT_SLOTS; i++) {
            bool seen = false;

            for (size_t k = 0; k < i && k < 64; k++)
                seen |= l->d->stages[s].devices[k] == l->d->stages[s].devices[i];
            if (!seen)
                slots[n++] = (sf_lint_slot){l->d->stages[s].devices[i], (uint32_t)s};
        }
    qsort(slots, n, sizeof *slots, slot_cmp);
    l->slots = slots;
    l->n_slots = n;
    return true;
}

static bool applies(const sf_lint *l, const rule *row)
{
    unsigned format = l->d->format == SF_FORMAT_LEGACY ? LEGACY : DEPLOY;
    sf_str date = l->profile ? l->profile->date : (sf_str){0};

    if (!(row->formats & format) || (l->r->wish->lint == SF_LINT_CHECK && !row->in_check))
        return false;
    if (!row->since)
        return true;
    return date.n && sf_str_cmp(sf_str_of(row->since), date) <= 0 &&
           sf_str_cmp(date, sf_str_of(row->until)) < 0;
}

sf_code sf_lint_rules(sf_reading *r, sf_code rc)
{
    sf_lint l = {.a = r->a, .r = r, .d = r->d, .profile = r->wish->profile};

    if (!sf_node_is(r->own, SF_MAP) || r->d->format == SF_FORMAT_NONE)
        return rc; /* nothing to look at, and said */
    if (!r->root)
        r->root = r->own;
    if (!r->at)
        r->at = r->own;
    l.data = r->wish->tables ? r->wish->tables->lint : NULL;
    if ((!l.data && sf_data_read(r->a, SF_STR("pipelines/lint.yaml"), &l.data)) || !fill_slots(&l))
        return SF_E_NOMEM;
    if (r->wish->tables)
        r->wish->tables->lint = l.data;
    for (size_t i = 0; i < sizeof rules / sizeof *rules && !l.no_memory; i++)
        if (applies(&l, &rules[i])) {
            l.said = 0;
            rules[i].run(&l);
        }
    return l.no_memory ? SF_E_NOMEM : rc ? rc : l.first;
}
