/* SPDX-License-Identifier: BSD-3-Clause */
/* What another process prints, with a time limit: a launcher or a library that hangs must not hang the doctor. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seisproc/clock.h"
#include "src/cli/doctor.h"

/* Reads until the other end closes; false where that takes longer than `seconds`. */
static bool read_all(int fd, int seconds, char *text, size_t size) {
  const double end = sp_now() + seconds;
  size_t n = 0;
  for (;;) {
    const int left = (int)(1e3 * (end - sp_now()));
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (left <= 0 || poll(&wait, 1, left) == 0) break;
    char more[4096];
    const ssize_t got = read(fd, more, sizeof more);
    if (got < 0 && errno == EINTR) continue;
    for (ssize_t i = 0; i < got && n + 1 < size; i++) text[n++] = more[i];
    text[n] = '\0';
    if (got <= 0) return true;
  }
  return false;
}

bool sp_capture(int (*child)(void *context), void *context, int seconds, char *text, size_t size) {
  int ends[2];
  text[0] = '\0';
  fflush(stdout);
  if (pipe(ends)) return false;
  const pid_t pid = fork();
  if (pid == 0) {
    setpgid(0, 0);
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    const int code = child(context);
    fflush(stdout);
    _exit(code);
  }
  close(ends[1]);
  const bool in_time = pid > 0 && read_all(ends[0], seconds, text, size);
  close(ends[0]);
  if (pid < 0) return false;
  if (!in_time) {
    if (kill(-pid, SIGKILL)) kill(pid, SIGKILL);
  }
  int how = 0;
  while (waitpid(pid, &how, 0) < 0 && errno == EINTR) {
  }
  return in_time && WIFEXITED(how) && WEXITSTATUS(how) == 0;
}

static int execute(void *context) {
  char *const *arguments = context;
  execvp(arguments[0], arguments);
  return 127;
}

bool sp_capture_program(const char *const *arguments, int seconds, char *text, size_t size) {
  return sp_capture(execute, (void *)(uintptr_t)arguments, seconds, text, size);
}
