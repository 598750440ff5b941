/*
 * parts: what the pages of one answer share: names of stages, sums of the ledger, bars.
 * Private to this folder.
 */
#ifndef SF_REPORT_PARTS_H
#define SF_REPORT_PARTS_H

#include "base/num.h"
#include "report/page.h"
#include "report/view.h"

/* The parts of the ledger as people see them on the first screen. */
typedef enum sf_share {
    SF_SHARE_WEIGHTS,
    SF_SHARE_KV,
    SF_SHARE_ACTIVATION,
    SF_SHARE_GRAPHS,
    SF_SHARE_OTHER,   /* context, communicators, buffers, pools */
    SF_SHARE_TENANTS, /* other processes */
    SF_SHARE_COUNT
} sf_share;

sf_share sf_share_of(const sf_entry *e);
char sf_share_letter(sf_share share);
sf_style sf_share_style(sf_share share);
const char *sf_share_title(sf_share share);

/* What one stage has on one device; `stage` SIZE_MAX: other processes. */
typedef struct sf_slice {
    size_t stage;
    int64_t bytes[SF_SHARE_COUNT];
    int64_t sum;
} sf_slice;

/* The slices of a device in the order of the ledger.  NULL when memory is out. */
const sf_slice *sf_slices_of(sf_page *p, const sf_check_view *v, uint32_t device, size_t *ret_n);

/* A bar over `columns`, brackets included, of what the slices take of `total`. */
void sf_page_bar(sf_page *p, const sf_slice *slices, size_t n, int64_t total, size_t columns);
void sf_page_legend(sf_page *p, const bool shown[SF_SHARE_COUNT], size_t indent);

/* "0 thinker", "1 talker #2" for the second replica. */
const char *sf_stage_label(sf_page *p, const sf_stage *s);
/* "2 × NVIDIA H100 80GB HBM3", "NVIDIA A100 … + RTX 4090". */
const char *sf_gpus_label(sf_page *p, const sf_inventory *inv);
/* "vllm-omni 2026-08". */
const char *sf_engine_label(sf_page *p, const sf_profile *profile);
/* "12.90" (GiB), "283,904". */
const char *sf_page_gib(sf_page *p, int64_t bytes);
const char *sf_page_count(sf_page *p, uint64_t n);
/* "12.90 GiB". */
const char *sf_page_size(sf_page *p, int64_t bytes);
/* "0.6" as Python prints it, "4.33". */
const char *sf_page_fraction(sf_page *p, double value);
const char *sf_page_fixed2(sf_page *p, double value);

typedef enum sf_diags_choice { SF_DIAGS_ALL, SF_DIAGS_INPUT, SF_DIAGS_FINDINGS } sf_diags_choice;

/* True for what a check finds out (SF6xxx, SF7xxx), not about the input. */
bool sf_diag_is_finding(const sf_diag *d);
/* Errors, then warnings, then notes.  `said` is text that stands above already and is left out of messages. */
void sf_page_diags(sf_page *p, const sf_diags *dg, sf_diags_choice choice, sf_str said);

/* The parts of a check's text (verdict.c, devices.c, stages.c, explain.c, timeline.c). */
void sf_page_verdict(sf_page *p, const sf_check_view *v);
void sf_page_answers(sf_page *p, const sf_check_view *v);
void sf_page_devices(sf_page *p, const sf_check_view *v);
void sf_page_stages(sf_page *p, const sf_check_view *v);
void sf_page_explain(sf_page *p, const sf_check_view *v);
void sf_page_timeline(sf_page *p, const sf_check_view *v);
void sf_page_orders(sf_page *p, const sf_check_view *v);

#endif
