/*
 * interp: ${...} in a config, as OmegaConf resolves it: ${a.b}, ${a[0].b}, ${.x}, and
 * ${oc.env:NAME,default}.  The environment is not there: a default is taken, with a note;
 * without one the text stays as it is and whoever needs the value refuses it.
 */
#ifndef SF_STAGES_INTERP_H
#define SF_STAGES_INTERP_H

#include "text/node.h"

/*
 * `tree` with its interpolations resolved against `root`.  A tree without any is given back itself.
 * Codes: SF_E_INTERPOLATION (no such key, unknown resolver, endless), SF_E_LIMIT, SF_E_NOMEM.
 */
sf_code sf_interp_resolve(sf_arena *a, const sf_node *root, const sf_node *tree, sf_diags *dg,
                          const sf_node **ret);

/* True for a text that still holds one. */
bool sf_interp_left(const sf_node *node);

#endif
