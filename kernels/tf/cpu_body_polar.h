/* SPDX-License-Identifier: BSD-3-Clause */
/* Complex coefficients to magnitudes and phasors. A coefficient that is zero has the phasor zero.
 * Part of each file tf_kernels_<isa>.c.
 */
#ifndef SEISPROC_KERNELS_TF_CPU_BODY_POLAR_H
#define SEISPROC_KERNELS_TF_CPU_BODY_POLAR_H

typedef struct complex_vf {
  vf re, im;
} complex_vf;

/* Powers below this are taken for it: magnitudes below 1e-18 come out smaller than they are. */
#define LEAST_POWER 1e-37f

SP_INLINE vf inverse_magnitude(complex_vf x, vf *mag) {
  const vf power = num_fused(x.re, x.re, x.im * x.im);
  const vf inverse = inverse_sqrt(size_max(power, vf_set(LEAST_POWER)));
  *mag = power * inverse;
  return inverse;
}

SP_INLINE void store_polar(complex_vf x, float *mag, float *re, float *im) {
  vf magnitude;
  const vf inverse = inverse_magnitude(x, &magnitude);
  vf_store(mag, magnitude);
  vf_store(re, x.re * inverse);
  vf_store(im, x.im * inverse);
}

static void polar(size_t n, float *mag, float *re, float *im) {
  for (size_t i = 0; i < n; i += SP_LANES)
    store_polar((complex_vf){vf_load(re + i), vf_load(im + i)}, mag + i, re + i, im + i);
}

#endif
