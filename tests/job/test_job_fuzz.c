/* SPDX-License-Identifier: BSD-3-Clause */
/* timeout: 120 */
/* Job files with random damage: never a crash, and always a job or at least one line that says why not. The seed and
 * the number of rounds may be given as arguments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "seisproc/memory.h"
#include "tests/job/job_log.h"

enum { SIZE = 1024 };

static const char *const seeds[] = {
    ("input: survey.h5\noutput: out.h5\nmode: both # comment\nsort: [cdp, offset]\nchain:\n  - mute: {velocity: 1500, "
     "taper: 20, where: top}\n  - dwt: {wavelet: db4, level: auto, k: 3.0, aperture: 7}\non_error: zero\nengine: "
     "cpu\n"),
    "input: \"a b\"\noutput: 'c'\nchain.0: mute\nchain.0.mute.t0: -3e1\nchain.1: dwt\nslab_mb: auto\nworkers: 12\n",
    "{input: a, output: b, chain: [dwt, {mute: {t0: 1}}], threads: 3}\n",
    "? input\n: &x !!str a\noutput: *x\nchain:\n- dwt:\n    k: |\n      3\n- mute: ~\n---\nb\n...\n",
};

/* Pieces that mean something to YAML or to us. */
static const char *const pieces[] = {"{",
                                     "}",
                                     "[",
                                     "]",
                                     ": ",
                                     ":",
                                     "- ",
                                     ", ",
                                     "\n",
                                     "\n  ",
                                     "\t",
                                     "'",
                                     "\"",
                                     "\\0",
                                     "&a ",
                                     "*a",
                                     "!!int ",
                                     "---\n",
                                     "...",
                                     "# ",
                                     "%YAML ",
                                     "|\n",
                                     ">\n",
                                     "? ",
                                     "~",
                                     "null",
                                     "1e400",
                                     "-",
                                     "nan",
                                     ".inf",
                                     "0x1f",
                                     "007",
                                     "yes",
                                     "auto",
                                     "chain.",
                                     "chain.0.dwt.k",
                                     "mode",
                                     "dwt",
                                     "mute",
                                     "\xff",
                                     "\xc3",
                                     "\xe2\x82\xac",
                                     "\xef\xbb\xbf",
                                     "\r\n",
                                     "<<",
                                     "99999999999999999999",
                                     "k: ",
                                     "{{{{{{{{"};

static uint64_t random_bits(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

static size_t below(uint64_t *state, size_t n) {
  return (size_t)(random_bits(state) >> 11) % n;
}

/* Inserts, removes, overwrites or doubles some bytes of the text. */
static void damage(uint64_t *state, char *text) {
  size_t n = strlen(text);
  const size_t at = n ? below(state, n) : 0, length = n ? below(state, n - at < 12 ? n - at + 1 : 12) : 0;
  const char *piece = pieces[below(state, sizeof pieces / sizeof pieces[0])];
  char copy[16] = "";
  switch (below(state, 4)) {
  case 0:
    memmove(text + at, text + at + length, n - at - length + 1);
    return;
  case 1:
    if (n) text[at] = (char)(1 + below(state, 255));
    return;
  case 2:
    memcpy(copy, text + at, length);
    piece = copy;
    break;
  default:
    break;
  }
  const size_t m = strlen(piece);
  if (n + m >= SIZE) return;
  const size_t to = n ? below(state, n + 1) : 0;
  memmove(text + to + m, text + to, n - to + 1);
  memcpy(text + to, piece, m);
}

/* A job that was taken must survive being written out. */
static void check_job(const sp_job *job) {
  char *text, *again, hex[SP_FINGERPRINT_LENGTH + 1];
  assert_int_equal(sp_job_canonical(job, &text), SP_SUCCESS);
  assert_int_equal(sp_job_fingerprint(job, hex), SP_SUCCESS);
  char *whole = malloc(strlen(text) + 32);
  assert_non_null(whole);
  sprintf(whole, "input: a\noutput: b\n%s", text);
  job_log back = job_log_parse(whole, NULL, 0);
  if (!back.job) fail_msg("%s\n%s", whole, back.log);
  assert_int_equal(sp_job_canonical(back.job, &again), SP_SUCCESS);
  assert_string_equal(text, again);
  sp_free(text);
  sp_free(again);
  free(whole);
  job_log_clear(&back);
}

static void check_result(const job_log *result, const char *text) {
  if (result->status == SP_SUCCESS) {
    assert_non_null(result->job);
    assert_string_equal(result->log, "");
    check_job(result->job);
  } else {
    assert_int_equal(result->status, SP_ERR_USAGE);
    assert_null(result->job);
    const size_t n = strlen(result->log);
    if (n == 0 || result->log[n - 1] != '\n') fail_msg("no reason for refusing\n%s", text);
    for (size_t i = 0; i < n; i++) {
      if ((unsigned char)result->log[i] < ' ' && result->log[i] != '\n') fail_msg("raw bytes in\n%s", result->log);
    }
  }
}

static uint64_t seed = 20240601;
static size_t rounds = 50000;

static void test_damaged_files(void **state) {
  (void)state;
  uint64_t random = seed;
  size_t taken = 0;
  for (size_t i = 0; i < rounds; i++) {
    char text[SIZE];
    strcpy(text, seeds[below(&random, sizeof seeds / sizeof seeds[0])]);
    for (size_t k = below(&random, 4) + 1; k > 0; k--) damage(&random, text);
    job_log result = job_log_parse(text, NULL, 0);
    check_result(&result, text);
    taken += result.job != NULL;
    job_log_clear(&result);
  }
  /* the damage must neither spare all nor spoil all, or nothing is tried */
  assert_true(taken >= rounds / 100 && taken <= rounds - rounds / 10);
}

static void test_damaged_overrides(void **state) {
  (void)state;
  static const char *const sets[] = {"chain.1.dwt.k=2.5",       "mode=noise",
                                     "sort=[cdp, offset]",      "chain.2={mute: {t0: 3}}",
                                     "chain.0.mute={taper: 3}", "chain=[dwt]"};
  uint64_t random = seed ^ 0x5555;
  for (size_t i = 0; i < rounds; i++) {
    char one[SIZE], two[SIZE];
    const char *overrides[] = {one, two};
    strcpy(one, sets[below(&random, sizeof sets / sizeof sets[0])]);
    strcpy(two, sets[below(&random, sizeof sets / sizeof sets[0])]);
    damage(&random, one);
    if (below(&random, 2)) damage(&random, two);
    job_log result = job_log_parse(seeds[below(&random, 3)], overrides, 2);
    check_result(&result, one);
    job_log_clear(&result);
  }
}

int main(int argc, char **argv) {
  if (argc > 1) seed = strtoull(argv[1], NULL, 0) | 1;
  if (argc > 2) rounds = strtoull(argv[2], NULL, 0);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_damaged_files),
      cmocka_unit_test(test_damaged_overrides),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
