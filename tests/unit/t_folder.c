/* folder: a model folder in memory, its layouts, and what can be missing or wrong in it. */
#include <stdio.h>

#include "test.h"

#include "model/folder.h"

/* One file of the folder; the header's length is put in front when `json` is set. */
typedef struct entry {
    const char *path;
    const char *text; /* of the file, or NULL */
    const char *json; /* of a weight file's header */
    uint64_t data;    /* bytes behind the header, not there */
} entry;

typedef struct disk {
    const entry *entries;
    size_t n;
    unsigned reads, fail_at;
} disk;

static sf_fs_kind disk_kind(void *ctx, sf_str path)
{
    const disk *d = ctx;

    for (size_t i = 0; i < d->n; i++) {
        sf_str name = sf_str_of(d->entries[i].path);

        if (sf_str_eq(name, path))
            return SF_FS_FILE;
        if (name.n > path.n && name.p[path.n] == '/' && sf_str_starts(name, path))
            return SF_FS_DIR;
    }
    return SF_FS_ABSENT;
}

static sf_code disk_read(void *ctx, sf_arena *a, sf_str path, uint64_t off, uint64_t max, sf_diags *dg,
                         sf_str *ret, uint64_t *ret_file_size)
{
    disk *d = ctx;
    char bytes[4096];
    size_t n = 0;
    uint64_t size = 0;

    if (++d->reads == d->fail_at)
        return sf_diag_error(dg, SF_E_IO, (sf_where){.file = path}, NULL, "read %u fails", d->reads);
    for (size_t i = 0; i < d->n; i++) {
        const entry *e = &d->entries[i];
        const char *text = e->json ? e->json : e->text;

        if (!sf_str_is(path, e->path))
            continue;
        n = strlen(text);
        assert_true(n + 8 < sizeof bytes);
        memset(bytes, 0, 8);
        if (e->json) {
            bytes[0] = (char)(n & 0xff);
            bytes[1] = (char)(n >> 8);
        }
        memcpy(bytes + (e->json ? 8 : 0), text, n);
        n += e->json ? 8 : 0;
        size = n + e->data;
        *ret = sf_arena_str(a, sf_str_sub((sf_str){bytes, n}, (size_t)off, (size_t)(off + max)));
        if (ret_file_size)
            *ret_file_size = size;
        return ret->p ? SF_OK : SF_E_NOMEM;
    }
    return sf_diag_error(dg, SF_E_NOT_FOUND, (sf_where){.file = path}, NULL, "no such file or folder");
}

static sf_code disk_list(void *ctx, sf_arena *a, sf_str path, sf_diags *dg, sf_str **ret, size_t *ret_n)
{
    const disk *d = ctx;
    sf_str *names = SF_NEW_ARRAY(a, sf_str, d->n + 1);
    size_t n = 0;

    if (!names)
        return SF_E_NOMEM;
    for (size_t i = 0; i < d->n; i++) { /* the tests give them sorted */
        sf_str name = sf_str_of(d->entries[i].path), rest;

        if (!sf_str_starts(name, path) || name.p[path.n] != '/')
            continue;
        rest = sf_str_sub(name, path.n + 1, name.n);
        if (sf_str_find_char(rest, '/') >= 0)
            rest.n = (size_t)sf_str_find_char(rest, '/');
        if (!n || !sf_str_eq(names[n - 1], rest))
            names[n++] = rest;
    }
    if (!n)
        return sf_diag_error(dg, SF_E_NOT_FOUND, (sf_where){.file = path}, NULL, "no such file or folder");
    *ret = names;
    *ret_n = n;
    return SF_OK;
}

static sf_code read_disk(fixture *f, disk *d, const sf_checkpoint **ret)
{
    const sf_fs fs = {d, disk_read, disk_kind, disk_list};

    sf_diags_init(&f->dg, f->a);
    return sf_folder_read(f->a, &fs, SF_STR("m"), &f->dg, ret);
}

#define READ(f, entries, ret)                                                                                \
    read_disk((f), &(disk){(entries), sizeof(entries) / sizeof *(entries), 0, 0}, (ret))

#define TENSOR(name) "{\"" name "\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}}"
#define CONFIG "{\"model_type\":\"x\",\"limit\":[0.0,Infinity]}"

static void assert_totals(const sf_tensor_table *t, uint64_t tensors, uint64_t bytes)
{
    uint64_t got_tensors, numel, got_bytes;

    assert_non_null(t);
    sf_tensor_table_totals(t, &got_tensors, &numel, &got_bytes);
    assert_true(got_tensors == tensors);
    assert_true(got_bytes == bytes);
}

static void test_one_file(void **state)
{
    static const entry files[] = {
        {"m/config.json",       CONFIG, NULL,          0},
        {"m/model.safetensors", NULL,   TENSOR("a.0"), 4},
        {"m/tokenizer.json",    "{}",   NULL,          0},
    };
    fixture *f = *state;
    const sf_checkpoint *c = NULL;

    assert_int_equal(READ(f, files, &c), SF_OK);
    assert_str(c->name, "m");
    assert_str(c->dir, "m");
    assert_str(c->source, "config.json and 1 weight file in m");
    assert_str(sf_node_get(c->config, "model_type")->text, "x");
    assert_totals(c->headers, 1, 4);
    assert_true(c->weight_file_bytes == 8 + strlen(TENSOR("a.0")) + 4);
    assert_int_equal(c->n_weight_files, 1);
    assert_null(c->index);
    assert_int_equal(c->n_subs, 0);
}

/* ModelOpt writes its config into a file of its own. */
static void test_hf_quant_config(void **state)
{
    static const entry files[] = {
        {"m/config.json",          CONFIG,                                        NULL, 0},
        {"m/hf_quant_config.json", "{\"quantization\":{\"quant_algo\":\"FP8\"}}", NULL, 0},
    };
    fixture *f = *state;
    const sf_checkpoint *c = NULL;

    assert_int_equal(READ(f, files, &c), SF_OK);
    assert_str(sf_node_path(c->quantization, SF_STR("quantization.quant_algo"))->text, "FP8");
}

static void test_index(void **state)
{
    static const entry files[] = {
        {"m/config.json",                  CONFIG,                                   NULL,                       0},
        {"m/extra.safetensors",            NULL,                                     TENSOR("not.in.the.index"), 4},
        {"m/model.safetensors.index.json",
         "{\"weight_map\":{\"a.0\":\"s1.safetensors\",\"a.1\":\"s2.safetensors\"}}", NULL,                       0},
        {"m/s1.safetensors",               NULL,                                     TENSOR("a.0"),              4},
        {"m/s2.safetensors",               NULL,                                     TENSOR("a.1"),              4},
    };
    fixture *f = *state;
    const sf_checkpoint *c = NULL;

    assert_int_equal(READ(f, files, &c), SF_OK);
    assert_totals(c->headers, 2, 8);
    assert_int_equal(c->n_weight_files, 2);
    assert_int_equal(f->dg.n, 0);
}

/* A folder of metadata alone: the index, and none of the files that it lists. */
static void test_index_without_files(void **state)
{
    static const entry files[] = {
        {"m/config.json",                  CONFIG,                                         NULL, 0},
        {"m/model.safetensors.index.json", "{\"weight_map\":{\"a\":\"s0\",\"b\":\"s1\"}}", NULL, 0},
    };
    fixture *f = *state;
    const sf_checkpoint *c = NULL;

    assert_int_equal(READ(f, files, &c), SF_OK);
    assert_null(c->headers);
    assert_str(c->source, "config.json in m, without weight files");
    assert_int_equal(f->dg.n, 0);
}

static void test_missing_shards(void **state)
{
    static const entry files[] = {
        {"m/config.json",                  CONFIG,                                          NULL,        0},
        {"m/model.safetensors.index.json",
         "{\"weight_map\":{\n \"a\":\"s0\",\n "
         "\"b\":\"s1\",\"c\":\"s2\",\"d\":\"s3\",\"e\":\"s4\",\"f\":\"s5\",\"g\":\"s6\"}}", NULL,        0},
        {"m/s0",                           NULL,                                            TENSOR("a"), 4},
    };
    fixture *f = *state;
    const sf_checkpoint *c = NULL;

    assert_int_equal(READ(f, files, &c), SF_E_SHARD_MISSING);
    assert_int_equal(f->dg.n, 1);
    assert_error_at(&f->dg, SF_E_SHARD_MISSING, 3, 6);
    assert_str(f->dg.items[0].message,
               "6 of 7 weight files of the index are missing: s1, s2, s3, s4, s5 and 1 more");
    assert_str(f->dg.items[0].at.file, "m/model.safetensors.index.json");
    assert_null(c);
}

/* The index of another revision: read, but said. */
static void test_index_differs(void **state)
{
    static const entry files[] = {
        {"m/config.json",                  CONFIG,                                             NULL,          0},
        {"m/model.safetensors.index.json", "{\"weight_map\":{\"a.0\":\"s1\",\"a.1\":\"s1\"}}", NULL,          0},
        {"m/s1",                           NULL,                                               TENSOR("a.0"), 4},
    };
    fixture *f = *state;
    const sf_checkpoint *c = NULL;

    assert_int_equal(READ(f, files, &c), SF_OK);
    assert_int_equal(f->dg.n, 1);
    assert_int_equal(f->dg.items[0].severity, SF_WARNING);
    assert_int_equal(f->dg.items[0].code, SF_E_TENSORS_DIFFER);
    assert_int_equal(f->dg.items[0].at.line, 1);
    assert_int_equal(f->dg.items[0].at.col, 1);
    assert_str(f->dg.items[0].message, "the index lists 2 tensors, the weight files hold 1");
}

static void test_copies_are_left_out(void **state)
{
    static const entry files[] = {
        {"m/config.json",              CONFIG, NULL,               0},
        {"m/consolidated.safetensors", NULL,   TENSOR("layers.0"), 4},
        {"m/model.fp16.safetensors",   NULL,   TENSOR("a.0"),      4},
        {"m/model.safetensors",        NULL,   TENSOR("a.0"),      4},
        {"m/v1.5.safetensors",         NULL,   TENSOR("b.0"),      4},
    };
    fixture *f = *state;
    const sf_checkpoint *c = NULL;

    assert_int_equal(READ(f, files, &c), SF_OK);
    assert_totals(c->headers, 2, 8);
}

static void test_other_formats(void **state)
{
    static const entry bin[] = {
        {"m/config.json",         CONFIG,  NULL, 0  },
        {"m/pytorch_model-1.bin", "12345", NULL, 100},
        {"m/pytorch_model-2.bin", "123",   NULL, 0  },
        {"m/training_args.bin",   "1",     NULL, 0  },
    };
    static const entry consolidated[] = {
        {"m/config.json",              CONFIG, NULL,        0},
        {"m/consolidated.safetensors", NULL,   TENSOR("a"), 4},
    };
    static const entry none[] = {
        {"m/config.json", CONFIG, NULL, 0}
    };
    fixture *f = *state;
    const sf_checkpoint *c = NULL;

    assert_int_equal(READ(f, bin, &c), SF_OK);
    assert_null(c->headers);
    assert_str(c->source, "config.json in m; 2 weight files (PyTorch, .bin) not read");
    assert_true(c->weight_file_bytes == 108);
    assert_int_equal(READ(f, consolidated, &c), SF_OK);
    assert_null(c->headers);
    assert_str(c->source, "config.json in m; 1 weight file (Mistral's consolidated) not read");
    assert_int_equal(READ(f, none, &c), SF_OK);
    assert_null(c->headers);
    assert_str(c->source, "config.json in m, without weight files");
    assert_true(c->weight_file_bytes == 0);
}

static void test_subs(void **state)
{
    static const entry files[] = {
        {"m/model_index.json",                                           "{\"_class_name\":\"P\"}",          NULL,          0},
        {"m/scheduler/scheduler_config.json",                            "{}",                               NULL,          0},
        {"m/text_encoder/config.json",                                   "{\"a\":1}",                        NULL,          0},
        {"m/text_encoder/model.safetensors",                             NULL,                               TENSOR("t"),   4},
        {"m/transformer/config.json",                                    "{\"b\":1}",                        NULL,          0},
        {"m/transformer/diffusion_pytorch_model.safetensors.index.json", "{\"weight_map\":{\"d.0\":\"s\"}}",
         NULL,                                                                                                              0},
        {"m/transformer/s",                                              NULL,                               TENSOR("d.0"), 4},
        {"m/vae/config.json",                                            "{}",                               NULL,          0},
    };
    fixture *f = *state;
    const sf_checkpoint *c = NULL;

    assert_int_equal(READ(f, files, &c), SF_OK);
    assert_ptr_equal(c->config, c->index);
    assert_null(c->headers);
    assert_int_equal(c->n_subs, 3);
    assert_str(c->subs[0].name, "text_encoder");
    assert_totals(c->subs[0].headers, 1, 4);
    assert_str(c->subs[1].name, "transformer");
    assert_totals(c->subs[1].headers, 1, 4);
    assert_true(sf_node_get(c->subs[1].config, "b") != NULL);
    assert_str(c->subs[2].name, "vae");
    assert_null(c->subs[2].headers);
    assert_int_equal(c->n_weight_files, 2);
    assert_str(c->source, "model_index.json and 2 weight files in m");
}

static void test_no_config(void **state)
{
    static const entry mistral[] = {
        {"m/params.json", "{}", NULL, 0}
    };
    static const entry adapter[] = {
        {"m/adapter_config.json", "{}", NULL, 0}
    };
    static const entry gguf[] = {
        {"m/x.gguf", "GGUF", NULL, 0}
    };
    static const entry cache[] = {
        {"m/snapshots/abc/config.json", "{}", NULL, 0}
    };
    fixture *f = *state;
    const sf_checkpoint *c = NULL;

    assert_int_equal(READ(f, mistral, &c), SF_E_CONFIG_MISSING);
    assert_error_at(&f->dg, SF_E_CONFIG_MISSING, 0, 0);
    assert_str(f->dg.items[0].message,
               "params.json (Mistral's own format) is not read, and there is no config.json");
    assert_int_equal(READ(f, adapter, &c), SF_E_CONFIG_MISSING);
    assert_str(f->dg.items[0].message, "this is a LoRA adapter, not a model: there is no config.json");
    assert_int_equal(READ(f, gguf, &c), SF_E_CONFIG_MISSING);
    assert_str(f->dg.items[0].hint, "GGUF files are not read: use the repository that they were made from");
    assert_int_equal(READ(f, cache, &c), SF_E_CONFIG_MISSING);
    assert_str(f->dg.items[0].hint, "this is a hub cache: name the folder under snapshots/");
    assert_int_equal(f->dg.n, 1);
}

static void test_bad_files(void **state)
{
    static const struct {
        entry file;
        sf_code code;
        unsigned line, col;
        const char *message;
    } row[] = {
        {{"m/config.json", "{\"a\":1,}", NULL, 0},
         SF_E_JSON,                                                                                  1,
         8,                                                                                                "expected a key in double quotes, found '}'"    },
        {{"m/config.json", "[1]", NULL, 0},                                          SF_E_TYPE,      1, 1, "expected an object, found a list"              },
        {{"m/config.json", "", NULL, 0},                                             SF_E_JSON,      1, 1, "expected a value, but the text ends here"      },
        {{"m/config.json", "version https://git-lfs.github.com/spec/v1\n", NULL, 0},
         SF_E_JSON,                                                                                  1,
         1,                                                                                                "this is a Git LFS pointer, not the file itself"},
        {{"m/config.json", "\n<!doctype html>", NULL, 0},
         SF_E_JSON,                                                                                  1,
         1,                                                                                                "this is a web page, not a JSON file"           },
        {{"m/config.json", "{}", NULL, (uint64_t)17 << 20},                          SF_E_TOO_LARGE, 0, 0, NULL                                            },
        {{"m/config.json", "{\"a\":\"\xff\"}", NULL, 0},                             SF_E_UTF8,      1, 7, "text is not valid UTF-8"                       },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        const sf_checkpoint *c = NULL;
        disk d = {&row[i].file, 1, 0, 0};

        assert_int_equal(read_disk(f, &d, &c), row[i].code);
        assert_int_equal(f->dg.n, 1);
        assert_error_at(&f->dg, row[i].code, row[i].line, row[i].col);
        assert_str(f->dg.items[0].at.file, "m/config.json");
        if (row[i].message)
            assert_str(f->dg.items[0].message, row[i].message);
    }
}

static void test_bad_weights(void **state)
{
    static const entry pointer[] = {
        {"m/config.json",       CONFIG,                                                               NULL, 0},
        {"m/model.safetensors", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", NULL,
         0                                                                                                   },
    };
    static const entry cut[] = {
        {"m/config.json",       CONFIG, NULL,        0},
        {"m/model.safetensors", NULL,   TENSOR("a"), 3},
    };
    fixture *f = *state;
    const sf_checkpoint *c = NULL;

    assert_int_equal(READ(f, pointer, &c), SF_E_HEADER);
    assert_str(f->dg.items[0].message, "this is a Git LFS pointer, not the file itself");
    assert_str(f->dg.items[0].at.file, "m/model.safetensors");
    assert_int_equal(READ(f, cut, &c), SF_E_HEADER);
    assert_error_at(&f->dg, SF_E_HEADER, 1, 2);
    assert_str(f->dg.items[0].hint, "the file is cut short: fetch it again");
}

static void test_a_file_is_no_model(void **state)
{
    static const entry files[] = {
        {"m", "{}", NULL, 0}
    };
    fixture *f = *state;
    const sf_checkpoint *c = NULL;

    assert_int_equal(READ(f, files, &c), SF_E_CONFIG_MISSING);
    assert_str(f->dg.items[0].message, "a model is a folder with a config.json, this is a file");
    assert_int_equal(read_disk(f, &(disk){NULL, 0, 0, 0}, &c), SF_E_NOT_FOUND);
    assert_int_equal(f->dg.n, 1);
}

static void test_each_read_may_fail(void **state)
{
    static const entry files[] = {
        {"m/config.json",                  CONFIG,                              NULL,          0},
        {"m/model.safetensors.index.json", "{\"weight_map\":{\"a.0\":\"s1\"}}", NULL,          0},
        {"m/s1",                           NULL,                                TENSOR("a.0"), 4},
        {"m/sub/config.json",              CONFIG,                              NULL,          0},
        {"m/sub/x.bin",                    "1",                                 NULL,          0},
    };
    fixture *f = *state;
    unsigned k;

    for (k = 1;; k++) {
        const sf_checkpoint *c = NULL;
        disk d = {files, sizeof files / sizeof *files, 0, k};
        sf_code rc = read_disk(f, &d, &c);

        if (rc == SF_OK)
            break;
        assert_int_equal(rc, SF_E_IO);
        assert_int_equal(f->dg.n, 1);
        assert_null(c);
    }
    assert_int_equal(k, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_file),
        TEST(test_hf_quant_config),
        TEST(test_index),
        TEST(test_missing_shards),
        TEST(test_index_without_files),
        TEST(test_index_differs),
        TEST(test_copies_are_left_out),
        TEST(test_other_formats),
        TEST(test_subs),
        TEST(test_no_config),
        TEST(test_bad_files),
        TEST(test_bad_weights),
        TEST(test_a_file_is_no_model),
        TEST(test_each_read_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
