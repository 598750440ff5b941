/*
 * profile_fold: puts the changes of one release into a profile.  Private to the folder.
 *
 * Fits and texts are referred to by name; the names are kept here until the last release is in,
 * so that only those that count are read from their files.
 */
#ifndef SF_ENGINE_PROFILE_FOLD_H
#define SF_ENGINE_PROFILE_FOLD_H

#include "engine/profile.h"

enum { SF_FOLD_LAWS = 9 };

typedef struct sf_fold {
    sf_profile p;
    sf_str law[SF_FOLD_LAWS]; /* by the table in profile_laws.c */
    sf_str message[SF_MSG_COUNT];
} sf_fold;

/* Applies the map `changes`.  A field that does not exist or has the wrong type: SF_E_TYPE with its place. */
sf_code sf_fold_apply(sf_arena *a, sf_fold *fold, const sf_node *changes, sf_diags *dg);
/* Names the fit of a field (null: none); false when `field` is not one that takes a fit. */
bool sf_fold_set_law(sf_fold *fold, sf_str field, const sf_node *name);
/* Reads the fits and texts that the fold names from data/engines. */
sf_code sf_fold_finish(sf_arena *a, sf_fold *fold, sf_diags *dg);

#endif
