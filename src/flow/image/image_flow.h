/* SPDX-License-Identifier: BSD-3-Clause */
/* The image flow: traces in, an image of another shape out (pstm). What its files share; private to src/flow/image.
 *
 * Steps follow each other: `peak` reads all traces once, to know how large sums can be; then a class and tile each,
 * whose units are batches of SP_PSTM_BATCH traces; at last `image`, whose units are image points, the gathers of the
 * output. A phase is a step, or a step of sums for each of n_groups groups of workers: tiles of one class that follow
 * each other. Steps and units do not depend on the workers there are, phases do.
 *
 * Between syncs a worker keeps what it has summed in memory; a sync adds up the integers of a group's workers and
 * writes a snapshot, the last sync of a phase writes the images of its tiles. Both lie in OUT.part.image
 * (image_state.h), from which the last phase copies to the output.
 */
#ifndef SEISPROC_SRC_FLOW_IMAGE_IMAGE_FLOW_H
#define SEISPROC_SRC_FLOW_IMAGE_IMAGE_FLOW_H

#include <stdio.h>

#include "kernels/pstm/params.h"
#include "seisproc/share.h"
#include "src/flow/flow.h"

enum { SP_IMAGE_MAX_CLASSES = 1024, SP_IMAGE_TASK_BATCHES = 8, SP_IMAGE_DIGITS_TEXT = 400 };

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
  double typical_peak;  /* the median of some traces; NAN: not known */
  double latest_s;      /* end of the latest trace */
  float least_velocity; /* m/s */
  uint32_t model_crc;   /* of all velocities, eta and far */
  uint32_t task_points; /* of a task of the last phase */
  uint32_t n_groups;    /* of workers, each with a tile of its own; a divisor of n_tiles */
  struct sp_image_class {
    double offset;  /* m, centre; of one class the mean */
    uint64_t first; /* of its traces in the list of all used ones */
    uint64_t n_traces;
    uint64_t first_batch, n_batches;
    double area;         /* the largest of its traces */
    double typical_area; /* the mean of its traces */
  } classes[SP_IMAGE_MAX_CLASSES];
} sp_image_shared;

/* A trace of a batch, as dealt. */
typedef struct sp_image_trace {
  uint64_t number; /* in the survey */
  sp_pstm_trace position;
} sp_image_trace;

typedef enum sp_image_kind { SP_IMAGE_PEAK, SP_IMAGE_SUM, SP_IMAGE_WRITE } sp_image_kind;

typedef struct sp_image_step {
  sp_image_kind kind;
  uint32_t class_number, tile;
  uint64_t first_unit, n_units;
} sp_image_step;

/* Steps that are taken at once, one a group; of sums they have as many units each. */
typedef struct sp_image_phase {
  sp_image_kind kind;
  uint32_t class_number;
  uint32_t first_step, n_steps;
  uint64_t first_unit, n_units, step_units;
} sp_image_phase;

static inline const sp_image_shared *sp_image_shared_of(const sp_flow_plan *plan) {
  return plan->shared;
}

/* --- steps, phases and tiles (image_phase.c) ---------------------------------------------------------------------- */

uint32_t sp_image_steps(const sp_image_shared *s);
sp_image_step sp_image_step_at(const sp_image_shared *s, uint32_t step);
uint32_t sp_image_phases(const sp_image_shared *s);
sp_image_phase sp_image_phase_at(const sp_image_shared *s, uint32_t phase);
sp_pstm_tile sp_image_tile(const sp_image_shared *s, uint32_t tile);
uint64_t sp_image_points(const sp_image_shared *s);
uint64_t sp_image_units(const sp_image_shared *s);

/* Workers of a group, of n_workers: they follow each other. */
sp_share sp_image_group(const sp_image_shared *s, int n_workers, uint32_t group);
uint32_t sp_image_group_of(const sp_image_shared *s, int n_workers, int worker);

/* Of the largest phase's batches, a bit each. */
static inline uint64_t sp_image_bits_bytes(const sp_image_shared *s) {
  return s->n_batches * s->n_groups / 8 + 1;
}

/* With a phase, to all workers. */
typedef struct sp_image_begin {
  int snapshot; /* 0 or 1: to go on from; -1: from nothing */
} sp_image_begin;

/* --- planning (rank 0) -------------------------------------------------------------------------------------------- */

/* Rank 0's own. */
typedef struct sp_image_own {
  sp_image_trace *traces; /* [n_used], class by class in survey order */
  uint64_t *work_before;  /* of the phase that is dealt, [n_units + 1] */
  sp_dealer **dealers;    /* [n_groups], of the phase */
  int n_teams;
  sp_image_phase now;
  uint32_t n_complete; /* steps that the state file says are over */
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

/* How many groups the workers make: what takes the least time by the traces within reach of each tile (image_groups.c).
 * Sets n_groups of `shared`. */
sp_status sp_image_choose_groups(const sp_plan_request *request, const sp_image_own *own, sp_image_shared *shared);

/* Columns of a tile within the aperture of all traces, from every so many-th one. */
double sp_image_pairs(const sp_image_shared *s, const sp_image_own *own, const sp_pstm_tile *tile);

/* --- digits of the sums (image_digits.c) ------------------------------------------------------------------------- */

/* A plan of one column, with which peaks are found. The caller owns *out. */
sp_status sp_image_plan_for_peaks(const sp_image_shared *shared, int n_threads, sp_pstm **out);

/* Reads some of the used traces: sets typical_peak of `shared`. */
sp_status sp_image_look_at_traces(const sp_plan_request *request, const sp_image_own *own, sp_image_shared *shared);

/* Whether sums whose unit follows from this peak keep what a typical trace adds. `trace` is the number of the one that
 * has the peak, NULL where the job says it. Says nothing itself: text [size] is what is to be warned of, "" nothing.
 * Errors: SP_ERR_INPUT where nothing would be kept, with the reason in text. */
sp_status sp_image_check_digits(const sp_image_shared *s, double peak, const uint64_t *trace, char *text, size_t size);

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
