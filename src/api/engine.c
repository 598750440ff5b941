/*
 * engine: the profile of a request.  Without --engine the newest release is taken, but for a file in a
 * format that it no longer reads the newest one that does.
 */
#include "api/inputs.h"
#include "text/yaml.h"

/* Walks back from the newest release to one that reads the format. */
static sf_code newest_reader(sf_inputs *in, sf_config_format format, const sf_profile **ret)
{
    sf_release *list;
    size_t n;
    sf_code rc = sf_profile_list(in->arena, in->dg, &list, &n);

    for (size_t i = n; !rc && i-- > 0;) {
        sf_str spec;

        if (list[i].open || !sf_str_is(list[i].engine, "vllm-omni"))
            continue;
        spec = sf_arena_printf(in->arena, "vllm-omni@%.*s", SF_STR_ARG(list[i].release));
        rc = spec.p ? sf_profile_find(in->arena, spec, true, in->dg, ret) : SF_E_NOMEM;
        if (!rc && sf_stages_reads(*ret, format))
            return SF_OK;
    }
    return rc;
}

sf_code sf_inputs_profile(sf_inputs *in, sf_str spec, bool omni, sf_config *c, const sf_profile **ret)
{
    sf_code rc = in->asked ? SF_OK : sf_profile_find(in->arena, spec, omni, in->dg, &in->asked);
    sf_config_format format;

    *ret = in->asked;
    if (rc || spec.n || !omni || (!c->path.n && !in->req.config_text))
        return rc;
    rc = sf_inputs_tree(in, c);
    if (rc || !c->root)
        return rc;
    format = sf_stages_format(c->root);
    if (format == SF_FORMAT_NONE || sf_stages_reads(in->asked, format))
        return SF_OK;
    if (!in->reader[format])
        rc = newest_reader(in, format, &in->reader[format]);
    *ret = in->reader[format];
    if (!rc && *ret)
        sf_diag_note(
            in->dg, SF_E_FORMAT_OLD, sf_node_where(c->root), "--engine says which release you run",
            "the newest vLLM-Omni does not read this format; taken as for vllm-omni@%.*s, the last that does",
            SF_STR_ARG((*ret)->release));
    return rc;
}
