/* accuracy_json: "stagefit/accuracy/1" (docs/accuracy.md, docs/schema/accuracy-1.json). */
#include "report/json.h"

static void score_json(sf_json_writer *w, const char *key, const sf_score *s)
{
    sf_jw_key(w, key);
    sf_jw_object(w);
    sf_jw_kv_u64(w, "n", s->n);
    if (s->n) {
        sf_jw_kv_f64(w, "median_abs_pct", s->median_abs_pct);
        sf_jw_kv_f64(w, "mean_abs_pct", s->mean_abs_pct);
        sf_jw_kv_f64(w, "p90_abs_pct", s->p90_abs_pct);
        sf_jw_kv_f64(w, "worst_abs_pct", s->worst_pct < 0 ? -s->worst_pct : s->worst_pct);
        sf_jw_kv_str(w, "worst_id", s->worst_id);
        sf_jw_kv_f64(w, "in_band_pct", s->in_band_pct);
        sf_jw_kv_f64(w, "band_width_pct", s->band_pct);
    }
    sf_jw_object_end(w);
}

static void cold_json(sf_json_writer *w, const sf_accuracy *sum)
{
    sf_jw_key(w, "cold");
    sf_jw_object(w);
    for (sf_cold m = 0; m < SF_COLD_COUNT; m++)
        score_json(w, sf_cold_key(m), &sum->cold[m]);
    sf_jw_key(w, "verdict");
    sf_jw_object(w);
    sf_jw_kv_u64(w, "n", sum->verdict.n);
    sf_jw_kv_u64(w, "right", sum->verdict.exact);
    sf_jw_object_end(w);
    sf_jw_object_end(w);
}

static void given_json(sf_json_writer *w, const sf_accuracy *sum)
{
    sf_jw_key(w, "given");
    sf_jw_object(w);
    for (sf_given m = 0; m < SF_GIVEN_COUNT; m++) {
        sf_jw_key(w, sf_given_key(m));
        sf_jw_object(w);
        sf_jw_kv_u64(w, "n", sum->given[m].n);
        sf_jw_kv_u64(w, "exact", sum->given[m].exact);
        sf_jw_object_end(w);
    }
    sf_jw_object_end(w);
}

static void groups_json(sf_json_writer *w, const sf_accuracy *sum)
{
    sf_jw_key(w, "groups");
    sf_jw_array(w);
    for (size_t i = 0; i < sum->n_groups; i++) {
        sf_jw_object(w);
        sf_jw_kv_str(w, "by", sum->groups[i].by);
        sf_jw_kv_str(w, "name", sum->groups[i].name);
        score_json(w, "weights", &sum->groups[i].weights);
        score_json(w, "kv_available", &sum->groups[i].kv_available);
        sf_jw_object_end(w);
    }
    sf_jw_array_end(w);
}

static void refused_json(sf_json_writer *w, const sf_accuracy_view *v)
{
    sf_jw_key(w, "refused");
    sf_jw_array(w);
    for (size_t i = 0; i < v->n_rows; i++) {
        if (!v->rows[i].reason.n)
            continue;
        sf_jw_object(w);
        sf_jw_kv_str(w, "id", v->rows[i].truth.id);
        sf_jw_kv_str(w, "reason", v->rows[i].reason);
        sf_jw_object_end(w);
    }
    sf_jw_array_end(w);
}

static void inputs_json(sf_json_writer *w, const sf_accuracy_row *row)
{
    const sf_truth_inputs *in = &row->truth.in;

    sf_jw_key(w, "inputs");
    sf_jw_object(w);
    sf_json_opt(w, "model", in->model);
    sf_json_opt(w, "architecture", row->family);
    sf_json_opt(w, "release", row->release);
    sf_json_opt(w, "gpu", row->gpu);
    sf_jw_kv_u64(w, "gpu_count", in->gpu_count);
    sf_json_opt(w, "quantization", in->quantization);
    sf_jw_key(w, "arguments");
    sf_jw_object(w);
    for (int k = 0; k < SF_ARG_COUNT; k++)
        if (in->args.v[k].node) {
            sf_jw_key(w, sf_arg_name((sf_arg)k));
            sf_jw_node(w, in->args.v[k].node);
        }
    sf_jw_object_end(w);
    sf_jw_key(w, "not_read");
    sf_jw_array(w);
    for (size_t k = 0; k < in->n_ignored; k++)
        sf_jw_str(w, in->ignored[k]);
    sf_jw_array_end(w);
    sf_jw_object_end(w);
}

static void row_json(sf_json_writer *w, const sf_accuracy_row *row)
{
    sf_jw_object(w);
    sf_jw_kv_str(w, "id", row->truth.id);
    inputs_json(w, row);
    sf_jw_key(w, "cold");
    sf_jw_object(w);
    for (sf_cold m = 0; m < SF_COLD_COUNT; m++) {
        if (!row->has[m])
            continue;
        sf_jw_key(w, sf_cold_key(m));
        sf_jw_object(w);
        sf_jw_kv_f64(w, "predicted", row->cold[m].predicted);
        sf_jw_kv_f64(w, "low", row->cold[m].low);
        sf_jw_kv_f64(w, "high", row->cold[m].high);
        sf_jw_kv_f64(w, "observed", row->cold[m].observed);
        sf_jw_object_end(w);
    }
    sf_jw_object_end(w);
    sf_jw_key(w, "given");
    sf_jw_object(w);
    for (sf_given m = 0; m < SF_GIVEN_COUNT; m++) {
        if (!row->given[m].compared)
            continue;
        sf_jw_key(w, sf_given_key(m));
        sf_jw_object(w);
        sf_jw_kv_f64(w, "low", row->given[m].low);
        sf_jw_kv_f64(w, "high", row->given[m].high);
        sf_jw_kv_f64(w, "observed", row->given[m].observed);
        sf_jw_kv_bool(w, "exact", row->given[m].exact);
        sf_jw_object_end(w);
    }
    sf_jw_object_end(w);
    sf_json_opt(w, "observed_failure", row->truth.seen.failure);
    sf_json_code(w, "predicted_failure", (int)row->failure);
    sf_jw_object_end(w);
}

void sf_report_accuracy_json(sf_json_writer *w, const sf_accuracy_view *v, int status)
{
    sf_json_head(w, "stagefit/accuracy/1", status);
    cold_json(w, &v->sum);
    given_json(w, &v->sum);
    groups_json(w, &v->sum);
    refused_json(w, v);
    sf_jw_key(w, "rows");
    sf_jw_array(w);
    for (size_t i = 0; i < v->n_rows; i++)
        if (!v->rows[i].reason.n)
            row_json(w, &v->rows[i]);
    sf_jw_array_end(w);
    sf_report_diags_json(w, v->diags);
    sf_jw_object_end(w);
}
