/*
 * read: what the two readers (legacy, deploy) and the assembly of stages share.
 */
#ifndef SF_STAGES_READ_H
#define SF_STAGES_READ_H

#include "stages/era.h"
#include "stages/keys.h"
#include "stages/pipeline.h"

/* Unknown keys that are told of, and connectors of a stage that are looked at. */
enum { SF_READING_UNKNOWN = 50, SF_READING_CONNECTORS = 64 };

/* A stage as a reader found it, before arguments, devices and replicas are worked out. */
typedef struct sf_draft {
    int64_t id;
    sf_str path;         /* "stages[1]" for messages */
    const sf_node *node; /* its map; NULL: the pipeline's stage has no entry */
    const sf_pipeline_stage *pipeline;
    sf_str model_stage, architecture, subdir;
    sf_stage_kind kind;
    const sf_node *engine; /* map of engine arguments, later ones already over earlier ones; or NULL */
    const sf_node *devices, *num_replicas, *env;
    sf_str devices_path;
    bool first_devices;              /* devices "0,1,…,ranks - 1" without saying so */
    const sf_node *max_num_seqs;     /* from max_batch_size, over everything in the file; or NULL */
    const sf_node *inputs, *outputs; /* input_connectors, output_connectors */
    const sf_node *strategy;         /* its list of axes in a strategy file, or NULL */
} sf_draft;

typedef struct sf_reading {
    sf_arena *a;
    sf_diags *dg;
    const sf_stages_wish *wish;
    sf_era era;
    sf_keys keys;
    sf_pipeline_index index;
    const sf_loader *loader;
    const sf_node *own;  /* the file as it stands */
    const sf_node *root; /* the file, overlays merged */
    const sf_node *at;   /* something of the file to point at: the stages list or the root */
    sf_str file, base_file;
    const sf_node *connectors; /* map of connectors, or NULL */
    sf_deployment *d;
    sf_draft *drafts;
    size_t n_drafts;
    unsigned unknown_keys; /* said so far: a hostile file may have a million */
    sf_code first;         /* of the errors that did not stop the reading */
} sf_reading;

/* Notes an error that lets the reading go on; gives SF_E_NOMEM back, else SF_OK. */
static inline sf_code sf_reading_note(sf_reading *r, sf_code rc)
{
    if (rc && !r->first)
        r->first = rc;
    return rc == SF_E_NOMEM ? rc : SF_OK;
}

/*
 * Reads the text; `r` holds a, dg, wish, file and an empty d.  After a failure it holds what was read until then.
 */
sf_code sf_reading_run(sf_reading *r, sf_str text, const sf_loader *loader);

sf_code sf_legacy_read(sf_reading *r);
sf_code sf_deploy_read(sf_reading *r);

/* duplex_session of a deploy config: unknown keys and values that the engine refuses. */
sf_code sf_session_check(sf_reading *r);

/* Drafts → the stages of r->d: arguments, devices, replicas, ranks, checks. */
sf_code sf_assemble(sf_reading *r);

/* Warns of a key that nothing knows, with the nearest known one. */
sf_code sf_reading_unknown_key(sf_reading *r, const sf_pair *pair, const char *const *lists, bool arguments,
                               sf_severity severity, const char *what);

#endif
