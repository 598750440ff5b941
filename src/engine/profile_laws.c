/*
 * profile_laws: the fits and texts that a folded profile names, from data/engines/overheads.yaml
 * and messages.yaml.
 * A name that is not there is an error of the data; the tests load every release.
 */
#include "base/num.h"
#include "engine/profile_fold.h"
#include "text/pack.h"

#define OVERHEADS "engines/overheads.yaml"
#define MESSAGES "engines/messages.yaml"
#define AT(member) offsetof(sf_profile, member)

static const struct {
    const char *name;
    bool sampler; /* else an overhead */
    size_t at;
} laws[SF_FOLD_LAWS] = {
    {"sampler",       true,  AT(sampler)      },
    {"sampler_other", true,  AT(sampler_other)},
    {"sampler_v2",    true,  AT(sampler_v2)   },
    {"context",       false, AT(context)      },
    {"nccl",          false, AT(nccl_per_rank)},
    {"non_torch_tp1", false, AT(non_torch_tp1)},
    {"non_torch_tpn", false, AT(non_torch_tpn)},
    {"graphs_actual", false, AT(graphs_actual)},
    {"buffers",       false, AT(buffers)      },
};

bool sf_fold_set_law(sf_fold *fold, sf_str field, const sf_node *name)
{
    for (size_t i = 0; i < SF_FOLD_LAWS; i++)
        if (sf_str_is(field, laws[i].name)) {
            fold->law[i] = sf_node_absent(name) ? (sf_str){NULL, 0} : name->text;
            return true;
        }
    return false;
}

static sf_code read_sampler(const sf_node *map, sf_diags *dg, sf_sampler_law *ret)
{
    double k = 0;
    sf_code rc;

    *ret = (sf_sampler_law){0};
    if ((rc = sf_node_read_f64(map, "c", dg, &ret->bytes_per_logit)) ||
        (rc = sf_node_read_f64(map, "k", dg, &k)) ||
        (rc = sf_node_read_f64(map, "band", dg, &ret->band_frac)) ||
        (rc = sf_node_read_str(map, "source", dg, &ret->source)))
        return rc;
    ret->fixed_bytes = k * (double)SF_MIB;
    return SF_OK;
}

static sf_code read_overhead(const sf_node *map, sf_diags *dg, sf_overhead *ret)
{
    double *mib[] = {&ret->base_bytes, &ret->per_layer_bytes, &ret->low_bytes, &ret->high_bytes};
    static const char *const keys[] = {"base", "layer", "low", "high"};
    sf_code rc;

    *ret = (sf_overhead){0};
    for (size_t i = 0; i < sizeof mib / sizeof *mib; i++) {
        rc = sf_node_read_f64(map, keys[i], dg, mib[i]);
        if (rc)
            return rc;
        *mib[i] *= (double)SF_MIB;
    }
    rc = sf_node_read_f64(map, "graphs", dg, &ret->graphs);
    return rc ? rc : sf_node_read_str(map, "source", dg, &ret->source);
}

static sf_code no_entry(const char *file, sf_str name, sf_diags *dg)
{
    return sf_diag_error(dg, SF_E_UNKNOWN_NAME, (sf_where){.file = sf_str_of(file)}, NULL,
                         "no entry \"%.*s\"", SF_STR_ARG(name));
}

static sf_code read_laws(sf_arena *a, sf_fold *fold, sf_diags *dg)
{
    const sf_node *root;
    sf_code rc = sf_data_read(a, sf_str_of(OVERHEADS), &root);

    for (size_t i = 0; i < SF_FOLD_LAWS && !rc; i++) {
        void *to = (char *)&fold->p + laws[i].at;
        const sf_node *map = sf_node_get_str(root, fold->law[i]);

        if (!fold->law[i].n)
            continue;
        if (!sf_node_is(map, SF_MAP))
            rc = no_entry(OVERHEADS, fold->law[i], dg);
        else
            rc = laws[i].sampler ? read_sampler(map, dg, to) : read_overhead(map, dg, to);
    }
    return rc;
}

sf_code sf_fold_finish(sf_arena *a, sf_fold *fold, sf_diags *dg)
{
    const sf_node *root;
    sf_code rc = read_laws(a, fold, dg);

    if (!rc)
        rc = sf_data_read(a, sf_str_of(MESSAGES), &root);
    for (size_t i = 0; i < SF_MSG_COUNT && !rc; i++) {
        const sf_node *text = sf_node_get_str(root, fold->message[i]);

        if (!fold->message[i].n)
            continue;
        if (!sf_node_is(text, SF_STRING))
            rc = no_entry(MESSAGES, fold->message[i], dg);
        else
            fold->p.message[i] = text->text;
    }
    return rc;
}
