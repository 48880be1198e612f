/* SPDX-License-Identifier: BSD-3-Clause */
/* The image flow: traces in, an image of another shape out (pstm). What its files share; private to src/flow/image.
 *
 * Phases follow each other: `peak` reads all traces once, to know how large sums can be; then one phase a class and
 * tile, whose units are batches of SP_PSTM_BATCH traces; at last `image`, whose units are image points, the gathers of
 * the output. Between syncs a worker keeps what it has summed in memory; a sync adds up the workers' integers and
 * writes a snapshot, the last sync of a phase writes the class's image. Both lie in OUT.part.image (image_state.h),
 * from which the last phase copies to the output.
 */
#ifndef SEISPROC_SRC_FLOW_IMAGE_IMAGE_FLOW_H
#define SEISPROC_SRC_FLOW_IMAGE_IMAGE_FLOW_H

#include <stdio.h>

#include "kernels/pstm/params.h"
#include "src/flow/flow.h"

enum { SP_IMAGE_MAX_CLASSES = 1024, SP_IMAGE_TASK_BATCHES = 8 };

/* The same on all ranks; plain data. */
typedef struct sp_image_shared {
  sp_pstm_config config; /* without aperture_by_tau */
  sp_line_numbers numbers;
  bool by_tau, hits, stack;
  bool reached;  /* a trace reaches the image */
  int normalize; /* sp_pstm_normalize */
  uint32_t n_classes, n_tiles, tiles_x;
  uint32_t tile_n[2];   /* columns of a tile along x and y; the last ones may have fewer */
  uint64_t n_batches;   /* of all classes */
  double peak;          /* NAN: the first phase finds it */
  double latest_s;      /* end of the latest trace */
  float least_velocity; /* m/s */
  uint32_t model_crc;   /* of all velocities, eta and far */
  uint32_t task_points; /* of a task of the last phase */
  struct sp_image_class {
    double offset;  /* m, centre; of one class the mean */
    uint64_t first; /* of its traces in the list of all used ones */
    uint64_t n_traces;
    uint64_t first_batch, n_batches;
    double area; /* the largest of its traces */
  } classes[SP_IMAGE_MAX_CLASSES];
} sp_image_shared;

/* A trace of a batch, as dealt. */
typedef struct sp_image_trace {
  uint64_t number; /* in the survey */
  sp_pstm_trace position;
} sp_image_trace;

/* What a phase is. */
typedef enum sp_image_step { SP_IMAGE_PEAK, SP_IMAGE_SUM, SP_IMAGE_WRITE } sp_image_step;

typedef struct sp_image_phase {
  sp_image_step step;
  uint32_t class_number, tile;
  uint64_t first_unit, n_units;
} sp_image_phase;

static inline const sp_image_shared *sp_image_shared_of(const sp_flow_plan *plan) {
  return plan->shared;
}

/* --- phases and tiles (image_phase.c) ----------------------------------------------------------------------------- */

uint32_t sp_image_phases(const sp_image_shared *s);
sp_image_phase sp_image_phase_at(const sp_image_shared *s, uint32_t phase);
sp_pstm_tile sp_image_tile(const sp_image_shared *s, uint32_t tile);
uint64_t sp_image_points(const sp_image_shared *s);
uint64_t sp_image_units(const sp_image_shared *s);

/* With a phase, to all workers. */
typedef struct sp_image_begin {
  int snapshot; /* 0 or 1: to go on from; -1: from nothing */
} sp_image_begin;

/* --- planning (rank 0) -------------------------------------------------------------------------------------------- */

/* Rank 0's own. */
typedef struct sp_image_own {
  sp_image_trace *traces; /* [n_used], class by class in survey order */
  uint64_t *work_before;  /* of the phase that is dealt, [n_units + 1] */
  sp_dealer *dealer;
  sp_image_phase now;
  uint32_t n_complete; /* phases that the state file says are over */
  int snapshot;
  uint64_t n_absent; /* traces of no class, or without coordinates */
} sp_image_own;

/* Reads velocities (or eta) from a text table or a survey. The caller owns what is in *table. Errors: SP_ERR_INPUT, one
 * line. */
sp_status sp_image_velocity(const char *path, const sp_velocity_range *range, sp_velocity_table *table);

/* Velocities of the job's image. */
sp_status sp_image_model(const sp_pstm_params *params, const sp_pstm_grid *grid, const sp_line_numbers *numbers,
                         sp_velocity_model **out);

/* Grid, classes, areas and the list of used traces: sets config.grid, classes, latest_s of `shared` and own->traces. */
sp_status sp_image_survey(const sp_plan_request *request, const sp_pstm_params *params, sp_image_shared *shared,
                          sp_image_own *own);

/* The parameters of the job's only step. */
const sp_pstm_params *sp_image_params(const sp_job *job);

/* For `plan`: the image, contributions, time and memory. */
void sp_image_explain(const sp_flow_plan *plan, FILE *out);

/* --- the output --------------------------------------------------------------------------------------------------- */

sp_status sp_image_outputs(const sp_flow_plan *plan, const sp_survey *input, sp_output_spec *out);

/* The datasets of an image, and its info but uuid, history and created_by. */
void sp_image_spec(const sp_image_shared *shared, sp_output_spec *out);

/* Writes the header columns and the gather index of an image. Collective over ranks, which the survey is open on. */
sp_status sp_image_write_columns(sp_survey *survey, const sp_image_shared *shared, const sp_ranks *ranks,
                                 sp_activity *activity);
sp_status sp_image_write_headers(const sp_flow_plan *plan, const sp_roles *roles, const char *part_path,
                                 sp_activity *activity);
sp_status sp_image_publish(const sp_flow_plan *plan, const char *part_path, const void *figures);
sp_status sp_image_load(const sp_flow_plan *plan, sp_survey *output, void *figures);

/* --- the stack: a survey beside the output, OUT-stack.h5, of the sums over the classes of OUT.h5 -------------- */

/* Its name; owned by the caller. */
sp_status sp_image_stack_path(const char *output, char **out);

/* Errors: SP_ERR_USAGE where a file of that name is there that is not the stack of this output. */
sp_status sp_image_stack_check(const char *output);

/* Makes it from the complete output at part_path, as a part of its own. Collective over ranks. */
sp_status sp_image_stack_make(const sp_flow_plan *plan, const char *part_path, const sp_ranks *ranks,
                              sp_activity *activity);

/* One process: gives it its name; forgets its part. */
sp_status sp_image_stack_publish(const char *output);
void sp_image_stack_forget(const char *output);

/* --- a worker ----------------------------------------------------------------------------------------------------- */

sp_status sp_image_open(sp_flow_site *site, void **worker);
sp_status sp_image_read(void *worker, int k, const sp_task *task, const void *payload);
sp_status sp_image_submit(void *worker, int k);
sp_status sp_image_finish(void *worker, int k, uint32_t *n_slots, void *figures);
sp_status sp_image_begin_phase(void *worker, uint32_t phase, const void *payload);
sp_status sp_image_sync(void *worker, uint32_t phase, bool ends);
double sp_image_busy_s(const void *worker);
void sp_image_close(void *worker);

#endif
