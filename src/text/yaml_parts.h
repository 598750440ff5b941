/*
 * yaml_parts: what the files of the YAML reader share.  Not for use outside src/text/yaml*.c.
 */
#ifndef SF_TEXT_YAML_PARTS_H
#define SF_TEXT_YAML_PARTS_H

#include "text/yaml.h"

/* What a plain scalar turned out to be. */
typedef enum sf_yaml_plain {
    SF_YAML_VALUE,
    SF_YAML_MERGE,  /* "<<" */
    SF_YAML_EQUALS, /* "=": a key may be that, a value may not */
    SF_YAML_BROKEN, /* looks like a number and is none ("0x_"): the engine's loader stops */
} sf_yaml_plain;

/* Sets kind, text and value of `ret`; nothing else of it is touched. */
sf_yaml_plain sf_yaml_plain_type(sf_str text, sf_node *ret);

/* The same for a scalar with a tag, given without "tag:yaml.org,2002:".  The code is SF_OK, SF_E_NOMEM, or
 * SF_E_YAML without a diagnostic: the tag or the value does not do. */
sf_code sf_yaml_tagged_type(sf_arena *a, sf_str tag, sf_str text, sf_node *ret);

/* Places and checks of the raw text (yaml_check.c). */
typedef struct sf_yaml_text {
    sf_str text; /* without the BOM */
    sf_str file;
    size_t bom; /* bytes before `text` */
    sf_diags *dg;
} sf_yaml_text;

/* Moves over one character, keeping line and column (from 1) as YAML counts them. */
size_t sf_yaml_step(sf_str text, size_t at, uint32_t *line, uint32_t *col);
/* The place of a byte of `text`; walks from the start. */
sf_where sf_yaml_place(const sf_yaml_text *t, size_t at, size_t len);
/* Size, UTF-8, control characters, number of directives. */
sf_code sf_yaml_check_text(const sf_yaml_text *t);
/*
 * libyaml skips U+FEFF at the start of any line, and so sees another indentation; for the engine's loader it is
 * a letter behind the start of the text.  Gives the text with each replaced by a private character of the same
 * length (in `mask`, 3 bytes) that it does not have, or the text itself when there is none.  Code: SF_E_NOMEM.
 */
sf_code sf_yaml_hide_bom(sf_arena *a, sf_str *text, char mask[3]);
/* Puts them back, in place. */
void sf_yaml_show_bom(sf_str text, const char mask[3]);
/* A tab in [from, to) outside a comment; `to` when there is none. */
size_t sf_yaml_find_tab(sf_str text, size_t from, size_t to);
sf_code sf_yaml_tab_error(const sf_yaml_text *t, size_t at);
/* What to do about a problem that libyaml names; NULL when nothing can be said. */
const char *sf_yaml_hint(const char *problem);
/* At most 60 bytes for a message, not cut inside a character. */
sf_str sf_yaml_clip(sf_str s);

/*
 * Turns n keys and values, one after another in `kv`, into the pairs of `map`: refuses keys that are
 * null, lists, maps or given twice, and follows merge keys (yaml_map.c).
 */
sf_code sf_yaml_map_finish(sf_arena *a, const sf_node *const *kv, size_t n, sf_diags *dg, sf_node *map);

#endif
