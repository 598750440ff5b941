/*
 * era: picks the row of data/pipelines/eras.yaml for a release's date.
 * Must not know any date itself: what changed when is data.
 */
#include "stages/era.h"

#include "text/pack.h"

static bool says(const sf_node *row, const char *key, const char *value)
{
    const sf_node *v = sf_node_get(row, key);

    return v && sf_str_is(v->text, value);
}

static void fill(const sf_node *row, sf_era *ret)
{
    const sf_node *from = sf_node_get(row, "from"), *source = sf_node_get(row, "source");

    *ret = (sf_era){
        .from = from ? from->text : SF_STR(""),
        .source = source ? source->text : SF_STR(""),
        .devices_verbatim = says(row, "devices", "verbatim"),
        .max_batch_size = says(row, "max_batch_size", "online")   ? SF_BATCH_ONLINE
                          : says(row, "max_batch_size", "loader") ? SF_BATCH_LOADER
                                                                  : SF_BATCH_IGNORED,
        .unknown_is_error = says(row, "unknown_argument", "error"),
        .cli = says(row, "cli", "none")    ? SF_CLI_NONE
               : says(row, "cli", "below") ? SF_CLI_BELOW
                                           : SF_CLI_ABOVE,
        .connectors_merged = says(row, "connectors", "merged"),
        .replica_counts_all_ranks = says(row, "replica_ranks", "all"),
        .interpolation_self = says(row, "stage_args_interpolation", "self"),
    };
}

sf_code sf_era_find(sf_arena *a, const sf_profile *profile, sf_era *ret)
{
    const sf_node *root, *rows, *row = NULL;
    sf_code rc = sf_data_read(a, SF_STR("pipelines/eras.yaml"), &root);

    if (rc)
        return rc;
    rows = sf_node_get(root, "eras");
    sf_bug_if(!sf_node_item(rows, 0));
    for (uint32_t i = 0; i < rows->n; i++) {
        const sf_node *from = sf_node_get(sf_node_item(rows, i), "from");

        if (!row || !profile || !profile->date.n || (from && sf_str_cmp(from->text, profile->date) <= 0))
            row = sf_node_item(rows, i);
    }
    fill(row, ret);
    return SF_OK;
}
