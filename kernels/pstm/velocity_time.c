/* SPDX-License-Identifier: BSD-3-Clause */
/* Time averages of v^2 and v^4, and the factor `far` that makes the travel time of curved rays exact at one offset.
 *
 *   m2 = 1/t int v^2 dt, m4 = 1/t int v^4 dt; v_rms^2 = m2; eta = (m4 / m2^2 - 1) / 8 (Alkhalifah 1997)
 *   a ray of parameter p: h = int p v^2 / sqrt(1 - p^2 v^2) dt, t = int 1 / sqrt(1 - p^2 v^2) dt, over one-way time
 *   far = (2 eta h^4 / (v^2 d) - q v^2) / h^2, d = q + h^2 / v^2 - t^2, q = (tau/2)^2, for the ray with h = 2 z
 *
 * Integrals are sums over the points of Gauss's rule of three, in each interval between image times and knots: exact
 * where v is linear in time.
 */
#include "kernels/pstm/velocity_time.h"

#include <math.h>

#include "seisproc/memory.h"

enum { RULE = 3, FITS = 96, BISECTIONS = 60 };

/* Points of all integrals in order of time, and where those of each image time end. */
typedef struct profile {
  size_t n;
  double *weight, *velocity; /* s two-way, m/s */
  size_t *end;               /* [n_tau] */
} profile;

static uint32_t segment(const sp_velocity_function *f, double time) {
  uint32_t low = 0, high = f->n - 1;
  while (high - low > 1) {
    const uint32_t middle = (low + high) / 2;
    if (f->time[middle] <= time)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/* Linear between knots, constant outside. */
static double value_at(const sp_velocity_function *f, double time) {
  if (f->n == 1 || time <= f->time[0]) return f->value[0];
  if (time >= f->time[f->n - 1]) return f->value[f->n - 1];
  const uint32_t i = segment(f, time);
  return f->value[i] + (f->value[i + 1] - f->value[i]) * (time - f->time[i]) / (f->time[i + 1] - f->time[i]);
}

static double slope(const sp_velocity_function *f, double time) {
  if (f->n == 1 || time <= f->time[0] || time >= f->time[f->n - 1]) return 0;
  const uint32_t i = segment(f, time);
  return (f->value[i + 1] - f->value[i]) / (f->time[i + 1] - f->time[i]);
}

static sp_status interval_velocity(const sp_velocity_function *f, double time, double *velocity) {
  const double v = value_at(f, time), square = v * v + 2 * time * v * slope(f, time);
  if (f->kind == SP_VELOCITY_INTERVAL) {
    *velocity = v;
    return SP_SUCCESS;
  }
  if (f->kind == SP_VELOCITY_AVERAGE) {
    *velocity = v + time * slope(f, time);
    if (*velocity > 0) return SP_SUCCESS;
    return SP_RAISE(SP_ERR_INPUT,
                    "%s: %s: the interval velocity at %g ms is %g m/s: average velocities fall too fast there", f->name,
                    f->position, 1e3 * time, *velocity);
  }
  if (!(square > 0)) {
    return SP_RAISE(
        SP_ERR_INPUT,
        "%s: %s: the square of the interval velocity at %g ms is negative: rms velocities fall too fast there", f->name,
        f->position, 1e3 * time);
  }
  *velocity = sqrt(square);
  return SP_SUCCESS;
}

static sp_status add_interval(const sp_velocity_function *f, double from, double to, profile *p) {
  static const double node[RULE] = {-0.7745966692414834, 0, 0.7745966692414834},
                      share[RULE] = {5.0 / 18, 4.0 / 9, 5.0 / 18};
  for (int i = 0; i < RULE; i++) {
    p->weight[p->n] = share[i] * (to - from);
    SP_TRY(interval_velocity(f, 0.5 * (from + to) + 0.5 * node[i] * (to - from), &p->velocity[p->n]));
    p->n++;
  }
  return SP_SUCCESS;
}

static sp_status make_profile(const sp_velocity_function *f, const sp_pstm_grid *grid, profile *p) {
  const size_t most = RULE * ((size_t)grid->n_tau + f->n + 1);
  SP_TRY(sp_alloc(most * sizeof(double), "a velocity function", &p->weight));
  SP_TRY(sp_alloc(most * sizeof(double), "a velocity function", &p->velocity));
  SP_TRY(sp_alloc(grid->n_tau * sizeof(size_t), "a velocity function", &p->end));
  double at = 0;
  uint32_t knot = 0;
  for (uint32_t i = 0; i < grid->n_tau; i++) {
    const double tau = grid->tau_0 + i * grid->d_tau;
    for (; knot < f->n && f->time[knot] < tau; knot++) {
      if (f->time[knot] <= at) continue;
      SP_TRY(add_interval(f, at, f->time[knot], p));
      at = f->time[knot];
    }
    SP_TRY(add_interval(f, at, tau, p));
    at = tau;
    p->end[i] = p->n;
  }
  return SP_SUCCESS;
}

static void free_profile(profile *p) {
  sp_free(p->weight);
  sp_free(p->velocity);
  sp_free(p->end);
}

/* Half offset of a leg and its time, of the ray with parameter p / v_max. */
static void trace_ray(const profile *all, size_t n, double most, double p, double *h, double *t) {
  *h = *t = 0;
  for (size_t i = 0; i < n; i++) {
    const double v = all->velocity[i], s = p * v / most, w = 0.5 * all->weight[i] / sqrt(1 - s * s);
    *h += w * s * v;
    *t += w;
  }
}

/* far for the ray with h = 2 z at the image time whose points end at n. */
static double fit_far(const profile *all, size_t n, double tau, double velocity, double eta) {
  double depth = 0, most = 0, h, t, low = 0, high = 1;
  for (size_t i = 0; i < n; i++) {
    depth += 0.5 * all->weight[i] * all->velocity[i];
    most = fmax(most, all->velocity[i]);
  }
  for (int i = 0; i < BISECTIONS; i++) {
    const double p = 0.5 * (low + high);
    trace_ray(all, n, most, p, &h, &t);
    if (h < 2 * depth)
      low = p;
    else
      high = p;
  }
  trace_ray(all, n, most, low, &h, &t);
  const double q = 0.25 * tau * tau, v2 = velocity * velocity, drop = q + h * h / v2 - t * t;
  const double far = (2 * eta * pow(h, 4) / (v2 * drop) - q * v2) / (h * h);
  return drop > 0 && far > 0 ? far : 0;
}

static void set_far(const profile *p, const sp_pstm_grid *grid, const float *rms, const float *eta, float *far) {
  const uint32_t step = (grid->n_tau + FITS - 1) / FITS;
  for (uint32_t i = 0, before = 0;; before = i, i = i + step < grid->n_tau ? i + step : grid->n_tau - 1) {
    const double tau = grid->tau_0 + i * grid->d_tau;
    far[i] = eta[i] > 1e-6f ? (float)fit_far(p, p->end[i], tau, (double)rms[i], (double)eta[i]) : 1;
    for (uint32_t k = before + 1; k < i; k++)
      far[k] = far[before] + (far[i] - far[before]) * (float)(k - before) / (float)(i - before);
    if (i + 1 == grid->n_tau) break;
  }
}

sp_status sp_velocity_convert(const sp_velocity_function *f, const sp_pstm_grid *grid, bool curved, float *rms,
                              float *eta, float *far) {
  const bool is_rms = f->kind == SP_VELOCITY_RMS;
  profile p = {0};
  if (is_rms && !curved) {
    for (uint32_t i = 0; i < grid->n_tau; i++) rms[i] = (float)value_at(f, grid->tau_0 + i * grid->d_tau);
    return SP_SUCCESS;
  }
  sp_status status = make_profile(f, grid, &p);
  double second = 0, fourth = 0;
  size_t at = 0;
  for (uint32_t i = 0; status == SP_SUCCESS && i < grid->n_tau; i++) {
    const double tau = grid->tau_0 + i * grid->d_tau;
    for (; at < p.end[i]; at++) {
      const double square = p.velocity[at] * p.velocity[at];
      second += p.weight[at] * square;
      fourth += p.weight[at] * square * square;
    }
    rms[i] = (float)sqrt(second / tau);
    if (curved) eta[i] = (float)fmax((fourth * tau / (second * second) - 1) / 8, 0);
  }
  if (status == SP_SUCCESS && curved) set_far(&p, grid, rms, eta, far);
  free_profile(&p);
  return status;
}
