/* SPDX-License-Identifier: BSD-3-Clause */
/* Migration on the CPU: a batch of traces is prepared, then added to the tile block by block.
 *
 * A block is a run of columns whose float32 sums stay in the second-level cache while all traces of the batch are
 * added, in order; then they are rounded to integers and added to the tile's sums.
 */
#include <math.h>
#include <string.h>

#include "kernels/pstm/cpu.h"
#include "seisproc/memory.h"

enum { BLOCK_BYTES = 192 << 10, PAD = 16 };

/* A trace of the batch. */
typedef struct batch_trace {
  bool present;
  sp_pstm_position position;
} batch_trace;

struct sp_pstm {
  sp_pstm_config config;
  sp_pstm_tile tile;
  sp_pstm_terms terms;
  sp_pstm_points points;
  float *deepest; /* as slowness_2: the largest v tau / 2 up to there; NULL: no limit on dip */
  sp_pstm_filter *filter;
  const sp_pstm_ops *ops;
  sp_isa isa;
  int n_threads;
  uint32_t block_columns, n_columns;
  size_t bank_row, bank_floats; /* of a trace */
  float *bank;                  /* [SP_PSTM_BATCH][bank_floats] */
  batch_trace traces[SP_PSTM_BATCH];
  float **sum;    /* [n_threads][block_columns][padded] */
  int32_t **hits; /* the same */
};

static const sp_pstm_ops *select_ops(sp_isa isa) {
#if defined(__x86_64__)
  if (isa == SP_ISA_AVX512) return &sp_pstm_ops_avx512;
  if (isa == SP_ISA_AVX2) return &sp_pstm_ops_avx2;
#endif
  return &sp_pstm_ops_portable;
}

static size_t padded_tau(const sp_pstm_config *config) {
  return ((size_t)config->grid.n_tau + PAD - 1) / PAD * PAD;
}

static uint32_t block_columns(const sp_pstm_config *config, uint32_t n_columns, int n_threads) {
  const uint32_t fits = (uint32_t)(BLOCK_BYTES / (padded_tau(config) * (sizeof(float) + sizeof(int32_t))));
  const uint32_t share = (n_columns + 4 * (uint32_t)n_threads - 1) / (4 * (uint32_t)n_threads);
  const uint32_t n = fits < share ? fits : share;
  return n ? n : 1;
}

static sp_pstm_points points_shape(const sp_pstm_config *config, const sp_pstm_tile *tile, const sp_pstm_model *model) {
  return (sp_pstm_points){.rows = model->stride ? (size_t)tile->n[0] * tile->n[1] : 1, .padded = padded_tau(config)};
}

size_t sp_pstm_bytes(const sp_pstm_config *config, const sp_pstm_tile *tile, const sp_pstm_model *model,
                     int n_threads) {
  const sp_pstm_points points = points_shape(config, tile, model);
  const size_t bank = SP_PSTM_BATCH * sp_pstm_bank_row(config) * sp_pstm_bank_rows(config) * sizeof(float);
  const size_t deepest = config->max_dip < 90 ? points.rows * points.padded * sizeof(float) : 0;
  return bank + deepest + sp_pstm_points_bytes(&points, model->eta, config->aperture_by_tau) +
         sp_pstm_filter_bytes(config, n_threads) + (size_t)n_threads * BLOCK_BYTES;
}

static sp_status allocate_points(sp_pstm_points *p, bool eta, bool by_tau) {
  const size_t row = p->padded * sizeof(float), all = p->rows * row;
  SP_TRY(sp_alloc(row, "image times", &p->quarter));
  if (by_tau) SP_TRY(sp_alloc(row, "apertures", &p->aperture));
  SP_TRY(sp_alloc(all, "velocities of the image", &p->slowness_2));
  SP_TRY(sp_alloc(all, "weights of the image", &p->factor));
  if (!eta) return SP_SUCCESS;
  SP_TRY(sp_alloc(all, "eta of the image", &p->fourth));
  SP_TRY(sp_alloc(all, "eta of the image", &p->far));
  return sp_alloc(all, "eta of the image", &p->depth_2);
}

static sp_status allocate(sp_pstm *p, bool eta) {
  const size_t block = p->block_columns * p->points.padded;
  SP_TRY(allocate_points(&p->points, eta, p->config.aperture_by_tau));
  if (p->config.max_dip < 90) {
    SP_TRY(sp_alloc(p->points.rows * p->points.padded * sizeof(float), "depths of the image", &p->deepest));
  }
  SP_TRY(sp_alloc(SP_PSTM_BATCH * p->bank_floats * sizeof(float), "a batch of pstm", &p->bank));
  SP_TRY(sp_calloc((size_t)p->n_threads, sizeof *p->sum, "sums of pstm", &p->sum));
  SP_TRY(sp_calloc((size_t)p->n_threads, sizeof *p->hits, "sums of pstm", &p->hits));
  for (int i = 0; i < p->n_threads; i++) {
    SP_TRY(sp_alloc(block * sizeof(float), "sums of pstm", &p->sum[i]));
    SP_TRY(sp_alloc(block * sizeof(int32_t), "hits of pstm", &p->hits[i]));
  }
  return sp_pstm_filter_create(&p->config, p->n_threads, &p->filter);
}

static void set_deepest(sp_pstm *p) {
  const sp_pstm_points *x = &p->points;
  for (size_t i = 0; i < x->rows * x->padded; i++) {
    const float depth = sqrtf(x->quarter[i % x->padded] / x->slowness_2[i]);
    p->deepest[i] = i % x->padded ? fmaxf(p->deepest[i - 1], depth) : depth;
  }
}

sp_status sp_pstm_create(const sp_pstm_config *config, const sp_pstm_tile *tile, const sp_pstm_model *model,
                         int n_threads, sp_pstm **out) {
  SP_TRY(sp_pstm_check(config, tile));
  sp_pstm *p = NULL;
  SP_TRY(sp_calloc(1, sizeof *p, "the plan of pstm", &p));
  p->config = *config;
  p->tile = *tile;
  p->n_threads = n_threads;
  p->n_columns = tile->n[0] * tile->n[1];
  p->block_columns = block_columns(config, p->n_columns, n_threads);
  p->bank_row = sp_pstm_bank_row(config);
  p->bank_floats = p->bank_row * sp_pstm_bank_rows(config);
  p->points = points_shape(config, tile, model);
  p->isa = sp_isa_select();
  p->ops = select_ops(p->isa);
  const sp_status status = allocate(p, model->eta);
  if (status != SP_SUCCESS) {
    sp_pstm_destroy(p);
    return status;
  }
  sp_pstm_terms_set(config, model->eta, &p->terms);
  sp_pstm_points_set(config, model, &p->terms, &p->points);
  if (p->deepest) set_deepest(p);
  p->config.aperture_by_tau = NULL; /* was borrowed */
  *out = p;
  return SP_SUCCESS;
}

void sp_pstm_destroy(sp_pstm *p) {
  if (!p) return;
  sp_pstm_filter_destroy(p->filter);
  for (int i = 0; i < p->n_threads; i++) {
    if (p->sum) sp_free(p->sum[i]);
    if (p->hits) sp_free(p->hits[i]);
  }
  sp_free(p->sum);
  sp_free(p->hits);
  sp_free(p->bank);
  sp_free(p->deepest);
  sp_free(p->points.quarter);
  sp_free(p->points.aperture);
  sp_free(p->points.slowness_2);
  sp_free(p->points.factor);
  sp_free(p->points.fourth);
  sp_free(p->points.far);
  sp_free(p->points.depth_2);
  sp_free(p);
}

const char *sp_pstm_isa(const sp_pstm *p) {
  return sp_isa_name(p->isa);
}

double sp_pstm_peak(sp_pstm *p, int thread, const float *samples) {
  return sp_pstm_filter_trace(p->filter, thread, samples);
}

bool sp_pstm_prepare(sp_pstm *p, int thread, uint32_t i, const sp_pstm_trace *trace, const float *samples) {
  batch_trace *s = &p->traces[i];
  const double peak = sp_pstm_filter_trace(p->filter, thread, samples);
  s->present = peak > 0 && trace->area > 0;
  if (s->present) {
    sp_pstm_position_set(&p->config, trace, &s->position);
    sp_pstm_filter_bank(p->filter, thread, p->bank + i * p->bank_floats);
  }
  return !isnan(peak);
}

void sp_pstm_skip(sp_pstm *p, uint32_t i) {
  p->traces[i].present = false;
}

uint32_t sp_pstm_blocks(const sp_pstm *p) {
  return (p->n_columns + p->block_columns - 1) / p->block_columns;
}

static void column_position(const sp_pstm *p, uint32_t column, double position[2]) {
  position[0] = (p->tile.first[0] + column % p->tile.n[0]) * p->config.grid.step[0];
  position[1] = (p->tile.first[1] + column / p->tile.n[0]) * p->config.grid.step[1];
}

/* How many of the n ascending values are below x. */
static size_t count_below(const float *values, size_t n, float x) {
  size_t low = 0, high = n;
  while (low < high) {
    const size_t middle = (low + high) / 2;
    if (values[middle] < x)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* The samples before this one are beyond the largest dip. tan(dip) is the length of a mean of the vectors m - s and
 * m - r, with weights 1/t_s and 1/t_r, over the depth v tau / 2: no less than the distance of m from the line between s
 * and r over the depth. */
static size_t first_within_dip(const sp_pstm *p, const sp_pstm_ray *ray, size_t row) {
  if (!p->deepest) return 0;
  const float *s = ray->source, x = ray->receiver[0] - s[0], y = ray->receiver[1] - s[1];
  const float length_2 = x * x + y * y, along = -(s[0] * x + s[1] * y);
  const float f = along <= 0 ? 0 : along < length_2 ? along / length_2 : 1;
  const float distance = hypotf(s[0] + f * x, s[1] + f * y);
  const float least = 0.999f * distance / sqrtf(p->terms.dip_end);
  return count_below(p->deepest + row, p->points.padded, least) / PAD * PAD;
}

/* The samples from this one on are read beyond the end of the trace, since t >= tau; that is so of straight rays. */
static size_t end_within_trace(const sp_pstm *p, const sp_pstm_ray *ray) {
  if (p->terms.flags & SP_PSTM_ETA) return p->points.padded;
  const float latest = fmaxf(0.5f * (p->terms.last - ray->start) / p->terms.oversample, 0);
  const size_t n = count_below(p->points.quarter, p->points.padded, 1.001f * latest * latest);
  return (n + PAD - 1) / PAD * PAD;
}

/* Rounds the sums of a column and adds them; returns how many were beyond the limit. */
static uint64_t round_column(const sp_pstm *p, const float *sum, const int32_t *hits, uint32_t column,
                             const sp_pstm_sums *sums) {
  const size_t n_tau = p->config.grid.n_tau, row = p->points.rows > 1 ? column * p->points.padded : 0;
  const float *factor = p->points.factor + row;
  const double unit = ldexp(1, sums->shift);
  int64_t *to = sums->sum + column * n_tau;
  uint32_t *count = sums->hits + column * n_tau, *end = count + n_tau;
  uint64_t beyond = 0;
  for (size_t i = 0; count < end; i++, count++, to++) {
    const double value = (double)(sum[i] * factor[i]);
    *count += (uint32_t)hits[i];
    if (fabs(value) <= sums->limit) {
      *to += (int64_t)rint(value * unit);
    } else {
      beyond++;
    }
  }
  return beyond;
}

uint64_t sp_pstm_add(sp_pstm *p, int thread, uint32_t block, const sp_pstm_sums *sums) {
  const uint32_t first = block * p->block_columns;
  const uint32_t left = p->n_columns - first, n = left < p->block_columns ? left : p->block_columns;
  const size_t padded = p->points.padded;
  float *sum = p->sum[thread];
  int32_t *hits = p->hits[thread];
  bool touched = false;
  memset(sum, 0, n * padded * sizeof *sum);
  memset(hits, 0, n * padded * sizeof *hits);
  for (uint32_t i = 0; i < SP_PSTM_BATCH; i++) {
    if (!p->traces[i].present) continue;
    for (uint32_t c = 0; c < n; c++) {
      double position[2];
      column_position(p, first + c, position);
      const sp_pstm_ray ray = sp_pstm_ray_to(&p->terms, &p->traces[i].position, position);
      if (!(ray.weight > 0)) continue;
      const size_t row = p->points.rows > 1 ? (first + c) * padded : 0;
      const sp_pstm_column column = {
          &p->terms,        &p->points,       row, first_within_dip(p, &ray, row), end_within_trace(p, &ray),
          sum + c * padded, hits + c * padded};
      p->ops->add(&column, &ray, p->bank + i * p->bank_floats, p->bank_row);
      touched = true;
    }
  }
  uint64_t beyond = 0;
  for (uint32_t c = 0; touched && c < n; c++) {
    beyond += round_column(p, sum + c * padded, hits + c * padded, first + c, sums);
  }
  return beyond;
}
