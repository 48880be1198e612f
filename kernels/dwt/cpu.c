/* SPDX-License-Identifier: BSD-3-Clause */
/* Wavelet thresholding on the CPU: transform, threshold, inverse, a trace at a time.
 *
 * With an aperture the coefficients of the traces in reach stay in a ring of rows, so that each trace is transformed
 * once a block.
 */
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "kernels/dwt/cpu_noise.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"

typedef struct dwt_plan {
  sp_plan base;
  sp_dwt_params params;
  sp_dwt_layout layout; /* unless too_short */
  sp_dwt_noise noise;   /* unless too_short */
  bool by_gather;       /* thresholds are chosen by all of a gather */
  bool too_short;
  int n_rows;        /* in a ring */
  bool pairs, slide; /* how windows of the aperture are sorted; best bases differ from trace to trace, so neither */
  int n_threads;
  sp_dwt_work *work;
  atomic_flag *reported; /* that a gather has fewer traces than the aperture */
} dwt_plan;

static void free_work(sp_dwt_work *w) {
  sp_free(w->scratch);
  sp_free(w->result);
  sp_free(w->values);
  sp_free(w->rows);
  sp_free(w->splits);
  sp_free(w->sorted);
  sp_free(w->bands);
  sp_free(w->guess);
  sp_free(w->floor);
  sp_free(w->counts);
  sp_free(w->typical);
}

static void destroy(sp_plan *base) {
  dwt_plan *p = (dwt_plan *)base;
  if (!p) return;
  for (int i = 0; p->work && i < p->n_threads; i++) free_work(&p->work[i]);
  sp_free(p->work);
  sp_dwt_noise_destroy(&p->noise);
  sp_free(p->reported);
  sp_free(p);
}

static sp_status allocate(size_t n, size_t size, void *out) {
  void *block;
  SP_TRY(sp_calloc(n, size, "the work space of dwt", &block));
  memcpy(out, &block, sizeof block);
  return SP_SUCCESS;
}

static sp_status make_work(const dwt_plan *p, sp_dwt_work *w) {
  const sp_dwt_layout *l = &p->layout;
  const size_t n_rows = (size_t)p->n_rows;
  SP_TRY(allocate(l->scratch_floats, sizeof(float), &w->scratch));
  SP_TRY(allocate(2 * l->row_floats, sizeof(float), &w->result));
  const size_t looked_at = p->by_gather ? SP_SURE_MOST_TRACES : 0, values = l->row_floats * 3 + 64;
  SP_TRY(allocate(values > 2 * looked_at + 64 ? values : 2 * looked_at + 64, sizeof(int32_t), &w->values));
  SP_TRY(allocate(n_rows * l->row_floats, sizeof(float), &w->rows));
  SP_TRY(allocate(n_rows * sp_dwt_split_bytes(l), 1, &w->splits));
  SP_TRY(allocate(p->slide ? l->row_floats * n_rows : 0, sizeof(int32_t), &w->sorted));
  SP_TRY(allocate(1, sizeof *w->guess, &w->guess));
  SP_TRY(allocate(p->by_gather ? sp_dwt_max_bands(l) * SP_SURE_BINS : 0, sizeof *w->counts, &w->counts));
  SP_TRY(allocate(looked_at, sizeof *w->typical, &w->typical));
  SP_TRY(allocate(p->noise.floor ? sp_floor_work_bytes() : 0, 1, &w->floor));
  return allocate(sp_dwt_max_bands(l), sizeof(sp_dwt_band), &w->bands);
}

static sp_status plan(const void *values, const sp_geometry *geometry, sp_plan **out) {
  const sp_dwt_params *params = values;
  sp_status status;
  dwt_plan *p;
  SP_TRY(allocate(1, sizeof *p, &p));
  p->params = *params;
  p->base = (sp_plan){.ops = &sp_dwt_cpu, .locality = SP_LOCAL_TRACE, .block_traces = 4};
  p->base.compares = params->aperture > 1;
  if (params->aperture > 1) p->base.locality = SP_LOCAL_BLOCK, p->base.block_traces = 256;
  p->by_gather = sp_dwt_needs_gather(params);
  if (p->by_gather) {
    p->base.locality = SP_LOCAL_GATHER;
    p->base.tells_rows = params->aperture == 1;
    p->base.finding_bytes = sizeof(sp_dwt_findings) + geometry->max_traces * sizeof(double);
  }
  const int levels = sp_dwt_levels(params, geometry->n_samples);
  p->too_short = levels == 0;
  p->n_rows = params->aperture + 1;
  if (!p->too_short) {
    sp_dwt_layout_init(&p->layout, params, geometry->n_samples, levels, sp_isa_select());
    p->pairs = !params->best_basis && p->layout.vector->pair[params->aperture + 1];
    p->slide = !params->best_basis && p->layout.vector->slide[params->aperture];
    p->n_threads = geometry->n_threads;
    SP_TRY_GOTO(fail, sp_dwt_noise_plan(params, &p->layout, &p->noise));
    SP_TRY_GOTO(fail, allocate(1, sizeof *p->reported, &p->reported));
    atomic_flag_clear(p->reported);
    SP_TRY_GOTO(fail, allocate((size_t)p->n_threads, sizeof *p->work, &p->work));
    for (int i = 0; i < p->n_threads; i++) SP_TRY_GOTO(fail, make_work(p, &p->work[i]));
  }
  *out = &p->base;
  return SP_SUCCESS;
fail:
  destroy(&p->base);
  return status;
}

/* --- each trace from itself --------------------------------------------------------------------------------- */

static size_t extent(const sp_dwt_band *band) {
  return (band->count - 1) * band->stride + band->length;
}

/* `shown` is the noise that the trace shows, where that is known; else it is to be found: negative. */
static void denoise_trace(const dwt_plan *p, const sp_dwt_work *w, const sp_dwt_choice *choice, double *shown,
                          const float *in, float *out, bool stream) {
  const sp_dwt_layout *l = &p->layout;
  const sp_dwt_level *level = &choice->level;
  float *row = w->rows;
  sp_dwt_forward(l, in, row, w->splits, w->scratch);
  const size_t n_bands = sp_dwt_bands(l, w->splits, w->bands);
  if (!level->by_level && *shown < 0) *shown = sp_dwt_noise_of_trace(&p->noise, w, row, n_bands);
  for (size_t i = 0; i < n_bands; i++) {
    const sp_dwt_band *b = &w->bands[i];
    if (b->kept) {
      l->vector->multiply(b->factor, row + b->start, extent(b));
    } else {
      const double limit = choice->k[i] * (level->by_level ? level->sigma[i] : level->ratio * *shown);
      l->vector->shrink(p->params.threshold, (float)(limit * b->gain), b->factor, row + b->start, extent(b));
    }
  }
  sp_dwt_inverse(l, row, w->splits, out, stream, w->scratch);
}

/* Whether another k, or another rule, has found the same. */
static bool still_hold(const sp_dwt_findings *found, const sp_dwt_params *p, uint32_t n_traces) {
  const sp_dwt_params *q = &found->params;
  return found->known && found->n_traces == n_traces && q->wavelet == p->wavelet && q->transform == p->transform &&
         q->level == p->level && q->aperture == p->aperture && q->best_basis == p->best_basis &&
         q->noise_level == p->noise_level;
}

static void denoise_traces(const dwt_plan *p, const sp_dwt_work *w, const sp_block *block) {
  sp_dwt_findings *found = block->findings;
  sp_dwt_choice choice;
  const bool known = found && still_hold(found, &p->params, block->n_traces);
  sp_dwt_choose(&p->noise, w, p->by_gather ? block->in : NULL, block->n_traces, known ? &found->level : NULL, &choice);
  for (size_t i = block->first; i < (size_t)block->first + block->count; i++) {
    double shown = known ? found->of_trace[i] : -1;
    denoise_trace(p, w, &choice, &shown, block->in + i * p->layout.n_samples, block->out + i * p->layout.n_samples,
                  block->stream);
    if (found) found->of_trace[i] = shown;
    if (block->row_done) block->row_done(block->row_context, (uint32_t)i);
  }
  if (!found) return;
  found->known = true;
  found->params = p->params;
  found->n_traces = block->n_traces;
  found->level = choice.level;
}

/* --- over neighbouring traces ------------------------------------------------------------------------------- */

/* Rows of coefficients: trace t lies in place t mod n_rows. */
typedef struct ring {
  const dwt_plan *plan;
  const sp_dwt_work *work;
  const sp_block *block;
  size_t next; /* the first trace that was not transformed yet */
} ring;

static float *ring_row(const ring *r, size_t trace) {
  return r->work->rows + trace % (size_t)r->plan->n_rows * r->plan->layout.row_floats;
}

static unsigned char *ring_split(const ring *r, size_t trace) {
  return r->work->splits + trace % (size_t)r->plan->n_rows * sp_dwt_split_bytes(&r->plan->layout);
}

static void transform_until(ring *r, size_t end) {
  const sp_dwt_layout *l = &r->plan->layout;
  for (; r->next < end; r->next++) {
    float *row = ring_row(r, r->next);
    sp_dwt_forward(l, r->block->in + r->next * l->n_samples, row, ring_split(r, r->next), r->work->scratch);
    l->vector->order(row, l->row_floats);
  }
}

static sp_window make_window(const dwt_plan *p, const sp_dwt_band *band) {
  return (sp_window){.threshold = p->params.threshold,
                     .spread = (float)(sp_dwt_k(&p->params) * SP_DWT_MAD_TO_SIGMA),
                     .smallest = 1e-10f * band->gain,
                     .factor = band->factor};
}

static void finish(const ring *r, size_t trace, float *result) {
  const sp_dwt_layout *l = &r->plan->layout;
  sp_dwt_inverse(l, result, ring_split(r, trace), r->block->out + trace * l->n_samples, r->block->stream,
                 r->work->scratch);
}

/* The approximation: back to floats, and scaled. */
static void keep(const ring *r, const sp_dwt_band *b, size_t trace, float *result) {
  const size_t n = extent(b);
  const sp_shrink_functions *vector = r->plan->layout.vector;
  memcpy(result + b->start, ring_row(r, trace) + b->start, n * sizeof *result);
  vector->order(result + b->start, n); /* its own inverse */
  vector->multiply(b->factor, result + b->start, n);
}

/* Points `rows` at one band of the traces first ... first + n - 1. */
static void point(const ring *r, const sp_dwt_band *b, size_t first, size_t n, const int32_t **rows) {
  for (size_t i = 0; i < n; i++) rows[i] = (const int32_t *)ring_row(r, first + i) + b->start;
}

static void denoise_one(ring *r, size_t trace, size_t first, size_t end, bool keep_sorted) {
  const int32_t *rows[SP_DWT_MAX_APERTURE];
  const sp_dwt_layout *l = &r->plan->layout;
  float *result = r->work->result;
  transform_until(r, end);
  const size_t n_rows = end - first, n_bands = sp_dwt_bands(l, ring_split(r, trace), r->work->bands);
  for (size_t i = 0; i < n_bands; i++) {
    const sp_dwt_band *b = &r->work->bands[i];
    const sp_window window = make_window(r->plan, b);
    int32_t *sorted = keep_sorted ? r->work->sorted + n_rows * b->start : NULL;
    point(r, b, first, n_rows, rows);
    if (b->kept) {
      keep(r, b, trace, result);
    } else {
      l->vector->window(&window, rows, (int)n_rows, (int)(trace - first), sorted, result + b->start, extent(b));
    }
  }
  finish(r, trace, result);
}

/* The trace after one whose sorted windows were kept, both with a full window. */
static void denoise_next(ring *r, size_t trace, size_t aperture) {
  const sp_dwt_layout *l = &r->plan->layout;
  float *result = r->work->result;
  const size_t half = aperture / 2;
  transform_until(r, trace + half + 1);
  const size_t n_bands = sp_dwt_bands(l, NULL, r->work->bands);
  for (size_t i = 0; i < n_bands; i++) {
    const sp_dwt_band *b = &r->work->bands[i];
    const sp_window window = make_window(r->plan, b);
    const int32_t *rows[3];
    point(r, b, trace - half - 1, 1, &rows[0]);
    point(r, b, trace + half, 1, &rows[1]);
    point(r, b, trace, 1, &rows[2]);
    if (b->kept) {
      keep(r, b, trace, result);
    } else {
      l->vector->slide[aperture](&window, rows[0], rows[1], rows[2], r->work->sorted + aperture * b->start,
                                 result + b->start, extent(b));
    }
  }
  finish(r, trace, result);
}

/* This trace and the next, both with a full window, in the same basis. */
static void denoise_two(ring *r, size_t trace, size_t n_rows) {
  const int32_t *rows[SP_DWT_MAX_APERTURE + 1];
  const sp_dwt_layout *l = &r->plan->layout;
  const size_t first = trace + 1 - n_rows / 2;
  float *result = r->work->result, *next = result + l->row_floats;
  transform_until(r, first + n_rows);
  const size_t n_bands = sp_dwt_bands(l, NULL, r->work->bands);
  for (size_t i = 0; i < n_bands; i++) {
    const sp_dwt_band *b = &r->work->bands[i];
    const sp_window window = make_window(r->plan, b);
    point(r, b, first, n_rows, rows);
    if (b->kept) {
      keep(r, b, trace, result);
      keep(r, b, trace + 1, next);
    } else {
      l->vector->pair[n_rows](&window, rows, result + b->start, next + b->start, extent(b));
    }
  }
  finish(r, trace, result);
  finish(r, trace + 1, next);
}

static void denoise_block(const dwt_plan *p, const sp_dwt_work *w, const sp_block *block, size_t aperture) {
  const size_t half = aperture / 2, n = block->n_traces, end = (size_t)block->first + block->count;
  const bool as_planned = aperture == (size_t)p->params.aperture;
  bool sorted = false;
  ring r = {p, w, block, block->first < half ? 0 : block->first - half};
  for (size_t t = block->first; t < end; t++) {
    const bool full = as_planned && t >= half && t + half < n;
    if (full && p->pairs && t + 1 < end && t + 1 + half < n) {
      denoise_two(&r, t, aperture + 1);
      t++;
    } else if (full && sorted) {
      denoise_next(&r, t, aperture);
    } else {
      sorted = full && p->slide;
      denoise_one(&r, t, t < half ? 0 : t - half, t + half + 1 < n ? t + half + 1 : n, sorted);
    }
  }
}

static size_t aperture_for(const dwt_plan *p, size_t n_traces) {
  const size_t wanted = (size_t)p->params.aperture;
  if (n_traces >= wanted) return wanted;
  const size_t most = n_traces - (n_traces + 1) % 2;
  if (!atomic_flag_test_and_set(p->reported)) {
    sp_warn("dwt: a gather has %zu of the %zu traces of the aperture: %zu are used there, and in others as small",
            n_traces, wanted, most);
  }
  return most;
}

static sp_reason apply(const sp_plan *base, int thread, const sp_block *block) {
  const dwt_plan *p = (const dwt_plan *)base;
  if (p->too_short) return SP_REASON_TOO_SHORT;
  const size_t aperture = aperture_for(p, block->n_traces);
  if (aperture > 1) {
    denoise_block(p, &p->work[thread], block, aperture);
  } else {
    denoise_traces(p, &p->work[thread], block);
  }
  return SP_REASON_OK;
}

const sp_cpu_ops sp_dwt_cpu = {plan, apply, destroy};
