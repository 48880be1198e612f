/* SPDX-License-Identifier: BSD-3-Clause */
/* The rule of a mute, with its picks from a text file: lines of a header value and a time in ms, # begins a comment. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/mute/mute.h"
#include "seisproc/memory.h"

/* Where the file is being read. */
typedef struct reader {
  const char *path;
  int line;
  char *why;
  size_t why_size;
} reader;

#define REFUSE(r, ...) (snprintf((r)->why, (r)->why_size, __VA_ARGS__), SP_ERR_INPUT)

static sp_status parse_line(reader *r, const char *text, bool closed, sp_mute_rule *rule) {
  double number[2];
  int n = 0;
  for (text += strspn(text, " \t\r\n,;"); *text && *text != '#'; text += strspn(text, " \t\r\n,;")) {
    char *end;
    const double x = strtod(text, &end);
    if (end == text || !isfinite(x) || n == 2) {
      return REFUSE(r, "picks: %s:%d: found '%.*s', allowed are a header value and a time in ms", r->path, r->line,
                    (int)strcspn(text, "\r\n"), text);
    }
    number[n++] = x;
    text = end;
  }
  if (n == 0) return SP_SUCCESS;
  if (n == 1)
    return REFUSE(r, "picks: %s:%d: found one number, allowed are a header value and a time in ms", r->path, r->line);
  if (rule->n_picks == SP_MUTE_MAX_PICKS) {
    return REFUSE(r, "picks: %s:%d: more than %d picks", r->path, r->line, SP_MUTE_MAX_PICKS);
  }
  const sp_mute_pick *before = rule->n_picks ? &rule->picks[rule->n_picks - 1] : NULL;
  if (!closed && before && number[0] <= before->value) {
    return REFUSE(
        r, "picks: %s:%d: found the value %.10g after %.10g, allowed are ascending ones (where: inner takes a polygon)",
        r->path, r->line, number[0], before->value);
  }
  rule->picks[rule->n_picks++] = (sp_mute_pick){number[0], number[1] * 1e-3};
  return SP_SUCCESS;
}

/* How often the polygon crosses a trace can change at its corners only. */
static uint32_t most_crossings(const sp_mute_rule *rule) {
  uint32_t most = 0;
  for (uint32_t i = 0; i < rule->n_picks; i++) {
    const double value = rule->picks[i].value;
    uint32_t n = 0;
    for (uint32_t k = 0; k < rule->n_picks; k++) {
      n += (rule->picks[k].value <= value) != (rule->picks[(k + 1) % rule->n_picks].value <= value);
    }
    most = n > most ? n : most;
  }
  return most;
}

static sp_status check_picks(reader *r, bool closed, const sp_mute_rule *rule) {
  double latest = 0;
  for (uint32_t i = 0; i < rule->n_picks; i++) latest = fmax(latest, rule->picks[i].time);
  const uint32_t least = closed ? 3 : 1;
  if (rule->n_picks < least) {
    return REFUSE(r, "picks: %s: found %u picks, allowed are %u or more", r->path, rule->n_picks, least);
  }
  if (latest > 0 && latest < 0.02) {
    return REFUSE(r, "picks: %s: the latest time is %g: seconds? allowed are ms", r->path, 1e3 * latest);
  }
  if (closed && most_crossings(rule) > 2 * SP_MUTE_MAX_SPANS) {
    return REFUSE(r, "picks: %s: the polygon crosses a trace %u times, allowed are %d", r->path, most_crossings(rule),
                  2 * SP_MUTE_MAX_SPANS);
  }
  return SP_SUCCESS;
}

static sp_status read_lines(reader *r, FILE *file, bool closed, sp_mute_rule *rule) {
  char *text = NULL;
  size_t room = 0;
  sp_status status = SP_SUCCESS;
  for (r->line = 1; status == SP_SUCCESS && getline(&text, &room, file) >= 0; r->line++) {
    status = parse_line(r, text, closed, rule);
  }
  if (status == SP_SUCCESS && ferror(file))
    status = REFUSE(r, "picks: %s: cannot be read: %s", r->path, strerror(errno));
  free(text);
  return status == SP_SUCCESS ? check_picks(r, closed, rule) : status;
}

static sp_status read_picks(const char *path, sp_mute_rule *rule, char *why, size_t why_size) {
  reader r = {.path = path, .why = why, .why_size = why_size};
  FILE *file = fopen(path, "r");
  if (!file) return REFUSE(&r, "picks: %s: cannot be opened: %s", path, strerror(errno));
  void *block = NULL;
  sp_status status = sp_alloc(SP_MUTE_MAX_PICKS * sizeof *rule->picks, "picks of mute", &block);
  rule->picks = block;
  if (status == SP_SUCCESS) status = read_lines(&r, file, rule->where == SP_MUTE_INNER, rule);
  fclose(file);
  if (status == SP_SUCCESS) return SP_SUCCESS;
  sp_free(rule->picks);
  rule->picks = NULL;
  return status;
}

sp_status sp_mute_make_rule(const sp_mute_params *p, double sample_interval_s, sp_mute_rule *rule, char *why,
                            size_t why_size) {
  *rule = (sp_mute_rule){.where = p->where,
                         .shape = p->shape,
                         .velocity = {p->velocity, isnan(p->until_velocity) ? p->velocity : p->until_velocity},
                         .t0 = {p->t0 * 1e-3, (isnan(p->until_t0) ? p->t0 : p->until_t0) * 1e-3},
                         .taper = p->taper * 1e-3 / sample_interval_s,
                         .interval_s = sample_interval_s};
  return p->shape == SP_MUTE_PICKS ? read_picks(p->picks.path, rule, why, why_size) : SP_SUCCESS;
}
