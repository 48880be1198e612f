/* What the three roles share while a job runs. Private to src/run. */
#ifndef SEISPROC_SRC_RUN_RUN_CONTEXT_H
#define SEISPROC_SRC_RUN_RUN_CONTEXT_H

#include <stdint.h>

#include "seisproc/job.h"
#include "seisproc/lock.h"
#include "seisproc/node_window.h"
#include "seisproc/roles.h"
#include "seisproc/run.h"
#include "seisproc/stats.h"
#include "src/run/inflight.h"
#include "src/run/journal.h"
#include "src/run/resume.h"
#include "src/run/run_shape.h"
#include "src/run/watchdog.h"

/* Rounds that are dealt ahead of the last one that every worker has computed: one is computed, one is read, one
 * waits at the workers' door. */
enum { SP_ROUNDS_AHEAD = 3 };

typedef struct sp_run_context {
  const sp_job *job;
  const sp_run_options *options;
  sp_roles *roles;
  sp_run_shape shape;
  int n_threads;          /* of this worker's engine */
  sp_node_window *window; /* NULL at a coordinator that shares its node with no worker */
  char *part_path;        /* the output until it is complete */
  char *journal_path, *lock_path, *inflight_path, *history_path;
  sp_start start;
  sp_place *places; /* [size]: where the ranks are */
  sp_watch *watch;
  int history_fd;                 /* where a worker's crash is noted; -1: nowhere */
  bool recorded;                  /* the run has entered the history */
  sp_stage_times times;           /* of this rank */
  double busy_s;                  /* in which this worker's engine computed */
  const char *engine;             /* of this worker, once it is made: what computes */
  int stop_passed_on;             /* the signal of which rank 0 was told; 0: none */
  double started_at, started_cpu; /* when the rounds began: clock and CPU seconds */
  uint64_t buffers;               /* bytes of this worker's input buffers and slots */
} sp_run_context;

/* What only rank 0 has from the start to the end. */
typedef struct sp_beginning {
  sp_lock *lock;
  sp_gather_index *index;
  sp_journal_header header;
  sp_journal_contents earlier; /* what earlier runs did; empty for a new job */
  sp_journal *journal;         /* NULL: nothing is committed before the end */
  sp_inflight *inflight;
  sp_gather_result *results; /* [n_gathers], with those of earlier runs */
  uint64_t n_durable;        /* gathers, with those of earlier runs */
} sp_beginning;

/* Messages. All are sent as bytes: ranks run the same program on the same kind of machine. */
enum { SP_TAG_DEAL = 1, SP_TAG_REPORT, SP_TAG_DURABLE, SP_TAG_STOP };

/* Coordinator to a worker: what to read and compute in a round; sp_local first_trace[n_gathers + 1] follows. */
typedef struct sp_deal_message {
  uint64_t round;
  int32_t last;       /* non-zero: nothing comes after this round, and this round is empty */
  uint32_t set_aside; /* sp_reason: not SP_REASON_OK where the range is not to be computed */
  int32_t alone;      /* non-zero: a gather suspected of killing workers, to be in hand alone */
  sp_range range;
} sp_deal_message;

/* Coordinator to an I/O rank: the round's number and `last`, as above; sp_range ranges[n_ranges] follow, one for each
 * of its workers. */
typedef struct sp_round_message {
  uint64_t round;
  int32_t last;
  int32_t n_ranges;
} sp_round_message;

/* Worker to coordinator: a round was computed. */
typedef struct sp_report_message {
  uint64_t round;
  uint64_t n_traces;
  double compute_s;
  sp_stage_times times; /* so far */
} sp_report_message;

/* I/O rank to coordinator: a range is on the disk; sp_gather_result results[n_gathers] follow. */
typedef struct sp_durable_message {
  sp_range range;
} sp_durable_message;

/* Ends all ranks at once, and says why in the history. */
_Noreturn void sp_run_abort(const sp_run_context *run, sp_status status);

/* Tells rank 0, once, of a signal that asked this rank to stop. Called wherever a rank waits. */
sp_status sp_pass_stop_on(sp_run_context *run);

/* The three roles. Each returns when the job has ended for it. */
sp_status sp_coordinate(sp_run_context *run, sp_beginning *start);
sp_status sp_work(sp_run_context *run);
sp_status sp_write_behind(sp_run_context *run);

#endif
