/*
 * replay: starts the deployment the way the engine release does it, on paper: in order, with
 * the free memory of each GPU at each event, the release's check, KV sizing, the first failure
 * with the engine's own text, and the ledger of what is resident in the end.
 */
#ifndef SF_STARTUP_REPLAY_H
#define SF_STARTUP_REPLAY_H

#include "memory/need.h"

typedef enum sf_event_kind {
    SF_EVENT_INIT,    /* context, communicators */
    SF_EVENT_CHECK,   /* free against requested */
    SF_EVENT_LOAD,    /* weights */
    SF_EVENT_PROFILE, /* activation peak; freed again */
    SF_EVENT_KV,      /* cache allocated */
    SF_EVENT_GRAPHS,  /* CUDA graphs, codec graph pools */
    SF_EVENT_READY,
    SF_EVENT_REQUEST, /* a diffusion request of the size that was asked for, once all stages are ready */
} sf_event_kind;
const char *sf_event_name(sf_event_kind kind);

typedef struct sf_event {
    sf_event_kind kind;
    size_t stage; /* index into the deployment */
    uint32_t rank, device;
    int64_t free_before, free_after, low_after, high_after;
    bool failed;
    bool risk;    /* fails inside the error band */
    sf_code code; /* of the failure or warning */
    sf_str text;  /* the engine's own text, or what we say */
} sf_event;

/* A line of the ledger. */
typedef struct sf_entry {
    uint32_t device;
    size_t stage; /* SIZE_MAX: not a stage (other tenants) */
    uint32_t rank;
    sf_part part;
    sf_amount amount;
    bool in_budget; /* counts against requested */
    bool resident;  /* stays after the start (the activation peak is room kept, not resident) */
} sf_entry;

typedef struct sf_device_report {
    const sf_gpu *gpu;
    int64_t total, tenants;
    int64_t used, used_low, used_high; /* resident after the start, room for activation included */
    int64_t left, left_low, left_high;
    double util_sum; /* of the stages on it */
    size_t n_ranks;
} sf_device_report;

typedef struct sf_stage_report {
    const sf_stage_need *need;
    bool reached, started;
    int64_t requested; /* bytes asked of each GPU (of rank 0's GPU) */
    int64_t requested_uncapped;
    bool capped;
    int64_t *rank_requested, *rank_free;   /* per rank: requested after capping, free at the check */
    const sf_kv_result *kv;                /* NULL: none */
    int64_t kv_available, kv_low, kv_high; /* least over the ranks */
    uint64_t max_model_len;
    uint64_t longest_len; /* the longest request that fits in the cache */
    double util_needed;   /* least utilisation with which it would start, 0 none */
    sf_str kv_why;        /* what limits the cache */
} sf_stage_report;

typedef enum sf_verdict {
    SF_STARTS,
    SF_STARTS_MAYBE,
    SF_FAILS,
    SF_REQUEST_FAILS, /* starts, but a request of the size that was asked for does not fit */
} sf_verdict;

typedef struct sf_replay {
    sf_verdict verdict;
    bool nominal_ok; /* starts when every amount is as computed */
    const sf_event *events;
    size_t n_events;
    const sf_event *first_failure; /* or the first risk when the verdict is maybe; NULL none */
    const sf_entry *entries;       /* by device, then stage, rank, part */
    size_t n_entries;
    const sf_device_report *devices; /* as the inventory */
    size_t n_devices;
    const sf_stage_report *stages;
    size_t n_stages;
} sf_replay;

/*
 * Pure.  Failures of the start are in the result and as diagnostics of severity error;
 * SF_OK is returned all the same.  Codes: SF_E_NOMEM.
 */
sf_code sf_replay_start(sf_arena *a, const sf_profile *profile, const sf_deployment *d, const sf_need *need,
                        const sf_inventory *inv, const sf_account_options *opt, sf_diags *dg,
                        const sf_replay **ret);

#endif
