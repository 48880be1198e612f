/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/base/fault.h"

#ifdef SP_FAULTS

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "src/base/crash.h"

enum { MAX_POINTS = 16 };

/* How often this process came to each of the points that SEISPROC_FAULT names, by their place in it. */
static atomic_uint counts[MAX_POINTS];

static const char *own_rank(void) {
  static const char *const variables[] = {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"};
  for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
    if (getenv(variables[i])) return getenv(variables[i]);
  }
  return "";
}

/* Whether the switch at `text` (NAME:N or NAME:N@RANK, up to a comma or the end) goes off now. */
static int goes_off(const char *text, const char *name, unsigned i) {
  const size_t n = strlen(name);
  if (strncmp(text, name, n) || text[n] != ':') return 0;
  char *end;
  const unsigned long nth = strtoul(text + n + 1, &end, 10);
  if (*end == '@') {
    const char *rank = own_rank();
    const size_t length = strcspn(end + 1, ",");
    if (strlen(rank) != length || strncmp(rank, end + 1, length)) return 0;
  }
  return ++counts[i] == nth;
}

bool sp_fault_is_due(const char *name) {
  const char *text = getenv("SEISPROC_FAULT");
  for (unsigned i = 0; text && *text && i < MAX_POINTS; i++) {
    if (goes_off(text, name, i)) return true;
    text += strcspn(text, ",");
    text += *text == ',';
  }
  return false;
}

static void die(const char *name) {
  char line[128];
  const int n = snprintf(line, sizeof line, "fault point %s: rank %s kills itself\n", name, own_rank());
  if (write(STDERR_FILENO, line, (size_t)n) < 0) kill(getpid(), SIGKILL);
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

void sp_fault_point(const char *name) {
  if (sp_fault_is_due(name)) die(name);
}

void sp_fault_torn_write(const char *name, int fd, const void *text, size_t n) {
  if (sp_fault_is_due(name) && write(fd, text, n / 2) >= 0) die(name);
}

/* On a thread of its own, as engines compute on theirs. */
static void *crash(void *argument) {
  sp_crash_computing(true);
  *(volatile int *)argument = 0;
  return NULL;
}

void sp_fault_poison(uint64_t first_gather, uint64_t n, const char *engine) {
  const char *text = getenv("SEISPROC_POISON");
  while (text && *text) {
    char *end;
    const uint64_t gather = strtoull(text, &end, 10);
    const size_t length = strlen(engine);
    const bool meant = *end != ':' || (!strncmp(end + 1, engine, length) && strcspn(end + 1, ",") == length);
    pthread_t thread;
    if (meant && gather >= first_gather && gather - first_gather < n && !pthread_create(&thread, NULL, crash, NULL)) {
      pthread_join(thread, NULL);
    }
    text += strcspn(text, ",");
    text += *text == ',';
  }
}

#endif
