/*
 * args: the arguments that the accounting reads, and how a value becomes one.
 * Must not know where values come from: YAML, a command line and JSON all arrive as nodes.
 * Sizes: vllm/engine/arg_utils.py, human_readable_int.
 */
#include "engine/args.h"

#include "base/num.h"
#include "text/json.h"

static const struct {
    const char *name;
    sf_arg_type type;
} table[SF_ARG_COUNT] = {
#define X(name, type) {#name, SF_ARG_##type},
    SF_ARG_MAP(X)
#undef X
};

/* Least value of an integer argument; the largest is 2^53, above which nothing is meant. */
static int64_t least_of(sf_arg arg)
{
    switch (arg) {
    case SF_ARG_max_model_len:
        return -1;
    case SF_ARG_block_size:
    case SF_ARG_max_num_seqs:
    case SF_ARG_max_num_batched_tokens:
    case SF_ARG_tensor_parallel_size:
    case SF_ARG_pipeline_parallel_size:
    case SF_ARG_data_parallel_size:
    case SF_ARG_decode_context_parallel_size:
    case SF_ARG_prefill_context_parallel_size:
    case SF_ARG_max_loras:
    case SF_ARG_max_lora_rank:
        return 1;
    default:
        return 0;
    }
}

enum { PARALLEL_MAX = 65536 };

static int64_t most_of(sf_arg arg)
{
    switch (arg) {
    case SF_ARG_tensor_parallel_size:
    case SF_ARG_pipeline_parallel_size:
    case SF_ARG_data_parallel_size:
    case SF_ARG_decode_context_parallel_size:
    case SF_ARG_prefill_context_parallel_size:
    case SF_ARG_num_gpus:
        return PARALLEL_MAX;
    default:
        return (int64_t)1 << 53;
    }
}

static bool takes_size(sf_arg arg)
{
    return arg == SF_ARG_max_model_len || arg == SF_ARG_max_num_batched_tokens ||
           arg == SF_ARG_kv_cache_memory_bytes;
}

const char *sf_arg_name(sf_arg arg)
{
    return table[arg].name;
}

sf_arg_type sf_arg_kind(sf_arg arg)
{
    return table[arg].type;
}

bool sf_arg_find(sf_str name, sf_arg *ret)
{
    for (unsigned i = 0; i < SF_ARG_COUNT; i++)
        if (sf_str_is(name, table[i].name)) {
            *ret = (sf_arg)i;
            return true;
        }
    return false;
}

bool sf_args_bool(const sf_args *args, sf_arg arg, bool otherwise)
{
    const sf_node *v = args->v[arg].node;

    return sf_node_is(v, SF_BOOL) ? v->as.b : otherwise;
}

int64_t sf_args_i64(const sf_args *args, sf_arg arg, int64_t otherwise)
{
    const sf_node *v = args->v[arg].node;

    return sf_node_is(v, SF_INT) ? v->as.i : otherwise;
}

double sf_args_f64(const sf_args *args, sf_arg arg, double otherwise)
{
    const sf_node *v = args->v[arg].node;

    if (sf_node_is(v, SF_INT))
        return (double)v->as.i;
    return sf_node_is(v, SF_FLOAT) ? v->as.f : otherwise;
}

sf_str sf_args_str(const sf_args *args, sf_arg arg, sf_str otherwise)
{
    const sf_node *v = args->v[arg].node;

    return sf_node_is(v, SF_STRING) ? v->text : otherwise;
}

/* "8k" 8000, "8K" 8192, "25.6k" 25600; a capital letter takes no fraction. */
static bool parse_human(sf_str text, int64_t *ret)
{
    static const char small[] = "kmgt", large[] = "KMGT";
    char unit = text.n ? text.p[text.n - 1] : '\0';
    const char *s = unit ? strchr(small, unit) : NULL, *l = unit ? strchr(large, unit) : NULL;
    sf_str number = sf_str_sub(text, 0, text.n ? text.n - 1 : 0);
    double v, factor = 1;
    int64_t whole;

    if (!s && !l)
        return sf_parse_i64(text, ret);
    for (ptrdiff_t i = 0; i <= (s ? s - small : l - large); i++)
        factor *= s ? 1000 : 1024;
    if (!number.n || number.p[0] < '0' || number.p[0] > '9' || sf_str_find_char(number, 'e') >= 0)
        return false;
    if (l && !sf_parse_i64(number, &whole))
        return false;
    if (!sf_parse_f64(number, &v) || v * factor > 9007199254740992.0)
        return false;
    *ret = (int64_t)(v * factor + (s ? 1e-6 : 0)); /* 25.6 * 1000 must not become 25599 */
    return true;
}

static bool parse_bool(const sf_node *v, bool *ret)
{
    if (v->kind == SF_BOOL)
        *ret = v->as.b;
    else if (v->kind == SF_INT && (v->as.i == 0 || v->as.i == 1))
        *ret = v->as.i == 1;
    else if (v->kind == SF_STRING && sf_str_eq_nocase(v->text, SF_STR("true")))
        *ret = true;
    else if (v->kind == SF_STRING && sf_str_eq_nocase(v->text, SF_STR("false")))
        *ret = false;
    else
        return false;
    return true;
}

static bool parse_int(sf_arg arg, const sf_node *v, int64_t *ret)
{
    if (v->kind == SF_INT) {
        *ret = v->as.i;
        return true;
    }
    if (v->kind == SF_FLOAT && v->as.f >= -9e15 && v->as.f <= 9e15 && v->as.f == (double)(int64_t)v->as.f) {
        *ret = (int64_t)v->as.f;
        return true;
    }
    if (v->kind != SF_STRING)
        return false;
    if (arg == SF_ARG_max_model_len && sf_str_is(v->text, "auto")) {
        *ret = -1;
        return true;
    }
    return takes_size(arg) ? parse_human(v->text, ret) : sf_parse_i64(v->text, ret);
}

static bool parse_float(const sf_node *v, double *ret)
{
    if (v->kind == SF_INT)
        *ret = (double)v->as.i;
    else if (v->kind == SF_FLOAT)
        *ret = v->as.f;
    else
        return v->kind == SF_STRING && sf_parse_f64(v->text, ret) && *ret >= 0;
    return *ret >= 0 && *ret < 1e15; /* not NaN, not infinite */
}

static sf_code bad_value(sf_arg arg, const sf_node *v, const char *want, sf_diags *dg)
{
    sf_str text = v->kind == SF_MAP || v->kind == SF_SEQ ? sf_str_of(sf_node_kind_name(v->kind)) : v->text;

    return sf_diag_error(dg, SF_E_ARG_VALUE, sf_node_where_key(v, sf_str_of(table[arg].name)), want,
                         "%s: \"%.*s\" is not a value of this argument", table[arg].name, SF_STR_ARG(text));
}

/* A copy of `v` with another kind; the place stays. */
static sf_node *retyped(sf_arena *a, const sf_node *v, sf_node_kind kind)
{
    sf_node *n = SF_NEW(a, sf_node);

    if (n) {
        *n = *v;
        n->kind = kind;
        n->n = 0;
    }
    return n;
}

static sf_code int_node(sf_arena *a, sf_arg arg, const sf_node *v, sf_diags *dg, const sf_node **ret)
{
    int64_t i, least = least_of(arg), most = most_of(arg);
    sf_node *n;

    if (!parse_int(arg, v, &i))
        return bad_value(arg, v,
                         takes_size(arg) ? "an integer, or a size such as 8k (8,000), 8K (8,192), 25.6k, 2M"
                                         : "an integer",
                         dg);
    if (i < least || i > most)
        return sf_diag_error(dg, SF_E_ARG_VALUE, sf_node_where_key(v, sf_str_of(table[arg].name)), NULL,
                             "%s: %lld is outside %lld ... %lld", table[arg].name, (long long)i,
                             (long long)least, (long long)most);
    n = retyped(a, v, SF_INT);
    if (!n)
        return SF_E_NOMEM;
    n->as.i = i;
    *ret = n;
    return SF_OK;
}

/* A map, a list or a scalar; text that starts like JSON is read as JSON. */
static sf_code any_node(sf_arena *a, sf_arg arg, const sf_node *v, sf_diags *dg, const sf_node **ret)
{
    sf_str text = sf_str_trim(v->text);
    const sf_node *n;
    sf_diags inner;

    *ret = v;
    if (v->kind != SF_STRING || !text.n || (text.p[0] != '{' && text.p[0] != '['))
        return SF_OK;
    sf_diags_init(&inner, a);
    switch (sf_json_parse(a, text, v->file, 0, &inner, &n)) {
    case SF_OK:
        *ret = n;
        return SF_OK;
    case SF_E_NOMEM:
        return SF_E_NOMEM;
    default:
        return bad_value(arg, v, "JSON, such as '{\"key\": 1}'", dg);
    }
}

/* The node that holds `v` as the type of `arg`. */
static sf_code typed(sf_arena *a, sf_arg arg, const sf_node *v, sf_diags *dg, const sf_node **ret)
{
    sf_node *n;
    bool b;
    double f;

    switch (table[arg].type) {
    case SF_ARG_BOOL:
        if (!parse_bool(v, &b))
            return bad_value(arg, v, "true or false", dg);
        n = retyped(a, v, SF_BOOL);
        if (n)
            n->as.b = b;
        break;
    case SF_ARG_INT:
        return int_node(a, arg, v, dg, ret);
    case SF_ARG_FLOAT:
        if (!parse_float(v, &f))
            return bad_value(arg, v, "a number that is not negative, such as 0.9", dg);
        n = retyped(a, v, SF_FLOAT);
        if (n)
            n->as.f = f;
        break;
    case SF_ARG_STR:
        if (v->kind == SF_MAP || v->kind == SF_SEQ)
            return bad_value(arg, v, "a word", dg);
        n = retyped(a, v, SF_STRING);
        break;
    case SF_ARG_ANY:
    default:
        return any_node(a, arg, v, dg, ret);
    }
    *ret = n;
    return n ? SF_OK : SF_E_NOMEM;
}

sf_code sf_args_set(sf_arena *a, sf_args *args, sf_arg arg, const sf_node *value, sf_arg_from from,
                    sf_diags *dg)
{
    const sf_node *n = NULL;
    sf_code rc;

    if (!sf_node_absent(value)) {
        rc = typed(a, arg, value, dg, &n);
        if (rc)
            return rc;
    }
    args->v[arg] = (sf_arg_value){n, from};
    return SF_OK;
}
