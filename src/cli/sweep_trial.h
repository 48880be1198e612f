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
  uint64_t n_recalled;          /* gathers for which the steps before the varied one were not computed again */
  double shown_removed;         /* of the gather that is shown; NAN: none is */
} sp_sweep_figures;

typedef struct sp_sweep_trial sp_sweep_trial;

enum { SP_SWEEP_NONE_SHOWN = -1, SP_SWEEP_NOTHING_SHARED = -1 };

/* Gathers of `plan` (opened, with its index; borrowed), to be tried with several jobs. `clean` (NULL: none; borrowed)
 * is the survey without noise, of the same shape, with the same gathers selected. `shown` is the number of the gather
 * of which the noise is kept, or SP_SWEEP_NONE_SHOWN. `n_shared`: the jobs differ in what comes after so many steps
 * alone, which are computed once (engine.h); SP_SWEEP_NOTHING_SHARED: they differ in more than their chains. Samples,
 * and what the shared steps make of them, stay in memory where they take no more than a gigabyte each, else two gathers
 * at a time, computed from the start for each job. The caller closes *out. Errors: SP_ERR_MEMORY, SP_ERR_IO. */
sp_status sp_sweep_open(const sp_run_plan *plan, sp_survey *clean, int64_t shown, int n_shared, sp_sweep_trial **out);
void sp_sweep_close(sp_sweep_trial *trial);

/* Takes all gathers through plan->job, which is another one each time. Errors: what planning or an engine refuses;
 * SP_ERR_IO. */
sp_status sp_sweep_try(sp_sweep_trial *trial, sp_run_plan *plan, int n_threads, sp_sweep_figures *out);

/* Of the gather that is shown: the noise of the last trial, noise[traces][n_samples], and the order of its traces
 * (NULL: the input's). They belong to the trial. */
const float *sp_sweep_noise(const sp_sweep_trial *trial, const sp_local **order);

/* 10 log10(|clean|^2 / |input - clean|^2) of the input as it is; NAN without a clean survey. */
sp_status sp_sweep_snr_before(sp_sweep_trial *trial, double *out);

#endif
