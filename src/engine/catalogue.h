/* catalogue: the entries of data/engines/vllm*.yaml, oldest first.  Private to the folder. */
#ifndef SF_ENGINE_CATALOGUE_H
#define SF_ENGINE_CATALOGUE_H

#include "engine/profile.h"
#include "engine/release.h"

typedef struct sf_entry_of_release {
    sf_release release;
    sf_version version; /* of the entry; vLLM-Omni: the least vLLM release it is taken for */
    const sf_node *changes;
} sf_entry_of_release;

typedef struct sf_catalogue {
    const sf_entry_of_release *entries;
    size_t n;
} sf_catalogue;

typedef enum sf_lineage { SF_LINEAGE_VLLM_V0, SF_LINEAGE_VLLM, SF_LINEAGE_OMNI, SF_LINEAGE_COUNT } sf_lineage;

/* SF_E_TYPE when an entry lacks release, date or changes. */
sf_code sf_catalogue_load(sf_arena *a, sf_lineage lineage, sf_diags *dg, sf_catalogue *ret);

#endif
