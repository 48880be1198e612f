/* SPDX-License-Identifier: BSD-3-Clause */
/* The main function of a harness without libFuzzer: gives it every file of the folder of its name in corpus/, and files
 * or folders named on the command line. Included by test_*.c after the harness. */
#ifndef SEISPROC_TESTS_FUZZ_REPLAY_H
#define SEISPROC_TESTS_FUZZ_REPLAY_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"

static unsigned replay_file(const char *path) {
  size_t n;
  uint8_t *bytes = fuzz_read(path, &n);
  if (!bytes) return 0;
  if (getenv("FUZZ_LOUD")) fprintf(stderr, "%s\n", path);
  LLVMFuzzerTestOneInput(bytes, n);
  free(bytes);
  return 1;
}

static unsigned replay(const char *path) {
  DIR *entries = opendir(path);
  unsigned count = 0;
  if (!entries) return replay_file(path);
  for (struct dirent *e; (e = readdir(entries));) {
    char inside[1024];
    snprintf(inside, sizeof inside, "%s/%s", path, e->d_name);
    if (e->d_name[0] != '.') count += replay_file(inside);
  }
  closedir(entries);
  return count;
}

int main(int argc, char **argv) {
  unsigned count = 0;
  for (int i = 1; i < argc; i++) count += replay(argv[i]);
  if (argc == 1) count = replay("tests/fuzz/corpus/" FUZZ_NAME);
  if (count == 0) fprintf(stderr, "no corpus\n");
  printf("%u inputs\n", count);
  return count == 0;
}

#endif
