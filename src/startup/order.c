/* order: permutations of few stages, exchanges of neighbours of many. */
#include "startup/order.h"

#include "startup/state.h"

typedef struct study {
    sf_start base; /* what every try begins with */
    size_t *own;   /* the release's order */
    sf_order_try *tries;
    size_t n, cap;
} study;

static bool same(const size_t *a, const size_t *b, size_t n)
{
    return memcmp(a, b, n * sizeof *a) == 0;
}

static bool try_order(study *s, const size_t *order)
{
    size_t n = s->base.d->n_stages;
    sf_start st = s->base;
    sf_order_try *t = &s->tries[s->n];

    if (s->n == s->cap || same(order, s->own, n))
        return true;
    t->stages = sf_arena_grow(st.arena, order, n, n, sizeof *order);
    st.order = t->stages;
    if (!t->stages || !sf_start_run(&st))
        return false;
    t->starts = !st.failed;
    for (size_t i = 0; i < n; i++)
        t->capped |= st.stages[i].capped && st.stages[i].need->has_kv;
    if (st.failed && st.n_events)
        t->failure = st.events[st.failure];
    s->n++;
    return true;
}

/* The next order in lexicographic order; false after the last. */
static bool next_permutation(size_t *p, size_t n)
{
    size_t i = n - 1, j = n - 1, x;

    while (i > 0 && p[i - 1] >= p[i])
        i--;
    if (i == 0)
        return false;
    while (p[j] <= p[i - 1])
        j--;
    x = p[i - 1], p[i - 1] = p[j], p[j] = x;
    for (j = n - 1; i < j; i++, j--)
        x = p[i], p[i] = p[j], p[j] = x;
    return true;
}

static bool all_orders(study *s, size_t *order)
{
    size_t n = s->base.d->n_stages;

    for (size_t i = 0; i < n; i++)
        order[i] = i;
    do
        if (!try_order(s, order))
            return false;
    while (next_permutation(order, n));
    return true;
}

static bool exchanges(study *s, size_t *order)
{
    size_t n = s->base.d->n_stages;

    for (size_t i = 0; i + 1 < n; i++) {
        memcpy(order, s->own, n * sizeof *order);
        order[i] = s->own[i + 1];
        order[i + 1] = s->own[i];
        if (!try_order(s, order))
            return false;
    }
    return true;
}

sf_code sf_order_try_all(sf_arena *a, const sf_profile *profile, const sf_deployment *d, const sf_need *need,
                         const sf_inventory *inv, const sf_account_options *opt, sf_order_study *ret)
{
    size_t n = d->n_stages, cap = n > SF_ORDER_ALL ? n : 24;
    study s = {
        .base = {.arena = a, .profile = profile, .d = d, .need = need, .inv = inv, .opt = opt, .trial = true},
        .cap = cap
    };
    size_t *order = SF_NEW_ARRAY(a, size_t, n + 1);

    *ret = (sf_order_study){0};
    if (n < 2)
        return SF_OK;
    s.own = sf_start_sequence(&s.base);
    s.tries = SF_NEW_ARRAY(a, sf_order_try, cap);
    if (!order || !s.own || !s.tries || !(n > SF_ORDER_ALL ? exchanges(&s, order) : all_orders(&s, order)))
        return SF_E_NOMEM;
    ret->tries = s.tries;
    ret->n = s.n;
    for (size_t i = 0; i < s.n; i++)
        ret->n_failing += !s.tries[i].starts;
    return SF_OK;
}
