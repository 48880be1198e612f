/* SPDX-License-Identifier: BSD-3-Clause */
/* fkk on the GPU: memory, cuFFT plans, and the order of the steps. One stream: a slab's copies follow each other, and
 * the host reads the next slab meanwhile. */
#include "kernels/fkk/cuda.h"

#include <cufft.h>
#include <string.h>

#include "kernels/common/cuda_check.h"
#include "kernels/fkk/cuda_kernels.cuh"
extern "C" {
#include "seisproc/log.h"
#include "seisproc/memory.h"
}

enum { CHUNKS = 16, MAX_MEMBERS = 1024 };
static const size_t PLANES_BYTES = (size_t)256 << 20;

/* Consecutive items or bins of a member. */
struct part {
  uint32_t first, count;
};

/* Everything that follows from the spec. */
struct sizes {
  sp_fk_time_axis time;
  sp_fkk_plane plane; /* without cells */
  int rank, size;
  part share; /* items */
  uint32_t chunk_bins, n_chunks;
  uint32_t batch;   /* planes at once */
  uint32_t stride;  /* floats from trace to trace of a slab */
  size_t points;    /* of a plane */
  size_t exchanged; /* numbers of a chunk's buffer */
};

struct sp_fkk_cuda {
  sizes s;
  sp_fk_zone zone;
  uint32_t n_items, slab_rows;
  int device;
  const sp_block_exchange *exchange;
  cudaStream_t stream;
  cufftHandle forward, back, planes_plan;
  bool has_forward, has_back, has_planes;
  uint32_t *cell;
  float *weights;
  sp_fk_complex *spectra; /* [share.count][n_bins] */
  uint8_t *state;         /* [share.count] */
  float *traces, *removed, *padded, *gain;
  double *sums;
  sp_fk_complex *by_item, *by_bin, *planes; /* blocks to send, received, planes */
};

#define SP_CUFFT(call) check_fft((call), #call, __FILE__, __LINE__)

static sp_status check_fft(cufftResult code, const char *call, const char *file, int line) {
  if (code == CUFFT_SUCCESS) return SP_SUCCESS;
  if (code == CUFFT_ALLOC_FAILED) return SP_ERR_MEMORY;
  return sp_raise(SP_ERR_DEVICE, file, line, "%s: cuFFT error %d", call, (int)code);
}

/* --- sizes -------------------------------------------------------------------------------------------------------- */

static part part_of(uint32_t n, int size, int rank) {
  const uint64_t block = ((uint64_t)n + size - 1) / size, first = block * rank;
  if (first >= n) return part{n, 0};
  return part{(uint32_t)first, (uint32_t)(n - first < block ? n - first : block)};
}

static part chunk_at(const sizes &s, uint32_t k) {
  const uint32_t first = k * s.chunk_bins, left = s.time.n_bins - first;
  return part{first, left < s.chunk_bins ? left : s.chunk_bins};
}

static part bins_of(const sizes &s, part chunk, int rank) {
  part p = part_of(chunk.count, s.size, rank);
  p.first += chunk.first;
  return p;
}

static sizes work_out(const sp_fkk_cuda_spec *spec) {
  const sp_fk_filter *f = spec->filter;
  sizes s = {};
  s.time = sp_fk_filter_time_axis(f);
  sp_fk_axis_set(f, spec->nx, &s.plane.x);
  sp_fk_axis_set(f, spec->ny, &s.plane.y);
  s.plane.grid = sp_fk_grid{s.time.padded, s.plane.x.padded, s.plane.y.padded, f->dt, spec->dx, spec->dy};
  s.points = (size_t)s.plane.x.padded * s.plane.y.padded;
  s.size = spec->exchange ? spec->exchange->size : 1;
  s.rank = spec->exchange ? spec->exchange->rank : 0;
  s.share = part_of(spec->n_items, s.size, s.rank);
  s.stride = (s.time.padded / 2 + 1) * 2;
  uint32_t bins = (s.time.n_bins + CHUNKS - 1) / CHUNKS;
  bins = (bins + s.size - 1) / s.size * s.size;
  s.chunk_bins = bins < s.time.n_bins ? bins : s.time.n_bins;
  s.n_chunks = s.time.n_bins ? (s.time.n_bins + s.chunk_bins - 1) / s.chunk_bins : 0;
  const size_t most = PLANES_BYTES / (s.points * sizeof(sp_fk_complex)), own = part_of(s.chunk_bins, s.size, 0).count;
  s.batch = (uint32_t)(most < 1 ? 1 : most < own ? most : own > 0 ? own : 1);
  const size_t items = part_of(spec->n_items, s.size, 0).count;
  const size_t there = items * s.chunk_bins, here = (size_t)spec->n_items * own;
  s.exchanged = there > here ? there : here;
  return s;
}

size_t sp_fkk_cuda_bytes(const sp_fkk_cuda_spec *spec) {
  const sizes s = work_out(spec);
  const size_t rows = spec->slab_rows, n = s.time.n_samples, number = sizeof(sp_fk_complex);
  const size_t gain = s.time.gain ? rows * n * sizeof(float) + rows * (n + 1) * sizeof(double) : 0;
  return (size_t)s.share.count * (s.time.n_bins * number + 1) + spec->n_items * sizeof(uint32_t) +
         2 * rows * n * sizeof(float) + 2 * rows * s.stride * sizeof(float) + gain + 2 * s.exchanged * number +
         2 * s.batch * s.points * number; /* cuFFT may need as much again as it works on */
}

/* --- making ------------------------------------------------------------------------------------------------------- */

void sp_fkk_cuda_destroy(sp_fkk_cuda *c) {
  if (!c) return;
  cudaSetDevice(c->device);
  if (c->stream) cudaStreamSynchronize(c->stream);
  if (c->has_forward) cufftDestroy(c->forward);
  if (c->has_back) cufftDestroy(c->back);
  if (c->has_planes) cufftDestroy(c->planes_plan);
  void *const blocks[] = {c->cell,   c->weights, c->spectra, c->state,   c->traces, c->removed,
                          c->padded, c->gain,    c->sums,    c->by_item, c->by_bin, c->planes};
  for (void *block : blocks) cudaFree(block);
  if (c->stream) cudaStreamDestroy(c->stream);
  sp_free(c);
}

template <typename T> static sp_status allocate_array(size_t n, T **out) {
  void *block = NULL;
  SP_TRY(SP_CUDA(cudaMalloc(&block, (n ? n : 1) * sizeof(T))));
  *out = (T *)block;
  return SP_SUCCESS;
}

static sp_status allocate(sp_fkk_cuda *c) {
  const sizes &s = c->s;
  const size_t rows = c->slab_rows, n = s.time.n_samples;
  SP_TRY(allocate_array((size_t)s.share.count * s.time.n_bins, &c->spectra));
  SP_TRY(allocate_array(s.share.count, &c->state));
  SP_TRY(allocate_array(c->n_items, &c->cell));
  SP_TRY(allocate_array(s.time.reach, &c->weights));
  SP_TRY(allocate_array(rows * n, &c->traces));
  SP_TRY(allocate_array(rows * n, &c->removed));
  SP_TRY(allocate_array(rows * s.stride, &c->padded));
  SP_TRY(allocate_array(s.time.gain ? rows * n : 1, &c->gain));
  SP_TRY(allocate_array(s.time.gain ? rows * (n + 1) : 1, &c->sums));
  SP_TRY(allocate_array(s.exchanged, &c->by_item));
  SP_TRY(allocate_array(s.exchanged, &c->by_bin));
  SP_TRY(allocate_array(s.batch * s.points, &c->planes));
  /* rows of a slab that is not full are transformed, too */
  return SP_CUDA(cudaMemset(c->padded, 0, rows * s.stride * sizeof(float)));
}

static sp_status make_plans(sp_fkk_cuda *c) {
  const sizes &s = c->s;
  int nt = (int)s.time.padded, real[] = {(int)s.stride}, complex[] = {(int)s.stride / 2};
  SP_TRY(SP_CUFFT(
      cufftPlanMany(&c->forward, 1, &nt, real, 1, real[0], complex, 1, complex[0], CUFFT_R2C, (int)c->slab_rows)));
  c->has_forward = true;
  SP_TRY(SP_CUFFT(
      cufftPlanMany(&c->back, 1, &nt, complex, 1, complex[0], real, 1, real[0], CUFFT_C2R, (int)c->slab_rows)));
  c->has_back = true;
  const int mx = (int)s.plane.x.padded, my = (int)s.plane.y.padded;
  int lengths[] = {mx, my}, line[] = {mx * my};
  const bool flat = mx == 1 || my == 1;
  SP_TRY(SP_CUFFT(cufftPlanMany(&c->planes_plan, flat ? 1 : 2, flat ? line : lengths, NULL, 1, mx * my, NULL, 1,
                                mx * my, CUFFT_C2C, (int)s.batch)));
  c->has_planes = true;
  SP_TRY(SP_CUFFT(cufftSetStream(c->forward, c->stream)));
  SP_TRY(SP_CUFFT(cufftSetStream(c->back, c->stream)));
  return SP_CUFFT(cufftSetStream(c->planes_plan, c->stream));
}

static sp_status copy_tables(sp_fkk_cuda *c, const sp_fkk_cuda_spec *spec) {
  void *block;
  const uint32_t reach = c->s.time.reach;
  SP_TRY(SP_CUDA(cudaMemcpy(c->cell, spec->cell, c->n_items * sizeof *c->cell, cudaMemcpyHostToDevice)));
  SP_TRY(sp_alloc(reach * sizeof(float), "weights of fkk", &block));
  float *weights = (float *)block;
  for (uint32_t j = 0; j < reach; j++) weights[j] = sp_fk_edge_weight(j, reach);
  const sp_status status = SP_CUDA(cudaMemcpy(c->weights, weights, reach * sizeof *weights, cudaMemcpyHostToDevice));
  sp_free(block);
  c->s.plane.cell = c->cell;
  return status;
}

sp_status sp_fkk_cuda_create(const sp_fkk_cuda_spec *spec, sp_fkk_cuda **out) {
  void *block;
  if (spec->filter->fill || (spec->exchange && spec->exchange->size > MAX_MEMBERS)) return SP_ERR_USAGE;
  SP_TRY(SP_CUDA(cudaSetDevice(spec->device)));
  SP_TRY(sp_calloc(1, sizeof(sp_fkk_cuda), "a cube on a GPU", &block));
  sp_fkk_cuda *c = (sp_fkk_cuda *)block;
  c->s = work_out(spec);
  c->zone = spec->filter->zone;
  c->n_items = spec->n_items;
  c->slab_rows = spec->slab_rows;
  c->device = spec->device;
  c->exchange = spec->exchange;
  sp_status status = SP_CUDA(cudaStreamCreateWithFlags(&c->stream, cudaStreamNonBlocking));
  if (status == SP_SUCCESS) status = allocate(c);
  if (status == SP_SUCCESS) status = make_plans(c);
  if (status == SP_SUCCESS) status = copy_tables(c, spec);
  if (status == SP_SUCCESS) status = SP_CUDA(cudaDeviceSynchronize());
  if (status != SP_SUCCESS) {
    sp_fkk_cuda_destroy(c);
    return status;
  }
  *out = c;
  return SP_SUCCESS;
}

/* --- along time --------------------------------------------------------------------------------------------------- */

static sp_fkk_slab slab_of(const sp_fkk_cuda *c, uint32_t first, uint32_t count) {
  return sp_fkk_slab{c->traces, c->padded, c->sums, c->gain, c->state + first, count, c->s.stride};
}

static size_t trace_bytes(const sp_fkk_cuda *c, uint32_t count) {
  return (size_t)count * c->s.time.n_samples * sizeof(float);
}

sp_status sp_fkk_cuda_forward(sp_fkk_cuda *c, uint32_t first, uint32_t count, const float *traces) {
  if (count == 0 || c->s.time.n_bins == 0) return SP_SUCCESS;
  const sp_fkk_slab slab = slab_of(c, first, count);
  SP_TRY(SP_CUDA(cudaSetDevice(c->device)));
  SP_TRY(SP_CUDA(cudaMemcpyAsync(c->traces, traces, trace_bytes(c, count), cudaMemcpyHostToDevice, c->stream)));
  SP_TRY(sp_fkk_launch_pad(&c->s.time, c->weights, &slab, false, c->stream));
  SP_TRY(SP_CUFFT(cufftExecR2C(c->forward, c->padded, (cufftComplex *)c->padded)));
  return sp_fkk_launch_select(&c->s.time, &slab, c->spectra + (size_t)first * c->s.time.n_bins, c->stream);
}

sp_status sp_fkk_cuda_back(sp_fkk_cuda *c, uint32_t first, uint32_t count, const float *traces, float *removed) {
  if (count == 0) return SP_SUCCESS;
  const sp_fkk_slab slab = slab_of(c, first, count);
  SP_TRY(SP_CUDA(cudaSetDevice(c->device)));
  if (c->s.time.gain) {
    SP_TRY(SP_CUDA(cudaMemcpyAsync(c->traces, traces, trace_bytes(c, count), cudaMemcpyHostToDevice, c->stream)));
  }
  SP_TRY(sp_fkk_launch_place(&c->s.time, &slab, c->spectra + (size_t)first * c->s.time.n_bins, c->stream));
  SP_TRY(SP_CUFFT(cufftExecC2R(c->back, (cufftComplex *)c->padded, c->padded)));
  SP_TRY(sp_fkk_launch_unpad(&c->s.time, &slab, c->removed, c->stream));
  return SP_CUDA(cudaMemcpyAsync(removed, c->removed, trace_bytes(c, count), cudaMemcpyDeviceToHost, c->stream));
}

sp_status sp_fkk_cuda_wait(sp_fkk_cuda *c) {
  return SP_CUDA(cudaStreamSynchronize(c->stream));
}

sp_status sp_fkk_cuda_states(sp_fkk_cuda *c, uint32_t first, uint32_t count, uint8_t *state) {
  SP_TRY(SP_CUDA(cudaMemcpyAsync(state, c->state + first, count, cudaMemcpyDeviceToHost, c->stream)));
  return SP_CUDA(cudaStreamSynchronize(c->stream));
}

/* --- across traces ------------------------------------------------------------------------------------------------ */

/* Blocks of a chunk: by item, the bins of each member for the items of this one; by bin, the items of each member for
 * the bins of this one. Offsets and lengths in bytes. */
struct blocks {
  size_t at_item[MAX_MEMBERS], item_bytes[MAX_MEMBERS];
  size_t at_bin[MAX_MEMBERS], bin_bytes[MAX_MEMBERS];
};

static void lay_out_blocks(const sp_fkk_cuda *c, part chunk, blocks *b) {
  const sizes &s = c->s;
  const part own = bins_of(s, chunk, s.rank);
  size_t item = 0, bin = 0;
  for (int r = 0; r < s.size; r++) {
    b->at_item[r] = item;
    b->item_bytes[r] = (size_t)bins_of(s, chunk, r).count * s.share.count * sizeof(sp_fk_complex);
    item += b->item_bytes[r];
    b->at_bin[r] = bin;
    b->bin_bytes[r] = (size_t)own.count * part_of(c->n_items, s.size, r).count * sizeof(sp_fk_complex);
    bin += b->bin_bytes[r];
  }
}

static sp_fk_complex *at_bytes(sp_fk_complex *base, size_t bytes) {
  return (sp_fk_complex *)((char *)base + bytes);
}

/* A chunk's spectra by bin, in a block for each member; and back. */
static sp_status pack(sp_fkk_cuda *c, part chunk, const blocks *b, bool unpack) {
  const sizes &s = c->s;
  for (int r = 0; r < s.size; r++) {
    const part bins = bins_of(s, chunk, r);
    sp_fk_complex *block = at_bytes(c->by_item, b->at_item[r]);
    SP_TRY(
        unpack
            ? sp_fkk_launch_by_item(block, s.share.count, s.time.n_bins, bins.first, bins.count, c->spectra, c->stream)
            : sp_fkk_launch_by_bin(c->spectra, s.share.count, s.time.n_bins, bins.first, bins.count, block, c->stream));
  }
  return SP_SUCCESS;
}

static sp_status exchange(sp_fkk_cuda *c, const blocks *b, bool back) {
  if (!c->exchange || c->s.size == 1) {
    sp_fk_complex *const kept = c->by_item; /* the same blocks: nothing moves */
    c->by_item = c->by_bin;
    c->by_bin = kept;
    return SP_SUCCESS;
  }
  const sp_block_exchange *x = c->exchange;
  return back ? x->all_to_all(x->context, c->by_bin, b->at_bin, b->bin_bytes, c->by_item, b->at_item, b->item_bytes,
                              c->stream)
              : x->all_to_all(x->context, c->by_item, b->at_item, b->item_bytes, c->by_bin, b->at_bin, b->bin_bytes,
                              c->stream);
}

/* Bins first ... first + count - 1 of this member's, as many as a batch of planes holds. */
static sp_status filter_batch(sp_fkk_cuda *c, part own, const blocks *b, uint32_t first, uint32_t count) {
  const sizes &s = c->s;
  cufftComplex *planes = (cufftComplex *)c->planes;
  SP_TRY(SP_CUDA(cudaMemsetAsync(c->planes, 0, s.batch * s.points * sizeof *c->planes, c->stream)));
  for (int r = 0; r < s.size; r++) {
    const part items = part_of(c->n_items, s.size, r);
    const sp_fk_complex *block = at_bytes(c->by_bin, b->at_bin[r]) + (size_t)first * items.count;
    SP_TRY(sp_fkk_launch_load(&s.plane, block, items.first, items.count, count, c->planes, c->stream));
  }
  SP_TRY(sp_fkk_launch_extend(&s.plane, count, c->planes, c->stream));
  SP_TRY(SP_CUFFT(cufftExecC2C(c->planes_plan, planes, planes, CUFFT_FORWARD)));
  SP_TRY(sp_fkk_launch_mask(&s.plane, &c->zone, s.time.first_bin + own.first + first, count, c->planes, c->stream));
  SP_TRY(SP_CUFFT(cufftExecC2C(c->planes_plan, planes, planes, CUFFT_INVERSE)));
  for (int r = 0; r < s.size; r++) {
    const part items = part_of(c->n_items, s.size, r);
    sp_fk_complex *block = at_bytes(c->by_bin, b->at_bin[r]) + (size_t)first * items.count;
    SP_TRY(sp_fkk_launch_store(&s.plane, c->planes, items.first, items.count, count, block, c->stream));
  }
  return SP_SUCCESS;
}

static sp_status filter_chunk(sp_fkk_cuda *c, part chunk, blocks *b) {
  const part own = bins_of(c->s, chunk, c->s.rank);
  lay_out_blocks(c, chunk, b);
  SP_TRY(pack(c, chunk, b, false));
  SP_TRY(exchange(c, b, false));
  for (uint32_t first = 0; first < own.count; first += c->s.batch) {
    const uint32_t left = own.count - first;
    SP_TRY(filter_batch(c, own, b, first, left < c->s.batch ? left : c->s.batch));
  }
  SP_TRY(exchange(c, b, true));
  return pack(c, chunk, b, true);
}

sp_status sp_fkk_cuda_filter(sp_fkk_cuda *c) {
  blocks b;
  SP_TRY(SP_CUDA(cudaSetDevice(c->device)));
  for (uint32_t k = 0; k < c->s.n_chunks; k++) SP_TRY(filter_chunk(c, chunk_at(c->s, k), &b));
  return SP_SUCCESS;
}

extern "C" const sp_fkk_cuda_ops sp_fkk_cuda_table = {
    sp_fkk_cuda_bytes,  sp_fkk_cuda_create, sp_fkk_cuda_destroy, sp_fkk_cuda_forward,
    sp_fkk_cuda_filter, sp_fkk_cuda_back,   sp_fkk_cuda_wait,    sp_fkk_cuda_states,
};
