/* SPDX-License-Identifier: BSD-3-Clause */
/* fkk on the GPU: memory, plans, and the order of the steps.
 *
 * Spectra lie by bin, then item, so that what a member of a group has of a chunk of bins is in one piece for each other
 * member: it is sent from where it is and comes back there. Chunks go round in a stream of their own: while one is
 * filtered the next one arrives. Along time cuFFT transforms, across traces cuda_plane.cu. */
#include "kernels/fkk/cuda.h"

#include <cufft.h>
#include <string.h>

#include "kernels/common/cuda_check.h"
#include "kernels/fkk/cuda_kernels.cuh"
extern "C" {
#include "seisproc/log.h"
#include "seisproc/memory.h"
}

enum { CHUNKS = 16, MAX_MEMBERS = 1024, ALIGNED = 16 };
static const size_t PLANES_BYTES = (size_t)512 << 20; /* many blocks a launch: few are left over at its end */

/* Consecutive items or bins of a member. */
struct part {
  uint32_t first, count;
};

/* Everything that follows from the spec. */
struct sizes {
  sp_fk_time_axis time;
  sp_fkk_plane plane; /* without tables */
  int rank, size;
  part share; /* items */
  uint32_t chunk_bins, n_chunks;
  uint32_t batch;   /* planes at once */
  uint32_t stride;  /* floats from trace to trace of a slab */
  size_t points;    /* of a plane, without rows of padding */
  size_t sector;    /* points of the table of the sector's shares; 0: there is none */
  size_t exchanged; /* numbers of a chunk, of the bins that this member filters; 0: nothing is exchanged */
};

struct sp_fkk_cuda {
  sizes s;
  uint32_t n_items, slab_rows;
  int device;
  const sp_block_exchange *exchange;
  cudaStream_t stream, moving;                /* of what is exchanged */
  cudaEvent_t ready, arrived[2], filtered[2]; /* spectra; the bins of a chunk */
  cufftHandle forward, back;
  bool has_forward, has_back;
  cuda_ffts lines;
  uint16_t *wave_x, *wave_y;
  uint32_t *item;
  float *sector;
  float *weights;
  sp_fk_complex *spectra; /* [n_bins][share.count] */
  uint8_t *state;         /* [share.count] */
  float *traces, *removed, *padded, *gain;
  double *sums;
  sp_fk_complex *others[2], *planes; /* bins of two chunks from the others, planes */
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

/* Whether the share of points has to be decided in double (cuda_mask.cuh). */
static bool is_narrow(const sp_fk_zone *z) {
  const double least = 0.01;
  return z->aliases > 0 || (z->fast_side && z->p3 - z->p4 < least * z->p4) ||
         (z->slow_side && z->p1 - z->p2 < least * z->p2);
}

static sizes work_out(const sp_fkk_cuda_spec *spec) {
  const sp_fk_filter *f = spec->filter;
  sizes s = {};
  s.time = sp_fk_filter_time_axis(f);
  sp_fk_axis_set(f, spec->nx, &s.plane.x);
  sp_fk_axis_set(f, spec->ny, &s.plane.y);
  s.plane.grid = sp_fk_grid{s.time.padded, s.plane.x.padded, s.plane.y.padded, f->dt, spec->dx, spec->dy};
  s.plane.zone = f->zone;
  s.plane.stride = (s.plane.y.padded + ALIGNED - 1) / ALIGNED * ALIGNED;
  s.plane.narrow = is_narrow(&f->zone);
  s.points = (size_t)s.plane.x.n * s.plane.stride;
  if (f->zone.sector && f->zone.aliases == 0) s.sector = (size_t)s.plane.x.padded * s.plane.y.padded;
  s.size = spec->exchange ? spec->exchange->size : 1;
  s.rank = spec->exchange ? spec->exchange->rank : 0;
  s.share = part_of(spec->n_items, s.size, s.rank);
  s.plane.n_items = spec->n_items;
  s.plane.block = part_of(spec->n_items, s.size, 0).count;
  s.plane.rank = (uint32_t)s.rank;
  s.stride = (s.time.padded / 2 + 1) * 2;
  const uint32_t chunks = s.size > 1 ? CHUNKS : 1;
  uint32_t bins = (s.time.n_bins + chunks - 1) / chunks;
  bins = (bins + s.size - 1) / s.size * s.size;
  s.chunk_bins = bins < s.time.n_bins ? bins : s.time.n_bins;
  s.n_chunks = s.time.n_bins ? (s.time.n_bins + s.chunk_bins - 1) / s.chunk_bins : 0;
  const size_t most = PLANES_BYTES / (s.points * sizeof(sp_fk_complex)), own = part_of(s.chunk_bins, s.size, 0).count;
  s.batch = (uint32_t)(most < 1 ? 1 : most < own ? most : own > 0 ? own : 1);
  s.exchanged = s.size > 1 ? (size_t)spec->n_items * own : 0;
  return s;
}

size_t sp_fkk_cuda_bytes(const sp_fkk_cuda_spec *spec) {
  const sizes s = work_out(spec);
  const size_t rows = spec->slab_rows, n = s.time.n_samples, number = sizeof(sp_fk_complex);
  const size_t tables = (size_t)spec->nx * spec->ny * sizeof(uint32_t) + s.sector * sizeof(float);
  const size_t gain = s.time.gain ? rows * n * sizeof(float) + rows * (n + 1) * sizeof(double) : 0;
  return (size_t)s.share.count * (s.time.n_bins * number + 1) + tables + 2 * rows * n * sizeof(float) +
         2 * rows * s.stride * sizeof(float) + gain + 2 * s.exchanged * number +
         s.batch * s.points * number; /* cuFFT may need as much again as it works on */
}

/* --- making ------------------------------------------------------------------------------------------------------- */

void sp_fkk_cuda_destroy(sp_fkk_cuda *c) {
  if (!c) return;
  cudaSetDevice(c->device);
  if (c->moving) cudaStreamSynchronize(c->moving);
  if (c->stream) cudaStreamSynchronize(c->stream);
  if (c->has_forward) cufftDestroy(c->forward);
  if (c->has_back) cufftDestroy(c->back);
  cuda_ffts_destroy(&c->lines);
  void *const blocks[] = {c->item,   c->wave_x, c->wave_y, c->weights,   c->spectra,   c->state,  c->traces, c->removed,
                          c->padded, c->gain,   c->sums,   c->others[0], c->others[1], c->planes, c->sector};
  for (void *block : blocks) cudaFree(block);
  for (cudaEvent_t event : {c->ready, c->arrived[0], c->arrived[1], c->filtered[0], c->filtered[1]}) {
    if (event) cudaEventDestroy(event);
  }
  if (c->moving) cudaStreamDestroy(c->moving);
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
  SP_TRY(allocate_array((size_t)s.plane.x.n * s.plane.y.n, &c->item));
  SP_TRY(allocate_array(s.plane.x.padded, &c->wave_x));
  SP_TRY(allocate_array(s.plane.y.padded, &c->wave_y));
  SP_TRY(allocate_array(s.time.reach, &c->weights));
  SP_TRY(allocate_array(s.sector, &c->sector));
  SP_TRY(allocate_array(rows * n, &c->traces));
  SP_TRY(allocate_array(rows * n, &c->removed));
  SP_TRY(allocate_array(rows * s.stride, &c->padded));
  SP_TRY(allocate_array(s.time.gain ? rows * n : 1, &c->gain));
  SP_TRY(allocate_array(s.time.gain ? rows * (n + 1) : 1, &c->sums));
  for (sp_fk_complex *&chunk : c->others) SP_TRY(allocate_array(s.exchanged, &chunk));
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
  SP_TRY(SP_CUFFT(cufftSetStream(c->forward, c->stream)));
  return SP_CUFFT(cufftSetStream(c->back, c->stream));
}

/* Which wave number is where after a transform. */
static sp_status invert_positions(const cuda_fft *fft, uint16_t *wave) {
  void *block;
  SP_TRY(sp_alloc(2 * fft->n * sizeof(uint16_t), "wave numbers of fkk", &block));
  uint16_t *position = (uint16_t *)block, *inverse = position + fft->n;
  sp_status status = SP_CUDA(cudaMemcpy(position, fft->position, fft->n * sizeof *position, cudaMemcpyDeviceToHost));
  for (uint32_t k = 0; status == SP_SUCCESS && k < fft->n; k++) inverse[position[k]] = (uint16_t)k;
  if (status == SP_SUCCESS) {
    status = SP_CUDA(cudaMemcpy(wave, inverse, fft->n * sizeof *inverse, cudaMemcpyHostToDevice));
  }
  sp_free(block);
  return status;
}

static sp_status make_lines(sp_fkk_cuda *c) {
  sp_fkk_plane *p = &c->s.plane;
  const bool x_first = p->x.padded < p->y.padded, same = p->x.padded == p->y.padded;
  const uint32_t lengths[] = {x_first ? p->x.padded : p->y.padded, x_first ? p->y.padded : p->x.padded};
  cuda_fft ffts[2];
  SP_TRY(cuda_ffts_create(lengths, same ? 1 : 2, SP_FKK_LINE_RADIX, &c->lines));
  SP_TRY(SP_CUDA(cudaMemcpy(ffts, c->lines.fft, c->lines.n * sizeof *ffts, cudaMemcpyDeviceToHost)));
  p->fft_x = ffts[x_first || same ? 0 : 1];
  p->fft_y = ffts[x_first ? 1 : 0];
  SP_TRY(invert_positions(&p->fft_x, c->wave_x));
  SP_TRY(invert_positions(&p->fft_y, c->wave_y));
  p->wave_x = c->wave_x;
  p->wave_y = c->wave_y;
  p->item = c->item;
  if (c->s.sector > 0) {
    p->sector = c->sector;
    SP_TRY(sp_fkk_launch_sector(p, c->sector, c->stream));
  }
  return sp_fkk_prepare_planes(p);
}

static sp_status copy_weights(sp_fkk_cuda *c) {
  void *block;
  const uint32_t reach = c->s.time.reach;
  SP_TRY(sp_alloc(reach * sizeof(float), "weights of fkk", &block));
  float *weights = (float *)block;
  for (uint32_t j = 0; j < reach; j++) weights[j] = sp_fk_edge_weight(j, reach);
  const sp_status status = SP_CUDA(cudaMemcpy(c->weights, weights, reach * sizeof *weights, cudaMemcpyHostToDevice));
  sp_free(block);
  return status;
}

/* The item of each cell. */
static sp_status copy_items(sp_fkk_cuda *c, const sp_fkk_cuda_spec *spec) {
  const size_t n_cells = (size_t)spec->nx * spec->ny;
  void *block;
  SP_TRY(sp_alloc(n_cells * sizeof(uint32_t), "the cells of a cube", &block));
  uint32_t *item = (uint32_t *)block;
  for (size_t i = 0; i < n_cells; i++) item[i] = SP_FKK_NO_ITEM;
  for (uint32_t i = 0; i < c->n_items; i++) item[spec->cell[i]] = i;
  const sp_status status = SP_CUDA(cudaMemcpy(c->item, item, n_cells * sizeof *item, cudaMemcpyHostToDevice));
  sp_free(block);
  return status;
}

/* What is exchanged comes first: its few blocks would else wait until all those of a filter have begun. */
static sp_status make_streams(sp_fkk_cuda *c) {
  int least, most;
  SP_TRY(SP_CUDA(cudaDeviceGetStreamPriorityRange(&least, &most)));
  SP_TRY(SP_CUDA(cudaStreamCreateWithPriority(&c->stream, cudaStreamNonBlocking, least)));
  SP_TRY(SP_CUDA(cudaStreamCreateWithPriority(&c->moving, cudaStreamNonBlocking, most)));
  for (cudaEvent_t *event : {&c->ready, &c->arrived[0], &c->arrived[1], &c->filtered[0], &c->filtered[1]}) {
    SP_TRY(SP_CUDA(cudaEventCreateWithFlags(event, cudaEventDisableTiming)));
  }
  return SP_SUCCESS;
}

static bool has_kernel(const sp_fkk_cuda_spec *spec) {
  sp_fk_axis x, y;
  sp_fk_axis_set(spec->filter, spec->nx, &x);
  sp_fk_axis_set(spec->filter, spec->ny, &y);
  return !spec->filter->fill && sp_fkk_has_kernel(x.padded, y.padded) &&
         !(spec->exchange && spec->exchange->size > MAX_MEMBERS);
}

sp_status sp_fkk_cuda_create(const sp_fkk_cuda_spec *spec, sp_fkk_cuda **out) {
  void *block;
  if (!has_kernel(spec)) return SP_ERR_USAGE;
  SP_TRY(SP_CUDA(cudaSetDevice(spec->device)));
  SP_TRY(sp_calloc(1, sizeof(sp_fkk_cuda), "a cube on a GPU", &block));
  sp_fkk_cuda *c = (sp_fkk_cuda *)block;
  c->s = work_out(spec);
  c->n_items = spec->n_items;
  c->slab_rows = spec->slab_rows;
  c->device = spec->device;
  c->exchange = spec->exchange;
  sp_status status = make_streams(c);
  if (status == SP_SUCCESS) status = allocate(c);
  if (status == SP_SUCCESS) status = make_plans(c);
  if (status == SP_SUCCESS) status = make_lines(c);
  if (status == SP_SUCCESS) status = copy_weights(c);
  if (status == SP_SUCCESS) status = copy_items(c, spec);
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
  return sp_fkk_launch_select(&c->s.time, &slab, c->spectra + first, c->s.share.count, c->stream);
}

sp_status sp_fkk_cuda_back(sp_fkk_cuda *c, uint32_t first, uint32_t count, const float *traces, float *removed) {
  if (count == 0) return SP_SUCCESS;
  const sp_fkk_slab slab = slab_of(c, first, count);
  SP_TRY(SP_CUDA(cudaSetDevice(c->device)));
  if (c->s.time.gain) {
    SP_TRY(SP_CUDA(cudaMemcpyAsync(c->traces, traces, trace_bytes(c, count), cudaMemcpyHostToDevice, c->stream)));
  }
  SP_TRY(sp_fkk_launch_place(&c->s.time, &slab, c->spectra + first, c->s.share.count, c->stream));
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

/* Blocks of a chunk: of this member's items, the bins of each member; of this member's bins, the items of each member.
 * Offsets and lengths in bytes. What a member has of its own bins stays where it is. */
struct blocks {
  size_t at_item[MAX_MEMBERS], item_bytes[MAX_MEMBERS];
  size_t at_bin[MAX_MEMBERS], bin_bytes[MAX_MEMBERS];
};

static void lay_out_blocks(const sp_fkk_cuda *c, part chunk, blocks *b) {
  const sizes &s = c->s;
  const part own = bins_of(s, chunk, s.rank);
  for (int r = 0; r < s.size; r++) {
    const part bins = bins_of(s, chunk, r), items = part_of(c->n_items, s.size, r);
    b->at_item[r] = (size_t)bins.first * s.share.count * sizeof(sp_fk_complex);
    b->item_bytes[r] = r == s.rank ? 0 : (size_t)bins.count * s.share.count * sizeof(sp_fk_complex);
    b->at_bin[r] = (size_t)own.count * items.first * sizeof(sp_fk_complex);
    b->bin_bytes[r] = r == s.rank ? 0 : (size_t)own.count * items.count * sizeof(sp_fk_complex);
  }
}

/* A chunk's bins to their members, and back to those of the items; in the stream of what is exchanged. */
static sp_status exchange(sp_fkk_cuda *c, uint32_t k, bool back) {
  const sp_block_exchange *x = c->exchange;
  blocks b;
  lay_out_blocks(c, chunk_at(c->s, k), &b);
  sp_fk_complex *others = c->others[k % 2];
  return back
             ? x->all_to_all(x->context, others, b.at_bin, b.bin_bytes, c->spectra, b.at_item, b.item_bytes, c->moving)
             : x->all_to_all(x->context, c->spectra, b.at_item, b.item_bytes, others, b.at_bin, b.bin_bytes, c->moving);
}

static sp_status filter_chunk(sp_fkk_cuda *c, uint32_t k) {
  const sizes &s = c->s;
  const part own = bins_of(s, chunk_at(s, k), s.rank);
  sp_fkk_bins bins = {c->spectra + (size_t)own.first * s.share.count, c->others[k % 2], own.count, 0};
  for (; bins.first < own.count; bins.first += s.batch) {
    const uint32_t left = own.count - bins.first, count = left < s.batch ? left : s.batch;
    SP_TRY(
        sp_fkk_launch_planes(&s.plane, &bins, s.time.first_bin + own.first + bins.first, count, c->planes, c->stream));
  }
  return SP_SUCCESS;
}

/* The second stream does, one after the other: chunk 0 here, 1 here, 0 back, 2 here, 1 back, ... A chunk's place among
 * the two is free when the one before the last is back. */
static sp_status filter_exchanged(sp_fkk_cuda *c) {
  const uint32_t n = c->s.n_chunks;
  SP_TRY(SP_CUDA(cudaEventRecord(c->ready, c->stream)));
  SP_TRY(SP_CUDA(cudaStreamWaitEvent(c->moving, c->ready, 0)));
  SP_TRY(exchange(c, 0, false));
  SP_TRY(SP_CUDA(cudaEventRecord(c->arrived[0], c->moving)));
  for (uint32_t k = 0; k < n; k++) {
    SP_TRY(SP_CUDA(cudaStreamWaitEvent(c->stream, c->arrived[k % 2], 0)));
    if (k + 1 < n) {
      SP_TRY(exchange(c, k + 1, false));
      SP_TRY(SP_CUDA(cudaEventRecord(c->arrived[(k + 1) % 2], c->moving)));
    }
    SP_TRY(filter_chunk(c, k));
    SP_TRY(SP_CUDA(cudaEventRecord(c->filtered[k % 2], c->stream)));
    SP_TRY(SP_CUDA(cudaStreamWaitEvent(c->moving, c->filtered[k % 2], 0)));
    SP_TRY(exchange(c, k, true));
  }
  SP_TRY(SP_CUDA(cudaEventRecord(c->ready, c->moving)));
  return SP_CUDA(cudaStreamWaitEvent(c->stream, c->ready, 0));
}

sp_status sp_fkk_cuda_filter(sp_fkk_cuda *c) {
  SP_TRY(SP_CUDA(cudaSetDevice(c->device)));
  if (c->s.n_chunks == 0) return SP_SUCCESS;
  return c->exchange && c->s.size > 1 ? filter_exchanged(c) : filter_chunk(c, 0);
}

extern "C" const sp_fkk_cuda_ops sp_fkk_cuda_table = {
    sp_fkk_cuda_bytes,  sp_fkk_cuda_create, sp_fkk_cuda_destroy, sp_fkk_cuda_forward,
    sp_fkk_cuda_filter, sp_fkk_cuda_back,   sp_fkk_cuda_wait,    sp_fkk_cuda_states,
};
