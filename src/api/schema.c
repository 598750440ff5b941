/* schema: the JSON Schema of a config format as a result. */
#include "api/session.h"

#include "stages/schema.h"

static sf_code make(stagefit_result *r, const char *format)
{
    sf_config_format f = !strcmp(format, "stages")       ? SF_FORMAT_DEPLOY
                         : !strcmp(format, "stage_args") ? SF_FORMAT_LEGACY
                                                         : SF_FORMAT_NONE;
    sf_json_writer w;
    sf_code rc;

    r->document = (sf_document_view){.schema = "stagefit/schema/1", .diags = &r->dg};
    if (f == SF_FORMAT_NONE)
        return sf_diag_error(&r->dg, SF_E_UNKNOWN_NAME, (sf_where){0}, "stages or stage_args",
                             "there is no config format %s", format);
    sf_jw_init(&w, &r->text, true);
    rc = sf_schema_write(r->arena, f, &w);
    if (rc)
        return rc;
    sf_buf_add_char(&r->text, '\n');
    r->document.text = sf_arena_str(r->arena, sf_buf_str(&r->text));
    return r->text.failed || !r->document.text.p ? SF_E_NOMEM : SF_OK;
}

int stagefit_schema(stagefit *sf, const char *format, stagefit_result **ret)
{
    stagefit_result *r;

    if (!sf || !format || !ret)
        return SF_E_USAGE;
    *ret = NULL;
    r = sf_result_new(sf, SF_RESULT_DOCUMENT);
    return r ? sf_result_finish(r, make(r, format), ret) : SF_E_NOMEM;
}
