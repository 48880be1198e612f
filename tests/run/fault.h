/* SPDX-License-Identifier: BSD-3-Clause */
/* A place at which a process of a test may end: FLOW_FAULT=NAME:N@RANK has the N-th arrival there kill it. */
#ifndef SEISPROC_TESTS_RUN_FAULT_H
#define SEISPROC_TESTS_RUN_FAULT_H

#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die_at(const char *name) {
  static int count;
  const char *text = getenv("FLOW_FAULT");
  char wanted[32];
  int nth, at, rank;
  if (!text || sscanf(text, "%31[^:]:%d@%d", wanted, &nth, &at) != 3 || strcmp(wanted, name)) return;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (rank == at && ++count == nth) raise(SIGKILL);
}

#endif
