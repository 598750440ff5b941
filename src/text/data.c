/* data: the program's own data files as trees. */
#include "base/embed.h"
#include "text/pack.h"

bool sf_data_has(sf_str name)
{
    sf_str bytes;

    return sf_embed_find(name, &bytes);
}

sf_code sf_data_read(sf_arena *a, sf_str name, const sf_node **ret)
{
    sf_str bytes;
    sf_code rc;

    sf_bug_if(!sf_embed_find(name, &bytes));
    rc = sf_pack_read(a, bytes, name, ret);
    sf_bug_if(rc == SF_E_RANGE);
    return rc;
}
