/* Wavelet thresholding on the CPU. */
#include <math.h>
#include <string.h>

#include "kernels/dwt.h"
#include "seisproc/memory.h"

typedef struct dwt_plan {
  sp_plan base;
  sp_dwt_params params;
  int levels; /* 0: traces are too short */
  int taps;
  float dec_lo[SP_WAVELET_MAX_TAPS], dec_hi[SP_WAVELET_MAX_TAPS];
  float rec_lo[SP_WAVELET_MAX_TAPS], rec_hi[SP_WAVELET_MAX_TAPS];
  size_t length[SP_DWT_MAX_LEVEL + 1]; /* of the approximation at each level; 0: the trace */
  size_t start[SP_DWT_MAX_LEVEL + 1];  /* of the detail of each level in the coefficients */
  size_t coefficients;
  size_t work_floats; /* a thread */
  float *work;
} dwt_plan;

static void destroy(sp_plan *base) {
  dwt_plan *p = (dwt_plan *)base;
  if (!p) return;
  sp_free(p->work);
  sp_free(p);
}

static void set_filters(dwt_plan *p) {
  sp_wavelet w;
  sp_wavelet_get(p->params.wavelet, &w);
  p->taps = w.taps;
  for (int i = 0; i < w.taps; i++) {
    p->dec_lo[i] = (float)w.dec_lo[i];
    p->dec_hi[i] = (float)w.dec_hi[i];
    p->rec_lo[i] = (float)w.rec_lo[i];
    p->rec_hi[i] = (float)w.rec_hi[i];
  }
}

static void set_layout(dwt_plan *p, size_t n_samples) {
  p->length[0] = n_samples;
  for (int j = 1; j <= p->levels; j++) {
    p->length[j] = sp_wavelet_band_length(p->length[j - 1], p->taps);
    p->start[j] = p->coefficients;
    p->coefficients += p->length[j];
  }
  /* two approximations, the extended signal, and the magnitudes that a median is taken of */
  const size_t n = n_samples + 2 * SP_WAVELET_MAX_TAPS;
  p->work_floats = (p->coefficients + 4 * n + 15) / 16 * 16;
}

static sp_status plan(const void *values, const sp_geometry *geometry, sp_plan **out) {
  const sp_dwt_params *params = values;
  if (params->transform != SP_DWT_DWT || params->aperture > 1) {
    return SP_RAISE(SP_ERR_USAGE, "dwt: only transform dwt with aperture 1 is available");
  }
  void *block;
  SP_TRY(sp_calloc(1, sizeof(dwt_plan), "the plan of dwt", &block));
  dwt_plan *p = block;
  p->base = (sp_plan){.ops = &sp_dwt_cpu, .locality = SP_LOCAL_TRACE, .block_traces = 64};
  p->params = *params;
  p->levels = sp_dwt_levels(params, geometry->n_samples);
  set_filters(p);
  set_layout(p, geometry->n_samples);
  sp_status status = sp_alloc(p->work_floats * sizeof(float) * (size_t)geometry->n_threads, "work of dwt", &block);
  if (status != SP_SUCCESS) {
    destroy(&p->base);
    return status;
  }
  p->work = block;
  *out = &p->base;
  return SP_SUCCESS;
}

/* x[-taps + 1 ... n + taps - 1] from x[0 ... n - 1], mirrored about half samples. n >= taps - 1. */
static void extend(float *x, size_t n, int taps) {
  for (int i = 0; i < taps - 1; i++) {
    x[-1 - i] = x[i];
    x[n + (size_t)i] = x[n - 1 - (size_t)i];
  }
}

static void analyse(const dwt_plan *p, const float *x, size_t n_out, float *lo, float *hi) {
  for (size_t k = 0; k < n_out; k++) {
    float a = 0, d = 0;
    for (int j = 0; j < p->taps; j++) {
      const float v = x[(ptrdiff_t)(2 * k) + 1 - j];
      a += p->dec_lo[j] * v;
      d += p->dec_hi[j] * v;
    }
    lo[k] = a;
    hi[k] = d;
  }
}

static void synthesise(const dwt_plan *p, const float *lo, const float *hi, size_t n_out, float *x) {
  const size_t half = (size_t)p->taps / 2;
  for (size_t m = 0; m < n_out; m++) {
    const float *rec_lo = p->rec_lo + (m & 1), *rec_hi = p->rec_hi + (m & 1);
    const size_t last = m / 2 + half - 1;
    float sum = 0;
    for (size_t j = 0; j < half; j++) sum += lo[last - j] * rec_lo[2 * j] + hi[last - j] * rec_hi[2 * j];
    x[m] = sum;
  }
}

static uint32_t magnitude_bits(float x) {
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits & 0x7fffffffu;
}

static float from_bits(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

/* Puts the k-th smallest at v[k], smaller ones before it. Integers: NaN has an order too, so this ends. */
static void select_nth(uint32_t *v, size_t n, size_t k) {
  size_t left = 0, right = n - 1;
  while (left < right) {
    const uint32_t pivot = v[left + (right - left) / 2];
    size_t i = left, j = right;
    while (i <= j) {
      while (v[i] < pivot) i++;
      while (v[j] > pivot) j--;
      if (i > j) break;
      const uint32_t swap = v[i];
      v[i++] = v[j];
      v[j] = swap;
      if (j-- == 0) break;
    }
    if (k <= j && j < n) {
      right = j;
    } else if (k >= i) {
      left = i;
    } else {
      return;
    }
  }
}

/* Median of |x|; of an even number the mean of the middle two. */
static double median_magnitude(const float *x, size_t n, uint32_t *v) {
  for (size_t i = 0; i < n; i++) v[i] = magnitude_bits(x[i]);
  select_nth(v, n, n / 2);
  const double upper = from_bits(v[n / 2]);
  if (n & 1) return upper;
  uint32_t below = v[0];
  for (size_t i = 1; i < n / 2; i++) below = v[i] > below ? v[i] : below;
  return 0.5 * (upper + (double)from_bits(below));
}

static void shrink(int threshold, float *x, size_t n, float limit) {
  for (size_t i = 0; i < n; i++) {
    const float size = fabsf(x[i]);
    if (size < limit) {
      x[i] = 0;
    } else if (threshold == SP_DWT_SOFT) {
      x[i] -= copysignf(limit, x[i]);
    } else if (threshold == SP_DWT_GARROTE && size > 0) {
      x[i] -= limit * (limit / x[i]);
    }
  }
}

static void denoise_trace(const dwt_plan *p, float *work, const float *in, float *out) {
  float *details = work, *spare = details + p->coefficients;
  const size_t stride = p->length[0] + 2 * SP_WAVELET_MAX_TAPS;
  float *a = spare + SP_WAVELET_MAX_TAPS, *b = a + stride;
  memcpy(a, in, p->length[0] * sizeof *a);
  for (int j = 1; j <= p->levels; j++) {
    extend(a, p->length[j - 1], p->taps);
    analyse(p, a, p->length[j], b, details + p->start[j]);
    float *swap = a;
    a = b;
    b = swap;
  }
  const int from = p->params.noise_level == SP_DWT_FINEST ? 1 : p->levels;
  const double median = median_magnitude(details + p->start[from], p->length[from], (uint32_t *)(spare + 2 * stride));
  const float limit = (float)(p->params.k * median / SP_DWT_MEDIAN_TO_SIGMA);
  shrink(p->params.threshold, details, p->coefficients, limit);
  for (int j = p->levels; j > 0; j--) {
    synthesise(p, a, details + p->start[j], p->length[j - 1], b);
    float *swap = a;
    a = b;
    b = swap;
  }
  memcpy(out, a, p->length[0] * sizeof *out);
}

static sp_reason apply(const sp_plan *base, int thread, const sp_block *block) {
  const dwt_plan *p = (const dwt_plan *)base;
  if (p->levels == 0) return SP_REASON_TOO_SHORT;
  float *work = p->work + (size_t)thread * p->work_floats;
  for (uint32_t i = block->first; i < block->first + block->count; i++) {
    const size_t start = (size_t)i * p->length[0];
    denoise_trace(p, work, block->in + start, block->out + start);
  }
  return SP_REASON_OK;
}

const sp_cpu_ops sp_dwt_cpu = {plan, apply, destroy};
