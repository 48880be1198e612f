/* SPDX-License-Identifier: BSD-3-Clause */
/* The short-time Fourier transform with frames of 64 samples: a Fourier transform of 8 x 8 points, one frame a lane.
 *
 * With sample 8 a + b and bin k + 8 l: for each b a real transform over a gives rows k = 0 ... 4 (the others are their
 * conjugates); times exp(-2 pi i k b / 64); for each k a transform over b gives bins k + 8 l. Rows 0 and 4 are real
 * before the second step. The inverse goes back the same way.
 *
 * A trace is cut into segments of `hop` samples, and transposed: columns[i][s] is sample i of segment s, so that the
 * samples of neighbouring frames are neighbours. Frame f is segments f ... f + 64 / hop - 1.
 * Part of each file tf_kernels_<isa>.c.
 */
#ifndef SEISPROC_KERNELS_TF_CPU_BODY_STFT64_H
#define SEISPROC_KERNELS_TF_CPU_BODY_STFT64_H

enum { POINTS = SP_TF_OWN_WINDOW };

#define COS_16 0.92387953251128674f
#define SIN_16 0.38268343236508977f

/* Rows 0 and 4, which are real, and 1, 2, 3 of one b. */
typedef struct half_column {
  vf row0, row4;
  complex_vf row[4]; /* [0] unused */
} half_column;

/* exp(-2 pi i k b / 64) for k = 1, 2, 3 */
static const float twiddle_re[4][8] = {
    {1, 1, 1, 1, 1, 1, 1, 1},
    {1, 0.99518472667219693f, 0.98078528040323043f, 0.95694033573220882f, 0.92387953251128674f, 0.88192126434835505f,
     0.83146961230254524f, 0.77301045336273699f},
    {1, 0.98078528040323043f, 0.92387953251128674f, 0.83146961230254524f, 0.70710678118654757f, 0.55557023301960218f,
     0.38268343236508977f, 0.19509032201612825f},
    {1, 0.95694033573220882f, 0.83146961230254524f, 0.63439328416364549f, 0.38268343236508977f, 0.098017140329560604f,
     -0.19509032201612825f, -0.47139673682599764f},
};
static const float twiddle_im[4][8] = {
    {0, 0, 0, 0, 0, 0, 0, 0},
    {0, -0.098017140329560604f, -0.19509032201612825f, -0.29028467725446233f, -0.38268343236508977f,
     -0.47139673682599764f, -0.55557023301960218f, -0.63439328416364549f},
    {0, -0.19509032201612825f, -0.38268343236508977f, -0.55557023301960218f, -0.70710678118654757f,
     -0.83146961230254524f, -0.92387953251128674f, -0.98078528040323043f},
    {0, -0.29028467725446233f, -0.55557023301960218f, -0.77301045336273699f, -0.92387953251128674f,
     -0.99518472667219693f, -0.98078528040323043f, -0.88192126434835505f},
};

/* --- transforms of 8 points ---------------------------------------------------------------------------------- */

/* Bins 0 ... 4 of 8 real numbers. */
SP_INLINE void real_to_bins(const vf x[8], vf *bin0, vf *bin4, complex_vf *bin1, complex_vf *bin2, complex_vf *bin3) {
  const vf s04 = x[0] + x[4], d04 = x[0] - x[4], s26 = x[2] + x[6], d26 = x[2] - x[6];
  const vf s15 = x[1] + x[5], d15 = x[1] - x[5], s37 = x[3] + x[7], d37 = x[3] - x[7];
  const vf even = s04 + s26, odd = s15 + s37;
  const vf across = d15 - d37, along = d15 + d37;
  *bin0 = even + odd;
  *bin4 = even - odd;
  *bin2 = (complex_vf){s04 - s26, s37 - s15};
  bin1->re = num_fused(vf_set(ROOT_HALF), across, d04);
  bin3->re = multiply_from(vf_set(ROOT_HALF), across, d04);
  bin1->im = multiply_from(vf_set(ROOT_HALF), along, -d26);
  bin3->im = multiply_from(vf_set(ROOT_HALF), along, d26);
}

/* Its inverse, but for a factor of 4: bins 0 and 4 count half. */
SP_INLINE void bins_to_real(vf bin0, vf bin4, complex_vf bin1, complex_vf bin2, complex_vf bin3, vf x[8]) {
  const vf even = bin0 + bin4, odd = bin0 - bin4;
  const vf re_sum = bin1.re + bin3.re, im_difference = bin1.im - bin3.im;
  const vf up = even + bin2.re, down = even - bin2.re;
  x[0] = up + re_sum;
  x[4] = up - re_sum;
  x[2] = down - im_difference;
  x[6] = down + im_difference;
  const vf left = odd - bin2.im, right = odd + bin2.im;
  const vf first = (bin1.re - bin1.im) - (bin3.re + bin3.im);
  const vf third = (bin3.re - bin3.im) - (bin1.re + bin1.im);
  x[1] = num_fused(vf_set(ROOT_HALF), first, left);
  x[5] = multiply_from(vf_set(ROOT_HALF), first, left);
  x[3] = num_fused(vf_set(ROOT_HALF), third, right);
  x[7] = multiply_from(vf_set(ROOT_HALF), third, right);
}

/* Bins 4, 12, 20, 28 from row 4: of numbers r[b], the sums of r[b] exp(-2 pi i b (2 l + 1) / 16). */
SP_INLINE void row4_to_bins(const half_column column[8], complex_vf bin[4]) {
  const vf c = vf_set(COS_16), s = vf_set(SIN_16), h = vf_set(ROOT_HALF), r0 = column[0].row4, r4 = column[4].row4;
  const vf d1 = column[1].row4 - column[7].row4, s1 = column[1].row4 + column[7].row4;
  const vf d2 = column[2].row4 - column[6].row4, s2 = column[2].row4 + column[6].row4;
  const vf d3 = column[3].row4 - column[5].row4, s3 = column[3].row4 + column[5].row4;
  const vf re_up = num_fused(h, d2, r0), re_down = multiply_from(h, d2, r0);
  const vf im_up = num_fused(h, s2, r4), im_down = num_fused(h, s2, -r4);
  const vf re_1 = num_fused(c, d1, s * d3), re_3 = multiply_from(c, d3, s * d1);
  const vf im_1 = num_fused(c, s3, s * s1), im_3 = multiply_from(s, s3, c * s1);
  bin[0] = (complex_vf){re_up + re_1, -(im_1 + im_up)};
  bin[3] = (complex_vf){re_up - re_1, im_up - im_1};
  bin[1] = (complex_vf){re_down + re_3, -(im_3 + im_down)};
  bin[2] = (complex_vf){re_down - re_3, im_down - im_3};
}

/* Its inverse but for a factor. */
SP_INLINE void bins_to_row4(const complex_vf bin[4], half_column column[8]) {
  const vf c = vf_set(COS_16), s = vf_set(SIN_16), h = vf_set(ROOT_HALF);
  const complex_vf x1 = bin[0], x3 = bin[1], x5 = bin[2], x7 = bin[3];
  const vf d17 = x1.re - x7.re, s17 = x1.re + x7.re, d35 = x3.re - x5.re, s35 = x3.re + x5.re;
  const vf e17 = x1.im - x7.im, t17 = x1.im + x7.im, e35 = x3.im - x5.im, t35 = x3.im + x5.im;
  column[0].row4 = s17 + s35;
  column[4].row4 = e35 - e17;
  const vf re1 = num_fused(c, d17, s * d35), re2 = h * (s17 - s35), re3 = multiply_from(c, d35, s * d17);
  const vf im1 = num_fused(c, t35, s * t17), im2 = h * (e17 + e35), im3 = multiply_from(s, t35, c * t17);
  column[1].row4 = re1 - im1;
  column[7].row4 = -(re1 + im1);
  column[2].row4 = re2 - im2;
  column[6].row4 = -(re2 + im2);
  column[3].row4 = re3 - im3;
  column[5].row4 = -(re3 + im3);
}

/* --- transforms of 64 points --------------------------------------------------------------------------------- */

/* The coefficients of SP_LANES frames. Bins that are not in the band are neither stored nor loaded. */
typedef struct frame_coefficients {
  uint32_t first, count; /* the band */
  size_t stride;         /* from bin to bin */
  float *mag, *re, *im;  /* of the first bin of the band */
  size_t frames;         /* that there are, of SP_LANES */
  vi inside;             /* all ones for those */
} frame_coefficients;

SP_INLINE void store_bin(const frame_coefficients *to, uint32_t bin, complex_vf x) {
  const uint32_t b = bin - to->first;
  if (b >= to->count) return;
  const size_t at = b * to->stride;
  if (to->frames >= SP_LANES) {
    store_polar(x, to->mag + at, to->re + at, to->im + at);
    return;
  }
  vf magnitude;
  const vf inverse = inverse_magnitude(x, &magnitude);
  store_first(to->mag + at, magnitude, to->frames);
  store_first(to->re + at, x.re * inverse, to->frames);
  store_first(to->im + at, x.im * inverse, to->frames);
}

SP_INLINE complex_vf load_bin(const frame_coefficients *from, uint32_t bin) {
  const uint32_t b = bin - from->first;
  if (b >= from->count) return (complex_vf){vf_set(0), vf_set(0)};
  const vi re = (vi)vf_load(from->re + b * from->stride), im = (vi)vf_load(from->im + b * from->stride);
  return (complex_vf){(vf)(from->inside & re), (vf)(from->inside & im)};
}

SP_INLINE complex_vf conjugate(complex_vf x) {
  return (complex_vf){x.re, -x.im};
}

/* First step: x[a] is sample 8 a + b, times the window. */
SP_INLINE void samples_to_column(const vf x[8], int b, half_column *to) {
  real_to_bins(x, &to->row0, &to->row4, &to->row[1], &to->row[2], &to->row[3]);
  for (int k = 1; k < 4; k++) to->row[k] = turn(to->row[k], twiddle_re[k][b], twiddle_im[k][b]);
}

SP_INLINE void columns_to_bins(const half_column column[8], const frame_coefficients *to) {
  vf row0[8];
  complex_vf row[8], middle[3], first = {vf_set(0), vf_set(0)}, last = first;
  for (int b = 0; b < 8; b++) row0[b] = column[b].row0;
  real_to_bins(row0, &first.re, &last.re, &middle[0], &middle[1], &middle[2]);
  store_bin(to, 0, first);
  for (uint32_t l = 0; l < 3; l++) store_bin(to, 8 * (l + 1), middle[l]);
  store_bin(to, 32, last);
  row4_to_bins(column, row);
  for (uint32_t l = 0; l < 4; l++) store_bin(to, 4 + 8 * l, row[l]);
  for (uint32_t k = 1; k < 4; k++) {
    for (int b = 0; b < 8; b++) row[b] = column[b].row[k];
    transform8(row, -1);
    for (uint32_t l = 0; l < 4; l++) {
      store_bin(to, k + 8 * l, row[l]);
      store_bin(to, 8 * (l + 1) - k, conjugate(row[7 - l]));
    }
  }
}

/* The inverse but for a factor of 32. */
SP_INLINE void bins_to_columns(const frame_coefficients *from, half_column column[8]) {
  vf row0[8];
  complex_vf row[8];
  const vf first = 0.5f * load_bin(from, 0).re, last = 0.5f * load_bin(from, 32).re;
  bins_to_real(first, last, load_bin(from, 8), load_bin(from, 16), load_bin(from, 24), row0);
  for (int b = 0; b < 8; b++) column[b].row0 = row0[b];
  for (uint32_t l = 0; l < 4; l++) row[l] = load_bin(from, 4 + 8 * l);
  bins_to_row4(row, column);
  for (uint32_t k = 1; k < 4; k++) {
    for (uint32_t l = 0; l < 4; l++) {
      row[l] = load_bin(from, k + 8 * l);
      row[7 - l] = conjugate(load_bin(from, 8 * (l + 1) - k));
    }
    transform8(row, 1);
    for (int b = 0; b < 8; b++) column[b].row[k] = turn(row[b], twiddle_re[k][b], -twiddle_im[k][b]);
  }
}

SP_INLINE void column_to_samples(const half_column *from, vf x[8]) {
  bins_to_real(from->row0, from->row4, from->row[1], from->row[2], from->row[3], x);
}

/* --- whole traces -------------------------------------------------------------------------------------------- */

static sp_tf_level copy(float *to, const float *x, size_t n, float *mean) {
  vf sum[4] = {0}, squares[4] = {0}, peaks[4] = {0};
  float total = 0, power = 0, peak = 0;
  size_t i = 0;
  for (; i + 4 * SP_LANES <= n; i += 4 * SP_LANES) {
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      const vf v = vf_load(x + i + j * SP_LANES), square = v * v;
      vf_store(to + i + j * SP_LANES, v);
      sum[j] += v;
      squares[j] += square;
      peaks[j] = size_max(peaks[j], square);
    }
  }
  for (; i < n; i++) {
    const float square = x[i] * x[i];
    to[i] = x[i];
    total += x[i];
    power += square;
    peak = square > peak ? square : peak;
  }
  for (int j = 0; j < 4; j++) {
    for (int l = 0; l < SP_LANES; l++) {
      total += sum[j][l];
      power += squares[j][l];
      peak = peaks[j][l] > peak ? peaks[j][l] : peak;
    }
  }
  *mean = total * total > 0.9f * (float)n * power ? total / (float)n : 0;
  return (sp_tf_level){power, peak};
}

static void normalise(size_t n, const float *norm, const float *sums, const float *in, float *out) {
  size_t i = 0;
  if (in) {
    for (; i + SP_LANES <= n; i += SP_LANES) vf_store(out + i, vf_load(in + i) + vf_load(norm + i) * vf_load(sums + i));
    for (; i < n; i++) out[i] = in[i] + norm[i] * sums[i];
  } else {
    for (; i + SP_LANES <= n; i += SP_LANES) vf_store(out + i, vf_load(norm + i) * vf_load(sums + i));
    for (; i < n; i++) out[i] = norm[i] * sums[i];
  }
}

/* Asks for the part of n floats at x that goes with step i of `steps`. */
SP_INLINE void prefetch_part(const float *x, size_t n, size_t i, size_t steps, int write) {
  const size_t part = (n + steps - 1) / steps, end = (i + 1) * part < n ? (i + 1) * part : n;
  for (size_t at = i * part; at < end; at += 16) {
    if (write) {
      __builtin_prefetch(x + at, 1);
    } else {
      __builtin_prefetch(x + at, 0, 2);
    }
  }
}

/* rows[s][i] of `n_rows` (a multiple of SP_LANES) rows of `hop` samples to columns[i][s]. */
static void rows_to_columns(const float *rows, size_t n_rows, size_t hop, float *columns, size_t stride) {
  for (size_t s = 0; s < n_rows; s += SP_LANES) {
    size_t i = 0;
    for (; i + SP_LANES <= hop; i += SP_LANES) {
      vf r[SP_LANES];
      for (size_t l = 0; l < SP_LANES; l++) r[l] = vf_load(rows + (s + l) * hop + i);
      transpose(r);
      for (size_t l = 0; l < SP_LANES; l++) vf_store(columns + (i + l) * stride + s, r[l]);
    }
    for (; i < hop; i++) {
      for (size_t l = 0; l < SP_LANES; l++) columns[i * stride + s + l] = rows[(s + l) * hop + i];
    }
  }
}

/* Sums the samples of all frames that make up SP_LANES segments from s, for sample i of a segment. */
SP_INLINE vf overlap(const sp_tf_stft *p, const float *frames, size_t s, size_t i) {
  vf sum = vf_set(0);
  for (size_t at = i, q = 0; at < POINTS; at += p->hop, q++) sum += vf_load(frames + at * p->frame_stride + s - q);
  return sum;
}

/* The segments that frames overlap to, as rows. */
static void frames_to_rows(const sp_tf_stft *p, const float *frames, size_t n_rows, float *rows) {
  const size_t hop = p->hop;
  for (size_t s = 0; s < n_rows; s += SP_LANES) {
    size_t i = 0;
    for (; i + SP_LANES <= hop; i += SP_LANES) {
      vf r[SP_LANES];
      for (size_t l = 0; l < SP_LANES; l++) r[l] = overlap(p, frames, s, i + l);
      transpose(r);
      for (size_t l = 0; l < SP_LANES; l++) vf_store(rows + (s + l) * hop + i, r[l]);
    }
    for (; i < hop; i++) {
      const vf sum = overlap(p, frames, s, i);
      for (size_t l = 0; l < SP_LANES; l++) rows[(s + l) * hop + i] = sum[l];
    }
  }
}

/* --- frames that overlap by half ----------------------------------------------------------------------------- */

enum { HALF = POINTS / 2 };

/* Transposes SP_LANES rows of HALF samples. */
SP_INLINE void load_segments(const float *rows, vf column[HALF]) {
  for (size_t i = 0; i < HALF; i += SP_LANES) {
    vf r[SP_LANES];
    for (size_t l = 0; l < SP_LANES; l++) r[l] = vf_load(rows + l * HALF + i);
    transpose(r);
    for (size_t l = 0; l < SP_LANES; l++) column[i + l] = r[l];
  }
}

SP_INLINE void store_segments(const vf column[HALF], float *rows) {
  for (size_t i = 0; i < HALF; i += SP_LANES) {
    vf r[SP_LANES];
    for (size_t l = 0; l < SP_LANES; l++) r[l] = column[i + l];
    transpose(r);
    for (size_t l = 0; l < SP_LANES; l++) vf_store(rows + l * HALF + i, r[l]);
  }
}

/* The second halves of frames are the segments after theirs. */
SP_INLINE void halves_to_bins(const sp_tf_stft *p, const vf these[HALF], const vf after[HALF],
                              const frame_coefficients *to) {
  half_column column[8];
  for (int b = 0; b < 8; b++) {
    vf x[8];
    for (int a = 0; a < 4; a++) {
      const int i = 8 * a + b;
      x[a] = p->analysis[i] * these[i];
      x[a + 4] = p->analysis[i + HALF] * shift_down(these[i], after[i]);
    }
    samples_to_column(x, b, &column[b]);
  }
  columns_to_bins(column, to);
}

/* Sums halves of frames into segments; before[] is the second half of the SP_LANES frames before, then of these. */
SP_INLINE void bins_to_halves(const sp_tf_stft *p, const frame_coefficients *from, vf before[HALF], vf segments[HALF]) {
  half_column column[8];
  bins_to_columns(from, column);
  for (int b = 0; b < 8; b++) {
    vf x[8];
    column_to_samples(&column[b], x);
    for (int a = 0; a < 4; a++) {
      const int i = 8 * a + b;
      const vf second = p->synthesis[i + HALF] * x[a + 4];
      segments[i] = num_fused(vf_set(p->synthesis[i]), x[a], vf_delay(before[i], second, 1));
      before[i] = second;
    }
  }
}

/* --- frames that overlap more -------------------------------------------------------------------------------- */

SP_INLINE void frames_to_bins(const sp_tf_stft *p, const float *columns, const frame_coefficients *to) {
  half_column column[8];
  for (int b = 0; b < 8; b++) {
    vf x[8];
    for (int a = 0; a < 8; a++) x[a] = p->analysis[8 * a + b] * vf_load(columns + p->place[8 * a + b]);
    samples_to_column(x, b, &column[b]);
  }
  columns_to_bins(column, to);
}

SP_INLINE void bins_to_frames(const sp_tf_stft *p, const frame_coefficients *from, float *frames) {
  half_column column[8];
  bins_to_columns(from, column);
  for (int b = 0; b < 8; b++) {
    vf x[8];
    column_to_samples(&column[b], x);
    for (int a = 0; a < 8; a++) {
      const int i = 8 * a + b;
      vf_store(frames + (size_t)i * p->frame_stride, p->synthesis[i] * x[a]);
    }
  }
}

/* --- both ---------------------------------------------------------------------------------------------------- */

/* Coefficients of frames f ... f + SP_LANES - 1. */
SP_INLINE frame_coefficients coefficients_of(const sp_tf_stft *p, size_t f, float *mag, float *re, float *im) {
  return (frame_coefficients){.first = p->band.first,
                              .count = p->band.count,
                              .stride = p->frames,
                              .mag = mag ? mag + f : NULL,
                              .re = re + f,
                              .im = im + f,
                              .frames = p->frames - f,
                              .inside = first_lanes(p->frames - f)};
}

static void stft64_analyse(const sp_tf_stft *p, float *work, const float *next, float *mag, float *re, float *im) {
  const float *rows = work + p->trace_at;
  float *columns = work + p->columns_at;
  const size_t groups = (p->frames + SP_LANES - 1) / SP_LANES;
  const int by_half = p->hop == HALF;
  vf segments[2][HALF];
  if (!by_half) {
    rows_to_columns(rows, p->n_rows, p->hop, columns, p->column_stride);
  } else if (groups * SP_LANES < p->n_rows) {
    load_segments(rows + groups * SP_LANES * HALF, segments[groups % 2]);
  } else {
    memset(segments, 0, sizeof segments);
  }
  for (size_t g = groups; g-- > 0;) {
    const frame_coefficients coefficients = coefficients_of(p, g * SP_LANES, mag, re, im);
    prefetch_part(next, p->n_samples, groups - 1 - g, groups, 0);
    if (by_half) {
      load_segments(rows + g * SP_LANES * HALF, segments[g % 2]);
      halves_to_bins(p, segments[g % 2], segments[(g + 1) % 2], &coefficients);
    } else {
      frames_to_bins(p, columns + g * SP_LANES, &coefficients);
    }
  }
}

static void stft64_synthesise(const sp_tf_stft *p, float *work, float *next, float *re, float *im) {
  float *frames = work + p->frames_at, *rows = work + p->sums_at;
  const size_t groups = (p->frames + SP_LANES - 1) / SP_LANES;
  const int by_half = p->hop == HALF;
  vf before[HALF], segments[HALF];
  memset(before, 0, sizeof before);
  for (size_t g = 0; g < groups; g++) {
    const frame_coefficients coefficients = coefficients_of(p, g * SP_LANES, NULL, re, im);
    prefetch_part(next, p->n_samples, g, groups, 1);
    if (by_half) {
      bins_to_halves(p, &coefficients, before, segments);
      store_segments(segments, rows + g * SP_LANES * HALF);
    } else {
      bins_to_frames(p, &coefficients, frames + g * SP_LANES);
    }
  }
  if (!by_half) {
    frames_to_rows(p, frames, p->n_rows, rows);
  } else if (groups * SP_LANES < p->n_rows) {
    for (size_t i = 0; i < HALF; i++) segments[i] = vf_delay(before[i], vf_set(0), 1);
    store_segments(segments, rows + groups * SP_LANES * HALF);
  }
}

#endif
