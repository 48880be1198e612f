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
 * The file that includes this has defined SP_PSTM_FORMULA, what a function is declared with, and
 *   pf, pm                   numbers and masks (a vector, or float and bool), with + - * of numbers and & of masks
 *   pf_set(x)                all lanes
 *   pf_fma(a, b, c)          a b + c, rounded once
 *   pf_abs pf_min pf_max pf_divide
 *   pf_roots(a, b, r)        r[4] = sqrt a, sqrt b, 1 / sqrt a, 1 / sqrt b
 *   pf_inverse_root(a)       1 / sqrt a
 *   pf_less(a, b), pf_within(x, end): 0 <= x < end; pf_select(m, a, b): m ? a : b
 *   pm_any(m)                whether a lane is set
 */
#ifndef SEISPROC_KERNELS_PSTM_FORMULA_H
#define SEISPROC_KERNELS_PSTM_FORMULA_H

#include "kernels/pstm/terms.h"

/* Constants of an image point; see sp_pstm_points. */
typedef struct sp_pstm_point {
  pf quarter, slowness_2, fourth, far, depth_2, aperture;
} sp_pstm_point;

/* One leg's time squared. */
SP_PSTM_FORMULA pf sp_pstm_leg(unsigned flags, pf h2, const sp_pstm_point *p) {
  const pf straight = pf_fma(h2, p->slowness_2, p->quarter);
  if (!(flags & SP_PSTM_ETA)) return straight;
  const pf fourth = pf_divide(h2 * h2 * p->fourth, pf_fma(p->far, h2, p->depth_2));
  return pf_max(straight - fourth, pf_set(1e-6f) * p->quarter);
}

/* cos^2(pi x / 2), x clipped to 0 ... 1: a taper. */
SP_PSTM_FORMULA pf sp_pstm_cosine(pf x) {
  const pf clipped = pf_max(pf_min(x, pf_set(1.0f)), pf_set(0.0f)), y = clipped * clipped;
  pf sum = pf_fma(pf_set(SP_PSTM_COSINE_5), y, pf_set(SP_PSTM_COSINE_4));
  sum = pf_fma(sum, y, pf_set(SP_PSTM_COSINE_3));
  sum = pf_fma(sum, y, pf_set(SP_PSTM_COSINE_2));
  sum = pf_fma(sum, y, pf_set(SP_PSTM_COSINE_1));
  return pf_fma(sum, y, pf_set(1.0f));
}

/* atan(sqrt(y2 / x2)) of numbers that are not negative, in radians. */
SP_PSTM_FORMULA pf sp_pstm_angle(pf y2, pf x2) {
  const pf z2 = pf_max(pf_divide(pf_min(y2, x2), pf_max(y2, x2)), pf_set(1e-30f)), z = z2 * pf_inverse_root(z2);
  pf sum = pf_fma(pf_set(SP_PSTM_ATAN_6), z2, pf_set(SP_PSTM_ATAN_5));
  sum = pf_fma(sum, z2, pf_set(SP_PSTM_ATAN_4));
  sum = pf_fma(sum, z2, pf_set(SP_PSTM_ATAN_3));
  sum = pf_fma(sum, z2, pf_set(SP_PSTM_ATAN_2));
  sum = pf_fma(sum, z2, pf_set(SP_PSTM_ATAN_1));
  sum = pf_fma(sum, z2, pf_set(SP_PSTM_ATAN_0));
  const pf angle = sum * z;
  return pf_select(pf_less(x2, y2), pf_set(1.57079633f) - angle, angle);
}

/* Limits on dip, stretch and aperture by tau: multiplies *weight, and narrows `inside` to where all hold.
 * slope_2 = |v^2 p|^2, inverse = 1/t_s + 1/t_r. */
SP_PSTM_FORMULA pm sp_pstm_limits(unsigned flags, const sp_pstm_terms *c, const sp_pstm_ray *ray,
                                  const sp_pstm_point *p, pf slope_2, pf inverse, pm inside, pf *weight) {
  const pf along_2 = inverse * inverse * p->quarter;
  if (flags & SP_PSTM_DIP) {
    const pf across_2 = slope_2 * p->slowness_2; /* tan^2(dip) = across_2 / along_2 */
    inside = inside & pf_less(across_2, pf_set(c->dip_end) * along_2);
    if (pm_any(inside & pf_less(pf_set(c->dip_taper) * along_2, across_2))) {
      const pf angle = sp_pstm_angle(across_2, along_2);
      *weight = *weight * sp_pstm_cosine(pf_fma(angle, pf_set(c->dip_scale), pf_set(c->dip_shift)));
    }
  }
  if (flags & SP_PSTM_STRETCH) inside = inside & pf_less(pf_set(c->stretch), along_2);
  if (flags & SP_PSTM_APERTURE) {
    const pf at = pf_fma(pf_set(ray->distance), p->aperture, pf_set(c->aperture_shift));
    inside = inside & pf_less(at, pf_set(1.0f));
    *weight = *weight * sp_pstm_cosine(at);
  }
  return inside;
}

/* r[4] = t_s, t_r, 1 / t_s, 1 / t_r. */
SP_PSTM_FORMULA void sp_pstm_legs(unsigned flags, const sp_pstm_ray *ray, const sp_pstm_point *p, pf r[4]) {
  pf_roots(sp_pstm_leg(flags, pf_set(ray->source_2), p), sp_pstm_leg(flags, pf_set(ray->receiver_2), p), r);
}

/* Where the trace is read and with which weight, from the sum t of the legs and their inverses: *index in fine samples,
 * *half is k, clipped to the bank. The result says where the point is within all limits and the index within the trace;
 * elsewhere the others hold anything. */
SP_PSTM_FORMULA pm sp_pstm_evaluate(unsigned flags, const sp_pstm_terms *c, const sp_pstm_ray *ray,
                                    const sp_pstm_point *p, pf t, pf inverse_s, pf inverse_r, pf *index, pf *half,
                                    pf *weight) {
  const pf inverse = inverse_s + inverse_r;
  pf slope_2 = pf_set(0.0f);
  *index = pf_fma(t, pf_set(c->oversample), pf_set(ray->start));
  *weight = pf_set(ray->weight);
  if (flags & (SP_PSTM_AA | SP_PSTM_DIP)) {
    const pf x = pf_fma(pf_set(ray->receiver[0]), inverse_r, pf_set(ray->source[0]) * inverse_s);
    const pf y = pf_fma(pf_set(ray->receiver[1]), inverse_r, pf_set(ray->source[1]) * inverse_s);
    slope_2 = pf_fma(x, x, y * y);
    const pf k = pf_max(pf_abs(x), pf_abs(y) * pf_set(c->spacing_ratio)) * p->slowness_2;
    *half = pf_min(k, pf_set(c->longest));
  }
  pm inside = pf_within(*index, pf_set(c->last));
  if (flags & SP_PSTM_LIMITS) inside = sp_pstm_limits(flags, c, ray, p, slope_2, inverse, inside, weight);
  if (flags & SP_PSTM_WEIGHTS) {
    const pf w = pf_fma(inverse_s, inverse_s, inverse_r * inverse_r);
    *weight = *weight * (flags & SP_PSTM_TIMES_T ? w * t : w);
    if (flags & SP_PSTM_LINE) *weight = *weight * pf_inverse_root(inverse);
  }
  return inside;
}

#endif
