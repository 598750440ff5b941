/* api: the doors of the library: sizes, flags, sources of input, statuses, files that fail. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "start_helper.h"

#include "text/json.h"

static const char *const two_h100[] = {"2xH100-80GB"};

static stagefit *open_session(void)
{
    stagefit *sf = NULL;

    assert_int_equal(stagefit_open(NULL, &sf), 0);
    return sf;
}

/* The JSON of a result is a document with the status in it, whatever the result. */
static void assert_json(fixture *f, stagefit_result *r)
{
    const char *json = stagefit_result_json(r);
    const sf_node *root;

    assert_non_null(json);
    assert_int_equal(sf_json_parse(f->a, sf_str_of(json), SF_STR("json"), 0, &f->dg, &root), SF_OK);
    assert_int_equal(sf_node_get(root, "status")->as.i, stagefit_result_status(r));
    assert_ptr_equal(json, stagefit_result_json(r)); /* made once */
}

static void test_options(void **state)
{
    stagefit_options small = {.size = 8}, tiny = {.size = 4}, flagged = {.size = sizeof flagged, .flags = 1};
    stagefit *sf = NULL;

    (void)state;
    assert_int_equal(stagefit_open(&small, &sf), 0); /* an older caller knows fewer fields */
    stagefit_close(sf);
    assert_int_equal(stagefit_open(&tiny, &sf), SF_E_USAGE);
    assert_int_equal(stagefit_open(&flagged, &sf), SF_E_USAGE);
    assert_int_equal(stagefit_open(NULL, NULL), SF_E_USAGE);
    stagefit_close(NULL);
    stagefit_result_free(NULL);
}

/* Fields past the caller's size are not read; flags that are not known are refused. */
static void test_request_size_and_flags(void **state)
{
    fixture *f = *state;
    stagefit_request req = {.size = (uint32_t)offsetof(stagefit_request, set),
                            .config = "example:qwen3-omni-2xh100",
                            .gpus = two_h100,
                            .n_gpus = 1,
                            .engine = "vllm-omni@2026-06"};
    stagefit *sf = open_session();
    stagefit_result *r = NULL;

    req.set = (const char *const *)(uintptr_t)16; /* would crash if it were read */
    req.n_set = 5;
    assert_int_equal(stagefit_check(sf, &req, &r), 0);
    assert_int_equal(stagefit_result_status(r), 0);
    assert_json(f, r);
    stagefit_result_free(r);
    r = NULL;
    req.flags = 0x80000000u;
    assert_int_equal(stagefit_check(sf, &req, &r), SF_E_USAGE);
    assert_null(r);
    req.flags = 0;
    req.size = 4;
    assert_int_equal(stagefit_check(sf, &req, &r), SF_E_USAGE);
    assert_int_equal(stagefit_check(sf, NULL, &r), SF_E_USAGE);
    assert_int_equal(stagefit_check(NULL, &req, &r), SF_E_USAGE);
    stagefit_close(sf);
}

/* One source of input, and no more. */
static void test_one_input(void **state)
{
    static const char *const command[] = {"vllm", "serve", "Qwen/Qwen3-8B"};
    fixture *f = *state;
    stagefit_request none = {.size = sizeof none, .gpus = two_h100, .n_gpus = 1};
    stagefit_request two = {.size = sizeof two,
                            .gpus = two_h100,
                            .n_gpus = 1,
                            .config = "a.yaml",
                            .command = command,
                            .n_command = 3};
    stagefit *sf = open_session();
    stagefit_result *r;

    assert_int_equal(stagefit_check(sf, &none, &r), SF_E_USAGE);
    assert_int_equal(stagefit_result_status(r), 2);
    assert_json(f, r);
    stagefit_result_free(r);
    assert_int_equal(stagefit_check(sf, &two, &r), SF_E_USAGE);
    stagefit_result_free(r);
    stagefit_close(sf);
}

static void test_statuses(void **state)
{
    static const struct {
        question q;
        int status;
    } row[] = {
        {{.engine = "vllm@0.19.0", .gpu = "H100-80GB", .command = "vllm serve Qwen/Qwen3-8B"},                 0},
        {{.engine = "vllm@0.19.0", .gpu = "8GiB", .command = "vllm serve Qwen/Qwen3-8B"},                      1},
        {{.engine = "vllm@0.19.0", .gpu = "nothing", .command = "vllm serve Qwen/Qwen3-8B"},                   2},
        {{.engine = "vllm@0.19.0", .gpu = "H100-80GB", .command = "vllm serve no/such"},                       2},
        {{.engine = "vllm@7", .gpu = "H100-80GB", .command = "vllm serve"},                                    2},
        {{.engine = "vllm@0.19.0", .gpu = "H100-80GB", .command = "vllm serve Qwen/Qwen3-8B", .set = {"x=1"}},
         2                                                                                                      },
        {{.gpu = "H100-80GB", .config = "stages: [\n"},                                                        2},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        stagefit_result *r = ask(&row[i].q);

        assert_int_equal(stagefit_result_status(r), row[i].status);
        assert_json(f, r);
        assert_non_null(stagefit_result_text(r, 80, 0));
        assert_non_null(stagefit_result_diagnostics(r, 0, 0));
        stagefit_result_free(r);
    }
}

/* A setting beats what the command says. */
static void test_settings_beat_the_command(void **state)
{
    stagefit_result *r = ask(&(question){
        .engine = "vllm@0.19.0",
        .gpu = "2xH100-80GB",
        .command = "vllm serve Qwen/Qwen3-8B --max-model-len 4096",
        .set = {"max_model_len=8192", "tensor_parallel_size=2"}
    });

    (void)state;
    assert_int_equal(r->check.need->stages[0].max_model_len, 8192);
    assert_int_equal(r->check.need->stages[0].n_ranks, 2);
    stagefit_result_free(r);
}

/* The text of a config in place of its file; places name it. */
static void test_config_text(void **state)
{
    static const char text[] = "stage_args:\n- stage_id: 0\n- stage_id: 0\n";
    fixture *f = *state;
    stagefit_request req = {.size = sizeof req,
                            .config_text = text,
                            .config_len = sizeof text - 1,
                            .config_dir = "conf",
                            .gpus = two_h100,
                            .n_gpus = 1};
    stagefit *sf = open_session();
    stagefit_result *r;

    stagefit_check(sf, &req, &r);
    assert_int_equal(stagefit_result_status(r), 2);
    assert_str(sf_diags_last_error(&r->dg)->at.file, "conf/(text)");
    assert_json(f, r);
    stagefit_result_free(r);
    stagefit_close(sf);
}

static void write_file(const char *path, const char *text)
{
    FILE *out = fopen(path, "wb");

    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, strlen(text), out), strlen(text));
    assert_int_equal(fclose(out), 0);
}

/* GPUs out of a file; a file that is none is said with its place. */
static void test_inventory_file(void **state)
{
    static const char good[] =
        "{\"schema\": \"stagefit/gpus/1\", \"gpus\": [{\"index\": 0, \"name\": \"H100-80GB\", "
        "\"used\": \"1GiB\"}]}";
    fixture *f = *state;
    char path[] = "/tmp/stagefit-inv-XXXXXX";
    sf_str spec;
    stagefit_result *r;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    close(fd);
    spec = sf_arena_printf(f->a, "@%s", path);
    write_file(path, good);
    r = ask(&(question){.engine = "vllm@0.19.0", .gpu = spec.p, .command = "vllm serve Qwen/Qwen3-8B"});
    assert_int_equal(stagefit_result_status(r), 0);
    assert_int_equal(r->check.inventory->gpus[0].used, SF_GIB);
    stagefit_result_free(r);
    write_file(path, "{\"gpus\": [\n}");
    r = ask(&(question){.engine = "vllm@0.19.0", .gpu = spec.p, .command = "vllm serve Qwen/Qwen3-8B"});
    assert_int_equal(stagefit_result_status(r), 2);
    assert_int_equal(sf_diags_last_error(&r->dg)->at.line, 2);
    stagefit_result_free(r);
    unlink(path);
    r = ask(&(question){.engine = "vllm@0.19.0", .gpu = spec.p, .command = "vllm serve Qwen/Qwen3-8B"});
    assert_int_equal(sf_diags_last_error(&r->dg)->code, SF_E_NOT_FOUND);
    stagefit_result_free(r);
}

/* A name is looked up in the catalogue, a path is a folder, a file is neither. */
static void test_model_names(void **state)
{
    static const struct {
        const char *command;
        sf_code code;
    } row[] = {
        {"vllm serve ./no-such-folder",      SF_E_NOT_FOUND    },
        {"vllm serve README.md",             SF_E_MODEL_UNKNOWN},
        {"vllm serve some/unknown-model",    SF_E_MODEL_UNKNOWN},
        {"vllm serve tests/golden/my-model", SF_OK             },
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        stagefit_result *r =
            ask(&(question){.engine = "vllm@0.19.0", .gpu = "H100-80GB", .command = row[i].command});
        const sf_diag *d = sf_diags_last_error(&r->dg);

        assert_int_equal(d ? d->code : SF_OK, row[i].code);
        stagefit_result_free(r);
    }
}

/* A file system in which one operation fails, or gives half of what it has. */
typedef struct broken {
    unsigned long n, fail_at, short_at;
} broken;

static sf_code broken_read(void *ctx, sf_arena *a, sf_str path, uint64_t off, uint64_t max, sf_diags *dg,
                           sf_str *ret, uint64_t *ret_size)
{
    broken *b = ctx;
    sf_code rc;

    b->n++;
    if (b->n == b->fail_at)
        return sf_diag_error(dg, SF_E_IO, (sf_where){.file = path}, NULL, "cannot read: the test says so");
    rc = sf_fs_posix.read(NULL, a, path, off, max, dg, ret, ret_size);
    if (!rc && b->n == b->short_at)
        ret->n /= 2;
    return rc;
}

static sf_fs_kind broken_kind(void *ctx, sf_str path)
{
    (void)ctx;
    return sf_fs_posix.kind(NULL, path);
}

static sf_code broken_list(void *ctx, sf_arena *a, sf_str path, sf_diags *dg, sf_str **ret, size_t *ret_n)
{
    broken *b = ctx;

    if (++b->n == b->fail_at)
        return sf_diag_error(dg, SF_E_IO, (sf_where){.file = path}, NULL, "cannot list: the test says so");
    return sf_fs_posix.list(NULL, a, path, dg, ret, ret_n);
}

static stagefit_result *ask_broken(broken *b)
{
    static const char *const words[] = {"vllm", "serve", "tests/golden/my-model"};
    const sf_fs fs = {b, broken_read, broken_kind, broken_list};
    stagefit_request req = {.size = sizeof req,
                            .command = words,
                            .n_command = 3,
                            .gpus = two_h100,
                            .n_gpus = 1,
                            .engine = "vllm@0.19.0"};
    stagefit *sf = open_session();
    stagefit_result *r = NULL;

    sf_session_set_fs(sf, &fs);
    stagefit_check(sf, &req, &r);
    stagefit_close(sf);
    assert_non_null(r);
    return r;
}

/* Whatever operation fails: an error with a code, or the same answer as before; never another answer. */
static void test_every_operation_fails(void **state)
{
    fixture *f = *state;
    broken whole = {0};
    stagefit_result *good = ask_broken(&whole);

    assert_int_equal(stagefit_result_status(good), 0);
    assert_true(whole.n >= 2);
    for (unsigned long i = 1; i <= 2 * whole.n; i++) {
        broken b = {.fail_at = i <= whole.n ? i : 0, .short_at = i > whole.n ? i - whole.n : 0};
        stagefit_result *r = ask_broken(&b);

        assert_json(f, r);
        if (stagefit_result_status(r) == 0)
            assert_int_equal(r->check.replay->stages[0].kv_available,
                             good->check.replay->stages[0].kv_available);
        else
            assert_int_equal(stagefit_result_status(r), 2);
        stagefit_result_free(r);
    }
    stagefit_result_free(good);
}

static void test_lists_and_codes(void **state)
{
    static const char *const lists[] = {"gpus", "models", "engines", "pipelines", "codes"};
    fixture *f = *state;
    stagefit *sf = open_session();
    stagefit_result *r;

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        assert_int_equal(stagefit_list(sf, lists[i], &r), 0);
        assert_json(f, r);
        stagefit_result_free(r);
    }
    assert_int_equal(stagefit_list(sf, "planets", &r), SF_E_UNKNOWN_NAME);
    assert_json(f, r);
    stagefit_result_free(r);
    assert_int_equal(stagefit_explain_code(sf, 7012, &r), 0);
    assert_true(r->code.text.n > 100);
    stagefit_result_free(r);
    assert_int_equal(stagefit_explain_code(sf, 9999, &r), SF_E_UNKNOWN_NAME);
    stagefit_result_free(r);
    stagefit_close(sf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_options),
        TEST(test_request_size_and_flags),
        TEST(test_one_input),
        TEST(test_statuses),
        TEST(test_settings_beat_the_command),
        TEST(test_config_text),
        TEST(test_inventory_file),
        TEST(test_model_names),
        TEST(test_every_operation_fails),
        TEST(test_lists_and_codes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
