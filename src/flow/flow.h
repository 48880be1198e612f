/* SPDX-License-Identifier: BSD-3-Clause */
/* Flows: what a job does with a survey, cut into units and tasks. Private to seisproc.
 *
 * A unit is what is journalled and resumed: a gather, a cube, a batch of traces for an image. Units are numbered over
 * the whole job, those of a phase following each other. A task is a run of consecutive units that is dealt to a team of
 * workers (of one, unless the flow asks for more). src/run deals, journals, watches, writes and reports tasks and knows
 * nothing else; a flow says what its tasks are and what becomes of them:
 *
 *   rank 0      plan -> outputs -> [open_left, restore] -> begin_phase, deal, fill, ... -> publish
 *   all ranks   write_headers, into a new output, before the first task
 *   workers     open -> begin -> (read, submit, finish) a task ... -> sync -> begin -> ... -> close
 *
 * A phase is over when all its units are done; then its workers meet in `sync`, and only then does the next one begin.
 * Results reach the output in one of two ways. Rows: the worker puts them into slots of the node's window, an I/O rank
 * writes them, and a unit is done when all slots of its task are on the disk. Or the worker keeps them in memory
 * (finish hands over no slot): then such units are done once a `sync` has made them durable, as a snapshot or
 * otherwise. The journal may lag behind that, so what a killed run has made durable in this way is the flow's to find:
 * see restore.
 *
 * The order of read, submit and finish is the same on all workers of a team, so a flow may call collectives of the team
 * in them.
 */
#ifndef SEISPROC_SRC_FLOW_FLOW_H
#define SEISPROC_SRC_FLOW_FLOW_H

#include <stdio.h>

#include "seisproc/collective.h"
#include "seisproc/deal.h"
#include "seisproc/figures.h"
#include "seisproc/gather_index.h"
#include "seisproc/job.h"
#include "seisproc/json.h"
#include "seisproc/node_window.h"
#include "seisproc/roles.h"
#include "seisproc/stats.h"
#include "seisproc/survey_file.h"
#include "src/base/activity.h"

/* What is dealt, as a message to each worker of the team; payload_bytes of the flow's own follow it there. */
typedef struct sp_task {
  uint64_t id; /* counts up over a run */
  uint32_t phase;
  uint32_t n_units;
  uint64_t first_unit;
  uint64_t first_trace; /* the input: rows of /traces, where they are consecutive */
  uint32_t n_traces;
  uint32_t set_aside;     /* sp_reason: not SP_REASON_OK where the units are not to be computed */
  uint64_t work;          /* traces, or whatever the flow measures work in */
  uint32_t trial;         /* sp_trial: suspected of killing workers, nothing else is in hand */
  uint32_t on_cpu;        /* non-zero: the CPU is to compute it, whatever engine the others have */
  uint32_t payload_bytes; /* filled in by the flow */
} sp_task;

/* How a unit that was in hand in crashes is tried again. */
typedef enum sp_trial {
  SP_TRIAL_NONE,     /* it is not suspected, or not yet */
  SP_TRIAL_ALONE,    /* by itself */
  SP_TRIAL_ELSEWHERE /* by itself, on another worker or, where there is none, on the CPU */
} sp_trial;

/* A phase: consecutive units. */
typedef struct sp_phase {
  const char *name; /* lives as long as the plan */
  uint64_t first_unit, n_units;
  double sync_s; /* the workers meet in `sync` as often during the phase; INFINITY: at its end only */
  /* and then at least so many times as far apart as the last one took; 0: whatever it took */
  double sync_spacing;
  bool syncs;  /* whether they meet at its end */
  bool always; /* begun, and its end synced, even if all its units are done already */
} sp_phase;

/* Where a flow whose units are not gathers keeps each trace's checksums (of its rows in /traces and in /noise, where
 * there is one) and its sp_reason: those of the gathers follow from them. */
#define SP_TRACE_CRC_PATH    "/integrity/trace_crc32c"
#define SP_TRACE_STATUS_PATH "/integrity/trace_status"

enum { SP_PLANE_PATH = 48, SP_UNIT_WORD = 16, SP_CREDITS = 3, SP_PACKING_THREADS = 16 /* a worker, at most */ };

/* What a run looks like; plain data, worked out on rank 0 and the same on all ranks. */
typedef struct sp_flow_shape {
  char unit[SP_UNIT_WORD]; /* "gather" */
  uint64_t n_units;
  uint64_t n_traces; /* of the input */
  uint32_t n_samples;
  double sample_interval_s;
  uint32_t n_phases;
  int team;             /* workers a task */
  uint32_t task_traces; /* of the largest task */
  uint32_t task_units;
  uint64_t payload_bytes; /* at most, of a task */
  sp_window_shape window;
  char plane[SP_MAX_PLANES][SP_PLANE_PATH]; /* the dataset that each plane of a slot belongs to */
  uint64_t input_bytes;                     /* of a worker's input buffers */
  uint64_t packing_bytes;                   /* of each of the threads with which it packs its results; 0: it does not */
  uint64_t total_work;                      /* of all units */
  double work_bytes;                        /* read and written for a piece of work, for the figures shown */
} sp_flow_shape;

typedef struct sp_flow sp_flow;
typedef struct sp_left_work sp_left_work;
typedef struct sp_left_reader sp_left_reader;

/* A job planned. */
typedef struct sp_flow_plan {
  const sp_flow *flow;
  const sp_job *job; /* borrowed */
  sp_flow_shape shape;
  void *shared; /* the flow's own, one block of plain data, the same on all ranks; owned */
  size_t shared_bytes;
  void *own; /* the flow's own on rank 0; NULL elsewhere */
} sp_flow_plan;

/* What a plan is made from: nothing else is looked at. */
typedef struct sp_plan_request {
  const sp_job *job;
  const sp_survey *survey;      /* the input, opened alone */
  const sp_gather_index *index; /* with keys; outlives the plan */
  int n_workers, n_nodes;       /* n_nodes 0: not known, taken as one */
  sp_note_function note;        /* told what is assumed; NULL: not to be said now, since it is said once a run */
} sp_plan_request;

/* The output before its first sample. */
typedef struct sp_output_spec {
  sp_survey_info info; /* without uuid, history and created_by */
  sp_dataset_spec datasets[48];
  size_t n_datasets;
  bool derived; /* inherits what the input has below /gathers, /headers and /segy (sp_survey_derive) */
} sp_output_spec;

/* Where a worker works. */
typedef struct sp_flow_site {
  const sp_flow_plan *plan;
  const sp_roles *roles; /* peers: all workers; team: those of this task */
  const char *part_path; /* of the output in the making */
  sp_node_window *window;
  int n_threads;
  sp_activity *activity; /* what this rank does, for whoever looks for hangs */
  sp_stage_times *times;
  sp_collective *reads; /* in which the workers of roles->group read together; NULL: each by itself */
  /* told by the flow once it is open */
  uint64_t buffers;   /* bytes of its input buffers */
  const char *engine; /* what computes: "cpu", ...; changes where a device fails and the CPU takes over */
  const char *steps;  /* where a chain is computed in two places, which step is where; else NULL */
} sp_flow_site;

struct sp_flow {
  const char *name;
  const sp_figure_list *figures;
  bool units_are_gathers; /* of the output, with the figures of gathers: then a part of it can be verified */
  /* Whether a task may be computed by two workers at a time, since each puts all of it into one slot, with the same
   * bytes: one that is late is then dealt to another one, and the first that is on the disk counts. */
  bool repeats;

  /* Rank 0, alone. plan refuses here whatever can be refused: nothing exists yet. */
  sp_status (*plan)(const sp_plan_request *request, sp_flow_plan *out);
  void (*destroy)(sp_flow_plan *plan); /* what plan made in `own` */
  void (*phase)(const sp_flow_plan *plan, uint32_t phase, sp_phase *out);
  uint64_t (*work)(const sp_flow_plan *plan, uint64_t unit);
  /* "gather 12 (fldr 10690)" */
  void (*describe)(const sp_flow_plan *plan, uint64_t unit, char *text, size_t size);
  sp_status (*outputs)(const sp_flow_plan *plan, const sp_survey *input, sp_output_spec *out);
  /* Resuming: corrects done[n_units] and figures[n_units] for units whose results are not rows of the output. NULL:
   * the journal says it all. */
  sp_status (*restore)(sp_flow_plan *plan, const char *part_path, uint8_t *done, void *figures);
  /* Resuming, on any rank: opens what is there, to compare units that are done with their checksums (left_work.h). The
   * plan's `own` is not looked at. NULL: that cannot be done. Errors: SP_ERR_INPUT for another file. */
  sp_status (*open_left)(const sp_flow_plan *plan, const sp_left_work *left, sp_left_reader **out);
  /* From now on units of this phase are dealt, to n_teams teams; done[n_units] is borrowed until the next phase. What
   * is written to payload (*payload_bytes, 0 before) goes to `begin` of every worker. */
  sp_status (*begin_phase)(sp_flow_plan *plan, uint32_t phase, const uint8_t *done, int n_teams, void *payload,
                           uint32_t *payload_bytes);
  /* For `plan`: lines about this flow's tasks. NULL: there is nothing to add. */
  void (*explain)(const sp_flow_plan *plan, FILE *out);
  /* The next run of units for a team; speed[n_teams] is work a second, 0: not known. None: nothing for it now. */
  sp_unit_run (*deal)(sp_flow_plan *plan, int team, const double *speed);
  /* Completes a task whose units are set: input, work, payload. */
  void (*fill)(const sp_flow_plan *plan, sp_task *task, void *payload);
  /* Writes what the figures say of each unit to the complete output; reads it again from one (figures[n_units]). */
  sp_status (*publish)(const sp_flow_plan *plan, const char *part_path, const void *figures);
  sp_status (*load)(const sp_flow_plan *plan, sp_survey *output, void *figures);
  /* What came of it, as lines of the log at the end of a run; quiet: warnings alone. NULL: there is nothing to say. */
  void (*conclude)(const sp_flow_plan *plan, const void *figures, bool quiet);
  /* The same as members of the report's object. NULL: nothing. */
  void (*report)(const sp_flow_plan *plan, const void *figures, sp_json *json);

  /* All ranks. Collective over roles->world. Errors: SP_STOPPED when a signal asked any of them to stop; SP_ERR_IO,
   * after which the files cannot be closed and the job must end. NULL: there is nothing to write. */
  sp_status (*write_headers)(const sp_flow_plan *plan, const sp_roles *roles, const char *part_path,
                             sp_activity *activity);

  /* A worker. announce tells of a task that will be read soon, so that the system may begin to fetch it; NULL: that
   * helps nothing. k (0 or 1) is which of two tasks in hand is meant. Any error ends the job. */
  void (*announce)(void *worker, const sp_task *task);
  sp_status (*open)(sp_flow_site *site, void **worker);                             /* collective over peers */
  sp_status (*read)(void *worker, int k, const sp_task *task, const void *payload); /* copies both */
  /* Takes part, with nothing, in what the others of roles->group read together. NULL: this flow has no reads in which
   * each worker takes one run of rows a task, so they are not made together. */
  sp_status (*read_nothing)(void *worker);
  sp_status (*submit)(void *worker, int k); /* begins to compute; returns at once */
  /* Waits until it is computed; *n_slots is how many slots it has handed over. Where these are none, figures (records
   * [n_units], zero before) are what the units' are to be. */
  sp_status (*finish)(void *worker, int k, uint32_t *n_slots, void *figures);
  /* Collective over peers; NULL: nothing to do. */
  sp_status (*begin)(void *worker, uint32_t phase, const void *payload);
  sp_status (*sync)(void *worker, uint32_t phase, bool ends);
  double (*busy_s)(const void *worker); /* in which it has computed so far */
  void (*close)(void *worker);          /* takes NULL */
};

/* The flow that a job asks for. */
const sp_flow *sp_flow_of(const sp_job *job);

/* The same from the canonical text of a job (sp_job_canonical), as a journal keeps it; NULL: it names no processor. */
const sp_flow *sp_flow_of_text(const char *canonical);

/* Plans a job. Not collective. The caller frees *out with sp_flow_plan_free. `flow` NULL: the one the job asks for. */
sp_status sp_flow_plan_make(const sp_flow *flow, const sp_plan_request *request, sp_flow_plan *out);

/* For plan: whether the survey has the columns that the job sorts by and that its steps need, and each step's own check
 * of its parameters against the survey. Errors: SP_ERR_INPUT, SP_ERR_USAGE, one line. */
sp_status sp_flow_check_chain(const sp_plan_request *request);

/* For sp_flow_check_chain: whether the traces of each gather begin at one time (delrt), where a step needs that.
 * Errors: SP_ERR_INPUT, one line with the gather. */
sp_status sp_flow_check_delays(const sp_plan_request *request);

/* For sp_flow_check_chain: notes what processors find odd about the headers of the largest gather (sp_processor.look).
 * Errors: those of reading. */
sp_status sp_flow_check_gather(const sp_plan_request *request);

/* A note as a warning in the log. */
void sp_note_warn(const char *text);

/* Gives all ranks rank 0's shape and shared data; flow and job are set on all. Collective. */
sp_status sp_flow_plan_share(sp_flow_plan *plan, const sp_ranks *ranks);

void sp_flow_plan_free(sp_flow_plan *plan);

/* Bytes of a worker's input buffers and slots. */
size_t sp_flow_worker_bytes(const sp_flow_shape *shape);

extern const sp_flow sp_flow_gather, sp_flow_volume, sp_flow_image;

#endif
