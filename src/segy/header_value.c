/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/segy/header_value.h"

#include <float.h>
#include <math.h>

#include "src/segy/segy_bytes.h"

static double ibm_value(uint32_t word) {
  const uint8_t raw[4] = {(uint8_t)(word >> 24), (uint8_t)(word >> 16), (uint8_t)(word >> 8), (uint8_t)word};
  float v;
  sp_segy_decode(SP_FORMAT_IBM32, SP_ORDER_BIG, raw, 1, &v);
  return v;
}

double sp_header_value_get(const uint8_t *at, sp_field_type type, sp_byte_order order) {
  switch (type) {
  case SP_FIELD_INT8:
    return (int8_t)*at;
  case SP_FIELD_UINT8:
    return *at;
  case SP_FIELD_INT16:
    return sp_get_i16(at, order);
  case SP_FIELD_UINT16:
    return sp_get_u16(at, order);
  case SP_FIELD_INT32:
    return sp_get_i32(at, order);
  case SP_FIELD_UINT32:
    return sp_get_u32(at, order);
  case SP_FIELD_INT64:
    return (double)(int64_t)sp_get_u64(at, order);
  case SP_FIELD_UINT64:
    return (double)sp_get_u64(at, order);
  case SP_FIELD_FLOAT32:
    return sp_get_f32(at, order);
  case SP_FIELD_FLOAT64:
    return sp_get_f64(at, order);
  case SP_FIELD_IBM32:
    return ibm_value(sp_get_u32(at, order));
  }
  return 0;
}

static bool put_real(uint8_t *at, sp_field_type type, sp_byte_order order, double value) {
  if (!isfinite(value) || (type != SP_FIELD_FLOAT64 && fabs(value) > (double)FLT_MAX)) return false;
  if (type == SP_FIELD_FLOAT64) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    sp_put_u64(at, order, bits);
    return true;
  }
  const float v = (float)value;
  sp_segy_losses losses = {0};
  sp_segy_encode(type == SP_FIELD_IBM32 ? SP_FORMAT_IBM32 : SP_FORMAT_FLOAT32, order, &v, 1, at, &losses);
  return true;
}

bool sp_header_value_put(uint8_t *at, sp_field_type type, sp_byte_order order, double value) {
  /* the ends that are doubles themselves: those of 64 bits are one step inside */
  static const double least[] = {INT8_MIN, 0, INT16_MIN, 0, INT32_MIN, 0, -0x1p63, 0};
  static const double most[] = {INT8_MAX,  UINT8_MAX,  INT16_MAX,           UINT16_MAX,
                                INT32_MAX, UINT32_MAX, 9223372036854774784, 18446744073709549568.0};
  if (type >= SP_FIELD_FLOAT32) return put_real(at, type, order, value);
  const double v = rint(value);
  if (!(v >= least[type] && v <= most[type])) return false;
  const uint64_t bits = v < 0 ? (uint64_t)(int64_t)v : (uint64_t)v;
  switch (sp_field_width(type)) {
  case 1:
    *at = (uint8_t)bits;
    break;
  case 2:
    sp_put_u16(at, order, (uint16_t)bits);
    break;
  case 4:
    sp_put_u32(at, order, (uint32_t)bits);
    break;
  default:
    sp_put_u64(at, order, bits);
    break;
  }
  return true;
}
