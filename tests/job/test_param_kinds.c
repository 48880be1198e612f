/* SPDX-License-Identifier: BSD-3-Clause */
/* Parameters that are texts, paths and lists: what a job file may say, what is refused and with which words, how they
 * stand in canonical text and in the fingerprint. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "seisproc/job.h"
#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/job/job_check.h"

typedef struct values {
  sp_text title;
  sp_path velocity, table;
  sp_numbers f, weights;
  sp_words grid, line, parts;
  double vmax, azimuth;
  int count;
} values;

#define FIELD(name) offsetof(values, name)

static const sp_param table[] = {
    {"title", SP_PARAM_TEXT, "", 0, 0, 0, NULL, NULL, "a title", FIELD(title)},
    {"velocity", SP_PARAM_PATH, "1500", 100, 10000, SP_PARAM_OR_NUMBER, NULL, "m/s", "a velocity", FIELD(velocity)},
    {"table", SP_PARAM_PATH, "", 0, 0, 0, NULL, NULL, "a table", FIELD(table)},
    {"f", SP_PARAM_NUMBERS, "[]", 0, 1000, SP_PARAM_ITEMS(4, 4) | SP_PARAM_ASCENDING, NULL, "Hz", "corners", FIELD(f)},
    {"weights", SP_PARAM_NUMBERS, "[1, 2.5]", -INFINITY, INFINITY, 0, NULL, NULL, "weights", FIELD(weights)},
    {"grid", SP_PARAM_HEADERS, "[iline, xline]", 0, 0, SP_PARAM_ITEMS(2, 2), NULL, NULL, "a grid", FIELD(grid)},
    {"line", SP_PARAM_HEADERS, "[]", 0, 0, SP_PARAM_ITEMS(0, 1), NULL, NULL, "a line", FIELD(line)},
    {"parts", SP_PARAM_WORDS, "[top]", 0, 0, SP_PARAM_ITEMS(1, 3), "top|bottom|inside", NULL, "parts", FIELD(parts)},
    {"vmax", SP_PARAM_REAL, NULL, 0, 1e6, 0, "inf", "m/s", "a velocity that a job must give", FIELD(vmax)},
    {"azimuth", SP_PARAM_REAL, "none", 0, 360, 0, "none", "deg", "a direction", FIELD(azimuth)},
    {"count", SP_PARAM_INT, "auto", 1, 9, 0, "auto|inf", NULL, "a count", FIELD(count)},
    {0}};

static const sp_processor processor = {
    .name = "test", .summary = "a test", .params = table, .params_size = sizeof(values), .example = "vmax: 1800"};

/* Reads "key: value" as in a job file; returns what was logged, "" where all is well; the caller frees it. */
static char *read_value(const char *text, values *v) {
  char *log = NULL;
  size_t size;
  sp_mistakes mistakes = {.path = "job.yaml"};
  sp_yaml_node *tree = NULL;
  FILE *stream = open_memstream(&log, &size);
  sp_log_set_stream(stream);
  assert_int_equal(sp_yaml_read(&mistakes, text, NULL, &tree), SP_SUCCESS);
  assert_non_null(tree->first);
  const sp_param *param = sp_param_find(table, tree->first->key);
  assert_non_null(param);
  sp_job_check_value(&mistakes, "", tree->first, param, v);
  sp_yaml_destroy(tree);
  sp_log_set_stream(NULL);
  fclose(stream);
  return log;
}

static char *folder(void) {
  static char path[] = "/tmp/seisproc-param-XXXXXX";
  if (path[strlen(path) - 1] == 'X') assert_non_null(mkdtemp(path));
  return path;
}

static const char *write_file(const char *name, const char *text) {
  static char path[256];
  snprintf(path, sizeof path, "%s/%s", folder(), name);
  FILE *file = fopen(path, "w");
  assert_non_null(file);
  fputs(text, file);
  fclose(file);
  return path;
}

static void test_defaults(void **state) {
  (void)state;
  values v;
  memset(&v, 0x55, sizeof v);
  sp_param_set_defaults(table, &v);
  assert_string_equal(v.title.text, "");
  assert_true(v.velocity.number == 1500 && !*v.velocity.path);
  assert_true(isnan(v.table.number) && !*v.table.path);
  assert_int_equal(v.f.n, 0);
  assert_true(v.weights.n == 2 && v.weights.value[1] == 2.5);
  assert_true(v.grid.n == 2 && !strcmp(v.grid.word[1], "xline"));
  assert_int_equal(v.line.n, 0);
  assert_true(isnan(v.vmax) && isnan(v.azimuth));
  assert_int_equal(v.count, SP_PARAM_AUTO);
  sp_processor_example(&processor, &v);
  assert_true(v.vmax == 1800);
}

static void test_taken(void **state) {
  (void)state;
  static const struct {
    const char *text, *written;
  } cases[] = {
      {"title: 'a: b, \"c\"'", "a: b, \"c\""},
      {"title: 12", "12"},
      {"title: \"\"", ""},
      {"velocity: 2000.0", "2000"},
      {"f: [1, 2, 30, 4e1]", "[1, 2, 30, 40]"},
      {"f: []", "[]"},
      {"weights: -3", "[-3]"},
      {"weights: [3, 2, 2]", "[3, 2, 2]"},
      {"grid: [sx, gx]", "[sx, gx]"},
      {"line: 'ffid'", "[ffid]"},
      {"line: []", "[]"},
      {"parts: [inside, top]", "[inside, top]"},
      {"vmax: inf", "inf"},
      {"vmax: 3", "3"},
      {"azimuth: none", "none"},
      {"count: inf", "inf"},
      {"count: auto", "auto"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    values v, back;
    char text[SP_PARAM_VALUE_SIZE], why[SP_WHY_SIZE];
    memset(&v, 0, sizeof v);
    sp_param_set_defaults(table, &v);
    char *log = read_value(cases[i].text, &v);
    assert_string_equal(log, "");
    free(log);
    char key[32];
    assert_int_equal(sscanf(cases[i].text, "%31[^:]", key), 1);
    const sp_param *param = sp_param_find(table, key);
    sp_param_format(param, &v, text, sizeof text);
    assert_string_equal(text, cases[i].written);
    memset(&back, 0, sizeof back);
    sp_param_set_defaults(table, &back);
    assert_int_equal(sp_param_parse(param, text, &back, why, sizeof why), SP_SUCCESS);
    assert_memory_equal(&v, &back, sizeof v);
  }
}

static void test_refused(void **state) {
  (void)state;
  static const struct {
    const char *text, *why;
  } cases[] = {
      {"title: [a, b]", "title: found a list, allowed is a text of at most 255 bytes in one line"},
      {"title:", "title: found nothing, allowed is a text of at most 255 bytes in one line"},
      {"title: \"a\\tb\"", "title: found 'a?b', allowed is a text of at most 255 bytes in one line"},
      {"velocity: no/such.file", "velocity: 'no/such.file' cannot be read: No such file or directory"},
      {"velocity: /tmp", "velocity: '/tmp' cannot be read: it is a directory"},
      {"table: /dev/null", "table: '/dev/null' cannot be read: it is no file"},
      {"velocity: {a: b}",
       "velocity: found a mapping, allowed is the path of a file, or a number from 100 to 10000 m/s"},
      {"f: [1, 2, 3]", "f: found '[1, 2, 3]', allowed is a list of 4 ascending numbers from 0 to 1000 Hz"},
      {"f: [1, 2, 2, 3]", "f: found '[1, 2, 2, 3]', allowed is a list of 4 ascending numbers from 0 to 1000 Hz"},
      {"f: [1, 2, x, 4]", "f: found '[1, 2, x, 4]', allowed is a list of 4 ascending numbers from 0 to 1000 Hz"},
      {"f: [1, 2, \"3\", 4]",
       "f: found the text \"3\", allowed is a list of 4 ascending numbers from 0 to 1000 Hz, without quotes"},
      {"f: [1, 2, [3], 4]", "f: found a list, allowed is a list of 4 ascending numbers from 0 to 1000 Hz"},
      {"f: {a: 1}", "f: found a mapping, allowed is a list of 4 ascending numbers from 0 to 1000 Hz"},
      {"grid: [iline]", "grid: found 'iline', allowed is a list of 2 header names, such as [cdp, offset]"},
      {"grid: [a, a]", "grid: found '[a, a]', allowed is a list of 2 header names, such as [cdp, offset]"},
      {"grid: [a, b c]", "grid: found '[a, b c]', allowed is a list of 2 header names, such as [cdp, offset]"},
      {"line: [a, b]", "line: found '[a, b]', allowed is a list of at most 1 header names, such as [cdp, offset]"},
      {"parts: []", "parts: found '[]', allowed is a list of 1 to 3 words among top, bottom, inside"},
      {"parts: topp", "parts: found 'topp', allowed is a list of 1 to 3 words among top, bottom, inside; did you mean "
                      "'top'?"},
      {"vmax: auto", "vmax: found 'auto', allowed is a number from 0 to 1000000 m/s, or inf"},
      {"count: none", "count: found 'none', allowed is an integer from 1 to 9, or auto or inf"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    values v, before;
    char expected[512];
    memset(&v, 0, sizeof v);
    sp_param_set_defaults(table, &v);
    before = v;
    char *log = read_value(cases[i].text, &v);
    snprintf(expected, sizeof expected, "seisproc: error: job.yaml:1: %s\n", cases[i].why);
    assert_string_equal(log, expected);
    free(log);
    if (!strstr(cases[i].why, "cannot be read")) assert_memory_equal(&v, &before, sizeof v);
  }
}

static void test_too_many(void **state) {
  (void)state;
  char text[2048] = "weights: [0";
  values v;
  sp_param_set_defaults(table, &v);
  for (int i = 1; i < SP_MAX_NUMBERS; i++) snprintf(text + strlen(text), sizeof text - strlen(text), ", %d", i);
  const size_t end = strlen(text);
  snprintf(text + end, sizeof text - end, "]");
  char *log = read_value(text, &v);
  assert_string_equal(log, "");
  free(log);
  assert_int_equal(v.weights.n, SP_MAX_NUMBERS);
  snprintf(text + end, sizeof text - end, ", 64, 65, 66]");
  log = read_value(text, &v);
  assert_non_null(strstr(log, "allowed is a list of numbers"));
  free(log);
}

static void canonical(const values *v, char **text, char hex[SP_FINGERPRINT_LENGTH + 1]) {
  sp_chain_step step = {.processor = &processor, .params = v};
  const sp_job job = {.chain = &step, .n_steps = 1};
  assert_int_equal(sp_job_canonical(&job, text), SP_SUCCESS);
  assert_int_equal(sp_job_fingerprint(&job, hex), SP_SUCCESS);
}

/* The contents of a file count, its name does not. */
static void test_fingerprint(void **state) {
  (void)state;
  char *text, first[SP_FINGERPRINT_LENGTH + 1], other[SP_FINGERPRINT_LENGTH + 1], why[SP_WHY_SIZE];
  values v;
  memset(&v, 0, sizeof v);
  sp_processor_example(&processor, &v);
  assert_int_equal(sp_param_parse(sp_param_find(table, "title"), "a \"b\" \\", &v, why, sizeof why), SP_SUCCESS);
  assert_int_equal(sp_param_parse(sp_param_find(table, "table"), write_file("one", "1 2\n"), &v, why, sizeof why),
                   SP_SUCCESS);
  canonical(&v, &text, first);
  assert_non_null(strstr(text, "chain.0.test.title: \"a \\\"b\\\" \\\\\"\n"));
  assert_non_null(strstr(text, "chain.0.test.velocity: 1500\n"));
  assert_non_null(strstr(text, "chain.0.test.table: contents xxh128 "));
  assert_non_null(strstr(text, "chain.0.test.grid: [iline, xline]\n"));
  assert_null(strstr(text, folder()));
  sp_free(text);

  sp_param_parse(sp_param_find(table, "table"), write_file("two", "1 2\n"), &v, why, sizeof why);
  canonical(&v, &text, other);
  assert_string_equal(first, other);
  sp_free(text);
  write_file("two", "1 3\n");
  canonical(&v, &text, other);
  assert_string_not_equal(first, other);
  sp_free(text);
}

static void test_file_that_is_gone(void **state) {
  (void)state;
  values v;
  char why[SP_WHY_SIZE], *text = NULL, *log = NULL;
  size_t size;
  memset(&v, 0, sizeof v);
  sp_processor_example(&processor, &v);
  const char *path = write_file("three", "x");
  sp_param_parse(sp_param_find(table, "table"), path, &v, why, sizeof why);
  unlink(path);
  sp_chain_step step = {.processor = &processor, .params = &v};
  const sp_job job = {.chain = &step, .n_steps = 1};
  FILE *stream = open_memstream(&log, &size);
  sp_log_set_stream(stream);
  assert_int_equal(sp_job_canonical(&job, &text), SP_ERR_INPUT);
  sp_log_set_stream(NULL);
  fclose(stream);
  assert_null(text);
  assert_non_null(strstr(log, "cannot be opened: No such file or directory"));
  free(log);
}

/* Columns of a processor: fixed ones, then those of its parameters; needed ones must be there. */
static size_t grid_headers(const void *params, const char **names, size_t max) {
  const values *v = params;
  size_t n = 0;
  for (; n < v->grid.n && n < max; n++) names[n] = v->grid.word[n];
  return n;
}

static sp_status check_shape(const void *params, const sp_survey_shape *shape, char *why, size_t why_size) {
  if (shape->n_samples >= 100) return SP_SUCCESS;
  snprintf(why, why_size, "needs 100 samples, there are %u", shape->n_samples);
  return SP_ERR_USAGE;
}

static char *shape_log(const sp_processor *p, const values *v, const sp_survey_shape *shape) {
  char *log = NULL;
  size_t size;
  const sp_chain_step step = {.processor = p, .params = v};
  FILE *stream = open_memstream(&log, &size);
  sp_log_set_stream(stream);
  const sp_status status = sp_chain_check_shape("a.h5", &step, 1, shape);
  sp_log_set_stream(NULL);
  fclose(stream);
  assert_int_equal(status == SP_SUCCESS, *log == '\0');
  return log;
}

static void test_shape(void **state) {
  (void)state;
  values v;
  memset(&v, 0, sizeof v);
  sp_processor_example(&processor, &v);
  sp_processor p = processor;
  p.headers[0] = "offset";
  p.headers[1] = "delrt?";
  p.more_headers = grid_headers;
  p.check_shape = check_shape;
  const char *names[SP_MAX_PROCESSOR_HEADERS];
  assert_int_equal(sp_processor_headers(&p, &v, names), 4);
  assert_string_equal(names[1], "delrt?");
  assert_string_equal(names[3], "xline");
  const sp_column columns[] = {{.name = "iline"}, {.name = "offset"}, {.name = "xline"}};
  sp_survey_shape shape = {.n_samples = 100, .columns = columns, .n_columns = 3};
  char *log = shape_log(&p, &v, &shape);
  assert_string_equal(log, "");
  free(log);
  shape.n_columns = 2;
  log = shape_log(&p, &v, &shape);
  assert_string_equal(log, "seisproc: error: a.h5: has no trace header 'xline', which test needs\n");
  free(log);
  shape.n_columns = 3;
  shape.n_samples = 99;
  log = shape_log(&p, &v, &shape);
  assert_string_equal(log, "seisproc: error: a.h5: chain.0.test: needs 100 samples, there are 99\n");
  free(log);
}

static int remove_folder(void **state) {
  (void)state;
  char command[512];
  snprintf(command, sizeof command, "rm -rf '%s'", folder());
  return system(command);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_defaults),    cmocka_unit_test(test_taken),
                                     cmocka_unit_test(test_refused),     cmocka_unit_test(test_too_many),
                                     cmocka_unit_test(test_fingerprint), cmocka_unit_test(test_file_that_is_gone),
                                     cmocka_unit_test(test_shape)};
  return cmocka_run_group_tests(tests, NULL, remove_folder);
}
