/* SPDX-License-Identifier: BSD-3-Clause */
/* The program: finds the command by its name and runs it. */
#include <stdio.h>
#include <string.h>

#include "seisproc/nearest.h"
#include "seisproc/quote.h"
#include "seisproc/status.h"
#include "seisproc/version.h"
#include "src/cli/command.h"
#include "src/cli/standard_streams.h"
#include "src/store/h5.h"

static void usage(FILE *stream) {
  fprintf(stream, "usage: seisproc COMMAND [ARGUMENT...]\n\n");
  const sp_command *command;
  for (size_t i = 0; (command = sp_command_at(i)); i++) {
    fprintf(stream, "  %-8s  %s\n", command->name, command->summary);
  }
  fprintf(stream, "\n`seisproc COMMAND --help` tells more of each.\n");
}

static int refuse(const char *name) {
  const sp_command *command;
  sp_nearest nearest = {.text = name};
  for (size_t i = 0; (command = sp_command_at(i)); i++)
    sp_nearest_offer(&nearest, command->name, strlen(command->name));
  char quoted[SP_QUOTE_SIZE];
  fprintf(stderr, "seisproc: error: no command '%s'; ", sp_quote(name, quoted));
  if (nearest.best[0]) fprintf(stderr, "did you mean '%s'? ", nearest.best);
  fprintf(stderr, "`seisproc --help` lists them\n");
  return SP_EXIT_INPUT;
}

int main(int argc, char **argv) {
  sp_streams_begin();
  sp_h5_own_process();
  if (argc < 2) {
    usage(stderr);
    return SP_EXIT_INPUT;
  }
  if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
    usage(stdout);
    return SP_EXIT_COMPLETE;
  }
  if (!strcmp(argv[1], "--version")) {
    printf("seisproc %s\n", sp_version());
    return SP_EXIT_COMPLETE;
  }
  if (!strcmp(argv[1], "--complete")) return sp_cli_complete(argc - 2, argv + 2);
  const sp_command *command;
  for (size_t i = 0; (command = sp_command_at(i)); i++) {
    if (strcmp(argv[1], command->name)) continue;
    char name[64];
    snprintf(name, sizeof name, "seisproc %s", command->name);
    argv[1] = name;
    return sp_command_run(command, argc - 1, argv + 1);
  }
  return refuse(argv[1]);
}
