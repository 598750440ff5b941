/*
 * catalogue: data/gpus/gpus.tsv into a table of GPU models.
 * Must not guess: a card without any figure keeps a total of 0.  A table between tabs, because 80 rows of
 * YAML take longer to read than a whole check may.
 */
#include "base/embed.h"
#include "base/num.h"
#include "gpu/gpu_parts.h"
#include "text/pack.h"

enum {
    COL_NAME,
    COL_ALIASES,
    COL_VENDOR,
    COL_GB,
    COL_NVML,
    COL_RUNTIME,
    COL_CAPABILITY,
    COL_BANDWIDTH,
    COL_UNIFIED,
    COL_LINK,
    COL_SOURCE,
    COL_NOTE,
    COLUMNS
};

static double read_number(const sf_node *map, const char *key)
{
    double v = -1;

    sf_bug_if(sf_node_read_f64(map, key, NULL, &v) != SF_OK || v < 0);
    return v;
}

sf_code sf_gpu_fit_read(sf_arena *a, sf_gpu_fit *ret)
{
    const sf_node *root, *nvml, *nominal;
    sf_code rc = sf_data_read(a, SF_STR("gpus/totals.yaml"), &root);

    if (rc)
        return rc;
    nvml = sf_node_get(root, "nvml");
    nominal = sf_node_get(root, "nominal");
    *ret = (sf_gpu_fit){
        .nvml_offset = read_number(nvml, "offset_gib") * (double)SF_GIB,
        .nvml_per_byte = read_number(nvml, "per_byte"),
        .nvml_band = read_number(nvml, "band_gib") * (double)SF_GIB,
        .nominal_ratio = read_number(nominal, "ratio"),
        .nominal_low = read_number(nominal, "low"),
        .nominal_high = read_number(nominal, "high"),
    };
    return SF_OK;
}

uint64_t sf_gpu_nvml_of_runtime(const sf_gpu_fit *fit, uint64_t runtime)
{
    return (uint64_t)(((double)runtime + fit->nvml_offset) / (1 - fit->nvml_per_byte));
}

static uint64_t read_u64(sf_str s)
{
    uint64_t v = 0;

    sf_bug_if(s.n && !sf_parse_u64(s, &v));
    return v;
}

static double read_f64(sf_str s)
{
    double v = 0;

    sf_bug_if(s.n && !sf_parse_f64(s, &v));
    return v;
}

static uint64_t gib(double v)
{
    return (uint64_t)(v * (double)SF_GIB + 0.5);
}

/* "a, b, c" */
static bool read_aliases(sf_arena *a, sf_str s, sf_gpu_model *m)
{
    sf_str part, *list;
    size_t n = 1;

    for (size_t i = 0; i < s.n; i++)
        n += s.p[i] == ',';
    list = SF_NEW_ARRAY(a, sf_str, n);
    if (!list)
        return false;
    for (bool more = true; more && m->n_aliases < n;) {
        more = sf_str_split(&s, ',', &part);
        list[m->n_aliases++] = sf_str_trim(part);
    }
    m->aliases = list;
    return true;
}

/* "low/typical/high" */
static void read_runtime(sf_str s, sf_gpu_model *m)
{
    sf_str low, typical;
    bool two = sf_str_split(&s, '/', &low), three = sf_str_split(&s, '/', &typical);

    sf_bug_if(!two || !three);
    m->runtime_low = gib(read_f64(low));
    m->runtime_total = gib(read_f64(typical));
    m->runtime_high = gib(read_f64(s));
    m->how = SF_TOTAL_RUNTIME;
    sf_bug_if(m->runtime_low > m->runtime_total || m->runtime_total > m->runtime_high);
}

/* What is derived for a card that nobody read the runtime's total of. */
static void derive_runtime(const sf_gpu_fit *fit, sf_gpu_model *m)
{
    double nvml = (double)m->nvml_total, gb = (double)m->marketing_gb * (double)SF_GIB;

    if (m->nvml_total && sf_str_is(m->vendor, "nvidia")) {
        double runtime = nvml - fit->nvml_offset - fit->nvml_per_byte * nvml;

        m->how = SF_TOTAL_NVML;
        m->runtime_total = (uint64_t)runtime;
        m->runtime_low = (uint64_t)(runtime - fit->nvml_band);
        m->runtime_high = (uint64_t)(runtime + fit->nvml_band);
    } else if (m->marketing_gb && !m->unified_memory) { /* shared memory: the system decides how much */
        m->how = SF_TOTAL_NOMINAL;
        m->runtime_total = (uint64_t)(gb * fit->nominal_ratio);
        m->runtime_low = (uint64_t)(gb * fit->nominal_low);
        m->runtime_high = (uint64_t)(gb * fit->nominal_high);
    }
}

/* "9.0" is 90; "gfx942" has no number. */
static unsigned read_capability(sf_str s)
{
    ptrdiff_t dot = sf_str_find_char(s, '.');

    if (dot < 0)
        return 0;
    return (unsigned)(read_u64(sf_str_sub(s, 0, (size_t)dot)) * 10 +
                      read_u64(sf_str_sub(s, (size_t)dot + 1, s.n)));
}

static bool read_row(sf_arena *a, sf_str line, const sf_gpu_fit *fit, sf_gpu_model *m)
{
    sf_str col[COLUMNS];
    bool more = true;

    for (size_t i = 0; i < COLUMNS; i++) {
        sf_bug_if(!more);
        more = sf_str_split(&line, '\t', &col[i]);
    }
    sf_bug_if(more);
    *m = (sf_gpu_model){
        .name = col[COL_NAME],
        .vendor = col[COL_VENDOR],
        .marketing_gb = read_u64(col[COL_GB]),
        .nvml_total = read_u64(col[COL_NVML]) * SF_MIB,
        .capability = read_capability(col[COL_CAPABILITY]),
        .bandwidth_gbps = read_f64(col[COL_BANDWIDTH]),
        .unified_memory = sf_str_is(col[COL_UNIFIED], "yes"),
        .link = col[COL_LINK],
        .source = col[COL_SOURCE],
        .note = col[COL_NOTE],
        .how = SF_TOTAL_NOMINAL,
    };
    if (col[COL_RUNTIME].n)
        read_runtime(col[COL_RUNTIME], m);
    else
        derive_runtime(fit, m);
    return read_aliases(a, col[COL_ALIASES], m);
}

sf_code sf_gpu_catalogue_parse(sf_arena *a, sf_str text, const sf_gpu_fit *fit, const sf_gpu_model **ret,
                               size_t *ret_n)
{
    bool more = true, heading = true;
    sf_gpu_model *models;
    size_t lines = 1, n = 0;
    sf_str line;

    for (size_t i = 0; i < text.n; i++)
        lines += text.p[i] == '\n';
    models = SF_NEW_ARRAY(a, sf_gpu_model, lines);
    if (!models)
        return SF_E_NOMEM;
    while (more) {
        more = sf_str_split(&text, '\n', &line);
        if (!line.n || line.p[0] == '#')
            continue;
        if (!heading && !read_row(a, line, fit, &models[n++]))
            return SF_E_NOMEM;
        heading = false;
    }
    *ret = models;
    *ret_n = n;
    return SF_OK;
}

sf_code sf_gpu_book_read(sf_arena *a, sf_gpu_book *ret)
{
    sf_str text;
    sf_code rc = sf_gpu_fit_read(a, &ret->fit);

    if (rc)
        return rc;
    sf_bug_if(!sf_embed_find(SF_STR("gpus/gpus.tsv"), &text));
    return sf_gpu_catalogue_parse(a, text, &ret->fit, &ret->models, &ret->n);
}

sf_code sf_gpu_catalogue(sf_arena *a, sf_diags *dg, const sf_gpu_model **ret, size_t *ret_n)
{
    sf_gpu_book book;
    sf_code rc = sf_gpu_book_read(a, &book);

    (void)dg; /* only memory can run out */
    if (rc)
        return rc;
    *ret = book.models;
    *ret_n = book.n;
    return SF_OK;
}
