/* safetensors_read: long headers come in windows; faults far behind the first one, reads that fail. */
#include <stdio.h>

#include "test.h"

#include "model/safetensors.h"

#define FILE_NAME SF_STR("m.safetensors")

static sf_tensor_table *table(fixture *f)
{
    sf_tensor_table *t = sf_tensor_table_new(f->a);

    assert_non_null(t);
    return t;
}

static void put_length(char *p, uint64_t n)
{
    for (int i = 0; i < 8; i++)
        p[i] = (char)(n >> (8 * i));
}

/* A file in memory, for windows. */
typedef struct memory_file {
    sf_str bytes;
    uint64_t size;
    unsigned reads, fail_at; /* the n-th read fails */
} memory_file;

static sf_code memory_read(void *ctx, sf_arena *a, sf_str path, uint64_t off, uint64_t max, sf_diags *dg,
                           sf_str *ret, uint64_t *ret_file_size)
{
    memory_file *m = ctx;
    sf_str part = sf_str_sub(m->bytes, (size_t)off, (size_t)(off + max));

    if (++m->reads == m->fail_at)
        return sf_diag_error(dg, SF_E_IO, (sf_where){.file = path}, NULL, "read %u fails", m->reads);
    *ret = sf_arena_str(a, part);
    if (!ret->p)
        return SF_E_NOMEM;
    if (ret_file_size)
        *ret_file_size = m->size;
    return SF_OK;
}

enum { MANY = 30000, MANY_BYTES = 4 * 1024 * 1024 };

/* A header of 3.3 MB and of one tensor for each byte of data; `spoiled` is given another text. */
static memory_file many_tensors(fixture *f, int spoiled, const char *text, const char *blank)
{
    char *p = sf_arena_alloc(f->a, MANY_BYTES, 1);
    size_t n = 8;

    assert_non_null(p);
    n += (size_t)sprintf(p + n, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (int i = 0; i < MANY; i++) {
        if (i == spoiled)
            n += (size_t)sprintf(p + n, "%s", text);
        else
            n +=
                (size_t)sprintf(p + n,
                                ",%s\"model.layers.%d.mlp.experts.%d.up_proj.weight\":{\"dtype\":\"F8_E4M3\","
                                "\"shape\":[1,1],\"data_offsets\":[%d,%d]}",
                                blank, i / 256, i % 256, i, i + 1);
    }
    p[n++] = '}';
    put_length(p, n - 8);
    return (memory_file){
        .bytes = {p, n},
          .size = n + MANY
    };
}

static sf_code read_memory(fixture *f, memory_file *m, sf_tensor_table *t)
{
    const sf_fs fs = {m, memory_read, NULL, NULL};
    sf_arena *scratch = sf_arena_new((size_t)1 << 28);
    uint64_t size = 0;
    sf_code rc;

    assert_non_null(scratch);
    rc = sf_safetensors_read(t, scratch, &fs, FILE_NAME, 65536, &f->dg, &size);
    sf_arena_free(scratch);
    return rc;
}

static void test_windows(void **state)
{
    static const char *const blanks[] = {"", " ", "\n"};
    fixture *f = *state;

    for (size_t i = 0; i < sizeof blanks / sizeof *blanks; i++) {
        memory_file m = many_tensors(f, -1, NULL, blanks[i]);
        sf_tensor_table *t = table(f);
        uint64_t tensors, numel, bytes;

        assert_int_equal(read_memory(f, &m, t), SF_OK);
        sf_tensor_table_totals(t, &tensors, &numel, &bytes);
        assert_true(tensors == MANY && numel == MANY && bytes == MANY);
        assert_int_equal(sf_tensor_table_count(t), 1);
        assert_true(sf_tensor_table_has(t, SF_STR("model.layers.117.mlp.experts.47.up_proj.weight")));
        assert_false(sf_tensor_table_has(t, SF_STR("model.layers.117.mlp.experts.48.up_proj.weight")));
        assert_true(m.reads > 8);
    }
}

/* What is wrong far behind the first window has its place in the whole header. */
static void test_windows_with_faults(void **state)
{
    /* clang-format off */
    static const struct {
        const char *text;
        sf_code code;
        const char *message;
        unsigned skip; /* columns from the start of the member to the place */
    } row[] = {
        {",\"x\":{\"dtype\":\"Q4\",\"shape\":[1],\"data_offsets\":[20000,20001]}", SF_E_HEADER,
         "tensor \"x\" has the unknown dtype Q4", 14},
        {",\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[20000,20002]}", SF_E_HEADER,
         "tensor \"x\": shape and dtype make 1 bytes, data_offsets 2", 1},
        {",\"model.layers.0.mlp.experts.0.up_proj.weight\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[20000,20001]}",
         SF_E_DUP_KEY, "tensor \"model.layers.0.mlp.experts.0.up_proj.weight\" is there twice", 1},
        {",\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[7,8]}", SF_E_HEADER,
         "tensor \"x\" starts at byte 7 of the data, inside another tensor", 1},
        {",\"x\":}", SF_E_JSON, "expected a value, found '}'", 5},
    };
    /* clang-format on */
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        memory_file m = many_tensors(f, 20000, row[i].text, "");
        ptrdiff_t at = sf_str_find(sf_str_sub(m.bytes, 8, m.bytes.n), sf_str_of(row[i].text));

        assert_true(at > 1024 * 1024);
        assert_int_equal(read_memory(f, &m, table(f)), row[i].code);
        assert_error_at(&f->dg, row[i].code, 1, (unsigned)at + 1 + row[i].skip);
        assert_true(sf_diags_last_error(&f->dg)->at.off == (uint64_t)at + 8 + row[i].skip);
        assert_str(sf_diags_last_error(&f->dg)->message, row[i].message);
    }
}

/* Members that are longer than a window. */
static void test_windows_with_a_long_member(void **state)
{
    enum { LONG = 600 * 1024 };
    fixture *f = *state;
    char *text = sf_arena_alloc(f->a, LONG + 100, 1);
    memory_file m;
    uint64_t tensors, numel, bytes;
    sf_tensor_table *t = table(f);

    assert_non_null(text);
    memset(text, 'n', LONG + 2);
    text[0] = ',';
    text[1] = '"';
    strcpy(text + LONG + 2, "\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[20000,20001]}");
    m = many_tensors(f, 20000, text, "");
    assert_int_equal(read_memory(f, &m, t), SF_OK);
    sf_tensor_table_totals(t, &tensors, &numel, &bytes);
    assert_true(tensors == MANY);
}

static void test_windows_when_reads_fail(void **state)
{
    fixture *f = *state;
    memory_file whole = many_tensors(f, -1, NULL, "");
    unsigned n = 0;

    assert_int_equal(read_memory(f, &whole, table(f)), SF_OK);
    for (unsigned k = 1; k <= whole.reads; k++, n++) {
        memory_file m = {.bytes = whole.bytes, .size = whole.size, .fail_at = k};

        assert_int_equal(read_memory(f, &m, table(f)), SF_E_IO);
        assert_int_equal(f->dg.errors, k);
    }
    assert_int_equal(n, whole.reads);
}

static void test_file_becomes_shorter(void **state)
{
    fixture *f = *state;
    memory_file m = many_tensors(f, -1, NULL, "");

    m.bytes.n /= 2; /* the size that was told stays */
    assert_int_equal(read_memory(f, &m, table(f)), SF_E_HEADER);
    assert_str(sf_diags_last_error(&f->dg)->message, "the file became shorter while it was read");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_windows),
        TEST(test_windows_with_faults),
        TEST(test_windows_with_a_long_member),
        TEST(test_windows_when_reads_fail),
        TEST(test_file_becomes_shorter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
