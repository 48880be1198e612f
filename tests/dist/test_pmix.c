/* SPDX-License-Identifier: BSD-3-Clause */
/* ranks: 3 */
/* may warn */
/* What the launcher tells through PMIx: the job's name, the same on all ranks; the time that Slurm
 * leaves. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "seisproc/dist.h"
#include "src/dist/time_left.h"

enum { SKIPPED = 77, ID_SIZE = 128 };

static void test_texts_of_slurm(void **state) {
  (void)state;
  static const struct {
    const char *text;
    double seconds;
  } cases[] = {
      {"0:00", 0},
      {"1:40\n", 100},
      {"59:59", 3599},
      {"1:00:00", 3600},
      {"23:59:59", 86399},
      {"2-00:00:00\n", 172800},
      {"1-12:00:05", 129605},
      {"365-00:00:00", 31536000},
      {"UNLIMITED", -1},
      {"NOT_SET\n", -1},
      {"INVALID", -1},
      {"", -1},
      {"\n", -1},
      {"100", -1},
      {"1-2", -1},
      {"1-2:3", -1},
      {"1:2:3:4", -1},
      {"1:", -1},
      {"1:2x", -1},
      {"-1:00", -1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const double found = sp_slurm_seconds(cases[i].text);
    assert_true(cases[i].seconds < 0 ? isinf(found) : found == cases[i].seconds);
  }
}

static void test_time_left(void **state) {
  (void)state;
  char text[32];
  unsetenv("SLURM_JOB_ID");
  unsetenv("SLURM_JOB_END_TIME");
  assert_true(isinf(sp_time_left()));
  snprintf(text, sizeof text, "%lld", (long long)time(NULL) + 100);
  setenv("SLURM_JOB_END_TIME", text, 1);
  assert_true(sp_time_left() > 90 && sp_time_left() <= 100);
  snprintf(text, sizeof text, "%lld", (long long)time(NULL) - 100);
  setenv("SLURM_JOB_END_TIME", text, 1);
  assert_true(isinf(sp_time_left())); /* left from an earlier job */
  setenv("SLURM_JOB_END_TIME", "soon", 1);
  assert_true(isinf(sp_time_left()));
}

#ifdef SP_HAVE_PMIX

#include <dlfcn.h>

static void test_job_id(void **state) {
  (void)state;
  char id[ID_SIZE] = "", first[ID_SIZE], short_id[3] = "";
  assert_true(sp_comm_job_id(id, sizeof id));
  assert_true(strlen(id) > 0);
  memcpy(first, id, sizeof first);
  assert_int_equal(MPI_Bcast(first, sizeof first, MPI_CHAR, 0, MPI_COMM_WORLD), MPI_SUCCESS);
  assert_string_equal(id, first);
  assert_true(sp_comm_job_id(short_id, sizeof short_id));
  assert_int_equal(strncmp(short_id, id, 2), 0);
}

static bool is_there(void) {
  return dlopen("libpmix.so.2", RTLD_NOLOAD | RTLD_NOW) != NULL;
}

static int run_with_pmix(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_job_id), cmocka_unit_test(test_texts_of_slurm),
                                     cmocka_unit_test(test_time_left)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static bool is_there(void) {
  return false;
}

static int run_with_pmix(void) {
  return 0;
}

#endif

static int run_without_pmix(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts_of_slurm), cmocka_unit_test(test_time_left)};
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  puts("MPI has loaded no PMIx library, or seisproc was built without its headers");
  return failed ? failed : SKIPPED;
}

int main(int argc, char **argv) {
  if (sp_comm_start(&argc, &argv) != SP_SUCCESS) return 1;
  const int result = is_there() ? run_with_pmix() : run_without_pmix();
  sp_comm_finish();
  return result;
}
