/* SPDX-License-Identifier: BSD-3-Clause */
/* The list of processors, and what is asked of any of them. */
#include "seisproc/processor.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/log.h"

#define SP_PROCESSOR(name, gpu) extern const sp_processor sp_processor_##name;
#include "kernels/processor_list.h"
#undef SP_PROCESSOR

#define SP_PROCESSOR(name, gpu) &sp_processor_##name,
static const sp_processor *const processors[] = {
#include "kernels/processor_list.h"
};
#undef SP_PROCESSOR

enum { N_PROCESSORS = sizeof processors / sizeof processors[0] };

const sp_processor *sp_processor_at(size_t i) {
  return i < N_PROCESSORS ? processors[i] : NULL;
}

const sp_processor *sp_processor_find(const char *name) {
  for (size_t i = 0; i < N_PROCESSORS; i++) {
    if (!strcmp(processors[i]->name, name)) return processors[i];
  }
  return NULL;
}

size_t sp_processor_position(const sp_processor *processor) {
  size_t i = 0;
  while (i < N_PROCESSORS && processors[i] != processor) i++;
  return i < N_PROCESSORS ? i : SIZE_MAX;
}

const char *sp_scope_name(sp_scope scope) {
  static const char *const names[] = {
      [SP_SCOPE_GATHER] = "gather", [SP_SCOPE_VOLUME] = "volume", [SP_SCOPE_IMAGE] = "image"};
  return names[scope];
}

/* --- header columns -------------------------------------------------------------------------------------- */

static size_t name_length(const char *name) {
  return strcspn(name, "?");
}

bool sp_header_is_optional(const char *name) {
  return name[name_length(name)] == '?';
}

bool sp_header_is(const char *a, const char *b) {
  const size_t n = name_length(a);
  return n == name_length(b) && !strncmp(a, b, n);
}

size_t sp_processor_headers(const sp_processor *processor, const void *params,
                            const char *names[SP_MAX_PROCESSOR_HEADERS]) {
  size_t n = 0;
  while (n < SP_MAX_PROCESSOR_HEADERS && processor->headers[n]) {
    names[n] = processor->headers[n];
    n++;
  }
  if (!processor->more_headers) return n;
  return n + processor->more_headers(params, names + n, SP_MAX_PROCESSOR_HEADERS - n);
}

const sp_column *sp_survey_shape_column(const sp_survey_shape *shape, const char *name) {
  for (size_t i = 0; i < shape->n_columns; i++) {
    if (sp_header_is(shape->columns[i].name, name)) return &shape->columns[i];
  }
  return NULL;
}

/* --- checks ---------------------------------------------------------------------------------------------- */

/* A column that a processor always needs and that is 0 in all traces was never filled. */
static sp_status check_filled(const char *what, const sp_processor *processor, const sp_survey_shape *shape) {
  for (size_t k = 0; k < SP_MAX_PROCESSOR_HEADERS && processor->headers[k]; k++) {
    const char *name = processor->headers[k];
    const sp_column *column = sp_header_is_optional(name) ? NULL : sp_survey_shape_column(shape, name);
    if (!column || !column->has_range || column->least != 0 || column->most != 0) continue;
    return SP_RAISE(SP_ERR_USAGE,
                    "%s: the trace header '%s', which %s needs, is 0 in all traces: import it with %s--field %s=BYTE",
                    what, name, processor->name, strcmp(name, "offset") ? "" : "--derive offset or ", name);
  }
  return SP_SUCCESS;
}

static sp_status check_step(const char *what, size_t i, const sp_chain_step *step, const sp_survey_shape *shape) {
  const sp_processor *processor = step->processor;
  const char *names[SP_MAX_PROCESSOR_HEADERS];
  const size_t n = sp_processor_headers(processor, step->params, names);
  for (size_t k = 0; k < n; k++) {
    const sp_column *column = sp_survey_shape_column(shape, names[k]);
    if (sp_header_is_optional(names[k]) || (column && !column->has_none)) continue;
    return SP_RAISE(SP_ERR_USAGE, "%s: has no trace header '%s'%s, which %s needs", what, names[k],
                    column ? " that is a number" : "", processor->name);
  }
  SP_TRY(check_filled(what, processor, shape));
  char why[SP_WHY_SIZE] = "";
  if (!processor->check_shape) return SP_SUCCESS;
  const sp_status status = processor->check_shape(step->params, shape, why, sizeof why);
  return status == SP_SUCCESS ? status : SP_RAISE(status, "%s: chain.%zu.%s: %s", what, i, processor->name, why);
}

sp_status sp_chain_check_shape(const char *what, const sp_chain_step *chain, size_t n_steps,
                               const sp_survey_shape *shape) {
  for (size_t i = 0; i < n_steps; i++) SP_TRY(check_step(what, i, &chain[i], shape));
  return SP_SUCCESS;
}

/* Sets the parameters that "key: value, key: value" gives; a comma within brackets is part of a value. */
static void set_pairs(const sp_param *table, const char *pairs, void *params) {
  char key[SP_WORD_SIZE], value[SP_PARAM_VALUE_SIZE], why[SP_WHY_SIZE];
  while (*pairs) {
    const size_t key_length = strcspn(pairs, ":");
    snprintf(key, sizeof key, "%.*s", (int)key_length, pairs);
    pairs += key_length + strspn(pairs + key_length, ": ");
    size_t length = 0;
    for (int depth = 0; pairs[length] && (depth > 0 || pairs[length] != ','); length++) {
      depth += (pairs[length] == '[') - (pairs[length] == ']');
    }
    snprintf(value, sizeof value, "%.*s", (int)length, pairs);
    pairs += length + strspn(pairs + length, ", ");
    const sp_param *param = sp_param_find(table, key);
    if (param) sp_param_parse(param, value, params, why, sizeof why);
  }
}

void sp_processor_example(const sp_processor *processor, void *params) {
  sp_param_set_defaults(processor->params, params);
  if (processor->example) set_pairs(processor->params, processor->example, params);
}

const char *sp_reason_name(sp_reason reason) {
  static const char *const names[SP_REASON_COUNT] = {
      [SP_REASON_OK] = "ok",
      [SP_REASON_DEAD_TRACES] = "dead traces",
      [SP_REASON_NOT_FINITE] = "not finite",
      [SP_REASON_DEAD] = "dead gather",
      [SP_REASON_TOO_SHORT] = "too short",
      [SP_REASON_GEOMETRY] = "geometry",
      [SP_REASON_UNREADABLE] = "unreadable",
      [SP_REASON_CRASHED] = "crashed its worker",
      [SP_REASON_BAD_TRACES] = "traces not finite",
      [SP_REASON_OVERFLOW] = "overflow",
  };
  return (unsigned)reason < SP_REASON_COUNT ? names[reason] : "unknown";
}
