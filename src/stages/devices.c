/*
 * devices: from the text in a config to device numbers.
 * Must not know which GPUs exist.  Rules: vllm-omni, set_stage_devices (Dec 2025 to Mar 2026), and
 * its successor that passes the words on as they stand (from Apr 2026).
 */
#include "stages/devices.h"

#include "base/num.h"
#include "stages/interp.h"

static sf_code bad_devices(sf_diags *dg, const sf_node *node, sf_str key, const char *why)
{
    return sf_diag_error(dg, SF_E_DEVICES, sf_node_where_key(node, key),
                         "write GPU numbers, such as devices: \"0,1\"", "devices \"%.*s\" %s",
                         SF_STR_ARG(node->text), why);
}

/* What the older releases do with a text they cannot read: a log line, and every GPU is visible. */
static sf_code shows_all(sf_diags *dg, const sf_node *node, sf_str key, int64_t stage)
{
    sf_code rc = sf_diag_warning(
        dg, SF_E_DEVICES, sf_node_where_key(node, key), "write GPU numbers, such as devices: \"0,1\"",
        "devices of stage %lld cannot be read: this release then shows it every GPU, and rank 0 "
        "runs on GPU 0",
        (long long)stage);

    return rc == SF_E_NOMEM ? rc : SF_OK;
}

static sf_code add_id(sf_arena *a, sf_devices *d, uint64_t id)
{
    if (d->n % 16 == 0) {
        uint32_t *ids = sf_arena_grow(a, d->ids, d->n, d->n + 16, sizeof *ids);

        if (!ids)
            return SF_E_NOMEM;
        d->ids = ids;
    }
    d->ids[d->n++] = (uint32_t)id;
    return SF_OK;
}

static sf_code read_words(sf_arena *a, const sf_node *node, sf_str key, sf_diags *dg, sf_devices *ret)
{
    sf_str word, rest = node->text;

    for (bool more = true; more;) {
        uint64_t id;
        sf_code rc;

        more = sf_str_split(&rest, ',', &word);
        word = sf_str_trim(word);
        if (!word.n)
            continue;
        if (word.p[0] == '+' || !sf_parse_u64(word, &id) || id > UINT32_MAX)
            return bad_devices(dg, node, key,
                               "has a word that is no GPU number; CUDA ignores it and all behind it");
        if (ret->n == SF_DEVICES_MAX)
            return bad_devices(dg, node, key, "names too many GPUs");
        rc = add_id(a, ret, id);
        if (rc)
            return rc;
    }
    return ret->n ? SF_OK : bad_devices(dg, node, key, "leaves the stage without any GPU");
}

static sf_code read_text(sf_arena *a, const sf_node *node, const sf_era *era, int64_t stage, sf_str key,
                         sf_diags *dg, sf_devices *ret)
{
    bool list = sf_str_find_char(node->text, ',') >= 0;
    uint64_t id;

    ret->text = true;
    if (sf_str_is(node->text, "cpu") || sf_str_is(node->text, "???")) {
        ret->given = false;
        return SF_OK;
    }
    if (!era->devices_verbatim && !list && !sf_parse_u64(sf_str_trim(node->text), &id) &&
        !sf_str_is(sf_str_trim(node->text), "-1")) {
        ret->given = false;
        return shows_all(dg, node, key, stage);
    }
    return read_words(a, node, key, dg, ret);
}

sf_code sf_devices_read(sf_arena *a, const sf_node *node, const sf_era *era, int64_t stage, sf_str key,
                        sf_diags *dg, sf_devices *ret)
{
    *ret = (sf_devices){.given = !sf_node_absent(node)};
    if (!ret->given)
        return SF_OK;
    if (sf_interp_left(node))
        return sf_diag_error(dg, SF_E_INTERPOLATION, sf_node_where_key(node, key),
                             "write the GPU numbers themselves",
                             "devices come from the environment, which is not read");
    switch (node->kind) {
    case SF_STRING:
        return read_text(a, node, era, stage, key, dg, ret);
    case SF_INT:
        if (node->as.i == -1 && !era->devices_verbatim)
            return add_id(a, ret, 0);
        if (node->as.i < 0 || node->as.i > UINT32_MAX)
            return bad_devices(dg, node, key, "is no GPU number");
        return add_id(a, ret, (uint64_t)node->as.i);
    case SF_BOOL:
        if (!era->devices_verbatim)
            return add_id(a, ret, node->as.b);
        return bad_devices(dg, node, key, "is passed on as a word that is no GPU number");
    default:
        if (!era->devices_verbatim) {
            ret->given = false;
            return shows_all(dg, node, key, stage);
        }
        return sf_diag_error(dg, SF_E_DEVICES, sf_node_where_key(node, key),
                             "write GPU numbers, such as devices: \"0,1\"",
                             "devices is a %s where a text is needed", sf_node_kind_name(node->kind));
    }
}

static sf_code bad_split(sf_diags *dg, const sf_node *node, int64_t stage, const sf_devices *all,
                         uint32_t replicas, uint32_t per)
{
    return sf_diag_error(
        dg, SF_E_REPLICAS, sf_node_where(node), "give replicas × ranks GPUs, or the offsets of one replica",
        "stage %lld: %zu device(s) for %u replicas of %u: neither a pool of %llu nor a template of %u",
        (long long)stage, all->n, replicas, per, (unsigned long long)replicas * per, per);
}

static sf_code template_split(sf_arena *a, const sf_devices *all, uint32_t per, uint32_t k,
                              const sf_node *node, int64_t stage, sf_diags *dg, sf_devices *ret)
{
    for (size_t i = 0; i < per; i++) {
        sf_code rc;

        if (all->ids[i] >= per)
            return sf_diag_error(dg, SF_E_REPLICAS, sf_node_where(node),
                                 "list the GPUs of all replicas, or offsets below the size of one",
                                 "stage %lld: device offset %u of a replica template is outside [0, %u)",
                                 (long long)stage, all->ids[i], per);
        rc = add_id(a, ret, (uint64_t)k * per + all->ids[i]);
        if (rc)
            return rc;
    }
    return SF_OK;
}

sf_code sf_devices_split(sf_arena *a, const sf_devices *all, uint32_t replicas, uint32_t per, uint32_t k,
                         const sf_node *node, int64_t stage, sf_diags *dg, sf_devices *ret)
{
    *ret = *all;
    if (replicas <= 1)
        return SF_OK;
    if (!all->given || !all->text)
        return sf_diag_error(dg, SF_E_REPLICAS, sf_node_where(node), "write devices as text, such as \"0,1\"",
                             "stage %lld: %u replicas need a list of devices", (long long)stage, replicas);
    ret->ids = NULL;
    ret->n = 0;
    if (all->n == (uint64_t)replicas * per) {
        ret->ids = all->ids + (size_t)k * per;
        ret->n = per;
        return SF_OK;
    }
    if (all->n == per)
        return template_split(a, all, per, k, node, stage, dg, ret);
    return bad_split(dg, node, stage, all, replicas, per);
}
