/*
 * json: a strict RFC 8259 reader over bytes, in two forms.
 *
 * The pull form walks the text once and allocates nothing but what it is asked for: for
 * safetensors headers with 90,000 entries.  The tree form gives sf_node values.
 *
 * Both refuse the same texts but for two things that need memory, which only the tree form
 * checks: a key given twice in one object (SF_E_DUP_KEY, with the first place; keys are compared
 * decoded), and numbers that no double can hold.  Who pulls and cares about keys compares them himself,
 * as the safetensors reader does.
 *
 * Beyond the RFC: `Infinity`, `-Infinity` and `NaN` are read as floats when
 * SF_JSON_NONFINITE is set (real config.json files hold them); a UTF-8 BOM at the start is
 * skipped; integers beyond int64_t are floats.  Refused: nesting over SF_JSON_DEPTH, bad UTF-8, raw
 * control characters in strings, lone surrogates, anything after the value.
 */
#ifndef SF_TEXT_JSON_H
#define SF_TEXT_JSON_H

#include "text/node.h"

enum { SF_JSON_DEPTH = 64, SF_JSON_MAX_NODES = 4 * 1000 * 1000 };
enum { SF_JSON_NONFINITE = 1 };

typedef enum sf_json_event {
    SF_JSON_ERROR = -1,
    SF_JSON_END = 0, /* the whole text was read */
    SF_JSON_OBJECT,
    SF_JSON_OBJECT_END,
    SF_JSON_ARRAY,
    SF_JSON_ARRAY_END,
    SF_JSON_KEY,
    SF_JSON_STRING,
    SF_JSON_NUMBER,
    SF_JSON_TRUE,
    SF_JSON_FALSE,
    SF_JSON_NULL,
} sf_json_event;

typedef struct sf_json {
    sf_str text;
    sf_str file;
    sf_diags *dg;
    sf_code error;               /* set when an event is SF_JSON_ERROR */
    size_t at;                   /* next byte */
    size_t token_off, token_len; /* of the last event; strings with their quotes */
    bool escaped;                /* the last string or key holds escapes: decode it with sf_json_decode */
    uint64_t base;               /* byte of the file at which the text starts: added to places */
    unsigned flags;
    unsigned depth;
    unsigned char stack[SF_JSON_DEPTH + 1]; /* private: what is open and what may follow */
} sf_json;

/* `text` and `file` are borrowed for as long as the reader and what it gave are used. */
void sf_json_init(sf_json *j, sf_str text, sf_str file, unsigned flags, sf_diags *dg);
/* After an error: SF_JSON_ERROR again, nothing is added.  A KEY comes with its colon already passed. */
sf_json_event sf_json_next(sf_json *j);
/* Bytes between the quotes of the last string or key, escapes not decoded. */
sf_str sf_json_raw(const sf_json *j);
/* The last string or key decoded into the arena (borrowed from the text when it has no escapes). */
sf_code sf_json_decode(sf_json *j, sf_arena *a, sf_str *ret);
/* The last number as an integer; false when it has a fraction, an exponent or does not fit. */
bool sf_json_u64(const sf_json *j, uint64_t *ret);
/* Passes over the value that starts with the event just returned (a scalar: nothing to do). */
sf_code sf_json_skip(sf_json *j, sf_json_event event);
/*
 * For a caller who knows one form of a member by heart and reads it himself: whether the next bytes are a
 * member of an object (its comma and its opening quote, with any blanks), and where the quote is; and
 * the way back, to the byte after the member's value.
 */
bool sf_json_before_member(const sf_json *j, size_t *ret_at);
void sf_json_after_member(sf_json *j, size_t at);
/* Line and column are counted only when asked. */
sf_where sf_json_where(const sf_json *j, size_t off, size_t len);
/* Adds an error at the last token and returns its code. */
sf_code sf_json_fail(sf_json *j, sf_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * The whole text as a tree; texts without escapes and numbers are borrowed from `text`.  Codes:
 * SF_E_JSON, SF_E_DUP_KEY, SF_E_UTF8, SF_E_LIMIT, SF_E_RANGE (1e999), SF_E_NOMEM.
 */
sf_code sf_json_parse(sf_arena *a, sf_str text, sf_str file, unsigned flags, sf_diags *dg,
                      const sf_node **ret);

#endif
