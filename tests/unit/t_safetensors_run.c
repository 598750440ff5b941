/*
 * safetensors_run: a tensor that comes after many like it is read as it is read alone, whatever is odd about
 * it: the same rows, or the same refusal at its place.
 */
#include <stdio.h>

#include "test.h"

#include "model/safetensors.h"

#define FILE_NAME SF_STR("m.safetensors")

enum { LIKE = 40, ROOM = 4096, BYTES = 64 * 1024 };

typedef struct header {
    char *text;
    size_t n;
    uint64_t data; /* bytes behind it */
    size_t odd_at; /* where the odd member starts */
} header;

static void put_like(header *h, int from, int to)
{
    for (int i = from; i < to; i++, h->data += 6)
        h->n += (size_t)sprintf(
            h->text + h->n,
            "%s\"m.layers.%d.up.weight\":{\"dtype\":\"BF16\",\"shape\":[1,2],\"data_offsets\":[%d,%d]},"
            "\"m.layers.%d.norm\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[%d,%d]}",
            h->n > 1 ? "," : "", i, (int)h->data, (int)h->data + 4, i, (int)h->data + 4, (int)h->data + 6);
}

/* `odd` (without the offsets' numbers, which are %d) among `before` and `after` members of the usual kind. */
static header make(fixture *f, const char *name, const char *form, int size, int before, int after)
{
    header h = {.text = sf_arena_alloc(f->a, BYTES, 1), .n = 1};

    assert_non_null(h.text);
    h.text[0] = '{';
    put_like(&h, 0, before);
    h.odd_at = h.n + (h.n > 1);
    h.n += (size_t)sprintf(h.text + h.n, "%s\"%s%s%d,%d]}", h.n > 1 ? "," : "", name, form, (int)h.data,
                           (int)h.data + size);
    h.data += size > 0 ? (uint64_t)size : 0;
    put_like(&h, LIKE, LIKE + after);
    h.text[h.n++] = '}';
    memset(h.text + h.n, ' ',
           ROOM); /* members near the end of the text are never taken by what they are like */
    h.n += ROOM;
    return h;
}

static sf_code read_header(fixture *f, const header *h, sf_tensor_table **ret, sf_diags *dg)
{
    *ret = sf_tensor_table_new(f->a);
    assert_non_null(*ret);
    sf_diags_init(dg, f->a);
    return sf_safetensors_add(*ret, (sf_str){h->text, h->n}, 8 + h->n + h->data, FILE_NAME, dg);
}

#define UP "\":{\"dtype\":\"BF16\",\"shape\":[1,2],\"data_offsets\":["
#define N255                                                                                                 \
    "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" \
    "nnnnnnnnn"                                                                                              \
    "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" \
    "nnnnnnnnn"                                                                                              \
    "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"

/* Rows of macros crash clang-format 14. */
/* clang-format off */
static const struct {
    const char *name, *form;
    int size;
} odd[] = {
    {"m.layers.99.up.weight", UP, 4},
    {"m.layers.4095.up.weight", UP, 4},
    {"m.layers.4096.up.weight", UP, 4},
    {"m.layers.12345.up.weight", UP, 4},
    {"m.layers.099.up.weight", UP, 4},
    {"m.layers.00.up.weight", UP, 4},
    {"m.layers.9x.up.weight", UP, 4},
    {"m.layers..up.weight", UP, 4},
    {"m.layers.9.9.up.weight", UP, 4},
    {"m.layers.99.up.weigh", UP, 4},
    {"m.layers.99.up.weights", UP, 4},
    {"m.layers.99.up", UP, 4},
    {"m.layers.99.norm", UP, 4},
    {"m.layers.{}.up.weight", UP, 4},
    {"m.layers.9\\u0039.up.weight", UP, 4},
    {"m.layers.99.up.we\xc3\xa9ght", UP, 4},
    {"m.layers.99.up.we\xc3ght", UP, 4},
    {"m.layers.99.up.we\nght", UP, 4},
    {"m.layers.7.up.weight", UP, 4}, /* there already */
    {"m.layers.99.up.weight", UP, 3},
    {"m.layers.99.up.weight", UP, 5},
    {"m.layers.99.up.weight", UP, 0},
    {"m.layers.99.up.weight", UP, -4},
    {"m.layers.99.up.weight", UP "0", 4},
    {"m.layers.99.up.weight", UP "9", 4},
    {"m.layers.99.up.weight", UP "9999999999", 4},
    {"m.layers.99.up.weight", UP "99999999999999999999", 4},
    {"m.layers.99.up.weight", UP " ", 4},
    {"m.layers.99.up.weight", UP "-", 4},
    {"m.layers.99.up.weight", "\":{\"dtype\":\"BF16\",\"shape\":[2,1],\"data_offsets\":[", 4},
    {"m.layers.99.up.weight", "\":{\"dtype\":\"BF16\",\"shape\":[1,02],\"data_offsets\":[", 4},
    {"m.layers.99.up.weight", "\":{\"dtype\":\"BF16\",\"shape\":[1,2],\"extra\":0,\"data_offsets\":[", 4},
    {"m.layers.99.up.weight", "\":{\"dtype\":\"BF17\",\"shape\":[1,2],\"data_offsets\":[", 4},
    {"m.layers.99.up.weight", "\":{\"dtype\":\"F16\",\"shape\":[1,2],\"data_offsets\":[", 4},
    {"m.layers.99.up.weight", "\" :{\"dtype\":\"BF16\",\"shape\":[1,2],\"data_offsets\":[", 4},
    {N255, UP, 4},
};
/* clang-format on */

/* The odd one between members of the usual kind, against the odd one where nothing is known yet. */
static void test_odd_among_many(void **state)
{
    fixture *f = *state;

    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        header many = make(f, odd[i].name, odd[i].form, odd[i].size, LIKE, LIKE);
        header few = make(f, odd[i].name, odd[i].form, odd[i].size, 8, 0);
        sf_tensor_table *t, *plain;
        uint64_t tensors, numel, bytes;
        sf_diags dg, dg_plain;
        sf_code rc, rc_plain;

        few.n -= ROOM;
        rc = read_header(f, &many, &t, &dg);
        rc_plain = read_header(f, &few, &plain, &dg_plain);
        if (rc != rc_plain)
            print_message("row %zu: %s\n", i, odd[i].name);
        assert_int_equal(rc, rc_plain);
        sf_tensor_table_totals(t, &tensors, &numel, &bytes);
        if (rc) {
            assert_int_equal(dg.n, 1);
            assert_int_equal(dg.items[0].at.off - many.odd_at, dg_plain.items[0].at.off - few.odd_at);
            continue;
        }
        assert_true(tensors == 4 * LIKE + 1 && bytes == many.data);
        assert_true(sf_tensor_table_count(t) == sf_tensor_table_count(plain));
        for (size_t k = 0; k < sizeof odd / sizeof *odd; k++)
            assert_int_equal(sf_tensor_table_has(t, sf_str_of(odd[k].name)),
                             sf_tensor_table_has(plain, sf_str_of(odd[k].name)));
    }
}

static void test_cut_short(void **state)
{
    fixture *f = *state;
    header h = make(f, "m.layers.99.up.weight", UP, 4, LIKE, LIKE);
    sf_tensor_table *t;

    h.data--;
    assert_int_equal(read_header(f, &h, &t, &f->dg), SF_E_HEADER);
    assert_str(f->dg.items[0].message,
               "tensor \"m.layers.79.norm\" ends at byte 484 of the data, but the file has only 483");
}

/* The texts around the numbers of a name. */
/* clang-format off */
static const char *const around[][5] = {
    {"", ""}, {"", ".w"}, {"l.", ""}, {"l.", ".e.", ""}, {"", ".", ".", ".", ""}, {"a.", ".b.", ".c.", ".d"},
};
/* clang-format on */

static sf_str name_of(char *text, const char *const pieces[5], int number)
{
    size_t n = 0;

    for (int i = 0; i < 5 && pieces[i]; i++) {
        if (i)
            n += (size_t)sprintf(text + n, "%d", number);
        n += (size_t)sprintf(text + n, "%s", pieces[i]);
    }
    return (sf_str){text, n};
}

/* With the numbers in front, between and at the end, of one to four digits; each name is known afterwards. */
static void test_numbers(void **state)
{
    static const int numbers[] = {0, 1, 9, 10, 99, 100, 255, 999, 1000, 4095};
    fixture *f = *state;

    for (size_t i = 0; i < sizeof around / sizeof *around; i++) {
        header h = {.text = sf_arena_alloc(f->a, BYTES, 1), .n = 1};
        const sf_tensor_pattern *row;
        sf_tensor_table *t;
        char text[64];

        assert_non_null(h.text);
        h.text[0] = '{';
        for (int k = 0; k < 10; k++, h.data += 4) {
            sf_str name = name_of(text, around[i], numbers[k]);

            h.n += (size_t)sprintf(h.text + h.n, "%s\"%.*s" UP "%d,%d]}", k ? "," : "", SF_STR_ARG(name),
                                   (int)h.data, (int)h.data + 4);
        }
        h.text[h.n++] = '}';
        memset(h.text + h.n, ' ', ROOM);
        h.n += ROOM;
        assert_int_equal(read_header(f, &h, &t, &f->dg), SF_OK);
        assert_int_equal(sf_tensor_table_count(t), 1);
        row = sf_tensor_table_at(t, 0);
        assert_true(row->count == 10 && row->numel == 20 && row->bytes == 40);
        assert_true(sf_tensor_table_has(t, name_of(text, around[i], 1000)));
        assert_false(sf_tensor_table_has(t, name_of(text, around[i], 1001)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_odd_among_many),
        TEST(test_cut_short),
        TEST(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
