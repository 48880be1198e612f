#include "src/store/h5.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sp_h5_start(void) {
  /* Many parallel file systems have no flock; runs exclude each other by the journal. */
  setenv("HDF5_USE_FILE_LOCKING", "FALSE", 0);
  H5open();
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

typedef struct error_text {
  char *text;
  size_t size;
} error_text;

/* Of what HDF5 says of a system call, which is long and of several lines, the system's own words. */
static void shorten(error_text *out) {
  static const char mark[] = "error message = '";
  char *words = strstr(out->text, mark);
  if (words) memmove(out->text, words + strlen(mark), strlen(words + strlen(mark)) + 1);
  out->text[strcspn(out->text, words ? "'\n" : "\n")] = '\0';
}

static herr_t keep_innermost(unsigned n, const H5E_error2_t *error, void *context) {
  error_text *out = context;
  if (n > 0) return 0;
  snprintf(out->text, out->size, "%s", error->desc ? error->desc : "no description");
  shorten(out);
  return 0;
}

void sp_h5_error_text(char *text, size_t size) {
  snprintf(text, size, "no description");
  error_text out = {text, size};
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, &out);
  H5Eclear2(H5E_DEFAULT);
}

sp_status sp_h5_check(int64_t result, const char *call, const char *file, int line) {
  if (result >= 0) return SP_SUCCESS;
  char text[256];
  sp_h5_error_text(text, sizeof text);
  return sp_raise(SP_ERR_IO, file, line, "%s: %s", call, text);
}

size_t sp_type_size(sp_type type) {
  switch (type) {
  case SP_UINT8:
    return 1;
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
  }
  return H5I_INVALID_HID;
}

bool sp_h5_known_type(hid_t type, sp_type *out) {
  for (int i = SP_UINT8; i <= SP_FLOAT64; i++) {
    if (H5Tequal(type, sp_h5_file_type((sp_type)i)) <= 0) continue;
    *out = (sp_type)i;
    return true;
  }
  return false;
}
