/* SPDX-License-Identifier: BSD-3-Clause */
/* The history of an output, OUT.runs: a line for each run, where it ran, what crashed, how it ended. Private to
 * src/run.
 *
 *   run TIME new|resumed DONE/UNITS ranks=N workers=N io=N cores=N version=V [slurm=ID] [pmix=ID]
 *   node HOST FIRST_RANK N
 *   input PATH                           where the input was, as a line of its own since it may hold spaces
 *   crash RANK SIGNAL FIRST_UNIT N TRIAL a signal that ended a worker, and units that it was computing (N may be 0)
 *   gone RANK                            another rank of its node has found that its process is not there any more
 *   late read|write RANK HOST            it did not come to a collective transfer
 *   asked SIGNAL                         a signal has asked the job to stop
 *   gpus N                               of a node: so many GPUs compute
 *   undone N [UNIT | FIRST-LAST]...      so many units were not on the disk as they were written, and are computed
 *                                        again; "..." for those that the line has no room for
 *   tick S UNITS BYTES WAITING           S seconds after dealing began: units done, bytes in and out, what is waited
 *                                        for; every 10 s, after six hours every minute
 *   stages wall=S cpu=S gpu=S read=S wait=S compute=S slot=S write=S flush=S    of a run that came to its end:
 *                                        seconds of all ranks together but for wall
 *   error TEXT                           the first error of a run that failed
 *   result CODE DONE/UNITS seconds=S cpu=S read=N written=N [REASON=N]...    of a run that came to its end: its exit
 *                                        code, its time, CPU seconds, bytes, and units by sp_reason other than ok
 *   end TIME WORD RANK
 *
 * It is the provenance that the output itself cannot hold, whose bytes do not depend on where it was made, and it stays
 * beside it. Every rank may append to it. It is not synced, and a line that does not parse is skipped: losing lines
 * costs no sample.
 */
#ifndef SEISPROC_SRC_RUN_HISTORY_H
#define SEISPROC_SRC_RUN_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seisproc/processor.h"
#include "seisproc/status.h"

/* How a run ended; the words are those of the file. */
typedef enum sp_end {
  SP_END_NONE, /* it does not say: it was killed */
  SP_END_COMPLETE,
  SP_END_STOPPED, /* on request */
  SP_END_FAILED,  /* for a reason that starting again does not mend: disk, input, memory */
  SP_END_BROKEN,  /* starting again may mend it: network, a bug */
  SP_END_DEVICE,  /* a GPU or its driver failed, which is never a unit's fault */
  SP_END_STALLED  /* nothing was done for too long */
} sp_end;

/* Appends a line; says so once in the log where that fails, and goes on. */
void sp_history_add(const char *path, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends an `end` line. May be called from any thread. */
void sp_history_end(const char *path, sp_end end, int rank);

/* A crash. */
typedef struct sp_crash {
  int rank, signal;
  uint64_t first_unit, n_units; /* n_units 0: it is nobody's fault */
  int trial;                    /* sp_trial */
} sp_crash;

/* Bytes of the file; 0 where there is none. */
uint64_t sp_history_size(const char *path);

/* What the file says, behind its first `from` bytes, of the run that was last there. */
typedef struct sp_last_run {
  bool begun;  /* there is one */
  bool is_new; /* it began the output */
  sp_end end;
  int end_rank;
  bool crashed;
  sp_crash crash; /* the first of the run */
  bool asked;     /* a signal has asked it to stop */
  bool gone;      /* a rank was found gone before the run had told of an end */
  int gone_rank;
  char error[480]; /* the first that the run told of; "" */
  int cores, gpus; /* that it had */
} sp_last_run;

void sp_history_last(const char *path, uint64_t from, sp_last_run *out);

/* A rank that did not come to a collective transfer. */
typedef struct sp_late_rank {
  int rank;
  char host[64];
} sp_late_rank;

/* The last one since the output was begun, of reads or of writes; false where there was none. */
bool sp_history_find_late(const char *path, bool writes, sp_late_rank *out);

/* Counts, for each unit, the crashes since the output was begun that had it in hand, in counts[n_units] (up to 255);
 * trials[n_units] gets the furthest trial (sp_trial) that it crashed in. */
sp_status sp_history_count_crashes(const char *path, uint64_t n_units, uint8_t *counts, uint8_t *trials);

/* What all runs of an output took, and how it stands. */
typedef struct sp_history_sum {
  int n_runs;
  double core_s, gpu_s, cpu_s, bytes; /* bytes: of samples, in and out. A run that was killed counts up to its last
                                         tick, without CPU seconds */
  bool has_result;                    /* the last run came to its end: */
  int exit_code;
  uint64_t reasons[SP_REASON_COUNT];
  uint64_t n_units, n_done; /* 0 of 0: not known */
} sp_history_sum;

/* All zero where there is no history. */
void sp_history_add_up(const char *path, sp_history_sum *out);

enum { SP_HOST_NAME = 64 };

/* Which rank a trial of this unit last crashed, and on which host ("" where that is not known); false where none did.
 */
bool sp_history_find_trial(const char *path, uint64_t unit, int *rank, char host[SP_HOST_NAME]);

#endif
