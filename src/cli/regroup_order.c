/* SPDX-License-Identifier: BSD-3-Clause */
/* From header columns of a survey to the order of its traces in other gathers: as an import makes it (trace_order.h).
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/header_column.h"
#include "seisproc/memory.h"
#include "seisproc/quote.h"
#include "seisproc/share.h"
#include "seisproc/trace_header.h"
#include "src/cli/regroup.h"

enum { MESSAGE_ITEMS = 1 << 26 };

static sp_status find_column(sp_survey *survey, const char *path, const char *given, char name[SP_NAME_LENGTH + 1]) {
  char column[SP_NAME_LENGTH + 16], quoted[SP_QUOTE_SIZE];
  snprintf(name, SP_NAME_LENGTH + 1, "%.63s", given);
  for (int i = 0; i < 2; i++) {
    snprintf(column, sizeof column, "/headers/%.63s", name);
    if (name[0] && !strchr(name, '/') && sp_survey_has(survey, column)) return SP_SUCCESS;
    if (sp_header_name(given)) snprintf(name, SP_NAME_LENGTH + 1, "%s", sp_header_name(given));
  }
  return SP_RAISE(SP_ERR_USAGE, "%s: has no header column '%s'; `seisproc info -H` lists them", path,
                  sp_quote(given, quoted));
}

static sp_status check_values(const char *path, const char *name, const double *values, uint64_t n) {
  bool any = false;
  for (uint64_t i = 0; i < n; i++) {
    if (isnan(values[i])) {
      return SP_RAISE(SP_ERR_INPUT, "%s: %s of trace %llu is no number: traces cannot be ordered by it", path, name,
                      (unsigned long long)i);
    }
    any = any || values[i] != 0;
  }
  return any ? SP_SUCCESS
             : SP_RAISE(SP_ERR_INPUT, "%s: key %s is 0 in all %llu traces; `seisproc header --set` computes columns",
                        path, name, (unsigned long long)n);
}

/* Gather keys are integers: those of a scaled column count steps of the finest scalar. */
static void count_steps(double step, double *values, uint64_t n) {
  for (uint64_t i = 0; i < n; i++) values[i] = rint(step >= 1 ? values[i] / step : values[i] * rint(1 / step));
}

/* The caller frees *values, whatever comes of it. */
static sp_status read_key(sp_survey *survey, const char *path, const char *name, double *step, double **values) {
  sp_header_column *column;
  SP_TRY(sp_header_column_open(survey, name, &column));
  sp_status status = sp_header_column_finest_step(column, step);
  sp_header_column_close(column);
  SP_TRY(status);
  SP_TRY(sp_header_column_read_all(survey, name, values));
  return check_values(path, name, *values, sp_survey_get_info(survey)->n_traces);
}

static const char *key_given(const sp_regroup_options *o, int k) {
  return k < o->n_gather ? o->gather[k] : o->sort[k - o->n_gather];
}

sp_status sp_regroup_make_order(sp_survey *survey, const sp_regroup_options *o, sp_regroup_order *out) {
  const uint64_t n = sp_survey_get_info(survey)->n_traces;
  sp_key keys[SP_MAX_ORDER_KEYS];
  char names[SP_MAX_ORDER_KEYS][SP_NAME_LENGTH + 1];
  double *values[SP_MAX_ORDER_KEYS] = {NULL};
  const int n_keys = o->n_gather + o->n_sort;
  sp_status status = n ? SP_SUCCESS : SP_RAISE(SP_ERR_INPUT, "%s: has no traces", o->input);
  *out = (sp_regroup_order){.scalar = 0};
  for (int k = 0; k < n_keys && status == SP_SUCCESS; k++) {
    double step;
    SP_TRY_GOTO(out, find_column(survey, o->input, key_given(o, k), names[k]));
    for (int i = 0; i < k; i++) {
      if (strcmp(names[i], names[k])) continue;
      status = SP_RAISE(SP_ERR_USAGE, "header column %s is asked for twice", names[k]);
      goto out;
    }
    SP_TRY_GOTO(out, read_key(survey, o->input, names[k], &step, &values[k]));
    const bool counts = k < o->n_gather && isfinite(step);
    if (counts) count_steps(step, values[k], n);
    if (counts && o->n_gather == 1 && step != 1) out->scalar = (int64_t)rint(step >= 1 ? step : -1 / step);
    keys[k] = (sp_key){.name = names[k], .values = values[k], .real = true};
  }
  if (status == SP_SUCCESS) status = sp_order_build(o->input, keys, o->n_gather, n_keys, n, &out->order);
  if (status == SP_SUCCESS) {
    snprintf(out->name, sizeof out->name, "%.31s%s%.31s", names[0], o->n_gather > 1 ? "+" : "",
             o->n_gather > 1 ? names[1] : "");
  }
out:
  for (int k = 0; k < n_keys; k++) sp_free(values[k]);
  return status;
}

sp_status sp_regroup_fill_order(uint64_t n_traces, sp_regroup_order *order) {
  uint32_t **source = &order->order.source;
  if (n_traces > UINT32_MAX) {
    return SP_RAISE(SP_ERR_INPUT, "%llu traces, at most %u can be put in order", (unsigned long long)n_traces,
                    UINT32_MAX);
  }
  if (*source) return SP_SUCCESS;
  SP_TRY(sp_alloc(n_traces * sizeof **source, "the order of traces", source));
  for (uint64_t i = 0; i < n_traces; i++) (*source)[i] = (uint32_t)i;
  return SP_SUCCESS;
}

sp_status sp_regroup_share_order(const sp_ranks *ranks, uint64_t n_traces, sp_regroup_order *order) {
  SP_ALIKE(sp_ranks_agree(ranks, sp_regroup_fill_order(n_traces, order)));
  SP_EACH_PIECE (piece, 0, n_traces, MESSAGE_ITEMS) {
    SP_ALIKE(sp_ranks_broadcast(ranks, order->order.source + piece.first, piece.count * sizeof *order->order.source));
  }
  return SP_SUCCESS;
}

void sp_regroup_clear_order(sp_regroup_order *order) {
  sp_order_clear(&order->order);
}
