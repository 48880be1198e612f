/* SPDX-License-Identifier: BSD-3-Clause */
/* Maps of figures over the survey, and curves and histograms of them. Private to src/qc. */
#ifndef SEISPROC_SRC_QC_MAPS_H
#define SEISPROC_SRC_QC_MAPS_H

#include "src/qc/figures_of.h"
#include "src/qc/frame.h"

/* Maps of RMS before, RMS of the noise, removed energy, correlation, status and fold; against the gather's number where
 * the survey tells no places. */
sp_status sp_draw_maps(const sp_gather_figures_of *figures, double width, sp_picture **out);

/* Removed energy in percent along the gathers: a line, and where there are many the median and the 5th to the 95th of a
 * hundred; ticks at `marks` gathers, where runs went on. */
sp_status sp_draw_removed(const sp_gather_figures_of *figures, const size_t *marks, size_t n_marks, double width,
                          sp_picture **out);

/* Histograms of traces a gather and of offsets, and, where source and receiver coordinates vary, a rose of azimuths and
 * offsets. */
sp_status sp_draw_fold(const sp_view_source *source, const sp_gather_figures_of *figures, double width,
                       sp_picture **out);

#endif
