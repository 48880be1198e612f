/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/backoff.h"

#include <time.h>

void sp_backoff_sleep(sp_backoff *backoff) {
  enum { FIRST_US = 20, MOST_US = 3000, SECOND_US = 1000000 };
  const unsigned most = backoff->most_us ? backoff->most_us : MOST_US;
  backoff->us = backoff->us ? backoff->us + backoff->us / 4 : FIRST_US;
  if (backoff->us > most) backoff->us = most;
  const struct timespec pause = {.tv_sec = backoff->us / SECOND_US, .tv_nsec = 1000L * (backoff->us % SECOND_US)};
  nanosleep(&pause, NULL);
}

void sp_backoff_reset(sp_backoff *backoff) {
  backoff->us = 0;
}
