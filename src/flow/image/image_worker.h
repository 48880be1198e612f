/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker of the image flow: shared by what it does with a task (image_worker.c) and where it meets the others
 * (image_sync.c). Private to these two. */
#ifndef SEISPROC_SRC_FLOW_IMAGE_IMAGE_WORKER_H
#define SEISPROC_SRC_FLOW_IMAGE_IMAGE_WORKER_H

#include "seisproc/trace_store.h"
#include "src/base/thread_team.h"
#include "src/flow/image/image_engine.h"
#include "src/flow/image/image_state.h"

enum { SP_IMAGE_INPUTS = 2 };

/* A task's input: one is computed while the other is read. */
typedef struct sp_image_input {
  sp_task task;
  sp_image_trace *traces;   /* [task_traces] */
  float *samples;           /* [task_traces][n_samples] */
  float *image;             /* [task_points][n_classes][n_tau] */
  uint32_t *hits;           /* the same */
  sp_pstm_trace *positions; /* [SP_PSTM_BATCH] */
  sp_image_absent *absent;  /* [task_units] */
  sp_status status;         /* of what was computed */
} sp_image_input;

typedef struct sp_image_worker {
  sp_flow_site *site;
  const sp_image_shared *shared;
  sp_ranks peers;
  sp_ranks group; /* of these, the workers of a tile */
  uint32_t group_number;
  sp_survey *survey;
  sp_trace_source *source;
  sp_velocity_model *model;
  double *apertures; /* [n_tau]; NULL: not by tau */
  sp_image_engine *engine;
  sp_thread_team *driver; /* of one thread: computes while this one reads */
  sp_image_state *state;
  sp_image_head head;
  sp_image_input inputs[SP_IMAGE_INPUTS];
  /* a snapshot that is being written while this worker goes on */
  sp_thread_team *writer; /* of one thread; reads sum and hits, and uses the state file alone meanwhile */
  sp_image_head writing;  /* the head that names it */
  sp_status written;
  bool to_collect; /* sums that were set aside on the GPU are not in sum and hits yet */
  /* the phase */
  sp_image_phase now;
  sp_image_step step; /* of this worker's group */
  sp_pstm_tile tile;
  uint64_t first_column, end_column; /* this worker's share of the tile */
  int64_t *sum;                      /* [share][n_tau]: of all workers, up to the last sync */
  uint32_t *hits;
  uint8_t *bits; /* batches since the phase began; on rank 0 of the peers with those of the snapshot */
  double peak;
  uint64_t strongest; /* number of the trace that has it */
  bool digits_looked_at;
} sp_image_worker;

static inline uint32_t sp_image_n_tau(const sp_image_worker *w) {
  return w->shared->config.grid.n_tau;
}

#endif
