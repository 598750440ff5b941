/*
 * strategy: the axes of a strategy file, written into the drafts before flags beside the file are.
 * Must not work out devices: assemble does.  Rules: vllm-omni 10906e3a, config/composable_parallel.
 */
#include "stages/strategy.h"

enum { AXES = 8, MAX_SIZE = 4096 };

/* What the list of one role adds up to. */
typedef struct stack {
    const sf_node *role;          /* the list */
    sf_str name, path;            /* "thinker", "strategies.thinker" */
    int64_t tp, dp, pp, replicas; /* 1 where no axis says it */
    const sf_node *size[AXES];    /* of the axis in the order of `axes`; NULL: not declared */
    sf_str routing;               /* of the replicas */
} stack;

typedef enum axis_kind { TP, DP, PP, EP, REPLICA, AXIS_COUNT } axis_kind;

static const struct axis {
    const char *name, *argument, *owner;
    bool routed;
} axes[AXIS_COUNT] = {
    [TP] = {"tp",            "tensor_parallel_size",   "engine",    false},
    [DP] = {"dp",            "data_parallel_size",     "engine",    true },
    [PP] = {"pp",            "pipeline_parallel_size", "engine",    false},
    [EP] = {"ep",            "enable_expert_parallel", "engine",    false},
    [REPLICA] = {"stage_replica", "num_replicas",           "delegated", true },
};

bool sf_strategy_is(const sf_node *root)
{
    return sf_node_is(root, SF_MAP) && sf_node_get(root, "strategies") && !sf_node_get(root, "stages") &&
           !sf_node_get(root, "base_config") && !sf_node_get(root, "stage_args");
}

static sf_code shape(sf_reading *r, const stack *s, const sf_node *at, const char *what)
{
    return sf_diag_error(r->dg, SF_E_STRATEGY, sf_node_where_key(at, s->path),
                         "write a list under the role: `- {axis: tp, size: 2}`", "strategy of %.*s: %s",
                         SF_STR_ARG(s->name), what);
}

static sf_code find_axis(sf_reading *r, const stack *s, const sf_node *entry, axis_kind *ret)
{
    const sf_node *at = sf_node_get(entry, "axis");

    for (int k = 0; at && k < AXIS_COUNT; k++)
        if (sf_str_is(at->text, axes[k].name)) {
            *ret = (axis_kind)k;
            return SF_OK;
        }
    if (!at || sf_node_absent(at))
        return shape(r, s, at ? at : entry, "an entry without axis");
    return sf_diag_error(r->dg, SF_E_STRATEGY, sf_node_where_key(at, s->path),
                         "axes that can be sized are tp, dp, pp, ep and stage_replica",
                         sf_keys_has(&r->keys, "strategy_reserved", at->text)
                             ? "strategy of %.*s: axis %.*s is reserved, the engine refuses it"
                             : "strategy of %.*s: there is no axis %.*s",
                         SF_STR_ARG(s->name), SF_STR_ARG(at->text));
}

/* int() of the size, as the engine takes it. */
static sf_code read_size(sf_reading *r, const stack *s, const sf_node *entry, const sf_node **ret_at,
                         int64_t *ret)
{
    const sf_node *size = sf_node_get(entry, "size");
    int64_t v = 0;

    if (!size)
        return shape(r, s, entry, "an axis without size");
    if (!sf_node_python_int(size, &v) || v < 1 || v > MAX_SIZE)
        return sf_diag_error(
            r->dg, SF_E_STRATEGY, sf_node_where_key(size, s->path), "write a whole number from 1",
            "strategy of %.*s: size must be a whole number between 1 and %d", SF_STR_ARG(s->name), MAX_SIZE);
    *ret_at = size;
    *ret = v;
    return SF_OK;
}

static sf_code check_words(sf_reading *r, stack *s, const sf_node *entry, const struct axis *axis)
{
    const sf_node *routing = sf_node_get(entry, "routing"), *owner = sf_node_get(entry, "l1_owner");

    if (!sf_node_absent(routing) && !axis->routed)
        return sf_diag_error(r->dg, SF_E_STRATEGY, sf_node_where_key(routing, s->path),
                             "remove it: only dp and stage_replica are routed",
                             "strategy of %.*s: axis %s takes no routing", SF_STR_ARG(s->name), axis->name);
    if (!sf_node_absent(routing) && !sf_keys_has(&r->keys, "strategy_routing", routing->text))
        return sf_diag_error(r->dg, SF_E_STRATEGY, sf_node_where_key(routing, s->path),
                             "write random, round_robin or least_queue",
                             "strategy of %.*s: routing %.*s is not supported", SF_STR_ARG(s->name),
                             SF_STR_ARG(routing->text));
    if (!sf_node_absent(owner) && !sf_str_is(owner->text, axis->owner))
        return sf_diag_error(r->dg, SF_E_STRATEGY, sf_node_where_key(owner, s->path),
                             "remove l1_owner: the default is the only one that works",
                             "strategy of %.*s: axis %s belongs to \"%s\", not to \"%.*s\"",
                             SF_STR_ARG(s->name), axis->name, axis->owner, SF_STR_ARG(owner->text));
    if (axis == &axes[REPLICA])
        s->routing = sf_node_absent(routing) ? SF_STR("round_robin") : routing->text;
    return SF_OK;
}

static sf_code read_axis(sf_reading *r, stack *s, const sf_node *entry, int64_t *ep)
{
    const sf_node *at = NULL;
    axis_kind kind = TP;
    int64_t size = 1;
    sf_code rc;

    if (!sf_node_is(entry, SF_MAP))
        return shape(r, s, entry, "an entry that is no map");
    rc = find_axis(r, s, entry, &kind);
    if (!rc)
        rc = read_size(r, s, entry, &at, &size);
    if (!rc && s->size[kind])
        rc = sf_diag_error(r->dg, SF_E_STRATEGY, sf_node_where_key(entry, s->path), "keep one of the entries",
                           "strategy of %.*s: axis %s is declared twice", SF_STR_ARG(s->name),
                           axes[kind].name);
    if (!rc)
        rc = check_words(r, s, entry, &axes[kind]);
    if (rc)
        return rc;
    s->size[kind] = at;
    *(int64_t *[]){&s->tp, &s->dp, &s->pp, ep, &s->replicas}[kind] = size;
    return SF_OK;
}

static sf_code read_stack(sf_reading *r, const sf_pair *role, stack *s)
{
    int64_t ep = 0, ranks;
    sf_code rc = SF_OK;

    *s = (stack){.role = role->value, .name = role->key, .tp = 1, .dp = 1, .pp = 1, .replicas = 1};
    s->path = sf_arena_printf(r->a, "strategies.%.*s", SF_STR_ARG(role->key));
    if (!s->path.p)
        return SF_E_NOMEM;
    if (!sf_node_is(role->value, SF_SEQ))
        return shape(r, s, role->value, "no list of axes");
    for (uint32_t i = 0; i < role->value->n && !rc; i++)
        rc = read_axis(r, s, role->value->as.items[i], &ep);
    ranks = s->tp * s->dp;
    if (!rc && s->size[EP] && ep != ranks)
        rc = sf_diag_error(r->dg, SF_E_STRATEGY, sf_node_where_key(s->size[EP], s->path),
                           "experts are spread over exactly the tp × dp ranks",
                           "strategy of %.*s: ep has size %lld, but tp × dp is %lld", SF_STR_ARG(s->name),
                           (long long)ep, (long long)ranks);
    return rc;
}

static sf_str role_of(const sf_draft *d)
{
    return d->model_stage.n ? d->model_stage : d->pipeline ? d->pipeline->model_stage : (sf_str){0};
}

static sf_code find_draft(sf_reading *r, const stack *s, sf_draft **ret)
{
    sf_draft *found = NULL;
    size_t n = 0;

    for (size_t i = 0; i < r->n_drafts; i++)
        if (sf_str_eq(role_of(&r->drafts[i]), s->name)) {
            found = &r->drafts[i];
            n++;
        }
    if (n == 1 && found) {
        *ret = found;
        return SF_OK;
    }
    return sf_diag_error(r->dg, SF_E_STRATEGY, sf_node_where_key(s->role, s->path),
                         "a role is the model_stage of a stage: see `stagefit pipelines`",
                         n ? "strategy of %.*s: several stages have this model_stage"
                           : "strategy of %.*s: no stage has this model_stage",
                         SF_STR_ARG(s->name));
}

static sf_code conflict(sf_reading *r, const stack *s, axis_kind k, const sf_node *old)
{
    return sf_diag_error(r->dg, SF_E_STRATEGY, sf_node_where_key(s->size[k], s->path),
                         "remove one of them: a strategy is the only writer of its axes",
                         "strategy of %.*s: %s is %.*s, but the deploy config (line %u) has %.*s",
                         SF_STR_ARG(s->name), axes[k].argument, SF_STR_ARG(s->size[k]->text), old->line,
                         SF_STR_ARG(old->text));
}

static bool same_number(const sf_node *node, int64_t value)
{
    return (node->kind == SF_INT && node->as.i == value) ||
           (node->kind == SF_FLOAT && node->as.f == (double)value) ||
           (node->kind == SF_BOOL && node->as.b == value);
}

/* A number of the strategy, at the place where its size stands. */
static const sf_node *number_at(sf_arena *a, const sf_node *at, sf_node_kind kind, int64_t value)
{
    sf_node *node = SF_NEW(a, sf_node);
    sf_str text = kind == SF_BOOL ? SF_STR("true") : sf_arena_printf(a, "%lld", (long long)value);

    if (!node || !text.p)
        return NULL;
    *node = *at;
    node->kind = kind;
    node->text = text;
    node->n = 0;
    if (kind == SF_BOOL)
        node->as.b = true;
    else
        node->as.i = value;
    return node;
}

static sf_code set_engine(sf_reading *r, const stack *s, sf_draft *draft, axis_kind k, int64_t value)
{
    const sf_node *old = sf_node_get(draft->engine, axes[k].argument), *node;

    if (!s->size[k])
        return SF_OK;
    if (!sf_node_absent(old) && !same_number(old, value))
        return conflict(r, s, k, old);
    node = number_at(r->a, s->size[k], k == EP ? SF_BOOL : SF_INT, value);
    if (node)
        draft->engine = sf_node_with(r->a, draft->engine, sf_str_of(axes[k].argument), node);
    return node && draft->engine ? SF_OK : SF_E_NOMEM;
}

static sf_code set_replicas(sf_reading *r, const stack *s, sf_draft *draft)
{
    const sf_node *old = draft->num_replicas;

    if (!s->size[REPLICA])
        return SF_OK;
    if (!sf_node_absent(old) && !same_number(old, 1) && !same_number(old, s->replicas))
        return conflict(r, s, REPLICA, old);
    draft->num_replicas = number_at(r->a, s->size[REPLICA], SF_INT, s->replicas);
    return draft->num_replicas ? SF_OK : SF_E_NOMEM;
}

/* Device ids of a `devices` value; 0: none given. */
static size_t count_devices(const sf_node *devices)
{
    size_t n = 0;
    sf_str part, rest;

    if (sf_node_absent(devices))
        return 0;
    if (devices->kind == SF_SEQ)
        return devices->n;
    rest = devices->text;
    for (bool more = true; more;) {
        more = sf_str_split(&rest, ',', &part);
        n += sf_str_trim(part).n != 0;
    }
    return n;
}

static sf_code check_layout(sf_reading *r, const sf_draft *draft, uint64_t count, uint64_t world,
                            uint64_t replicas)
{
    uint64_t all = world * replicas;
    sf_str hint;

    if (!count || count == world || count == all)
        return SF_OK;
    hint = sf_arena_printf(
        r->a, replicas > 1 ? "list %llu GPUs (one replica) or %llu (all of them)" : "list %llu GPUs",
        (unsigned long long)world, (unsigned long long)all);
    if (!hint.p)
        return SF_E_NOMEM;
    return sf_diag_error(
        r->dg, SF_E_STRATEGY, sf_node_where_key(draft->devices, draft->devices_path), hint.p,
        "stage %lld has %llu device(s), but its strategy makes %llu rank(s) and %llu replica(s)",
        (long long)draft->id, (unsigned long long)count, (unsigned long long)world,
        (unsigned long long)replicas);
}

static sf_code apply_stack(sf_reading *r, const stack *s, sf_draft *draft)
{
    sf_code rc = set_engine(r, s, draft, TP, s->tp);

    if (!rc)
        rc = set_engine(r, s, draft, DP, s->dp);
    if (!rc)
        rc = set_engine(r, s, draft, PP, s->pp);
    if (!rc)
        rc = set_engine(r, s, draft, EP, 1);
    if (!rc)
        rc = set_replicas(r, s, draft);
    if (rc)
        return rc;
    draft->strategy = s->role;
    return check_layout(r, draft, count_devices(draft->devices), (uint64_t)(s->tp * s->dp) * (uint64_t)s->pp,
                        (uint64_t)s->replicas);
}

/* The balancer is one for the whole pipeline. */
static sf_code check_routing(sf_reading *r, const stack *s, stack *first)
{
    if (s->replicas < 2)
        return SF_OK;
    if (first->routing.n && !sf_str_eq(first->routing, s->routing))
        return sf_diag_error(r->dg, SF_E_STRATEGY, sf_node_where_key(s->size[REPLICA], s->path),
                             "give all replicated stages the same routing",
                             "strategy of %.*s: routing %.*s, but %.*s has %.*s", SF_STR_ARG(s->name),
                             SF_STR_ARG(s->routing), SF_STR_ARG(first->name), SF_STR_ARG(first->routing));
    *first = *s;
    return SF_OK;
}

sf_code sf_strategy_apply(sf_reading *r, const sf_node *root)
{
    const sf_node *roles = sf_node_get(root, "strategies");
    stack s, first = {0};
    sf_code rc = SF_OK;

    if (!roles)
        roles = root;
    if (!sf_node_is(roles, SF_MAP))
        return sf_diag_error(r->dg, SF_E_STRATEGY, sf_node_where_key(roles, SF_STR("strategies")),
                             "write `strategies:` and under it one list a model_stage",
                             "strategies are a %s where a map is needed", sf_node_kind_name(roles->kind));
    for (uint32_t i = 0; i < roles->n && !rc; i++) {
        sf_draft *draft = NULL;

        rc = read_stack(r, &roles->as.pairs[i], &s);
        if (!rc)
            rc = find_draft(r, &s, &draft);
        if (!rc && draft) /* the analyser does not see that one follows from the other */
            rc = apply_stack(r, &s, draft);
        if (!rc)
            rc = check_routing(r, &s, &first);
    }
    return rc;
}

static sf_code warn_beaten(sf_reading *r, const sf_draft *draft, const char *argument, const sf_node *derived,
                           const sf_node *used)
{
    sf_code rc;

    if (!derived || !used || derived == used || sf_str_eq(derived->text, used->text))
        return SF_OK;
    rc = sf_diag_warning(r->dg, SF_E_STRATEGY, sf_node_where_key(used, sf_str_of(argument)),
                         "remove the flag, or the axis of the strategy",
                         "%s %.*s of stage %lld beats the strategy's %.*s", argument, SF_STR_ARG(used->text),
                         (long long)draft->id, SF_STR_ARG(derived->text));
    return rc == SF_E_NOMEM ? rc : SF_OK;
}

sf_code sf_strategy_recheck(sf_reading *r, const sf_draft *draft, const sf_draft *placed, const sf_stage *st,
                            size_t n_devices)
{
    sf_code rc = SF_OK;
    sf_arg arg;

    if (!draft->strategy)
        return SF_OK;
    for (int k = 0; k < REPLICA && !rc; k++)
        if (sf_arg_find(sf_str_of(axes[k].argument), &arg))
            rc = warn_beaten(r, draft, axes[k].argument, sf_node_get(draft->engine, axes[k].argument),
                             st->args.v[arg].node);
    if (!rc)
        rc = warn_beaten(r, draft, axes[REPLICA].argument, draft->num_replicas, placed->num_replicas);
    return rc ? rc : check_layout(r, placed, n_devices, st->world, st->n_replicas);
}
