/* SPDX-License-Identifier: BSD-3-Clause */
/* Amplitude spectra before, after and of the noise, over one gather or several. Private to src/qc. */
#ifndef SEISPROC_SRC_QC_SPECTRUM_PICTURE_H
#define SEISPROC_SRC_QC_SPECTRUM_PICTURE_H

#include "src/qc/panels.h"

enum { SP_SPECTRUM_BINS = 256, SP_MAX_SPECTRA = 64 };

/* Spectra of gathers, each a mean over its traces, averaged into bins from 0 to the Nyquist frequency. */
typedef struct sp_spectra {
  double nyquist; /* Hz */
  size_t n;       /* gathers */
  bool has[3];    /* before, after, noise */
  double amplitude[3][SP_MAX_SPECTRA][SP_SPECTRUM_BINS];
} sp_spectra;

/* Adds a gather; those beyond SP_MAX_SPECTRA are left out. */
sp_status sp_spectra_add(sp_spectra *spectra, const sp_gather_view *view);

/* The mean of each kind, with a band from the 10th to the 90th of a hundred gathers where there are ten or more, and
 * the transfer after / before below. */
sp_status sp_spectra_draw(const sp_spectra *spectra, double width, double height, const char *title, const char *footer,
                          sp_picture **out);

/* mean[SP_SPECTRUM_BINS] of a kind. */
void sp_spectra_mean(const sp_spectra *spectra, int kind, double *mean);

#endif
