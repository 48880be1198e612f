/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/base/orphan.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "seisproc/log.h"
#include "seisproc/status.h"

static void *look(void *argument) {
  const pid_t parent = (pid_t)(intptr_t)argument;
  const struct timespec pause = {.tv_nsec = 200 * 1000 * 1000};
  while (getppid() == parent) nanosleep(&pause, NULL);
  _exit(SP_EXIT_RESUMABLE);
}

void sp_orphan_end(void) {
  pthread_t thread;
  const int error = pthread_create(&thread, NULL, look, (void *)(intptr_t)getppid());
  if (error) {
    sp_warn("nobody looks whether the launcher lives: %s", strerror(error));
    return;
  }
  pthread_setname_np(thread, "sp-orphan");
  pthread_detach(thread);
}
