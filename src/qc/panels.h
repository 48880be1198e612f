/* SPDX-License-Identifier: BSD-3-Clause */
/* Pictures of a gather: before, after and noise side by side, their f-k panels and spectra, its headers.
 *
 * Everything is measured on what is drawn. Numbers behind a picture go to `numbers`, which may be NULL. */
#ifndef SEISPROC_SRC_QC_PANELS_H
#define SEISPROC_SRC_QC_PANELS_H

#include "src/qc/frame.h"
#include "src/qc/gather_view.h"

typedef enum sp_panel_style { SP_STYLE_AUTO, SP_STYLE_DENSITY, SP_STYLE_WIGGLE } sp_panel_style;

typedef struct sp_panel_options {
  double width, height; /* of the picture */
  sp_panel_style style; /* auto: wiggles where a trace has 6 pixels or more */
  sp_colour_map map;    /* gray or diverging */
  bool reversed;        /* polarity: black (red) is negative */
  double share;         /* of samples before that the clip does not cut */
  double agc;           /* s: gain of before by its RMS in windows of this length, in all panels; 0: none */
  bool similarity;      /* a panel of it */
  const char *unit;     /* of lengths */
  const char *footer;   /* survey and uuid */
} sp_panel_options;

typedef struct sp_panel_numbers {
  double clip;           /* amplitude at full colour */
  double gain;           /* power of two of the panel "noise x G"; 0: there is none */
  double removed;        /* share of energy; NAN */
  double correlation;    /* of noise with after; NAN */
  double peak_f, peak_k; /* Hz and 1/unit, where the f-k panel of before is largest */
  double parseval;       /* energy of the f-k panel of before over that of its samples */
  double step;           /* of the f-k panels, between traces; in `k_unit` */
  bool regular;          /* whether that is the offset */
} sp_panel_numbers;

sp_status sp_draw_gather(const sp_gather_view *view, const sp_panel_options *options, sp_panel_numbers *numbers,
                         sp_picture **out);
sp_status sp_draw_fk(const sp_gather_view *view, const sp_panel_options *options, sp_panel_numbers *numbers,
                     sp_picture **out);

/* Mean amplitude spectra of the gather; adds what they show to `sum`. */
sp_status sp_draw_spectra(const sp_gather_view *view, const sp_panel_options *options, sp_picture **out);

/* Amplitude spectrum, mean over the traces of rows[n_traces][n_samples]: spectrum[n / 2 + 1] with n, the number of
 * samples or the next power of two. The caller owns *spectrum. */
sp_status sp_mean_spectrum(const float *rows, size_t n_traces, size_t n_samples, double **spectrum, size_t *n_bins);

/* Amplitude of the two-dimensional transform, |sum x(t, x) exp(-2 pi i (f t - k x))|, with a Hann window along t and
 * zeros up to powers of two: amplitude[n_k][n_f], k from -1/2 to below 1/2 of a trace, f from 0 to the Nyquist
 * frequency. energy: sum of squares over all bins, mirrored ones included, over the energy of the windowed samples. The
 * caller owns *amplitude. A wave that moves towards larger trace numbers has k > 0. */
typedef struct sp_fk_panel {
  float *amplitude;
  size_t n_k, n_f;
  double parseval;
} sp_fk_panel;
sp_status sp_fk_transform(const float *rows, size_t n_traces, size_t n_samples, sp_fk_panel *out);

/* Local similarity of two panels, 0 to 1: |smooth(a b)| / sqrt(smooth(a^2) smooth(b^2)), smooth being a box of
 * (2 half_traces + 1) x (2 half_samples + 1). out[n_traces][n_samples]. */
sp_status sp_similarity(const float *a, const float *b, size_t n_traces, size_t n_samples, size_t half_traces,
                        size_t half_samples, float *out);

#endif
