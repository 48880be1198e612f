/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/store/h5.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/dist.h"

void sp_h5_own_process(void) {
  H5dont_atexit();
}

void sp_h5_start(void) {
  /* Many parallel file systems have no flock; runs exclude each other by the journal. */
  setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0);
  H5open();
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

typedef struct error_text {
  char *text;
  size_t size;
  const char *words; /* looked for; NULL: none */
  bool found;
} error_text;

/* Of what HDF5 says of a system call, which is long and of several lines, the system's own words. */
static void shorten(error_text *out) {
  static const char mark[] = "error message = '";
  char *words = strstr(out->text, mark);
  if (words) memmove(out->text, words + strlen(mark), strlen(words + strlen(mark)) + 1);
  out->text[strcspn(out->text, words ? "'\n" : "\n")] = '\0';
}

static herr_t keep_innermost(unsigned n, const H5E_error2_t *error, void *context) {
  error_text *out = context;
  out->found |= out->words && error->desc && strstr(error->desc, out->words);
  if (n > 0) return 0;
  snprintf(out->text, out->size, "%s", error->desc ? error->desc : "no description");
  shorten(out);
  return 0;
}

bool sp_h5_error_names(const char *words, char *text, size_t size) {
  snprintf(text, size, "no description");
  error_text out = {.text = text, .size = size, .words = words};
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, &out);
  H5Eclear2(H5E_DEFAULT);
  return out.found;
}

void sp_h5_error_text(char *text, size_t size) {
  sp_h5_error_names(NULL, text, size);
}

sp_status sp_h5_check(int64_t result, const char *call, const char *file, int line) {
  if (result >= 0) return SP_SUCCESS;
  char text[256];
  sp_h5_error_text(text, sizeof text);
  return sp_raise(SP_ERR_IO, file, line, "%s: %s", call, text);
}

bool sp_h5_versions(char *built, size_t built_size, char *runs, size_t runs_size) {
  unsigned major = 0, minor = 0, release = 0;
  sp_h5_start();
  if (H5get_libversion(&major, &minor, &release) < 0) major = 0;
  snprintf(built, built_size, "%d.%d.%d", H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE);
  snprintf(runs, runs_size, "%u.%u.%u", major, minor, release);
#ifdef H5_HAVE_PARALLEL
  return true;
#else
  return false;
#endif
}

sp_status sp_survey_forward(const sp_survey *survey, sp_status status) {
  const bool others_wait = survey->comm != MPI_COMM_NULL && sp_ranks_of(survey->comm).size > 1;
  if (status == SP_ERR_MEMORY && others_wait) sp_comm_abort(status);
  return status;
}
