/*
 * command_split: a pasted shell command into words, POSIX.1-2017 section 2.2 (quoting).
 * Must not expand anything: what a shell would fill in is not known here.
 */
#include "stages/deployment.h"

enum { LINE_MAX_BYTES = 256 * 1024, WORDS_MAX = 4096 };

typedef struct splitter {
    sf_arena *a;
    sf_diags *dg;
    sf_str in;
    size_t at;
    uint32_t line, col; /* of `at` */
    char *word;         /* room for the whole input */
    size_t n;
    bool open; /* a word has begun (it may be empty: '') */
    sf_str *words;
    size_t n_words, cap;
    sf_code rc;
} splitter;

static sf_where here(const splitter *s)
{
    return (sf_where){.file = SF_STR("command"), .line = s->line, .col = s->col, .off = s->at, .len = 1};
}

static bool more(const splitter *s)
{
    return s->at < s->in.n;
}

static char peek(const splitter *s)
{
    return s->in.p[s->at];
}

/* One byte on; columns count characters. */
static char take(splitter *s)
{
    char c = s->in.p[s->at++];

    if (c == '\n') {
        s->line++;
        s->col = 1;
    } else if (!more(s) || ((unsigned char)s->in.p[s->at] & 0xc0) != 0x80) {
        s->col++;
    }
    return c;
}

static void put(splitter *s, char c)
{
    s->word[s->n++] = c;
    s->open = true;
}

static void end_word(splitter *s)
{
    if (!s->open || s->rc)
        return;
    if (s->n_words == WORDS_MAX) {
        s->rc = sf_diag_error(s->dg, SF_E_LIMIT, here(s), NULL, "more than %d words", WORDS_MAX);
        return;
    }
    if (s->n_words == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : 32;
        sf_str *grown = sf_arena_grow(s->a, s->words, s->n_words, cap, sizeof *grown);

        if (!grown) {
            s->rc = SF_E_NOMEM;
            return;
        }
        s->words = grown;
        s->cap = cap;
    }
    s->words[s->n_words] = sf_arena_str(s->a, (sf_str){s->word, s->n});
    if (!s->words[s->n_words++].p)
        s->rc = SF_E_NOMEM;
    s->n = 0;
    s->open = false;
}

static void warn_variable(splitter *s)
{
    bool name = s->at + 1 < s->in.n && strchr("{(_", s->in.p[s->at + 1]);

    if (s->at + 1 < s->in.n && !name)
        name = (s->in.p[s->at + 1] | 0x20) >= 'a' && (s->in.p[s->at + 1] | 0x20) <= 'z';
    if (peek(s) == '`' || name)
        sf_diag_warning(s->dg, SF_E_COMMAND, here(s), "put its value in",
                        "a shell variable or command is not expanded");
}

static void single_quotes(splitter *s, sf_where at)
{
    s->open = true;
    while (more(s) && peek(s) != '\'')
        put(s, take(s));
    if (more(s))
        take(s);
    else
        s->rc = sf_diag_error(s->dg, SF_E_COMMAND, at, "close it, or put a backslash before it",
                              "a single quote is left open");
}

/* A backslash keeps the next character; before a line end both vanish. */
static void backslash(splitter *s, bool in_quotes)
{
    if (!more(s)) {
        put(s, '\\');
        return;
    }
    if (peek(s) == '\r' && s->at + 1 < s->in.n && s->in.p[s->at + 1] == '\n')
        take(s);
    if (peek(s) == '\n') {
        take(s);
        return;
    }
    if (in_quotes && !strchr("\\\"$`", peek(s)))
        put(s, '\\');
    put(s, take(s));
}

static void double_quotes(splitter *s, sf_where at)
{
    s->open = true;
    while (more(s) && peek(s) != '"') {
        if (peek(s) == '$' || peek(s) == '`')
            warn_variable(s);
        if (peek(s) == '\\') {
            take(s);
            backslash(s, true);
        } else {
            put(s, take(s));
        }
    }
    if (more(s))
        take(s);
    else
        s->rc = sf_diag_error(s->dg, SF_E_COMMAND, at, "close it, or put a backslash before it",
                              "a double quote is left open");
}

/* Unquoted | ; & < > end what is read: the engine's own command stands before them. */
static bool is_operator(char c)
{
    return c == '|' || c == ';' || c == '&' || c == '<' || c == '>';
}

static void stop_at_operator(splitter *s)
{
    /* "2>&1": the number belongs to the redirection */
    if ((peek(s) == '>' || peek(s) == '<') && s->open && s->n == 1 && s->word[0] >= '0' && s->word[0] <= '9')
        s->open = false;
    end_word(s);
    if (!s->rc)
        sf_diag_warning(s->dg, SF_E_COMMAND, here(s), "leave it out, or quote it",
                        "what stands from \"%c\" on is not read", peek(s));
    s->at = s->in.n;
}

static void step(splitter *s)
{
    char c = peek(s);
    sf_where at = here(s);

    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        end_word(s);
        take(s);
    } else if (c == '#' && !s->open) {
        while (more(s) && peek(s) != '\n')
            take(s);
    } else if (is_operator(c)) {
        stop_at_operator(s);
    } else if (c == '\'') {
        take(s);
        single_quotes(s, at);
    } else if (c == '"') {
        take(s);
        double_quotes(s, at);
    } else if (c == '\\') {
        take(s);
        backslash(s, false);
    } else {
        if (c == '$' || c == '`')
            warn_variable(s);
        put(s, take(s));
    }
}

sf_code sf_command_split(sf_arena *a, sf_str line, sf_diags *dg, sf_str **ret, size_t *ret_n)
{
    splitter s = {.a = a, .dg = dg, .in = line, .line = 1, .col = 1};

    if (line.n > LINE_MAX_BYTES)
        return sf_diag_error(dg, SF_E_LIMIT, here(&s), NULL, "a command of more than %d bytes",
                             LINE_MAX_BYTES);
    s.word = sf_arena_alloc(a, line.n + 1, 1);
    if (!s.word)
        return SF_E_NOMEM;
    while (more(&s) && !s.rc)
        step(&s);
    end_word(&s);
    if (s.rc)
        return s.rc;
    *ret = s.words;
    *ret_n = s.n_words;
    return SF_OK;
}
