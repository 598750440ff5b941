/* command_parts: what the files of the command reader share.  Private to them. */
#ifndef SF_STAGES_COMMAND_PARTS_H
#define SF_STAGES_COMMAND_PARTS_H

#include "stages/deployment.h"

typedef struct sf_command_reader {
    sf_arena *a;
    sf_diags *dg;
    const sf_loader *loader;
    const sf_flags *flags;
    const sf_str *words;
    size_t n, at;           /* next word */
    const uint64_t *starts; /* byte offset of each word in cmd->text */
    sf_command *cmd;
    sf_str swallowed; /* first word taken as the value of an unknown flag */
    sf_command_env *env;
    size_t cap_env;
    sf_str *ignored, *unknown;
    size_t cap_ignored, cap_unknown;
    bool from_file; /* values come from the --config file */
} sf_command_reader;

/* Bytes [from, to) of word `i`, as a place. */
sf_where sf_command_where(const sf_command_reader *r, size_t i, size_t from, size_t to);
/* The same as a text node. */
const sf_node *sf_command_node(sf_command_reader *r, size_t i, size_t from, size_t to);
bool sf_command_add(sf_command_reader *r, sf_str **list, size_t *n, size_t *cap, sf_str word);

/* Everything in front of the engine's own arguments: settings, launchers, docker, python -m. */
sf_code sf_command_launcher(sf_command_reader *r);
/* The engine's arguments from r->at on. */
sf_code sf_command_flags(sf_command_reader *r);
/* One argument by its canonical name; `typed` is how the user wrote it. */
sf_code sf_command_apply(sf_command_reader *r, const sf_flag *flag, const sf_node *value, sf_str typed);
/* `value` put at a dotted path under the argument: "cudagraph_mode", "pass_config.x", "list+". */
sf_code sf_command_apply_path(sf_command_reader *r, const sf_flag *flag, sf_str path, const sf_node *value,
                              sf_str typed);

#endif
