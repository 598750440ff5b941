/*
 * yaml_dump: reads YAML from files and writes what the reader made of it, one line a file, as JSON with kinds:
 * ["map", [[KEY, VALUE], …]], ["int", "12"], ["error", "SF2001"] … .  For tests/oracle/yaml_oracle.py.
 */
#include <stdio.h>

#include "base/fs.h"
#include "base/num.h"
#include "text/yaml.h"

static void put_text(sf_str s)
{
    putchar('"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c < 0x20 || c == '"' || c == '\\' || c == 0x7f)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

static void put_scalar(const char *kind, sf_str value)
{
    printf("[\"%s\", ", kind);
    put_text(value);
    putchar(']');
}

static void put_node(sf_arena *a, const sf_node *node)
{
    switch (node->kind) {
    case SF_NULL:
        fputs("[\"null\"]", stdout);
        break;
    case SF_BOOL:
        put_scalar("bool", node->as.b ? SF_STR("true") : SF_STR("false"));
        break;
    case SF_INT:
        put_scalar("int", sf_arena_printf(a, "%lld", (long long)node->as.i));
        break;
    case SF_FLOAT:
        put_scalar("float", sf_fmt_py_float(a, node->as.f));
        break;
    case SF_STRING:
        put_scalar("str", node->text);
        break;
    case SF_SEQ:
        fputs("[\"list\", [", stdout);
        for (uint32_t i = 0; i < node->n; i++) {
            fputs(i ? ", " : "", stdout);
            put_node(a, node->as.items[i]);
        }
        fputs("]]", stdout);
        break;
    case SF_MAP:
        fputs("[\"map\", [", stdout);
        for (uint32_t i = 0; i < node->n; i++) {
            fputs(i ? ", [" : "[", stdout);
            put_node(a, node->as.pairs[i].key_at);
            fputs(", ", stdout);
            put_node(a, node->as.pairs[i].value);
            putchar(']');
        }
        fputs("]]", stdout);
        break;
    }
}

/* Every scalar must stand where it says it stands: its bytes are within the file, its line and column agree. */
static bool places_agree(sf_str text, const sf_node *node)
{
    uint32_t line = 1;
    uint64_t start = 0;

    if (node->off > text.n || node->len > text.n - node->off)
        return false;
    for (uint64_t i = 0; i < node->off; i++) {
        sf_str rest = sf_str_sub(text, i, text.n);

        if (text.p[i] != '\n' && (text.p[i] != '\r' || text.p[i + 1] == '\n') &&
            !sf_str_starts(rest, SF_STR("\xc2\x85")) && !sf_str_starts(rest, SF_STR("\xe2\x80\xa8")))
            continue;
        line++;
        start = i + 1;
    }
    while (start < node->off && start > 1 && ((unsigned char)text.p[start] & 0xc0) == 0x80)
        start++; /* behind a line break of more than one byte */
    if (start == 0 && sf_str_starts(text, SF_STR("\xef\xbb\xbf")))
        start = 3;
    if (node->off < start)
        start = node->off;
    if (line != node->line || sf_utf8_count(sf_str_sub(text, start, node->off)) + 1 != node->col)
        return false;
    for (uint32_t i = 0; node->kind == SF_SEQ && i < node->n; i++)
        if (!places_agree(text, node->as.items[i]))
            return false;
    for (uint32_t i = 0; node->kind == SF_MAP && i < node->n; i++)
        if (!places_agree(text, node->as.pairs[i].key_at) || !places_agree(text, node->as.pairs[i].value))
            return false;
    return true;
}

static void dump(const char *name)
{
    sf_arena *a = sf_arena_new((size_t)1 << 30);
    const sf_node *root = NULL;
    sf_diags dg;
    sf_str text;
    sf_code rc;

    sf_diags_init(&dg, a);
    rc = sf_fs_read_all(&sf_fs_posix, a, sf_str_of(name), SF_YAML_MAX_BYTES, &dg, &text);
    if (!rc)
        rc = sf_yaml_parse(a, text, sf_str_of(name), &dg, &root);
    if (rc)
        printf("[\"error\", \"SF%d\"]", (int)rc);
    else if (!places_agree(text, root))
        printf("[\"misplaced\"]");
    else
        put_node(a, root);
    putchar('\n');
    sf_arena_free(a);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        dump(argv[i]);
    return 0;
}
