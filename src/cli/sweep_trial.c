/* SPDX-License-Identifier: BSD-3-Clause */
/* A job on gathers in memory: computed by an engine, measured, forgotten. Nothing is written. While the engine computes
 * one gather the next is made ready in another room. What the steps before the varied one make of a gather is kept from
 * value to value, and what the varied one finds out about it that does not depend on the value. */
#include "src/cli/sweep_trial.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/engine.h"
#include "seisproc/header_column.h"
#include "seisproc/memory.h"
#include "seisproc/trace_sort.h"
#include "seisproc/trace_store.h"
#include "src/flow/gather/chain.h"
#include "src/flow/gather/gather_flow.h"

enum { N_ROOMS = 2 };
static const uint64_t most_cached = 1 << 30; /* bytes */

/* A gather on its way through the engine. */
typedef struct room {
  float *in, *out, *noise; /* [max_traces][n_samples]; noise: of the gather that is shown, else NULL */
  double *values[SP_MAX_SLAB_COLUMNS];
  sp_local *order;
  unsigned char *skip;
  sp_local bounds[2];
  sp_global gather;
  sp_gather_result result;
  sp_shared_steps shared;
  sp_slab slab;
} room;

struct sp_sweep_trial {
  const sp_gather_index *index;
  uint32_t n_samples;
  sp_survey *survey;
  sp_trace_source *input, *clean; /* clean: NULL where there is none */
  float *cache, *clean_cache;     /* [traces][n_samples]; NULL: read anew each time */
  float *reference;               /* [max_traces][n_samples], of the clean survey */
  double *spare;
  sp_local *scratch;
  unsigned char *visited;
  int64_t shown;
  float *shown_noise; /* [max_traces][n_samples] */
  sp_local *shown_order;
  bool shown_sorted;
  room rooms[N_ROOMS];
  /* of one job */
  const sp_run_plan *plan;
  sp_engine *engine;
  sp_header_column *column[SP_MAX_SLAB_COLUMNS];
  size_t n_headers, n_columns; /* of the chain; with the sort keys */
  int n_shared;                /* or SP_SWEEP_NOTHING_SHARED */
  sp_shared_steps shared;      /* of all gathers; rows NULL: they are not kept */
  const sp_processor *finder;  /* whose findings these are */
  char *findings;              /* [n_gathers][finding_bytes]; NULL: there are none */
  size_t finding_bytes;
  double energy, noise, kept, cross;    /* sums over gathers */
  double clean_energy, clean_deviation; /* of clean; of processed - clean */
};

/* --- once --------------------------------------------------------------------------------------------------------- */

static sp_status fill_cache(sp_trace_source *from, sp_global n_traces, uint32_t n_samples, float **cache) {
  const uint64_t bytes = n_traces * n_samples * sizeof(float);
  if (!from || bytes > most_cached || n_traces > INT32_MAX) return SP_SUCCESS;
  SP_TRY(sp_alloc(bytes ? (size_t)bytes : 1, "gathers", cache));
  return n_traces ? sp_trace_source_read_independent(from, 0, (sp_local)n_traces, *cache) : SP_SUCCESS;
}

static sp_status make_room(sp_sweep_trial *t, size_t n, room *r) {
  const size_t samples = n * t->n_samples;
  SP_TRY(sp_calloc(samples, sizeof(float), "a gather", &r->in));
  SP_TRY(sp_calloc(samples, sizeof(float), "a gather", &r->out));
  if (t->shown >= 0) SP_TRY(sp_calloc(samples, sizeof(float), "noise of a gather", &r->noise));
  for (size_t i = 0; i < SP_MAX_SLAB_COLUMNS; i++) SP_TRY(sp_calloc(n, sizeof(double), "headers", &r->values[i]));
  SP_TRY(sp_calloc(n, sizeof(sp_local), "sorting", &r->order));
  return sp_calloc(n, 1, "which traces are processed", &r->skip);
}

/* Room for what the shared steps leave. */
static sp_status make_shared(sp_sweep_trial *t, sp_global n_traces) {
  const uint64_t bytes = n_traces * t->n_samples * sizeof(float);
  if (t->n_shared <= 0 || bytes > most_cached) return SP_SUCCESS;
  SP_TRY(sp_calloc(n_traces + 1, 1, "steps in common", &t->shared.marks));
  SP_TRY(sp_calloc(t->index->n_gathers + 1, 1, "steps in common", &t->shared.known));
  return sp_alloc(bytes + 1, "steps in common", &t->shared.rows);
}

sp_status sp_sweep_open(const sp_run_plan *plan, sp_survey *clean, int64_t shown, int n_shared, sp_sweep_trial **out) {
  const sp_survey_info *info = sp_survey_get_info(plan->survey);
  const sp_local n = plan->index->max_traces ? plan->index->max_traces : 1;
  sp_sweep_trial *t;
  sp_status status;
  SP_TRY(sp_calloc(1, sizeof *t, "a sweep", &t));
  t->index = plan->index;
  t->n_samples = info->n_samples;
  t->survey = plan->survey;
  t->shown = shown;
  t->n_shared = n_shared;
  SP_TRY_GOTO(fail, sp_trace_source_open(plan->survey, "/traces", &t->input));
  if (clean) SP_TRY_GOTO(fail, sp_trace_source_open(clean, "/traces", &t->clean));
  SP_TRY_GOTO(fail, fill_cache(t->input, info->n_traces, t->n_samples, &t->cache));
  SP_TRY_GOTO(fail, fill_cache(t->clean, info->n_traces, t->n_samples, &t->clean_cache));
  SP_TRY_GOTO(fail, make_shared(t, info->n_traces));
  for (int i = 0; i < N_ROOMS; i++) SP_TRY_GOTO(fail, make_room(t, n, &t->rooms[i]));
  if (clean) SP_TRY_GOTO(fail, sp_calloc((size_t)n * t->n_samples, sizeof(float), "a clean gather", &t->reference));
  SP_TRY_GOTO(fail, sp_calloc(n, sizeof(double), "sorting", &t->spare));
  SP_TRY_GOTO(fail, sp_calloc(n, sizeof(sp_local), "sorting", &t->scratch));
  SP_TRY_GOTO(fail, sp_calloc(n, sizeof(sp_local), "sorting", &t->shown_order));
  if (shown >= 0) SP_TRY_GOTO(fail, sp_calloc((size_t)n * t->n_samples, sizeof(float), "noise", &t->shown_noise));
  SP_TRY_GOTO(fail, sp_calloc(n, 1, "sorting", &t->visited));
  *out = t;
  return SP_SUCCESS;
fail:
  sp_sweep_close(t);
  return status;
}

void sp_sweep_close(sp_sweep_trial *t) {
  if (!t) return;
  for (int k = 0; k < N_ROOMS; k++) {
    room *r = &t->rooms[k];
    for (size_t i = 0; i < SP_MAX_SLAB_COLUMNS; i++) sp_free(r->values[i]);
    sp_free(r->in);
    sp_free(r->out);
    sp_free(r->noise);
    sp_free(r->order);
    sp_free(r->skip);
  }
  sp_trace_source_close(t->clean);
  sp_trace_source_close(t->input);
  sp_free(t->cache);
  sp_free(t->clean_cache);
  sp_free(t->reference);
  sp_free(t->spare);
  sp_free(t->scratch);
  sp_free(t->shown_noise);
  sp_free(t->shown_order);
  sp_free(t->visited);
  sp_free(t->findings);
  sp_free(t->shared.rows);
  sp_free(t->shared.marks);
  sp_free(t->shared.known);
  sp_free(t);
}

/* --- for each job ------------------------------------------------------------------------------------------------- */

static sp_status open_columns(sp_sweep_trial *t) {
  const char *names[SP_MAX_SLAB_COLUMNS];
  SP_TRY(sp_gather_columns(t->plan->job, names, &t->n_headers, &t->n_columns));
  for (size_t i = 0; i < t->n_columns; i++) {
    char path[SP_NAME_LENGTH + 16], name[SP_NAME_LENGTH + 1];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(names[i], "?"), names[i]);
    snprintf(path, sizeof path, "/headers/%s", name);
    if (sp_header_is_optional(names[i]) && !sp_survey_has(t->survey, path)) continue;
    SP_TRY(sp_header_column_open(t->survey, name, &t->column[i]));
  }
  return SP_SUCCESS;
}

static sp_status make_engine(sp_sweep_trial *t, int n_threads) {
  const sp_job *job = t->plan->job;
  const bool gpu = job->settings.engine != SP_ENGINE_CPU && sp_gpu_count(NULL, 0) > 0;
  const sp_local n = t->index->max_traces ? t->index->max_traces : 1;
  const sp_engine_config config = {.chain = job->chain,
                                   .n_steps = job->n_steps,
                                   .n_shared = t->n_shared > 0 ? (size_t)t->n_shared : 0,
                                   .mode = t->shown >= 0 ? SP_MODE_BOTH : SP_MODE_PROCESSED,
                                   .on_error = (sp_on_error)job->settings.on_error,
                                   .nan = (sp_nan)job->settings.nan,
                                   .measure = true,
                                   .n_samples = t->n_samples,
                                   .sample_interval_s = t->plan->work.shape.sample_interval_s,
                                   .max_traces = n,
                                   .max_gather = n,
                                   .max_gathers = 1,
                                   .n_threads = n_threads,
                                   .n_slabs = N_ROOMS,
                                   .device = gpu ? 0 : -1,
                                   .precision = (sp_precision)job->settings.precision};
  return sp_engine_create((sp_engine_kind)job->settings.engine, &config, &t->engine);
}

/* Where values are values of the same processor, what it found for one of them is there for the next. */
static sp_status make_findings(sp_sweep_trial *t) {
  const size_t bytes = t->n_shared >= 0 ? sp_engine_finding_bytes(t->engine) : 0;
  const sp_processor *finder = t->plan->job->chain[t->n_shared > 0 ? t->n_shared : 0].processor;
  if (t->finder == finder && t->finding_bytes == bytes) return SP_SUCCESS;
  sp_free(t->findings);
  t->findings = NULL;
  t->finder = finder;
  t->finding_bytes = bytes;
  return bytes ? sp_calloc(t->index->n_gathers, bytes, "what values of a parameter share", &t->findings) : SP_SUCCESS;
}

static bool sorts(const sp_sweep_trial *t) {
  return t->n_columns > t->n_headers;
}

/* Headers as the chain gets them: in the order that the job sorts into. */
static void sort(sp_sweep_trial *t, room *r, sp_local n) {
  const double *const *keys = (const double *const *)r->values + t->n_headers;
  sp_trace_sort(keys, t->n_columns - t->n_headers, n, r->order, t->scratch);
  for (size_t i = 0; i < t->n_headers; i++) {
    sp_trace_permute(r->values[i], sizeof(double), r->order, n, t->spare, t->visited);
  }
}

static sp_status read_headers(sp_sweep_trial *t, room *r, sp_global first, sp_local n) {
  for (size_t i = 0; i < t->n_columns; i++) {
    if (t->column[i]) {
      SP_TRY(sp_header_column_read(t->column[i], first, n, r->values[i]));
    } else {
      for (sp_local k = 0; k < n; k++) r->values[i][k] = NAN; /* optional, and not there */
    }
  }
  if (sorts(t)) sort(t, r, n);
  if (t->plan->job->settings.trid == SP_TRID_SEISMIC) {
    for (sp_local i = 0; i < n; i++) r->skip[i] = !sp_trid_is_seismic(r->values[t->n_headers - 1][i]);
  }
  return SP_SUCCESS;
}

static sp_status submit(sp_sweep_trial *t, room *r, sp_global gather) {
  const sp_global first = t->index->first_trace[gather];
  const sp_local n = (sp_local)(t->index->first_trace[gather + 1] - first);
  const size_t samples = (size_t)n * t->n_samples;
  if (t->cache) {
    memcpy(r->in, t->cache + first * t->n_samples, samples * sizeof(float));
  } else {
    SP_TRY(sp_trace_source_read_independent(t->input, first, n, r->in));
  }
  SP_TRY(read_headers(t, r, first, n));
  r->gather = gather;
  r->bounds[1] = n;
  r->result = (sp_gather_result){0};
  if (t->shared.rows) {
    r->shared =
        (sp_shared_steps){t->shared.rows + first * t->n_samples, t->shared.marks + first, t->shared.known + gather};
  }
  r->slab = (sp_slab){.n_gathers = 1,
                      .n_traces = n,
                      .first_trace = r->bounds,
                      .in = r->in,
                      .order = sorts(t) ? r->order : NULL,
                      .headers = t->n_headers ? (const double *const *)r->values : NULL,
                      .skip = t->plan->job->settings.trid == SP_TRID_SEISMIC ? r->skip : NULL,
                      .traces = r->out,
                      .noise = r->noise,
                      .results = &r->result,
                      .findings = t->findings ? t->findings + gather * t->finding_bytes : NULL,
                      .shared = t->shared.rows ? &r->shared : NULL,
                      .user = r};
  return sp_engine_submit(t->engine, &r->slab);
}

/* --- what came of it ---------------------------------------------------------------------------------------------- */

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

static sp_status find_clean(sp_sweep_trial *t, sp_global first, sp_local n, const float **clean) {
  *clean = t->clean_cache ? t->clean_cache + first * t->n_samples : t->reference;
  return t->clean_cache ? SP_SUCCESS : sp_trace_source_read_independent(t->clean, first, n, t->reference);
}

static sp_status compare_with_clean(sp_sweep_trial *t, const room *r) {
  const sp_local n = r->slab.n_traces;
  const float *clean;
  SP_TRY(find_clean(t, t->index->first_trace[r->gather], n, &clean));
  for (sp_local i = 0; i < n; i++) {
    const sp_local place = sorts(t) ? r->order[i] : i;
    add_deviation(clean + (size_t)place * t->n_samples, r->out + (size_t)i * t->n_samples, t->n_samples,
                  &t->clean_energy, &t->clean_deviation);
  }
  return SP_SUCCESS;
}

static void add(sp_sweep_trial *t, const room *r, sp_sweep_figures *f) {
  const sp_gather_result *result = &r->result;
  const double m = (double)result->measured * t->n_samples;
  const double in = m * (double)result->rms_in * (double)result->rms_in;
  const double noise = m * (double)result->rms_noise * (double)result->rms_noise;
  f->n_gathers++;
  f->n_recalled += t->shared.rows && (*r->shared.known & SP_SHARED_TAKEN);
  f->n_failed += !sp_reason_is_processed((sp_reason)result->reason);
  t->energy += in;
  t->noise += noise;
  t->kept += m * (double)result->rms_out * (double)result->rms_out;
  t->cross += m * (double)result->xcorr * (double)result->rms_noise * (double)result->rms_out;
  if (in > 0) {
    f->least = fmin(f->least, noise / in);
    f->most = fmax(f->most, noise / in);
  }
  if (t->shown < 0 || (sp_global)t->shown != r->gather) return;
  f->shown_removed = in > 0 ? noise / in : (double)NAN;
  memcpy(t->shown_noise, r->noise, (size_t)r->slab.n_traces * t->n_samples * sizeof(float));
  t->shown_sorted = sorts(t);
  if (t->shown_sorted) memcpy(t->shown_order, r->order, r->slab.n_traces * sizeof *t->shown_order);
}

static sp_status finish_oldest(sp_sweep_trial *t, sp_sweep_figures *f) {
  sp_slab *done;
  SP_TRY(sp_engine_wait(t->engine, &done));
  add(t, done->user, f);
  return t->clean ? compare_with_clean(t, done->user) : SP_SUCCESS;
}

static double decibels(double energy, double deviation) {
  return energy > 0 ? 10 * log10(energy / deviation) : (double)NAN;
}

static sp_status go_through(sp_sweep_trial *t, sp_sweep_figures *f) {
  const sp_global n = t->index->n_gathers;
  for (sp_global g = 0; g < n + N_ROOMS - 1; g++) {
    if (g < n) SP_TRY(submit(t, &t->rooms[g % N_ROOMS], g));
    if (g >= N_ROOMS - 1 && g - (N_ROOMS - 1) < n) SP_TRY(finish_oldest(t, f));
  }
  f->seconds = sp_engine_busy_seconds(t->engine);
  f->removed = t->energy > 0 ? t->noise / t->energy : (double)NAN;
  f->similarity = t->noise > 0 && t->kept > 0 ? t->cross / sqrt(t->noise * t->kept) : (double)NAN;
  f->snr = t->clean ? decibels(t->clean_energy, t->clean_deviation) : (double)NAN;
  return SP_SUCCESS;
}

sp_status sp_sweep_try(sp_sweep_trial *t, sp_run_plan *plan, int n_threads, sp_sweep_figures *out) {
  sp_sweep_figures figures = {.least = (double)NAN, .most = (double)NAN, .shown_removed = (double)NAN};
  sp_status status;
  SP_TRY(sp_run_plan_work(plan, 1));
  t->plan = plan;
  t->energy = t->noise = t->kept = t->cross = t->clean_energy = t->clean_deviation = 0;
  SP_TRY_GOTO(out, open_columns(t));
  SP_TRY_GOTO(out, make_engine(t, n_threads));
  SP_TRY_GOTO(out, make_findings(t));
  SP_TRY_GOTO(out, go_through(t, &figures));
  *out = figures;
out:
  sp_engine_destroy(t->engine);
  t->engine = NULL;
  for (size_t i = 0; i < SP_MAX_SLAB_COLUMNS; i++) {
    sp_header_column_close(t->column[i]);
    t->column[i] = NULL;
  }
  return status;
}

const float *sp_sweep_noise(const sp_sweep_trial *t, const sp_local **order) {
  *order = t->shown_sorted ? t->shown_order : NULL;
  return t->shown_noise;
}

sp_status sp_sweep_snr_before(sp_sweep_trial *t, double *out) {
  double energy = 0, deviation = 0;
  *out = (double)NAN;
  for (sp_global g = 0; t->clean && g < t->index->n_gathers; g++) {
    const sp_global first = t->index->first_trace[g];
    const sp_local n = (sp_local)(t->index->first_trace[g + 1] - first);
    const float *clean, *in = t->cache ? t->cache + first * t->n_samples : t->rooms[0].in;
    SP_TRY(find_clean(t, first, n, &clean));
    if (!t->cache) SP_TRY(sp_trace_source_read_independent(t->input, first, n, t->rooms[0].in));
    for (sp_local i = 0; i < n; i++) {
      const size_t at = (size_t)i * t->n_samples;
      add_deviation(clean + at, in + at, t->n_samples, &energy, &deviation);
    }
  }
  if (t->clean) *out = decibels(energy, deviation);
  return SP_SUCCESS;
}
