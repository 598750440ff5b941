/*
 * yaml: YAML 1.1 as the engine's loader reads it (OmegaConf over PyYAML): libyaml events
 * into sf_node values.  The only file that includes libyaml is yaml.c.
 *
 * Scalars are typed by the loader's rules (c-stack: `1e3` is a float, `yes` a boolean, `010`
 * is 8, `1:30` is 90, dates and `y` are text, `.inf` a float).  Duplicate keys, a second
 * document, undefined aliases, tags other than !!int !!float !!str !!bool !!null !!seq !!map
 * !!binary are errors.  `<<` merges.  Aliases are never copied: the node is shared, and a tree
 * whose expanded size passes SF_YAML_MAX_NODES is refused (alias bombs).
 */
#ifndef SF_TEXT_YAML_H
#define SF_TEXT_YAML_H

#include "text/node.h"

enum { SF_YAML_DEPTH = 64, SF_YAML_MAX_NODES = 1000 * 1000, SF_YAML_MAX_BYTES = 8 * 1024 * 1024 };

/*
 * The one document of `text`; an empty text gives an empty map.
 * Codes: SF_E_YAML, SF_E_DUP_KEY, SF_E_UTF8, SF_E_LIMIT, SF_E_NOMEM.
 */
sf_code sf_yaml_parse(sf_arena *a, sf_str text, sf_str file, sf_diags *dg, const sf_node **ret);

/*
 * Types one plain scalar as the loader does; `ret` gets kind, value and text.  Used for values
 * on a command line that the engine passes through the same rules.
 */
void sf_yaml_type_scalar(sf_str plain, sf_node *ret);

#endif
