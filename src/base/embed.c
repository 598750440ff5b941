/* embed: look-up in the table that the build makes, sorted by name. */
#include "base/embed.h"

typedef struct embed_row {
    const char *name;
    const char *start, *end;
} embed_row;

extern const embed_row sf_embed_table[];
extern const uint64_t sf_embed_count;

bool sf_embed_at(size_t i, sf_str *ret_name, sf_str *ret_bytes)
{
    if (i >= sf_embed_count)
        return false;
    *ret_name = sf_str_of(sf_embed_table[i].name);
    *ret_bytes = (sf_str){sf_embed_table[i].start, (size_t)(sf_embed_table[i].end - sf_embed_table[i].start)};
    return true;
}

bool sf_embed_find(sf_str name, sf_str *ret)
{
    size_t lo = 0, hi = (size_t)sf_embed_count;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = sf_str_cmp(name, sf_str_of(sf_embed_table[mid].name));

        if (c == 0)
            return sf_embed_at(mid, &(sf_str){0}, ret);
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return false;
}
