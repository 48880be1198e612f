/* SPDX-License-Identifier: BSD-3-Clause */
/* Gather processors before and after fkk in its chain, on the CPU, where a worker has the traces: those before on what
 * it reads, those after on what comes out of the filter. Of a side only the samples and the reasons of its gathers are
 * used: what goes to the output is decided when fkk is done, too. */
#include <math.h>
#include <string.h>

#include "seisproc/clock.h"
#include "seisproc/header_column.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/flow/volume/volume_worker.h"

/* --- making ------------------------------------------------------------------------------------------------------- */

static sp_status open_columns(sp_volume_worker *w, sp_volume_side *side, size_t n_steps) {
  const char *names[SP_MAX_CHAIN_HEADERS];
  void *block;
  side->n_headers = sp_chain_headers(side->chain, n_steps, names, SP_MAX_CHAIN_HEADERS);
  for (size_t i = 0; i < side->n_headers; i++) {
    char path[SP_NAME_LENGTH + 16], name[SP_NAME_LENGTH + 1];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(names[i], "?"), names[i]);
    snprintf(path, sizeof path, "/headers/%s", name);
    SP_TRY(sp_calloc(w->shared->slab_rows, sizeof(double), "a piece's headers", &block));
    side->columns[i] = block;
    for (sp_local t = 0; t < w->shared->slab_rows; t++) side->columns[i][t] = NAN;
    if (sp_header_is_optional(names[i]) && !sp_survey_has(w->survey, path)) continue;
    SP_TRY(sp_header_column_open(w->survey, name, &side->column_data[i]));
  }
  return SP_SUCCESS;
}

/* The steps of the job from `first` on, counted from there. */
static sp_status copy_chain(const sp_job *job, size_t first, size_t n, sp_chain_step **out) {
  void *block;
  SP_TRY(sp_calloc(n, sizeof **out, "the steps beside fkk", &block));
  *out = block;
  memcpy(*out, job->chain + first, n * sizeof **out);
  for (size_t i = 0; i < n; i++) (*out)[i].undoes -= (*out)[i].undoes ? first : 0;
  return SP_SUCCESS;
}

static sp_status open_side(sp_volume_worker *w, size_t first, size_t n, sp_nan nan, sp_volume_side *side) {
  const sp_job *job = w->plan->job;
  const size_t rows = w->shared->slab_rows, samples = rows * w->shape->n_samples;
  void *block;
  if (n == 0) return SP_SUCCESS;
  SP_TRY(copy_chain(job, first, n, &side->chain));
  SP_TRY(open_columns(w, side, n));
  SP_TRY(sp_alloc(samples * sizeof(float), "what the steps beside fkk make", &block));
  side->out = block;
  SP_TRY(sp_calloc(rows, sizeof *side->set_aside, "gathers of a piece", &block));
  side->set_aside = block;
  SP_TRY(sp_calloc(rows, sizeof *side->results, "gathers of a piece", &block));
  side->results = block;
  SP_TRY(sp_calloc(rows, 1, "traces of a piece", &block));
  side->skip = block;
  w->site->buffers += samples * sizeof(float);
  const sp_engine_config config = {.chain = side->chain,
                                   .n_steps = n,
                                   .mode = SP_MODE_PROCESSED,
                                   .on_error = SP_ON_ERROR_PASSTHROUGH,
                                   .nan = nan,
                                   .n_samples = w->shape->n_samples,
                                   .sample_interval_s = w->shape->sample_interval_s,
                                   .max_traces = w->shared->slab_rows,
                                   .max_gather = w->shared->max_gather,
                                   .max_gathers = w->shared->slab_rows,
                                   .n_threads = w->site->n_threads,
                                   .n_slabs = 1,
                                   .device = -1,
                                   .precision = (sp_precision)job->settings.precision};
  return sp_engine_create(SP_ENGINE_CPU, &config, &side->engine);
}

sp_status sp_volume_steps_open(sp_volume_worker *w) {
  const sp_job *job = w->plan->job;
  const size_t step = w->shared->step;
  const sp_nan nan = job->settings.nan == SP_NAN_GATHER ? SP_NAN_GATHER : SP_NAN_TRACE; /* zeros were made before */
  SP_TRY(open_side(w, 0, step, nan, &w->before));
  SP_TRY(open_side(w, step + 1, job->n_steps - step - 1, SP_NAN_TRACE, &w->after));
  size_t at = 0;
  for (size_t i = 0; i < job->n_steps && at < sizeof w->steps; i++) {
    const sp_chain_step *s = &job->chain[i];
    at += (size_t)snprintf(w->steps + at, sizeof w->steps - at, "%s%s%s %s", i ? ", " : "", s->undoes ? "undo " : "",
                           s->processor->name, i == step ? sp_gpu_name(&w->gpus.gpu) : "cpu");
  }
  w->site->steps = w->gpus.gpu.module && job->n_steps > 1 ? w->steps : NULL;
  return SP_SUCCESS;
}

static void close_side(sp_volume_side *side) {
  sp_engine_destroy(side->engine);
  for (size_t i = 0; i < side->n_headers; i++) {
    sp_header_column_close(side->column_data[i]);
    sp_free(side->columns[i]);
  }
  sp_free(side->chain);
  sp_free(side->out);
  sp_free(side->set_aside);
  sp_free(side->results);
  sp_free(side->skip);
}

void sp_volume_steps_close(sp_volume_worker *w) {
  close_side(&w->before);
  close_side(&w->after);
}

/* --- a piece ------------------------------------------------------------------------------------------------------ */

/* Headers of a piece; where one cannot be read its traces have no number there, which steps that need it refuse. */
static void read_columns(const sp_volume_worker *w, sp_volume_side *side, const sp_volume_piece *piece) {
  for (size_t c = 0; c < side->n_headers; c++) {
    if (!side->column_data[c]) continue;
    for (uint32_t i = 0; i < piece->count;) {
      const uint32_t run = sp_volume_run_length(w, piece->first + i, piece->count - i);
      const uint64_t trace = sp_volume_trace(w->plan, w->cube, piece->first + i);
      double *values = side->columns[c] + i;
      if (sp_header_column_read(side->column_data[c], trace, run, values) != SP_SUCCESS) {
        sp_warn("headers of traces %llu + %u cannot be read", (unsigned long long)trace, run);
        for (uint32_t k = 0; k < run; k++) values[k] = NAN;
      }
      i += run;
    }
  }
}

/* Gathers that have failed already are not computed again. */
static void mark(const sp_volume_worker *w, sp_volume_side *side, const sp_volume_piece *piece) {
  const sp_volume_item *items = sp_volume_item_at(w, piece->first);
  for (sp_local g = 0; g < piece->n_gathers; g++) side->set_aside[g] = items[piece->first_trace[g]].reason;
  for (uint32_t i = 0; i < piece->count; i++) {
    side->skip[i] = (items[i].flags & (SP_VOLUME_SKIPPED | SP_VOLUME_UNREADABLE)) != 0;
  }
}

sp_status sp_volume_side_submit(sp_volume_worker *w, sp_volume_side *side, const sp_volume_piece *piece, float *rows) {
  read_columns(w, side, piece);
  mark(w, side, piece);
  side->slab = (sp_slab){.n_gathers = piece->n_gathers,
                         .n_traces = piece->count,
                         .first_trace = piece->first_trace,
                         .in = rows,
                         .headers = (const double *const *)side->columns,
                         .set_aside = side->set_aside,
                         .skip = side->skip,
                         .traces = side->out,
                         .results = side->results};
  return sp_engine_submit(side->engine, &side->slab);
}

sp_status sp_volume_side_finish(sp_volume_worker *w, sp_volume_side *side, const sp_volume_piece *piece) {
  const double start = sp_now();
  sp_slab *done = NULL;
  sp_volume_item *items = sp_volume_item_at(w, piece->first);
  sp_activity_set(w->site->activity, "computes the steps beside fkk");
  SP_TRY(sp_engine_wait(side->engine, &done));
  for (sp_local g = 0; g < piece->n_gathers; g++) {
    const uint32_t reason = side->results[g].reason;
    /* a gather of dead traces is one trace by trace; what is not finite is found by the filter likewise */
    if (sp_reason_is_processed(reason) || reason == SP_REASON_DEAD) continue;
    for (sp_local i = piece->first_trace[g]; i < piece->first_trace[g + 1]; i++) items[i].reason = (uint8_t)reason;
  }
  sp_stage_add(w->site->times, SP_STAGE_COMPUTE, sp_now() - start, 0);
  return SP_SUCCESS;
}
