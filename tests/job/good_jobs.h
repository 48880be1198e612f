/* SPDX-License-Identifier: BSD-3-Clause */
/* Good jobs for tests: the same one in two spellings, and parsing that must succeed. */
#ifndef SEISPROC_TESTS_JOB_GOOD_JOBS_H
#define SEISPROC_TESTS_JOB_GOOD_JOBS_H

#include "tests/job/job_log.h"

#define PATHS "input: a.h5\noutput: b.h5\n"

/* The job of design and docs, twice: the same job in two spellings. */
static const char plain[] = "input: survey.h5\n"
                            "output: survey-denoised.h5\n"
                            "mode: both                 # processed | noise | both\n"
                            "sort: [cdp, offset]\n"
                            "chain:\n"
                            "  - mute: {velocity: 1500, taper: 30, where: top}\n"
                            "  - dwt: {wavelet: db4, transform: swt, level: auto, threshold: garrote, k: 2.5}\n"
                            "on_error: zero\n"
                            "engine: auto\n";

static const char reordered[] = "# another spelling\n"
                                "on_error: \"zero\"\n"
                                "workers: 7\n"
                                "threads: 3\n"
                                "io_ranks: 2\n"
                                "slots: 5\n"
                                "slab_mb: 64\n"
                                "commit_interval: 2.5\n"
                                "engine: cpu\n"
                                "chain:\n"
                                "- mute:\n"
                                "    where: 'top'\n"
                                "    velocity: 1.5e3\n"
                                "    taper: 30.0\n"
                                "- dwt:\n"
                                "    k: 25e-1\n"
                                "sort:\n"
                                "- cdp\n"
                                "- offset\n"
                                "mode: both\n"
                                "output: elsewhere.h5\n"
                                "input: \"a file.h5\"\n";

static inline sp_job *parse_with(const char *text, const char *const *overrides, size_t n) {
  job_log result = job_log_parse(text, overrides, n);
  if (result.status != SP_SUCCESS) fail_msg("refused:\n%s\n%s", text, result.log);
  assert_string_equal(result.log, "");
  free(result.log);
  return result.job;
}

static inline sp_job *parse(const char *text) {
  return parse_with(text, NULL, 0);
}

static inline char *canonical(const sp_job *job) {
  char *text = NULL;
  assert_int_equal(sp_job_canonical(job, &text), SP_SUCCESS);
  return text;
}

#endif
