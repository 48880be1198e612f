/* SPDX-License-Identifier: BSD-3-Clause */
/* What a picture shows of a survey: gathers before and after a job, with their noise.
 *
 * A survey that a job wrote is looked at beside its input: what was before is in /traces + /noise where both are there,
 * else in the input, found by the uuid that the output holds, in the order that /sort_map says. What cannot be matched
 * is refused, never drawn. One process opens all; nothing is collective. */
#ifndef SEISPROC_SRC_QC_GATHER_VIEW_H
#define SEISPROC_SRC_QC_GATHER_VIEW_H

#include "seisproc/header_column.h"
#include "seisproc/survey_file.h"
#include "seisproc/trace_store.h"

typedef struct sp_view_source {
  char *path;
  sp_survey *survey;
  sp_gather_index *index;          /* with keys */
  sp_trace_source *traces, *noise; /* noise NULL: the survey has none */
  sp_dataset *sort_map;            /* NULL: the order is the input's */
  bool holds_noise;                /* /traces is noise */
  bool is_input;                   /* no job wrote it */
  sp_survey *against;              /* the input; NULL: not at hand */
  sp_trace_source *against_traces;
  char *against_path;
  char unit[16]; /* of lengths: "m", "ft", ...; "" where the survey does not tell */
} sp_view_source;

/* Opens a survey, of it some gathers (selection.h; NULL: all) and, where it is the output of a job, its input:
 * `against`, or (NULL) the one that the history beside it names, where that is still there. The source is all zero at
 * first; the caller closes it, also after an error. Errors: SP_ERR_INPUT, one line, also where `against` is not its
 * input. */
sp_status sp_view_open(const char *path, const char *gathers, const char *against, sp_view_source *source);
void sp_view_close(sp_view_source *source);

/* A gather, or every step-th trace of one that is large. */
typedef struct sp_gather_view {
  sp_global gather;
  char name[SP_GATHER_TEXT]; /* "fldr 840" */
  sp_local n_traces, step;   /* traces shown; every step-th of the gather's */
  sp_local first_trace;      /* of the gather that is shown, from 0 */
  uint32_t n_samples;
  double t0, dt;                 /* s, of the first sample and between samples */
  float *before, *after, *noise; /* [n_traces][n_samples]; NULL: not at hand */
  double *offset;                /* [n_traces]; NULL: there is none, or it is the same everywhere */
  sp_global n_not_finite;        /* samples of all three that are drawn as zero */
  bool delays_differ;            /* by more than the record: drawn without them */
} sp_gather_view;

/* Reads gather number `gather`. The caller frees the view. Errors: SP_ERR_INPUT, SP_ERR_IO. */
sp_status sp_view_load(const sp_view_source *source, sp_global gather, sp_gather_view *view);
void sp_view_free(sp_gather_view *view);

/* The same of an input, with noise that was computed elsewhere: noise[traces of the gather][n_samples], of which trace
 * i is what was trace order[i] of the input's gather (NULL: i). `before` and `after` are not at hand. */
sp_status sp_view_of_noise(const sp_view_source *source, sp_global gather, const float *noise, const sp_local *order,
                           sp_gather_view *view);

/* Keeps the samples from t0 to t1 (s) and the traces whose offset is from x0 to x1; NAN: no limit. Errors: SP_ERR_USAGE
 * where nothing is left. */
sp_status sp_view_crop(sp_gather_view *view, double t0, double t1, double x0, double x1);

/* Finds a gather: "840", "fldr=840", "100,200" (two keys), or "#12", its number from 0. Errors: SP_ERR_USAGE, one line
 * with what there is. */
sp_status sp_view_find(const sp_view_source *source, const char *text, sp_global *gather);

/* Reads a column of traces first ... first + n - 1; *values is NULL where the survey has none of that name. The caller
 * owns it. */
sp_status sp_view_column(const sp_view_source *source, const char *name, sp_global first, sp_local n, double **values);

/* sum noise^2 / sum before^2; NAN where there is no such. */
double sp_view_removed(const sp_gather_view *view);

#endif
