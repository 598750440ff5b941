/*
 * name_list: lists of module names as quantisation configs give them, ready to be compared with many
 * modules: exact names, dotted prefixes, substrings, wildcards, regular expressions.
 */
#ifndef SF_MODEL_NAME_LIST_H
#define SF_MODEL_NAME_LIST_H

#include "text/node.h"

/* How an entry covers a name; a list may use several. */
enum {
    SF_NAME_EXACT = 1,      /* a.b covers a.b */
    SF_NAME_PREFIX = 2,     /* a.b covers a.b and a.b.c */
    SF_NAME_CONTAINS = 4,   /* anywhere in the name */
    SF_NAME_COMPONENT = 8,  /* c covers a.c.d */
    SF_NAME_GLOB = 16,      /* * and ? as in a shell; * crosses dots */
    SF_NAME_RE = 32,        /* entries that begin with re: */
    SF_NAME_RE_SEARCH = 64, /* every entry is one, found anywhere; a leading +: or -: is left out */
    SF_NAME_SUFFIX = 128,   /* b.c covers a.b.c */
};
/* "exact", "prefix", …: 0 for an unknown word. */
unsigned sf_name_style(sf_str word);

typedef struct sf_name_list sf_name_list; /* lives in its arena */

/*
 * `names`: a list of texts, a map (its keys), one text, or NULL.  Entries of other kinds are an error at their place
 * (SF_E_QUANT_CONFIG), as are regular expressions outside the subset.
 */
sf_code sf_name_list_new(sf_arena *a, const sf_node *names, unsigned styles, sf_diags *dg,
                         const sf_name_list **ret);
size_t sf_name_list_count(const sf_name_list *l);
sf_str sf_name_list_at(const sf_name_list *l, size_t i);

/* The first number among the parts of a name ("model.layers.12.mlp": 12); UINT64_MAX when there is none. */
uint64_t sf_name_number(sf_str name);
/* True when an entry covers `name`; `number` is sf_name_number of it. */
bool sf_name_list_covers(const sf_name_list *l, sf_str name, uint64_t number, size_t *ret_entry);

#endif
