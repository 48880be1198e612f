/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/base/helper_thread.h"

#include <string.h>

#include "src/base/timed_wait.h"

void sp_helper_init(sp_helper_thread *helper) {
  *helper = (sp_helper_thread){.ending = false};
  pthread_mutex_init(&helper->lock, NULL);
  sp_cond_init(&helper->wake);
}

sp_status sp_helper_start(sp_helper_thread *helper, const char *name, const char *what, void *(*run)(void *),
                          void *context) {
  const int error = pthread_create(&helper->thread, NULL, run, context);
  if (error) return SP_RAISE(SP_ERR_MEMORY, "%s does not start: %s", what, strerror(error));
  helper->started = true;
  pthread_setname_np(helper->thread, name);
  return SP_SUCCESS;
}

bool sp_helper_is_ending(sp_helper_thread *helper) {
  pthread_mutex_lock(&helper->lock);
  const bool ending = helper->ending;
  pthread_mutex_unlock(&helper->lock);
  return ending;
}

void sp_helper_end(sp_helper_thread *helper) {
  if (helper->started) {
    pthread_mutex_lock(&helper->lock);
    helper->ending = true;
    pthread_cond_signal(&helper->wake);
    pthread_mutex_unlock(&helper->lock);
    pthread_join(helper->thread, NULL);
  }
  pthread_cond_destroy(&helper->wake);
  pthread_mutex_destroy(&helper->lock);
}
