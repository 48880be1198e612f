/* SPDX-License-Identifier: BSD-3-Clause */
/* A job looked at from all sides before anything of it exists: whatever can refuse it refuses it here. `seisproc plan`
 * and the start of a run are this same code. Private to seisproc.
 *
 * One process; nothing here calls MPI, creates or removes a file. */
#ifndef SEISPROC_SRC_RUN_PLAN_H
#define SEISPROC_SRC_RUN_PLAN_H

#include "seisproc/hosts.h"
#include "seisproc/launch.h"
#include "seisproc/run.h"
#include "src/flow/flow.h"
#include "src/run/journal.h"
#include "src/run/resume.h"
#include "src/run/transfer.h"

typedef struct sp_run_plan {
  const sp_job *job;   /* borrowed */
  const sp_flow *flow; /* NULL: the one that the job asks for */
  sp_survey *survey;   /* the input, opened alone */
  sp_gather_index *index;
  sp_flow_plan work;           /* for so many workers as were asked for last */
  sp_journal_header header;    /* what this run's journal would say */
  sp_start start;              /* what is there of the output */
  sp_journal_contents earlier; /* what earlier runs did */
  bool damaged;                /* of that some is not on the disk as it was written */
  bool compares_all;           /* all of it is compared with its checksums before the run goes on */
  sp_machine machine;          /* this one, when the input had been opened */
  sp_layout layout;            /* what sp_run_plan_lay_out worked out; its hosts are owned */
  sp_hosts hosts;              /* owned; n is 0 where the job runs on this machine or where Slurm says */
  sp_transfer_choice transfer; /* what sp_run_plan_transfer chose */
  int n_nodes;                 /* 0: not known */
  sp_note_function note;       /* is told what is assumed of the survey, once; NULL: nobody is */
  size_t reader_bytes;         /* of a worker, to read packed samples; 0: they are not packed */
  char gpu_why[256];           /* one line: why no GPU computes; "" where one does */
} sp_run_plan;

/* Opens the input and reads its index. Plans nothing yet. */
sp_status sp_run_plan_open(const sp_job *job, const sp_flow *flow, sp_run_plan *out);

/* Plans the job for so many workers. */
sp_status sp_run_plan_work(sp_run_plan *plan, int n_workers);

/* Works out who runs where: over `hosts` where there are some, each taken to be like this machine, else what Slurm has
 * allotted, else what this machine holds; and plans the job for that. */
sp_status sp_run_plan_lay_out(sp_run_plan *plan);

/* Looks at what is there of the output: whether it can be made, replaced or gone on with, and whether it fits. */
sp_status sp_run_plan_look(sp_run_plan *plan, const sp_run_options *options);

/* Chooses how samples are moved between so many workers, I/O ranks and the files. */
sp_status sp_run_plan_transfer(sp_run_plan *plan, int n_workers, int n_io);

/* Whether what the job is to write can be written, as far as its folders tell: better said at once than at its end. */
sp_status sp_run_check_places(const sp_job *job, const sp_run_options *options);

/* Bytes that a worker takes to pack its results as they come, as if it had all cores; 0: they go as they are. */
size_t sp_run_plan_worker_packing_bytes(const sp_run_plan *plan);

/* Bytes of a worker: input buffers, slots, what reading packed samples takes and what a process needs; without what its
 * engine allocates. */
size_t sp_run_plan_worker_bytes(const sp_run_plan *plan);

/* Bytes that a rank takes to pack the output at the end; 0: it is not packed. */
size_t sp_run_plan_packing_bytes(const sp_run_plan *plan);

/* The disk that a job takes at most, in outputs: 1 without packing. */
double sp_run_plan_disk_factor(const sp_run_plan *plan);

void sp_run_plan_close(sp_run_plan *plan);

#endif
