/*
 * fuzz_expr: any text is an expression or one error with a place; what parses computes to a
 * value or one error, over a config that holds every kind of value.  A row of a family file likewise.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "model/family.h"
#include "text/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char config_text[] =
    "{\"a\": 7, \"b\": 2.5, \"s\": \"text\", \"n\": null, \"t\": true, \"l\": [1, 2.5, \"x\", null],"
    "\"m\": {\"k\": 9223372036854775807}}";

static void check(sf_code rc, const sf_diags *dg)
{
    if (rc != SF_OK && rc != SF_E_NOMEM && dg->errors != 1)
        abort();
    if (rc == SF_OK && dg->errors)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sf_str text = {(const char *)data, size};
    sf_where at = {.file = SF_STR("f"), .line = 1, .col = 1};
    sf_arena *a = sf_arena_new((size_t)16 << 20);
    const sf_node *root = NULL;
    const sf_expr *e = NULL;
    sf_scope scope = {0};
    sf_family_row row;
    sf_diags dg;
    sf_value v;
    sf_code rc;

    if (!a)
        return 0;
    sf_diags_init(&dg, a);
    if (sf_json_parse(a, SF_STR(config_text), SF_STR("config.json"), 0, &dg, &root))
        abort();
    scope.root = scope.section = root;
    rc = sf_expr_parse(a, text, at, &dg, &e);
    check(rc, &dg);
    if (!rc) {
        sf_expr_uses(e, SF_STR("i"));
        rc = sf_expr_eval(e, &scope, &dg, &v);
        check(rc, &dg);
        if (!rc && v.kind == SF_VAL_MISSING)
            abort();
    }
    sf_diags_init(&dg, a);
    rc = sf_family_row_parse(text, at, &dg, &row);
    check(rc, &dg);
    sf_arena_free(a);
    return 0;
}
