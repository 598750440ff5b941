/* catalogue_quant: models of the catalogue as a quantised release of another one. */
#ifndef SF_MODEL_CATALOGUE_QUANT_H
#define SF_MODEL_CATALOGUE_QUANT_H

#include "model/model.h"

/* quantization_config of a recipe of data/quantization/recipes.yaml; NULL when there is none of this name. */
sf_code sf_catalogue_recipe(sf_arena *a, sf_str name, const sf_node **ret);

/*
 * `base` with a quantization_config: `recipe` is a name of data/quantization/recipes.yaml or the config itself.  The
 * new checkpoint's name and source are the caller's to set.
 */
sf_code sf_catalogue_quantised(sf_arena *a, const sf_checkpoint *base, const sf_node *recipe,
                               sf_checkpoint **ret);

/*
 * What a name that the catalogue does not have may stand for: "owner/Base-AWQ" is Base by the recipe of that ending.
 * `ret_base` is empty when no ending fits.
 */
sf_code sf_catalogue_guess(sf_arena *a, sf_str name, sf_str *ret_base, const sf_node **ret_recipe);

#endif
