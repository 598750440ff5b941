/*
 * release: versions and days as text.
 * Must not know any release: the catalogue is data.
 */
#include "engine/release.h"

#include "base/num.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool sf_version_parse(sf_str text, sf_version *ret)
{
    sf_version v = {0};
    size_t i = text.n && (text.p[0] == 'v' || text.p[0] == 'V');

    while (v.given < SF_VERSION_PARTS && i < text.n && is_digit(text.p[i])) {
        size_t from = i;

        while (i < text.n && is_digit(text.p[i]))
            i++;
        if (!sf_parse_i64(sf_str_sub(text, from, i), &v.part[v.given]))
            return false;
        v.given++;
        if (i >= text.n || text.p[i] != '.')
            break;
        i++;
    }
    if (v.given < 2 || (i < text.n && (text.p[i] == '-' || text.p[i] == '/')))
        return false;
    *ret = v;
    return true;
}

int sf_version_cmp(const sf_version *a, const sf_version *b)
{
    for (size_t i = 0; i < SF_VERSION_PARTS; i++)
        if (a->part[i] != b->part[i])
            return a->part[i] < b->part[i] ? -1 : 1;
    return 0;
}

static int64_t days_of_month(int64_t year, int64_t month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
        return 29;
    return days[month - 1];
}

bool sf_day_parse(sf_arena *a, sf_str text, sf_str *ret)
{
    int64_t year, month, day = 0;

    if ((text.n != 7 && text.n != 10) || text.p[4] != '-' || !sf_parse_i64(sf_str_sub(text, 0, 4), &year) ||
        !sf_parse_i64(sf_str_sub(text, 5, 7), &month) || year < 2000 || month < 1 || month > 12)
        return false;
    if (text.n == 7)
        day = days_of_month(year, month);
    else if (text.p[7] != '-' || !sf_parse_i64(sf_str_sub(text, 8, 10), &day) || day < 1 ||
             day > days_of_month(year, month))
        return false;
    *ret = sf_arena_printf(a, "%04d-%02d-%02d", (int)year, (int)month, (int)day);
    return true;
}
