/*
 * inventory: the devices of a deployment, from descriptions that are already read, and from a JSON file.
 * Must not invent a total: a card without one is refused with what to type.
 */
#include "base/num.h"
#include "gpu/gpu_parts.h"

enum { MAX_INDEX = 1023, MAX_DEVICES = 1024 };
static const uint64_t least_total = 256 * SF_MIB, most_total = 16 * 1024 * SF_GIB;

const char *sf_total_how_text(sf_total_how how)
{
    static const char *const texts[] = {
        [SF_TOTAL_RUNTIME] = "catalogue, as the CUDA runtime prints it",
        [SF_TOTAL_NVML] = "estimated from what nvidia-smi prints",
        [SF_TOTAL_NOMINAL] = "estimated from the vendor's gigabytes",
        [SF_TOTAL_GIVEN] = "as given",
    };

    return texts[how];
}

const sf_gpu *sf_inventory_find(const sf_inventory *inv, uint32_t index)
{
    for (size_t i = 0; i < inv->n; i++)
        if (inv->gpus[i].index == index)
            return &inv->gpus[i];
    return NULL;
}

/* The catalogue entry of a name; NULL when the wish has its own total and may do without. */
static sf_code find_model(sf_arena *a, const sf_gpu_book *book, const sf_gpu_wish *w, sf_diags *dg,
                          const sf_gpu_model **ret)
{
    size_t found[SF_GPU_CHOICES], count;
    sf_str choices;

    *ret = NULL;
    if (!w->has_name)
        return SF_OK;
    count = sf_gpu_match(book, w->name, found);
    if (count == 1)
        *ret = &book->models[found[0]];
    if (count == 1 || (w->name_is_free && w->has_total))
        return SF_OK;
    if (count > 1) {
        choices = sf_gpu_choices(a, book, found, count < SF_GPU_CHOICES ? count : SF_GPU_CHOICES);
        choices = choices.p ? sf_arena_printf(a, "write %.*s", SF_STR_ARG(choices)) : choices;
        return choices.p ? sf_diag_error(dg, w->code, w->at, choices.p, "\"%.*s\" means more than one GPU",
                                         SF_STR_ARG(sf_str_sub(w->name, 0, 60)))
                         : SF_E_NOMEM;
    }
    count = sf_gpu_nearest(book, w->name, found);
    choices = sf_gpu_choices(a, book, found, count);
    if (choices.p)
        choices = count ? sf_arena_printf(a, "did you mean %.*s?  A size such as 24GiB does as well",
                                          SF_STR_ARG(choices))
                        : SF_STR("`stagefit gpus` lists the names; a size such as 24GiB does as well");
    return choices.p ? sf_diag_error(dg, SF_E_GPU_UNKNOWN, w->at, choices.p, "no GPU is called \"%.*s\"",
                                     SF_STR_ARG(sf_str_sub(w->name, 0, 60)))
                     : SF_E_NOMEM;
}

/* "46.10 GiB" of a number that may be larger than an int64. */
static sf_str gib_text(sf_arena *a, uint64_t bytes)
{
    return sf_fmt_gib(a, bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes);
}

/* Total, band and how they are known. */
static sf_code set_total(const sf_gpu_wish *w, sf_diags *dg, sf_gpu *g)
{
    if (w->has_total) {
        if (w->total < least_total || w->total > most_total)
            return sf_diag_error(dg, w->code, w->total_at, "write the memory of one GPU, as in 24GiB",
                                 "a GPU has 256 MiB to 16 TiB of memory");
        g->total = g->total_low = g->total_high = w->total;
        g->how = SF_TOTAL_GIVEN;
        return SF_OK;
    }
    if (!g->model || !g->model->runtime_total)
        return sf_diag_error(dg, SF_E_GPU_NO_TOTAL, w->at,
                             "add what the CUDA runtime reports, as in total=64GiB",
                             "no memory size is known for %.*s", SF_STR_ARG(g->name));
    g->total = g->model->runtime_total;
    g->total_low = g->model->runtime_low;
    g->total_high = g->model->runtime_high;
    g->how = g->model->how;
    return SF_OK;
}

/* What other tenants hold. */
static sf_code set_used(sf_arena *a, const sf_gpu_wish *w, sf_diags *dg, sf_gpu *g)
{
    sf_str high = gib_text(a, g->total_high);

    if (!high.p)
        return SF_E_NOMEM;
    if (w->has_free && w->has_used)
        return sf_diag_error(dg, w->code, w->used_at, "leave one of them out",
                             "both free and used are given");
    if (w->has_free && w->free > g->total_high)
        return sf_diag_error(dg, w->code, w->free_at, "write what is free of one GPU, or correct its total",
                             "more is free than the GPU has (%.*s)", SF_STR_ARG(high));
    if (w->has_used && w->used > g->total)
        return sf_diag_error(dg, w->code, w->used_at, "write what is used of one GPU, or correct its total",
                             "more is used than the GPU has (%.*s)", SF_STR_ARG(high));
    g->used_known = w->has_free || w->has_used;
    g->used = w->has_used ? w->used : 0;
    if (!w->has_free)
        return SF_OK;
    /* Free memory inside the band of the total says that the total is at least that. */
    g->total = g->total > w->free ? g->total : w->free;
    g->total_low = g->total_low > w->free ? g->total_low : w->free;
    g->used = g->total - w->free;
    return SF_OK;
}

static sf_code describe(sf_arena *a, const sf_gpu_fit *fit, sf_gpu *g)
{
    bool nvml = !g->model || sf_str_is(g->model->vendor, "nvidia");
    sf_str low = gib_text(a, g->total_low), high = gib_text(a, g->total_high), total = gib_text(a, g->total);
    const char *how = sf_total_how_text(g->how), *gap = "";
    sf_str note = SF_STR("");

    if (!low.p || !high.p || !total.p)
        return SF_E_NOMEM;
    g->capability = g->model ? g->model->capability : 0;
    g->nvml_total = g->model ? g->model->nvml_total : 0;
    if (g->how == SF_TOTAL_GIVEN || !g->nvml_total)
        g->nvml_total = nvml ? sf_gpu_nvml_of_runtime(fit, g->total) : g->total;
    if (g->model && g->how != SF_TOTAL_GIVEN && g->model->note.n) {
        note = g->model->note;
        gap = "; ";
    }
    g->note = g->total_low == g->total_high
                  ? sf_arena_printf(a, "%.*s: %s%s%.*s", SF_STR_ARG(total), how, gap, SF_STR_ARG(note))
                  : sf_arena_printf(a, "%.*s (%.*s to %.*s): %s%s%.*s", SF_STR_ARG(total), SF_STR_ARG(low),
                                    SF_STR_ARG(high), how, gap, SF_STR_ARG(note));
    return g->note.p ? SF_OK : SF_E_NOMEM;
}

/* The array with `count` copies of `g` put in, ordered by index; indices are checked already or taken here. */
static sf_code insert(sf_arena *a, sf_inventory *inv, const sf_gpu_wish *w, const sf_gpu *g)
{
    size_t n = inv->n + (size_t)w->count, at = 0, old = 0;
    sf_gpu *gpus = SF_NEW_ARRAY(a, sf_gpu, n);
    uint64_t left = w->count;

    if (!gpus)
        return SF_E_NOMEM;
    for (uint32_t index = 0; at < n; index++) {
        if (old < inv->n && inv->gpus[old].index == index) {
            gpus[at++] = inv->gpus[old++];
        } else if (left && (!w->has_index || index >= w->index)) {
            gpus[at] = *g;
            gpus[at++].index = index;
            left--;
        }
    }
    *inv = (sf_inventory){gpus, n};
    return SF_OK;
}

static sf_code check_indices(const sf_inventory *inv, const sf_gpu_wish *w, sf_diags *dg)
{
    if (w->count == 0 || w->count > MAX_DEVICES || inv->n + w->count > MAX_DEVICES)
        return sf_diag_error(dg, w->code, w->at,
                             "write how many GPUs of the kind there are, as in 2xH100-80GB",
                             "an inventory has 1 to %d GPUs", MAX_DEVICES);
    if (w->has_index && (w->index > MAX_INDEX || w->index + w->count - 1 > MAX_INDEX))
        return sf_diag_error(dg, w->code, w->index_at, "number the GPUs from 0", "a GPU index is at most %d",
                             MAX_INDEX);
    for (uint64_t i = 0; w->has_index && i < w->count; i++) {
        unsigned long long index = w->index + i;

        if (sf_inventory_find(inv, (uint32_t)index))
            return sf_diag_error(dg, w->code, w->index_at, "give each GPU an index of its own, or none",
                                 "GPU %llu is described twice", index);
    }
    return SF_OK;
}

sf_code sf_inventory_place(sf_arena *a, sf_inventory *inv, const sf_gpu_book *book, const sf_gpu_wish *w,
                           sf_diags *dg)
{
    sf_gpu g = {.name = w->name};
    sf_code rc = check_indices(inv, w, dg);

    if (!rc)
        rc = find_model(a, book, w, dg, &g.model);
    if (rc)
        return rc;
    if (g.model)
        g.name = g.model->name;
    rc = set_total(w, dg, &g);
    if (!rc)
        rc = set_used(a, w, dg, &g);
    if (!rc)
        rc = describe(a, &book->fit, &g);
    if (rc)
        return rc;
    g.name = sf_arena_str(a, g.name);
    return g.name.p ? insert(a, inv, w, &g) : SF_E_NOMEM;
}
