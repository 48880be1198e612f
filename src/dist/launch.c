/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seisproc/clock.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/dist/launch_command.h"
#include "src/dist/launcher_page.h"

enum { VERSION_SIZE = 4096, PATH_SIZE = 4096, NUMBER_SIZE = 16, LINE_SIZE = 1024, NOT_STARTED = 127 };

/* How a line begins that tells it instead: a control character that no other line has, since the log makes them '?'. */
enum { TOLD_BY_LINE = 0x1e };
static const char outcome_word[] = "seisproc-outcome";

sp_status sp_own_path(char **out) {
  char path[PATH_SIZE];
  const ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
  if (n < 0) return SP_RAISE(SP_ERR_INTERNAL, "/proc/self/exe cannot be read: %s", strerror(errno));
  path[n] = '\0';
  return sp_strdup(path, out);
}

/* --- asking the launcher --------------------------------------------------------------------------------- */

/* srun starts processes that know nothing of each other unless it is told which interface their MPI uses. */
static void name_mpi(void) {
  setenv("SLURM_MPI_TYPE", "pmix", 0);
}

/* Open MPI refuses to run for root unless told twice. */
static void allow_root(void) {
  if (geteuid() != 0) return;
  sp_debug("launch: root, setting OMPI_ALLOW_RUN_AS_ROOT and OMPI_ALLOW_RUN_AS_ROOT_CONFIRM");
  setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 0);
  setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 0);
}

static int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void ask_version(int to) {
  allow_root();
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  dup2(to, STDOUT_FILENO);
  dup2(to, STDERR_FILENO);
  execlp(sp_mpirun_name(), sp_mpirun_name(), "--version", (char *)NULL);
  _exit(NOT_STARTED);
}

sp_status sp_mpirun_find(sp_mpirun *out) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC)) return SP_RAISE(SP_ERR_USAGE, "cannot start %s: %s", sp_mpirun_name(), strerror(errno));
  const pid_t child = fork();
  if (child == 0) ask_version(ends[1]);
  close(ends[1]);
  char version[VERSION_SIZE] = "", rest[256];
  size_t length = 0;
  for (ssize_t n; (n = read(ends[0], version + length, sizeof version - 1 - length)) > 0;) length += (size_t)n;
  while (read(ends[0], rest, sizeof rest) > 0) {
  }
  close(ends[0]);
  const int code = child < 0 ? NOT_STARTED : wait_for(child);
  if (code != 0) {
    return SP_RAISE(SP_ERR_USAGE,
                    "`%s --version` fails (exit %d); start seisproc with your MPI's launcher, or name it in "
                    "SEISPROC_MPIRUN",
                    sp_mpirun_name(), code);
  }
  *out = sp_mpirun_kind(version);
  return SP_SUCCESS;
}

/* --- how the job ended ----------------------------------------------------------------------------------- */

/* An empty file that rank 0 is to write its exit code to. */
static sp_status make_outcome_file(char path[PATH_SIZE]) {
  const char *folder = getenv("TMPDIR");
  snprintf(path, PATH_SIZE, "%s/seisproc-outcome-XXXXXX", folder && *folder ? folder : "/tmp");
  const int file = mkstemp(path);
  if (file < 0) return SP_RAISE(SP_ERR_USAGE, "%s: cannot be created: %s", path, strerror(errno));
  close(file);
  return SP_SUCCESS;
}

bool sp_launch_awaited(void) {
  return getenv(SP_OUTCOME_VARIABLE) != NULL;
}

/* On another host than the waiting process the file is not there, and must not be made: the launcher hands on standard
 * error from everywhere. One write, so that no other rank's line comes between. */
int sp_launch_leave(int rank, int exit_code) {
  const char *path = getenv(SP_OUTCOME_VARIABLE);
  if (!path) return exit_code;
  if (rank != 0) return 0;
  char text[NUMBER_SIZE];
  const int n = snprintf(text, sizeof text, "%d\n", exit_code);
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file >= 0) {
    const bool told = write(file, text, (size_t)n) == n;
    return close(file) || !told ? exit_code : 0;
  }
  char line[sizeof outcome_word + NUMBER_SIZE + 2];
  const int m = snprintf(line, sizeof line, "%c%s %s", TOLD_BY_LINE, outcome_word, text);
  return write(STDERR_FILENO, line, (size_t)m) == m ? 0 : exit_code;
}

static bool read_outcome(const char *path, int *exit_code) {
  FILE *file = fopen(path, "r");
  if (!file) return false;
  char text[NUMBER_SIZE] = "";
  const bool whole = fgets(text, sizeof text, file) && strchr(text, '\n');
  fclose(file);
  if (whole) *exit_code = atoi(text);
  return whole;
}

/* --- running it ------------------------------------------------------------------------------------------ */

static void block_signals(sigset_t *signals, sigset_t *before) {
  static const int numbers[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2};
  sigemptyset(signals);
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) sigaddset(signals, numbers[i]);
  sigprocmask(SIG_BLOCK, signals, before);
}

/* In the child. A group of its own, so that a terminal's interrupt reaches us alone and we choose what to pass on; no
 * standard input, which a launcher would read in the background and be stopped for. Tells through `why` when it fails.
 */
static void become(char *const *command, const char *outcome, const sigset_t *mask, int errors, pid_t parent, int why) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (getppid() != parent) _exit(NOT_STARTED); /* it died before we could ask to be told */
  setpgid(0, 0);
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, STDIN_FILENO);
  if (errors >= 0) {
    dup2(errors, STDERR_FILENO);
    dup2(errors, STDOUT_FILENO); /* where MPICH's launcher tells of a death; ranks print nothing there */
  }
  allow_root();
  name_mpi();
  setenv(SP_OUTCOME_VARIABLE, outcome, 1);
  sigprocmask(SIG_SETMASK, mask, NULL);
  execvp(command[0], command);
  const int error = errno;
  if (write(why, &error, sizeof error) < 0) _exit(NOT_STARTED);
  _exit(NOT_STARTED);
}

/* Starts the command with `errors` as its standard error (-1: ours); *child is valid on success. */
static sp_status start(char *const *command, const char *outcome, const sigset_t *mask, int errors, pid_t *child) {
  int ends[2], error = 0;
  if (pipe2(ends, O_CLOEXEC)) return SP_RAISE(SP_ERR_USAGE, "cannot start %s: %s", command[0], strerror(errno));
  const pid_t self = getpid(), forked = fork();
  if (forked == 0) become(command, outcome, mask, errors, self, ends[1]);
  if (forked < 0) error = errno;
  close(ends[1]);
  /* the end of the pipe: the child's copy was closed because exec went well */
  const bool failed = forked < 0 || read(ends[0], &error, sizeof error) == (ssize_t)sizeof error;
  close(ends[0]);
  if (!failed) {
    *child = forked;
    return SP_SUCCESS;
  }
  if (forked > 0) wait_for(forked);
  return SP_RAISE(SP_ERR_USAGE, "cannot start %s: %s", command[0], strerror(error));
}

/* Launchers hand SIGUSR1 to the ranks themselves, so only they get it (MPICH's dies of SIGUSR2); what ends the job at
 * once goes to all that they started beside them. */
static void pass_on(pid_t child, int signal, int *n_asked) {
  const bool asks = signal != SIGUSR1 && signal != SIGUSR2, at_once = asks && *n_asked > 0;
  *n_asked += asks;
  if (asks) {
    sp_info("%s", at_once ? "ending the job at once"
                          : "stopping: what is in flight is written first; once more ends the job at once");
  }
  sp_debug("launch: passing on signal=%d", signal);
  if (at_once) {
    kill(-child, SIGTERM);
  } else {
    kill(child, SIGUSR1);
  }
}

/* The child's standard error on its way to ours. */
typedef struct relay {
  const sp_launch_listener *listener; /* NULL: there is no relay */
  int ends[2];                        /* of the pipe: ours, the child's */
  char line[LINE_SIZE];
  size_t used;
  bool telling; /* within the line that tells how the job ended, which is not passed on */
  char outcome[64];
  size_t outcome_used;
  bool told;
  int exit_code;
  sp_launcher_page page;
} relay;

static sp_status open_relay(relay *r, const sp_launch_listener *listener) {
  *r = (relay){.listener = listener, .ends = {-1, -1}};
  if (!listener) return SP_SUCCESS;
  if (pipe2(r->ends, O_CLOEXEC)) return SP_RAISE(SP_ERR_USAGE, "no pipe for the ranks: %s", strerror(errno));
  fcntl(r->ends[0], F_SETFL, O_NONBLOCK);
  return SP_SUCCESS;
}

static void close_end(int *end) {
  if (*end >= 0) close(*end);
  *end = -1;
}

/* A progress line that is written over itself ends in a carriage return. A line that is too long is told in parts. */
static void relay_text(relay *r, const char *text, size_t n) {
  for (size_t i = 0; i < n; i++) {
    const bool ends = text[i] == '\n' || text[i] == '\r';
    if (!ends) r->line[r->used++] = text[i];
    if (r->used == 0 || (!ends && r->used < LINE_SIZE - 1)) continue;
    r->line[r->used] = '\0';
    r->used = 0;
    r->listener->on_line(r->line, r->listener->context);
  }
}

static void parse_outcome(relay *r, char c) {
  if (c != '\n') {
    if (r->outcome_used < sizeof r->outcome - 1) r->outcome[r->outcome_used++] = c;
    return;
  }
  const size_t word = sizeof outcome_word - 1;
  r->outcome[r->outcome_used] = '\0';
  r->telling = false;
  if (strncmp(r->outcome, outcome_word, word) != 0) return;
  r->told = true;
  r->exit_code = atoi(r->outcome + word);
}

/* Takes the line that tells how the job ended out of text[n]; what is left of it. */
static size_t without_outcome(relay *r, char *text, size_t n) {
  size_t kept = 0;
  for (size_t i = 0; i < n; i++) {
    if (r->telling) {
      parse_outcome(r, text[i]);
    } else if (text[i] == TOLD_BY_LINE) {
      r->telling = true;
      r->outcome_used = 0;
    } else {
      text[kept++] = text[i];
    }
  }
  return kept;
}

static void write_on(const char *text, size_t n) {
  for (size_t at = 0; at < n;) {
    const ssize_t m = write(STDERR_FILENO, text + at, n - at);
    if (m <= 0) break;
    at += (size_t)m;
  }
}

/* Passes on what there is, but for the launcher's pages about an end that is told in our own line. */
static void pass_lines_on(relay *r) {
  char text[4096];
  for (ssize_t n; r->ends[0] >= 0 && (n = read(r->ends[0], text, sizeof text)) != 0;) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return; /* no more for now */
    const size_t kept = without_outcome(r, text, (size_t)n);
    if (sp_log_get_level() >= SP_LOG_DEBUG) {
      write_on(text, kept);
    } else {
      sp_launcher_page_filter(&r->page, text, kept, write_on);
    }
    relay_text(r, text, kept);
  }
  close_end(&r->ends[0]);
}

/* The next signal, within a second; 0: none. Passes lines on meanwhile. */
static int wait_for_signal(const sigset_t *signals, int wake, relay *r) {
  const struct timespec at_once = {0};
  struct pollfd both[2] = {{.fd = r->ends[0], .events = POLLIN}, {.fd = wake, .events = POLLIN}};
  if (poll(both, 2, 1000) == 0) sp_launcher_page_flush(&r->page, write_on); /* pages come whole */
  pass_lines_on(r);
  return sigtimedwait(signals, NULL, &at_once);
}

/* A launcher that does not end although the job has, or has not begun, waits for a node that is out of reach or for a
 * rank that is dead, and goes on to wait for it when it is asked to end. due: when it is killed; 0: the job goes on, as
 * far as is known. */
static void end_overdue(double *due, const sp_launch_listener *listener, pid_t child) {
  const double now = sp_now();
  if (!listener || !listener->seconds_left) return;
  if (*due == 0) {
    const double seconds = listener->seconds_left(listener->context);
    if (seconds < INFINITY) *due = now + seconds;
  } else if (now > *due) {
    sp_warn("%s does not end, though the job has or never began; killing it", sp_mpirun_name());
    kill(-child, SIGKILL);
    *due = INFINITY;
  }
}

/* Waits for the child's end while passing signals and lines on. */
static sp_launch_end relay_until_end(pid_t child, const sigset_t *signals, relay *lines) {
  int n_asked = 0, n_signals = 0, status = 0;
  double due = 0;
  const int wake = signalfd(-1, signals, SFD_CLOEXEC); /* only to be woken: it is not read */
  for (;;) {
    const int signal = wait_for_signal(signals, wake, lines);
    if (signal > 0 && signal != SIGCHLD) {
      pass_on(child, signal, &n_asked);
      n_signals++;
    }
    if (waitpid(child, &status, WNOHANG) == child) break;
    end_overdue(&due, lines->listener, child);
  }
  pass_lines_on(lines);
  sp_launcher_page_flush(&lines->page, write_on);
  close(wake);
  return (sp_launch_end){.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                         .asked = n_signals > 0};
}

sp_status sp_launch_run(char *const *command, const sp_launch_listener *listener, sp_launch_end *end) {
  char outcome[PATH_SIZE];
  relay lines;
  SP_TRY(make_outcome_file(outcome));
  sigset_t signals, before;
  block_signals(&signals, &before);
  pid_t child;
  sp_status status = open_relay(&lines, listener);
  if (status == SP_SUCCESS) status = start(command, outcome, &before, lines.ends[1], &child);
  close_end(&lines.ends[1]);
  if (status == SP_SUCCESS) {
    sp_launch_end result = relay_until_end(child, &signals, &lines);
    result.told = read_outcome(outcome, &result.exit_code) || lines.told;
    if (lines.told) result.exit_code = lines.exit_code;
    if (result.asked && !result.told) result.exit_code = SP_EXIT_RESUMABLE;
    *end = result;
  }
  close_end(&lines.ends[0]);
  sigprocmask(SIG_SETMASK, &before, NULL);
  unlink(outcome);
  return status;
}
