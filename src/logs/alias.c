/* alias: one look through the text a name; files have a hundred rows. */
#include "logs/alias.h"

#include "text/json.h"

enum { COLUMN_DIR = 1, COLUMN_QUANT = 2, COLUMN_OVERRIDES = 6, COLUMNS = 7 };

bool sf_alias_find(sf_arena *a, sf_str text, sf_str model, sf_alias *ret)
{
    sf_str line, cell[COLUMNS];

    for (bool more = text.n != 0; more;) {
        size_t n = 0;

        more = sf_str_split(&text, '\n', &line);
        for (bool cells = true; cells && n < COLUMNS; n++)
            cells = sf_str_split(&line, '\t', &cell[n]);
        if (n <= COLUMN_QUANT || !sf_str_eq(sf_str_trim(cell[0]), model))
            continue;
        *ret = (sf_alias){.base_dir = sf_str_trim(cell[COLUMN_DIR])};
        if (!sf_str_is(sf_str_trim(cell[COLUMN_QUANT]), "none"))
            ret->quantization = sf_str_trim(cell[COLUMN_QUANT]);
        if (n > COLUMN_OVERRIDES && sf_str_starts(cell[COLUMN_OVERRIDES], SF_STR("{")) &&
            sf_json_parse(a, sf_str_trim(cell[COLUMN_OVERRIDES]), SF_STR("aliases"), 0, NULL,
                          &ret->overrides))
            ret->overrides = NULL;
        return true;
    }
    return false;
}
