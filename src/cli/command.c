/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/cli/command.h"

#include <string.h>

#include "seisproc/side_file.h"

#define SP_COMMAND(name, summary) {#name, summary, &sp_argp_##name, sp_cli_##name},
static const sp_command commands[] = {
#include "src/cli/command_list.h"
    {0}};
#undef SP_COMMAND

const sp_command *sp_command_at(size_t i) {
  return i + 1 < sizeof commands / sizeof commands[0] ? &commands[i] : NULL;
}

const sp_command *sp_command_find(const char *name) {
  const sp_command *command;
  for (size_t i = 0; (command = sp_command_at(i)); i++) {
    if (!strcmp(command->name, name)) return command;
  }
  return NULL;
}

/* Commands that read surveys as they are, by argument or option; jobs look at their input (sp_survey_open_input). */
static bool needs_complete(const char *name) {
  static const char *const names[] = {"sweep",  "export", "view", "qc",     "compare",
                                      "window", "header", "pack", "unpack", "regroup"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (!strcmp(name, names[i])) return true;
  }
  return false;
}

int sp_command_run(const sp_command *command, int argc, char **argv) {
  for (int i = 1; i < argc && needs_complete(command->name); i++) {
    const char *value = argv[i][0] == '-' ? strchr(argv[i], '=') : NULL; /* of an option */
    const sp_status status = sp_side_refuse_unfinished(value ? value + 1 : argv[i]);
    if (status != SP_SUCCESS) return sp_status_exit_code(status);
  }
  return command->run(argc, argv);
}
