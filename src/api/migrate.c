/*
 * migrate: a legacy config as a deploy config, held against what the engine made of the old one.
 * Must not write a file: the text is the result.
 */
#include "api/inputs.h"

#include "stages/migrate.h"

/* The newest release reads the new text; what it refuses or takes otherwise is a warning. */
static sf_code hold_against(sf_inputs *in, sf_str text, const sf_deployment *was)
{
    sf_stages_wish wish = {.platform = SF_STR("cuda")};
    const sf_deployment *is = NULL;
    const sf_diag *e;
    sf_diags quiet;
    sf_code rc;

    sf_diags_init(&quiet, in->arena);
    rc = sf_profile_find(in->arena, (sf_str){0}, true, &quiet, &wish.profile);
    if (!rc)
        rc = sf_stages_read(in->arena, text, SF_STR("(new text)"), NULL, &wish, &quiet, &is);
    if (rc == SF_E_NOMEM || quiet.failed)
        return SF_E_NOMEM;
    if (is)
        return sf_migrate_compare(was, is, in->dg);
    e = sf_diags_last_error(&quiet);
    rc = sf_diag_warning(in->dg, SF_E_MIGRATE, (sf_where){.file = was->source}, e ? e->hint.p : NULL,
                         "%.*s %.*s does not read the new text: %.*s", SF_STR_ARG(wish.profile->engine),
                         SF_STR_ARG(wish.profile->release), SF_STR_ARG(e ? e->message : (sf_str){0}));
    return rc == SF_E_NOMEM ? rc : SF_OK;
}

static sf_code migrate(sf_inputs *in, stagefit_result *r)
{
    sf_stages_wish wish = {.model = sf_str_of(in->req.model),
                           .pipeline = sf_str_of(in->req.pipeline),
                           .platform = SF_STR("cuda")};
    const sf_deployment *was = NULL;
    sf_config c = {.path = sf_str_of(in->req.config)};
    sf_code rc;

    if (!!in->req.config + !!in->req.config_text != 1)
        return sf_diag_error(in->dg, SF_E_USAGE, (sf_where){0}, "stagefit migrate CONFIG",
                             "a stage config is needed");
    rc = sf_inputs_profile(in, sf_str_of(in->req.engine), true, &c, &wish.profile);
    if (!rc)
        rc = sf_inputs_config(in, &c);
    wish.parsed = c.root;
    if (!rc)
        rc = sf_migrate(in->arena, c.text, c.file, &wish, in->dg, &was, &r->document.text);
    return rc ? rc : hold_against(in, r->document.text, was);
}

int stagefit_migrate(stagefit *sf, const stagefit_request *req, stagefit_result **ret)
{
    stagefit_request request;
    stagefit_result *r;
    sf_inputs in;

    if (!sf || !ret || !sf_request_read(req, &request))
        return SF_E_USAGE;
    *ret = NULL;
    r = sf_result_new(sf, SF_RESULT_DOCUMENT);
    if (!r)
        return SF_E_NOMEM;
    r->document = (sf_document_view){.schema = "stagefit/migrate/1", .diags = &r->dg};
    sf_inputs_init(&in, sf, r, &request);
    return sf_result_finish(r, migrate(&in, r), ret);
}
