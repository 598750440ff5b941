/*
 * name_regex: the regular expressions that quantisation configs use for module names ("re:.*mlp\\.(gate|up)_proj").
 * The subset of Python's re that such names need: . [] () (?:) (?=) (?!) | * + ? {m,n} ^ $ \d \w \s and escaped
 * characters.  A match takes time in proportion to pattern × name: there is no backtracking to exploit.
 */
#ifndef SF_MODEL_NAME_REGEX_H
#define SF_MODEL_NAME_REGEX_H

#include "base/diag.h"

typedef struct sf_name_regex sf_name_regex; /* lives in its arena */

enum { SF_NAME_REGEX_STEPS = 480, SF_NAME_REGEX_NAME = 400 };

/* SF_E_EXPR without a diagnostic when the pattern is outside the subset or too long; SF_E_NOMEM. */
sf_code sf_name_regex_compile(sf_arena *a, sf_str pattern, const sf_name_regex **ret);

/* True when the pattern matches at the start of `name` (re.match); names over SF_NAME_REGEX_NAME never match. */
bool sf_name_regex_match(const sf_name_regex *re, sf_str name);

#endif
