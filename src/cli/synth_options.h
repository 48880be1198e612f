/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of seisproc synth. */
#ifndef SEISPROC_SRC_CLI_SYNTH_OPTIONS_H
#define SEISPROC_SRC_CLI_SYNTH_OPTIONS_H

#include <stdbool.h>

#include "seisproc/synth.h"

enum { SP_SYNTH_MAX_THREADS = 256 };

typedef struct sp_synth_arguments {
  const char *path[SP_SYNTH_PARTS]; /* NULL: not wanted */
  sp_synth_config config;
  int threads; /* 0: as many as there are cores */
  bool quiet;
} sp_synth_arguments;

/* Parses the command line over the defaults; a mistake ends the program with its line. Borrows argv. */
void sp_synth_parse(int argc, char **argv, sp_synth_arguments *out);

#endif
