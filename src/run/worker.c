/* A worker: reads its slabs, one round ahead of what its engine computes, and hands results over in slots of the node's
 * window. A slab is submitted before the one ahead of it is waited for, so that the engine goes from one to the next
 * without a pause. */
#include <math.h>
#include <string.h>

#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/row_writer.h"
#include "seisproc/survey_file.h"
#include "seisproc/trace_sort.h"
#include "seisproc/trace_store.h"
#include "src/base/crash.h"
#include "src/base/fault.h"
#include "src/run/messages.h"
#include "src/run/run_context.h"

enum { MAX_COLUMNS = 32, N_INPUTS = 2 };

/* A slab's input: one is computed while the other is read and queued behind it. */
typedef struct input {
  uint64_t round;
  bool last;
  bool alone;          /* nothing else is to be in hand */
  sp_reason set_aside; /* of the whole range */
  sp_range range;
  sp_local *first_trace;        /* [slab_gathers + 1] */
  float *samples;               /* [slab_traces][n_samples] */
  double *columns[MAX_COLUMNS]; /* [slab_traces] each: the chain's headers, then the sort keys */
  sp_local *order;              /* [slab_traces]; NULL for jobs that do not sort */
  uint32_t *reasons;            /* [slab_gathers] sp_reason: why a gather is not to be computed */
  sp_slot *slot;
  sp_slab slab;
} input;

typedef struct worker {
  sp_run_context *run;
  const sp_roles *roles;
  sp_survey *survey;
  sp_trace_source *traces;
  sp_dataset *column_data[MAX_COLUMNS];
  size_t n_headers, n_columns; /* of the chain; with the sort keys */
  input inputs[N_INPUTS];
  sp_deal_message *deal; /* with room for first_trace */
  size_t deal_bytes;
  void *column_rows; /* one column of a slab as it is in the file */
  sp_local *scratch; /* [max_gather] */
  double *spare;     /* [max_gather] */
  unsigned char *visited;
  sp_engine *engine;
  sp_outbox *reports;
  uint64_t n_slabs; /* submitted so far: the next slot to use */
  double busy_s;    /* of the engine, when the last slab was done */
} worker;

/* --- making and unmaking --------------------------------------------------------------------------------- */

static sp_status open_columns(worker *w) {
  const sp_job *job = w->run->job;
  const char *names[MAX_COLUMNS];
  w->n_headers = sp_chain_headers(job->chain, job->n_steps, names, MAX_COLUMNS - SP_MAX_SORT_KEYS);
  if (w->n_headers > MAX_COLUMNS - SP_MAX_SORT_KEYS) {
    return SP_RAISE(SP_ERR_USAGE, "the chain needs %zu trace headers, allowed is up to %d", w->n_headers,
                    MAX_COLUMNS - SP_MAX_SORT_KEYS);
  }
  for (size_t i = 0; i < job->n_sort; i++) names[w->n_headers + i] = job->sort[i];
  w->n_columns = w->n_headers + job->n_sort;
  for (size_t i = 0; i < w->n_columns; i++) {
    char path[SP_NAME_LENGTH + 16];
    snprintf(path, sizeof path, "/headers/%.*s", (int)strcspn(names[i], "?"), names[i]);
    if (sp_header_is_optional(names[i]) && !sp_survey_has(w->survey, path)) continue;
    SP_TRY(sp_dataset_open(w->survey, path, &w->column_data[i]));
  }
  return SP_SUCCESS;
}

static sp_status create_input(const worker *w, input *in) {
  const sp_run_shape *shape = &w->run->shape;
  SP_TRY(sp_calloc(shape->slab_gathers + 1, sizeof(sp_local), "a slab's gathers", (void **)&in->first_trace));
  SP_TRY(sp_calloc(shape->slab_gathers, sizeof *in->reasons, "a slab's gathers", (void **)&in->reasons));
  const size_t n_samples = (size_t)shape->slab_traces * shape->n_samples;
  SP_TRY(sp_calloc(n_samples, sizeof(float), "an input buffer", (void **)&in->samples));
  w->run->buffers += n_samples * sizeof(float);
  for (size_t i = 0; i < w->n_columns; i++) {
    SP_TRY(sp_calloc(shape->slab_traces, sizeof(double), "a slab's headers", (void **)&in->columns[i]));
    if (w->column_data[i]) continue;
    for (sp_local t = 0; t < shape->slab_traces; t++) in->columns[i][t] = NAN; /* optional, and not there */
  }
  if (w->run->job->n_sort) {
    SP_TRY(sp_calloc(shape->slab_traces, sizeof(sp_local), "a slab's order", (void **)&in->order));
  }
  return SP_SUCCESS;
}

/* The GPU of this worker, shared out among the workers of its node; -1 where there is none or none is asked for. */
static int choose_gpu(const worker *w) {
  const int engine = w->run->job->settings.engine;
  if (engine != SP_ENGINE_AUTO && engine != SP_ENGINE_CUDA) return -1;
  const int n_gpus = sp_gpu_count(NULL, 0);
  const sp_member *self = sp_roles_self(w->roles);
  int before = 0;
  for (int r = 0; r < w->roles->size; r++) {
    const sp_member *member = &w->roles->members[r];
    before += member->role == SP_ROLE_WORKER && member->node == self->node && member->index < self->index;
  }
  return n_gpus > 0 ? before % n_gpus : -1;
}

/* A GPU copies straight from the input buffers and into the window. */
static void register_buffers(worker *w) {
  const sp_run_shape *shape = &w->run->shape;
  const size_t samples = (size_t)shape->slab_traces * shape->n_samples * sizeof(float), bytes = samples + SP_PAGE;
  for (int i = 0; i < N_INPUTS; i++) sp_engine_register(w->engine, w->inputs[i].samples, samples);
  for (int i = 0; i < shape->n_slots; i++) {
    sp_slot *slot = sp_node_window_slot(w->run->window, w->roles->rank, (uint64_t)i);
    sp_engine_register(w->engine, sp_slot_traces(w->run->window, slot), bytes);
    float *noise = sp_slot_noise(w->run->window, slot);
    if (noise) sp_engine_register(w->engine, noise, bytes);
  }
}

static sp_status create_engine(worker *w) {
  const sp_run_shape *shape = &w->run->shape;
  const sp_job *job = w->run->job;
  const sp_engine_config config = {.chain = job->chain,
                                   .n_steps = job->n_steps,
                                   .mode = (sp_mode)job->settings.mode,
                                   .on_error = (sp_on_error)job->settings.on_error,
                                   .n_samples = shape->n_samples,
                                   .sample_interval_s = shape->sample_interval_s,
                                   .max_traces = shape->slab_traces,
                                   .max_gather = shape->max_gather,
                                   .max_gathers = shape->slab_gathers,
                                   .n_threads = w->run->n_threads,
                                   .n_slabs = N_INPUTS,
                                   .device = choose_gpu(w),
                                   .precision = (sp_precision)job->settings.precision};
  SP_TRY(sp_engine_create((sp_engine_kind)job->settings.engine, &config, &w->engine));
  register_buffers(w);
  w->run->engine = sp_engine_name(w->engine);
  return SP_SUCCESS;
}

static sp_status create_buffers(worker *w) {
  const sp_run_shape *shape = &w->run->shape;
  for (int i = 0; i < N_INPUTS; i++) SP_TRY(create_input(w, &w->inputs[i]));
  w->deal_bytes = sizeof(sp_deal_message) + (shape->slab_gathers + 1) * sizeof(sp_local);
  SP_TRY(sp_alloc(w->deal_bytes, "a deal", (void **)&w->deal));
  SP_TRY(sp_calloc(shape->slab_traces, sizeof(double), "a header column", &w->column_rows));
  SP_TRY(sp_calloc(shape->max_gather, sizeof(sp_local), "sorting", (void **)&w->scratch));
  SP_TRY(sp_calloc(shape->max_gather, sizeof(double), "sorting", (void **)&w->spare));
  SP_TRY(sp_calloc(shape->max_gather, 1, "sorting", (void **)&w->visited));
  return sp_outbox_create(w->roles->world, SP_TAG_REPORT, SP_ROUNDS_AHEAD, sizeof(sp_report_message), &w->reports);
}

static void destroy(worker *w) {
  sp_outbox_destroy(w->reports);
  sp_engine_destroy(w->engine);
  for (int k = 0; k < N_INPUTS; k++) {
    input *in = &w->inputs[k];
    sp_free(in->first_trace);
    sp_free(in->reasons);
    sp_free(in->samples);
    sp_free(in->order);
    for (int i = 0; i < MAX_COLUMNS; i++) sp_free(in->columns[i]);
  }
  sp_free(w->deal);
  sp_free(w->column_rows);
  sp_free(w->scratch);
  sp_free(w->spare);
  sp_free(w->visited);
  for (int i = 0; i < MAX_COLUMNS; i++) sp_dataset_close(w->column_data[i]);
  sp_trace_source_close(w->traces);
  sp_survey_close(w->survey);
}

static sp_status create(worker *w, sp_run_context *run) {
  w->run = run;
  w->roles = run->roles;
  sp_status status = sp_survey_open(run->roles->peers, run->job->input, false, &w->survey);
  SP_TRY(sp_agree(run->roles->peers, status));
  SP_TRY(sp_trace_source_open(w->survey, "/traces", &w->traces));
  SP_TRY(open_columns(w));
  SP_TRY(create_buffers(w));
  return create_engine(w);
}

/* --- a round --------------------------------------------------------------------------------------------- */

/* Waits for the next round's deal. */
static sp_status receive_deal(worker *w, input *in) {
  const double start = sp_now();
  sp_backoff backoff = {0};
  sp_watch_doing(w->run->watch, "waits to be dealt a round");
  for (int from = -1;;) {
    SP_TRY(sp_message_poll(w->roles->world, 0, SP_TAG_DEAL, w->deal, w->deal_bytes, &from));
    if (from >= 0) break;
    SP_TRY(sp_pass_stop_on(w->run));
    sp_backoff_sleep(&backoff);
  }
  in->round = w->deal->round;
  in->last = w->deal->last;
  in->alone = w->deal->alone;
  in->range = w->deal->range;
  in->set_aside = (sp_reason)w->deal->set_aside;
  memcpy(in->first_trace, w->deal + 1, (in->range.n_gathers + 1) * sizeof(sp_local));
  sp_stage_add(&w->run->times, SP_STAGE_WAIT, sp_now() - start, 0);
  return SP_SUCCESS;
}

static sp_local gather_traces(const input *in, sp_local g) {
  return in->first_trace[g + 1] - in->first_trace[g];
}

typedef sp_status (*row_reader)(void *from, sp_global first, sp_local n, void *rows);

static sp_status read_traces(void *from, sp_global first, sp_local n, void *rows) {
  return sp_trace_source_read_independent(from, first, n, rows);
}

static sp_status read_column(void *from, sp_global first, sp_local n, void *rows) {
  return sp_dataset_read_independent(from, first, n, rows);
}

/* Rows of a row_bytes each for the round's slab. The transfer is not collective, since one that fails could not be left
 * by the other workers. Where it fails, every gather that can be read by itself is saved; the others become zeros and
 * count as unreadable. */
static void read_rows(input *in, row_reader read, void *from, size_t row_bytes, void *rows) {
  const sp_range *range = &in->range;
  if (read(from, range->first_trace, range->n_traces, rows) == SP_SUCCESS) return;
  for (sp_local g = 0; g < range->n_gathers; g++) {
    char *const at = (char *)rows + in->first_trace[g] * row_bytes;
    const sp_local n = gather_traces(in, g);
    if (read(from, range->first_trace + in->first_trace[g], n, at) == SP_SUCCESS) continue;
    sp_warn("gather %llu cannot be read", (unsigned long long)(range->first_gather + g));
    memset(at, 0, n * row_bytes);
    in->reasons[g] = SP_REASON_UNREADABLE;
  }
}

static void read_slab(worker *w, input *in) {
  const sp_range *range = &in->range;
  const double start = sp_now();
  sp_watch_doing(w->run->watch, "reads");
  for (sp_local g = 0; g < range->n_gathers; g++) in->reasons[g] = in->set_aside;
  read_rows(in, read_traces, w->traces, w->run->shape.n_samples * sizeof(float), in->samples);
  for (size_t i = 0; i < w->n_columns; i++) {
    sp_dataset *column = w->column_data[i];
    if (!column) continue;
    const size_t row_bytes = sp_dataset_row_length(column) * sp_type_size(sp_dataset_type(column));
    read_rows(in, read_column, column, row_bytes, w->column_rows);
    sp_rows_to_double(sp_dataset_type(column), w->column_rows, range->n_traces, in->columns[i]);
  }
  const uint64_t bytes = (uint64_t)range->n_traces * w->run->shape.n_samples * sizeof(float);
  sp_stage_add(&w->run->times, SP_STAGE_READ, sp_now() - start, bytes);
}

/* Works out the order of each gather and brings the chain's headers into it. */
static void sort_slab(worker *w, input *in) {
  for (sp_local g = 0; g < in->range.n_gathers; g++) {
    const sp_local first = in->first_trace[g], n = gather_traces(in, g);
    const double *keys[SP_MAX_SORT_KEYS];
    for (size_t i = w->n_headers; i < w->n_columns; i++) keys[i - w->n_headers] = in->columns[i] + first;
    sp_trace_sort(keys, w->n_columns - w->n_headers, n, in->order + first, w->scratch);
    for (size_t i = 0; i < w->n_headers; i++) {
      sp_trace_permute(in->columns[i] + first, sizeof(double), in->order + first, n, w->spare, w->visited);
    }
  }
}

/* Hands the slab to the engine, with a free slot to put the results in. */
static sp_status submit(worker *w, input *in) {
  if (in->range.n_gathers == 0) return SP_SUCCESS;
  const double start = sp_now();
  if (in->order) sort_slab(w, in);
  in->slot = sp_node_window_slot(w->run->window, w->roles->rank, w->n_slabs++);
  sp_backoff backoff = {0};
  sp_watch_doing(w->run->watch, "waits for the I/O rank to free a slot");
  while (sp_slot_is_full(in->slot)) sp_backoff_sleep(&backoff);
  in->slot->phase = (uint32_t)sp_row_phase(in->range.first_trace, w->run->shape.n_samples * sizeof(float));
  in->slab = (sp_slab){.n_gathers = in->range.n_gathers,
                       .n_traces = in->range.n_traces,
                       .first_trace = in->first_trace,
                       .in = in->samples,
                       .order = in->order,
                       .headers = (const double *const *)in->columns,
                       .set_aside = in->reasons,
                       .traces = sp_slot_traces(w->run->window, in->slot),
                       .noise = sp_slot_noise(w->run->window, in->slot),
                       .results = sp_slot_results(w->run->window, in->slot),
                       .user = in};
  sp_debug("computing gathers %llu + %u", (unsigned long long)in->range.first_gather, in->range.n_gathers);
  sp_stage_add(&w->run->times, SP_STAGE_HAND_OVER, sp_now() - start, 0);
  if (in->set_aside == SP_REASON_OK) {
    sp_crash_set((unsigned)(in - w->inputs), in->range.first_gather, in->range.n_gathers);
    SP_FAULT_POISON(in->range.first_gather, in->range.n_gathers);
  }
  return sp_engine_submit(w->engine, &in->slab);
}

static sp_status report(worker *w, const input *in, double compute_s) {
  const size_t i = in->round % SP_ROUNDS_AHEAD;
  sp_backoff backoff = {0};
  while (!sp_outbox_is_free(w->reports, i)) sp_backoff_sleep(&backoff);
  *(sp_report_message *)sp_outbox_buffer(w->reports, i) = (sp_report_message){
      .round = in->round, .n_traces = in->range.n_traces, .compute_s = compute_s, .times = w->run->times};
  return sp_outbox_send(w->reports, i, sizeof(sp_report_message), 0);
}

/* Waits for the engine, then hands the slot to the I/O rank. */
static sp_status finish(worker *w, input *in) {
  if (in->range.n_gathers == 0) return SP_SUCCESS;
  const double start = sp_now();
  sp_slab *done = NULL;
  SP_FAULT_POINT("in_compute");
  sp_watch_doing(w->run->watch, "computes");
  SP_TRY(sp_engine_wait(w->engine, &done));
  sp_crash_set((unsigned)(in - w->inputs), 0, 0);
  const double end = sp_now();
  const uint64_t bytes = (uint64_t)in->range.n_traces * w->run->shape.n_samples * sizeof(float);
  sp_stage_add(&w->run->times, SP_STAGE_COMPUTE, end - start, bytes);
  in->slot->range = in->range;
  SP_FAULT_POINT("before_hand_over");
  sp_slot_set_full(in->slot, true);
  SP_FAULT_POINT("after_hand_over");
  /* how fast this worker is does not depend on whom it waited for meanwhile */
  const double before = w->busy_s;
  w->busy_s = sp_engine_busy_seconds(w->engine);
  return report(w, in, w->busy_s - before);
}

static sp_status run_rounds(worker *w) {
  input *now = &w->inputs[0], *next = &w->inputs[1];
  SP_TRY(receive_deal(w, now));
  if (now->last) return SP_SUCCESS;
  read_slab(w, now);
  SP_TRY(submit(w, now));
  while (!now->last) {
    SP_TRY(receive_deal(w, next));
    if (!next->last) {
      read_slab(w, next);
      if (!next->alone) SP_TRY(submit(w, next));
    }
    SP_TRY(finish(w, now));
    if (!next->last && next->alone) SP_TRY(submit(w, next));
    input *const computed = now;
    now = next;
    next = computed;
  }
  return SP_SUCCESS;
}

sp_status sp_work(sp_run_context *run) {
  worker w = {0};
  sp_status status = create(&w, run);
  status = sp_agree(run->roles->world, status); /* with the other roles: all are ready, or none begins */
  if (status == SP_SUCCESS) {
    const uint64_t allocated = sp_alloc_count();
    status = run_rounds(&w);
    if (status != SP_SUCCESS) sp_run_abort(run, status); /* the others would wait for ever */
    run->busy_s = sp_engine_busy_seconds(w.engine);
    sp_debug("steady state: %llu allocations", (unsigned long long)(sp_alloc_count() - allocated));
  }
  destroy(&w);
  return status;
}
