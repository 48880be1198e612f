/* SPDX-License-Identifier: BSD-3-Clause */
/* A dataset is opened: a look at everything that is read from the file about it. */
#include <stdio.h>
#include <string.h>

#include "seisproc/memory.h"
#include "src/store/dataset_parts.h"

/* --- what the file says of it ------------------------------------------------------------------------------------- */

sp_status sp_dataset_refuse(const sp_dataset *d, const char *what) {
  H5Eclear2(H5E_DEFAULT);
  return SP_RAISE(SP_ERR_INPUT, "%s: %s %s", d->survey->path, d->path, what);
}

static sp_status read_type(sp_dataset *d, const sp_dataset_rule *rule) {
  char name[SP_H5_TYPE_TEXT], own[SP_H5_TYPE_TEXT], what[2 * SP_H5_TYPE_TEXT + 64];
  sp_type holds;
  const hid_t type = H5Dget_type(d->id);
  if (type < 0) return sp_dataset_refuse(d, "has a type that cannot be read");
  const bool known = sp_h5_holding_type(type, &holds);
  d->type = rule->any_type ? holds : rule->type;
  /* of the types that are taken for float32 or bytes, all values are */
  const bool narrow = d->type == SP_UINT8 || rule->exact;
  const bool small_integer =
      rule->type == SP_FLOAT32 && (holds == SP_UINT8 || (holds == SP_INT32 && H5Tget_size(type) < 4));
  const bool good = known && (!narrow || holds == d->type || small_integer);
  sp_h5_type_name(type, name);
  d->native = good && H5Tequal(type, sp_h5_file_type(d->type)) > 0;
  d->file_row_bytes = H5Tget_size(type);
  H5Tclose(type);
  if (good) return SP_SUCCESS;
  const char *allowed = rule->any_type ? "a number" : sp_h5_type_name(sp_h5_file_type(rule->type), own);
  snprintf(what, sizeof what, "is of type %s, allowed is %s", name, allowed);
  return sp_dataset_refuse(d, what);
}

static sp_status read_shape(sp_dataset *d, const sp_dataset_rule *rule) {
  char what[192];
  hsize_t dims[2] = {0, 1};
  d->n_dims = H5Sget_simple_extent_ndims(d->file_space);
  if (d->n_dims < 1 || d->n_dims > 2 || (rule->n_dims && d->n_dims != rule->n_dims)) {
    snprintf(what, sizeof what, "has %d dimensions, allowed is %s", d->n_dims,
             rule->n_dims == 0   ? "1 or 2"
             : rule->n_dims == 1 ? "1"
                                 : "2");
    return sp_dataset_refuse(d, what);
  }
  H5Sget_simple_extent_dims(d->file_space, dims, NULL);
  d->rows = dims[0];
  d->row_length = dims[1];
  const bool rows = rule->rows == UINT64_MAX || rule->rows == d->rows;
  const bool length = rule->row_length == 0 || rule->row_length == d->row_length;
  if (!rows || !length) {
    int n = snprintf(what, sizeof what, "is %llu", (unsigned long long)d->rows);
    if (d->n_dims == 2) n += snprintf(what + n, sizeof what - (size_t)n, " x %llu", (unsigned long long)d->row_length);
    n += snprintf(what + n, sizeof what - (size_t)n, ", the survey has %llu", (unsigned long long)rule->rows);
    if (rule->row_length) snprintf(what + n, sizeof what - (size_t)n, " x %llu", (unsigned long long)rule->row_length);
    return sp_dataset_refuse(d, what);
  }
  const bool fits = !__builtin_mul_overflow(d->file_row_bytes, d->row_length, &d->file_row_bytes);
  return fits ? SP_SUCCESS : sp_dataset_refuse(d, "is larger than any file");
}

/* Packed chunks, or chunks as they are. */
static sp_status open_packed(sp_dataset *d, hid_t creation) {
  sp_chunk_form form;
  char why[192];
  if (!d->native) return sp_dataset_refuse(d, "is packed in another type than seisproc packs it in");
  if (!sp_packed_describe(creation, d->n_dims, d->row_length, (uint32_t)sp_type_size(d->type), &form, why,
                          sizeof why)) {
    return sp_dataset_refuse(d, why);
  }
  return sp_packed_open(d->survey, d->path, &form, d->rows, &d->packed);
}

/* One contiguous block that lies wholly within the file, or packed chunks. */
static sp_status read_storage(sp_dataset *d) {
  uint64_t bytes, end;
  const hid_t creation = H5Dget_create_plist(d->id);
  if (creation < 0) return sp_dataset_refuse(d, "has a storage that cannot be read");
  const H5D_layout_t layout = H5Pget_layout(creation);
  const int n_external = layout == H5D_CONTIGUOUS ? H5Pget_external_count(creation) : 0;
  const sp_status chunks = layout == H5D_CHUNKED ? open_packed(d, creation) : SP_SUCCESS;
  H5Pclose(creation);
  if (layout == H5D_CHUNKED) return chunks;
  if (layout != H5D_CONTIGUOUS) {
    return sp_dataset_refuse(d, layout == H5D_VIRTUAL ? "is a view of other files, allowed is one contiguous block"
                                                      : "is not one contiguous block");
  }
  if (n_external) return sp_dataset_refuse(d, "lies in another file, allowed is one contiguous block of this one");
  const haddr_t offset = H5Dget_offset(d->id);
  H5Eclear2(H5E_DEFAULT);
  d->file_offset = offset == HADDR_UNDEF ? 0 : offset;
  if (__builtin_mul_overflow(d->rows, d->file_row_bytes, &bytes))
    return sp_dataset_refuse(d, "is larger than any file");
  if (bytes == 0) return SP_SUCCESS;
  if (offset == HADDR_UNDEF) return sp_dataset_refuse(d, "has no storage: nothing was ever written to it");
  if (__builtin_add_overflow(bytes, d->file_offset, &end) || end > d->survey->identity.bytes) {
    return sp_dataset_refuse(d, "ends behind the end of the file");
  }
  return SP_SUCCESS;
}

/* A value that the type in memory does not hold ends the transfer. */
static H5T_conv_ret_t refuse_value(H5T_conv_except_t kind, hid_t from, hid_t to, void *value, void *out,
                                   void *context) {
  return kind == H5T_CONV_EXCEPT_PRECISION ? H5T_CONV_UNHANDLED : H5T_CONV_ABORT;
}

static sp_status make_transfers(sp_dataset *dataset) {
  for (int i = 0; i < 2; i++) {
    SP_TRY(SP_H5_ID(dataset->transfer[i], H5Pcreate(H5P_DATASET_XFER)));
    if (!dataset->native) SP_TRY(SP_H5(H5Pset_type_conv_cb(dataset->transfer[i], refuse_value, NULL)));
  }
  if (dataset->survey->comm == MPI_COMM_NULL) return SP_SUCCESS;
  return SP_H5(H5Pset_dxpl_mpio(dataset->transfer[1], H5FD_MPIO_COLLECTIVE));
}

static sp_status open_object(sp_dataset *d) {
  switch (sp_h5_presence_of(d->survey->file, d->path)) {
  case SP_H5_ABSENT:
    return SP_RAISE(SP_ERR_INPUT, "%s: has no dataset %s", d->survey->path, d->path);
  case SP_H5_LINKED_ELSEWHERE:
    return sp_dataset_refuse(d, "is a link to somewhere else, which is not followed");
  case SP_H5_PRESENT:
    break;
  }
  d->id = H5Dopen2(d->survey->file, d->path, H5P_DEFAULT);
  return d->id < 0 ? sp_dataset_refuse(d, "is not a dataset that can be opened") : SP_SUCCESS;
}

/* Where the samples were stored in 16 bits they are read as float32 all the same. */
static sp_status open_scaled(sp_dataset *d) {
  char *form = NULL, path[64];
  if (strcmp(d->path, "/traces") && strcmp(d->path, "/noise")) return SP_SUCCESS;
  SP_TRY(sp_h5_get_text(d->survey, d->path, "samples", &form));
  if (!form) return SP_SUCCESS;
  const bool known = sp_sample_form_parse(form, &d->samples) && d->samples != SP_SAMPLES_FLOAT32;
  sp_free(form);
  if (!known) return sp_dataset_refuse(d, "has an attribute `samples` of another kind than int16- and float16-scaled");
  SP_TRY(SP_H5_ID(d->code_type, sp_h5_code_type(d->samples)));
  const hid_t type = H5Dget_type(d->id);
  const bool same = type >= 0 && H5Tequal(type, d->code_type) > 0;
  if (type >= 0) H5Tclose(type);
  if (!same) return sp_dataset_refuse(d, "is of another type than its attribute `samples` says");
  snprintf(path, sizeof path, SP_SCALE_GROUP "%s", d->path);
  SP_TRY(sp_dataset_open(d->survey, path, &d->factors));
  return d->factors->native && !d->factors->packed ? SP_SUCCESS : sp_dataset_refuse(d->factors, "is not plain float32");
}

static sp_status look_at(sp_dataset *d) {
  const sp_dataset_rule rule = sp_dataset_rule_for(d->survey, d->path);
  SP_TRY(open_object(d));
  d->file_space = H5Dget_space(d->id);
  if (d->file_space < 0) return sp_dataset_refuse(d, "has a shape that cannot be read");
  d->unit = rule.unit;
  SP_TRY(read_type(d, &rule));
  SP_TRY(read_shape(d, &rule));
  SP_TRY(read_storage(d));
  return open_scaled(d);
}

sp_status sp_dataset_open(sp_survey *survey, const char *path, sp_dataset **out) {
  sp_status status;
  sp_dataset *dataset;
  SP_TRY(sp_survey_forward(survey, sp_calloc(1, sizeof *dataset, "a dataset", &dataset)));
  dataset->survey = survey;
  dataset->code_type = H5I_INVALID_HID;
  dataset->id = dataset->file_space = dataset->memory_space = H5I_INVALID_HID;
  dataset->transfer[0] = dataset->transfer[1] = H5I_INVALID_HID;
  SP_TRY_GOTO(fail, sp_strdup(path, &dataset->path));
  SP_TRY_GOTO(fail, look_at(dataset));
  const hsize_t dims[2] = {1, dataset->row_length}, limits[2] = {H5S_UNLIMITED, dataset->row_length};
  SP_TRY_GOTO(fail, SP_H5_ID(dataset->memory_space, H5Screate_simple(dataset->n_dims, dims, limits)));
  SP_TRY_GOTO(fail, make_transfers(dataset));
  *out = dataset;
  return SP_SUCCESS;
fail:
  sp_survey_forward(survey, status);
  sp_dataset_close(dataset);
  return status;
}

void sp_dataset_close(sp_dataset *dataset) {
  if (!dataset) return;
  if (dataset->transfer[1] >= 0) H5Pclose(dataset->transfer[1]);
  if (dataset->transfer[0] >= 0) H5Pclose(dataset->transfer[0]);
  if (dataset->memory_space >= 0) H5Sclose(dataset->memory_space);
  if (dataset->file_space >= 0) H5Sclose(dataset->file_space);
  if (dataset->id >= 0) H5Dclose(dataset->id);
  if (dataset->code_type >= 0) H5Tclose(dataset->code_type);
  sp_dataset_close(dataset->factors);
  sp_packed_close(dataset->packed);
  sp_free(dataset->path);
  sp_free(dataset);
}
