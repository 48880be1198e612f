/* What a run looks like: plain data that rank 0 works out and shares. Private to seisproc. */
#ifndef SEISPROC_SRC_RUN_RUN_SHAPE_H
#define SEISPROC_SRC_RUN_RUN_SHAPE_H

#include "seisproc/gather_index.h"
#include "seisproc/job.h"
#include "seisproc/survey_file.h"

typedef struct sp_run_shape {
  sp_global n_traces, n_gathers;
  uint32_t n_samples;
  double sample_interval_s;
  sp_local max_gather;  /* traces of the largest gather */
  sp_local slab_traces; /* largest range dealt */
  sp_local slab_gathers;
  int n_slots; /* output slots a worker */
} sp_run_shape;

/* Not collective. Errors: SP_ERR_INPUT, one line, when the survey lacks a trace header that the job needs. */
sp_status sp_run_shape_work_out(const sp_job *job, int n_workers, const sp_survey *survey, const sp_gather_index *index,
                                sp_run_shape *out);

#endif
