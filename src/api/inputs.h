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

/* A stage config: read when it is first needed, and once. */
typedef struct sf_config {
    sf_str path; /* as the request names it; empty: its text */
    bool read;
    sf_str text, file;   /* what it holds, and the name to show for it */
    const sf_node *root; /* NULL: not parsed yet, or it cannot be: the reader says why */
} sf_config;

typedef struct sf_inputs {
    const stagefit *session;
    sf_arena *arena;
    sf_diags *dg;
    stagefit_request req;
    sf_loader loader;
    sf_loaded *loaded;
    size_t n_loaded, cap_loaded;
    sf_model_cache *families;                       /* family files that were read */
    const sf_profile *asked;                        /* the profile that the request asks for */
    const sf_profile *reader[SF_FORMAT_DEPLOY + 1]; /* the newest that read a format, when asked does not */
} sf_inputs;

void sf_inputs_init(sf_inputs *in, const stagefit *sf, stagefit_result *r, const stagefit_request *req);
/* --gpu descriptions and inventory files.  SF_E_USAGE when there are none. */
sf_code sf_inputs_gpus(sf_inputs *in, sf_inventory *ret);
/* --set KEY=VALUE pairs. */
sf_code sf_inputs_settings(sf_inputs *in, sf_args *ret);
/* A folder or a catalogue entry. */
sf_code sf_inputs_checkpoint(sf_inputs *in, sf_str name, const sf_checkpoint **ret);
/* The model that a stage loads: checkpoints and family files are read once, whatever stages use them. */
sf_code sf_inputs_model(sf_inputs *in, const sf_deployment *d, const sf_stage *st, const sf_model **ret);
/* `m` with the model that the stage's speculative_config names to draft, where that is known; else `m` itself. */
sf_code sf_inputs_draft(sf_inputs *in, const sf_stage *st, const sf_model *m, const sf_model **ret);
/* Reads the text of `c->path` unless that has been done. */
sf_code sf_inputs_config(sf_inputs *in, sf_config *c);
/* The same, and its tree; c->root stays NULL where the text cannot be parsed: the reader will say what is wrong. */
sf_code sf_inputs_tree(sf_inputs *in, sf_config *c);
/* Who asks for a bundled deploy config, and how a refusal reads. */
typedef struct sf_bundled_ask {
    sf_code code;
    sf_where at;
    const char *hint;
} sf_bundled_ask;

/*
 * The deploy config that the release brings for the pipeline of the wish, read, with a note.  Codes: that of
 * `ask` when the release has none or it is not at hand; SF_E_PIPELINE_UNKNOWN.
 */
sf_code sf_inputs_bundled(sf_inputs *in, const sf_stages_wish *wish, const sf_bundled_ask *ask,
                          sf_config *ret);
/*
 * The profile for `spec`, which is the same in every call of a request; empty: the newest that reads the
 * format of `c`, which (unless it names nothing) is read for that, with a note when it is not the newest of all.
 */
sf_code sf_inputs_profile(sf_inputs *in, sf_str spec, bool omni, sf_config *c, const sf_profile **ret);

#endif
