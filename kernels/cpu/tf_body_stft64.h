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
#ifndef SEISPROC_KERNELS_CPU_TF_BODY_STFT64_H
#define SEISPROC_KERNELS_CPU_TF_BODY_STFT64_H

enum { POINTS = SP_TF_OWN_WINDOW, HALF_BINS = POINTS / 2 + 1 };

#define ROOT_HALF 0.70710678118654752f
#define COS_16    0.92387953251128674f
#define SIN_16    0.38268343236508977f

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
TF_INLINE void real_to_bins(const vf x[8], vf *bin0, vf *bin4, complex_vf *bin1, complex_vf *bin2, complex_vf *bin3) {
  const vf s04 = x[0] + x[4], d04 = x[0] - x[4], s26 = x[2] + x[6], d26 = x[2] - x[6];
  const vf s15 = x[1] + x[5], d15 = x[1] - x[5], s37 = x[3] + x[7], d37 = x[3] - x[7];
  const vf even = s04 + s26, odd = s15 + s37;
  const vf across = d15 - d37, along = d15 + d37;
  *bin0 = even + odd;
  *bin4 = even - odd;
  *bin2 = (complex_vf){s04 - s26, s37 - s15};
  bin1->re = fma_add(splat(ROOT_HALF), across, d04);
  bin3->re = fma_from(splat(ROOT_HALF), across, d04);
  bin1->im = fma_from(splat(ROOT_HALF), along, -d26);
  bin3->im = fma_from(splat(ROOT_HALF), along, d26);
}

/* Its inverse, but for a factor of 4: bins 0 and 4 count half. */
TF_INLINE void bins_to_real(vf bin0, vf bin4, complex_vf bin1, complex_vf bin2, complex_vf bin3, vf x[8]) {
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
  x[1] = fma_add(splat(ROOT_HALF), first, left);
  x[5] = fma_from(splat(ROOT_HALF), first, left);
  x[3] = fma_add(splat(ROOT_HALF), third, right);
  x[7] = fma_from(splat(ROOT_HALF), third, right);
}

TF_INLINE complex_vf plus(complex_vf a, complex_vf b) {
  return (complex_vf){a.re + b.re, a.im + b.im};
}

TF_INLINE complex_vf minus(complex_vf a, complex_vf b) {
  return (complex_vf){a.re - b.re, a.im - b.im};
}

/* a + s i b, s = 1 or -1 */
TF_INLINE complex_vf plus_i(complex_vf a, complex_vf b, int s) {
  return s > 0 ? (complex_vf){a.re - b.im, a.im + b.re} : (complex_vf){a.re + b.im, a.im - b.re};
}

/* 8 complex numbers in place, exponent s = -1 (forward) or 1 (inverse, without its factor). */
TF_INLINE void transform8(complex_vf x[8], int s) {
  const complex_vf s04 = plus(x[0], x[4]), d04 = minus(x[0], x[4]), s26 = plus(x[2], x[6]), d26 = minus(x[2], x[6]);
  const complex_vf s15 = plus(x[1], x[5]), d15 = minus(x[1], x[5]), s37 = plus(x[3], x[7]), d37 = minus(x[3], x[7]);
  const complex_vf e0 = plus(s04, s26), e2 = minus(s04, s26), e1 = plus_i(d04, d26, s), e3 = plus_i(d04, d26, -s);
  const complex_vf o0 = plus(s15, s37), o2 = minus(s15, s37), o1 = plus_i(d15, d37, s), o3 = plus_i(d15, d37, -s);
  x[0] = plus(e0, o0);
  x[4] = minus(e0, o0);
  x[2] = plus_i(e2, o2, s);
  x[6] = plus_i(e2, o2, -s);
  /* o1 (1 + s i) / sqrt 2 and o3 (-1 + s i) / sqrt 2 */
  const complex_vf t1 = plus_i(o1, o1, s), t3 = plus_i(o3, o3, -s);
  const vf c = splat(ROOT_HALF);
  x[1] = (complex_vf){fma_add(c, t1.re, e1.re), fma_add(c, t1.im, e1.im)};
  x[5] = (complex_vf){fma_from(c, t1.re, e1.re), fma_from(c, t1.im, e1.im)};
  x[3] = (complex_vf){fma_from(c, t3.re, e3.re), fma_from(c, t3.im, e3.im)};
  x[7] = (complex_vf){fma_add(c, t3.re, e3.re), fma_add(c, t3.im, e3.im)};
}

/* Bins 4, 12, 20, 28 from row 4: of numbers r[b], the sums of r[b] exp(-2 pi i b (2 l + 1) / 16). */
TF_INLINE void row4_to_bins(const half_column column[8], complex_vf bin[HALF_BINS]) {
  const vf c = splat(COS_16), s = splat(SIN_16), h = splat(ROOT_HALF), r0 = column[0].row4, r4 = column[4].row4;
  const vf d1 = column[1].row4 - column[7].row4, s1 = column[1].row4 + column[7].row4;
  const vf d2 = column[2].row4 - column[6].row4, s2 = column[2].row4 + column[6].row4;
  const vf d3 = column[3].row4 - column[5].row4, s3 = column[3].row4 + column[5].row4;
  const vf re_up = fma_add(h, d2, r0), re_down = fma_from(h, d2, r0);
  const vf im_up = fma_add(h, s2, r4), im_down = fma_add(h, s2, -r4);
  const vf re_1 = fma_add(c, d1, s * d3), re_3 = fma_from(c, d3, s * d1);
  const vf im_1 = fma_add(c, s3, s * s1), im_3 = fma_from(s, s3, c * s1);
  bin[4] = (complex_vf){re_up + re_1, -(im_1 + im_up)};
  bin[28] = (complex_vf){re_up - re_1, im_up - im_1};
  bin[12] = (complex_vf){re_down + re_3, -(im_3 + im_down)};
  bin[20] = (complex_vf){re_down - re_3, im_down - im_3};
}

/* Its inverse but for a factor. */
TF_INLINE void bins_to_row4(const complex_vf bin[HALF_BINS], half_column column[8]) {
  const vf c = splat(COS_16), s = splat(SIN_16), h = splat(ROOT_HALF);
  const complex_vf x1 = bin[4], x3 = bin[12], x5 = bin[20], x7 = bin[28];
  const vf d17 = x1.re - x7.re, s17 = x1.re + x7.re, d35 = x3.re - x5.re, s35 = x3.re + x5.re;
  const vf e17 = x1.im - x7.im, t17 = x1.im + x7.im, e35 = x3.im - x5.im, t35 = x3.im + x5.im;
  column[0].row4 = s17 + s35;
  column[4].row4 = e35 - e17;
  const vf re1 = fma_add(c, d17, s * d35), re2 = h * (s17 - s35), re3 = fma_from(c, d35, s * d17);
  const vf im1 = fma_add(c, t35, s * t17), im2 = h * (e17 + e35), im3 = fma_from(s, t35, c * t17);
  column[1].row4 = re1 - im1;
  column[7].row4 = -(re1 + im1);
  column[2].row4 = re2 - im2;
  column[6].row4 = -(re2 + im2);
  column[3].row4 = re3 - im3;
  column[5].row4 = -(re3 + im3);
}

/* --- transforms of 64 points --------------------------------------------------------------------------------- */

TF_INLINE complex_vf turn(complex_vf x, float re, float im) {
  return (complex_vf){fma_from(splat(im), x.im, splat(re) * x.re), fma_add(splat(im), x.re, splat(re) * x.im)};
}

/* Bins 0 ... 32 of LANES frames, the first of which starts at columns[0]. */
static void frames_to_bins(const sp_tf_stft *p, const float *columns, complex_vf bin[HALF_BINS]) {
  half_column column[8];
  for (int b = 0; b < 8; b++) {
    vf x[8];
    for (int a = 0; a < 8; a++) {
      const uint32_t i = (uint32_t)(8 * a + b);
      x[a] = splat(p->analysis[i]) * load(columns + p->place[i]);
    }
    half_column *to = &column[b];
    real_to_bins(x, &to->row0, &to->row4, &to->row[1], &to->row[2], &to->row[3]);
    for (int k = 1; k < 4; k++) to->row[k] = turn(to->row[k], twiddle_re[k][b], twiddle_im[k][b]);
  }
  vf row0[8];
  for (int b = 0; b < 8; b++) row0[b] = column[b].row0;
  bin[0].im = bin[32].im = splat(0);
  real_to_bins(row0, &bin[0].re, &bin[32].re, &bin[8], &bin[16], &bin[24]);
  row4_to_bins(column, bin);
  for (int k = 1; k < 4; k++) {
    complex_vf row[8];
    for (int b = 0; b < 8; b++) row[b] = column[b].row[k];
    transform8(row, -1);
    for (int l = 0; l < 4; l++) {
      bin[k + 8 * l] = row[l];
      bin[8 * (l + 1) - k] = (complex_vf){row[7 - l].re, -row[7 - l].im};
    }
  }
}

/* The inverse but for a factor of 32: bins 0 and 32 count half. Frames go to frame[place of sample i]. */
static void bins_to_frames(const sp_tf_stft *p, const complex_vf bin[HALF_BINS], float *frames) {
  half_column column[8];
  vf row0[8];
  bins_to_real(0.5f * bin[0].re, 0.5f * bin[32].re, bin[8], bin[16], bin[24], row0);
  for (int b = 0; b < 8; b++) column[b].row0 = row0[b];
  bins_to_row4(bin, column);
  for (int k = 1; k < 4; k++) {
    complex_vf row[8];
    for (int l = 0; l < 4; l++) {
      row[l] = bin[k + 8 * l];
      row[7 - l] = (complex_vf){bin[8 * (l + 1) - k].re, -bin[8 * (l + 1) - k].im};
    }
    transform8(row, 1);
    for (int b = 0; b < 8; b++) column[b].row[k] = turn(row[b], twiddle_re[k][b], -twiddle_im[k][b]);
  }
  for (int b = 0; b < 8; b++) {
    vf x[8];
    const half_column *from = &column[b];
    bins_to_real(from->row0, from->row4, from->row[1], from->row[2], from->row[3], x);
    for (int a = 0; a < 8; a++) {
      const size_t i = (size_t)(8 * a + b);
      store(frames + i * p->frame_stride, splat(p->synthesis[i]) * x[a]);
    }
  }
}

/* --- whole traces -------------------------------------------------------------------------------------------- */

static float constant_part(const float *x, size_t n) {
  vf sum = splat(0), squares = splat(0);
  float total = 0, power = 0;
  size_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    const vf v = load(x + i);
    sum += v;
    squares = fma_add(v, v, squares);
  }
  for (; i < n; i++) {
    total += x[i];
    power += x[i] * x[i];
  }
  for (int l = 0; l < LANES; l++) {
    total += sum[l];
    power += squares[l];
  }
  const float mean = total / (float)n;
  return mean * total > 0.9f * power ? mean : 0;
}

/* rows[s][i] of `n_rows` (a multiple of LANES) rows of `hop` samples to columns[i][s]. */
static void rows_to_columns(const float *rows, size_t n_rows, size_t hop, float *columns, size_t stride) {
  for (size_t s = 0; s < n_rows; s += LANES) {
    size_t i = 0;
    for (; i + LANES <= hop; i += LANES) {
      vf r[LANES];
      for (size_t l = 0; l < LANES; l++) r[l] = load(rows + (s + l) * hop + i);
      transpose(r);
      for (size_t l = 0; l < LANES; l++) store(columns + (i + l) * stride + s, r[l]);
    }
    for (; i < hop; i++) {
      for (size_t l = 0; l < LANES; l++) columns[i * stride + s + l] = rows[(s + l) * hop + i];
    }
  }
}

/* Sums the samples of all frames that make up LANES segments from s, for sample i of a segment. */
TF_INLINE vf overlap(const sp_tf_stft *p, const float *frames, size_t s, size_t i) {
  vf sum = splat(0);
  for (size_t at = i, q = 0; at < POINTS; at += p->hop, q++) sum += load(frames + at * p->frame_stride + s - q);
  return sum;
}

/* The segments that frames overlap to, as rows. */
static void frames_to_rows(const sp_tf_stft *p, const float *frames, size_t n_rows, float *rows) {
  const size_t hop = p->hop;
  for (size_t s = 0; s < n_rows; s += LANES) {
    size_t i = 0;
    for (; i + LANES <= hop; i += LANES) {
      vf r[LANES];
      for (size_t l = 0; l < LANES; l++) r[l] = overlap(p, frames, s, i + l);
      transpose(r);
      for (size_t l = 0; l < LANES; l++) store(rows + (s + l) * hop + i, r[l]);
    }
    for (; i < hop; i++) {
      const vf sum = overlap(p, frames, s, i);
      for (size_t l = 0; l < LANES; l++) rows[(s + l) * hop + i] = sum[l];
    }
  }
}

/* Groups of frames from the last one to the first: what one stores beyond the last frame of a bin is the first frames
 * of the next bin, which are stored later. */
static void stft64_analyse(const sp_tf_stft *p, float *work, float *mag, float *re, float *im) {
  float *columns = work + p->columns_at;
  rows_to_columns(work + p->trace_at, p->n_rows, p->hop, columns, p->column_stride);
  const size_t last = (p->frames - 1) / LANES * LANES;
  for (size_t f = last + LANES; f > 0; f -= LANES) {
    complex_vf bin[HALF_BINS];
    frames_to_bins(p, columns + f - LANES, bin);
    for (size_t b = 0; b < p->band.count; b++) {
      const size_t cell = b * p->frames + f - LANES;
      store_polar(bin[p->band.first + b], mag + cell, re + cell, im + cell);
    }
  }
}

static void stft64_synthesise(const sp_tf_stft *p, float *work, const float *re, const float *im) {
  float *frames = work + p->frames_at;
  complex_vf bin[HALF_BINS];
  for (size_t k = 0; k < HALF_BINS; k++) bin[k] = (complex_vf){splat(0), splat(0)};
  for (size_t f = 0; f < p->frames; f += LANES) {
    vi inside;
    for (int l = 0; l < LANES; l++) inside[l] = f + (size_t)l < p->frames ? -1 : 0;
    for (size_t b = 0; b < p->band.count; b++) {
      const size_t cell = b * p->frames + f;
      bin[p->band.first + b].re = (vf)(inside & (vi)load(re + cell));
      bin[p->band.first + b].im = (vf)(inside & (vi)load(im + cell));
    }
    bins_to_frames(p, bin, frames + f);
  }
  frames_to_rows(p, frames, p->n_rows, work + p->sums_at);
}

#endif
