/*
 * safetensors_index: model.safetensors.index.json, which maps 90,000 names to 163 files.
 * Must keep nothing per name but what sf_tensor_names keeps, and must count nothing twice when a window ends.
 * The form: transformers, modeling_utils.py (json.dumps with an indent, names sorted).
 */
#include <stdlib.h>

#include "base/path.h"
#include "model/safetensors.h"
#include "model/safetensors_window.h"
#include "model/tensor_names.h"
#include "text/swar.h"

/* The longest file name that is compared as it stands, and room for its quotes and a look past them. */
enum { LAST_MAX = 200, LAST_ROOM = LAST_MAX + 2 + SF_SWAR_SLACK, BLANKS_MAX = 16, BOM_BYTES = 3 };
/* With this many bytes left no look goes past the end of the text: a name, a colon, blanks, a file, a comma. */
enum { ROOM = 1 + SF_FOLLOW_MAX + 2 + BLANKS_MAX + LAST_ROOM + BLANKS_MAX + 2 };

typedef struct index_reader {
    sf_arena *a;
    sf_window w;
    sf_tensor_names tensors;
    sf_key_set files;
    sf_str *shards;
    size_t n, cap;
    char last[LAST_ROOM]; /* the file before, in its quotes: neighbours are often in one file */
    size_t last_n;        /* 0: it is too long, or not spelt as it is */
    uint64_t count;
    bool begun, in_map, has_map;
} index_reader;

/* Of a file that was taken: read_run asks no more about it. */
static void remember(index_reader *r, sf_str name)
{
    sf_str raw = sf_json_raw(&r->w.j);

    r->last_n = 0;
    if (r->w.j.escaped || name.n > LAST_MAX)
        return;
    r->last[0] = '"';
    memcpy(r->last + 1, raw.p, raw.n);
    r->last[raw.n + 1] = '"';
    r->last_n = raw.n + 2;
}

static sf_code add_shard(index_reader *r, sf_str name)
{
    uint64_t hash = sf_str_hash(name);

    if (sf_key_set_has(&r->files, name, hash))
        return SF_OK;
    if (r->n == SF_SAFETENSORS_MAX_SHARDS)
        return sf_json_fail(&r->w.j, SF_E_LIMIT, "more than %d weight files", SF_SAFETENSORS_MAX_SHARDS);
    if (!sf_path_is_inside(name))
        return sf_json_fail(&r->w.j, SF_E_HEADER, "the index names a file outside the model's folder");
    if (r->n == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 64;
        sf_str *grown = sf_arena_grow(r->a, r->shards, r->n, cap, sizeof *grown);

        if (!grown)
            return r->w.j.error = SF_E_NOMEM;
        r->shards = grown;
        r->cap = cap;
    }
    name = sf_arena_str(r->a, name);
    switch (name.p ? sf_key_set_add(&r->files, name, hash) : SF_KEY_NO_MEMORY) {
    case SF_KEY_NO_MEMORY:
        return r->w.j.error = SF_E_NOMEM;
    case SF_KEY_HOSTILE:
        return sf_json_fail(&r->w.j, SF_E_LIMIT, "file names that are made to collide");
    default:
        r->shards[r->n++] = name;
        return SF_OK;
    }
}

/* "name": "file"; the name counts last: after any failure the entry may be read again. */
static sf_code read_entry(index_reader *r)
{
    sf_json *j = &r->w.j;
    size_t key_off = j->token_off, key_len = j->token_len;
    sf_key_added added;
    uint32_t pattern;
    sf_str name, file;
    sf_fold fold;

    if (sf_json_decode(j, r->a, &name))
        return j->error;
    if (sf_json_next(j) != SF_JSON_STRING)
        return sf_json_fail(j, SF_E_HEADER, "the index gives a tensor no file name");
    if (sf_json_decode(j, r->a, &file))
        return j->error;
    if (add_shard(r, file))
        return j->error;
    sf_fold_name(name, &fold);
    added = r->count < SF_SAFETENSORS_MAX_TENSORS ? sf_tensor_names_add(&r->tensors, &fold, &pattern)
                                                  : SF_KEY_HOSTILE;
    if (added == SF_KEY_NO_MEMORY)
        return j->error = SF_E_NOMEM;
    if (added == SF_KEY_NEW) {
        r->count++;
        remember(r, file);
        return SF_OK;
    }
    j->token_off = key_off;
    j->token_len = key_len;
    if (added == SF_KEY_SEEN)
        return sf_json_fail(j, SF_E_DUP_KEY, "the index lists a tensor twice");
    return sf_json_fail(j, SF_E_LIMIT, "more than %d tensors", SF_SAFETENSORS_MAX_TENSORS);
}

static inline const char *skip_blanks(const char *p)
{
    for (int i = 0; i < BLANKS_MAX && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'); i++)
        p++;
    return p;
}

/* Entries like earlier ones, all in the file of the one before.  False when there is none. */
static bool read_run(index_reader *r)
{
    const char *p, *end = r->w.j.text.p + r->w.j.text.n, *done = NULL;
    sf_known_name known;
    size_t at;

    if (!r->last_n || !sf_json_before_member(&r->w.j, &at))
        return false;
    p = r->w.j.text.p + at;
    while (*p == '"' && end - p >= ROOM && r->count < SF_SAFETENSORS_MAX_TENSORS &&
           sf_tensor_names_follow(&r->tensors, p + 1, &known)) {
        p += known.len + 2;
        if (*p != ':')
            break;
        p = skip_blanks(p + 1);
        if (!sf_same_bytes(p, r->last, r->last_n) ||
            sf_tensor_names_add_known(&r->tensors, &known) != SF_KEY_NEW)
            break;
        r->count++;
        done = p += r->last_n;
        if (*p != ',')
            break;
        p = skip_blanks(p + 1);
    }
    if (done)
        sf_json_after_member(&r->w.j, (size_t)(done - r->w.j.text.p));
    return done != NULL;
}

/* A key beside or above the map. */
static sf_code read_top(index_reader *r)
{
    sf_json *j = &r->w.j;

    if (!sf_str_is(sf_json_raw(j), "weight_map")) {
        sf_json_skip(j, sf_json_next(j));
        if (!j->error && !r->w.whole && j->at == j->text.n) /* a number may go on in the next window */
            j->error = SF_E_JSON;
        return j->error;
    }
    if (r->has_map)
        return sf_json_fail(j, SF_E_DUP_KEY, "weight_map given twice");
    if (sf_json_next(j) != SF_JSON_OBJECT)
        return sf_json_fail(j, SF_E_HEADER, "weight_map is not a map of tensors to files");
    r->has_map = r->in_map = true;
    return SF_OK;
}

/* go_on of sf_window_run. */
static sf_code read_members(void *ctx)
{
    index_reader *r = ctx;
    sf_json *j = &r->w.j;

    if (!r->begun && sf_json_next(j) != SF_JSON_OBJECT)
        return sf_json_fail(j, SF_E_HEADER, "the index is not a JSON object");
    r->begun = true;
    for (;;) {
        sf_json_event event;

        if (r->in_map && read_run(r))
            continue;
        r->w.before = *j;
        event = sf_json_next(j);
        if (event == SF_JSON_KEY) {
            if (r->in_map ? read_entry(r) : read_top(r))
                return j->error;
        } else if (event == SF_JSON_OBJECT_END && r->in_map) {
            r->in_map = false;
        } else {
            if (event != SF_JSON_ERROR)
                sf_json_next(j);
            return j->error;
        }
    }
}

static int compare_names(const void *a, const void *b)
{
    return sf_str_cmp(*(const sf_str *)a, *(const sf_str *)b);
}

static sf_code read_index(sf_arena *a, const sf_window_source *s, sf_str text, sf_index *ret)
{
    index_reader r = {.a = a};
    sf_code rc;

    sf_json_init(&r.w.j, text, s->path, 0, s->dg);
    sf_tensor_names_init(&r.tensors, a);
    sf_key_set_init(&r.files, a);
    sf_window_start(s, &r.w);
    rc = sf_window_run(s, &r.w, read_members, &r);
    if (!rc && !r.has_map && !r.w.whole) {
        rc = sf_window_whole(s, &r.w);
        if (!rc)
            rc = read_members(&r); /* to the end once more, for its place */
    }
    if (rc)
        return rc;
    if (!r.has_map)
        return sf_json_fail(&r.w.j, SF_E_HEADER, "the index has no weight_map");
    if (r.n)
        qsort(r.shards, r.n, sizeof *r.shards, compare_names);
    *ret = (sf_index){r.shards, r.n, r.count};
    return SF_OK;
}

sf_code sf_safetensors_index(sf_arena *a, sf_str json, sf_str file, sf_diags *dg, sf_index *ret)
{
    sf_window_source s = {.path = file, .dg = dg, .n = json.n};

    return read_index(a, &s, json, ret);
}

sf_code sf_safetensors_read_index(sf_arena *a, sf_arena *scratch, const sf_fs *fs, sf_str path,
                                  uint64_t guess, uint64_t max, sf_diags *dg, sf_index *ret)
{
    sf_window_source s = {.fs = fs, .scratch = scratch, .path = path, .dg = dg};
    sf_str text;
    sf_code rc;

    sf_arena_reset(scratch);
    guess = guess < BOM_BYTES ? BOM_BYTES : guess; /* which sf_json_init looks for */
    rc = fs->read(fs->ctx, scratch, path, 0, guess < max ? guess : max, dg, &text, &s.n);
    if (!rc && s.n > max)
        rc = sf_fs_read_all(fs, scratch, path, max, dg, &text); /* says so */
    return rc ? rc : read_index(a, &s, text, ret);
}
