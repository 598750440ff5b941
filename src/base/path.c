/* path: joining and taking apart file names.  Must not touch the disk. */
#include "base/path.h"

sf_str sf_path_join(sf_arena *a, sf_str dir, sf_str name)
{
    if (!dir.n || (name.n && name.p[0] == '/'))
        return sf_arena_str(a, name);
    if (!name.n)
        return sf_arena_str(a, dir);
    return sf_arena_printf(a, dir.p[dir.n - 1] == '/' ? "%.*s%.*s" : "%.*s/%.*s", SF_STR_ARG(dir),
                           SF_STR_ARG(name));
}

static sf_str without_slashes(sf_str path)
{
    while (path.n > 1 && path.p[path.n - 1] == '/')
        path.n--;
    return path;
}

static size_t base_start(sf_str path)
{
    size_t i = path.n;

    while (i > 0 && path.p[i - 1] != '/')
        i--;
    return i;
}

sf_str sf_path_dir(sf_str path)
{
    path = without_slashes(path);
    return without_slashes(sf_str_sub(path, 0, base_start(path)));
}

sf_str sf_path_base(sf_str path)
{
    path = without_slashes(path);
    return sf_str_sub(path, base_start(path), path.n);
}

bool sf_path_is_inside(sf_str name)
{
    sf_str part, rest = name;

    if (!name.n || name.p[0] == '/' || sf_str_find_char(name, '\0') >= 0)
        return false;
    for (bool more = true; more;) {
        more = sf_str_split(&rest, '/', &part);
        if (sf_str_is(part, ".."))
            return false;
    }
    return true;
}
