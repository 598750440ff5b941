/*
 * catalogue_quant: recipes of quantised releases, by name and by the ending of a name.
 * Must not know producers: data/quantization/recipes.yaml does.
 */
#include "model/catalogue_quant.h"

#include "text/pack.h"

static sf_code recipes(sf_arena *a, const sf_node **ret)
{
    return sf_data_read(a, SF_STR("quantization/recipes.yaml"), ret);
}

sf_code sf_catalogue_recipe(sf_arena *a, sf_str name, const sf_node **ret)
{
    const sf_node *root;
    sf_code rc = recipes(a, &root);

    if (!rc)
        *ret = sf_node_get(sf_node_get_str(sf_node_get(root, "recipes"), name), "config");
    return rc;
}

static sf_code recipe_config(sf_arena *a, const sf_node *recipe, const sf_node **ret)
{
    sf_code rc;

    *ret = recipe;
    if (!sf_node_is(recipe, SF_STRING))
        return SF_OK;
    rc = sf_catalogue_recipe(a, recipe->text, ret);
    sf_bug_if(!rc && !*ret);
    return rc;
}

sf_code sf_catalogue_quantised(sf_arena *a, const sf_checkpoint *base, const sf_node *recipe,
                               sf_checkpoint **ret)
{
    sf_checkpoint *c = SF_NEW(a, sf_checkpoint);
    const sf_node *config;
    sf_code rc = c ? recipe_config(a, recipe, &config) : SF_E_NOMEM;

    if (rc)
        return rc;
    *c = *base;
    c->headers = NULL; /* they are the base's */
    c->config = sf_node_with(a, base->config, SF_STR("quantization_config"), config);
    *ret = c;
    return c->config ? SF_OK : SF_E_NOMEM;
}

static bool ends_nocase(sf_str s, sf_str tail)
{
    return s.n > tail.n && sf_str_eq_nocase(sf_str_sub(s, s.n - tail.n, s.n), tail);
}

static bool owner_fits(const sf_node *owners, sf_str owner)
{
    if (!owners)
        return true;
    for (uint32_t i = 0; i < owners->n; i++)
        if (sf_str_eq_nocase(owners->as.items[i]->text, owner))
            return true;
    return false;
}

sf_code sf_catalogue_guess(sf_arena *a, sf_str name, sf_str *ret_base, const sf_node **ret_recipe)
{
    sf_str owner = {0}, rest = name;
    const sf_node *root, *rules;
    sf_code rc = recipes(a, &root);

    *ret_base = (sf_str){0};
    if (rc)
        return rc;
    if (sf_str_find_char(name, '/') >= 0)
        sf_str_split(&rest, '/', &owner);
    rules = sf_node_get(root, "names");
    for (uint32_t i = 0; i < rules->n; i++) {
        const sf_node *r = rules->as.items[i];
        sf_str tail = sf_node_get(r, "ends")->text;

        if (!ends_nocase(rest, tail) || !owner_fits(sf_node_get(r, "owners"), owner))
            continue;
        *ret_base = sf_str_sub(rest, 0, rest.n - tail.n);
        *ret_recipe = sf_node_get(r, "recipe");
        return SF_OK;
    }
    return SF_OK;
}
