/* table: pages and tables: widths, wrapping, what must not reach a terminal. */
#include "test.h"

#include "report/table.h"
#include "report/view.h"

typedef struct paper {
    sf_buf out;
    sf_page page;
} paper;

static void paper_init(paper *p, sf_arena *a, unsigned width, unsigned flags)
{
    sf_buf_init(&p->out, 1 << 20);
    sf_page_init(&p->page, &p->out, a, width, flags);
}

static void paper_is(paper *p, const char *want)
{
    assert_false(p->out.failed);
    assert_str(sf_buf_str(&p->out), want);
    sf_buf_release(&p->out);
}

static void test_columns_of_text(void **state)
{
    static const struct {
        const char *text;
        size_t columns;
    } row[] = {
        {"",          0},
        {"abc",       3},
        {"é",        1},
        {"e\xcc\x81", 1},
        {"模型",    4},
        {"한글",    4},
        {"×",        1},
        {"🙂",      2},
        {"a\xff",     2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++)
        assert_int_equal(sf_text_columns(sf_str_of(row[i].text)), row[i].columns);
}

static void test_nothing_drives_the_terminal(void **state)
{
    static const struct {
        const char *text, *ascii, *unicode;
    } row[] = {
        {"plain",            "plain",         "plain"          },
        {"2 × 3 ≥ 5…",  "2 x 3 >= 5...", "2 × 3 ≥ 5…"},
        {"\033[31mred",      "\\x1b[31mred",  "\\x1b[31mred"   },
        {"a\x07\x7f",        "a\\x07\\x7f",   "a\\x07\\x7f"    },
        {"bad\xff",          "bad\\xff",      "bad\\xff"       },
        {"cut\xe2\x82",      "cut\\xe2\\x82", "cut\\xe2\\x82"  },
        {"\xe2\x80\xaeside", "\\u00202eside", "\\u00202eside"  },
        {"\xc2\x9b",         "\\u00009b",     "\\u00009b"      },
        {"tab\there",        "tab    here",   "tab    here"    },
        {"naïve 模型",    "naïve 模型", "naïve 模型"  },
    };
    fixture *f = *state;
    paper p;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        paper_init(&p, f->a, 80, 0);
        sf_page_text(&p.page, SF_PLAIN, row[i].text);
        paper_is(&p, row[i].ascii);
        paper_init(&p, f->a, 80, SF_TEXT_UNICODE);
        sf_page_text(&p.page, SF_PLAIN, row[i].text);
        paper_is(&p, row[i].unicode);
    }
}

static void test_wrap(void **state)
{
    fixture *f = *state;
    paper p;

    paper_init(&p, f->a, 40, 0);
    sf_page_text(&p.page, SF_PLAIN, "note: ");
    sf_page_wrap(&p.page, 6, 2, SF_PLAIN, SF_STR("words are wrapped where the page ends and go on indented"));
    paper_is(&p, "note: words are wrapped where the page\n  ends and go on indented\n");
    paper_init(&p, f->a, 40, 0);
    sf_page_wrap(&p.page, 0, 4, SF_PLAIN,
                 SF_STR("0123456789012345678901234567890123456789abc\n\ntail of three lines\n"));
    paper_is(&p, "0123456789012345678901234567890123456789\n    abc\n\n    tail of three lines\n");
    paper_init(&p, f->a, 40, SF_TEXT_COLOR);
    sf_page_wrap(&p.page, 0, 0, SF_BOLD, SF_STR("x"));
    paper_is(&p, "\033[1mx\033[0m\n");
}

static void test_width_is_clamped(void **state)
{
    fixture *f = *state;
    paper p;

    paper_init(&p, f->a, 0, 0);
    assert_int_equal(p.page.width, 80);
    paper_init(&p, f->a, 3, 0);
    assert_int_equal(p.page.width, SF_PAGE_MIN);
    paper_init(&p, f->a, 1u << 30, 0);
    assert_int_equal(p.page.width, SF_PAGE_MAX);
}

static const sf_column columns[] = {
    {"name",   false, false, 0},
    {"GiB",    true,  false, 0},
    {"vendor", false, false, 1},
    {"note",   false, true,  0},
};

static void fill(sf_table *t, sf_page *page)
{
    static const char *const cells[] = {
        "H100-80GB", "79.19", "nvidia", "as the runtime prints it, on six machines", "模型", "1.0", "", ""};

    sf_table_init(t, page, columns, 4);
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++)
        sf_table_text(t, cells[i]);
}

static void test_table(void **state)
{
    fixture *f = *state;
    sf_table t;
    paper p;

    paper_init(&p, f->a, 80, 0);
    fill(&t, &p.page);
    sf_table_print(&t, 2);
    paper_is(&p, "  name         GiB  vendor  note\n"
                 "  H100-80GB  79.19  nvidia  as the runtime prints it, on six machines\n"
                 "  模型         1.0\n");
}

static void test_table_wraps_then_drops(void **state)
{
    fixture *f = *state;
    sf_table t;
    paper p;

    paper_init(&p, f->a, 50, 0);
    fill(&t, &p.page);
    sf_table_print(&t, 0);
    paper_is(&p, "name         GiB  vendor  note\n"
                 "H100-80GB  79.19  nvidia  as the runtime prints\n"
                 "                          it, on six machines\n"
                 "模型         1.0\n");
}

static void test_table_drops_a_column(void **state)
{
    fixture *f = *state;
    sf_table t;
    paper p;

    paper_init(&p, f->a, 41, 0);
    fill(&t, &p.page);
    sf_table_print(&t, 0);
    assert_true(sf_str_find(sf_buf_str(&p.out), SF_STR("nvidia")) < 0);
    assert_true(sf_str_find(sf_buf_str(&p.out), SF_STR("on six machines")) > 0);
    sf_buf_release(&p.out);
}

static void test_table_as_records(void **state)
{
    static const sf_column wide[] = {
        {"a long title of a column", false, false, 0},
        {"another long title",       true,  false, 0}
    };
    fixture *f = *state;
    sf_table t;
    paper p;

    paper_init(&p, f->a, 40, 0);
    sf_table_init(&t, &p.page, wide, 2);
    sf_table_text(&t, "x");
    sf_table_text(&t, "1");
    sf_table_print(&t, 0);
    paper_is(&p, "a long title of a column: x\n  another long title: 1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_columns_of_text),
        TEST(test_nothing_drives_the_terminal),
        TEST(test_wrap),
        TEST(test_width_is_clamped),
        TEST(test_table),
        TEST(test_table_wraps_then_drops),
        TEST(test_table_drops_a_column),
        TEST(test_table_as_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
