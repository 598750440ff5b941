/*
 * alias: rows of an aliases file: names that share the shapes of a model folder, maybe quantised.
 * Columns, divided by tabs, with a title line: model_id, base_dir, quantization ("none" or words), unquantised,
 * confidence, source, config_overrides (JSON or "-").
 */
#ifndef SF_LOGS_ALIAS_H
#define SF_LOGS_ALIAS_H

#include "text/node.h"

typedef struct sf_alias {
    sf_str base_dir;          /* folder below the models' folder */
    sf_str quantization;      /* empty: none */
    const sf_node *overrides; /* over config.json; NULL none */
} sf_alias;

/* False when the text has no row for the name.  Overrides that are no JSON object count as none. */
bool sf_alias_find(sf_arena *a, sf_str text, sf_str model, sf_alias *ret);

#endif
