/* SPDX-License-Identifier: BSD-3-Clause */
/* The constants of a job, a tile's points and a trace, from double precision to the units of the formula. */
#include "kernels/pstm/terms.h"

size_t sp_pstm_bank_row(const sp_pstm_config *config) {
  const size_t floats = (size_t)sp_pstm_fine(config) * (config->antialias ? 2 : 1);
  return (floats + SP_PSTM_ROW_UNIT - 1) / SP_PSTM_ROW_UNIT * SP_PSTM_ROW_UNIT;
}

size_t sp_pstm_bank_rows(const sp_pstm_config *config) {
  return config->antialias ? SP_PSTM_LEVELS - 1 : 1;
}

static void grid_axes(const sp_pstm_grid *grid, double x_axis[2], double y_axis[2]) {
  const double azimuth = grid->azimuth * M_PI / 180;
  x_axis[0] = sin(azimuth), x_axis[1] = cos(azimuth);
  y_axis[0] = -x_axis[1], y_axis[1] = x_axis[0];
}

void sp_pstm_grid_position(const sp_pstm_grid *grid, const double point[2], double position[2]) {
  double x_axis[2], y_axis[2];
  grid_axes(grid, x_axis, y_axis);
  const double east = point[0] - grid->origin[0], north = point[1] - grid->origin[1];
  position[0] = east * x_axis[0] + north * x_axis[1];
  position[1] = east * y_axis[0] + north * y_axis[1];
}

void sp_pstm_trace_position(const sp_pstm_config *config, const sp_pstm_trace *trace, double source[2],
                            double receiver[2]) {
  sp_pstm_grid_position(&config->grid, trace->source, source);
  sp_pstm_grid_position(&config->grid, trace->receiver, receiver);
  if (!config->line) return;
  const double middle = 0.5 * (source[0] + receiver[0]);
  const double half = copysign(0.5 * hypot(receiver[0] - source[0], receiver[1] - source[1]), receiver[0] - source[0]);
  source[0] = middle - half;
  receiver[0] = middle + half;
  source[1] = receiver[1] = 0;
}

void sp_pstm_position_set(const sp_pstm_config *config, const sp_pstm_trace *trace, sp_pstm_position *position) {
  sp_pstm_trace_position(config, trace, position->source, position->receiver);
  position->start_s = trace->start_s;
  position->area = trace->area;
}

double sp_pstm_distance(const sp_pstm_config *config, const sp_pstm_tile *tile, const sp_pstm_trace *trace) {
  double source[2], receiver[2], distance = 0;
  sp_pstm_trace_position(config, trace, source, receiver);
  for (int i = 0; i < 2; i++) {
    const double first = tile->first[i] * config->grid.step[i];
    const double last = first + (tile->n[i] - 1) * config->grid.step[i];
    const double middle = 0.5 * (source[i] + receiver[i]);
    distance = hypot(distance, middle < first ? first - middle : middle > last ? middle - last : 0);
  }
  return distance;
}

sp_status sp_pstm_check(const sp_pstm_config *c, const sp_pstm_tile *tile) {
  const char *wrong = NULL;
  if (c->n_samples < 2 || !(c->interval_s > 0)) wrong = "traces need two samples and an interval";
  if (c->oversample != 1 && c->oversample != 2 && c->oversample != 4 && c->oversample != 8)
    wrong = "oversample is 1, 2, 4 or 8";
  if ((uint64_t)c->n_samples * c->oversample > SP_PSTM_MAX_FINE) wrong = "samples x oversample are at most 131072";
  if (!(c->grid.tau_0 > 0) || !(c->grid.d_tau > 0) || !c->grid.n_tau) wrong = "tau0, dtau and ntau are above 0";
  if (!(c->grid.step[0] > 0) || !(c->grid.step[1] > 0)) wrong = "the image grid's steps are above 0";
  if (!(c->spacing[0] > 0) || !(c->spacing[1] > 0)) wrong = "the spacing of traces is above 0";
  if (c->line && c->grid.n[1] != 1) wrong = "the image of a line has one line";
  if (!c->aperture_by_tau && !(c->aperture > 0)) wrong = "the aperture is above 0";
  if (!(c->aperture_taper >= 0 && c->aperture_taper <= 1)) wrong = "the aperture's taper is 0 to 1";
  if (!(c->max_dip > 0 && c->max_dip <= 90)) wrong = "the largest dip is above 0 and at most 90 degrees";
  if (!(c->dip_taper >= 0 && c->dip_taper <= c->max_dip)) wrong = "the taper over dip is 0 to the largest dip";
  for (int i = 0; i < 2; i++) {
    if (!tile->n[i] || tile->first[i] + tile->n[i] > c->grid.n[i]) wrong = "the tile lies within the image grid";
  }
  return wrong ? SP_RAISE(SP_ERR_USAGE, "pstm: not so: %s", wrong) : SP_SUCCESS;
}

static unsigned flags_of(const sp_pstm_config *config, bool eta) {
  unsigned flags = eta ? SP_PSTM_ETA : 0;
  if (config->antialias) flags |= SP_PSTM_AA;
  if (config->max_dip < 90) flags |= SP_PSTM_DIP;
  if (config->stretch > 0) flags |= SP_PSTM_STRETCH;
  if (config->aperture_by_tau) flags |= SP_PSTM_APERTURE;
  if (config->weights == SP_PSTM_NONE) return flags;
  if (config->weights == SP_PSTM_TRUE) flags |= SP_PSTM_TIMES_T;
  return flags | SP_PSTM_WEIGHTS | (config->line ? SP_PSTM_LINE : 0);
}

/* Without a taper the angle is never asked for: `dip_taper` is then the end. */
static void set_dip(const sp_pstm_config *config, sp_pstm_terms *terms) {
  if (config->max_dip >= 90) return;
  const double end = config->max_dip * M_PI / 180, taper = config->dip_taper * M_PI / 180;
  terms->dip_end = (float)pow(tan(end), 2);
  terms->dip_taper = (float)pow(tan(end - taper), 2);
  if (taper <= 0) return;
  terms->dip_scale = (float)(1 / taper);
  terms->dip_shift = (float)(-(end - taper) / taper);
}

void sp_pstm_terms_set(const sp_pstm_config *config, bool eta, sp_pstm_terms *terms) {
  static const int half_lengths[SP_PSTM_LEVELS] = SP_PSTM_HALF_LENGTHS;
  *terms = (sp_pstm_terms){.flags = flags_of(config, eta),
                           .oversample = (float)config->oversample,
                           .last = (float)(sp_pstm_fine(config) - 1),
                           .longest = nextafterf((float)half_lengths[SP_PSTM_LEVELS - 1], 0),
                           .spacing_ratio = config->line ? 0 : (float)(config->spacing[1] / config->spacing[0]),
                           .per_length = 1 / config->spacing[0],
                           .per_time = 1 / config->interval_s,
                           .aperture = config->aperture_by_tau ? INFINITY : config->aperture,
                           .taper = config->aperture_taper * config->aperture};
  set_dip(config, terms);
  if (config->stretch > 0) terms->stretch = (float)(4 / (config->stretch * config->stretch));
  if (config->aperture_by_tau) {
    const double taper = fmax(config->aperture_taper, 1e-6);
    terms->aperture_shift = (float)(-(1 - taper) / taper);
    terms->taper = 0;
  }
}

/* tau/v in the formula's units of W, back to those of the job: W is (time / velocity) / time, of a line times velocity
 * and the root of a time. */
static double factor(const sp_pstm_config *config, double tau, double velocity) {
  if (config->weights == SP_PSTM_NONE) return 1;
  const double unit = config->interval_s; /* of 1/t_s^2 + 1/t_r^2, times t where it is there */
  double f = tau / velocity / (config->weights == SP_PSTM_TRUE ? unit : unit * unit);
  if (config->line) f *= sqrt(2 * M_PI * unit) * velocity;
  return f;
}

size_t sp_pstm_points_bytes(const sp_pstm_points *points, bool eta, bool by_tau) {
  return sizeof(float) * points->padded * (1 + (by_tau ? 1 : 0) + points->rows * (eta ? 5 : 2));
}

static void set_row(const sp_pstm_config *config, const sp_pstm_model *model, const sp_pstm_terms *terms, size_t row,
                    sp_pstm_points *points) {
  for (size_t i = 0; i < points->padded; i++) {
    const size_t from = i < config->grid.n_tau ? i : config->grid.n_tau - 1;
    const size_t at = row * model->stride + from, to = row * points->padded + i;
    const double tau = config->grid.tau_0 + (double)from * config->grid.d_tau;
    const double velocity = (double)model->velocity[at];
    const double unit_velocity = velocity * terms->per_length / terms->per_time;
    points->slowness_2[to] = (float)(1 / (unit_velocity * unit_velocity));
    points->factor[to] = (float)factor(config, tau, velocity);
    if (!model->eta) continue;
    points->fourth[to] = (float)(2 * (double)model->eta[at] / (unit_velocity * unit_velocity));
    points->far[to] = model->far[at];
    points->depth_2[to] = (float)pow(0.5 * tau * terms->per_time * unit_velocity, 2);
  }
}

void sp_pstm_points_set(const sp_pstm_config *config, const sp_pstm_model *model, const sp_pstm_terms *terms,
                        sp_pstm_points *points) {
  for (size_t i = 0; i < points->padded; i++) {
    const size_t from = i < config->grid.n_tau ? i : config->grid.n_tau - 1;
    const double tau = config->grid.tau_0 + (double)from * config->grid.d_tau;
    points->quarter[i] = (float)pow(0.5 * tau * terms->per_time, 2);
    if (!points->aperture) continue;
    const double taper = fmax(config->aperture_taper, 1e-6) * config->aperture_by_tau[from];
    points->aperture[i] = (float)(1 / fmax(taper * terms->per_length, 1e-6));
  }
  for (size_t row = 0; row < points->rows; row++) set_row(config, model, terms, row, points);
}

/* W is largest, of what a trace can hold, where both legs are vertical; with weights `none` it is 1. A leg is at least
 * tau/2, t at most the end of the record, 1/t_s^2 + 1/t_r^2 at most 8 / tau^2. */
void sp_pstm_sums_scale(const sp_pstm_config *config, uint64_t n_traces, double peak, double area, double velocity,
                        double latest_s, sp_pstm_sums *sums) {
  double weight = 1;
  if (config->weights != SP_PSTM_NONE) {
    const double t = fmax(latest_s, config->grid.tau_0);
    weight = 8 / config->grid.tau_0 * (config->weights == SP_PSTM_TRUE ? t : 1);
    weight *= config->line ? sqrt(2 * M_PI * t / 4) : 1 / velocity; /* t_s t_r / t is at most t / 4 */
  }
  const double most = fmax(peak * area * weight, 1e-300);
  int power;
  frexp((double)(n_traces > SP_PSTM_BATCH ? n_traces : SP_PSTM_BATCH) * most, &power);
  sums->shift = 62 - power;
  sums->limit = 1.01 * SP_PSTM_BATCH * most;
}

/* W where both legs are vertical, halfway down the image. */
double sp_pstm_typical(const sp_pstm_config *config, double peak, double area, double velocity) {
  const double tau = config->grid.tau_0 + 0.5 * config->grid.n_tau * config->grid.d_tau;
  double weight = 1;
  if (config->weights != SP_PSTM_NONE) {
    weight = config->weights == SP_PSTM_TRUE ? 8 : 8 / tau;
    weight *= config->line ? sqrt(2 * M_PI * tau / 4) : 1 / velocity;
  }
  return peak * area * weight;
}

void sp_pstm_sums_finish(const sp_pstm_sums *sums, size_t n, bool by_hits, float *image) {
  const double unit = ldexp(1, -sums->shift);
  for (size_t i = 0; i < n; i++) {
    const double sum = (double)sums->sum[i] * unit;
    image[i] = (float)(by_hits && sums->hits[i] ? sum / sums->hits[i] : sum);
  }
}
