/*
 * kv_log: the lines and texts of the engine that the KV planning brings about.
 * Must not hold any text of its own: the release's templates do (sf_profile_message).
 */
#include "memory/kv_internal.h"

#include <inttypes.h>

#include "base/num.h"

bool sf_kv_nomem(sf_kv_work *w)
{
    w->rc = SF_E_NOMEM;
    return false;
}

bool sf_kv_too_large(sf_kv_work *w, const char *what)
{
    if (!w->rc)
        w->rc = sf_diag_error(w->dg, SF_E_RANGE, (sf_where){0},
                              "check the sizes in config.json and the engine arguments", "%s is out of range",
                              what);
    return false;
}

sf_str sf_kv_message(sf_kv_work *w, sf_message message, const sf_message_arg *args, size_t n)
{
    sf_str s = sf_profile_message(w->a, w->profile, message, args, n);

    if (!s.p)
        sf_kv_nomem(w);
    return s;
}

void sf_kv_log_line(sf_kv_work *w, sf_str line)
{
    for (size_t i = 0; i < w->n_log; i++)
        if (sf_str_eq(w->log[i], line))
            return;
    if (w->n_log == w->cap_log) {
        size_t cap = w->cap_log ? 2 * w->cap_log : 8;
        sf_str *grown = sf_arena_grow(w->a, w->log, w->n_log, cap, sizeof *grown);

        if (!grown) {
            sf_kv_nomem(w);
            return;
        }
        w->log = grown;
        w->cap_log = cap;
    }
    w->log[w->n_log++] = line;
}

/* A template may hold several lines. */
void sf_kv_log(sf_kv_work *w, sf_message message, const sf_message_arg *args, size_t n)
{
    sf_str rest = sf_kv_message(w, message, args, n), line;
    bool more = rest.n > 0;

    while (more) {
        more = sf_str_split(&rest, '\n', &line);
        sf_kv_log_line(w, line);
    }
}

sf_str sf_kv_text_u64(sf_kv_work *w, uint64_t v)
{
    sf_str s = sf_arena_printf(w->a, "%" PRIu64, v);

    if (!s.p)
        sf_kv_nomem(w);
    return s;
}

int64_t sf_kv_i64(uint64_t v)
{
    return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}
