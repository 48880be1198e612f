/* SPDX-License-Identifier: BSD-3-Clause */
/* What a report knows of every gather: figures of quality, status, place. Private to src/qc. */
#ifndef SEISPROC_SRC_QC_FIGURES_OF_H
#define SEISPROC_SRC_QC_FIGURES_OF_H

#include "src/qc/gather_view.h"

typedef enum sp_quality {
  SP_REMOVED,
  SP_XCORR,
  SP_RMS_IN,
  SP_RMS_OUT,
  SP_RMS_NOISE,
  SP_PEAK_IN,
  SP_N_QUALITIES
} sp_quality;

const char *sp_quality_name(sp_quality quality); /* "removed_fraction", ...: as below /qc/gather */

typedef struct sp_gather_figures_of {
  size_t n;                       /* gathers */
  float *quality[SP_N_QUALITIES]; /* [n]; NaN: not known */
  bool known;                     /* some of them are */
  bool taken;                     /* by the job */
  size_t every;                   /* 0: taken by the job; else of every so many gathers, measured now */
  uint8_t *status;                /* [n] sp_reason */
  double *fold;                   /* [n]: traces */
  double *x, *y;                  /* [n]; NULL: the survey tells no places */
  const char *x_name, *y_name;    /* "source x", ... */
  char places_unit[16];
  char x_label[48], y_label[48]; /* the names with the unit */
} sp_gather_figures_of;

/* Reads, or measures every `every`-th gather where the job took no figures and before and after are at hand. The caller
 * frees it, also after an error. */
sp_status sp_figures_read(const sp_view_source *source, size_t every, sp_gather_figures_of *out);
void sp_figures_free(sp_gather_figures_of *figures);

/* Share of energy removed in all, from RMS and traces; NAN. */
double sp_figures_total(const sp_gather_figures_of *figures);

/* A value that a share (0 to 1) of the n finite values does not exceed; NAN where none is. Errors: SP_ERR_MEMORY. */
sp_status sp_value_quantile(const float *values, size_t n, double share, double *out);

/* Gathers that stand out, the worst first. */
typedef struct sp_outlier {
  sp_global gather;
  double score;    /* robust z: |value - median| / (1.4826 median |value - median|); INFINITY: not processed */
  const char *why; /* "status", "removed", "correlation", "rms" */
} sp_outlier;

/* Up to `most` gathers: all that were not processed, then by the largest z of removed energy, correlation, and RMS
 * beside the neighbours'. Returns how many; 0 also where memory is short, which is logged. */
size_t sp_find_outliers(const sp_gather_figures_of *figures, sp_outlier *out, size_t most);

#endif
