/* SPDX-License-Identifier: BSD-3-Clause */
/* Thresholding of windows: coefficients are compared with the noise level, those that stay go back to time and are
 * added up. What is decided of a coefficient is one bit a window. Part of each file cpu_kernels_<isa>.c.
 */
#ifndef SEISPROC_KERNELS_FK_DENOISE_CPU_BODY_FILTER_H
#define SEISPROC_KERNELS_FK_DENOISE_CPU_BODY_FILTER_H

/* Leaves A and B in place of Z. */
static void separate_row(const pack *p, uint32_t f, row_pair row) {
  const sp_fkd_layout *l = &p->box->layout;
  const uint32_t *opposite = p->box->work.opposite;
  for (uint32_t k = 0; k < l->points; k++) {
    const uint32_t n = opposite[k];
    if (n < k) continue;
    const fft_complex z_k = row.z[k], z_n = row.z[n], m_k = row.negative[k], m_n = row.negative[n];
    row.a[k] = spectrum_a(z_k, m_n);
    row.b[k] = spectrum_b(z_k, m_n);
    row.a[n] = spectrum_a(z_n, m_k);
    row.b[n] = spectrum_b(z_n, m_k);
  }
}

/* Bits of the coefficients of a frequency that are above the thresholds. */
static void threshold_row(const pack *p, uint32_t f, row_pair row) {
  const sp_fkd_work *w = &p->box->work;
  const uint32_t points = p->box->layout.points, band = f >= p->box->band.first && f <= p->box->band.last;
  const vf high = vf_set(w->high[f]), low = vf_set(w->low[f]);
  const uint32_t valid = band ? p->valid : 0;
  uint32_t *strong = w->strong + (size_t)f * points, *weak = w->weak + (size_t)f * points;
  for (uint32_t k = 0; k < points; k++) {
    const vf a = power(row.a[k]), b = power(row.b[k]);
    strong[k] = (above_bits(a, high) | above_bits(b, high) << SP_LANES) & p->valid;
    weak[k] = (above_bits(a, low) | above_bits(b, low) << SP_LANES) & valid;
  }
}

/* x[k] | x[k - 1] | x[k + 1] of n values `apart` from each other, the ends beside each other. */
static void spread(const uint32_t *x, uint32_t n, uint32_t apart, uint32_t *y) {
  for (uint32_t k = 0; k < n; k++) {
    const uint32_t before = k ? k - 1 : n - 1, after = k + 1 < n ? k + 1 : 0;
    y[k * apart] = x[k * apart] | x[before * apart] | x[after * apart];
  }
}

/* The same of every n values of a row of `points`, and across them of the rows of n. */
static void spread_row(const sp_fkd_layout *l, uint32_t *x, uint32_t *y) {
  const uint32_t n_j = l->j.window, n_i = l->i.window;
  if (n_j > 2) {
    for (uint32_t i = 0; i < n_i; i++) spread(x + i * n_j, n_j, 1, y + i * n_j);
  } else {
    memcpy(y, x, l->points * sizeof *y);
  }
  if (n_i <= 2) return;
  memcpy(x, y, l->points * sizeof *x);
  for (uint32_t i = 0; i < n_i; i++) {
    const uint32_t *above = x + (i ? i - 1 : n_i - 1) * n_j, *below = x + (i + 1 < n_i ? i + 1 : 0) * n_j;
    for (uint32_t j = 0; j < n_j; j++) y[i * n_j + j] |= above[j] | below[j];
  }
}

/* work.keep: what is strong, and what is above the lower threshold beside it. Whether there is any. */
static bool decide(const pack *p) {
  const sp_fkd_layout *l = &p->box->layout;
  const sp_fkd_work *w = &p->box->work;
  const uint32_t n = l->points, last = l->t.window / 2;
  uint32_t *near = w->near, *beside = near + n, any = 0;
  for (uint32_t f = p->box->band.first; f <= p->box->band.last && f <= last; f++) {
    const uint32_t *here = w->strong + (size_t)f * n, *below = f > 0 ? here - n : here,
                   *above = f < last ? here + n : here;
    const uint32_t *weak = w->weak + (size_t)f * n;
    uint32_t *keep = w->keep + (size_t)f * n, found = 0;
    for (uint32_t k = 0; k < n; k++) {
      near[k] = below[k] | here[k] | above[k];
      found |= near[k];
    }
    if (found) spread_row(l, near, beside);
    for (uint32_t k = 0; k < n; k++) keep[k] = found ? here[k] | (weak[k] & beside[k]) : 0;
    any |= found;
  }
  return any;
}

static bool row_is_empty(const pack *p, uint32_t f) {
  const uint32_t n = p->box->layout.points, *keep = p->box->work.keep + (size_t)f * n;
  uint32_t any = 0;
  if (f < p->box->band.first || f > p->box->band.last) return true;
  for (uint32_t k = 0; k < n; k++) any |= keep[k];
  return any == 0;
}

/* A and B of a point, as far as they are kept. */
typedef struct kept {
  fft_complex a, b;
} kept;

SP_INLINE kept keep_point(fft_complex a, fft_complex b, uint32_t bits) {
  const vi of_a = lanes_of(bits & LANE_BITS), of_b = lanes_of(bits >> SP_LANES & LANE_BITS);
  return (kept){{keep_lanes(a.re, of_a), keep_lanes(a.im, of_a)}, {keep_lanes(b.re, of_b), keep_lanes(b.im, of_b)}};
}

/* A + i B and conj A + i conj B, real and imaginary part changed over. */
SP_INLINE fft_complex swapped_sum(kept x) {
  return (fft_complex){x.a.im + x.b.re, x.a.re - x.b.im};
}

SP_INLINE fft_complex swapped_opposite(kept x) {
  return (fft_complex){x.b.re - x.a.im, x.a.re + x.b.im};
}

/* Rows of frequency 0 and the Nyquist frequency, where the opposite wavenumber has the conjugate coefficient: what is
 * beside the two may differ, so the mean of both decisions counts, and what comes back is real. */
static void join_real_row(const pack *p, fft_complex *a, const fft_complex *b, const uint32_t *keep) {
  const uint32_t points = p->box->layout.points, *opposite = p->box->work.opposite;
  for (uint32_t k = 0; k < points; k++) {
    const kept x = keep_point(a[k], b[k], keep[k]), y = keep_point(a[k], b[k], keep[opposite[k]]);
    const kept mean = {fft_scale(0.5f, fft_plus(x.a, y.a)), fft_scale(0.5f, fft_plus(x.b, y.b))};
    a[k] = swapped_sum(mean);
  }
}

/* Puts the coefficients that are kept together again: rows f and -f, re and im changed over for the way back. */
static void join_row(const pack *p, uint32_t f) {
  const sp_fkd_layout *l = &p->box->layout;
  const uint32_t *opposite = p->box->work.opposite, *keep = p->box->work.keep + (size_t)f * l->points;
  fft_complex *a = p->spectrum + (size_t)f * l->spectrum_row,
              *b = p->spectrum + (size_t)row_of_b(l, f) * l->spectrum_row;
  if (f == 0 || f == l->t.window / 2) {
    join_real_row(p, a, b, keep);
    return;
  }
  for (uint32_t k = 0; k < l->points; k++) {
    const uint32_t n = opposite[k];
    if (n < k) continue;
    const kept x_k = keep_point(a[k], b[k], keep[k]), x_n = keep_point(a[n], b[n], keep[n]);
    a[k] = swapped_sum(x_k);
    a[n] = swapped_sum(x_n);
    b[n] = swapped_opposite(x_k);
    b[k] = swapped_opposite(x_n);
  }
}

static void synthesise_rows(const pack *p) {
  const sp_fkd_layout *l = &p->box->layout;
  const uint32_t n = l->t.window;
  for (uint32_t f = 0; f <= n / 2; f++) {
    fft_complex *row = p->spectrum + (size_t)f * l->spectrum_row;
    fft_complex *negative = p->spectrum + (size_t)((n - f) % n) * l->spectrum_row;
    if (row_is_empty(p, f)) {
      memset(row, 0, l->points * sizeof *row);
      memset(negative, 0, l->points * sizeof *row);
      continue;
    }
    join_row(p, f);
    transform_row(p, row);
    if (negative != row) transform_row(p, negative);
  }
}

SP_INLINE void add_to(float *p, vf x) {
  vf_store(p, vf_load(p) + x);
}

/* Back to time, tapered, and added to `sums` [t][i][line]. The traces of a window in descending order: so each sum
 * gets its windows in ascending order. */
static void synthesise_time(const pack *p, float *sums, size_t plane) {
  const sp_fkd_box *box = p->box;
  const sp_fkd_layout *l = &box->layout;
  const sp_fkd_work *w = &box->work;
  const uint32_t n = l->t.window;
  fft_complex *z = p->line;
  for (uint32_t i = 0; i < l->i.window; i++) {
    for (uint32_t j = l->j.window; j-- > 0;) {
      const uint32_t point = i * l->j.window + j;
      const float *taper = w->synthesis + (size_t)point * n;
      float *even = sums + i * l->line + w->trace_at[j] + p->column;
      float *odd = sums + i * l->line + w->trace_at[j + l->j.step] + p->column;
      for (uint32_t t = 0; t < n; t++) z[t] = p->spectrum[(size_t)t * l->spectrum_row + point];
      run_fft(box->fft_t, z, p->other);
      for (uint32_t t = 0; t < n; t++) {
        add_to(even + t * plane, z[t].im * taper[t]);
        add_to(odd + t * plane, z[t].re * taper[t]);
      }
    }
  }
}

static bool filter_pack(const pack *p, float *sums, size_t plane) {
  const uint32_t last = p->box->layout.t.window / 2;
  analyse_time(p);
  for (uint32_t f = 0; f <= last; f++) {
    const row_pair row = analyse_row(p, f);
    separate_row(p, f, row);
    threshold_row(p, f, row);
  }
  if (!decide(p)) return false;
  synthesise_rows(p);
  synthesise_time(p, sums, plane);
  return true;
}

/* y[i] += x[i] */
static void add_floats(float *y, const float *x, size_t n) {
  for (size_t i = 0; i < n; i++) y[i] += x[i];
}

/* Adds the lines of the windows that begin at one i to those of the slab that there are. */
static void add_lines(const sp_fkd_box *box, uint32_t i_window) {
  const sp_fkd_layout *l = &box->layout;
  for (uint32_t t = 0; t < l->t.window; t++) {
    for (uint32_t i = 0; i < l->i.window; i++) {
      const int64_t at = (int64_t)i_window * l->i.step - l->i.before + i;
      if (at < 0 || at >= l->i.n) continue;
      add_floats(box->work.slab + t * l->plane + (size_t)at * l->line,
                 box->work.lines + ((size_t)t * l->i.window + i) * l->line, l->line);
    }
  }
}

static bool filter_lines(const sp_fkd_box *box, uint32_t i_window) {
  const sp_fkd_layout *l = &box->layout;
  const bool direct = l->i.window == 1;
  const size_t plane = direct ? l->plane : l->line * l->i.window;
  float *sums = direct ? box->work.slab + i_window * l->line : box->work.lines;
  bool any = false;
  if (!direct) memset(sums, 0, l->t.window * plane * sizeof *sums);
  set_lines(box, i_window);
  for (uint32_t number = 0; number < n_packs(l); number++) {
    const pack p = make_pack(box, number);
    any |= filter_pack(&p, sums, plane);
  }
  if (any && !direct) add_lines(box, i_window);
  return any;
}

static void filter(const sp_fkd_box *box, uint32_t slab) {
  const sp_fkd_layout *l = &box->layout;
  bool any = false;
  memset(box->work.slab, 0, l->t.window * l->plane * sizeof *box->work.slab);
  set_times(box, slab);
  for (uint32_t i = 0; i < l->i.count; i++) any |= filter_lines(box, i);
  for (uint32_t t = 0; any && t < l->t.window; t++) {
    const int64_t at = (int64_t)slab * l->t.step - l->t.before + t;
    if (at < 0 || at >= l->t.n) continue;
    add_floats(box->work.out + (size_t)at * l->plane, box->work.slab + t * l->plane, l->plane);
  }
}

#endif
