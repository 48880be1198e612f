/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of a run, each alone: reading, computing and writing by as many ranks and through the same code as in a
 * run, started by build/bench/pipeline under mpirun. */
#ifndef SEISPROC_PERF_PIPELINE_PARTS_H
#define SEISPROC_PERF_PIPELINE_PARTS_H

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "perf/bench.h"
#include "seisproc/clock.h"
#include "seisproc/dist.h"
#include "seisproc/engine.h"
#include "seisproc/job.h"
#include "seisproc/launch.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/row_writer.h"
#include "seisproc/survey_file.h"
#include "src/flow/flow.h"

enum { TRACES_A_GATHER = 3156, SAMPLES = 1600, N_PARTS = 6 };

static const char default_step[] = "dwt: {wavelet: db4, transform: dwt, k: 3.0}";
static const char cheap_step[] = "mute";

typedef struct settings {
  bool json, commit, gpu;
  const char *step; /* of the chain */
  double gb;
  const char *dir;
  int turns, workers, threads;
  const char *part, *survey; /* inside mpirun */
  char self[4096], program[4096];
} settings;

/* What a run of this job would be dealt. */
typedef struct dealt {
  sp_global n_traces;
  uint32_t n_samples;
  double sample_interval_s;
  sp_local max_gather, slab_traces; /* traces of the largest gather, of the largest task */
} dealt;

typedef struct part {
  int rank, size;
  sp_job *job;
  sp_survey *survey;
  sp_gather_index *index;
  dealt shape;
  sp_dataset *traces;
  void *memory;
  float *samples;
} part;

static sp_job *make_job(const settings *s, const char *output) {
  char text[8192 + 256];
  sp_job *job = NULL;
  snprintf(text, sizeof text, "input: %s\noutput: %s\nmode: processed\nchain:\n  - %s\n", s->survey, output, s->step);
  require(sp_job_parse("bench.yaml", text, NULL, 0, &job));
  return job;
}

static void open_part(part *p, const settings *s, bool writable, const char *path) {
  MPI_Comm_rank(MPI_COMM_WORLD, &p->rank);
  MPI_Comm_size(MPI_COMM_WORLD, &p->size);
  p->job = make_job(s, "/nowhere/out.h5");
  require(sp_survey_open(MPI_COMM_WORLD, path, writable, &p->survey));
  require(sp_dataset_open(p->survey, "/traces", &p->traces));
  sp_survey *input;
  require(sp_survey_open(MPI_COMM_NULL, s->survey, false, &input));
  require(sp_survey_read_index(input, true, &p->index));
  const sp_plan_request request = {.job = p->job, .survey = input, .index = p->index, .n_workers = s->workers};
  sp_flow_plan plan = {0};
  require(sp_flow_plan_make(NULL, &request, &plan));
  p->shape = (dealt){.n_traces = plan.shape.n_traces,
                     .n_samples = plan.shape.n_samples,
                     .sample_interval_s = plan.shape.sample_interval_s,
                     .max_gather = p->index->max_traces,
                     .slab_traces = plan.shape.task_traces};
  sp_flow_plan_free(&plan);
  sp_survey_close(input);
  const size_t n_samples = (size_t)p->shape.slab_traces * p->shape.n_samples + SP_PAGE / sizeof(float);
  p->memory = aligned_alloc(SP_PAGE, (n_samples * sizeof(float) + SP_PAGE - 1) / SP_PAGE * SP_PAGE);
  if (!p->memory) require(SP_RAISE(SP_ERR_MEMORY, "no memory for a slab"));
  p->samples = memset(p->memory, 0, n_samples * sizeof(float));
}

static void close_part(part *p) {
  free(p->memory);
  sp_gather_index_destroy(p->index);
  sp_dataset_close(p->traces);
  sp_survey_close(p->survey);
  sp_job_destroy(p->job);
}

/* Slab number i of the survey: as large as a run deals them, cut between traces since that is the same to a disk. */
static sp_local slab_at(const part *p, uint64_t i, sp_global *first) {
  *first = i * p->shape.slab_traces;
  if (*first >= p->shape.n_traces) return 0;
  const sp_global left = p->shape.n_traces - *first;
  return left < p->shape.slab_traces ? (sp_local)left : p->shape.slab_traces;
}

static double time_reading(part *p) {
  const uint64_t rounds = p->shape.n_traces / ((uint64_t)p->shape.slab_traces * (uint64_t)p->size) + 1;
  require(sp_quiet_barrier(MPI_COMM_WORLD));
  const double start = sp_now();
  for (uint64_t round = 0; round < rounds; round++) {
    sp_global first;
    const sp_local n = slab_at(p, round * (uint64_t)p->size + (uint64_t)p->rank, &first);
    require(sp_dataset_read_independent(p->traces, first, n, p->samples));
  }
  require(sp_quiet_barrier(MPI_COMM_WORLD));
  return sp_now() - start;
}

static double time_writing(part *p) {
  const uint64_t row = p->shape.n_samples * sizeof(float);
  sp_row_writer *writer;
  require(sp_row_writer_create(p->traces, p->job->settings.direct_io, &writer));
  for (size_t i = 0; i < (size_t)p->shape.slab_traces * p->shape.n_samples; i++) p->samples[i] = (float)i;
  require(sp_quiet_barrier(MPI_COMM_WORLD));
  const double start = sp_now();
  for (uint64_t i = 0;; i++) {
    sp_global first;
    const sp_local n = slab_at(p, i, &first);
    if (n == 0) break;
    require(sp_row_writer_write(writer, first, n, (char *)p->samples + sp_row_page_offset(first, row)));
  }
  require(sp_survey_sync(p->survey));
  const double seconds = sp_now() - start;
  sp_row_writer_destroy(writer);
  return seconds;
}

/* Each rank computes its share of the survey's traces over and over from one slab in memory, two slabs in flight.
 * `busy`: the time in which the engine computed, else the time in all. */
static double time_computing(part *p, const settings *s, bool busy) {
  const dealt *shape = &p->shape;
  const int n_gpus = s->gpu ? sp_gpu_count(NULL, 0) : 0;
  const size_t slab_floats = (size_t)shape->max_gather * shape->n_samples;
  const sp_engine_config config = {.chain = p->job->chain,
                                   .n_steps = p->job->n_steps,
                                   .mode = SP_MODE_PROCESSED,
                                   .on_error = SP_ON_ERROR_PASSTHROUGH,
                                   .n_samples = shape->n_samples,
                                   .sample_interval_s = shape->sample_interval_s,
                                   .max_traces = shape->slab_traces,
                                   .max_gather = shape->max_gather,
                                   .n_threads = s->threads,
                                   .n_slabs = 2,
                                   .device = n_gpus ? p->rank % n_gpus : -1};
  enum { N = 2 };
  sp_engine *engine;
  sp_slab slab[N];
  sp_gather_result result[N];
  float *out[N];
  double *column;
  const double *headers[SP_MAX_CHAIN_HEADERS];
  const sp_local bounds[2] = {0, shape->max_gather};
  require(sp_engine_create(s->gpu ? SP_ENGINE_CUDA : SP_ENGINE_CPU, &config, &engine));
  require(sp_calloc(shape->max_gather, sizeof *column, "headers", &column));
  for (int i = 0; i < SP_MAX_CHAIN_HEADERS; i++) headers[i] = column;
  require(sp_dataset_read_independent(p->traces, 0, shape->max_gather, p->samples));
  sp_engine_register(engine, p->samples, slab_floats * sizeof(float));
  for (int i = 0; i < N; i++) {
    require(sp_calloc(slab_floats, sizeof(float), "a slab", &out[i]));
    sp_engine_register(engine, out[i], slab_floats * sizeof(float));
    slab[i] = (sp_slab){.n_gathers = 1,
                        .n_traces = shape->max_gather,
                        .first_trace = bounds,
                        .in = p->samples,
                        .headers = headers,
                        .traces = out[i],
                        .results = &result[i]};
  }
  require(sp_quiet_barrier(MPI_COMM_WORLD));
  const double start = sp_now();
  const uint64_t n_slabs = shape->n_traces / ((uint64_t)shape->max_gather * (uint64_t)p->size) + 1;
  sp_slab *done;
  for (uint64_t i = 0; i < n_slabs; i++) {
    if (i >= N) require(sp_engine_wait(engine, &done));
    require(sp_engine_submit(engine, &slab[i % N]));
  }
  for (uint64_t i = 0; i < (n_slabs < N ? n_slabs : N); i++) require(sp_engine_wait(engine, &done));
  require(sp_quiet_barrier(MPI_COMM_WORLD));
  const double share = (double)shape->n_traces / ((double)n_slabs * shape->max_gather * p->size);
  const double seconds = share * (busy ? sp_engine_busy_seconds(engine) : sp_now() - start);
  sp_engine_destroy(engine);
  sp_free(column);
  for (int i = 0; i < N; i++) sp_free(out[i]);
  return seconds;
}

/* The file that writing alone fills: a copy of the survey's frame. */
static void frame_path(const settings *s, char *path, size_t size) {
  snprintf(path, size, "%s.frame", s->survey);
}

static void create_frame(const settings *s, const char *path) {
  sp_survey *survey;
  require(sp_survey_open(MPI_COMM_NULL, s->survey, false, &survey));
  const sp_survey_info *info = sp_survey_get_info(survey);
  const sp_dataset_spec traces = {"/traces", SP_FLOAT32, info->n_traces, info->n_samples, NULL};
  require(sp_survey_derive(survey, path, info, &traces, 1, NULL, 0));
  sp_survey_close(survey);
}

static int run_part(const settings *s, int argc, char **argv) {
  part p = {0};
  char path[4200];
  require(sp_comm_start(&argc, &argv));
  double seconds = 0;
  if (!strcmp(s->part, "read")) {
    open_part(&p, s, false, s->survey);
    seconds = time_reading(&p);
  } else if (!strcmp(s->part, "compute") || !strcmp(s->part, "copy") || !strcmp(s->part, "kernel")) {
    open_part(&p, s, false, s->survey);
    seconds = time_computing(&p, s, !strcmp(s->part, "kernel"));
  } else {
    frame_path(s, path, sizeof path);
    create_frame(s, path);
    open_part(&p, s, true, path);
    seconds = time_writing(&p);
  }
  if (p.rank == 0) printf("%.9f\n", seconds);
  close_part(&p);
  if (!strcmp(s->part, "write")) unlink(path);
  sp_comm_finish();
  return 0;
}

#endif
