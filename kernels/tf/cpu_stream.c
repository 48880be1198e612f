/* SPDX-License-Identifier: BSD-3-Clause */
/* The way of a gather through `tf`: spectra of the traces in view, their median and gain, and back. */
#include "kernels/tf/cpu.h"

enum { MAX_ROWS = SP_TF_MAX_STRIP + SP_TF_MAX_APERTURE - 1 };

/* Kernels may store one vector past the end; an odd number of cache lines spreads the rows over a cache's sets. */
static size_t row_floats(const sp_tf_layout *layout) {
  return (sp_tf_padded(layout->coefficients) + SP_TF_PAD) / SP_TF_PAD / 2 * 2 * SP_TF_PAD + SP_TF_PAD;
}

/* Magnitudes, real and imaginary parts. */
enum { PARTS = 3 };

size_t sp_tf_reserve(size_t *end, size_t floats) {
  const size_t at = *end;
  *end += sp_tf_padded(floats);
  return at;
}

void sp_tf_set_smoothing(sp_tf_smoothing *s, double coefficients, size_t times, size_t stride, float *inverse) {
  *s = (sp_tf_smoothing){.run = times * stride, .stride = stride, .inverse = inverse};
  s->half = coefficients / 2 < (double)times ? (size_t)(coefficients / 2 + 1e-9) : times;
  for (size_t i = 0; i < times; i++) {
    const size_t before = i < s->half ? i : s->half, after = times - 1 - i < s->half ? times - 1 - i : s->half;
    for (size_t l = 0; l < stride; l++) inverse[i * stride + l] = 1.0f / (float)(before + 1 + after);
  }
}

size_t sp_tf_stream_floats(const sp_tf_layout *layout) {
  const size_t row = row_floats(layout);
  size_t floats = (layout->strip + 2 * layout->half_aperture) * PARTS * row;
  if (layout->smoothing_line) floats += 2 * layout->strip * row + sp_tf_padded(layout->smoothing_line) + SP_TF_PAD;
  return floats;
}

/* Rows of traces in view, in the order of the traces. A trace keeps its place in memory while it is needed. */
typedef struct view {
  float *mag[MAX_ROWS], *re[MAX_ROWS], *im[MAX_ROWS];
  float *gain[SP_TF_MAX_STRIP], *median[SP_TF_MAX_STRIP];
  sp_tf_level level[MAX_ROWS];
  bool resynthesise[SP_TF_MAX_STRIP];
} view;

static void place_row(view *v, const sp_tf_layout *layout, uint32_t trace, uint32_t base, float *memory) {
  const size_t row = row_floats(layout), held = layout->strip + 2 * layout->half_aperture;
  float *at = memory + trace % held * PARTS * row;
  v->mag[trace - base] = at;
  v->re[trace - base] = at + row;
  v->im[trace - base] = at + 2 * row;
}

static float *place_work(view *v, const sp_tf_layout *layout, float *memory) {
  const size_t row = row_floats(layout);
  float *at = memory + (layout->strip + 2 * layout->half_aperture) * PARTS * row;
  for (uint32_t i = 0; i < layout->strip; i++) {
    v->gain[i] = at + 2 * i * row;
    v->median[i] = v->gain[i] + row;
  }
  return at + 2 * layout->strip * row;
}

/* Levels stay with their traces as the view moves on to a strip `by` traces further. */
static void move_levels(view *v, uint32_t by) {
  for (uint32_t i = by; i < MAX_ROWS; i++) v->level[i - by] = v->level[i];
}

static void set_resynthesise(view *v, const sp_tf_pass *pass, const sp_tf_strip *strip) {
  for (uint32_t i = 0; i < strip->count; i++) {
    const uint32_t trace = strip->first + i, half = strip->half_aperture;
    const uint32_t low = trace > half ? trace - half : 0, reach = trace + half + 1;
    const uint32_t high = reach < strip->n_traces ? reach : strip->n_traces;
    const sp_tf_level *own = &v->level[trace - strip->base], *aperture = &v->level[low - strip->base];
    v->resynthesise[i] = pass->may_resynthesise && sp_tf_is_resynthesised(*own, pass->n_samples, aperture, high - low);
  }
}

void sp_tf_stream(const sp_tf_layout *layout, const sp_tf_pass *pass, const sp_block *block, uint32_t half_aperture,
                  float *memory) {
  view v;
  const uint32_t block_end = block->first + block->count;
  sp_tf_strip strip = {.rule = pass->rule,
                       .smoothing = pass->smoothing,
                       .n_traces = block->n_traces,
                       .half_aperture = half_aperture,
                       .coefficients = sp_tf_padded(pass->coefficients),
                       .resynthesise = v.resynthesise,
                       .mag = v.mag,
                       .re = v.re,
                       .im = v.im,
                       .gain = v.gain,
                       .median = v.median,
                       .exact = pass->exact,
                       .context = pass->context};
  if (layout->smoothing_line) strip.line = place_work(&v, layout, memory);
  uint32_t next = block->first > half_aperture ? block->first - half_aperture : 0;
  strip.base = next;
  for (strip.first = block->first; strip.first < block_end; strip.first += layout->strip) {
    const uint32_t base = strip.first > half_aperture ? strip.first - half_aperture : 0;
    const uint32_t left = block_end - strip.first;
    strip.count = left < layout->strip ? left : layout->strip;
    move_levels(&v, base - strip.base);
    strip.base = base;
    const uint32_t reach = strip.first + strip.count + half_aperture;
    const uint32_t end = reach < block->n_traces ? reach : block->n_traces;
    for (uint32_t trace = base; trace < end; trace++) place_row(&v, layout, trace, base, memory);
    for (; next < end; next++) {
      const uint32_t i = next - base;
      v.level[i] = pass->analyse(pass->context, next, v.mag[i], v.re[i], v.im[i]);
    }
    set_resynthesise(&v, pass, &strip);
    pass->kernels->shrink(&strip);
    for (uint32_t i = 0; i < strip.count; i++) {
      const uint32_t row = strip.first + i - base;
      pass->synthesise(pass->context, strip.first + i, v.resynthesise[i], v.re[row], v.im[row]);
    }
  }
}
