/* fuzz_command: any text splits, reads and places, or is refused with one error. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "stages/deployment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(sf_code rc, const sf_diags *dg)
{
    if (rc && rc != SF_E_NOMEM && !dg->errors)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    sf_arena *a = sf_arena_new((size_t)64 << 20);
    sf_stages_wish wish = {.visible = 8};
    const sf_deployment *d;
    const sf_command *cmd;
    sf_str *words;
    sf_diags dg;
    sf_code rc;
    size_t n;

    if (!a)
        return 0;
    sf_diags_init(&dg, a);
    rc = sf_command_split(a, (sf_str){(const char *)data, size}, &dg, &words, &n);
    if (!rc)
        rc = sf_command_read(a, words, n, NULL, &dg, &cmd);
    if (!rc)
        rc = sf_command_deployment(a, cmd, &wish, &dg, &d);
    check(rc, &dg);
    if (!rc && d->stages[0].n_devices != d->stages[0].world)
        abort();
    sf_arena_free(a);
    return 0;
}
