/* json: what several documents write alike.  Keys keep their meaning within a version (docs/json.md). */
#include "report/json.h"

void sf_json_head(sf_json_writer *w, const char *schema, int status)
{
    sf_jw_object(w);
    sf_jw_kv_text(w, "schema", schema);
    sf_jw_kv_i64(w, "status", status);
}

void sf_json_opt(sf_json_writer *w, const char *key, sf_str s)
{
    if (s.n)
        sf_jw_kv_str(w, key, s);
    else
        sf_jw_kv_null(w, key);
}

void sf_json_band(sf_json_writer *w, const char *key, int64_t bytes, int64_t low, int64_t high)
{
    sf_jw_key(w, key);
    sf_jw_object(w);
    sf_jw_kv_i64(w, "bytes", bytes);
    sf_jw_kv_i64(w, "low", low);
    sf_jw_kv_i64(w, "high", high);
    sf_jw_object_end(w);
}

void sf_json_engine(sf_json_writer *w, const sf_profile *profile)
{
    if (!profile) {
        sf_jw_kv_null(w, "engine");
        return;
    }
    sf_jw_key(w, "engine");
    sf_jw_object(w);
    sf_jw_kv_str(w, "name", profile->engine);
    sf_jw_kv_str(w, "release", profile->release);
    sf_json_opt(w, "date", profile->date);
    sf_json_opt(w, "vllm_release", profile->vllm_release);
    sf_json_opt(w, "asked", profile->asked);
    sf_json_opt(w, "note", profile->note);
    sf_jw_object_end(w);
}

void sf_json_code(sf_json_writer *w, const char *key, int code)
{
    char text[] = "SF0000";

    if (!code) {
        sf_jw_kv_null(w, key);
        return;
    }
    for (int k = 5; k > 1; k--, code /= 10)
        text[k] = (char)('0' + code % 10);
    sf_jw_kv_text(w, key, text);
}

void sf_json_shares(sf_json_writer *w, const char *key, const sf_weight_share *shares, size_t n)
{
    sf_jw_key(w, key);
    sf_jw_array(w);
    for (size_t i = 0; i < n; i++) {
        sf_jw_object(w);
        sf_jw_kv_str(w, "component", shares[i].component);
        sf_jw_kv_u64(w, "bytes", shares[i].bytes);
        sf_jw_kv_u64(w, "parameters", shares[i].params);
        sf_jw_object_end(w);
    }
    sf_jw_array_end(w);
}

const char *sf_json_how(sf_total_how how)
{
    switch (how) {
    case SF_TOTAL_RUNTIME:
        return "runtime";
    case SF_TOTAL_NVML:
        return "nvml";
    case SF_TOTAL_NOMINAL:
        return "nominal";
    case SF_TOTAL_GIVEN:
        break;
    }
    return "given";
}
