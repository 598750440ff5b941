/*
 * command_apply: what one flag does to the command.
 * Must not look at words: values come as nodes, from the command line or from a --config file.
 */
#include "base/num.h"
#include "stages/command_parts.h"
#include "text/json.h"

static sf_code bad(const sf_command_reader *r, const sf_node *v, sf_str name, const char *hint)
{
    return sf_diag_error(r->dg, SF_E_ARG_VALUE, sf_node_where_key(v, name), hint,
                         "%.*s: \"%.*s\" is not a value of this argument", SF_STR_ARG(name),
                         SF_STR_ARG(v->text));
}

/* JSON where the text is JSON; the text itself otherwise. */
static sf_code json_or_text(sf_command_reader *r, const sf_node *v, const sf_node **ret)
{
    const sf_node *n;
    sf_diags quiet;
    sf_code rc;

    *ret = v;
    if (v->kind != SF_STRING)
        return SF_OK;
    sf_diags_init(&quiet, r->a);
    rc = sf_json_parse(r->a, v->text, v->file, 0, &quiet, &n);
    if (rc == SF_E_NOMEM)
        return rc;
    if (!rc)
        *ret = n;
    return SF_OK;
}

/* "image=16,video=2", as releases before 0.9 wrote limits. */
static sf_code pairs(sf_command_reader *r, const sf_node *v, sf_str name, const sf_node **ret)
{
    const sf_node *map = NULL;
    sf_str part, rest = v->text;

    for (bool more = true; more;) {
        ptrdiff_t eq;
        int64_t n;
        const sf_node *value;

        more = sf_str_split(&rest, ',', &part);
        eq = sf_str_find_char(part, '=');
        if (eq <= 0 || !sf_parse_i64(sf_str_sub(part, (size_t)eq + 1, part.n), &n))
            return bad(r, v, name, "JSON, such as '{\"image\": 2}'");
        value = sf_node_new_i64(r->a, n);
        map = value ? sf_node_with(r->a, map, sf_str_trim(sf_str_sub(part, 0, (size_t)eq)), value) : NULL;
        if (!map)
            return SF_E_NOMEM;
    }
    *ret = map;
    return SF_OK;
}

/* -O3 and --compilation-config 3: a level; at 0 nothing is captured. */
static sf_code level(sf_command_reader *r, int64_t n, const sf_node *v, const sf_node **ret)
{
    const sf_node *value = sf_node_new_i64(r->a, n), *none = sf_node_new_str(r->a, SF_STR("NONE"));
    const sf_node *map = value ? sf_node_with(r->a, NULL, SF_STR("mode"), value) : NULL;

    if (map && none && n == 0)
        map = sf_node_with(r->a, map, SF_STR("cudagraph_mode"), none);
    (void)v;
    *ret = map;
    return map && none ? SF_OK : SF_E_NOMEM;
}

/* The tree of an argument that is a map or a list. */
static sf_code tree_of(sf_command_reader *r, sf_str name, const sf_node *v, const sf_node **ret)
{
    int64_t n;
    sf_code rc;

    *ret = v;
    if (v->kind != SF_STRING)
        return SF_OK;
    if (sf_str_is(name, "compilation_config") && sf_parse_i64(v->text, &n))
        return level(r, n, v, ret);
    if (v->text.n && v->text.p[0] != '{' && v->text.p[0] != '[' && sf_str_find_char(v->text, '=') > 0)
        return pairs(r, v, name, ret);
    rc = json_or_text(r, v, ret);
    if (!rc && (*ret)->kind != SF_MAP && (*ret)->kind != SF_SEQ && (*ret)->kind != SF_NULL)
        return bad(r, v, name, "JSON in single quotes, such as '{\"key\": 1}'");
    return rc;
}

/* Words of a list that are numbers become numbers; one word may be a JSON list. */
static sf_code list_of(sf_command_reader *r, const sf_node *v, const sf_node **ret)
{
    const sf_node **items;
    sf_node *list;

    *ret = v;
    if (v->kind != SF_SEQ || !v->n)
        return SF_OK;
    if (v->n == 1 && v->as.items[0]->text.n && v->as.items[0]->text.p[0] == '[')
        return json_or_text(r, v->as.items[0], ret);
    items = SF_NEW_ARRAY(r->a, const sf_node *, v->n);
    list = SF_NEW(r->a, sf_node);
    if (!items || !list)
        return SF_E_NOMEM;
    for (size_t i = 0; i < v->n; i++) {
        sf_code rc = json_or_text(r, v->as.items[i], &items[i]);

        if (rc)
            return rc;
    }
    *list = *v;
    list->as.items = items;
    *ret = list;
    return SF_OK;
}

static sf_code ignore(sf_command_reader *r, const sf_flag *flag, const sf_node *v, sf_str typed)
{
    if (flag->memory)
        sf_diag_warning(r->dg, SF_E_NOT_MODELLED, sf_node_where_key(v, flag->name), NULL,
                        "%.*s may change what memory is taken, and is not modelled", SF_STR_ARG(flag->name));
    return sf_command_add(r, &r->ignored, &r->cmd->n_ignored, &r->cap_ignored, typed) ? SF_OK : SF_E_NOMEM;
}

/* A later way to say the same: older flags become parts of today's arguments. */
static sf_code older_flag(sf_command_reader *r, sf_str name, const sf_node *v, sf_str typed, bool *ret_done)
{
    bool draft = sf_str_is(name, "speculative_model"), tokens = sf_str_is(name, "num_speculative_tokens");
    bool negated;

    *ret_done = true;
    if (draft || tokens)
        return sf_command_apply_path(r, sf_flag_find(r->flags, SF_STR("speculative_config"), &negated),
                                     draft ? SF_STR("model") : SF_STR("num_speculative_tokens"), v, typed);
    if (sf_str_is(name, "rope_scaling") || sf_str_is(name, "rope_theta"))
        return sf_command_apply_path(r, sf_flag_find(r->flags, SF_STR("hf_overrides"), &negated), name, v,
                                     typed);
    if (sf_str_is(name, "cuda_graph_sizes") && v->kind == SF_SEQ && v->n)
        return sf_command_apply(
            r,
            sf_flag_find(r->flags,
                         v->n == 1 ? SF_STR("max_cudagraph_capture_size") : SF_STR("cudagraph_capture_sizes"),
                         &negated),
            v->n == 1 ? v->as.items[0] : v, typed);
    if (sf_str_is(name, "optimization_level") && sf_str_is(v->text, "0"))
        return sf_command_apply(r, sf_flag_find(r->flags, SF_STR("compilation_config"), &negated), v, typed);
    *ret_done = false;
    return SF_OK;
}

static sf_code count(const sf_command_reader *r, const sf_node *v, sf_str name, int64_t *ret)
{
    int64_t n;

    if ((v->kind == SF_INT ? (n = v->as.i, false) : !sf_parse_i64(v->text, &n)) || n < 1 || n > 65536)
        return bad(r, v, name, "an integer from 1");
    *ret = n;
    return SF_OK;
}

/* Arguments of the command itself, not of the engine. */
static sf_code own_flag(sf_command_reader *r, sf_str name, const sf_node *v, bool *ret_done)
{
    sf_command *c = r->cmd;

    *ret_done = true;
    if (sf_str_is(name, "model") || sf_str_is(name, "model_tag"))
        c->model = v->text, c->model_at = v;
    else if (sf_str_is(name, "revision"))
        c->revision = v->text;
    else if (sf_str_is(name, "deploy_config") || sf_str_is(name, "stage_configs_path"))
        c->deploy_config = v->text;
    else if (sf_str_is(name, "strategy_config"))
        c->strategy_config = v->text;
    else if (sf_str_is(name, "config"))
        c->config_file = v->text;
    else if (sf_str_is(name, "omni"))
        c->omni = v->kind != SF_BOOL || v->as.b;
    else if (sf_str_is(name, "stage_overrides"))
        return tree_of(r, name, v, &c->stage_overrides);
    else if (sf_str_is(name, "data_parallel_size_local"))
        return count(r, v, name, &c->data_parallel_local);
    else if (sf_str_is(name, "nnodes"))
        return count(r, v, name, &c->nodes);
    else
        *ret_done = false;
    return SF_OK;
}

sf_code sf_command_apply(sf_command_reader *r, const sf_flag *flag, const sf_node *v, sf_str typed)
{
    sf_arg_from from = r->from_file ? SF_FROM_FILE : SF_FROM_CLI;
    bool done;
    sf_arg arg;
    sf_code rc = own_flag(r, flag->name, v, &done);

    if (rc || done)
        return rc;
    rc = older_flag(r, flag->name, v, typed, &done);
    if (rc || done)
        return rc;
    if (!sf_arg_find(flag->name, &arg))
        return ignore(r, flag, v, typed);
    if (flag->list)
        rc = list_of(r, v, &v);
    else if (flag->type == SF_ARG_ANY)
        rc = tree_of(r, flag->name, v, &v);
    return rc ? rc : sf_args_set(r->a, &r->cmd->args, arg, v, from, r->dg);
}

enum { PATH_DEPTH = 8 };

/* `base` with `value` at the dotted `path`; a last key with "+" gets a list. */
static const sf_node *put_at(sf_command_reader *r, const sf_node *base, sf_str path, const sf_node *value,
                             int depth)
{
    sf_str key;
    bool more = sf_str_split(&path, '.', &key);
    const sf_node *inner = sf_node_is(base, SF_MAP) ? sf_node_get_str(base, key) : NULL;

    if (more && depth < PATH_DEPTH)
        value = put_at(r, inner, path, value, depth + 1);
    return value ? sf_node_with(r->a, sf_node_is(base, SF_MAP) ? base : NULL, key, value) : NULL;
}

/* "a,b" behind "key+". */
static const sf_node *comma_list(sf_command_reader *r, const sf_node *v)
{
    size_t n = 1, at = 0;
    const sf_node **items;
    sf_node *list = SF_NEW(r->a, sf_node);
    sf_str part, rest = v->text;

    for (size_t i = 0; i < rest.n; i++)
        n += rest.p[i] == ',';
    items = SF_NEW_ARRAY(r->a, const sf_node *, n);
    if (!list || !items)
        return NULL;
    for (bool more = true; more;) {
        more = sf_str_split(&rest, ',', &part);
        items[at] = sf_node_new_str(r->a, part);
        if (!items[at++])
            return NULL;
    }
    *list = *v;
    list->kind = SF_SEQ;
    list->n = (uint32_t)n;
    list->as.items = items;
    return list;
}

sf_code sf_command_apply_path(sf_command_reader *r, const sf_flag *flag, sf_str path, const sf_node *v,
                              sf_str typed)
{
    sf_arg_from from = r->from_file ? SF_FROM_FILE : SF_FROM_CLI;
    bool appends = path.n && path.p[path.n - 1] == '+';
    const sf_node *value, *tree;
    sf_arg arg;
    sf_code rc = SF_OK;

    if (!sf_arg_find(flag->name, &arg))
        return ignore(r, flag, v, typed);
    if (appends) {
        path.n--;
        value = comma_list(r, v);
    } else {
        rc = json_or_text(r, v, &value);
    }
    if (rc)
        return rc;
    tree = value ? put_at(r, r->cmd->args.v[arg].node, path, value, 0) : NULL;
    return tree ? sf_args_set(r->a, &r->cmd->args, arg, tree, from, r->dg) : SF_E_NOMEM;
}
