/*
 * lint: many stage configs, each against the release that is asked for, or else the newest that reads it.
 * Must not need a GPU, nor a model folder: a model of the catalogue is looked at when it is there.
 */
#include "api/inputs.h"

#include "memory/kv.h"
#include "memory/need.h"
#include "text/yaml.h"

typedef struct linting {
    sf_inputs in;
    stagefit_result *r;
    sf_args cli;
    sf_stages_tables tables;
} linting;

/* Heads and vocabulary that the tensor parallel size has to divide, of a model that is at hand. */
static sf_code check_heads(linting *l, const sf_deployment *d, const sf_stage *st)
{
    sf_str name = st->model.n ? st->model : d->model;
    const sf_node *at = st->args.v[SF_ARG_tensor_parallel_size].node;
    sf_diags *dg = l->in.dg;
    const sf_model *m;
    uint64_t kv;
    sf_code rc;

    l->in.dg = NULL; /* a model that is not known is no finding */
    rc = sf_inputs_model(&l->in, d, st, &m);
    l->in.dg = dg;
    if (rc)
        return rc == SF_E_NOMEM ? rc : SF_OK;
    if (m->forward.q_heads % st->tp == 0 &&
        (!m->forward.kv_heads || sf_kv_heads_of_rank(m->forward.kv_heads, st->tp, &kv)))
        return SF_OK;
    rc = sf_diag_error(
        dg, SF_E_TP_DIVIDE, sf_node_where_key(at, SF_STR("tensor_parallel_size")),
        "choose a tensor_parallel_size that divides it, usually 1, 2, 4 or 8",
        "tensor_parallel_size %u of stage %lld does not divide the %llu heads (%llu KV heads) of %.*s",
        st->tp, (long long)st->id, (unsigned long long)m->forward.q_heads,
        (unsigned long long)m->forward.kv_heads, SF_STR_ARG(name));
    return rc == SF_E_NOMEM ? rc : SF_OK;
}

static sf_code check_models(linting *l, const sf_deployment *d)
{
    sf_code rc = SF_OK;

    for (size_t i = 0; i < d->n_stages && !rc; i++) {
        const sf_stage *st = &d->stages[i];

        if (st->kind != SF_STAGE_DIFFUSION && !st->replica && st->tp > 1 && (st->model.n || d->model.n))
            rc = check_heads(l, d, st);
    }
    return rc;
}

static sf_code lint_config(linting *l, sf_config *c, sf_lint_file *out)
{
    sf_stages_wish wish = {.model = sf_str_of(l->in.req.model),
                           .pipeline = sf_str_of(l->in.req.pipeline),
                           .platform = l->in.req.platform ? sf_str_of(l->in.req.platform) : SF_STR("cuda"),
                           .cli = &l->cli,
                           .lint = SF_LINT_ALL,
                           .tables = &l->tables};
    const sf_deployment *d = NULL;
    sf_code rc = sf_yaml_parse(l->in.arena, c->text, c->file, l->in.dg, &c->root);

    if (rc)
        return rc;
    wish.parsed = c->root;
    out->format = sf_stages_format(c->root);
    rc = sf_inputs_profile(&l->in, sf_str_of(l->in.req.engine), true, c, &wish.profile);
    out->profile = wish.profile;
    if (!rc)
        rc = sf_stages_read(l->in.arena, c->text, c->file, &l->in.loader, &wish, l->in.dg, &d);
    if (d && d->pipeline)
        out->pipeline = d->pipeline->key;
    return rc || !d ? rc : check_models(l, d);
}

/* A file that cannot be read is 2, one that can and is wrong 1. */
static int status_of(const sf_diags *dg, bool strict)
{
    int status = 0;

    for (size_t i = 0; i < dg->n; i++) {
        const sf_diag *d = &dg->items[i];

        if (d->severity == SF_ERROR && d->code < 3000)
            return 2;
        if (d->severity == SF_ERROR || (strict && d->severity == SF_WARNING))
            status = 1;
    }
    return status;
}

static sf_code lint_file(linting *l, sf_str path, sf_lint_file *out)
{
    sf_diags *dg = SF_NEW(l->in.arena, sf_diags);
    sf_config c = {.path = path};
    sf_code rc;

    if (!dg)
        return SF_E_NOMEM;
    sf_diags_init(dg, l->in.arena);
    *out = (sf_lint_file){.name = path, .diags = dg};
    l->in.dg = dg;
    rc = sf_inputs_config(&l->in, &c);
    out->name = c.file;
    if (!rc)
        rc = lint_config(l, &c, out);
    out->status = status_of(dg, l->r->lint.strict);
    return rc == SF_E_NOMEM || dg->failed ? SF_E_NOMEM : SF_OK;
}

static sf_code lint(linting *l)
{
    const stagefit_request *req = &l->in.req;
    size_t n = req->n_configs ? req->n_configs : 1;
    sf_lint_file *files;
    sf_code rc;

    if (!!req->config + !!req->config_text + !!req->n_configs != 1)
        return sf_diag_error(l->in.dg, SF_E_USAGE, (sf_where){0}, "stagefit lint CONFIG…",
                             "stage configs are needed");
    rc = sf_inputs_settings(&l->in, &l->cli);
    if (rc)
        return rc;
    files = SF_NEW_ARRAY(l->in.arena, sf_lint_file, n);
    if (!files)
        return SF_E_NOMEM;
    for (size_t i = 0; i < n && !rc; i++)
        rc = lint_file(l, req->n_configs ? sf_str_of(req->configs[i]) : sf_str_of(req->config), &files[i]);
    l->r->lint.files = files;
    l->r->lint.n_files = n;
    return rc;
}

/* The worst of the files, and the number of the first error. */
static int sum_up(stagefit_result *r)
{
    int number = 0;

    for (size_t f = 0; f < r->lint.n_files; f++) {
        const sf_lint_file *file = &r->lint.files[f];

        r->status = file->status > r->status ? file->status : r->status;
        for (size_t i = 0; i < file->diags->n && !number; i++)
            if (file->diags->items[i].severity == SF_ERROR)
                number = (int)file->diags->items[i].code;
    }
    return number;
}

int stagefit_lint(stagefit *sf, const stagefit_request *req, stagefit_result **ret)
{
    linting l = {0};
    stagefit_request request;
    int number;

    if (!sf || !ret || !sf_request_read(req, &request))
        return SF_E_USAGE;
    *ret = NULL;
    l.r = sf_result_new(sf, SF_RESULT_LINT);
    if (!l.r)
        return SF_E_NOMEM;
    sf_inputs_init(&l.in, sf, l.r, &request);
    l.r->lint = (sf_lint_view){.strict = (request.flags & STAGEFIT_STRICT) != 0,
                               .version = SF_STR(STAGEFIT_VERSION),
                               .usage = &l.r->dg};
    number = sf_result_finish(l.r, lint(&l), ret);
    return *ret && !number ? sum_up(*ret) : number;
}

const char *stagefit_result_as(stagefit_result *r, const char *format)
{
    sf_json_writer w;

    if (r->kind != SF_RESULT_LINT || !format)
        return NULL;
    sf_buf_release(&r->text);
    if (!strcmp(format, "sarif")) {
        sf_jw_init(&w, &r->text, true);
        sf_report_lint_sarif(&w, r->arena, &r->lint);
        sf_buf_add_char(&r->text, '\n');
    } else if (!strcmp(format, "github")) {
        sf_report_lint_github(&r->text, r->arena, &r->lint);
    } else {
        return NULL;
    }
    if (!r->text.n)
        sf_buf_add_text(&r->text, "\n"); /* no findings, no annotations: still a text */
    return r->text.failed ? NULL : r->text.p;
}
