/* SPDX-License-Identifier: BSD-3-Clause */
/* fk_denoise on the GPU: plans, and the order of its kernels. */
#include <math.h>
#include <string.h>

#include "kernels/common/cuda_check.h"
#include "kernels/fk_denoise/cuda.cuh"
extern "C" {
#include "seisproc/memory.h"
}

typedef struct fkd_plan {
  sp_cuda_plan base;
  fkd_task task;    /* but for the batch */
  uint32_t n_steps; /* over all slabs, at most */
  unsigned powers_blocks, filter_blocks, n_processors;
  void *tables, *memory; /* device */
} fkd_plan;

enum { MOST_SCRATCH = 1 << 30 };

/* --- sizes ------------------------------------------------------------------------------------------------------- */

/* What boxes need at most, for each node. */
typedef struct fkd_needs {
  double values, tiles;
  uint32_t i_window, j_window; /* longest */
} fkd_needs;

static void include_axis(const sp_fkd_axis &a, bool pairs, double *values, double *tiles, uint32_t *window) {
  const uint32_t count = pairs ? (a.count + 1) / 2 : a.count;
  const double v = (pairs ? 2.0 : 1.0) * count * a.window / a.n, t = (double)count / a.n;
  *values = v > *values ? v : *values;
  *tiles = t > *tiles ? t : *tiles;
  *window = a.window > *window ? a.window : *window;
}

/* The longer an axis beyond a few windows, the less it needs. */
static fkd_needs find_needs(const sp_fkd_params *p, uint32_t most) {
  double values_i = 0, values_j = 0, tiles_i = 0, tiles_j = 0;
  fkd_needs n = {};
  const uint32_t few = 4 * SP_FKD_MAX_ACROSS;
  for (uint32_t length = p->grid.n ? 1 : SP_FKD_LEAST_TRACES; length <= few && length <= most; length++) {
    const sp_fkd_axis axis = sp_fkd_trace_axis(p, length);
    include_axis(axis, true, &values_j, &tiles_j, &n.j_window);
    if (p->grid.n) include_axis(axis, false, &values_i, &tiles_i, &n.i_window);
  }
  n.values = p->grid.n ? values_i * values_j : values_j;
  n.tiles = p->grid.n ? tiles_i * tiles_j : tiles_j;
  if (!p->grid.n) n.i_window = 1;
  return n;
}

static uint32_t round_up(double x, uint32_t unit) {
  return (uint32_t)ceil(x / unit) * unit;
}

static size_t slab_floats(const fkd_task *k, const fkd_needs *needs) {
  return (size_t)ceil(needs->values * k->pitch) * k->t.window;
}

/* How many pairs a tile has: enough to keep all threads busy, as far as three tiles fit in a processor's memory. */
static void set_tile(const fkd_needs *needs, fkd_task *k) {
  enum { SHARED = 70 << 10, MOST = 24 };
  const uint32_t pair = fkd_pair_complex(k->t.window, needs->i_window, needs->j_window);
  const uint32_t fit = SHARED / (pair * (uint32_t)sizeof(float2));
  k->pairs_a_tile = fit < 1 ? 1 : fit > MOST ? MOST : fit;
  k->tile_complex = k->pairs_a_tile * pair;
}

static double taper(uint32_t m, uint32_t n) {
  return n == 1 ? 1 : sin(M_PI * (m + 0.5) / n);
}

/* The task as far as parameters and geometry say, but for tables and memory; whether there are kernels for it. */
static bool make_task(const sp_fkd_params *p, const sp_cuda_geometry *g, fkd_task *k, fkd_needs *needs,
                      uint32_t *n_steps) {
  memset((void *)k, 0, sizeof *k);
  if (g->n_samples < SP_FKD_LEAST_SAMPLES || g->max_traces < SP_FKD_LEAST_TRACES) return false;
  k->t = sp_fkd_time_axis(p, g->sample_interval_s, g->n_samples);
  for (uint32_t m = 0; m < k->t.window; m++) k->taper_t[m] = taper(m, k->t.window);
  k->band = sp_fkd_select(p, g->sample_interval_s, k->t.window);
  k->high2 = p->high * p->high;
  k->low2 = sp_fkd_low2(p, 1, SP_FKD_MAX_ACROSS);
  k->low2_3d = sp_fkd_low2(p, SP_FKD_MAX_ACROSS, SP_FKD_MAX_ACROSS);
  k->robust = p->robust;
  k->has_line = p->line.n > 0;
  k->has_grid = p->grid.n > 0;
  k->n_samples = g->n_samples;
  k->room = g->max_traces;
  k->pitch = round_up((double)g->max_traces * (k->has_grid ? SP_FKD_MAX_EMPTY : 1), 32);
  k->n_f = k->t.window / 2 + 1;
  k->n_slabs = k->t.count;
  k->n_blocks = (k->n_samples + k->t.window / 2 - 1) / (k->t.window / 2);
  *needs = find_needs(p, k->pitch);
  set_tile(needs, k);
  const size_t slab = slab_floats(k, needs), fit = (MOST_SCRATCH / sizeof(float)) / slab;
  const size_t plane = (size_t)k->n_samples * k->pitch + 128 * (size_t)k->pitch;
  const size_t chunk = fit < 1 ? 1 : fit < k->n_slabs ? fit : k->n_slabs;
  *n_steps = (uint32_t)((k->n_slabs + chunk - 1) / chunk);
  k->scratch_floats = chunk * slab > plane ? chunk * slab : plane;
  return k->tile_complex * sizeof(float2) <= FKD_TILE_BYTES;
}

/* Takes `n` elements from *end on; `memory` NULL only counts. */
static void *reserve(char *memory, size_t *end, size_t n, size_t size) {
  void *block = memory ? memory + *end : NULL;
  *end += (n * size + 255) / 256 * 256;
  return block;
}

/* Lays out the memory of a batch; returns its bytes. */
static size_t lay_out(const sp_cuda_geometry *g, const fkd_needs *needs, char *memory, fkd_task *k) {
  const size_t nodes = k->pitch, plane = nodes * k->n_samples, active = nodes / SP_FKD_LEAST_TRACES + 1;
  size_t end = 0;
  k->x = (float *)reserve(memory, &end, plane, sizeof(float));
  k->y = (float *)reserve(memory, &end, plane, sizeof(float));
  k->scratch = (float *)reserve(memory, &end, k->scratch_floats, sizeof(float));
  k->noise = (double *)reserve(memory, &end, active * k->n_slabs * k->n_f, sizeof(double));
  k->limits = (float2 *)reserve(memory, &end, active * k->n_slabs * k->n_f, sizeof(float2));
  k->n_live = (uint32_t *)reserve(memory, &end, active * k->n_slabs, sizeof(uint32_t));
  if (k->robust != 0) k->bad = (uint8_t *)reserve(memory, &end, plane, 1);
  k->stands_out = (uint32_t *)reserve(memory, &end, nodes, sizeof(uint32_t));
  k->nodes_out = (int32_t *)reserve(memory, &end, nodes, sizeof(int32_t));
  k->blocks = (fkd_block *)reserve(memory, &end, k->robust != 0 ? nodes * k->n_blocks : 0, sizeof(fkd_block));
  k->likeness = (double *)reserve(memory, &end, k->robust != 0 ? nodes * k->n_blocks : 0, sizeof(double));
  k->node_trace = (int32_t *)reserve(memory, &end, nodes, sizeof(int32_t));
  k->node_box = (int32_t *)reserve(memory, &end, nodes, sizeof(int32_t));
  k->rows = (const float **)reserve(memory, &end, nodes, sizeof(float *));
  k->out_row = (uint32_t *)reserve(memory, &end, nodes, sizeof(uint32_t));
  k->boxes = (fkd_box *)reserve(memory, &end, nodes, sizeof(fkd_box));
  k->active = (int32_t *)reserve(memory, &end, nodes, sizeof(int32_t));
  k->tiles = (fkd_tile *)reserve(memory, &end, (size_t)ceil(needs->tiles * (double)nodes), sizeof(fkd_tile));
  k->totals = (fkd_totals *)reserve(memory, &end, 1, sizeof(fkd_totals));
  k->largest = (uint32_t *)reserve(memory, &end, g->max_traces, sizeof(uint32_t));
  k->gather_live = (uint32_t *)reserve(memory, &end, g->max_gathers, sizeof(uint32_t));
  if (!k->has_grid) return end;
  k->sorted = (double *)reserve(memory, &end, 2 * (size_t)g->max_traces, sizeof(double));
  k->ends = (uint32_t *)reserve(memory, &end, 2 * (size_t)g->max_traces, sizeof(uint32_t));
  k->grid_axes = (fkd_grid_axis *)reserve(memory, &end, 2 * (size_t)g->max_gathers, sizeof(fkd_grid_axis));
  return end;
}

/* --- tables ------------------------------------------------------------------------------------------------------ */

/* The tables as they lie in device memory, one after the other. */
typedef struct fkd_tables {
  sp_fkd_axis *axes;
  double *taper;
  sp_fkd_fft *fft; /* over time, then by length */
  float *twiddles;
} fkd_tables;

enum { MOST_TWIDDLES = 2 * SP_FKD_MAX_PASSES * (SP_FKD_MAX_WINDOW + SP_FKD_MAX_ACROSS * SP_FKD_MAX_ACROSS) };

static size_t lay_out_tables(const fkd_task *k, char *memory, fkd_tables *t) {
  size_t end = 0;
  t->axes = (sp_fkd_axis *)reserve(memory, &end, k->pitch + 1, sizeof(sp_fkd_axis));
  t->taper = (double *)reserve(memory, &end, (SP_FKD_MAX_ACROSS + 1) * SP_FKD_MAX_ACROSS, sizeof(double));
  t->fft = (sp_fkd_fft *)reserve(memory, &end, SP_FKD_MAX_ACROSS + 2, sizeof(sp_fkd_fft));
  t->twiddles = (float *)reserve(memory, &end, MOST_TWIDDLES, sizeof(float));
  return end;
}

/* Plans a transform whose twiddle factors are at `host` from *used on, and will be at `device`. */
static sp_status add_transform(uint32_t n, float *host, const float *device, size_t *used, sp_fkd_fft *fft) {
  float *twiddles;
  size_t count;
  SP_TRY(sp_fkd_fft_plan(n, fft, &twiddles, &count));
  memcpy(host + *used, twiddles, count * sizeof(float));
  for (uint32_t i = 0; i < fft->n_passes; i++) {
    fft->pass[i].twiddles = device + *used + (fft->pass[i].twiddles - twiddles);
  }
  *used += count;
  sp_free(twiddles);
  return SP_SUCCESS;
}

static sp_status fill_tables(const sp_fkd_params *p, const fkd_task *k, const fkd_tables *host,
                             const fkd_tables *device) {
  size_t used = 0;
  for (uint32_t n = 1; n <= k->pitch; n++) host->axes[n] = sp_fkd_trace_axis(p, n);
  for (uint32_t n = 1; n <= SP_FKD_MAX_ACROSS; n++) {
    for (uint32_t m = 0; m < n; m++) host->taper[n * SP_FKD_MAX_ACROSS + m] = taper(m, n);
  }
  SP_TRY(add_transform(k->t.window, host->twiddles, device->twiddles, &used, &host->fft[0]));
  for (uint32_t n = 1; n <= k->pitch && n <= 4 * SP_FKD_MAX_ACROSS; n++) {
    const uint32_t w = host->axes[n].window;
    sp_fkd_fft *fft = &host->fft[1 + w];
    if (!fft->n) SP_TRY(add_transform(w, host->twiddles, device->twiddles, &used, fft));
  }
  return SP_SUCCESS;
}

static sp_status plan_tables(const sp_fkd_params *p, fkd_plan *plan) {
  fkd_task *k = &plan->task;
  fkd_tables host, device;
  void *block;
  const size_t bytes = lay_out_tables(k, NULL, &host);
  SP_TRY(SP_CUDA(cudaMalloc(&plan->tables, bytes)));
  SP_TRY(sp_calloc(1, bytes, "tables of fk_denoise", &block));
  lay_out_tables(k, (char *)block, &host);
  lay_out_tables(k, (char *)plan->tables, &device);
  sp_status status = fill_tables(p, k, &host, &device);
  if (status == SP_SUCCESS) status = SP_CUDA(cudaMemcpy(plan->tables, block, bytes, cudaMemcpyHostToDevice));
  sp_free(block);
  k->axes = device.axes;
  k->taper = device.taper;
  k->fft_t = device.fft;
  k->fft = device.fft + 1;
  return status;
}

/* --- plan -------------------------------------------------------------------------------------------------------- */

static size_t device_bytes(const void *params, const sp_cuda_geometry *geometry) {
  fkd_task k;
  fkd_needs needs;
  fkd_tables tables;
  uint32_t n_steps;
  if (!make_task((const sp_fkd_params *)params, geometry, &k, &needs, &n_steps)) return 0;
  return lay_out(geometry, &needs, NULL, &k) + lay_out_tables(&k, NULL, &tables);
}

static void destroy(sp_cuda_plan *base) {
  fkd_plan *p = (fkd_plan *)base;
  if (!p) return;
  cudaFree(p->tables);
  cudaFree(p->memory);
  sp_free(p);
}

static sp_status plan_parts(const sp_fkd_params *params, const sp_cuda_geometry *geometry, const fkd_needs *needs,
                            fkd_plan *p) {
  int device, processors;
  SP_TRY(SP_CUDA(cudaGetDevice(&device)));
  SP_TRY(SP_CUDA(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device)));
  p->n_processors = (unsigned)processors;
  SP_TRY(fkd_prepare_powers(&p->task, &p->powers_blocks));
  SP_TRY(fkd_prepare_filter(&p->task, &p->filter_blocks));
  SP_TRY(fkd_prepare_bad(&p->task));
  SP_TRY(fkd_prepare_quantiles());
  SP_TRY(plan_tables(params, p));
  SP_TRY(SP_CUDA(cudaMalloc(&p->memory, lay_out(geometry, needs, NULL, &p->task))));
  lay_out(geometry, needs, (char *)p->memory, &p->task);
  return SP_SUCCESS;
}

extern "C" const sp_cuda_ops sp_fk_denoise_cuda;

static sp_status plan(const void *values, const sp_cuda_geometry *geometry, sp_cuda_plan **out) {
  const sp_fkd_params *params = (const sp_fkd_params *)values;
  fkd_needs needs;
  void *block;
  SP_TRY(sp_calloc(1, sizeof(fkd_plan), "the plan of fk_denoise", &block));
  fkd_plan *p = (fkd_plan *)block;
  p->base.ops = &sp_fk_denoise_cuda;
  p->base.takes_dead = true;
  sp_status status = SP_ERR_USAGE;
  if (make_task(params, geometry, &p->task, &needs, &p->n_steps)) status = plan_parts(params, geometry, &needs, p);
  if (status != SP_SUCCESS) {
    destroy(&p->base);
    return status;
  }
  *out = &p->base;
  return SP_SUCCESS;
}

/* --- apply ------------------------------------------------------------------------------------------------------- */

static sp_status pass(const fkd_plan *p, const fkd_task *k, bool again, cudaStream_t stream) {
  const unsigned many = 8 * p->n_processors;
  SP_TRY(fkd_launch_tiles(k, again, stream));
  if (again) SP_TRY(fkd_launch_replace(k, stream));
  for (uint32_t step = 0; step < p->n_steps; step++) {
    SP_TRY(fkd_launch_powers(k, step, p->powers_blocks, stream));
    SP_TRY(fkd_launch_quantiles(k, step, 4 * p->n_processors, stream));
  }
  SP_TRY(fkd_launch_limits(k, many, stream));
  for (uint32_t step = 0; step < p->n_steps; step++) {
    SP_TRY(fkd_launch_filter(k, step, p->filter_blocks, stream));
    SP_TRY(fkd_launch_add(k, step, stream));
  }
  return SP_SUCCESS;
}

static sp_status apply(sp_cuda_plan *base, const sp_cuda_batch *batch, cudaStream_t stream) {
  const fkd_plan *p = (const fkd_plan *)base;
  const sp_cuda_places *places = batch->places;
  fkd_task k = p->task;
  k.in = batch->in;
  k.out = batch->out;
  k.n_traces = places ? places->n_traces : batch->n_traces;
  k.n_gathers = places ? places->n_gathers : batch->n_gathers;
  k.n_nodes = k.n_traces * (k.has_grid ? SP_FKD_MAX_EMPTY : 1);
  k.first_trace = places ? places->first_trace : batch->first_trace;
  k.headers = places ? places->headers : batch->headers;
  k.row = places ? places->row : NULL;
  k.reason = batch->reason;
  if (k.n_traces == 0 || k.n_gathers == 0) return SP_SUCCESS;
  SP_TRY(fkd_launch_boxes(&k, stream));
  SP_TRY(fkd_launch_load(&k, stream));
  SP_TRY(fkd_launch_bad(&k, 8 * p->n_processors, stream));
  SP_TRY(pass(p, &k, false, stream));
  const int further = k.robust > 0 ? k.robust : 1;
  for (int i = 0; i < further; i++) SP_TRY(pass(p, &k, true, stream));
  return fkd_launch_store(&k, stream);
}

extern "C" const sp_cuda_ops sp_fk_denoise_cuda = {device_bytes, plan, apply, destroy};
