/* SPDX-License-Identifier: BSD-3-Clause */
/* The canonical text of a job and its fingerprint: they follow from all that decides bits, and from nothing else. */
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
  return !param->default_text || strcmp(text, param->default_text) != 0;
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
  const char *standard = param->default_text ? param->default_text : "";
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
  assert_string_equal(text, "mode: noise\non_error: passthrough\nnan: trace\ntrid: seismic\nprecision: float32\n"
                            "qc: none\nsort: []\n");
  sp_free(text);
  assert_int_equal(sp_job_fingerprint(&job, hex), SP_SUCCESS);
  assert_string_equal(hex, "97326f9060c89961d0284111a6eb67cc");
}

static void check_table(const char *name, const sp_param *table, size_t size) {
  char *values = calloc(1, size), *back = calloc(1, size);
  assert_true(values && back);
  for (const sp_param *param = table; param->key; param++) {
    char why[SP_WHY_SIZE], text[SP_PARAM_VALUE_SIZE], other[SP_PARAM_VALUE_SIZE];
    if (param->default_text && sp_param_parse(param, param->default_text, values, why, sizeof why))
      fail_msg("%s: default of %s", name, why);
    assert_true(param->help && *param->help);
    assert_null(strchr(param->help, '\n'));
    assert_ptr_equal(sp_param_find(table, param->key), param); /* no key twice */
    sp_param_format(param, values, text, sizeof text);
    if (param->default_text) {
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
      cmocka_unit_test(test_canonical),
      cmocka_unit_test(test_fingerprint_equal),
      cmocka_unit_test(test_fingerprint_differs),
      cmocka_unit_test(test_every_parameter_counts),
      cmocka_unit_test(test_fingerprint_is_fixed),
      cmocka_unit_test(test_tables),
      cmocka_unit_test(test_every_setting_decides_bits_or_does_not),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
