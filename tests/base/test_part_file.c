/* SPDX-License-Identifier: BSD-3-Clause */
/* Outputs in the making: what is refused before any work, and that publishing replaces, and discarding removes. */
/* may warn */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "tests/base/small_file.h"

static char folder[] = "/tmp/seisproc-part-XXXXXX";

static const char *in_folder(const char *name) {
  static char path[256];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void publishes_over_what_was_there(void **state) {
  char path[256], *part = NULL;
  snprintf(path, sizeof path, "%s", in_folder("out.h5"));
  write_file(path, "old");
  assert_int_equal(sp_part_path(path, &part), SP_SUCCESS);
  assert_string_equal(part, in_folder("out.h5.part"));
  assert_holds(path, "old");
  write_file(part, "new");
  assert_int_equal(sp_part_publish(part, path), SP_SUCCESS);
  assert_holds(path, "new");
  assert_int_equal(access(part, F_OK), -1);
  assert_int_equal(sp_part_publish(part, path), SP_ERR_IO); /* no longer there */
  assert_holds(path, "new");
  sp_free(part);
  unlink(path);
}

static void a_name_without_a_folder_is_in_this_one(void **state) {
  char *part = NULL, *old = getcwd(NULL, 0);
  assert_int_equal(chdir(folder), 0);
  assert_int_equal(sp_part_path("plain.h5", &part), SP_SUCCESS);
  write_file(part, "x");
  assert_int_equal(sp_part_publish(part, "plain.h5"), SP_SUCCESS);
  assert_int_equal(chdir(old), 0);
  assert_holds(in_folder("plain.h5"), "x");
  unlink(in_folder("plain.h5"));
  sp_free(part);
  free(old);
}

static void discards(void **state) {
  char *part = NULL;
  assert_int_equal(sp_part_path(in_folder("gone.h5"), &part), SP_SUCCESS);
  write_file(part, "x");
  sp_part_discard(part);
  assert_int_equal(access(part, F_OK), -1);
  sp_part_discard(part);
  sp_part_discard(NULL);
  sp_free(part);
}

static void refuses_places_that_cannot_be_written(void **state) {
  char *part = NULL;
  assert_int_equal(sp_part_path(folder, &part), SP_ERR_USAGE);
  assert_int_equal(sp_part_path(in_folder("none/out.h5"), &part), SP_ERR_USAGE);
  assert_int_equal(sp_part_path("/proc/out.h5", &part), geteuid() ? SP_ERR_USAGE : SP_SUCCESS);
  if (geteuid() == 0) sp_free(part); /* access(2) lets root write anywhere */
}

int main(void) {
  if (!mkdtemp(folder)) return 1;
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(publishes_over_what_was_there),
      cmocka_unit_test(a_name_without_a_folder_is_in_this_one),
      cmocka_unit_test(discards),
      cmocka_unit_test(refuses_places_that_cannot_be_written),
  };
  const int failed = cmocka_run_group_tests(tests, NULL, NULL);
  rmdir(folder);
  return failed;
}
