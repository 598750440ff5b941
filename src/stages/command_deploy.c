/*
 * command_deploy: the one-stage deployment that a plain command means.
 * Rank order and placement: rank r of the engine runs on the r-th device of CUDA_VISIBLE_DEVICES.
 */
#include "base/num.h"
#include "stages/command_parts.h"

enum { DEVICES_MAX = 65536 };

typedef struct sizes {
    int64_t tp, pp, dp;
    uint64_t world;
} sizes;

static sf_where where_of(const sf_command *cmd, sf_arg arg)
{
    const sf_node *n = cmd->args.v[arg].node;

    return n ? sf_node_where_key(n, sf_str_of(sf_arg_name(arg))) : (sf_where){.file = SF_STR("command")};
}

static sf_code sizes_of(const sf_command *cmd, sf_diags *dg, sizes *ret)
{
    sizes s = {.tp = sf_args_i64(&cmd->args, SF_ARG_tensor_parallel_size, 1),
               .pp = sf_args_i64(&cmd->args, SF_ARG_pipeline_parallel_size, 1),
               .dp = sf_args_i64(&cmd->args, SF_ARG_data_parallel_size, 1)};

    if (cmd->nodes > 1)
        return sf_diag_error(dg, SF_E_COMMAND, where_of(cmd, SF_ARG_tensor_parallel_size),
                             "check what one node starts: leave --nnodes out and give the sizes of that node",
                             "an engine over %lld nodes is not modelled", (long long)cmd->nodes);
    if (cmd->data_parallel_local && cmd->data_parallel_local < s.dp)
        s.dp = cmd->data_parallel_local;
    s.world = sf_mul_sat(sf_mul_sat((uint64_t)s.tp, (uint64_t)s.pp), (uint64_t)s.dp);
    if (s.world > DEVICES_MAX)
        return sf_diag_error(dg, SF_E_DEVICES_FEW, where_of(cmd, SF_ARG_tensor_parallel_size), NULL,
                             "%llu ranks are more than any node has GPUs", (unsigned long long)s.world);
    *ret = s;
    return SF_OK;
}

static sf_code bad_visible(const sf_command *cmd, sf_str part, sf_diags *dg)
{
    return sf_diag_error(dg, SF_E_DEVICES, (sf_where){.file = SF_STR("command")}, "give indices, such as 0,1",
                         "CUDA_VISIBLE_DEVICES=%.*s: \"%.*s\" is not an index of a GPU",
                         SF_STR_ARG(cmd->visible_devices), SF_STR_ARG(part));
}

/* CUDA stops at the first entry that is no device: "0,-1,1" shows GPU 0 only. */
static sf_code visible_list(sf_arena *a, const sf_command *cmd, sf_diags *dg, uint32_t **ret, size_t *ret_n)
{
    sf_str part, rest = cmd->visible_devices;
    size_t max = 1, n = 0;
    uint32_t *ids;

    for (size_t i = 0; i < rest.n; i++)
        max += rest.p[i] == ',';
    ids = SF_NEW_ARRAY(a, uint32_t, max);
    if (!ids)
        return SF_E_NOMEM;
    for (bool more = rest.n > 0; more;) {
        int64_t id;

        more = sf_str_split(&rest, ',', &part);
        part = sf_str_trim(part);
        if (!sf_parse_i64(part, &id) || id >= DEVICES_MAX)
            return bad_visible(cmd, part, dg);
        if (id < 0)
            break;
        ids[n++] = (uint32_t)id;
    }
    *ret = ids;
    *ret_n = n;
    return SF_OK;
}

static sf_code devices_of(sf_arena *a, const sf_command *cmd, const sf_stages_wish *wish, uint64_t world,
                          sf_diags *dg, uint32_t **ret)
{
    uint32_t *ids = NULL, *devices = SF_NEW_ARRAY(a, uint32_t, (size_t)world);
    size_t visible = wish->visible;
    sf_code rc = SF_OK;

    if (!devices)
        return SF_E_NOMEM;
    if (cmd->visible_given)
        rc = visible_list(a, cmd, dg, &ids, &visible);
    if (rc)
        return rc;
    if ((cmd->visible_given || visible) && world > visible)
        return sf_diag_error(dg, SF_E_DEVICES_FEW, where_of(cmd, SF_ARG_tensor_parallel_size),
                             "add GPUs, or lower the parallel sizes", "%llu ranks, but %zu GPU%s visible",
                             (unsigned long long)world, visible, visible == 1 ? " is" : "s are");
    for (size_t i = 0; i < world; i++)
        devices[i] = ids ? ids[i] : wish->visible_ids ? wish->visible_ids[i] : (uint32_t)i;
    *ret = devices;
    return SF_OK;
}

static sf_code check_util(const sf_command *cmd, sf_diags *dg)
{
    double util = sf_args_f64(&cmd->args, SF_ARG_gpu_memory_utilization, 0.5);

    if (util > 0 && util <= 1)
        return SF_OK;
    return sf_diag_error(dg, SF_E_UTIL_RANGE, where_of(cmd, SF_ARG_gpu_memory_utilization),
                         "a share of the GPU's memory, such as 0.9",
                         "gpu_memory_utilization must be above 0 and at most 1");
}

/* The settings in front of the command, as the env map of a stage. */
static sf_code env_of(sf_arena *a, const sf_command *cmd, const sf_node **ret)
{
    sf_node *empty = SF_NEW(a, sf_node);
    const sf_node *map = empty;

    if (!empty)
        return SF_E_NOMEM;
    *empty = (sf_node){.kind = SF_MAP};
    for (size_t i = 0; map && i < cmd->n_env; i++) {
        const sf_node *value = sf_node_new_str(a, cmd->env[i].value);

        map = value ? sf_node_with(a, map, cmd->env[i].name, value) : NULL;
    }
    *ret = map;
    return map ? SF_OK : SF_E_NOMEM;
}

sf_code sf_command_deployment(sf_arena *a, const sf_command *cmd, const sf_stages_wish *wish, sf_diags *dg,
                              const sf_deployment **ret)
{
    sf_deployment *d = SF_NEW(a, sf_deployment);
    sf_stage *stage = SF_NEW(a, sf_stage);
    sizes s = {0};
    sf_code rc;

    if (!d || !stage)
        return SF_E_NOMEM;
    rc = check_util(cmd, dg);
    if (!rc)
        rc = sizes_of(cmd, dg, &s);
    if (!rc)
        rc = devices_of(a, cmd, wish, s.world, dg, &stage->devices);
    if (!rc)
        rc = env_of(a, cmd, &stage->env);
    if (rc)
        return rc;
    stage->name = SF_STR("engine");
    stage->kind = SF_STAGE_AR;
    stage->args = cmd->args;
    stage->node = cmd->model_at;
    stage->n_devices = (size_t)s.world;
    stage->devices_given = cmd->visible_given;
    stage->n_replicas = 1;
    stage->tp = (uint32_t)s.tp;
    stage->pp = (uint32_t)s.pp;
    stage->dp = (uint32_t)s.dp;
    stage->world = (uint32_t)s.world;
    *d = (sf_deployment){.format = SF_FORMAT_NONE, .source = cmd->text, .stages = stage, .n_stages = 1};
    d->model = wish->model.n ? wish->model : cmd->model;
    d->model_why = wish->model.n && wish->model_why.n ? wish->model_why : SF_STR("the command");
    d->served_by = cmd->offline ? SF_STR("llm") : SF_STR("serve");
    *ret = d;
    return SF_OK;
}
