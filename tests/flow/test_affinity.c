/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker stays on the cores that the system says are near its GPU, as far as it may use them. */
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "src/device/affinity.h"

static char root[] = "/tmp/sp_near_XXXXXX";
static char list_path[256];

static int make_tree(void **state) {
  static const char *const folders[] = {"/bus", "/bus/pci", "/bus/pci/devices", "/bus/pci/devices/0000:3b:00.0"};
  char path[200];
  (void)state;
  if (!mkdtemp(root)) return -1;
  for (size_t i = 0; i < 4; i++) {
    snprintf(path, sizeof path, "%s%s", root, folders[i]);
    if (mkdir(path, 0700)) return -1;
  }
  snprintf(list_path, sizeof list_path, "%s/local_cpulist", path);
  return 0;
}

static int remove_tree(void **state) {
  static const char *const folders[] = {"/bus/pci/devices/0000:3b:00.0", "/bus/pci/devices", "/bus/pci", "/bus", ""};
  char path[200];
  (void)state;
  unlink(list_path);
  for (size_t i = 0; i < 5; i++) {
    snprintf(path, sizeof path, "%s%s", root, folders[i]);
    rmdir(path);
  }
  return 0;
}

/* With this list; cores that this thread may use afterwards go to *left. */
static int stay(const char *list, cpu_set_t *left) {
  FILE *stream = fopen(list_path, "w");
  assert_non_null(stream);
  fputs(list, stream);
  fclose(stream);
  const int count = sp_stay_near_device(root, "0000:3B:00.0");
  assert_int_equal(sched_getaffinity(0, sizeof *left, left), 0);
  return count;
}

static void test_what_changes_nothing(void **state) {
  (void)state;
  cpu_set_t before, after;
  assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
  assert_int_equal(sp_stay_near_device(root, "0000:3C:00.0"), 0);
  static const char *const lists[] = {"", "\n", "none\n", "60000-60005\n", "70000,60001\n", "5-4\n"};
  for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
    assert_int_equal(stay(lists[i], &after), 0);
    assert_true(CPU_EQUAL(&before, &after));
  }
}

static void test_stays(void **state) {
  (void)state;
  cpu_set_t before, after;
  char list[64];
  assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
  assert_int_equal(stay("0-65535\n", &after), CPU_COUNT(&before));
  assert_true(CPU_EQUAL(&before, &after));
  int last = 0;
  for (int core = 0; core < CPU_SETSIZE; core++) last = CPU_ISSET(core, &before) ? core : last;
  snprintf(list, sizeof list, "60000,%d-%d\n", last, last + 3);
  assert_int_equal(stay(list, &after), 1);
  assert_int_equal(CPU_COUNT(&after), 1);
  assert_true(CPU_ISSET(last, &after));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_changes_nothing), cmocka_unit_test(test_stays)};
  return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
