/* nearest: a short list of similar names, kept in order. */
#include "base/nearest.h"

enum { OTHER_FAMILY = 1000, OTHER_OWNER = 1, STEP = 2 };

static void add(sf_nearest *list, sf_str name, unsigned distance)
{
    for (size_t j = 0; j < SF_NEAREST_NAMES; j++)
        if (!list->name[j].n || distance < list->distance[j]) {
            for (size_t k = SF_NEAREST_NAMES - 1; k > j; k--) {
                list->name[k] = list->name[k - 1];
                list->distance[k] = list->distance[k - 1];
            }
            list->name[j] = name;
            list->distance[j] = distance;
            return;
        }
}

/* "org" and "Name-3-8B" of "org/Name-3-8B". */
static sf_str split_owner(sf_str *name)
{
    sf_str owner = {0};
    ptrdiff_t at;

    while ((at = sf_str_find_char(*name, '/')) >= 0) {
        owner = sf_str_sub(*name, 0, (size_t)at);
        *name = sf_str_sub(*name, (size_t)at + 1, name->n);
    }
    return owner;
}

/* What tells a class: "Qwen3" of "Qwen3ForCausalLM"; a name without "For" whole. */
static sf_str head_of(sf_str name)
{
    ptrdiff_t at = sf_str_find(name, SF_STR("For"));

    return at > 0 ? sf_str_sub(name, 0, (size_t)at) : name;
}

/* The letters in front: "Qwen" of "Qwen3-8B". */
static sf_str family_of(sf_str head)
{
    size_t n = 0;

    while (n < head.n && ((head.p[n] | 32) >= 'a' && (head.p[n] | 32) <= 'z'))
        n++;
    return sf_str_sub(head, 0, n);
}

static bool begins_alike(sf_str name, sf_str wrong)
{
    return wrong.n && name.n >= wrong.n && sf_str_eq_nocase(sf_str_sub(name, 0, wrong.n), wrong);
}

void sf_nearest_offer(sf_nearest *list, sf_str name, sf_str wrong)
{
    sf_str own = name, owner = split_owner(&own), wrong_owner = split_owner(&wrong);
    sf_str head = head_of(own), wrong_head = head_of(wrong), family = family_of(wrong_head);
    bool related = family.n > 1 && sf_str_eq_nocase(family_of(head), family);
    size_t rest = related ? wrong_head.n - family.n : wrong_head.n;
    unsigned limit = (unsigned)(related ? (rest + 1) / 2 : rest / 4);
    unsigned d = begins_alike(own, wrong) ? 0 : sf_str_distance(head, wrong_head, limit);

    if (d > limit && d)
        return;
    if (d)
        d = sf_str_distance(own, wrong, 64);
    add(list, name,
        STEP * d + (related || !d ? 0 : OTHER_FAMILY) +
            (wrong_owner.n && !sf_str_eq_nocase(owner, wrong_owner) ? OTHER_OWNER : 0));
}

sf_str sf_nearest_text(sf_arena *a, const sf_nearest *list)
{
    sf_str out = {0};

    for (size_t j = 0; j < SF_NEAREST_NAMES && list->name[j].n; j++)
        out = sf_arena_printf(a, "%.*s%s%.*s", SF_STR_ARG(out), j ? ", " : "", SF_STR_ARG(list->name[j]));
    return out;
}
