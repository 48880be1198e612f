/* SPDX-License-Identifier: BSD-3-Clause */
/* The record of `fkk`: its parameters, what it refuses before a job starts, its backends. */
#include "kernels/fkk/fkk.h"

#include <stdio.h>
#include <string.h>

#include "kernels/common/length_unit.h"

#define FIELD(name) offsetof(sp_fkk_params, name)

static const sp_param params[] = {
    SP_FK_COMMON_PARAMS(FIELD(common)),
    {"azimuth", SP_PARAM_REAL, "none", -360, 360, 0, "none", "degrees",
     "only waves that travel to this azimuth, clockwise from north; none: all", FIELD(azimuth)},
    {"azimuth_width", SP_PARAM_REAL, "90", 0, 360, 0, NULL, "degrees", "of the sector around azimuth",
     FIELD(azimuth_width)},
    {"azimuth_taper", SP_PARAM_REAL, "15", 0, 180, 0, NULL, "degrees", "of the flanks on either side of the sector",
     FIELD(azimuth_taper)},
    {"two_sided", SP_PARAM_BOOL, "false", 0, 0, 0, NULL, NULL, "also waves that travel the opposite way",
     FIELD(two_sided)},
    {"cells", SP_PARAM_CHOICE, "lines", 0, 0, 0, "lines|bins", NULL,
     "x and y are line numbers, or coordinates that are rounded to bins", FIELD(cells)},
    {"x", SP_PARAM_HEADERS, "[iline]", 0, 0, SP_PARAM_ITEMS(1, 1), NULL, NULL, "header of the first axis", FIELD(x)},
    {"y", SP_PARAM_HEADERS, "[xline]", 0, 0, SP_PARAM_ITEMS(1, 1), NULL, NULL, "header of the second axis", FIELD(y)},
    {"dx", SP_PARAM_REAL, "auto", 1e-3, 1e6, 0, "auto", "length",
     "from cell to cell along x, in the unit of the headers; auto: fitted to cdpx and cdpy; bins need it", FIELD(dx)},
    {"dy", SP_PARAM_REAL, "auto", 1e-3, 1e6, 0, "auto", "length", "the same along y", FIELD(dy)},
    {"grid_azimuth", SP_PARAM_REAL, "auto", -360, 360, 0, "auto", "degrees",
     "that the x axis points to; auto: fitted to cdpx and cdpy, or 90 where dx and dy are given", FIELD(grid_azimuth)},
    {"handed", SP_PARAM_CHOICE, "left", 0, 0, 0, "left|right", NULL,
     "side of x that y points to, where it is not fitted", FIELD(handed)},
    {"origin", SP_PARAM_NUMBERS, "[]", -1e9, 1e9, SP_PARAM_ITEMS(0, 2), NULL, "length",
     "coordinates of a bin's centre; []: those of a cube's first trace", FIELD(origin)},
    {"cubes", SP_PARAM_HEADERS, "[]", 0, 0, SP_PARAM_ITEMS(0, SP_FKK_MAX_CUBES), NULL, NULL,
     "headers whose values separate cubes, such as an offset class", FIELD(cubes)},
    {"duplicates", SP_PARAM_CHOICE, "error", 0, 0, 0, "error|mean", NULL,
     "traces that share a cell: refused, or filtered as their mean", FIELD(duplicates)},
    {"scratch", SP_PARAM_TEXT, "", 0, 0, 0, NULL, NULL,
     "folder for the spectra of cubes that are larger than memory; empty: none", FIELD(scratch)},
    {0},
};

enum { X, Y, DELAY, FIRST_FREE };

sp_fkk_columns sp_fkk_column_places(const sp_fkk_params *p) {
  sp_fkk_columns c = {.x = X, .y = Y, .delay = DELAY, .first_cube = FIRST_FREE, .n_cubes = p->cubes.n};
  c.fits = p->cells == SP_FKK_LINES && isnan(p->dx);
  if (c.fits) {
    c.easting = c.first_cube++;
    c.northing = c.first_cube++;
  }
  return c;
}

static size_t more_headers(const void *values, const char **names, size_t max) {
  const sp_fkk_params *p = values;
  const sp_fkk_columns c = sp_fkk_column_places(p);
  const char *all[SP_MAX_PROCESSOR_HEADERS] = {p->x.word[0], p->y.word[0], "delrt?"};
  size_t n = c.first_cube;
  if (c.fits) all[c.easting] = "cdpx", all[c.northing] = "cdpy";
  for (uint32_t i = 0; i < p->cubes.n; i++) all[n++] = p->cubes.word[i];
  n = n < max ? n : max;
  memcpy(names, all, n * sizeof *names);
  return n;
}

void sp_fkk_filter_of(const sp_fkk_params *p, double azimuth_x, double azimuth_y, uint32_t n_samples, double dt,
                      sp_fk_filter *filter) {
  const sp_fk_sector sector = {p->azimuth, p->azimuth_width, p->azimuth_taper, p->two_sided};
  sp_fk_filter_set(&p->common, isnan(p->azimuth) ? NULL : &sector, azimuth_x, azimuth_y, n_samples, dt, filter);
}

static sp_status check(const void *values, char *why, size_t why_size) {
  const sp_fkk_params *p = values;
  SP_TRY(sp_fk_common_check(&p->common, why, why_size));
  if (isnan(p->dx) != isnan(p->dy)) {
    snprintf(why, why_size, "dx, dy: found one of them, allowed are both or neither");
  } else if (p->cells == SP_FKK_BINS && isnan(p->dx)) {
    snprintf(why, why_size, "cells: bins needs dx and dy");
  } else if (p->cells == SP_FKK_LINES && isnan(p->dx) && !isnan(p->grid_azimuth)) {
    snprintf(why, why_size, "grid_azimuth: needs dx and dy; without them it follows from cdpx and cdpy");
  } else if (!isnan(p->azimuth) && p->cells == SP_FKK_LINES && !isnan(p->dx) && isnan(p->grid_azimuth)) {
    snprintf(why, why_size, "azimuth: needs grid_azimuth where dx and dy are given");
  } else if (p->origin.n == 1 || (p->origin.n && p->cells == SP_FKK_LINES)) {
    snprintf(why, why_size, "origin: allowed are two coordinates, with cells: bins");
  } else if (!strcmp(p->x.word[0], p->y.word[0])) {
    snprintf(why, why_size, "y: found %s, which is x, too", p->y.word[0]);
  } else {
    return SP_SUCCESS;
  }
  return SP_ERR_USAGE;
}

/* Coordinates that cells are made of, or that the steps from cell to cell follow from. */
static sp_status check_units(const sp_fkk_params *p, const sp_survey_shape *shape, char *why, size_t why_size) {
  const bool bins = p->cells == SP_FKK_BINS;
  if (!bins && !sp_fkk_column_places(p).fits) return SP_SUCCESS;
  const char *const names[] = {bins ? p->x.word[0] : "cdpx", bins ? p->y.word[0] : "cdpy"};
  return sp_length_units_check(shape, names, 2, "fkk", false, why, why_size);
}

/* A column that holds one value everywhere says nothing of cells. */
static sp_status check_shape(const void *values, const sp_survey_shape *shape, char *why, size_t why_size) {
  const sp_fkk_params *p = values;
  const char *axes[] = {p->x.word[0], p->y.word[0]};
  const sp_column *column[2] = {sp_survey_shape_column(shape, axes[0]), sp_survey_shape_column(shape, axes[1])};
  bool same = true;
  for (int i = 0; i < 2; i++) same = same && column[i] && column[i]->has_range && column[i]->least == column[i]->most;
  if (same && shape->n_traces > 1) {
    snprintf(why, why_size, "%s and %s are the same on every trace (%g, %g): import with --field or --derive sets them",
             axes[0], axes[1], column[0]->least, column[1]->least);
    return SP_ERR_USAGE;
  }
  SP_TRY(check_units(p, shape, why, why_size));
  return sp_fk_common_check_shape(&p->common, shape, "fkk", why, why_size);
}

static const char *spreads(const void *values) {
  return ((const sp_fkk_params *)values)->common.agc > 0 ? NULL : "agc";
}

const sp_processor sp_processor_fkk = {
    .name = "fkk",
    .summary = "reject or pass apparent velocities and directions of cubes, in time and two axes of space",
    .scope = SP_SCOPE_VOLUME,
    .params = params,
    .params_size = sizeof(sp_fkk_params),
    .example = "vmax: 1500",
    .more_headers = more_headers,
    .check = check,
    .check_shape = check_shape,
    .spreads = spreads,
};
