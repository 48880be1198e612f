/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/base/crash.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS};

enum { N_SIGNALS = sizeof signals / sizeof signals[0], LINE_SIZE = 128 };

static struct {
  int fd, rank;
  bool on;
  atomic_flag taken; /* by the first thread that faults */
  struct {
    atomic_ullong first, n;
    atomic_uint trial;
  } slabs[SP_CRASH_SLABS];
  struct sigaction before[N_SIGNALS];
} crash = {.fd = -1};

static _Thread_local volatile bool is_computing;

/* Appends a number in decimal digits; snprintf is not for signal handlers. */
static char *put_number(char *at, unsigned long long value) {
  char digits[24];
  int n = 0;
  do {
    digits[n++] = (char)('0' + value % 10);
    value /= 10;
  } while (value);
  *at++ = ' ';
  while (n) *at++ = digits[--n];
  return at;
}

static void leave_line(int signal, unsigned long long first, unsigned long long n, unsigned trial) {
  static const char word[] = "crash";
  char line[LINE_SIZE], *at = line + sizeof word - 1;
  memcpy(line, word, sizeof word - 1);
  at = put_number(at, (unsigned long long)crash.rank);
  at = put_number(at, (unsigned long long)signal);
  at = put_number(at, first);
  at = put_number(at, n);
  at = put_number(at, trial);
  *at++ = '\n';
  for (const char *left = line; left < at;) {
    const ssize_t written = write(crash.fd, left, (size_t)(at - left));
    if (written <= 0) return;
    left += written;
  }
}

static void leave_lines(int signal, bool accuses) {
  bool any = false;
  for (int i = 0; i < SP_CRASH_SLABS && accuses; i++) {
    const unsigned long long n = atomic_load(&crash.slabs[i].n);
    if (n == 0) continue;
    leave_line(signal, atomic_load(&crash.slabs[i].first), n, atomic_load(&crash.slabs[i].trial));
    any = true;
  }
  if (!any) leave_line(signal, 0, 0, 0);
}

/* si_code is positive where the kernel raised the signal; abort() sends it from within. */
static bool accuses(int signal, const siginfo_t *info) {
  const bool own = info->si_code > 0 || info->si_pid == getpid();
  return is_computing && own && (signal != SIGBUS || info->si_code == BUS_ADRALN);
}

static void note(int signal, siginfo_t *info, void *context) {
  if (!atomic_flag_test_and_set(&crash.taken)) leave_lines(signal, accuses(signal, info));
  /* the fault comes again, and meets who was there before; one that was sent does not, so it is sent again */
  for (int i = 0; i < N_SIGNALS; i++) {
    if (signals[i] == signal) sigaction(signal, &crash.before[i], NULL);
  }
  raise(signal);
}

void sp_crash_start(int fd, int rank) {
  crash.fd = fd;
  crash.rank = rank;
  struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_ONSTACK | SA_SIGINFO};
  sigemptyset(&action.sa_mask);
  for (int i = 0; i < N_SIGNALS; i++) sigaction(signals[i], &action, &crash.before[i]);
  crash.on = true;
}

void sp_crash_stop(void) {
  for (int i = 0; crash.on && i < N_SIGNALS; i++) sigaction(signals[i], &crash.before[i], NULL);
  crash.on = false;
  crash.fd = -1;
}

void sp_crash_set(unsigned slab, uint64_t first, uint64_t n, unsigned trial) {
  if (slab >= SP_CRASH_SLABS) return;
  atomic_store(&crash.slabs[slab].n, 0); /* never a range of which half is the last one's */
  atomic_store(&crash.slabs[slab].first, first);
  atomic_store(&crash.slabs[slab].trial, trial);
  atomic_store(&crash.slabs[slab].n, n);
}

void sp_crash_computing(bool computing) {
  is_computing = computing;
}
