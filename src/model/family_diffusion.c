/*
 * family_diffusion: the roles of a pipeline's parts, and what they say of a request: the widths of the
 * denoiser, the scale of the VAE and what decoding keeps per pixel.
 */
#include "model/family.h"

static const char *const roles[] = {
    [SF_ROLE_NONE] = "none", [SF_ROLE_DIT] = "dit",     [SF_ROLE_ENCODER] = "encoder",
    [SF_ROLE_VAE] = "vae",   [SF_ROLE_OTHER] = "other",
};

sf_code sf_family_role(sf_walk *w, const sf_node *map, sf_role *ret)
{
    const sf_node *n = sf_node_get(map, "role");

    for (size_t i = 0; n && i < sizeof roles / sizeof *roles; i++)
        if (sf_str_is(n->text, roles[i])) {
            *ret = (sf_role)i;
            return SF_OK;
        }
    return n ? sf_diag_error(w->dg, SF_E_EXPR, sf_node_where(n), NULL, "`%.*s` is not a role",
                             SF_STR_ARG(n->text))
             : SF_OK;
}

typedef struct field {
    const char *key;
    uint64_t *to;
} field;

static sf_code read_fields(sf_walk *w, const sf_frame *f, const sf_node *map, const field *fields, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const sf_node *node = sf_node_get(map, fields[i].key);
        int64_t v;
        sf_code rc = node ? sf_family_i64(w, f, node, 0, (int64_t)1 << 40, &v) : SF_OK;

        if (rc)
            return rc;
        if (node)
            *fields[i].to = (uint64_t)v;
    }
    return SF_OK;
}

/* Of two denoisers the wider one decides; a model holds one request in one of them at a time. */
static sf_code read_denoise(sf_walk *w, const sf_frame *f, const sf_node *map)
{
    sf_diffusion d = w->model->diffusion;
    const field fields[] = {
        {"hidden",       &d.hidden      },
        {"intermediate", &d.intermediate},
        {"blocks",       &d.blocks      },
        {"patch",        &d.patch       },
        {"patch_t",      &d.patch_t     },
        {"text_tokens",  &d.text_tokens },
        {"joint",        &d.joint       },
    };
    sf_code rc = read_fields(w, f, map, fields, sizeof fields / sizeof *fields);

    if (!rc && d.hidden >= w->model->diffusion.hidden)
        w->model->diffusion = d;
    if (!rc && !w->model->n_layers && d.blocks <= SF_FAMILY_LAYERS)
        w->model->n_layers = (uint32_t)d.blocks; /* pipeline parallelism divides them */
    return rc;
}

static sf_code read_decode(sf_walk *w, const sf_frame *f, const sf_node *map)
{
    sf_diffusion *d = &w->model->diffusion;
    const sf_node *source = sf_node_get(map, "source");
    const field fields[] = {
        {"scale",   &d->scale          },
        {"scale_t", &d->scale_t        },
        {"chunk",   &d->chunk          },
        {"decode",  &d->decode_elements},
        {"encode",  &d->encode_elements},
        {"tile",    &d->tile           },
    };

    if (source)
        d->decode_source = source->text;
    d->vae_float32 = f->run == SF_DT_F32;
    return read_fields(w, f, map, fields, sizeof fields / sizeof *fields);
}

sf_code sf_family_diffusion(sf_walk *w, const sf_frame *frame, const sf_node *part)
{
    const sf_node *denoise = sf_node_get(part, "denoise"), *decode = sf_node_get(part, "decode");
    sf_code rc = denoise ? read_denoise(w, frame, denoise) : SF_OK;

    return !rc && decode ? read_decode(w, frame, decode) : rc;
}
