/* SPDX-License-Identifier: BSD-3-Clause */
/* What the three roles share while a job runs. Private to src/run. */
#ifndef SEISPROC_SRC_RUN_RUN_CONTEXT_H
#define SEISPROC_SRC_RUN_RUN_CONTEXT_H

#include <stdint.h>

#include "seisproc/job.h"
#include "seisproc/lock.h"
#include "seisproc/node_window.h"
#include "seisproc/pack.h"
#include "seisproc/roles.h"
#include "seisproc/run.h"
#include "seisproc/stats.h"
#include "src/base/step_watch.h"
#include "src/flow/flow.h"
#include "src/run/chunk_places.h"
#include "src/run/inflight.h"
#include "src/run/journal.h"
#include "src/run/plan.h"
#include "src/run/transfer.h"
#include "src/run/watchdog.h"

typedef struct sp_rank_report sp_rank_report; /* report.h */

typedef struct sp_run_context {
  const sp_job *job;
  const sp_run_options *options;
  sp_roles *roles;
  sp_flow_plan plan;
  sp_transfer_choice transfer;
  sp_collective_cost read_cost, write_cost; /* of this rank */
  int n_threads;                            /* of this worker's engine */
  sp_node_window *window;                   /* NULL at a coordinator that shares its node with no worker */
  char *part_path;                          /* the output until it is complete */
  char *journal_path, *lock_path, *inflight_path, *history_path;
  char *plain_path, *chunks_path; /* of an output that is packed: complete, but for this; and where that stands */
  char *packed_path;              /* and its chunks, as far as they are placed */
  uint64_t packed_end;            /* where those end that an earlier run placed */
  sp_start start;
  sp_place *places; /* [size]: where the ranks are */
  sp_activity activity;
  sp_step_watch *start_watch; /* until `watchdog` begins */
  sp_watchdog *watchdog;
  int history_fd;                 /* where a worker's crash is noted; -1: nowhere */
  bool recorded;                  /* the run has entered the history */
  sp_stage_times times;           /* of this rank */
  double busy_s;                  /* in which this worker's engine computed */
  const char *engine;             /* of this worker, once it is made: what computes */
  char steps[256];                /* where a chain is computed in two places: which step is where */
  int stop_passed_on;             /* the signal of which rank 0 was told; 0: none */
  double started_at, started_cpu; /* when dealing began: clock and CPU seconds */
  uint64_t buffers;               /* bytes of this worker's input buffers and slots */
  double began_at;                /* when the run began, s since 1970 */
  int cores;                      /* rank 0: that the ranks may run on, of all nodes */
  int gpus;                       /* the first worker of a node: GPUs that its workers compute on */
  uint64_t n_traces;              /* rank 0, at the end: that this run did */
  sp_rank_report *ranks;          /* rank 0, at the end: [size] */
  sp_pack_result packed;          /* rank 0, at the end: what packing came to; all zero where nothing was packed */
} sp_run_context;

/* What only rank 0 has from the start to the end. */
typedef struct sp_coordinator_state {
  sp_lock *lock;
  sp_run_plan plan;    /* its `work` is moved to the context */
  sp_journal *journal; /* NULL: nothing is committed before the end */
  sp_inflight *inflight;
  uint8_t *done;              /* [n_units]: on the disk, with those of earlier runs */
  void *figures;              /* [n_units] records, of those */
  sp_chunk_places *places;    /* NULL: the output is not packed as it comes */
  uint64_t n_earlier, n_done; /* units done before this run; and now */
  uint64_t earlier_work;
  uint8_t *undone; /* [n_units]: done before, but not on the disk as they were written (repair.h); NULL: none */
} sp_coordinator_state;

/* Messages. All are sent as bytes: ranks run the same program on the same kind of machine. */
enum { SP_TAG_DEAL = 1, SP_TAG_REPORT, SP_TAG_DURABLE, SP_TAG_STOP };

/* Coordinator to a worker. Every task is followed by another message, so that a worker may wait for the next one before
 * it finishes the one in hand. */
typedef enum sp_deal_kind {
  SP_DEAL_TASK,   /* task.payload_bytes follow */
  SP_DEAL_FINISH, /* nothing for now: finish what is in hand, after the round that it may be part of */
  SP_DEAL_BEGIN,  /* finish, and begin task.phase; task.payload_bytes follow */
  SP_DEAL_SYNC,   /* finish, and meet the other workers; task.phase ends where `ends` is not zero */
  SP_DEAL_END     /* finish; nothing comes after this */
} sp_deal_kind;

typedef struct sp_deal_message {
  int32_t kind; /* sp_deal_kind */
  int32_t ends;
  uint64_t round; /* tasks, FINISH: the workers of a group are dealt to at once, and read together; 0: not so */
  sp_task task;
} sp_deal_message;

/* Coordinator to an I/O rank. */
typedef enum sp_io_order {
  SP_IO_GO_ON, /* tasks are being dealt: sync every commit interval */
  SP_IO_DRAIN, /* somebody waits for what is in hand: sync as soon as nothing is left to write */
  SP_IO_END    /* all is on the disk */
} sp_io_order;

typedef struct sp_io_message {
  int32_t order; /* sp_io_order */
} sp_io_message;

/* Worker to coordinator: a task was computed, or all workers have met. Without slots the records of the task's units
 * follow. */
typedef struct sp_report_message {
  int32_t synced; /* non-zero: this is about a sync, and what stands between is not set */
  uint32_t n_slots;
  uint64_t task;
  double compute_s;
  int32_t reads_together; /* zero: this worker reads by itself */
  uint32_t left_after;    /* it has left its group, which waited for this part of the time in so many reads */
  double left_at;
  char engine[12];      /* what computes */
  sp_stage_times times; /* so far */
} sp_report_message;

/* I/O rank to coordinator: a slot is on the disk; its chunks (sp_chunk) follow, then the records of n_units. */
typedef struct sp_durable_message {
  uint64_t task;
  uint64_t first_unit;
  uint32_t n_units;
  uint32_t n_chunks;
} sp_durable_message;

static inline size_t sp_durable_bytes(uint32_t n_chunks, uint32_t n_units, size_t record_bytes) {
  return sizeof(sp_durable_message) + n_chunks * sizeof(sp_chunk) + n_units * record_bytes;
}

/* Ends all ranks at once, and says why in the history. */
_Noreturn void sp_run_abort(const sp_run_context *run, sp_status status);

/* Tells rank 0, once, of a signal that asked this rank to stop. Called wherever a rank waits. */
sp_status sp_pass_stop_on(sp_run_context *run);

/* The three roles. Each returns when the job has ended for it. */
sp_status sp_coordinate(sp_run_context *run, sp_coordinator_state *start);
sp_status sp_work(sp_run_context *run);
sp_status sp_write_behind(sp_run_context *run);

#endif
