/*
 * name_regex: a pattern becomes a short program of steps; a match walks all its threads over the name
 * and visits each pair of step and position once (R. Cox, "Regular Expression Matching: the Virtual
 * Machine Approach", the bit-state variant).
 */
#include "model/name_regex.h"

enum { MAX_DEPTH = 8, MAX_REPEAT = 32, MAX_TODO = 2048 };

typedef enum op { OP_SET, OP_SPLIT, OP_JUMP, OP_START, OP_END, OP_LOOK, OP_LOOK_NOT, OP_MATCH } op;

typedef struct step {
    op op;
    uint16_t x, y;   /* where to go on; of a look: where it begins and where to go on */
    uint64_t set[4]; /* bytes */
} step;

struct sf_name_regex {
    step *steps;
    size_t n;
};

typedef struct compiler {
    sf_str p;
    size_t at;
    sf_name_regex *re;
    unsigned depth;
    bool failed;
} compiler;

static uint16_t emit(compiler *c, op what, uint16_t x, uint16_t y)
{
    if (c->re->n == SF_NAME_REGEX_STEPS) {
        c->failed = true;
        return 0;
    }
    c->re->steps[c->re->n] = (step){.op = what, .x = x, .y = y};
    return (uint16_t)c->re->n++;
}

static void set_add(uint64_t *set, unsigned from, unsigned to)
{
    for (unsigned ch = from; ch <= to && ch < 256; ch++)
        set[ch / 64] |= (uint64_t)1 << (ch % 64);
}

static bool set_has(const uint64_t *set, unsigned char ch)
{
    return set[ch / 64] >> (ch % 64) & 1;
}

static void set_invert(uint64_t *set)
{
    for (size_t i = 0; i < 4; i++)
        set[i] = ~set[i];
}

static bool more(const compiler *c)
{
    return c->at < c->p.n && !c->failed;
}

/* What follows a backslash. */
static void escape(compiler *c, uint64_t *set)
{
    unsigned char ch;

    if (!more(c)) {
        c->failed = true;
        return;
    }
    ch = (unsigned char)c->p.p[c->at++];
    switch (ch) {
    case 'd':
        set_add(set, '0', '9');
        return;
    case 'w':
        set_add(set, '0', '9');
        set_add(set, 'a', 'z');
        set_add(set, 'A', 'Z');
        set_add(set, '_', '_');
        return;
    case 's':
        set_add(set, ' ', ' ');
        set_add(set, '\t', '\r');
        return;
    default:
        if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9'))
            c->failed = true; /* \b, \1 and others that mean something else */
        set_add(set, ch, ch);
    }
}

/* The inside of [...]. */
static void char_class(compiler *c, uint64_t *set)
{
    bool invert = more(c) && c->p.p[c->at] == '^', first = true;

    c->at += invert;
    for (; more(c) && (first || c->p.p[c->at] != ']'); first = false) {
        unsigned char from = (unsigned char)c->p.p[c->at++], to = from;

        if (from == '\\') {
            escape(c, set);
            continue;
        }
        if (c->at + 1 < c->p.n && c->p.p[c->at] == '-' && c->p.p[c->at + 1] != ']') {
            to = (unsigned char)c->p.p[c->at + 1];
            c->at += 2;
        }
        set_add(set, from, to);
    }
    if (!more(c))
        c->failed = true;
    c->at++;
    if (invert)
        set_invert(set);
}

static void alternatives(compiler *c);

/* After "(": a group, or a look ahead. */
static void group(compiler *c)
{
    op look = OP_MATCH;
    uint16_t at = 0;

    if (more(c) && c->p.p[c->at] == '?') {
        char kind = c->at + 1 < c->p.n ? c->p.p[c->at + 1] : '\0';

        c->failed |= kind != ':' && kind != '=' && kind != '!';
        look = kind == '=' ? OP_LOOK : kind == '!' ? OP_LOOK_NOT : OP_MATCH;
        c->at += 2;
    }
    if (look != OP_MATCH)
        at = emit(c, look, (uint16_t)(c->re->n + 1), 0);
    alternatives(c);
    if (!more(c) || c->p.p[c->at] != ')') {
        c->failed = true;
        return;
    }
    c->at++;
    if (look != OP_MATCH && !c->failed) {
        emit(c, OP_MATCH, 0, 0);
        c->re->steps[at].y = (uint16_t)c->re->n;
    }
}

static void atom(compiler *c)
{
    unsigned char ch = (unsigned char)c->p.p[c->at++];
    uint64_t set[4] = {0};
    uint16_t at;

    if (ch == '(') {
        group(c);
        return;
    }
    if (ch == '^' || ch == '$') {
        emit(c, ch == '^' ? OP_START : OP_END, 0, 0);
        return;
    }
    if (ch == '.') {
        set_add(set, '\n', '\n');
        set_invert(set);
    } else if (ch == '[') {
        char_class(c, set);
    } else if (ch == '\\') {
        escape(c, set);
    } else {
        c->failed |= ch == '*' || ch == '+' || ch == '?';
        set_add(set, ch, ch);
    }
    at = emit(c, OP_SET, 0, 0);
    memcpy(c->re->steps[at].set, set, sizeof set);
}

static bool number(compiler *c, unsigned *ret)
{
    bool any = false;

    for (*ret = 0; more(c) && c->p.p[c->at] >= '0' && c->p.p[c->at] <= '9'; c->at++, any = true)
        *ret = *ret > MAX_REPEAT ? *ret : *ret * 10 + (unsigned)(c->p.p[c->at] - '0');
    return any;
}

/* "*", "+", "?", "{m}", "{m,}", "{m,n}" at the cursor; false when there is none.  most = 0: no limit. */
static bool quantifier(compiler *c, unsigned *ret_least, unsigned *ret_most)
{
    char ch = more(c) ? c->p.p[c->at] : '\0';

    if (ch == '*' || ch == '+' || ch == '?') {
        c->at++;
        *ret_least = ch == '+';
        *ret_most = ch == '?';
    } else if (ch == '{') {
        c->at++;
        c->failed |= !number(c, ret_least);
        *ret_most = *ret_least;
        if (more(c) && c->p.p[c->at] == ',') {
            c->at++;
            if (!number(c, ret_most))
                *ret_most = 0;
        }
        c->failed |= !more(c) || c->p.p[c->at] != '}' || *ret_least > MAX_REPEAT || *ret_most > MAX_REPEAT ||
                     (*ret_most && *ret_most < *ret_least);
        c->at++;
    } else {
        return false;
    }
    if (more(c) && c->p.p[c->at] == '?') /* lazy: the same names match */
        c->at++;
    return true;
}

/* The atom at `from` once more. */
static void again(compiler *c, size_t from)
{
    size_t at = c->at;

    c->at = from;
    atom(c);
    c->at = at;
}

/* `first` is where the steps of the atom that was just compiled begin. */
static void repeat(compiler *c, size_t from, uint16_t first, unsigned least, unsigned most)
{
    uint16_t at;

    c->re->n = first;
    for (unsigned i = 0; i < least && !c->failed; i++)
        again(c, from);
    if (most == 0 && !c->failed) {
        at = emit(c, OP_SPLIT, (uint16_t)(c->re->n + 1), 0);
        again(c, from);
        emit(c, OP_JUMP, at, 0);
        c->re->steps[at].y = (uint16_t)c->re->n;
    }
    for (unsigned i = least; i < most && !c->failed; i++) {
        at = emit(c, OP_SPLIT, (uint16_t)(c->re->n + 1), 0);
        again(c, from);
        c->re->steps[at].y = (uint16_t)c->re->n;
    }
}

static void sequence(compiler *c)
{
    while (more(c) && c->p.p[c->at] != '|' && c->p.p[c->at] != ')') {
        size_t from = c->at;
        uint16_t first = (uint16_t)c->re->n;
        unsigned least, most;

        atom(c);
        if (quantifier(c, &least, &most) && !c->failed)
            repeat(c, from, first, least, most);
    }
}

/* a|b: a split in front of a, a jump behind it; the steps of a move up by one for the split. */
static void alternatives(compiler *c)
{
    size_t from = c->at;
    uint16_t split, jump;

    if (++c->depth > MAX_DEPTH)
        c->failed = true;
    split = (uint16_t)c->re->n;
    sequence(c);
    if (more(c) && c->p.p[c->at] == '|') {
        c->re->n = split;
        c->at = from;
        emit(c, OP_SPLIT, (uint16_t)(split + 1), 0);
        sequence(c);
        jump = emit(c, OP_JUMP, 0, 0);
        c->at++;
        if (!c->failed)
            c->re->steps[split].y = (uint16_t)c->re->n;
        alternatives(c);
        if (!c->failed)
            c->re->steps[jump].x = (uint16_t)c->re->n;
    }
    c->depth--;
}

sf_code sf_name_regex_compile(sf_arena *a, sf_str pattern, const sf_name_regex **ret)
{
    compiler c = {.p = pattern, .re = SF_NEW(a, sf_name_regex)};

    if (!c.re || !(c.re->steps = SF_NEW_ARRAY(a, step, SF_NAME_REGEX_STEPS)))
        return SF_E_NOMEM;
    alternatives(&c);
    emit(&c, OP_MATCH, 0, 0);
    if (c.failed || c.at < pattern.n)
        return SF_E_EXPR;
    *ret = c.re;
    return SF_OK;
}

typedef struct run {
    const sf_name_regex *re;
    sf_str name;
    uint64_t *seen; /* bits: step × (name.n + 1) + position */
    unsigned depth;
} run;

static bool visit(run *r, size_t pc, size_t at)
{
    size_t bit = pc * (r->name.n + 1) + at;
    bool was = r->seen[bit / 64] >> (bit % 64) & 1;

    r->seen[bit / 64] |= (uint64_t)1 << (bit % 64);
    return !was;
}

/* A look ahead is a match of its own, with its own visits: its steps are only reached through it. */
static bool match(run *r, size_t pc, size_t at)
{
    struct {
        uint16_t pc, at;
    } todo[MAX_TODO];
    size_t n = 0;

    for (;;) {
        const step *s = &r->re->steps[pc];
        bool dead = !visit(r, pc, at);

        if (!dead)
            switch (s->op) {
            case OP_MATCH:
                return true;
            case OP_JUMP:
                pc = s->x;
                continue;
            case OP_SPLIT:
                if (n == sizeof todo / sizeof *todo)
                    return false;
                todo[n].pc = s->y;
                todo[n++].at = (uint16_t)at;
                pc = s->x;
                continue;
            case OP_LOOK:
            case OP_LOOK_NOT:
                if (++r->depth <= MAX_DEPTH && match(r, s->x, at) == (s->op == OP_LOOK)) {
                    r->depth--;
                    pc = s->y;
                    continue;
                }
                r->depth--;
                break;
            case OP_START:
            case OP_END:
                dead = s->op == OP_START ? at != 0 : at != r->name.n;
                if (!dead)
                    pc++;
                break;
            case OP_SET:
                dead = at == r->name.n || !set_has(s->set, (unsigned char)r->name.p[at]);
                if (!dead) {
                    pc++;
                    at++;
                }
                break;
            }
        if (!dead && (s->op == OP_SET || s->op == OP_START || s->op == OP_END))
            continue;
        if (!n)
            return false;
        pc = todo[--n].pc;
        at = todo[n].at;
    }
}

bool sf_name_regex_match(const sf_name_regex *re, sf_str name)
{
    uint64_t seen[SF_NAME_REGEX_STEPS * (SF_NAME_REGEX_NAME + 1) / 64 + 1];
    run r = {re, name, seen, 0};

    if (name.n > SF_NAME_REGEX_NAME)
        return false;
    memset(seen, 0, (re->n * (name.n + 1) / 64 + 1) * sizeof *seen);
    return match(&r, 0, 0);
}
