/* SPDX-License-Identifier: BSD-3-Clause */
/* The header columns of a gather that vary, a curve each. Private to src/qc and the commands that draw. */
#ifndef SEISPROC_SRC_QC_HEADER_PICTURE_H
#define SEISPROC_SRC_QC_HEADER_PICTURE_H

#include "src/qc/panels.h"

/* As many as fit options->height, in the order of their names. */
sp_status sp_draw_headers(const sp_view_source *source, sp_global gather, const sp_panel_options *options,
                          sp_picture **out);

#endif
