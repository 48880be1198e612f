/* SPDX-License-Identifier: BSD-3-Clause */
/* Files of a few words, for tests of what becomes of files. */
#ifndef SEISPROC_TESTS_BASE_SMALL_FILE_H
#define SEISPROC_TESTS_BASE_SMALL_FILE_H

static inline void write_file(const char *path, const char *text) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  assert_int_equal(fclose(file), 0);
}

static inline void assert_holds(const char *path, const char *expected) {
  char text[64] = "";
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  assert_true(fread(text, 1, sizeof text - 1, file) == strlen(expected));
  fclose(file);
  assert_string_equal(text, expected);
}

#endif
