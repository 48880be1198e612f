/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the samples of a box lie. */
#include "kernels/fk_denoise/cpu.h"

static uint32_t round_up(uint32_t n, uint32_t unit) {
  return (n + unit - 1) / unit * unit;
}

sp_fkd_layout sp_fkd_make_layout(const sp_fkd_params *params, double sample_interval_s, uint32_t n_samples,
                                 uint32_t n_i, uint32_t n_j) {
  sp_fkd_layout l = {.t = sp_fkd_time_axis(params, sample_interval_s, n_samples),
                     .i = sp_fkd_trace_axis(params, n_i),
                     .j = sp_fkd_trace_axis(params, n_j)};
  const uint32_t pairs = round_up((l.j.count + 1) / 2, SP_FKD_MAX_LANES);
  /* a window reaches less than three periods of two steps beyond its first column */
  l.columns = pairs + SP_FKD_MARGIN + 3;
  l.line = (size_t)2 * l.j.step * l.columns;
  l.plane = l.line * n_i;
  l.points = l.i.window * l.j.window;
  /* rows whose length is a power of two would all want the same place of the cache */
  l.spectrum_row = l.i.window > 1 ? l.points | 1 : l.points;
  l.n_windows = 2 * pairs * l.i.count;
  return l;
}

void sp_fkd_continue(const sp_fkd_layout *l, float *planes) {
  const uint32_t n = (l->j.count - 1) * l->j.step + l->j.window;
  for (uint32_t c = 0; c < n; c++) {
    const uint32_t from = l->j.before + sp_fkd_reflect((int64_t)c - l->j.before, l->j.n);
    if (from == c) continue;
    const size_t source = sp_fkd_place(l, from), place = sp_fkd_place(l, c), lines = (size_t)l->t.n * l->i.n;
    for (size_t line = 0; line < lines; line++) planes[line * l->line + place] = planes[line * l->line + source];
  }
}
