/* SPDX-License-Identifier: BSD-3-Clause */
/* Expressions: values, what binds more strongly, names, and what is refused with its column. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "seisproc/expression.h"

static double value_of(const char *text) {
  char why[256] = "";
  sp_expression *e = NULL;
  if (sp_expression_parse(text, why, sizeof why, &e) != SP_SUCCESS) fail_msg("%s: %s", text, why);
  double values[8];
  for (size_t i = 0; i < sp_expression_n_names(e); i++) {
    const char *name = sp_expression_name(e, i);
    values[i] = !strcmp(name, "offset") ? -1500 : !strcmp(name, "cdp") ? 601 : NAN;
  }
  const double value = sp_expression_value(e, values);
  sp_expression_destroy(e);
  return value;
}

static void test_values(void **state) {
  const struct {
    const char *text;
    double value;
  } cases[] = {
      {"1 + 2 * 3", 7},
      {"(1 + 2) * 3", 9},
      {"2 ^ 3 ^ 2", 512},
      {"-2 ^ 2", -4},
      {"2 ^ -1", 0.5},
      {"8 / 2 / 2", 2},
      {"7 - 2 - 1", 4},
      {"- - 3", 3},
      {"1e3 + .5", 1000.5},
      {"offset < 2000 and cdp > 600", 1},
      {"abs(offset) < 1000 or cdp = 601", 1},
      {"not cdp == 601", 0},
      {"not (cdp <> 601) and offset != 0", 1},
      {"cdp >= 601 and cdp <= 601", 1},
      {"1 = 1 or 1 = 0 and 1 = 0", 1},
      {"sqrt(3^2 + 4^2)", 5},
      {"hypot(3, 4) + min(1, 2) + max(1, 2)", 8},
      {"round(atan2(1, 0) * 180 / pi)", 90},
      {"floor(-1.5) + ceil(1.2)", 0},
      {"missing < 1 or missing > 0 or missing = 1 or missing != 1", 0},
      {"not missing > 0", 1},
      {"(cdp > 600) * 3 + (offset > 0)", 3},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const double value = value_of(cases[i].text);
    if (fabs(value - cases[i].value) > 1e-12) fail_msg("%s is %g, not %g", cases[i].text, value, cases[i].value);
  }
  assert_true(isnan(value_of("missing + 1")));
  assert_true(isnan(value_of("min(missing, 1)")));
}

static void test_names(void **state) {
  char why[256];
  sp_expression *e;
  assert_int_equal(sp_expression_parse("sx - gx + sx * order", why, sizeof why, &e), SP_SUCCESS);
  assert_int_equal(sp_expression_n_names(e), 3);
  assert_string_equal(sp_expression_name(e, 0), "sx");
  assert_string_equal(sp_expression_name(e, 2), "order"); /* begins with a word of the language */
  sp_expression_destroy(e);
  assert_int_equal(sp_condition_parse("sx - gx + sx * order > 0", why, sizeof why, &e), SP_SUCCESS);
  assert_true(sp_condition_holds(e, (double[]){1, 1, 2}));
  assert_false(sp_condition_holds(e, (double[]){1, 1, 0}));
  assert_false(sp_condition_holds(e, (double[]){NAN, 1, 0}));
  sp_expression_destroy(e);
  sp_expression_destroy(NULL);
}

static void refused(const char *text, const char *part) {
  char why[512] = "";
  sp_expression *e = NULL;
  assert_int_equal(sp_expression_parse(text, why, sizeof why, &e), SP_ERR_USAGE);
  assert_null(e);
  if (!strstr(why, part)) fail_msg("%s: %s lacks %s", text, why, part);
}

static void test_refused(void **state) {
  refused("", "ends at column 1");
  refused("1 +", "ends at column 4");
  refused("offset < 2000 cdp", "column 15: found 'cdp'");
  refused("1 < 2 < 3", "`and` between two comparisons");
  refused("(1 + 2", "an operator or )");
  refused("sqrt 2", "( behind the name of a function");
  refused("min(1)", "a comma and a second value");
  refused("1; 2", "column 2");
  refused("and 1", "a number, a name or (");
  refused("0x10", "a decimal number");
  refused("1e999", "a number");
  refused("12abc", "a number");
  char deep[4096];
  memset(deep, '(', 1000);
  deep[1000] = '\0';
  refused(deep, "less deep");
  memset(deep, '-', 1000);
  refused(deep, "less deep");
  for (int i = 0; i < 1000; i++) memcpy(deep + 4 * i, "not ", 4);
  deep[4000] = '\0';
  refused(deep, "less deep");
  for (int i = 0; i < 1000; i++) memcpy(deep + 4 * i, "1^1^", 4);
  memcpy(deep + 3999, "", 1);
  refused(deep, "less deep");
}

static void needs_condition(const char *text, const char *part) {
  char why[512] = "", expected[128];
  sp_expression *e = NULL;
  snprintf(expected, sizeof expected, "'%s': '%s' is a number where a condition is needed, such as '%s != 0'", text,
           part, part);
  assert_int_equal(sp_condition_parse(text, why, sizeof why, &e), SP_ERR_USAGE);
  assert_null(e);
  assert_string_equal(why, expected);
}

/* A number is no condition, wherever one is needed. */
static void test_conditions(void **state) {
  static const char *const conditions[] = {"a = 1", "not a = 1", "(a > 1)", "not (a > 1 or a < 0) and a != 0"};
  char why[256];
  sp_expression *e;
  for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++) {
    assert_int_equal(sp_condition_parse(conditions[i], why, sizeof why, &e), SP_SUCCESS);
    sp_expression_destroy(e);
  }
  needs_condition("offset", "offset");
  needs_condition("(offset)", "(offset)");
  needs_condition("sx - gx", "sx - gx");
  needs_condition("1", "1");
  needs_condition("(a > 1) + (b > 1)", "(a > 1) + (b > 1)");
  needs_condition("-(a > 1)", "-(a > 1)");
  needs_condition("offset  and cdp > 600", "offset");
  needs_condition("cdp > 600 and offset ", "offset");
  needs_condition("cdp > 600 or offset or cdp < 3", "offset");
  needs_condition("cdp > 600 and not offset", "offset");
  refused("not offset", "'offset' is a number"); /* whatever it is for */
  refused("1 + (a and b > 2)", "'a' is a number");
  assert_int_equal(sp_expression_parse("a > 1", why, sizeof why, &e), SP_SUCCESS); /* 0 or 1 */
  sp_expression_destroy(e);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_values),
      cmocka_unit_test(test_names),
      cmocka_unit_test(test_refused),
      cmocka_unit_test(test_conditions),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
