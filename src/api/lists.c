/* lists: what the catalogues hold, and the long text of a diagnostic code. */
#include "api/session.h"
#include "base/embed.h"
#include "text/pack.h"

static sf_code list_gpus(stagefit_result *r)
{
    const sf_gpu_model *gpus;
    size_t n;
    sf_code rc = sf_gpu_catalogue(r->arena, &r->dg, &gpus, &n);

    if (!rc)
        r->list = sf_list_of_gpus(r->arena, gpus, n, &r->dg);
    return rc;
}

static sf_code list_models(stagefit_result *r)
{
    sf_str *names;
    size_t n;
    sf_code rc = sf_catalogue_list(r->arena, &names, &n);

    if (!rc)
        r->list = sf_list_of_models(r->arena, names, n, &r->dg);
    return rc;
}

static sf_code list_engines(stagefit_result *r)
{
    sf_release *releases;
    size_t n;
    sf_code rc = sf_profile_list(r->arena, &r->dg, &releases, &n);

    if (!rc)
        r->list = sf_list_of_engines(r->arena, releases, n, &r->dg);
    return rc;
}

static sf_code list_pipelines(stagefit_result *r)
{
    const sf_pipeline *pipelines;
    size_t n;
    sf_code rc = sf_pipeline_list(r->arena, &r->dg, &pipelines, &n);

    if (!rc)
        r->list = sf_list_of_pipelines(r->arena, pipelines, n, &r->dg);
    return rc;
}

static sf_code list_codes(stagefit_result *r)
{
    r->list = sf_list_of_codes(r->arena, &r->dg);
    return SF_OK;
}

static sf_code list(stagefit_result *r, const char *what)
{
    static const struct {
        const char *name;
        sf_code (*make)(stagefit_result *r);
    } kinds[] = {
        {"gpus",      list_gpus     },
        {"models",    list_models   },
        {"engines",   list_engines  },
        {"pipelines", list_pipelines},
        {"codes",     list_codes    },
    };

    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (!strcmp(kinds[i].name, what)) {
            sf_code rc = kinds[i].make(r);

            return rc || r->list ? rc : SF_E_NOMEM;
        }
    return sf_diag_error(&r->dg, SF_E_UNKNOWN_NAME, (sf_where){0},
                         "gpus, models, engines, pipelines or codes", "there is no list of %s", what);
}

int stagefit_list(stagefit *sf, const char *what, stagefit_result **ret)
{
    stagefit_result *r;

    if (!sf || !what || !ret)
        return SF_E_USAGE;
    *ret = NULL;
    r = sf_result_new(sf, SF_RESULT_LIST);
    return r ? sf_result_finish(r, list(r, what), ret) : SF_E_NOMEM;
}

/* The text of a code out of data/diagnostics; not found leaves *ret. */
static sf_code find_text(stagefit_result *r, int code, sf_str *ret)
{
    const char *key = sf_arena_printf(r->arena, "SF%d", code).p;
    sf_str name, bytes;

    if (!key)
        return SF_E_NOMEM;
    for (size_t i = 0; sf_embed_at(i, &name, &bytes); i++) {
        const sf_node *root, *text;
        sf_code rc;

        if (!sf_str_starts(name, SF_STR("diagnostics/")))
            continue;
        rc = sf_data_read(r->arena, name, &root);
        if (rc)
            return rc;
        text = sf_node_get(root, key);
        if (sf_node_is(text, SF_STRING)) {
            *ret = text->text;
            return SF_OK;
        }
    }
    return SF_OK;
}

static sf_code explain(stagefit_result *r, int code)
{
    const char *title = sf_code_title(code);

    r->code = (sf_code_view){.number = code, .diags = &r->dg};
    if (!title)
        return sf_diag_error(&r->dg, SF_E_UNKNOWN_NAME, (sf_where){0}, "`stagefit codes` shows them all",
                             "there is no diagnostic SF%04d", code);
    r->code.title = sf_str_of(title);
    return find_text(r, code, &r->code.text);
}

int stagefit_explain_code(stagefit *sf, int code, stagefit_result **ret)
{
    stagefit_result *r;

    if (!sf || !ret)
        return SF_E_USAGE;
    *ret = NULL;
    r = sf_result_new(sf, SF_RESULT_CODE);
    return r ? sf_result_finish(r, explain(r, code), ret) : SF_E_NOMEM;
}
