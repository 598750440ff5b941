/* unmodelled: arguments that take GPU memory in a way that the account has no model for. */
#ifndef SF_MEMORY_UNMODELLED_H
#define SF_MEMORY_UNMODELLED_H

#include "memory/need.h"

/*
 * Warns of each one that the stage sets (SF_E_NOT_MODELLED).  Code: SF_E_QUANT_UNKNOWN for a quantisation
 * that the figures would be wrong without.
 */
sf_code sf_unmodelled_check(const sf_stage *st, const sf_model *m, sf_diags *dg);

/* Names of these arguments, index 0, 1, …; empty when there are no more (docs/limits.md lists them all). */
sf_str sf_unmodelled_at(size_t i);

#endif
