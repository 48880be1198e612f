/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/run/history.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seisproc/clock.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/side_file.h"
#include "src/flow/flow.h"

enum { LINE_SIZE = 512 };

static const char *const end_words[] = {
    [SP_END_NONE] = "unknown",    [SP_END_COMPLETE] = "complete", [SP_END_STOPPED] = "stopped",
    [SP_END_FAILED] = "failed",   [SP_END_BROKEN] = "broken",     [SP_END_DEVICE] = "device",
    [SP_END_STALLED] = "stalled",
};

enum { N_ENDS = sizeof end_words / sizeof end_words[0] };

void sp_history_add(const char *path, const char *format, ...) {
  char line[LINE_SIZE];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(line, sizeof line - 1, format, args);
  va_end(args);
  if (n > (int)sizeof line - 2) n = (int)sizeof line - 2;
  line[n++] = '\n';
  const int fd = sp_side_open(path, O_WRONLY | O_APPEND | O_CREAT);
  /* one write a line, since several ranks append */
  if (fd < 0 || write(fd, line, (size_t)n) != n) sp_warn("%s: cannot be written: %s", path, sp_side_error(errno));
  if (fd >= 0) close(fd);
}

void sp_history_end(const char *path, sp_end end, int rank) {
  char now[SP_TIME_TEXT];
  sp_history_add(path, "end %s %s %d", sp_time_text(sp_wall_clock(), now), end_words[end], rank);
}

static bool parse_crash(const char *line, sp_crash *out) {
  unsigned long long first, n;
  out->trial = SP_TRIAL_NONE;
  if (sscanf(line, "crash %d %d %llu %llu %d", &out->rank, &out->signal, &first, &n, &out->trial) < 4) return false;
  out->first_unit = first;
  out->n_units = n;
  return true;
}

static bool parse_end(const char *line, sp_last_run *out) {
  char word[16];
  int rank;
  if (sscanf(line, "end %*s %15s %d", word, &rank) != 2) return false;
  for (int end = 1; end < N_ENDS; end++) {
    if (strcmp(word, end_words[end])) continue;
    out->end = (sp_end)end;
    out->end_rank = rank;
  }
  return true;
}

uint64_t sp_history_size(const char *path) {
  struct stat entry;
  return stat(path, &entry) ? 0 : (uint64_t)entry.st_size;
}

/* Whether a line begins a run; what kind of one. */
static bool parse_run(const char *line, bool *is_new) {
  char kind[16];
  if (sscanf(line, "run %*s %15s", kind) != 1) return false;
  *is_new = !strcmp(kind, "new");
  return *is_new || !strcmp(kind, "resumed");
}

void sp_history_last(const char *path, uint64_t from, sp_last_run *out) {
  *out = (sp_last_run){0};
  FILE *file = sp_side_read(path);
  if (!file) return;
  char line[LINE_SIZE];
  fseeko(file, (off_t)from, SEEK_SET);
  while (fgets(line, sizeof line, file)) {
    sp_crash crash;
    bool is_new;
    if (parse_run(line, &is_new)) {
      *out = (sp_last_run){.begun = true, .is_new = is_new};
      sscanf(line, "run %*s %*s %*s %*s %*s %*s cores=%d", &out->cores);
    }
    int gpus, rank, signal;
    out->asked |= sscanf(line, "asked %d", &signal) == 1;
    if (!out->gone && out->end == SP_END_NONE && sscanf(line, "gone %d", &rank) == 1) {
      out->gone = true;
      out->gone_rank = rank;
    }
    if (sscanf(line, "gpus %d", &gpus) == 1) out->gpus += gpus;
    if (out->end == SP_END_NONE) parse_end(line, out); /* the first one: others follow it */
    if (!out->error[0]) sscanf(line, "error %479[^\n]", out->error);
    if (out->crashed || !parse_crash(line, &crash)) continue;
    out->crashed = true;
    out->crash = crash;
  }
  fclose(file);
}

bool sp_history_find_late(const char *path, bool writes, sp_late_rank *out) {
  FILE *file = sp_side_read(path);
  char line[LINE_SIZE], kind[8];
  bool found = false, is_new;
  if (!file) return false;
  while (fgets(line, sizeof line, file)) {
    sp_late_rank late;
    if (parse_run(line, &is_new) && is_new) found = false;
    if (sscanf(line, "late %7s %d %63s", kind, &late.rank, late.host) != 3) continue;
    if (strcmp(kind, writes ? "write" : "read")) continue;
    *out = late;
    found = true;
  }
  fclose(file);
  return found;
}

static void count(const sp_crash *crash, uint64_t n_units, uint8_t *counts, uint8_t *trials) {
  if (crash->first_unit > n_units || crash->n_units > n_units - crash->first_unit) return;
  if (crash->signal == 0) return; /* how a device that failed was noted once */
  const bool tried = crash->n_units == 1 && crash->trial > 0 && crash->trial <= SP_TRIAL_ELSEWHERE;
  for (uint64_t u = crash->first_unit; u < crash->first_unit + crash->n_units; u++) {
    counts[u] = (uint8_t)(counts[u] + (counts[u] < UINT8_MAX));
    if (tried && trials[u] < crash->trial) trials[u] = (uint8_t)crash->trial;
  }
}

sp_status sp_history_count_crashes(const char *path, uint64_t n_units, uint8_t *counts, uint8_t *trials) {
  memset(counts, 0, n_units);
  memset(trials, 0, n_units);
  FILE *file = sp_side_read(path);
  if (!file && errno == ENOENT) return SP_SUCCESS;
  if (!file) return SP_RAISE(sp_file_status(errno), "%s: cannot be read: %s", path, sp_side_error(errno));
  char line[LINE_SIZE];
  while (fgets(line, sizeof line, file)) {
    sp_crash crash;
    bool is_new;
    if (parse_run(line, &is_new) && is_new) {
      memset(counts, 0, n_units);
      memset(trials, 0, n_units);
    } else if (parse_crash(line, &crash)) {
      count(&crash, n_units, counts, trials);
    }
  }
  fclose(file);
  return SP_SUCCESS;
}

/* One run while its lines are read. */
typedef struct run_sum {
  int cores, gpus;
  double seconds, bytes, cpu_s;
} run_sum;

static void close_run(sp_history_sum *out, run_sum *run) {
  out->core_s += run->cores * run->seconds;
  out->gpu_s += run->gpus * run->seconds;
  out->cpu_s += run->cpu_s;
  out->bytes += run->bytes;
  *run = (run_sum){0};
}

/* " 2=1 8=3" */
static void parse_reasons(const char *text, sp_history_sum *out) {
  unsigned reason;
  unsigned long long n;
  int length;
  memset(out->reasons, 0, sizeof out->reasons);
  for (; sscanf(text, " %u=%llu%n", &reason, &n, &length) == 2; text += length) {
    if (reason < SP_REASON_COUNT) out->reasons[reason] = n;
  }
}

static void sum_line(const char *line, sp_history_sum *out, run_sum *run) {
  unsigned long long done, units, bytes_in, bytes_out;
  double seconds, bytes, cpu_s;
  int number, at = 0;
  bool is_new;
  if (parse_run(line, &is_new)) {
    close_run(out, run);
    out->n_runs++;
    out->has_result = false;
    sscanf(line, "run %*s %*s %*s %*s %*s %*s cores=%d", &run->cores);
    if (sscanf(line, "run %*s %*s %llu/%llu", &done, &units) == 2) {
      out->n_done = done;
      out->n_units = units;
    }
  } else if (sscanf(line, "gpus %d", &number) == 1) {
    run->gpus += number;
  } else if (sscanf(line, "tick %lf %llu %lf", &seconds, &done, &bytes) == 3) {
    run->seconds = seconds;
    run->bytes = bytes;
    out->n_done = done;
  } else if (sscanf(line, "result %d %llu/%llu seconds=%lf cpu=%lf read=%llu written=%llu%n", &number, &done, &units,
                    &seconds, &cpu_s, &bytes_in, &bytes_out, &at) == 7) {
    *run = (run_sum){run->cores, run->gpus, seconds, (double)bytes_in + (double)bytes_out, cpu_s};
    out->has_result = true;
    out->exit_code = number;
    out->n_done = done;
    out->n_units = units;
    parse_reasons(line + at, out);
  }
}

void sp_history_add_up(const char *path, sp_history_sum *out) {
  char line[LINE_SIZE];
  run_sum run = {0};
  *out = (sp_history_sum){0};
  FILE *file = sp_side_read(path);
  if (!file) return;
  while (fgets(line, sizeof line, file)) sum_line(line, out, &run);
  close_run(out, &run);
  fclose(file);
}

/* The nodes of a run, as far as there is room for them. */
enum { MAX_NODES = 1024 };

typedef struct node_list {
  struct {
    char host[SP_HOST_NAME];
    int first_rank;
  } nodes[MAX_NODES];
  int n;
} node_list;

static void add_node(node_list *list, const char *line) {
  if (list->n == MAX_NODES) return;
  const int n = sscanf(line, "node %63s %d", list->nodes[list->n].host, &list->nodes[list->n].first_rank);
  list->n += n == 2;
}

/* Ranks of a node follow each other: it is the last node that begins at this rank or before. */
static const char *host_of(const node_list *list, int rank) {
  const char *host = "";
  int best = -1;
  for (int i = 0; i < list->n; i++) {
    if (list->nodes[i].first_rank > rank || list->nodes[i].first_rank < best) continue;
    best = list->nodes[i].first_rank;
    host = list->nodes[i].host;
  }
  return host;
}

bool sp_history_find_trial(const char *path, uint64_t unit, int *rank, char host[SP_HOST_NAME]) {
  bool found = false;
  node_list *nodes = NULL;
  FILE *file = sp_side_read(path);
  if (!file || sp_calloc(1, sizeof *nodes, "the nodes of a run", &nodes) != SP_SUCCESS) goto out;
  char line[LINE_SIZE];
  while (fgets(line, sizeof line, file)) {
    sp_crash crash;
    bool is_new;
    if (parse_run(line, &is_new)) nodes->n = 0;
    add_node(nodes, line);
    if (!parse_crash(line, &crash) || crash.n_units != 1 || crash.first_unit != unit || crash.trial <= 0) continue;
    found = true;
    *rank = crash.rank;
    snprintf(host, SP_HOST_NAME, "%s", host_of(nodes, crash.rank));
  }
out:
  if (file) fclose(file);
  sp_free(nodes);
  return found;
}
