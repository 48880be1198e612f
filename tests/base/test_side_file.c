/* SPDX-License-Identifier: BSD-3-Clause */
/* Files beside an output: where they lie, and that none is opened which is not this program's own. */
/* may warn */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "seisproc/lock.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/side_file.h"
#include "tests/base/small_file.h"

static char old_folder[4096];

static void assert_path(const char *output, sp_side side, const char *expected) {
  char *path = NULL;
  assert_int_equal(sp_side_path(output, side, &path), SP_SUCCESS);
  assert_string_equal(path, expected);
  sp_free(path);
}

static void names(void **state) {
  assert_path("out.h5", SP_SIDE_PART, "out.h5.part");
  assert_path("a/out.h5", SP_SIDE_JOURNAL, "a/out.h5.journal");
  assert_path("/x y/out", SP_SIDE_LOCK, "/x y/out.lock");
  assert_path("out.h5", SP_SIDE_RUNS, "out.h5.runs");
  assert_path("out.h5", SP_SIDE_INFLIGHT, "out.h5.inflight");
}

static void names_behind_links(void **state) {
  char *path = NULL;
  assert_int_equal(mkdir("scratch", 0755), 0);
  assert_int_equal(mkdir("home", 0755), 0);
  assert_int_equal(symlink("../scratch/out.h5", "home/out.h5"), 0); /* not there yet */
  assert_int_equal(symlink("home/out.h5", "twice.h5"), 0);
  assert_path("home/out.h5", SP_SIDE_PART, "home/../scratch/out.h5.part");
  assert_path("twice.h5", SP_SIDE_LOCK, "home/../scratch/out.h5.lock");
  assert_int_equal(symlink("circle", "circle"), 0);
  assert_int_equal(sp_side_path("circle", SP_SIDE_PART, &path), SP_ERR_USAGE);
}

static void refuses(const char *path, int error) {
  errno = 0;
  assert_int_equal(sp_side_open(path, O_RDWR | O_CREAT), -1);
  assert_int_equal(errno, error);
  assert_int_equal(sp_side_create(path), -1);
  assert_int_equal(errno, error);
  assert_int_equal(sp_side_check(path), error);
  assert_null(sp_side_read(path));
  assert_true(strlen(sp_side_error(error)) > 8);
}

static void opens_nothing_but_files_of_its_own(void **state) {
  write_file("yours", "yours");
  assert_int_equal(symlink("yours", "link"), 0);
  assert_int_equal(symlink("nowhere", "dangling"), 0);
  assert_int_equal(link("yours", "second"), 0);
  assert_int_equal(mkdir("folder", 0755), 0);
  assert_int_equal(mkfifo("fifo", 0644), 0);
  refuses("link", ELOOP);
  refuses("dangling", ELOOP);
  refuses("second", EMLINK);
  refuses("folder", EISDIR);
  refuses("fifo", ENXIO); /* and waits for no reader */
  assert_holds("yours", "yours");
  assert_int_equal(access("nowhere", F_OK), -1);
}

static void new_files_are_new(void **state) {
  write_file("file", "old text");
  struct stat before, after;
  assert_int_equal(stat("file", &before), 0);
  const int old = open("file", O_RDONLY), fd = sp_side_create("file");
  assert_true(fd >= 0);
  assert_int_equal(write(fd, "new", 3), 3);
  close(fd);
  assert_int_equal(stat("file", &after), 0);
  assert_true(before.st_ino != after.st_ino);
  assert_holds("file", "new");
  close(old);
}

static void an_output_has_one_maker(void **state) {
  char *part = NULL, *other = NULL;
  sp_lock *lock = NULL, *second = NULL;
  write_file("one.h5.part", "left over");
  assert_int_equal(sp_part_begin("one.h5", &part, &lock), SP_SUCCESS);
  assert_int_equal(access(part, F_OK), -1);
  assert_int_equal(sp_part_begin("one.h5", &other, &second), SP_ERR_USAGE);
  assert_int_equal(symlink("one.h5", "alias.h5"), 0);
  assert_int_equal(sp_part_begin("alias.h5", &other, &second), SP_ERR_USAGE);
  write_file(part, "made");
  assert_int_equal(sp_part_publish(part, "alias.h5"), SP_SUCCESS);
  assert_holds("one.h5", "made");
  struct stat entry;
  assert_int_equal(lstat("alias.h5", &entry), 0);
  assert_true(S_ISLNK(entry.st_mode));
  sp_free(part);
  sp_lock_release(lock);
  assert_int_equal(access("one.h5.lock", F_OK), -1);
  assert_int_equal(chmod("one.h5", 0444), 0);
  assert_int_equal(sp_part_begin("one.h5", &part, &lock), SP_ERR_USAGE);
  assert_holds("one.h5", "made");
}

static int enter_folder(void **state) {
  static char folder[64];
  snprintf(folder, sizeof folder, "/tmp/seisproc-side-XXXXXX");
  return mkdtemp(folder) && getcwd(old_folder, sizeof old_folder) && chdir(folder) == 0 ? 0 : -1;
}

static int leave_folder(void **state) {
  char here[4096], command[5000];
  if (!getcwd(here, sizeof here) || chdir(old_folder)) return -1;
  snprintf(command, sizeof command, "rm -rf '%s'", here);
  return system(command);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(names, enter_folder, leave_folder),
      cmocka_unit_test_setup_teardown(names_behind_links, enter_folder, leave_folder),
      cmocka_unit_test_setup_teardown(opens_nothing_but_files_of_its_own, enter_folder, leave_folder),
      cmocka_unit_test_setup_teardown(new_files_are_new, enter_folder, leave_folder),
      cmocka_unit_test_setup_teardown(an_output_has_one_maker, enter_folder, leave_folder),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
