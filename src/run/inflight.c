/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/run/inflight.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/roles.h"
#include "seisproc/side_file.h"

enum { BUFFER_SIZE = 1 << 16, LINE_SIZE = 256, MAX_RANGES = 64, SHOWN_RANGES = 8 };

struct sp_inflight {
  int fd; /* -1: it cannot be written */
  const char *path;
  size_t used;
  char buffer[BUFFER_SIZE];
};

/* --- writing -------------------------------------------------------------------------------------------------- */

void sp_inflight_flush(sp_inflight *f) {
  if (f->used && f->fd >= 0 && write(f->fd, f->buffer, f->used) != (ssize_t)f->used) {
    sp_warn("%s: cannot be written: %s; what a rank that dies had in flight is not known", f->path, strerror(errno));
    close(f->fd);
    f->fd = -1;
  }
  f->used = 0;
}

/* A place for one more line. */
static char *make_room(sp_inflight *f) {
  if (f->used + LINE_SIZE > BUFFER_SIZE) sp_inflight_flush(f);
  return f->buffer + f->used;
}

sp_status sp_inflight_create(const char *path, const char *unit, const sp_place *places, int n_ranks,
                             sp_inflight **out) {
  sp_inflight *f = NULL;
  SP_TRY(sp_calloc(1, sizeof *f, "what is in flight", &f));
  f->path = path;
  f->fd = sp_side_create(path);
  if (f->fd < 0) sp_warn("%s: cannot be created: %s", path, sp_side_error(errno));
  f->used = (size_t)snprintf(f->buffer, LINE_SIZE, "units %s\n", unit);
  for (int r = 0; r < n_ranks; r++) {
    char *line = make_room(f);
    f->used += (size_t)snprintf(line, LINE_SIZE, "rank %d %s %d %s\n", r, sp_role_name((sp_role)places[r].role),
                                places[r].process, places[r].host);
  }
  sp_inflight_flush(f);
  *out = f;
  return SP_SUCCESS;
}

void sp_inflight_deal(sp_inflight *f, int rank, uint64_t first_unit, uint32_t n) {
  char *line = make_room(f); /* which may empty the buffer */
  f->used += (size_t)snprintf(line, LINE_SIZE, "deal %d %" PRIu64 " %" PRIu32 "\n", rank, first_unit, n);
}

void sp_inflight_done(sp_inflight *f, uint64_t first_unit) {
  char *line = make_room(f);
  f->used += (size_t)snprintf(line, LINE_SIZE, "done %" PRIu64 "\n", first_unit);
}

void sp_inflight_close(sp_inflight *f) {
  if (!f) return;
  sp_inflight_flush(f);
  if (f->fd >= 0) close(f->fd);
  sp_free(f);
}

static void append(const char *path, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void append(const char *path, const char *format, ...) {
  char line[LINE_SIZE];
  va_list args;
  va_start(args, format);
  const int n = vsnprintf(line, sizeof line, format, args);
  va_end(args);
  const int fd = sp_side_open(path, O_WRONLY | O_APPEND);
  if (fd < 0 || write(fd, line, (size_t)n) != n) sp_debug("%s: cannot be written: %s", path, sp_side_error(errno));
  if (fd >= 0) close(fd);
}

void sp_inflight_note_wait(const char *path, int rank, double seconds, const char *what) {
  append(path, "waits %d %.0f %s\n", rank, seconds, what);
}

void sp_inflight_note_arrival(const char *path, int rank, uint64_t step) {
  append(path, "arrived %d %" PRIu64 "\n", rank, step);
}

int sp_inflight_count_arrivals(const char *path, uint64_t step, int n_ranks, bool *arrived) {
  char line[LINE_SIZE];
  int n = 0;
  FILE *file = sp_side_read(path);
  for (int r = 0; r < n_ranks; r++) arrived[r] = false;
  if (!file) return 0;
  while (fgets(line, sizeof line, file)) {
    int rank;
    uint64_t at;
    if (sscanf(line, "arrived %d %" SCNu64, &rank, &at) != 2 || rank < 0 || rank >= n_ranks || at < step) continue;
    n += !arrived[rank];
    arrived[rank] = true;
  }
  fclose(file);
  return n;
}

/* --- reading -------------------------------------------------------------------------------------------------- */

/* What the file says of one rank. */
typedef struct summary {
  bool known;
  char unit[16], role[16], host[64], waits[LINE_SIZE];
  int process;
  struct {
    uint64_t first;
    uint32_t n;
  } ranges[MAX_RANGES];
  int n_ranges;
  uint64_t n_done; /* units */
} summary;

static void forget_range(summary *s, uint64_t first) {
  for (int i = 0; i < s->n_ranges; i++) {
    if (s->ranges[i].first != first) continue;
    s->n_done += s->ranges[i].n;
    memmove(&s->ranges[i], &s->ranges[i + 1], (size_t)(--s->n_ranges - i) * sizeof s->ranges[0]);
    return;
  }
}

static void parse_rank(summary *s, const char *line) {
  char role[16], host[64];
  int process;
  if (sscanf(line, "rank %*d %15s %d %63s", role, &process, host) != 3) return;
  memcpy(s->role, role, sizeof role);
  memcpy(s->host, host, sizeof host);
  s->process = process;
  s->known = true;
}

static void parse_deal(summary *s, const char *line) {
  uint64_t first;
  uint32_t n;
  if (sscanf(line, "deal %*d %" SCNu64 " %" SCNu32, &first, &n) != 2 || s->n_ranges == MAX_RANGES) return;
  s->ranges[s->n_ranges].first = first;
  s->ranges[s->n_ranges++].n = n;
  s->waits[0] = '\0'; /* it went on since */
}

static void parse_wait(summary *s, const char *line) {
  int n = 0;
  if (sscanf(line, "waits %*d %n", &n) != 0 || n == 0) return;
  snprintf(s->waits, sizeof s->waits, "%s", line + n);
  s->waits[strcspn(s->waits, "\n")] = '\0';
}

static void parse_line(summary *s, int rank, const char *line) {
  char word[8];
  int r;
  uint64_t first;
  if (sscanf(line, "done %" SCNu64, &first) == 1) forget_range(s, first);
  if (sscanf(line, "units %15s", s->unit) == 1) return;
  if (sscanf(line, "%7s %d", word, &r) != 2 || r != rank) return;
  if (!strcmp(word, "rank")) parse_rank(s, line);
  if (!strcmp(word, "deal")) parse_deal(s, line);
  if (!strcmp(word, "waits")) parse_wait(s, line);
}

static void put_ranges(const summary *s, char *text, size_t size) {
  size_t used = 0;
  for (int i = 0; i < s->n_ranges && i < SHOWN_RANGES && used + 64 < size; i++) {
    const uint64_t first = s->ranges[i].first, last = first + s->ranges[i].n - 1;
    used += (size_t)snprintf(text + used, size - used, "%s%" PRIu64, i ? ", " : "", first);
    if (last > first) used += (size_t)snprintf(text + used, size - used, " to %" PRIu64, last);
  }
  if (s->n_ranges > SHOWN_RANGES) snprintf(text + used, size - used, " and more");
}

static bool summarise(const char *path, int rank, summary *s) {
  *s = (summary){0};
  FILE *file = sp_side_read(path);
  if (!file) return false;
  char line[LINE_SIZE];
  while (fgets(line, sizeof line, file)) parse_line(s, rank, line);
  fclose(file);
  return s->known;
}

void sp_inflight_count(const char *path, int rank, uint64_t *n_done, uint64_t *n_in_hand) {
  summary s;
  *n_done = *n_in_hand = 0;
  if (!summarise(path, rank, &s)) return;
  *n_done = s.n_done;
  for (int i = 0; i < s.n_ranges; i++) *n_in_hand += s.ranges[i].n;
}

bool sp_inflight_describe(const char *path, int rank, char text[SP_INFLIGHT_TEXT], bool *says) {
  summary s;
  char ranges[SP_INFLIGHT_TEXT / 2] = "";
  text[0] = '\0';
  if (!summarise(path, rank, &s)) return false;
  if (says) *says = s.waits[0] != '\0';
  put_ranges(&s, ranges, sizeof ranges);
  char *what = s.waits;
  const long seconds = strtol(s.waits, &what, 10);
  size_t used = (size_t)snprintf(text, SP_INFLIGHT_TEXT, "%s on %s, process %d", s.role, s.host, s.process);
  if (s.n_ranges)
    used += (size_t)snprintf(text + used, SP_INFLIGHT_TEXT - used, ", has %ss %s in flight", s.unit, ranges);
  if (s.waits[0]) snprintf(text + used, SP_INFLIGHT_TEXT - used, ",%s for %ld s", what, seconds);
  return true;
}
