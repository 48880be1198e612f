/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/flow/image/image_engine.h"

#include <math.h>
#include <string.h>

#include "kernels/pstm/gpu.h"
#include "seisproc/clock.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"

struct sp_image_engine {
  const sp_image_shared *shared;
  int device;
  sp_thread_team *team;
  sp_pstm *plan;    /* of the tile; for peaks, of one column */
  sp_pstm_gpu *gpu; /* of the tile */
  const sp_pstm_gpu_ops *gpu_ops;
  const sp_group_ops *group_ops;
  sp_block_exchange group; /* all zero: none */
  bool alone;              /* needs none */
  bool beside;             /* sums that were set aside do not hinder others */
  sp_pstm_sums sums;       /* of the host */
  size_t n_sums;           /* of the tile */
  double gpu_busy_s;
  /* what the team works on */
  sp_pstm_trace *traces;
  float *samples;
  uint32_t n;
  sp_image_absent *absent;
  const float *peaks_of;
  double *peaks; /* [SP_PSTM_BATCH] */
  uint64_t overflows;
};

/* --- making ------------------------------------------------------------------------------------------------------- */

sp_status sp_image_engine_create(const sp_image_shared *shared, int n_threads, const sp_gpu *gpu,
                                 sp_image_engine **out) {
  sp_image_engine *e = NULL;
  sp_status status;
  SP_TRY(sp_calloc(1, sizeof *e, "the engine of an image", &e));
  e->shared = shared;
  e->device = gpu->device;
  e->gpu_ops = gpu->module ? gpu->module->pstm : NULL;
  const size_t most = (size_t)shared->tile_n[0] * shared->tile_n[1] * shared->config.grid.n_tau;
  SP_TRY_GOTO(fail, sp_thread_team_create(n_threads, &e->team));
  SP_TRY_GOTO(fail, sp_calloc(most, sizeof(int64_t), "the sums of a tile", &e->sums.sum));
  SP_TRY_GOTO(fail, sp_calloc(most, sizeof(uint32_t), "the hits of a tile", &e->sums.hits));
  SP_TRY_GOTO(fail, sp_calloc(SP_PSTM_BATCH, sizeof(double), "peaks", &e->peaks));
  SP_TRY_GOTO(fail, sp_image_plan_for_peaks(shared, n_threads, &e->plan));
  *out = e;
  return SP_SUCCESS;
fail:
  sp_image_engine_destroy(e);
  return status;
}

void sp_image_engine_destroy(sp_image_engine *e) {
  if (!e) return;
  sp_thread_team_destroy(e->team);
  sp_pstm_destroy(e->plan);
  if (e->gpu_ops) e->gpu_ops->destroy(e->gpu);
  if (e->group.context) e->group_ops->destroy(&e->group);
  sp_free(e->sums.sum);
  sp_free(e->sums.hits);
  sp_free(e->peaks);
  sp_free(e);
}

/* Velocities of the tile's columns. */
static sp_status make_model(const sp_image_engine *e, const sp_velocity_model *from, const sp_pstm_tile *tile,
                            sp_pstm_model *model, float **values) {
  const size_t n_tau = e->shared->config.grid.n_tau, columns = (size_t)tile->n[0] * tile->n[1];
  const bool flat = sp_velocity_model_is_flat(from), eta = sp_velocity_model_has_eta(from);
  const size_t rows = flat ? 1 : columns, all = rows * n_tau;
  SP_TRY(sp_alloc((eta ? 3 : 1) * all * sizeof(float), "velocities of a tile", values));
  float *v = *values, *e_ = eta ? v + all : NULL, *far = eta ? v + 2 * all : NULL;
  for (size_t c = 0; c < rows; c++) {
    const uint32_t ix = tile->first[0] + (uint32_t)(c % tile->n[0]), iy = tile->first[1] + (uint32_t)(c / tile->n[0]);
    sp_velocity_model_column(from, ix, iy, v + c * n_tau, eta ? e_ + c * n_tau : NULL, eta ? far + c * n_tau : NULL);
  }
  *model = (sp_pstm_model){v, e_, far, flat ? 0 : n_tau};
  return SP_SUCCESS;
}

sp_status sp_image_engine_tile(sp_image_engine *e, const sp_velocity_model *model, const double *apertures,
                               const sp_pstm_tile *tile, int shift, double limit) {
  sp_pstm_config config = e->shared->config;
  sp_pstm_model rows;
  float *values = NULL;
  config.aperture_by_tau = apertures;
  e->n_sums = (size_t)tile->n[0] * tile->n[1] * config.grid.n_tau;
  e->sums.shift = shift;
  e->sums.limit = limit;
  e->overflows = 0;
  sp_pstm_destroy(e->plan);
  e->plan = NULL;
  if (e->gpu_ops) e->gpu_ops->destroy(e->gpu);
  e->gpu = NULL;
  sp_status status = make_model(e, model, tile, &rows, &values);
  if (status == SP_SUCCESS && e->gpu_ops) {
    status = e->gpu_ops->create(&config, tile, &rows, e->device, &e->gpu);
    if (status == SP_ERR_MEMORY) {
      status = SP_RAISE(SP_ERR_MEMORY, "pstm: a tile of %.1f GB does not fit the GPU: set a smaller tile_mb",
                        1e-9 * (double)e->gpu_ops->bytes(&config, tile, &rows));
    }
  } else if (status == SP_SUCCESS) {
    status = sp_pstm_create(&config, tile, &rows, sp_thread_team_size(e->team), &e->plan);
  }
  sp_free(values);
  memset(e->sums.sum, 0, e->n_sums * sizeof(int64_t));
  memset(e->sums.hits, 0, e->n_sums * sizeof(uint32_t));
  return status;
}

/* --- a batch ------------------------------------------------------------------------------------------------------ */

/* Bits of magnitudes are ordered as these are; those of infinities and of what is no number are larger. */
static uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits & 0x7fffffffu;
}

/* The largest magnitude as its bits: 0 of a dead trace. */
static uint32_t largest(const float *x, uint32_t n) {
  uint32_t most = 0;
  for (uint32_t i = 0; i < n; i++) {
    const uint32_t bits = bits_of(x[i]);
    most = bits > most ? bits : most;
  }
  return most;
}

/* Makes a trace absent that is not finite, or too large for float32, or all zero, and counts it. */
static void check_trace(sp_image_engine *e, uint64_t i) {
  const uint32_t n_samples = e->shared->config.n_samples;
  float *samples = e->samples + i * n_samples;
  if (!(e->traces[i].area > 0)) return;
  const uint32_t most = largest(samples, n_samples);
  if (most > 0 && most <= bits_of(sp_pstm_largest_sample(&e->shared->config))) return;
  __atomic_fetch_add(most ? &e->absent->bad : &e->absent->dead, 1, __ATOMIC_RELAXED);
  e->traces[i].area = 0;
  memset(samples, 0, n_samples * sizeof *samples);
}

static void prepare_item(void *context, int thread, uint64_t i) {
  sp_image_engine *e = context;
  if (i < e->n) check_trace(e, i);
  if (i >= e->n || !(e->traces[i].area > 0)) {
    sp_pstm_skip(e->plan, (uint32_t)i);
    return;
  }
  sp_pstm_prepare(e->plan, thread, (uint32_t)i, &e->traces[i], e->samples + i * e->shared->config.n_samples);
}

static void add_item(void *context, int thread, uint64_t block) {
  sp_image_engine *e = context;
  const uint64_t beyond = sp_pstm_add(e->plan, thread, (uint32_t)block, &e->sums);
  if (beyond) __atomic_fetch_add(&e->overflows, beyond, __ATOMIC_RELAXED);
}

static void peak_item(void *context, int thread, uint64_t i) {
  sp_image_engine *e = context;
  e->peaks[i] = sp_pstm_peak(e->plan, thread, e->peaks_of + i * e->shared->config.n_samples);
}

sp_status sp_image_engine_add(sp_image_engine *e, sp_pstm_trace *traces, float *samples, uint32_t n,
                              sp_image_absent *absent) {
  e->traces = traces;
  e->samples = samples;
  e->n = n;
  e->absent = absent;
  if (e->gpu) {
    const double start = sp_now();
    for (uint32_t i = 0; i < n; i++) check_trace(e, i);
    const sp_status status = e->gpu_ops->add(e->gpu, traces, samples, n, e->sums.shift, e->sums.limit);
    e->gpu_busy_s += sp_now() - start;
    return status;
  }
  sp_thread_team_start(e->team, SP_PSTM_BATCH, 1, prepare_item, e);
  sp_thread_team_wait(e->team);
  sp_thread_team_start(e->team, sp_pstm_blocks(e->plan), 1, add_item, e);
  sp_thread_team_wait(e->team);
  return SP_SUCCESS;
}

double sp_image_engine_peak(sp_image_engine *e, const float *samples, uint32_t n, sp_image_absent *absent,
                            uint32_t *which) {
  double most = 0;
  *which = 0;
  e->peaks_of = samples;
  sp_thread_team_start(e->team, n, 1, peak_item, e);
  sp_thread_team_wait(e->team);
  for (uint32_t i = 0; i < n; i++) {
    absent->bad += isnan(e->peaks[i]);
    if (e->peaks[i] > most) most = e->peaks[i], *which = i;
  }
  return most;
}

static sp_status check_overflows(const sp_image_engine *e) {
  if (!e->overflows) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_INPUT, "pstm: %llu sums of a batch are larger than the peak allows: `peak` is too small",
                  (unsigned long long)e->overflows);
}

void sp_image_engine_join(sp_image_engine *e, const sp_ranks *peers, const sp_gpu *gpu) {
  char why[256];
  if (!gpu->module) return; // alike: all workers compute on one kind
  e->alone = peers->size == 1;
  e->group_ops = gpu->module->group;
  if (sp_gpu_join(peers, gpu, &e->group, why, sizeof why)) return; // alike
  if (peers->rank == 0) sp_warn("pstm: the GPUs cannot exchange: %s; sums are added up through the host", why);
}

bool sp_image_engine_adds_up(const sp_image_engine *e) {
  return e->alone || e->group.context;
}

sp_status sp_image_engine_swap(sp_image_engine *e, const size_t *first, bool *beside) {
  int64_t *device_sum;
  uint32_t *device_hits;
  SP_TRY(e->gpu_ops->swap(e->gpu, &device_sum, &device_hits, beside));
  e->beside = *beside;
  if (e->alone) return SP_SUCCESS;
  SP_TRY(e->group_ops->reduce(&e->group, device_sum, sizeof *device_sum, first));
  return e->group_ops->reduce(&e->group, device_hits, sizeof *device_hits, first);
}

sp_status sp_image_engine_collect(sp_image_engine *e, size_t first, size_t n, int64_t *sum, uint32_t *hits) {
  SP_TRY(e->gpu_ops->part(e->gpu, first, n, e->sums.sum, e->sums.hits, &e->overflows));
  for (size_t i = 0; i < n; i++) {
    sum[i] += e->sums.sum[i];
    hits[i] += e->sums.hits[i];
  }
  SP_TRY(check_overflows(e));
  return e->beside ? SP_SUCCESS : e->gpu_ops->clear(e->gpu);
}

sp_status sp_image_engine_sums(sp_image_engine *e, int64_t **sum, uint32_t **hits) {
  if (e->gpu) SP_TRY(e->gpu_ops->read(e->gpu, e->sums.sum, e->sums.hits, &e->overflows));
  SP_TRY(check_overflows(e));
  *sum = e->sums.sum;
  *hits = e->sums.hits;
  return SP_SUCCESS;
}

sp_status sp_image_engine_clear(sp_image_engine *e) {
  if (e->gpu) return e->gpu_ops->clear(e->gpu);
  memset(e->sums.sum, 0, e->n_sums * sizeof(int64_t));
  memset(e->sums.hits, 0, e->n_sums * sizeof(uint32_t));
  return SP_SUCCESS;
}

double sp_image_engine_busy(const sp_image_engine *e) {
  return sp_thread_team_busy(e->team) + e->gpu_busy_s;
}
