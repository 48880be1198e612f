/* SPDX-License-Identifier: BSD-3-Clause */
/* Collective transfers of rows between ranks and a file: the only way in which samples go through a collective call of
 * HDF5, made so that a rank whose transfer fails holds nobody up.
 *
 * A group of ranks takes steps together. In each, every rank moves a run of rows of its own, or none:
 *
 *   agree    how many pieces the step has, that all are at the same step, and whether there is anything to move
 *   move     collectively, a piece at a time; a rank whose transfer fails goes on with empty pieces
 *   agree    whether all went well, and how long the ranks have waited for each other
 *
 * That a failed transfer can be left at all rests on how HDF5 and ROMIO work together (docs/reliability.md): contiguous
 * datasets, no conversion of types, no two-phase reads, two-phase writes in one cycle. With OMPIO it cannot.
 *
 * A rank says in its sp_activity which step it is in, so that a thread that looks for hangs can tell who is missing.
 */
#ifndef SEISPROC_COLLECTIVE_H
#define SEISPROC_COLLECTIVE_H

#include <mpi.h>

#include "seisproc/survey_file.h"

typedef struct sp_activity sp_activity;
typedef struct sp_collective sp_collective;

typedef struct sp_collective_config {
  MPI_Comm comm; /* the group, which the datasets' survey is opened on; borrowed */
  bool writes;
  double most_waiting;  /* a group of readers that waits for each other for a larger part of the time, over the last
                           SP_COLLECTIVE_WINDOW steps, or for as much of it in fewer, leaves; INFINITY: never */
  uint64_t cycle_bytes; /* of an aggregator's buffer, where writes go through `aggregators` */
  int aggregators;
  sp_activity *activity;            /* borrowed */
  sp_status (*idle)(void *context); /* called again and again while this rank waits for others; NULL: nothing is */
  void *context;
} sp_collective_config;

enum { SP_COLLECTIVE_WINDOW = 20 };

/* Collective over config->comm. */
sp_status sp_collective_create(const sp_collective_config *config, sp_collective **out);

/* Takes NULL. Collective. */
void sp_collective_destroy(sp_collective *collective);

/* False once the group has left; then a step moves nothing and waits for nobody. The same on all its ranks. */
bool sp_collective_is_in_force(const sp_collective *collective);

/* What a rank brings to a step: n rows of each plane from `first` on, or none. */
typedef struct sp_collective_rows {
  int n_planes; /* the same on all ranks */
  struct {
    sp_dataset *dataset;
    void *rows;
  } plane[4];
  sp_global first;
  sp_local n;
} sp_collective_rows;

/* A step of readers. *moved is whether this rank's rows are there; where not, it is to read them by itself, and nobody
 * waits for that. Collective over the group while it is in force. Errors end the job. */
sp_status sp_collective_read(sp_collective *collective, const sp_collective_rows *own, bool *moved);

/* A step of writers also tells them of each other. */
typedef struct sp_collective_news {
  bool stays;       /* in: this rank takes part in the next step, too; out: any rank does */
  uint64_t durable; /* in: up to which step (they count from 1) all that this rank wrote is on the disk; out: all
                       ranks */
  uint64_t step;    /* out: number of this one; 0 where nothing was moved */
} sp_collective_news;

/* A step of writers; one in which nobody has anything to write moves nothing. Where it cannot be made so that a failure
 * can be left, each rank writes by itself: *independent. Collective. Errors: SP_ERR_IO where this rank's rows were not
 * written. */
sp_status sp_collective_write(sp_collective *collective, const sp_collective_rows *own, sp_collective_news *news,
                              bool *independent);

/* What it has cost, for the report. */
typedef struct sp_collective_cost {
  uint64_t steps, failed; /* with something to move; of these, in which any rank failed */
  double seconds, waited; /* of this rank: in steps; of these, until the last one had come, and told how it went */
  double left_at;         /* the part of the time that made the group leave; 0: it has not */
  uint64_t left_after;    /* over so many steps */
} sp_collective_cost;

sp_collective_cost sp_collective_get_cost(const sp_collective *collective);

#endif
