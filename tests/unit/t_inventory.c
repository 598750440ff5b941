/* inventory: descriptions as people type them, inventory files, and what is refused. */
#include "test.h"

#include "base/num.h"
#include "gpu/gpu.h"
#include "text/json.h"

static sf_code add(fixture *f, sf_inventory *inv, const char *spec)
{
    return sf_inventory_add(f->a, inv, sf_str_of(spec), &f->dg);
}

static void assert_gib(uint64_t bytes, double gib)
{
    assert_int_equal(bytes, (uint64_t)(gib * (double)SF_GIB + 0.5));
}

/* What people type, and the card that it means. */
static void test_names(void **state)
{
    static const struct {
        const char *spec, *name;
    } row[] = {
        {"h100",                  "NVIDIA H100 80GB HBM3"         },
        {"H100-80GB",             "NVIDIA H100 80GB HBM3"         },
        {"H100_80g",              "NVIDIA H100 80GB HBM3"         },
        {"H100 80GB HBM3",        "NVIDIA H100 80GB HBM3"         },
        {"NVIDIA H100 80GB HBM3", "NVIDIA H100 80GB HBM3"         },
        {"nvidia-h100-80gb-hbm3", "NVIDIA H100 80GB HBM3"         },
        {"  H100  ",              "NVIDIA H100 80GB HBM3"         },
        {"rtx4090",               "NVIDIA GeForce RTX 4090"       },
        {"RTX 4090",              "NVIDIA GeForce RTX 4090"       },
        {"GeForce RTX 4090",      "NVIDIA GeForce RTX 4090"       },
        {"4090",                  "NVIDIA GeForce RTX 4090"       },
        {"mi300x",                "AMD Instinct MI300X"           },
        {"AMD MI300X",            "AMD Instinct MI300X"           },
        {"L4",                    "NVIDIA L4"                     },
        {"7900xtx",               "AMD Radeon RX 7900 XTX"        },
        {"Arc B580",              "Intel(R) Arc(TM) B580 Graphics"},
        {"A100-40GB",             "NVIDIA A100-SXM4-40GB"         },
        {"NVIDIA A100-SXM4-80GB", "NVIDIA A100-SXM4-80GB"         },
        {"Tesla T4",              "Tesla T4"                      },
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_inventory inv = {0};

        assert_int_equal(add(f, &inv, row[i].spec), SF_OK);
        assert_int_equal(inv.n, 1);
        assert_str(inv.gpus[0].name, row[i].name);
        assert_non_null(inv.gpus[0].model);
    }
    assert_int_equal(f->dg.n, 0);
}

static void test_counts_and_sizes(void **state)
{
    fixture *f = *state;
    sf_inventory inv = {0};

    assert_int_equal(add(f, &inv, "2xH100-80GB"), SF_OK);
    assert_int_equal(inv.n, 2);
    assert_gib(inv.gpus[1].total, 79.19);
    assert_gib(inv.gpus[1].total_low, 79.11);
    assert_int_equal(inv.gpus[1].index, 1);
    assert_int_equal(inv.gpus[1].how, SF_TOTAL_RUNTIME);
    assert_int_equal(inv.gpus[1].nvml_total, 81559 * SF_MIB);
    assert_int_equal(inv.gpus[1].capability, 90);
    assert_false(inv.gpus[1].used_known);
    assert_int_equal(add(f, &inv, "2 x A100-40GB"), SF_OK);
    assert_int_equal(add(f, &inv, "24GiB"), SF_OK);
    assert_int_equal(add(f, &inv, "2x80GB"), SF_OK);
    assert_int_equal(inv.n, 7);
    assert_int_equal(inv.gpus[4].total, 24 * SF_GIB);
    assert_int_equal(inv.gpus[4].total_low, 24 * SF_GIB);
    assert_int_equal(inv.gpus[4].how, SF_TOTAL_GIVEN);
    assert_null(inv.gpus[4].model);
    assert_str(inv.gpus[4].note, "24.00 GiB: as given");
    assert_true(inv.gpus[4].nvml_total > 24 * SF_GIB && inv.gpus[4].nvml_total < 25 * SF_GIB);
    assert_int_equal(inv.gpus[6].total, 80000000000u);
    assert_str(sf_str_of(sf_total_how_text(SF_TOTAL_RUNTIME)), "catalogue, as the CUDA runtime prints it");
}

static void test_indices(void **state)
{
    fixture *f = *state;
    sf_inventory inv = {0};

    assert_int_equal(add(f, &inv, "1=RTX4090"), SF_OK);
    assert_int_equal(add(f, &inv, "4=2xL4"), SF_OK);
    assert_int_equal(add(f, &inv, "3xL40S"), SF_OK); /* takes 0, 2, 3 */
    assert_int_equal(inv.n, 6);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(inv.gpus[i].index, i);
    assert_str(sf_inventory_find(&inv, 0)->name, "NVIDIA L40S");
    assert_str(sf_inventory_find(&inv, 1)->name, "NVIDIA GeForce RTX 4090");
    assert_str(sf_inventory_find(&inv, 5)->name, "NVIDIA L4");
    assert_null(sf_inventory_find(&inv, 6));
    assert_int_equal(add(f, &inv, "1023=L4"), SF_OK);
    assert_int_equal(inv.gpus[6].index, 1023);
}

static void test_free_and_used(void **state)
{
    fixture *f = *state;
    sf_inventory inv = {0};

    assert_int_equal(add(f, &inv, "H100-80GB,free=70GiB"), SF_OK);
    assert_true(inv.gpus[0].used_known);
    assert_int_equal(inv.gpus[0].used, inv.gpus[0].total - 70 * SF_GIB);
    assert_int_equal(add(f, &inv, "H100-80GB , used=3GiB"), SF_OK);
    assert_int_equal(inv.gpus[1].used, 3 * SF_GIB);
    /* Free memory inside the band of the total is a reading of the total. */
    assert_int_equal(add(f, &inv, "H100-80GB,free=79.2GiB"), SF_OK);
    assert_gib(inv.gpus[2].total, 79.2);
    assert_int_equal(inv.gpus[2].used, 0);
    assert_int_equal(add(f, &inv, "H100-80GB,total=79.1GiB"), SF_OK);
    assert_int_equal(inv.gpus[3].how, SF_TOTAL_GIVEN);
    assert_int_equal(inv.gpus[3].capability, 90);
    assert_int_equal(add(f, &inv, "thor,total=120GiB"), SF_OK);
}

/* What is refused: code, column, and for some the hint. */
static void test_refused(void **state)
{
    static const struct {
        const char *spec;
        sf_code code;
        unsigned col;
        const char *hint;
    } row[] = {
        {"A100",                      SF_E_GPU_SPEC,     1,  "write A100-40GB or A100-80GB"                                      },
        {"2xV100",                    SF_E_GPU_SPEC,     3,  "write V100-16GB or V100-32GB"                                      },
        {"910b",                      SF_E_GPU_SPEC,     1,  "write 910B-64GB or 910B-32GB"                                      },
        {"4060ti",                    SF_E_GPU_SPEC,     1,  "write 4060TI-8GB or 4060TI-16GB"                                   },
        {"",                          SF_E_GPU_SPEC,     1,  NULL                                                                },
        {"80",                        SF_E_GPU_SPEC,     1,  "add a unit, as in 24GiB"                                           },
        {"2x80",                      SF_E_GPU_SPEC,     3,  "add a unit, as in 24GiB"                                           },
        {"0xH100",                    SF_E_GPU_SPEC,     3,  NULL                                                                },
        {"1025xH100",                 SF_E_GPU_SPEC,     6,  NULL                                                                },
        {"x=H100",                    SF_E_GPU_SPEC,     1,  NULL                                                                },
        {"1024=H100",                 SF_E_GPU_SPEC,     1,  NULL                                                                },
        {"1023=2xH100",               SF_E_GPU_SPEC,     1,  NULL                                                                },
        {"99999999999999999999=H100", SF_E_GPU_SPEC,     1,  NULL                                                                },
        {"0=",                        SF_E_GPU_SPEC,     3,  NULL                                                                },
        {"H100,free=80GiB",           SF_E_GPU_SPEC,     6,  NULL                                                                },
        {"H100,used=80GiB",           SF_E_GPU_SPEC,     6,  NULL                                                                },
        {"H100,free=1GiB,used=1GiB",  SF_E_GPU_SPEC,     16, "leave one of them out"                                             },
        {"H100,free=1GiB,free=1GiB",  SF_E_GPU_SPEC,     16, NULL                                                                },
        {"H100,free=70",              SF_E_GPU_SPEC,     6,  NULL                                                                },
        {"H100,free",                 SF_E_GPU_SPEC,     6,  NULL                                                                },
        {"H100,colour=red",           SF_E_GPU_SPEC,     6,  NULL                                                                },
        {"H100,",                     SF_E_GPU_SPEC,     6,  NULL                                                                },
        {"1GiB,total=2GiB",           SF_E_GPU_SPEC,     1,  NULL                                                                },
        {"1MiB",                      SF_E_GPU_SPEC,     1,  NULL                                                                },
        {"100TiB",                    SF_E_GPU_SPEC,     1,  NULL                                                                },
        {"H10O-80GB",                 SF_E_GPU_UNKNOWN,  1,  NULL                                                                },
        {"2xRTX4091",                 SF_E_GPU_UNKNOWN,  3,  NULL                                                                },
        {"zzzzzz",                    SF_E_GPU_UNKNOWN,  1,  "`stagefit gpus` lists the names; a size such as 24GiB does as well"},
        {"gaudi3",                    SF_E_GPU_NO_TOTAL, 1,  "add what the CUDA runtime reports, as in total=64GiB"              },
        {"2 x thor",                  SF_E_GPU_NO_TOTAL, 5,  NULL                                                                },
        {"\xff",                      SF_E_GPU_SPEC,     1,  NULL                                                                },
    };
    fixture *f = *state;
    sf_inventory inv = {0};

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_inventory old = inv;

        sf_diags_init(&f->dg, f->a);
        assert_int_equal(add(f, &inv, row[i].spec), row[i].code);
        assert_error_at(&f->dg, row[i].code, 1, row[i].col);
        if (row[i].hint)
            assert_str(sf_diags_last_error(&f->dg)->hint, row[i].hint);
        assert_int_equal(f->dg.errors, 1);
        assert_memory_equal(&inv, &old, sizeof inv);
    }
}

static void test_duplicate_index_and_limit(void **state)
{
    fixture *f = *state;
    sf_inventory inv = {0};

    assert_int_equal(add(f, &inv, "0=RTX4090"), SF_OK);
    assert_int_equal(add(f, &inv, "0=RTX4090"), SF_E_GPU_SPEC);
    assert_error_at(&f->dg, SF_E_GPU_SPEC, 1, 1);
    assert_str(sf_diags_last_error(&f->dg)->message, "GPU 0 is described twice");
    assert_int_equal(add(f, &inv, "1023xL4"), SF_OK);
    assert_int_equal(inv.n, 1024);
    assert_int_equal(add(f, &inv, "L4"), SF_E_GPU_SPEC);
}

static void test_nearest_name(void **state)
{
    fixture *f = *state;
    sf_inventory inv = {0};

    assert_int_equal(add(f, &inv, "H10O-80GB"), SF_E_GPU_UNKNOWN);
    assert_true(sf_str_find(sf_diags_last_error(&f->dg)->hint, SF_STR("H100-80GB")) >= 0);
    assert_int_equal(add(f, &inv, "rtx409"), SF_E_GPU_UNKNOWN);
    assert_true(sf_str_find(sf_diags_last_error(&f->dg)->hint, SF_STR("4090")) >= 0);
}

static sf_code add_json(fixture *f, sf_inventory *inv, const char *text)
{
    const sf_node *root;

    assert_int_equal(sf_json_parse(f->a, sf_str_of(text), SF_STR("gpus.json"), 0, &f->dg, &root), SF_OK);
    return sf_inventory_add_json(f->a, inv, root, &f->dg);
}

#define HEAD "{\"schema\": \"stagefit/gpus/1\",\n\"gpus\": ["

static void test_json(void **state)
{
    fixture *f = *state;
    sf_inventory inv = {0};

    assert_int_equal(
        add_json(f, &inv,
                 HEAD "{\"index\": 1, \"name\": \"H100-80GB\"}, {\"total\": \"24GiB\", \"free\": \"20GiB\"},"
                      "{\"index\": 5, \"name\": \"Some New Card\", \"total\": 107374182400, \"used\": 0}]}"),
        SF_OK);
    assert_int_equal(inv.n, 3);
    assert_int_equal(inv.gpus[0].index, 0);
    assert_int_equal(inv.gpus[0].used, 4 * SF_GIB);
    assert_gib(inv.gpus[1].total, 79.19);
    assert_int_equal(inv.gpus[2].index, 5);
    assert_str(inv.gpus[2].name, "Some New Card");
    assert_int_equal(inv.gpus[2].total, 100 * SF_GIB);
    assert_true(inv.gpus[2].used_known);
}

static void test_json_refused(void **state)
{
    static const struct {
        const char *text;
        sf_code code;
        unsigned line, col;
    } row[] = {
        {"{\"gpus\": []}",                                                             SF_E_GPU_INVENTORY, 1, 1 },
        {"{\"schema\": \"stagefit/gpus/2\", \"gpus\": []}",                            SF_E_GPU_INVENTORY, 1, 12},
        {"{\"schema\": \"stagefit/gpus/1\"}",                                          SF_E_GPU_INVENTORY, 1, 1 },
        {HEAD "]}",                                                                    SF_E_GPU_INVENTORY, 2, 9 },
        {HEAD "5]}",                                                                   SF_E_GPU_INVENTORY, 2, 10},
        {HEAD "{}]}",                                                                  SF_E_GPU_INVENTORY, 2, 10},
        {HEAD "{\"nam\": \"L4\"}]}",                                                   SF_E_GPU_INVENTORY, 2, 11},
        {HEAD "{\"name\": 5}]}",                                                       SF_E_GPU_INVENTORY, 2, 19},
        {HEAD "{\"name\": \"A100\"}]}",                                                SF_E_GPU_INVENTORY, 2, 19},
        {HEAD "{\"name\": \"L4\", \"index\": -1}]}",                                   SF_E_GPU_INVENTORY, 2, 34},
        {HEAD "{\"name\": \"L4\", \"index\": 1024}]}",                                 SF_E_GPU_INVENTORY, 2, 34},
        {HEAD "{\"name\": \"L4\", \"total\": -1}]}",                                   SF_E_GPU_INVENTORY, 2, 34},
        {HEAD "{\"name\": \"L4\", \"total\": \"x\"}]}",                                SF_E_GPU_INVENTORY, 2, 34},
        {HEAD "{\"name\": \"L4\", \"free\": \"30GiB\"}]}",                             SF_E_GPU_INVENTORY, 2, 33},
        {HEAD "{\"index\": 0, \"name\": \"L4\"},\n{\"index\": 0, \"name\": \"L4\"}]}", SF_E_GPU_INVENTORY, 3,
         11                                                                                                     },
        {HEAD "{\"name\": \"zzzz\"}]}",                                                SF_E_GPU_UNKNOWN,   2, 19},
        {HEAD "{\"name\": \"gaudi2\"}]}",                                              SF_E_GPU_NO_TOTAL,  2, 19},
    };
    fixture *f = *state;

    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        sf_inventory inv = {0};

        sf_diags_init(&f->dg, f->a);
        assert_int_equal(add_json(f, &inv, row[i].text), row[i].code);
        assert_error_at(&f->dg, row[i].code, row[i].line, row[i].col);
        assert_int_equal(f->dg.errors, 1);
        assert_int_equal(inv.n, 0);
    }
}

static void test_no_memory(void **state)
{
    fixture *f = *state;

    for (size_t max = 0; max < 60000; max += 997) {
        sf_arena *small = sf_arena_new(max);
        sf_inventory inv = {0};
        sf_code rc = sf_inventory_add(small, &inv, SF_STR("2xH100-80GB,used=1GiB"), &f->dg);

        assert_true(rc == SF_E_NOMEM || rc == SF_OK);
        sf_arena_free(small);
    }
    assert_int_equal(f->dg.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_names),        TEST(test_counts_and_sizes),
        TEST(test_indices),      TEST(test_free_and_used),
        TEST(test_refused),      TEST(test_duplicate_index_and_limit),
        TEST(test_nearest_name), TEST(test_json),
        TEST(test_json_refused), TEST(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
