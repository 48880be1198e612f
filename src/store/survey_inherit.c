/* What a derived survey takes over from its source: everything that is not samples. */
#include <string.h>

#include "seisproc/memory.h"
#include "src/store/h5.h"

enum { MAX_PATH = 256 };

/* Calls visit for every object below a group, depth first, groups before what they hold. */
typedef sp_status (*object_visitor)(const sp_survey *survey, hid_t object, const char *path, void *context);

static sp_status walk(const sp_survey *survey, const char *path, object_visitor visit, void *context) {
  if (!strcmp(path, SP_EXACT_GROUP) || !sp_survey_has(survey, path)) return SP_SUCCESS;
  hid_t object;
  SP_TRY(SP_H5_ID(object, H5Oopen(survey->file, path, H5P_DEFAULT)));
  H5G_info_t group = {0};
  const bool is_group = H5Iget_type(object) == H5I_GROUP;
  sp_status status = visit(survey, object, path, context);
  if (is_group && status == SP_SUCCESS) status = SP_H5(H5Gget_info(object, &group));
  for (hsize_t i = 0; i < group.nlinks && status == SP_SUCCESS; i++) {
    char name[SP_NAME_LENGTH + 1], child[MAX_PATH];
    status = SP_H5(H5Lget_name_by_idx(object, ".", H5_INDEX_NAME, H5_ITER_INC, i, name, sizeof name, H5P_DEFAULT));
    if (snprintf(child, sizeof child, "%s/%s", path, name) >= (int)sizeof child) {
      status = SP_RAISE(SP_ERR_INPUT, "%s: %s holds names that are too long", survey->path, path);
    }
    if (status == SP_SUCCESS) status = walk(survey, child, visit, context);
  }
  H5Oclose(object);
  return status;
}

static sp_status copy_attribute(hid_t from, hid_t to, unsigned i) {
  sp_status status;
  char name[SP_NAME_LENGTH + 1];
  void *value = NULL;
  hid_t type = H5I_INVALID_HID, space = H5I_INVALID_HID, target = H5I_INVALID_HID, source;
  SP_TRY(SP_H5_ID(source, H5Aopen_by_idx(from, ".", H5_INDEX_NAME, H5_ITER_INC, i, H5P_DEFAULT, H5P_DEFAULT)));
  SP_TRY_GOTO(out, SP_H5(H5Aget_name(source, sizeof name, name)));
  SP_TRY_GOTO(out, SP_H5_ID(type, H5Aget_type(source)));
  SP_TRY_GOTO(out, SP_H5_ID(space, H5Aget_space(source)));
  SP_TRY_GOTO(out, sp_calloc(1, (size_t)H5Aget_storage_size(source) + 1, "an attribute", &value));
  SP_TRY_GOTO(out, SP_H5_ID(target, H5Acreate2(to, name, type, space, H5P_DEFAULT, H5P_DEFAULT)));
  SP_TRY_GOTO(out, SP_H5(H5Aread(source, type, value)));
  status = SP_H5(H5Awrite(target, type, value));
out:
  sp_free(value);
  if (target >= 0) H5Aclose(target);
  if (space >= 0) H5Sclose(space);
  if (type >= 0) H5Tclose(type);
  H5Aclose(source);
  return status;
}

static sp_status copy_attributes(hid_t from, hid_t file, const char *path) {
  hid_t to;
  SP_TRY(SP_H5_ID(to, H5Oopen(file, path, H5P_DEFAULT)));
  sp_status status = SP_SUCCESS;
  const int n = H5Aget_num_attrs(from);
  for (int i = 0; i < n && status == SP_SUCCESS; i++) status = copy_attribute(from, to, (unsigned)i);
  H5Oclose(to);
  return status;
}

static sp_status copy_rows(hid_t from, hid_t file, const char *path, const sp_dataset_spec *spec) {
  const size_t length = spec->row_length ? spec->row_length : 1;
  const hid_t type = sp_h5_memory_type(spec->type);
  void *rows = NULL;
  hid_t to = H5I_INVALID_HID;
  sp_status status;
  SP_TRY_GOTO(out, sp_calloc(spec->rows * length, sp_type_size(spec->type), path, &rows));
  SP_TRY_GOTO(out, SP_H5(H5Dread(from, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows)));
  SP_TRY_GOTO(out, SP_H5_ID(to, H5Dopen2(file, path, H5P_DEFAULT)));
  status = SP_H5(H5Dwrite(to, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows));
out:
  if (to >= 0) H5Dclose(to);
  sp_free(rows);
  return status;
}

static sp_status describe(const sp_survey *survey, hid_t dataset, const char *path, sp_dataset_spec *spec) {
  hsize_t dims[2] = {0, 0};
  const hid_t space = H5Dget_space(dataset), type = H5Dget_type(dataset);
  const int n_dims = H5Sget_simple_extent_ndims(space);
  *spec = (sp_dataset_spec){.path = path};
  const bool good = n_dims >= 1 && n_dims <= 2 && sp_h5_known_type(type, &spec->type);
  if (good) H5Sget_simple_extent_dims(space, dims, NULL);
  H5Sclose(space);
  H5Tclose(type);
  if (!good) return SP_RAISE(SP_ERR_INPUT, "%s: %s is of a type that survey files do not have", survey->path, path);
  spec->rows = dims[0];
  spec->row_length = dims[1];
  return SP_SUCCESS;
}

/* By name, not by shape: a textual header may have as many bytes as the survey has traces. */
static bool is_per_trace(const char *path) {
  return !strncmp(path, "/headers/", 9) || !strncmp(path, "/segy/trace_", 12);
}

static sp_status inherit_object(const sp_survey *survey, hid_t object, const char *path, void *context) {
  const hid_t file = *(const hid_t *)context;
  if (H5Iget_type(object) == H5I_GROUP) {
    if (H5Lexists(file, path, H5P_DEFAULT) <= 0) {
      hid_t group;
      SP_TRY(SP_H5_ID(group, H5Gcreate2(file, path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
      H5Gclose(group);
    }
    return copy_attributes(object, file, path);
  }
  sp_dataset_spec spec;
  SP_TRY(describe(survey, object, path, &spec));
  SP_TRY(sp_h5_create_dataset(file, &spec));
  if (!is_per_trace(path)) SP_TRY(copy_rows(object, file, path, &spec));
  return copy_attributes(object, file, path);
}

sp_status sp_h5_inherit(const sp_survey *source, hid_t file) {
  static const char *const groups[] = {"/gathers", "/headers", "/segy"};
  for (int i = 0; i < 3; i++) SP_TRY(walk(source, groups[i], inherit_object, &file));
  return SP_SUCCESS;
}

typedef struct trace_visitor {
  sp_status (*visit)(const char *path, void *context);
  void *context;
} trace_visitor;

static sp_status visit_if_per_trace(const sp_survey *survey, hid_t object, const char *path, void *context) {
  const trace_visitor *visitor = context;
  if (H5Iget_type(object) != H5I_DATASET || !is_per_trace(path)) return SP_SUCCESS;
  return visitor->visit(path, visitor->context);
}

sp_status sp_survey_each_trace_dataset(const sp_survey *survey, sp_status (*visit)(const char *path, void *context),
                                       void *context) {
  trace_visitor visitor = {visit, context};
  SP_TRY(walk(survey, "/headers", visit_if_per_trace, &visitor));
  return walk(survey, "/segy", visit_if_per_trace, &visitor);
}
