/* SPDX-License-Identifier: BSD-3-Clause */
/* Sums of the traces of a batch, for the figures of quality. */
#ifndef SEISPROC_SRC_FLOW_GATHER_CUDA_MEASURE_H
#define SEISPROC_SRC_FLOW_GATHER_CUDA_MEASURE_H

#include <cuda_runtime.h>

#include "src/flow/gather/batch.h"

/* Of the rows in `in` and `out`, before they become what the mode asks for, into view->sums. Launches only. */
sp_status sp_batch_measure(const sp_batch_view *view, uint32_t n_traces, cudaStream_t stream);

/* Of what a step made of the arranged rows of `from` in `to`, into view->steps. Launches only. */
sp_status sp_batch_measure_step(const sp_batch_view *view, uint32_t n_traces, uint32_t n_gathers, size_t step,
                                const float *from, const float *to, cudaStream_t stream);

#endif
