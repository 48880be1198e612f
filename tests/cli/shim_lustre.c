/* SPDX-License-Identifier: BSD-3-Clause */
/* Lets every folder pass for one of Lustre. */
#include <string.h>
#include <sys/vfs.h>

int statfs(const char *path, struct statfs *out) {
  memset(out, 0, sizeof *out);
  out->f_type = 0x0bd00bd0;
  (void)path;
  return 0;
}
