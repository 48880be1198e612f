/* SPDX-License-Identifier: BSD-3-Clause */
/* How a bench of several ranks starts itself under mpirun. */
#ifndef SEISPROC_PERF_SELF_START_H
#define SEISPROC_PERF_SELF_START_H

#include <stdlib.h>
#include <unistd.h>

/* Becomes `mpirun -n ranks` of this command line; returns only where that fails. */
static inline void start_under_mpirun(char *ranks, int argc, char **argv) {
  enum { BEFORE = 7, MOST = 8 };
  char *command[BEFORE + MOST + 1] = {"mpirun", "-n", ranks, "--bind-to", "none", "--map-by", ":OVERSUBSCRIBE"};
  for (int i = 0; i < argc && i < MOST; i++) command[BEFORE + i] = argv[i];
  setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 0);
  setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 0);
  execvp(command[0], command);
}

#endif
