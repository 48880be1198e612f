/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/device/affinity.h"

#include <ctype.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_CORES = 65536, LINE_SIZE = 4096, PATH_SIZE = 4096 };

/* One line of sysfs about the device; false where there is none. */
static int read_core_list(const char *sysfs, const char *bus_id, char line[LINE_SIZE]) {
  char path[PATH_SIZE], lower[64];
  size_t n = 0;
  for (; bus_id[n] && n + 1 < sizeof lower; n++) lower[n] = (char)tolower((unsigned char)bus_id[n]);
  lower[n] = '\0';
  snprintf(path, sizeof path, "%s/bus/pci/devices/%s/local_cpulist", sysfs, lower);
  FILE *stream = fopen(path, "r");
  if (!stream) return 0;
  const int found = fgets(line, LINE_SIZE, stream) != NULL;
  fclose(stream);
  return found;
}

/* "0-15,32-47" */
static void parse_core_list(const char *text, cpu_set_t *set, size_t size) {
  char *end;
  CPU_ZERO_S(size, set);
  for (;; text = end + 1) {
    const unsigned long first = strtoul(text, &end, 10);
    if (end == text) return;
    unsigned long last = first;
    if (*end == '-') last = strtoul(end + 1, &end, 10);
    for (unsigned long core = first; core <= last && core < MAX_CORES; core++) CPU_SET_S(core, size, set);
    if (*end != ',') return;
  }
}

int sp_stay_near_device(const char *sysfs, const char *bus_id) {
  char line[LINE_SIZE];
  const size_t size = CPU_ALLOC_SIZE(MAX_CORES);
  cpu_set_t *near = CPU_ALLOC(MAX_CORES), *allowed = CPU_ALLOC(MAX_CORES);
  int count = 0;
  if (near && allowed && read_core_list(sysfs, bus_id, line) && !sched_getaffinity(0, size, allowed)) {
    parse_core_list(line, near, size);
    CPU_AND_S(size, near, near, allowed);
    count = CPU_COUNT_S(size, near);
    if (count > 0 && sched_setaffinity(0, size, near)) count = 0;
  }
  CPU_FREE(near);
  CPU_FREE(allowed);
  return count;
}
