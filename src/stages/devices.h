/*
 * devices: the text of `devices` in a stage, as each release reads it, and how replicas
 * share it out.
 */
#ifndef SF_STAGES_DEVICES_H
#define SF_STAGES_DEVICES_H

#include "stages/era.h"
#include "text/node.h"

enum { SF_DEVICES_MAX = 4096 };

typedef struct sf_devices {
    bool given; /* false: every visible GPU stays visible */
    bool text;  /* written as text: only that can be split over replicas */
    uint32_t *ids;
    size_t n;
} sf_devices;

/*
 * `node` may be NULL or null.  `key` is the key path for messages, `stage` the id in them.
 * A text that the release takes for "all GPUs" though its author did not is a warning (SF_E_DEVICES).
 * Codes: SF_E_DEVICES, SF_E_INTERPOLATION, SF_E_NOMEM.
 */
sf_code sf_devices_read(sf_arena *a, const sf_node *node, const sf_era *era, int64_t stage, sf_str key,
                        sf_diags *dg, sf_devices *ret);

/*
 * The devices of replica `k` of `replicas`, `per` devices each: the list is a pool (replicas × per
 * ids) or a template (per offsets).  Code: SF_E_REPLICAS.
 */
sf_code sf_devices_split(sf_arena *a, const sf_devices *all, uint32_t replicas, uint32_t per, uint32_t k,
                         const sf_node *node, int64_t stage, sf_diags *dg, sf_devices *ret);

#endif
