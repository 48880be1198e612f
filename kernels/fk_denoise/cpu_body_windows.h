/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows: to their spectra and back. A pack is SP_LANES windows and as many beside them, which are real and imaginary
 * part of one transform: with Z its coefficients and n the opposite frequency and wavenumber, those of the two are
 * A = Z + conj Z(n) and i B = Z - conj Z(n), but for a factor of 2 that the taper back divides by. A takes the place of
 * Z at positive frequencies, B at negative ones; of frequency 0 and the Nyquist frequency B has rows behind all others.
 * Part of each file cpu_kernels_<isa>.c.
 */
#ifndef SEISPROC_KERNELS_FK_DENOISE_CPU_BODY_WINDOWS_H
#define SEISPROC_KERNELS_FK_DENOISE_CPU_BODY_WINDOWS_H

/* --- bits of lanes ---------------------------------------------------------------------------------------------- */

SP_INLINE uint32_t above_bits(vf a, vf limit) {
#if SP_LANES == 16
  return vf_less(limit, a);
#elif SP_LANES == 8
  return vm_bits(vf_less(limit, a));
#else
  const vm m = vf_less(limit, a);
  uint32_t bits = 0;
  for (int l = 0; l < SP_LANES; l++) bits |= ((uint32_t)m[l] & 1) << l;
  return bits;
#endif
}

/* All ones in the lanes whose bits are set, else zeros. */
SP_INLINE vi lanes_of(uint32_t bits) {
#if SP_LANES == 16
  return (vi)_mm512_movm_epi32((__mmask16)bits);
#else
  vi one = {0};
  for (int l = 0; l < SP_LANES; l++) one[l] = 1 << l;
  return (vi_set((int32_t)bits) & one) == one;
#endif
}

SP_INLINE vf keep_lanes(vf a, vi lanes) {
  return (vf)((vi)a & lanes);
}

/* --- packs ------------------------------------------------------------------------------------------------------ */

/* Windows of a pack. */
typedef struct pack {
  const sp_fkd_box *box;
  size_t column;  /* of the first window */
  uint32_t valid; /* bits of windows that there are: even ones, and above them odd ones */
  fft_complex *spectrum, *line, *other;
} pack;

SP_INLINE uint32_t row_of_b(const sp_fkd_layout *l, uint32_t f) {
  return f == 0 ? l->t.window : f == l->t.window / 2 ? l->t.window + 1 : l->t.window - f;
}

static pack make_pack(const sp_fkd_box *box, uint32_t number) {
  const sp_fkd_layout *l = &box->layout;
  fft_complex *spectrum = (fft_complex *)(void *)box->work.spectrum;
  fft_complex *line = spectrum + (size_t)(l->t.window + 2) * l->spectrum_row;
  pack p = {box, (size_t)number * SP_LANES, 0, spectrum, line, line + SP_FKD_MAX_WINDOW};
  for (uint32_t i = 0; i < SP_LANES; i++) {
    const uint32_t window = 2 * (number * SP_LANES + i);
    if (window < l->j.count) p.valid |= 1u << i;
    if (window + 1 < l->j.count) p.valid |= 1u << (i + SP_LANES);
  }
  return p;
}

/* Tapers the windows and takes them to frequencies, point by point. */
static void analyse_time(const pack *p) {
  const sp_fkd_box *box = p->box;
  const sp_fkd_layout *l = &box->layout;
  const sp_fkd_work *w = &box->work;
  const uint32_t n = l->t.window;
  const float *taper = w->analysis;
  fft_complex *z = p->line;
  for (uint32_t point = 0; point < l->points; point++, taper += n) {
    const uint32_t i = point / l->j.window, j = point % l->j.window;
    const float *even = w->in + w->line_at[i] + w->trace_at[j] + p->column;
    const float *odd = w->in + w->line_at[i] + w->trace_at[j + l->j.step] + p->column;
    for (uint32_t t = 0; t < n; t++) {
      z[t].re = vf_load(even + w->time_at[t]) * taper[t];
      z[t].im = vf_load(odd + w->time_at[t]) * taper[t];
    }
    run_fft(box->fft_t, z, p->other);
    for (uint32_t t = 0; t < n; t++) p->spectrum[(size_t)t * l->spectrum_row + point] = z[t];
  }
}

/* One frequency to wavenumbers, or back. */
static void transform_row(const pack *p, fft_complex *row) {
  const sp_fkd_layout *l = &p->box->layout;
  for (uint32_t i = 0; i < l->i.window; i++) run_fft(p->box->fft_j, row + (size_t)i * l->j.window, p->other);
  if (l->i.window == 1) return;
  for (uint32_t j = 0; j < l->j.window; j++) {
    for (uint32_t i = 0; i < l->i.window; i++) p->line[i] = row[(size_t)i * l->j.window + j];
    run_fft(p->box->fft_i, p->line, p->other);
    for (uint32_t i = 0; i < l->i.window; i++) row[(size_t)i * l->j.window + j] = p->line[i];
  }
}

SP_INLINE fft_complex spectrum_a(fft_complex z, fft_complex n) {
  return (fft_complex){z.re + n.re, z.im - n.im};
}

SP_INLINE fft_complex spectrum_b(fft_complex z, fft_complex n) {
  return (fft_complex){z.im + n.im, n.re - z.re};
}

SP_INLINE vf power(fft_complex a) {
  return a.re * a.re + a.im * a.im;
}

/* The rows of a frequency and of the opposite one, as they are after analyse_time and transform_row. */
typedef struct row_pair {
  fft_complex *a, *b;              /* to hold A and B */
  const fft_complex *z, *negative; /* hold Z */
} row_pair;

static row_pair analyse_row(const pack *p, uint32_t f) {
  const sp_fkd_layout *l = &p->box->layout;
  const uint32_t n = l->t.window;
  fft_complex *z = p->spectrum + (size_t)f * l->spectrum_row;
  fft_complex *negative = p->spectrum + (size_t)((n - f) % n) * l->spectrum_row;
  transform_row(p, z);
  if (negative != z) transform_row(p, negative);
  return (row_pair){z, p->spectrum + (size_t)row_of_b(l, f) * l->spectrum_row, z, negative};
}

/* --- noise level ------------------------------------------------------------------------------------------------- */

/* Bits of the windows of which more than half of the samples are not zero. */
static uint32_t live_windows(const pack *p) {
  const sp_fkd_layout *l = &p->box->layout;
  const sp_fkd_work *w = &p->box->work;
  vi even = vi_set(0), odd = vi_set(0);
  for (uint32_t point = 0; point < l->points; point++) {
    const uint32_t i = point / l->j.window, j = point % l->j.window;
    even += vi_load(w->alive + w->line_at[i] + w->trace_at[j] + p->column);
    odd += vi_load(w->alive + w->line_at[i] + w->trace_at[j + l->j.step] + p->column);
  }
  const float half = 0.5f * (float)(l->points * l->t.window);
  const vf limit = vf_set(half);
  return (above_bits(__builtin_convertvector(even, vf), limit) | above_bits(__builtin_convertvector(odd, vf), limit)
                                                                     << SP_LANES) &
         p->valid;
}

/* Counts the samples of a slab that are not zero, trace by trace. */
static void count_alive(const sp_fkd_box *box) {
  const sp_fkd_work *w = &box->work;
  const sp_fkd_layout *l = &box->layout;
  memset(w->alive, 0, l->plane * sizeof *w->alive);
  for (uint32_t t = 0; t < l->t.window; t++) {
    const float *x = w->in + w->time_at[t];
    for (size_t i = 0; i < l->plane; i++) w->alive[i] += x[i] != 0;
  }
}

#define LANE_BITS ((1u << SP_LANES) - 1)
#define ALL_BITS  (LANE_BITS << SP_LANES | LANE_BITS)

static size_t put_live(float *to, size_t at, vf power_of, uint32_t live) {
  if (live == LANE_BITS) {
    vf_store(to + at, power_of);
    return at + SP_LANES;
  }
#if SP_LANES == 16
  const vm lanes = (vm)live;
#else
  const vm lanes = lanes_of(live);
#endif
  return at + (size_t)vi_pack((int32_t *)(void *)(to + at), lanes, (vi)power_of);
}

/* The powers of a row whose windows are all live. */
static size_t put_all(const pack *p, row_pair row, float *to, size_t at) {
  const uint32_t *opposite = p->box->work.opposite;
  for (uint32_t k = 0; k < p->box->layout.points; k++, at += 2 * SP_LANES) {
    const fft_complex n = row.negative[opposite[k]];
    vf_store(to + at, power(spectrum_a(row.z[k], n)));
    vf_store(to + at + SP_LANES, power(spectrum_b(row.z[k], n)));
  }
  return at;
}

/* Powers of a pack from place `at` of every frequency's list on; returns the place behind them. */
static size_t pack_powers(const pack *p, uint32_t live, size_t at) {
  const sp_fkd_layout *l = &p->box->layout;
  const sp_fkd_work *w = &p->box->work;
  size_t end = at;
  analyse_time(p);
  for (uint32_t f = 0; f <= l->t.window / 2; f++) {
    const row_pair row = analyse_row(p, f);
    float *to = w->powers + f * w->values_room;
    end = at;
    if (live == ALL_BITS) {
      end = put_all(p, row, to, at);
      continue;
    }
    for (uint32_t k = 0; k < l->points; k++) {
      const fft_complex n = row.negative[w->opposite[k]];
      end = put_live(to, end, power(spectrum_a(row.z[k], n)), live & LANE_BITS);
      end = put_live(to, end, power(spectrum_b(row.z[k], n)), live >> SP_LANES & LANE_BITS);
    }
  }
  return end;
}

static uint32_t n_packs(const sp_fkd_layout *l) {
  return (l->j.count + 2 * SP_LANES - 1) / (2 * SP_LANES);
}

/* Where the planes of a slab and the lines of windows are in the box. */
static void set_times(const sp_fkd_box *box, uint32_t slab) {
  const sp_fkd_layout *l = &box->layout;
  for (uint32_t t = 0; t < l->t.window; t++) {
    const int64_t at = (int64_t)slab * l->t.step - l->t.before + t;
    box->work.time_at[t] = (size_t)sp_fkd_reflect(at, l->t.n) * l->plane;
  }
}

static void set_lines(const sp_fkd_box *box, uint32_t i_window) {
  const sp_fkd_layout *l = &box->layout;
  for (uint32_t i = 0; i < l->i.window; i++) {
    const int64_t at = (int64_t)i_window * l->i.step - l->i.before + i;
    box->work.line_at[i] = (size_t)sp_fkd_reflect(at, l->i.n) * l->line;
  }
}

static size_t powers(const sp_fkd_box *box, uint32_t slab) {
  const sp_fkd_layout *l = &box->layout;
  size_t n = 0;
  set_times(box, slab);
  count_alive(box);
  for (uint32_t i = 0; i < l->i.count; i++) {
    set_lines(box, i);
    for (uint32_t number = 0; number < n_packs(l); number++) {
      const pack p = make_pack(box, number);
      const uint32_t live = live_windows(&p);
      if (live) n = pack_powers(&p, live, n);
    }
  }
  return n;
}

/* Packs the values in low ... high and counts those below. Few are in it: most vectors have none. */
static size_t pack_between(const int32_t *values, size_t n, int32_t low, int32_t high, int32_t *out, size_t *below) {
  const vf bottom = (vf)vi_set(low), top = (vf)vi_set(high);
  size_t packed = 0, less = 0, i = 0;
  for (; i + SP_LANES <= n; i += SP_LANES) {
    const vf v = vf_load((const float *)(const void *)(values + i));
    const uint32_t under = above_bits(bottom, v), over = above_bits(v, top);
    less += (size_t)__builtin_popcount(under);
    for (uint32_t in = ~(under | over) & LANE_BITS; in; in &= in - 1) out[packed++] = values[i + __builtin_ctz(in)];
  }
  for (; i < n; i++) {
    less += values[i] < low;
    if (values[i] >= low && values[i] <= high) out[packed++] = values[i];
  }
  *below = less;
  return packed;
}

/* A value by its rank among n, and the one of the next rank where that is known at once, else -1. */
typedef struct ranked {
  int32_t value, next;
} ranked;

static ranked search_rank(const sp_fkd_box *box, const int32_t *values, size_t n, size_t rank) {
  int32_t *work = box->work.select + n + MEDIAN_ROOM;
  median_search s = {values, n, rank, 0, INT32_MAX, work, work + n + MEDIAN_ROOM};
  ranked r = {median_search_run(&s, 0), -1};
  return r;
}

/* The least value above `bound`, or `bound` itself where more than `rank` are not above it. */
static int32_t next_value(const int32_t *values, size_t n, int32_t bound, size_t rank) {
  size_t count = 0;
  int32_t least = INT32_MAX;
  for (size_t i = 0; i < n; i++) {
    count += values[i] <= bound;
    least = values[i] > bound && values[i] < least ? values[i] : least;
  }
  return count > rank ? bound : least;
}

/* The same from a bracket around a guess; value -1 where it is not in it. */
static ranked try_bracket(const sp_fkd_box *box, const int32_t *values, size_t n, size_t rank, float guess,
                          float width) {
  const int32_t low = median_bits(guess * (1 - width)), high = median_bits(guess * (1 + width));
  int32_t *in = box->work.select;
  size_t below;
  ranked r = {-1, -1};
  const size_t packed = pack_between(values, n, low, high, in, &below);
  if (rank < below || rank >= below + packed || packed > n / 4) return r;
  int32_t *work = in + packed + MEDIAN_ROOM;
  median_search s = {in, packed, rank - below, low, high, work, work + packed + MEDIAN_ROOM};
  r.value = median_search_run(&s, 0);
  if (rank + 1 < below + packed) r.next = next_value(in, packed, r.value, rank + 1 - below);
  return r;
}

/* Powers are not negative, so their bits are ordered as they are. */
static double quantile(const sp_fkd_box *box, const float *values, size_t n, float *guess) {
  const int32_t *bits = (const int32_t *)(const void *)values;
  const double at = SP_FKD_QUANTILE * (double)(n - 1);
  const size_t rank = (size_t)at;
  ranked r = {-1, -1};
  for (float width = 0.04f; *guess > 1e-30f && *guess < 1e30f && n > 256 && r.value < 0 && width < 0.5f; width *= 4) {
    r = try_bracket(box, bits, n, rank, *guess, width);
  }
  if (r.value < 0) r = search_rank(box, bits, n, rank);
  if (r.next < 0) r.next = rank + 1 < n ? next_value(bits, n, r.value, rank + 1) : r.value;
  *guess = median_float(r.value);
  return (double)*guess + (at - (double)rank) * ((double)median_float(r.next) - (double)*guess);
}

#endif
