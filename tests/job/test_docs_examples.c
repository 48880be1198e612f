/* SPDX-License-Identifier: BSD-3-Clause */
/* Every example in docs/job-file.md is a job that is taken without a word, and the mistakes that it shows are those
 * that its first example gives when these two words in it are wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "seisproc/memory.h"
#include "tests/job/job_log.h"

static const char path[] = "docs/job-file.md"; /* tests run in the root of the tree */

static void test_examples(void **state) {
  (void)state;
  static const char opening[] = "\n```yaml\n", closing[] = "\n```\n";
  char *page = NULL;
  assert_int_equal(sp_job_read_text(path, &page), SP_SUCCESS);
  int n = 0;
  for (char *at = strstr(page, opening); at; at = strstr(at, opening), n++) {
    at += sizeof opening - 1;
    char *end = strstr(at, closing);
    assert_non_null(end);
    end[1] = '\0'; /* the example keeps its last line break */
    job_log result = job_log_parse(at, NULL, 0);
    if (result.status != SP_SUCCESS) fail_msg("%s\n%s", at, result.log);
    assert_string_equal(result.log, "");
    job_log_clear(&result);
    at = end + 2;
  }
  assert_true(n >= 6 && n <= 100);
  sp_free(page);
}

/* Replaces the first `was` of the text by as many bytes. */
static void spoil(char *text, const char *was, const char *is) {
  char *at = strstr(text, was);
  assert_non_null(at);
  assert_int_equal(strlen(was), strlen(is));
  memcpy(at, is, strlen(is));
}

static void test_mistakes(void **state) {
  (void)state;
  char *page = NULL;
  assert_int_equal(sp_job_read_text(path, &page), SP_SUCCESS);
  char *example = strstr(page, "```yaml\n") + strlen("```yaml\n");
  char *rest = strstr(example, "```");
  *rest++ = '\0';
  spoil(example, " taper", "tapper");
  spoil(example, "auto", "   0");
  job_log result = job_log_parse(example, NULL, 0);
  assert_int_equal(result.status, SP_ERR_USAGE);
  int n = 0;
  for (char *line = strtok(result.log, "\n"); line; line = strtok(NULL, "\n"), n++) {
    char shown[512];
    snprintf(shown, sizeof shown, "\n    %s\n", line);
    if (!strstr(rest, shown)) fail_msg("not in the page:\n%s", line);
  }
  assert_int_equal(n, 2);
  job_log_clear(&result);
  sp_free(page);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_examples), cmocka_unit_test(test_mistakes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
