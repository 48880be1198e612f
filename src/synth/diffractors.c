/* SPDX-License-Identifier: BSD-3-Clause */
/* Travel times: constant velocity v: r / v. v0 + g z: acosh(1 + g^2 (h^2 + z^2) / (2 v0 (v0 + g z))) / g (Slotnick
 * 1959). A plane is seen through the mirrored source; where the velocity grows with depth planes are flat. */
#include "src/synth/diffractors.h"

#include <math.h>

static const double velocity = 2000, surface_velocity = 1800, gradient = 0.6;

/* From the centre of the sources, m; strength: coefficient times area, m^2. */
static const sp_synth_scatterer scatterers[SP_SCATTERERS] = {
    {0, 0, 500, 60}, {300, 0, 800, 60}, {-300, 200, 1000, 60}, {0, -400, 1300, 60}, {200, 300, 1600, 60}};

/* Through the point below the centre. */
static const sp_synth_plane planes[SP_PLANES] = {{650, 0, 0, 0.2}, {1150, 10, 90, 0.2}, {1900, 20, 45, 0.2}};

const sp_synth_scatterer *sp_synth_scatterer_at(size_t i) {
  return i < SP_SCATTERERS ? &scatterers[i] : NULL;
}

const sp_synth_plane *sp_synth_plane_at(size_t i) {
  return i < SP_PLANES ? &planes[i] : NULL;
}

/* One leg, between the surface and the depth z, h apart. */
static double leg_time(sp_synth_medium medium, double h, double z) {
  if (medium != SP_SYNTH_GRADIENT) return hypot(h, z) / velocity;
  const double deep = surface_velocity + gradient * z;
  return acosh(1 + gradient * gradient * (h * h + z * z) / (2 * surface_velocity * deep)) / gradient;
}

double sp_synth_vertical_time(sp_synth_medium medium, double depth) {
  return 2 * leg_time(medium, 0, depth);
}

static sp_arrival from_scatterer(sp_synth_medium medium, const sp_synth_scatterer *d, const double s[2],
                                 const double r[2]) {
  const double hs = hypot(s[0] - d->x, s[1] - d->y), hr = hypot(r[0] - d->x, r[1] - d->y);
  const double rs = hypot(hs, d->z), rr = hypot(hr, d->z), upward = (d->z / rs + d->z / rr) / velocity;
  return (sp_arrival){.t = leg_time(medium, hs, d->z) + leg_time(medium, hr, d->z),
                      .amplitude = d->strength * upward / (16 * M_PI * M_PI * rs * rr),
                      .is_slope = true};
}

static sp_arrival from_plane(sp_synth_medium medium, const sp_synth_plane *p, const double s[2], const double r[2]) {
  const double a = medium == SP_SYNTH_GRADIENT ? 0 : p->dip * M_PI / 180, q = p->azimuth * M_PI / 180;
  const double normal[3] = {-sin(a) * sin(q), -sin(a) * cos(q), cos(a)};
  const double away = p->depth * normal[2] - s[0] * normal[0] - s[1] * normal[1];
  const double x = s[0] + 2 * away * normal[0] - r[0], y = s[1] + 2 * away * normal[1] - r[1], z = 2 * away * normal[2];
  const double length = sqrt(x * x + y * y + z * z), half = 0.5 * hypot(s[0] - r[0], s[1] - r[1]);
  const double t = medium == SP_SYNTH_GRADIENT ? 2 * leg_time(medium, half, p->depth) : length / velocity;
  return (sp_arrival){t, p->reflectivity / (4 * M_PI * length), false};
}

void sp_diffractors_arrivals(sp_synth_medium medium, const double centre[2], const sp_trace_place *place,
                             sp_arrival arrivals[SP_ARRIVALS]) {
  const double s[2] = {(double)place->source_x - centre[0], (double)place->source_y - centre[1]};
  const double r[2] = {(double)place->receiver_x - centre[0], (double)place->receiver_y - centre[1]};
  for (int i = 0; i < SP_SCATTERERS; i++) arrivals[i] = from_scatterer(medium, &scatterers[i], s, r);
  for (int i = 0; i < SP_PLANES; i++) arrivals[SP_SCATTERERS + i] = from_plane(medium, &planes[i], s, r);
}
