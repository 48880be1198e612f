/* SPDX-License-Identifier: BSD-3-Clause */
/* The filter along time: traces to the bins of the band, and what is removed from those bins back to samples. */
#ifndef SEISPROC_KERNELS_FK_TRACE_STAGE_H
#define SEISPROC_KERNELS_FK_TRACE_STAGE_H

#include <stddef.h>

#include "kernels/fk/filter.h"

typedef struct sp_fk_complex {
  float re, im;
} sp_fk_complex;

typedef struct sp_fk_trace_stage sp_fk_trace_stage;

/* What a trace is taken to: the filter's band of the trace as it is padded there, or (for filling gaps) all bins of
 * `padded` points after zeros. */
typedef struct sp_fk_time_axis {
  uint32_t n_samples, padded;
  uint32_t first_bin, n_bins;
  uint32_t reach; /* samples of the pad at either end that hold a decaying edge */
  bool gain;
  uint32_t gain_half;
} sp_fk_time_axis;

sp_fk_time_axis sp_fk_filter_time_axis(const sp_fk_filter *filter);

/* All bins of a trace after zeros, for filling gaps. */
sp_fk_time_axis sp_fk_fill_time_axis(uint32_t n_samples);

/* Plans with FFTW_ESTIMATE; one thread at a time plans. The caller owns *out. Errors: SP_ERR_MEMORY. */
sp_status sp_fk_trace_stage_create(const sp_fk_time_axis *axis, sp_fk_trace_stage **out);

/* Takes NULL. */
void sp_fk_trace_stage_destroy(sp_fk_trace_stage *stage);

/* Bytes of work that a call needs, aligned to SP_ALIGNMENT; a thread has its own. */
size_t sp_fk_trace_stage_work(const sp_fk_trace_stage *stage);

/* Gain, padding and transform of one trace: its bins first_bin ... first_bin + n_bins - 1. */
void sp_fk_trace_forward(const sp_fk_trace_stage *stage, void *work, const float *trace, sp_fk_complex *bins);

/* Inverse transform of those bins, all others zero, divided by the padded length and by the gain of `trace`.
 * `samples` may be `trace`. */
void sp_fk_trace_back(const sp_fk_trace_stage *stage, void *work, const float *trace, const sp_fk_complex *bins,
                      float *samples);

#endif
