/* path: file names as text; nothing here looks at the disk. */
#ifndef SF_BASE_PATH_H
#define SF_BASE_PATH_H

#include "base/arena.h"

/* "a/b" for ("a", "b"); `name` alone when it is absolute or `dir` is empty.  p is NULL: out of memory. */
sf_str sf_path_join(sf_arena *a, sf_str dir, sf_str name);
/* "x/y" for "x/y/z.yaml"; "" for "z.yaml"; "/" for "/z". */
sf_str sf_path_dir(sf_str path);
/* "z.yaml" for "x/y/z.yaml"; trailing slashes are dropped first. */
sf_str sf_path_base(sf_str path);
/*
 * Joins a name that comes from an untrusted file to `dir`.  False when the name is empty,
 * absolute, contains a NUL or climbs out with "..".
 */
bool sf_path_join_inside(sf_arena *a, sf_str dir, sf_str name, sf_str *ret);

#endif
