/* SPDX-License-Identifier: BSD-3-Clause */
/* Attributes: read with a look at what they are first, written as one number or text of fixed length. */
#include <math.h>
#include <string.h>

#include "seisproc/memory.h"
#include "seisproc/quote.h"
#include "src/store/h5.h"

/* --- reading ------------------------------------------------------------------------------------------------------ */

typedef struct opened_attribute {
  hid_t id, type;
  const sp_survey *survey;
  const char *object, *name;
} opened_attribute;

static void close_attribute(const opened_attribute *a) {
  if (a->type >= 0) H5Tclose(a->type);
  if (a->id >= 0) H5Aclose(a->id);
}

static sp_status refuse(const opened_attribute *a, const char *what) {
  H5Eclear2(H5E_DEFAULT);
  return SP_RAISE(SP_ERR_INPUT, "%s: attribute '%s' of %s %s", a->survey->path, a->name, a->object, what);
}

static sp_status refuse_type(const opened_attribute *a, const char *allowed) {
  char type[SP_H5_TYPE_TEXT], what[SP_H5_TYPE_TEXT + 64];
  snprintf(what, sizeof what, "is %s, allowed is %s", sp_h5_type_name(a->type, type), allowed);
  return refuse(a, what);
}

/* Opens an attribute with one element; a->id is negative where it is not there. */
static sp_status open_attribute(const sp_survey *survey, const char *object, const char *name, opened_attribute *a) {
  *a = (opened_attribute){H5I_INVALID_HID, H5I_INVALID_HID, survey, object, name};
  if (sp_h5_presence_of(survey->file, object) != SP_H5_PRESENT) return SP_SUCCESS;
  if (H5Aexists_by_name(survey->file, object, name, H5P_DEFAULT) <= 0) {
    H5Eclear2(H5E_DEFAULT);
    return SP_SUCCESS;
  }
  a->id = H5Aopen_by_name(survey->file, object, name, H5P_DEFAULT, H5P_DEFAULT);
  if (a->id < 0) return refuse(a, "cannot be opened");
  a->type = H5Aget_type(a->id);
  const hid_t space = H5Aget_space(a->id);
  const bool is_null = space >= 0 && H5Sget_simple_extent_type(space) == H5S_NULL;
  const hssize_t n = space < 0 || is_null ? 0 : H5Sget_simple_extent_npoints(space);
  if (space >= 0) H5Sclose(space);
  if (a->type < 0 || n < 0) return refuse(a, "cannot be read");
  if (n == 1) return SP_SUCCESS;
  char what[64];
  snprintf(what, sizeof what, "has %lld elements, allowed is one", (long long)n);
  return refuse(a, what);
}

/* Text goes to terminals: what moves a cursor, or is no UTF-8, becomes '?'. */
static void make_printable(char *text) {
  for (char *c = text; *c;) {
    const size_t length = sp_utf8_length(c);
    if (length && (*c == '\n' || *c == '\t' || !sp_is_control(c))) {
      c += length;
      continue;
    }
    for (size_t i = 0; i < (length ? length : 1); i++) *c++ = '?';
  }
}

/* HDF5 allocates the text; a copy of it goes to *out. */
static sp_status read_variable(const opened_attribute *a, hid_t memory, char **out) {
  char *text = NULL;
  if (H5Tset_size(memory, H5T_VARIABLE) < 0 || H5Aread(a->id, memory, &text) < 0) {
    return refuse(a, "cannot be read");
  }
  const sp_status status = sp_strdup(text ? text : "", out);
  H5free_memory(text);
  return status;
}

static sp_status read_fixed(const opened_attribute *a, hid_t memory, char **out) {
  const size_t size = H5Tget_size(a->type);
  char *text = NULL;
  if (size > a->survey->identity.bytes) return refuse(a, "is longer than the file");
  SP_TRY(sp_calloc(size + 1, 1, "an attribute", &text));
  if (H5Tset_size(memory, size) < 0 || H5Tset_strpad(memory, H5Tget_strpad(a->type)) < 0 ||
      H5Aread(a->id, memory, text) < 0) {
    sp_free(text);
    return refuse(a, "cannot be read");
  }
  if (H5Tget_strpad(a->type) == H5T_STR_SPACEPAD) {
    for (size_t n = strlen(text); n && text[n - 1] == ' ';) text[--n] = '\0';
  }
  *out = text;
  return SP_SUCCESS;
}

static sp_status read_text(const opened_attribute *a, char **out) {
  hid_t memory;
  if (H5Tget_class(a->type) != H5T_STRING) return refuse_type(a, "text");
  SP_TRY(SP_H5_ID(memory, H5Tcopy(H5T_C_S1)));
  H5Tset_cset(memory, H5Tget_cset(a->type));
  const bool variable = H5Tis_variable_str(a->type) > 0;
  const sp_status status = variable ? read_variable(a, memory, out) : read_fixed(a, memory, out);
  H5Tclose(memory);
  if (status == SP_SUCCESS) make_printable(*out);
  return status;
}

sp_status sp_h5_get_text(const sp_survey *survey, const char *object, const char *name, char **out) {
  opened_attribute a;
  char *text = NULL;
  sp_status status = open_attribute(survey, object, name, &a);
  if (status == SP_SUCCESS && a.id >= 0) status = read_text(&a, &text);
  close_attribute(&a);
  if (status == SP_SUCCESS) *out = text;
  return sp_survey_forward(survey, status);
}

static sp_status read_real(const opened_attribute *a, double *out) {
  sp_type type;
  if (!sp_h5_holding_type(a->type, &type)) return refuse_type(a, "a number");
  return H5Aread(a->id, H5T_NATIVE_DOUBLE, out) < 0 ? refuse(a, "cannot be read") : SP_SUCCESS;
}

static sp_status read_int(const opened_attribute *a, int64_t *out) {
  sp_type type;
  double real;
  uint64_t positive;
  if (!sp_h5_holding_type(a->type, &type)) return refuse_type(a, "an integer");
  if (type == SP_FLOAT32 || type == SP_FLOAT64) {
    SP_TRY(read_real(a, &real));
    if (real != floor(real) || fabs(real) > 0x1p53) return refuse(a, "is no integer");
    *out = (int64_t)real;
    return SP_SUCCESS;
  }
  if (type != SP_UINT64) return H5Aread(a->id, H5T_NATIVE_INT64, out) < 0 ? refuse(a, "cannot be read") : SP_SUCCESS;
  if (H5Aread(a->id, H5T_NATIVE_UINT64, &positive) < 0) return refuse(a, "cannot be read");
  if (positive > INT64_MAX) return refuse(a, "is larger than any that is allowed");
  *out = (int64_t)positive;
  return SP_SUCCESS;
}

sp_status sp_h5_get_real(const sp_survey *survey, const char *object, const char *name, double *out, bool *found) {
  opened_attribute a;
  sp_status status = open_attribute(survey, object, name, &a);
  *found = status == SP_SUCCESS && a.id >= 0;
  if (*found) status = read_real(&a, out);
  close_attribute(&a);
  return status;
}

sp_status sp_h5_get_int(const sp_survey *survey, const char *object, const char *name, int64_t *out, bool *found) {
  opened_attribute a;
  sp_status status = open_attribute(survey, object, name, &a);
  *found = status == SP_SUCCESS && a.id >= 0;
  if (*found) status = read_int(&a, out);
  close_attribute(&a);
  return status;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static sp_status write_attribute(hid_t file, const char *object, const char *name, hid_t file_type, hid_t memory_type,
                                 const void *value) {
  sp_status status;
  hid_t space = H5I_INVALID_HID, attribute = H5I_INVALID_HID;
  SP_TRY_GOTO(out, SP_H5_ID(space, H5Screate(H5S_SCALAR)));
  SP_TRY_GOTO(out, SP_H5_ID(attribute, H5Acreate_by_name(file, object, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT,
                                                         H5P_DEFAULT)));
  status = SP_H5(H5Awrite(attribute, memory_type, value));
out:
  if (attribute >= 0) H5Aclose(attribute);
  if (space >= 0) H5Sclose(space);
  return status;
}

sp_status sp_h5_write_text(hid_t file, const char *object, const char *name, const char *text) {
  sp_status status;
  hid_t type = H5I_INVALID_HID;
  SP_TRY_GOTO(out, SP_H5_ID(type, H5Tcopy(H5T_C_S1)));
  SP_TRY_GOTO(out, SP_H5(H5Tset_size(type, strlen(text) + 1)));
  SP_TRY_GOTO(out, SP_H5(H5Tset_cset(type, H5T_CSET_UTF8)));
  status = write_attribute(file, object, name, type, type, text);
out:
  if (type >= 0) H5Tclose(type);
  return status;
}

sp_status sp_h5_write_int(hid_t file, const char *object, const char *name, int64_t value) {
  return write_attribute(file, object, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &value);
}

sp_status sp_h5_write_real(hid_t file, const char *object, const char *name, double value) {
  return write_attribute(file, object, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value);
}

/* --- copying ------------------------------------------------------------------------------------------------------ */

typedef struct copier {
  const sp_survey *from;
  const char *path;
  hid_t to;
  bool (*but)(const char *name); /* NULL: all */
  sp_status status;
} copier;

/* Numbers keep their type. */
static sp_status copy_number(const copier *c, const opened_attribute *a) {
  char value[8];
  sp_type type;
  sp_h5_holding_type(a->type, &type);
  if (H5Aread(a->id, sp_h5_memory_type(type), value) < 0) return refuse(a, "cannot be read");
  return write_attribute(c->to, c->path, a->name, sp_h5_file_type(type), sp_h5_memory_type(type), value);
}

static sp_status copy_one(const copier *c, const char *name) {
  opened_attribute a = {H5I_INVALID_HID, H5I_INVALID_HID, c->from, c->path, name};
  char *text = NULL;
  sp_type type;
  sp_status status = SP_SUCCESS;
  a.id = H5Aopen_by_name(c->from->file, c->path, name, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t space = a.id < 0 ? H5I_INVALID_HID : H5Aget_space(a.id);
  if (a.id >= 0) a.type = H5Aget_type(a.id);
  const bool one = space >= 0 && a.type >= 0 && H5Sget_simple_extent_type(space) != H5S_NULL &&
                   H5Sget_simple_extent_npoints(space) == 1;
  if (one && H5Tget_class(a.type) == H5T_STRING) {
    status = read_text(&a, &text);
    if (status == SP_SUCCESS) status = sp_h5_write_text(c->to, c->path, name, text);
    sp_free(text);
  } else if (one && sp_h5_holding_type(a.type, &type)) {
    status = copy_number(c, &a);
  }
  if (space >= 0) H5Sclose(space);
  close_attribute(&a);
  H5Eclear2(H5E_DEFAULT);
  return status;
}

static herr_t visit_attribute(hid_t object, const char *name, const H5A_info_t *info, void *context) {
  copier *c = context;
  if (c->but && c->but(name)) return 0;
  c->status = copy_one(c, name);
  return c->status == SP_SUCCESS ? 0 : -1;
}

sp_status sp_h5_copy_attributes(const sp_survey *from, const char *path, hid_t to) {
  return sp_h5_copy_attributes_but(from, path, to, NULL);
}

sp_status sp_h5_copy_attributes_but(const sp_survey *from, const char *path, hid_t to, bool (*but)(const char *name)) {
  copier c = {from, path, to, but, SP_SUCCESS};
  hsize_t at = 0;
  const herr_t code =
      H5Aiterate_by_name(from->file, path, H5_INDEX_NAME, H5_ITER_INC, &at, visit_attribute, &c, H5P_DEFAULT);
  if (c.status != SP_SUCCESS) {
    H5Eclear2(H5E_DEFAULT);
    return c.status;
  }
  return SP_H5(code);
}
