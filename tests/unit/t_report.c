/* report: the text of answers, over views built by hand. */
#include <stdlib.h>

#include "test.h"

#include "report/parts.h"
#include "report_sample.h"

static sample answer;

static bool has(const sf_buf *b, const char *text)
{
    return sf_str_find(sf_buf_str(b), sf_str_of(text)) >= 0;
}

#define assert_has(b, text)                                                                                  \
    do {                                                                                                     \
        if (!has(b, text))                                                                                   \
            print_error("missing: %s\nin:\n%.*s\n", text, (int)(b)->n, (b)->p);                              \
        assert_true(has(b, text));                                                                           \
    } while (0)

static size_t lines_of(const sf_buf *b)
{
    size_t n = 0;

    for (size_t i = 0; i < b->n; i++)
        n += b->p[i] == '\n';
    return n;
}

static size_t widest_of(const sf_buf *b)
{
    sf_str line, rest = sf_buf_str(b);
    size_t widest = 0;

    for (bool more = true; more;) {
        more = sf_str_split(&rest, '\n', &line);
        if (sf_text_columns(line) > widest && !sf_str_starts(line, SF_STR("  --> ")))
            widest = sf_text_columns(line);
    }
    return widest;
}

static void check_text(sf_buf *b, sf_arena *a, unsigned width, unsigned flags)
{
    sf_buf_init(b, 1 << 20);
    sf_report_check_text(b, a, &answer.view, width, flags);
    assert_false(b->failed);
}

static void test_first_screen_answers_the_three_questions(void **state)
{
    fixture *f = *state;
    sf_buf b;

    sample_init(&answer, f->a);
    check_text(&b, f->a, 80, 0);
    assert_true(
        sf_str_starts(sf_buf_str(&b),
                      SF_STR("STARTS on 2 x NVIDIA H100 80GB HBM3 with vllm-omni 2026-08 (vllm 0.27.0)\n")));
    assert_has(&b, "0 thinker   283,904 tokens of KV cache = 4.33 requests of 65,536 at once\n");
    assert_has(&b, "2 code2wav  no KV cache (generation stage)\n");
    assert_has(&b, "GPU 0: 47.98 of 79.19 GiB used, 31.21 left (30.43-31.60), util 0.6 + 0.1 = 0.7\n");
    assert_has(&b, "0 thinker    47.05 = W 30.27 + K 12.94 + A 2.79 + G 0.50 + C 0.55\n");
    assert_has(&b, "  Qwen/Qwen3-Omni-30B-A3B-Instruct (the usual checkpoint of the pipeline)\n");
    assert_has(&b, "  79.19 GiB (79.10-79.20): ");
    assert_has(&b, "Stages on one GPU stay resident together");
    assert_has(&b, "0 thinker   ar          0,1    2   0.6      47.51    30.27    2.79  12.94\n");
    assert_true(lines_of(&b) <= 24);
    assert_true(widest_of(&b) <= 80);
    sf_buf_release(&b);
}

static void test_bar_is_in_proportion(void **state)
{
    static const sf_slice slices[] = {
        {0, {[SF_SHARE_WEIGHTS] = 30, [SF_SHARE_KV] = 20}, 50},
        {1, {[SF_SHARE_WEIGHTS] = 25},                     25}
    };
    fixture *f = *state;
    sf_page p;
    sf_buf b;

    sf_buf_init(&b, 4096);
    sf_page_init(&p, &b, f->a, 80, 0);
    sf_page_bar(&p, slices, 2, 100, 43);
    assert_str(sf_buf_str(&b), "[WWWWWWWWWWWWKKKKKKKK|WWWWWWWWWW..........]\n");
    sf_buf_release(&b);
    sf_page_bar(&p, slices, 2, 60, 43);
    assert_true(b.n == 44 && b.p[42] == '!'); /* does not fit */
    sf_buf_release(&b);
}

static void test_equal_gpus_are_shown_once(void **state)
{
    fixture *f = *state;
    sf_buf b;

    sample_init(&answer, f->a);
    for (size_t i = 0; i < answer.replay.n_entries; i++) /* leave the thinker only */
        if (answer.entries[i].stage != 0)
            answer.entries[i].amount.bytes = 0;
    answer.devices[1] = answer.devices[0];
    answer.devices[1].gpu = &answer.gpus[1];
    check_text(&b, f->a, 80, 0);
    assert_has(&b, "GPU 0 to 1, each: ");
    assert_false(has(&b, "stay resident together"));
    sf_buf_release(&b);
}

static void test_failure_quotes_the_engine(void **state)
{
    fixture *f = *state;
    sf_buf b;

    sample_init(&answer, f->a);
    sample_fail(&answer);
    check_text(&b, f->a, 200, 0);
    assert_true(sf_str_starts(sf_buf_str(&b), SF_STR("DOES NOT START on ")));
    assert_has(&b, "Fails: stage 1 (talker) on GPU 1, at the check of free memory:\n");
    assert_has(&b, "  ValueError: Free memory on device cuda:1 (31.5/79.19 GiB) on startup is less than");
    assert_has(&b, "1 talker    does not start\n");
    assert_has(&b, "2 code2wav  not reached: an earlier stage stops the start\n");
    assert_has(&b, "error SF7001: stage 1 (talker) asks for 39.60 GiB of GPU 1, 31.50 GiB are free\n"
                   "  --> qwen3.yaml:12:7 in stage_args[1].engine_args\n"
                   "   hint: set gpu_memory_utilization to 0.39\n");
    assert_false(has(&b, "SF5010")); /* about the input: on standard error */
    sf_buf_release(&b);
    answer.replay.verdict = SF_STARTS_MAYBE;
    check_text(&b, f->a, 200, 0);
    assert_true(sf_str_starts(sf_buf_str(&b), SF_STR("MAY NOT START on ")));
    assert_has(&b, "Inside the error band: stage 1 (talker)");
    sf_buf_release(&b);
}

static void test_tenants_and_capped_requests_are_shown(void **state)
{
    fixture *f = *state;
    sf_buf b;

    sample_init(&answer, f->a);
    sample_entry(&answer, 1, SIZE_MAX, 0, SF_PART_CONTEXT, sample_exact(MIB(2048)));
    answer.stage_reports[1].capped = true;
    check_text(&b, f->a, 100, SF_TEXT_EXPLAIN);
    assert_has(&b, "others        2.00 = T 2.00\n");
    assert_has(&b, "23.76*");
    assert_has(&b, "* lowered to what was free when the stage started\n");
    assert_has(&b, "capped to 23.76 GiB, all that is free at this point\n");
    sf_buf_release(&b);
}

static void test_explain_shows_every_amount(void **state)
{
    fixture *f = *state;
    sf_buf b;

    sample_init(&answer, f->a);
    check_text(&b, f->a, 100, SF_TEXT_EXPLAIN | SF_TEXT_TIMELINE);
    assert_has(&b, "requested = 79.19 GiB x 0.6 = 47.51 GiB, rounded up to a byte\n");
    assert_has(&b, "= 8,192 tokens x 2,048 x 2 B\n");
    assert_has(&b, "(exact; in the budget)");
    assert_has(&b, "(modelled, 2.70 to 2.99 GiB; room kept free)");
    assert_has(&b, "blocks = 12.94 GiB for the cache / 786,432 B a block = 17,744\n");
    assert_has(&b, "sum: 70.75 GiB used + 8.44 GiB left = 79.19 GiB\n");
    assert_has(&b, "The start, event by event (GiB)\n");
    sf_buf_release(&b);
}

static void test_no_line_is_wider_than_the_page(void **state)
{
    static const unsigned widths[] = {40, 47, 60, 80, 100, 132, 1000};
    fixture *f = *state;

    sample_init(&answer, f->a);
    sample_fail(&answer);
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        for (unsigned flags = 0; flags < 16; flags += 2) {
            sf_buf b;

            check_text(&b, f->a, widths[i], flags);
            if (widest_of(&b) > widths[i])
                print_error("width %u, flags %u:\n%.*s\n", widths[i], flags, (int)b.n, b.p);
            assert_true(widest_of(&b) <= widths[i]);
            sf_buf_release(&b);
        }
    }
}

static void test_colour_and_unicode_only_when_asked(void **state)
{
    fixture *f = *state;
    sf_buf b;

    sample_init(&answer, f->a);
    check_text(&b, f->a, 80, SF_TEXT_EXPLAIN);
    for (size_t i = 0; i < b.n; i++)
        assert_true((unsigned char)b.p[i] < 0x7f && b.p[i] != '\033');
    sf_buf_release(&b);
    check_text(&b, f->a, 80, SF_TEXT_COLOR | SF_TEXT_UNICODE);
    assert_has(&b, "\033[1;32mSTARTS\033[0m");
    assert_has(&b, "2 × NVIDIA");
    assert_has(&b, "█W weights");
    assert_has(&b, "▓K KV cache");
    sf_buf_release(&b);
}

static void test_without_a_verdict_there_is_no_text(void **state)
{
    fixture *f = *state;
    sf_check_view empty = {.diags = &f->dg};
    sf_buf b;

    sf_buf_init(&b, 4096);
    sf_report_check_text(&b, f->a, &empty, 80, 0);
    assert_int_equal(b.n, 0);
    assert_false(b.failed);
}

static void test_diagnostics_text(void **state)
{
    fixture *f = *state;
    sf_where at = {.file = SF_STR("a.yaml"), .line = 3, .col = 1};
    sf_buf b;

    sf_diag_note(&f->dg, SF_E_STAGE_IGNORED, (sf_where){0}, NULL, "a note");
    sf_diag_error(&f->dg, SF_E_DUP_KEY, at, "keep one of them", "key \"devices\" given twice");
    sf_diag_related(&f->dg, (sf_where){.file = SF_STR("a.yaml"), .line = 1, .col = 2}, "first given here");
    sf_diag_error(&f->dg, SF_E_NO_KV, at, NULL, "nothing left");
    sf_buf_init(&b, 4096);
    sf_report_diags_text(&b, f->a, &f->dg, 80, 0);
    assert_str(sf_buf_str(&b), "error SF2002: key \"devices\" given twice\n"
                               "  --> a.yaml:3:1\n"
                               "   note: first given here at a.yaml:1:2\n"
                               "   hint: keep one of them\n"
                               "error SF7003: nothing left\n"
                               "  --> a.yaml:3:1\n"
                               "note SF5011: a note\n");
    sf_buf_release(&b);
    sf_report_diags_text(&b, f->a, &f->dg, 80, SF_TEXT_INPUT_ONLY);
    assert_has(&b, "SF2002");
    assert_false(has(&b, "SF7003"));
    sf_buf_release(&b);
}

static unsigned long calls, fail_at;

static void *failing_alloc(size_t size)
{
    return ++calls == fail_at ? NULL : malloc(size);
}

/* The n-th allocation fails, for every n: the buffer says so and nothing is lost or read wild. */
static void test_survives_no_memory(void **state)
{
    fixture *f = *state;

    sample_init(&answer, f->a);
    sample_fail(&answer);
    for (fail_at = 1;; fail_at++) {
        sf_arena *a = sf_arena_new(1 << 22);
        bool failed;
        sf_buf b;

        assert_non_null(a);
        calls = 0;
        sf_alloc_hook(failing_alloc);
        sf_buf_init(&b, 1 << 20);
        sf_report_check_text(&b, a, &answer.view, 80, SF_TEXT_EXPLAIN | SF_TEXT_TIMELINE | SF_TEXT_UNICODE);
        sf_alloc_hook(NULL);
        failed = b.failed;
        sf_buf_release(&b);
        sf_arena_free(a);
        if (calls < fail_at) {
            assert_false(failed);
            break;
        }
        assert_true(failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_first_screen_answers_the_three_questions),
        TEST(test_bar_is_in_proportion),
        TEST(test_equal_gpus_are_shown_once),
        TEST(test_failure_quotes_the_engine),
        TEST(test_tenants_and_capped_requests_are_shown),
        TEST(test_explain_shows_every_amount),
        TEST(test_no_line_is_wider_than_the_page),
        TEST(test_colour_and_unicode_only_when_asked),
        TEST(test_without_a_verdict_there_is_no_text),
        TEST(test_diagnostics_text),
        TEST(test_survives_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
