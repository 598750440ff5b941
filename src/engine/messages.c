/*
 * messages: the engine's texts with their numbers put in, to the character.
 * Must not hold any text of an engine: templates are data/engines/messages.yaml.
 */
#include "base/buf.h"
#include "base/num.h"
#include "engine/profile.h"

enum { MESSAGE_MAX = 64 * 1024 };

typedef struct filler {
    sf_arena *a;
    const sf_profile *profile;
    const sf_message_arg *args;
    size_t n_args;
    sf_buf *out;
    bool missing; /* a value was asked for that is not given */
    bool failed;
} filler;

static const sf_message_arg *find_arg(const filler *f, sf_str name)
{
    for (size_t i = 0; i < f->n_args; i++)
        if (sf_str_is(name, f->args[i].name))
            return &f->args[i];
    return NULL;
}

static sf_str format_number(sf_arena *a, double value, sf_str how)
{
    if (sf_str_is(how, "r2"))
        return sf_fmt_py_round2(a, value);
    if (how.n == 2 && how.p[0] == 'f')
        return sf_fmt_fixed(a, value, how.p[1] - '0');
    if (sf_str_is(how, "d"))
        return sf_fmt_fixed(a, value, 0);
    return sf_fmt_py_float(a, value);
}

static sf_str format_arg(const filler *f, const sf_message_arg *arg, sf_str how)
{
    switch (arg->kind) {
    case SF_MSG_TEXT:
        return sf_arena_str(f->a, arg->value);
    case SF_MSG_BYTES:
        if (!how.n)
            return sf_profile_gib(f->a, f->profile, (double)arg->count);
        return format_number(f->a, (double)arg->count / (double)SF_GIB, how);
    case SF_MSG_COUNT_OF:
        if (sf_str_is(how, "c"))
            return sf_fmt_commas(f->a, arg->count);
        return sf_arena_printf(f->a, "%lld", (long long)arg->count);
    case SF_MSG_NUMBER:
        break;
    }
    return format_number(f->a, arg->number, how);
}

/* `inside` is "name" or "name:how". */
static void put_field(filler *f, sf_str inside)
{
    sf_str name = inside, how = {NULL, 0};
    ptrdiff_t colon = sf_str_find_char(inside, ':');
    const sf_message_arg *arg;
    sf_str text;

    if (colon >= 0) {
        name = sf_str_sub(inside, 0, (size_t)colon);
        how = sf_str_sub(inside, (size_t)colon + 1, inside.n);
    }
    arg = find_arg(f, name);
    if (!arg) { /* in [[ ]] it takes the part with it, elsewhere the gap is to be seen */
        f->missing = true;
        sf_buf_add_char(f->out, '?');
        return;
    }
    text = format_arg(f, arg, how);
    if (!text.p)
        f->failed = true;
    sf_buf_add(f->out, text);
}

/* A template without [[ ]]. */
static void put_plain(filler *f, sf_str text)
{
    while (text.n) {
        ptrdiff_t open = sf_str_find_char(text, '{');
        ptrdiff_t close = sf_str_find_char(text, '}');

        if (open < 0 || close < open) {
            sf_buf_add(f->out, text);
            return;
        }
        sf_buf_add(f->out, sf_str_sub(text, 0, (size_t)open));
        put_field(f, sf_str_sub(text, (size_t)open + 1, (size_t)close));
        text = sf_str_sub(text, (size_t)close + 1, text.n);
    }
}

/* What stands in [[ ]]: taken back when a value is missing. */
static void put_optional(filler *f, sf_str text)
{
    bool missing = f->missing;
    size_t from = f->out->n;

    f->missing = false;
    put_plain(f, text);
    if (f->missing)
        f->out->n = from;
    f->missing = missing;
}

static void put_template(filler *f, sf_str text)
{
    while (text.n) {
        ptrdiff_t open = sf_str_find(text, SF_STR("[["));
        ptrdiff_t close = sf_str_find(text, SF_STR("]]"));

        if (open < 0 || close < open) {
            put_plain(f, text);
            return;
        }
        put_plain(f, sf_str_sub(text, 0, (size_t)open));
        put_optional(f, sf_str_sub(text, (size_t)open + 2, (size_t)close));
        text = sf_str_sub(text, (size_t)close + 2, text.n);
    }
}

sf_str sf_profile_message(sf_arena *a, const sf_profile *profile, sf_message message,
                          const sf_message_arg *args, size_t n_args)
{
    sf_str ret = {NULL, 0};
    sf_buf out;
    filler f = {.a = a, .profile = profile, .args = args, .n_args = n_args, .out = &out};

    if (message >= SF_MSG_COUNT || !profile->message[message].n)
        return SF_STR("");
    sf_buf_init(&out, MESSAGE_MAX);
    put_template(&f, profile->message[message]);
    if (!out.failed && !f.failed)
        ret = sf_arena_str(a, sf_buf_str(&out));
    sf_buf_release(&out);
    return ret;
}

sf_str sf_profile_gib(sf_arena *a, const sf_profile *profile, double bytes)
{
    double gib = bytes / (double)SF_GIB;

    return profile->number == SF_NUM_ROUND2 ? sf_fmt_py_round2(a, gib) : sf_fmt_fixed(a, gib, 2);
}
