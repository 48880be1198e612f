/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the rows of a unit lie, before a stage and after it. */
#include "src/flow/gather/unit_task.h"

bool sp_stage_goes_between(const sp_chain *chain, size_t stage) {
  return (chain->n_stages - 1 - stage) % 2 == 1;
}

float *sp_stage_output(const sp_unit_context *context, const sp_slab *slab, size_t n_stages_done) {
  if (n_stages_done == 0) return slab->in;
  return sp_stage_goes_between(context->chain, n_stages_done - 1) ? context->between : slab->traces;
}

/* The columns that a gather's rows are described by. */
static const double *const *columns_of(const sp_unit *unit) {
  return unit->arranged ? (const double *const *)unit->traces->columns : unit->slab->headers;
}

sp_unit_task sp_unit_make_task(const sp_unit_context *context, const sp_unit_scratch *scratch, const sp_unit *unit) {
  const sp_slab *slab = unit->slab;
  sp_unit_task t = {.context = context,
                    .scratch = scratch,
                    .unit = unit,
                    .stage = &context->chain->stages[unit->stage],
                    .columns = columns_of(unit),
                    .n = context->config->n_samples,
                    .first_row = slab->first_trace[unit->gather],
                    .last = unit->stage + 1 == context->chain->n_stages};
  const size_t start = t.first_row * t.n, row = start + unit->first * t.n;
  t.gather_from = sp_stage_output(context, slab, unit->stage) + start;
  t.input = slab->in + row;
  t.result = t.last && scratch->result ? scratch->result : sp_stage_output(context, slab, unit->stage + 1) + row;
  t.marks = context->chain->by_trace ? scratch->marks : unit->traces->marks + t.first_row + unit->first;
  return t;
}
