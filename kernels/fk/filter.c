/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernels/fk/filter.h"
#include "kernels/common/good_length.h"

#include <stdio.h>
#include <string.h>

#include "seisproc/processor.h"

enum { PROBES = 48 }; /* points along each axis at which the filter is looked at */

uint32_t sp_fk_padded_length(uint32_t n, double pad, bool even) {
  return n > 1 || even ? sp_good_length(n + (uint32_t)ceil(pad * n), even) : 1;
}

static double radians(double degrees) {
  return degrees * (SP_FK_PI / 180);
}

static double signed_square(double x) {
  return x * fabs(x);
}

/* The y axis is at a right angle to x, on the side of azimuth_y. */
static void set_sector(const sp_fk_sector *sector, double azimuth_x, double azimuth_y, sp_fk_zone *z) {
  const double farthest = sector->two_sided ? 90 : 180, end = 0.5 * sector->width + sector->taper, slack = 1e-9;
  const double turn = radians(sector->azimuth - azimuth_x), side = sin(radians(azimuth_y - azimuth_x)) < 0 ? -1 : 1;
  z->sector = true;
  z->two_sided = sector->two_sided;
  z->half_width = 0.5 * sector->width;
  z->azimuth_taper = sector->taper;
  z->inside = z->half_width >= farthest ? -4 : signed_square(cos(radians(z->half_width)) + slack);
  z->outside = end >= farthest ? -4 : signed_square(cos(radians(end)) - slack);
  z->toward_x = cos(turn);
  z->toward_y = side * sin(turn);
}

static sp_fk_zone make_zone(const sp_fk_common *p) {
  sp_fk_zone z = {.pass = p->mode == SP_FK_PASS,
                  .fast_side = isfinite(p->vmax),
                  .slow_side = p->vmin > 0,
                  .band = p->f.n == 4,
                  .aliases = p->aliases};
  if (z.fast_side) {
    z.p3 = 1 / p->vmax;
    z.p4 = z.p3 / (1 + p->taper);
  }
  if (z.slow_side) {
    z.p2 = 1 / p->vmin;
    z.p1 = z.p2 * (1 + p->taper);
  }
  if (z.band) z.f1 = p->f.value[0], z.f2 = p->f.value[1], z.f3 = p->f.value[2], z.f4 = p->f.value[3];
  return z;
}

static void set_band(sp_fk_filter *f) {
  const sp_fk_grid grid = {.mt = f->padded, .mx = 1, .my = 1, .dt = f->dt, .dx = 1, .dy = 1};
  const uint32_t n = f->padded / 2 + 1;
  uint32_t first = 0, end = n;
  while (first < n && sp_fk_band_share(&f->zone, sp_fk_frequency(&grid, first)) <= 0) first++;
  while (end > first && sp_fk_band_share(&f->zone, sp_fk_frequency(&grid, end - 1)) <= 0) end--;
  f->first_bin = first < end ? first : 0;
  f->n_bins = end - first;
}

void sp_fk_filter_set(const sp_fk_common *params, const sp_fk_sector *sector, double azimuth_x, double azimuth_y,
                      uint32_t n_samples, double dt, sp_fk_filter *filter) {
  *filter = (sp_fk_filter){.zone = make_zone(params),
                           .n_samples = n_samples,
                           .padded = sp_fk_padded_length(n_samples, params->pad, true),
                           .dt = dt,
                           .pad = params->pad,
                           .edge = (sp_fk_edge)params->edge,
                           .edge_traces = (uint32_t)params->edge_traces,
                           .gain = params->agc > 0,
                           .fill = params->gaps == SP_FK_GAPS_FILL ? (uint32_t)params->fill_iterations : 0};
  if (sector) set_sector(sector, azimuth_x, azimuth_y, &filter->zone);
  if (filter->gain) {
    const double window = rint(params->agc * 1e-3 / dt);
    filter->gain_half = window < n_samples ? (uint32_t)window / 2 : n_samples;
  }
  set_band(filter);
}

float sp_fk_edge_weight(uint32_t j, uint32_t reach) {
  return (float)(0.5 * (1 + cos(SP_FK_PI * (j + 1) / (reach + 1))));
}

uint32_t sp_fk_half_pad(uint32_t pad) {
  return pad > 1 ? pad / 2 : pad;
}

void sp_fk_axis_set(const sp_fk_filter *filter, uint32_t n, sp_fk_axis *axis) {
  axis->n = n;
  axis->padded = sp_fk_padded_length(n, filter->pad, false);
  const uint32_t half = sp_fk_half_pad(axis->padded - n);
  axis->reach = filter->edge == SP_FK_EDGE_ZERO ? 0 : half < filter->edge_traces ? half : filter->edge_traces;
  for (uint32_t j = 0; j < axis->reach; j++) axis->weight[j] = sp_fk_edge_weight(j, axis->reach);
}

double sp_fk_mean_removed(const sp_fk_filter *f, uint32_t nx, uint32_t ny, double dx, double dy) {
  sp_fk_axis x, y;
  sp_fk_axis_set(f, nx, &x);
  sp_fk_axis_set(f, ny, &y);
  const sp_fk_grid g = {.mt = f->padded, .mx = x.padded, .my = y.padded, .dt = f->dt, .dx = dx, .dy = dy};
  const uint32_t step_f = f->n_bins / PROBES + 1, step_x = x.padded / PROBES + 1, step_y = y.padded / PROBES + 1;
  double sum = 0, n = 0;
  for (uint32_t b = 0; b < f->n_bins; b += step_f) {
    const sp_fk_slice slice = sp_fk_slice_at(&f->zone, &g, f->first_bin + b);
    for (uint32_t i = 0; i < x.padded; i += step_x) {
      for (uint32_t j = 0; j < y.padded; j += step_y, n++) sum += sp_fk_removed_share(&f->zone, &g, &slice, i, j);
    }
  }
  return n > 0 ? sum / n : 0;
}

sp_status sp_fk_common_check(const sp_fk_common *p, char *why, size_t why_size) {
  const double *f = p->f.value;
  if (p->vmin >= p->vmax) {
    snprintf(why, why_size, "vmin: found %g, allowed is less than vmax, which is %g", p->vmin, p->vmax);
  } else if (p->vmin <= 0 && isinf(p->vmax) && p->f.n == 0) {
    snprintf(why, why_size, "vmax: inf beside vmin 0 is every velocity: give vmin, vmax or f");
  } else if (p->f.n != 0 && p->f.n != 4) {
    snprintf(why, why_size, "f: found %u numbers, allowed are four: where the band begins, is whole, and ends", p->f.n);
  } else if (p->f.n && !(f[0] <= f[1] && f[1] <= f[2] && f[2] <= f[3] && f[0] < f[3])) {
    snprintf(why, why_size, "f: found %g, %g, %g, %g, allowed are frequencies that ascend", f[0], f[1], f[2], f[3]);
  } else {
    return SP_SUCCESS;
  }
  return SP_ERR_USAGE;
}

sp_status sp_fk_common_check_shape(const sp_fk_common *p, const sp_survey_shape *shape, const char *processor,
                                   char *why, size_t why_size) {
  const double dt = shape->sample_interval_s;
  sp_fk_filter filter;
  sp_fk_filter_set(p, NULL, 90, 0, shape->n_samples, dt, &filter);
  if (filter.n_bins == 0) {
    snprintf(why, why_size, "f: no frequency of 0, %g ... %g Hz lies between %g and %g Hz", 1 / (filter.padded * dt),
             0.5 / dt, p->f.value[0], p->f.value[3]);
    return SP_ERR_USAGE;
  }
  char note[96];
  snprintf(note, sizeof note, "%s: taper: 0 cuts sharply, and rings along the edges of the band", processor);
  if (p->taper == 0 && shape->note) shape->note(note);
  return SP_SUCCESS;
}
