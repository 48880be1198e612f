/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/clock.h"

static double read_clock(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

double sp_now(void) {
  return read_clock(CLOCK_MONOTONIC);
}

double sp_wall_clock(void) {
  return read_clock(CLOCK_REALTIME);
}

struct timespec sp_time_after(double seconds) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  const double whole = (double)(time_t)seconds;
  at.tv_sec += (time_t)whole;
  at.tv_nsec += (long)(1e9 * (seconds - whole));
  at.tv_sec += at.tv_nsec / 1000000000;
  at.tv_nsec %= 1000000000;
  return at;
}

const char *sp_time_text(double seconds, char text[SP_TIME_TEXT]) {
  const time_t at = (time_t)seconds;
  struct tm parts;
  gmtime_r(&at, &parts);
  strftime(text, SP_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}
