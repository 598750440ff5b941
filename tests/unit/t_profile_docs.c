/* profile_docs: the tables of docs/engines.md are what the data says.  On a difference the right table is printed. */
#include <stdio.h>

#include "test.h"

#include "base/buf.h"
#include "base/fs.h"
#include "base/num.h"
#include "engine/profile.h"

static const char *const check_words[] = {"none", "stops", "caps"};
static const char *const budget_words[] = {"weights, peak, growth", "peak and all in use",
                                           "weights, peak, growth", "all consumed, headroom",
                                           "the process, by NVML"};
static const char *const graph_words[] = {"outside", "logged", "subtracted"};
static const char *const token_words[] = {"blocks × size", "blocks // groups × size", "concurrency × length"};

/* The row of one release among those that differ in what the table shows. */
static void behaviour_row(fixture *f, sf_buf *out, const sf_release *r, sf_buf *last)
{
    sf_str spec = sf_arena_printf(f->a, "%.*s@%.*s", SF_STR_ARG(r->engine), SF_STR_ARG(r->release));
    const sf_profile *p;
    sf_buf row;

    assert_int_equal(sf_profile_find(f->a, spec, false, &f->dg, &p), SF_OK);
    sf_buf_init(&row, 4096);
    sf_buf_printf(&row, "| %s | %s | %s | %s | %s%s | %s | %s |\n",
                  sf_fmt_py_float(f->a, p->default_util_frac).p, check_words[p->check],
                  p->requested == SF_REQUESTED_CEIL ? "up" : "no", budget_words[p->kv_budget],
                  p->context_in_budget ? "context, " : "", p->nccl_in_budget ? "communicators" : "",
                  graph_words[p->graphs], token_words[p->kv.tokens_rule]);
    if (!sf_str_eq(sf_buf_str(&row), sf_buf_str(last))) {
        sf_buf_printf(out, "| %.*s %.*s ", SF_STR_ARG(r->engine), SF_STR_ARG(r->release));
        sf_buf_add(out, sf_buf_str(&row));
        sf_buf_release(last);
        *last = row;
    } else {
        sf_buf_release(&row);
    }
}

static void release_row(sf_buf *out, const sf_release *r)
{
    sf_buf_printf(out, "| %.*s | %.*s | %.*s | %.*s%s | %.*s |\n", SF_STR_ARG(r->release),
                  SF_STR_ARG(r->date), SF_STR_ARG(r->vllm.n ? r->vllm : r->engine), SF_STR_ARG(r->summary),
                  r->open ? " (open when it was described: never the default)" : "", SF_STR_ARG(r->source));
}

static void must_hold(fixture *f, const sf_buf *table)
{
    sf_str docs;

    assert_false(table->failed);
    assert_int_equal(sf_fs_read_all(&sf_fs_posix, f->a, SF_STR("docs/engines.md"), 1 << 20, &f->dg, &docs),
                     SF_OK);
    if (sf_str_find(docs, sf_buf_str(table)) < 0) {
        fprintf(stderr, "docs/engines.md must have this table:\n%.*s", SF_STR_ARG(sf_buf_str(table)));
        fail();
    }
}

static void test_releases(void **state)
{
    fixture *f = *state;
    sf_release *list;
    size_t n;

    assert_int_equal(sf_profile_list(f->a, &f->dg, &list, &n), SF_OK);
    for (size_t from = 0, to; from < n; from = to) { /* one table an engine */
        sf_buf table;

        sf_buf_init(&table, 1 << 16);
        for (to = from; to < n && sf_str_eq(list[to].engine, list[from].engine); to++)
            release_row(&table, &list[to]);
        must_hold(f, &table);
        sf_buf_release(&table);
    }
}

static void test_behaviours(void **state)
{
    fixture *f = *state;
    sf_release *list;
    sf_buf table, last;
    size_t n;

    sf_buf_init(&table, 1 << 16);
    sf_buf_init(&last, 4096);
    assert_int_equal(sf_profile_list(f->a, &f->dg, &list, &n), SF_OK);
    for (size_t i = 0; i < n; i++)
        if (!sf_str_is(list[i].engine, "vllm-v0"))
            behaviour_row(f, &table, &list[i], &last);
    must_hold(f, &table);
    sf_buf_release(&table);
    sf_buf_release(&last);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_releases), TEST(test_behaviours)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
