/* SPDX-License-Identifier: BSD-3-Clause */
/* fk_denoise on the CPU: plans, and what is done with each box of a gather. */
#include <math.h>
#include <string.h>

#include "kernels/common/isa.h"
#include "kernels/fk_denoise/cpu.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"

/* What the largest boxes need. */
typedef struct sizes {
  size_t planes, plane, line, points, spectrum, values, slabs; /* planes: floats of all times */
  size_t window, i_window, j_reach, slab, lines;
} sizes;

typedef struct fkd_plan {
  sp_plan base;
  sp_fkd_params params;
  double interval_s;
  uint32_t n_samples, room; /* nodes that a gather may have */
  const sp_fkd_kernels *kernels;
  sp_fkd_fft fft_t, fft[SP_FKD_MAX_ACROSS + 1]; /* by length; n 0: none */
  float *twiddles_t, *twiddles[SP_FKD_MAX_ACROSS + 1];
  sizes sizes;
  size_t thread_bytes;
  char *memory; /* [n_threads][thread_bytes] */
} fkd_plan;

static const sp_fkd_kernels *choose_kernels(void) {
#if defined(__x86_64__)
  const sp_isa isa = sp_isa_select();
  if (isa == SP_ISA_AVX512) return &sp_fkd_kernels_avx512;
  if (isa == SP_ISA_AVX2) return &sp_fkd_kernels_avx2;
#endif
  return &sp_fkd_kernels_portable;
}

/* --- memory of a thread -------------- */

static size_t larger(size_t a, size_t b) {
  return a > b ? a : b;
}

static void include_box(const fkd_plan *p, uint32_t n_i, uint32_t n_j, sizes *s) {
  const sp_fkd_layout l = sp_fkd_make_layout(&p->params, p->interval_s, p->n_samples, n_i, n_j);
  const size_t rows = (size_t)n_i * n_j * sp_fkd_level_row(&l);
  s->planes = larger(s->planes, larger(l.t.n * l.plane, rows));
  s->plane = larger(s->plane, l.plane);
  s->line = larger(s->line, l.line);
  s->points = larger(s->points, l.points);
  s->spectrum = larger(s->spectrum, (size_t)(l.t.window + 2) * l.spectrum_row);
  s->values = larger(s->values, (size_t)l.n_windows * l.points);
  s->slabs = l.t.count;
  s->window = l.t.window;
  s->i_window = larger(s->i_window, l.i.window);
  s->j_reach = larger(s->j_reach, l.j.window + l.j.step);
  s->slab = larger(s->slab, l.t.window * l.plane);
  if (l.i.window > 1) s->lines = larger(s->lines, l.t.window * l.i.window * l.line);
}

/* Windows are the same for all lengths above the longest window but for odd and even ones, so the longest boxes of both
 * kinds are the largest, or one of the short ones. */
static sizes find_sizes(const fkd_plan *p) {
  sizes s = {0};
  const uint32_t most_i = p->params.grid.n ? (uint32_t)sqrt((double)p->room) : 1, few = 2 * SP_FKD_MAX_ACROSS;
  for (uint32_t n_i = 1; n_i <= most_i; n_i++) {
    const uint32_t n_j = p->room / n_i;
    include_box(p, n_i, n_j, &s);
    if (n_j > 1) include_box(p, n_i, n_j - 1, &s);
    for (uint32_t n = 1; n <= few && n < n_j; n++) include_box(p, n_i, n, &s);
  }
  return s;
}

/* Takes n elements from *end on, aligned; `memory` NULL only counts. */
static void *reserve(char *memory, size_t *end, size_t n, size_t size) {
  void *block = memory ? memory + *end : NULL;
  *end += (n * size + SP_ALIGNMENT - 1) / SP_ALIGNMENT * SP_ALIGNMENT;
  return block;
}

/* Lays out a thread's memory; returns its bytes. Vectors may reach a little beyond what they are of. */
static size_t lay_out(const fkd_plan *p, char *memory, sp_fkd_work *w, sp_fkd_boxes *b) {
  const sizes *s = &p->sizes;
  const size_t f = sizeof(float), word = sizeof(uint32_t), n_f = s->window / 2 + 1, room = p->room, spare = 64;
  const size_t transform = 4 * SP_FKD_MAX_WINDOW, lanes = p->kernels->lanes;
  size_t end = 0;
  w->in = reserve(memory, &end, s->planes + spare, f);
  w->out = reserve(memory, &end, s->planes + spare, f);
  w->bad = reserve(memory, &end, room * p->n_samples, 1);
  w->stands_out = reserve(memory, &end, room, 1);
  w->slab = reserve(memory, &end, s->slab + spare, f);
  w->lines = reserve(memory, &end, s->lines + spare, f);
  w->spectrum = reserve(memory, &end, (2 * s->spectrum + transform) * lanes, f);
  w->strong = reserve(memory, &end, n_f * s->points, word);
  w->weak = reserve(memory, &end, n_f * s->points, word);
  w->keep = reserve(memory, &end, n_f * s->points, word);
  w->near = reserve(memory, &end, 2 * s->points, word);
  w->values_room = s->values + spare;
  w->powers = reserve(memory, &end, n_f * w->values_room, f);
  w->select = reserve(memory, &end, 3 * (s->values + spare), f);
  w->alive = reserve(memory, &end, s->plane + spare, word);
  w->noise = reserve(memory, &end, s->slabs * n_f, sizeof(double));
  w->level = reserve(memory, &end, s->slabs * n_f, sizeof(double));
  w->high = reserve(memory, &end, n_f, f);
  w->low = reserve(memory, &end, n_f, f);
  w->analysis = reserve(memory, &end, s->points * s->window, f);
  w->synthesis = reserve(memory, &end, s->points * s->window, f);
  w->time_at = reserve(memory, &end, s->window, sizeof(size_t));
  w->line_at = reserve(memory, &end, s->i_window, sizeof(size_t));
  w->trace_at = reserve(memory, &end, s->j_reach, sizeof(size_t));
  w->opposite = reserve(memory, &end, s->points, word);
  w->rows = reserve(memory, &end, SP_FKD_ROWS * (p->n_samples + 2 * (size_t)SP_FKD_MAX_WINDOW), f);
  w->guard = reserve(memory, &end, 45 * s->plane + spare, f);
  w->histogram = reserve(memory, &end, 65536, word);
  w->live_at = reserve(memory, &end, room, sizeof(size_t));
  w->node_in = reserve(memory, &end, room, sizeof *w->node_in);
  w->node_out = reserve(memory, &end, room, sizeof *w->node_out);
  b->room = (uint32_t)room;
  b->first = reserve(memory, &end, room, word);
  b->n_i = reserve(memory, &end, room, word);
  b->n_j = reserve(memory, &end, room, word);
  b->node = reserve(memory, &end, room, word);
  b->sorted = reserve(memory, &end, 2 * room, sizeof(double));
  b->rank_i = reserve(memory, &end, room, word);
  b->rank_j = reserve(memory, &end, 3 * room, word);
  return end;
}

/* --- plan -------------- */

static void destroy(sp_plan *base) {
  fkd_plan *p = (fkd_plan *)base;
  if (!p) return;
  sp_free(p->twiddles_t);
  for (uint32_t n = 0; n <= SP_FKD_MAX_ACROSS; n++) sp_free(p->twiddles[n]);
  sp_free(p->memory);
  sp_free(p);
}

/* Transforms of every length that a window may have across. */
static sp_status plan_transforms(fkd_plan *p) {
  const sp_fkd_axis t = sp_fkd_time_axis(&p->params, p->interval_s, p->n_samples);
  SP_TRY(sp_fkd_fft_plan(t.window, &p->fft_t, &p->twiddles_t, NULL));
  for (uint32_t n = 1; n <= p->room && n <= 4 * SP_FKD_MAX_ACROSS; n++) {
    const uint32_t w = sp_fkd_trace_axis(&p->params, n).window;
    if (!p->fft[w].n) SP_TRY(sp_fkd_fft_plan(w, &p->fft[w], &p->twiddles[w], NULL));
  }
  return SP_SUCCESS;
}

static sp_status plan_parts(fkd_plan *p, const sp_geometry *geometry) {
  sp_fkd_work work;
  sp_fkd_boxes boxes;
  void *block;
  p->kernels = choose_kernels();
  if (p->n_samples < SP_FKD_LEAST_SAMPLES) return SP_SUCCESS;
  p->sizes = find_sizes(p);
  SP_TRY(plan_transforms(p));
  p->thread_bytes = lay_out(p, NULL, &work, &boxes);
  SP_TRY(sp_calloc(p->thread_bytes, (size_t)geometry->n_threads, "work of fk_denoise", &block));
  p->memory = block;
  sp_debug("fk_denoise: window %zu samples, %.1f MB of memory a thread", p->sizes.window,
           1e-6 * (double)p->thread_bytes);
  return SP_SUCCESS;
}

static sp_status plan(const void *values, const sp_geometry *geometry, sp_plan **out) {
  void *block;
  SP_TRY(sp_calloc(1, sizeof(fkd_plan), "the plan of fk_denoise", &block));
  fkd_plan *p = block;
  p->base = (sp_plan){.ops = &sp_fk_denoise_cpu, .locality = SP_LOCAL_GATHER, .block_traces = 1, .takes_dead = true};
  p->params = *(const sp_fkd_params *)values;
  p->base.compares = !sp_words_have(&p->params.line, "delrt"); /* lines begin at one time */
  p->interval_s = geometry->sample_interval_s;
  p->n_samples = geometry->n_samples;
  p->room = geometry->max_traces ? geometry->max_traces : 1;
  if (p->params.grid.n) p->room *= SP_FKD_MAX_EMPTY;
  const sp_status status = plan_parts(p, geometry);
  if (status != SP_SUCCESS) {
    destroy(&p->base);
    return status;
  }
  *out = &p->base;
  return SP_SUCCESS;
}

/* --- a box -------------- */

static double taper(uint32_t m, uint32_t n) {
  return n == 1 ? 1 : sin(M_PI * (m + 0.5) / n);
}

/* Tapers to and fro, places and opposite wavenumbers of a window. */
static void set_tables(sp_fkd_box *box) {
  const sp_fkd_layout *l = &box->layout;
  const uint32_t n_t = l->t.window, n_i = l->i.window, n_j = l->j.window;
  const double norm = sp_fkd_norm(&l->t, &l->i, &l->j);
  for (uint32_t i = 0; i < n_i; i++) {
    for (uint32_t j = 0; j < n_j; j++) {
      const uint32_t point = i * n_j + j;
      const double across = taper(i, n_i) * taper(j, n_j);
      box->work.opposite[point] = (n_i - i) % n_i * n_j + (n_j - j) % n_j;
      for (uint32_t t = 0; t < n_t; t++) {
        box->work.analysis[(size_t)point * n_t + t] = (float)(across * taper(t, n_t));
        box->work.synthesis[(size_t)point * n_t + t] = (float)(norm * across * taper(t, n_t));
      }
    }
  }
  for (uint32_t j = 0; j < n_j + l->j.step; j++) box->work.trace_at[j] = sp_fkd_place(l, j);
}

static bool is_dead(const float *x, uint32_t n, float *largest) {
  float most = 0;
  bool finite = true;
  for (uint32_t t = 0; t < n; t++) {
    const float a = fabsf(x[t]);
    finite &= a <= 3.4028235e38f;
    most = a > most ? a : most;
  }
  if (finite && most > *largest) *largest = most;
  return !finite || most == 0;
}

/* Finds the live traces of a box and its scale; returns how many. */
static uint32_t find_rows(const fkd_plan *p, const sp_block *block, const int32_t *node, uint32_t n, sp_fkd_box *box) {
  uint32_t live = 0;
  float largest = 0;
  for (uint32_t k = 0; k < n; k++) {
    const size_t at = node[k] < 0 ? 0 : (size_t)node[k] * p->n_samples;
    box->work.node_in[k] = node[k] < 0 || is_dead(block->in + at, p->n_samples, &largest) ? NULL : block->in + at;
    box->work.node_out[k] = node[k] < 0 ? NULL : block->out + at;
    live += box->work.node_in[k] != NULL;
  }
  int exponent;
  frexpf(largest, &exponent);
  box->scale = ldexpf(1, exponent > -126 ? -exponent : 126);
  return live;
}

/* How many passes are to follow the first, and what they replace. With a number of passes given, what stands out is
 * bad in the first pass only, for it may prove right, and what a pass leaves far off is replaced in the next. */
typedef struct course {
  bool bad, stay_bad, outliers;
  int further;
} course;

static course find_course(const fkd_plan *p, const sp_fkd_box *box, bool has_dead) {
  const int robust = p->params.robust;
  const bool given = robust > 0, by_itself = robust == SP_PARAM_AUTO;
  course c = {.further = given ? robust : has_dead, .outliers = given};
  if (robust == 0) return c;
  c.bad = sp_fkd_find_bad(p->kernels, box, by_itself) > 0;
  c.stay_bad = c.bad && by_itself;
  if (c.stay_bad) c.further = 1;
  return c;
}

/* Mean, least and largest of the noise's standard deviation, over slabs and frequencies. */
static void log_noise(const sp_fkd_box *box) {
  const sp_fkd_layout *l = &box->layout;
  const size_t n = (size_t)l->t.count * (l->t.window / 2 + 1);
  double sum = 0, least = INFINITY, most = 0;
  /* powers are four times too large: spectra are doubled */
  const double energy =
      4 * 0.5 * l->t.window * (l->i.window > 1 ? 0.5 * l->i.window : 1) * (l->j.window > 1 ? 0.5 * l->j.window : 1);
  for (size_t i = 0; i < n; i++) {
    const double sigma = sqrt(box->work.level[i] / energy) / (double)box->scale;
    sum += sigma;
    least = fmin(least, sigma);
    most = fmax(most, sigma);
  }
  sp_debug("fk_denoise: noise %.4g, from %.4g to %.4g over times and frequencies, traces %u", sum / (double)n, least,
           most, l->i.n * l->j.n);
}

static void process(const fkd_plan *p, sp_fkd_box *box, bool has_dead) {
  const sp_fkd_kernels *kernels = p->kernels;
  set_tables(box);
  const course c = find_course(p, box, has_dead);
  kernels->load(box, c.bad, 0, box->work.in);
  sp_fkd_pass(kernels, box);
  for (int i = 0; i < c.further; i++) {
    kernels->load(box, c.stay_bad, NAN, box->work.in);
    sp_fkd_replace_bad(box, c.outliers);
    sp_fkd_pass(kernels, box);
  }
  if (sp_log_get_level() >= SP_LOG_DEBUG) log_noise(box);
  kernels->guard(box);
  kernels->store(box, box->work.out, box->work.node_out);
}

/* --- apply -------------- */

static void apply_box(const fkd_plan *p, const sp_block *block, const sp_fkd_boxes *boxes, uint32_t number,
                      const sp_fkd_work *work) {
  const uint32_t n_i = boxes->n_i[number], n_j = boxes->n_j[number], n = n_i * n_j;
  const int32_t *node = boxes->node + boxes->first[number];
  const size_t bytes = p->n_samples * sizeof(float);
  sp_fkd_box box = {.layout = sp_fkd_make_layout(&p->params, p->interval_s, p->n_samples, n_i, n_j),
                    .high2 = p->params.high * p->params.high,
                    .work = *work,
                    .rows = work->node_in};
  box.low2 = sp_fkd_low2(&p->params, box.layout.i.window, box.layout.j.window);
  box.fft_t = &p->fft_t;
  box.fft_i = &p->fft[box.layout.i.window];
  box.fft_j = &p->fft[box.layout.j.window];
  box.band = sp_fkd_select(&p->params, p->interval_s, box.layout.t.window);
  const uint32_t live = find_rows(p, block, node, n, &box);
  if (live >= SP_FKD_LEAST_TRACES) process(p, &box, live < n);
  for (uint32_t k = 0; k < n; k++) {
    if (node[k] < 0) continue;
    float *out = block->out + (size_t)node[k] * p->n_samples;
    if (live < SP_FKD_LEAST_TRACES) memcpy(out, block->in + (size_t)node[k] * p->n_samples, bytes);
    if (!work->node_in[k]) memset(out, 0, bytes);
  }
}

static uint32_t count_live(const fkd_plan *p, const sp_block *block) {
  uint32_t live = 0;
  float largest = 0;
  for (uint32_t i = 0; i < block->n_traces && live < SP_FKD_LEAST_TRACES; i++) {
    live += !is_dead(block->in + (size_t)i * p->n_samples, p->n_samples, &largest);
  }
  return live;
}

static sp_reason apply(const sp_plan *base, int thread, const sp_block *block) {
  const fkd_plan *p = (const fkd_plan *)base;
  const size_t bytes = (size_t)block->n_traces * p->n_samples * sizeof(float);
  if (p->n_samples < SP_FKD_LEAST_SAMPLES || count_live(p, block) < SP_FKD_LEAST_TRACES) {
    memcpy(block->out, block->in, bytes);
    return SP_REASON_TOO_SHORT;
  }
  sp_fkd_work work;
  sp_fkd_boxes boxes;
  lay_out(p, p->memory + (size_t)thread * p->thread_bytes, &work, &boxes);
  const sp_reason reason = sp_fkd_cut(&p->params, block->n_traces, block->headers, &boxes);
  if (reason != SP_REASON_OK) return reason;
  for (uint32_t b = 0; b < boxes.n; b++) apply_box(p, block, &boxes, b, &work);
  return SP_REASON_OK;
}

const sp_cpu_ops sp_fk_denoise_cpu = {plan, apply, destroy};
