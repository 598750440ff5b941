/* oracle_kv.h: one line of the file and the checks that its parts share. */
#ifndef SF_TESTS_ORACLE_KV_H
#define SF_TESTS_ORACLE_KV_H

#include "memory/kv.h"

enum { ORACLE_PROFILES = 64 };

typedef struct oracle {
    sf_arena *a;
    sf_diags dg;
    sf_str data; /* the folder that models/ stands in */
    sf_str name[ORACLE_PROFILES];
    const sf_profile *profile[ORACLE_PROFILES];
    size_t n_profiles, passed, failed;
} oracle;

typedef struct line {
    sf_arena *a;
    sf_diags dg;
    sf_str id, data;
    const sf_node *input, *expect;
    const sf_profile *profile;
    bool bad;
} line;

void check_u64(line *l, const char *field, uint64_t want, uint64_t got);
void check_str(line *l, const char *field, sf_str want, sf_str got);
void check_f64(line *l, const char *field, double want, double got);
void check_list(line *l, const char *field, const sf_node *want, const uint64_t *got, size_t n);
void check_lines(line *l, const char *field, const sf_node *want, const sf_str *got, size_t n);

/* A member, or 0, empty, false. */
uint64_t get_u64(const sf_node *map, const char *key);
sf_str get_str(const sf_node *map, const char *key);
bool get_bool(const sf_node *map, const char *key);

void run_kv(line *l);
void run_hybrid(line *l);
void run_derivation(line *l);
void run_partition(line *l);
void run_vocab(line *l);
void run_capture(line *l);

#endif
