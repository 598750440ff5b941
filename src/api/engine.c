/*
 * engine: the profile of a request.  Without --engine the newest release is taken, but for a file in a
 * format that it no longer reads the newest one that does.
 */
#include "api/inputs.h"
#include "text/yaml.h"

static bool reads_format(const sf_profile *p, sf_config_format format)
{
    sf_str want = format == SF_FORMAT_LEGACY ? SF_STR("stage_args") : SF_STR("stages"), part,
           rest = p->format;

    for (bool more = true; more;) {
        more = sf_str_split(&rest, ',', &part);
        if (sf_str_eq(sf_str_trim(part), want))
            return true;
    }
    return false;
}

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
        if (!rc && reads_format(*ret, format))
            return SF_OK;
    }
    return rc;
}

void sf_inputs_format_note(sf_inputs *in, const sf_node *root, const sf_profile *profile)
{
    sf_diag_note(
        in->dg, SF_E_FORMAT_OLD, sf_node_where(root), "--engine says which release you run",
        "the newest vLLM-Omni does not read this format; taken as for vllm-omni@%.*s, the last that does",
        SF_STR_ARG(profile->release));
}

sf_code sf_inputs_profile(sf_inputs *in, sf_str spec, bool omni, sf_str config, const sf_profile **ret)
{
    sf_config_format format;
    sf_str text, file;
    const sf_node *root;
    sf_code rc = sf_profile_find(in->arena, spec, omni, in->dg, ret);

    if (rc || spec.n || !omni)
        return rc;
    rc = sf_inputs_config(in, config, &text, &file);
    if (rc)
        return rc;
    rc = sf_yaml_parse(in->arena, text, file, NULL, &root);
    if (rc)
        return rc == SF_E_NOMEM ? rc : SF_OK; /* the reader will say what is wrong */
    format = sf_stages_format(root);
    if (format == SF_FORMAT_NONE || reads_format(*ret, format))
        return SF_OK;
    rc = newest_reader(in, format, ret);
    if (!rc)
        sf_inputs_format_note(in, root, *ret);
    return rc;
}
