/* embedded: the YAML files of data/engines, or parts of them.  Private to the folder. */
#ifndef SF_ENGINE_EMBEDDED_H
#define SF_ENGINE_EMBEDDED_H

#include "text/node.h"

/* The whole of an embedded file as a tree.  The file is part of the program: absence is a bug of ours. */
sf_code sf_engine_file(sf_arena *a, const char *name, sf_diags *dg, const sf_node **ret);
/*
 * A map with only the asked top-level keys of an embedded file: the rest is not parsed.  Empty names
 * are passed over; a key that the file does not have is missing in the map.
 */
sf_code sf_engine_file_keys(sf_arena *a, const char *name, const sf_str *keys, size_t n, sf_diags *dg,
                            const sf_node **ret);

#endif
