/*
 * bundled: a start that names no deploy config takes the one that its release brings for the pipeline of
 * the model.  Refused where that file is not data here.
 */
#include "api/inputs.h"
#include "stages/bundled.h"
#include "stages/pipeline.h"

static sf_code refuse(sf_inputs *in, const sf_bundled_ask *ask, const char *hint, sf_str pipeline)
{
    if (pipeline.n)
        return sf_diag_error(in->dg, ask->code, ask->at, hint,
                             "pipeline %.*s starts with its bundled deploy config, which is not at hand here",
                             SF_STR_ARG(pipeline));
    return sf_diag_error(
        in->dg, ask->code, ask->at, hint,
        "without a deploy config the pipeline of the model decides, and none is known for it");
}

static sf_code choose(sf_inputs *in, const sf_stages_wish *wish, const sf_pipeline **ret)
{
    sf_pipeline_ask ask = {.key = wish->pipeline,
                           .key_any_release = true,
                           .model_type = wish->hf_model_type,
                           .architecture = wish->hf_architecture,
                           .model = wish->model,
                           .date = wish->profile->date};
    sf_pipeline_index index;
    sf_pipeline_found found = {0};
    sf_code rc = sf_pipeline_index_load(in->arena, &index);

    if (!rc)
        rc = sf_pipeline_choose(in->arena, &index, &ask, in->dg, &found);
    if (!rc)
        *ret = found.pipeline;
    return rc;
}

static sf_code tell(sf_inputs *in, const sf_bundled *b, const sf_bundled_ask *ask, const sf_profile *profile)
{
    bool same = sf_str_starts(profile->date, b->release);
    sf_code rc = sf_diag_note(
        in->dg, SF_E_BUNDLED_CONFIG, ask->at, "give your own as CONFIG, or with --deploy-config in a command",
        "no deploy config: %.*s is taken, the memory settings of %.*s in vllm-omni %.*s (%.*s)%s",
        SF_STR_ARG(b->path), SF_STR_ARG(b->file), SF_STR_ARG(b->commit), SF_STR_ARG(b->release),
        same ? "" : "; other releases may bring other values");

    return rc == SF_E_NOMEM ? rc : SF_OK;
}

sf_code sf_inputs_bundled(sf_inputs *in, const sf_stages_wish *wish, const sf_bundled_ask *ask,
                          sf_config *ret)
{
    const sf_pipeline *pipeline = NULL;
    sf_bundled b;
    sf_code rc;

    if (!sf_stages_reads(wish->profile, SF_FORMAT_DEPLOY))
        return sf_diag_error(in->dg, ask->code, ask->at, "give the stage config as CONFIG, with --model",
                             "%.*s %.*s has no deploy configs, and its stage configs are not at hand here",
                             SF_STR_ARG(wish->profile->engine), SF_STR_ARG(wish->profile->release));
    rc = choose(in, wish, &pipeline);
    if (rc)
        return rc;
    if (!pipeline)
        return refuse(in, ask, ask->hint, (sf_str){0});
    rc = sf_bundled_find(in->arena, pipeline->key, &b);
    if (rc)
        return rc;
    if (!b.path.n)
        return refuse(in, ask, ask->hint, pipeline->key);
    rc = tell(in, &b, ask, wish->profile);
    if (rc)
        return rc;
    *ret = (sf_config){.path = b.path};
    return sf_inputs_config(in, ret);
}
