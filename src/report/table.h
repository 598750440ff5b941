/*
 * table: rows of text in columns.  A table that is wider than the page first leaves out
 * columns (those with the highest `drop` first, equal ones together), then wraps its `flex` column, and at last prints
 * each row as "title: value" lines, so that nothing is ever cut.
 */
#ifndef SF_REPORT_TABLE_H
#define SF_REPORT_TABLE_H

#include "report/page.h"

typedef struct sf_column {
    const char *title;
    bool right;    /* numbers */
    bool flex;     /* may be wrapped; at most one a table */
    unsigned drop; /* 0: never left out */
} sf_column;

enum { SF_TABLE_COLUMNS = 16 };

typedef struct sf_table {
    sf_page *page;
    const sf_column *columns;
    size_t n_columns;
    sf_str *cells; /* clean */
    size_t n_cells, cap;
} sf_table;

/* At most SF_TABLE_COLUMNS columns. */
void sf_table_init(sf_table *t, sf_page *page, const sf_column *columns, size_t n_columns);
/* The next cell, row by row; line ends in it become blanks. */
void sf_table_add(sf_table *t, sf_str cell);
void sf_table_text(sf_table *t, const char *cell);
void sf_table_print(const sf_table *t, size_t indent);

#endif
