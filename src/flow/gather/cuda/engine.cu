/* The CUDA engine: three streams, in, compute and out, and a ring of SP_CUDA_SETS sets of buffers.
 *
 * A slab is cut into batches of whole gathers. Everything that is to happen to them is queued when the slab is
 * submitted; events alone keep the order: a set is filled when what it held has left, computed when it has arrived,
 * and leaves when it is computed. No thread of the host takes part until the slab is done. The queue is short: some
 * dozen calls a batch.
 */
#include <stdio.h>
#include <string.h>

#include "kernels/common/cuda_check.h"
#include "src/flow/gather/cuda/batch.h"
#include "src/flow/gather/cuda/chain.h"
extern "C" {
#include "kernels/pstm/gpu.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/base/fault.h"
#include "src/device/cuda/group.h"
#include "src/flow/gather/cuda_module.h"
}

/* Where the parts of a batch's description lie, on the host as on the device; bytes. */
typedef struct meta_layout {
  size_t first_trace, set_aside, gather, order, skip, headers, column, bytes;
} meta_layout;

/* Device memory of one batch in flight. */
typedef struct batch_set {
  sp_batch_view view;
  char *meta, *state, *rows; /* what came, what is counted, what describes the arranged rows */
  const double ***headers;   /* [n_steps]: on the device, the columns of each step */
  cudaEvent_t arrived, computed, left;
} batch_set;

/* One batch of a slab in flight. Pinned memory. */
typedef struct batch_note {
  sp_local first_gather, n_gathers, n_traces;
  char *meta;
  uint32_t *results; /* [3][max_gathers] */
  cudaEvent_t begun, ended;
} batch_note;

typedef struct ticket {
  sp_slab *slab;
  int n_batches;
  batch_note *batches; /* [max_batches] */
  char *meta;
  uint32_t *results;
  cudaEvent_t done;
} ticket;

typedef struct registration {
  struct registration *next;
  void *memory;
} registration;

typedef struct cuda_engine {
  sp_engine base;
  sp_engine_config config;
  sp_cuda_chain *chain;
  sp_cuda_crc crc;
  meta_layout layout;
  size_t state_bytes, rows_bytes;
  batch_set sets[SP_CUDA_SETS];
  float *spare; /* between steps */
  cudaStream_t in, compute, out;
  ticket *tickets; /* [n_slabs], a ring */
  int max_batches;
  int oldest, n_tickets;
  unsigned next_set;
  double busy; /* s */
  bool gone;   /* the device has failed */
  registration *registered;
  bool told; /* that memory could not be registered */
} cuda_engine;

/* --- making ------------------------------------------------------------------------------------------------------ */

static void lay_out(cuda_engine *e) {
  const size_t traces = e->chain->max_traces, gathers = e->chain->max_gathers, word = sizeof(uint32_t);
  meta_layout *l = &e->layout;
  l->column = traces * sizeof(double);
  l->headers = 0;
  l->first_trace = e->chain->n_headers * l->column;
  l->set_aside = l->first_trace + (gathers + 1) * word;
  l->gather = l->set_aside + gathers * word;
  l->order = l->gather + traces * word;
  l->skip = l->order + traces * word;
  l->bytes = l->skip + traces * word;
  e->state_bytes = (traces + 1 + 4 * gathers + e->chain->n_steps * (gathers + 1)) * word;
  e->rows_bytes = e->chain->n_headers * l->column + (4 * traces + gathers + 2) * word;
}

static sp_status take(size_t bytes, void *out) {
  void *block = NULL;
  SP_TRY(SP_CUDA(cudaMalloc(&block, bytes)));
  memcpy(out, &block, sizeof block);
  return SP_SUCCESS;
}

/* The columns that each step needs, as it wants them. */
static sp_status point_headers(const cuda_engine *e, batch_set *set) {
  void *block = NULL;
  SP_TRY(sp_calloc(e->chain->n_steps, sizeof *set->headers, "a batch", &block));
  set->headers = (const double ***)block;
  for (size_t i = 0; i < e->chain->n_steps; i++) {
    const sp_cuda_step *step = &e->chain->steps[i];
    const double *columns[SP_MAX_PROCESSOR_HEADERS] = {};
    for (size_t k = 0; k < step->n_headers; k++) {
      const bool by_trace = i < e->chain->n_edits || e->chain->steps[i].plan->takes_dead;
      const char *all = by_trace ? set->meta + e->layout.headers : set->rows;
      columns[k] = (const double *)(all + step->headers[k] * e->layout.column);
    }
    SP_TRY(take(sizeof columns, &set->headers[i]));
    SP_TRY(SP_CUDA(cudaMemcpy(set->headers[i], columns, sizeof columns, cudaMemcpyHostToDevice)));
  }
  return SP_SUCCESS;
}

static void point_view(const cuda_engine *e, batch_set *set) {
  const size_t traces = e->chain->max_traces, gathers = e->chain->max_gathers;
  sp_batch_view *v = &set->view;
  v->n_samples = e->config.n_samples;
  v->n_steps = (uint32_t)e->chain->n_steps;
  v->mode = e->config.mode;
  v->on_error = e->config.on_error;
  v->n_headers = (uint32_t)e->chain->n_headers;
  v->nan = e->config.nan;
  v->spare = e->spare;
  v->max_traces = (uint32_t)traces;
  v->max_gathers = (uint32_t)gathers;
  v->first_trace = (const uint32_t *)(set->meta + e->layout.first_trace);
  v->set_aside = (const uint32_t *)(set->meta + e->layout.set_aside);
  v->gather = (const uint32_t *)(set->meta + e->layout.gather);
  v->columns = (const double *)(set->meta + e->layout.headers);
  v->mark = (uint32_t *)set->state;
  v->n_aside = v->mark + traces;
  v->n_live = v->n_aside + 1;
  v->n_dead = v->n_live + gathers;
  v->n_bad = v->n_dead + gathers;
  v->failed = v->n_bad + gathers;
  v->reasons = v->failed + gathers;
  v->row_columns = (double *)set->rows;
  v->place = (uint32_t *)(set->rows + e->chain->n_headers * e->layout.column);
  v->row_gather = v->place + traces;
  v->before = v->row_gather + traces;
  v->live_row = v->before + traces;
  v->first_row = v->live_row + traces;
}

static sp_status make_set(cuda_engine *e, batch_set *set) {
  const size_t rows = (size_t)e->chain->max_traces * e->config.n_samples * sizeof(float);
  SP_TRY(take(rows, &set->view.in));
  SP_TRY(take(rows, &set->view.out));
  if (e->config.mode == SP_MODE_BOTH) SP_TRY(take(rows, &set->view.noise));
  SP_TRY(take(e->layout.bytes, &set->meta));
  SP_TRY(take(e->state_bytes, &set->state));
  SP_TRY(take(e->rows_bytes, &set->rows));
  SP_TRY(take(3 * e->chain->max_gathers * sizeof(uint32_t), &set->view.results));
  SP_TRY(point_headers(e, set));
  point_view(e, set);
  SP_TRY(SP_CUDA(cudaEventCreateWithFlags(&set->arrived, cudaEventDisableTiming)));
  SP_TRY(SP_CUDA(cudaEventCreateWithFlags(&set->computed, cudaEventDisableTiming)));
  return SP_CUDA(cudaEventCreateWithFlags(&set->left, cudaEventDisableTiming));
}

static void drop_set(const cuda_engine *e, batch_set *set) {
  for (size_t i = 0; set->headers && i < e->chain->n_steps; i++) cudaFree(set->headers[i]);
  sp_free(set->headers);
  cudaFree(set->view.in);
  cudaFree(set->view.out);
  cudaFree(set->view.noise);
  cudaFree(set->view.results);
  cudaFree(set->meta);
  cudaFree(set->state);
  cudaFree(set->rows);
  if (set->arrived) cudaEventDestroy(set->arrived);
  if (set->computed) cudaEventDestroy(set->computed);
  if (set->left) cudaEventDestroy(set->left);
  *set = batch_set{};
}

static void drop_device_memory(cuda_engine *e) {
  for (batch_set &set : e->sets) drop_set(e, &set);
  cudaFree(e->spare);
  e->spare = NULL;
}

static sp_status make_device_memory(cuda_engine *e, char *why, size_t why_size) {
  SP_TRY(sp_cuda_chain_plan(e->chain, &e->config, why, why_size));
  lay_out(e);
  SP_TRY(take((size_t)e->chain->max_traces * e->config.n_samples * sizeof(float), &e->spare));
  for (batch_set &set : e->sets) SP_TRY(make_set(e, &set));
  return SP_SUCCESS;
}

/* In smaller batches where others took memory since it was counted. */
static sp_status make_all_device_memory(cuda_engine *e, char *why, size_t why_size) {
  for (;;) {
    const sp_status status = make_device_memory(e, why, why_size);
    if (status != SP_ERR_MEMORY) return status;
    drop_device_memory(e);
    if (sp_cuda_chain_shrink(e->chain, &e->config)) continue;
    snprintf(why, why_size, "the GPU's memory does not hold batches of %u traces, the largest gather",
             e->chain->max_traces);
    return SP_ERR_USAGE;
  }
}

/* Two batches that follow each other hold more traces, or gathers, than one may. */
static int most_batches(const cuda_engine *e) {
  const uint64_t traces = 2 * ((uint64_t)e->config.max_traces / e->chain->max_traces + 1);
  return (int)(traces + 2 * ((uint64_t)e->config.max_gathers / e->chain->max_gathers + 1));
}

static sp_status make_ticket(cuda_engine *e, ticket *t) {
  const size_t n = (size_t)e->max_batches, results = 3 * (size_t)e->chain->max_gathers;
  void *block = NULL;
  SP_TRY(sp_calloc(n, sizeof *t->batches, "batches of a slab", &block));
  t->batches = (batch_note *)block;
  SP_TRY(SP_CUDA(cudaHostAlloc((void **)&t->meta, n * e->layout.bytes, cudaHostAllocDefault)));
  SP_TRY(SP_CUDA(cudaHostAlloc((void **)&t->results, n * results * sizeof(uint32_t), cudaHostAllocDefault)));
  for (size_t i = 0; i < n; i++) {
    batch_note *note = &t->batches[i];
    note->meta = t->meta + i * e->layout.bytes;
    note->results = t->results + i * results;
    SP_TRY(SP_CUDA(cudaEventCreate(&note->begun)));
    SP_TRY(SP_CUDA(cudaEventCreate(&note->ended)));
  }
  return SP_CUDA(cudaEventCreateWithFlags(&t->done, cudaEventBlockingSync | cudaEventDisableTiming));
}

static void drop_ticket(const cuda_engine *e, ticket *t) {
  for (int i = 0; t->batches && i < e->max_batches; i++) {
    if (t->batches[i].begun) cudaEventDestroy(t->batches[i].begun);
    if (t->batches[i].ended) cudaEventDestroy(t->batches[i].ended);
  }
  sp_free(t->batches);
  cudaFreeHost(t->meta);
  cudaFreeHost(t->results);
  if (t->done) cudaEventDestroy(t->done);
}

static sp_status make_tickets(cuda_engine *e) {
  void *block = NULL;
  e->max_batches = most_batches(e);
  SP_TRY(sp_calloc((size_t)e->config.n_slabs, sizeof(ticket), "slabs in flight", &block));
  e->tickets = (ticket *)block;
  for (int i = 0; i < e->config.n_slabs; i++) SP_TRY(make_ticket(e, &e->tickets[i]));
  return SP_SUCCESS;
}

static void destroy(sp_engine *base) {
  cuda_engine *e = (cuda_engine *)base;
  cudaSetDevice(e->config.device);
  cudaDeviceSynchronize();
  for (registration *r = e->registered; r;) {
    registration *const next = r->next;
    cudaHostUnregister(r->memory);
    sp_free(r);
    r = next;
  }
  for (int i = 0; e->tickets && i < e->config.n_slabs; i++) drop_ticket(e, &e->tickets[i]);
  sp_free(e->tickets);
  if (e->chain) drop_device_memory(e);
  sp_cuda_crc_destroy(&e->crc);
  sp_cuda_chain_destroy(e->chain);
  if (e->in) cudaStreamDestroy(e->in);
  if (e->compute) cudaStreamDestroy(e->compute);
  if (e->out) cudaStreamDestroy(e->out);
  cudaGetLastError();
  sp_free(e);
}

static void say_what_runs(const cuda_engine *e) {
  struct cudaDeviceProp properties;
  if (cudaGetDeviceProperties(&properties, e->config.device) != cudaSuccess) return;
  sp_debug("engine cuda: device=%d name=\"%s\" batch_traces=%u sets=%d", e->config.device, properties.name,
           e->chain->max_traces, SP_CUDA_SETS);
}

static sp_status make_all(cuda_engine *e, char *why, size_t why_size) {
  SP_TRY(SP_CUDA(cudaSetDevice(e->config.device)));
  SP_TRY(sp_cuda_chain_create(&e->config, why, why_size, &e->chain));
  SP_TRY(SP_CUDA(cudaStreamCreateWithFlags(&e->in, cudaStreamNonBlocking)));
  SP_TRY(SP_CUDA(cudaStreamCreateWithFlags(&e->compute, cudaStreamNonBlocking)));
  SP_TRY(SP_CUDA(cudaStreamCreateWithFlags(&e->out, cudaStreamNonBlocking)));
  SP_TRY(sp_cuda_crc_create(e->config.n_samples, e->config.max_gather, &e->crc));
  SP_TRY(make_all_device_memory(e, why, why_size));
  return make_tickets(e);
}

extern "C" const sp_engine_ops sp_engine_cuda_ops;

static sp_status create(const sp_engine_config *config, char *why, size_t why_size, sp_engine **out) {
  void *block = NULL;
  SP_TRY(sp_calloc(1, sizeof(cuda_engine), "the engine", &block));
  cuda_engine *e = (cuda_engine *)block;
  e->config = *config;
  e->base.ops = &sp_engine_cuda_ops;
  e->base.name = "cuda";
  snprintf(why, why_size, "the GPU's memory is short");
  const sp_status status = make_all(e, why, why_size);
  if (status != SP_SUCCESS) {
    destroy(&e->base);
    return status == SP_ERR_MEMORY ? SP_ERR_USAGE : status;
  }
  say_what_runs(e);
  *out = &e->base;
  return SP_SUCCESS;
}

static void register_memory(sp_engine *base, void *memory, size_t bytes) {
  cuda_engine *e = (cuda_engine *)base;
  void *block = NULL;
  if (sp_alloc(sizeof(registration), "registered memory", &block) != SP_SUCCESS) return;
  cudaSetDevice(e->config.device);
  const cudaError_t code = cudaHostRegister(memory, bytes, cudaHostRegisterDefault);
  if (code == cudaSuccess) {
    registration *r = (registration *)block;
    r->memory = memory;
    r->next = e->registered;
    e->registered = r;
    return;
  }
  cudaGetLastError();
  sp_free(block);
  if (!e->told) {
    sp_warn("engine cuda: %zu MB cannot be pinned (%s): copies to and from the GPU will be slow", bytes >> 20,
            cudaGetErrorString(code));
  }
  e->told = true;
}

/* --- queueing a slab --------------------------------------------------------------------------------------------- */

/* The gathers of the next batch: as many as it holds, at least one. */
static void cut_batch(const cuda_engine *e, const sp_slab *slab, sp_local first, batch_note *note) {
  sp_local end = first + 1;
  while (end < slab->n_gathers && end - first < e->chain->max_gathers &&
         slab->first_trace[end + 1] - slab->first_trace[first] <= e->chain->max_traces) {
    end++;
  }
  note->first_gather = first;
  note->n_gathers = end - first;
  note->n_traces = slab->first_trace[end] - slab->first_trace[first];
}

static void describe(const cuda_engine *e, const sp_slab *slab, const batch_note *note) {
  const sp_local start = slab->first_trace[note->first_gather];
  uint32_t *first_trace = (uint32_t *)(note->meta + e->layout.first_trace);
  uint32_t *set_aside = (uint32_t *)(note->meta + e->layout.set_aside);
  uint32_t *gather = (uint32_t *)(note->meta + e->layout.gather);
  for (sp_local g = 0; g < note->n_gathers; g++) {
    first_trace[g] = slab->first_trace[note->first_gather + g] - start;
    set_aside[g] = slab->set_aside ? slab->set_aside[note->first_gather + g] : 0;
    const sp_local end = slab->first_trace[note->first_gather + g + 1] - start;
    for (sp_local t = first_trace[g]; t < end; t++) gather[t] = g;
  }
  first_trace[note->n_gathers] = note->n_traces;
  if (slab->order) memcpy(note->meta + e->layout.order, slab->order + start, note->n_traces * sizeof(uint32_t));
  if (slab->skip) {
    uint32_t *skip = (uint32_t *)(note->meta + e->layout.skip);
    for (sp_local t = 0; t < note->n_traces; t++) skip[t] = slab->skip[start + t];
  }
  for (size_t k = 0; k < e->chain->n_headers; k++) {
    memcpy(note->meta + e->layout.headers + k * e->layout.column, slab->headers[k] + start,
           note->n_traces * sizeof(double));
  }
}

static size_t sample_bytes(const cuda_engine *e, const batch_note *note) {
  return (size_t)note->n_traces * e->config.n_samples * sizeof(float);
}

static size_t first_sample(const cuda_engine *e, const sp_slab *slab, const batch_note *note) {
  return (size_t)slab->first_trace[note->first_gather] * e->config.n_samples;
}

static sp_status queue_arrival(const cuda_engine *e, const sp_slab *slab, const batch_note *note, batch_set *set) {
  float *to = slab->order ? set->view.out : set->view.in;
  const float *from = slab->in + first_sample(e, slab, note);
  SP_TRY(SP_CUDA(cudaStreamWaitEvent(e->in, set->left, 0)));
  SP_TRY(SP_CUDA(cudaMemcpyAsync(set->meta, note->meta, e->layout.bytes, cudaMemcpyHostToDevice, e->in)));
  SP_TRY(SP_CUDA(cudaMemcpyAsync(to, from, sample_bytes(e, note), cudaMemcpyHostToDevice, e->in)));
  return SP_CUDA(cudaEventRecord(set->arrived, e->in));
}

static sp_status queue_step(const cuda_engine *e, const batch_set *set, size_t i, float *to, sp_cuda_batch *batch) {
  const sp_batch_view *v = &set->view;
  const sp_cuda_step *step = &e->chain->steps[i];
  batch->out = to;
  batch->headers = set->headers[i];
  batch->reason = v->reasons + i * (v->max_gathers + 1);
  batch->places = NULL;
  const sp_cuda_places places = {batch->n_traces, batch->n_gathers - 1, v->first_trace, /* one is not of the survey */
                                 set->headers[i], v->live_row,          v->place};
  if (step->plan->takes_dead) batch->places = &places;
  SP_TRY(step->ops->apply(step->plan, batch, e->compute));
  batch->in = to;
  return SP_SUCCESS;
}

/* How many of the steps from `first` on leave what they compute at another place, `from` being where the first gets it.
 * The input is never overwritten. */
static size_t count_moves(const cuda_engine *e, const batch_set *set, size_t first, const float *from) {
  size_t n = 0;
  bool at_input = from == set->view.in;
  for (size_t i = first; i < e->chain->n_steps; i++) {
    n += at_input || !e->chain->steps[i].plan->in_place;
    at_input = false;
  }
  return n;
}

/* The leading steps that edit work in place, on all traces; what they leave in `out` says which are live. */
static sp_status queue_edits(const cuda_engine *e, const batch_set *set, sp_cuda_batch *batch) {
  batch->in = set->view.in;
  for (size_t i = 0; batch->n_traces > 0 && i < e->chain->n_edits; i++)
    SP_TRY(queue_step(e, set, i, set->view.out, batch));
  return SP_SUCCESS;
}

/* The others work in place or between `out` and `spare`, so that the last one leaves its result in `out`. */
static sp_status queue_steps(const cuda_engine *e, const batch_set *set, sp_cuda_batch *batch) {
  const sp_batch_view *v = &set->view;
  for (size_t i = e->chain->n_edits; i < e->chain->n_steps; i++) {
    const bool moves = batch->in == v->in || !e->chain->steps[i].plan->in_place;
    float *to = (float *)batch->in;
    if (moves) to = count_moves(e, set, i, batch->in) % 2 ? v->out : v->spare;
    SP_TRY(queue_step(e, set, i, to, batch));
  }
  return SP_SUCCESS;
}

/* All steps: what edits, marks and arrangement, what does not edit. */
static sp_status queue_chain(const cuda_engine *e, const batch_set *set, sp_cuda_batch *batch) {
  const sp_batch_view *v = &set->view;
  SP_TRY(queue_edits(e, set, batch));
  float *edited = (float *)batch->in;
  SP_TRY(sp_batch_mark(v, batch, edited, e->compute));
  const bool move = edited != v->in && count_moves(e, set, e->chain->n_edits, edited) % 2;
  SP_TRY(sp_batch_arrange(v, batch, edited, move, e->compute));
  if (move) batch->in = v->spare;
  return batch->n_traces > 0 ? queue_steps(e, set, batch) : SP_SUCCESS;
}

#ifdef SP_FAULTS
__global__ static void write_nowhere(int *at) {
  *at = 1;
}

/* A kernel that does what no kernel may: the device is lost to this process. */
static void break_device(const cuda_engine *e) {
  write_nowhere<<<1, 1, 0, e->compute>>>((int *)16);
}
#else
static void break_device(const cuda_engine *) {}
#endif

static sp_status queue_computing(const cuda_engine *e, const sp_slab *slab, const batch_note *note, batch_set *set) {
  sp_cuda_batch batch = {};
  batch.n_traces = note->n_traces;
  batch.n_gathers = note->n_gathers;
  batch.first_trace = set->view.first_trace;
  batch.gather = set->view.gather;
  set->view.order = slab->order ? (const uint32_t *)(set->meta + e->layout.order) : NULL;
  set->view.skip = slab->skip ? (const uint32_t *)(set->meta + e->layout.skip) : NULL;
  SP_TRY(SP_CUDA(cudaStreamWaitEvent(e->compute, set->arrived, 0)));
  SP_TRY(SP_CUDA(cudaEventRecord(note->begun, e->compute)));
  SP_TRY(SP_CUDA(cudaMemsetAsync(set->state, 0, e->state_bytes, e->compute)));
  if (SP_FAULT_IS_DUE("gpu_address")) break_device(e);
  SP_TRY(sp_batch_receive(&set->view, &batch, e->compute));
  SP_TRY(queue_chain(e, set, &batch));
  SP_TRY(sp_batch_finish(&set->view, &batch, &e->crc, e->compute));
  SP_TRY(SP_CUDA(cudaEventRecord(note->ended, e->compute)));
  return SP_CUDA(cudaEventRecord(set->computed, e->compute));
}

static sp_status queue_leaving(const cuda_engine *e, const sp_slab *slab, const batch_note *note, batch_set *set) {
  const size_t at = first_sample(e, slab, note), bytes = sample_bytes(e, note);
  const size_t results = 3 * (size_t)e->chain->max_gathers * sizeof(uint32_t);
  SP_TRY(SP_CUDA(cudaStreamWaitEvent(e->out, set->computed, 0)));
  SP_TRY(SP_CUDA(cudaMemcpyAsync(slab->traces + at, set->view.out, bytes, cudaMemcpyDeviceToHost, e->out)));
  if (slab->noise) {
    SP_TRY(SP_CUDA(cudaMemcpyAsync(slab->noise + at, set->view.noise, bytes, cudaMemcpyDeviceToHost, e->out)));
  }
  SP_TRY(SP_CUDA(cudaMemcpyAsync(note->results, set->view.results, results, cudaMemcpyDeviceToHost, e->out)));
  return SP_CUDA(cudaEventRecord(set->left, e->out));
}

static sp_status queue_slab(cuda_engine *e, ticket *t) {
  t->n_batches = 0;
  for (sp_local g = 0; g < t->slab->n_gathers;) {
    batch_note *note = &t->batches[t->n_batches++];
    batch_set *set = &e->sets[e->next_set++ % SP_CUDA_SETS];
    cut_batch(e, t->slab, g, note);
    describe(e, t->slab, note);
    SP_TRY(queue_arrival(e, t->slab, note, set));
    SP_TRY(queue_computing(e, t->slab, note, set));
    SP_TRY(queue_leaving(e, t->slab, note, set));
    g += note->n_gathers;
  }
  return SP_CUDA(cudaEventRecord(t->done, e->out));
}

static sp_status fail(cuda_engine *e, sp_status status) {
  e->gone = true;
  if (status == SP_ERR_MEMORY) return SP_RAISE(SP_ERR_DEVICE, "GPU %d: out of memory", e->config.device);
  return SP_ERR_DEVICE;
}

static sp_status submit(sp_engine *base, sp_slab *slab) {
  cuda_engine *e = (cuda_engine *)base;
  if (e->gone) return SP_ERR_DEVICE;
  ticket *t = &e->tickets[(e->oldest + e->n_tickets) % e->config.n_slabs];
  t->slab = slab;
  sp_status status = SP_CUDA(cudaSetDevice(e->config.device));
  if (status == SP_SUCCESS) status = queue_slab(e, t);
  if (status != SP_SUCCESS) return fail(e, status);
  e->n_tickets++;
  return SP_SUCCESS;
}

/* --- taking it back ---------------------------------------------------------------------------------------------- */

static void copy_results(const cuda_engine *e, const ticket *t, const batch_note *note) {
  const uint32_t *reason = note->results, *crc = reason + e->chain->max_gathers;
  sp_gather_result *result = t->slab->results + note->first_gather;
  for (sp_local g = 0; g < note->n_gathers; g++) {
    result[g] = sp_gather_result{}; /* quality is not measured here */
    result[g].reason = reason[g];
    result[g].crc_traces = crc[g];
    result[g].crc_noise = t->slab->noise ? crc[e->chain->max_gathers + g] : 0;
  }
}

static sp_status take_oldest(cuda_engine *e, sp_slab **done) {
  ticket *t = &e->tickets[e->oldest];
  for (int i = 0; i < t->n_batches; i++) {
    float ms = 0;
    copy_results(e, t, &t->batches[i]);
    const sp_status status = SP_CUDA(cudaEventElapsedTime(&ms, t->batches[i].begun, t->batches[i].ended));
    if (status != SP_SUCCESS) return fail(e, status);
    e->busy += 1e-3 * ms;
  }
  *done = t->slab;
  e->oldest = (e->oldest + 1) % e->config.n_slabs;
  e->n_tickets--;
  return SP_SUCCESS;
}

static sp_status test(sp_engine *base, sp_slab **done) {
  cuda_engine *e = (cuda_engine *)base;
  if (e->gone) return SP_ERR_DEVICE;
  const cudaError_t code = cudaEventQuery(e->tickets[e->oldest].done);
  if (code == cudaErrorNotReady) return SP_SUCCESS;
  const sp_status status = sp_cuda_check(code, "a slab on the GPU", __FILE__, __LINE__);
  return status == SP_SUCCESS ? take_oldest(e, done) : fail(e, status);
}

static sp_status wait(sp_engine *base, sp_slab **done) {
  cuda_engine *e = (cuda_engine *)base;
  if (e->gone) return SP_ERR_DEVICE;
  const cudaError_t code = cudaEventSynchronize(e->tickets[e->oldest].done);
  const sp_status status = sp_cuda_check(code, "a slab on the GPU", __FILE__, __LINE__);
  return status == SP_SUCCESS ? take_oldest(e, done) : fail(e, status);
}

static double busy_seconds(const sp_engine *base) {
  return ((const cuda_engine *)base)->busy;
}

static int count(char *why, size_t why_size) {
  int n = 0;
  const cudaError_t code = cudaGetDeviceCount(&n);
  if (code != cudaSuccess) {
    snprintf(why, why_size, "%s", cudaGetErrorString(code));
    cudaGetLastError();
    return 0;
  }
  if (n == 0) snprintf(why, why_size, "the driver shows no GPU to this process");
  return n;
}

static bool bus_id(int device, char *out, size_t size) {
  if (cudaDeviceGetPCIBusId(out, (int)size, device) == cudaSuccess) return true;
  cudaGetLastError();
  return false;
}

extern "C" const sp_engine_ops sp_engine_cuda_ops = {NULL, submit, test, wait, busy_seconds, destroy, register_memory};

extern "C" const sp_cuda_module sp_cuda_module_table;
extern "C" const sp_cuda_module sp_cuda_module_table = {
    SP_VERSION, count, bus_id, create, &sp_fkk_cuda_table, &sp_cuda_group, &sp_pstm_gpu_table};
