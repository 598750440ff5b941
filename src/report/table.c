/*
 * table: measuring, choosing columns, printing.
 * Must not cut a cell: what does not fit is wrapped or moves to a line of its own.
 */
#include "report/table.h"

enum { GAP = 2, FLEX_MIN = 16 };

typedef struct layout {
    size_t width[SF_TABLE_COLUMNS];
    bool shown[SF_TABLE_COLUMNS];
    size_t flex; /* index of the column that wraps, n_columns when none does */
    bool fits;
} layout;

void sf_table_init(sf_table *t, sf_page *page, const sf_column *columns, size_t n_columns)
{
    *t = (sf_table){.page = page, .columns = columns, .n_columns = n_columns};
    if (n_columns > SF_TABLE_COLUMNS)
        t->n_columns = SF_TABLE_COLUMNS;
}

/* Blanks in place of line ends. */
static sf_str one_line(sf_page *p, sf_str s)
{
    char *to;

    if (sf_str_find_char(s, '\n') < 0)
        return s;
    to = sf_arena_alloc(p->a, s.n, 1);
    if (!to) {
        p->out->failed = true;
        return (sf_str){NULL, 0};
    }
    for (size_t i = 0; i < s.n; i++)
        to[i] = s.p[i] == '\n' ? ' ' : s.p[i];
    return (sf_str){to, s.n};
}

void sf_table_add(sf_table *t, sf_str cell)
{
    if (t->n_cells == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 64;
        sf_str *grown = sf_arena_grow(t->page->a, t->cells, t->n_cells, cap, sizeof *grown);

        if (!grown) {
            t->page->out->failed = true;
            return;
        }
        t->cells = grown;
        t->cap = cap;
    }
    t->cells[t->n_cells++] = one_line(t->page, sf_page_clean(t->page, cell));
}

void sf_table_text(sf_table *t, const char *cell)
{
    sf_table_add(t, sf_str_of(cell));
}

static size_t total_width(const sf_table *t, const layout *l)
{
    size_t total = 0;

    for (size_t c = 0; c < t->n_columns; c++)
        if (l->shown[c])
            total += l->width[c] + (total ? GAP : 0);
    return total;
}

static void measure(const sf_table *t, layout *l)
{
    for (size_t c = 0; c < t->n_columns; c++) {
        l->shown[c] = true;
        l->width[c] = strlen(t->columns[c].title);
        if (t->columns[c].flex)
            l->flex = c;
        for (size_t i = c; i < t->n_cells; i += t->n_columns) {
            size_t w = sf_text_columns(t->cells[i]);

            if (w > l->width[c])
                l->width[c] = w;
        }
    }
}

/* The highest `drop` of the columns that are shown, 0 when none may be left out. */
static unsigned next_drop(const sf_table *t, const layout *l)
{
    unsigned most = 0;

    for (size_t c = 0; c < t->n_columns; c++)
        if (l->shown[c] && t->columns[c].drop > most)
            most = t->columns[c].drop;
    return most;
}

static void choose(const sf_table *t, size_t room, layout *l)
{
    size_t total;

    *l = (layout){.flex = t->n_columns};
    measure(t, l);
    while ((total = total_width(t, l)) > room) {
        unsigned drop = next_drop(t, l);
        size_t over = total - room;

        if (l->flex < t->n_columns && l->width[l->flex] >= over + FLEX_MIN) {
            l->width[l->flex] -= over;
            break;
        }
        if (!drop)
            return;
        for (size_t c = 0; c < t->n_columns; c++)
            if (t->columns[c].drop == drop)
                l->shown[c] = false;
        if (l->flex < t->n_columns && !l->shown[l->flex])
            l->flex = t->n_columns;
    }
    l->fits = true;
}

/* Takes the words that fit in `width` off the front of `rest`. */
static sf_str take_words(sf_str *rest, size_t width)
{
    size_t end = 0;
    sf_str head;

    for (size_t i = 1; i <= rest->n; i++)
        if ((i == rest->n || rest->p[i] == ' ') && sf_text_columns(sf_str_sub(*rest, 0, i)) <= width)
            end = i;
    if (!end) /* one word that is too long: as many characters as fit */
        while (end < rest->n && sf_text_columns(sf_str_sub(*rest, 0, end + 1)) <= width)
            end++;
    while (end < rest->n && ((unsigned char)rest->p[end] & 0xc0) == 0x80)
        end++;
    head = sf_str_sub(*rest, 0, end ? end : rest->n);
    *rest = sf_str_trim(sf_str_sub(*rest, head.n, rest->n));
    return head;
}

/* One printed line; the text of the wrapped column is in `flex`. */
static void print_line(const sf_table *t, const layout *l, const sf_str *cells, sf_str flex, size_t indent,
                       sf_style style)
{
    sf_page *p = t->page;
    size_t pending = indent;
    bool any = false;

    for (size_t c = 0; c < t->n_columns; c++) {
        sf_str cell = c == l->flex ? flex : cells ? cells[c] : (sf_str){NULL, 0};
        size_t w = sf_text_columns(cell);
        size_t fill = l->width[c] > w ? l->width[c] - w : 0;

        if (!l->shown[c])
            continue;
        pending += any ? GAP : 0;
        any = true;
        if (t->columns[c].right)
            pending += fill;
        if (cell.n) { /* nothing is padded at the end of a line */
            sf_page_pad(p, pending);
            sf_page_add(p, style, cell);
            pending = 0;
        } else {
            pending += w;
        }
        if (!t->columns[c].right)
            pending += fill;
    }
    sf_page_end(p);
}

static void print_row(const sf_table *t, const layout *l, const sf_str *cells, size_t indent, sf_style style)
{
    sf_str rest = {NULL, 0};

    if (l->flex < t->n_columns)
        rest = cells[l->flex];
    print_line(t, l, cells, l->flex < t->n_columns ? take_words(&rest, l->width[l->flex]) : rest, indent,
               style);
    while (rest.n)
        print_line(t, l, NULL, take_words(&rest, l->width[l->flex]), indent, style);
}

/* The last resort: one line a cell. */
static void print_records(const sf_table *t, size_t indent)
{
    for (size_t i = 0; i < t->n_cells; i++) {
        const char *title = t->columns[i % t->n_columns].title;

        if (!t->cells[i].n)
            continue;
        sf_page_pad(t->page, indent + (i % t->n_columns ? 2 : 0));
        sf_page_wrapf(t->page, indent + (i % t->n_columns ? 2 : 0), indent + 4, SF_PLAIN, "%s%s%.*s", title,
                      *title ? ": " : "", SF_STR_ARG(t->cells[i]));
    }
}

void sf_table_print(const sf_table *t, size_t indent)
{
    sf_str titles[SF_TABLE_COLUMNS];
    bool titled = false;
    layout l;

    choose(t, t->page->width > indent ? t->page->width - indent : 1, &l);
    if (!l.fits) {
        print_records(t, indent);
        return;
    }
    for (size_t c = 0; c < t->n_columns; c++) {
        titles[c] = sf_str_of(t->columns[c].title);
        titled = titled || titles[c].n;
    }
    if (titled)
        print_row(t, &l, titles, indent, SF_BOLD);
    for (size_t i = 0; i + t->n_columns <= t->n_cells; i += t->n_columns)
        print_row(t, &l, t->cells + i, indent, SF_PLAIN);
}
