/*
 * safetensors_window: a JSON text of a file, read in pieces of one size.  Its text is never whole in memory,
 * unless something is wrong with it: fresh memory costs more than reading (12 MB at once take longer to touch
 * than to parse), and what is wrong is told with its line and column in the whole.
 */
#ifndef SF_MODEL_SAFETENSORS_WINDOW_H
#define SF_MODEL_SAFETENSORS_WINDOW_H

#include "base/fs.h"
#include "text/json.h"

enum { SF_WINDOW = 128 * 1024 };

/* Where the text is. */
typedef struct sf_window_source {
    const sf_fs *fs;
    sf_arena *scratch; /* holds the text at hand only */
    sf_str path;
    sf_diags *dg;
    uint64_t start, n; /* bytes [start, start + n) of the file */
} sf_window_source;

/* What the reader of such a text has at hand. */
typedef struct sf_window {
    sf_json j;      /* over the text at hand; without a list of diagnostics while that is a window */
    sf_json before; /* set by the reader: as `j` was before the member that may not be read to its end */
    uint64_t at;    /* byte of the whole at which the text at hand starts */
    bool whole;     /* the text at hand is all there is */
} sf_window;

/* After the first text, [0, text.n) of the whole, has been given to sf_json_init with the list `s->dg`. */
void sf_window_start(const sf_window_source *s, sf_window *w);

/*
 * Calls go_on(reader) until the end: it reads members as far as it can and returns the error of `w->j`, SF_OK
 * after the end of the JSON text.  After an error it is called again with a text that goes
 * further and `w->j` in the state of `w->before`, so that what a failed member had done must not count.
 */
sf_code sf_window_run(const sf_window_source *s, sf_window *w, sf_code (*go_on)(void *reader), void *reader);

/* The whole text, in the state of `w->before`: for a message that is found at the end. */
sf_code sf_window_whole(const sf_window_source *s, sf_window *w);

#endif
