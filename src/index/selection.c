/* SPDX-License-Identifier: BSD-3-Clause */
/* Subsets of gathers: a line of text to a rule, and a rule to the gathers that it takes. */
#include "seisproc/selection.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/expression.h"
#include "seisproc/memory.h"
#include "seisproc/quote.h"

enum { MAX_RANGES = 128, MAX_COLUMNS = SP_SELECTION_COLUMNS, PIECE = 8192, WHY_SIZE = 512 };

#define ALLOWED "first:N, every:N, A:B, KEY=A-B, KEY=A,B,C, where: CONDITION or all"

typedef enum rule_kind { ALL, FIRST, EVERY, NUMBERS, KEYS, WHERE } rule_kind;

typedef struct key_range {
  int64_t low, high;
} key_range;

struct sp_selection_rule {
  rule_kind kind;
  uint64_t a, b; /* N, or the ends of numbers, the second one not in it */
  char name[SP_KEY_NAME_LENGTH + 1];
  key_range range[MAX_RANGES];
  size_t n_ranges;
  sp_expression *condition;
};

/* --- text to rule ------------------------------------------------------------------------------------------------- */

static bool read_count(const char **at, uint64_t *out) {
  char *end;
  if (!isdigit((unsigned char)**at)) return false;
  errno = 0;
  *out = strtoull(*at, &end, 10);
  *at = end;
  return !errno;
}

static bool read_key(const char **at, int64_t *out) {
  char *end;
  if (!isdigit((unsigned char)**at) && !(**at == '-' && isdigit((unsigned char)(*at)[1]))) return false;
  errno = 0;
  *out = strtoll(*at, &end, 10);
  *at = end;
  return !errno;
}

/* "A-B,C,...", each a number that may be negative. */
static bool read_ranges(const char *text, sp_selection_rule *rule) {
  const char *at = text;
  while (rule->n_ranges < MAX_RANGES) {
    key_range *r = &rule->range[rule->n_ranges++];
    at += strspn(at, " ");
    if (!read_key(&at, &r->low)) return false;
    r->high = r->low;
    if (*at == '-' && (at++, !read_key(&at, &r->high))) return false;
    at += strspn(at, " ");
    if (r->high < r->low || (*at && *at != ',')) return false;
    if (!*at) return true;
    at++;
  }
  return false;
}

static bool read_name(const char *text, size_t n, sp_selection_rule *rule) {
  if (n == 0 || n > SP_KEY_NAME_LENGTH || !isalpha((unsigned char)*text)) return false;
  for (size_t i = 0; i < n; i++) {
    if (!isalnum((unsigned char)text[i]) && text[i] != '_') return false;
  }
  memcpy(rule->name, text, n);
  return true;
}

/* Everything but conditions. */
static bool read_rule(const char *text, sp_selection_rule *rule) {
  const char *at = text, *equals = strchr(text, '=');
  if (!*text || !strcmp(text, "all")) return true; /* ALL */
  if (equals) {
    rule->kind = KEYS;
    return read_name(text, (size_t)(equals - text), rule) && read_ranges(equals + 1, rule);
  }
  if (!strncmp(text, "first:", 6) || !strncmp(text, "every:", 6)) {
    rule->kind = *text == 'f' ? FIRST : EVERY;
    at += 6;
    return read_count(&at, &rule->a) && !*at && rule->a > 0;
  }
  rule->kind = NUMBERS;
  return read_count(&at, &rule->a) && *at++ == ':' && read_count(&at, &rule->b) && !*at && rule->a < rule->b;
}

static sp_status read_condition(const char *text, char *why, size_t why_size, sp_selection_rule *rule) {
  char what[WHY_SIZE];
  rule->kind = WHERE;
  const sp_status status = sp_condition_parse(text, what, sizeof what, &rule->condition);
  if (status == SP_ERR_USAGE) snprintf(why, why_size, "where: %s", what);
  SP_TRY(status);
  const size_t n = sp_expression_n_names(rule->condition);
  if (n > 0 && n <= MAX_COLUMNS) return SP_SUCCESS;
  snprintf(why, why_size, "where: found '%.40s' with %zu columns, allowed are 1 to %d", text, n, MAX_COLUMNS);
  return SP_ERR_USAGE;
}

sp_status sp_selection_parse(const char *text, char *why, size_t why_size, sp_selection_rule **out) {
  sp_selection_rule *rule;
  char quoted[SP_QUOTE_SIZE];
  sp_status status = SP_SUCCESS;
  SP_TRY(sp_calloc(1, sizeof *rule, "a selection", &rule));
  if (!strncmp(text, "where:", 6)) {
    status = read_condition(text + 6 + strspn(text + 6, " "), why, why_size, rule);
  } else if (!read_rule(text, rule)) {
    snprintf(why, why_size, "found '%s', allowed is " ALLOWED, sp_quote(text, quoted));
    status = SP_ERR_USAGE;
  }
  if (status == SP_SUCCESS) {
    *out = rule;
  } else {
    sp_selection_rule_destroy(rule);
  }
  return status;
}

void sp_selection_rule_destroy(sp_selection_rule *rule) {
  if (!rule) return;
  sp_expression_destroy(rule->condition);
  sp_free(rule);
}

bool sp_selection_is_all(const sp_selection_rule *rule) {
  return rule->kind == ALL;
}

size_t sp_selection_n_columns(const sp_selection_rule *rule) {
  return rule->condition ? sp_expression_n_names(rule->condition) : 0;
}

const char *sp_selection_column(const sp_selection_rule *rule, size_t i) {
  return sp_expression_name(rule->condition, i);
}

/* --- rule to gathers ---------------------------------------------------------------------------------------------- */

/* Which part of the key a name is: 0 and 1 of two; -1: none. */
static int part_of_key(const char *name, const char *key_name) {
  const char *plus = strchr(key_name, '+');
  const size_t n = strlen(name);
  if (!plus) return strcmp(name, *key_name ? key_name : "key") ? -1 : 0;
  if (n == (size_t)(plus - key_name) && !strncmp(name, key_name, n)) return 0;
  return strcmp(name, plus + 1) ? -1 : 1;
}

static bool key_is_in(const sp_selection_rule *rule, const sp_gather_index *index, int part, sp_global gather) {
  int64_t halves[2] = {index->key[gather], 0};
  if (strchr(index->key_name, '+')) sp_gather_key_split(index->key[gather], &halves[0], &halves[1]);
  for (size_t i = 0; i < rule->n_ranges; i++) {
    if (halves[part] >= rule->range[i].low && halves[part] <= rule->range[i].high) return true;
  }
  return false;
}

/* What is read of columns for a condition: pieces of the traces, in their order. */
typedef struct column_window {
  sp_selection_reader read;
  void *context;
  size_t n_columns;
  sp_global n_traces, first; /* of the survey; of the piece */
  sp_local n;
  double values[MAX_COLUMNS][PIECE];
} column_window;

static sp_status holds_in(const sp_selection_rule *rule, const sp_gather_index *index, sp_global gather,
                          column_window *w, bool *out) {
  double values[MAX_COLUMNS];
  *out = false;
  for (sp_global t = index->first_trace[gather]; t < index->first_trace[gather + 1] && !*out; t++) {
    if (t < w->first || t >= w->first + w->n) {
      w->first = t;
      w->n = w->n_traces - t < PIECE ? (sp_local)(w->n_traces - t) : PIECE;
      for (size_t i = 0; i < w->n_columns; i++) SP_TRY(w->read(w->context, i, t, w->n, w->values[i]));
    }
    for (size_t i = 0; i < w->n_columns; i++) values[i] = w->values[i][t - w->first];
    *out = sp_condition_holds(rule->condition, values);
  }
  return SP_SUCCESS;
}

static sp_status takes(const sp_selection_rule *rule, const sp_gather_index *index, int part, sp_global gather,
                       column_window *w, bool *out) {
  switch (rule->kind) {
  case ALL:
    *out = true;
    break;
  case FIRST:
    *out = gather < rule->a;
    break;
  case EVERY:
    *out = gather % rule->a == 0;
    break;
  case NUMBERS:
    *out = gather >= rule->a && gather < rule->b;
    break;
  case KEYS:
    *out = key_is_in(rule, index, part, gather);
    break;
  case WHERE:
    return holds_in(rule, index, gather, w, out);
  }
  return SP_SUCCESS;
}

static sp_status refuse_none(const sp_selection_rule *rule, const char *where, const sp_gather_index *index) {
  char first[SP_GATHER_TEXT], last[SP_GATHER_TEXT];
  const sp_global n = index->n_gathers;
  if (n == 0) return SP_RAISE(SP_ERR_USAGE, "gathers: %s has none", where);
  return SP_RAISE(SP_ERR_USAGE,
                  "gathers: none of %s is taken%s; it has %" PRIu64 ", numbers 0 to %" PRIu64 ", %s to %s", where,
                  rule->kind == WHERE ? ", the condition holds for no trace" : "", n, n - 1,
                  sp_gather_key_text(index->key_name, index->key[0], first),
                  sp_gather_key_text(index->key_name, index->key[n - 1], last));
}

static sp_status collect(const sp_selection_rule *rule, const sp_gather_index *index, int part, column_window *w,
                         sp_global *taken, sp_global *n) {
  for (sp_global g = 0; g < index->n_gathers; g++) {
    bool in = false;
    SP_TRY(takes(rule, index, part, g, w, &in));
    if (in) taken[(*n)++] = g;
  }
  return SP_SUCCESS;
}

sp_status sp_selection_make(const sp_selection_rule *rule, const char *where, const sp_gather_index *index,
                            sp_selection_reader read, void *context, sp_selection **out) {
  sp_global *taken = NULL, n = 0;
  column_window *window = NULL;
  sp_status status;
  const int part = rule->kind == KEYS ? part_of_key(rule->name, index->key_name) : 0;
  if (part < 0) {
    return SP_RAISE(SP_ERR_USAGE, "gathers: %s is not what %s is in gathers by, allowed is %s; or `where:` for columns",
                    rule->name, where, *index->key_name ? index->key_name : "key");
  }
  SP_TRY_GOTO(out, sp_alloc((index->n_gathers + 1) * sizeof *taken, "gathers", &taken));
  if (rule->kind == WHERE) {
    SP_TRY_GOTO(out, sp_calloc(1, sizeof *window, "columns", &window));
    window->read = read;
    window->context = context;
    window->n_columns = sp_selection_n_columns(rule);
    window->n_traces = index->n_traces;
  }
  SP_TRY_GOTO(out, collect(rule, index, part, window, taken, &n));
  status = n || rule->kind == ALL ? sp_selection_of(index, taken, n, out) : refuse_none(rule, where, index);
out:
  sp_free(window);
  sp_free(taken);
  return status;
}

sp_status sp_selection_of(const sp_gather_index *index, const sp_global *gathers, sp_global n, sp_selection **out) {
  sp_selection *s = NULL;
  sp_status status;
  SP_TRY(sp_calloc(1, sizeof *s, "a selection", &s));
  s->n_gathers = n;
  s->step = 1;
  SP_TRY_GOTO(fail, sp_alloc((n + 1) * sizeof(sp_global), "a selection", &s->gather));
  SP_TRY_GOTO(fail, sp_alloc((n + 1) * sizeof(sp_global), "a selection", &s->source_trace));
  SP_TRY_GOTO(fail, sp_alloc((n + 1) * sizeof(sp_global), "a selection", &s->first_trace));
  for (sp_global i = 0; i < n; i++) {
    s->gather[i] = gathers[i];
    s->source_trace[i] = index->first_trace[gathers[i]];
    s->first_trace[i] = s->n_traces;
    s->n_traces += index->first_trace[gathers[i] + 1] - s->source_trace[i];
  }
  s->first_trace[n] = s->n_traces;
  *out = s;
  return SP_SUCCESS;
fail:
  sp_selection_destroy(s);
  return status;
}

void sp_selection_compose(const sp_selection *outer, sp_selection *inner) {
  for (sp_global i = 0; i < inner->n_gathers; i++) {
    inner->source_trace[i] = outer->source_trace[inner->gather[i]];
    inner->gather[i] = outer->gather[inner->gather[i]];
  }
}

void sp_selection_thin(sp_selection *s, sp_global step) {
  sp_global traces = 0;
  for (sp_global g = 0; g < s->n_gathers; g++) {
    const sp_global n = s->first_trace[g + 1] - s->first_trace[g];
    s->first_trace[g] = traces;
    traces += (n + step - 1) / step;
  }
  s->first_trace[s->n_gathers] = s->n_traces = traces;
  s->step = step;
}

void sp_selection_destroy(sp_selection *selection) {
  if (!selection) return;
  sp_free(selection->gather);
  sp_free(selection->source_trace);
  sp_free(selection->first_trace);
  sp_free(selection);
}

/* --- where rows lie ----------------------------------------------------------------------------------------------- */

/* The last gather that begins at or before the trace: of empty ones, the last, so that the trace is in it. */
static sp_global gather_of(const sp_selection *s, sp_global trace) {
  sp_global low = 0, high = s->n_gathers;
  while (high - low > 1) {
    const sp_global middle = low + (high - low) / 2;
    *(s->first_trace[middle] <= trace ? &low : &high) = middle;
  }
  return low;
}

sp_selection_run sp_selection_traces(const sp_selection *s, sp_global first, sp_local n) {
  sp_global g = gather_of(s, first);
  const sp_global source = s->source_trace[g] + s->step * (first - s->first_trace[g]);
  if (s->step > 1) return (sp_selection_run){source, 1};
  sp_global end = s->first_trace[g + 1];
  while (end < first + n && s->source_trace[g + 1] == source + (end - first)) end = s->first_trace[++g + 1];
  return (sp_selection_run){source, end - first < n ? (sp_local)(end - first) : n};
}

sp_selection_run sp_selection_gathers(const sp_selection *s, sp_global first, sp_local n) {
  sp_local m = 1;
  while (m < n && s->gather[first + m] == s->gather[first] + m) m++;
  return (sp_selection_run){s->gather[first], m};
}
