/* SPDX-License-Identifier: BSD-3-Clause */
/* A frame: a rectangle with two axes, and what is drawn in it. Private to src/qc. */
#ifndef SEISPROC_SRC_QC_FRAME_H
#define SEISPROC_SRC_QC_FRAME_H

#include "src/qc/picture.h"

typedef struct sp_axis {
  double first, last; /* at the left or the top; at the right or the bottom. Logarithmic axes: both positive */
  const char *label;  /* with its unit; NULL: no ticks */
  bool log;
} sp_axis;

typedef struct sp_frame {
  double x, y, width, height; /* of what is inside, whole pixels */
  sp_axis across, down;
  const char *title;
} sp_frame;

double sp_frame_x(const sp_frame *frame, double value);
double sp_frame_y(const sp_frame *frame, double value);

/* The border, ticks with numbers (those of `down` where labels_down), labels and title. */
void sp_frame_draw(sp_picture *p, const sp_frame *frame, bool labels_down);

/* Writes up to `most` round numbers between two values, in ascending order; returns how many. */
enum { SP_MAX_TICKS = 16 };
size_t sp_ticks(double first, double last, bool log, size_t most, double ticks[SP_MAX_TICKS]);

/* A bar of colours at the right of a frame, with the numbers at its ends and a label. */
void sp_frame_colour_bar(sp_picture *p, const sp_frame *frame, sp_colour_map map, double least, double most,
                         const char *label);

/* A curve through n points; what is outside the frame is cut to its border. */
void sp_frame_curve(sp_picture *p, const sp_frame *frame, const double *x, const double *y, size_t n, sp_stroke stroke);

/* Rows of samples as pixels of the frame: trace i from left to right, sample j from top to bottom, each pixel the mean
 * of the samples in it; `least` and `most` are the ends of the map. The caller owns *out. */
typedef struct sp_grid {
  const float *rows; /* [n_traces][n_samples] */
  size_t n_traces, n_samples;
} sp_grid;
sp_status sp_raster_density(const sp_grid *grid, const sp_frame *frame, sp_colour_map map, double least, double most,
                            sp_raster **out);

/* The same as curves of every step-th trace, 1.5 of these wide where a sample is `clip`, filled where positive: each
 * line of pixels spans the least to the largest sample in it. */
sp_status sp_raster_wiggle(const sp_grid *grid, const sp_frame *frame, double clip, size_t step, sp_raster **out);

/* The magnitude that a share (0 to 1) of n samples does not exceed. Exact; 0 where n is 0. Errors: SP_ERR_MEMORY. */
sp_status sp_magnitude_quantile(const float *samples, size_t n, double share, double *out);

#endif
