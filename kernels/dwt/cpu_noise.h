/* SPDX-License-Identifier: BSD-3-Clause */
/* The noise of a trace and the thresholds of a gather on the CPU: what denoising needs before it begins. */
#ifndef SEISPROC_KERNELS_DWT_CPU_NOISE_H
#define SEISPROC_KERNELS_DWT_CPU_NOISE_H

#include "kernels/dwt/cpu_transform.h"
#include "kernels/dwt/response.h"
#include "kernels/dwt/sure.h"

/* Memory of a thread. */
typedef struct sp_dwt_work {
  float *scratch, *result; /* of a transform; two rows of thresholded coefficients */
  int32_t *values;         /* for a median */
  float *rows;             /* [n_rows], each row_floats */
  unsigned char *splits;   /* [n_rows] */
  int32_t *sorted;         /* windows of a large aperture, of all places of a row */
  sp_dwt_band *bands;
  float *guess;     /* the last median */
  void *floor;      /* where the gather's spectrum is looked at, else NULL; and so on: */
  uint32_t *counts; /* [bands][SP_SURE_BINS] */
  float *typical;   /* [512], levels of traces */
} sp_dwt_work;

typedef struct sp_dwt_noise {
  sp_dwt_params params;
  const sp_dwt_layout *layout;
  sp_floor *floor;                                     /* NULL where it is not wanted or traces are too short */
  double weights[SP_DWT_MAX_LEVEL + 1][SP_FLOOR_BINS]; /* of each detail that is asked for */
} sp_dwt_noise;

/* The level of the noise of a gather, which depends on neither k nor the rule: of detail i sigma[i], or `ratio` of what
 * each trace shows. */
typedef struct sp_dwt_level {
  bool by_level;
  double sigma[SP_DWT_MAX_LEVEL + 2];
  double ratio;
} sp_dwt_level;

/* The thresholds of a gather: of band i of a row k[i] times its level. */
typedef struct sp_dwt_choice {
  double k[SP_DWT_MAX_LEVEL + 2];
  sp_dwt_level level;
} sp_dwt_choice;

/* What can be found out once for several k and rules: the levels, and of each trace what it shows. */
typedef struct sp_dwt_findings {
  bool known;
  sp_dwt_params params; /* with which, but for k and threshold */
  uint32_t n_traces;
  sp_dwt_level level;
  double of_trace[]; /* [n_traces] */
} sp_dwt_findings;

/* Of the levels of `layout`, which is borrowed. */
sp_status sp_dwt_noise_plan(const sp_dwt_params *params, const sp_dwt_layout *layout, sp_dwt_noise *out);
void sp_dwt_noise_destroy(sp_dwt_noise *noise);

/* True standard deviation of the noise that a trace shows, from its row of coefficients; its bands are in the work. */
double sp_dwt_noise_of_trace(const sp_dwt_noise *noise, const sp_dwt_work *work, const float *row, size_t n_bands);

/* Of a gather; where the parameters say all, of none (NULL). `known` is its level, where that was found before; else
 * NULL. */
void sp_dwt_choose(const sp_dwt_noise *noise, const sp_dwt_work *work, const float *gather, uint32_t n_traces,
                   const sp_dwt_level *known, sp_dwt_choice *choice);

#endif
