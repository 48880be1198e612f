/* SPDX-License-Identifier: BSD-3-Clause */
/* The record of `pstm`: its parameters, what it refuses before a job starts, its backends. */
#include <math.h>
#include <stdio.h>

#include "kernels/common/length_unit.h"
#include "kernels/pstm/params.h"

#define FIELD(name) offsetof(sp_pstm_params, name)

static const sp_param params[] = {
    {"velocity", SP_PARAM_PATH, NULL, 1e-3, 1e6, SP_PARAM_OR_NUMBER, NULL, "m/s",
     "a number, a text table: t v, cdp t v, iline xline t v, x y t v (ms, m/s), or a survey of velocities; a survey "
     "in feet is converted, so that lengths here are metres for any",
     FIELD(velocity)},
    {"kind", SP_PARAM_CHOICE, "rms", 0, 0, 0, "rms|interval|average", NULL, "what the velocities are", FIELD(kind)},
    {"rays", SP_PARAM_CHOICE, "straight", 0, 0, 0, "straight|curved|vti", NULL,
     "travel times from rms velocity alone, with the bending in v(t), or with eta", FIELD(rays)},
    {"eta", SP_PARAM_PATH, "", -0.5, 2, SP_PARAM_OR_NUMBER, NULL, NULL,
     "for rays: vti; a number, a table or a survey, as velocity", FIELD(eta)},
    {"allow_velocities", SP_PARAM_BOOL, "false", 0, 0, 0, NULL, NULL, "takes those below 300 and above 12000 m/s",
     FIELD(allow_velocities)},
    {"origin", SP_PARAM_NUMBERS, "[]", -1e9, 1e9, SP_PARAM_ITEMS(0, 2), NULL, "m",
     "x and y of the image's first point; []: the grid follows from iline, xline, cdpx, cdpy", FIELD(origin)},
    {"azimuth", SP_PARAM_REAL, "90", -360, 360, 0, NULL, "degrees",
     "that the image's x axis points to; y is 90 degrees anticlockwise", FIELD(azimuth)},
    {"dx", SP_PARAM_REAL, "auto", 1e-3, 1e6, 0, "auto", "m", "from point to point along x; with origin", FIELD(dx)},
    {"dy", SP_PARAM_REAL, "auto", 1e-3, 1e6, 0, "auto", "m", "along y; auto: dx", FIELD(dy)},
    {"nx", SP_PARAM_INT, "auto", 1, 1e6, 0, "auto", NULL, "points along x (cross-lines); with origin", FIELD(nx)},
    {"ny", SP_PARAM_INT, "1", 1, 1e6, 0, NULL, NULL, "points along y (in-lines)", FIELD(ny)},
    {"lines", SP_PARAM_NUMBERS, "[1, 1, 1, 1]", -1e9, 1e9, SP_PARAM_ITEMS(4, 4), NULL, NULL,
     "in-line and cross-line number of the first point, and their steps; with origin", FIELD(lines)},
    {"tau0", SP_PARAM_REAL, "auto", 1e-3, 1e6, 0, "auto", "ms", "first image time; auto: the sample interval",
     FIELD(tau0)},
    {"dtau", SP_PARAM_REAL, "auto", 1e-3, 1e6, 0, "auto", "ms", "auto: the sample interval", FIELD(dtau)},
    {"ntau", SP_PARAM_INT, "auto", 1, 1e6, 0, "auto", NULL, "image times; auto: as many as samples", FIELD(ntau)},
    {"offsets", SP_PARAM_NUMBERS, "[]", 0, 1e6, SP_PARAM_ASCENDING | SP_PARAM_ITEMS(0, SP_MAX_NUMBERS), NULL, "m",
     "centres of the offset classes, which reach half-way to the next; []: one class of all", FIELD(offsets)},
    {"azimuths", SP_PARAM_INT, "1", 1, 36, 0, NULL, NULL, "classes of source-receiver azimuth, over half a circle",
     FIELD(azimuths)},
    {"aperture", SP_PARAM_REAL, "3000", 1e-3, 1e6, 0, "auto", "m",
     "largest distance of a trace's midpoint; auto: v tau tan(max_dip) / 2", FIELD(aperture)},
    {"aperture_taper", SP_PARAM_REAL, "0.2", 0, 1, 0, NULL, NULL, "share of the aperture under a cosine",
     FIELD(aperture_taper)},
    {"max_dip", SP_PARAM_REAL, "60", 1e-3, 90, 0, NULL, "degrees", "90: no limit", FIELD(max_dip)},
    {"dip_taper", SP_PARAM_REAL, "10", 0, 90, 0, NULL, "degrees", "under a cosine, below max_dip", FIELD(dip_taper)},
    {"antialias", SP_PARAM_BOOL, "true", 0, 0, 0, NULL, NULL, "filter what the traces' spacing cannot carry",
     FIELD(antialias)},
    {"spacing", SP_PARAM_NUMBERS, "[]", 1e-3, 1e6, SP_PARAM_ITEMS(0, 2), NULL, "m",
     "of the traces of a class along x and y; []: dx and dy", FIELD(spacing)},
    {"weights", SP_PARAM_CHOICE, "true", 0, 0, 0, "true|gained|none", NULL,
     "true amplitudes of data as recorded, of data multiplied by time, or none", FIELD(weights)},
    {"geometry", SP_PARAM_CHOICE, "auto", 0, 0, 0, "auto|3d|2.5d", NULL, "auto: 2.5d where the image is one line",
     FIELD(geometry)},
    {"normalize", SP_PARAM_CHOICE, "area", 0, 0, 0, "area|hits|none", NULL,
     "by the area of a bin over its traces, by the count of contributions, or not", FIELD(normalize)},
    {"stretch", SP_PARAM_REAL, "0", 0, 100, 0, NULL, NULL, "the largest; 0: no limit", FIELD(stretch)},
    {"oversample", SP_PARAM_CHOICE, "4", 0, 0, 0, "1|2|4|8", NULL,
     "how much finer traces are made before they are read", FIELD(oversample)},
    {"hits", SP_PARAM_BOOL, "true", 0, 0, 0, NULL, NULL, "a second dataset: contributions a sample", FIELD(hits)},
    {"stack", SP_PARAM_BOOL, "false", 0, 0, 0, NULL, NULL,
     "a second survey, OUT-stack.h5 for OUT.h5: the sum over the classes", FIELD(stack)},
    {"peak", SP_PARAM_REAL, "auto", 1e-30, 1e30, 0, "auto", NULL,
     "largest magnitude of a trace's derivative (1/s); auto: a pass over the traces finds it", FIELD(peak)},
    {"tile_mb", SP_PARAM_INT, "auto", 1, 1e7, 0, "auto", "MB",
     "memory of a worker for its tile of the image; auto: 2000", FIELD(tile_mb)},
    {"tile_groups", SP_PARAM_INT, "auto", 1, 1e6, 0, "auto", NULL,
     "groups of workers, each with a tile of its own, at most; auto: what takes the least time, as plan says",
     FIELD(tile_groups)},
    {"snapshot", SP_PARAM_REAL, "auto", 1e-2, 1e6, 0, "auto", "s",
     "between snapshots; auto: by Young's rule, 60 or more", FIELD(snapshot)},
    {0},
};

bool sp_pstm_grid_is_auto(const sp_pstm_params *p) {
  return p->origin.n == 0;
}

const char *const sp_pstm_column_names[SP_PSTM_COLUMNS] = {"sx",    "sy",    "gx",   "gy",  "delrt?",
                                                           "iline", "xline", "cdpx", "cdpy"};

size_t sp_pstm_columns(const sp_pstm_params *p) {
  return sp_pstm_grid_is_auto(p) ? SP_PSTM_COLUMNS : SP_PSTM_ILINE;
}

static size_t more_headers(const void *values, const char **names, size_t max) {
  const size_t n = sp_pstm_columns(values) < max ? sp_pstm_columns(values) : max;
  for (size_t i = 0; i < n; i++) names[i] = sp_pstm_column_names[i];
  return n;
}

/* Line numbers of the image are whole, and fit a header. */
static bool lines_are_whole(const sp_pstm_params *p) {
  for (int i = 0; i < 4; i++) {
    if (p->lines.value[i] != rint(p->lines.value[i])) return false;
  }
  const double last[2] = {p->lines.value[0] + p->lines.value[2] * (p->ny - 1.0),
                          p->lines.value[1] + p->lines.value[3] * ((p->nx == SP_PARAM_AUTO ? 1 : p->nx) - 1.0)};
  return fabs(last[0]) <= INT32_MAX && fabs(last[1]) <= INT32_MAX;
}

static sp_status check(const void *values, char *why, size_t size) {
  const sp_pstm_params *p = values;
  if (p->origin.n == 1) {
    snprintf(why, size, "origin: found one number, allowed are x and y, or []");
  } else if (p->origin.n == 2 && (isnan(p->dx) || p->nx == SP_PARAM_AUTO)) {
    snprintf(why, size, "origin: needs dx and nx");
  } else if (p->origin.n == 0 && (!isnan(p->dx) || p->nx != SP_PARAM_AUTO || !isnan(p->dy) || p->ny != 1)) {
    snprintf(why, size, "dx, dy, nx, ny: need origin; without it the grid follows from the survey");
  } else if (p->lines.value[2] == 0 || p->lines.value[3] == 0) {
    snprintf(why, size, "lines: found a step of 0");
  } else if (!lines_are_whole(p)) {
    snprintf(why, size, "lines: allowed are whole numbers, up to %d at the last point", INT32_MAX);
  } else if (p->dip_taper > p->max_dip) {
    snprintf(why, size, "dip_taper: found %g, allowed is up to max_dip, %g", p->dip_taper, p->max_dip);
  } else if (isnan(p->aperture) && p->max_dip >= 90) {
    snprintf(why, size, "aperture: auto needs a max_dip below 90");
  } else if (p->rays == SP_RAYS_VTI && !*p->eta.path && isnan(p->eta.number)) {
    snprintf(why, size, "eta: rays: vti needs it");
  } else if (p->rays != SP_RAYS_VTI && (*p->eta.path || !isnan(p->eta.number))) {
    snprintf(why, size, "eta: is for rays: vti");
  } else if (p->geometry == SP_PSTM_2D && p->ny > 1) {
    snprintf(why, size, "geometry: 2.5d is for an image of one line, ny is %d", p->ny);
  } else if (p->spacing.n == 1 && p->ny > 1) {
    snprintf(why, size, "spacing: found one number, allowed are two for an image of several lines");
  } else {
    return SP_SUCCESS;
  }
  return SP_ERR_USAGE;
}

/* A coordinate that is the same on every trace is none. */
static sp_status check_shape(const void *values, const sp_survey_shape *shape, char *why, size_t size) {
  const char *const axes[2][2] = {{"sx", "gx"}, {"sy", "gy"}};
  bool zero[2];
  for (int i = 0; i < 2; i++) {
    const sp_column *s = sp_survey_shape_column(shape, axes[i][0]), *g = sp_survey_shape_column(shape, axes[i][1]);
    zero[i] = s && g && s->has_range && g->has_range && s->least == 0 && s->most == 0 && g->least == 0 && g->most == 0;
  }
  if (zero[0] && zero[1] && shape->n_traces > 0) {
    snprintf(why, size, "sx, sy, gx, gy are 0 on every trace: import with --field or --derive sets them");
    return SP_ERR_USAGE;
  }
  const char *const lengths[] = {"sx", "sy", "gx", "gy", "cdpx", "cdpy"};
  return sp_length_units_check(shape, lengths, sp_pstm_grid_is_auto(values) ? 6 : 4, "pstm", true, why, size);
}

const sp_processor sp_processor_pstm = {
    .name = "pstm",
    .summary = "Kirchhoff prestack time migration: an image from traces, by offset and azimuth",
    .scope = SP_SCOPE_IMAGE,
    .params = params,
    .params_size = sizeof(sp_pstm_params),
    .example = "velocity: 2000",
    .more_headers = more_headers,
    .check = check,
    .check_shape = check_shape,
};
