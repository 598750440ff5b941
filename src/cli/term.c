/*
 * term: what the program says and to whom: results on standard output, all else on standard
 * error; colours and signs outside ASCII only on a terminal.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli.h"

enum { WIDTH_MIN = 40, WIDTH_MAX = 120, WIDTH_DEFAULT = 80 };

static bool json_errors; /* set once, before any command runs */

void cli_json_errors(bool on)
{
    json_errors = on;
}

static void put_json(FILE *out, const char *text)
{
    putc('"', out);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20)
            fprintf(out, "\\u%04x", c);
        else
            putc(c, out);
    }
    putc('"', out);
}

/* Control characters of a stranger's word do not reach the terminal. */
static void put_safe(FILE *out, const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            fprintf(out, "\\x%02x", (unsigned)(unsigned char)*text);
        else
            putc(*text, out);
}

int cli_usage(const char *hint, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fputs("stagefit: ", stderr);
    put_safe(stderr, text);
    if (hint)
        fprintf(stderr, "; %s", hint);
    putc('\n', stderr);
    if (json_errors) {
        printf("{\n  \"schema\": \"stagefit/usage/1\",\n  \"status\": %d,\n  \"diagnostics\": [\n    "
               "{\"severity\": \"error\", "
               "\"code\": \"SF1010\", \"title\": \"wrong use of a command\", \"message\": ",
               EXIT_USE);
        put_json(stdout, text);
        fputs(", \"at\": null, \"hint\": ", stdout);
        if (hint)
            put_json(stdout, hint);
        else
            fputs("null", stdout);
        fputs(", \"related\": null}\n  ]\n}\n", stdout);
    }
    return EXIT_USE;
}

static unsigned columns_of(const char *text)
{
    unsigned n = 0;

    for (; text && *text >= '0' && *text <= '9' && n < 10000; text++)
        n = n * 10 + (unsigned)(*text - '0');
    return text && *text ? 0 : n;
}

unsigned cli_width(const cli_args *args)
{
    unsigned n = columns_of(getenv("COLUMNS"));
    struct winsize ws;

    if (args->width)
        return args->width;
    if (!n && isatty(STDOUT_FILENO) && !ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws))
        n = ws.ws_col;
    if (!n)
        return WIDTH_DEFAULT;
    return n < WIDTH_MIN ? WIDTH_MIN : n > WIDTH_MAX ? WIDTH_MAX : n;
}

static bool utf8_locale(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);

        if (value && *value)
            return strstr(value, "UTF-8") || strstr(value, "utf8") || strstr(value, "utf-8");
    }
    return false;
}

unsigned cli_text_flags(const cli_args *args, FILE *out)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");
    bool terminal = isatty(fileno(out)) && !(term && !strcmp(term, "dumb"));
    bool color = terminal && !(no_color && *no_color);

    if (args->color && strcmp(args->color, "auto") != 0)
        color = !strcmp(args->color, "always");
    return args->text_flags | (color ? STAGEFIT_TEXT_COLOR : 0) |
           (terminal && utf8_locale() ? STAGEFIT_TEXT_UNICODE : 0);
}

static bool pipe_closed;

int cli_write(const char *text)
{
    size_t n = strlen(text);

    if (pipe_closed || fwrite(text, 1, n, stdout) == n)
        return 0;
    pipe_closed = errno == EPIPE;
    if (pipe_closed)
        return 0;
    fprintf(stderr, "stagefit: cannot write the answer: %s\n", strerror(errno));
    return EXIT_OUTSIDE;
}

int cli_finish(int status)
{
    if (pipe_closed || !fflush(stdout) || errno == EPIPE)
        return status;
    fprintf(stderr, "stagefit: cannot write the answer: %s\n", strerror(errno));
    return EXIT_OUTSIDE;
}

char *cli_read_stdin(size_t max, size_t *ret_n)
{
    size_t cap = 64 * 1024, n = 0;
    char *p = malloc(cap), *grown;

    while (p) {
        ssize_t got = read(STDIN_FILENO, p + n, cap - n);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            break;
        n += (size_t)got;
        if (got == 0) {
            *ret_n = n;
            return p;
        }
        if (n > max) {
            errno = EFBIG;
            break;
        }
        if (n < cap)
            continue;
        grown = malloc(cap * 2);
        if (grown)
            memcpy(grown, p, n);
        free(p);
        p = grown;
        cap *= 2;
    }
    free(p);
    return NULL;
}
