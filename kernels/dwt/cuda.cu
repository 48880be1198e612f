/* SPDX-License-Identifier: BSD-3-Clause */
/* Wavelet thresholding on the GPU. Each trace from itself: transform, exact median, threshold and inverse of a trace in
 * one block and one kernel, in shared memory. Over neighbouring traces: traces to rows of coefficients, thresholds
 * along columns, rows to traces.
 */
#include <string.h>

#include "kernels/common/cuda_check.h"
#include "kernels/dwt/cuda_aperture.h"
#include "kernels/dwt/cuda_choice.h"
#include "kernels/dwt/cuda_traces.h"
extern "C" {
#include "kernels/dwt/dwt.h"
#include "kernels/dwt/sure.h"
#include "seisproc/memory.h"
}

typedef struct dwt_plan {
  sp_cuda_plan base;
  dwt_shape shape; /* unless too_short */
  bool too_short;
  int aperture;
  dwt_kernel *kernel;
  unsigned threads, most_blocks; /* most_blocks: of those that have work space in device memory */
  size_t shared_bytes;
  bool by_gather; /* thresholds are chosen by all of a gather: */
  dwt_chooser chooser;
  float *rows, *result; /* [max_traces][row_stride] each, for an aperture */
  float *workspace;     /* [most_blocks][work_floats] where shared memory is too small */
} dwt_plan;

dwt_kernel *dwt_kernel_for(const dwt_shape *shape, bool wide) {
  return shape->transform == SP_DWT_SWT ? dwt_undecimated_kernel(shape, wide) : dwt_decimated_kernel(shape, wide);
}

enum { LANES = 32 };

/* --- sizes ------------------------------------------------------------------------------------------------------- */

static size_t most_shared_bytes() {
  enum { STATIC_BYTES = 2048 }; /* what the kernels have besides */
  int device = 0, bytes = 0;
  cudaGetDevice(&device);
  cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device);
  return bytes > STATIC_BYTES ? (size_t)bytes - STATIC_BYTES : 0;
}

static unsigned blocks_in_device_memory() {
  int device = 0, processors = 1;
  cudaGetDevice(&device);
  cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device);
  return 2 * (unsigned)processors;
}

static bool is_wide(const dwt_shape *shape) {
  return shape->work_floats * sizeof(float) > most_shared_bytes();
}

static size_t rows_bytes(const dwt_shape *shape, const sp_cuda_geometry *geometry) {
  return (size_t)geometry->max_traces * shape->row_stride * sizeof(float);
}

static size_t device_bytes(const void *params, const sp_cuda_geometry *geometry) {
  const sp_dwt_params *p = (const sp_dwt_params *)params;
  const int levels = sp_dwt_levels(p, geometry->n_samples);
  if (levels == 0) return 0;
  dwt_shape shape;
  dwt_shape_init(&shape, p, geometry->n_samples, levels);
  size_t bytes = p->aperture > 1 ? 2 * rows_bytes(&shape, geometry) : 0;
  if (sp_dwt_needs_gather(p)) bytes += dwt_chooser_bytes(p, &shape, geometry);
  if (is_wide(&shape)) bytes += blocks_in_device_memory() * shape.work_floats * sizeof(float);
  return bytes;
}

/* A thread's strip should be long beside what it feeds the lattice first, and the block large enough to hide latency.
 * Measured on an H200 with 32 to 256 threads: some 8 coefficients of the finest level a thread are best, of long
 * lattices 16, and 6 samples of swt. */
static unsigned threads_for(const dwt_shape *s) {
  enum { LONG_LATTICE = 8, FEWEST = 64, MOST = 1024 };
  const bool undecimated = s->transform == SP_DWT_SWT, lengthy = s->lattice && s->bank.stages > LONG_LATTICE;
  const uint32_t n = undecimated ? s->length[0] / 6 : s->length[1] / (lengthy ? 16 : 8), threads = n / LANES * LANES;
  return threads < FEWEST ? FEWEST : threads > MOST ? MOST : threads;
}

/* --- plan -------------------------------------------------------------------------------------------------------- */

static void destroy(sp_cuda_plan *base) {
  dwt_plan *p = (dwt_plan *)base;
  if (!p) return;
  cudaFree(p->rows);
  cudaFree(p->result);
  cudaFree(p->workspace);
  dwt_chooser_destroy(&p->chooser);
  sp_free(p);
}

static sp_status allocate(size_t bytes, float **out) {
  return SP_CUDA(cudaMalloc(out, bytes));
}

static sp_status set_up(dwt_plan *p, const sp_dwt_params *params, const sp_cuda_geometry *geometry) {
  const bool wide = is_wide(&p->shape);
  p->kernel = dwt_kernel_for(&p->shape, wide);
  p->most_blocks = blocks_in_device_memory();
  p->threads = threads_for(&p->shape);
  struct cudaFuncAttributes attributes;
  SP_TRY(SP_CUDA(cudaFuncGetAttributes(&attributes, (const void *)p->kernel)));
  const unsigned most = (unsigned)attributes.maxThreadsPerBlock / LANES * LANES;
  if (p->threads > most) p->threads = most;
  if (wide) {
    SP_TRY(allocate(p->most_blocks * p->shape.work_floats * sizeof(float), &p->workspace));
  } else {
    p->shared_bytes = p->shape.work_floats * sizeof(float);
    SP_TRY(SP_CUDA(cudaFuncSetAttribute((const void *)p->kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                        (int)p->shared_bytes)));
    SP_TRY(SP_CUDA(cudaFuncSetAttribute((const void *)p->kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                                        cudaSharedmemCarveoutMaxShared)));
  }
  p->by_gather = sp_dwt_needs_gather(params);
  if (p->by_gather) return dwt_chooser_plan(params, &p->shape, geometry, &p->chooser);
  if (p->aperture == 1) return SP_SUCCESS;
  SP_TRY(allocate(rows_bytes(&p->shape, geometry), &p->rows));
  return allocate(rows_bytes(&p->shape, geometry), &p->result);
}

extern "C" const sp_cuda_ops sp_dwt_cuda;

static sp_status plan(const void *params, const sp_cuda_geometry *geometry, sp_cuda_plan **out) {
  const sp_dwt_params *params_ = (const sp_dwt_params *)params;
  if (params_->best_basis) return SP_ERR_USAGE; /* the choice of a basis has no kernel */
  void *block;
  SP_TRY(sp_calloc(1, sizeof(dwt_plan), "the plan of dwt", &block));
  dwt_plan *p = (dwt_plan *)block;
  p->base.ops = &sp_dwt_cuda;
  p->aperture = params_->aperture;
  /* what a trace becomes depends on others where a gather chooses, but only until it is written */
  p->base.in_place = params_->aperture == 1;
  const int levels = sp_dwt_levels(params_, geometry->n_samples);
  p->too_short = levels == 0;
  if (!p->too_short) {
    dwt_shape_init(&p->shape, params_, geometry->n_samples, levels);
    const sp_status status = set_up(p, params_, geometry);
    if (status != SP_SUCCESS) {
      destroy(&p->base);
      return status;
    }
  }
  *out = &p->base;
  return SP_SUCCESS;
}

/* --- apply ------------------------------------------------------------------------------------------------------- */

__global__ static void raise_too_short(uint32_t *reasons, uint32_t n_gathers) {
  const uint32_t g = blockIdx.x * blockDim.x + threadIdx.x;
  if (g < n_gathers) atomicMax(&reasons[g], (uint32_t)SP_REASON_TOO_SHORT);
}

static sp_status run(const dwt_plan *p, dwt_task task, const sp_cuda_batch *batch, cudaStream_t stream) {
  dwt_traces traces = {};
  traces.task = task;
  traces.n_traces = batch->n_traces;
  traces.in = batch->in;
  traces.out = batch->out;
  traces.rows = task == DWT_INVERSE ? p->result : p->rows;
  traces.workspace = p->workspace;
  traces.first_trace = batch->first_trace;
  traces.gather = batch->gather;
  traces.choices = p->by_gather ? p->chooser.choices : NULL;
  traces.levels = p->chooser.by_level ? NULL : p->chooser.levels;
  traces.counts = p->chooser.counts;
  dim3 blocks(p->workspace && batch->n_traces > p->most_blocks ? p->most_blocks : batch->n_traces);
  const bool looks = task == DWT_LOOK || task == DWT_COUNT;
  /* where a gather has more traces than are looked at, blocks for the others would cost more than these */
  traces.by_slot = looks && !p->workspace && batch->n_traces / batch->n_gathers > SP_SURE_MOST_TRACES / 2;
  if (traces.by_slot) blocks = dim3(SP_SURE_MOST_TRACES, batch->n_gathers);
  p->kernel<<<blocks, p->threads, p->shared_bytes, stream>>>(p->shape, traces);
  return SP_CUDA_LAUNCHED("dwt");
}

static sp_status choose(const dwt_plan *p, const sp_cuda_batch *batch, cudaStream_t stream) {
  const dwt_chooser *c = &p->chooser;
  if (c->floor) SP_TRY(dwt_choose_floor(c, &p->shape, batch, stream));
  if (c->floor && !c->by_level) SP_TRY(run(p, DWT_LOOK, batch, stream));
  SP_TRY(dwt_choose_levels(c, &p->shape, batch, stream));
  if (!c->by_risk) return SP_SUCCESS;
  const size_t bytes = (size_t)batch->n_gathers * (p->shape.n_bands - 1) * SP_SURE_BINS * sizeof *c->counts;
  SP_TRY(SP_CUDA(cudaMemsetAsync(c->counts, 0, bytes, stream)));
  SP_TRY(run(p, DWT_COUNT, batch, stream));
  return dwt_choose_k(c, &p->shape, batch, stream);
}

static sp_status apply(sp_cuda_plan *base, const sp_cuda_batch *batch, cudaStream_t stream) {
  const dwt_plan *p = (const dwt_plan *)base;
  if (batch->n_traces == 0) return SP_SUCCESS;
  if (p->too_short) {
    enum { THREADS = 128 };
    raise_too_short<<<(batch->n_gathers + THREADS - 1) / THREADS, THREADS, 0, stream>>>(batch->reason,
                                                                                        batch->n_gathers);
    return SP_CUDA_LAUNCHED("dwt");
  }
  if (p->by_gather) SP_TRY(choose(p, batch, stream));
  if (p->aperture == 1) return run(p, DWT_DENOISE, batch, stream);
  SP_TRY(run(p, DWT_FORWARD, batch, stream));
  SP_TRY(dwt_shrink_over_aperture(&p->shape, p->aperture, batch, p->rows, p->result, stream));
  return run(p, DWT_INVERSE, batch, stream);
}

extern "C" const sp_cuda_ops sp_dwt_cuda = {device_bytes, plan, apply, destroy};
