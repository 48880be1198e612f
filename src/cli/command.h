/* SPDX-License-Identifier: BSD-3-Clause */
/* Subcommands: each is one file in this folder and one line in command_list.h. */
#ifndef SEISPROC_CLI_COMMAND_H
#define SEISPROC_CLI_COMMAND_H

#include <stddef.h>

typedef struct sp_command {
  const char *name;
  const char *summary; /* one line */
  /* argv[0] is "seisproc NAME"; returns the process's exit code (status.h). Parses its options with argp. */
  int (*run)(int argc, char **argv);
} sp_command;

/* The i-th subcommand in the order of the list; NULL past the last. */
const sp_command *sp_command_at(size_t i);

#endif
