/* state: the replay's working state: what is resident on each GPU, the events so far. */
#ifndef SF_STARTUP_STATE_H
#define SF_STARTUP_STATE_H

#include "startup/replay.h"

/* One GPU while the deployment starts.  Variances are sums of squared half-widths of what is resident. */
typedef struct sf_device_state {
    const sf_gpu *gpu;
    double used;
    double var_low, var_high; /* of `used` */
} sf_device_state;

typedef struct sf_start {
    sf_arena *arena;
    const sf_profile *profile;
    const sf_deployment *d;
    const sf_need *need;
    const sf_inventory *inv;
    const sf_account_options *opt;
    sf_diags *dg;
    const size_t *order; /* of the stages; NULL: the release's */
    sf_device_state *devices;
    size_t n_devices;
    sf_stage_report *stages;
    sf_rank_need **ranks; /* per stage: writable copies, KV filled in */
    sf_event *events;
    size_t n_events, cap_events;
    bool trial; /* only the outcome is asked for: no hints, no report */
    bool failed, risky, out_of_memory;
    size_t failure, risk; /* indices of the first such events */
} sf_start;

/* Free bytes as computed, and the low and high end of the band. */
double sf_state_free(const sf_device_state *s);
double sf_state_free_low(const sf_device_state *s);
double sf_state_free_high(const sf_device_state *s);
void sf_state_take(sf_device_state *s, const sf_amount *amount);
/* Takes the band of an amount away again: something else makes up for its error. */
void sf_state_forget_band(sf_device_state *s, const sf_amount *amount);
/* The band of something that grows by as much as the amount falls short. */
void sf_state_add_counterpart(sf_device_state *s, const sf_amount *amount);
sf_device_state *sf_start_device(sf_start *st, uint32_t index);

/* Adds an event on the rank's device; `before` is what was free before it.  NULL: no memory. */
sf_event *sf_start_event(sf_start *st, sf_event_kind kind, size_t stage, const sf_rank_need *r,
                         double before);
/* Marks the newest event as the failure (the first one counts) or as a risk. */
void sf_start_fail(sf_start *st, sf_event *e, sf_code code, sf_str text);
void sf_start_risk(sf_start *st, sf_event *e, sf_code code, sf_str text);

/* Where the utilisation of a stage stands, else the stage. */
sf_where sf_start_util_where(const sf_stage *s);
/* What decides how full a GPU gets: the utilisation of the last stage on it with a cache, else of the last one. */
sf_where sf_start_gpu_where(const sf_start *st, uint32_t device);

/* Stage indices in the release's start order; NULL: no memory. */
size_t *sf_start_sequence(const sf_start *st);
/*
 * Prepares the state for d, need, inv and the rest of `st`, and starts the stages in the release's order until one
 * fails.  False: out of memory.
 */
bool sf_start_run(sf_start *st);
/* Would it start, and no cache be capped, with these needs in place of the ones at hand?  Leaves `st` alone but for out_of_memory. */
bool sf_start_trial(sf_start *st, const sf_need *need);

/* The phases of one stage, all ranks; false once the start has failed. */
bool sf_stage_start(sf_start *st, size_t stage);
/* A diffusion request on each rank of a stage that is ready; false when it does not fit. */
bool sf_stage_request(sf_start *st, size_t stage);
/* The KV phase alone: sizes and takes the cache of every rank. */
bool sf_kv_phase(sf_start *st, size_t stage);
/* The admission of a parallel start, before anything is launched (vLLM-Omni). */
bool sf_admission(sf_start *st);

/* True when the process can read its own memory use (no container, NVML). */
bool sf_start_process_known(const sf_start *st);
/* Is the cache sized by what is left over, so that it makes up for the errors of what is charged? */
bool sf_cache_absorbs(const sf_stage_need *n);
/* Memory on the rank's GPU that is not its own, for releases that charge it; else 0. */
int64_t sf_other_use(const sf_start *st, size_t stage, const sf_rank_need *r);

/*
 * What to type after a failed check, a failed KV sizing, or running out of memory.  Every number in
 * them has been tried: with it the deployment starts.
 */
sf_str sf_hint_free_memory(sf_start *st, size_t stage, const sf_rank_need *r, double free_bytes);
sf_str sf_hint_kv(sf_start *st, size_t stage, const sf_rank_need *r, const sf_kv_result *kv);
sf_str sf_hint_room(sf_start *st, size_t stage, const sf_rank_need *r, double short_bytes);
/* Bytes that the stage needs inside its budget on this rank to serve one request of its length. */
double sf_budget_needed(sf_start *st, size_t stage, const sf_rank_need *r);
/* The same as a utilisation, rounded up to hundredths; 0 when no utilisation up to 1 is enough. */
double sf_util_needed(sf_start *st, size_t stage);

/* Entries and device reports out of the state. */
sf_code sf_ledger_build(sf_start *st, const sf_inventory *inv, sf_replay *ret);

#endif
