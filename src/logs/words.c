/*
 * words: splits at blanks, semicolons and commas outside of brackets and quotes.
 * Must not fail on anything that a person may have typed.
 */
#include "logs/words.h"

#include "text/yaml.h"

enum { MAX_WORDS = 256 };

static bool is_gap(char c)
{
    return c == ' ' || c == ';' || c == ',' || c == '\t' || c == '\n';
}

/* The next word; an open bracket or quote runs to the end of the text. */
static sf_str next_word(sf_str *rest)
{
    size_t from = 0, to;
    unsigned depth = 0;
    char quote = 0;

    if (!rest->n)
        return (sf_str){0};
    while (from < rest->n && is_gap(rest->p[from]))
        from++;
    for (to = from; to < rest->n && (depth || quote || !is_gap(rest->p[to])); to++) {
        char c = rest->p[to];

        if (quote)
            quote = c == quote ? '\0' : quote;
        else if (c == '\'' || c == '"')
            quote = c;
        else if (c == '(' || c == '[' || c == '{')
            depth++;
        else if ((c == ')' || c == ']' || c == '}') && depth)
            depth--;
    }
    *rest = (sf_str){rest->p + to, rest->n - to};
    return (sf_str){rest->p - (to - from), to - from};
}

/* "SpeculativeConfig(method='mtp', num_spec_tokens=3)" as a flow map; other texts as they are. */
static sf_str as_flow(sf_arena *a, sf_str text)
{
    ptrdiff_t open = sf_str_find_char(text, '(');
    char *p;
    size_t n = 0;

    if (open <= 0 || text.p[text.n - 1] != ')' || text.p[0] == '{' || text.p[0] == '[')
        return text;
    p = sf_arena_alloc(a, 2 * text.n, 1);
    if (!p)
        return (sf_str){0};
    p[n++] = '{';
    for (size_t i = (size_t)open + 1; i + 1 < text.n; i++) {
        p[n++] = text.p[i] == '=' ? ':' : text.p[i];
        if (text.p[i] == '=')
            p[n++] = ' ';
    }
    p[n++] = '}';
    return (sf_str){p, n};
}

/* A Python literal as a node, NULL when it cannot be read. */
static sf_code literal(sf_arena *a, sf_str text, const sf_node **ret)
{
    const sf_node *root = NULL;
    sf_code rc;

    *ret = NULL;
    text = as_flow(a, sf_str_trim(text));
    if (sf_str_is(text, "None"))
        return SF_OK;
    text = sf_arena_printf(a, "v: %.*s", SF_STR_ARG(text));
    if (!text.p)
        return SF_E_NOMEM;
    rc = sf_yaml_parse(a, text, SF_STR("arguments"), NULL, &root);
    if (!rc)
        *ret = sf_node_get(root, "v");
    return rc == SF_E_NOMEM ? rc : SF_OK;
}

static sf_code set(sf_arena *a, sf_args *args, sf_arg arg, const sf_node *value, bool *ret_done)
{
    sf_code rc;

    *ret_done = false;
    if (sf_node_absent(value))
        return SF_OK;
    rc = sf_args_set(a, args, arg, value, SF_FROM_CLI, NULL);
    *ret_done = rc == SF_OK;
    return rc == SF_E_NOMEM ? rc : SF_OK;
}

/* "--max-num-seqs" -> "max_num_seqs"; "--no-x" -> "x" and false. */
static sf_str argument_name(sf_arena *a, sf_str word, bool *ret_on)
{
    char *p;

    *ret_on = true;
    while (word.n && word.p[0] == '-')
        word = sf_str_sub(word, 1, word.n);
    if (sf_str_starts(word, SF_STR("no-")) || sf_str_starts(word, SF_STR("no_"))) {
        *ret_on = false;
        word = sf_str_sub(word, 3, word.n);
    }
    p = sf_arena_alloc(a, word.n + 1, 1);
    for (size_t i = 0; p && i < word.n; i++)
        p[i] = word.p[i] == '-' ? '_' : word.p[i];
    return (sf_str){p, p ? word.n : 0};
}

static sf_code one(sf_arena *a, sf_str word, sf_str *rest, sf_args *args, bool *ret_done)
{
    ptrdiff_t eq = sf_str_find_char(word, '=');
    bool flag = sf_str_starts(word, SF_STR("--")), on;
    sf_str name = argument_name(a, eq > 0 ? sf_str_sub(word, 0, (size_t)eq) : word, &on), value;
    const sf_node *node = NULL;
    sf_arg arg;
    sf_code rc;

    *ret_done = false;
    if (!name.p)
        return SF_E_NOMEM;
    if (!sf_arg_find(name, &arg))
        return SF_OK;
    if (eq > 0)
        value = sf_str_sub(word, (size_t)eq + 1, word.n);
    else if (sf_arg_kind(arg) == SF_ARG_BOOL)
        value = on ? SF_STR("true") : SF_STR("false");
    else if (flag)
        value = next_word(rest);
    else
        return SF_OK;
    rc = literal(a, value, &node);
    return rc ? rc : set(a, args, arg, node, ret_done);
}

sf_code sf_words_args(sf_arena *a, sf_str text, sf_args *args, const sf_str **ret_ignored, size_t *ret_n)
{
    sf_str *ignored = SF_NEW_ARRAY(a, sf_str, MAX_WORDS);
    size_t n = 0;

    if (!ignored)
        return SF_E_NOMEM;
    for (unsigned i = 0; i < MAX_WORDS; i++) {
        sf_str word = next_word(&text);
        bool done;
        sf_code rc;

        if (!word.n)
            break;
        rc = one(a, word, &text, args, &done);
        if (rc)
            return rc;
        if (!done)
            ignored[n++] = word;
    }
    *ret_ignored = ignored;
    *ret_n = n;
    return SF_OK;
}

sf_code sf_words_value(sf_arena *a, sf_str text, sf_arg arg, sf_args *args)
{
    const sf_node *node = NULL;
    bool done;
    sf_code rc = text.n ? literal(a, text, &node) : SF_OK;

    return rc ? rc : set(a, args, arg, node, &done);
}
