/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON output: exact text, escapes, numbers that read back. A JSON parser reads what the subcommands print elsewhere.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "seisproc/json.h"

static char text[4096];

static sp_json begin(void) {
  memset(text, 0, sizeof text);
  return sp_json_begin(fmemopen(text, sizeof text, "w"));
}

static void end(sp_json *json, const char *expected) {
  fclose(json->stream);
  assert_string_equal(text, expected);
}

static void nests(void **state) {
  sp_json json = begin();
  sp_json_open(&json, NULL, '{');
  sp_json_count(&json, "n", UINT64_MAX);
  sp_json_open(&json, "none", '[');
  sp_json_close(&json, ']');
  sp_json_open(&json, "some", '[');
  sp_json_int(&json, NULL, INT64_MIN);
  sp_json_open(&json, NULL, '{');
  sp_json_bool(&json, "yes", true);
  sp_json_close(&json, '}');
  sp_json_close(&json, ']');
  sp_json_text(&json, "nothing", NULL);
  sp_json_close(&json, '}');
  end(&json, "{\n  \"n\": 18446744073709551615,\n  \"none\": [],\n  \"some\": [\n    -9223372036854775808,\n    {\n"
             "      \"yes\": true\n    }\n  ],\n  \"nothing\": null\n}\n");
}

static void escapes(void **state) {
  sp_json json = begin();
  sp_json_text(&json, NULL, "a\"b\\c\n\x01 \xc3\xa9 \xe2\x82\xac \xff\xc3 \x7f");
  end(&json, "\"a\\\"b\\\\c\\u000a\\u0001 \xc3\xa9 \xe2\x82\xac \\ufffd\\ufffd \x7f\"");
}

static void numbers_read_back(void **state) {
  const double values[] = {0.1, 1.0 / 3, 1e300, -2.5e-308, 0, 12345678, 0x1p-1074};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    sp_json json = begin();
    sp_json_real(&json, NULL, values[i]);
    fclose(json.stream);
    assert_true(strtod(text, NULL) == values[i]);
  }
  sp_json json = begin();
  sp_json_real(&json, NULL, 0.1);
  end(&json, "0.1");
  json = begin();
  sp_json_real(&json, NULL, NAN);
  end(&json, "null");
  json = begin();
  sp_json_real(&json, NULL, -INFINITY);
  end(&json, "null");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nests),
      cmocka_unit_test(escapes),
      cmocka_unit_test(numbers_read_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
