/* SPDX-License-Identifier: BSD-3-Clause */
/* Velocities of an image: from a number or a text table to rms velocity, eta and far at every image sample.
 *
 * A table has lines of numbers, # begins a comment:
 *   t v                one function of time
 *   cdp t v            a function each CDP of a line, which are the image's cross-line numbers
 *   iline xline t v    a function each pair of line numbers
 *   x y t v            a function each position
 * Times are two-way vertical, in ms, ascending within a function; v in m/s. Of four columns the first line must say
 * which they are: `# iline xline t v` or `# x y t v`. In time values are linear, and constant outside. In space they
 * are bilinear where the positions form a rectangular grid, else linear in the triangles of Delaunay (1934), constant
 * outside.
 *
 * Interval and average velocities become rms velocities: v_rms^2(t) = 1/t int v^2 dt; an average velocity V(t) has the
 * interval velocity V + t V'. Curved rays need interval velocities; of rms velocities V they are
 * v^2 = V^2 + 2 t V V' (Dix 1955), which must not be negative.
 */
#ifndef SEISPROC_KERNELS_PSTM_VELOCITY_H
#define SEISPROC_KERNELS_PSTM_VELOCITY_H

#include "kernels/pstm/pstm.h"

typedef enum sp_velocity_kind { SP_VELOCITY_RMS, SP_VELOCITY_INTERVAL, SP_VELOCITY_AVERAGE } sp_velocity_kind;
typedef enum sp_rays { SP_RAYS_STRAIGHT, SP_RAYS_CURVED, SP_RAYS_VTI } sp_rays;
typedef enum sp_velocity_by {
  SP_VELOCITY_BY_NOTHING,
  SP_VELOCITY_BY_CDP,
  SP_VELOCITY_BY_LINES,
  SP_VELOCITY_BY_PLACE
} sp_velocity_by;

/* Functions of time at positions, as they were given. */
typedef struct sp_velocity_table {
  char name[256]; /* for messages */
  sp_velocity_by by;
  uint32_t n_functions;
  double (*position)[2]; /* [n_functions] (cdp, 0), (xline, iline) or (x, y) */
  uint32_t *first;       /* [n_functions + 1] into time and value */
  double *time, *value;  /* s */
} sp_velocity_table;

/* What values are allowed: `allow` takes those from 300 to 12000 m/s for certain and any above 0 otherwise. */
typedef struct sp_velocity_range {
  double least, most;
  bool is_velocity; /* for hints at feet and seconds */
} sp_velocity_range;

sp_velocity_range sp_velocity_range_of(bool allow);

/* The same value everywhere. The caller owns what is in *table (sp_velocity_table_free). */
sp_status sp_velocity_number(const char *name, double value, const sp_velocity_range *range, sp_velocity_table *table);

/* Reads a text table. Errors: SP_ERR_INPUT, one line with file and line: what was found and what is allowed. */
sp_status sp_velocity_read(const char *path, const sp_velocity_range *range, sp_velocity_table *table);

/* Whether each function ascends in time, no two are at one position, values are within the range, and times and
 * velocities look like ms and m/s. Errors: SP_ERR_INPUT, one line with position and time. */
sp_status sp_velocity_check(const sp_velocity_table *table, const sp_velocity_range *range);

/* Words for where function i holds: "iline 5, xline 7". */
void sp_velocity_position(const sp_velocity_table *table, uint32_t i, char *text, size_t size);

void sp_velocity_table_free(sp_velocity_table *table);

/* Line numbers of an image: columns along x are cross-lines, rows in-lines. */
typedef struct sp_line_numbers {
  double first[2], step[2]; /* of ix, iy */
} sp_line_numbers;

typedef struct sp_velocity_model sp_velocity_model;

/* `eta` is used with SP_RAYS_VTI only, else NULL. Copies what it needs; the caller owns *out. Errors: SP_ERR_INPUT:
 * positions that the image has no numbers for, an image that none of the positions is near to, interval velocities
 * whose square is negative. */
sp_status sp_velocity_model_create(const sp_pstm_grid *grid, const sp_line_numbers *numbers,
                                   const sp_velocity_table *velocity, const sp_velocity_table *eta,
                                   sp_velocity_kind kind, sp_rays rays, sp_velocity_model **out);

void sp_velocity_model_destroy(sp_velocity_model *model);

/* Whether all columns have the same functions; whether there is eta. */
bool sp_velocity_model_is_flat(const sp_velocity_model *model);
bool sp_velocity_model_has_eta(const sp_velocity_model *model);

/* Least and largest velocity at each tau: [n_tau]; over all positions. */
void sp_velocity_model_range(const sp_velocity_model *model, float *least, float *most);

/* Checksum of all values and of where they hold. */
uint32_t sp_velocity_model_crc(const sp_velocity_model *model);

/* The functions of a column: [n_tau] each; eta and far are not touched where there is none. */
void sp_velocity_model_column(const sp_velocity_model *model, uint32_t ix, uint32_t iy, float *velocity, float *eta,
                              float *far);

#endif
