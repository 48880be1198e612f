/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of the processor fk_denoise on the CPU.
 *
 * A gather is cut into boxes (cpu_boxes.c): segments of a 2-D gather, parts of a grid. A box is laid out by time: for
 * each sample a plane, for each i a line, and in a line the traces c = 0, 1, ... of the continued axis j, that of trace
 * c at [c mod 2s][1 + c / 2s], s being the step of windows. So one vector load fetches a point of as many windows as
 * there are lanes, each two steps further on than the one before. The windows between them are the imaginary part of
 * what is transformed. Windows of a slab are taken in such packs; what they leave is added up along j, then along i,
 * then over slabs, each in ascending order.
 *
 * Everything here but sp_fkd_work is read-only once planned.
 */
#ifndef SEISPROC_KERNELS_FK_DENOISE_CPU_H
#define SEISPROC_KERNELS_FK_DENOISE_CPU_H

#include <stddef.h>

#include "kernels/fk_denoise/fft_plan.h"
#include "kernels/fk_denoise/fk_denoise.h"

enum { SP_FKD_MAX_LANES = 16, SP_FKD_MARGIN = 1, SP_FKD_ROWS = SP_FKD_MAX_LANES + 1 };

/* Where things lie. */
typedef struct sp_fkd_layout {
  sp_fkd_axis t, i, j;
  uint32_t columns;      /* floats of one residue of a line */
  size_t line, plane;    /* floats: 2 j.step columns; i.n lines */
  uint32_t points;       /* of a window, across */
  uint32_t spectrum_row; /* complex vectors from one frequency to the next */
  uint32_t n_windows;    /* of a slab, with those that fill up vectors */
} sp_fkd_layout;

sp_fkd_layout sp_fkd_make_layout(const sp_fkd_params *params, double sample_interval_s, uint32_t n_samples,
                                 uint32_t n_i, uint32_t n_j);

/* Where trace c of the continued axis j stands in a line. */
static inline size_t sp_fkd_place(const sp_fkd_layout *l, uint32_t c) {
  const uint32_t period = 2 * l->j.step;
  return (size_t)(c % period) * l->columns + c / period + SP_FKD_MARGIN;
}

/* Continues the lines of planes beyond the traces of the box, by reflection. */
void sp_fkd_continue(const sp_fkd_layout *layout, float *planes);

/* Memory of a thread. */
typedef struct sp_fkd_work {
  float *in, *out;           /* [n_samples][plane] of a box: what a pass reads and writes */
  uint8_t *bad;              /* [node][n_samples] */
  uint8_t *stands_out;       /* [node] */
  float *slab;               /* [t.window][plane], sums of a slab */
  float *lines;              /* [t.window][i.window][line], sums of its windows that begin at one i */
  float *spectrum;           /* [t.window + 2][spectrum_row] complex vectors, a pack's; then two lines of a transform */
  uint32_t *strong, *keep;   /* [t.window / 2 + 1][points] bits, one a window */
  uint32_t *weak;            /* the same */
  uint32_t *near;            /* [2][points] */
  float *powers;             /* [t.window / 2 + 1][values_room] of a slab */
  int32_t *select;           /* what picking a value out of values_room needs */
  int32_t *alive;            /* [plane], samples of a slab that are not zero */
  double *noise, *level;     /* [slabs][t.window / 2 + 1] */
  float *high, *low;         /* [t.window / 2 + 1], thresholds of a slab */
  float *analysis;           /* [points][t.window], the taper */
  float *synthesis;          /* the same over the sum of its squares */
  size_t *time_at, *line_at; /* [t.window], [i.window]: planes and lines of a window, from the start of the box */
  size_t *trace_at;          /* [j.window + j.step]: traces of a window and its neighbour, from the first column */
  uint32_t *opposite;        /* [points], the point of the opposite wavenumber */
  float *rows;               /* SP_FKD_ROWS of n_samples + 2 SP_FKD_MAX_WINDOW, for single traces */
  float *guard;              /* 45 planes */
  uint32_t *histogram;       /* 65536 */
  size_t *live_at;           /* [nodes] */
  const float **node_in;     /* [nodes], NULL where dead */
  float **node_out;          /* [nodes], NULL where there is no trace */
  size_t values_room;
} sp_fkd_work;

/* A box and what a pass over it needs. */
typedef struct sp_fkd_box {
  sp_fkd_layout layout;
  const sp_fkd_fft *fft_t, *fft_i, *fft_j;
  sp_fkd_band band;
  double high2, low2; /* high^2, low^2 */
  sp_fkd_work work;
  const float *const *rows; /* [i.n][j.n], samples of the nodes; NULL where dead */
  float scale;              /* a power of two that makes the largest sample about 1 */
} sp_fkd_box;

/* The kernels, one table an instruction set. */
typedef struct sp_fkd_kernels {
  uint32_t lanes;
  /* Rows of the nodes to planes, times scale; what is bad or of a dead trace becomes `instead`. Continues the axis. */
  void (*load)(const sp_fkd_box *box, bool with_bad, float instead, float *planes);
  /* Planes to rows, times 1 / scale; NULL rows are left out. */
  void (*store)(const sp_fkd_box *box, const float *planes, float *const *rows);
  /* Powers of the live windows of a slab -> work.powers; returns how many there are of each frequency. */
  size_t (*powers)(const sp_fkd_box *box, uint32_t slab);
  /* The 0.3-quantile of n values; *guess becomes a guess for the next. */
  double (*quantile)(const sp_fkd_box *box, const float *values, size_t n, float *guess);
  /* Thresholds the windows of a slab with work.high and work.low, and adds what they leave to work.out. */
  void (*filter)(const sp_fkd_box *box, uint32_t slab);
  /* work.out = x - rho r. */
  void (*guard)(const sp_fkd_box *box);
  /* Means of `window` magnitudes around each of n samples, ends repeated: of |scale x|, at most `most` where that is
   * not NULL (then times most_times). */
  void (*level)(const sp_fkd_box *box, const float *x, const float *most, float most_times, float *mean);
  /* Medians over 13 nodes of a 2-D box, 5 x 5 of a 3-D one, its ends repeated or reflected: of levels
   * [node][sp_fkd_level_row]. */
  void (*medians)(const sp_fkd_box *box, const float *levels, bool reflected, float *medians);
  /* Whether any |scale x| is above `times` m, or any level above `level_times` m. */
  bool (*stands_out)(const sp_fkd_box *box, const float *x, const float *level, const float *median, float times,
                     float level_times);
} sp_fkd_kernels;

extern const sp_fkd_kernels sp_fkd_kernels_portable, sp_fkd_kernels_avx2, sp_fkd_kernels_avx512;

/* Floats of a row of levels and medians. */
static inline size_t sp_fkd_level_row(const sp_fkd_layout *l) {
  return (l->t.n + SP_FKD_MAX_LANES - 1) / SP_FKD_MAX_LANES * SP_FKD_MAX_LANES;
}

/* One pass: work.in -> work.out (cpu_pass.c). */
void sp_fkd_pass(const sp_fkd_kernels *kernels, const sp_fkd_box *box);

/* Marks samples in work.bad: those that stand out (`coherent` false), or those of them that their neighbours do not
 * explain (cpu_bad.c). Uses work.in and work.out. Returns how many. */
size_t sp_fkd_find_bad(const sp_fkd_kernels *kernels, const sp_fkd_box *box, bool coherent);

/* Puts work.out in place of what work.in holds no number for, and with `outliers` of what the pass left beyond 4
 * standard deviations of the box's residual (cpu_replace.c). */
void sp_fkd_replace_bad(const sp_fkd_box *box, bool outliers);

/* --- boxes ------------------------------------------------------------------------------------------------------ */

/* Parts of a gather: box b has the nodes first[b] ... first[b] + n_i[b] n_j[b] - 1 of node[], each the number of a
 * trace or -1. */
typedef struct sp_fkd_boxes {
  uint32_t n, room;
  uint32_t *first, *n_i, *n_j; /* [room] */
  int32_t *node;               /* [room] */
  double *sorted;              /* [2 room] */
  uint32_t *rank_i, *rank_j;   /* [room] */
} sp_fkd_boxes;

/* Cuts a gather into boxes. `headers` are in the order of more_headers. SP_REASON_GEOMETRY where that cannot be. */
sp_reason sp_fkd_cut(const sp_fkd_params *params, uint32_t n_traces, const double *const *headers, sp_fkd_boxes *boxes);

#endif
