/* What is done to a batch besides computing it: order, checks of input and output, the difference, failed gathers,
 * checksums. Semantics are those of the CPU engine (src/flow/gather/unit.c). Launches only; each returns at once. */
#ifndef SEISPROC_SRC_FLOW_GATHER_CUDA_BATCH_H
#define SEISPROC_SRC_FLOW_GATHER_CUDA_BATCH_H

#include "src/flow/gather/cuda/crc.h"
extern "C" {
#include "seisproc/engine.h"
}

/* A batch in device memory. Gathers and traces count from the batch's first. */
typedef struct sp_batch_view {
  uint32_t n_samples, n_steps;
  sp_mode mode;
  sp_on_error on_error;
  float *in, *out, *noise;                   /* [max_traces][n_samples]; noise NULL unless the mode is both */
  uint32_t max_gathers;                      /* of the arrays below */
  const uint32_t *first_trace, *set_aside;   /* [max_gathers + 1], [max_gathers] */
  const uint32_t *gather, *order;            /* [max_traces]; order NULL: as they are */
  uint32_t *dead;                            /* [max_traces]: 1 where all is zero */
  uint32_t *n_dead, *bad_input, *bad_output; /* [max_gathers] */
  uint32_t *reasons;                         /* [n_steps][max_gathers] */
  uint32_t *results;                         /* [3][max_gathers]: reason, crc of traces, of noise */
} sp_batch_view;

/* Puts the traces that arrived in `out` (order) or `in` in order into `in`, and looks for dead ones and for what is not
 * finite. The state (dead ... reasons) is zero before. */
sp_status sp_batch_receive(const sp_batch_view *view, const sp_cuda_batch *batch, cudaStream_t stream);

/* Puts the dead traces back into `rows`. */
sp_status sp_batch_keep_dead(const sp_batch_view *view, const sp_cuda_batch *batch, float *rows, cudaStream_t stream);

/* From what was computed, in `out`, to what the mode asks for, in `out` and `noise`; then results. */
sp_status sp_batch_finish(const sp_batch_view *view, const sp_cuda_batch *batch, const sp_cuda_crc *crc,
                          cudaStream_t stream);

#endif
