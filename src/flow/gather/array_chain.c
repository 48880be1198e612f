/* SPDX-License-Identifier: BSD-3-Clause */
/* A chain on gathers in memory: a job's text and an engine with one slab in flight. */
#include "seisproc/array_chain.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "seisproc/engine.h"
#include "seisproc/job.h"
#include "seisproc/memory.h"

enum { MAX_HEADERS = SP_MAX_CHAIN_HEADERS, NOT_THERE = -1 };

struct sp_array_chain {
  sp_job *job;
  sp_engine *engine;
  uint32_t n_samples;
  sp_local max_traces;
  size_t n_columns;           /* that come with an array */
  size_t n_headers;           /* that the chain reads */
  int column_of[MAX_HEADERS]; /* where each is among the columns, or NOT_THERE */
  int trid;                   /* the column that says which traces are seismic, or NOT_THERE */
  float *in;                  /* [max_traces][n_samples]: the engine may overwrite its input */
  double *absent;             /* [max_traces], all NAN */
  unsigned char *skip;        /* [max_traces]; NULL: all are processed */
  sp_gather_result *results;  /* [max_gathers] */
  sp_local max_gathers;
};

static int find_column(const sp_array_config *config, const char *name) {
  for (size_t i = 0; i < config->n_columns; i++) {
    if (sp_header_is(config->columns[i].name, name)) return (int)i;
  }
  return NOT_THERE;
}

static sp_status check_config(const sp_array_config *config) {
  if (config->n_samples == 0) return SP_RAISE(SP_ERR_USAGE, "array: 0 samples a trace, at least 1 is allowed");
  if (!(config->sample_interval_s > 0) || !isfinite(config->sample_interval_s)) {
    return SP_RAISE(SP_ERR_USAGE, "array: a sample interval of %g s, allowed is a number above 0",
                    config->sample_interval_s);
  }
  if (config->max_traces == 0 || config->max_traces > SP_MAX_GATHER_TRACES) {
    return SP_RAISE(SP_ERR_USAGE, "array: %u traces a call, allowed are 1 to %d", config->max_traces,
                    SP_MAX_GATHER_TRACES);
  }
  if (config->n_threads < 1) {
    return SP_RAISE(SP_ERR_USAGE, "array: %d threads, at least 1 is allowed", config->n_threads);
  }
  return SP_SUCCESS;
}

/* The job, and whether its chain is one for gathers with these columns. */
static sp_status read_job(sp_array_chain *chain, const sp_array_config *config) {
  static const char *const paths[] = {"input=memory.in", "output=memory.out"};
  SP_TRY(sp_job_parse("array", config->job, paths, 2, &chain->job));
  const sp_job *job = chain->job;
  if (job->n_sort) return SP_RAISE(SP_ERR_USAGE, "array: sort: traces in memory are sorted by whoever has them");
  for (size_t i = 0; i < job->n_steps; i++) {
    const sp_processor *processor = job->chain[i].processor;
    if (processor->scope == SP_SCOPE_GATHER) continue;
    return SP_RAISE(SP_ERR_USAGE, "array: chain.%zu.%s: takes a whole survey (%s), allowed are processors of gathers",
                    i, processor->name, sp_scope_name(processor->scope));
  }
  const sp_survey_shape shape = {.n_traces = config->max_traces,
                                 .n_gathers = 1,
                                 .n_samples = config->n_samples,
                                 .max_traces = config->max_traces,
                                 .sample_interval_s = config->sample_interval_s,
                                 .columns = config->columns,
                                 .n_columns = config->n_columns};
  return sp_chain_check_shape("array", job->chain, job->n_steps, &shape);
}

static void map_columns(sp_array_chain *chain, const sp_array_config *config) {
  const char *names[MAX_HEADERS];
  chain->n_columns = config->n_columns;
  chain->n_headers = sp_chain_headers(chain->job->chain, chain->job->n_steps, names, MAX_HEADERS);
  for (size_t i = 0; i < chain->n_headers; i++) chain->column_of[i] = find_column(config, names[i]);
  const bool heeded = chain->job->settings.trid == SP_TRID_SEISMIC;
  chain->trid = heeded ? find_column(config, "trid") : NOT_THERE;
}

static sp_status make_buffers(sp_array_chain *chain) {
  const size_t n = chain->max_traces;
  SP_TRY(sp_alloc(n * chain->n_samples * sizeof(float), "gathers in memory", &chain->in));
  SP_TRY(sp_alloc(n * sizeof(double), "a header column", &chain->absent));
  for (size_t i = 0; i < n; i++) chain->absent[i] = NAN;
  if (chain->trid != NOT_THERE) SP_TRY(sp_alloc(n, "which traces are processed", &chain->skip));
  return sp_calloc(chain->max_gathers, sizeof *chain->results, "what became of gathers", &chain->results);
}

static sp_status make_engine(sp_array_chain *chain, const sp_array_config *config) {
  const sp_job_settings *settings = &chain->job->settings;
  const bool gpu = settings->engine != SP_ENGINE_CPU && sp_gpu_count(NULL, 0) > 0;
  const sp_engine_config wanted = {.chain = chain->job->chain,
                                   .n_steps = chain->job->n_steps,
                                   .mode = (sp_mode)settings->mode,
                                   .on_error = (sp_on_error)settings->on_error,
                                   .nan = (sp_nan)settings->nan,
                                   .measure = settings->qc != SP_QC_NONE,
                                   .n_samples = config->n_samples,
                                   .sample_interval_s = config->sample_interval_s,
                                   .max_traces = config->max_traces,
                                   .max_gather = config->max_traces,
                                   .max_gathers = chain->max_gathers,
                                   .n_threads = config->n_threads,
                                   .n_slabs = 1,
                                   .device = gpu ? 0 : -1,
                                   .precision = (sp_precision)settings->precision,
                                   .cpu_takes_over = true};
  return sp_engine_create((sp_engine_kind)settings->engine, &wanted, &chain->engine);
}

sp_status sp_array_chain_create(const sp_array_config *config, sp_array_chain **out) {
  SP_TRY(check_config(config));
  sp_array_chain *chain = NULL;
  SP_TRY(sp_calloc(1, sizeof *chain, "a chain", &chain));
  chain->n_samples = config->n_samples;
  chain->max_traces = chain->max_gathers = config->max_traces;
  sp_status status;
  SP_TRY_GOTO(fail, read_job(chain, config));
  map_columns(chain, config);
  SP_TRY_GOTO(fail, make_buffers(chain));
  SP_TRY_GOTO(fail, make_engine(chain, config));
  *out = chain;
  return SP_SUCCESS;
fail:
  sp_array_chain_destroy(chain);
  return status;
}

/* Whether the array is one for this chain. */
static sp_status check_array(const sp_array_chain *chain, const sp_array *array) {
  if (array->n_gathers > chain->max_gathers) {
    return SP_RAISE(SP_ERR_USAGE, "array: %u gathers, at most %u are allowed", array->n_gathers, chain->max_gathers);
  }
  if (!array->first_trace || !array->in || !array->out) {
    return SP_RAISE(SP_ERR_USAGE, "array: first_trace, in and out are needed");
  }
  if (array->first_trace[0] != 0)
    return SP_RAISE(SP_ERR_USAGE, "array: first_trace begins at %u, not 0", array->first_trace[0]);
  for (sp_local g = 0; g < array->n_gathers; g++) {
    if (array->first_trace[g + 1] >= array->first_trace[g]) continue;
    return SP_RAISE(SP_ERR_USAGE, "array: first_trace decreases at gather %u", g);
  }
  if (array->first_trace[array->n_gathers] > chain->max_traces) {
    return SP_RAISE(SP_ERR_USAGE, "array: %u traces, at most %u are allowed", array->first_trace[array->n_gathers],
                    chain->max_traces);
  }
  if (chain->n_columns && !array->headers) {
    return SP_RAISE(SP_ERR_USAGE, "array: no headers, %zu columns were announced", chain->n_columns);
  }
  const bool both = chain->job->settings.mode == SP_MODE_BOTH;
  if (both != (array->noise != NULL)) {
    return SP_RAISE(SP_ERR_USAGE, "array: %s",
                    both ? "no place for the noise, which `mode: both` gives"
                         : "a place for the noise, which only `mode: both` gives");
  }
  return SP_SUCCESS;
}

/* With `on_error: abort`, a gather that could not be processed is an error. */
static sp_status check_results(const sp_array_chain *chain, sp_local n_gathers, const sp_gather_result *results) {
  if (chain->job->settings.on_error != SP_ON_ERROR_ABORT) return SP_SUCCESS;
  for (sp_local g = 0; g < n_gathers; g++) {
    const sp_reason reason = (sp_reason)results[g].reason;
    if (sp_reason_is_processed(reason)) continue;
    return SP_RAISE(SP_ERR_GATHER, "array: gather %u cannot be processed: %s", g, sp_reason_name(reason));
  }
  return SP_SUCCESS;
}

sp_status sp_array_chain_apply(sp_array_chain *chain, const sp_array *array) {
  SP_TRY(check_array(chain, array));
  const sp_local n_traces = array->first_trace[array->n_gathers];
  const double *headers[MAX_HEADERS];
  for (size_t i = 0; i < chain->n_headers; i++) {
    headers[i] = chain->column_of[i] == NOT_THERE ? chain->absent : array->headers[chain->column_of[i]];
  }
  for (sp_local i = 0; chain->skip && i < n_traces; i++) {
    chain->skip[i] = !sp_trid_is_seismic(array->headers[chain->trid][i]);
  }
  memcpy(chain->in, array->in, (size_t)n_traces * chain->n_samples * sizeof(float));
  sp_slab slab = {.n_gathers = array->n_gathers,
                  .n_traces = n_traces,
                  .first_trace = array->first_trace,
                  .in = chain->in,
                  .headers = chain->n_headers ? headers : NULL,
                  .skip = chain->skip,
                  .traces = array->out,
                  .noise = array->noise,
                  .results = array->results ? array->results : chain->results};
  sp_slab *done = NULL;
  SP_TRY(sp_engine_submit(chain->engine, &slab));
  SP_TRY(sp_engine_wait(chain->engine, &done));
  return check_results(chain, array->n_gathers, slab.results);
}

void sp_array_chain_destroy(sp_array_chain *chain) {
  if (!chain) return;
  sp_engine_destroy(chain->engine);
  sp_job_destroy(chain->job);
  sp_free(chain->in);
  sp_free(chain->absent);
  sp_free(chain->skip);
  sp_free(chain->results);
  sp_free(chain);
}
