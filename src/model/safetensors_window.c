/*
 * safetensors_window: what could not be read to its end is read again from its start in the next window.
 * Must not take the end of a window for the end of the text, nor the other way round.
 */
#include "model/safetensors_window.h"

/* Bytes [at, at + max) of the text, fewer only at its end, in place of those at hand. */
static sf_code take_text(const sf_window_source *s, sf_window *w, uint64_t at, uint64_t max)
{
    sf_str text;
    sf_code rc;

    if (max > s->n - at)
        max = s->n - at;
    sf_arena_reset(s->scratch);
    rc = s->fs->read(s->fs->ctx, s->scratch, s->path, s->start + at, max, s->dg, &text, NULL);
    if (!rc && text.n < max)
        rc = sf_diag_error(s->dg, SF_E_HEADER, (sf_where){.file = s->path}, "wait until its download is done",
                           "the file became shorter while it was read");
    if (rc)
        return rc;
    w->j = w->before;
    w->j.text = text;
    w->j.at = (size_t)(w->at + w->before.at - at);
    w->at = at;
    w->before = w->j;
    return SF_OK;
}

void sf_window_start(const sf_window_source *s, sf_window *w)
{
    w->at = 0;
    w->whole = w->j.text.n == s->n;
    if (!w->whole)
        w->j.dg = NULL;
    w->before = w->j;
}

sf_code sf_window_whole(const sf_window_source *s, sf_window *w)
{
    sf_code rc = take_text(s, w, 0, s->n);

    if (rc)
        return rc;
    w->whole = true;
    w->j.dg = s->dg;
    return SF_OK;
}

sf_code sf_window_run(const sf_window_source *s, sf_window *w, sf_code (*go_on)(void *reader), void *reader)
{
    for (;;) {
        bool last = w->at + w->j.text.n == s->n;
        sf_code rc = go_on(reader);

        if (w->whole || rc == SF_E_NOMEM || (!rc && last))
            return rc;
        /* A window that ends the JSON text may not end the file; one that has nothing to give is too small. */
        if (!rc || last || (w->before.at == 0 && w->j.text.n >= SF_WINDOW))
            rc = sf_window_whole(s, w);
        else
            rc = take_text(s, w, w->at + w->before.at, SF_WINDOW);
        if (rc)
            return rc;
    }
}
