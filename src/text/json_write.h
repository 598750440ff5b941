/*
 * json_write: JSON text into a buffer, keys in the order given, two-space indent or none.
 * A writer that is out of room, is used out of order or goes deeper than 63 levels sets the
 * buffer's `failed` flag.  Whether every level was closed, `depth` tells (0).
 */
#ifndef SF_TEXT_JSON_WRITE_H
#define SF_TEXT_JSON_WRITE_H

#include "base/buf.h"
#include "text/node.h"

typedef struct sf_json_writer {
    sf_buf *out;
    unsigned depth;
    bool pretty;
    bool first, after_key; /* private */
    uint64_t objects;      /* private: bit d is set when level d is an object */
} sf_json_writer;

void sf_jw_init(sf_json_writer *w, sf_buf *out, bool pretty);
void sf_jw_object(sf_json_writer *w);
void sf_jw_object_end(sf_json_writer *w);
void sf_jw_array(sf_json_writer *w);
void sf_jw_array_end(sf_json_writer *w);
void sf_jw_key(sf_json_writer *w, const char *key);
void sf_jw_key_str(sf_json_writer *w, sf_str key);

void sf_jw_str(sf_json_writer *w, sf_str s);       /* bad UTF-8 becomes U+FFFD */
void sf_jw_text(sf_json_writer *w, const char *s); /* NULL writes null */
void sf_jw_i64(sf_json_writer *w, int64_t v);
void sf_jw_u64(sf_json_writer *w, uint64_t v);
void sf_jw_f64(sf_json_writer *w, double v); /* shortest that reads back; not finite writes null */
void sf_jw_bool(sf_json_writer *w, bool v);
void sf_jw_null(sf_json_writer *w);

/* Key and value in one call. */
void sf_jw_kv_str(sf_json_writer *w, const char *key, sf_str v);
void sf_jw_kv_text(sf_json_writer *w, const char *key, const char *v);
void sf_jw_kv_i64(sf_json_writer *w, const char *key, int64_t v);
void sf_jw_kv_u64(sf_json_writer *w, const char *key, uint64_t v);
void sf_jw_kv_f64(sf_json_writer *w, const char *key, double v);
void sf_jw_kv_bool(sf_json_writer *w, const char *key, bool v);
void sf_jw_kv_null(sf_json_writer *w, const char *key);

/* A whole value tree; what is not finite becomes null. */
void sf_jw_node(sf_json_writer *w, const sf_node *n);

#endif
