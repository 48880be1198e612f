/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the report share. Private to them. */
#ifndef SEISPROC_SRC_QC_REPORT_STATE_H
#define SEISPROC_SRC_QC_REPORT_STATE_H

#include "src/qc/figures_of.h"
#include "src/qc/report.h"
#include "src/qc/spectrum_picture.h"
#include "src/qc/survey_spectra.h"
#include "src/qc/timeline.h"

enum { SP_MOST_SHOWN = 40, SP_MOST_OUTLIERS = 20, SP_REPORT_WIDTH = 1200 };

typedef struct sp_shown {
  sp_global gather;
  const char *why;
  sp_panel_numbers numbers;
} sp_shown;

typedef struct sp_qc_report {
  const sp_report_options *options;
  sp_view_source source;
  sp_gather_figures_of figures;
  sp_timeline timeline;
  sp_outlier outliers[SP_MOST_OUTLIERS];
  size_t n_outliers;
  sp_shown gathers[SP_MOST_SHOWN];
  size_t n_shown, n_drawn;
  sp_spectra *spectra;
  sp_survey_spectra survey_spectra;
  double height; /* of the pictures of gathers */
  char *job;     /* what the output says of the job; NULL */
  char footer[256];
} sp_qc_report;

/* Fills in `gathers`: first, middle, last, those with most and with median removed energy, some at random by the
 * survey's uuid, outliers; none twice, none without traces. */
sp_status sp_report_choose(sp_qc_report *report);

/* The numbers behind the pictures, and the gathers drawn as PNG, where they are asked for. */
sp_status sp_report_numbers(const sp_qc_report *report);
sp_status sp_report_pngs(const sp_qc_report *report);

const char *sp_report_name(const sp_qc_report *report, sp_global gather, char text[SP_GATHER_TEXT]);

#endif
