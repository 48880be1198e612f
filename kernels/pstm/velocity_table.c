/* SPDX-License-Identifier: BSD-3-Clause */
/* Text tables of velocities: lines of numbers to functions of time at positions. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/pstm/velocity.h"
#include "seisproc/memory.h"
#include "seisproc/quote.h"

enum { MOST_COLUMNS = 4, MOST_KNOTS = 1 << 24 };

#define BYTE_ORDER_MARK "\xef\xbb\xbf" /* some editors begin a text with it */

/* A line of the file. */
typedef struct knot {
  double position[2], time, value; /* ms */
  int line;
} knot;

typedef struct reader {
  const char *path;
  const sp_velocity_range *range;
  int columns; /* 0: not known yet */
  sp_velocity_by by;
  knot *knots;
  size_t n, room;
} reader;

sp_velocity_range sp_velocity_range_of(bool allow) {
  return allow ? (sp_velocity_range){1e-3, 1e6, true} : (sp_velocity_range){300, 12000, true};
}

/* "iline xline t v" or "x y t v" in a comment or by itself. */
static sp_velocity_by named_columns(const char *line) {
  char word[4][16];
  while (*line == '#' || *line == ' ' || *line == '\t') line++;
  const int n = sscanf(line, "%15s %15s %15s %15s", word[0], word[1], word[2], word[3]);
  if (n >= 2 && !strcmp(word[0], "iline") && !strcmp(word[1], "xline")) return SP_VELOCITY_BY_LINES;
  if (n >= 2 && !strcmp(word[0], "x") && !strcmp(word[1], "y")) return SP_VELOCITY_BY_PLACE;
  return n >= 1 && !strcmp(word[0], "cdp") ? SP_VELOCITY_BY_CDP : SP_VELOCITY_BY_NOTHING;
}

static sp_status add_knot(reader *r, const knot *k) {
  if (r->n == r->room) {
    const size_t room = r->room ? 2 * r->room : 1024;
    if (room > MOST_KNOTS) return SP_RAISE(SP_ERR_INPUT, "%s: more than %d lines", r->path, MOST_KNOTS);
    void *grown = NULL;
    SP_TRY(sp_alloc(room * sizeof *r->knots, "a velocity table", &grown));
    if (r->n) memcpy(grown, r->knots, r->n * sizeof *r->knots);
    sp_free(r->knots);
    r->knots = grown;
    r->room = room;
  }
  r->knots[r->n++] = *k;
  return SP_SUCCESS;
}

static sp_status check_columns(reader *r, int n, int line) {
  if (r->columns) {
    if (n == r->columns) return SP_SUCCESS;
    return SP_RAISE(SP_ERR_INPUT, "%s:%d: found %d numbers, the lines before have %d", r->path, line, n, r->columns);
  }
  if (n < 2 || n > MOST_COLUMNS) {
    return SP_RAISE(SP_ERR_INPUT, "%s:%d: found %d numbers, allowed are t v, cdp t v, iline xline t v, x y t v",
                    r->path, line, n);
  }
  if (n == MOST_COLUMNS && r->by != SP_VELOCITY_BY_LINES && r->by != SP_VELOCITY_BY_PLACE) {
    return SP_RAISE(SP_ERR_INPUT,
                    "%s:%d: four columns may be iline xline t v or x y t v: let the first line say which, "
                    "'# iline xline t v' or '# x y t v'",
                    r->path, line);
  }
  if (n == 2) r->by = SP_VELOCITY_BY_NOTHING;
  if (n == 3) r->by = SP_VELOCITY_BY_CDP;
  r->columns = n;
  return SP_SUCCESS;
}

static sp_status parse_line(reader *r, char *text, int line) {
  double number[MOST_COLUMNS + 1];
  int n = 0;
  char *at = text;
  for (at += strspn(at, " \t\r\n,;"); *at && *at != '#'; at += strspn(at, " \t\r\n,;")) {
    char *end;
    if (n > MOST_COLUMNS) break;
    number[n] = strtod(at, &end);
    if (end == at || !isfinite(number[n])) {
      if (r->n == 0 && n == 0 && named_columns(at) != SP_VELOCITY_BY_NOTHING) return SP_SUCCESS; /* a line of names */
      if (r->n == 0 && n == 0 && (!strncmp(at, "t ", 2) || !strncmp(at, "t_ms", 4))) return SP_SUCCESS;
      char quoted[SP_QUOTE_SIZE];
      at[strcspn(at, " \t\r\n")] = '\0';
      return SP_RAISE(SP_ERR_INPUT, "%s:%d: found '%s', allowed are numbers, and comments after #", r->path, line,
                      sp_quote(at, quoted));
    }
    at = end;
    n++;
  }
  if (n == 0) return SP_SUCCESS;
  SP_TRY(check_columns(r, n, line));
  knot k = {.time = number[n - 2], .value = number[n - 1], .line = line};
  if (n >= 3) k.position[0] = number[0];
  if (n == 4) k.position[1] = number[1];
  if (n == 4 && r->by == SP_VELOCITY_BY_LINES) k.position[0] = number[1], k.position[1] = number[0];
  if (k.time < 0)
    return SP_RAISE(SP_ERR_INPUT, "%s:%d: found the time %g ms, allowed is 0 or more", r->path, line, k.time);
  if (!(k.value >= r->range->least && k.value <= r->range->most)) {
    return SP_RAISE(SP_ERR_INPUT, "%s:%d: found %g%s, allowed is %g to %g%s", r->path, line, k.value,
                    r->range->is_velocity ? " m/s" : "", r->range->least, r->range->most,
                    r->range->is_velocity ? " m/s (allow_velocities: true takes others)" : "");
  }
  return add_knot(r, &k);
}

static int by_position(const void *a, const void *b) {
  const knot *x = a, *y = b;
  for (int i = 0; i < 2; i++) {
    if (x->position[i] != y->position[i]) return x->position[i] < y->position[i] ? -1 : 1;
  }
  return (x->line > y->line) - (x->line < y->line); /* lines of a position stay in order */
}

static sp_status allocate(sp_velocity_table *t, uint32_t n_functions, size_t n_knots) {
  t->n_functions = n_functions;
  SP_TRY(sp_alloc(n_functions * sizeof *t->position, "a velocity table", &t->position));
  SP_TRY(sp_alloc((n_functions + 1) * sizeof *t->first, "a velocity table", &t->first));
  SP_TRY(sp_alloc(n_knots * sizeof *t->time, "a velocity table", &t->time));
  return sp_alloc(n_knots * sizeof *t->value, "a velocity table", &t->value);
}

static sp_status make_table(const reader *r, sp_velocity_table *t) {
  qsort(r->knots, r->n, sizeof *r->knots, by_position);
  uint32_t n = 0;
  for (size_t i = 0; i < r->n; i++) {
    n += i == 0 || memcmp(r->knots[i].position, r->knots[i - 1].position, sizeof r->knots[i].position) != 0;
  }
  SP_TRY(allocate(t, n, r->n));
  n = 0;
  for (size_t i = 0; i < r->n; i++) {
    const knot *k = &r->knots[i], *before = k - 1;
    const bool starts = i == 0 || memcmp(k->position, before->position, sizeof k->position) != 0;
    if (starts) {
      memcpy(t->position[n], k->position, sizeof k->position);
      t->first[n++] = (uint32_t)i;
    } else if (k->time <= before->time) {
      return SP_RAISE(SP_ERR_INPUT, "%s:%d: found the time %g ms after %g, allowed are ascending times at a position",
                      r->path, k->line, k->time, before->time);
    }
    t->time[i] = 1e-3 * k->time;
    t->value[i] = k->value;
  }
  t->first[n] = (uint32_t)r->n;
  t->by = r->by;
  return SP_SUCCESS;
}

sp_status sp_velocity_number(const char *name, double value, const sp_velocity_range *range, sp_velocity_table *table) {
  *table = (sp_velocity_table){0};
  if (!(value >= range->least && value <= range->most)) {
    return SP_RAISE(SP_ERR_INPUT, "%s: found %g, allowed is %g to %g", name, value, range->least, range->most);
  }
  snprintf(table->name, sizeof table->name, "%s", name);
  const sp_status status = allocate(table, 1, 1);
  if (status != SP_SUCCESS) {
    sp_velocity_table_free(table);
    return status;
  }
  table->position[0][0] = table->position[0][1] = 0;
  table->first[0] = 0, table->first[1] = 1;
  table->time[0] = 0, table->value[0] = value;
  return SP_SUCCESS;
}

static sp_status read_lines(reader *r, FILE *file) {
  char *text = NULL;
  size_t room = 0;
  sp_status status = SP_SUCCESS;
  for (int line = 1; status == SP_SUCCESS && getline(&text, &room, file) >= 0; line++) {
    char *start = line == 1 && !strncmp(text, BYTE_ORDER_MARK, 3) ? text + 3 : text;
    if (r->n == 0 && named_columns(start) != SP_VELOCITY_BY_NOTHING) r->by = named_columns(start);
    status = parse_line(r, start, line);
  }
  free(text);
  if (status == SP_SUCCESS && ferror(file)) return SP_RAISE(SP_ERR_IO, "%s: %s", r->path, strerror(errno));
  if (status == SP_SUCCESS && r->n == 0) return SP_RAISE(SP_ERR_INPUT, "%s: no velocities in it", r->path);
  return status;
}

sp_status sp_velocity_read(const char *path, const sp_velocity_range *range, sp_velocity_table *table) {
  *table = (sp_velocity_table){0};
  reader r = {.path = path, .range = range};
  FILE *file = fopen(path, "r");
  if (!file) return SP_RAISE(SP_ERR_INPUT, "%s: %s", path, strerror(errno));
  sp_status status = read_lines(&r, file);
  fclose(file);
  if (status == SP_SUCCESS) status = make_table(&r, table);
  sp_free(r.knots);
  snprintf(table->name, sizeof table->name, "%s", path);
  if (status == SP_SUCCESS) status = sp_velocity_check(table, range);
  if (status != SP_SUCCESS) {
    sp_velocity_table_free(table);
  }
  return status;
}

void sp_velocity_table_free(sp_velocity_table *t) {
  sp_free(t->position);
  sp_free(t->first);
  sp_free(t->time);
  sp_free(t->value);
  *t = (sp_velocity_table){0};
}
