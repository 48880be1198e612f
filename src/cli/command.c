/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/cli/command.h"

#include <string.h>

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
