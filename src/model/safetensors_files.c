/*
 * safetensors_files: what stands in front of a header: its length, or what shows that this is no weight file.
 * Must not open files; they are handed in.
 * Rules: safetensors 0.7, tensor.rs (MAX_HEADER_SIZE).
 */
#include <endian.h>

#include "model/safetensors.h"

static sf_code refuse_length(sf_str file, sf_diags *dg, const char *hint, const char *message)
{
    sf_where at = {.file = file, .len = SF_SAFETENSORS_PREFIX};

    return sf_diag_error(dg, SF_E_HEADER, at, hint, "%s", message);
}

/* Files that are found under a weight file's name, by how they begin. */
static bool looks_like(sf_str head, const char **ret_what, const char **ret_hint)
{
    static const struct {
        sf_str head;
        const char *what, *hint;
    } known[] = {
        {SF_STR("version "), "this is a Git LFS pointer, not the file itself",
         "run `git lfs pull` in the model folder"                                                            },
        {SF_STR("<!DOCTYP"), "this is a web page, not a weight file",          "download the file itself"    },
        {SF_STR("<!doctyp"), "this is a web page, not a weight file",          "download the file itself"    },
        {SF_STR("<html"),    "this is a web page, not a weight file",          "download the file itself"    },
        {SF_STR("<HTML"),    "this is a web page, not a weight file",          "download the file itself"    },
        {SF_STR("<?xml"),    "this is an XML answer, not a weight file",       "download the file itself"    },
        {SF_STR("{\""),      "this is JSON text, not a weight file",
         "it may be a server's error message: download the file itself"                                      },
        {SF_STR("PK\3\4"),   "this is a PyTorch file, not safetensors",
         "give it its own name (.bin) or convert it"                                                         },
        {SF_STR("\x80\2"),   "this is a Python pickle, not safetensors",
         "give it its own name (.bin) or convert it"                                                         },
        {SF_STR("GGUF"),     "this is a GGUF file, not safetensors",           "give it its own name (.gguf)"},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (sf_str_starts(head, known[i].head)) {
            *ret_what = known[i].what;
            *ret_hint = known[i].hint;
            return true;
        }
    return false;
}

sf_code sf_safetensors_length(sf_str first8, uint64_t file_size, sf_str file, sf_diags *dg, uint64_t *ret)
{
    const char *what = NULL, *hint = NULL;
    sf_where at = {.file = file, .len = SF_SAFETENSORS_PREFIX};
    bool possible;
    uint64_t n;

    if (file_size == 0)
        return refuse_length(file, dg, "fetch it again", "the file is empty");
    if (first8.n < SF_SAFETENSORS_PREFIX || file_size < SF_SAFETENSORS_PREFIX)
        return refuse_length(file, dg, "fetch it again", "the file is shorter than the length of a header");
    memcpy(&n, first8.p, sizeof n);
    n = le64toh(n);
    /* A length of text is far beyond the cap ("version " is 2.3e18), that of a zip file may not be. */
    possible = n <= SF_SAFETENSORS_MAX_HEADER && n <= file_size - SF_SAFETENSORS_PREFIX;
    if (possible && first8.n > SF_SAFETENSORS_PREFIX)
        possible = first8.p[SF_SAFETENSORS_PREFIX] == '{';
    if (!possible && looks_like(first8, &what, &hint))
        return refuse_length(file, dg, hint, what);
    if (n == 0)
        return refuse_length(file, dg, "the download only reserved the space: fetch it again",
                             "the header has the length 0");
    if (n > SF_SAFETENSORS_MAX_HEADER)
        return sf_diag_error(dg, SF_E_HEADER, at, "this is no safetensors file",
                             "the header would have %llu bytes, at most %llu are allowed",
                             (unsigned long long)n, (unsigned long long)SF_SAFETENSORS_MAX_HEADER);
    if (n > file_size - SF_SAFETENSORS_PREFIX)
        return sf_diag_error(dg, SF_E_HEADER, at, "the file is cut short: fetch it again",
                             "the header has %llu bytes, the whole file only %llu", (unsigned long long)n,
                             (unsigned long long)file_size);
    *ret = n;
    return SF_OK;
}
