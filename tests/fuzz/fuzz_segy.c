/* SPDX-License-Identifier: BSD-3-Clause */
/* SEG-Y and SU in and out again. The first bytes choose options, the rest is the file. What is imported must come out
 * with the same bytes when it is exported as it came, and may come out in any other form. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/export.h"
#include "seisproc/import.h"
#include "seisproc/memory.h"
#include "tests/fuzz/fuzz.h"

enum { N_OPTIONS = 4 };

static void export_otherwise(const char *survey, uint8_t choice) {
  static const int formats[] = {1, 2, 3, 5, 6, 8, 10, 16};
  const sp_export_options options = {.input = survey,
                                     .output = fuzz_path("other"),
                                     .dataset = "traces",
                                     .kind = choice & 8 ? SP_KIND_SU : SP_KIND_SEGY,
                                     .format = choice & 8 ? 0 : formats[choice & 7],
                                     .quiet = true};
  sp_export(MPI_COMM_NULL, &options);
  unlink(options.output);
}

static void check_round_trip(const char *survey, const uint8_t *file, size_t n) {
  size_t found;
  const sp_export_options options = {.input = survey, .output = fuzz_path("out"), .dataset = "traces", .quiet = true};
  FUZZ_CHECK(sp_export(MPI_COMM_NULL, &options) == SP_SUCCESS, "what was imported cannot be exported");
  uint8_t *bytes = fuzz_read(options.output, &found);
  FUZZ_CHECK(bytes && found == n && !memcmp(bytes, file, n), "the bytes that came out are others than went in");
  free(bytes);
  unlink(options.output);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const keys[] = {"none", "fldr", "cdp", "tracf", "offset", "iline", "ep", "gx"};
  if (size < N_OPTIONS || size > 1 << 16) return 0;
  const char *input = fuzz_path("in"), *survey = fuzz_path("survey.h5");
  const uint8_t *file = data + N_OPTIONS;
  const size_t n = size - N_OPTIONS;
  fuzz_write(input, file, n);
  sp_import_options options = {.input = input, .output = survey, .quiet = true};
  const uint8_t key = data[0] & 15;
  if (key) options.gather[options.n_gather++] = keys[key & 7];
  if (data[0] & 16) options.sort[options.n_sort++] = keys[(data[0] >> 5) & 7];
  options.derive_offset = data[1] & 1;
  options.hints.kind = data[1] & 2 ? data[1] & 4 ? SP_KIND_SU : SP_KIND_SEGY : SP_KIND_AUTO;
  if (data[2] & 1) options.hints.n_samples = data[2] >> 1;
  if (sp_import(MPI_COMM_NULL, &options) == SP_SUCCESS) {
    const bool as_it_came = !options.n_sort && !key && !options.derive_offset; /* what was derived is written */
    if (as_it_came) check_round_trip(survey, file, n);
    export_otherwise(survey, data[3]);
    unlink(survey);
  }
  unlink(input);
  return 0;
}
