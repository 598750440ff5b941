/*
 * order: the same deployment, its stages started in other orders.  Stages that size a cache take what is
 * free, so the order decides who finds too little.
 */
#ifndef SF_STARTUP_ORDER_H
#define SF_STARTUP_ORDER_H

#include "startup/replay.h"

/* All orders of at most this many stages are tried; of more stages, those with two neighbours exchanged. */
enum { SF_ORDER_ALL = 4 };

typedef struct sf_order_try {
    const size_t *stages; /* indices into the deployment, n_stages of them */
    bool starts, capped;  /* capped: a stage that sizes a cache gets less than it asks for */
    sf_event failure;     /* the first one, when it does not start */
} sf_order_try;

typedef struct sf_order_study {
    const sf_order_try *tries; /* without the release's own order */
    size_t n, n_failing;
} sf_order_study;

/* Pure.  Code: SF_E_NOMEM. */
sf_code sf_order_try_all(sf_arena *a, const sf_profile *profile, const sf_deployment *d, const sf_need *need,
                         const sf_inventory *inv, const sf_account_options *opt, sf_order_study *ret);

#endif
