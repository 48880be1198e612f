/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/segy/output_check.h"

#include <sys/stat.h>

#include "seisproc/memory.h"
#include "seisproc/part_file.h"

sp_status sp_output_check(const char *input, const char *output) {
  struct stat in, out;
  if (!stat(output, &out) && !stat(input, &in) && in.st_dev == out.st_dev && in.st_ino == out.st_ino) {
    return SP_RAISE(SP_ERR_USAGE, "%s: the output is the input", output);
  }
  char *part;
  SP_TRY(sp_part_path(output, &part));
  sp_free(part);
  return SP_SUCCESS;
}
