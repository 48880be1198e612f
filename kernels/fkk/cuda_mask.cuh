/* SPDX-License-Identifier: BSD-3-Clause */
/* What points of a plane of fkk are multiplied by on the GPU.
 *
 * In float from the square of the wave number, where the flanks are wide enough for it: with a width of 1 % of where a
 * flank begins the share is off by 3e-5 at most, and on the flank alone. Narrower flanks, steps, images and f = 0 and
 * Nyquist with a sector are computed in double, as on the CPU (zone.h). The share of a sector is the same in all
 * planes: a table, in the order in which points lie after their transforms. */
#ifndef SEISPROC_KERNELS_FKK_CUDA_MASK_CUH
#define SEISPROC_KERNELS_FKK_CUDA_MASK_CUH

#include "kernels/fkk/cuda_kernels.cuh"

/* A side of the zone: 1 or 0 up to `from`, the other from `to` on. */
struct flank {
  bool there;
  float from, from2, to2, width;
};

/* A plane's mask: what its columns share. */
struct plane_mask {
  sp_fk_slice slice;
  flank fast, slow;
  bool in_double, pass;
  float share, scale, step_x;
};

__device__ static flank flank_at(bool there, double from, double width) {
  const double to = from + width;
  return flank{there, (float)from, (float)(from * from), (float)(to * to), (float)width};
}

__device__ static void set_mask(const sp_fkk_plane &p, uint32_t bin, plane_mask *m) {
  const sp_fk_slice s = sp_fk_slice_at(&p.zone, &p.grid, bin);
  m->slice = s;
  m->fast = flank_at(p.zone.fast_side, s.fast_from, s.fast_width);
  m->slow = flank_at(p.zone.slow_side, s.slow_from, s.slow_width);
  m->in_double = p.narrow || s.both_signs;
  m->pass = p.zone.pass;
  m->share = (float)s.share;
  m->scale = (float)(1.0 / ((double)p.x.padded * p.y.padded));
  m->step_x = (float)s.step_x;
}

/* c(x) of zone.h, x = (k - from) / width without the loss of a difference of roots. */
__device__ static inline float ramp_of(const flank &f, float k2) {
  const float x = __fdividef(k2 - f.from2, (sqrtf(k2) + f.from) * f.width);
  return 0.5f + 0.5f * cospif(__saturatef(x));
}

__device__ static inline float velocity_share(const plane_mask &m, float k2) {
  float share = 1;
  if (m.fast.there) {
    if (k2 <= m.fast.from2) return 0;
    if (k2 < m.fast.to2) share = 1 - ramp_of(m.fast, k2);
  }
  if (m.slow.there) {
    if (k2 >= m.slow.to2) return 0;
    if (k2 > m.slow.from2) share *= ramp_of(m.slow, k2);
  }
  return share;
}

__device__ static __noinline__ float removed_in_double(const sp_fkk_plane &p, const plane_mask &m, uint32_t jx,
                                                       uint32_t jy) {
  return (float)sp_fk_removed_share(&p.zone, &p.grid, &m.slice, jx, jy);
}

/* Of the column at `column`: the square of its wave number. */
__device__ static inline float square_of_column(const sp_fkk_plane &p, const plane_mask &m, uint32_t column) {
  const double ky = sp_fk_wave_number(p.wave_y[column], p.y.padded, m.slice.step_y);
  return (float)(ky * ky);
}

/* Of the point at `place` of the column at `column`, which is wave number jx; in float. */
__device__ static inline float mask_at(const sp_fkk_plane &p, const plane_mask &m, uint32_t column, float ky2,
                                       uint32_t place, uint32_t jx) {
  const uint32_t mx = p.x.padded;
  const float kx = (float)min(jx, mx - jx) * m.step_x;
  float share = velocity_share(m, fmaf(kx, kx, ky2));
  if (p.sector) share *= p.sector[(size_t)column * mx + place];
  return m.scale * m.share * (m.pass ? 1 - share : share);
}

/* Where the sign of kx or ky means nothing, a sector that does not count both ways is a mean. */
__device__ static float sector_at(const sp_fkk_plane &p, uint32_t place, uint32_t column) {
  const sp_fk_slice s = sp_fk_slice_at(&p.zone, &p.grid, 1);
  const uint32_t jx = p.wave_x[place], jy = p.wave_y[column];
  const double kx = sp_fk_wave_number(jx, p.grid.mx, s.step_x), ky = sp_fk_wave_number(jy, p.grid.my, s.step_y);
  const double k2 = kx * kx + ky * ky;
  double share = sp_fk_sector_share(&p.zone, kx, ky, k2);
  if (!p.zone.two_sided) {
    if (2 * jx == p.grid.mx) share = 0.5 * (share + sp_fk_sector_share(&p.zone, -kx, ky, k2));
    if (2 * jy == p.grid.my) share = 0.5 * (share + sp_fk_sector_share(&p.zone, kx, -ky, k2));
  }
  return (float)share;
}

#endif
