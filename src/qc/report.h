/* SPDX-License-Identifier: BSD-3-Clause */
/* The report on an output: one HTML file that needs nothing else (docs/qc.md). */
#ifndef SEISPROC_SRC_QC_REPORT_H
#define SEISPROC_SRC_QC_REPORT_H

#include "src/qc/gather_view.h"
#include "src/qc/ladder_page.h"

typedef struct sp_report_options {
  const char *against;          /* the input; NULL: found by itself */
  size_t n_gathers;             /* drawn */
  size_t every;                 /* gathers measured, where the job took no figures */
  double window[2], offsets[2]; /* of what is drawn: s, units of offset; NAN: no limit */
  double max_mb;                /* of the page: pictures shrink to fit it */
  const char *json_path;        /* numbers behind the pictures; NULL: none */
  const char *png_folder;       /* the gathers drawn, once more as PNG; NULL: none */
} sp_report_options;

/* Writes the report on `path` to `page_path`. Errors: SP_ERR_INPUT, SP_ERR_USAGE, SP_ERR_IO, one line. */
sp_status sp_report_write(const char *path, const sp_report_options *options, const char *page_path);

/* Outputs of jobs that differ in a parameter, side by side: SP_MAX_LADDER at most. All have the same input. */
sp_status sp_ladder_write(const char *const *paths, size_t n, const sp_report_options *options, const char *gather,
                          const char *page_path);

#endif
