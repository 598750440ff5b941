/*
 * weights_cut: tensor and expert parallelism for one tensor group.
 * Rule: vLLM linear.py (column, row, QKV with replicated KV heads), vocab_parallel_embedding.py
 * (rows padded to a multiple of 64), fused_moe/layer.py (determine_expert_map).
 */
#include "memory/weights_cut.h"

static sf_code does_not_divide(const sf_model *m, const sf_tensor *t, uint64_t tp, uint64_t what,
                               const char *of, sf_diags *dg)
{
    return sf_diag_error(dg, SF_E_TP_DIVIDE, sf_node_where(m->text),
                         "choose a tensor_parallel_size that divides it, usually 1, 2, 4 or 8",
                         "tensor_parallel_size %llu does not divide the %llu %s of %.*s",
                         (unsigned long long)tp, (unsigned long long)what, of, SF_STR_ARG(t->name));
}

static uint64_t experts_here(const sf_tensor *t, const sf_weights_wish *wish)
{
    uint64_t e = t->experts ? t->experts : 1;

    if (!t->in_experts || !wish->ep)
        return e;
    if (t->cls == SF_TENSOR_EXPERT || e > 1)
        e = sf_add_sat(e, wish->redundant_experts);
    return e / wish->ep + (wish->ep_rank < e % wish->ep);
}

/* Heads on one rank: divided, or one KV head that several ranks hold; 0 when tp does not fit. */
static uint64_t heads_here(uint64_t heads, uint64_t tp, bool kv)
{
    if (heads && heads % tp == 0)
        return heads / tp;
    return kv && heads && tp % heads == 0 ? 1 : 0;
}

static sf_code cut_heads(const sf_model *m, const sf_tensor *t, uint64_t tp, sf_diags *dg, uint64_t *dims)
{
    uint64_t d0 = t->n_dims ? t->dims[0] : 1, all = t->units, here;

    here = heads_here(t->units, tp, t->shard == SF_SHARD_KV);
    if (!here)
        return does_not_divide(m, t, tp, t->units, t->shard == SF_SHARD_KV ? "KV heads" : "attention heads",
                               dg);
    if (t->shard == SF_SHARD_QKV) {
        uint64_t kv = heads_here(t->kv_units, tp, true);

        if (!kv)
            return does_not_divide(m, t, tp, t->kv_units, "KV heads", dg);
        all += 2 * t->kv_units;
        here += 2 * kv;
    }
    if (d0 % all)
        return does_not_divide(m, t, tp, d0, "rows", dg);
    dims[0] = d0 / all * here;
    return SF_OK;
}

/*
 * The groups of a Mamba-2 mixer go with the heads that read them: divided, or the one group on each rank (vLLM
 * layers/mamba/mamba_mixer2.py, which refuses anything else).  The rows of the heads are divided.
 */
static sf_code cut_groups(const sf_model *m, const sf_tensor *t, uint64_t tp, sf_diags *dg, uint64_t *dims)
{
    uint64_t shared = sf_mul_sat(t->units, t->unit_rows),
             rest = t->dims[0] > shared ? t->dims[0] - shared : 0;

    if (rest % tp)
        return does_not_divide(m, t, tp, rest, "rows of heads", dg);
    if (t->units % tp && t->units != 1)
        return does_not_divide(m, t, tp, t->units, "groups", dg);
    dims[0] = rest / tp + (t->units == 1 ? 1 : t->units / tp) * t->unit_rows;
    return SF_OK;
}

/* The dimension that is cut, and into what; the others stay. */
static sf_code cut_one(const sf_model *m, const sf_tensor *t, uint64_t tp, sf_diags *dg, uint64_t *dims)
{
    uint64_t d0 = t->n_dims ? t->dims[0] : 1;

    switch (t->shard) {
    case SF_SHARD_NONE:
        break;
    case SF_SHARD_VOCAB:
        d0 = sf_vocab_padded(d0);
        if (d0 % tp)
            return does_not_divide(m, t, tp, d0, "padded vocabulary rows", dg);
        dims[0] = d0 / tp;
        break;
    case SF_SHARD_COLUMN:
        if (d0 % tp)
            return does_not_divide(m, t, tp, d0, "rows", dg);
        dims[0] = d0 / tp;
        break;
    case SF_SHARD_ROW:
        if (t->n_dims < 2)
            break;
        if (t->dims[1] % tp)
            return does_not_divide(m, t, tp, t->dims[1], "columns", dg);
        dims[1] = t->dims[1] / tp;
        break;
    case SF_SHARD_GROUPS:
        return cut_groups(m, t, tp, dg, dims);
    case SF_SHARD_HEADS:
    case SF_SHARD_KV:
    case SF_SHARD_QKV:
        return cut_heads(m, t, tp, dg, dims);
    }
    return SF_OK;
}

/* How many ranks share the tensor: of a diffusion pipeline the denoiser, and what its data names beside it. */
static uint64_t ranks_of(const sf_tensor *t, const sf_weights_wish *wish)
{
    uint64_t tp = wish->tp ? wish->tp : 1;

    if (t->role == SF_ROLE_NONE || t->role == SF_ROLE_DIT)
        return tp;
    for (uint32_t i = 0; wish->tp_components && i < wish->tp_components->n; i++)
        if (sf_str_eq(wish->tp_components->as.items[i]->text, t->component))
            return tp;
    return t->role == SF_ROLE_ENCODER && wish->encoder_tp ? wish->encoder_tp : 1;
}

sf_code sf_weights_cut_dims(const sf_model *m, const sf_tensor *t, const sf_weights_wish *wish, sf_diags *dg,
                            uint64_t *ret_dims, uint64_t *ret_experts)
{
    bool whole = (t->in_experts && wish->ep) || (t->modalities && wish->encoders_whole) || !wish->tp;

    memcpy(ret_dims, t->dims, sizeof t->dims);
    *ret_experts = experts_here(t, wish);
    return cut_one(m, t, whole ? 1 : ranks_of(t, wish), dg, ret_dims);
}

sf_code sf_weights_cut(const sf_model *m, const sf_tensor *t, const sf_weights_wish *wish, sf_diags *dg,
                       uint64_t *ret_numel)
{
    uint64_t dims[SF_TENSOR_DIMS], experts = 1, numel = 1;
    sf_code rc = sf_weights_cut_dims(m, t, wish, dg, dims, &experts);

    if (rc)
        return rc;
    for (uint8_t i = 0; i < t->n_dims; i++)
        numel = sf_mul_sat(numel, dims[i]);
    *ret_numel = sf_mul_sat(numel, experts);
    return SF_OK;
}
