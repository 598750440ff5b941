/*
 * tensor: names and sizes of element types, counts of a group of tensors.
 * Must not guess: an unknown name is SF_DT_NONE.
 * Names: safetensors 0.7 (safetensors/src/tensor.rs, Dtype), torch's dtype names.
 */
#include "model/tensor.h"

/* SF_STR as a constant expression. */
#define SF_TEXT(literal)                                                                                     \
    {                                                                                                        \
        (literal), sizeof(literal) - 1                                                                       \
    }

static const struct {
    sf_str name;
    unsigned bits;
} dtypes[SF_DT_COUNT] = {
    [SF_DT_NONE] = {SF_TEXT("unknown"),     0 },
    [SF_DT_F64] = {SF_TEXT("F64"),         64},
    [SF_DT_F32] = {SF_TEXT("F32"),         32},
    [SF_DT_F16] = {SF_TEXT("F16"),         16},
    [SF_DT_BF16] = {SF_TEXT("BF16"),        16},
    [SF_DT_F8_E4M3] = {SF_TEXT("F8_E4M3"),     8 },
    [SF_DT_F8_E5M2] = {SF_TEXT("F8_E5M2"),     8 },
    [SF_DT_F8_E8M0] = {SF_TEXT("F8_E8M0"),     8 },
    [SF_DT_I64] = {SF_TEXT("I64"),         64},
    [SF_DT_I32] = {SF_TEXT("I32"),         32},
    [SF_DT_I16] = {SF_TEXT("I16"),         16},
    [SF_DT_I8] = {SF_TEXT("I8"),          8 },
    [SF_DT_U64] = {SF_TEXT("U64"),         64},
    [SF_DT_U32] = {SF_TEXT("U32"),         32},
    [SF_DT_U16] = {SF_TEXT("U16"),         16},
    [SF_DT_U8] = {SF_TEXT("U8"),          8 },
    [SF_DT_BOOL] = {SF_TEXT("BOOL"),        8 },
    [SF_DT_F4] = {SF_TEXT("F4"),          4 },
    [SF_DT_F6_E2M3] = {SF_TEXT("F6_E2M3"),     6 },
    [SF_DT_F6_E3M2] = {SF_TEXT("F6_E3M2"),     6 },
    [SF_DT_C64] = {SF_TEXT("C64"),         64},
    [SF_DT_F8_E4M3FNUZ] = {SF_TEXT("F8_E4M3FNUZ"), 8 },
    [SF_DT_F8_E5M2FNUZ] = {SF_TEXT("F8_E5M2FNUZ"), 8 },
};

sf_dtype sf_dtype_of_header(sf_str name)
{
    for (sf_dtype d = SF_DT_NONE + 1; d < SF_DT_COUNT; d++)
        if (sf_str_eq(name, dtypes[d].name))
            return d;
    return SF_DT_NONE;
}

sf_dtype sf_dtype_of_torch(sf_str name)
{
    static const struct {
        const char *name;
        sf_dtype dtype;
    } known[] = {
        {"bfloat16",         SF_DT_BF16       },
        {"float16",          SF_DT_F16        },
        {"half",             SF_DT_F16        },
        {"float32",          SF_DT_F32        },
        {"float",            SF_DT_F32        },
        {"float64",          SF_DT_F64        },
        {"double",           SF_DT_F64        },
        {"float8_e4m3fn",    SF_DT_F8_E4M3    },
        {"float8_e5m2",      SF_DT_F8_E5M2    },
        {"float8_e8m0fnu",   SF_DT_F8_E8M0    },
        {"float8_e4m3fnuz",  SF_DT_F8_E4M3FNUZ},
        {"float8_e5m2fnuz",  SF_DT_F8_E5M2FNUZ},
        {"float4_e2m1fn_x2", SF_DT_U8         }, /* torch counts the bytes, each with two values */
        {"int64",            SF_DT_I64        },
        {"long",             SF_DT_I64        },
        {"int32",            SF_DT_I32        },
        {"int",              SF_DT_I32        },
        {"int16",            SF_DT_I16        },
        {"short",            SF_DT_I16        },
        {"int8",             SF_DT_I8         },
        {"uint64",           SF_DT_U64        },
        {"uint32",           SF_DT_U32        },
        {"uint16",           SF_DT_U16        },
        {"uint8",            SF_DT_U8         },
        {"bool",             SF_DT_BOOL       },
        {"complex64",        SF_DT_C64        },
        {"cfloat",           SF_DT_C64        },
    };

    if (sf_str_starts(name, SF_STR("torch.")))
        name = sf_str_sub(name, 6, name.n);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (sf_str_is(name, known[i].name))
            return known[i].dtype;
    return SF_DT_NONE;
}

const char *sf_dtype_name(sf_dtype dtype)
{
    return dtypes[(unsigned)dtype < SF_DT_COUNT ? dtype : SF_DT_NONE].name.p;
}

unsigned sf_dtype_bits(sf_dtype dtype)
{
    return dtypes[(unsigned)dtype < SF_DT_COUNT ? dtype : SF_DT_NONE].bits;
}

bool sf_dtype_bytes(sf_dtype dtype, uint64_t count, uint64_t *ret)
{
    unsigned bits = sf_dtype_bits(dtype);
    uint64_t total;

    if (bits % 8 == 0)
        return sf_mul(count, bits / 8, ret);
    if (!sf_mul(count, bits, &total) || total % 8)
        return false;
    *ret = total / 8;
    return true;
}

const char *sf_origin_name(sf_origin origin)
{
    static const char *const names[] = {"exact", "modelled", "measured", "assumed"};

    return names[origin];
}

uint64_t sf_tensor_numel(const sf_tensor *t)
{
    uint64_t n = 1;

    for (size_t i = 0; i < t->n_dims; i++)
        n = sf_mul_sat(n, t->dims[i]);
    return n;
}

uint64_t sf_tensor_count(const sf_tensor *t)
{
    return sf_mul_sat(t->repeat, t->experts ? t->experts : 1);
}

uint64_t sf_tensor_stored_count(const sf_tensor *t)
{
    return t->stack == SF_STACK_NONE ? sf_tensor_count(t) : t->repeat;
}

uint8_t sf_tensor_stored_dims(const sf_tensor *t, uint64_t ret[SF_TENSOR_DIMS])
{
    bool rows = t->stack == SF_STACK_ROWS || t->stack == SF_STACK_ROWS_TRANSPOSED;
    uint8_t front = t->stack != SF_STACK_NONE && !rows && t->n_dims < SF_TENSOR_DIMS;

    if (front)
        ret[0] = t->experts;
    for (uint8_t i = 0; i < t->n_dims; i++)
        ret[front + i] = t->dims[i];
    if (t->n_dims == 2 && (t->stack == SF_STACK_TRANSPOSED || t->stack == SF_STACK_ROWS_TRANSPOSED)) {
        ret[front] = t->dims[1];
        ret[front + 1] = t->dims[0];
    }
    if (rows && t->n_dims)
        ret[0] = sf_mul_sat(ret[0], t->experts);
    return (uint8_t)(t->n_dims + front);
}

static const char *const modality_names[SF_MM_COUNT] = {"image", "video", "audio"};

unsigned sf_modality_bits(sf_str words)
{
    unsigned bits = 0;
    sf_str word;

    for (bool more = words.n > 0; more;) {
        more = sf_str_split(&words, ' ', &word);
        for (unsigned i = 0; i < SF_MM_COUNT; i++)
            if (sf_str_is(word, modality_names[i]))
                bits |= 1u << i;
    }
    return bits;
}

const char *sf_modality_name(unsigned n)
{
    return n < SF_MM_COUNT ? modality_names[n] : "";
}
