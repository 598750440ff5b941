/* inputs: what a request names, read into values.  Private to src/api. */
#ifndef SF_API_INPUTS_H
#define SF_API_INPUTS_H

#include "api/session.h"
#include "model/model.h"

/* One checkpoint, read once, whatever stages use it. */
typedef struct sf_loaded {
    sf_str name;
    const sf_checkpoint *checkpoint;
} sf_loaded;

typedef struct sf_inputs {
    const stagefit *session;
    sf_arena *arena;
    sf_diags *dg;
    stagefit_request req;
    sf_loader loader;
    sf_loaded *loaded;
    size_t n_loaded, cap_loaded;
} sf_inputs;

void sf_inputs_init(sf_inputs *in, const stagefit *sf, stagefit_result *r, const stagefit_request *req);
/* --gpu descriptions and inventory files.  SF_E_USAGE when there are none. */
sf_code sf_inputs_gpus(sf_inputs *in, sf_inventory *ret);
/* --set KEY=VALUE pairs. */
sf_code sf_inputs_settings(sf_inputs *in, sf_args *ret);
/* A folder or a catalogue entry. */
sf_code sf_inputs_checkpoint(sf_inputs *in, sf_str name, const sf_checkpoint **ret);
/* Text of the stage config that the request names, and the name to show for it. */
sf_code sf_inputs_config(sf_inputs *in, sf_str path, sf_str *ret_text, sf_str *ret_file);
/* The profile for `spec` (empty: the newest that reads the format of the stage config). */
sf_code sf_inputs_profile(sf_inputs *in, sf_str spec, bool omni, sf_str config, const sf_profile **ret);
/* Says that an older release was taken because the newest does not read the format of `root`. */
void sf_inputs_format_note(sf_inputs *in, const sf_node *root, const sf_profile *profile);

#endif
