/* SPDX-License-Identifier: BSD-3-Clause */
/* A survey file: made by one rank, written and read back by all, refused when it is not one. */
/* ranks: 1 3 */
/* may warn */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <hdf5.h>

#include "seisproc/dist.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/survey_file.h"
#include "seisproc/trace_store.h"
#include "tests/store/small_survey.h"

enum { N_TRACES = 103, N_SAMPLES = 17, N_GATHERS = 4 };

static char path[] = "/tmp/seisproc-test-XXXXXX";
static int rank, size;

static float sample(uint64_t trace, int i) {
  return (float)trace * 100 + (float)i;
}

static void create(void) {
  const sp_survey_info info = small_survey_info(N_TRACES, N_GATHERS, N_SAMPLES);
  const sp_dataset_spec datasets[] = {
      {"/traces", SP_FLOAT32, N_TRACES, N_SAMPLES, NULL},  {"/headers/offset", SP_INT32, N_TRACES, 0, "m"},
      {"/headers/cdpx", SP_FLOAT64, N_TRACES, 0, NULL},    {"/gathers/first_trace", SP_UINT64, N_GATHERS + 1, 0, NULL},
      {"/gathers/key", SP_INT64, N_GATHERS, 0, NULL},      {"/segy/trace_headers", SP_UINT8, N_TRACES, 240, NULL},
      {"/integrity/status", SP_UINT8, N_GATHERS, 0, NULL},
  };
  const sp_attribute_spec attributes[] = {
      {"/segy", "byte_order", SP_ATTR_TEXT, .text = "big"},
      {"/segy", "format", SP_ATTR_INT, .integer = -5},
      {"/integrity", "scale", SP_ATTR_REAL, .real = 0.1},
  };
  assert_int_equal(sp_survey_create(path, &info, datasets, 7, attributes, 3), SP_SUCCESS);
}

static void share(uint64_t *first, uint32_t *n) {
  /* the last rank has nothing where there are several */
  const int parts = size > 1 ? size - 1 : 1;
  *first = rank < parts ? (uint64_t)(N_TRACES * rank / parts) : 0;
  *n = rank < parts ? (uint32_t)(N_TRACES * (rank + 1) / parts - N_TRACES * rank / parts) : 0;
}

static void write_all(void **state) {
  (void)state;
  if (rank == 0) create();
  MPI_Barrier(MPI_COMM_WORLD);
  sp_survey *survey;
  /* the index is not written yet, so only the shape can be right */
  assert_int_equal(sp_survey_open(MPI_COMM_WORLD, path, true, &survey), SP_SUCCESS);
  sp_dataset *traces, *first_trace;
  assert_int_equal(sp_dataset_open(survey, "/traces", &traces), SP_SUCCESS);
  assert_int_equal(sp_dataset_open(survey, "/gathers/first_trace", &first_trace), SP_SUCCESS);
  assert_int_equal(sp_dataset_rows(traces), N_TRACES);
  assert_int_equal(sp_dataset_row_length(traces), N_SAMPLES);
  assert_int_equal(sp_dataset_row_length(first_trace), 1);
  uint64_t first;
  uint32_t n;
  share(&first, &n);
  float rows[N_TRACES * N_SAMPLES];
  for (uint32_t i = 0; i < n; i++) {
    for (int j = 0; j < N_SAMPLES; j++) rows[i * N_SAMPLES + (uint32_t)j] = sample(first + i, j);
  }
  assert_int_equal(sp_dataset_write(traces, first, n, rows), SP_SUCCESS);
  const uint64_t bounds[N_GATHERS + 1] = {0, 5, 5, 100, N_TRACES};
  assert_int_equal(sp_dataset_write(first_trace, 0, rank == 0 ? N_GATHERS + 1 : 0, bounds), SP_SUCCESS);
  assert_int_equal(sp_survey_sync(survey), SP_SUCCESS);
  sp_dataset_close(traces);
  sp_dataset_close(first_trace);
  sp_survey_close(survey);
}

static void read_back(void **state) {
  (void)state;
  sp_survey *survey;
  assert_int_equal(sp_survey_open(MPI_COMM_WORLD, path, false, &survey), SP_SUCCESS);
  const sp_survey_info *info = sp_survey_get_info(survey);
  assert_int_equal(info->n_gathers, N_GATHERS);
  assert_string_equal(info->gather_key, "cdp");
  assert_string_equal(info->history, "made by a test");
  sp_gather_index *index;
  assert_int_equal(sp_survey_read_index(survey, true, &index), SP_SUCCESS);
  assert_int_equal(index->max_traces, 95);
  sp_gather_index_destroy(index);

  sp_dataset *traces;
  assert_int_equal(sp_dataset_open(survey, "/traces", &traces), SP_SUCCESS);
  uint64_t first;
  uint32_t n;
  share(&first, &n);
  float rows[N_TRACES * N_SAMPLES];
  const uint64_t allocated = sp_alloc_count();
  assert_int_equal(sp_dataset_read(traces, first, n, rows), SP_SUCCESS);
  for (uint32_t i = 0; i < n * N_SAMPLES; i++) {
    assert_true(rows[i] == sample(first + i / N_SAMPLES, (int)(i % N_SAMPLES)));
  }
  assert_int_equal(sp_dataset_read_independent(traces, N_TRACES - 1, 1, rows), SP_SUCCESS);
  assert_true(rows[3] == sample(N_TRACES - 1, 3));
  assert_int_equal(sp_alloc_count(), allocated);
  sp_dataset_close(traces);

  int64_t format;
  double scale;
  assert_int_equal(sp_survey_get_int(survey, "/segy", "format", &format), SP_SUCCESS);
  assert_int_equal(sp_survey_get_real(survey, "/integrity", "scale", &scale), SP_SUCCESS);
  assert_true(format == -5 && scale == 0.1);
  assert_true(sp_survey_has(survey, "/headers/offset"));
  assert_false(sp_survey_has(survey, "/nothing/offset"));
  sp_survey_close(survey);
}

/* What a sink was given comes from a source, both ways, and only datasets of the survey's shape are traces. */
static void sinks_and_sources(void **state) {
  (void)state;
  sp_survey *survey;
  sp_trace_sink *sink;
  sp_trace_source *source;
  uint64_t first;
  uint32_t n;
  float rows[N_TRACES * N_SAMPLES], found[N_TRACES * N_SAMPLES];
  share(&first, &n);
  for (int collective = 0; collective < 2; collective++) {
    for (uint32_t i = 0; i < n * N_SAMPLES; i++) rows[i] = (float)(1000 * collective) + (float)(first * 31 + i);
    assert_int_equal(sp_survey_open(MPI_COMM_WORLD, path, true, &survey), SP_SUCCESS);
    assert_int_equal(sp_trace_sink_open(survey, "/traces", false, &sink), SP_SUCCESS);
    const sp_status status =
        collective ? sp_trace_sink_write(sink, first, n, rows) : sp_trace_sink_write_independent(sink, first, n, rows);
    assert_int_equal(status, SP_SUCCESS);
    sp_trace_sink_close(sink);
    sp_survey_close(survey);
    assert_int_equal(sp_survey_open(MPI_COMM_WORLD, path, false, &survey), SP_SUCCESS);
    assert_int_equal(sp_trace_source_open(survey, "/traces", &source), SP_SUCCESS);
    assert_int_equal(sp_trace_source_traces(source), N_TRACES);
    assert_int_equal(sp_trace_source_samples(source), N_SAMPLES);
    sp_trace_source_prefetch(source, first, n);
    assert_int_equal(sp_trace_source_read(source, first, n, found), SP_SUCCESS);
    assert_memory_equal(found, rows, n * N_SAMPLES * sizeof(float));
    memset(found, 0, sizeof found);
    assert_int_equal(sp_trace_source_read_independent(source, first, n, found), SP_SUCCESS);
    assert_memory_equal(found, rows, n * N_SAMPLES * sizeof(float));
    sp_trace_source_close(source);
    assert_int_equal(sp_trace_source_open(survey, "/headers/offset", &source), SP_ERR_INPUT);
    sp_survey_close(survey);
  }
}

static sp_status count_headers(const char *name, sp_type type, const char *units, void *context) {
  int *n = context;
  if (!strcmp(name, "offset")) assert_true(type == SP_INT32 && !strcmp(units, "m"));
  if (!strcmp(name, "cdpx")) assert_true(type == SP_FLOAT64 && !units);
  ++*n;
  return SP_SUCCESS;
}

static void names_headers(void **state) {
  (void)state;
  sp_survey *survey;
  int n = 0;
  assert_int_equal(sp_survey_open(MPI_COMM_NULL, path, false, &survey), SP_SUCCESS);
  assert_int_equal(sp_survey_each_header(survey, count_headers, &n), SP_SUCCESS);
  assert_int_equal(n, 2);
  sp_survey_close(survey);
}

/* The refusal's line goes to a string; on ranks but 0 nothing may be said. */
static void expect_refusal(const char *file, const char *phrase) {
  char text[1024] = "";
  FILE *stream = fmemopen(text, sizeof text, "w");
  sp_log_set_stream(stream);
  sp_survey *survey;
  assert_int_equal(sp_survey_open(MPI_COMM_WORLD, file, false, &survey), SP_ERR_INPUT);
  sp_log_set_stream(NULL);
  fclose(stream);
  if (rank == 0) {
    if (!strstr(text, phrase)) fail_msg("'%s' does not say '%s'", text, phrase);
    assert_ptr_equal(strchr(text, '\n'), strrchr(text, '\n'));
  } else {
    assert_string_equal(text, "");
  }
  MPI_Barrier(MPI_COMM_WORLD);
}

static void refuses_foreign_files(void **state) {
  (void)state;
  expect_refusal("/tmp", "a directory");
  expect_refusal("/tmp/no such survey.h5", "no such file");
  expect_refusal("/proc/self/exe", "not an HDF5 file");
  char foreign[] = "/tmp/seisproc-test-foreign.h5";
  if (rank == 0) {
    const hid_t file = H5Fcreate(foreign, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Gclose(H5Gcreate2(file, "/Acquisition", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Fclose(file);
  }
  MPI_Barrier(MPI_COMM_WORLD);
  expect_refusal(foreign, "/Acquisition");
  if (rank == 0) unlink(foreign);
}

int main(int argc, char **argv) {
  if (sp_comm_start(&argc, &argv) != SP_SUCCESS) return 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (rank == 0) close(mkstemp(path));
  MPI_Bcast(path, sizeof path, MPI_CHAR, 0, MPI_COMM_WORLD);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(write_all),
      cmocka_unit_test(read_back),
      cmocka_unit_test(names_headers),
      cmocka_unit_test(sinks_and_sources),
      cmocka_unit_test(refuses_foreign_files),
  };
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  MPI_Barrier(MPI_COMM_WORLD);
  if (rank == 0) unlink(path);
  sp_comm_finish();
  return failed;
}
