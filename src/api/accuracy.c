/*
 * accuracy: measured starts out of a file, each predicted from its inputs.
 * Must not show a prediction what it is held against.
 */
#include "api/inputs.h"

#include "base/path.h"
#include "logs/alias.h"
#include "model/catalogue_quant.h"
#include "text/json.h"

enum { TRUTH_MAX_BYTES = 64 << 20, MAX_ROWS = 100000 };

typedef struct measuring {
    sf_inputs in;
    sf_accuracy_view *v;
    sf_str aliases; /* text, or empty */
    sf_accuracy_row *rows;
    size_t n_rows, cap;
} measuring;

/* The folder of a name: "owner/name" is owner__name. */
static sf_str folder_of(measuring *m, sf_str name)
{
    char *p = sf_arena_alloc(m->in.arena, 2 * name.n + 1, 1);
    size_t n = 0;

    for (size_t i = 0; p && i < name.n; i++) {
        if (name.p[i] == '/')
            p[n++] = '_';
        p[n++] = name.p[i] == '/' ? '_' : name.p[i];
    }
    return p ? sf_path_join(m->in.arena, sf_str_of(m->in.req.models), (sf_str){p, n}) : (sf_str){0};
}

static bool is_folder(measuring *m, sf_str path)
{
    const sf_fs *fs = m->in.session->fs;
    sf_str config = sf_path_join(m->in.arena, path, SF_STR("config.json"));

    return config.p && fs->kind(fs->ctx, config) == SF_FS_FILE;
}

/* The text of the reason in the row's own memory; the last error of `dg` where there is one. */
static sf_code refuse(sf_accuracy_row *row, sf_str why)
{
    row->reason = why;
    return why.p ? SF_OK : SF_E_NOMEM;
}

static sf_code refuse_diag(measuring *m, sf_accuracy_row *row, const sf_diags *dg, sf_code rc)
{
    const sf_diag *d = sf_diags_last_error(dg);

    if (rc == SF_E_NOMEM)
        return rc;
    return refuse(row, sf_arena_printf(m->in.arena, "SF%d %.*s", rc,
                                       SF_STR_ARG(d ? d->message : SF_STR("cannot be read"))));
}

/* Name of a recipe: the words of the alias, without a note on how the scales were calibrated. */
static sf_str recipe_name(sf_str words)
{
    ptrdiff_t open = sf_str_find(words, SF_STR(" ("));

    return open > 0 && sf_str_ends(words, SF_STR("calibrated)")) ? sf_str_sub(words, 0, (size_t)open) : words;
}

/* Folder, overrides and recipe that the name stands for; `row->reason` is set when nothing is known. */
static sf_code find_folder(measuring *m, sf_accuracy_row *row, sf_str *ret, sf_alias *ret_alias)
{
    sf_truth_inputs *in = &row->truth.in;

    *ret_alias = (sf_alias){0};
    *ret = folder_of(m, in->model);
    if (!ret->p)
        return SF_E_NOMEM;
    if (in->model.n && is_folder(m, *ret))
        return SF_OK;
    if (!sf_alias_find(m->in.arena, m->aliases, in->model, ret_alias))
        ret_alias->base_dir = in->model_dir;
    if (!ret_alias->base_dir.n)
        return refuse(row, in->model.n
                               ? sf_arena_printf(m->in.arena, "no folder of %.*s", SF_STR_ARG(in->model))
                               : SF_STR("the row names no model"));
    *ret = sf_path_join(m->in.arena, sf_str_of(m->in.req.models), ret_alias->base_dir);
    return ret->p ? SF_OK : SF_E_NOMEM;
}

/* The checkpoint as its recipe makes it. */
static sf_code quantise(measuring *m, sf_accuracy_row *row, sf_str words, const sf_checkpoint **ckpt)
{
    const sf_node *recipe = NULL;
    sf_checkpoint *made = NULL;
    sf_code rc = words.n ? sf_catalogue_recipe(m->in.arena, recipe_name(words), &recipe) : SF_OK;

    if (rc || !words.n)
        return rc;
    if (!recipe)
        return refuse(row, sf_arena_printf(m->in.arena, "no recipe for this way of quantisation: %.*s",
                                           SF_STR_ARG(words)));
    rc = sf_catalogue_quantised(m->in.arena, *ckpt, recipe, &made);
    *ckpt = made;
    return rc;
}

/* A folder with nothing but config.json: the catalogue knows whether the model has more. */
static sf_code complete(measuring *m, const sf_accuracy_row *row, const sf_checkpoint **ckpt)
{
    const sf_checkpoint *known = NULL;
    sf_checkpoint *made;

    if ((*ckpt)->embeds || sf_catalogue_find(m->in.arena, row->truth.in.model, NULL, &known) ||
        !known->embeds)
        return SF_OK;
    made = SF_NEW(m->in.arena, sf_checkpoint);
    if (!made)
        return SF_E_NOMEM;
    *made = **ckpt;
    made->embeds = true;
    *ckpt = made;
    return SF_OK;
}

static sf_code set_quantization(measuring *m, sf_accuracy_row *row, sf_diags *dg)
{
    sf_truth_inputs *in = &row->truth.in;
    const sf_node *node;

    if (!in->quantization.n)
        return SF_OK;
    node = sf_node_new_str(m->in.arena, in->quantization);
    return node ? sf_args_set(m->in.arena, &in->args, SF_ARG_quantization, node, SF_FROM_CLI, dg)
                : SF_E_NOMEM;
}

static sf_code find_model(measuring *m, sf_accuracy_row *row, sf_diags *dg, const sf_model **ret)
{
    sf_model_wish wish = {.cache = m->in.families};
    const sf_checkpoint *ckpt = NULL;
    sf_diags *own = m->in.dg;
    sf_alias alias;
    sf_str folder;
    sf_code rc = find_folder(m, row, &folder, &alias);

    if (rc || row->reason.n)
        return rc;
    m->in.dg = dg; /* what is wrong with one model is the row's matter */
    rc = sf_inputs_checkpoint(&m->in, folder, &ckpt);
    m->in.dg = own;
    if (!rc)
        rc = quantise(m, row, alias.quantization, &ckpt);
    if (!rc && row->reason.n)
        return SF_OK;
    if (!rc)
        rc = complete(m, row, &ckpt);
    wish.hf_overrides = alias.overrides;
    wish.quantization = row->truth.in.quantization;
    wish.quantization_at = row->truth.in.args.v[SF_ARG_quantization].node;
    if (!rc)
        rc = sf_model_resolve(m->in.arena, ckpt, &wish, dg, ret);
    if (rc)
        return refuse_diag(m, row, dg, rc);
    row->family = (*ret)->architecture;
    return SF_OK;
}

static sf_code predict_row(measuring *m, sf_accuracy_row *row, sf_diags *dg)
{
    const sf_profile *profile = NULL;
    const sf_model *model = NULL;
    sf_inventory inv;
    sf_prediction p;
    sf_code rc = set_quantization(m, row, dg);

    if (!rc)
        rc = find_model(m, row, dg, &model);
    if (rc || row->reason.n)
        return rc;
    rc = sf_profile_find(m->in.arena, row->truth.in.engine, false, dg, &profile);
    if (rc)
        return refuse_diag(m, row, dg, rc);
    row->release =
        sf_arena_printf(m->in.arena, "%.*s %.*s", SF_STR_ARG(profile->engine), SF_STR_ARG(profile->release));
    rc = sf_predict_gpus(m->in.arena, &row->truth.in, &inv, &row->gpu_known);
    if (rc)
        return rc;
    row->gpu = row->gpu_known ? inv.gpus[0].name : (sf_str){0};
    rc = sf_predict(m->in.arena, profile, model, &row->truth.in, &inv, dg, &p);
    if (rc)
        return refuse_diag(m, row, dg, rc);
    return sf_accuracy_judge(m->in.arena, &p, row);
}

static sf_code add_row(measuring *m, const sf_node *node)
{
    sf_accuracy_row *row;
    sf_diags dg;
    sf_code rc;

    if (m->n_rows == MAX_ROWS)
        return sf_diag_error(m->in.dg, SF_E_LIMIT, sf_node_where(node), NULL, "more than %d rows", MAX_ROWS);
    if (m->n_rows == m->cap) {
        size_t cap = m->cap ? 2 * m->cap : 128;
        sf_accuracy_row *grown = sf_arena_grow(m->in.arena, m->rows, m->n_rows, cap, sizeof *grown);

        if (!grown)
            return SF_E_NOMEM;
        m->rows = grown;
        m->cap = cap;
    }
    row = &m->rows[m->n_rows];
    *row = (sf_accuracy_row){0};
    rc = sf_truth_read(m->in.arena, node, m->in.dg, &row->truth);
    if (rc)
        return rc;
    m->n_rows++;
    sf_diags_init(&dg, m->in.arena);
    return predict_row(m, row, &dg);
}

static sf_code read_aliases(measuring *m)
{
    sf_str path = sf_str_of(m->in.req.aliases);
    sf_diags quiet;
    sf_code rc;

    sf_diags_init(&quiet, m->in.arena);
    if (!path.n)
        path = sf_path_join(m->in.arena, sf_str_of(m->in.req.models), SF_STR("ALIASES.tsv"));
    if (!path.p)
        return SF_E_NOMEM;
    rc = sf_fs_read_all(m->in.session->fs, m->in.arena, path, SF_CONFIG_MAX_BYTES,
                        m->in.req.aliases ? m->in.dg : &quiet, &m->aliases);
    return rc == SF_E_NOT_FOUND && !m->in.req.aliases ? SF_OK : rc;
}

static sf_code accuracy(measuring *m)
{
    sf_str text, line, path = sf_str_of(m->in.req.truth);
    uint32_t number = 0;
    sf_code rc;

    if (!path.n || !m->in.req.models)
        return sf_diag_error(m->in.dg, SF_E_USAGE, (sf_where){0},
                             "stagefit accuracy TRUTH.jsonl --models DIR",
                             "a file of measured starts and the folder of their models are needed");
    m->in.families = sf_model_cache_new(m->in.arena);
    rc = m->in.families ? read_aliases(m) : SF_E_NOMEM;
    if (!rc)
        rc = sf_fs_read_all(m->in.session->fs, m->in.arena, path, TRUTH_MAX_BYTES, m->in.dg, &text);
    for (bool more = !rc; more && !rc;) {
        const sf_node *node = NULL;

        more = sf_str_split(&text, '\n', &line);
        number++;
        if (!sf_str_trim(line).n)
            continue;
        rc = sf_json_parse(m->in.arena, line,
                           sf_arena_printf(m->in.arena, "%.*s, line %u", SF_STR_ARG(path), number),
                           SF_JSON_NONFINITE, m->in.dg, &node);
        if (!rc)
            rc = add_row(m, node);
    }
    m->v->rows = m->rows;
    m->v->n_rows = m->n_rows;
    return rc ? rc : sf_accuracy_sum(m->in.arena, m->rows, m->n_rows, &m->v->sum);
}

int stagefit_accuracy(stagefit *sf, const stagefit_request *req, stagefit_result **ret)
{
    measuring m = {0};
    stagefit_request request;
    stagefit_result *r;
    sf_code rc;

    if (!sf || !ret || !sf_request_read(req, &request))
        return SF_E_USAGE;
    *ret = NULL;
    r = sf_result_new(sf, SF_RESULT_ACCURACY);
    if (!r)
        return SF_E_NOMEM;
    sf_inputs_init(&m.in, sf, r, &request);
    m.v = &r->accuracy;
    m.v->diags = &r->dg;
    rc = accuracy(&m);
    if (rc)
        m.v->n_rows = 0;
    return sf_result_finish(r, rc, ret);
}
