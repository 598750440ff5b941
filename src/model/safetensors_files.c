/*
 * safetensors_files: what stands around the headers: the length in front, the index of the shards.
 * Must not open files; they are handed in.
 * Rules: safetensors 0.7, tensor.rs (MAX_HEADER_SIZE); transformers' model.safetensors.index.json.
 */
#include <endian.h>
#include <stdlib.h>

#include "base/path.h"
#include "model/safetensors.h"
#include "model/tensor_names.h"
#include "text/json.h"

static sf_code refuse_length(sf_str file, sf_diags *dg, const char *hint, const char *message)
{
    sf_where at = {.file = file, .len = SF_SAFETENSORS_PREFIX};

    return sf_diag_error(dg, SF_E_HEADER, at, hint, "%s", message);
}

/* Files that are found under a weight file's name, by how they begin. */
static bool looks_like(sf_str head, const char **ret_what, const char **ret_hint)
{
    static const struct {
        sf_str head;
        const char *what, *hint;
    } known[] = {
        {SF_STR("version "), "this is a Git LFS pointer, not the file itself",
         "run `git lfs pull` in the model folder"                                                            },
        {SF_STR("<!DOCTYP"), "this is a web page, not a weight file",          "download the file itself"    },
        {SF_STR("<!doctyp"), "this is a web page, not a weight file",          "download the file itself"    },
        {SF_STR("<html"),    "this is a web page, not a weight file",          "download the file itself"    },
        {SF_STR("<HTML"),    "this is a web page, not a weight file",          "download the file itself"    },
        {SF_STR("<?xml"),    "this is an XML answer, not a weight file",       "download the file itself"    },
        {SF_STR("{\""),      "this is JSON text, not a weight file",
         "it may be a server's error message: download the file itself"                                      },
        {SF_STR("PK\3\4"),   "this is a PyTorch file, not safetensors",
         "give it its own name (.bin) or convert it"                                                         },
        {SF_STR("\x80\2"),   "this is a Python pickle, not safetensors",
         "give it its own name (.bin) or convert it"                                                         },
        {SF_STR("GGUF"),     "this is a GGUF file, not safetensors",           "give it its own name (.gguf)"},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (sf_str_starts(head, known[i].head)) {
            *ret_what = known[i].what;
            *ret_hint = known[i].hint;
            return true;
        }
    return false;
}

sf_code sf_safetensors_length(sf_str first8, uint64_t file_size, sf_str file, sf_diags *dg, uint64_t *ret)
{
    const char *what = NULL, *hint = NULL;
    sf_where at = {.file = file, .len = SF_SAFETENSORS_PREFIX};
    bool possible;
    uint64_t n;

    if (file_size == 0)
        return refuse_length(file, dg, "fetch it again", "the file is empty");
    if (first8.n < SF_SAFETENSORS_PREFIX || file_size < SF_SAFETENSORS_PREFIX)
        return refuse_length(file, dg, "fetch it again", "the file is shorter than the length of a header");
    memcpy(&n, first8.p, sizeof n);
    n = le64toh(n);
    /* A length of text is far beyond the cap ("version " is 2.3e18), that of a zip file may not be. */
    possible = n <= SF_SAFETENSORS_MAX_HEADER && n <= file_size - SF_SAFETENSORS_PREFIX;
    if (possible && first8.n > SF_SAFETENSORS_PREFIX)
        possible = first8.p[SF_SAFETENSORS_PREFIX] == '{';
    if (!possible && looks_like(first8, &what, &hint))
        return refuse_length(file, dg, hint, what);
    if (n == 0)
        return refuse_length(file, dg, "the download only reserved the space: fetch it again",
                             "the header has the length 0");
    if (n > SF_SAFETENSORS_MAX_HEADER)
        return sf_diag_error(dg, SF_E_HEADER, at, "this is no safetensors file",
                             "the header would have %llu bytes, at most %llu are allowed",
                             (unsigned long long)n, (unsigned long long)SF_SAFETENSORS_MAX_HEADER);
    if (n > file_size - SF_SAFETENSORS_PREFIX)
        return sf_diag_error(dg, SF_E_HEADER, at, "the file is cut short: fetch it again",
                             "the header has %llu bytes, the whole file only %llu", (unsigned long long)n,
                             (unsigned long long)file_size);
    *ret = n;
    return SF_OK;
}

typedef struct index_reader {
    sf_arena *a;
    sf_json j;
    sf_tensor_names tensors;
    sf_key_set files;
    sf_str *shards;
    size_t n, cap;
    sf_str last; /* the shard before: neighbours are often in one file */
    uint64_t count;
    bool has_map;
} index_reader;

static sf_code add_shard(index_reader *r, sf_str name)
{
    sf_key_added added;

    if (r->last.p && sf_str_eq(name, r->last))
        return SF_OK;
    r->last = name;
    added = sf_key_set_add(&r->files, name, sf_str_hash(name));
    if (added == SF_KEY_SEEN)
        return SF_OK;
    if (added == SF_KEY_NO_MEMORY)
        return r->j.error = SF_E_NOMEM;
    if (added == SF_KEY_HOSTILE || r->n == SF_SAFETENSORS_MAX_SHARDS)
        return sf_json_fail(&r->j, SF_E_LIMIT, "more than %d weight files", SF_SAFETENSORS_MAX_SHARDS);
    if (!sf_path_is_inside(name))
        return sf_json_fail(&r->j, SF_E_HEADER, "the index names a file outside the model's folder");
    if (r->n == r->cap) {
        size_t cap = r->cap ? r->cap * 2 : 64;
        sf_str *grown = sf_arena_grow(r->a, r->shards, r->n, cap, sizeof *grown);

        if (!grown)
            return r->j.error = SF_E_NOMEM;
        r->shards = grown;
        r->cap = cap;
    }
    r->shards[r->n++] = name;
    return SF_OK;
}

static sf_code read_entry(index_reader *r)
{
    sf_key_added added;
    uint32_t pattern;
    sf_fold fold;
    sf_str text;

    if (sf_json_decode(&r->j, r->a, &text))
        return r->j.error;
    sf_fold_name(text, &fold);
    added = sf_tensor_names_add(&r->tensors, &fold, &pattern);
    if (added == SF_KEY_NO_MEMORY)
        return r->j.error = SF_E_NOMEM;
    if (added == SF_KEY_SEEN)
        return sf_json_fail(&r->j, SF_E_DUP_KEY, "the index lists a tensor twice");
    if (added == SF_KEY_HOSTILE || ++r->count > SF_SAFETENSORS_MAX_TENSORS)
        return sf_json_fail(&r->j, SF_E_LIMIT, "more than %d tensors", SF_SAFETENSORS_MAX_TENSORS);
    if (sf_json_next(&r->j) != SF_JSON_STRING)
        return sf_json_fail(&r->j, SF_E_HEADER, "the index gives a tensor no file name");
    if (sf_json_decode(&r->j, r->a, &text))
        return r->j.error;
    return add_shard(r, text);
}

static sf_code read_weight_map(index_reader *r)
{
    if (r->has_map)
        return sf_json_fail(&r->j, SF_E_DUP_KEY, "weight_map given twice");
    r->has_map = true;
    if (sf_json_next(&r->j) != SF_JSON_OBJECT)
        return sf_json_fail(&r->j, SF_E_HEADER, "weight_map is not a map of tensors to files");
    while (sf_json_next(&r->j) == SF_JSON_KEY)
        if (read_entry(r))
            break;
    return r->j.error;
}

static int compare_names(const void *a, const void *b)
{
    return sf_str_cmp(*(const sf_str *)a, *(const sf_str *)b);
}

sf_code sf_safetensors_index(sf_arena *a, sf_str json, sf_str file, sf_diags *dg, sf_str **ret_shards,
                             size_t *ret_n, uint64_t *ret_tensors)
{
    index_reader r = {.a = a};
    sf_json_event event;

    sf_json_init(&r.j, json, file, 0, dg);
    sf_tensor_names_init(&r.tensors, a);
    sf_key_set_init(&r.files, a);
    if (sf_json_next(&r.j) != SF_JSON_OBJECT)
        return sf_json_fail(&r.j, SF_E_HEADER, "the index is not a JSON object");
    while ((event = sf_json_next(&r.j)) == SF_JSON_KEY) {
        bool is_map = sf_str_is(sf_json_raw(&r.j), "weight_map");

        if (is_map ? read_weight_map(&r) : sf_json_skip(&r.j, sf_json_next(&r.j)))
            return r.j.error;
    }
    if (event == SF_JSON_ERROR || sf_json_next(&r.j) == SF_JSON_ERROR)
        return r.j.error;
    if (!r.has_map)
        return sf_json_fail(&r.j, SF_E_HEADER, "the index has no weight_map");
    if (r.n)
        qsort(r.shards, r.n, sizeof *r.shards, compare_names);
    *ret_shards = r.shards;
    *ret_n = r.n;
    *ret_tensors = r.count;
    return SF_OK;
}
