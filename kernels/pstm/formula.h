/* SPDX-License-Identifier: BSD-3-Clause */
/* The formula of Kirchhoff prestack time migration, written once for CPU and CUDA. Private to kernels/pstm.
 *
 * For an image point (m, tau) with rms velocity v, and a trace with source s and receiver r:
 *
 *   leg     t^2 = (tau/2)^2 + h^2/v^2 - 2 eta h^4 / (v^2 [(tau/2)^2 v^2 + far h^2]),  h = |m - s| or |m - r|
 *   t       t_s + t_r
 *   weight  W = (tau/v) t (1/t_s^2 + 1/t_r^2), of a line times sqrt(2 pi v^2 t_s t_r / t); gained: over t
 *   slope   p = -(1/v^2) [(m - s)/t_s + (m - r)/t_r]
 *   k       max(|p_x| dx, |p_y| dy) / dt: half length of the anti-alias triangle, samples of the data
 *   dip     tan(dip) = v |p| / ((tau/2) (1/t_s + 1/t_r))
 *   stretch 1 / ((tau/4) (1/t_s + 1/t_r))
 *
 * Legs: Alkhalifah and Tsvankin 1995, Alkhalifah 1997. W: Beylkin's determinant for common offset and constant velocity
 * (Bleistein, Cohen and Stockwell 2001). k: Lumley, Claerbout and Bevc 1994; Abma, Sun and Bernitsas 1999.
 *
 * Lengths are in the x spacing of the traces, times in the sample interval of the data, so that k = |p_x|. Terms that
 * depend on the image point alone, as tau/v, are multiplied to the sum over traces.
 *
 * Written in the numbers of number.h. The file that includes this has defined besides
 *   root_pair(a, b, r)    r[4] = sqrt a, sqrt b, 1 / sqrt a, 1 / sqrt b
 *   inverse_root(a)       1 / sqrt a
 *   num_within(x, end)    mask: 0 <= x < end
 *   any_lane(m)           whether a lane of the mask is set
 * and masks are joined by &.
 */
#ifndef SEISPROC_KERNELS_PSTM_FORMULA_H
#define SEISPROC_KERNELS_PSTM_FORMULA_H

#include "kernels/common/number.h"
#include "kernels/pstm/terms.h"

/* Constants of an image point; see sp_pstm_points. */
typedef struct sp_pstm_point {
  num quarter, slowness_2, fourth, far, depth_2, aperture;
} sp_pstm_point;

/* One leg's time squared. */
SP_FORMULA num sp_pstm_leg(unsigned flags, num h2, const sp_pstm_point *p) {
  const num straight = num_fused(h2, p->slowness_2, p->quarter);
  if (!(flags & SP_PSTM_ETA)) return straight;
  const num fourth = num_quotient(h2 * h2 * p->fourth, num_fused(p->far, h2, p->depth_2));
  return num_max(straight - fourth, num_set(1e-6f) * p->quarter);
}

/* cos^2(pi x / 2), x clipped to 0 ... 1: a taper. */
SP_FORMULA num sp_pstm_cosine(num x) {
  const num clipped = num_max(num_min(x, num_set(1.0f)), num_set(0.0f)), y = clipped * clipped;
  num sum = num_fused(num_set(SP_PSTM_COSINE_5), y, num_set(SP_PSTM_COSINE_4));
  sum = num_fused(sum, y, num_set(SP_PSTM_COSINE_3));
  sum = num_fused(sum, y, num_set(SP_PSTM_COSINE_2));
  sum = num_fused(sum, y, num_set(SP_PSTM_COSINE_1));
  return num_fused(sum, y, num_set(1.0f));
}

/* atan(sqrt(y2 / x2)) of numbers that are not negative, in radians. */
SP_FORMULA num sp_pstm_angle(num y2, num x2) {
  const num low = num_min(y2, x2), z = low * inverse_root(num_max(low * num_max(y2, x2), num_set(1e-30f))), z2 = z * z;
  num sum = num_fused(num_set(SP_PSTM_ATAN_6), z2, num_set(SP_PSTM_ATAN_5));
  sum = num_fused(sum, z2, num_set(SP_PSTM_ATAN_4));
  sum = num_fused(sum, z2, num_set(SP_PSTM_ATAN_3));
  sum = num_fused(sum, z2, num_set(SP_PSTM_ATAN_2));
  sum = num_fused(sum, z2, num_set(SP_PSTM_ATAN_1));
  sum = num_fused(sum, z2, num_set(SP_PSTM_ATAN_0));
  const num angle = sum * z;
  return num_select(num_less(x2, y2), num_set(1.57079633f) - angle, angle);
}

/* Limits on dip, stretch and aperture by tau: multiplies *weight, and narrows `inside` to where all hold.
 * slope_2 = |v^2 p|^2, inverse = 1/t_s + 1/t_r. */
SP_FORMULA num_mask sp_pstm_limits(unsigned flags, const sp_pstm_terms *c, const sp_pstm_ray *ray,
                                   const sp_pstm_point *p, num slope_2, num inverse, num_mask inside, num *weight) {
  const num along_2 = inverse * inverse * p->quarter;
  if (flags & SP_PSTM_DIP) {
    const num across_2 = slope_2 * p->slowness_2; /* tan^2(dip) = across_2 / along_2 */
    inside = inside & num_less(across_2, num_set(c->dip_end) * along_2);
    if (any_lane(inside & num_less(num_set(c->dip_taper) * along_2, across_2))) {
      const num angle = sp_pstm_angle(across_2, along_2);
      *weight = *weight * sp_pstm_cosine(num_fused(angle, num_set(c->dip_scale), num_set(c->dip_shift)));
    }
  }
  if (flags & SP_PSTM_STRETCH) inside = inside & num_less(num_set(c->stretch), along_2);
  if (flags & SP_PSTM_APERTURE) {
    const num at = num_fused(num_set(ray->distance), p->aperture, num_set(c->aperture_shift));
    inside = inside & num_less(at, num_set(1.0f));
    *weight = *weight * sp_pstm_cosine(at);
  }
  return inside;
}

/* r[4] = t_s, t_r, 1 / t_s, 1 / t_r. */
SP_FORMULA void sp_pstm_legs(unsigned flags, const sp_pstm_ray *ray, const sp_pstm_point *p, num r[4]) {
  root_pair(sp_pstm_leg(flags, num_set(ray->source_2), p), sp_pstm_leg(flags, num_set(ray->receiver_2), p), r);
}

/* Where the trace is read and with which weight, from the sum t of the legs and their inverses: *index in fine samples,
 * *level has the bits of SP_PSTM_HALF_LENGTHS. The result says where the point is within all limits and the index
 * within the trace; elsewhere the others hold anything. */
SP_FORMULA num_mask sp_pstm_evaluate(unsigned flags, const sp_pstm_terms *c, const sp_pstm_ray *ray,
                                     const sp_pstm_point *p, num t, num inverse_s, num inverse_r, num *index,
                                     num *level, num *weight) {
  const num inverse = inverse_s + inverse_r;
  num slope_2 = num_set(0.0f);
  *index = num_fused(t, num_set(c->oversample), num_set(ray->start));
  *weight = num_set(ray->weight);
  if (flags & (SP_PSTM_AA | SP_PSTM_DIP)) {
    const num x = num_fused(num_set(ray->receiver[0]), inverse_r, num_set(ray->source[0]) * inverse_s);
    const num y = num_fused(num_set(ray->receiver[1]), inverse_r, num_set(ray->source[1]) * inverse_s);
    slope_2 = num_fused(x, x, y * y);
    if (flags & SP_PSTM_AA) {
      const num k = num_max(num_abs(x), num_abs(y) * num_set(c->spacing_ratio)) * p->slowness_2;
      const num clipped = num_min(k, num_set(c->longest));
      *level = clipped + num_max(clipped, num_set(2.0f));
    }
  }
  num_mask inside = num_within(*index, num_set(c->last));
  if (flags & SP_PSTM_LIMITS) inside = sp_pstm_limits(flags, c, ray, p, slope_2, inverse, inside, weight);
  if (flags & SP_PSTM_WEIGHTS) {
    const num w = num_fused(inverse_s, inverse_s, inverse_r * inverse_r);
    *weight = *weight * (flags & SP_PSTM_TIMES_T ? w * t : w);
    if (flags & SP_PSTM_LINE) *weight = *weight * inverse_root(inverse);
  }
  return inside;
}

#endif
