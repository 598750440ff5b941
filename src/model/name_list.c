/*
 * name_list: compares a module's name with the entries of a list.
 * Must not know what a list is for.  Entries that name one layer are skipped for the others by their number
 * alone: lists of a thousand entries meet models of a thousand modules.
 * Rules: vLLM quantization/utils/quant_utils.py (is_layer_skipped), compressed_tensors/utils.py,
 * modelopt.py (fnmatch), bitsandbytes.py (components and prefixes), gptq_utils.py (dynamic).
 */
#include "model/name_list.h"

#include "model/name_regex.h"

typedef struct entry {
    sf_str text;
    const sf_name_regex *re;
    uint64_t number; /* names with another first number are not covered; UINT64_MAX: cannot be told */
    unsigned styles;
} entry;

struct sf_name_list {
    entry *items;
    size_t n;
};

unsigned sf_name_style(sf_str word)
{
    static const struct {
        const char *word;
        unsigned style;
    } known[] = {
        {"exact",     SF_NAME_EXACT    },
        {"prefix",    SF_NAME_PREFIX   },
        {"contains",  SF_NAME_CONTAINS },
        {"component", SF_NAME_COMPONENT},
        {"glob",      SF_NAME_GLOB     },
        {"re",        SF_NAME_RE       },
        {"re_search", SF_NAME_RE_SEARCH},
        {"suffix",    SF_NAME_SUFFIX   },
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (sf_str_is(word, known[i].word))
            return known[i].style;
    return 0;
}

/* The number that begins at `at` and ends at a dot or at the end. */
static bool number_at(sf_str name, size_t at, uint64_t *ret)
{
    uint64_t n = 0;
    size_t i = at;

    for (; i < name.n && name.p[i] >= '0' && name.p[i] <= '9' && i - at < 9; i++)
        n = n * 10 + (uint64_t)(name.p[i] - '0');
    if (i == at || (i < name.n && name.p[i] != '.'))
        return false;
    *ret = n;
    return true;
}

uint64_t sf_name_number(sf_str name)
{
    uint64_t n;

    for (size_t i = 0; i < name.n; i++)
        if ((i == 0 || name.p[i - 1] == '.') && number_at(name, i, &n))
            return n;
    return UINT64_MAX;
}

/* The number of the entry, when what stands before it holds for every name that the entry covers. */
static uint64_t entry_number(sf_str text, unsigned styles)
{
    size_t wild = 0;

    if (styles & (SF_NAME_CONTAINS | SF_NAME_COMPONENT | SF_NAME_RE_SEARCH | SF_NAME_SUFFIX))
        return UINT64_MAX;
    if (styles & SF_NAME_GLOB)
        while (wild < text.n && text.p[wild] != '*' && text.p[wild] != '?' && text.p[wild] != '[')
            wild++;
    else
        wild = text.n;
    if (wild < text.n) { /* a number that touches the wildcard may go on */
        while (wild > 0 && text.p[wild - 1] != '.')
            wild--;
        text = sf_str_sub(text, 0, wild);
    }
    return sf_name_number(text);
}

static sf_code bad_entry(const sf_node *at, sf_diags *dg, const char *what)
{
    return sf_diag_error(dg, SF_E_QUANT_CONFIG, sf_node_where(at),
                         "names of modules are texts such as \"lm_head\" or \"re:.*mlp.*\"", "%s: `%.*s`",
                         what, SF_STR_ARG(at ? at->text : (sf_str){0}));
}

static sf_code compile(sf_arena *a, sf_str pattern, const sf_node *at, sf_diags *dg, entry *ret)
{
    sf_code rc = sf_name_regex_compile(a, pattern, &ret->re);

    return rc == SF_E_EXPR ? bad_entry(at, dg, "a regular expression that is not understood") : rc;
}

static sf_code fill(sf_arena *a, sf_str text, const sf_node *at, unsigned styles, sf_diags *dg, entry *ret)
{
    *ret = (entry){.text = text, .number = UINT64_MAX, .styles = styles};
    if ((styles & SF_NAME_RE) && sf_str_starts(text, SF_STR("re:"))) {
        ret->styles = SF_NAME_RE;
        return compile(a, sf_str_sub(text, 3, text.n), at, dg, ret);
    }
    if (styles & SF_NAME_RE_SEARCH) {
        bool signed_text = sf_str_starts(text, SF_STR("+:")) || sf_str_starts(text, SF_STR("-:"));
        sf_str found =
            sf_arena_printf(a, ".*(?:%.*s)", SF_STR_ARG(sf_str_sub(text, signed_text ? 2 : 0, text.n)));

        return found.p ? compile(a, found, at, dg, ret) : SF_E_NOMEM;
    }
    ret->styles &= ~(unsigned)SF_NAME_RE;
    ret->number = entry_number(text, styles);
    return SF_OK;
}

sf_code sf_name_list_new(sf_arena *a, const sf_node *names, unsigned styles, sf_diags *dg,
                         const sf_name_list **ret)
{
    sf_name_list *l = SF_NEW(a, sf_name_list);
    bool is_list = sf_node_is(names, SF_SEQ), is_map = sf_node_is(names, SF_MAP);
    size_t n = sf_node_absent(names) ? 0 : is_list || is_map ? names->n : 1;
    sf_code rc = SF_OK;

    if (!l || !(l->items = SF_NEW_ARRAY(a, entry, n ? n : 1)))
        return SF_E_NOMEM;
    for (size_t i = 0; !rc && i < n; i++) {
        const sf_node *at = is_list ? names->as.items[i] : is_map ? names->as.pairs[i].value : names;
        sf_str text = is_map ? names->as.pairs[i].key : at->text;

        if (!is_map && at->kind != SF_STRING)
            return bad_entry(at, dg, "a name of a module that is not a text");
        rc = fill(a, text, at, styles, dg, &l->items[l->n++]);
    }
    *ret = l;
    return rc;
}

size_t sf_name_list_count(const sf_name_list *l)
{
    return l->n;
}

sf_str sf_name_list_at(const sf_name_list *l, size_t i)
{
    return l->items[i].text;
}

/* Shell wildcards; the last star is tried again one byte further on. */
static bool glob(sf_str p, sf_str s)
{
    size_t i = 0, j = 0, star = SIZE_MAX, from = 0;

    while (j < s.n) {
        if (i < p.n && p.p[i] == '*') {
            star = i++;
            from = j;
        } else if (i < p.n && (p.p[i] == '?' || p.p[i] == s.p[j])) {
            i++;
            j++;
        } else if (star != SIZE_MAX) {
            i = star + 1;
            j = ++from;
        } else {
            return false;
        }
    }
    while (i < p.n && p.p[i] == '*')
        i++;
    return i == p.n;
}

static bool has_component(sf_str name, sf_str part)
{
    sf_str one;

    for (bool more = true; more;) {
        more = sf_str_split(&name, '.', &one);
        if (sf_str_eq(one, part))
            return true;
    }
    return false;
}

static bool covers(const entry *e, sf_str name)
{
    sf_str t = e->text;

    if (e->re)
        return sf_name_regex_match(e->re, name);
    if ((e->styles & (SF_NAME_EXACT | SF_NAME_PREFIX | SF_NAME_SUFFIX)) && sf_str_eq(t, name))
        return true;
    if ((e->styles & SF_NAME_PREFIX) && t.n && name.n > t.n && name.p[t.n] == '.' && sf_str_starts(name, t))
        return true;
    if ((e->styles & SF_NAME_SUFFIX) && t.n && name.n > t.n && name.p[name.n - t.n - 1] == '.' &&
        sf_str_ends(name, t))
        return true;
    if ((e->styles & SF_NAME_CONTAINS) && t.n && sf_str_find(name, t) >= 0)
        return true;
    return ((e->styles & SF_NAME_COMPONENT) && has_component(name, t)) ||
           ((e->styles & SF_NAME_GLOB) && glob(t, name));
}

bool sf_name_list_covers(const sf_name_list *l, sf_str name, uint64_t number, size_t *ret_entry)
{
    for (size_t i = 0; i < l->n; i++) {
        const entry *e = &l->items[i];

        if (e->number != UINT64_MAX && e->number != number)
            continue;
        if (covers(e, name)) {
            *ret_entry = i;
            return true;
        }
    }
    return false;
}
