/*
 * bar: one GPU's memory as a row of cells, each part in proportion.
 * Must not hide that something does not fit: a bar that runs over its total ends in '!'.
 */
#include "report/parts.h"

static const char *glyph(const sf_page *p, sf_share share, char ascii[2])
{
    static const char *const blocks[SF_SHARE_COUNT] = {
        [SF_SHARE_WEIGHTS] = "█", [SF_SHARE_KV] = "▓",    [SF_SHARE_ACTIVATION] = "▒",
        [SF_SHARE_GRAPHS] = "▞",  [SF_SHARE_OTHER] = "░", [SF_SHARE_TENANTS] = "▚",
    };

    if (p->flags & SF_TEXT_UNICODE)
        return blocks[share];
    ascii[0] = sf_share_letter(share);
    ascii[1] = '\0';
    return ascii;
}

/* The cell at which `bytes` of `total` end, rounded to the nearest. */
static size_t cell_of(int64_t bytes, int64_t total, size_t cells)
{
    double at = total > 0 ? (double)bytes / (double)total * (double)cells + 0.5 : 0;

    return at <= 0 ? 0 : at >= (double)cells ? cells : (size_t)at;
}

static void repeat(sf_page *p, sf_style style, const char *what, size_t count)
{
    const char *text = "";

    if (!count)
        return;
    for (size_t i = 0; i < count; i++)
        text = sf_page_printf(p, "%s%s", text, what);
    sf_page_text(p, style, text);
}

/* The parts of one slice from `from` bytes on; returns the cell where it ends. */
static size_t slice_cells(sf_page *p, const sf_slice *s, int64_t from, int64_t total, size_t at, size_t cells)
{
    char ascii[2];

    for (sf_share share = 0; share < SF_SHARE_COUNT; share++) {
        size_t end;

        if (s->bytes[share] <= 0)
            continue;
        if (__builtin_add_overflow(from, s->bytes[share], &from))
            from = INT64_MAX;
        end = cell_of(from, total, cells);
        if (end > at)
            repeat(p, sf_share_style(share), glyph(p, share, ascii), end - at);
        at = end > at ? end : at;
    }
    return at;
}

void sf_page_bar(sf_page *p, const sf_slice *slices, size_t n, int64_t total, size_t columns)
{
    const char *between = p->flags & SF_TEXT_UNICODE ? "│" : "|";
    size_t marks = n > 1 ? n - 1 : 0;
    size_t cells = columns > 12 + marks ? columns - 2 - marks : 10;
    int64_t from = 0;
    size_t at = 0;

    sf_page_text(p, SF_PLAIN, "[");
    for (size_t i = 0; i < n; i++) {
        if (i)
            sf_page_text(p, SF_DIM, between);
        at = slice_cells(p, &slices[i], from, total, at, cells);
        if (__builtin_add_overflow(from, slices[i].sum, &from))
            from = INT64_MAX;
    }
    repeat(p, SF_DIM, p->flags & SF_TEXT_UNICODE ? "·" : ".", cells - at);
    sf_page_text(p, from > total ? SF_BAD : SF_PLAIN, from > total ? "!" : "]");
    sf_page_end(p);
}

/* One "W weights" that is not parted at the end of a line; returns the column behind it. */
static size_t legend_item(sf_page *p, size_t at, size_t indent, const char *item)
{
    size_t n = sf_text_columns(sf_str_of(item));

    if (at > indent) {
        bool fits = at + 2 + n + 1 <= p->width; /* with a comma on both sides */

        sf_page_text(p, SF_DIM, fits ? ", " : ",\n");
        if (!fits)
            sf_page_pad(p, indent);
        at = fits ? at + 2 : indent;
    }
    sf_page_text(p, SF_DIM, item);
    return at + n;
}

/* "W weights, K KV cache": with blocks in the bar, the sign and the letter that the lines under it use. */
void sf_page_legend(sf_page *p, const bool shown[SF_SHARE_COUNT], size_t indent)
{
    bool blocks = p->flags & SF_TEXT_UNICODE;
    size_t at = indent;
    char ascii[2];

    sf_page_pad(p, indent);
    for (sf_share share = 0; share < SF_SHARE_COUNT; share++)
        if (shown[share])
            at = legend_item(p, at, indent,
                             sf_page_printf(p, "%s%c %s", blocks ? glyph(p, share, ascii) : "",
                                            sf_share_letter(share), sf_share_title(share)));
    legend_item(p, at, indent, blocks ? "· left" : ". left");
    sf_page_end(p);
}
