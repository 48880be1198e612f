/* SPDX-License-Identifier: BSD-3-Clause */
/* What a derived survey takes over from its source: everything that is not samples. The three groups hold datasets, and
 * nothing below them is looked at but that: no other group is entered, no link followed. */
#include <string.h>

#include "seisproc/memory.h"
#include "seisproc/share.h"
#include "src/store/h5.h"

enum { MAX_PATH = 256, PIECE_BYTES = 4 << 20, N_INHERITED = 3 };
static const char *const inherited[N_INHERITED] = {"/gathers", "/headers", "/segy"};

/* By name, not by shape: a textual header may have as many bytes as the survey has traces. */
static bool is_per_trace(const char *path) {
  return !strncmp(path, "/headers/", 9) || !strncmp(path, "/segy/trace_", 12);
}

static bool is_group(const sp_survey *survey, const char *path) {
  const hid_t object = H5Oopen(survey->file, path, H5P_DEFAULT);
  const bool group = object >= 0 && H5Iget_type(object) == H5I_GROUP;
  if (object >= 0) H5Oclose(object);
  H5Eclear2(H5E_DEFAULT);
  return group;
}

sp_status sp_h5_each_dataset(const sp_survey *survey, const char *group, sp_h5_visitor visit, void *context) {
  char **names;
  if (sp_h5_presence_of(survey->file, group) != SP_H5_PRESENT) return SP_SUCCESS;
  SP_TRY(sp_h5_names(survey, group, &names));
  sp_status status = SP_SUCCESS;
  for (char **name = names; *name && status == SP_SUCCESS; name++) {
    char path[MAX_PATH];
    snprintf(path, sizeof path, "%s/%s", group, *name);
    if (!is_group(survey, path)) status = visit(survey, path, context);
  }
  sp_free(names);
  return status;
}

sp_status sp_h5_copy_rows(sp_dataset *from, hid_t file) {
  const size_t row = sp_dataset_row_length(from) * sp_type_size(sp_dataset_type(from));
  const uint64_t n = sp_dataset_rows(from), fits = PIECE_BYTES / (row ? row : 1), most = fits ? fits : 1;
  const hid_t type = sp_h5_memory_type(sp_dataset_type(from));
  void *rows = NULL;
  hid_t to, space = H5I_INVALID_HID;
  sp_status status;
  SP_TRY(SP_H5_ID(to, H5Dopen2(file, sp_dataset_path(from), H5P_DEFAULT)));
  SP_TRY_GOTO(out, SP_H5_ID(space, H5Dget_space(to)));
  SP_TRY_GOTO(out, sp_alloc((n < most ? n : most) * row, sp_dataset_path(from), &rows));
  SP_EACH_PIECE (p, 0, row ? n : 0, most) {
    const hsize_t start[2] = {p.first, 0}, count[2] = {p.count, sp_dataset_row_length(from)};
    const hid_t memory = H5Screate_simple(2, count, NULL);
    status = sp_dataset_read_independent(from, p.first, (sp_local)p.count, rows);
    if (status == SP_SUCCESS) status = SP_H5(H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL));
    if (status == SP_SUCCESS) status = SP_H5(H5Dwrite(to, type, memory, space, H5P_DEFAULT, rows));
    H5Sclose(memory);
    if (status != SP_SUCCESS) goto out;
  }
out:
  sp_free(rows);
  if (space >= 0) H5Sclose(space);
  H5Dclose(to);
  return status;
}

static sp_status inherit_dataset(const sp_survey *survey, const char *path, void *context) {
  const hid_t file = *(const hid_t *)context;
  sp_dataset *from;
  SP_TRY(sp_dataset_open((sp_survey *)(uintptr_t)survey, path, &from));
  /* one dimension stays one; a row of one element is one as well */
  const uint64_t length = sp_dataset_row_length(from);
  const sp_dataset_spec spec = {.path = path,
                                .type = sp_dataset_type(from),
                                .rows = sp_dataset_rows(from),
                                .row_length = length > 1 ? length : 0};
  sp_status status = sp_h5_create_dataset(file, &spec);
  if (status == SP_SUCCESS && !is_per_trace(path)) status = sp_h5_copy_rows(from, file);
  if (status == SP_SUCCESS) status = sp_h5_copy_attributes(survey, path, file);
  sp_dataset_close(from);
  return status;
}

static sp_status inherit_group(const sp_survey *survey, const char *group, hid_t file) {
  if (sp_h5_presence_of(survey->file, group) != SP_H5_PRESENT) return SP_SUCCESS;
  if (H5Lexists(file, group, H5P_DEFAULT) <= 0) {
    hid_t made;
    SP_TRY(SP_H5_ID(made, H5Gcreate2(file, group, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)));
    H5Gclose(made);
  }
  SP_TRY(sp_h5_copy_attributes(survey, group, file));
  return sp_h5_each_dataset(survey, group, inherit_dataset, &file);
}

sp_status sp_h5_inherit(const sp_survey *source, hid_t file) {
  for (int i = 0; i < N_INHERITED; i++) SP_TRY(inherit_group(source, inherited[i], file));
  return SP_SUCCESS;
}

static sp_status add_bytes(const sp_survey *survey, const char *path, void *context) {
  double *bytes = context;
  sp_dataset *d;
  SP_TRY(sp_dataset_open((sp_survey *)(uintptr_t)survey, path, &d));
  *bytes += (double)sp_dataset_rows(d) * (double)sp_dataset_row_length(d) * (double)sp_type_size(sp_dataset_type(d));
  sp_dataset_close(d);
  return SP_SUCCESS;
}

sp_status sp_survey_inherited_bytes(const sp_survey *source, double *bytes) {
  *bytes = 0;
  for (int i = 0; i < N_INHERITED; i++) SP_TRY(sp_h5_each_dataset(source, inherited[i], add_bytes, bytes));
  return SP_SUCCESS;
}

typedef struct trace_visitor {
  sp_status (*visit)(const char *path, void *context);
  void *context;
} trace_visitor;

static sp_status visit_if_per_trace(const sp_survey *survey, const char *path, void *context) {
  const trace_visitor *visitor = context;
  return is_per_trace(path) ? visitor->visit(path, visitor->context) : SP_SUCCESS;
}

sp_status sp_survey_each_trace_dataset(const sp_survey *survey, sp_status (*visit)(const char *path, void *context),
                                       void *context) {
  trace_visitor visitor = {visit, context};
  SP_TRY(sp_h5_each_dataset(survey, "/headers", visit_if_per_trace, &visitor));
  return sp_h5_each_dataset(survey, "/segy", visit_if_per_trace, &visitor);
}
