/*
 * folder: a model folder as Hugging Face repositories are laid out → sf_checkpoint.
 * Must not open a file but through the sf_fs, and must not read weights beyond their headers.
 * Which files are weights: vLLM 0.19, model_executor/model_loader (the index, else *.safetensors).
 */
#include "model/folder.h"

#include "base/path.h"
#include "text/json.h"

#define CONFIG_MAX ((uint64_t)16 * 1024 * 1024)
#define INDEX_MAX ((uint64_t)100 * 1000 * 1000)
#define FIRST_READ ((uint64_t)64 * 1024)
#define INDEX_READ ((uint64_t)128 * 1024)

enum { SUBS_MAX = 64, NAMED = 5, BYTES_PER_TENSOR = 144 };

typedef struct folder {
    sf_arena *a;
    sf_arena *scratch; /* for the texts of index and headers */
    const sf_fs *fs;
    sf_diags *dg;
    sf_checkpoint *ckpt;
    const char *other; /* "PyTorch, .bin": a format of weights that are counted, not read; or NULL */
    size_t unread;     /* files of it */
} folder;

/* The names in one folder. */
typedef struct listing {
    sf_str dir;
    sf_str *names;
    size_t n;
} listing;

/* What weight files a folder has. */
typedef struct weights {
    sf_str *files;
    size_t n;
    sf_str index;     /* path of the index that names them, or empty */
    uint64_t tensors; /* that the index maps */
} weights;

/* Of a text that was to be made in the arena. */
static sf_code made(sf_str s)
{
    return s.p ? SF_OK : SF_E_NOMEM;
}

static bool has(const listing *l, const char *name)
{
    size_t lo = 0, hi = l->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = sf_str_cmp(sf_str_of(name), l->names[mid]);

        if (c == 0)
            return true;
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return false;
}

/* A pointer or a page in place of a JSON file has a better message than its syntax. */
static sf_code check_is_json(folder *f, sf_str path, sf_str text)
{
    sf_where at = {.file = path, .line = 1, .col = 1, .len = 1};

    if (sf_str_starts(text, SF_STR("version https://git-lfs")))
        return sf_diag_error(f->dg, SF_E_JSON, at, "run `git lfs pull` in the model folder",
                             "this is a Git LFS pointer, not the file itself");
    if (sf_str_starts(sf_str_trim(sf_str_sub(text, 0, 64)), SF_STR("<")))
        return sf_diag_error(f->dg, SF_E_JSON, at, "download the file itself",
                             "this is a web page, not a JSON file");
    return SF_OK;
}

static sf_code read_json(folder *f, sf_str dir, const char *name, const sf_node **ret)
{
    sf_str text = {0}, path = sf_path_join(f->a, dir, sf_str_of(name));
    const sf_node *root = NULL;
    sf_code rc = made(path);

    if (!rc)
        rc = sf_fs_read_all(f->fs, f->a, path, CONFIG_MAX, f->dg, &text);
    if (!rc)
        rc = check_is_json(f, path, text);
    if (!rc)
        rc = sf_json_parse(f->a, text, path, SF_JSON_NONFINITE, f->dg, &root);
    if (rc)
        return rc;
    if (!sf_node_is(root, SF_MAP))
        return sf_diag_error(f->dg, SF_E_TYPE, sf_node_where(root),
                             "take the config.json that belongs to the weights",
                             "expected an object, found a %s", sf_node_kind_name(root->kind));
    *ret = root;
    return SF_OK;
}

static sf_code refuse_without_config(folder *f, const listing *l)
{
    sf_where at = {.file = l->dir};
    const char *hint = "name the folder that holds config.json";

    if (has(l, "params.json"))
        return sf_diag_error(f->dg, SF_E_CONFIG_MISSING, at, "use the repository's config.json beside it",
                             "params.json (Mistral's own format) is not read, and there is no config.json");
    if (has(l, "adapter_config.json"))
        return sf_diag_error(f->dg, SF_E_CONFIG_MISSING, at, "name the folder of the base model",
                             "this is a LoRA adapter, not a model: there is no config.json");
    if (has(l, "snapshots"))
        hint = "this is a hub cache: name the folder under snapshots/";
    for (size_t i = 0; i < l->n; i++)
        if (sf_str_ends(l->names[i], SF_STR(".gguf")))
            hint = "GGUF files are not read: use the repository that they were made from";
    return sf_diag_error(f->dg, SF_E_CONFIG_MISSING, at, hint, "the folder has no config.json");
}

static bool is_weight(sf_str name, sf_str suffix)
{
    return sf_str_ends(name, suffix) && !sf_str_is(name, "training_args.bin");
}

/* The sizes of files that are not read, added up. */
static sf_code add_sizes(folder *f, const listing *l, sf_str suffix)
{
    for (size_t i = 0; i < l->n; i++) {
        sf_str none, path;
        uint64_t size = 0;
        sf_code rc;

        if (!is_weight(l->names[i], suffix))
            continue;
        path = sf_path_join(f->a, l->dir, l->names[i]);
        if (!path.p)
            return SF_E_NOMEM;
        if (f->fs->kind(f->fs->ctx, path) != SF_FS_FILE)
            continue;
        rc = f->fs->read(f->fs->ctx, f->a, path, 0, 0, f->dg, &none, &size);
        if (rc)
            return rc;
        f->ckpt->weight_file_bytes = sf_add_sat(f->ckpt->weight_file_bytes, size);
        f->ckpt->n_weight_files++;
        f->unread++;
    }
    return SF_OK;
}

/* Weights in other formats: counted, not read. */
static sf_code find_other(folder *f, const listing *l)
{
    static const struct {
        sf_str suffix;
        const char *what;
    } known[] = {
        {SF_STR(".bin"),         "PyTorch, .bin"         },
        {SF_STR(".pt"),          "PyTorch, .pt"          },
        {SF_STR(".pth"),         "PyTorch, .pth"         },
        {SF_STR(".gguf"),        "GGUF"                  },
        {SF_STR(".safetensors"), "Mistral's consolidated"}, /* all that is left under this suffix */
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        for (size_t k = 0; k < l->n; k++)
            if (is_weight(l->names[k], known[i].suffix)) {
                f->other = known[i].what;
                return add_sizes(f, l, known[i].suffix);
            }
    return SF_OK;
}

/* Names each missing shard, up to five, at the place of the first in the index. */
static sf_code refuse_missing(folder *f, const weights *w, const sf_str *missing, size_t n)
{
    sf_where at = {.file = w->index, .line = 1, .col = 1};
    sf_str names = sf_str_sub(missing[0], 0, missing[0].n), index_text = {0};
    sf_code rc = sf_fs_read_all(f->fs, f->a, w->index, INDEX_MAX, f->dg, &index_text);
    ptrdiff_t off = sf_str_find(index_text, missing[0]);

    for (size_t i = 1; i < n && i < NAMED && names.p; i++)
        names = sf_arena_printf(f->a, "%.*s, %.*s", SF_STR_ARG(names), SF_STR_ARG(missing[i]));
    if (names.p && n > NAMED)
        names = sf_arena_printf(f->a, "%.*s and %zu more", SF_STR_ARG(names), n - NAMED);
    if (rc || !names.p)
        return rc ? rc : SF_E_NOMEM;
    if (off > 0) {
        sf_json j;

        sf_json_init(&j, index_text, w->index, 0, NULL);
        at = sf_json_where(&j, (size_t)off - 1, missing[0].n + 2);
    }
    return sf_diag_error(f->dg, SF_E_SHARD_MISSING, at,
                         "download the missing files, or name a complete folder",
                         "%zu of %zu weight files of the index %s missing: %.*s", n, w->n,
                         n == 1 ? "is" : "are", SF_STR_ARG(names));
}

/* A folder of metadata has the index and none of its files: what config.json says has to do. */
static sf_code check_shards(folder *f, const listing *l, weights *w)
{
    sf_str *missing = SF_NEW_ARRAY(f->a, sf_str, w->n);
    size_t n = 0;

    if (!missing)
        return SF_E_NOMEM;
    for (size_t i = 0; i < w->n; i++) {
        sf_str path = sf_path_join(f->a, l->dir, w->files[i]);

        if (!path.p)
            return SF_E_NOMEM;
        if (f->fs->kind(f->fs->ctx, path) == SF_FS_ABSENT)
            missing[n++] = w->files[i];
    }
    if (n && n < w->n)
        return refuse_missing(f, w, missing, n);
    w->n -= n;
    return SF_OK;
}

static sf_code read_index(folder *f, const listing *l, sf_str name, weights *w)
{
    sf_index index = {0};
    sf_str start = {0};
    sf_code rc;

    w->index = sf_path_join(f->a, l->dir, name);
    rc = made(w->index);
    if (!rc)
        rc = f->fs->read(f->fs->ctx, f->scratch, w->index, 0, SF_SAFETENSORS_LEAST, f->dg, &start, NULL);
    if (!rc)
        rc = check_is_json(f, w->index, start);
    if (!rc)
        rc = sf_safetensors_read_index(f->a, f->scratch, f->fs, w->index, INDEX_READ, INDEX_MAX, f->dg,
                                       &index);
    w->files = index.shards;
    w->n = index.n_shards;
    w->tensors = index.tensors;
    if (!rc && w->n)
        rc = check_shards(f, l, w);
    return rc;
}

/* Is `name` a variant ("x.fp16.safetensors") of another file of the folder ("x.safetensors")? */
static bool is_variant(folder *f, const listing *l, sf_str name)
{
    size_t end = name.n - SF_STR(".safetensors").n, dot = end;
    const char *base;

    while (dot > 0 && name.p[dot - 1] != '.')
        dot--;
    if (dot < 2)
        return false;
    base = sf_arena_printf(f->a, "%.*s.safetensors", (int)(dot - 1), name.p).p;
    return base && has(l, base);
}

/* All *.safetensors of the folder, but Mistral's second copy and lower-precision variants. */
static sf_code take_all(folder *f, const listing *l, weights *w)
{
    w->files = SF_NEW_ARRAY(f->a, sf_str, l->n + 1);
    if (!w->files)
        return SF_E_NOMEM;
    for (size_t i = 0; i < l->n; i++)
        if (sf_str_ends(l->names[i], SF_STR(".safetensors")) &&
            !sf_str_starts(l->names[i], SF_STR("consolidated")) && !is_variant(f, l, l->names[i]))
            w->files[w->n++] = l->names[i];
    return w->n ? SF_OK : find_other(f, l);
}

static sf_code find_weights(folder *f, const listing *l, weights *w)
{
    static const char *const usual[] = {"model.safetensors.index.json",
                                        "diffusion_pytorch_model.safetensors.index.json"};

    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (has(l, usual[i]))
            return read_index(f, l, sf_str_of(usual[i]), w);
    for (size_t i = 0; i < l->n; i++)
        if (sf_str_ends(l->names[i], SF_STR(".safetensors.index.json")) &&
            !sf_str_starts(l->names[i], SF_STR("consolidated")))
            return read_index(f, l, l->names[i], w);
    return take_all(f, l, w);
}

/* The index may be of another version of the model than the files. */
static void compare_with_index(folder *f, const weights *w, const sf_tensor_table *t)
{
    uint64_t tensors, numel, bytes;

    sf_tensor_table_totals(t, &tensors, &numel, &bytes);
    if (w->index.n && tensors != w->tensors)
        sf_diag_warning(f->dg, SF_E_TENSORS_DIFFER, (sf_where){.file = w->index, .line = 1, .col = 1},
                        "download index and weight files of one revision",
                        "the index lists %llu tensors, the weight files hold %llu",
                        (unsigned long long)w->tensors, (unsigned long long)tensors);
}

static sf_code read_headers(folder *f, const listing *l, const weights *w, const sf_tensor_table **ret)
{
    uint64_t guess = w->index.n && w->n ? w->tensors / w->n * BYTES_PER_TENSOR + 4096 : FIRST_READ;
    sf_tensor_table *t = sf_tensor_table_new(f->a);

    if (!t)
        return SF_E_NOMEM;
    for (size_t i = 0; i < w->n; i++) {
        sf_str path = sf_path_join(f->a, l->dir, w->files[i]);
        uint64_t size = 0;
        sf_code rc = made(path);

        if (!rc)
            rc = sf_safetensors_read(t, f->scratch, f->fs, path, guess, f->dg, &size);
        if (rc)
            return rc;
        f->ckpt->weight_file_bytes = sf_add_sat(f->ckpt->weight_file_bytes, size);
        f->ckpt->n_weight_files++;
    }
    compare_with_index(f, w, t);
    *ret = t;
    return SF_OK;
}

/* The weight files of one folder; `ret_headers` stays NULL when none can be read. */
static sf_code read_weights(folder *f, const listing *l, const sf_tensor_table **ret_headers)
{
    weights w = {0};
    sf_code rc = find_weights(f, l, &w);

    if (!rc && w.n)
        rc = read_headers(f, l, &w, ret_headers);
    return rc;
}

static sf_code add_sub(folder *f, sf_str dir, sf_str name)
{
    struct sf_checkpoint_sub *sub = &f->ckpt->subs[f->ckpt->n_subs];
    listing l = {.dir = sf_path_join(f->a, dir, name)};
    sf_code rc = made(l.dir);

    if (!rc)
        rc = f->fs->list(f->fs->ctx, f->a, l.dir, f->dg, &l.names, &l.n);
    if (rc || !has(&l, "config.json"))
        return rc;
    if (f->ckpt->n_subs == SUBS_MAX)
        return sf_diag_error(f->dg, SF_E_LIMIT, (sf_where){.file = dir}, "name the folder of one model",
                             "more than %d folders in it have a config.json", SUBS_MAX);
    sub->name = name;
    rc = read_json(f, l.dir, "config.json", &sub->config);
    if (!rc)
        rc = read_weights(f, &l, &sub->headers);
    if (!rc)
        f->ckpt->n_subs++;
    return rc;
}

static sf_code read_subs(folder *f, const listing *l)
{
    f->ckpt->subs = SF_NEW_ARRAY(f->a, struct sf_checkpoint_sub, SUBS_MAX + 1);
    if (!f->ckpt->subs)
        return SF_E_NOMEM;
    for (size_t i = 0; i < l->n; i++) {
        sf_str path = sf_path_join(f->a, l->dir, l->names[i]);
        sf_code rc = made(path);

        if (!rc && l->names[i].p[0] != '.' && f->fs->kind(f->fs->ctx, path) == SF_FS_DIR)
            rc = add_sub(f, l->dir, l->names[i]);
        if (rc)
            return rc;
    }
    return SF_OK;
}

static const char *files_word(size_t n)
{
    return n == 1 ? "file" : "files";
}

static sf_code describe(folder *f, bool has_config)
{
    sf_checkpoint *c = f->ckpt;
    const char *config = has_config ? "config.json" : "model_index.json";
    size_t n = c->n_weight_files - f->unread;

    if (!c->n_weight_files)
        c->source = sf_arena_printf(f->a, "%s in %.*s, without weight files", config, SF_STR_ARG(c->dir));
    else if (!n)
        c->source = sf_arena_printf(f->a, "%s in %.*s; %zu weight %s (%s) not read", config,
                                    SF_STR_ARG(c->dir), f->unread, files_word(f->unread), f->other);
    else if (f->unread)
        c->source = sf_arena_printf(f->a, "%s and %zu weight %s in %.*s; %zu more (%s) not read", config, n,
                                    files_word(n), SF_STR_ARG(c->dir), f->unread, f->other);
    else
        c->source = sf_arena_printf(f->a, "%s and %zu weight %s in %.*s", config, n, files_word(n),
                                    SF_STR_ARG(c->dir));
    return made(c->source);
}

static sf_code read_configs(folder *f, const listing *l)
{
    sf_code rc = SF_OK;

    if (has(l, "model_index.json"))
        rc = read_json(f, l->dir, "model_index.json", &f->ckpt->index);
    if (rc)
        return rc;
    f->ckpt->embeds = has(l, "modules.json");
    if (has(l, "config.json")) {
        rc = read_json(f, l->dir, "config.json", &f->ckpt->config);
        if (!rc && has(l, "hf_quant_config.json")) /* ModelOpt's, where config.json has none */
            rc = read_json(f, l->dir, "hf_quant_config.json", &f->ckpt->quantization);
        return rc;
    }
    f->ckpt->config = f->ckpt->index;
    return f->ckpt->index ? SF_OK : refuse_without_config(f, l);
}

static sf_code list_folder(folder *f, sf_str dir, listing *ret)
{
    sf_fs_kind kind = f->fs->kind(f->fs->ctx, dir);

    if (kind == SF_FS_FILE || kind == SF_FS_OTHER)
        return sf_diag_error(f->dg, SF_E_CONFIG_MISSING, (sf_where){.file = dir}, "name the folder it is in",
                             "a model is a folder with a config.json, this is a file");
    ret->dir = dir;
    return f->fs->list(f->fs->ctx, f->a, dir, f->dg, &ret->names, &ret->n);
}

/* With room for a window at once: each piece of fresh memory costs. */
static sf_arena *new_scratch(void)
{
    sf_arena *scratch = sf_arena_new((size_t)SF_SAFETENSORS_MAX_HEADER * 2);

    if (scratch && !sf_arena_alloc(scratch, (size_t)INDEX_READ + 16 * 1024, 1)) {
        sf_arena_free(scratch);
        return NULL;
    }
    return scratch;
}

sf_code sf_folder_read(sf_arena *a, const sf_fs *fs, sf_str dir, sf_diags *dg, const sf_checkpoint **ret)
{
    folder f = {.a = a, .fs = fs, .dg = dg, .ckpt = SF_NEW(a, sf_checkpoint)};
    listing l = {0};
    sf_code rc = SF_E_NOMEM;

    if (!f.ckpt)
        return rc;
    f.scratch = new_scratch();
    if (!f.scratch)
        return rc;
    f.ckpt->dir = sf_arena_str(a, dir);
    f.ckpt->name = sf_path_base(f.ckpt->dir);
    rc = made(f.ckpt->dir);
    if (!rc)
        rc = list_folder(&f, f.ckpt->dir, &l);
    if (!rc)
        rc = read_configs(&f, &l);
    if (!rc)
        rc = read_weights(&f, &l, &f.ckpt->headers);
    if (!rc)
        rc = read_subs(&f, &l);
    if (!rc)
        rc = describe(&f, f.ckpt->config != f.ckpt->index);
    if (!rc)
        *ret = f.ckpt;
    sf_arena_free(f.scratch);
    return rc;
}
