/* SPDX-License-Identifier: BSD-3-Clause */
/* Between traces and planes, and the guard, which works on planes. Part of each file cpu_kernels_<isa>.c. */
#ifndef SEISPROC_KERNELS_FK_DENOISE_CPU_BODY_PLANES_H
#define SEISPROC_KERNELS_FK_DENOISE_CPU_BODY_PLANES_H

/* Nodes of a line that lie beside each other in it. */
typedef struct strip {
  uint32_t first, n, apart; /* j of the first, at most SP_LANES of them, and how far apart */
  size_t at;                /* of the first in the plane */
} strip;

/* The strips of line i with its nodes of residue r: the first, or the one after `s`. n is 0 behind the last. */
static strip next_strip(const sp_fkd_layout *l, uint32_t i, uint32_t residue, const strip *s) {
  const uint32_t period = 2 * l->j.step;
  strip next = {.apart = period};
  uint32_t c;
  if (s) {
    c = l->j.before + s->first + s->n * period;
  } else {
    c = l->j.before / period * period + residue;
    if (c < l->j.before) c += period;
  }
  next.first = c - l->j.before;
  if (next.first >= l->j.n) return next;
  const uint32_t left = (l->j.n - next.first + period - 1) / period;
  next.n = left < SP_LANES ? left : SP_LANES;
  next.at = i * l->line + sp_fkd_place(l, c);
  return next;
}

/* Rows of a strip as they are to be loaded: those of dead nodes are `absent`, those with bad samples are copied. */
static void strip_rows(const sp_fkd_box *box, uint32_t i, const strip *s, bool with_bad, float instead,
                       const float *absent, const float **rows) {
  const sp_fkd_layout *l = &box->layout;
  for (uint32_t k = 0; k < s->n; k++) {
    const size_t node = (size_t)i * l->j.n + s->first + k * s->apart;
    const uint8_t *bad = box->work.bad + node * l->t.n;
    rows[k] = box->rows[node] ? box->rows[node] : absent;
    if (!with_bad || !box->rows[node] || !memchr(bad, 1, l->t.n)) continue;
    float *copy = box->work.rows + (k + 1) * (size_t)(l->t.n + 2 * SP_FKD_MAX_WINDOW);
    for (uint32_t t = 0; t < l->t.n; t++) copy[t] = bad[t] ? instead : rows[k][t];
    rows[k] = copy;
  }
}

static void load_strip(const sp_fkd_layout *l, const float *const *rows, uint32_t n, float scale, float *to) {
  uint32_t t = 0;
  for (; n == SP_LANES && t + SP_LANES <= l->t.n; t += SP_LANES) {
    vf r[SP_LANES];
    SP_UNROLL
    for (int k = 0; k < SP_LANES; k++) r[k] = vf_load(rows[k] + t) * scale;
    transpose(r);
    SP_UNROLL
    for (int k = 0; k < SP_LANES; k++) vf_store(to + (t + (size_t)k) * l->plane, r[k]);
  }
  for (; t < l->t.n; t++) {
    for (uint32_t k = 0; k < n; k++) to[t * l->plane + k] = rows[k][t] * scale;
  }
}

static void load(const sp_fkd_box *box, bool with_bad, float instead, float *planes) {
  const sp_fkd_layout *l = &box->layout;
  float *absent = box->work.rows;
  for (uint32_t t = 0; t < l->t.n; t++) absent[t] = instead;
  memset(planes, 0, l->t.n * l->plane * sizeof *planes);
  for (uint32_t i = 0; i < l->i.n; i++) {
    for (uint32_t residue = 0; residue < 2 * l->j.step; residue++) {
      for (strip s = next_strip(l, i, residue, NULL); s.n; s = next_strip(l, i, residue, &s)) {
        const float *rows[SP_LANES];
        strip_rows(box, i, &s, with_bad, instead, absent, rows);
        load_strip(l, rows, s.n, box->scale, planes + s.at);
      }
    }
  }
  sp_fkd_continue(l, planes);
}

static void store_strip(const sp_fkd_layout *l, const float *from, uint32_t n, float scale, float *const *rows) {
  uint32_t t = 0;
  for (; n == SP_LANES && t + SP_LANES <= l->t.n; t += SP_LANES) {
    vf r[SP_LANES];
    SP_UNROLL
    for (int k = 0; k < SP_LANES; k++) r[k] = vf_load(from + (t + (size_t)k) * l->plane) * scale;
    transpose(r);
    for (int k = 0; k < SP_LANES; k++) {
      if (rows[k]) vf_store(rows[k] + t, r[k]);
    }
  }
  for (; t < l->t.n; t++) {
    for (uint32_t k = 0; k < n; k++) {
      if (rows[k]) rows[k][t] = from[t * l->plane + k] * scale;
    }
  }
}

static void store(const sp_fkd_box *box, const float *planes, float *const *rows) {
  const sp_fkd_layout *l = &box->layout;
  for (uint32_t i = 0; i < l->i.n; i++) {
    for (uint32_t residue = 0; residue < 2 * l->j.step; residue++) {
      for (strip s = next_strip(l, i, residue, NULL); s.n; s = next_strip(l, i, residue, &s)) {
        float *to[SP_LANES];
        for (uint32_t k = 0; k < s.n; k++) to[k] = rows[(size_t)i * l->j.n + s.first + k * s.apart];
        store_strip(l, planes + s.at, s.n, 1 / box->scale, to);
      }
    }
  }
}

/* --- guard -------------------------------------------------------------------------------------------------------- */

enum { FIVE = SP_FKD_GUARD_TRACES, GUARD_RING = 4 * FIVE + 1 };

static uint32_t clamp(int64_t i, uint32_t n) {
  return i < 0 ? 0 : i >= n ? n - 1 : (uint32_t)i;
}

/* x r and r r summed over five times around `time`, the ends repeated. */
static void sum_times(const sp_fkd_box *box, int64_t time, float *xr, float *rr) {
  const sp_fkd_layout *l = &box->layout;
  const float *x[FIVE], *y[FIVE];
  for (int k = 0; k < FIVE; k++) {
    const size_t at = (size_t)clamp(time + k - FIVE / 2, l->t.n) * l->plane;
    x[k] = box->work.in + at;
    y[k] = box->work.out + at;
  }
  size_t i = 0;
  for (; i + SP_LANES <= l->plane; i += SP_LANES) {
    vf sum_xr = vf_set(0), sum_rr = vf_set(0);
    SP_UNROLL
    for (int k = 0; k < FIVE; k++) {
      const vf a = vf_load(x[k] + i), r = a - vf_load(y[k] + i);
      sum_xr += a * r;
      sum_rr += r * r;
    }
    vf_store(xr + i, sum_xr);
    vf_store(rr + i, sum_rr);
  }
  for (; i < l->plane; i++) {
    xr[i] = rr[i] = 0;
    for (int k = 0; k < FIVE; k++) {
      const float r = x[k][i] - y[k][i];
      xr[i] += x[k][i] * r;
      rr[i] += r * r;
    }
  }
}

/* Of five planes. */
static void sum_planes(const float *const *from, size_t n, float *to) {
  for (size_t i = 0; i < n; i++) {
    to[i] = (((from[0][i] + from[1][i]) + from[2][i]) + from[3][i]) + from[4][i];
  }
}

/* Sums over five lines, the ends repeated. */
static void sum_lines(const sp_fkd_layout *l, const float *from, float *to) {
  for (uint32_t i = 0; i < l->i.n; i++) {
    const float *lines[FIVE];
    for (int k = 0; k < FIVE; k++) lines[k] = from + clamp((int64_t)i + k - FIVE / 2, l->i.n) * l->line;
    sum_planes(lines, l->line, to + i * l->line);
  }
}

/* Repeats the traces at the ends of a line beyond them. */
static void repeat_ends(const sp_fkd_layout *l, float *line) {
  const size_t period = 2 * l->j.step, first = l->j.before, last = first + l->j.n - 1;
  const float low = line[sp_fkd_place(l, (uint32_t)first)], high = line[sp_fkd_place(l, (uint32_t)last)];
  for (size_t k = 1; k <= FIVE / 2; k++) {
    const size_t c = first + period - k; /* a period further on, so that it is not negative */
    line[c % period * l->columns + c / period + SP_FKD_MARGIN - 1] = low;
    line[sp_fkd_place(l, (uint32_t)(last + k))] = high;
  }
}

/* x - rho (x - y) = y + (1 - rho) (x - y) of a line, in place of y. */
static void guard_line(const sp_fkd_layout *l, const float *xr, const float *rr, const float *x, float *y) {
  const int period = 2 * (int)l->j.step;
  for (int r = 0; r < period; r++) {
    ptrdiff_t at[FIVE];
    for (int k = 0; k < FIVE; k++) {
      const int beside = r + k - FIVE / 2 + period; /* a period is one column */
      at[k] = (ptrdiff_t)(beside % period) * l->columns + beside / period - 1;
    }
    const size_t row = (size_t)r * l->columns, last = l->columns - 1;
    size_t m = SP_FKD_MARGIN;
    for (; m + SP_LANES <= last; m += SP_LANES) {
      vf sum_xr = vf_set(0), sum_rr = vf_set(0);
      SP_UNROLL
      for (int k = 0; k < FIVE; k++) {
        sum_xr += vf_load(xr + at[k] + m);
        sum_rr += vf_load(rr + at[k] + m);
      }
      const vf rho = vf_select(vf_less(vf_set(0), sum_rr), sum_xr / sum_rr, vf_set(0));
      const vf rest = 1 - vf_min(vf_max(rho, vf_set(0)), vf_set(1)), now = vf_load(y + row + m);
      vf_store(y + row + m, now + rest * (vf_load(x + row + m) - now));
    }
    for (; m < last; m++) {
      float sum_xr = 0, sum_rr = 0;
      for (int k = 0; k < FIVE; k++) {
        sum_xr += xr[at[k] + (ptrdiff_t)m];
        sum_rr += rr[at[k] + (ptrdiff_t)m];
      }
      float rho = sum_rr > 0 ? sum_xr / sum_rr : 0;
      rho = rho < 0 ? 0 : rho > 1 ? 1 : rho;
      y[row + m] += (1 - rho) * (x[row + m] - y[row + m]);
    }
  }
}

static void guard(const sp_fkd_box *box) {
  const sp_fkd_layout *l = &box->layout;
  float *ring = box->work.guard, *sums[2] = {ring + 2 * GUARD_RING * l->plane, NULL}, *spare;
  sums[1] = sums[0] + l->plane;
  spare = sums[1] + l->plane;
  const int64_t reach = 2 * FIVE, n = l->t.n;
  for (int64_t time = -reach; time < n + reach; time++) {
    float *slot = ring + (size_t)((time + reach) % GUARD_RING) * 2 * l->plane;
    sum_times(box, time, slot, slot + l->plane);
    const int64_t t = time - reach;
    if (t < 0) continue;
    for (int k = 0; k < 2; k++) {
      const float *slots[FIVE];
      for (int s = 0; s < FIVE; s++)
        slots[s] = ring + ((size_t)((t + FIVE * s) % GUARD_RING) * 2 + (size_t)k) * l->plane;
      sum_planes(slots, l->plane, l->i.n > 1 ? spare : sums[k]);
      if (l->i.n > 1) sum_lines(l, spare, sums[k]);
    }
    for (uint32_t i = 0; i < l->i.n; i++) {
      const size_t at = i * l->line, in_box = (size_t)t * l->plane + at;
      repeat_ends(l, sums[0] + at);
      repeat_ends(l, sums[1] + at);
      guard_line(l, sums[0] + at, sums[1] + at, box->work.in + in_box, box->work.out + in_box);
    }
  }
}

#endif
