/*
 * command_flags: the engine's flags, word by word, as its argument parser takes them.
 * Must not know what a flag means: command_apply.c does.
 */
#include "stages/command_parts.h"

/* One word that starts with a dash, taken apart. */
typedef struct flag_word {
    size_t word;       /* which */
    sf_str typed;      /* the whole word */
    sf_str name;       /* "--compilation-config" */
    sf_str path;       /* behind the first point: "cudagraph_mode", or empty */
    bool has_value;    /* --name=value, -O3 */
    size_t value_from; /* byte of the word where the value starts */
    const sf_flag *flag;
    bool negated;
} flag_word;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A dash, and not a negative number. */
static bool is_flag(sf_str w)
{
    return w.n > 1 && w.p[0] == '-' && !is_digit(w.p[1]) && !(w.p[1] == '.' && w.n > 2);
}

static flag_word take_apart(const sf_command_reader *r, size_t at)
{
    sf_str w = r->words[at];
    flag_word f = {.word = at, .typed = w, .name = w};
    ptrdiff_t eq = sf_str_find_char(w, '='), dot;

    if (eq > 0) {
        f.has_value = true;
        f.value_from = (size_t)eq + 1;
        f.name = sf_str_sub(w, 0, (size_t)eq);
    }
    if (f.name.n > 2 && f.name.p[0] == '-' && f.name.p[1] == 'O' && is_digit(f.name.p[2]) && !f.has_value) {
        f.has_value = true; /* -O3 */
        f.value_from = 2;
        f.name = sf_str_sub(w, 0, 2);
    }
    dot = sf_str_find_char(f.name, '.');
    if (dot > 1) {
        f.path = sf_str_sub(f.name, (size_t)dot + 1, f.name.n);
        f.name = sf_str_sub(f.name, 0, (size_t)dot);
    }
    f.flag = sf_flag_find(r->flags, f.name, &f.negated);
    if (f.flag && f.path.n && f.flag->type != SF_ARG_ANY)
        f.flag = NULL;
    return f;
}

static sf_code unknown_flag(sf_command_reader *r, const flag_word *f)
{
    sf_str near = sf_flag_suggest(r->flags, f->name);
    sf_str hint = {NULL, 0};

    if (!sf_command_add(r, &r->unknown, &r->cmd->n_unknown, &r->cap_unknown, f->typed))
        return SF_E_NOMEM;
    if (near.n) {
        char dashed[160];

        for (size_t i = 0; i < near.n && i < sizeof dashed; i++)
            dashed[i] = (char)(near.p[i] == '_' ? '-' : near.p[i]);
        hint = sf_arena_printf(r->a, "did you mean --%.*s?",
                               (int)(near.n < sizeof dashed ? near.n : sizeof dashed), dashed);
    }
    sf_diag_warning(r->dg, SF_E_ARG_UNKNOWN, sf_command_where(r, f->word, 0, f->name.n), hint.p,
                    "\"%.*s\" is not an argument of the engine that is known", SF_STR_ARG(f->name));
    /* Its value, if it has one, must not be read as the model. */
    if (!f->has_value && r->at < r->n && !is_flag(r->words[r->at])) {
        if (!r->swallowed.n)
            r->swallowed = r->words[r->at];
        r->at++;
    }
    return SF_OK;
}

static sf_code missing_value(const sf_command_reader *r, const flag_word *f)
{
    return sf_diag_error(r->dg, SF_E_COMMAND, sf_command_where(r, f->word, 0, f->typed.n),
                         "give its value behind it", "\"%.*s\" needs a value", SF_STR_ARG(f->typed));
}

static sf_code bool_flag(sf_command_reader *r, const flag_word *f)
{
    const sf_node *v;
    sf_node *n;

    if (f->has_value) {
        v = sf_command_node(r, f->word, f->value_from, f->typed.n);
    } else if (r->at < r->n && (sf_str_eq_nocase(r->words[r->at], SF_STR("true")) ||
                                sf_str_eq_nocase(r->words[r->at], SF_STR("false")))) {
        v = sf_command_node(r, r->at, 0, r->words[r->at].n);
        r->at++;
    } else {
        v = sf_command_node(r, f->word, 0, f->typed.n);
        n = v ? sf_arena_alloc(r->a, sizeof *n, _Alignof(sf_node)) : NULL;
        if (!n)
            return SF_E_NOMEM;
        *n = *v;
        n->kind = SF_BOOL;
        n->as.b = !f->negated;
        v = n;
    }
    return v ? sf_command_apply(r, f->flag, v, f->typed) : SF_E_NOMEM;
}

/* One or more words up to the next flag, as a list. */
static sf_code list_flag(sf_command_reader *r, const flag_word *f)
{
    size_t from = f->has_value ? f->word : r->at, n = 0;
    const sf_node **items;
    sf_node *list;

    while (!f->has_value && r->at < r->n && !is_flag(r->words[r->at]))
        r->at++;
    n = f->has_value ? 1 : r->at - from;
    if (!n)
        return missing_value(r, f);
    items = SF_NEW_ARRAY(r->a, const sf_node *, n);
    list = SF_NEW(r->a, sf_node);
    if (!items || !list)
        return SF_E_NOMEM;
    for (size_t i = 0; i < n; i++) {
        items[i] = sf_command_node(r, from + i, f->has_value ? f->value_from : 0, r->words[from + i].n);
        if (!items[i])
            return SF_E_NOMEM;
    }
    *list = *items[0];
    list->kind = SF_SEQ;
    list->n = (uint32_t)n;
    list->as.items = items;
    return sf_command_apply(r, f->flag, list, f->typed);
}

static sf_code value_flag(sf_command_reader *r, const flag_word *f)
{
    const sf_node *v;

    if (f->has_value) {
        v = sf_command_node(r, f->word, f->value_from, f->typed.n);
    } else {
        if (r->at >= r->n || is_flag(r->words[r->at]))
            return missing_value(r, f);
        v = sf_command_node(r, r->at, 0, r->words[r->at].n);
        r->at++;
    }
    if (!v)
        return SF_E_NOMEM;
    return f->path.n ? sf_command_apply_path(r, f->flag, f->path, v, f->typed)
                     : sf_command_apply(r, f->flag, v, f->typed);
}

static sf_code one_flag(sf_command_reader *r)
{
    flag_word f = take_apart(r, r->at++);

    if (!f.flag)
        return unknown_flag(r, &f);
    if (f.path.n)
        return value_flag(r, &f);
    if (f.flag->type == SF_ARG_BOOL)
        return bool_flag(r, &f);
    return f.flag->list ? list_flag(r, &f) : value_flag(r, &f);
}

static sf_code positional(sf_command_reader *r, bool *model_seen)
{
    sf_str w = r->words[r->at];
    sf_where at = sf_command_where(r, r->at, 0, w.n);

    r->at++;
    if (!*model_seen) {
        r->cmd->model = w;
        r->cmd->model_at = sf_command_node(r, r->at - 1, 0, w.n);
        *model_seen = true;
        return r->cmd->model_at ? SF_OK : SF_E_NOMEM;
    }
    if (!sf_command_add(r, &r->unknown, &r->cmd->n_unknown, &r->cap_unknown, w))
        return SF_E_NOMEM;
    sf_diag_warning(r->dg, SF_E_ARG_UNKNOWN, at, "is a flag missing in front of it?",
                    "\"%.*s\" stands where no argument is expected", SF_STR_ARG(w));
    return SF_OK;
}

sf_code sf_command_flags(sf_command_reader *r)
{
    bool model_seen = false, flags_over = false;

    while (r->at < r->n) {
        sf_code rc;

        if (!flags_over && sf_str_is(r->words[r->at], "--")) {
            flags_over = true;
            r->at++;
            continue;
        }
        rc = !flags_over && is_flag(r->words[r->at]) ? one_flag(r) : positional(r, &model_seen);
        if (rc)
            return rc;
    }
    if (!r->cmd->model.n)
        r->cmd->model = r->swallowed;
    return SF_OK;
}
