/* SPDX-License-Identifier: BSD-3-Clause */
/* The layout that a job is started with, and the command line made from it: pure functions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "seisproc/hosts.h"
#include "seisproc/launch.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"

extern char **environ;

enum { AUTO = SP_PARAM_AUTO };

static sp_job_settings settings_with(int workers, int threads, int io_ranks, sp_engine_kind engine) {
  return (sp_job_settings){.workers = workers, .threads = threads, .io_ranks = io_ranks, .engine = (int)engine};
}

static void test_cores(void **state) {
  (void)state;
  static const struct {
    int cores, workers, threads;
  } cases[] = {{1, 1, 1},  {2, 1, 2},  {3, 1, 3},  {4, 1, 4},  {8, 1, 8},    {9, 2, 4},    {12, 2, 6},
               {16, 2, 8}, {17, 3, 5}, {24, 3, 8}, {64, 8, 8}, {128, 16, 8}, {192, 24, 8}, {4096, 512, 8}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const sp_machine machine = {.n_cores = cases[i].cores};
    const sp_job_settings settings = settings_with(AUTO, AUTO, 1, SP_ENGINE_AUTO);
    sp_layout layout;
    sp_layout_work_out(&machine, &settings, 1 << 30, &layout);
    assert_int_equal(layout.workers, cases[i].workers);
    assert_int_equal(layout.threads, cases[i].threads);
    assert_int_equal(layout.io_ranks, 1);
    assert_int_equal(layout.ranks, cases[i].workers + 2);
    assert_true(layout.fits);
    assert_true(layout.workers * layout.threads <= cases[i].cores);
  }
}

static void test_asked_for(void **state) {
  (void)state;
  static const struct {
    int cores, gpus;
    sp_engine_kind engine;
    int workers_asked, threads_asked, io_ranks;
    int workers, threads;
    const char *why;
  } cases[] = {
      {64, 0, SP_ENGINE_AUTO, 4, AUTO, 1, 4, 16, "as many workers as asked for"},
      {64, 0, SP_ENGINE_AUTO, AUTO, 16, 2, 4, 16, "up to 16 cores a worker, of 64"},
      {64, 0, SP_ENGINE_AUTO, 3, 5, 1, 3, 5, "as many workers as asked for"},
      {2, 0, SP_ENGINE_AUTO, 7, AUTO, 2, 7, 1, "as many workers as asked for"},
      {2, 0, SP_ENGINE_AUTO, AUTO, 16, 1, 1, 16, "up to 16 cores a worker, of 2"},
      {64, 4, SP_ENGINE_AUTO, AUTO, AUTO, 1, 4, 16, "one worker a GPU, of 4"},
      {64, 4, SP_ENGINE_CUDA, AUTO, 2, 1, 4, 2, "one worker a GPU, of 4"},
      {2, 4, SP_ENGINE_AUTO, AUTO, AUTO, 1, 4, 1, "one worker a GPU, of 4"},
      {64, 4, SP_ENGINE_AUTO, 8, AUTO, 1, 8, 8, "as many workers as asked for"},
      {64, 4, SP_ENGINE_CPU, AUTO, AUTO, 1, 8, 8, "up to 8 cores a worker, of 64"},
      {64, 4, SP_ENGINE_MOCK, AUTO, AUTO, 1, 8, 8, "up to 8 cores a worker, of 64"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const sp_machine machine = {.n_cores = cases[i].cores, .n_gpus = cases[i].gpus};
    const sp_job_settings settings =
        settings_with(cases[i].workers_asked, cases[i].threads_asked, cases[i].io_ranks, cases[i].engine);
    sp_layout layout;
    sp_layout_work_out(&machine, &settings, 0, &layout);
    assert_int_equal(layout.workers, cases[i].workers);
    assert_int_equal(layout.threads, cases[i].threads);
    assert_int_equal(layout.ranks, 1 + cases[i].io_ranks + cases[i].workers);
    assert_string_equal(layout.why, cases[i].why);
    assert_true(layout.fits);
  }
}

static void test_workers_per_gpu(void **state) {
  (void)state;
  const sp_machine machine = {.n_cores = 64, .n_gpus = 4}, no_gpus = {.n_cores = 64};
  sp_job_settings settings = settings_with(AUTO, AUTO, 1, SP_ENGINE_AUTO);
  settings.workers_per_gpu = 2;
  sp_layout layout;
  sp_layout_work_out(&machine, &settings, 0, &layout);
  assert_int_equal(layout.workers, 8);
  assert_int_equal(layout.threads, 8);
  assert_string_equal(layout.why, "2 workers a GPU, of 4");
  sp_layout_work_out(&no_gpus, &settings, 0, &layout);
  assert_string_equal(layout.why, "up to 8 cores a worker, of 64");
  settings.workers = 3;
  sp_layout_work_out(&machine, &settings, 0, &layout);
  assert_int_equal(layout.workers, 3);
}

static void test_memory(void **state) {
  (void)state;
  const size_t gb = 1000000000;
  static const struct {
    int workers_asked;
    int memory_gb, worker_gb; /* 0: unknown */
    int workers, threads;
    bool fits;
  } cases[] = {
      {AUTO, 0, 1, 8, 8, true},  {AUTO, 10, 0, 8, 8, true},  {AUTO, 10, 1, 8, 8, true}, {AUTO, 9, 1, 7, 9, true},
      {AUTO, 5, 1, 4, 16, true}, {AUTO, 1, 1, 1, 64, false}, {6, 5, 1, 6, 10, false},   {4, 5, 1, 4, 16, true},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const sp_machine machine = {.n_cores = 64, .memory = gb * (size_t)cases[i].memory_gb};
    const sp_job_settings settings = settings_with(cases[i].workers_asked, AUTO, 1, SP_ENGINE_AUTO);
    sp_layout layout;
    sp_layout_work_out(&machine, &settings, gb * (size_t)cases[i].worker_gb, &layout);
    assert_int_equal(layout.workers, cases[i].workers);
    assert_int_equal(layout.threads, cases[i].threads);
    assert_int_equal(layout.fits, cases[i].fits);
    const bool limited = cases[i].workers_asked == AUTO && layout.workers < 8;
    assert_int_equal(!strcmp(layout.why, "as many workers as the memory holds"), limited);
  }
}

static void test_what_slurm_allots(void **state) {
  (void)state;
  static const char *const variables[] = {"SLURM_JOB_ID", "SLURM_NTASKS", "SLURM_CPUS_PER_TASK"};
  static const struct {
    const char *values[3];
    int threads_asked, ranks, workers, threads; /* ranks 0: nothing is allotted */
  } cases[] = {
      {{NULL, NULL, NULL}, AUTO, 0, 0, 0},  {{NULL, "8", NULL}, AUTO, 0, 0, 0}, {{"17", NULL, "16"}, AUTO, 0, 0, 0},
      {{"17", "1", "16"}, AUTO, 0, 0, 0},   {{"17", "2", "16"}, AUTO, 0, 0, 0}, {{"17", "3", NULL}, AUTO, 3, 1, 1},
      {{"17", "72", "2"}, AUTO, 72, 70, 2}, {{"17", "72", "2"}, 5, 72, 70, 5},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    for (int v = 0; v < 3; v++) {
      if (cases[i].values[v]) setenv(variables[v], cases[i].values[v], 1);
    }
    const sp_job_settings settings = settings_with(AUTO, cases[i].threads_asked, 1, SP_ENGINE_CPU);
    sp_layout layout;
    assert_int_equal(sp_layout_allotted(&settings, &layout), cases[i].ranks > 0);
    for (int v = 0; v < 3; v++) unsetenv(variables[v]);
    if (cases[i].ranks == 0) continue;
    assert_true(layout.allotted && layout.fits);
    assert_int_equal(layout.ranks, cases[i].ranks);
    assert_int_equal(layout.workers, cases[i].workers);
    assert_int_equal(layout.threads, cases[i].threads);
  }
}

static void test_kinds(void **state) {
  (void)state;
  assert_int_equal(sp_mpirun_kind("mpirun (Open MPI) 4.1.4\n\nReport bugs to http://www.open-mpi.org/"),
                   SP_MPIRUN_OPEN_MPI);
  assert_int_equal(sp_mpirun_kind("mpirun (Open MPI) 5.0.7\n"), SP_MPIRUN_OPEN_MPI);
  assert_int_equal(sp_mpirun_kind("prterun (PRRTE) 3.0.2\n"), SP_MPIRUN_OPEN_MPI);
  assert_int_equal(sp_mpirun_kind("slurm-wlm 22.05.8\n"), SP_MPIRUN_SLURM);
  assert_int_equal(sp_mpirun_kind("slurm 24.05.1\n"), SP_MPIRUN_SLURM);
  assert_int_equal(sp_mpirun_kind("HYDRA build details:\n    Version:  4.0.2\n"), SP_MPIRUN_HYDRA);
  assert_int_equal(sp_mpirun_kind("Intel(R) MPI Library for Linux* OS, Version 2021.9\n"), SP_MPIRUN_HYDRA);
}

/* Hosts, settings and the list of ranks that they give; NULL: refused. */
static void test_hosts(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int workers, io_ranks;
    const char *expected;
    int n_workers, ranks;
  } cases[] = {
      {"a:4,b:4", -1, 1, "a:4,b:4", 5, 8},
      {"a,b", -1, 1, "a:4,b:3", 4, 7}, /* two workers a host */
      {"a,b", 4, 1, "a:4,b:3", 4, 7},
      {"a,b", 5, 2, "a:6,b:4", 5, 10},
      {"a,b,c", 2, 1, "a:3,b:2", 2, 5}, /* c is left out */
      {"a:3,b:9", 6, 1, "a:3,b:6", 6, 9},
      {" n1.site:2 , n-2:2,n1.site:2", -1, 1, "n1.site:4,n-2:2", 3, 6},
      {"a:3,b:4", 5, 1, NULL, 0, 0}, /* room for four */
      {"a:2,b:4", -1, 1, NULL, 0, 0},
      {"a:1,b:1", -1, 1, NULL, 0, 0},
      {"a:0", -1, 1, NULL, 0, 0},
      {"a:x", -1, 1, NULL, 0, 0},
      {"a:4,a", -1, 1, NULL, 0, 0},
      {"-n:4", -1, 1, NULL, 0, 0},
      {"a b", -1, 1, NULL, 0, 0},
      {"a;rm:4", -1, 1, NULL, 0, 0},
      {"", -1, 1, NULL, 0, 0},
      {",", -1, 1, NULL, 0, 0},
  };
  const sp_machine machine = {.n_cores = 16};
  sp_log_set_stream(fopen("/dev/null", "w"));
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const sp_job_settings settings = {.workers = cases[i].workers < 0 ? SP_PARAM_AUTO : cases[i].workers,
                                      .threads = SP_PARAM_AUTO,
                                      .io_ranks = cases[i].io_ranks};
    sp_layout layout = {.workers = 2, .threads = 8, .io_ranks = cases[i].io_ranks};
    sp_hosts hosts = {0};
    sp_status status = sp_hosts_parse(cases[i].text, &hosts);
    if (status == SP_SUCCESS) status = sp_hosts_lay_out(&hosts, &machine, &settings, &layout);
    assert_int_equal(status, cases[i].expected ? SP_SUCCESS : SP_ERR_USAGE);
    if (cases[i].expected) {
      assert_string_equal(layout.hosts, cases[i].expected);
      assert_int_equal(layout.workers, cases[i].n_workers);
      assert_int_equal(layout.ranks, cases[i].ranks);
    }
    sp_free(layout.hosts);
    sp_hosts_free(&hosts);
  }
}

static void expect_command_on_hosts(sp_mpirun kind, const char *expected) {
  char hosts[] = "a:5,b:4";
  const sp_layout layout = {.workers = 6, .threads = 7, .io_ranks = 1, .ranks = 9, .hosts = hosts};
  const char *const arguments[] = {"job.yaml"};
  char **command = NULL, text[512] = "";
  const sp_status status = sp_launch_command(kind, &layout, "seisproc", arguments, 1, &command);
  assert_int_equal(status, expected ? SP_SUCCESS : SP_ERR_USAGE);
  for (char **word = command; word && *word; word++) {
    strcat(text, *word);
    strcat(text, "|");
  }
  if (expected) assert_string_equal(text, expected);
  sp_launch_command_free(command);
}

static void test_commands_on_hosts(void **state) {
  (void)state;
  for (size_t i = 0; environ[i];) { /* what is there is handed on */
    char name[128];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(environ[i], "="), environ[i]);
    if (strncmp(name, "SEISPROC_", 9) || unsetenv(name)) i++;
  }
  setenv("SEISPROC_LOG", "info", 1);
  expect_command_on_hosts(SP_MPIRUN_OPEN_MPI,
                          "mpirun|--bind-to|none|--map-by|:OVERSUBSCRIBE|"
                          "-n|5|--host|a:5|-x|SEISPROC_OUTCOME|-x|SEISPROC_STARTED_AT|-x|SEISPROC_LOG|"
                          "seisproc|run|--io-ranks|1|job.yaml|:|"
                          "-n|4|--host|b:4|-x|SEISPROC_OUTCOME|-x|SEISPROC_STARTED_AT|-x|SEISPROC_LOG|"
                          "seisproc|run|--io-ranks|1|job.yaml|");
  expect_command_on_hosts(SP_MPIRUN_HYDRA,
                          "mpirun|-n|9|-hosts|a:5,b:4|-bind-to|none|seisproc|run|--io-ranks|1|job.yaml|");
  expect_command_on_hosts(SP_MPIRUN_SLURM, NULL);
}

static void expect_command(sp_mpirun kind, bool allotted, const char *expected) {
  static const char *const arguments[] = {"job.yaml", "--set", "sort=[cdp, offset]"};
  const sp_layout layout = {.workers = 8, .threads = 7, .io_ranks = 2, .ranks = 11, .allotted = allotted};
  char **command, text[512] = "";
  assert_int_equal(sp_launch_command(kind, &layout, "/usr/bin/seisproc", arguments, 3, &command), SP_SUCCESS);
  for (char **word = command; *word; word++) {
    strcat(text, *word);
    strcat(text, "|");
  }
  assert_string_equal(text, expected);
  sp_launch_command_free(command);
}

static void test_commands(void **state) {
  (void)state;
  unsetenv("SEISPROC_MPIRUN");
  expect_command(SP_MPIRUN_OPEN_MPI, false,
                 "mpirun|-n|11|--bind-to|none|--map-by|:OVERSUBSCRIBE|/usr/bin/seisproc|run|"
                 "--threads|7|--io-ranks|2|job.yaml|--set|sort=[cdp, offset]|");
  expect_command(SP_MPIRUN_OPEN_MPI, true,
                 "mpirun|-n|11|--bind-to|none|/usr/bin/seisproc|run|"
                 "--threads|7|--io-ranks|2|job.yaml|--set|sort=[cdp, offset]|");
  setenv("SEISPROC_MPIRUN", "srun", 1);
  expect_command(SP_MPIRUN_SLURM, false,
                 "srun|-n|11|--kill-on-bad-exit=1|--overcommit|--cpu-bind=none|/usr/bin/seisproc|"
                 "run|--threads|7|--io-ranks|2|job.yaml|--set|sort=[cdp, offset]|");
  expect_command(SP_MPIRUN_SLURM, true,
                 "srun|-n|11|--kill-on-bad-exit=1|/usr/bin/seisproc|run|"
                 "--threads|7|--io-ranks|2|job.yaml|--set|sort=[cdp, offset]|");
  setenv("SEISPROC_MPIRUN", "/opt/mpich/bin/mpiexec", 1);
  expect_command(SP_MPIRUN_HYDRA, false,
                 "/opt/mpich/bin/mpiexec|-n|11|-bind-to|none|/usr/bin/seisproc|run|"
                 "--threads|7|--io-ranks|2|job.yaml|--set|sort=[cdp, offset]|");
  setenv("SEISPROC_MPIRUN", "", 1);
  assert_string_equal(sp_mpirun_name(), "mpirun");
}

static void test_limits(void **state) {
  (void)state;
  assert_true(sp_machine_limit("200000 100000\n") == 2.0);
  assert_true(sp_machine_limit("150000 100000\n") == 1.5);
  assert_true(sp_machine_limit("8589934592\n") == 8589934592.0);
  assert_true(isnan(sp_machine_limit("max 100000\n")));
  assert_true(isnan(sp_machine_limit("max\n")));
  assert_true(isnan(sp_machine_limit("-1\n")));
  assert_true(isnan(sp_machine_limit("")));
}

static void test_this_machine(void **state) {
  (void)state;
  sp_machine machine;
  sp_machine_look(&machine);
  assert_true(machine.n_cores >= 1 && machine.n_cores <= sysconf(_SC_NPROCESSORS_ONLN));
  assert_true(machine.memory > 1 << 20);
  assert_true(machine.memory <= (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_cores),
      cmocka_unit_test(test_asked_for),
      cmocka_unit_test(test_workers_per_gpu),
      cmocka_unit_test(test_memory),
      cmocka_unit_test(test_kinds),
      cmocka_unit_test(test_hosts),
      cmocka_unit_test(test_commands_on_hosts),
      cmocka_unit_test(test_commands),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_this_machine),
      cmocka_unit_test(test_what_slurm_allots),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
