/*
 * embedded: cutting before parsing, because a look-up must not pay for the whole catalogue.
 * A top-level key starts a line; its value goes on to the next line that starts with another.
 */
#include "engine/embedded.h"

#include "base/embed.h"
#include "text/yaml.h"

static sf_str file_text(const char *name)
{
    sf_str text = {NULL, 0};
    bool found = sf_embed_find(sf_str_of(name), &text);

    sf_bug_if(!found);
    return text;
}

sf_code sf_engine_file(sf_arena *a, const char *name, sf_diags *dg, const sf_node **ret)
{
    return sf_yaml_parse(a, file_text(name), sf_str_of(name), dg, ret);
}

static sf_str take_line(sf_str *rest)
{
    ptrdiff_t end = sf_str_find_char(*rest, '\n');
    size_t n = end < 0 ? rest->n : (size_t)end + 1;
    sf_str line = sf_str_sub(*rest, 0, n);

    *rest = sf_str_sub(*rest, n, rest->n);
    return line;
}

static bool wanted(sf_str line, const sf_str *keys, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (keys[i].n && line.n > keys[i].n && line.p[keys[i].n] == ':' && sf_str_starts(line, keys[i]))
            return true;
    return false;
}

sf_code sf_engine_file_keys(sf_arena *a, const char *name, const sf_str *keys, size_t n, sf_diags *dg,
                            const sf_node **ret)
{
    sf_str rest = file_text(name);
    char *cut = sf_arena_alloc(a, rest.n + 1, 1);
    size_t used = 0;
    bool keep = false;

    if (!cut)
        return SF_E_NOMEM;
    while (rest.n) {
        sf_str line = take_line(&rest);

        if (line.p[0] == '#')
            continue;
        if (line.p[0] != ' ' && line.p[0] != '\n')
            keep = wanted(line, keys, n);
        if (!keep)
            continue;
        memcpy(cut + used, line.p, line.n);
        used += line.n;
    }
    cut[used] = '\0';
    return sf_yaml_parse(a, (sf_str){cut, used}, sf_str_of(name), dg, ret);
}
