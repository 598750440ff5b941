/*
 * family_row: one row of a list of tensors: `self_attn.q_proj.weight [q*d, H] heads(q) -> qkv_proj.weight when x`.
 * Must not compute anything: shapes and conditions stay text here.  The grammar is in docs/families.md.
 */
#include "model/family.h"

typedef struct cursor {
    sf_str text;
    size_t pos;
    sf_where at;
    sf_diags *dg;
} cursor;

static sf_code fail(cursor *c, const char *what)
{
    sf_where at = c->at;

    at.col += (uint32_t)sf_utf8_count(sf_str_sub(c->text, 0, c->pos));
    return sf_diag_error(c->dg, SF_E_EXPR, at, "the form of a row is in docs/families.md",
                         "%s in the row `%.*s`", what, SF_STR_ARG(c->text));
}

static void skip_blanks(cursor *c)
{
    while (c->pos < c->text.n && c->text.p[c->pos] == ' ')
        c->pos++;
}

/* What stands between the bracket at the cursor and the one that closes it. */
static bool take_nested(cursor *c, char open, char close, sf_str *ret)
{
    size_t from = c->pos + 1;
    int depth = 0;

    for (; c->pos < c->text.n; c->pos++) {
        depth += c->text.p[c->pos] == open;
        depth -= c->text.p[c->pos] == close;
        if (depth == 0) {
            *ret = sf_str_sub(c->text, from, c->pos++);
            return true;
        }
    }
    return false;
}

static sf_code parse_name(cursor *c, sf_family_row *row)
{
    size_t from = c->pos;
    sf_str inner;

    while (c->pos < c->text.n && c->text.p[c->pos] != ' ') {
        if (c->text.p[c->pos] != '{')
            c->pos++;
        else if (!take_nested(c, '{', '}', &inner))
            return fail(c, "a brace is not closed");
    }
    row->name = sf_str_sub(c->text, from, c->pos);
    skip_blanks(c);
    if (!row->name.n || c->pos >= c->text.n || c->text.p[c->pos] != '[')
        return fail(c, "a name and a shape in brackets are expected");
    return SF_OK;
}

static sf_code parse_shape(cursor *c, sf_family_row *row)
{
    sf_str shape;
    size_t from = 0;
    int depth = 0;

    if (!take_nested(c, '[', ']', &shape))
        return fail(c, "the shape is not closed");
    if (!sf_str_trim(shape).n)
        return SF_OK;
    for (size_t i = 0; i <= shape.n; i++) {
        char ch = i < shape.n ? shape.p[i] : ',';

        depth += ch == '(' || ch == '[';
        depth -= ch == ')' || ch == ']';
        if (ch != ',' || (depth > 0 && i < shape.n))
            continue;
        if (row->n_dims == SF_TENSOR_DIMS)
            return fail(c, "too many dimensions");
        row->dims[row->n_dims++] = sf_str_trim(sf_str_sub(shape, from, i));
        from = i + 1;
    }
    return SF_OK;
}

/* Words without an argument. */
static bool plain_word(sf_family_row *row, sf_str word)
{
    static const struct {
        const char *word;
        sf_tensor_class cls;
    } classes[] = {
        {"norm",   SF_TENSOR_NORM  },
        {"router", SF_TENSOR_ROUTER},
        {"scale",  SF_TENSOR_SCALE },
        {"embed",  SF_TENSOR_EMBED },
        {"head",   SF_TENSOR_HEAD  },
        {"linear", SF_TENSOR_LINEAR},
        {"expert", SF_TENSOR_EXPERT},
        {"other",  SF_TENSOR_OTHER },
    };
    const struct {
        const char *word;
        bool *flag;
    } flags[] = {
        {"first",       &row->first      },
        {"last",        &row->last       },
        {"maybe",       &row->maybe      },
        {"skip",        &row->skip       },
        {"made",        &row->made       },
        {"once",        &row->once       },
        {"modelled",    &row->modelled   },
        {"dequantised", &row->dequantised},
    };

    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
        if (sf_str_is(word, classes[i].word)) {
            row->cls = classes[i].cls;
            row->cls_given = true;
            return true;
        }
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        if (sf_str_is(word, flags[i].word)) {
            *flags[i].flag = true;
            return true;
        }
    if (sf_str_is(word, "vocab"))
        row->shard = SF_SHARD_VOCAB;
    else if (sf_str_is(word, "column"))
        row->shard = SF_SHARD_COLUMN;
    else if (sf_str_is(word, "row"))
        row->shard = SF_SHARD_ROW;
    else
        return false;
    return true;
}

/* How experts lie in one tensor. */
static bool stack_of(sf_str word, sf_stack *ret)
{
    static const char *const names[] = {
        [SF_STACK_FRONT] = "front",
        [SF_STACK_TRANSPOSED] = "transposed",
        [SF_STACK_ROWS] = "rows",
        [SF_STACK_ROWS_TRANSPOSED] = "rows transposed",
    };

    for (size_t i = SF_STACK_FRONT; i < sizeof names / sizeof *names; i++)
        if (sf_str_is(word, names[i])) {
            *ret = (sf_stack)i;
            return true;
        }
    return false;
}

/* "a, b" */
static bool two_of(sf_str argument, sf_str *ret_a, sf_str *ret_b)
{
    ptrdiff_t comma = sf_str_find_char(argument, ',');

    if (comma < 0)
        return false;
    *ret_a = sf_str_trim(sf_str_sub(argument, 0, (size_t)comma));
    *ret_b = sf_str_trim(sf_str_sub(argument, (size_t)comma + 1, argument.n));
    return ret_a->n && ret_b->n;
}

/* Words with an argument in parentheses. */
static bool call_word(sf_family_row *row, sf_str word, sf_str argument)
{
    if (sf_str_is(word, "heads") || sf_str_is(word, "kv")) {
        row->shard = sf_str_is(word, "kv") ? SF_SHARD_KV : SF_SHARD_HEADS;
        row->units = argument;
    } else if (sf_str_is(word, "qkv")) {
        row->shard = SF_SHARD_QKV;
        return two_of(argument, &row->units, &row->kv_units);
    } else if (sf_str_is(word, "groups")) {
        row->shard = SF_SHARD_GROUPS;
        return two_of(argument, &row->units, &row->unit_rows);
    } else if (sf_str_is(word, "stacked")) {
        return stack_of(argument, &row->stack);
    } else if (sf_str_is(word, "disk")) {
        row->disk = argument;
    } else if (sf_str_is(word, "run")) {
        row->run = argument;
    } else {
        return false;
    }
    return true;
}

static sf_str take_word(cursor *c)
{
    size_t from = c->pos;

    while (c->pos < c->text.n && c->text.p[c->pos] != ' ' && c->text.p[c->pos] != '(')
        c->pos++;
    return sf_str_sub(c->text, from, c->pos);
}

static sf_code parse_words(cursor *c, sf_family_row *row)
{
    for (skip_blanks(c); c->pos < c->text.n; skip_blanks(c)) {
        size_t from = c->pos;
        sf_str word = take_word(c), argument;
        bool known;

        if (sf_str_is(word, "when")) {
            row->when = sf_str_trim(sf_str_sub(c->text, c->pos, c->text.n));
            return row->when.n ? SF_OK : fail(c, "a condition is expected");
        }
        if (sf_str_is(word, "->")) {
            skip_blanks(c);
            row->param = take_word(c);
            known = row->param.n > 0;
        } else if (c->pos < c->text.n && c->text.p[c->pos] == '(') {
            known = take_nested(c, '(', ')', &argument) && call_word(row, word, argument);
        } else {
            known = plain_word(row, word);
        }
        if (!known) {
            c->pos = from;
            return fail(c, "a word that is not known");
        }
    }
    return SF_OK;
}

sf_code sf_family_row_parse(sf_str text, sf_where at, sf_diags *dg, sf_family_row *ret)
{
    cursor c = {.text = text, .at = at, .dg = dg};
    sf_family_row row = {0};
    sf_code rc = parse_name(&c, &row);

    if (!rc)
        rc = parse_shape(&c, &row);
    if (!rc)
        rc = parse_words(&c, &row);
    if (rc)
        return rc;
    if (!row.cls_given) {
        bool matrix = row.n_dims >= 2 && row.shard != SF_SHARD_NONE;

        row.cls = row.shard == SF_SHARD_VOCAB ? SF_TENSOR_EMBED : matrix ? SF_TENSOR_LINEAR : SF_TENSOR_OTHER;
    }
    *ret = row;
    return SF_OK;
}
