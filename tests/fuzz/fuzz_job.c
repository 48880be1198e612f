/* SPDX-License-Identifier: BSD-3-Clause */
/* Job files and --set: text, then values to set, with a zero byte between them. A job that is taken can be written in
 * its fixed form, which says the same when it is read again. */
#include <stdlib.h>
#include <string.h>

#include "seisproc/job.h"
#include "seisproc/memory.h"
#include "tests/fuzz/fuzz.h"

enum { MAX_SET = 8 };

/* The fixed form with an input and an output is a job file, of the same job. */
static void check_fixed_form(const sp_job *job) {
  static const char files[] = "input: i.h5\noutput: o.h5\n";
  char *first = NULL, *second = NULL, difference[256];
  sp_job *again = NULL;
  FUZZ_CHECK(sp_job_canonical(job, &first) == SP_SUCCESS, "a job without a fixed form");
  char *text = malloc(sizeof files + strlen(first));
  if (!text) return;
  strcpy(text, files);
  strcpy(text + sizeof files - 1, first);
  FUZZ_CHECK(sp_job_parse("fixed.yaml", text, NULL, 0, &again) == SP_SUCCESS, "a fixed form that is no job");
  FUZZ_CHECK(sp_job_canonical(again, &second) == SP_SUCCESS, "a job without a fixed form");
  FUZZ_CHECK(!sp_job_difference(first, second, difference, sizeof difference), "a fixed form that says something else");
  sp_job_destroy(again);
  sp_free(second);
  sp_free(first);
  free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *set[MAX_SET];
  size_t n = 0;
  fuzz_folder();
  char *text = malloc(size + 1);
  if (!text) return 0;
  memcpy(text, data, size);
  text[size] = '\0';
  for (char *at = text + strlen(text); at < text + size && n < MAX_SET; at += strlen(at)) set[n++] = ++at;
  sp_job *job = NULL;
  if (sp_job_parse("job.yaml", text, set, n, &job) == SP_SUCCESS) {
    check_fixed_form(job);
    sp_job_destroy(job);
  }
  free(text);
  return 0;
}
