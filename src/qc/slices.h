/* SPDX-License-Identifier: BSD-3-Clause */
/* Slices through a survey of lines: a time slice over inlines and crosslines, a section along a line or over gathers.
 * Traces of one place are averaged. Private to src/qc and the commands that draw. */
#ifndef SEISPROC_SRC_QC_SLICES_H
#define SEISPROC_SRC_QC_SLICES_H

#include "src/qc/panels.h"

typedef struct sp_slice_request {
  bool at_time;     /* a time slice; else a section */
  double time;      /* s, of a time slice */
  const char *line; /* column that is fixed in a section, such as "iline"; NULL: a section over all gathers */
  double value;     /* of it */
  double x0, x1;    /* traces with offsets between these alone; NAN: no limit */
} sp_slice_request;

/* Reads the survey once, in bounded memory. Errors: SP_ERR_USAGE, one line, where it has no such columns, line or time.
 */
sp_status sp_draw_slice(const sp_view_source *source, const sp_slice_request *request, const sp_panel_options *options,
                        sp_picture **out);

#endif
