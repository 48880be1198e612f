/* SPDX-License-Identifier: BSD-3-Clause */
/* The page of a ladder: the noise of one gather for several values of a parameter, side by side under one clip, and
 * along the values the energy that each removes and how the noise correlates with what was kept. */
#ifndef SEISPROC_SRC_QC_LADDER_PAGE_H
#define SEISPROC_SRC_QC_LADDER_PAGE_H

#include "src/qc/gather_view.h"
#include "src/qc/picture.h"

enum { SP_LADDER_VALUE = 64, SP_MAX_LADDER = 24 };

typedef struct sp_ladder_page {
  /* the caller fills in, all zero at first */
  size_t n;                                                          /* rungs, up to SP_MAX_LADDER */
  char key[SP_LADDER_VALUE], values[SP_MAX_LADDER][SP_LADDER_VALUE]; /* "chain.0.dwt.k", "2.5"; key "": no parameter */
  double removed[SP_MAX_LADDER];                                     /* share of the energy, of all gathers */
  double correlation[SP_MAX_LADDER];                                 /* of the noise with what was kept */
  const char *correlation_of;                                        /* "median of gathers" */
  /* its own */
  sp_picture *picture;
  size_t n_drawn;
  double clip;
} sp_ladder_page;

/* Begins the picture of the panels of gather `name`. The caller frees the page, also after an error. */
sp_status sp_ladder_page_begin(sp_ladder_page *page, const char *name);

/* Draws the next rung: view->noise, of whose gather this share of the energy was removed. The clip is that of the
 * first. Errors: SP_ERR_MEMORY. */
sp_status sp_ladder_page_draw(sp_ladder_page *page, const sp_gather_view *view, double removed);

/* Writes the page, with a line of text at its top. Errors: SP_ERR_IO, SP_ERR_MEMORY. */
sp_status sp_ladder_page_write(sp_ladder_page *page, const char *line, const char *path);

void sp_ladder_page_free(sp_ladder_page *page);

#endif
