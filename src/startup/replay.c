/*
 * replay: the order of the stages, the verdict, and the report.
 * Pure: nothing but arithmetic over what account gave.
 */
#include "startup/replay.h"

#include "startup/advice.h"
#include "startup/state.h"

static bool diffusion_first(const sf_profile *p)
{
    return p->order == SF_ORDER_DIFFUSION_FIRST_GROUPS_BY_TEXT ||
           p->order == SF_ORDER_DIFFUSION_FIRST_GROUPS_BY_OVERLAP;
}

/* Does stage x start before stage y? */
static bool starts_before(const sf_start *st, size_t x, size_t y)
{
    const sf_stage *a = &st->d->stages[x], *b = &st->d->stages[y];
    bool ax = a->kind == SF_STAGE_DIFFUSION, bx = b->kind == SF_STAGE_DIFFUSION;

    if (diffusion_first(st->profile) && ax != bx)
        return ax;
    return a->id != b->id ? a->id < b->id : a->replica < b->replica;
}

/* A deployment has few stages, so insertion is fine. */
size_t *sf_start_sequence(const sf_start *st)
{
    size_t *order = SF_NEW_ARRAY(st->arena, size_t, st->d->n_stages);

    for (size_t i = 0; order && i < st->d->n_stages; i++) {
        size_t at = i;

        while (at > 0 && starts_before(st, i, order[at - 1])) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = i;
    }
    return order;
}

static bool prepare_stage(sf_start *st, size_t s)
{
    const sf_stage_need *n = &st->need->stages[s];
    sf_stage_report *rep = &st->stages[s];

    rep->need = n;
    rep->rank_requested = SF_NEW_ARRAY(st->arena, int64_t, n->n_ranks);
    rep->rank_free = SF_NEW_ARRAY(st->arena, int64_t, n->n_ranks);
    st->ranks[s] = sf_arena_grow(st->arena, n->ranks, n->n_ranks, n->n_ranks, sizeof *n->ranks);
    return rep->rank_requested && rep->rank_free && st->ranks[s];
}

static bool prepare(sf_start *st)
{
    const sf_inventory *inv = st->inv;

    st->n_devices = inv->n;
    st->devices = SF_NEW_ARRAY(st->arena, sf_device_state, inv->n);
    st->stages = SF_NEW_ARRAY(st->arena, sf_stage_report, st->d->n_stages);
    st->ranks = SF_NEW_ARRAY(st->arena, sf_rank_need *, st->d->n_stages);
    if (!st->devices || !st->stages || !st->ranks)
        return false;
    for (size_t i = 0; i < inv->n; i++)
        st->devices[i] = (sf_device_state){.gpu = &inv->gpus[i], .used = (double)inv->gpus[i].used};
    for (size_t s = 0; s < st->d->n_stages; s++)
        if (!prepare_stage(st, s))
            return false;
    return true;
}

static void set_verdict(const sf_start *st, sf_replay *r)
{
    r->nominal_ok = !st->failed;
    r->verdict = st->failed ? SF_FAILS : st->risky ? SF_STARTS_MAYBE : SF_STARTS;
    if (st->failed && st->n_events && r->events[st->failure].kind == SF_EVENT_REQUEST)
        r->verdict = SF_REQUEST_FAILS;
    if (st->failed && st->n_events)
        r->first_failure = &r->events[st->failure];
    else if (st->risky)
        r->first_failure = &r->events[st->risk];
}

bool sf_start_run(sf_start *st)
{
    const size_t *order = st->order ? st->order : sf_start_sequence(st);

    if (!order || !prepare(st))
        return false;
    if (sf_admission(st))
        for (size_t i = 0; i < st->d->n_stages && sf_stage_start(st, order[i]); i++)
            ;
    for (size_t i = 0; i < st->d->n_stages && !st->failed && !st->out_of_memory; i++)
        sf_stage_request(st, i);
    return !st->out_of_memory;
}

bool sf_start_trial(sf_start *st, const sf_need *need)
{
    sf_start t = {.arena = st->arena,
                  .profile = st->profile,
                  .d = st->d,
                  .need = need,
                  .inv = st->inv,
                  .opt = st->opt,
                  .trial = true};

    if (!sf_start_run(&t)) {
        st->out_of_memory = true;
        return false;
    }
    for (size_t i = 0; i < t.d->n_stages; i++)
        if (t.stages[i].capped && t.stages[i].need->has_kv)
            return false;
    return !t.failed;
}

sf_code sf_replay_start(sf_arena *a, const sf_profile *profile, const sf_deployment *d, const sf_need *need,
                        const sf_inventory *inv, const sf_account_options *opt, sf_diags *dg,
                        const sf_replay **ret)
{
    sf_start st = {.arena = a, .profile = profile, .d = d, .need = need, .inv = inv, .opt = opt, .dg = dg};
    sf_replay *r = SF_NEW(a, sf_replay);
    sf_code rc;

    if (!r || !sf_start_run(&st))
        return SF_E_NOMEM;
    for (size_t s = 0; s < d->n_stages; s++)
        if (!st.stages[s].reached)
            st.stages[s].util_needed = sf_util_needed(&st, s);
    if (st.out_of_memory)
        return SF_E_NOMEM;
    r->events = st.events;
    r->n_events = st.n_events;
    r->stages = st.stages;
    r->n_stages = d->n_stages;
    set_verdict(&st, r);
    if (st.failed && st.n_events && r->events[st.failure].risk)
        sf_diag_note(dg, SF_E_TIGHT, sf_start_util_where(&d->stages[r->events[st.failure].stage]),
                     "try it once, or give it what the hint above says",
                     "the failure is inside the error band: with amounts at its favourable edge it starts");
    rc = sf_ledger_build(&st, inv, r);
    if (rc)
        return rc;
    sf_advise(&st, r);
    *ret = r;
    return SF_OK;
}
