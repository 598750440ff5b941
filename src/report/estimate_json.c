/* estimate_json: "stagefit/estimate/1" (docs/json.md, docs/schema/estimate-1.json). */
#include "report/json.h"

static void model_json(sf_json_writer *w, const sf_estimate_view *v)
{
    const sf_model *m = v->model;

    if (!m) {
        sf_jw_kv_null(w, "model");
        return;
    }
    sf_jw_key(w, "model");
    sf_jw_object(w);
    sf_jw_kv_str(w, "name", m->name);
    sf_json_opt(w, "architecture", m->architecture);
    sf_json_opt(w, "source", m->source);
    sf_jw_kv_text(w, "dtype", m->dtype == SF_DT_NONE ? NULL : sf_dtype_name(m->dtype));
    sf_jw_kv_u64(w, "max_model_len", m->max_model_len);
    sf_jw_kv_bool(w, "headers_read", m->headers_read);
    sf_jw_kv_bool(w, "assumed", m->assumed);
    sf_jw_kv_u64(w, "parameters", v->params);
    sf_jw_kv_u64(w, "tensors", v->tensors);
    sf_jw_kv_u64(w, "checkpoint_bytes", v->checkpoint_bytes);
    sf_jw_kv_u64(w, "loaded_bytes", v->loaded_bytes);
    sf_json_shares(w, "components", v->shares, v->n_shares);
    sf_jw_object_end(w);
}

static void row_json(sf_json_writer *w, const sf_estimate_row *r)
{
    sf_jw_object(w);
    sf_jw_kv_str(w, "gpu", r->gpu->name);
    sf_jw_kv_u64(w, "count", r->count);
    sf_jw_kv_u64(w, "total_bytes", r->gpu->runtime_total);
    sf_jw_kv_bool(w, "starts", r->starts);
    sf_jw_kv_bool(w, "maybe", r->maybe);
    sf_jw_kv_i64(w, "weights_bytes", r->weights_bytes);
    sf_jw_kv_i64(w, "kv_cache_bytes", r->kv_bytes);
    sf_jw_kv_u64(w, "kv_cache_tokens", r->kv_tokens);
    sf_jw_kv_u64(w, "longest_request", r->longest_len);
    sf_jw_kv_f64(w, "concurrency", r->concurrency);
    sf_jw_object_end(w);
}

void sf_report_estimate_json(sf_json_writer *w, sf_arena *a, const sf_estimate_view *v, int status)
{
    (void)a;
    sf_json_head(w, "stagefit/estimate/1", status);
    sf_json_engine(w, v->profile);
    model_json(w, v);
    sf_jw_key(w, "kv_cache");
    sf_jw_object(w);
    sf_json_opt(w, "layout", v->kv_layout);
    sf_jw_kv_u64(w, "bytes_per_token", v->kv_bytes_per_token);
    sf_jw_kv_u64(w, "bytes_per_request", v->kv_fixed_bytes);
    sf_jw_kv_u64(w, "context", v->context);
    sf_jw_kv_u64(w, "context_bytes", v->kv_context_bytes);
    sf_jw_object_end(w);
    sf_jw_key(w, "gpus");
    sf_jw_array(w);
    for (size_t i = 0; i < v->n_rows; i++)
        row_json(w, &v->rows[i]);
    sf_jw_array_end(w);
    sf_report_diags_json(w, v->diags);
    sf_jw_object_end(w);
}
