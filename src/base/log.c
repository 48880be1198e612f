/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/log.h"

#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/clock.h"
#include "seisproc/quote.h"

enum { LINE_SIZE = 2048, ERROR_SIZE = 512 };

/* The sink: the only mutable state at file scope in seisproc. */
static struct {
  atomic_int level; /* -1: not yet read from the environment */
  atomic_int rank;
  atomic_bool json;
  _Atomic(FILE *) stream;
  atomic_ulong count[SP_LOG_TRACE + 1];
  char first_error[ERROR_SIZE];
  atomic_bool has_error; /* first_error is whole */
} sink = {.level = -1, .rank = -1};

static const char *const level_names[] = {"error", "warning", "info", "debug", "trace"};

static int level_from_environment(void) {
  const char *name = getenv("SEISPROC_LOG");
  for (int i = 0; name && i <= SP_LOG_TRACE; i++) {
    if (!strcmp(name, level_names[i])) return i;
  }
  return SP_LOG_INFO;
}

void sp_log_set_level(sp_log_level level) {
  sink.level = (int)level;
}

sp_log_level sp_log_get_level(void) {
  if (sink.level < 0) sink.level = level_from_environment();
  return (sp_log_level)sink.level;
}

void sp_log_set_json(bool json) {
  sink.json = json;
}

bool sp_log_is_json(void) {
  return sink.json;
}

void sp_log_set_rank(int rank) {
  sink.rank = rank;
}

void sp_log_set_stream(FILE *stream) {
  sink.stream = stream;
}

unsigned long sp_log_count(sp_log_level level) {
  return sink.count[level];
}

const char *sp_log_first_error(void) {
  return sink.has_error ? sink.first_error : "";
}

/* Names of files and text from them may hold control characters: they become '?', and a line stays one. */
static void make_printable(char *text) {
  for (char *c = text; *c;) {
    const size_t length = sp_utf8_length(c);
    const bool alone = length == 0 && (unsigned char)*c < 0xa0; /* a control character of 8-bit terminals */
    if (alone || (length && *c != '\t' && sp_is_control(c))) {
      memset(c, '?', length ? length : 1);
    }
    c += length ? length : 1;
  }
}

/* One write a line, so that lines of several ranks do not mix. */
static void write_line(const char *line, size_t n) {
  FILE *stream = sink.stream;
  fwrite(line, 1, n, stream ? stream : stderr);
  fflush(stream ? stream : stderr);
}

/* `text` is printable; what is not UTF-8 in it becomes '?'. */
static void write_json(sp_log_level level, int rank, const char *text) {
  char line[2 * LINE_SIZE + 128], time[SP_TIME_TEXT], *at = line;
  const double now = sp_wall_clock();
  sp_time_text(now, time); /* up to whole seconds: 19 characters */
  at += snprintf(at, 96, "{\"time\": \"%.19s.%03dZ\", \"level\": \"%s\", ", time, (int)(1e3 * (now - floor(now))),
                 level_names[level]);
  if (rank >= 0) at += snprintf(at, 96, "\"rank\": %d, ", rank);
  at += snprintf(at, 96, "\"text\": \"");
  for (const char *c = text; *c;) {
    const size_t length = sp_utf8_length(c);
    if (*c == '"' || *c == '\\') *at++ = '\\';
    if (length == 0) *at++ = '?';
    memcpy(at, c, length);
    at += length;
    c += length ? length : 1;
  }
  at += snprintf(at, 96, "\"}\n");
  write_line(line, (size_t)(at - line));
}

void sp_log(sp_log_level level, const char *format, ...) {
  const bool first_error = sink.count[level]++ == 0 && level == SP_LOG_ERROR;
  if (level > sp_log_get_level()) return;
  const int rank = sink.rank;
  if (level == SP_LOG_INFO && rank > 0) return;
  const bool json = sink.json;
  char line[LINE_SIZE];
  int n = 0;
  if (!json) {
    n = rank > 0 || (rank == 0 && level >= SP_LOG_DEBUG) ? snprintf(line, sizeof line, "seisproc[%d]: ", rank)
                                                         : snprintf(line, sizeof line, "seisproc: ");
    if (level != SP_LOG_INFO) n += snprintf(line + n, sizeof line - (size_t)n, "%s: ", level_names[level]);
  }
  va_list args;
  va_start(args, format);
  int m = vsnprintf(line + n, sizeof line - (size_t)n - 1, format, args);
  va_end(args);
  const int start = n;
  n += m < 0 ? 0 : m;
  if (n > (int)sizeof line - 2) n = (int)sizeof line - 2;
  line[n] = '\0';
  make_printable(line + start);
  if (first_error) {
    snprintf(sink.first_error, ERROR_SIZE, "%.*s", ERROR_SIZE - 1, line + start);
    sink.has_error = true;
  }
  if (json) {
    for (char *c = line; *c; c++) *c = *c == '\t' ? ' ' : *c;
    write_json(level, rank, line);
    return;
  }
  line[n++] = '\n';
  write_line(line, (size_t)n);
}
