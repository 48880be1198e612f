/* SPDX-License-Identifier: BSD-3-Clause */
/* What is said of the cubes of a survey before a job starts: how full and how large they are, and whether spacing and
 * direction are what they can be. Cubes are many, so each thing is said once, of the first that has it. */
#include <math.h>
#include <string.h>

#include "seisproc/header_column.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/flow/volume/volume_flow.h"

enum { TEXT = 192 };
static const double same_direction = 5; /* degrees by which two are the same */

/* " in 3 of 7 cubes, first cube offset 400", or "" where there is one. */
static const char *where_of(const sp_grid_request *r, const sp_trace_grid *grid, uint32_t n, uint32_t first,
                            char text[TEXT]) {
  char name[128];
  *text = '\0';
  if (grid->n_cubes == 1) return text;
  sp_cube_name(r, &grid->cubes[first], name, sizeof name);
  snprintf(text, TEXT, " in %u of %u cubes, first %s", n, grid->n_cubes, name);
  return text;
}

static void warn_of_sizes(const sp_grid_request *r, const sp_trace_grid *grid) {
  uint32_t n_sparse = 0, n_small = 0, sparse = 0, small = 0;
  char where[TEXT];
  for (uint32_t k = grid->n_cubes; k-- > 0;) {
    const sp_cube *c = &grid->cubes[k];
    if (2.0 * c->n_cells < (double)c->nx * c->ny) n_sparse++, sparse = k;
    if (c->nx < SP_LEAST_LINE || c->ny < SP_LEAST_LINE) n_small++, small = k;
  }
  if (n_sparse) {
    const sp_cube *c = &grid->cubes[sparse];
    sp_warn("%s: fewer than half of the cells hold a trace%s: %u of %u x %u", r->where,
            where_of(r, grid, n_sparse, sparse, where), c->n_cells, c->nx, c->ny);
  }
  if (n_small) {
    const sp_cube *c = &grid->cubes[small];
    sp_warn("%s: fewer than %d lines%s: %u x %u: a filter in 3-D is then no better than one line by line", r->where,
            SP_LEAST_LINE, where_of(r, grid, n_small, small, where), c->nx, c->ny);
  }
}

static void warn_of_steps(const sp_grid_request *r, const sp_trace_grid *grid) {
  for (int axis = 0; axis < 2; axis++) {
    uint32_t n = 0, first = 0;
    char where[TEXT];
    for (uint32_t k = grid->n_cubes; k-- > 0;) {
      const sp_cube *c = &grid->cubes[k];
      const double step = axis ? c->dy : c->dx;
      if ((axis ? c->ny : c->nx) > 1 && sp_fk_is_odd_step(step)) n++, first = k;
    }
    if (n == 0) continue;
    const sp_cube *c = &grid->cubes[first];
    sp_warn("%s: cells are %g apart along %s%s: %s", r->where, axis ? c->dy : c->dx, axis ? r->y_name : r->x_name,
            where_of(r, grid, n, first, where),
            isnan(r->dx) ? "are the scalars of the coordinates right?" : "are dx and dy right?");
  }
}

/* --- what is given against what the coordinates say --------------------------------------------------------------- */

/* The coordinates of a survey's traces; NULL where it has none, or some are no numbers. */
static sp_status read_coordinate(sp_survey *survey, const char *name, uint64_t n, double **out) {
  char path[SP_NAME_LENGTH + 16];
  snprintf(path, sizeof path, "/headers/%s", name);
  if (!sp_survey_has(survey, path)) return SP_SUCCESS;
  SP_TRY(sp_header_column_read_all(survey, name, out));
  for (uint64_t i = 0; i < n; i++) {
    if (isfinite((*out)[i])) continue;
    sp_free(*out);
    *out = NULL;
    break;
  }
  return SP_SUCCESS;
}

/* Where what is given for an axis of a cube is not what the coordinates say. */
typedef struct contradiction {
  const sp_cube *cube;
  int axis; /* 0: x, 1: y */
  double given, found;
} contradiction;

static bool is_same_direction(double a, double b) {
  return fabs(remainder(a - b, 360)) <= same_direction;
}

/* The first one, of the steps or of the directions. */
static bool contradicts(const sp_grid_request *r, const sp_trace_grid *grid, bool directions, contradiction *out) {
  for (uint32_t k = 0; k < grid->n_cubes; k++) {
    const sp_cube *c = &grid->cubes[k];
    const double given[2][2] = {{r->dx, r->dy}, {c->azimuth_x, c->azimuth_y}};
    const uint32_t cells[2] = {c->nx, c->ny};
    double step[2], azimuth[2];
    sp_trace_grid_found(r, grid, c, step, azimuth);
    for (int i = 0; i < 2; i++) {
      *out = (contradiction){c, i, given[directions][i], directions ? azimuth[i] : step[i]};
      const bool same =
          directions ? is_same_direction(out->given, out->found) : sp_fk_is_same_step(out->given, out->found);
      if (cells[i] > 1 && step[i] > 0 && !same) return true;
    }
  }
  return false;
}

static void compare_steps(const sp_grid_request *r, const sp_trace_grid *grid) {
  contradiction c;
  char name[128];
  if (!contradicts(r, grid, false, &c)) return;
  sp_cube_name(r, c.cube, name, sizeof name);
  sp_warn(
      "%s: %s: %g is given, cdpx and cdpy say %.4g from cell to cell along %s in %s: velocities are taken %.3g times "
      "as large as by these",
      r->where, c.axis ? "dy" : "dx", c.given, c.found, c.axis ? r->y_name : r->x_name, name, c.given / c.found);
}

/* Of a filter that looks at directions. */
static void compare_directions(const sp_grid_request *r, const sp_trace_grid *grid) {
  contradiction c;
  char name[128];
  if (!contradicts(r, grid, true, &c)) return;
  sp_cube_name(r, c.cube, name, sizeof name);
  sp_warn("%s: grid_azimuth and handed have %s point to %.4g degrees, cdpx and cdpy to %.4g in %s", r->where,
          c.axis ? r->y_name : r->x_name, fmod(c.given + 360, 360), c.found, name);
}

/* Coordinates that are there though the job gives spacing and direction: it may know better, but is told. */
static sp_status compare_with_coordinates(const sp_plan_request *request, const sp_grid_request *request_of_job,
                                          const sp_trace_grid *grid, bool directions) {
  sp_survey *survey = (sp_survey *)(uintptr_t)request->survey;
  sp_grid_request r = *request_of_job;
  double *easting = NULL, *northing = NULL;
  sp_status status = read_coordinate(survey, "cdpx", r.n_traces, &easting);
  if (status == SP_SUCCESS) status = read_coordinate(survey, "cdpy", r.n_traces, &northing);
  r.easting = easting;
  r.northing = northing;
  if (status == SP_SUCCESS && easting && northing) {
    compare_steps(&r, grid);
    if (directions) compare_directions(&r, grid);
  }
  sp_free(easting);
  sp_free(northing);
  return status;
}

/* Numbers of bins, which cdpx and cdpy are the centres of; from shot to shot and trace to trace midpoints go otherwise
 * than what a job gives as steps. */
static bool counts_bins(const char *name) {
  return !strcmp(name, "iline") || !strcmp(name, "xline");
}

sp_status sp_volume_warn_of_cubes(const sp_plan_request *request, const sp_grid_request *r, const sp_trace_grid *grid) {
  const sp_fkk_params *p = request->job->chain[sp_volume_step(request->job)].params;
  warn_of_sizes(r, grid);
  warn_of_steps(r, grid);
  if (r->bins || r->easting || !counts_bins(r->x_name) || !counts_bins(r->y_name)) return SP_SUCCESS;
  return compare_with_coordinates(request, r, grid, !isnan(p->azimuth));
}
