/*
 * fuzz_json: both forms of the reader agree, places lie in the text, and what is read survives being
 * written and read again.
 */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "text/json.h"
#include "text/json_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define must(x) ((x) ? (void)0 : abort())

static sf_code pull(sf_str text, unsigned flags)
{
    sf_json_event event;
    sf_json j;

    sf_json_init(&j, text, SF_STR("x"), flags, NULL);
    while ((event = sf_json_next(&j)) > SF_JSON_END)
        must(j.token_off + j.token_len <= text.n && j.at <= text.n && j.depth <= SF_JSON_DEPTH);
    must((event == SF_JSON_END) == (j.error == SF_OK));
    return j.error;
}

static void must_be_same(const sf_node *a, const sf_node *b)
{
    if (a->kind == SF_FLOAT && !isfinite(a->as.f)) {
        must(b->kind == SF_NULL);
        return;
    }
    must(a->kind == b->kind && a->n == b->n);
    if (a->kind == SF_BOOL)
        must(a->as.b == b->as.b);
    else if (a->kind == SF_INT)
        must(a->as.i == b->as.i);
    else if (a->kind == SF_FLOAT)
        must(a->as.f == b->as.f && signbit(a->as.f) == signbit(b->as.f));
    else if (a->kind == SF_STRING)
        must(sf_str_eq(a->text, b->text));
    for (uint32_t i = 0; i < a->n; i++) {
        if (a->kind == SF_SEQ) {
            must_be_same(a->as.items[i], b->as.items[i]);
            continue;
        }
        must(sf_str_eq(a->as.pairs[i].key, b->as.pairs[i].key));
        must_be_same(a->as.pairs[i].value, b->as.pairs[i].value);
    }
}

/* Trees of all 64 levels do not fit the writer's 63: then it must have failed. */
static void write_and_read(sf_arena *a, const sf_node *root, bool pretty)
{
    const sf_node *again = NULL;
    sf_json_writer w;
    sf_buf b;

    sf_buf_init(&b, (size_t)1 << 24);
    sf_jw_init(&w, &b, pretty);
    sf_jw_node(&w, root);
    if (!b.failed) {
        must(w.depth == 0);
        must(sf_json_parse(a, sf_buf_str(&b), SF_STR("again"), 0, NULL, &again) == SF_OK);
        must_be_same(root, again);
    }
    sf_buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sf_str text = {(const char *)data, size};
    sf_arena *a = sf_arena_new((size_t)1 << 26);
    const sf_node *root = NULL;
    sf_diags dg;

    if (!a)
        return 0;
    for (unsigned flags = 0; flags <= SF_JSON_NONFINITE; flags++) {
        sf_code want = pull(text, flags), rc;

        sf_diags_init(&dg, a);
        rc = sf_json_parse(a, text, SF_STR("x"), flags, &dg, &root);
        if (rc == SF_E_NOMEM)
            break;
        must(dg.n == (rc != SF_OK));
        if (rc) /* the tree refuses more: keys given twice, numbers beyond doubles */
            must(rc == want || rc == SF_E_DUP_KEY || rc == SF_E_RANGE || rc == SF_E_LIMIT);
        else
            must(want == SF_OK);
        if (rc && dg.n)
            must(dg.items[0].at.line >= 1 && dg.items[0].at.col >= 1 && dg.items[0].at.off <= size);
        if (!rc)
            write_and_read(a, root, flags);
    }
    sf_arena_free(a);
    return 0;
}
