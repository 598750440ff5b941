/*
 * oracle_json: our reader against jansson 2.14: what is accepted, and the values, over the seeds of the
 * fuzzers, every JSON file of a corpus, and texts that differ from those by one byte.
 *
 * Known differences, left out of the comparison: a BOM, more than 64 levels and NUL in keys (jansson
 * refuses the first and the last, and takes 2,048 levels), integers beyond int64 (we read floats).
 *
 * Usage: oracle_json FOLDER...
 */
#include <stdio.h>
#include <string.h>

#ifndef SF_HAVE_JANSSON

int main(void)
{
    printf("1..0 # SKIP built without jansson\n");
    return 0;
}

#else

#include <dirent.h>
#include <jansson.h>

#include "base/fs.h"
#include "base/path.h"
#include "text/json.h"

enum { FILE_MAX = 64 * 1024, SPOILED_PER_FILE = 200, DEPTH_MAX = 16 };

static unsigned long passed, failed;

static bool is_whole(sf_str number)
{
    return sf_str_find_char(number, '.') < 0 && sf_str_find_char(number, 'e') < 0 &&
           sf_str_find_char(number, 'E') < 0;
}

/* Whether a tree holds something that the two are known to read differently. */
static bool is_known(const sf_node *n)
{
    if (n->kind == SF_FLOAT && is_whole(n->text))
        return true; /* an integer that does not fit */
    for (uint32_t i = 0; i < n->n; i++) {
        if (n->kind == SF_MAP && sf_str_find_char(n->as.pairs[i].key, '\0') >= 0)
            return true;
        if (is_known(n->kind == SF_MAP ? n->as.pairs[i].value : n->as.items[i]))
            return true;
    }
    return false;
}

static bool same(const sf_node *n, const json_t *j)
{
    switch (n->kind) {
    case SF_NULL:
        return json_is_null(j);
    case SF_BOOL:
        return json_is_boolean(j) && json_is_true(j) == n->as.b;
    case SF_INT: /* jansson reads -0 as an integer too */
        return json_is_integer(j) && json_integer_value(j) == n->as.i;
    case SF_FLOAT:
        return json_is_real(j) && json_real_value(j) == n->as.f;
    case SF_STRING:
        return json_is_string(j) && json_string_length(j) == n->text.n &&
               memcmp(json_string_value(j), n->text.p, n->text.n) == 0;
    case SF_SEQ:
        if (!json_is_array(j) || json_array_size(j) != n->n)
            return false;
        for (uint32_t i = 0; i < n->n; i++)
            if (!same(n->as.items[i], json_array_get(j, i)))
                return false;
        return true;
    default:
        if (!json_is_object(j) || json_object_size(j) != n->n)
            return false;
        for (uint32_t i = 0; i < n->n; i++) {
            const json_t *value = json_object_getn(j, n->as.pairs[i].key.p, n->as.pairs[i].key.n);

            if (!value || !same(n->as.pairs[i].value, value))
                return false;
        }
        return true;
    }
}

static void compare(sf_str text, const char *name, long spoiled)
{
    const size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    sf_arena *a = sf_arena_new((size_t)1 << 28);
    const sf_node *root = NULL;
    json_error_t error;
    json_t *theirs = json_loadb(text.n ? text.p : "", text.n, flags, &error);
    sf_code rc = a ? sf_json_parse(a, text, SF_STR("x"), 0, NULL, &root) : SF_E_NOMEM;
    bool good;

    if (rc == SF_E_LIMIT || rc == SF_E_NOMEM || sf_str_starts(text, SF_STR("\xef\xbb\xbf")) ||
        (!rc && is_known(root)))
        good = true;
    else if (rc || !theirs)
        good = rc && !theirs;
    else
        good = same(root, theirs);
    if (good) {
        passed++;
    } else {
        failed++;
        printf("%s (byte %ld changed): ours %d, jansson %s\n", name, spoiled, rc,
               theirs ? "accepts" : error.text);
    }
    json_decref(theirs);
    sf_arena_free(a);
}

/* The text, and copies of it with one byte replaced, the same ones in every run. */
static void compare_around(char *text, size_t n, const char *name)
{
    static const char bytes[] = "\"\\{}[],:0-.eE+u \n\t\x01\x80\xc3\xff/x";
    unsigned long step = 12345;

    compare((sf_str){text, n}, name, -1);
    for (int i = 0; n && i < SPOILED_PER_FILE; i++) {
        size_t at;
        char old;

        step = step * 6364136223846793005u + 1442695040888963407u;
        at = (size_t)(step >> 33) % n;
        old = text[at];
        text[at] = bytes[(step >> 20) % (sizeof bytes - 1)];
        compare((sf_str){text, n}, name, (long)at);
        text[at] = old;
    }
}

static void compare_file(const char *path)
{
    static char text[FILE_MAX];
    FILE *f = fopen(path, "rbe");
    size_t n;

    if (!f)
        return;
    n = fread(text, 1, sizeof text, f);
    fclose(f);
    if (n < sizeof text)
        compare_around(text, n, path);
}

static void walk(const char *dir, int depth, bool seeds)
{
    DIR *d = opendir(dir);
    struct dirent *e;

    if (!d) {
        if (depth == 0)
            compare_file(dir);
        return;
    }
    while ((e = readdir(d))) {
        size_t len = strlen(e->d_name);
        char path[4096];

        if (e->d_name[0] == '.' || snprintf(path, sizeof path, "%s/%s", dir, e->d_name) >= (int)sizeof path)
            continue;
        if (seeds || (len > 5 && strcmp(e->d_name + len - 5, ".json") == 0))
            compare_file(path);
        else if (depth < DEPTH_MAX && (e->d_type == DT_DIR || e->d_type == DT_UNKNOWN))
            walk(path, depth + 1, false);
    }
    closedir(d);
}

int main(int argc, char **argv)
{
    walk("fuzz/corpus/json", 0, true);
    for (int i = 1; i < argc; i++)
        walk(argv[i], 0, false);
    printf("%lu passed, %lu failed\n", passed, failed);
    return failed || !passed;
}

#endif
