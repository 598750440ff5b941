/* fuzz_gpu_spec: a description adds sound devices, or none and one error. */
#include <stdlib.h>

#include "gpu/gpu.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const sf_inventory *inv)
{
    for (size_t i = 0; i < inv->n; i++) {
        const sf_gpu *g = &inv->gpus[i];

        if (!g->total || g->total_low > g->total || g->total > g->total_high || g->used > g->total ||
            !g->note.n)
            abort();
        if (g->index > 1023 || (i && inv->gpus[i - 1].index >= g->index))
            abort();
    }
}

/* The input is descriptions, one a line; the first eight are read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sf_arena *a = sf_arena_new((size_t)1 << 26);
    sf_str line, rest = {(const char *)data, size};
    sf_inventory inv = {0};

    if (!a)
        return 0;
    for (int i = 0, more = true; more && i < 8; i++) {
        sf_inventory old = inv;
        sf_diags dg;
        sf_code rc;

        more = sf_str_split(&rest, '\n', &line);
        sf_diags_init(&dg, a);
        rc = sf_inventory_add(a, &inv, line, &dg);
        if (rc == SF_E_NOMEM)
            break;
        if (rc ? dg.n != 1 || inv.n != old.n : dg.n != 0 || inv.n <= old.n)
            abort();
        check(&inv);
    }
    sf_arena_free(a);
    return 0;
}
