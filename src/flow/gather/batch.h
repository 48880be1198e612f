/* SPDX-License-Identifier: BSD-3-Clause */
/* Batches: whole gathers in device memory, and what is done to them besides computing: order, marks of traces, checks
 * of results, the difference, failed gathers, checksums. Semantics are those of the CPU engine (src/flow/gather/live.c,
 * unit.c). One table a kind of device: cuda/batch.cu, mock_batch.c.
 *
 * Steps get the traces of each gather that are to be looked at only: those that are not skipped, and once traces are
 * marked the live ones. For that the rows of a batch are arranged: these traces in their order, then the others, which
 * make one more gather at the end that nobody looks at.
 */
#ifndef SEISPROC_SRC_FLOW_GATHER_BATCH_H
#define SEISPROC_SRC_FLOW_GATHER_BATCH_H

#ifdef __cplusplus
extern "C" {
#endif

#include "kernels/cuda_batch.h"
#include "seisproc/engine.h"
#include "src/device/device.h"
#include "src/flow/gather/failure.h"
#include "src/flow/gather/row_ops.h"

/* A batch in device memory. Gathers and traces count from the batch's first. */
typedef struct sp_batch_view {
  uint32_t n_samples, n_steps, n_edits, n_headers;
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
  sp_row_sums *sums;                          /* [max_traces], by trace; NULL: nothing is measured */
  sp_step_sums *steps;                        /* [n_measured][max_traces], by trace */
  uint32_t n_measured;                        /* the first steps, where each is measured by itself */
} sp_batch_view;

/* The functions that queue do so on the stream and return. `batch` holds n_traces and n_gathers of the batch as it
 * came, unless it says otherwise. The state (mark ... reasons) is zero before. Errors: SP_ERR_DEVICE. */
typedef struct sp_batch_ops {
  const sp_device_ops *device;

  /* A processor's backend, as in kernels/cuda_processor.h. `plan` fails with SP_ERR_USAGE, without a line, where there
   * is no kernel for this step. `i` is its position in the chain. */
  size_t (*step_bytes)(const sp_chain_step *step, const sp_cuda_geometry *geometry);
  sp_status (*step_plan)(sp_device *device, const sp_chain_step *step, size_t i, const sp_cuda_geometry *geometry,
                         sp_cuda_plan **out);
  sp_status (*step_apply)(sp_cuda_plan *plan, const sp_cuda_batch *batch, sp_stream stream);
  void (*step_destroy)(sp_cuda_plan *plan);

  /* Tables for checksums of gathers of up to max_gather traces. The caller owns *out. */
  sp_status (*create_tables)(uint32_t n_samples, uint32_t max_gather, void **out);
  void (*destroy_tables)(void *tables);

  /* Puts the traces that arrived in `out` in order into `in`; where they need none they arrived there. */
  sp_status (*receive)(const sp_batch_view *view, const sp_cuda_batch *batch, sp_stream stream);
  /* Marks the traces that are not to be processed as skipped, the others as live. */
  sp_status (*mark_skipped)(const sp_batch_view *view, const sp_cuda_batch *batch, sp_stream stream);
  /* Marks all traces, which are in their order, by what the steps that edit made of them in `edited`, which may be
   * `in`; counts them. Of a gather that such a step refused the input counts. */
  sp_status (*mark)(const sp_batch_view *view, const sp_cuda_batch *batch, float *edited, sp_stream stream);
  /* Works out the rows, live traces first, and what describes them. No row is moved. */
  sp_status (*arrange)(const sp_batch_view *view, const sp_cuda_batch *batch, sp_stream stream);
  /* Rows from the order of traces into that of `arrange`, or `back`. `to` is `from` (by way of `spare`, and only where
   * something moves) or another place. */
  sp_status (*move)(const sp_batch_view *view, uint32_t n_traces, const float *from, float *to, bool back,
                    sp_stream stream);
  /* What a step made of the rows of `from`, which are arranged, in `to`. */
  sp_status (*measure_step)(const sp_batch_view *view, const sp_cuda_batch *batch, size_t step, const float *from,
                            const float *to, sp_stream stream);
  /* From what was computed, rows in `out`, to what the mode asks for, in `out` and `noise`, in the order of traces;
   * then the results. */
  sp_status (*finish)(const sp_batch_view *view, const sp_cuda_batch *batch, const void *tables, sp_stream stream);
} sp_batch_ops;

extern const sp_batch_ops sp_batch_mock;

#ifdef __cplusplus
}
#endif
#endif
