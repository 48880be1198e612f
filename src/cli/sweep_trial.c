/* SPDX-License-Identifier: BSD-3-Clause */
/* A job on gathers in memory: read, computed by an engine, measured, forgotten. Nothing is written. */
#include "src/cli/sweep_trial.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/engine.h"
#include "seisproc/header_column.h"
#include "seisproc/memory.h"
#include "seisproc/stats.h"
#include "seisproc/trace_sort.h"
#include "seisproc/trace_store.h"
#include "src/flow/gather/gather_flow.h"

typedef struct trial {
  const sp_run_plan *plan;
  sp_engine *engine;
  sp_trace_source *input, *clean; /* clean: NULL where there is none */
  sp_header_column *column[SP_MAX_SLAB_COLUMNS];
  size_t n_headers, n_columns; /* of the chain; with the sort keys */
  float *in, *out, *reference; /* [max_traces][n_samples] */
  double *values[SP_MAX_SLAB_COLUMNS], *spare;
  sp_local *order, *scratch;
  unsigned char *skip, *visited;
  double energy, noise, kept, cross;    /* sums over gathers */
  double clean_energy, clean_deviation; /* of clean; of processed - clean */
} trial;

static sp_status open_columns(trial *t) {
  const char *names[SP_MAX_SLAB_COLUMNS];
  SP_TRY(sp_gather_columns(t->plan->job, names, &t->n_headers, &t->n_columns));
  for (size_t i = 0; i < t->n_columns; i++) {
    char path[SP_NAME_LENGTH + 16], name[SP_NAME_LENGTH + 1];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(names[i], "?"), names[i]);
    snprintf(path, sizeof path, "/headers/%s", name);
    if (sp_header_is_optional(names[i]) && !sp_survey_has(t->plan->survey, path)) continue;
    SP_TRY(sp_header_column_open(t->plan->survey, name, &t->column[i]));
  }
  return SP_SUCCESS;
}

static sp_status make_buffers(trial *t, size_t n) {
  const size_t samples = n * t->plan->work.shape.n_samples;
  SP_TRY(sp_calloc(samples, sizeof(float), "a gather", &t->in));
  SP_TRY(sp_calloc(samples, sizeof(float), "a gather", &t->out));
  if (t->clean) SP_TRY(sp_calloc(samples, sizeof(float), "a clean gather", &t->reference));
  for (size_t i = 0; i < t->n_columns; i++) {
    SP_TRY(sp_calloc(n, sizeof(double), "headers", &t->values[i]));
    for (size_t k = 0; k < n && !t->column[i]; k++) t->values[i][k] = NAN; /* optional, and not there */
  }
  SP_TRY(sp_calloc(n, sizeof(double), "sorting", &t->spare));
  SP_TRY(sp_calloc(n, sizeof(sp_local), "sorting", &t->order));
  SP_TRY(sp_calloc(n, sizeof(sp_local), "sorting", &t->scratch));
  SP_TRY(sp_calloc(n, 1, "sorting", &t->visited));
  return sp_calloc(n, 1, "which traces are processed", &t->skip);
}

static sp_status make_engine(trial *t, sp_local n, int n_threads) {
  const sp_job *job = t->plan->job;
  const bool gpu = job->settings.engine != SP_ENGINE_CPU && sp_gpu_count(NULL, 0) > 0;
  const sp_engine_config config = {.chain = job->chain,
                                   .n_steps = job->n_steps,
                                   .mode = SP_MODE_PROCESSED,
                                   .on_error = (sp_on_error)job->settings.on_error,
                                   .nan = (sp_nan)job->settings.nan,
                                   .measure = true,
                                   .n_samples = t->plan->work.shape.n_samples,
                                   .sample_interval_s = t->plan->work.shape.sample_interval_s,
                                   .max_traces = n,
                                   .max_gather = n,
                                   .max_gathers = 1,
                                   .n_threads = n_threads,
                                   .n_slabs = 1,
                                   .device = gpu ? 0 : -1,
                                   .precision = (sp_precision)job->settings.precision};
  return sp_engine_create((sp_engine_kind)job->settings.engine, &config, &t->engine);
}

/* Headers as the chain gets them: in the order that the job sorts into. */
static void sort(trial *t, sp_local n) {
  const double *const *keys = (const double *const *)t->values + t->n_headers;
  sp_trace_sort(keys, t->n_columns - t->n_headers, n, t->order, t->scratch);
  for (size_t i = 0; i < t->n_headers; i++) {
    sp_trace_permute(t->values[i], sizeof(double), t->order, n, t->spare, t->visited);
  }
}

static sp_status read_gather(trial *t, sp_global gather, sp_local *n) {
  const sp_global *first = t->plan->index->first_trace + gather;
  *n = (sp_local)(first[1] - first[0]);
  SP_TRY(sp_trace_source_read_independent(t->input, first[0], *n, t->in));
  for (size_t i = 0; i < t->n_columns; i++) {
    if (t->column[i]) SP_TRY(sp_header_column_read(t->column[i], first[0], *n, t->values[i]));
  }
  if (t->n_columns > t->n_headers) sort(t, *n);
  if (t->plan->job->settings.trid == SP_TRID_SEISMIC) {
    for (sp_local i = 0; i < *n; i++) t->skip[i] = !sp_trid_is_seismic(t->values[t->n_headers - 1][i]);
  }
  return t->clean ? sp_trace_source_read_independent(t->clean, first[0], *n, t->reference) : SP_SUCCESS;
}

/* Samples that are no number in either count for nothing. */
static void add_deviation(const float *clean, const float *x, uint32_t n, double *energy, double *deviation) {
  double e = 0, d = 0;
  for (uint32_t s = 0; s < n; s++) {
    const double c = (double)clean[s], difference = (double)x[s] - c;
    const bool good = isfinite(difference);
    e += good ? c * c : 0;
    d += good ? difference * difference : 0;
  }
  *energy += e;
  *deviation += d;
}

static void add(trial *t, const sp_gather_result *r, sp_local n, sp_sweep_figures *f) {
  const uint32_t n_samples = t->plan->work.shape.n_samples;
  const double m = (double)r->measured * n_samples, in = m * (double)r->rms_in * (double)r->rms_in;
  const double noise = m * (double)r->rms_noise * (double)r->rms_noise;
  f->n_gathers++;
  f->n_failed += !sp_reason_is_processed((sp_reason)r->reason);
  t->energy += in;
  t->noise += noise;
  t->kept += m * (double)r->rms_out * (double)r->rms_out;
  t->cross += m * (double)r->xcorr * (double)r->rms_noise * (double)r->rms_out;
  if (in > 0) {
    f->least = fmin(f->least, noise / in);
    f->most = fmax(f->most, noise / in);
  }
  for (sp_local i = 0; t->clean && i < n; i++) {
    const sp_local place = t->n_columns > t->n_headers ? t->order[i] : i;
    add_deviation(t->reference + (size_t)place * n_samples, t->out + (size_t)i * n_samples, n_samples, &t->clean_energy,
                  &t->clean_deviation);
  }
}

static sp_status compute(trial *t, sp_local n, sp_gather_result *result, double *seconds) {
  const sp_local bounds[2] = {0, n};
  const sp_job *job = t->plan->job;
  sp_slab slab = {.n_gathers = 1,
                  .n_traces = n,
                  .first_trace = bounds,
                  .in = t->in,
                  .order = t->n_columns > t->n_headers ? t->order : NULL,
                  .headers = t->n_headers ? (const double *const *)t->values : NULL,
                  .skip = job->settings.trid == SP_TRID_SEISMIC ? t->skip : NULL,
                  .traces = t->out,
                  .results = result};
  sp_slab *done;
  const double start = sp_now();
  SP_TRY(sp_engine_submit(t->engine, &slab));
  SP_TRY(sp_engine_wait(t->engine, &done));
  *seconds += sp_now() - start;
  return SP_SUCCESS;
}

static double decibels(double energy, double deviation) {
  return energy > 0 ? 10 * log10(energy / deviation) : (double)NAN;
}

static sp_status go_through(trial *t, sp_sweep_figures *f) {
  for (sp_global g = 0; g < t->plan->index->n_gathers; g++) {
    sp_gather_result result = {0};
    sp_local n;
    SP_TRY(read_gather(t, g, &n));
    SP_TRY(compute(t, n, &result, &f->seconds));
    add(t, &result, n, f);
  }
  f->removed = t->energy > 0 ? t->noise / t->energy : (double)NAN;
  f->similarity = t->noise > 0 && t->kept > 0 ? t->cross / sqrt(t->noise * t->kept) : (double)NAN;
  f->snr = t->clean ? decibels(t->clean_energy, t->clean_deviation) : (double)NAN;
  return SP_SUCCESS;
}

static void destroy(trial *t) {
  sp_engine_destroy(t->engine);
  for (size_t i = 0; i < SP_MAX_SLAB_COLUMNS; i++) {
    sp_header_column_close(t->column[i]);
    sp_free(t->values[i]);
  }
  sp_trace_source_close(t->clean);
  sp_trace_source_close(t->input);
  sp_free(t->in);
  sp_free(t->out);
  sp_free(t->reference);
  sp_free(t->spare);
  sp_free(t->order);
  sp_free(t->scratch);
  sp_free(t->visited);
  sp_free(t->skip);
}

sp_status sp_sweep_try(sp_run_plan *plan, sp_survey *clean, int n_threads, sp_sweep_figures *out) {
  trial t = {.plan = plan};
  sp_sweep_figures figures = {.least = (double)NAN, .most = (double)NAN};
  sp_status status;
  const sp_local n = plan->index->max_traces ? plan->index->max_traces : 1;
  SP_TRY(sp_run_plan_work(plan, 1));
  SP_TRY_GOTO(out, sp_trace_source_open(plan->survey, "/traces", &t.input));
  if (clean) SP_TRY_GOTO(out, sp_trace_source_open(clean, "/traces", &t.clean));
  SP_TRY_GOTO(out, open_columns(&t));
  SP_TRY_GOTO(out, make_buffers(&t, n));
  SP_TRY_GOTO(out, make_engine(&t, n, n_threads));
  SP_TRY_GOTO(out, go_through(&t, &figures));
  *out = figures;
out:
  destroy(&t);
  return status;
}

sp_status sp_sweep_snr_before(const sp_run_plan *plan, sp_survey *clean, double *out) {
  const sp_survey_info *info = sp_survey_get_info(plan->survey);
  sp_trace_source *sources[2] = {NULL, NULL};
  float *rows[2] = {NULL, NULL};
  double energy = 0, deviation = 0;
  sp_status status;
  for (int k = 0; k < 2; k++) {
    SP_TRY_GOTO(out, sp_trace_source_open(k ? clean : plan->survey, "/traces", &sources[k]));
    SP_TRY_GOTO(out, sp_calloc(info->n_samples, sizeof(float), "a trace", &rows[k]));
  }
  for (sp_global i = 0; i < info->n_traces; i++) {
    for (int k = 0; k < 2; k++) SP_TRY_GOTO(out, sp_trace_source_read_independent(sources[k], i, 1, rows[k]));
    add_deviation(rows[1], rows[0], info->n_samples, &energy, &deviation);
  }
  *out = decibels(energy, deviation);
out:
  for (int k = 0; k < 2; k++) {
    sp_trace_source_close(sources[k]);
    sp_free(rows[k]);
  }
  return status;
}
