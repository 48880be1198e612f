/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/cli/command.h"

#define SP_COMMAND(name, summary) int sp_cli_##name(int argc, char **argv);
#include "src/cli/command_list.h"
#undef SP_COMMAND

#define SP_COMMAND(name, summary) {#name, summary, sp_cli_##name},
static const sp_command commands[] = {
#include "src/cli/command_list.h"
    {0}};
#undef SP_COMMAND

const sp_command *sp_command_at(size_t i) {
  return i + 1 < sizeof commands / sizeof commands[0] ? &commands[i] : NULL;
}
