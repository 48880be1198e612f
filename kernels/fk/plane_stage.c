/* SPDX-License-Identifier: BSD-3-Clause */
/* A plane is computed by one thread with one plan, from work memory that is aligned alike everywhere: its bits depend
 * on its cells alone. The mask is computed row by row beside the multiplication; without a sector it is even in kx and
 * in ky, and a quarter of it is computed. */
#include "kernels/fk/plane_stage.h"
#include "kernels/common/good_length.h"

#include <fftw3.h>
#include <string.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"

void sp_fk_plane_plans_destroy(sp_fk_plane_plans *p) {
  if (p->forward) fftwf_destroy_plan(p->forward);
  if (p->back) fftwf_destroy_plan(p->back);
  *p = (sp_fk_plane_plans){0};
}

static fftwf_plan make_plan(uint32_t mx, uint32_t my, fftwf_complex *data, int sign) {
  if (my == 1) return fftwf_plan_dft_1d((int)mx, data, data, sign, FFTW_ESTIMATE);
  if (mx == 1) return fftwf_plan_dft_1d((int)my, data, data, sign, FFTW_ESTIMATE);
  return fftwf_plan_dft_2d((int)mx, (int)my, data, data, sign, FFTW_ESTIMATE);
}

sp_status sp_fk_plane_plans_create(uint32_t mx, uint32_t my, sp_fk_plane_plans *plans) {
  void *block;
  SP_TRY(sp_alloc((size_t)mx * my * sizeof(sp_fk_complex), "transforms of a plane", &block));
  *plans = (sp_fk_plane_plans){.mx = mx,
                               .my = my,
                               .forward = make_plan(mx, my, block, FFTW_FORWARD),
                               .back = make_plan(mx, my, block, FFTW_BACKWARD)};
  sp_free(block);
  if (plans->forward && plans->back) return SP_SUCCESS;
  sp_fk_plane_plans_destroy(plans);
  return SP_RAISE(SP_ERR_MEMORY, "FFTW has no plan for %u x %u points", mx, my);
}

size_t sp_fk_plane_work(uint32_t mx, uint32_t my) {
  return sp_aligned((size_t)mx * my * sizeof(sp_fk_complex)) + sp_aligned((mx > my ? mx : my) * sizeof(float));
}

/* --- cells to a padded plane and back ----------------------------------------------------------------------------- */

static void load_cells(const sp_fk_plane *p, const sp_fk_cells *cells, const sp_fk_complex *row, sp_fk_complex *plane) {
  const uint32_t nx = p->x.n, ny = p->y.n, my = p->y.padded;
  const size_t points = (size_t)p->x.padded * my, whole = ny == my && !cells->cell ? (size_t)nx * ny : 0;
  memcpy(plane, row, whole * sizeof *plane);
  memset(plane + whole, 0, (points - whole) * sizeof *plane);
  if (whole > 0) return;
  for (uint32_t i = 0; i < nx && !cells->cell; i++) {
    memcpy(plane + (size_t)i * my, row + (size_t)i * ny, ny * sizeof *plane);
  }
  for (uint32_t t = 0; t < cells->n_traces && cells->cell; t++) {
    sp_fk_complex *at = plane + (size_t)(cells->cell[t] / ny) * my + cells->cell[t] % ny;
    const float share = cells->share ? cells->share[t] : 1;
    at->re += row[t].re * share;
    at->im += row[t].im * share;
  }
}

static void store_cells(const sp_fk_plane *p, const sp_fk_cells *cells, const sp_fk_complex *plane,
                        sp_fk_complex *row) {
  const uint32_t nx = p->x.n, ny = p->y.n, my = p->y.padded;
  for (uint32_t t = 0; t < cells->n_traces && cells->cell; t++) {
    row[t] = plane[(size_t)(cells->cell[t] / ny) * my + cells->cell[t] % ny];
  }
  if (cells->cell) return;
  if (ny == my) memcpy(row, plane, (size_t)nx * ny * sizeof *row);
  for (uint32_t i = 0; i < nx && ny != my; i++) {
    memcpy(row + (size_t)i * ny, plane + (size_t)i * my, ny * sizeof *row);
  }
}

static void add_scaled(sp_fk_complex *to, const sp_fk_complex *from, float weight, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    to[i].re += from[i].re * weight;
    to[i].im += from[i].im * weight;
  }
}

/* The decaying edges: rows beyond the last along x, then the pad of every row along y. */
static void extend(const sp_fk_plane *p, sp_fk_complex *plane) {
  const uint32_t nx = p->x.n, mx = p->x.padded, ny = p->y.n, my = p->y.padded;
  for (uint32_t j = 0; nx > 1 && j < p->x.reach; j++) {
    add_scaled(plane + (size_t)(nx + j) * my, plane + (size_t)(nx - 1) * my, p->x.weight[j], ny);
    add_scaled(plane + (size_t)(mx - 1 - j) * my, plane, p->x.weight[j], ny);
  }
  if (ny == 1 || p->y.reach == 0) return;
  for (uint32_t i = 0; i < mx; i++) {
    sp_fk_complex *row = plane + (size_t)i * my;
    const sp_fk_complex first = row[0], last = row[ny - 1];
    for (uint32_t j = 0; j < p->y.reach; j++) {
      add_scaled(&row[ny + j], &last, p->y.weight[j], 1);
      add_scaled(&row[my - 1 - j], &first, p->y.weight[j], 1);
    }
  }
}

/* --- the mask ----------------------------------------------------------------------------------------------------- */

static void multiply(sp_fk_complex *row, const float *mask, uint32_t count) {
  for (uint32_t i = 0; i < count; i++) {
    row[i].re *= mask[i];
    row[i].im *= mask[i];
  }
}

/* A row of the mask: along y at one jx, of a line along x. */
typedef struct mask_row {
  const sp_fk_plane *plane;
  const sp_fk_zone *zone;
  const sp_fk_slice *slice;
  uint32_t jx, m;  /* m points */
  bool line, even; /* even: the same at j and m - j */
  double scale;
  float *mask;
} mask_row;

static float mask_at(const mask_row *r, uint32_t j) {
  const uint32_t jx = r->line ? j : r->jx, jy = r->line ? 0 : j;
  return (float)(sp_fk_removed_share(r->zone, &r->plane->grid, r->slice, jx, jy) * r->scale);
}

/* The same where the velocity is wholly inside the zone and both signs are defined: the sector alone. */
static float sector_at(const mask_row *r, double kx, uint32_t j) {
  const double ky = sp_fk_wave_number(j, r->m, r->slice->step_y);
  const double share = sp_fk_sector_share(r->zone, kx, ky, kx * kx + ky * ky);
  return (float)(r->slice->share * (r->zone->pass ? 1 - share : share) * r->scale);
}

/* Points first ... end - 1 of the first half whose velocity is inside, and their mirror images, of a sector. */
static void fill_sector(const mask_row *r, uint32_t first, uint32_t end) {
  const sp_fk_grid *g = &r->plane->grid;
  const double kx = sp_fk_wave_number(r->jx, g->mx, r->slice->step_x);
  const bool defined = r->zone->two_sided || !(r->slice->both_signs || 2 * r->jx == g->mx);
  for (uint32_t j = first; j < end; j++) {
    const bool plain = defined && !r->line && (r->zone->two_sided || 2 * j != r->m);
    r->mask[j] = plain ? sector_at(r, kx, j) : mask_at(r, j);
    if (j > 0 && r->m - j > j) r->mask[r->m - j] = plain ? sector_at(r, kx, r->m - j) : mask_at(r, r->m - j);
  }
}

/* Points first ... end - 1 of the first half, and their mirror images; `same`: all have the value of the first. */
static void fill_mask(const mask_row *r, uint32_t first, uint32_t end, bool same) {
  if (first >= end) return;
  const float value = mask_at(r, first);
  for (uint32_t j = first; j < end; j++) {
    r->mask[j] = same ? value : mask_at(r, j);
    if (j > 0 && r->m - j > j) r->mask[r->m - j] = same ? value : r->even ? r->mask[j] : mask_at(r, r->m - j);
  }
}

static double wave_number_at(const mask_row *r, uint32_t j) {
  const sp_fk_grid *g = &r->plane->grid;
  const double kx = sp_fk_wave_number(r->line ? j : r->jx, g->mx, r->slice->step_x);
  const double ky = sp_fk_wave_number(r->line ? 0 : j, g->my, r->slice->step_y);
  return sqrt(kx * kx + ky * ky);
}

/* The first j of `first` ... m / 2 with |k| - from > width, or >= where `reached`; |k| grows with j. */
static uint32_t find_bound(const mask_row *r, uint32_t first, double from, double width, bool reached) {
  uint32_t low = first, high = r->m / 2 + 1;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    const double over = wave_number_at(r, middle) - from;
    if (reached ? over >= width && over > 0 : over > width) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

/* Velocities outside the zone and wholly inside it have one value each; only flanks, and sectors, take a look at every
 * point. */
static void compute_mask(const mask_row *r) {
  const sp_fk_slice *s = r->slice;
  const uint32_t half = r->m / 2 + 1;
  if (s->images_x || s->images_y) {
    fill_mask(r, 0, half, false);
    return;
  }
  const uint32_t from = r->zone->fast_side ? find_bound(r, 0, s->fast_from, 0, false) : 0;
  const uint32_t whole = r->zone->fast_side ? find_bound(r, from, s->fast_from, s->fast_width, true) : 0;
  const uint32_t to = r->zone->slow_side ? find_bound(r, whole, s->slow_from, 0, false) : half;
  const uint32_t end = r->zone->slow_side ? find_bound(r, to, s->slow_from, s->slow_width, true) : half;
  fill_mask(r, 0, from, true);
  fill_mask(r, from, whole, false);
  if (r->zone->sector) {
    fill_sector(r, whole, to);
  } else {
    fill_mask(r, whole, to, true);
  }
  fill_mask(r, to, end, false);
  fill_mask(r, end, half, true);
}

static void multiply_by_mask(const sp_fk_plane *p, const sp_fk_zone *zone, uint32_t bin, sp_fk_complex *plane,
                             float *mask) {
  const sp_fk_slice slice = sp_fk_slice_at(zone, &p->grid, bin);
  const uint32_t mx = p->x.padded, my = p->y.padded;
  const bool even = !zone->sector, line = my == 1;
  mask_row r = {.plane = p,
                .zone = zone,
                .slice = &slice,
                .m = line ? mx : my,
                .line = line,
                .even = even,
                .scale = 1.0 / ((double)mx * my),
                .mask = mask};
  for (; r.jx < (line ? 1 : even ? mx / 2 + 1 : mx); r.jx++) {
    compute_mask(&r);
    multiply(plane + (size_t)r.jx * my, mask, r.m);
    if (!line && even && r.jx > 0 && mx - r.jx != r.jx) multiply(plane + (size_t)(mx - r.jx) * my, mask, my);
  }
}

void sp_fk_plane_filter(const sp_fk_plane *p, const sp_fk_zone *zone, uint32_t bin, void *work,
                        const sp_fk_cells *cells, sp_fk_complex *row) {
  sp_fk_complex *plane = work;
  float *mask = (float *)((char *)work + sp_aligned((size_t)p->x.padded * p->y.padded * sizeof *plane));
  load_cells(p, cells, row, plane);
  extend(p, plane);
  fftwf_execute_dft(p->plans->forward, (fftwf_complex *)plane, (fftwf_complex *)plane);
  multiply_by_mask(p, zone, bin, plane, mask);
  fftwf_execute_dft(p->plans->back, (fftwf_complex *)plane, (fftwf_complex *)plane);
  store_cells(p, cells, plane, row);
}

/* --- filling gaps ------------------------------------------------------------------------------------------------- */

uint32_t sp_fk_fill_length(uint32_t n) {
  return sp_good_length((uint32_t)(1.25 * n), false);
}

float sp_fk_fill_limit(float largest, uint32_t i, uint32_t n) {
  return (float)(largest * pow(10, -6.0 * i / (n > 1 ? n - 1 : 1)));
}

float sp_fk_plane_largest(const sp_fk_plane *p, void *work, const sp_fk_cells *cells, const sp_fk_complex *row) {
  sp_fk_complex *plane = work;
  load_cells(p, cells, row, plane);
  fftwf_execute_dft(p->plans->forward, (fftwf_complex *)plane, (fftwf_complex *)plane);
  float most = 0;
  for (size_t i = 0; i < (size_t)p->x.padded * p->y.padded; i++) {
    const float power = plane[i].re * plane[i].re + plane[i].im * plane[i].im;
    if (power > most) most = power;
  }
  return most;
}

void sp_fk_plane_project(const sp_fk_plane *p, void *work, const sp_fk_cells *cells, float limit, sp_fk_complex *row) {
  sp_fk_complex *plane = work;
  load_cells(p, cells, row, plane);
  fftwf_execute_dft(p->plans->forward, (fftwf_complex *)plane, (fftwf_complex *)plane);
  const size_t points = (size_t)p->x.padded * p->y.padded;
  const float scale = (float)(1.0 / (double)points);
  for (size_t i = 0; i < points; i++) {
    const float power = plane[i].re * plane[i].re + plane[i].im * plane[i].im, keep = power < limit ? 0 : scale;
    plane[i].re *= keep;
    plane[i].im *= keep;
  }
  fftwf_execute_dft(p->plans->back, (fftwf_complex *)plane, (fftwf_complex *)plane);
  store_cells(p, cells, plane, row);
}
