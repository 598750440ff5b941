/*
 * truth: from a JSON row to inputs and observed figures.
 * Must not predict anything.
 */
#include "logs/truth.h"

#include <math.h>

#include "base/num.h"
#include "logs/words.h"

/* A text without blanks around it. */
static sf_code read_text(const sf_node *row, const char *key, sf_diags *dg, sf_str *ret)
{
    sf_code rc = sf_node_read_str(row, key, dg, ret);

    *ret = sf_str_trim(*ret);
    return rc;
}

/* Half a unit of the last digit: as many digits as are written, at least `digits` (JSON drops zeros at the end). */
static double half_unit(sf_str text, unsigned digits)
{
    ptrdiff_t dot = sf_str_find_char(text, '.');
    size_t written = dot < 0 ? 0 : text.n - (size_t)dot - 1;
    double half = 0.5;

    for (size_t i = written > digits ? written : digits; i > 0; i--)
        half /= 10;
    return half;
}

static sf_code read_printed(const sf_node *row, const char *key, unsigned digits, sf_diags *dg,
                            sf_printed *ret)
{
    const sf_node *v = sf_node_get(row, key);

    *ret = (sf_printed){.value = NAN};
    if (sf_node_absent(v))
        return SF_OK;
    ret->half = half_unit(v->text, digits);
    return sf_node_read_f64(row, key, dg, &ret->value);
}

static sf_code read_observed(const sf_node *row, sf_diags *dg, sf_truth_observed *ret)
{
    const struct {
        const char *key;
        unsigned digits;
        sf_printed *to;
    } figure[] = {
        {"model_loading_gib",   2, &ret->loading      },
        {"weights_gib",         2, &ret->weights      },
        {"non_torch_gib",       2, &ret->non_torch    },
        {"activation_peak_gib", 2, &ret->activation   },
        {"cudagraph_gib",       2, &ret->graphs       },
        {"available_kv_gib",    2, &ret->kv_available },
        {"kv_tokens",           0, &ret->tokens       },
        {"num_gpu_blocks",      0, &ret->blocks       },
        {"max_concurrency",     2, &ret->concurrency  },
        {"needed_kv_gib",       2, &ret->needed_kv    },
        {"estimated_max_len",   0, &ret->estimated_len},
    };
    double length = 0;
    sf_code rc = SF_OK;

    ret->usable_kv = ret->usable_weights = true; /* unless the row says otherwise */
    for (size_t i = 0; i < sizeof figure / sizeof *figure && !rc; i++)
        rc = read_printed(row, figure[i].key, figure[i].digits, dg, figure[i].to);
    if (!rc)
        rc = sf_node_read_f64(row, "max_concurrency_tokens", dg, &length);
    if (!rc)
        rc = read_text(row, "kind", dg, &ret->failure);
    if (!rc)
        rc = sf_node_read_bool(row, "usable_for_kv", dg, &ret->usable_kv);
    if (!rc)
        rc = sf_node_read_bool(row, "usable_for_weights", dg, &ret->usable_weights);
    ret->concurrency_tokens = length > 0 && length < 1e15 ? (uint64_t)length : 0;
    return rc;
}

/* Fields that are engine arguments by another or the same name. */
static sf_code read_args(sf_arena *a, const sf_node *row, sf_diags *dg, sf_args *ret)
{
    static const struct {
        const char *key;
        sf_arg arg;
    } field[] = {
        {"tensor_parallel",        SF_ARG_tensor_parallel_size  },
        {"pipeline_parallel",      SF_ARG_pipeline_parallel_size},
        {"data_parallel",          SF_ARG_data_parallel_size    },
        {"expert_parallel",        SF_ARG_enable_expert_parallel},
        {"max_model_len",          SF_ARG_max_model_len         },
        {"max_num_seqs",           SF_ARG_max_num_seqs          },
        {"max_num_batched_tokens", SF_ARG_max_num_batched_tokens},
        {"gpu_memory_utilization", SF_ARG_gpu_memory_utilization},
        {"block_size",             SF_ARG_block_size            },
        {"enforce_eager",          SF_ARG_enforce_eager         },
        {"dtype",                  SF_ARG_dtype                 },
        {"kv_cache_dtype",         SF_ARG_kv_cache_dtype        },
    };
    sf_code rc = SF_OK;

    for (size_t i = 0; i < sizeof field / sizeof *field && !rc; i++) {
        const sf_node *v = sf_node_get(row, field[i].key);

        if (!sf_node_absent(v))
            rc = sf_args_set(a, ret, field[i].arg, v, SF_FROM_CLI, dg);
    }
    return rc;
}

/*
 * A release, from the version and the engine's generation.  "0.1.dev…" is what a build without tags calls itself:
 * no release at all.
 */
static sf_code read_engine(sf_arena *a, const sf_node *row, sf_diags *dg, sf_truth_inputs *ret)
{
    sf_str version = {0}, generation = {0};
    bool omni = false;
    const char *name;
    sf_code rc = read_text(row, "vllm_version", dg, &version);

    if (!rc)
        rc = read_text(row, "engine", dg, &generation);
    if (!rc)
        rc = sf_node_read_bool(row, "vllm_omni", dg, &omni);
    if (rc)
        return rc;
    name = omni ? "vllm-omni" : sf_str_is(generation, "V0") ? "vllm-v0" : "vllm";
    ret->release_given = version.n && !sf_str_starts(version, SF_STR("0.1.dev"));
    ret->engine = ret->release_given ? sf_arena_printf(a, "%s@%.*s", name, SF_STR_ARG(version))
                                     : sf_arena_str(a, sf_str_of(name));
    return ret->engine.p ? SF_OK : SF_E_NOMEM;
}

static sf_code read_gpu(const sf_node *row, sf_diags *dg, sf_truth_inputs *ret)
{
    double count = 0;
    sf_code rc = read_text(row, "gpu_name", dg, &ret->gpu);

    if (!rc)
        rc = sf_node_read_f64(row, "total_gpu_gib", dg, &ret->gpu_total_gib);
    if (!rc)
        rc = sf_node_read_f64(row, "free_gpu_gib", dg, &ret->gpu_free_gib);
    if (!rc)
        rc = sf_node_read_f64(row, "gpu_count", dg, &count);
    ret->gpu_count = count >= 1 && count < 4096 ? (uint32_t)count : 1;
    return rc;
}

/* The engine prints its object, whose field for num_speculative_tokens has a shorter name. */
static sf_code speculative_tokens(sf_arena *a, sf_args *args)
{
    sf_arg_value *v = &args->v[SF_ARG_speculative_config];
    const sf_node *n = sf_node_get(v->node, "num_spec_tokens");

    if (!n || sf_node_get(v->node, "num_speculative_tokens"))
        return SF_OK;
    v->node = sf_node_with(a, v->node, SF_STR("num_speculative_tokens"), n);
    return v->node ? SF_OK : SF_E_NOMEM;
}

static sf_code read_words(sf_arena *a, const sf_node *row, sf_diags *dg, sf_truth_inputs *ret)
{
    sf_str other = {0}, speculative = {0}, limits = {0};
    sf_code rc = read_text(row, "other_args", dg, &other);

    if (!rc)
        rc = read_text(row, "speculative", dg, &speculative);
    if (!rc && !sf_node_is(sf_node_get(row, "limit_mm_per_prompt"), SF_MAP))
        rc = read_text(row, "limit_mm_per_prompt", dg, &limits);
    if (!rc)
        rc = sf_words_args(a, other, &ret->args, &ret->ignored, &ret->n_ignored);
    if (!rc)
        rc = sf_words_value(a, speculative, SF_ARG_speculative_config, &ret->args);
    if (!rc)
        rc = speculative_tokens(a, &ret->args);
    if (!rc)
        rc = sf_words_value(a, limits, SF_ARG_limit_mm_per_prompt, &ret->args);
    return rc;
}

sf_code sf_truth_read(sf_arena *a, const sf_node *row, sf_diags *dg, sf_truth *ret)
{
    sf_code rc;

    *ret = (sf_truth){0};
    if (!sf_node_is(row, SF_MAP))
        return sf_diag_error(dg, SF_E_TRUTH, sf_node_where(row), "one JSON object a line", "the row is a %s",
                             row ? sf_node_kind_name(row->kind) : "nothing");
    rc = read_text(row, "id", dg, &ret->id);
    if (!rc && !ret->id.n)
        rc = sf_diag_error(dg, SF_E_TRUTH, sf_node_where(row), "give each row an id", "a row without id");
    if (!rc)
        rc = read_text(row, "model", dg, &ret->in.model);
    if (!rc)
        rc = read_text(row, "resolved_model_dir", dg, &ret->in.model_dir);
    if (!rc)
        rc = read_text(row, "quantization", dg, &ret->in.quantization);
    if (!rc)
        rc = read_engine(a, row, dg, &ret->in);
    if (!rc)
        rc = read_gpu(row, dg, &ret->in);
    if (!rc)
        rc = read_args(a, row, dg, &ret->in.args);
    if (!rc)
        rc = read_words(a, row, dg, &ret->in);
    return rc ? rc : read_observed(row, dg, &ret->seen);
}
