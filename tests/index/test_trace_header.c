/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of trace header fields: no two overlap, names and aliases are found, bytes agree with libsegyio's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "seisproc/trace_header.h"
#ifdef SP_HAVE_SEGYIO
#include <segyio/segy.h>
#endif

static void fields_lie_side_by_side(void **state) {
  (void)state;
  unsigned char taken[3][SP_TRACE_HEADER_BYTES + 1] = {0};
  const sp_header_field *field;
  size_t n = 0;
  for (; (field = sp_header_field_at(n)); n++) {
    assert_true(field->byte >= 1);
    assert_true(field->byte + sp_field_width(field->type) - 1 <= SP_TRACE_HEADER_BYTES);
    for (size_t i = 0; i < sp_field_width(field->type); i++)
      assert_int_equal(taken[field->block][field->byte + i]++, 0);
    assert_ptr_equal(sp_header_field_find(field->block, field->name), field);
    if (field->scalar) assert_non_null(sp_header_field_find(field->block, field->scalar));
    assert_non_null(field->meaning);
  }
  assert_true(n > 110);
  for (int byte = 1; byte <= 232; byte++) assert_int_equal(taken[SP_BLOCK_STANDARD][byte], 1);
}

static void aliases_are_found(void **state) {
  (void)state;
  static const char *const pairs[][2] = {
      {"fldr", "fldr"},
      {"FLDR", "fldr"},
      {"FieldRecord", "fldr"},
      {"ffid", "fldr"},
      {"CDP", "cdp"},
      {"INLINE_3D", "iline"},
      {"CROSSLINE_3D", "xline"},
      {"CDP_X", "cdpx"},
      {"cdpx", "cdpx"},
      {"SourceX", "sx"},
      {"TRACE_SAMPLE_INTERVAL", "dt"},
      {"fold", "nhs"},
      {"ShotPoint", "sp"},
      {"GroupY", "gy"},
      {"EnergySourcePoint", "ep"},
      {"co_scal", "scalco"},
      {"TraceNumber", "tracf"},
      {"reeltrc", "tracr"},
      {"d1", "d1"},
      {"cable_num", "cable"},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
    const char *name = sp_header_name(pairs[i][0]);
    assert_non_null(name);
    assert_string_equal(name, pairs[i][1]);
  }
  assert_null(sp_header_name("ofset"));
  assert_null(sp_header_name(""));
  char nearest[64];
  sp_header_nearest("ofset", nearest, sizeof nearest);
  assert_string_equal(nearest, "offset");
  sp_header_nearest("FieldRecrod", nearest, sizeof nearest);
  assert_string_equal(nearest, "FieldRecord");
}

static void no_alias_is_ambiguous(void **state) {
  (void)state;
  const sp_header_field *field;
  for (size_t n = 0; (field = sp_header_field_at(n)); n++) {
    for (const char *alias = field->aliases; alias && *alias;) {
      const size_t length = strcspn(alias, "|");
      char word[64] = "";
      memcpy(word, alias, length);
      assert_ptr_equal(sp_header_field_find(field->block, word), field);
      assert_string_equal(sp_header_name(word), field->name);
      alias += length + (alias[length] == '|');
    }
  }
}

static void types_have_names(void **state) {
  (void)state;
  for (int i = SP_FIELD_INT8; i <= SP_FIELD_IBM32; i++) {
    sp_field_type type;
    assert_true(sp_field_type_parse(sp_field_type_name((sp_field_type)i), &type));
    assert_int_equal((int)type, i);
  }
  sp_field_type type;
  assert_false(sp_field_type_parse("int", &type));
}

static void scalars_scale(void **state) {
  (void)state;
  assert_true(sp_header_scaled(1234567, -100) == 12345.67);
  assert_true(sp_header_scaled(12, 1000) == 12000);
  assert_true(sp_header_scaled(12, 0) == 12);
  assert_true(sp_header_scaled(757932, 32) == 757932);
  assert_false(sp_header_scale_is_legal(32));
  assert_false(sp_header_scale_is_legal(-5));
  assert_true(sp_header_scale_is_legal(-10000));
  assert_true(sp_header_scale_is_legal(0));
}

#ifdef SP_HAVE_SEGYIO
static void bytes_agree_with_libsegyio(void **state) {
  (void)state;
  static const struct {
    const char *name;
    int byte;
  } known[] = {
      {"tracl", SEGY_TR_SEQ_LINE},
      {"fldr", SEGY_TR_FIELD_RECORD},
      {"ep", SEGY_TR_ENERGY_SOURCE_POINT},
      {"cdp", SEGY_TR_ENSEMBLE},
      {"trid", SEGY_TR_TRACE_ID},
      {"offset", SEGY_TR_OFFSET},
      {"gelev", SEGY_TR_RECV_GROUP_ELEV},
      {"scalel", SEGY_TR_ELEV_SCALAR},
      {"scalco", SEGY_TR_SOURCE_GROUP_SCALAR},
      {"sx", SEGY_TR_SOURCE_X},
      {"gy", SEGY_TR_GROUP_Y},
      {"swevel", SEGY_TR_SUBWEATHERING_VELO},
      {"tstat", SEGY_TR_TOT_STATIC_APPLIED},
      {"delrt", SEGY_TR_DELAY_REC_TIME},
      {"ns", SEGY_TR_SAMPLE_COUNT},
      {"dt", SEGY_TR_SAMPLE_INTER},
      {"tatyp", SEGY_TR_TAPER_TYPE},
      {"hcs", SEGY_TR_HIGH_CUT_SLOPE},
      {"sec", SEGY_TR_SEC_OF_MIN},
      {"otrav", SEGY_TR_OVER_TRAVEL},
      {"cdpx", SEGY_TR_CDP_X},
      {"iline", SEGY_TR_INLINE},
      {"xline", SEGY_TR_CROSSLINE},
      {"sp", SEGY_TR_SHOT_POINT},
      {"scalt", SEGY_TR_SCALAR_TRACE_HEADER},
      {"smu", SEGY_TR_SOURCE_MEASURE_UNIT},
  };
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    assert_int_equal(sp_header_field_find(SP_BLOCK_STANDARD, known[i].name)->byte, known[i].byte);
  }
}
#endif

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fields_lie_side_by_side),
      cmocka_unit_test(aliases_are_found),
      cmocka_unit_test(no_alias_is_ambiguous),
      cmocka_unit_test(types_have_names),
      cmocka_unit_test(scalars_scale),
#ifdef SP_HAVE_SEGYIO
      cmocka_unit_test(bytes_agree_with_libsegyio),
#endif
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
