/* SPDX-License-Identifier: BSD-3-Clause */
/* The time that Slurm leaves a job: what squeue says now, so that a limit that was changed counts, else the variable
 * that Slurm set as the job began. PMIx is not asked: Open MPI answers for it, with squeue's text read wrongly (days
 * counted as hours, UNLIMITED as 0). */
#include "src/dist/time_left.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seisproc/clock.h"
#include "seisproc/dist.h"
#include "seisproc/log.h"

extern char **environ;

/* How long squeue may take: a controller that is busy answers late, one that is down not at all. */
static const double answer_s = 2;

double sp_slurm_seconds(const char *text) {
  unsigned long parts[4] = {0}; /* days, and three that colons part */
  char *at = (char *)text;
  size_t n = 0;
  const char *dash = strchr(text, '-');
  if (!isdigit((unsigned char)*at)) return (double)INFINITY;
  if (dash) {
    parts[0] = strtoul(at, &at, 10);
    if (at != dash) return (double)INFINITY;
    at++;
  }
  double seconds = 0;
  do {
    if (!isdigit((unsigned char)*at) || n == 3) return (double)INFINITY;
    parts[++n] = strtoul(at, &at, 10);
    seconds = 60 * seconds + (double)parts[n];
  } while (*at++ == ':');
  at--;
  if (n < 2 || (dash && n < 3) || (*at && !isspace((unsigned char)*at))) return (double)INFINITY;
  return 86400.0 * (double)parts[0] + seconds;
}

/* Starts squeue with its standard output into *from. Not by fork: this process may hold memory that a network card or
 * a GPU has pinned. */
static bool start_squeue(const char *job, int *from, pid_t *child) {
  char of_job[64];
  char squeue[] = "squeue", quiet[] = "--noheader", left[] = "--format=%L";
  char *command[] = {squeue, quiet, of_job, left, NULL};
  int ends[2];
  snprintf(of_job, sizeof of_job, "--jobs=%.48s", job);
  if (pipe2(ends, O_CLOEXEC)) return false;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  const int error = posix_spawnp(child, squeue, &actions, NULL, command, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  *from = ends[0];
  if (error) close(ends[0]);
  return error == 0;
}

/* Reads up to the end of what it says; false when that does not come in time. */
static bool read_answer(int from, char *text, size_t size) {
  const double start = sp_now();
  size_t length = 0;
  for (;;) {
    const double rest = answer_s - (sp_now() - start);
    struct pollfd wait = {.fd = from, .events = POLLIN};
    if (rest <= 0) return false;
    if (poll(&wait, 1, (int)(1000 * rest) + 1) <= 0) continue;
    const ssize_t n = read(from, text + length, size - 1 - length);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    length += (size_t)n;
    if (length == size - 1) break;
  }
  text[length] = '\0';
  return true;
}

/* What squeue says of this job; false where it does not know it, or does not answer. */
static bool ask_squeue(const char *job, double *seconds) {
  char text[128];
  int from, status = 0;
  pid_t child;
  if (!start_squeue(job, &from, &child)) return false;
  const bool answered = read_answer(from, text, sizeof text);
  close(from);
  if (!answered) kill(child, SIGKILL);
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!answered || status != 0 || !text[0] || text[0] == '\n') return false;
  *seconds = sp_slurm_seconds(text);
  return true;
}

/* A shell that outlives its job keeps the variables of that. */
static double left_by_variable(void) {
  const char *text = getenv("SLURM_JOB_END_TIME");
  const double end = text ? strtod(text, NULL) : 0, left = end - sp_wall_clock();
  if (!(end > 0)) return (double)INFINITY;
  if (left > 0) return left;
  sp_debug("SLURM_JOB_END_TIME is over since %.0f s: left from an earlier job, not used", -left);
  return (double)INFINITY;
}

double sp_time_left(void) {
  const char *job = getenv("SLURM_JOB_ID");
  double seconds;
  if (job && isdigit((unsigned char)*job) && ask_squeue(job, &seconds)) return seconds;
  return left_by_variable();
}
