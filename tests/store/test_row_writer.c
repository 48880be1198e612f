/* SPDX-License-Identifier: BSD-3-Clause */
/* may warn */
/* Rows of all lengths and places, in memory that is aligned with the file and that is not, come to the file and
 * nowhere else. Run where the build is, on a disk, and in memory-backed storage, which may take no direct writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "seisproc/row_writer.h"
#include "tests/store/small_survey.h"

enum { N_TRACES = 4000, N_SAMPLES = 101, ROW = N_SAMPLES * sizeof(float), BYTES = N_TRACES * ROW };

static char *expected, *memory, *found;

static uint32_t next(uint32_t *state, uint32_t below) {
  *state = *state * 1664525u + 1013904223u;
  return (uint32_t)((uint64_t)*state * below >> 32);
}

/* Writes the rows of `expected` from memory that begins `shift` bytes behind where it would need no copy. */
static void write_some(sp_row_writer *writer, sp_global first, sp_local n, size_t shift) {
  char *rows = memory + (sp_row_page_offset(first, ROW) + shift) % SP_PAGE;
  memcpy(rows, expected + first * ROW, n * ROW);
  assert_int_equal(sp_row_writer_write(writer, first, n, rows), SP_SUCCESS);
}

static void write_all(sp_row_writer *writer, uint32_t seed) {
  for (sp_global first = 0; first < N_TRACES;) {
    const sp_global left = N_TRACES - first;
    const sp_local wanted = next(&seed, 4) ? next(&seed, 700) : next(&seed, 12);
    const sp_local n = wanted < left ? wanted : (sp_local)left;
    write_some(writer, first, n, next(&seed, 3) ? 0 : 4 * next(&seed, SP_PAGE / 4));
    first += n;
  }
}

static void check(sp_dataset *dataset) {
  memset(found, 0xee, BYTES);
  assert_int_equal(sp_dataset_read_independent(dataset, 0, N_TRACES, found), SP_SUCCESS);
  assert_memory_equal(found, expected, BYTES);
}

static void write_and_check(const char *folder, bool direct) {
  char path[200];
  snprintf(path, sizeof path, "%s/seisproc-test-XXXXXX", folder);
  close(mkstemp(path));
  assert_int_equal(small_survey_create(path, N_TRACES, N_SAMPLES), SP_SUCCESS);
  sp_survey *survey;
  sp_dataset *traces, *noise;
  sp_row_writer *writer, *other;
  assert_int_equal(sp_survey_open(MPI_COMM_NULL, path, true, &survey), SP_SUCCESS);
  assert_int_equal(sp_dataset_open(survey, "/traces", &traces), SP_SUCCESS);
  assert_int_equal(sp_dataset_open(survey, "/noise", &noise), SP_SUCCESS);
  assert_int_equal(sp_dataset_file_offset(traces) % SP_PAGE, 0);
  assert_int_equal(sp_dataset_file_offset(noise) % SP_PAGE, 0);
  assert_int_equal(sp_row_writer_create(traces, direct, &writer), SP_SUCCESS);
  assert_int_equal(sp_row_writer_create(noise, direct, &other), SP_SUCCESS);
  for (uint32_t seed = 1; seed < 8; seed++) {
    for (size_t i = 0; i < BYTES; i++) expected[i] = (char)(i * seed % 251);
    write_all(writer, seed);
    write_all(other, seed + 100);
    check(traces);
    check(noise);
  }
  assert_int_not_equal(sp_row_writer_write(writer, N_TRACES, 1, memory), SP_SUCCESS);
  sp_row_writer_destroy(other);
  sp_row_writer_destroy(writer);
  sp_dataset_close(noise);
  sp_dataset_close(traces);
  sp_survey_close(survey);
  unlink(path);
}

static void on_a_disk(void **state) {
  write_and_check(*state, true);
  write_and_check(*state, false);
}

static void in_memory(void **state) {
  write_and_check("/dev/shm", true);
}

int main(void) {
  const char *build = getenv("SEISPROC_BUILD");
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_prestate(on_a_disk, (void *)(uintptr_t)(build ? build : ".")),
      cmocka_unit_test(in_memory),
  };
  expected = malloc(BYTES);
  found = malloc(BYTES);
  memory = aligned_alloc(SP_PAGE, 800 * 1024);
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  free(memory);
  free(found);
  free(expected);
  return failed;
}
