/* SPDX-License-Identifier: BSD-3-Clause */
/* Parses job text and keeps what was logged, for the tests of job files. */
#ifndef SEISPROC_TESTS_JOB_LOG_H
#define SEISPROC_TESTS_JOB_LOG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/job.h"
#include "seisproc/log.h"

typedef struct job_log {
  sp_status status;
  sp_job *job; /* or NULL */
  char *log;   /* what was logged; release with job_log_clear */
} job_log;

static inline job_log job_log_parse(const char *text, const char *const *overrides, size_t n) {
  job_log result = {0};
  size_t size;
  FILE *stream = open_memstream(&result.log, &size);
  sp_log_set_stream(stream);
  result.status = sp_job_parse("job.yaml", text, overrides, n, &result.job);
  sp_log_set_stream(NULL);
  fclose(stream);
  return result;
}

static inline void job_log_clear(job_log *result) {
  sp_job_destroy(result->job);
  free(result->log);
  *result = (job_log){0};
}

#endif
