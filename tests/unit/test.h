/* test.h: what every unit test includes: cmocka and what it needs, and a few helpers. */
#ifndef SF_TESTS_UNIT_TEST_H
#define SF_TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/diag.h"

/* Compares a borrowed string with a literal and shows both. */
static inline void assert_str(sf_str got, const char *want)
{
    char text[4096];

    assert_true(got.n < sizeof text);
    if (got.n)
        memcpy(text, got.p, got.n);
    text[got.n] = '\0';
    assert_string_equal(text, want);
}

/* An arena and a list of diagnostics for one test. */
typedef struct fixture {
    sf_arena *a;
    sf_diags dg;
} fixture;

static inline int setup(void **state)
{
    static fixture f;

    f.a = sf_arena_new((size_t)1 << 30);
    sf_diags_init(&f.dg, f.a);
    *state = &f;
    return f.a ? 0 : -1;
}

static inline int teardown(void **state)
{
    sf_arena_free(((fixture *)*state)->a);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* The newest error has this code and stands at this line and column. */
static inline void assert_error_at(const sf_diags *dg, sf_code code, unsigned line, unsigned col)
{
    const sf_diag *d = sf_diags_last_error(dg);

    assert_non_null(d);
    assert_int_equal(d->code, code);
    assert_int_equal(d->at.line, line);
    assert_int_equal(d->at.col, col);
}

#endif
