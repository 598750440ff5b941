/* json: what the JSON writers share.  Private to this folder; docs/json.md describes the documents. */
#ifndef SF_REPORT_JSON_H
#define SF_REPORT_JSON_H

#include "report/view.h"

/* The head that every document starts with: schema, status. */
void sf_json_head(sf_json_writer *w, const char *schema, int status);
/* The text, or null when it is empty. */
void sf_json_opt(sf_json_writer *w, const char *key, sf_str s);
/* {"bytes", "low", "high"}: a figure and its 90 % band. */
void sf_json_band(sf_json_writer *w, const char *key, int64_t bytes, int64_t low, int64_t high);
/* The member "engine". */
void sf_json_engine(sf_json_writer *w, const sf_profile *profile);
/* "SF7001", or null for 0. */
void sf_json_code(sf_json_writer *w, const char *key, int code);
/* The member "weights": an array of components. */
void sf_json_shares(sf_json_writer *w, const char *key, const sf_weight_share *shares, size_t n);
const char *sf_json_how(sf_total_how how);

#endif
