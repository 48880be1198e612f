/* SPDX-License-Identifier: BSD-3-Clause */
/* The mathematics of the velocity filter, for CPU and CUDA alike: which share of a point (f, kx, ky) is removed.
 *
 * Data u(t, x, y) with t in seconds and x, y in the unit of the coordinates, along the axes of a regular grid;
 *
 *   U(f, kx, ky) = sum u exp(-2 pi i (f t - kx x - ky y)),   f in Hz, k in cycles a unit, f >= 0
 *
 * so that a wave w(t - px x - py y) lies on k = f p, its apparent velocity is f / |k|, and the azimuth of k at f > 0 is
 * the direction that it travels to, degrees clockwise from north (the convention of Seismic Unix's suspecfk). A library
 * transform with one sign in all axes has k = -(its wave number).
 *
 * With c(x) = (1 + cos(pi x)) / 2 held at 1 below 0 and at 0 above 1, the zone Z is the product of
 *   velocity: p2 = 1/vmin, p3 = 1/vmax, p1 = p2 (1 + taper), p4 = p3 / (1 + taper);
 *             the fast side 1 - c((|k| - f p4) / (f (p3 - p4))), the slow side c((|k| - f p2) / (f (p1 - p2)));
 *   azimuth:  c((d - width / 2) / azimuth_taper), d the distance of the azimuth of k to the one given; 1 at k = 0.
 * A flank without width is a step. With aliases n, Z is the largest at kx + i / dx, ky + j / dy, |i|, |j| <= n. Removed
 * is A(f) Z, or A(f) (1 - Z) where the zone is to pass, with A a trapezoid with flanks of the same c.
 *
 * A one-sided sector has no sign at f = 0, at the Nyquist frequency and on the Nyquist lines of kx and ky: there Z is
 * the mean of both signs, so that the filtered data are real.
 *
 * Computed in double precision and rounded to float once, by whoever multiplies.
 */
#ifndef SEISPROC_KERNELS_FK_ZONE_H
#define SEISPROC_KERNELS_FK_ZONE_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __CUDACC__
#define SP_FK_INLINE static inline __host__ __device__
#else
#define SP_FK_INLINE static inline
#endif

#define SP_FK_PI 3.14159265358979323846

/* What is removed, independent of the grid's size. */
typedef struct sp_fk_zone {
  bool pass;                 /* removed is what lies outside the zone */
  bool fast_side, slow_side; /* vmax is finite, vmin > 0 */
  double p1, p2, p3, p4;     /* slowness, s a unit: p1 >= p2 > p3 >= p4 */
  bool sector, two_sided;    /* an azimuth is given; it counts both ways */
  double half_width;         /* degrees; of the sector that is fully inside */
  double azimuth_taper;      /* degrees */
  double inside, outside;    /* where its flank begins and ends: cosines, a slack farther so that the ends belong to
                                it, squared with their sign; -4: never */
  double toward_x, toward_y; /* the sector's azimuth as a unit vector along the axes of the grid */
  bool band;                 /* f is given */
  double f1, f2, f3, f4;     /* Hz */
  int aliases;
} sp_fk_zone;

/* The grid of wave numbers of one cube: padded lengths and steps. my is 1 for a line. */
typedef struct sp_fk_grid {
  uint32_t mt, mx, my;
  double dt, dx, dy; /* s, units */
} sp_fk_grid;

/* A zone at one frequency. */
typedef struct sp_fk_slice {
  double share;                  /* A(f) */
  double fast_from, fast_width;  /* |k|: outside up to fast_from, inside from fast_from + fast_width */
  double slow_from, slow_width;  /* |k|: inside up to slow_from, outside from slow_from + slow_width */
  double step_x, step_y;         /* wave number a bin */
  double nyquist_x2, nyquist_y2; /* 1 / dx, 1 / dy */
  int images_x, images_y;
  bool both_signs; /* f = 0 or Nyquist */
} sp_fk_slice;

/* c(x) */
SP_FK_INLINE double sp_fk_ramp(double x) {
  if (x <= 0) return 1;
  if (x >= 1) return 0;
  return 0.5 * (1 + cos(SP_FK_PI * x));
}

/* A(f) */
SP_FK_INLINE double sp_fk_band_share(const sp_fk_zone *z, double f) {
  if (!z->band) return 1;
  const double least = 1e-12, up = z->f2 - z->f1, down = z->f4 - z->f3;
  return (1 - sp_fk_ramp((f - z->f1) / (up > least ? up : least))) *
         sp_fk_ramp((f - z->f3) / (down > least ? down : least));
}

SP_FK_INLINE double sp_fk_frequency(const sp_fk_grid *g, uint32_t bin) {
  return bin / (g->mt * g->dt);
}

SP_FK_INLINE sp_fk_slice sp_fk_slice_at(const sp_fk_zone *z, const sp_fk_grid *g, uint32_t bin) {
  const double f = sp_fk_frequency(g, bin);
  sp_fk_slice s;
  s.share = sp_fk_band_share(z, f);
  s.fast_from = f * z->p4;
  s.fast_width = f * (z->p3 - z->p4);
  s.slow_from = f * z->p2;
  s.slow_width = f * (z->p1 - z->p2);
  s.step_x = 1 / (g->mx * g->dx);
  s.step_y = 1 / (g->my * g->dy);
  s.nyquist_x2 = 1 / g->dx;
  s.nyquist_y2 = 1 / g->dy;
  s.images_x = g->mx > 1 ? z->aliases : 0;
  s.images_y = g->my > 1 ? z->aliases : 0;
  s.both_signs = bin == 0 || 2 * bin == g->mt;
  return s;
}

/* Wave number of a position along an axis of m points in the order of a library transform. */
SP_FK_INLINE double sp_fk_wave_number(uint32_t j, uint32_t m, double step) {
  return j < (m + 1) / 2 ? -(double)j * step : (double)(m - j) * step;
}

SP_FK_INLINE double sp_fk_velocity_share(const sp_fk_zone *z, const sp_fk_slice *s, double k) {
  double share = 1;
  if (z->fast_side) {
    const double over = k - s->fast_from;
    if (over <= 0) return 0;
    if (over < s->fast_width) share = 1 - sp_fk_ramp(over / s->fast_width);
  }
  if (z->slow_side) {
    const double over = k - s->slow_from;
    if (over > 0) share *= over < s->slow_width ? sp_fk_ramp(over / s->slow_width) : 0;
  }
  return share;
}

/* The same from k^2: on the flanks alone, and within rounding of their ends, a root is taken. */
SP_FK_INLINE double sp_fk_velocity_share_of_square(const sp_fk_zone *z, const sp_fk_slice *s, double k2) {
  const double less = 1 - 1e-12, more = 1 + 1e-12, fast_end = s->fast_from + s->fast_width;
  const double slow_end = s->slow_from + s->slow_width;
  if (z->fast_side && k2 < s->fast_from * s->fast_from * less) return 0;
  if (z->slow_side && k2 > slow_end * slow_end * more) return 0;
  const bool inside_fast = !z->fast_side || k2 > fast_end * fast_end * more;
  const bool inside_slow = !z->slow_side || k2 < s->slow_from * s->slow_from * less;
  return inside_fast && inside_slow ? 1 : sp_fk_velocity_share(z, s, sqrt(k2));
}

/* The arc tangent is taken on the flank only. With `along` the part of k along the sector's azimuth, squares with their
 * sign compare as cosines do. */
SP_FK_INLINE double sp_fk_sector_share(const sp_fk_zone *z, double kx, double ky, double k2) {
  if (k2 == 0) return 1;
  double along = kx * z->toward_x + ky * z->toward_y;
  if (z->two_sided) along = fabs(along);
  const double square = along * fabs(along);
  if (square >= k2 * z->inside) return 1;
  if (square <= k2 * z->outside) return 0;
  const double distance = atan2(fabs(kx * z->toward_y - ky * z->toward_x), along) * (180 / SP_FK_PI);
  const double over = distance - z->half_width;
  if (z->azimuth_taper > 0) return sp_fk_ramp(over / z->azimuth_taper);
  return over <= 0 ? 1 : 0;
}

/* Z without images. */
SP_FK_INLINE double sp_fk_zone_at(const sp_fk_zone *z, const sp_fk_slice *s, double kx, double ky) {
  const double k2 = kx * kx + ky * ky, share = sp_fk_velocity_share_of_square(z, s, k2);
  return z->sector && share > 0 ? share * sp_fk_sector_share(z, kx, ky, k2) : share;
}

/* Z: the largest of the point and its images. */
SP_FK_INLINE double sp_fk_zone_images(const sp_fk_zone *z, const sp_fk_slice *s, double kx, double ky) {
  if (s->images_x == 0 && s->images_y == 0) return sp_fk_zone_at(z, s, kx, ky);
  double most = 0;
  for (int i = -s->images_x; i <= s->images_x; i++) {
    for (int j = -s->images_y; j <= s->images_y; j++) {
      const double share = sp_fk_zone_at(z, s, kx + i * s->nyquist_x2, ky + j * s->nyquist_y2);
      if (share > most) most = share;
    }
  }
  return most;
}

/* Z with the mean of both signs where the sign is not defined; f = 0 and Nyquist once more in sp_fk_zone_share. */
SP_FK_INLINE double sp_fk_zone_signed(const sp_fk_zone *z, const sp_fk_grid *g, const sp_fk_slice *s, uint32_t jx,
                                      uint32_t jy) {
  const double kx = sp_fk_wave_number(jx, g->mx, s->step_x), ky = sp_fk_wave_number(jy, g->my, s->step_y);
  double share = sp_fk_zone_images(z, s, kx, ky);
  if (s->both_signs) share = 0.5 * (share + sp_fk_zone_images(z, s, -kx, -ky));
  if (2 * jx == g->mx) share = 0.5 * (share + sp_fk_zone_images(z, s, -kx, ky));
  if (2 * jy == g->my) share = 0.5 * (share + sp_fk_zone_images(z, s, kx, -ky));
  return share;
}

/* The share of the point that is removed; jx < mx and jy < my count in the order of a library transform. */
SP_FK_INLINE double sp_fk_removed_share(const sp_fk_zone *z, const sp_fk_grid *g, const sp_fk_slice *s, uint32_t jx,
                                        uint32_t jy) {
  double share;
  if (!z->sector || z->two_sided) {
    share = sp_fk_zone_images(z, s, sp_fk_wave_number(jx, g->mx, s->step_x), sp_fk_wave_number(jy, g->my, s->step_y));
  } else {
    share = sp_fk_zone_signed(z, g, s, jx, jy);
    if (s->both_signs) {
      share = 0.5 * (share + sp_fk_zone_signed(z, g, s, jx ? g->mx - jx : 0, jy ? g->my - jy : 0));
    }
  }
  return s->share * (z->pass ? 1 - share : share);
}

#endif
