/* SPDX-License-Identifier: BSD-3-Clause */
/* The gather flow on a worker: reads a slab of gathers, sorts, and has the engine compute it into a slot of the node's
 * window. A slab is submitted before the one ahead of it is waited for, so that the engine goes from one to the next
 * without a pause. */
#include <math.h>
#include <string.h>

#include "seisproc/clock.h"
#include "seisproc/dist.h"
#include "seisproc/header_column.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/row_writer.h"
#include "seisproc/trace_sort.h"
#include "seisproc/trace_store.h"
#include "src/base/fault.h"
#include "src/flow/gather/chunk_packer.h"
#include "src/flow/gather/gather_flow.h"
#include "src/flow/gather/rounding.h"
#include "src/flow/gather/spectra.h"
#include "src/flow/gpu.h"

/* A slab's input: one is computed while the other is read and queued behind it. */
typedef struct input {
  sp_task task;
  sp_local *first_trace;                /* [task_units + 1] */
  float *samples;                       /* [task_traces][n_samples] */
  double *columns[SP_MAX_SLAB_COLUMNS]; /* [task_traces] each: the chain's headers, then the sort keys */
  sp_local *order;                      /* [task_traces]; NULL for jobs that do not sort */
  unsigned char *skip;                  /* [task_traces]: traces that are not processed; NULL where all are */
  uint32_t *reasons;                    /* [task_units] sp_reason: why a gather is not to be computed */
  sp_gather_spectra *spectra;           /* NULL: not wanted */
  sp_slot *slot;
  sp_slab slab;
  sp_engine *engine; /* that computes it */
} input;

typedef struct worker {
  sp_flow_site *site;
  const sp_flow_shape *shape;
  const sp_job *job;
  sp_survey *survey;
  sp_trace_source *traces;
  sp_header_column *column_data[SP_MAX_SLAB_COLUMNS];
  size_t n_headers, n_columns; /* of the chain; with the sort keys */
  input inputs[SP_GATHER_INPUTS];
  sp_local *scratch; /* [max_gather] */
  double *spare;     /* [max_gather] */
  unsigned char *visited;
  sp_engine *engine;
  char steps[SP_STEPS_TEXT]; /* sp_engine_steps */
  uint16_t *codes;           /* [n_samples], scratch; NULL where samples are stored as they are */
  sp_chunk_packer *packer;   /* NULL where results go as they are */
  sp_engine *cpu; /* for what is to be computed by the CPU although the engine is another; made when that comes */
} worker;

/* --- making and unmaking --------------------------------------------------------------------------------- */

static sp_status open_columns(worker *w) {
  const char *names[SP_MAX_SLAB_COLUMNS];
  SP_TRY(sp_gather_columns(w->job, names, &w->n_headers, &w->n_columns));
  for (size_t i = 0; i < w->n_columns; i++) {
    char path[SP_NAME_LENGTH + 16], name[SP_NAME_LENGTH + 1];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(names[i], "?"), names[i]);
    snprintf(path, sizeof path, "/headers/%s", name);
    if (sp_header_is_optional(names[i]) && !sp_survey_has(w->survey, path)) continue;
    SP_TRY(sp_header_column_open(w->survey, name, &w->column_data[i]));
  }
  return SP_SUCCESS;
}

/* The last of the headers is `trid`, where the job heeds it. */
static bool has_trid(const worker *w) {
  return w->job->settings.trid == SP_TRID_SEISMIC && w->column_data[w->n_headers - 1];
}

static sp_status create_input(const worker *w, input *in) {
  const sp_flow_shape *shape = w->shape;
  SP_TRY(sp_calloc(shape->task_units + 1, sizeof(sp_local), "a slab's gathers", &in->first_trace));
  SP_TRY(sp_calloc(shape->task_units, sizeof *in->reasons, "a slab's gathers", &in->reasons));
  const size_t n_samples = (size_t)shape->task_traces * shape->n_samples;
  SP_TRY(sp_calloc(n_samples, sizeof(float), "an input buffer", &in->samples));
  w->site->buffers += n_samples * sizeof(float);
  for (size_t i = 0; i < w->n_columns; i++) {
    SP_TRY(sp_calloc(shape->task_traces, sizeof(double), "a slab's headers", &in->columns[i]));
    if (w->column_data[i]) continue;
    for (sp_local t = 0; t < shape->task_traces; t++) in->columns[i][t] = NAN; /* optional, and not there */
  }
  if (has_trid(w)) SP_TRY(sp_calloc(shape->task_traces, 1, "a slab's headers", &in->skip));
  if (w->job->n_sort) {
    SP_TRY(sp_calloc(shape->task_traces, sizeof(sp_local), "a slab's order", &in->order));
  }
  if (w->job->settings.qc != SP_QC_NONE) {
    SP_TRY(sp_gather_spectra_create(shape->task_traces, shape->task_units, shape->n_samples, &in->spectra));
  }
  return SP_SUCCESS;
}

static bool has_noise(const worker *w) {
  return w->job->settings.mode == SP_MODE_BOTH;
}

/* A GPU copies straight from the input buffers and into the window. */
static void register_buffers(worker *w) {
  const sp_flow_shape *shape = w->shape;
  const size_t samples = (size_t)shape->task_traces * shape->n_samples * sizeof(float), bytes = samples + SP_PAGE;
  for (int i = 0; i < SP_GATHER_INPUTS; i++) sp_engine_register(w->engine, w->inputs[i].samples, samples);
  for (int i = 0; i < shape->window.n_slots; i++) {
    sp_slot *slot = sp_node_window_slot(w->site->window, w->site->roles->world.rank, (uint64_t)i);
    for (int p = 0; p < 1 + has_noise(w); p++) {
      sp_engine_register(w->engine, sp_slot_rows(w->site->window, slot, p), bytes);
    }
  }
}

static sp_engine_config engine_config(const worker *w) {
  const sp_flow_shape *shape = w->shape;
  const sp_job *job = w->job;
  sp_gpu gpu;
  sp_gpu_choose(w->site->roles, job->settings.engine, &gpu);
  return (sp_engine_config){.chain = job->chain,
                            .n_steps = job->n_steps,
                            .mode = (sp_mode)job->settings.mode,
                            .on_error = (sp_on_error)job->settings.on_error,
                            .nan = (sp_nan)job->settings.nan,
                            .measure = job->settings.qc != SP_QC_NONE,
                            .n_samples = shape->n_samples,
                            .sample_interval_s = shape->sample_interval_s,
                            .max_traces = shape->task_traces,
                            .max_gather = sp_gather_max(w->site->plan),
                            .max_gathers = shape->task_units,
                            .n_threads = w->site->n_threads,
                            .n_slabs = SP_GATHER_INPUTS,
                            .device = gpu.device,
                            .precision = (sp_precision)job->settings.precision,
                            .cpu_takes_over = true};
}

/* What computes, and where that is two, which step is where. */
static void describe_engine(worker *w) {
  bool same = true;
  w->site->engine = sp_engine_name(w->engine);
  for (size_t i = 0; i < w->job->n_steps; i++) {
    same = same && !strcmp(sp_engine_step_name(w->engine, i), w->site->engine);
  }
  sp_engine_steps(w->engine, w->steps, sizeof w->steps);
  w->site->steps = same ? NULL : w->steps;
}

static sp_status create_engine(worker *w) {
  const sp_engine_config config = engine_config(w);
  SP_TRY(sp_engine_create((sp_engine_kind)w->job->settings.engine, &config, &w->engine));
  register_buffers(w);
  describe_engine(w);
  return SP_SUCCESS;
}

static sp_status create_buffers(worker *w) {
  const sp_local max_gather = sp_gather_max(w->site->plan);
  for (int i = 0; i < SP_GATHER_INPUTS; i++) SP_TRY(create_input(w, &w->inputs[i]));
  if (w->job->settings.samples != SP_SAMPLES_FLOAT32) {
    SP_TRY(sp_calloc(w->shape->n_samples, sizeof *w->codes, "codes of a trace", &w->codes));
  }
  if (sp_window_packs(&w->shape->window)) {
    const int n = w->site->n_threads < SP_PACKING_THREADS ? w->site->n_threads : SP_PACKING_THREADS;
    SP_TRY(sp_chunk_packer_create(sp_gather_form(w->site->plan), &w->shape->window, w->site->window, n, &w->packer));
  }
  SP_TRY(sp_calloc(max_gather, sizeof(sp_local), "sorting", &w->scratch));
  SP_TRY(sp_calloc(max_gather, sizeof(double), "sorting", &w->spare));
  return sp_calloc(max_gather, 1, "sorting", &w->visited);
}

void sp_gather_close(void *worker_) {
  worker *w = worker_;
  if (!w) return;
  sp_chunk_packer_destroy(w->packer);
  sp_engine_destroy(w->cpu);
  sp_engine_destroy(w->engine);
  for (int k = 0; k < SP_GATHER_INPUTS; k++) {
    input *in = &w->inputs[k];
    sp_free(in->first_trace);
    sp_free(in->reasons);
    sp_free(in->samples);
    sp_free(in->order);
    sp_free(in->skip);
    sp_gather_spectra_destroy(in->spectra);
    for (int i = 0; i < SP_MAX_SLAB_COLUMNS; i++) sp_free(in->columns[i]);
  }
  sp_free(w->codes);
  sp_free(w->scratch);
  sp_free(w->spare);
  sp_free(w->visited);
  for (int i = 0; i < SP_MAX_SLAB_COLUMNS; i++) sp_header_column_close(w->column_data[i]);
  sp_trace_source_close(w->traces);
  sp_survey_close(w->survey);
  sp_free(w);
}

static sp_status create(worker *w) {
  SP_TRY(sp_trace_source_open(w->survey, "/traces", &w->traces));
  SP_TRY(open_columns(w));
  SP_TRY(create_buffers(w));
  return create_engine(w);
}

sp_status sp_gather_open(sp_flow_site *site, void **out) {
  const MPI_Comm peers = site->roles->peers.comm;
  const sp_io_hints hints = {.more = site->plan->job->settings.mpi_hints.text};
  worker *w = NULL;
  SP_ALIKE(sp_calloc_together(peers, 1, sizeof *w, "a worker", &w));
  w->site = site;
  w->shape = &site->plan->shape;
  w->job = site->plan->job;
  /* those who read together open it together */
  const MPI_Comm group = site->reads ? site->roles->group.comm : peers;
  sp_status status = sp_survey_open_input(group, w->job, &hints, &w->survey);
  status = sp_agree(peers, status);
  if (status == SP_SUCCESS) status = sp_survey_check_same(w->survey, peers);
  if (status == SP_SUCCESS) status = sp_agree(peers, create(w));
  if (status == SP_SUCCESS) {
    *out = w;
  } else {
    sp_gather_close(w);
  }
  return status;
}

/* Read-ahead is a help, not a need: without it the job runs all the same. */
void sp_gather_announce(void *worker_, const sp_task *task) {
  sp_trace_source_prefetch(((const worker *)worker_)->traces, task->first_trace, task->n_traces);
}

/* --- reading --------------------------------------------------------------------------------------------- */

static sp_local gather_traces(const input *in, sp_local g) {
  return in->first_trace[g + 1] - in->first_trace[g];
}

typedef sp_status (*row_reader)(void *from, sp_global first, sp_local n, void *rows);

static sp_status read_traces(void *from, sp_global first, sp_local n, void *rows) {
  return sp_trace_source_read_independent(from, first, n, rows);
}

static sp_status read_column(void *from, sp_global first, sp_local n, void *rows) {
  return sp_header_column_read(from, first, n, rows);
}

/* Rows of row_bytes each, after the slab could not be read at once: every gather that can be read by itself is saved;
 * the others become zeros and count as unreadable. */
static void read_by_gather(input *in, row_reader read, void *from, size_t row_bytes, void *rows) {
  const sp_task *task = &in->task;
  for (sp_local g = 0; g < task->n_units; g++) {
    char *const at = (char *)rows + in->first_trace[g] * row_bytes;
    const sp_local n = gather_traces(in, g);
    if (read(from, task->first_trace + in->first_trace[g], n, at) == SP_SUCCESS) continue;
    sp_warn("gather %llu cannot be read", (unsigned long long)(task->first_unit + g));
    memset(at, 0, n * row_bytes);
    in->reasons[g] = SP_REASON_UNREADABLE;
  }
}

static void read_rows(input *in, row_reader read, void *from, size_t row_bytes, void *rows) {
  if (read(from, in->task.first_trace, in->task.n_traces, rows) == SP_SUCCESS) return;
  read_by_gather(in, read, from, row_bytes, rows);
}

/* Samples: with the group, as long as that reads together. A read that fails costs its gathers either way. */
static sp_status read_samples(worker *w, input *in) {
  const size_t row = w->shape->n_samples * sizeof(float);
  sp_collective *reads = w->site->reads;
  if (!reads || !sp_collective_is_in_force(reads)) {
    read_rows(in, read_traces, w->traces, row, in->samples);
    return SP_SUCCESS;
  }
  const sp_collective_rows own = {.n_planes = 1,
                                  .plane = {{sp_trace_source_dataset(w->traces), in->samples}},
                                  .first = in->task.first_trace,
                                  .n = in->task.n_traces};
  bool moved;
  sp_activity_set(w->site->activity, "reads with the others of its group");
  SP_TRY(sp_collective_read(reads, &own, &moved));
  if (!moved) read_by_gather(in, read_traces, w->traces, row, in->samples);
  return SP_SUCCESS;
}

sp_status sp_gather_read_nothing(void *worker_) {
  worker *w = worker_;
  const double start = sp_now();
  const sp_collective_rows own = {.n_planes = 1, .plane = {{sp_trace_source_dataset(w->traces), NULL}}};
  bool moved;
  sp_activity_set(w->site->activity, "reads with the others of its group");
  SP_TRY(sp_collective_read(w->site->reads, &own, &moved));
  sp_stage_add(w->site->times, SP_STAGE_READ, sp_now() - start, 0);
  return SP_SUCCESS;
}

static uint64_t slab_bytes(const worker *w, const input *in) {
  return (uint64_t)in->task.n_traces * w->shape->n_samples * sizeof(float);
}

sp_status sp_gather_read(void *worker_, int k, const sp_task *task, const void *payload) {
  worker *w = worker_;
  input *in = &w->inputs[k];
  const double start = sp_now();
  sp_activity_set(w->site->activity, "reads");
  in->task = *task;
  memcpy(in->first_trace, payload, task->payload_bytes);
  for (sp_local g = 0; g < task->n_units; g++) in->reasons[g] = task->set_aside;
  SP_TRY(read_samples(w, in));
  for (size_t i = 0; i < w->n_columns; i++) {
    if (w->column_data[i]) read_rows(in, read_column, w->column_data[i], sizeof(double), in->columns[i]);
  }
  sp_stage_add(w->site->times, SP_STAGE_READ, sp_now() - start, slab_bytes(w, in));
  return SP_SUCCESS;
}

/* --- computing ------------------------------------------------------------------------------------------- */

/* Works out the order of each gather and brings the chain's headers into it. */
static void sort_slab(worker *w, input *in) {
  for (sp_local g = 0; g < in->task.n_units; g++) {
    const sp_local first = in->first_trace[g], n = gather_traces(in, g);
    const double *keys[SP_MAX_SORT_KEYS];
    for (size_t i = w->n_headers; i < w->n_columns; i++) keys[i - w->n_headers] = in->columns[i] + first;
    sp_trace_sort(keys, w->n_columns - w->n_headers, n, in->order + first, w->scratch);
    for (size_t i = 0; i < w->n_headers; i++) {
      sp_trace_permute(in->columns[i] + first, sizeof(double), in->order + first, n, w->spare, w->visited);
    }
  }
}

static void mark_skipped(const worker *w, const input *in) {
  const double *trid = in->columns[w->n_headers - 1];
  for (sp_local i = 0; i < in->task.n_traces; i++) in->skip[i] = !sp_trid_is_seismic(trid[i]);
}

/* Where there is no memory for another engine, the one that there is computes. */
static sp_engine *engine_for(worker *w, const sp_task *task) {
  if (!task->on_cpu || !strcmp(sp_engine_name(w->engine), "cpu")) return w->engine;
  const sp_engine_config config = engine_config(w);
  if (!w->cpu && sp_engine_create(SP_ENGINE_CPU, &config, &w->cpu) != SP_SUCCESS) return w->engine;
  sp_warn("gather %llu is computed by the CPU", (unsigned long long)task->first_unit);
  return w->cpu;
}

static void claim_slot(const worker *w, input *in) {
  sp_node_window *window = w->site->window;
  const sp_task *task = &in->task;
  /* slots are taken in turn: where there are no more than inputs, the next one is the one that is being packed */
  if (w->packer && w->shape->window.n_slots <= SP_GATHER_INPUTS) sp_chunk_packer_wait(w->packer);
  sp_activity_set(w->site->activity, "waits for the I/O rank to free a slot");
  in->slot = sp_node_window_claim(window);
  in->slot->page_offset = (uint32_t)sp_row_page_offset(task->first_trace, w->shape->n_samples * sizeof(float));
  in->slot->task = task->id;
  in->slot->first_unit = task->first_unit;
  in->slot->n_units = task->n_units;
  in->slot->n_boxes = 1;
  *sp_slot_boxes(window, in->slot) = (sp_box){.first_row = task->first_trace, .n_rows = task->n_traces};
}

/* Figures of traces are planes behind those of samples, zero until an engine fills them in. */
static void point_trace_figures(const worker *w, input *in) {
  const int first = 1 + has_noise(w);
  if (w->job->settings.qc != SP_QC_TRACE) return;
  for (int k = 0; k < SP_TRACE_FIGURES; k++) {
    in->slab.by_trace[k] = sp_slot_rows(w->site->window, in->slot, first + k);
    memset(in->slab.by_trace[k], 0, in->task.n_traces * sizeof(float));
  }
}

sp_status sp_gather_submit(void *worker_, int k) {
  worker *w = worker_;
  input *in = &w->inputs[k];
  const sp_node_window *window = w->site->window;
  const double start = sp_now();
  if (in->order) sort_slab(w, in);
  if (in->skip) mark_skipped(w, in);
  claim_slot(w, in);
  in->slab = (sp_slab){.n_gathers = in->task.n_units,
                       .n_traces = in->task.n_traces,
                       .first_trace = in->first_trace,
                       .in = in->samples,
                       .order = in->order,
                       .headers = (const double *const *)in->columns,
                       .set_aside = in->reasons,
                       .skip = in->skip,
                       .traces = sp_slot_rows(window, in->slot, 0),
                       .noise = has_noise(w) ? sp_slot_rows(window, in->slot, 1) : NULL,
                       .results = sp_slot_figures(window, in->slot),
                       .user = in};
  point_trace_figures(w, in);
  if (in->spectra) sp_gather_spectra_keep_input(in->spectra, &in->slab);
  sp_debug("computing gathers %llu + %u", (unsigned long long)in->task.first_unit, in->task.n_units);
  sp_stage_add(w->site->times, SP_STAGE_SLOT, sp_now() - start, 0);
  in->engine = engine_for(w, &in->task);
  return sp_engine_submit(in->engine, &in->slab);
}

sp_status sp_gather_finish(void *worker_, int k, uint32_t *n_slots, void *figures) {
  worker *w = worker_;
  input *in = &w->inputs[k];
  const double start = sp_now();
  sp_slab *done = NULL;
  sp_activity_set(w->site->activity, "computes");
  SP_TRY(sp_engine_wait(in->engine, &done));
  if (sp_engine_name(w->engine) != w->site->engine) describe_engine(w);
  if (in->spectra) sp_gather_spectra_measure(in->spectra, (sp_mode)w->job->settings.mode, &in->slab);
  if (w->codes) sp_rounding_apply((sp_sample_form)w->job->settings.samples, w->shape->n_samples, &in->slab, w->codes);
  sp_stage_add(w->site->times, SP_STAGE_COMPUTE, sp_now() - start, slab_bytes(w, in));
  SP_FAULT_POINT("before_slot_full");
  if (w->packer) {
    sp_chunk_packer_start(w->packer, in->slot);
  } else {
    sp_slot_set_full(in->slot, true);
  }
  SP_FAULT_POINT("after_slot_full");
  *n_slots = 1;
  return SP_SUCCESS;
}

double sp_gather_busy_s(const void *worker_) {
  return sp_engine_busy_seconds(((const worker *)worker_)->engine);
}
