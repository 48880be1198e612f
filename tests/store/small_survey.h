/* SPDX-License-Identifier: BSD-3-Clause */
/* What the surveys that tests and benches make by themselves have in common. */
#ifndef SEISPROC_TESTS_STORE_SMALL_SURVEY_H
#define SEISPROC_TESTS_STORE_SMALL_SURVEY_H

#include "seisproc/survey_file.h"

/* Of gathers by CDP, at 2 ms. */
static inline sp_survey_info small_survey_info(uint64_t n_traces, uint64_t n_gathers, uint32_t n_samples) {
  return (sp_survey_info){.n_traces = n_traces,
                          .n_gathers = n_gathers,
                          .n_samples = n_samples,
                          .sample_interval_us = 2000,
                          .uuid = "00000000-0000-4000-8000-000000000000",
                          .created_by = "test",
                          .gather_key = "cdp",
                          .content = "input",
                          .history = "made by a test"};
}

/* One gather, with samples and noise that nobody has written yet. Not collective. */
static inline sp_status small_survey_create(const char *path, uint64_t n_traces, uint32_t n_samples) {
  const sp_survey_info info = small_survey_info(n_traces, 1, n_samples);
  const sp_dataset_spec datasets[] = {{"/traces", SP_FLOAT32, n_traces, n_samples, NULL},
                                      {"/noise", SP_FLOAT32, n_traces, n_samples, NULL},
                                      {"/gathers/first_trace", SP_UINT64, 2, 0, NULL},
                                      {"/gathers/key", SP_INT64, 1, 0, NULL}};
  return sp_survey_create(path, &info, datasets, sizeof datasets / sizeof *datasets, NULL, 0);
}

#endif
