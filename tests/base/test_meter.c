/* SPDX-License-Identifier: BSD-3-Clause */
/* The progress line: when it is due, what a narrow terminal shows of it, how it ends, and that it can be silent. */
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "seisproc/meter.h"

/* What `show` writes to standard error. */
static void capture(void (*show)(void), char *text, size_t size) {
  FILE *file = tmpfile();
  assert_non_null(file);
  fflush(stderr);
  const int kept = dup(STDERR_FILENO);
  assert_true(kept >= 0 && dup2(fileno(file), STDERR_FILENO) >= 0);
  show();
  fflush(stderr);
  dup2(kept, STDERR_FILENO);
  close(kept);
  rewind(file);
  text[fread(text, 1, size - 1, file)] = '\0';
  fclose(file);
}

/* What a terminal was sent, whose other end is closed: it comes in pieces, and an error ends it. */
static void read_all(int master, char *text, size_t size) {
  size_t used = 0;
  for (ssize_t n; (n = read(master, text + used, size - 1 - used)) > 0;) used += (size_t)n;
  text[used] = '\0';
}

static const char parts[3][SP_METER_PART] = {"10 of 20 cubes", "3 s left", "1 GB/s"};

static void show_parts(void) {
  sp_meter meter = sp_meter_start(true);
  sp_meter_show(&meter, 3, parts);
  sp_meter_end(&meter, false);
}

static void show_silently(void) {
  sp_meter meter = sp_meter_start(false);
  meter.shown_at -= 100;
  assert_false(sp_meter_is_due(&meter));
  sp_meter_show(&meter, 3, parts);
  sp_meter_show_traces(&meter, "import", 0.5, 100, 4000);
  sp_meter_end(&meter, true);
}

static void show_traces(void) {
  sp_meter meter = sp_meter_start(true);
  meter.started_at -= 10;
  sp_meter_show_traces(&meter, "import", 0.25, 1000, 4000000); /* not due */
  meter.shown_at -= 100;
  sp_meter_show_traces(&meter, "import", 0, 1000, 4000000); /* of nothing no rate follows */
  sp_meter_show_traces(&meter, "import", 0.25, 1000, 4000000);
  assert_false(sp_meter_is_due(&meter));
  sp_meter_end(&meter, true);
}

static void a_terminal_gets_what_it_has_room_for(void **state) {
  char text[512];
  setenv("SEISPROC_TERMINAL", "80", 1);
  capture(show_parts, text, sizeof text);
  assert_string_equal(text, "\r\033[?7l\033[K10 of 20 cubes, 3 s left, 1 GB/s\033[?7h\r\033[K");
  setenv("SEISPROC_TERMINAL", "25", 1); /* "10 of 20 cubes, 3 s left" has 24 characters, and the last column is free */
  capture(show_parts, text, sizeof text);
  assert_string_equal(text, "\r\033[?7l\033[K10 of 20 cubes, 3 s left\033[?7h\r\033[K");
  setenv("SEISPROC_TERMINAL", "24", 1);
  capture(show_parts, text, sizeof text);
  assert_string_equal(text, "\r\033[?7l\033[K10 of 20 cubes\033[?7h\r\033[K");
}

/* A terminal that becomes narrower in the midst: the next line fits it, and what stood there is taken away. */
static void a_resize_is_heeded(void **state) {
  struct winsize size = {.ws_row = 24, .ws_col = 80};
  char text[512];
  int master, terminal;
  assert_int_equal(openpty(&master, &terminal, NULL, NULL, &size), 0);
  unsetenv("SEISPROC_TERMINAL");
  fflush(stderr);
  const int kept = dup(STDERR_FILENO);
  assert_true(kept >= 0 && dup2(terminal, STDERR_FILENO) >= 0);
  sp_meter meter = sp_meter_start(true);
  sp_meter_show(&meter, 3, parts);
  size.ws_col = 25;
  const int resized = ioctl(master, TIOCSWINSZ, &size);
  sp_meter_show(&meter, 3, parts);
  sp_meter_end(&meter, false);
  fflush(stderr);
  dup2(kept, STDERR_FILENO);
  close(kept);
  assert_int_equal(resized, 0);
  close(terminal);
  read_all(master, text, sizeof text);
  assert_string_equal(text, "\r\033[?7l\033[K10 of 20 cubes, 3 s left, 1 GB/s\033[?7h"
                            "\r\033[?7l\033[K10 of 20 cubes, 3 s left\033[?7h\r\033[K");
  close(master);
}

static void a_log_gets_lines(void **state) {
  char text[512];
  setenv("SEISPROC_TERMINAL", "0", 1);
  capture(show_parts, text, sizeof text);
  assert_string_equal(text, "seisproc: 10 of 20 cubes, 3 s left, 1 GB/s\n");
}

static void traces_are_shown_with_rate_and_time_left(void **state) {
  char text[512];
  setenv("SEISPROC_TERMINAL", "0", 1);
  capture(show_traces, text, sizeof text);
  assert_string_equal(text, "seisproc: import: 25% of 1000 traces, 0.10 GB/s, 30 s left\n");
}

static void silence_is_silent(void **state) {
  char text[512];
  setenv("SEISPROC_TERMINAL", "80", 1);
  capture(show_silently, text, sizeof text);
  assert_string_equal(text, "");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_terminal_gets_what_it_has_room_for),
      cmocka_unit_test(a_resize_is_heeded),
      cmocka_unit_test(a_log_gets_lines),
      cmocka_unit_test(traces_are_shown_with_rate_and_time_left),
      cmocka_unit_test(silence_is_silent),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
