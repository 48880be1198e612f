/* Good job files: what they mean, overrides, canonical text, fingerprint, difference; and reading the file itself. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "seisproc/memory.h"
#include "tests/job/job_log.h"

#define PATHS "input: a.h5\noutput: b.h5\n"

/* The job of design and docs, twice: the same job in two spellings. */
static const char plain[] = "input: survey.h5\n"
                            "output: survey-denoised.h5\n"
                            "mode: both                 # processed | noise | both\n"
                            "sort: [cdp, offset]\n"
                            "chain:\n"
                            "  - mute: {velocity: 1500, taper: 30, where: top}\n"
                            "  - dwt: {wavelet: db4, transform: swt, level: auto, threshold: garrote, k: 2.5}\n"
                            "on_error: zero\n"
                            "engine: auto\n";

static const char reordered[] = "# another spelling\n"
                                "on_error: \"zero\"\n"
                                "workers: 7\n"
                                "threads: 3\n"
                                "io_ranks: 2\n"
                                "slots: 5\n"
                                "slab_mb: 64\n"
                                "commit_interval: 2.5\n"
                                "engine: cpu\n"
                                "chain:\n"
                                "- mute:\n"
                                "    where: 'top'\n"
                                "    velocity: 1.5e3\n"
                                "    taper: 30.0\n"
                                "- dwt:\n"
                                "    k: 25e-1\n"
                                "sort:\n"
                                "- cdp\n"
                                "- offset\n"
                                "mode: both\n"
                                "output: elsewhere.h5\n"
                                "input: \"a file.h5\"\n";

static sp_job *parse_with(const char *text, const char *const *overrides, size_t n) {
  job_log result = job_log_parse(text, overrides, n);
  if (result.status != SP_SUCCESS) fail_msg("refused:\n%s\n%s", text, result.log);
  assert_string_equal(result.log, "");
  free(result.log);
  return result.job;
}

static sp_job *parse(const char *text) {
  return parse_with(text, NULL, 0);
}

static char *canonical(const sp_job *job) {
  char *text = NULL;
  assert_int_equal(sp_job_canonical(job, &text), SP_SUCCESS);
  return text;
}

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

static void test_canonical(void **state) {
  (void)state;
  sp_job *job = parse(plain);
  char *text = canonical(job), *again;
  static const char head[] = "mode: both\non_error: zero\nnan: trace\ntrid: seismic\nprecision: float32\nqc: "
                             "gather\nsort: [cdp, offset]\nchain.0: mute\n"
                             "chain.0.mute.velocity: 1500\n";
  if (strncmp(text, head, sizeof head - 1) != 0) fail_msg("%s", text);
  assert_non_null(strstr(text, "\nchain.1: dwt\nchain.1.dwt.wavelet: db4\n"));
  assert_non_null(strstr(text, "\nchain.1.dwt.level: auto\n"));
  assert_null(strstr(text, "survey"));
  assert_null(strstr(text, "engine"));
  sp_job_destroy(job);

  /* with paths it is a job file, and that has the same canonical text */
  char *whole = malloc(strlen(text) + sizeof PATHS);
  assert_non_null(whole);
  sprintf(whole, "%s%s", PATHS, text);
  job = parse(whole);
  again = canonical(job);
  assert_string_equal(text, again);
  sp_job_destroy(job);
  free(whole);
  sp_free(again);
  sp_free(text);
}

static void fingerprint_of(const char *text, const char *set, char hex[SP_FINGERPRINT_LENGTH + 1]) {
  sp_job *job = parse_with(text, &set, set ? 1 : 0);
  assert_int_equal(sp_job_fingerprint(job, hex), SP_SUCCESS);
  assert_int_equal(strlen(hex), SP_FINGERPRINT_LENGTH);
  assert_int_equal(strspn(hex, "0123456789abcdef"), SP_FINGERPRINT_LENGTH);
  sp_job_destroy(job);
}

static void test_fingerprint_equal(void **state) {
  (void)state;
  static const char *const harmless[] = {"engine=cpu",
                                         "workers_per_gpu=2",
                                         "workers=5",
                                         "threads=9",
                                         "io_ranks=2",
                                         "slots=8",
                                         "slab_mb=1",
                                         "commit_interval=100",
                                         "input=q.h5",
                                         "output=/dir/r.h5",
                                         "chain.1.dwt.level=auto",
                                         "chain.1.dwt.k=2.50",
                                         "dead_traces=ignore"};
  char base[SP_FINGERPRINT_LENGTH + 1], other[SP_FINGERPRINT_LENGTH + 1];
  fingerprint_of(plain, NULL, base);
  fingerprint_of(reordered, NULL, other);
  assert_string_equal(base, other);
  for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++) {
    fingerprint_of(plain, harmless[i], other);
    assert_string_equal(base, other);
  }
}

/* As many items as are needed, at least one: words of the choices, names, or numbers up to the largest. */
static bool another_list(const sp_param *param, char *text, size_t size) {
  const unsigned fewest = param->rules >> 8 & 0xff, n = fewest ? fewest : 1;
  const char *choice = param->choices;
  size_t used = (size_t)snprintf(text, size, "[");
  for (unsigned i = 0; i < n; i++) {
    used += (size_t)snprintf(text + used, size - used, "%s", i ? ", " : "");
    if (param->type == SP_PARAM_NUMBERS) {
      const double width = isfinite(param->min) ? param->max - param->min : 1;
      used += (size_t)snprintf(text + used, size - used, "%.17g", param->max - width * 1e-6 * (n - 1 - i));
    } else if (choice) {
      used += (size_t)snprintf(text + used, size - used, "%.*s", (int)strcspn(choice, "|"), choice);
      choice += strcspn(choice, "|") + (choice[strcspn(choice, "|")] == '|');
    } else {
      used += (size_t)snprintf(text + used, size - used, "another%u", i);
    }
  }
  snprintf(text + used, size - used, "]");
  return !param->standard || strcmp(text, param->standard) != 0;
}

/* A file that paths may name. */
static const char *some_file(void) {
  static char path[] = "/tmp/seisproc-test-XXXXXX";
  if (path[strlen(path) - 1] == 'X') {
    const int file = mkstemp(path);
    assert_true(file >= 0 && write(file, "text", 4) == 4);
    close(file);
  }
  return path;
}

/* A value of the parameter that is not the default, as an override would write it; false where there is none. */
static bool another_value(const sp_param *param, char *text, size_t size) {
  const char *standard = param->standard ? param->standard : "";
  switch (param->type) {
  case SP_PARAM_BOOL:
    snprintf(text, size, "%s", strcmp(standard, "true") ? "true" : "false");
    return true;
  case SP_PARAM_CHOICE: {
    const char *choice = param->choices;
    const size_t length = strlen(standard);
    if (strcspn(choice, "|") == length && !strncmp(choice, standard, length)) choice += length + 1;
    snprintf(text, size, "%.*s", (int)strcspn(choice, "|"), choice);
    return true;
  }
  case SP_PARAM_TEXT:
    snprintf(text, size, "another text");
    return true;
  case SP_PARAM_CONDITION:
    snprintf(text, size, "offset > 3000");
    return true;
  case SP_PARAM_PATH:
    snprintf(text, size, "%s", some_file());
    return true;
  case SP_PARAM_HEADERS:
  case SP_PARAM_WORDS:
  case SP_PARAM_NUMBERS:
    return another_list(param, text, size);
  default:
    snprintf(text, size, "%.17g", param->max);
    if (!strcmp(text, standard)) snprintf(text, size, "%.17g", param->min);
    return strcmp(text, standard) != 0;
  }
}

static void expect_change(const char *text, const char *set) {
  char base[SP_FINGERPRINT_LENGTH + 1], other[SP_FINGERPRINT_LENGTH + 1];
  fingerprint_of(text, NULL, base);
  fingerprint_of(text, set, other);
  if (!strcmp(base, other)) fail_msg("%s does not change the fingerprint", set);
}

static void test_fingerprint_differs(void **state) {
  (void)state;
  static const char *const sets[] = {"mode=noise",  "mode=processed",    "on_error=passthrough",
                                     "sort=[cdp]",  "sort=[offset,cdp]", "sort=[]",
                                     "chain.2=dwt", "chain.0=dwt",       "chain=[mute]"};
  for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) expect_change(plain, sets[i]);
}

/* Each single parameter of each processor counts. Changes that the processor itself refuses are left out: they are
 * tried on a struct, where nothing checks them. */
static void test_every_parameter_counts(void **state) {
  (void)state;
  const sp_processor *processor;
  for (size_t i = 0; (processor = sp_processor_at(i)); i++) {
    for (const sp_param *param = processor->params; param->key; param++) {
      char text[512], value[SP_PARAM_VALUE_SIZE], why[SP_WHY_SIZE], base[SP_FINGERPRINT_LENGTH + 1],
          other[SP_FINGERPRINT_LENGTH + 1];
      snprintf(text, sizeof text, PATHS "chain: [%s: {%s}]\n", processor->name,
               processor->example ? processor->example : "");
      assert_true(another_value(param, value, sizeof value));
      sp_job *job = parse(text);
      assert_int_equal(sp_job_fingerprint(job, base), SP_SUCCESS);
      void *params = (void *)(uintptr_t)job->chain[0].params;
      if (sp_param_parse(param, value, params, why, sizeof why)) fail_msg("%s: %s", processor->name, why);
      assert_int_equal(sp_job_fingerprint(job, other), SP_SUCCESS);
      if (!strcmp(base, other)) fail_msg("%s.%s does not change the fingerprint", processor->name, param->key);
      sp_job_destroy(job);
    }
  }
}

/* A fingerprint that is kept in a file must mean the same tomorrow. */
static void test_fingerprint_is_fixed(void **state) {
  (void)state;
  char hex[SP_FINGERPRINT_LENGTH + 1];
  sp_job job = {.settings = {.mode = SP_MODE_NOISE}};
  char *text = canonical(&job);
  assert_string_equal(
      text, "mode: noise\non_error: passthrough\nnan: trace\ntrid: seismic\nprecision: float32\nqc: none\nsort: []\n");
  sp_free(text);
  assert_int_equal(sp_job_fingerprint(&job, hex), SP_SUCCESS);
  assert_string_equal(hex, "97326f9060c89961d0284111a6eb67cc");
}

static void check_table(const char *name, const sp_param *table, size_t size) {
  char *values = calloc(1, size), *back = calloc(1, size);
  assert_true(values && back);
  for (const sp_param *param = table; param->key; param++) {
    char why[SP_WHY_SIZE], text[SP_PARAM_VALUE_SIZE], other[SP_PARAM_VALUE_SIZE];
    if (param->standard && sp_param_parse(param, param->standard, values, why, sizeof why))
      fail_msg("%s: default of %s", name, why);
    assert_true(param->help && *param->help);
    assert_null(strchr(param->help, '\n'));
    assert_ptr_equal(sp_param_find(table, param->key), param); /* no key twice */
    sp_param_format(param, values, text, sizeof text);
    if (param->standard) {
      assert_int_equal(sp_param_parse(param, text, back, why, sizeof why), SP_SUCCESS);
      sp_param_format(param, back, other, sizeof other);
      assert_string_equal(text, other);
    }
    assert_true(another_value(param, text, sizeof text));
    if (sp_param_parse(param, text, values, why, sizeof why)) fail_msg("%s: %s", name, why);
    sp_param_format(param, values, other, sizeof other);
    assert_int_equal(sp_param_parse(param, other, back, why, sizeof why), SP_SUCCESS);
  }
  assert_memory_equal(values, back, size);
  free(back);
  free(values);
}

static void test_tables(void **state) {
  (void)state;
  check_table("job", sp_job_params, sizeof(sp_job_settings));
  const sp_processor *processor;
  for (size_t i = 0; (processor = sp_processor_at(i)); i++) {
    check_table(processor->name, processor->params, processor->params_size);
    assert_ptr_equal(sp_processor_find(processor->name), processor);
    assert_null(strchr(processor->name, '.'));
    assert_true(processor->summary && *processor->summary);
  }
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

static int count_key(const char *const *list, const char *key) {
  int n = 0;
  for (; *list; list++) n += !strcmp(*list, key);
  return n;
}

/* A new setting must be put into one of the two lists. */
static void test_every_setting_decides_bits_or_does_not(void **state) {
  (void)state;
  size_t n_settings = 0, n_listed = 0;
  for (const sp_param *p = sp_job_params; p->key; p++, n_settings++) {
    const int n = count_key(sp_settings_that_decide, p->key) + count_key(sp_settings_that_do_not, p->key);
    if (n != 1) fail_msg("%s: in %d of the lists of settings that decide bits and that do not", p->key, n);
  }
  for (const char *const *k = sp_settings_that_decide; *k; k++) n_listed++;
  for (const char *const *k = sp_settings_that_do_not; *k; k++) n_listed++;
  assert_int_equal(n_listed, n_settings);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_every_setting_decides_bits_or_does_not),
      cmocka_unit_test(test_meaning),
      cmocka_unit_test(test_enumerators),
      cmocka_unit_test(test_spellings_of_a_step),
      cmocka_unit_test(test_overrides),
      cmocka_unit_test(test_canonical),
      cmocka_unit_test(test_fingerprint_equal),
      cmocka_unit_test(test_fingerprint_differs),
      cmocka_unit_test(test_every_parameter_counts),
      cmocka_unit_test(test_fingerprint_is_fixed),
      cmocka_unit_test(test_tables),
      cmocka_unit_test(test_difference),
      cmocka_unit_test(test_read_text),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
