/* fuzz_stages: any text of either format, in any era, becomes whole stages or is refused with an error. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "stages/deployment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* base_config: the same text again, or one that goes on in a circle. */
static sf_code load(void *ctx, sf_arena *a, sf_str path, sf_diags *dg, sf_str *ret)
{
    static const char base[] = "base_config: sub/more.yaml\nstages: [{stage_id: 0, max_num_seqs: 4}]\n";

    (void)a;
    (void)dg;
    if (sf_str_ends(path, SF_STR("more.yaml")))
        *ret = *(const sf_str *)ctx;
    else
        *ret = sf_str_of(base);
    return SF_OK;
}

static void check_stage(const sf_stage *s)
{
    if (!s->world || s->n_devices < s->world || !s->devices || s->replica >= s->n_replicas)
        abort();
    if (s->kind != SF_STAGE_DIFFUSION && (uint64_t)s->tp * s->pp * s->dp != s->world)
        abort();
    if (!s->name.n || s->n_connectors > 64)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const dates[] = {"2025-12-28", "2026-02-11", "2026-04-20", "2026-08-16", "2026-09-01"};
    sf_profile profile = {.omni = true, .engine = SF_STR("vllm-omni"), .has_admission = true};
    sf_stages_wish wish = {.platform = SF_STR("cuda"), .profile = &profile};
    const sf_deployment *d = NULL;
    sf_loader loader = {.load = load};
    sf_arena *a;
    sf_diags dg;
    sf_str text;
    sf_code rc;

    if (!size || !(a = sf_arena_new((size_t)256 << 20)))
        return 0;
    sf_diags_init(&dg, a);
    profile.date = sf_str_of(dates[data[0] % 5]);
    if (data[0] & 64)
        wish.hf_model_type = SF_STR("qwen3_omni_moe");
    wish.visible = data[0] & 32 ? 8 : 0;
    text = (sf_str){(const char *)data + 1, size - 1};
    loader.ctx = &text;
    rc = sf_stages_read(a, text, SF_STR("main.yaml"), &loader, &wish, &dg, &d);
    if (rc && rc != SF_E_NOMEM && !dg.errors)
        abort();
    if (!rc && (dg.errors || !d->n_stages))
        abort();
    for (size_t i = 0; !rc && i < d->n_stages; i++)
        check_stage(&d->stages[i]);
    sf_arena_free(a);
    return 0;
}
