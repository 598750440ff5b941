/*
 * model: sums over a model's tensors.
 * Must not know how they are cut over ranks: that is the accounting's part.
 */
#include "model/model.h"

#include "base/num.h"

void sf_model_totals(const sf_model *m, uint64_t *ret_tensors, uint64_t *ret_params, uint64_t *ret_bytes)
{
    uint64_t tensors = 0, params = 0, bytes = 0;

    for (size_t i = 0; i < m->n_tensors; i++) {
        const sf_tensor *t = &m->tensors[i];
        uint64_t count = sf_tensor_count(t), numel = sf_mul_sat(sf_tensor_numel(t), count), b = 0;

        if (!t->in_checkpoint)
            continue;
        tensors = sf_add_sat(tensors, sf_tensor_stored_count(t));
        params = sf_add_sat(params, numel);
        if (sf_dtype_bytes(t->disk_dtype, numel, &b))
            bytes = sf_add_sat(bytes, b);
        else
            bytes = UINT64_MAX;
    }
    *ret_tensors = tensors;
    *ret_params = params;
    *ret_bytes = bytes;
}
