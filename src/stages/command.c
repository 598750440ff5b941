/*
 * command: a pasted command line as a whole: words, --config file, and the deployment it means.
 * Must not run or expand anything.
 */
#include "base/num.h"
#include "stages/command_parts.h"
#include "text/yaml.h"

#define FILE_NAME SF_STR("command")

sf_where sf_command_where(const sf_command_reader *r, size_t i, size_t from, size_t to)
{
    uint64_t start = i < r->n ? r->starts[i] + from : 0;
    sf_str before = sf_str_sub(r->cmd->text, 0, (size_t)start);

    return (sf_where){.file = FILE_NAME,
                      .line = 1,
                      .col = (uint32_t)sf_utf8_count(before) + 1,
                      .off = start,
                      .len = to > from ? to - from : 0};
}

const sf_node *sf_command_node(sf_command_reader *r, size_t i, size_t from, size_t to)
{
    sf_where at = sf_command_where(r, i, from, to);
    sf_node *n = SF_NEW(r->a, sf_node);

    if (n)
        *n = (sf_node){.kind = SF_STRING,
                       .line = at.line,
                       .col = at.col,
                       .off = at.off,
                       .len = at.len,
                       .file = FILE_NAME,
                       .text = sf_str_sub(r->words[i], from, to)};
    return n;
}

bool sf_command_add(sf_command_reader *r, sf_str **list, size_t *n, size_t *cap, sf_str word)
{
    if (*n == *cap) {
        size_t more = *cap ? 2 * *cap : 8;
        sf_str *grown = sf_arena_grow(r->a, *list, *n, more, sizeof *grown);

        if (!grown)
            return false;
        *list = grown;
        *cap = more;
    }
    (*list)[(*n)++] = word;
    return true;
}

/* The words with one blank between them; columns are counted in it. */
static sf_code join_words(sf_command_reader *r)
{
    uint64_t *starts = SF_NEW_ARRAY(r->a, uint64_t, r->n ? r->n : 1);
    uint64_t size = 0;
    char *p;

    if (!starts)
        return SF_E_NOMEM;
    for (size_t i = 0; i < r->n; i++) {
        starts[i] = size;
        size = sf_add_sat(size, r->words[i].n + 1);
    }
    p = size < SIZE_MAX ? sf_arena_alloc(r->a, (size_t)size + 1, 1) : NULL;
    if (!p)
        return SF_E_NOMEM;
    for (size_t i = 0; i < r->n; i++) {
        if (r->words[i].n)
            memcpy(p + starts[i], r->words[i].p, r->words[i].n);
        p[starts[i] + r->words[i].n] = ' ';
    }
    r->cmd->text = (sf_str){p, size ? (size_t)size - 1 : 0};
    p[r->cmd->text.n] = '\0';
    r->starts = starts;
    return SF_OK;
}

/* One key of a --config file: a flag without its dashes. */
static sf_code config_key(sf_command_reader *r, const sf_pair *pair)
{
    sf_str dashed = sf_arena_printf(r->a, "--%.*s", SF_STR_ARG(pair->key));
    const sf_flag *flag;
    bool negated;

    if (!dashed.p)
        return SF_E_NOMEM;
    flag = sf_flag_find(r->flags, dashed, &negated);
    if (!flag || negated) {
        sf_str near = sf_flag_suggest(r->flags, pair->key);
        sf_str hint = sf_arena_printf(r->a, near.n ? "did you mean %.*s?" : "%.*s", SF_STR_ARG(near));

        sf_diag_warning(r->dg, SF_E_ARG_UNKNOWN, sf_node_where_key(pair->key_at, pair->key), hint.p,
                        "\"%.*s\" is not an argument of the engine that is known", SF_STR_ARG(pair->key));
        return sf_command_add(r, &r->unknown, &r->cmd->n_unknown, &r->cap_unknown, pair->key) ? SF_OK
                                                                                              : SF_E_NOMEM;
    }
    if (sf_node_absent(pair->value) || sf_str_is(flag->name, "config"))
        return SF_OK;
    return sf_command_apply(r, flag, pair->value, dashed);
}

/* --config FILE gives values that those of the command line beat. */
static sf_code read_config(sf_command_reader *r, sf_str path)
{
    const sf_node *root;
    sf_str text;
    sf_code rc;

    if (!r->loader)
        return sf_diag_error(r->dg, SF_E_COMMAND, (sf_where){.file = FILE_NAME}, "give its values as flags",
                             "--config \"%.*s\" cannot be read here", SF_STR_ARG(path));
    rc = r->loader->load(r->loader->ctx, r->a, path, r->dg, &text);
    if (!rc)
        rc = sf_yaml_parse(r->a, text, path, r->dg, &root);
    r->from_file = true;
    for (size_t i = 0; !rc && i < root->n; i++)
        rc = config_key(r, &root->as.pairs[i]);
    r->from_file = false;
    return rc;
}

/* The word behind --config, or empty: it is needed before the other flags are taken. */
static sf_str config_path(const sf_command_reader *r)
{
    for (size_t i = r->at; i < r->n; i++) {
        if (sf_str_starts(r->words[i], SF_STR("--config=")))
            return sf_str_sub(r->words[i], 9, r->words[i].n);
        if (sf_str_is(r->words[i], "--config") && i + 1 < r->n)
            return r->words[i + 1];
    }
    return (sf_str){NULL, 0};
}

sf_code sf_command_read(sf_arena *a, const sf_str *words, size_t n, const sf_loader *loader, sf_diags *dg,
                        const sf_command **ret)
{
    sf_command_reader r = {.a = a, .dg = dg, .loader = loader, .words = words, .n = n};
    sf_str config;
    sf_code rc;

    r.cmd = SF_NEW(a, sf_command);
    if (!r.cmd)
        return SF_E_NOMEM;
    r.cmd->nodes = 1;
    rc = join_words(&r);
    if (!rc)
        rc = sf_flags_load(a, dg, &r.flags);
    if (!rc)
        rc = sf_command_launcher(&r);
    config = rc ? (sf_str){NULL, 0} : config_path(&r);
    if (!rc && config.n)
        rc = read_config(&r, config);
    if (!rc)
        rc = sf_command_flags(&r);
    if (rc)
        return rc;
    if (!r.cmd->model.n && !r.cmd->deploy_config.n)
        return sf_diag_error(dg, SF_E_COMMAND, sf_command_where(&r, n ? n - 1 : 0, 0, 0),
                             "vllm serve MODEL ...", "the command names no model");
    r.cmd->ignored = r.ignored;
    r.cmd->unknown = r.unknown;
    *ret = r.cmd;
    return SF_OK;
}

bool sf_command_env_find(const sf_command *cmd, const char *name, sf_str *ret)
{
    for (size_t i = cmd->n_env; i-- > 0;) /* the last setting holds */
        if (sf_str_is(cmd->env[i].name, name)) {
            *ret = cmd->env[i].value;
            return true;
        }
    return false;
}
