/*
 * overlay: a deploy file with everything its base_config chain brings in.
 */
#ifndef SF_STAGES_OVERLAY_H
#define SF_STAGES_OVERLAY_H

#include "stages/deployment.h"
#include "stages/era.h"

/* Files of one chain, the overlay included. */
enum { SF_OVERLAY_FILES = 16 };

/*
 * `root` is the tree of `file`; the result is the merged tree without base_config, interpolations
 * resolved file by file.  `ret_base` is the last file of the chain (`file` itself without a base).
 * Codes: SF_E_BASE_CONFIG, SF_E_FORMAT_OLD (stage_args somewhere in the chain), those of the readers.
 */
sf_code sf_overlay_read(sf_arena *a, const sf_node *root, sf_str file, const sf_era *era,
                        const sf_loader *loader, sf_diags *dg, const sf_node **ret, sf_str *ret_base);

#endif
