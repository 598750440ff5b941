/*
 * multimodal: limits of items.  vLLM config/multimodal.py (limit_per_prompt, mm_encoder_tp_mode).
 */
#include "memory/multimodal.h"

#include <math.h>

/* The limit of one kind. */
static double limit_of(const sf_profile *profile, const sf_args *args, sf_str modality)
{
    const sf_node *limit = sf_node_get_str(args->v[SF_ARG_limit_mm_per_prompt].node, modality);

    if (sf_args_bool(args, SF_ARG_language_model_only, false))
        return 0;
    if (sf_node_is(limit, SF_MAP))
        limit = sf_node_get(limit, "count");
    if (sf_node_is(limit, SF_INT) && limit->as.i >= 0)
        return (double)limit->as.i;
    return profile->v0 ? 1 : INFINITY;
}

double sf_items_per_prompt(const sf_profile *profile, const sf_args *args, sf_str modalities)
{
    double most = 0;
    sf_str word;

    for (bool more = modalities.n > 0; more;) {
        double limit;

        more = sf_str_split(&modalities, ' ', &word);
        limit = limit_of(profile, args, word);
        most = limit > most ? limit : most;
    }
    return most;
}

uint8_t sf_modalities_unused(const sf_profile *profile, const sf_args *args)
{
    unsigned bits = 0;

    for (unsigned i = 0; profile->drops_unused_encoders && i < SF_MM_COUNT; i++)
        if (sf_items_per_prompt(profile, args, sf_str_of(sf_modality_name(i))) <= 0)
            bits |= 1u << i;
    return (uint8_t)bits;
}

bool sf_encoders_whole(const sf_args *args)
{
    return sf_str_is(sf_args_str(args, SF_ARG_mm_encoder_tp_mode, SF_STR("weights")), "data");
}
