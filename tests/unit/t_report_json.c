/* report_json: the documents read back: keys, types, what is null. */
#include "test.h"

#include "report_sample.h"
#include "text/json.h"

static sample answer;

/* The document as a tree; the text must be one valid JSON value. */
static const sf_node *read_back(fixture *f, sf_buf *b)
{
    const sf_node *root = NULL;
    sf_str text = sf_arena_str(f->a, sf_buf_str(b));

    assert_false(b->failed);
    sf_buf_release(b);
    assert_int_equal(sf_json_parse(f->a, text, SF_STR("out.json"), 0, &f->dg, &root), SF_OK);
    return root;
}

static const sf_node *check_json(fixture *f, const sf_check_view *v, int status)
{
    sf_json_writer w;
    sf_buf b;

    sf_buf_init(&b, 1 << 20);
    sf_jw_init(&w, &b, true);
    sf_report_check_json(&w, f->a, v, status);
    assert_int_equal(w.depth, 0);
    return read_back(f, &b);
}

static const sf_node *at(const sf_node *root, const char *path)
{
    const sf_node *node = sf_node_path(root, sf_str_of(path));

    if (!node)
        print_error("no %s\n", path);
    assert_non_null(node);
    return node;
}

static void assert_text_at(const sf_node *root, const char *path, const char *want)
{
    assert_int_equal(at(root, path)->kind, SF_STRING);
    assert_str(at(root, path)->text, want);
}

static void assert_int_at(const sf_node *root, const char *path, int64_t want)
{
    assert_int_equal(at(root, path)->kind, SF_INT);
    assert_true(at(root, path)->as.i == want);
}

static void assert_null_at(const sf_node *root, const char *path)
{
    assert_int_equal(at(root, path)->kind, SF_NULL);
}

static void test_check_document(void **state)
{
    fixture *f = *state;
    const sf_node *root;

    sample_init(&answer, f->a);
    root = check_json(f, &answer.view, 0);
    assert_str(root->as.pairs[0].key, "schema");
    assert_text_at(root, "schema", "stagefit/check/1");
    assert_int_at(root, "status", 0);
    assert_text_at(root, "verdict", "starts");
    assert_text_at(root, "engine.name", "vllm-omni");
    assert_null_at(root, "engine.note");
    assert_null_at(root, "command");
    assert_null_at(root, "failure");
    assert_text_at(root, "deployment.format", "stage_args");
    assert_int_at(root, "devices[0].total.bytes", MIB(81090));
    assert_text_at(root, "devices[0].total.from", "runtime");
    assert_int_at(root, "devices[1].used.bytes", answer.devices[1].used);
    assert_int_at(root, "stages[0].kv_cache.tokens", 283904);
    assert_int_at(root, "stages[0].kv_cache.request_bytes", MIB(3072));
    assert_null_at(root, "stages[2].kv_cache");
    assert_text_at(root, "stages[2].kind", "generation");
    assert_int_at(root, "stages[0].ranks[1].device", 1);
    assert_int_equal(at(root, "entries")->n, answer.replay.n_entries);
    assert_int_equal(at(root, "diagnostics")->n, 0);
}

/* Entries of a device that count add up to its use: the promise of the ledger. */
static void test_entries_add_up(void **state)
{
    fixture *f = *state;
    const sf_node *root, *entries;
    int64_t sum = 0;

    sample_init(&answer, f->a);
    root = check_json(f, &answer.view, 0);
    entries = at(root, "entries");
    for (size_t i = 0; i < entries->n; i++) {
        const sf_node *e = sf_node_item(entries, i);

        if (at(e, "device")->as.i == 0)
            sum += at(e, "bytes")->as.i;
    }
    assert_true(sum == at(root, "devices[0].used.bytes")->as.i);
}

static void test_failure_and_diagnostics(void **state)
{
    fixture *f = *state;
    const sf_node *root;

    sample_init(&answer, f->a);
    sample_fail(&answer);
    root = check_json(f, &answer.view, 1);
    assert_int_at(root, "status", 1);
    assert_text_at(root, "verdict", "does_not_start");
    assert_text_at(root, "failure.event", "check");
    assert_text_at(root, "failure.code", "SF7001");
    assert_int_at(root, "failure.stage", 1);
    assert_int_equal(at(root, "diagnostics")->n, 2);
    assert_text_at(root, "diagnostics[0].severity", "warning");
    assert_text_at(root, "diagnostics[0].code", "SF5010");
    assert_int_at(root, "diagnostics[0].at.line", 12);
    assert_int_at(root, "diagnostics[0].at.column", 7);
    assert_null_at(root, "diagnostics[0].related");
}

/* Input that could not be read: every key is there all the same. */
static void test_document_without_an_answer(void **state)
{
    fixture *f = *state;
    sf_check_view empty = {.diags = &f->dg};
    const sf_node *root;

    sf_diag_error(&f->dg, SF_E_NOT_FOUND, (sf_where){.file = SF_STR("x.yaml")}, "check the name",
                  "no such file");
    root = check_json(f, &empty, 2);
    assert_null_at(root, "verdict");
    assert_null_at(root, "engine");
    assert_null_at(root, "deployment");
    assert_int_equal(at(root, "devices")->n, 0);
    assert_text_at(root, "diagnostics[0].at.file", "x.yaml");
    assert_null(sf_node_path(root, SF_STR("diagnostics[0].at.line")));
}

static void test_list_documents(void **state)
{
    static const sf_str aliases[] = {
        {"H100",      4},
        {"H100-80GB", 9}
    };
    static const sf_gpu_model gpus[] = {
        {.name = {"NVIDIA H100 80GB HBM3", 21},
         .aliases = aliases,
         .n_aliases = 2,
         .vendor = {"nvidia", 6},
         .runtime_total = 85029158912u,
         .runtime_low = 1,
         .runtime_high = 2,
         .capability = 90},
        {.name = {"New card", 8},               .vendor = {"amd", 3}},
    };
    fixture *f = *state;
    const sf_list_view *v = sf_list_of_gpus(f->a, gpus, 2, &f->dg);
    const sf_node *root;
    sf_json_writer w;
    sf_buf b;

    assert_non_null(v);
    sf_buf_init(&b, 1 << 16);
    sf_jw_init(&w, &b, false);
    sf_report_list_json(&w, v, 0);
    root = read_back(f, &b);
    assert_text_at(root, "what", "gpus");
    assert_text_at(root, "items[0].aliases[1]", "H100-80GB");
    assert_int_at(root, "items[0].total_bytes", 85029158912);
    assert_null_at(root, "items[1].total_bytes");
    sf_report_list_text(&b, f->a, v, 80, SF_TEXT_NAMES);
    assert_str(sf_buf_str(&b), "NVIDIA-H100-80GB-HBM3\nNew-card\n");
    sf_buf_release(&b);
    sf_report_list_text(&b, f->a, v, 80, 0);
    assert_str(sf_buf_str(&b), "name                   also called      vendor    GiB  known from\n"
                               "NVIDIA H100 80GB HBM3  H100, H100-80GB  nvidia  79.19  runtime\n"
                               "New card                                amd\n");
    sf_buf_release(&b);
}

static void test_codes_and_their_text(void **state)
{
    fixture *f = *state;
    const sf_list_view *list = sf_list_of_codes(f->a, &f->dg);
    sf_code_view v = {.number = 7001,
                      .title = SF_STR("less free memory"),
                      .text = SF_STR("Two\nlines.\n\nAnd more.\n"),
                      .diags = &f->dg};
    const sf_node *root;
    sf_json_writer w;
    sf_buf b;

    assert_non_null(list);
    assert_str(list->cells[0].text, "SF1001");
    sf_buf_init(&b, 4096);
    sf_report_code_text(&b, f->a, &v, 80, 0);
    assert_str(sf_buf_str(&b), "SF7001: less free memory\n\nTwo lines.\n\nAnd more.\n");
    sf_buf_release(&b);
    sf_jw_init(&w, &b, true);
    sf_report_code_json(&w, &v, 0);
    root = read_back(f, &b);
    assert_text_at(root, "schema", "stagefit/code/1");
    assert_text_at(root, "text", "Two\nlines.\n\nAnd more.");
}

static void test_estimate(void **state)
{
    static const sf_gpu_model gpu = {
        .name = {"NVIDIA L4", 9},
          .runtime_total = 23689967616u
    };
    fixture *f = *state;
    sf_estimate_row rows[] = {
        {&gpu,  1,         true,       40960, 40960, 1.25, MIB(6000), MIB(15000), false},
        {.gpu = &gpu, .count = 2, .kv_tokens = 16, .maybe = true}
    };
    sf_weight_share shares[] = {
        {SF_STR("text"),   (uint64_t)MIB(15000), 8000000000u},
        {SF_STR("vision"), (uint64_t)MIB(1000),  500000000u }
    };
    sf_estimate_view v = {.profile = &answer.profile,
                          .model = &answer.model,
                          .context = 32768,
                          .params = 8500000000u,
                          .checkpoint_bytes = (uint64_t)MIB(16000),
                          .tensors = 399,
                          .loaded_bytes = (uint64_t)MIB(16000),
                          .shares = shares,
                          .n_shares = 2,
                          .kv_bytes_per_token = 147456,
                          .kv_layout = SF_STR("36 full layers"),
                          .kv_context_bytes = 147456ull * 32768,
                          .rows = rows,
                          .n_rows = 2,
                          .diags = &f->dg};
    const sf_node *root;
    sf_json_writer w;
    sf_buf b;

    sample_init(&answer, f->a);
    sf_buf_init(&b, 1 << 16);
    sf_report_estimate_text(&b, f->a, &v, 80, 0);
    assert_true(sf_str_find(sf_buf_str(&b), SF_STR("KV cache: 144 KiB a token\n")) > 0);
    assert_true(sf_str_find(sf_buf_str(&b), SF_STR("one request of 32,768 tokens: 4.50 GiB\n")) > 0);
    assert_true(sf_str_find(sf_buf_str(&b),
                            SF_STR("1 x NVIDIA L4  yes       14.65  5.86  40,960     1.25   40,960")) > 0);
    assert_true(sf_str_find(sf_buf_str(&b), SF_STR("2 x NVIDIA L4  maybe")) > 0);
    assert_true(sf_str_find(sf_buf_str(&b), SF_STR("vision       500.00 M   0.98\n")) > 0);
    sf_buf_release(&b);
    sf_jw_init(&w, &b, true);
    sf_report_estimate_json(&w, f->a, &v, 1);
    root = read_back(f, &b);
    assert_text_at(root, "schema", "stagefit/estimate/1");
    assert_int_at(root, "kv_cache.bytes_per_token", 147456);
    assert_int_at(root, "gpus[1].count", 2);
    assert_int_at(root, "model.components[1].parameters", 500000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_check_document),
        TEST(test_entries_add_up),
        TEST(test_failure_and_diagnostics),
        TEST(test_document_without_an_answer),
        TEST(test_list_documents),
        TEST(test_codes_and_their_text),
        TEST(test_estimate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
