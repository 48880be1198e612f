/* SPDX-License-Identifier: BSD-3-Clause */
/* One job tried with several values of a parameter, in memory: what each would remove. Private to src/cli. */
#ifndef SEISPROC_CLI_SWEEP_TRIAL_H
#define SEISPROC_CLI_SWEEP_TRIAL_H

#include "src/run/plan.h"

/* What a job makes of the gathers, all together. Energy is the sum of squares over the measured traces (figures.h). */
typedef struct sp_sweep_figures {
  uint64_t n_gathers, n_failed; /* tried; that could not be processed */
  double removed;               /* energy of the noise / energy of the input; NAN: there is none */
  double least, most;           /* the same of single gathers */
  double similarity;            /* correlation of what is removed with what is kept; NAN: one of them is zero */
  double snr;                   /* dB, 10 log10(|clean|^2 / |processed - clean|^2); NAN: no clean survey */
  double seconds;               /* of computing */
} sp_sweep_figures;

/* Gathers of `plan` (opened, with its index) through plan->job, one gather in memory at a time. `clean` (NULL: none) is
 * the survey without noise, of the same shape, with the same gathers selected. Errors: what planning or an engine
 * refuses; SP_ERR_IO. */
sp_status sp_sweep_try(sp_run_plan *plan, sp_survey *clean, int n_threads, sp_sweep_figures *out);

/* 10 log10(|clean|^2 / |input - clean|^2) of the input as it is. */
sp_status sp_sweep_snr_before(const sp_run_plan *plan, sp_survey *clean, double *out);

#endif
