/* What is done to a batch besides computing it: order, marks of traces, checks of results, the difference, failed
 * gathers, checksums. Semantics are those of the CPU engine (src/flow/gather/live.c, unit.c). Launches only; each
 * returns at once.
 *
 * Steps that do not edit get the live traces of each gather only. For that the rows of a batch are arranged: the live
 * traces in their order, then the others, which make one more gather at the end that nobody looks at.
 */
#ifndef SEISPROC_SRC_FLOW_GATHER_CUDA_BATCH_H
#define SEISPROC_SRC_FLOW_GATHER_CUDA_BATCH_H

#include "src/flow/gather/cuda/crc.h"
extern "C" {
#include "seisproc/engine.h"
#include "src/flow/gather/failure.h"
}

/* A batch in device memory. Gathers and traces count from the batch's first. */
typedef struct sp_batch_view {
  uint32_t n_samples, n_steps, n_headers;
  sp_mode mode;
  sp_on_error on_error;
  sp_nan nan;
  float *in, *out, *noise;                    /* [max_traces][n_samples]; noise NULL unless the mode is both */
  float *spare;                               /* the same; of the engine, for one batch at a time */
  uint32_t max_traces, max_gathers;           /* of the arrays below */
  const uint32_t *first_trace, *set_aside;    /* [max_gathers + 1], [max_gathers] */
  const uint32_t *gather, *order, *skip;      /* [max_traces]; order, skip NULL: as they are, none */
  const double *columns;                      /* [n_headers][max_traces] */
  uint32_t *mark;                             /* [max_traces] sp_mark, by trace */
  uint32_t *n_live, *n_dead, *n_bad, *failed; /* [max_gathers] */
  uint32_t *n_aside;                          /* [1]: traces of the batch that are not live */
  uint32_t *reasons;                          /* [n_steps][max_gathers + 1] */
  uint32_t *place, *row_gather, *before;      /* [max_traces]: by row, the trace that it is, and its gather; by trace,
                                                 the live ones before it */
  uint32_t *live_row;                         /* [max_traces], by trace: its row, SP_CUDA_NO_ROW unless it is live */
  uint32_t *first_row;                        /* [max_gathers + 2] */
  double *row_columns;                        /* [n_headers][max_traces], by row */
  uint32_t *results;                          /* [3][max_gathers]: reason, crc of traces, of noise */
} sp_batch_view;

/* Puts the traces that arrived in `out` (order) or `in` in order into `in`. The state (n_live ... reasons) is zero
 * before. */
sp_status sp_batch_receive(const sp_batch_view *view, const sp_cuda_batch *batch, cudaStream_t stream);

/* Marks traces by what the steps that edit made of them in `edited`, which may be `in`. */
sp_status sp_batch_mark(const sp_batch_view *view, const sp_cuda_batch *batch, float *edited, cudaStream_t stream);

/* Arranges `in` and what describes the rows; *batch then describes the arranged rows. `edited` is arranged, too: from
 * `out` into `spare` where `move` says so, else where it is. */
sp_status sp_batch_arrange(const sp_batch_view *view, sp_cuda_batch *batch, float *edited, bool move,
                           cudaStream_t stream);

/* From what was computed, in `out`, to what the mode asks for, in `out` and `noise`, in the order of traces; then
 * results. `batch` describes the arranged rows. */
sp_status sp_batch_finish(const sp_batch_view *view, const sp_cuda_batch *batch, const sp_cuda_crc *crc,
                          cudaStream_t stream);

#endif
