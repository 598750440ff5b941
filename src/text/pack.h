/*
 * pack: a value tree as bytes that load without parsing.  The build packs the YAML files of
 * data/ (tools/pack_data.c), because a look-up must not pay for reading YAML: a packed file
 * loads about thirty times as fast.  Not a format for anything outside the program: the
 * bytes belong to the build that made them.
 */
#ifndef SF_TEXT_PACK_H
#define SF_TEXT_PACK_H

#include "base/buf.h"
#include "text/node.h"

/* Appends `root` and everything below it. */
void sf_pack_write(sf_buf *out, const sf_node *root);

/*
 * The tree again; texts are borrowed from `bytes`, places are those of the YAML file, with
 * `file` as its name; a key is said to stand where its value stands.  Codes: SF_E_NOMEM; SF_E_RANGE for bytes that are not a pack.
 */
sf_code sf_pack_read(sf_arena *a, sf_str bytes, sf_str file, const sf_node **ret);

/*
 * The file data/<name> of the program itself ("engines/vllm.yaml"), as a tree.  A file that the
 * build did not put in is a broken build: sf_bug.  Code: SF_E_NOMEM.
 */
sf_code sf_data_read(sf_arena *a, sf_str name, const sf_node **ret);
/* True when there is such a file. */
bool sf_data_has(sf_str name);

#endif
