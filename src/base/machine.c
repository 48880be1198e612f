/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/machine.h"

#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LINE_SIZE = 4096, MAX_CPUS = 65536 };

double sp_machine_limit(const char *text) {
  char *end;
  const double value = strtod(text, &end);
  if (end == text || !isfinite(value) || value < 0) return NAN;
  const double period = strtod(end, &end);
  return period > 0 ? value / period : value;
}

/* A limit that a controller of control groups sets: the file's name in version 2, and in version 1, which keeps what
 * the value is divided by in a file of its own. */
typedef struct limit_name {
  const char *controller, *unified, *file, *divisor; /* divisor: or NULL */
} limit_name;

static double read_limit(const char *root, const char *group, const char *file) {
  char path[2 * LINE_SIZE], text[LINE_SIZE];
  snprintf(path, sizeof path, "%s%s/%s", root, group, file);
  FILE *stream = fopen(path, "r");
  if (!stream) return NAN;
  const double limit = fgets(text, sizeof text, stream) ? sp_machine_limit(text) : NAN;
  fclose(stream);
  return limit;
}

/* The tightest limit on the way from this process's control group up to the root of what it can see: a limit of a
 * parent holds for its children, whose own file may say "max". `group` is cut up. */
static double tightest_limit(const limit_name *name, bool unified, char *group) {
  char root[LINE_SIZE];
  snprintf(root, sizeof root, "/sys/fs/cgroup%s%s", unified ? "" : "/", unified ? "" : name->controller);
  for (double limit = INFINITY;;) {
    double own = read_limit(root, group, unified ? name->unified : name->file);
    if (!unified && name->divisor) own /= read_limit(root, group, name->divisor);
    if (own < limit) limit = own;
    char *slash = strrchr(group, '/');
    if (!slash) return limit;
    *slash = '\0';
  }
}

/* Infinite where nothing sets that limit. */
static double group_limit(const limit_name *name) {
  FILE *groups = fopen("/proc/self/cgroup", "r");
  if (!groups) return INFINITY;
  double limit = INFINITY;
  char line[LINE_SIZE];
  while (fgets(line, sizeof line, groups)) {
    /* "4:memory:/path", "1:cpu,cpuacct:/path", or "0::/path" for version 2 */
    char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
    if (!group) continue;
    *group++ = '\0';
    group[strcspn(group, "\n")] = '\0';
    controllers[strcspn(controllers, ",")] = '\0';
    const bool unified = !controllers[1];
    if (!unified && strcmp(controllers + 1, name->controller) != 0) continue;
    const double own = tightest_limit(name, unified, group);
    if (own < limit) limit = own;
  }
  fclose(groups);
  return limit;
}

/* The set grows until the system's fits: machines with more than 1024 hardware threads exist. */
static int count_cpus(uint64_t *hash) {
  for (size_t n = CPU_SETSIZE; n <= MAX_CPUS; n *= 2) {
    cpu_set_t *set = CPU_ALLOC(n);
    if (!set) break;
    const size_t size = CPU_ALLOC_SIZE(n);
    const int count = sched_getaffinity(0, size, set) ? 0 : CPU_COUNT_S(size, set);
    *hash = UINT64_C(14695981039346656037); /* FNV-1a of the numbers of the threads, whatever the set's size */
    for (size_t cpu = 0; cpu < n && count > 0; cpu++) {
      if (CPU_ISSET_S(cpu, size, set)) *hash = (*hash ^ cpu) * UINT64_C(1099511628211);
    }
    CPU_FREE(set);
    if (count > 0) return count;
  }
  const long online = sysconf(_SC_NPROCESSORS_ONLN);
  return online > 0 ? (int)online : 1;
}

static double available_memory(void) {
  FILE *file = fopen("/proc/meminfo", "r");
  if (!file) return 0;
  char line[LINE_SIZE];
  double kib = 0;
  while (fgets(line, sizeof line, file) && sscanf(line, "MemAvailable: %lf", &kib) != 1) {
  }
  fclose(file);
  return kib * 1024;
}

void sp_machine_look(sp_machine *out) {
  static const limit_name cpu = {"cpu", "cpu.max", "cpu.cfs_quota_us", "cpu.cfs_period_us"};
  static const limit_name memory = {"memory", "memory.max", "memory.limit_in_bytes", NULL};
  sp_machine machine = {0};
  machine.n_cores = count_cpus(&machine.affinity);
  const double cores = group_limit(&cpu);
  if (cores < machine.n_cores) machine.n_cores = cores < 1 ? 1 : (int)ceil(cores);
  const double available = available_memory(), limit = group_limit(&memory);
  machine.memory = (size_t)(limit < available ? limit : available);
  *out = machine;
}

int sp_terminal_columns(void) {
  enum { USUAL = 80 };
  struct winsize size;
  if (!isatty(STDERR_FILENO)) return 0;
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || size.ws_col == 0 ? USUAL : size.ws_col;
}
