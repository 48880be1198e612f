/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/stop.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t stop_signal;

static void note(int number) {
  stop_signal = number;
}

void sp_stop_install(void) {
  static const int signals[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2};
  struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) sigaction(signals[i], &action, NULL);
}

int sp_stop_signal(void) {
  return stop_signal;
}
