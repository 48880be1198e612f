/* SPDX-License-Identifier: BSD-3-Clause */
/* What an image job takes from the survey's headers, on rank 0: the grid, the class of each trace and the area that it
 * stands for. Coordinates and delays come scaled (header_column.h); feet are brought to metres here.
 *
 * The area of a trace is that of its bin (a cell of the image grid about its midpoint; on a line a step) over the
 * number of traces of its class in that bin. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/common/length_unit.h"
#include "seisproc/header_column.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/flow/image/image_flow.h"

enum { NO_CLASS = UINT32_MAX };

typedef struct columns {
  uint64_t n;
  double *value[SP_PSTM_COLUMNS]; /* [n]; NULL: not there */
} columns;

/* A trace in its class and bin. */
typedef struct binned {
  uint32_t class_number;
  int32_t bin[2];
  uint64_t used; /* position among the used traces in survey order */
} binned;

/* --- columns ------------------------------------------------------------------------------------------------------ */

/* Brings lengths that are in feet to metres. */
static sp_status convert(const sp_survey *survey, const char *path, uint64_t n, double *values) {
  char *units = NULL;
  SP_TRY(sp_survey_find_text(survey, path, "units", &units));
  if (units && !strcmp(units, "ft")) {
    for (uint64_t i = 0; i < n; i++) values[i] *= SP_METRES_A_FOOT;
  }
  sp_free(units);
  return SP_SUCCESS;
}

static sp_status read_columns(const sp_plan_request *request, const sp_pstm_params *params, columns *c) {
  sp_survey *survey = (sp_survey *)(uintptr_t)request->survey;
  const char *const *names = sp_pstm_column_names;
  c->n = sp_survey_get_info(survey)->n_traces;
  for (size_t i = 0; i < SP_PSTM_COLUMNS; i++) {
    char name[SP_NAME_LENGTH + 1], path[SP_NAME_LENGTH + 16];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(names[i], "?"), names[i]);
    snprintf(path, sizeof path, "/headers/%s", name);
    const bool optional = sp_header_is_optional(names[i]) || i >= sp_pstm_columns(params);
    if (optional && !sp_survey_has(survey, path)) continue;
    SP_TRY(sp_header_column_read_all(survey, name, &c->value[i]));
    SP_TRY(convert(survey, path, c->n, c->value[i]));
  }
  return SP_SUCCESS;
}

static void free_columns(columns *c) {
  for (int i = 0; i < SP_PSTM_COLUMNS; i++) sp_free(c->value[i]);
}

/* --- the grid ----------------------------------------------------------------------------------------------------- */

/* Least-squares a[3]: value = a0 + a1 u + a2 v over all traces, by the normal equations about the means; where v (or u)
 * does not vary its coefficient is 0. */
static void fit(const columns *c, const double *u, const double *v, const double *value, double a[3]) {
  double mean_u = 0, mean_v = 0, mean = 0, uu = 0, uv = 0, vv = 0, uy = 0, vy = 0;
  for (uint64_t i = 0; i < c->n; i++) mean_u += u[i], mean_v += v[i], mean += value[i];
  mean_u /= (double)c->n, mean_v /= (double)c->n, mean /= (double)c->n;
  for (uint64_t i = 0; i < c->n; i++) {
    const double du = u[i] - mean_u, dv = v[i] - mean_v, dy = value[i] - mean;
    uu += du * du, uv += du * dv, vv += dv * dv, uy += du * dy, vy += dv * dy;
  }
  const double det = uu * vv - uv * uv;
  a[1] = det > 1e-9 * uu * vv ? (uy * vv - vy * uv) / det : uu > 0 ? uy / uu : 0;
  a[2] = det > 1e-9 * uu * vv ? (vy * uu - uy * uv) / det : uu > 0 ? 0 : vv > 0 ? vy / vv : 0;
  a[0] = mean - a[1] * mean_u - a[2] * mean_v;
}

static void range_of(const double *values, uint64_t n, double *least, double *most) {
  *least = INFINITY, *most = -INFINITY;
  for (uint64_t i = 0; i < n; i++) *least = fmin(*least, values[i]), *most = fmax(*most, values[i]);
}

/* The worst distance of coordinates from the fit. */
static double misfit(const columns *c, const double x[3], const double y[3]) {
  double worst = 0;
  for (uint64_t i = 0; i < c->n; i++) {
    const double il = c->value[SP_PSTM_ILINE][i], xl = c->value[SP_PSTM_XLINE][i];
    worst = fmax(worst, hypot(x[0] + x[1] * xl + x[2] * il - c->value[SP_PSTM_CDPX][i],
                              y[0] + y[1] * xl + y[2] * il - c->value[SP_PSTM_CDPY][i]));
  }
  return worst;
}

/* Steps of the survey's bins by its line numbers and CDP coordinates; zero where these tell of none. They are no longer
 * needed then: the columns are freed. */
static void look_at_bins(columns *c, double step[2]) {
  static const int places[] = {SP_PSTM_ILINE, SP_PSTM_XLINE, SP_PSTM_CDPX, SP_PSTM_CDPY};
  double x[3], y[3];
  step[0] = step[1] = 0;
  if (c->n && c->value[SP_PSTM_ILINE] && c->value[SP_PSTM_XLINE] && c->value[SP_PSTM_CDPX] && c->value[SP_PSTM_CDPY]) {
    fit(c, c->value[SP_PSTM_XLINE], c->value[SP_PSTM_ILINE], c->value[SP_PSTM_CDPX], x);
    fit(c, c->value[SP_PSTM_XLINE], c->value[SP_PSTM_ILINE], c->value[SP_PSTM_CDPY], y);
    const double dx = hypot(x[1], y[1]), dy = hypot(x[2], y[2]);
    if (misfit(c, x, y) <= 0.5 * fmax(dx, dy)) step[0] = dx, step[1] = dy; /* not so where a number is none */
  }
  for (int i = 0; i < 4; i++) {
    sp_free(c->value[places[i]]);
    c->value[places[i]] = NULL;
  }
}

/* From in-line, cross-line and CDP coordinates: x along cross-lines, steps of one number. */
static sp_status fit_grid(const char *input, const columns *c, sp_pstm_grid *grid, sp_line_numbers *numbers) {
  static const char hint[] = "give origin, azimuth, dx, dy, nx, ny";
  double x[3], y[3], il[2], xl[2];
  range_of(c->value[SP_PSTM_ILINE], c->n, &il[0], &il[1]);
  range_of(c->value[SP_PSTM_XLINE], c->n, &xl[0], &xl[1]);
  if (!(xl[1] > xl[0]))
    return SP_RAISE(SP_ERR_INPUT, "%s: xline is %g on every trace: no grid; %s", input, xl[0], hint);
  if ((il[1] - il[0]) > 1e6 || (xl[1] - xl[0]) > 1e6)
    return SP_RAISE(SP_ERR_INPUT, "%s: iline and xline span more than a million lines; %s", input, hint);
  fit(c, c->value[SP_PSTM_XLINE], c->value[SP_PSTM_ILINE], c->value[SP_PSTM_CDPX], x);
  fit(c, c->value[SP_PSTM_XLINE], c->value[SP_PSTM_ILINE], c->value[SP_PSTM_CDPY], y);
  const double dx = hypot(x[1], y[1]), dy = hypot(x[2], y[2]);
  if (!(dx > 0)) return SP_RAISE(SP_ERR_INPUT, "%s: cdpx and cdpy do not change with xline; %s", input, hint);
  const double worst = misfit(c, x, y), sine = dy > 0 ? (x[1] * y[2] - y[1] * x[2]) / (dx * dy) : 1;
  if (worst > 0.5 * dx)
    return SP_RAISE(SP_ERR_INPUT,
                    "%s: cdpx, cdpy lie up to %.1f m from a grid of iline and xline (cells of %.1f m); %s", input,
                    worst, dx, hint);
  if (fabs(sine) < 0.999)
    return SP_RAISE(SP_ERR_INPUT, "%s: the axes of iline and xline are not at right angles; %s", input, hint);
  *numbers = (sp_line_numbers){{xl[0], il[0]}, {1, 1}};
  if (sine < 0) numbers->first[1] = il[1], numbers->step[1] = -1; /* y is 90 degrees anticlockwise of x */
  grid->azimuth = atan2(x[1], y[1]) * 180 / M_PI;
  grid->step[0] = dx;
  grid->step[1] = dy > 0 ? dy : dx;
  grid->n[0] = (uint32_t)(xl[1] - xl[0] + 1.5);
  grid->n[1] = (uint32_t)(il[1] - il[0] + 1.5);
  grid->origin[0] = x[0] + x[1] * numbers->first[0] + x[2] * numbers->first[1];
  grid->origin[1] = y[0] + y[1] * numbers->first[0] + y[2] * numbers->first[1];
  return SP_SUCCESS;
}

static sp_status set_grid(const sp_plan_request *request, const sp_pstm_params *p, const columns *c,
                          sp_image_shared *shared) {
  sp_pstm_grid *grid = &shared->config.grid;
  const sp_survey_info *info = sp_survey_get_info(request->survey);
  grid->tau_0 = isnan(p->tau0) ? 1e-6 * info->sample_interval_us : 1e-3 * p->tau0;
  grid->d_tau = isnan(p->dtau) ? 1e-6 * info->sample_interval_us : 1e-3 * p->dtau;
  grid->n_tau = p->ntau == SP_PARAM_AUTO ? info->n_samples : (uint32_t)p->ntau;
  if (grid->d_tau > 1.001e-6 * info->sample_interval_us) {
    sp_warn("dtau: %g ms is more than the data's %g ms: high frequencies will be aliased", 1e3 * grid->d_tau,
            1e-3 * info->sample_interval_us);
  }
  if (sp_pstm_grid_is_auto(p)) return fit_grid(request->job->input, c, grid, &shared->numbers);
  for (int i = 0; i < 2; i++) grid->origin[i] = p->origin.value[i];
  grid->azimuth = p->azimuth;
  grid->step[0] = p->dx;
  grid->step[1] = isnan(p->dy) ? p->dx : p->dy;
  grid->n[0] = (uint32_t)p->nx;
  grid->n[1] = (uint32_t)p->ny;
  shared->numbers = (sp_line_numbers){{p->lines.value[1], p->lines.value[0]}, {p->lines.value[3], p->lines.value[2]}};
  return SP_SUCCESS;
}

/* A scalar that is wrong makes grids that no survey has. */
static void check_spacing(const sp_pstm_grid *grid) {
  for (int i = 0; i < 2; i++) {
    if (grid->n[i] < 2 || (grid->step[i] >= 0.1 && grid->step[i] <= 10e3)) continue;
    sp_warn("pstm: image points are %g m apart along %c: are the scalars of the coordinates right?", grid->step[i],
            "xy"[i]);
  }
}

/* A trace stands for the cell of the image that it lies in: of cells smaller than the bins many hold none, and
 * amplitudes are too small by as much. */
static void compare_bins(const sp_plan_request *request, const sp_image_shared *s, const double bin[2]) {
  const sp_pstm_grid *grid = &s->config.grid;
  const bool line = s->config.line;
  const double bins = line ? fmax(bin[0], bin[1]) : bin[0] * bin[1];
  const double cell = grid->step[0] * (line ? 1 : grid->step[1]);
  bool sparse = false;
  char text[256];
  for (uint32_t k = 0; k < s->n_classes; k++) sparse = sparse || s->classes[k].typical_area > 0.5 * cell;
  if (!request->note || s->normalize != SP_PSTM_BY_AREA || !sparse || cell >= 0.9 * bins) return;
  snprintf(text, sizeof text,
           "pstm: a cell of the image is %.3g of the survey's bins (%.4g by %.4g m by iline, xline, cdpx, cdpy): "
           "amplitudes come out as much smaller, and antialias needs `spacing`",
           cell / bins, bin[0], bin[1]);
  request->note(text);
}

/* --- classes ------------------------------------------------------------------------------------------------------ */

/* The offset class: centres reach half-way to the next, the first and last as far outside. An offset half-way but for
 * the rounding of coordinates belongs to the upper one. */
static uint32_t offset_class(const sp_numbers *centres, double value) {
  const double offset = value + 1e-9 * (1e3 + value);
  const uint32_t n = centres->n;
  if (n < 2) return 0;
  const double *c = centres->value;
  if (offset < c[0] - 0.5 * (c[1] - c[0]) || offset >= c[n - 1] + 0.5 * (c[n - 1] - c[n - 2])) return NO_CLASS;
  uint32_t i = 0;
  while (i + 1 < n && offset >= 0.5 * (c[i] + c[i + 1])) i++;
  return i;
}

static uint32_t class_of(const sp_pstm_params *p, const sp_pstm_trace *t) {
  const double x = t->receiver[0] - t->source[0], y = t->receiver[1] - t->source[1];
  const uint32_t offset = offset_class(&p->offsets, hypot(x, y)), n = (uint32_t)p->azimuths;
  if (offset == NO_CLASS || n == 1) return offset;
  const double turn = fmod(atan2(x, y) / M_PI + 2, 1); /* of half a circle from north, clockwise */
  const uint32_t sector = (uint32_t)(turn * n + 0.5) % n;
  return offset * n + sector;
}

static bool position_of(const columns *c, uint64_t i, sp_pstm_trace *t) {
  *t = (sp_pstm_trace){.source = {c->value[SP_PSTM_SX][i], c->value[SP_PSTM_SY][i]},
                       .receiver = {c->value[SP_PSTM_GX][i], c->value[SP_PSTM_GY][i]},
                       .start_s = c->value[SP_PSTM_DELAY] ? 1e-3 * c->value[SP_PSTM_DELAY][i] : 0,
                       .area = 1};
  return isfinite(t->source[0] + t->source[1] + t->receiver[0] + t->receiver[1] + t->start_s);
}

static int by_bin(const void *a, const void *b) {
  const binned *x = a, *y = b;
  if (x->class_number != y->class_number) return x->class_number < y->class_number ? -1 : 1;
  for (int i = 0; i < 2; i++) {
    if (x->bin[i] != y->bin[i]) return x->bin[i] < y->bin[i] ? -1 : 1;
  }
  return (x->used > y->used) - (x->used < y->used);
}

static int by_class(const void *a, const void *b) {
  const binned *x = a, *y = b;
  if (x->class_number != y->class_number) return x->class_number < y->class_number ? -1 : 1;
  return (x->used > y->used) - (x->used < y->used);
}

static void set_areas(const sp_image_shared *shared, binned *bins, uint64_t n, sp_image_trace *used) {
  const sp_pstm_grid *grid = &shared->config.grid;
  const double cell = grid->step[0] * (shared->config.line ? 1 : grid->step[1]);
  qsort(bins, n, sizeof *bins, by_bin);
  for (uint64_t i = 0, next; i < n; i = next) {
    for (next = i + 1; next < n && bins[next].class_number == bins[i].class_number &&
                       !memcmp(bins[next].bin, bins[i].bin, sizeof bins[i].bin);
         next++) {
    }
    for (uint64_t k = i; k < next; k++) {
      used[bins[k].used].position.area = shared->normalize == SP_PSTM_BY_AREA ? cell / (double)(next - i) : 1;
    }
  }
}

/* Traces class by class, in survey order within. */
static sp_status order(sp_image_shared *shared, binned *bins, uint64_t n, sp_image_own *own, double *offsets) {
  sp_image_trace *sorted = NULL;
  SP_TRY(sp_alloc((n + 1) * sizeof *sorted, "the traces of the image", &sorted));
  qsort(bins, n, sizeof *bins, by_class);
  for (uint64_t i = 0; i < n; i++) {
    struct sp_image_class *k = &shared->classes[bins[i].class_number];
    sorted[i] = own->traces[bins[i].used];
    const sp_pstm_trace *t = &sorted[i].position;
    if (k->n_traces++ == 0) k->first = i;
    k->area = fmax(k->area, t->area);
    k->typical_area += (t->area - k->typical_area) / (double)k->n_traces;
    offsets[bins[i].class_number] += hypot(t->receiver[0] - t->source[0], t->receiver[1] - t->source[1]);
  }
  sp_free(own->traces);
  own->traces = sorted;
  return SP_SUCCESS;
}

static void number_batches(const sp_pstm_params *p, sp_image_shared *shared, const double *offsets) {
  for (uint32_t i = 0; i < shared->n_classes; i++) {
    struct sp_image_class *k = &shared->classes[i];
    k->first_batch = shared->n_batches;
    k->n_batches = (k->n_traces + SP_PSTM_BATCH - 1) / SP_PSTM_BATCH;
    shared->n_batches += k->n_batches;
    k->offset = p->offsets.n  ? p->offsets.value[i / (uint32_t)p->azimuths]
                : k->n_traces ? offsets[i] / (double)k->n_traces
                              : 0;
  }
}

static sp_status classify(const sp_plan_request *request, const sp_pstm_params *p, const columns *c,
                          sp_image_shared *shared, sp_image_own *own) {
  binned *bins = NULL;
  double offsets[SP_IMAGE_MAX_CLASSES] = {0}, record = 1e-6 * sp_survey_get_info(request->survey)->sample_interval_us;
  uint64_t n = 0;
  bool zero = true;
  record *= sp_survey_get_info(request->survey)->n_samples;
  SP_TRY(sp_alloc((c->n + 1) * sizeof *own->traces, "the traces of the image", &own->traces));
  sp_status status = sp_alloc((c->n + 1) * sizeof *bins, "the bins of the image", &bins);
  shared->latest_s = 0;
  for (uint64_t i = 0; status == SP_SUCCESS && i < c->n; i++) {
    sp_pstm_trace t;
    const uint32_t k = position_of(c, i, &t) ? class_of(p, &t) : NO_CLASS;
    zero = zero && t.source[0] == 0 && t.source[1] == 0 && t.receiver[0] == 0 && t.receiver[1] == 0;
    if (k == NO_CLASS) continue;
    double s[2], r[2];
    sp_pstm_trace_position(&shared->config, &t, s, r);
    bins[n] = (binned){.class_number = k, .used = n};
    for (int a = 0; a < 2; a++) {
      bins[n].bin[a] = (int32_t)fmin(fmax(floor(0.5 * (s[a] + r[a]) / shared->config.grid.step[a] + 0.5), -1e9), 1e9);
    }
    own->traces[n++] = (sp_image_trace){i, t};
    shared->latest_s = fmax(shared->latest_s, t.start_s + record);
  }
  own->n_absent = c->n - n;
  if (status == SP_SUCCESS && zero && c->n) {
    status =
        SP_RAISE(SP_ERR_INPUT, "%s: sx, sy, gx, gy are 0 on every trace: import with --field or --derive sets them",
                 request->job->input);
  }
  if (status == SP_SUCCESS) {
    set_areas(shared, bins, n, own->traces);
    status = order(shared, bins, n, own, offsets);
  }
  if (status == SP_SUCCESS) number_batches(p, shared, offsets);
  sp_free(bins);
  return status;
}

sp_status sp_image_survey(const sp_plan_request *request, const sp_pstm_params *params, sp_image_shared *shared,
                          sp_image_own *own) {
  columns c = {0};
  double bin[2] = {0, 0};
  shared->n_classes = (params->offsets.n > 1 ? params->offsets.n : 1) * (uint32_t)params->azimuths;
  if (shared->n_classes > SP_IMAGE_MAX_CLASSES) {
    return SP_RAISE(SP_ERR_USAGE, "pstm: %u classes, allowed are up to %d", shared->n_classes, SP_IMAGE_MAX_CLASSES);
  }
  sp_status status = read_columns(request, params, &c);
  if (status == SP_SUCCESS) status = set_grid(request, params, &c, shared);
  if (status == SP_SUCCESS && !sp_pstm_grid_is_auto(params)) look_at_bins(&c, bin);
  if (status == SP_SUCCESS) {
    check_spacing(&shared->config.grid);
    const bool one_line = shared->config.grid.n[1] == 1;
    shared->config.line = params->geometry == SP_PSTM_GEOMETRY_AUTO ? one_line : params->geometry == SP_PSTM_2D;
    if (shared->config.line && !one_line) {
      status = SP_RAISE(SP_ERR_USAGE, "geometry: 2.5d is for an image of one line, this one has %u",
                        shared->config.grid.n[1]);
    }
  }
  if (status == SP_SUCCESS) status = classify(request, params, &c, shared, own);
  if (status == SP_SUCCESS) compare_bins(request, shared, bin);
  free_columns(&c);
  return status;
}
