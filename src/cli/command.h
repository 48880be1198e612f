/* SPDX-License-Identifier: BSD-3-Clause */
/* Subcommands: each is one file in this folder and one line in command_list.h. */
#ifndef SEISPROC_CLI_COMMAND_H
#define SEISPROC_CLI_COMMAND_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct sp_command {
  const char *name;
  const char *summary;        /* one line */
  const struct argp *options; /* what it takes: the source of --help, man page, completion and docs/commands.md */
  /* argv[0] is "seisproc NAME"; returns the process's exit code (status.h). Parses its options with argp. */
  int (*run)(int argc, char **argv);
} sp_command;

#define SP_COMMAND(name, summary)                                                                                      \
  extern const struct argp sp_argp_##name;                                                                             \
  int sp_cli_##name(int argc, char **argv);
#include "src/cli/command_list.h"
#undef SP_COMMAND

/* The i-th subcommand in the order of the list; NULL past the last. */
const sp_command *sp_command_at(size_t i);

/* The subcommand of this name, or NULL. */
const sp_command *sp_command_find(const char *name);

/* Runs it, unless a file that it is given is an output in the making. */
int sp_command_run(const sp_command *command, int argc, char **argv);

/* All subcommands with their options, for the man page (the text of its section COMMANDS, in roff) and for
 * docs/commands.md. */
void sp_command_print_man(void);
void sp_command_print_markdown(void);

/* Calls visit for each option of a table and of its children; a title (name NULL) stands before a group. */
typedef void (*sp_option_visitor)(const struct argp_option *option, void *context);
void sp_command_each_option(const struct argp *table, sp_option_visitor visit, void *context);

/* Prints what may stand in the place of the last of these words behind "seisproc" (completion.c). */
int sp_cli_complete(int n, char **words);

#endif
