/* SPDX-License-Identifier: BSD-3-Clause */
/* As kernels/pstm/cuda.cu: two batches under way, sums that stay on the device until they are read, and may be set
 * aside while others are added to. */
#include "src/flow/image/mock_image.h"

#include <string.h>

#include "seisproc/memory.h"
#include "src/device/mock.h"

enum { UNDER_WAY = 2 };

/* A batch on its way to the device. */
typedef struct batch {
  float *samples, *device_samples;       /* [SP_PSTM_BATCH][n_samples] */
  sp_pstm_trace *traces, *device_traces; /* [SP_PSTM_BATCH] */
  sp_event copied;                       /* the memory of the host may be written again */
} batch;

struct sp_pstm_gpu {
  sp_device *device;
  sp_stream stream, out; /* what is added; copies of what was set aside */
  sp_pstm *plan;
  uint32_t n_samples;
  size_t n_sums;
  int64_t *sum, *other_sum; /* added to; set aside, or to be added to next */
  uint32_t *hits, *other_hits;
  const int64_t *taken_sum; /* what `part` copies */
  const uint32_t *taken_hits;
  uint64_t overflows;
  batch batches[UNDER_WAY];
  unsigned next;
};

typedef struct addition {
  sp_pstm_gpu *gpu;
  const batch *batch;
  uint32_t n;
  sp_pstm_sums sums; /* as they were when it was queued */
} addition;

static void destroy(sp_pstm_gpu *g) {
  if (!g) return;
  if (g->device) g->device->ops->quiesce(g->device);
  if (g->stream) g->device->ops->destroy_stream(g->device, g->stream);
  if (g->out) g->device->ops->destroy_stream(g->device, g->out);
  for (int i = 0; i < UNDER_WAY; i++) {
    const batch *b = &g->batches[i];
    sp_free(b->samples);
    sp_free(b->device_samples);
    sp_free(b->traces);
    sp_free(b->device_traces);
    if (b->copied) g->device->ops->destroy_event(g->device, b->copied);
  }
  sp_free(g->sum);
  sp_free(g->hits);
  sp_free(g->other_sum);
  sp_free(g->other_hits);
  sp_pstm_destroy(g->plan);
  if (g->device) g->device->ops->close(g->device);
  sp_free(g);
}

static sp_status alloc_on_device(const sp_pstm_gpu *g, size_t bytes, void *out) {
  void *block = NULL;
  SP_TRY(g->device->ops->alloc(g->device, bytes, &block));
  memcpy(out, &block, sizeof block);
  return SP_SUCCESS;
}

static sp_status allocate(sp_pstm_gpu *g) {
  const size_t samples = SP_PSTM_BATCH * (size_t)g->n_samples * sizeof(float);
  SP_TRY(sp_mock_device.create_stream(g->device, &g->stream));
  SP_TRY(sp_mock_device.create_stream(g->device, &g->out));
  SP_TRY(alloc_on_device(g, g->n_sums * sizeof *g->sum, &g->other_sum));
  SP_TRY(alloc_on_device(g, g->n_sums * sizeof *g->hits, &g->other_hits));
  SP_TRY(alloc_on_device(g, g->n_sums * sizeof *g->sum, &g->sum));
  SP_TRY(alloc_on_device(g, g->n_sums * sizeof *g->hits, &g->hits));
  for (int i = 0; i < UNDER_WAY; i++) {
    batch *b = &g->batches[i];
    SP_TRY(alloc_on_device(g, samples, &b->samples));
    SP_TRY(alloc_on_device(g, samples, &b->device_samples));
    SP_TRY(alloc_on_device(g, SP_PSTM_BATCH * sizeof *b->traces, &b->traces));
    SP_TRY(alloc_on_device(g, SP_PSTM_BATCH * sizeof *b->traces, &b->device_traces));
    SP_TRY(sp_mock_device.create_event(g->device, false, &b->copied));
  }
  SP_TRY(sp_mock_device.clear(g->stream, g->sum, g->n_sums * sizeof *g->sum));
  return sp_mock_device.clear(g->stream, g->hits, g->n_sums * sizeof *g->hits);
}

static sp_status create(const sp_pstm_config *config, const sp_pstm_tile *tile, const sp_pstm_model *model, int device,
                        sp_pstm_gpu **out) {
  sp_pstm_gpu *g = NULL;
  sp_status status;
  SP_TRY(sp_calloc(1, sizeof *g, "the plan of pstm", &g));
  g->n_samples = config->n_samples;
  g->n_sums = (size_t)tile->n[0] * tile->n[1] * config->grid.n_tau;
  SP_TRY_GOTO(fail, sp_mock_device.open(device, &g->device));
  SP_TRY_GOTO(fail, sp_pstm_create(config, tile, model, 1, &g->plan));
  SP_TRY_GOTO(fail, allocate(g));
  *out = g;
  return SP_SUCCESS;
fail:
  destroy(g);
  return status;
}

static size_t bytes(const sp_pstm_config *config, const sp_pstm_tile *tile, const sp_pstm_model *model) {
  return sp_pstm_bytes(config, tile, model, 1);
}

static void add_batch(void *argument) {
  const addition *a = argument;
  sp_pstm_gpu *g = a->gpu;
  for (uint32_t i = 0; i < SP_PSTM_BATCH; i++) {
    const sp_pstm_trace *trace = &a->batch->device_traces[i];
    if (i < a->n && trace->area > 0) {
      sp_pstm_prepare(g->plan, 0, i, trace, a->batch->device_samples + (size_t)i * g->n_samples);
    } else {
      sp_pstm_skip(g->plan, i);
    }
  }
  uint64_t beyond = 0;
  for (uint32_t i = 0; i < sp_pstm_blocks(g->plan); i++) beyond += sp_pstm_add(g->plan, 0, i, &a->sums);
  __atomic_fetch_add(&g->overflows, beyond, __ATOMIC_RELAXED);
}

static sp_status add(sp_pstm_gpu *g, const sp_pstm_trace *traces, const float *samples, uint32_t n, int shift,
                     double limit) {
  const batch *b = &g->batches[g->next++ % UNDER_WAY];
  const size_t sample_bytes = (size_t)n * g->n_samples * sizeof *samples, trace_bytes = n * sizeof *traces;
  const sp_pstm_sums sums = {.sum = g->sum, .hits = g->hits, .shift = shift, .limit = limit};
  const addition a = {.gpu = g, .batch = b, .n = n, .sums = sums};
  SP_TRY(sp_mock_device.wait(b->copied));
  memcpy(b->samples, samples, sample_bytes);
  memcpy(b->traces, traces, trace_bytes);
  SP_TRY(sp_mock_device.copy(g->stream, b->device_samples, b->samples, sample_bytes, SP_TO_DEVICE));
  SP_TRY(sp_mock_device.copy(g->stream, b->device_traces, b->traces, trace_bytes, SP_TO_DEVICE));
  SP_TRY(sp_mock_device.record(b->copied, g->stream));
  return n > 0 ? sp_mock_launch(g->stream, add_batch, &a, sizeof a) : SP_SUCCESS;
}

static sp_status copy_out(const sp_pstm_gpu *g, sp_stream stream, const int64_t *from_sum, const uint32_t *from_hits,
                          size_t n, int64_t *sum, uint32_t *hits, uint64_t *overflows) {
  sp_mock_device.spoil(sum, n * sizeof *sum);
  SP_TRY(sp_mock_device.deliver(stream));
  SP_TRY(sp_mock_device.copy(stream, sum, from_sum, n * sizeof *sum, SP_TO_HOST));
  SP_TRY(sp_mock_device.copy(stream, hits, from_hits, n * sizeof *hits, SP_TO_HOST));
  SP_TRY(sp_mock_finish(stream));
  *overflows = __atomic_load_n(&g->overflows, __ATOMIC_RELAXED);
  return SP_SUCCESS;
}

static sp_status read_sums(sp_pstm_gpu *g, int64_t *sum, uint32_t *hits, uint64_t *overflows) {
  return copy_out(g, g->stream, g->sum, g->hits, g->n_sums, sum, hits, overflows);
}

static sp_status read_part(sp_pstm_gpu *g, size_t first, size_t n, int64_t *sum, uint32_t *hits, uint64_t *overflows) {
  return copy_out(g, g->out, g->taken_sum + first, g->taken_hits + first, n, sum, hits, overflows);
}

static sp_status clear(sp_pstm_gpu *g) {
  SP_TRY(sp_mock_device.clear(g->stream, g->sum, g->n_sums * sizeof *g->sum));
  return sp_mock_device.clear(g->stream, g->hits, g->n_sums * sizeof *g->hits);
}

static sp_status swap(sp_pstm_gpu *g, int64_t **sum, uint32_t **hits, bool *beside) {
  SP_TRY(sp_mock_device.deliver(g->stream));
  SP_TRY(sp_mock_finish(g->stream));
  *sum = g->sum;
  *hits = g->hits;
  g->taken_sum = *sum;
  g->taken_hits = *hits;
  *beside = !sp_mock_orders_of(g->device)->small;
  if (!*beside) return SP_SUCCESS;
  g->sum = g->other_sum;
  g->hits = g->other_hits;
  g->other_sum = *sum;
  g->other_hits = *hits;
  return clear(g);
}

const sp_pstm_gpu_ops sp_mock_image = {.bytes = bytes,
                                       .create = create,
                                       .destroy = destroy,
                                       .add = add,
                                       .read = read_sums,
                                       .clear = clear,
                                       .swap = swap,
                                       .part = read_part};
