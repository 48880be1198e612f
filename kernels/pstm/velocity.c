/* SPDX-License-Identifier: BSD-3-Clause */
/* A model: rms velocity, eta and far of each position on the image's times, and which positions a column lies between.
 */
#include "kernels/pstm/velocity.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/pstm/velocity_plane.h"
#include "kernels/pstm/velocity_time.h"
#include "seisproc/crc32c.h"
#include "seisproc/memory.h"

typedef struct functions {
  uint32_t n;
  sp_plane *plane; /* NULL: one function */
  float *values;   /* [n][n_tau] */
} functions;

struct sp_velocity_model {
  sp_pstm_grid grid;
  functions velocity, eta; /* eta.n 0: none */
  float *far;              /* as eta; NULL: 1 + 2 eta */
};

void sp_velocity_position(const sp_velocity_table *t, uint32_t i, char *text, size_t size) {
  const double *p = t->position[i];
  switch (t->by) {
  case SP_VELOCITY_BY_CDP:
    snprintf(text, size, "cdp %g", p[0]);
    return;
  case SP_VELOCITY_BY_LINES:
    snprintf(text, size, "iline %g, xline %g", p[1], p[0]);
    return;
  case SP_VELOCITY_BY_PLACE:
    snprintf(text, size, "x %.10g, y %.10g", p[0], p[1]);
    return;
  default:
    snprintf(text, size, "everywhere");
    return;
  }
}

/* Where a position lies in the grid's axes, m. */
static sp_status locate(const sp_pstm_grid *grid, const sp_line_numbers *numbers, const sp_velocity_table *t,
                        uint32_t i, double position[2]) {
  if (t->by == SP_VELOCITY_BY_PLACE) {
    sp_pstm_grid_position(grid, t->position[i], position);
    return SP_SUCCESS;
  }
  if (t->by == SP_VELOCITY_BY_CDP && grid->n[1] > 1) {
    return SP_RAISE(SP_ERR_INPUT,
                    "%s: cdp t v is for the image of a line; of this one, with %u lines, allowed are t v, "
                    "iline xline t v and x y t v",
                    t->name, grid->n[1]);
  }
  for (int k = 0; k < 2; k++) position[k] = (t->position[i][k] - numbers->first[k]) / numbers->step[k] * grid->step[k];
  if (t->by == SP_VELOCITY_BY_CDP) position[1] = 0;
  return SP_SUCCESS;
}

/* Refuses positions that all lie farther from the image than it is wide: a mix-up of coordinates or numbers. */
static sp_status check_near(const sp_pstm_grid *grid, const sp_velocity_table *t, double (*position)[2]) {
  const double wide = grid->n[0] * grid->step[0], high = grid->n[1] * grid->step[1], reach = fmax(wide, high) + 10e3;
  for (uint32_t i = 0; i < t->n_functions; i++) {
    if (position[i][0] > -reach && position[i][0] < wide + reach && position[i][1] > -reach &&
        position[i][1] < high + reach) {
      return SP_SUCCESS;
    }
  }
  char text[96];
  sp_velocity_position(t, 0, text, sizeof text);
  return SP_RAISE(SP_ERR_INPUT,
                  "%s: no position of it is near the image; the first, %s, is %.0f m along x and %.0f m along y "
                  "from its origin",
                  t->name, text, position[0][0], position[0][1]);
}

static sp_status make_plane(const sp_pstm_grid *grid, const sp_line_numbers *numbers, const sp_velocity_table *t,
                            functions *f) {
  if (t->by == SP_VELOCITY_BY_NOTHING) return SP_SUCCESS;
  double(*position)[2] = NULL;
  SP_TRY(sp_alloc(t->n_functions * sizeof *position, "positions of velocities", &position));
  sp_status status = SP_SUCCESS;
  for (uint32_t i = 0; status == SP_SUCCESS && i < t->n_functions; i++) {
    status = locate(grid, numbers, t, i, position[i]);
  }
  if (status == SP_SUCCESS) status = check_near(grid, t, position);
  if (status == SP_SUCCESS && t->n_functions > 1)
    status = sp_plane_create(t->n_functions, (const double(*)[2])position, &f->plane);
  sp_free(position);
  return status;
}

static sp_velocity_function function_at(const sp_velocity_table *t, uint32_t i, sp_velocity_kind kind, char *text,
                                        size_t size) {
  sp_velocity_position(t, i, text, size);
  return (sp_velocity_function){
      t->name, text, t->first[i + 1] - t->first[i], t->time + t->first[i], t->value + t->first[i], kind};
}

static sp_status set_velocity(const sp_pstm_grid *grid, const sp_line_numbers *numbers, const sp_velocity_table *t,
                              sp_velocity_kind kind, bool curved, sp_velocity_model *m) {
  const size_t row = grid->n_tau, all = t->n_functions * row;
  m->velocity.n = t->n_functions;
  SP_TRY(sp_alloc(all * sizeof(float), "velocities", &m->velocity.values));
  if (curved) {
    m->eta.n = t->n_functions;
    SP_TRY(sp_alloc(all * sizeof(float), "eta", &m->eta.values));
    SP_TRY(sp_alloc(all * sizeof(float), "far", &m->far));
  }
  for (uint32_t i = 0; i < t->n_functions; i++) {
    char text[96];
    const sp_velocity_function f = function_at(t, i, kind, text, sizeof text);
    SP_TRY(sp_velocity_convert(&f, grid, curved, m->velocity.values + i * row, curved ? m->eta.values + i * row : NULL,
                               curved ? m->far + i * row : NULL));
  }
  return make_plane(grid, numbers, t, &m->velocity);
}

static sp_status set_eta(const sp_pstm_grid *grid, const sp_line_numbers *numbers, const sp_velocity_table *t,
                         sp_velocity_model *m) {
  m->eta.n = t->n_functions;
  SP_TRY(sp_alloc(t->n_functions * (size_t)grid->n_tau * sizeof(float), "eta", &m->eta.values));
  for (uint32_t i = 0; i < t->n_functions; i++) {
    char text[96];
    const sp_velocity_function f = function_at(t, i, SP_VELOCITY_RMS, text, sizeof text);
    SP_TRY(sp_velocity_convert(&f, grid, false, m->eta.values + i * (size_t)grid->n_tau, NULL, NULL));
  }
  return make_plane(grid, numbers, t, &m->eta);
}

sp_status sp_velocity_model_create(const sp_pstm_grid *grid, const sp_line_numbers *numbers,
                                   const sp_velocity_table *velocity, const sp_velocity_table *eta,
                                   sp_velocity_kind kind, sp_rays rays, sp_velocity_model **out) {
  sp_velocity_model *m = NULL;
  SP_TRY(sp_calloc(1, sizeof *m, "a velocity model", &m));
  m->grid = *grid;
  sp_status status = set_velocity(grid, numbers, velocity, kind, rays == SP_RAYS_CURVED, m);
  if (status == SP_SUCCESS && rays == SP_RAYS_VTI) status = set_eta(grid, numbers, eta, m);
  if (status != SP_SUCCESS) {
    sp_velocity_model_destroy(m);
    return status;
  }
  *out = m;
  return SP_SUCCESS;
}

void sp_velocity_model_destroy(sp_velocity_model *m) {
  if (!m) return;
  sp_plane_destroy(m->velocity.plane);
  sp_plane_destroy(m->eta.plane);
  sp_free(m->velocity.values);
  sp_free(m->eta.values);
  sp_free(m->far);
  sp_free(m);
}

bool sp_velocity_model_is_flat(const sp_velocity_model *m) {
  return m->velocity.n == 1 && m->eta.n <= 1;
}

bool sp_velocity_model_has_eta(const sp_velocity_model *m) {
  return m->eta.n > 0;
}

void sp_velocity_model_range(const sp_velocity_model *m, float *least, float *most) {
  const size_t n = m->grid.n_tau;
  memcpy(least, m->velocity.values, n * sizeof *least);
  memcpy(most, m->velocity.values, n * sizeof *most);
  for (size_t i = n; i < m->velocity.n * n; i++) {
    least[i % n] = fminf(least[i % n], m->velocity.values[i]);
    most[i % n] = fmaxf(most[i % n], m->velocity.values[i]);
  }
}

uint32_t sp_velocity_model_crc(const sp_velocity_model *m) {
  const size_t row = m->grid.n_tau * sizeof(float);
  uint32_t crc = sp_crc32c(0, m->velocity.values, m->velocity.n * row);
  if (m->velocity.plane) crc = sp_plane_crc(m->velocity.plane, crc);
  if (m->eta.n) crc = sp_crc32c(crc, m->eta.values, m->eta.n * row);
  if (m->far) crc = sp_crc32c(crc, m->far, m->eta.n * row);
  return m->eta.plane ? sp_plane_crc(m->eta.plane, crc) : crc;
}

static void interpolate(const sp_plane_weights *w, const float *values, size_t n, float *out) {
  for (size_t i = 0; i < n; i++) {
    double sum = 0;
    for (uint32_t k = 0; k < w->n; k++) sum += w->weight[k] * (double)values[w->position[k] * n + i];
    out[i] = (float)sum;
  }
}

static sp_plane_weights weights_at(const functions *f, const double position[2]) {
  sp_plane_weights w = {1, {0}, {1}};
  if (f->plane) sp_plane_at(f->plane, position, &w);
  return w;
}

void sp_velocity_model_column(const sp_velocity_model *m, uint32_t ix, uint32_t iy, float *velocity, float *eta,
                              float *far) {
  const double position[2] = {ix * m->grid.step[0], iy * m->grid.step[1]};
  const size_t n = m->grid.n_tau;
  const sp_plane_weights w = weights_at(&m->velocity, position);
  interpolate(&w, m->velocity.values, n, velocity);
  if (!m->eta.n) return;
  if (m->far) { /* of the positions of the velocity */
    interpolate(&w, m->eta.values, n, eta);
    interpolate(&w, m->far, n, far);
    return;
  }
  const sp_plane_weights at = weights_at(&m->eta, position);
  interpolate(&at, m->eta.values, n, eta);
  for (size_t i = 0; i < n; i++) far[i] = 1 + 2 * eta[i];
}
