/*
 * family: the files under data/models/families and the walk that turns one architecture of
 * them and a config.json into tensors.  Inside src/model only; the format is in docs/families.md.
 */
#ifndef SF_MODEL_FAMILY_H
#define SF_MODEL_FAMILY_H

#include "model/expr.h"
#include "model/model.h"

enum {
    SF_FAMILY_FILES = 64,
    SF_FAMILY_DEPTH = 24,      /* parts that use parts */
    SF_FAMILY_TENSORS = 20000, /* groups of one model */
    SF_FAMILY_LAYERS = 10000,
    SF_FAMILY_BINDINGS = 512,
};

struct sf_model_cache {
    sf_arena *a;
    struct {
        sf_str name;
        const sf_node *root;
    } files[SF_FAMILY_FILES];
    size_t n;
    /* Test hook: family files that are looked for before the embedded ones. */
    const sf_str *extra_names, *extra_texts;
    size_t n_extra;
};

/* The file data/models/families/<name>.yaml, read once; SF_E_EXPR at `at` when there is none. */
sf_code sf_family_file(sf_model_cache *c, sf_str name, sf_where at, sf_diags *dg, const sf_node **ret);
/* data/models/index.yaml. */
sf_code sf_family_index(sf_model_cache *c, sf_diags *dg, const sf_node **ret);
/* Any other data file that models are derived from ("quantization/index.yaml"), read once; it must be there. */
sf_code sf_family_data(sf_model_cache *c, sf_str path, sf_diags *dg, const sf_node **ret);

/* What an architecture name leads to. */
typedef struct sf_family_entry {
    sf_str architecture; /* as asked for */
    sf_str file;
    sf_str part;         /* when the name stands for one part, or empty */
    const sf_node *node; /* its map in the family file */
} sf_family_entry;

/* False in *ret_found when the index does not have the name. */
sf_code sf_family_find(sf_model_cache *c, sf_str architecture, sf_diags *dg, bool *ret_found,
                       sf_family_entry *ret);

/* One row of a list of tensors, split but not computed. */
typedef struct sf_family_row {
    sf_str name;
    sf_str dims[SF_TENSOR_DIMS];
    uint8_t n_dims;
    sf_str param, units, kv_units, unit_rows, when, disk, run;
    sf_shard shard;
    sf_stack stack;
    sf_tensor_class cls;
    bool cls_given, first, last, maybe, skip, made, once, modelled, dequantised;
} sf_family_row;

/* Code SF_E_EXPR at the row's place. */
sf_code sf_family_row_parse(sf_str text, sf_where at, sf_diags *dg, sf_family_row *ret);

/* A tensor and what only the header check needs. */
typedef struct sf_family_tensor {
    sf_tensor t;
    sf_str sub; /* sub-folder it is stored in, or empty */
    bool maybe; /* may be absent from the checkpoint */
} sf_family_tensor;

/* Texts that stand in <angle brackets>, innermost first. */
typedef struct sf_family_names {
    const sf_node *given, *defaults;
    const struct sf_family_names *up;
} sf_family_names;

/* Where the walk stands. */
typedef struct sf_frame {
    const sf_node *root, *section;
    sf_str file;   /* family file of the part that is walked */
    sf_str prefix; /* "thinker.model.layers.{}." */
    sf_str component, sub;
    const sf_family_names *names;
    sf_dtype disk, run;
    bool serves, layered, pp_layers, expert;
    bool made; /* the engine makes what the checkpoint does not have */
    uint8_t modalities;
    bool skip;            /* stored, and not loaded */
    bool inner;           /* inside another part: says nothing of layers and widths */
    const sf_node *outer; /* the use of the part that is another under names of its own, or NULL */
    bool foreign;         /* built by a library, not by the engine: without what the engine adds */
    bool modelled;        /* its config is not at hand: a published one stands in */
    sf_role role;
    uint32_t block, first, repeat, experts;
    unsigned depth;
} sf_frame;

typedef struct sf_walk {
    sf_arena *a;
    sf_model_cache *cache;
    sf_diags *dg;
    const sf_checkpoint *ckpt;
    const sf_node *root;            /* config with overrides */
    const sf_node *components;      /* of the wish */
    const sf_node *mm;              /* mm_processor_kwargs, or NULL */
    const sf_tensor_table *headers; /* of the folder that the stage reads, or NULL */
    sf_model *model;                /* kv, forward, encoders are filled as parts are met */
    sf_binding bindings[SF_FAMILY_BINDINGS];
    size_t n_bindings;
    sf_family_tensor *out;
    size_t n_out, cap_out;
    uint32_t n_blocks;
    const sf_node *top;                /* what is walked: a `use` at the top of an architecture serves */
    sf_str text_path;                  /* of the section that serves */
    const struct sf_quant_plan *quant; /* NULL: nothing is quantised */
} sf_walk;

/* All of `node`: `tensors`, `use`, `rows`, `also`. */
sf_code sf_family_walk(sf_walk *w, const sf_frame *frame, const sf_node *node);
/* One `use` with its section, parameters and lets; fills w->model when it serves. */
sf_code sf_family_use(sf_walk *w, const sf_frame *frame, const sf_node *use);
/* `components:`: the folders of a diffusers checkpoint, each by its class in model_index.json. */
sf_code sf_family_components(sf_walk *w, const sf_frame *frame, const sf_node *item);
/* `denoise:` and `decode:` of a part: what a request costs. */
sf_code sf_family_diffusion(sf_walk *w, const sf_frame *frame, const sf_node *part);
/* A key that says a role; SF_E_EXPR when it is none.  An absent one leaves *ret. */
sf_code sf_family_role(sf_walk *w, const sf_node *map, sf_role *ret);
/* One row, computed and added. */
sf_code sf_family_emit(sf_walk *w, const sf_frame *frame, const sf_node *row);

/* `text` with <names> replaced. */
sf_code sf_family_expand(sf_walk *w, const sf_frame *frame, sf_str text, sf_str *ret);
/* Parses and computes what a data file says; `node` may be an integer, a boolean or a text. */
sf_code sf_family_eval(sf_walk *w, const sf_frame *frame, const sf_node *node, sf_value *ret);
sf_code sf_family_eval_text(sf_walk *w, const sf_frame *frame, sf_str text, sf_where at, sf_value *ret);
sf_code sf_family_i64(sf_walk *w, const sf_frame *frame, const sf_node *node, int64_t min, int64_t max,
                      int64_t *ret);
sf_code sf_family_truth(sf_walk *w, const sf_frame *frame, sf_str text, sf_where at, bool *ret);
/* The expression of a node, for loops that compute it again and again. */
sf_code sf_family_compile(sf_walk *w, const sf_frame *frame, const sf_node *node, const sf_expr **ret);
sf_scope sf_family_scope(const sf_walk *w, const sf_frame *frame);
sf_code sf_family_bind(sf_walk *w, sf_str name, sf_value value, sf_where at);

/* What the serving part says beside its tensors: layers, KV cache, widths, encoders. */
sf_code sf_family_facts(sf_walk *w, const sf_frame *frame, const sf_node *use, const sf_node *part);
sf_code sf_family_encoder(sf_walk *w, const sf_frame *frame, const sf_node *part);

/*
 * What quantisation makes of the walk's tensors; `config` may be NULL.  `text_only`: of those of the serving
 * component alone.
 */
sf_code sf_quant_apply(sf_walk *w, const sf_model_wish *wish, const sf_node *config, bool text_only);

/* max_model_len as the engine derives it. */
void sf_resolve_max_len(sf_arena *a, const sf_node *text, sf_model *m);
/*
 * Holds the walk's tensors against the headers; drops the `maybe` ones that are not there.  `soft`: the
 * family is not sure of its shapes; where the headers differ they take their place, with a warning.
 */
sf_code sf_resolve_headers(sf_walk *w, const sf_node *keeps, const sf_node *loads, bool soft);

#endif
