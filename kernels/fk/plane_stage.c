/* A plane is computed by one thread with one plan, from work memory that is aligned alike everywhere: its bits depend
 * on its cells alone. The mask is computed row by row beside the multiplication; without a sector it is even in kx and
 * in ky, and a quarter of it is computed. */
#include "kernels/fk/plane_stage.h"

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

static size_t aligned(size_t bytes) {
  return (bytes + SP_ALIGNMENT - 1) / SP_ALIGNMENT * SP_ALIGNMENT;
}

size_t sp_fk_plane_work(uint32_t mx, uint32_t my) {
  return aligned((size_t)mx * my * sizeof(sp_fk_complex)) + aligned((mx > my ? mx : my) * sizeof(float));
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

/* Removed shares along the faster axis that has more than one point, times `scale`; `even`: half of them and their
 * mirror images. */
static void mask_row(const sp_fk_plane *p, const sp_fk_zone *zone, const sp_fk_slice *slice, uint32_t jx, bool even,
                     double scale, float *mask) {
  const bool line = p->y.padded == 1;
  const uint32_t m = line ? p->x.padded : p->y.padded, end = even ? m / 2 + 1 : m;
  for (uint32_t j = 0; j < end; j++) {
    mask[j] = (float)(sp_fk_removed_share(zone, &p->grid, slice, line ? j : jx, line ? 0 : j) * scale);
  }
  for (uint32_t j = end; j < m; j++) mask[j] = mask[m - j];
}

static void multiply_by_mask(const sp_fk_plane *p, const sp_fk_zone *zone, uint32_t bin, sp_fk_complex *plane,
                             float *mask) {
  const sp_fk_slice slice = sp_fk_slice_at(zone, &p->grid, bin);
  const uint32_t mx = p->x.padded, my = p->y.padded;
  const double scale = 1.0 / ((double)mx * my);
  const bool even = !zone->sector;
  if (my == 1) {
    mask_row(p, zone, &slice, 0, even, scale, mask);
    multiply(plane, mask, mx);
    return;
  }
  for (uint32_t jx = 0; jx < (even ? mx / 2 + 1 : mx); jx++) {
    mask_row(p, zone, &slice, jx, even, scale, mask);
    multiply(plane + (size_t)jx * my, mask, my);
    if (even && jx > 0 && mx - jx != jx) multiply(plane + (size_t)(mx - jx) * my, mask, my);
  }
}

void sp_fk_plane_filter(const sp_fk_plane *p, const sp_fk_zone *zone, uint32_t bin, void *work,
                        const sp_fk_cells *cells, sp_fk_complex *row) {
  sp_fk_complex *plane = work;
  float *mask = (float *)((char *)work + aligned((size_t)p->x.padded * p->y.padded * sizeof *plane));
  load_cells(p, cells, row, plane);
  extend(p, plane);
  fftwf_execute_dft(p->plans->forward, (fftwf_complex *)plane, (fftwf_complex *)plane);
  multiply_by_mask(p, zone, bin, plane, mask);
  fftwf_execute_dft(p->plans->back, (fftwf_complex *)plane, (fftwf_complex *)plane);
  store_cells(p, cells, plane, row);
}

/* --- filling gaps ------------------------------------------------------------------------------------------------- */

uint32_t sp_fk_fill_length(uint32_t n) {
  return sp_fk_good_length((uint32_t)(1.25 * n), false);
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
