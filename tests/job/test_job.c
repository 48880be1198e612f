/* SPDX-License-Identifier: BSD-3-Clause */
/* Good job files: what they mean, overrides, difference; and reading the file itself. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "seisproc/memory.h"
#include "tests/job/good_jobs.h"

static double real_param(const sp_job *job, size_t step, const char *key) {
  const sp_param *param = sp_param_find(job->chain[step].processor->params, key);
  assert_non_null(param);
  assert_int_equal(param->type, SP_PARAM_REAL);
  double value;
  memcpy(&value, (const char *)job->chain[step].params + param->offset, sizeof value);
  return value;
}

static void test_meaning(void **state) {
  (void)state;
  sp_job *job = parse(plain);
  assert_string_equal(job->input, "survey.h5");
  assert_string_equal(job->output, "survey-denoised.h5");
  assert_int_equal(job->settings.mode, SP_MODE_BOTH);
  assert_int_equal(job->settings.on_error, SP_ON_ERROR_ZERO);
  assert_int_equal(job->settings.engine, SP_ENGINE_AUTO);
  assert_int_equal(job->settings.workers, SP_PARAM_AUTO);
  assert_int_equal(job->settings.io_ranks, 1);
  assert_int_equal(job->n_sort, 2);
  assert_string_equal(job->sort[0], "cdp");
  assert_string_equal(job->sort[1], "offset");
  assert_int_equal(job->n_steps, 2);
  assert_string_equal(job->chain[0].processor->name, "mute");
  assert_string_equal(job->chain[1].processor->name, "dwt");
  assert_true(real_param(job, 0, "velocity") == 1500.0 && real_param(job, 0, "taper") == 30.0);
  assert_true(real_param(job, 1, "k") == 2.5);
  sp_job_destroy(job);

  job = parse(reordered);
  assert_string_equal(job->input, "a file.h5");
  assert_int_equal(job->settings.engine, SP_ENGINE_CPU);
  assert_int_equal(job->settings.workers, 7);
  assert_int_equal(job->settings.threads, 3);
  assert_int_equal(job->settings.slab_mb, 64);
  assert_true(job->settings.commit_interval == 2.5);
  sp_job_destroy(job);
}

static void test_enumerators(void **state) {
  (void)state;
  static const struct {
    const char *set;
    size_t offset;
    int value;
  } cases[] = {
      {"mode=processed", offsetof(sp_job_settings, mode), SP_MODE_PROCESSED},
      {"mode=noise", offsetof(sp_job_settings, mode), SP_MODE_NOISE},
      {"mode=both", offsetof(sp_job_settings, mode), SP_MODE_BOTH},
      {"on_error=passthrough", offsetof(sp_job_settings, on_error), SP_ON_ERROR_PASSTHROUGH},
      {"on_error=zero", offsetof(sp_job_settings, on_error), SP_ON_ERROR_ZERO},
      {"on_error=abort", offsetof(sp_job_settings, on_error), SP_ON_ERROR_ABORT},
      {"dead_traces=report", offsetof(sp_job_settings, dead_traces), SP_DEAD_TRACES_REPORT},
      {"dead_traces=ignore", offsetof(sp_job_settings, dead_traces), SP_DEAD_TRACES_IGNORE},
      {"engine=auto", offsetof(sp_job_settings, engine), SP_ENGINE_AUTO},
      {"engine=cpu", offsetof(sp_job_settings, engine), SP_ENGINE_CPU},
      {"engine=cuda", offsetof(sp_job_settings, engine), SP_ENGINE_CUDA},
      {"engine=mock", offsetof(sp_job_settings, engine), SP_ENGINE_MOCK},
      {"workers=auto", offsetof(sp_job_settings, workers), SP_PARAM_AUTO},
      {"slab_mb=auto", offsetof(sp_job_settings, slab_mb), SP_PARAM_AUTO},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    sp_job *job = parse_with(plain, &cases[i].set, 1);
    int value;
    memcpy(&value, (const char *)&job->settings + cases[i].offset, sizeof value);
    assert_int_equal(value, cases[i].value);
    sp_job_destroy(job);
  }
}

/* A step can be written in several ways; all of these are the defaults of dwt. */
static void test_spellings_of_a_step(void **state) {
  (void)state;
  static const char *const spellings[] = {
      PATHS "chain: [dwt]\n",
      PATHS "chain: [dwt: ]\n",
      PATHS "chain: [{dwt: {}}]\n",
      PATHS "chain:\n- dwt\n",
      PATHS "chain:\n- dwt:\n",
      PATHS "chain:\n- dwt: ~\n",
      PATHS "chain:\n- dwt: {}\n",
      PATHS "chain:\n- dwt: {k: auto}\n",
      PATHS "chain:\n  - dwt:\n      k: auto\n",
      PATHS "chain:\n- \"dwt\"\n",
      PATHS "chain.0: dwt\n",
      PATHS "chain.0: dwt\nchain.0.dwt.k: auto\n",
      PATHS "chain:\nchain.0: {dwt: {k: auto}}\n",
      "\xef\xbb\xbf%YAML 1.1\n---\r\n" PATHS "chain: [dwt]\r\n...\n",
      "{input: a.h5, output: b.h5, chain: [dwt]}",
      PATHS "chain: [dwt]\nsort: []\n",
  };
  char *expected = NULL;
  for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++) {
    sp_job *job = parse(spellings[i]);
    char *text = canonical(job);
    if (!expected) assert_int_equal(sp_strdup(text, &expected), SP_SUCCESS);
    assert_string_equal(text, expected);
    sp_free(text);
    sp_job_destroy(job);
  }
  sp_free(expected);
}

static void test_overrides(void **state) {
  (void)state;
  static const char *const sets[] = {"chain.1.dwt.k=9",     "chain.1.dwt.k = 1.25",       "mode=noise",
                                     "sort=[offset]",       "input=/data/x=y.h5",         "chain.2=dwt",
                                     "chain.2.dwt.k=4",     "chain.3={mute: {taper: 1}}", "chain.0.mute={t0: 8}",
                                     "chain.0.mute.taper=2"};
  sp_job *job = parse_with(plain, sets, sizeof sets / sizeof sets[0]);
  assert_int_equal(job->settings.mode, SP_MODE_NOISE);
  assert_int_equal(job->n_sort, 1);
  assert_string_equal(job->input, "/data/x=y.h5");
  assert_int_equal(job->n_steps, 4);
  assert_true(real_param(job, 0, "velocity") == 1500.0); /* the default again */
  assert_true(real_param(job, 0, "t0") == 8.0 && real_param(job, 0, "taper") == 2.0);
  assert_true(real_param(job, 1, "k") == 1.25);
  assert_true(real_param(job, 2, "k") == 4.0);
  assert_true(real_param(job, 3, "taper") == 1.0);
  sp_job_destroy(job);

  /* they also mend what is wrong or missing in the text */
  static const char *const mend[] = {"mode=both", "output=c.h5", "chain=[mute, dwt]", "sort=offset"};
  job = parse_with("input: a.h5\nmode: nonsense\nchain: 7\nsort: {}\n", mend, 4);
  assert_int_equal(job->n_steps, 2);
  assert_int_equal(job->n_sort, 1);
  sp_job_destroy(job);

  static const char *const step[] = {"chain.0=mute", "chain.0.mute.taper=3"};
  job = parse_with(PATHS "chain:\n- nonsense: [1]\n", step, 2);
  assert_true(real_param(job, 0, "taper") == 3.0);
  sp_job_destroy(job);
}

static void expect_difference(const char *was, const char *is, const char *expected) {
  char text[256] = "untouched";
  assert_int_equal(sp_job_difference(was, is, text, sizeof text), strcmp(was, is) != 0);
  assert_string_equal(text, expected);
}

static void test_difference(void **state) {
  (void)state;
  expect_difference("", "", "untouched");
  expect_difference("a: 1\nb: 2\n", "a: 1\nb: 2\n", "untouched");
  expect_difference("a: 1\nb: 2\n", "a: 1\nb: 3\n", "b: 2, now 3");
  expect_difference("a: 1\nb: 2\nc: 3\n", "a: 1\nc: 3\n", "b: 2, now not set");
  expect_difference("a: 1\nc: 3\n", "a: 1\nb: 2\nc: 3\n", "b: not set, now 2");
  expect_difference("a: 1\n", "a: 1\nb: 2\n", "b: not set, now 2");
  expect_difference("a: 1\nb: 2\n", "a: 1\n", "b: 2, now not set");
  expect_difference("", "b: 2\n", "b: not set, now 2");
  expect_difference("a: 1\nb: 2\n", "b: 2\na: 3\n", "a: 1, now 3");
  expect_difference("k: 30\n", "k: 3\n", "k: 30, now 3");

  static const struct {
    const char *set, *difference;
  } cases[] = {
      {"mode=noise", "mode: both, now noise"},      {"chain.1.dwt.k=2", "chain.1.dwt.k: 2.5, now 2"},
      {"sort=[]", "sort: [cdp, offset], now []"},   {"chain.0=dwt", "chain.0: mute, now dwt"},
      {"chain.2=dwt", "chain.2: not set, now dwt"}, {"chain=[mute: {taper: 30}]", "chain.1: dwt, now not set"}};
  sp_job *job = parse(plain);
  char *was = canonical(job);
  sp_job_destroy(job);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    job = parse_with(plain, &cases[i].set, 1);
    char *is = canonical(job), text[256];
    assert_true(sp_job_difference(was, is, text, sizeof text));
    assert_string_equal(text, cases[i].difference);
    sp_free(is);
    sp_job_destroy(job);
  }
  sp_free(was);
}

static void expect_unreadable(const char *path, const char *expected) {
  char *log = NULL, *text = NULL;
  size_t size;
  FILE *stream = open_memstream(&log, &size);
  sp_log_set_stream(stream);
  assert_int_equal(sp_job_read_text(path, &text), SP_ERR_USAGE);
  sp_log_set_stream(NULL);
  fclose(stream);
  assert_null(text);
  assert_non_null(strstr(log, path));
  if (!strstr(log, expected)) fail_msg("%s", log);
  assert_ptr_equal(strchr(log, '\n'), log + strlen(log) - 1); /* one line */
  free(log);
}

static void write_file(const char *path, const void *bytes, size_t n) {
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  assert_int_equal(fwrite(bytes, 1, n, file), n);
  fclose(file);
}

static void test_read_text(void **state) {
  (void)state;
  char folder[] = "/tmp/seisproc-job-XXXXXX", path[64], *text = NULL;
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/job.yaml", folder);
  expect_unreadable(folder, "is a directory, not a job file");
  expect_unreadable(path, "cannot be opened: No such file or directory");
  write_file(path, "\x89HDF\r\n\x1a\n\0\0", 10);
  expect_unreadable(path, "is an HDF5 file, not a job file");
  write_file(path, "mode: \0", 7);
  expect_unreadable(path, "is not text; a job file is YAML text in UTF-8");
  char *large = malloc(2 << 20);
  assert_non_null(large);
  memset(large, '\n', 2 << 20);
  write_file(path, large, 2 << 20);
  expect_unreadable(path, "too many for a job file");
  write_file(path, large, 1 << 20);
  assert_int_equal(sp_job_read_text(path, &text), SP_SUCCESS);
  assert_int_equal(strlen(text), 1 << 20);
  sp_free(text);
  free(large);
  write_file(path, plain, sizeof plain - 1);
  assert_int_equal(sp_job_read_text(path, &text), SP_SUCCESS);
  assert_string_equal(text, plain);
  sp_free(text);
  write_file(path, "", 0);
  assert_int_equal(sp_job_read_text(path, &text), SP_SUCCESS);
  assert_string_equal(text, "");
  sp_free(text);
  if (geteuid() != 0) { /* root reads anything */
    chmod(path, 0);
    expect_unreadable(path, "cannot be opened: Permission denied");
  }
  unlink(path);
  rmdir(folder);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_meaning),   cmocka_unit_test(test_enumerators), cmocka_unit_test(test_spellings_of_a_step),
      cmocka_unit_test(test_overrides), cmocka_unit_test(test_difference),  cmocka_unit_test(test_read_text),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
