/* release: names of releases as people write them: versions ("v0.19.1rc2+g1") and days ("2026-07"). */
#ifndef SF_ENGINE_RELEASE_H
#define SF_ENGINE_RELEASE_H

#include "base/arena.h"

enum { SF_VERSION_PARTS = 4 };

typedef struct sf_version {
    int64_t part[SF_VERSION_PARTS]; /* missing parts are 0 */
    size_t given;
} sf_version;

/*
 * "0.19", "v0.10.1.1", "0.8.5.post1", "0.23.1rc1.dev280+gc0b2d8f47": the leading numbers; what
 * follows them does not change the behaviour.  False when there are not two numbers in front.
 */
bool sf_version_parse(sf_str text, sf_version *ret);
/* < 0, 0, > 0; missing parts count as 0. */
int sf_version_cmp(const sf_version *a, const sf_version *b);

/*
 * "2026-07-15", or "2026-07", which is the last day of that month: the day in ISO form.
 * False on anything else; `p` is NULL when memory is out.
 */
bool sf_day_parse(sf_arena *a, sf_str text, sf_str *ret);

#endif
