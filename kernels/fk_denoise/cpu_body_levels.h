/* SPDX-License-Identifier: BSD-3-Clause */
/* How strong traces are around a sample, and how strong their neighbours. Part of each file cpu_kernels_<isa>.c. */
#ifndef SEISPROC_KERNELS_FK_DENOISE_CPU_BODY_LEVELS_H
#define SEISPROC_KERNELS_FK_DENOISE_CPU_BODY_LEVELS_H

/* y[i] += x[i + from], for n samples; x[i] += x[i + apart]. Rounded up to whole vectors. */
static void add_from(float *y, const float *x, size_t n) {
  for (size_t i = 0; i < n; i += SP_LANES) vf_store(y + i, vf_load(y + i) + vf_load(x + i));
}

/* Sums of `window` samples from each of n on, x holds n + window; by sums of 1, 2, 4 ... samples. Changes x. */
static void sum_windows(float *x, size_t n, uint32_t window, float *sums) {
  size_t offset = 0, left = n + window;
  memset(sums, 0, (n + SP_LANES) * sizeof *sums);
  for (uint32_t length = 1; length <= window; length *= 2) {
    if (window & length) {
      add_from(sums, x + offset, n);
      offset += length;
    }
    left = left > length ? left - length : 0;
    add_from(x, x + length, left);
  }
}

static void level(const sp_fkd_box *box, const float *x, const float *most, float most_times, float *mean) {
  const sp_fkd_layout *l = &box->layout;
  const uint32_t n = l->t.n, window = l->t.window, half = window / 2;
  float *row = box->work.rows, *sums = row + 2 * (size_t)(n + 2 * SP_FKD_MAX_WINDOW);
  memset(row, 0, (n + 2 * SP_FKD_MAX_WINDOW) * sizeof *row);
  for (uint32_t t = 0; t < n; t++) {
    float a = x[t] * box->scale;
    a = a < 0 ? -a : a;
    if (most && a > most_times * most[t]) a = most_times * most[t];
    row[half + t] = a;
  }
  for (uint32_t t = 0; t < half; t++) {
    row[t] = row[half];
    row[half + n + t] = row[half + n - 1];
  }
  sum_windows(row, n, window, sums);
  const float share = 1 / (float)window;
  for (uint32_t t = 0; t < n; t++) mean[t] = sums[t] * share;
}

static bool stands_out(const sp_fkd_box *box, const float *x, const float *means, const float *median, float times,
                       float level_times) {
  bool any = false;
  for (uint32_t t = 0; t < box->layout.t.n; t++) {
    float a = x[t] * box->scale;
    a = a < 0 ? -a : a;
    any |= (a > times * median[t]) | (means[t] > level_times * median[t]);
  }
  return any;
}

/* --- medians ------------------------------------------------------------------------------------------------------ */

/* The node at position j of an axis of n: the ends repeated, or reflected. */
SP_INLINE uint32_t node_at(int64_t j, uint32_t n, bool reflected) {
  return reflected ? sp_fkd_reflect(j, n) : clamp(j, n);
}

enum { ALONG = 13, ACROSS = 5, BLOCK = 4 /* vectors at a time: a cache line or more */ };

/* Medians over 13 nodes of line i, for `n` vectors from sample t on. */
static void medians_along(const sp_fkd_layout *l, uint32_t i, size_t t, int n, bool reflected, const float *levels,
                          float *out) {
  const size_t row = sp_fkd_level_row(l);
  const float *from = levels + (size_t)i * l->j.n * row + t;
  float *to = out + (size_t)i * l->j.n * row + t;
  vi sorted[BLOCK][ALONG];
  for (int b = 0; b < n; b++) {
    for (int k = 0; k < ALONG; k++) {
      const vi x = (vi)vf_load(from + node_at(k - ALONG / 2, l->j.n, reflected) * row + b * SP_LANES);
      window_insert(sorted[b], sorted[b], k, x);
    }
  }
  for (uint32_t j = 0; j < l->j.n; j++) {
    const float *gone = from + node_at((int64_t)j - ALONG / 2, l->j.n, reflected) * row;
    const float *next = from + node_at((int64_t)j + ALONG / 2 + 1, l->j.n, reflected) * row;
    for (int b = 0; b < n; b++) {
      vf_store(to + j * row + b * SP_LANES, (vf)sorted[b][ALONG / 2]);
      window_replace(sorted[b], sorted[b], ALONG, (vi)vf_load(gone + b * SP_LANES), (vi)vf_load(next + b * SP_LANES));
    }
  }
}

/* The same over 5 x 5 nodes around those of line i. */
static void medians_across(const sp_fkd_layout *l, uint32_t i, size_t t, int n, bool reflected, const float *levels,
                           float *out) {
  const size_t row = sp_fkd_level_row(l);
  const float *lines[ACROSS];
  float *to = out + (size_t)i * l->j.n * row + t;
  vi sorted[BLOCK][ACROSS * ACROSS];
  for (int k = 0; k < ACROSS; k++) {
    lines[k] = levels + (size_t)node_at((int64_t)i + k - ACROSS / 2, l->i.n, reflected) * l->j.n * row + t;
  }
  for (int b = 0; b < n; b++) {
    for (int k = 0; k < ACROSS * ACROSS; k++) {
      const float *x = lines[k % ACROSS] + node_at(k / ACROSS - ACROSS / 2, l->j.n, reflected) * row;
      window_insert(sorted[b], sorted[b], k, (vi)vf_load(x + b * SP_LANES));
    }
  }
  for (uint32_t j = 0; j < l->j.n; j++) {
    const size_t gone = node_at((int64_t)j - ACROSS / 2, l->j.n, reflected) * row;
    const size_t next = node_at((int64_t)j + ACROSS / 2 + 1, l->j.n, reflected) * row;
    for (int b = 0; b < n; b++) {
      vf_store(to + j * row + b * SP_LANES, (vf)sorted[b][ACROSS * ACROSS / 2]);
      for (int k = 0; k < ACROSS; k++) {
        window_replace(sorted[b], sorted[b], ACROSS * ACROSS, (vi)vf_load(lines[k] + gone + b * SP_LANES),
                       (vi)vf_load(lines[k] + next + b * SP_LANES));
      }
    }
  }
}

static void medians(const sp_fkd_box *box, const float *levels, bool reflected, float *out) {
  const sp_fkd_layout *l = &box->layout;
  const bool across = l->i.n >= ACROSS && l->j.n >= ACROSS;
  const size_t vectors = (l->t.n + SP_LANES - 1) / SP_LANES;
  for (size_t v = 0; v < vectors; v += BLOCK) {
    const int n = vectors - v < BLOCK ? (int)(vectors - v) : BLOCK;
    for (uint32_t i = 0; i < l->i.n; i++) {
      if (across) {
        medians_across(l, i, v * SP_LANES, n, reflected, levels, out);
      } else {
        medians_along(l, i, v * SP_LANES, n, reflected, levels, out);
      }
    }
  }
}

#endif
