/* SPDX-License-Identifier: BSD-3-Clause */
/* Kirchhoff prestack time migration: what CPU and CUDA share, and the CPU backend.
 *
 * Image I(m, tau) = sum over traces i of a_i w W T_k[D d_i](t), t = t_s + t_r, for the surface position m and the
 * two-way vertical time tau; formula.h has the terms and their sources, docs/migration.md what they are for.
 *
 * Traces come in batches of SP_PSTM_BATCH, cut by their number in the class. The sum of a batch is float32, in the
 * order of the traces; it is rounded to int64 in units of 2^-shift and added. Integers may be added in any order, so
 * the image has the same bits for any number of threads or ranks and any order of batches.
 *
 * Knows no MPI, no HDF5 and no threads: the caller calls from as many threads as it planned for.
 */
#ifndef SEISPROC_KERNELS_PSTM_PSTM_H
#define SEISPROC_KERNELS_PSTM_PSTM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seisproc/status.h"

enum { SP_PSTM_BATCH = 64 };  /* traces whose contributions to a sample are summed in float32 */
enum { SP_PSTM_LEVELS = 13 }; /* triangles of the anti-alias bank */

typedef enum sp_pstm_weights {
  SP_PSTM_TRUE,   /* for amplitudes as recorded */
  SP_PSTM_GAINED, /* for data that were multiplied by their time */
  SP_PSTM_NONE    /* 1 */
} sp_pstm_weights;

/* A regular grid of image points: point (ix, iy) is at origin + ix dx ex + iy dy ey, where ex points to `azimuth`,
 * clockwise from north (+y), and ey is ex turned by 90 degrees anticlockwise. A line has n[1] = 1. */
typedef struct sp_pstm_grid {
  double origin[2]; /* m: of point (0, 0) */
  double azimuth;   /* degrees, of the first axis */
  double step[2];   /* m, > 0 */
  uint32_t n[2];
  double tau_0, d_tau; /* s; tau_0 > 0 */
  uint32_t n_tau;
} sp_pstm_grid;

typedef struct sp_pstm_config {
  sp_pstm_grid grid;
  uint32_t n_samples;  /* of an input trace; at least 2 */
  double interval_s;   /* of the input */
  uint32_t oversample; /* 1, 2, 4 or 8: traces are made this many times finer, then read linearly */
  bool line;           /* 2.5-D: half a derivative, midpoints projected on the line; else 3-D: a derivative */
  bool derivative;     /* false leaves D out */
  sp_pstm_weights weights;
  bool antialias;
  double spacing[2]; /* m: of the traces of a class along the axes of the grid; for the anti-alias filter */
  double aperture, aperture_taper; /* m; the share of it under the cosine, 0 to 1 */
  const double *aperture_by_tau;   /* m: [n_tau], instead of `aperture`; NULL: none. Borrowed while planning */
  double max_dip, dip_taper;       /* degrees; 90: no limit */
  double stretch;                  /* the largest; 0: no limit */
} sp_pstm_config;

/* A rectangle of the grid's columns. Column c of it is at (first[0] + c % n[0], first[1] + c / n[0]). */
typedef struct sp_pstm_tile {
  uint32_t first[2], n[2];
} sp_pstm_tile;

/* Velocities of a tile: rows of n_tau values a column, `stride` apart; stride 0: one row for all columns. */
typedef struct sp_pstm_model {
  const float *velocity; /* m/s, rms */
  const float *eta;      /* NULL: straight rays */
  const float *far;      /* with eta: the factor of h^2 in the fourth-order term */
  size_t stride;
} sp_pstm_model;

/* An input trace. */
typedef struct sp_pstm_trace {
  double source[2], receiver[2]; /* m */
  double start_s;                /* time of the first sample */
  double area;                   /* of its cell: m^2, of a line m; 0: absent */
} sp_pstm_trace;

/* Sums of a tile. Zeroed and owned by the caller. */
typedef struct sp_pstm_sums {
  int64_t *sum;   /* [columns][n_tau], units of 2^-shift */
  uint32_t *hits; /* [columns][n_tau]: contributions */
  int shift;
  double limit; /* a sum over a batch is at most this; else it is counted as an overflow and not added */
} sp_pstm_sums;

/* Errors: SP_ERR_USAGE for a config that contradicts itself, logged. */
sp_status sp_pstm_check(const sp_pstm_config *config, const sp_pstm_tile *tile);

/* The largest sample of a trace whose transforms stay finite in float32: n of them, times the largest frequency. */
float sp_pstm_largest_sample(const sp_pstm_config *config);

/* Position of a point in the grid's axes, m from its origin. */
void sp_pstm_grid_position(const sp_pstm_grid *grid, const double point[2], double position[2]);

/* Source and receiver in the grid's axes, m from its origin. On a line the midpoint is projected and the offset, with
 * the sign that it has along the line, laid along it. */
void sp_pstm_trace_position(const sp_pstm_config *config, const sp_pstm_trace *trace, double source[2],
                            double receiver[2]);

/* Distance of the trace's midpoint to the nearest column of the tile, m. */
double sp_pstm_distance(const sp_pstm_config *config, const sp_pstm_tile *tile, const sp_pstm_trace *trace);

/* Chooses shift and limit so that no sum over n_traces traces can overflow: `peak` is the largest |D d| (sp_pstm_peak),
 * `area` the largest of a trace, `velocity` the least of the image, latest_s the end of the latest trace. */
void sp_pstm_sums_scale(const sp_pstm_config *config, uint64_t n_traces, double peak, double area, double velocity,
                        double latest_s, sp_pstm_sums *sums);

/* What a trace of this peak adds to a sample halfway down the image below its midpoint, at most. */
double sp_pstm_typical(const sp_pstm_config *config, double peak, double area, double velocity);

/* image[i] = sum[i] / 2^shift, over hits[i] where `by_hits`. */
void sp_pstm_sums_finish(const sp_pstm_sums *sums, size_t n, bool by_hits, float *image);

/* --- the CPU ------------------------------------------------------------------------------------------------------ */

typedef struct sp_pstm sp_pstm;

/* Plans for a tile; copies what it needs. The caller owns *out. Errors: SP_ERR_USAGE for a config that contradicts
 * itself, SP_ERR_MEMORY, logged. */
sp_status sp_pstm_create(const sp_pstm_config *config, const sp_pstm_tile *tile, const sp_pstm_model *model,
                         int n_threads, sp_pstm **out);

/* Memory that sp_pstm_create takes. */
size_t sp_pstm_bytes(const sp_pstm_config *config, const sp_pstm_tile *tile, const sp_pstm_model *model, int n_threads);

/* Takes NULL. */
void sp_pstm_destroy(sp_pstm *p);

/* "avx2", ...: the instruction set in use. */
const char *sp_pstm_isa(const sp_pstm *p);

/* Largest magnitude of D d of a trace; NAN where a sample is not finite or too large, 0 where all are zero. */
double sp_pstm_peak(sp_pstm *p, int thread, const float *samples);

/* Puts a trace into the batch: filters, resamples and fills its bank. Different ones may be prepared by different
 * threads at once. Samples that are not finite or too large: trace i is absent and the result is false. */
bool sp_pstm_prepare(sp_pstm *p, int thread, uint32_t i, const sp_pstm_trace *trace, const float *samples);

/* Marks trace i of the batch as absent. */
void sp_pstm_skip(sp_pstm *p, uint32_t i);

/* Columns of a tile are summed block by block; blocks may be added by different threads at once. */
uint32_t sp_pstm_blocks(const sp_pstm *p);

/* Adds the batch (traces 0 ... SP_PSTM_BATCH - 1; all were prepared or skipped) to the columns of a block. Returns how
 * many sums were beyond the limit. */
uint64_t sp_pstm_add(sp_pstm *p, int thread, uint32_t block, const sp_pstm_sums *sums);

#endif
