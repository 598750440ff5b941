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
 * True when a name that comes from an untrusted file stays inside the folder it is put behind: not
 * empty, not absolute, without a NUL, and no part of it is "..".
 */
bool sf_path_is_inside(sf_str name);

#endif
