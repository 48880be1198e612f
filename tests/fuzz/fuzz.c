/* SPDX-License-Identifier: BSD-3-Clause */
/* What the harnesses share (fuzz.h). */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seisproc/log.h"

enum { PATH_SIZE = 512, N_PATHS = 8 };

static char folder[PATH_SIZE / 2];

static void remove_folder(void) {
  DIR *entries = opendir(folder);
  char path[PATH_SIZE * 2];
  for (struct dirent *e; entries && (e = readdir(entries));) {
    snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
    unlink(path);
  }
  if (entries) closedir(entries);
  rmdir(folder);
}

const char *fuzz_folder(void) {
  if (folder[0]) return folder;
  struct stat entry;
  snprintf(folder, sizeof folder, "%s/seisproc-fuzz-XXXXXX", stat("/dev/shm", &entry) ? "/tmp" : "/dev/shm");
  if (!mkdtemp(folder)) fuzz_fail("no folder can be made");
  atexit(remove_folder);
  if (!getenv("FUZZ_LOUD")) sp_log_set_stream(fopen("/dev/null", "w"));
  return folder;
}

const char *fuzz_path(const char *name) {
  static char paths[N_PATHS][PATH_SIZE];
  static unsigned next;
  char *path = paths[next++ % N_PATHS];
  snprintf(path, PATH_SIZE, "%s/%s", fuzz_folder(), name);
  return path;
}

void fuzz_write(const char *path, const void *bytes, size_t n) {
  FILE *file = fopen(path, "w");
  if (!file || fwrite(bytes, 1, n, file) != n || fclose(file)) fuzz_fail("a file cannot be written");
}

uint8_t *fuzz_read(const char *path, size_t *n) {
  FILE *file = fopen(path, "r");
  if (!file) return NULL;
  fseek(file, 0, SEEK_END);
  *n = (size_t)ftell(file);
  rewind(file);
  uint8_t *bytes = malloc(*n + 1);
  if (!bytes || fread(bytes, 1, *n, file) != *n) fuzz_fail("a file cannot be read");
  fclose(file);
  return bytes;
}

_Noreturn void fuzz_fail(const char *what) {
  fprintf(stderr, "fuzz: %s\n", what);
  abort();
}
