/* SPDX-License-Identifier: BSD-3-Clause */
/* What the formula needs besides the image point: constants of a job, and a trace as a column sees it. In units of the
 * traces' x spacing and the data's sample interval. Private to kernels/pstm. */
#ifndef SEISPROC_KERNELS_PSTM_TERMS_H
#define SEISPROC_KERNELS_PSTM_TERMS_H

#include <math.h>

#include "kernels/pstm/pstm.h"

#ifdef __CUDACC__
#define SP_PSTM_BOTH __host__ __device__ static inline
#else
#define SP_PSTM_BOTH static inline
#endif

/* What a kernel is compiled for. */
enum {
  SP_PSTM_ETA = 1,       /* fourth-order term: curved and VTI rays */
  SP_PSTM_AA = 2,        /* anti-alias */
  SP_PSTM_DIP = 4,       /* a limit on dip */
  SP_PSTM_STRETCH = 8,   /* a limit on stretch */
  SP_PSTM_APERTURE = 16, /* the aperture depends on tau */
  SP_PSTM_WEIGHTS = 32,  /* true or gained */
  SP_PSTM_TIMES_T = 64,  /* true */
  SP_PSTM_LINE = 128,    /* 2.5-D weights */
  SP_PSTM_LIMITS = SP_PSTM_DIP | SP_PSTM_STRETCH | SP_PSTM_APERTURE
};

typedef struct sp_pstm_terms {
  unsigned flags;
  float oversample;            /* fine samples a sample */
  float last;                  /* an index at or beyond it is outside the trace */
  float longest;               /* just below the last half length of the bank */
  float spacing_ratio;         /* of the traces, y over x; 0 on a line */
  float dip_end, dip_taper;    /* tan^2 of the largest dip, and of where the taper begins */
  float dip_scale, dip_shift;  /* angle in radians -> 0 ... 1 over the taper */
  float stretch;               /* least (tau/2)^2 (1/t_s + 1/t_r)^2 */
  float aperture_shift;        /* added to distance x the point's `aperture`: 0 ... 1 over the taper */
  double per_length, per_time; /* 1 / unit, 1/m and 1/s */
  double aperture, taper;      /* m, of a constant aperture: where it ends, and the taper's length */
} sp_pstm_terms;

/* A trace in the grid's axes, m from the origin. */
typedef struct sp_pstm_position {
  double source[2], receiver[2];
  double start_s, area;
} sp_pstm_position;

typedef struct sp_pstm_ray {
  float source_2, receiver_2;   /* |m - s|^2, |m - r|^2 */
  float source[2], receiver[2]; /* m - s, m - r */
  float start;                  /* minus the time of the first sample, in fine samples */
  float weight;                 /* area x taper over a constant aperture; 0: it does not contribute to this column */
  float distance;               /* |m - midpoint| */
} sp_pstm_ray;

/* The trace as the column at `column` (m, in the grid's axes) sees it. Differences are taken in double precision:
 * coordinates of a survey have no room in float32. */
SP_PSTM_BOTH sp_pstm_ray sp_pstm_ray_to(const sp_pstm_terms *c, const sp_pstm_position *trace, const double column[2]) {
  sp_pstm_ray ray;
  double s2 = 0, r2 = 0, m2 = 0;
  for (int i = 0; i < 2; i++) {
    const double s = (column[i] - trace->source[i]) * c->per_length;
    const double r = (column[i] - trace->receiver[i]) * c->per_length;
    ray.source[i] = (float)s;
    ray.receiver[i] = (float)r;
    s2 += s * s;
    r2 += r * r;
    m2 += 0.25 * (s + r) * (s + r);
  }
  ray.source_2 = (float)s2;
  ray.receiver_2 = (float)r2;
  ray.start = (float)(-trace->start_s * c->per_time * (double)c->oversample);
  const double distance = sqrt(m2), length = distance / c->per_length;
  ray.distance = (float)distance;
  double taper = length <= c->aperture ? 1 : 0;
  if (taper > 0 && length > c->aperture - c->taper) {
    taper = 0.5 + 0.5 * cos(3.14159265358979323846 * (length - (c->aperture - c->taper)) / c->taper);
  }
  ray.weight = (float)(trace->area * taper);
  return ray;
}

/* cos^2(pi x / 2) = 1 + sum of these times x^2, x^4 ... x^10 for 0 <= x <= 1; error 2e-6 (Chebyshev nodes) */
#define SP_PSTM_COSINE_1 (-2.46739936f)
#define SP_PSTM_COSINE_2 2.02927375f
#define SP_PSTM_COSINE_3 (-0.666968703f)
#define SP_PSTM_COSINE_4 0.115785569f
#define SP_PSTM_COSINE_5 (-0.0106927054f)

/* atan(x) = x times the sum of these times 1, x^2 ... x^12 for 0 <= x <= 1; error 4e-7 (Chebyshev nodes) */
#define SP_PSTM_ATAN_0 0.999999226f
#define SP_PSTM_ATAN_1 (-0.333256780f)
#define SP_PSTM_ATAN_2 0.198720403f
#define SP_PSTM_ATAN_3 (-0.134478641f)
#define SP_PSTM_ATAN_4 0.0831264530f
#define SP_PSTM_ATAN_5 (-0.0363604310f)
#define SP_PSTM_ATAN_6 0.00764835400f

/* Half lengths of the triangles, samples of the data. They are the numbers of a floating-point format with one bit of
 * mantissa: the bits of max(k + 2, 2 k), less those of 2, hold the level of k and, below it, the fraction to the next.
 */
#define SP_PSTM_HALF_LENGTHS                                                                                           \
  { 0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64 }
enum { SP_PSTM_LEVEL_SHIFT = 22, SP_PSTM_LEVEL_ZERO = 0x40000000 };

/* The bank of a trace is SP_PSTM_LEVELS - 1 rows of pairs: row l holds {level l, level l + 1} of each fine sample.
 * Without anti-alias it is one row of single samples. A row's length is a multiple of a unit; a row's number and its
 * length in units have 15 bits each. */
enum { SP_PSTM_ROW_UNIT = 16, SP_PSTM_MAX_FINE = 1 << 17 };

void sp_pstm_terms_set(const sp_pstm_config *config, bool eta, sp_pstm_terms *terms);

void sp_pstm_position_set(const sp_pstm_config *config, const sp_pstm_trace *trace, sp_pstm_position *position);

/* Constants of image points, in rows of `padded` values (n_tau and copies of the last one). A row a column, or one. */
typedef struct sp_pstm_points {
  float *quarter;    /* [padded] (tau/2)^2 */
  float *aperture;   /* [padded] 1 / taper length of the aperture there; NULL: a constant aperture */
  float *slowness_2; /* [rows][padded] 1 / v^2 */
  float *fourth;     /* [rows][padded] 2 eta / v^2; NULL: straight rays */
  float *far;        /* [rows][padded] */
  float *depth_2;    /* [rows][padded] (tau/2)^2 v^2 */
  float *factor;     /* [rows][padded] multiplies the sum over traces */
  size_t rows, padded;
} sp_pstm_points;

/* Fills the arrays, which the caller has allocated. */
void sp_pstm_points_set(const sp_pstm_config *config, const sp_pstm_model *model, const sp_pstm_terms *terms,
                        sp_pstm_points *points);

/* Bytes of the arrays of points. */
size_t sp_pstm_points_bytes(const sp_pstm_points *points, bool eta, bool by_tau);

/* Floats of a row of the bank, and rows. */
size_t sp_pstm_bank_row(const sp_pstm_config *config);
size_t sp_pstm_bank_rows(const sp_pstm_config *config);

/* Fine samples of a trace. */
static inline uint32_t sp_pstm_fine(const sp_pstm_config *config) {
  return (config->n_samples - 1) * config->oversample + 1;
}

#endif
