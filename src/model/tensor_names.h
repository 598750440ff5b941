/*
 * tensor_names: the set of a checkpoint's tensor names, kept as patterns and bits.  Nothing of a
 * name is borrowed, and nothing is allocated per name but for odd ones (more than four numbers in a
 * name, numbers from 4096 on, leading zeros), which are copied.
 */
#ifndef SF_MODEL_TENSOR_NAMES_H
#define SF_MODEL_TENSOR_NAMES_H

#include "model/fold.h"
#include "model/number_set.h"

/* Finds ids (1, 2, …) by hash; the caller compares what they stand for. */
typedef struct sf_id_index {
    uint64_t *hashes; /* of id i + 1 */
    uint32_t *slots;  /* id, 0 is free */
    size_t n, cap, n_slots;
    uint64_t calls, steps; /* searches, and steps past other ids in them */
} sf_id_index;

/* Room for one more id; false when memory is out. */
bool sf_id_index_reserve(sf_arena *a, sf_id_index *x);
/* Where a search for `hash` starts. */
size_t sf_id_index_start(sf_id_index *x, uint64_t hash);
/* The next id with this hash, 0 when there is none; *at moves on, and is then the free slot. */
uint32_t sf_id_index_next(sf_id_index *x, uint64_t hash, size_t *at);
/* Far more steps than chance gives: the hashes were chosen. */
bool sf_id_index_is_attacked(const sf_id_index *x);
/* Gives the next id the free slot that a search has ended at. */
uint32_t sf_id_index_add(sf_id_index *x, uint64_t hash, size_t slot);

enum { SF_NO_PATTERN = UINT32_MAX, SF_NO_ROW = UINT32_MAX };

/* One pattern, of whatever dtypes and shapes. */
typedef struct sf_name_pattern {
    sf_str text; /* SF_SWAR_SLACK bytes may be read behind it */
    unsigned numbers;
    uint32_t last_row; /* for the tensor table: the row that was counted last */
    uint32_t next;     /* the pattern of the name that came after one of this the last time */
    uint8_t pieces[SF_FOLD_DENSE_MAX + 1]; /* lengths of the texts before, between and after the numbers */
    bool plain;                            /* `pieces` is set, and a JSON text spells them as they are */
} sf_name_pattern;

/* A name that was found in a text by its pattern. */
typedef struct sf_known_name {
    uint32_t pattern;
    size_t len;
    uint64_t numbers; /* as in sf_fold */
} sf_known_name;

/* Bytes of text in which sf_tensor_names_follow may look. */
enum { SF_FOLLOW_MAX = 256 };

typedef struct sf_tensor_names {
    sf_arena *a;
    sf_id_index index;
    sf_name_pattern *patterns;
    uint32_t last;      /* pattern of the name that was added last */
    sf_number_set seen; /* names that are a pattern and small numbers */
    sf_key_set odd;     /* the other names, copied */
} sf_tensor_names;

void sf_tensor_names_init(sf_tensor_names *names, sf_arena *a);
/* SF_KEY_SEEN: the name is there already. */
sf_key_added sf_tensor_names_add(sf_tensor_names *names, const sf_fold *fold, uint32_t *ret_pattern);
/*
 * Names come in the order of the modules, over and over ("experts.0.down_proj", "experts.0.up_proj",
 * "experts.1.down_proj", …): whether the text at p (SF_FOLLOW_MAX bytes of it) is a name of the pattern that
 * came next the last time, up to a quote.  A guess that fails costs nothing but time.
 */
bool sf_tensor_names_follow(const sf_tensor_names *names, const char *p, sf_known_name *ret);
/* Adds what sf_tensor_names_follow has found. */
sf_key_added sf_tensor_names_add_known(sf_tensor_names *names, const sf_known_name *known);
bool sf_tensor_names_has(const sf_tensor_names *names, sf_str name);

#endif
