/* SPDX-License-Identifier: BSD-3-Clause */
/* may warn */
/* timeout: 120 */
/* Running a launcher as a child: exit codes, signals, death of either side. Shell scripts stand in for the launcher,
 * since what real ones do with signals is theirs; the last test starts ranks of this program under the real one. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "seisproc/dist.h"
#include "seisproc/launch.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/dist/launcher_page.h"

enum { PATH_SIZE = 256, TOLD = 1000, ASKED = 2000 };

static char folder[PATH_SIZE];

static int make_folder(void **state) {
  (void)state;
  const char *tmp = getenv("SEISPROC_TEST_TMP");
  snprintf(folder, sizeof folder, "%s/launch-XXXXXX", tmp ? tmp : "/tmp");
  sp_log_set_stream(fopen("/dev/null", "w"));
  return mkdtemp(folder) && !setenv("TMPDIR", folder, 1) ? 0 : -1;
}

/* Nothing may be left in TMPDIR: the file of the outcome goes with the launch. */
static int remove_folder(void **state) {
  (void)state;
  return rmdir(folder);
}

/* Runs a script as the launcher; TOLD and ASKED are added to the exit code. */
static int launch(const char *script) {
  char shell[] = "/bin/sh", option[] = "-c", text[1024];
  snprintf(text, sizeof text, "%s", script);
  char *const command[] = {shell, option, text, NULL};
  sp_launch_end end;
  if (sp_launch_run(command, NULL, &end) != SP_SUCCESS) return -1;
  return end.exit_code + (end.told ? TOLD : 0) + (end.asked ? ASKED : 0);
}

static void test_exit_codes(void **state) {
  (void)state;
  assert_int_equal(launch("exit 0"), 0);
  assert_int_equal(launch("exit 75"), 75);
  assert_int_equal(launch("exit 127"), 127);
  assert_int_equal(launch("kill -9 $$"), 128 + SIGKILL);
  assert_int_equal(launch("echo 2 >$SEISPROC_OUTCOME"), TOLD + 2);
  assert_int_equal(launch("echo 75 >$SEISPROC_OUTCOME; exit 9"), TOLD + 75);
  assert_int_equal(launch("printf 2 >$SEISPROC_OUTCOME; exit 9"), 9); /* torn */
  assert_int_equal(launch("rm $SEISPROC_OUTCOME; exit 9"), 9);
  assert_int_equal(launch("read x && exit 1; exit 3"), 3); /* no standard input */
}

static void test_what_cannot_be_started(void **state) {
  (void)state;
  char missing[] = "/no/such/launcher";
  char *const command[] = {missing, NULL};
  sp_launch_end end = {.exit_code = 42};
  assert_int_equal(sp_launch_run(command, NULL, &end), SP_ERR_USAGE);
  assert_int_equal(end.exit_code, 42);
  sp_mpirun kind;
  const char *own = getenv("SEISPROC_MPIRUN");
  char launcher[256];
  snprintf(launcher, sizeof launcher, "%s", own ? own : "mpirun");
  setenv("SEISPROC_MPIRUN", missing, 1);
  assert_int_equal(sp_mpirun_find(&kind), SP_ERR_USAGE);
  setenv("SEISPROC_MPIRUN", "false", 1);
  assert_int_equal(sp_mpirun_find(&kind), SP_ERR_USAGE);
  setenv("SEISPROC_MPIRUN", launcher, 1);
  setenv("TMPDIR", "/no/such/folder", 1);
  assert_int_equal(launch("exit 0"), -1);
  setenv("TMPDIR", folder, 1);
}

static void pause_ms(long ms) {
  const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
  nanosleep(&t, NULL);
}

/* Waits until the script has made this file, then removes it; false after 20 s. */
static bool wait_for_file(const char *name) {
  char path[2 * PATH_SIZE];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  for (int i = 0; i < 2000; i++) {
    if (!unlink(path)) return true;
    pause_ms(10);
  }
  return false;
}

/* Runs the script in a process of its own; its exit code tells whether the launch ended as expected. */
static pid_t launch_elsewhere(const char *script, int expected) {
  const pid_t child = fork();
  if (child == 0) _exit(launch(script) == expected ? 0 : 1);
  assert_true(child > 0);
  return child;
}

static void expect_good_end(pid_t child) {
  int status = 1;
  for (int i = 0; i < 2000; i++) {
    if (waitpid(child, &status, WNOHANG) == child) {
      assert_true(WIFEXITED(status));
      assert_int_equal(WEXITSTATUS(status), 0);
      return;
    }
    pause_ms(10);
  }
  kill(child, SIGKILL);
  fail_msg("no end in 20 s");
}

#define READY "touch $TMPDIR/ready; "
#define WAIT  "while :; do sleep 0.05; done"

static void test_signals_are_passed_on(void **state) {
  (void)state;
  static const struct {
    int sent, received;
  } cases[] = {{SIGTERM, SIGUSR1}, {SIGINT, SIGUSR1}, {SIGHUP, SIGUSR1}, {SIGUSR1, SIGUSR1}, {SIGUSR2, SIGUSR1}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    char script[256];
    snprintf(script, sizeof script, "trap 'echo 2 >$SEISPROC_OUTCOME; exit 9' %d; " READY WAIT, cases[i].received);
    const pid_t child = launch_elsewhere(script, ASKED + TOLD + 2);
    assert_true(wait_for_file("ready"));
    kill(child, cases[i].sent);
    expect_good_end(child);
  }
}

/* Whether a process is there and not only waits to be taken note of. */
static bool is_running(int pid) {
  char path[PATH_SIZE], state = 'Z';
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  FILE *file = fopen(path, "r");
  if (!file) return false;
  if (fscanf(file, "%*d %*s %c", &state) != 1) state = 'Z';
  fclose(file);
  return state != 'Z' && state != 'X';
}

/* The first interrupt asks, the second ends the launcher and what it started beside itself. */
static void test_twice_ends_at_once(void **state) {
  (void)state;
  const pid_t child = launch_elsewhere("trap 'touch $TMPDIR/asked' USR1; sleep 60 & echo $! >$TMPDIR/side; "
                                       "trap 'exit 9' TERM; " READY WAIT,
                                       ASKED + SP_EXIT_RESUMABLE);
  assert_true(wait_for_file("ready"));
  char path[2 * PATH_SIZE];
  int side = 0;
  snprintf(path, sizeof path, "%s/side", folder);
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  assert_int_equal(fscanf(file, "%d", &side), 1);
  fclose(file);
  unlink(path);
  kill(child, SIGINT);
  assert_true(wait_for_file("asked"));
  assert_true(is_running(side));
  kill(child, SIGINT);
  expect_good_end(child);
  for (int i = 0; i < 2000 && is_running(side); i++) pause_ms(10);
  assert_false(is_running(side));
}

/* Whoever waits may be killed: what it started must not go on without it. */
static void test_death_of_the_waiting_process(void **state) {
  (void)state;
  const pid_t child =
      launch_elsewhere("trap 'rm -f $SEISPROC_OUTCOME; touch $TMPDIR/ended; exit 1' TERM; " READY WAIT, 0);
  assert_true(wait_for_file("ready"));
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
  assert_true(wait_for_file("ended"));
}

static void test_leaving(void **state) {
  (void)state;
  char path[2 * PATH_SIZE], text[8] = "";
  unsetenv("SEISPROC_OUTCOME");
  assert_int_equal(sp_launch_leave(0, 2), 2);
  assert_int_equal(sp_launch_leave(1, 2), 2);
  snprintf(path, sizeof path, "%s/outcome", folder);
  setenv("SEISPROC_OUTCOME", path, 1);
  assert_int_equal(sp_launch_leave(1, 2), 0);
  assert_int_equal(sp_launch_leave(0, 2), 0); /* by a line: the file is on another host, and is not made here */
  assert_int_equal(access(path, F_OK), -1);
  fclose(fopen(path, "w"));
  assert_int_equal(sp_launch_leave(0, 2), 0);
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  assert_non_null(fgets(text, sizeof text, file));
  fclose(file);
  assert_string_equal(text, "2\n");
  unlink(path);
  unsetenv("SEISPROC_OUTCOME");
}

static void count_lines(const char *line, void *context) {
  assert_null(strstr(line, "outcome"));
  assert_null(strchr(line, 0x1e));
  ++*(int *)context;
}

/* As rank 0 on another host does it, cut into pieces on its way. */
static void test_an_end_that_is_told_by_a_line(void **state) {
  (void)state;
  char shell[] = "/bin/sh", option[] = "-c";
  char text[] = "printf 'one\\n\\036seisproc-out' >&2; sleep 0.2; printf 'come 2\\ntwo\\n' >&2";
  char *const command[] = {shell, option, text, NULL};
  int n_lines = 0;
  const sp_launch_listener listener = {.on_line = count_lines, .context = &n_lines};
  sp_launch_end end = {0};
  assert_int_equal(sp_launch_run(command, &listener, &end), SP_SUCCESS);
  assert_true(end.told);
  assert_int_equal(end.exit_code, 2);
  assert_int_equal(n_lines, 2);
}

static double no_time_left(void *context) {
  return 0;
}

/* The job has ended, but the launcher waits for ever, and does not listen. */
static void test_a_launcher_that_does_not_end(void **state) {
  (void)state;
  char shell[] = "/bin/sh", option[] = "-c", text[] = "trap '' TERM; echo 75 >$SEISPROC_OUTCOME; sleep 100";
  char *const command[] = {shell, option, text, NULL};
  int n_lines = 0;
  const sp_launch_listener listener = {count_lines, no_time_left, &n_lines};
  sp_launch_end end = {0};
  assert_int_equal(sp_launch_run(command, &listener, &end), SP_SUCCESS);
  assert_true(end.told);
  assert_int_equal(end.exit_code, 75);
}

/* --- pages ------------------------------------------------------------------------------------------------------ */

static char passed[4 * SP_PAGE_SIZE];

static void note(const char *text, size_t n) {
  strncat(passed, text, n);
}

#define DASHES "--------------------------------------------------------------------------\n"
#define ENDED  DASHES "mpirun noticed that process rank 3 with PID 0 on node n exited on signal 9 (Killed).\n" DASHES
#define OTHER  DASHES "There are not enough slots available in the system\n" DASHES

/* In pieces of any length the same is left. */
static void expect_passed(const char *text, const char *expected) {
  for (size_t piece = 1; piece < 200; piece += 1 + piece / 3) {
    sp_launcher_page page = {0};
    passed[0] = '\0';
    for (size_t at = 0, n = strlen(text); at < n; at += piece) {
      sp_launcher_page_filter(&page, text + at, n - at < piece ? n - at : piece, note);
    }
    sp_launcher_page_flush(&page, note);
    assert_string_equal(passed, expected);
  }
}

#define EQUALS "===================================================================================\n"
#define BAD_END                                                                                                        \
  "=   BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES\n"                                                         \
  "=   PID 28909 RUNNING AT n\n"                                                                                       \
  "=   EXIT CODE: 9\n"                                                                                                 \
  "=   CLEANING UP REMAINING PROCESSES\n"                                                                              \
  "=   YOU CAN IGNORE THE BELOW CLEANUP MESSAGES\n"
#define END_STRING                                                                                                     \
  "YOUR APPLICATION TERMINATED WITH THE EXIT STRING: Killed (signal 9)\n"                                              \
  "This typically refers to a problem with your application.\n"                                                        \
  "Please see the FAQ page for debugging suggestions\n"
#define HYDRA   "\n" EQUALS BAD_END EQUALS END_STRING
#define ABORT   "Abort(3) on node 1 (rank 1 in comm 0): application called MPI_Abort(MPI_COMM_WORLD, 3) - process 1\n"
#define MPI_BAD "Abort(672) on node 0 (rank 0 in comm 0): Fatal error in internal_Init: Other MPI error\n"

/* As mpiexec of MPICH 4.0 prints them. */
static void test_the_pages_of_mpich_are_left_out(void **state) {
  (void)state;
  expect_passed("one\n" HYDRA "two\n", "one\ntwo\n");
  expect_passed("one" HYDRA "\ntwo\n\n\nthree\n", "one\n\ntwo\n\n\nthree\n");
  expect_passed(HYDRA ENDED "[proxy:0:1@n2] a line\n" HYDRA, "[proxy:0:1@n2] a line\n");
  expect_passed("one\n" ABORT "two\n" MPI_BAD ABORT, "one\ntwo\n" MPI_BAD);
  expect_passed("one\n\n" EQUALS "a table\n" EQUALS "two\n", "one\n\n" EQUALS "a table\n" EQUALS "two\n");
  expect_passed(EQUALS BAD_END DASHES, EQUALS BAD_END DASHES); /* no end of its kind */
  expect_passed("YOUR APPLICATION\nPlease see the manual\nThis", "YOUR APPLICATION\nPlease see the manual\nThis");
  expect_passed("==== - ====\n", "==== - ====\n");
}

static void test_pages_about_the_end_are_left_out(void **state) {
  (void)state;
  expect_passed("one\n" ENDED "two\n", "one\ntwo\n");
  expect_passed(ENDED ENDED "\n- a -\n", "\n- a -\n");
  expect_passed("one\n" OTHER ENDED OTHER, "one\n" OTHER OTHER);
  expect_passed("progress\rmore ----\n--\n----", "progress\rmore ----\n--\n----");
  expect_passed(DASHES "noticed that process rank, and no end", DASHES "noticed that process rank, and no end");
  char long_page[2 * SP_PAGE_SIZE + 1];
  memset(long_page, 'x', sizeof long_page - 1);
  memcpy(long_page, DASHES, strlen(DASHES));
  long_page[sizeof long_page - 1] = '\0';
  expect_passed(long_page, long_page);
}

/* A rank of the real launcher: this program again. */
static int be_rank(int argc, char **argv) {
  int rank, size;
  if (sp_comm_start(&argc, &argv) != SP_SUCCESS) return 1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  /* run --threads 3 --io-ranks 1 then our own arguments */
  const bool good = size == 4 && argc == 7 && !strcmp(argv[3], "3") && !strcmp(argv[6], "x y") && sp_comm_launched();
  const int code = good ? SP_EXIT_PARTIAL : SP_EXIT_INPUT;
  sp_comm_finish();
  return sp_launch_leave(rank, code);
}

static void test_real_launcher(void **state) {
  (void)state;
  const sp_layout layout = {.workers = 2, .threads = 3, .io_ranks = 1, .ranks = 4};
  const char *const arguments[] = {"x y"};
  sp_mpirun kind;
  char *program, **command;
  sp_launch_end end = {0};
  assert_int_equal(sp_mpirun_find(&kind), SP_SUCCESS);
  assert_int_equal(sp_own_path(&program), SP_SUCCESS);
  assert_int_equal(sp_launch_command(kind, &layout, program, arguments, 1, &command), SP_SUCCESS);
  unsetenv("OMPI_ALLOW_RUN_AS_ROOT");
  unsetenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM");
  assert_int_equal(sp_launch_run(command, NULL, &end), SP_SUCCESS);
  assert_true(end.told);
  assert_false(end.asked);
  assert_int_equal(end.exit_code, SP_EXIT_PARTIAL);
  sp_launch_command_free(command);
  sp_free(program);
}

int main(int argc, char **argv) {
  if (argc > 1 && !strcmp(argv[1], "run")) return be_rank(argc, argv);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_exit_codes),
      cmocka_unit_test(test_what_cannot_be_started),
      cmocka_unit_test(test_signals_are_passed_on),
      cmocka_unit_test(test_twice_ends_at_once),
      cmocka_unit_test(test_death_of_the_waiting_process),
      cmocka_unit_test(test_leaving),
      cmocka_unit_test(test_an_end_that_is_told_by_a_line),
      cmocka_unit_test(test_a_launcher_that_does_not_end),
      cmocka_unit_test(test_pages_about_the_end_are_left_out),
      cmocka_unit_test(test_the_pages_of_mpich_are_left_out),
  };
  const struct CMUnitTest real[] = {cmocka_unit_test(test_real_launcher)};
  const int failed = cmocka_run_group_tests(tests, make_folder, remove_folder);
  /* the real one leaves folders of its own in TMPDIR for a moment */
  setenv("TMPDIR", "/tmp", 1);
  return failed + cmocka_run_group_tests(real, NULL, NULL);
}
