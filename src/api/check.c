/*
 * check: one request from its inputs to a verdict: profile, GPUs, stages, models, account, replay.
 */
#include "api/inputs.h"
#include "stages/strategy.h"
#include "text/json.h"
#include "text/yaml.h"

enum { PICTURE_SIDE = 65536 };

typedef struct checking {
    sf_inputs in;
    sf_check_view *v;
    sf_inventory *inventory;
    sf_config config;
    sf_str engine; /* what decides the profile */
    sf_args cli;
    sf_picture picture;
    bool omni;
} checking;

/* The words of a pasted command; a single word with blanks in it is a whole line. */
static sf_code command_words(checking *c, sf_str **ret, size_t *ret_n)
{
    const stagefit_request *req = &c->in.req;
    sf_str *words;

    if (req->n_command == 1 && sf_str_find_char(sf_str_of(req->command[0]), ' ') >= 0)
        return sf_command_split(c->in.arena, sf_str_of(req->command[0]), c->in.dg, ret, ret_n);
    words = SF_NEW_ARRAY(c->in.arena, sf_str, req->n_command);
    if (!words)
        return SF_E_NOMEM;
    for (size_t i = 0; i < req->n_command; i++)
        words[i] = sf_str_of(req->command[i]);
    *ret = words;
    *ret_n = req->n_command;
    return SF_OK;
}

static sf_code read_command(checking *c)
{
    sf_str *words = NULL;
    size_t n = 0;
    sf_code rc = command_words(c, &words, &n);

    if (!rc)
        rc = sf_command_read(c->in.arena, words, n, &c->in.loader, c->in.dg, &c->v->command);
    if (rc)
        return rc;
    c->omni = c->v->command->omni;
    c->config.path = c->v->command->deploy_config;
    if (!c->engine.n)
        c->engine = c->v->command->engine_hint;
    return SF_OK;
}

/* Settings of the request beat those of the command. */
static sf_code merge_settings(checking *c, const sf_args *set)
{
    sf_command *merged;

    if (c->v->command)
        c->cli = c->v->command->args;
    for (size_t i = 0; i < SF_ARG_COUNT; i++)
        if (set->v[i].node)
            c->cli.v[i] = set->v[i];
    if (!c->v->command)
        return SF_OK;
    merged = SF_NEW(c->in.arena, sf_command); /* a plain command is deployed by its own arguments */
    if (!merged)
        return SF_E_NOMEM;
    *merged = *c->v->command;
    merged->args = c->cli;
    c->v->command = merged;
    return SF_OK;
}

static sf_str asked_model(const checking *c)
{
    if (c->in.req.model)
        return sf_str_of(c->in.req.model);
    return c->v->command ? c->v->command->model : (sf_str){0};
}

/* Architecture and model type of a named model, for choosing the pipeline. */
static sf_code model_hints(checking *c, sf_stages_wish *wish)
{
    const sf_checkpoint *ckpt;
    sf_code rc;

    if (!wish->model.n)
        return SF_OK;
    rc = sf_inputs_checkpoint(&c->in, wish->model, &ckpt);
    if (rc)
        return rc;
    if (ckpt->config) {
        const sf_node *arch = sf_node_item(sf_node_get(ckpt->config, "architectures"), 0);
        const sf_node *type = sf_node_get(ckpt->config, "model_type");

        wish->hf_architecture = sf_node_is(arch, SF_STRING) ? arch->text : (sf_str){0};
        wish->hf_model_type = sf_node_is(type, SF_STRING) ? type->text : (sf_str){0};
    }
    return SF_OK;
}

static const uint32_t *device_ids(const checking *c)
{
    uint32_t *ids = SF_NEW_ARRAY(c->in.arena, uint32_t, c->inventory->n + 1);

    for (size_t i = 0; ids && i < c->inventory->n; i++)
        ids[i] = c->inventory->gpus[i].index;
    return ids;
}

/* --strategy-config, the request's or the command's. */
static sf_code read_strategies(checking *c, sf_stages_wish *wish)
{
    sf_config file = {.path = sf_str_of(c->in.req.strategy_config)};
    sf_code rc;

    if (!file.path.n && c->v->command)
        file.path = c->v->command->strategy_config;
    if (!file.path.n)
        return SF_OK;
    rc = sf_inputs_config(&c->in, &file);
    return rc ? rc : sf_yaml_parse(c->in.arena, file.text, file.file, c->in.dg, &wish->strategies);
}

/* --stage-overrides of the request beat the command's. */
static sf_code read_overrides(checking *c, sf_stages_wish *wish)
{
    sf_str text = sf_str_of(c->in.req.stage_overrides);
    sf_code rc;

    if (!text.n)
        return SF_OK;
    rc = sf_json_parse(c->in.arena, text, SF_STR("--stage-overrides"), 0, c->in.dg, &wish->stage_overrides);
    if (!rc && !sf_node_is(wish->stage_overrides, SF_MAP))
        rc = sf_diag_error(c->in.dg, SF_E_USAGE, sf_node_where(wish->stage_overrides),
                           "--stage-overrides '{\"0\": {\"max_num_seqs\": 16}}'",
                           "overrides are a map from stage id to a map of arguments");
    return rc;
}

/* The config of the request or the command; without one, what the release brings for the pipeline. */
static sf_code read_config(checking *c, sf_stages_wish *wish)
{
    sf_bundled_ask ask = {.code = SF_E_COMMAND, .hint = "add --deploy-config FILE to the command"};
    sf_code rc;

    if (c->config.path.n || c->in.req.config_text) {
        rc = sf_inputs_tree(&c->in, &c->config);
        /* A strategy file where a config is wanted goes over the bundled one of the model's pipeline. */
        if (rc || wish->strategies || (!wish->model.n && !wish->pipeline.n) ||
            !sf_strategy_is(c->config.root))
            return rc;
        wish->strategies = c->config.root;
        ask = (sf_bundled_ask){SF_E_BUNDLED_CONFIG, sf_node_where(c->config.root),
                               "give the deploy config as CONFIG, and this file with --strategy-config"};
    } else if (c->v->command && c->v->command->model_at) {
        ask.at = sf_node_where(c->v->command->model_at);
    }
    return sf_inputs_bundled(&c->in, wish, &ask, &c->config);
}

static sf_code read_deployment(checking *c)
{
    sf_stages_wish wish = {
        .model = asked_model(c),
        .model_why = c->in.req.model ? SF_STR("--model") : SF_STR("the command"),
        .pipeline = sf_str_of(c->in.req.pipeline),
        .platform = c->in.req.platform ? sf_str_of(c->in.req.platform) : SF_STR("cuda"),
        .cli = &c->cli,
        .profile = c->v->profile,
        .visible = (uint32_t)c->inventory->n,
        .visible_ids = device_ids(c),
        .stage_overrides = c->v->command ? c->v->command->stage_overrides : NULL,
        .lint = SF_LINT_CHECK,
    };
    sf_code rc;

    if (!wish.visible_ids)
        return SF_E_NOMEM;
    if (c->v->command && !c->omni)
        return sf_command_deployment(c->in.arena, c->v->command, &wish, c->in.dg, &c->v->deployment);
    rc = model_hints(c, &wish);
    if (!rc)
        rc = read_strategies(c, &wish);
    if (!rc)
        rc = read_overrides(c, &wish);
    if (!rc)
        rc = read_config(c, &wish);
    wish.parsed = c->config.root;
    return rc ? rc
              : sf_stages_read(c->in.arena, c->config.text, c->config.file, &c->in.loader, &wish, c->in.dg,
                               &c->v->deployment);
}

static sf_code stage_model(checking *c, const sf_stage *st, const sf_model **ret)
{
    const sf_deployment *d = c->v->deployment;
    const sf_node *named = st->args.v[SF_ARG_model].node;
    sf_code rc;

    if (!st->model.n && !d->model.n)
        return sf_diag_error(c->in.dg, SF_E_MODEL_UNKNOWN, sf_node_where(st->node), "say which with --model",
                             "which model? neither the config nor its pipeline names one");
    rc = sf_inputs_model(&c->in, d, st, ret);
    if (rc && !c->in.req.model)
        sf_diag_place(c->in.dg, rc, sf_node_where(named ? named : st->node));
    return rc ? rc : sf_inputs_draft(&c->in, st, *ret, ret);
}

static sf_code resolve_models(checking *c)
{
    const sf_deployment *d = c->v->deployment;
    const sf_model **models = SF_NEW_ARRAY(c->in.arena, const sf_model *, d->n_stages);

    if (!models)
        return SF_E_NOMEM;
    for (size_t i = 0; i < d->n_stages; i++) {
        const sf_stage *st = &d->stages[i];
        bool replica = i > 0 && d->stages[i - 1].id == st->id;
        sf_code rc = replica ? SF_OK : stage_model(c, st, &models[i]);

        if (rc)
            return rc;
        if (replica)
            models[i] = models[i - 1];
    }
    c->v->models = models;
    return SF_OK;
}

/* "1024x1024", or one number for a square. */
static bool read_resolution(sf_str text, sf_picture *ret)
{
    sf_str rest = text, across;
    bool two = sf_str_split(&rest, 'x', &across);
    int64_t w, h;

    if (!sf_parse_i64(across, &w) || !sf_parse_i64(two ? rest : across, &h))
        return false;
    ret->width = (uint64_t)w;
    ret->height = (uint64_t)h;
    return w > 0 && h > 0 && w <= PICTURE_SIDE && h <= PICTURE_SIDE;
}

static sf_code picture(checking *c, sf_picture *ret)
{
    const stagefit_request *req = &c->in.req;

    *ret = (sf_picture){0};
    if (req->frames < 0 || req->batch < 0 || req->frames > PICTURE_SIDE || req->batch > PICTURE_SIDE ||
        (!req->resolution && (req->frames || req->batch)))
        return sf_diag_error(
            c->in.dg, SF_E_USAGE, (sf_where){0}, "--resolution 1280x720 --frames 81 --batch 1",
            "frames and batch are whole numbers up to %d that go with a resolution", PICTURE_SIDE);
    if (req->resolution && !read_resolution(sf_str_of(req->resolution), ret))
        return sf_diag_error(c->in.dg, SF_E_USAGE, (sf_where){0}, "--resolution 1024x1024",
                             "`%s` is not a width and a height in pixels up to %d", req->resolution,
                             PICTURE_SIDE);
    ret->frames = req->frames ? (uint64_t)req->frames : 1;
    ret->batch = req->batch ? (uint64_t)req->batch : 1;
    return SF_OK;
}

static sf_code answer(checking *c)
{
    sf_account_options opt = {
        .assume_full_attention = (c->in.req.flags & STAGEFIT_ASSUME_FULL_ATTENTION) != 0,
        .host_pids = (c->in.req.flags & STAGEFIT_CONTAINER) == 0,
        .request = c->picture,
    };
    sf_check_view *v = c->v;
    sf_code rc = resolve_models(c);

    v->host_pids = opt.host_pids;
    if (!rc)
        rc = sf_account(c->in.arena, v->profile, v->deployment, v->models, v->inventory, &opt, c->in.dg,
                        &v->need);
    if (!rc)
        rc = sf_replay_start(c->in.arena, v->profile, v->deployment, v->need, v->inventory, &opt, c->in.dg,
                             &v->replay);
    return rc;
}

static sf_code check(checking *c)
{
    const stagefit_request *req = &c->in.req;
    sf_args set;
    sf_code rc;

    c->engine = sf_str_of(req->engine);
    c->config.path = sf_str_of(req->config);
    c->omni = true;
    if (!!req->config + !!req->config_text + !!req->n_command != 1)
        return sf_diag_error(c->in.dg, SF_E_USAGE, (sf_where){0},
                             "stagefit check CONFIG, or stagefit check -- vllm serve MODEL …",
                             "one of a stage config and a command is needed");
    rc = picture(c, &c->picture);
    if (!rc && req->n_command)
        rc = read_command(c);
    if (!rc)
        rc = sf_inputs_settings(&c->in, &set);
    if (!rc)
        rc = sf_inputs_profile(&c->in, c->engine, c->omni, &c->config, &c->v->profile);
    if (!rc)
        rc = sf_inputs_gpus(&c->in, c->inventory);
    if (rc)
        return rc;
    c->v->inventory = c->inventory;
    rc = merge_settings(c, &set);
    if (!rc)
        rc = read_deployment(c);
    return rc ? rc : answer(c);
}

int stagefit_check(stagefit *sf, const stagefit_request *req, stagefit_result **ret)
{
    checking c = {0};
    stagefit_request request;
    stagefit_result *r;

    if (!sf || !ret || !sf_request_read(req, &request))
        return SF_E_USAGE;
    *ret = NULL;
    r = sf_result_new(sf, SF_RESULT_CHECK);
    if (!r)
        return SF_E_NOMEM;
    sf_inputs_init(&c.in, sf, r, &request);
    c.v = &r->check;
    c.v->diags = &r->dg;
    c.inventory = SF_NEW(r->arena, sf_inventory);
    return sf_result_finish(r, c.inventory ? check(&c) : SF_E_NOMEM, ret);
}
