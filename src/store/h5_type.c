/* SPDX-License-Identifier: BSD-3-Clause */
/* Types of elements: ours, as HDF5 knows them, and what others' are taken for. */
#include <stdio.h>

#include "src/base/scaled.h"
#include "src/store/h5.h"

size_t sp_type_size(sp_type type) {
  switch (type) {
  case SP_UINT8:
    return 1;
  case SP_FLOAT16_SCALED:
  case SP_INT16_SCALED:
    return SP_CODE_BYTES;
  case SP_INT32:
  case SP_UINT32:
  case SP_FLOAT32:
    return 4;
  case SP_INT64:
  case SP_UINT64:
  case SP_FLOAT64:
    return 8;
  }
  return 0;
}

#define WIDEN(c_type)                                                                                                  \
  for (size_t i = 0; i < n; i++) out[i] = (double)((const c_type *)rows)[i];                                           \
  break

void sp_rows_to_double(sp_type type, const void *rows, size_t n, double *out) {
  switch (type) {
  case SP_UINT8:
    WIDEN(uint8_t);
  case SP_INT32:
    WIDEN(int32_t);
  case SP_UINT32:
    WIDEN(uint32_t);
  case SP_INT64:
    WIDEN(int64_t);
  case SP_UINT64:
    WIDEN(uint64_t);
  case SP_FLOAT32:
    WIDEN(float);
  case SP_FLOAT64:
    WIDEN(double);
  case SP_FLOAT16_SCALED:
  case SP_INT16_SCALED:
    break; /* never in memory */
  }
}

hid_t sp_h5_file_type(sp_type type) {
  switch (type) {
  case SP_UINT8:
    return H5T_STD_U8LE;
  case SP_INT32:
    return H5T_STD_I32LE;
  case SP_UINT32:
    return H5T_STD_U32LE;
  case SP_INT64:
    return H5T_STD_I64LE;
  case SP_UINT64:
    return H5T_STD_U64LE;
  case SP_FLOAT32:
    return H5T_IEEE_F32LE;
  case SP_FLOAT64:
    return H5T_IEEE_F64LE;
  case SP_FLOAT16_SCALED:
  case SP_INT16_SCALED:
    break; /* sp_h5_code_type */
  }
  return H5I_INVALID_HID;
}

hid_t sp_h5_memory_type(sp_type type) {
  switch (type) {
  case SP_UINT8:
    return H5T_NATIVE_UINT8;
  case SP_INT32:
    return H5T_NATIVE_INT32;
  case SP_UINT32:
    return H5T_NATIVE_UINT32;
  case SP_INT64:
    return H5T_NATIVE_INT64;
  case SP_UINT64:
    return H5T_NATIVE_UINT64;
  case SP_FLOAT32:
    return H5T_NATIVE_FLOAT;
  case SP_FLOAT64:
    return H5T_NATIVE_DOUBLE;
  case SP_FLOAT16_SCALED:
  case SP_INT16_SCALED:
    break; /* never in memory */
  }
  return H5I_INVALID_HID;
}

/* HDF5 before 1.14.4 has no half precision of its own. */
hid_t sp_h5_code_type(sp_sample_form form) {
  const bool half = form == SP_SAMPLES_FLOAT16_SCALED;
  const hid_t type = H5Tcopy(half ? H5T_IEEE_F32LE : H5T_STD_I16LE);
  if (!half || type < 0) return type;
  if (H5Tset_fields(type, 15, 10, 5, 0, 10) >= 0 && H5Tset_size(type, 2) >= 0 && H5Tset_ebias(type, 15) >= 0) {
    return type;
  }
  H5Tclose(type);
  return H5I_INVALID_HID;
}

static bool holding_integer(hid_t type, sp_type *out) {
  const bool is_signed = H5Tget_sign(type) == H5T_SGN_2;
  switch (H5Tget_size(type)) {
  case 1:
    *out = is_signed ? SP_INT32 : SP_UINT8;
    return true;
  case 2:
    *out = SP_INT32;
    return true;
  case 4:
    *out = is_signed ? SP_INT32 : SP_UINT32;
    return true;
  case 8:
    *out = is_signed ? SP_INT64 : SP_UINT64;
    return true;
  default:
    return false;
  }
}

/* Whether a float of the file is one that IEEE floats of `type` hold: by the bits of mantissa and exponent. */
static bool fits_float(hid_t type, size_t mantissa, size_t exponent) {
  size_t sign, exponent_at, exponent_bits, mantissa_at, mantissa_bits;
  if (H5Tget_fields(type, &sign, &exponent_at, &exponent_bits, &mantissa_at, &mantissa_bits) < 0) return false;
  return mantissa_bits <= mantissa && exponent_bits <= exponent;
}

bool sp_h5_holding_type(hid_t type, sp_type *out) {
  switch (H5Tget_class(type)) {
  case H5T_INTEGER:
    return holding_integer(type, out);
  case H5T_FLOAT:
    if (fits_float(type, 23, 8)) {
      *out = SP_FLOAT32;
      return true;
    }
    *out = SP_FLOAT64;
    return fits_float(type, 52, 11);
  default:
    return false;
  }
}

const char *sp_h5_type_name(hid_t type, char text[SP_H5_TYPE_TEXT]) {
  static const char *const names[] = {[H5T_TIME] = "time",          [H5T_STRING] = "text",
                                      [H5T_BITFIELD] = "bit field", [H5T_OPAQUE] = "opaque",
                                      [H5T_COMPOUND] = "compound",  [H5T_REFERENCE] = "reference",
                                      [H5T_ENUM] = "enumeration",   [H5T_VLEN] = "variable-length list",
                                      [H5T_ARRAY] = "array"};
  const H5T_class_t class = H5Tget_class(type);
  if (class == H5T_INTEGER || class == H5T_FLOAT) {
    const bool big = H5Tget_size(type) > 1 && H5Tget_order(type) == H5T_ORDER_BE;
    const bool is_unsigned = class == H5T_INTEGER && H5Tget_sign(type) == H5T_SGN_NONE;
    snprintf(text, SP_H5_TYPE_TEXT, "%s%s%zu-bit %s", big ? "big-endian " : "", is_unsigned ? "unsigned " : "",
             8 * H5Tget_size(type), class == H5T_FLOAT ? "float" : "integer");
  } else {
    const bool known = class >= 0 && class < (int)(sizeof names / sizeof names[0]) && names[class];
    snprintf(text, SP_H5_TYPE_TEXT, "%s", known ? names[class] : "unknown");
  }
  return text;
}
