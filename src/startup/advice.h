/* advice: findings that do not stop a start, as warnings and notes. */
#ifndef SF_STARTUP_ADVICE_H
#define SF_STARTUP_ADVICE_H

#include "startup/state.h"

/* Adds them to st->dg. */
void sf_advise(sf_start *st, const sf_replay *r);

#endif
