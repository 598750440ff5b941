/*
 * check_json: "stagefit/check/1".  Every key is always there; what is not known is null.
 * Bytes are integers.  docs/json.md describes the document, docs/schema/check-1.json checks it.
 */
#include "report/json.h"

static const char *verdict_name(sf_verdict verdict)
{
    static const char *const names[] = {[SF_STARTS] = "starts",
                                        [SF_STARTS_MAYBE] = "may_not_start",
                                        [SF_FAILS] = "does_not_start",
                                        [SF_REQUEST_FAILS] = "request_does_not_fit"};

    return names[verdict];
}

static void deployment_json(sf_json_writer *w, const sf_deployment *d)
{
    static const char *const formats[] = {
        [SF_FORMAT_NONE] = "command", [SF_FORMAT_LEGACY] = "stage_args", [SF_FORMAT_DEPLOY] = "stages"};

    if (!d) {
        sf_jw_kv_null(w, "deployment");
        return;
    }
    sf_jw_key(w, "deployment");
    sf_jw_object(w);
    sf_json_opt(w, "source", d->source);
    sf_jw_kv_text(w, "format", formats[d->format]);
    sf_json_opt(w, "model", d->model);
    sf_json_opt(w, "model_from", d->model_why);
    sf_json_opt(w, "pipeline", d->pipeline ? d->pipeline->key : (sf_str){NULL, 0});
    sf_jw_object_end(w);
}

static void words_json(sf_json_writer *w, const char *key, const sf_str *words, size_t n)
{
    sf_jw_key(w, key);
    sf_jw_array(w);
    for (size_t i = 0; i < n; i++)
        sf_jw_str(w, words[i]);
    sf_jw_array_end(w);
}

static void command_json(sf_json_writer *w, const sf_command *c)
{
    if (!c) {
        sf_jw_kv_null(w, "command");
        return;
    }
    sf_jw_key(w, "command");
    sf_jw_object(w);
    words_json(w, "without_effect", c->ignored, c->n_ignored);
    words_json(w, "unknown", c->unknown, c->n_unknown);
    sf_jw_object_end(w);
}

static void device_json(sf_json_writer *w, const sf_device_report *d)
{
    sf_jw_object(w);
    sf_jw_kv_u64(w, "index", d->gpu->index);
    sf_jw_kv_str(w, "name", d->gpu->name);
    sf_jw_key(w, "total");
    sf_jw_object(w);
    sf_jw_kv_u64(w, "bytes", d->gpu->total);
    sf_jw_kv_u64(w, "low", d->gpu->total_low);
    sf_jw_kv_u64(w, "high", d->gpu->total_high);
    sf_jw_kv_text(w, "from", sf_json_how(d->gpu->how));
    sf_jw_object_end(w);
    sf_jw_kv_i64(w, "tenants_bytes", d->tenants);
    sf_json_band(w, "used", d->used, d->used_low, d->used_high);
    sf_json_band(w, "left", d->left, d->left_low, d->left_high);
    sf_jw_kv_f64(w, "utilization_sum", d->util_sum);
    sf_jw_kv_u64(w, "ranks", d->n_ranks);
    sf_jw_object_end(w);
}

static void kv_json(sf_json_writer *w, const sf_stage_report *s)
{
    const sf_kv_result *kv = s->kv;

    if (!kv) {
        sf_jw_kv_null(w, "kv_cache");
        return;
    }
    sf_jw_key(w, "kv_cache");
    sf_jw_object(w);
    sf_json_band(w, "available", s->kv_available, s->kv_low, s->kv_high);
    sf_jw_kv_u64(w, "blocks", kv->num_blocks);
    sf_jw_kv_u64(w, "block_bytes", kv->block_bytes);
    sf_jw_kv_u64(w, "tokens", kv->tokens);
    sf_jw_kv_f64(w, "concurrency", kv->concurrency);
    sf_jw_kv_u64(w, "longest_request", s->longest_len);
    if (kv->n_tests)
        sf_jw_kv_u64(w, "request_bytes", kv->needed[kv->n_tests - 1]);
    else
        sf_jw_kv_null(w, "request_bytes");
    sf_json_opt(w, "available_from", s->kv_why);
    words_json(w, "log", kv->log, kv->n_log);
    sf_jw_object_end(w);
}

static void ranks_json(sf_json_writer *w, const sf_stage_report *s)
{
    const sf_stage_need *need = s->need;

    sf_jw_key(w, "ranks");
    sf_jw_array(w);
    for (size_t i = 0; i < need->n_ranks; i++) {
        sf_jw_object(w);
        sf_jw_kv_u64(w, "rank", need->ranks[i].rank);
        sf_jw_kv_u64(w, "device", need->ranks[i].device);
        if (s->reached && s->rank_requested)
            sf_jw_kv_i64(w, "requested_bytes", s->rank_requested[i]);
        else
            sf_jw_kv_null(w, "requested_bytes");
        if (s->reached && s->rank_free)
            sf_jw_kv_i64(w, "free_bytes", s->rank_free[i]);
        else
            sf_jw_kv_null(w, "free_bytes");
        if (s->kv && s->kv->worker_bytes)
            sf_jw_kv_u64(w, "kv_cache_bytes", s->kv->worker_bytes[i]);
        else
            sf_jw_kv_null(w, "kv_cache_bytes");
        sf_jw_kv_i64(w, "host_bytes", need->ranks[i].host.bytes);
        sf_json_shares(w, "weights", need->ranks[i].shares, need->ranks[i].n_shares);
        sf_jw_object_end(w);
    }
    sf_jw_array_end(w);
}

static void stage_names_json(sf_json_writer *w, const sf_stage *stage, const sf_model *m)
{
    sf_jw_kv_i64(w, "id", stage->id);
    sf_jw_kv_str(w, "name", stage->name);
    sf_jw_kv_text(w, "kind", sf_stage_kind_name(stage->kind));
    sf_jw_kv_u64(w, "replica", stage->replica);
    sf_jw_kv_u64(w, "replicas", stage->n_replicas ? stage->n_replicas : 1);
    sf_jw_kv_u64(w, "tensor_parallel_size", stage->tp);
    sf_jw_kv_u64(w, "pipeline_parallel_size", stage->pp);
    sf_jw_kv_u64(w, "data_parallel_size", stage->dp);
    if (!m) {
        sf_jw_kv_null(w, "model");
        return;
    }
    sf_jw_key(w, "model");
    sf_jw_object(w);
    sf_jw_kv_str(w, "name", m->name);
    sf_json_opt(w, "architecture", m->architecture);
    sf_json_opt(w, "part", m->part);
    sf_json_opt(w, "source", m->source);
    sf_jw_kv_bool(w, "headers_read", m->headers_read);
    sf_jw_kv_bool(w, "assumed", m->assumed);
    sf_jw_object_end(w);
}

static void stage_json(sf_json_writer *w, const sf_stage_report *s)
{
    const sf_stage_need *need = s->need;

    sf_jw_object(w);
    stage_names_json(w, need->stage, need->model);
    sf_jw_kv_text(w, "dtype", need->dtype == SF_DT_NONE ? NULL : sf_dtype_name(need->dtype));
    sf_jw_kv_f64(w, "gpu_memory_utilization", need->util_frac);
    sf_jw_kv_bool(w, "gpu_memory_utilization_given", need->util_given);
    sf_jw_kv_u64(w, "max_model_len", s->max_model_len ? s->max_model_len : need->max_model_len);
    sf_json_opt(w, "max_model_len_from", need->max_model_len_why);
    sf_jw_kv_u64(w, "max_num_seqs", need->max_num_seqs);
    sf_jw_kv_u64(w, "max_num_batched_tokens", need->max_num_batched_tokens);
    sf_json_opt(w, "batch_from", need->batch_why);
    sf_jw_kv_bool(w, "reached", s->reached);
    sf_jw_kv_bool(w, "started", s->started);
    sf_jw_kv_i64(w, "requested_bytes", s->requested);
    sf_jw_kv_bool(w, "capped", s->capped);
    if (s->util_needed > 0)
        sf_jw_kv_f64(w, "utilization_needed", s->util_needed);
    else
        sf_jw_kv_null(w, "utilization_needed");
    kv_json(w, s);
    ranks_json(w, s);
    sf_jw_object_end(w);
}

static void event_json(sf_json_writer *w, const sf_event *e)
{
    sf_jw_object(w);
    sf_jw_kv_text(w, "event", sf_event_name(e->kind));
    if (e->stage == SIZE_MAX)
        sf_jw_kv_null(w, "stage");
    else
        sf_jw_kv_u64(w, "stage", e->stage);
    sf_jw_kv_u64(w, "rank", e->rank);
    sf_jw_kv_u64(w, "device", e->device);
    sf_jw_kv_i64(w, "free_before_bytes", e->free_before);
    sf_json_band(w, "free_after", e->free_after, e->low_after, e->high_after);
    sf_jw_kv_bool(w, "failed", e->failed);
    sf_jw_kv_bool(w, "risk", e->risk);
    sf_json_code(w, "code", (int)e->code);
    sf_json_opt(w, "text", e->text);
    sf_jw_object_end(w);
}

static void entry_json(sf_json_writer *w, const sf_entry *e)
{
    sf_jw_object(w);
    sf_jw_kv_u64(w, "device", e->device);
    if (e->stage == SIZE_MAX) {
        sf_jw_kv_null(w, "stage");
        sf_jw_kv_null(w, "rank");
        sf_jw_kv_text(w, "part", "tenants");
    } else {
        sf_jw_kv_u64(w, "stage", e->stage);
        sf_jw_kv_u64(w, "rank", e->rank);
        sf_jw_kv_text(w, "part", sf_part_name(e->part));
    }
    sf_jw_kv_i64(w, "bytes", e->amount.bytes);
    sf_jw_kv_i64(w, "low", e->amount.low);
    sf_jw_kv_i64(w, "high", e->amount.high);
    sf_jw_kv_text(w, "origin", sf_origin_name(e->amount.origin));
    sf_json_opt(w, "formula", e->amount.formula);
    sf_json_opt(w, "source", e->amount.source);
    sf_jw_kv_bool(w, "in_budget", e->in_budget);
    sf_jw_kv_bool(w, "resident", e->resident);
    sf_jw_object_end(w);
}

static void replay_json(sf_json_writer *w, const sf_replay *r)
{
    sf_jw_key(w, "devices");
    sf_jw_array(w);
    for (size_t i = 0; r && i < r->n_devices; i++)
        device_json(w, &r->devices[i]);
    sf_jw_array_end(w);
    sf_jw_key(w, "stages");
    sf_jw_array(w);
    for (size_t i = 0; r && i < r->n_stages; i++)
        stage_json(w, &r->stages[i]);
    sf_jw_array_end(w);
    sf_jw_key(w, "events");
    sf_jw_array(w);
    for (size_t i = 0; r && i < r->n_events; i++)
        event_json(w, &r->events[i]);
    sf_jw_array_end(w);
    sf_jw_key(w, "entries");
    sf_jw_array(w);
    for (size_t i = 0; r && i < r->n_entries; i++)
        entry_json(w, &r->entries[i]);
    sf_jw_array_end(w);
}

void sf_report_check_json(sf_json_writer *w, sf_arena *a, const sf_check_view *v, int status)
{
    const sf_replay *r = v->replay;

    (void)a;
    sf_json_head(w, "stagefit/check/1", status);
    sf_jw_kv_text(w, "verdict", r ? verdict_name(r->verdict) : NULL);
    sf_json_engine(w, v->profile);
    deployment_json(w, v->deployment);
    command_json(w, v->command);
    if (r && r->first_failure) {
        sf_jw_key(w, "failure");
        event_json(w, r->first_failure);
    } else {
        sf_jw_kv_null(w, "failure");
    }
    replay_json(w, r);
    sf_report_diags_json(w, v->diags);
    sf_jw_object_end(w);
}
