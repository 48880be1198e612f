/* What new files are made of: attributes, and datasets that are contiguous, allocated early and never filled. */
#include <string.h>

#include "src/store/h5.h"

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

sp_status sp_h5_create_dataset(hid_t file, const sp_dataset_spec *spec) {
  sp_status status;
  hid_t space = H5I_INVALID_HID, links = H5I_INVALID_HID, creation = H5I_INVALID_HID, dataset = H5I_INVALID_HID;
  const hsize_t dims[2] = {spec->rows, spec->row_length};
  SP_TRY_GOTO(out, SP_H5_ID(space, H5Screate_simple(spec->row_length ? 2 : 1, dims, NULL)));
  SP_TRY_GOTO(out, SP_H5_ID(links, H5Pcreate(H5P_LINK_CREATE)));
  SP_TRY_GOTO(out, SP_H5(H5Pset_create_intermediate_group(links, 1)));
  SP_TRY_GOTO(out, SP_H5_ID(creation, H5Pcreate(H5P_DATASET_CREATE)));
  SP_TRY_GOTO(out, SP_H5(H5Pset_layout(creation, H5D_CONTIGUOUS)));
  SP_TRY_GOTO(out, SP_H5(H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY)));
  SP_TRY_GOTO(out, SP_H5(H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER)));
  SP_TRY_GOTO(out, SP_H5(H5Pset_obj_track_times(creation, false))); /* the same input gives the same bytes */
  SP_TRY_GOTO(out, SP_H5_ID(dataset, H5Dcreate2(file, spec->path, sp_h5_file_type(spec->type), space, links, creation,
                                                H5P_DEFAULT)));
  if (spec->units) status = sp_h5_write_text(file, spec->path, "units", spec->units);
out:
  if (dataset >= 0) H5Dclose(dataset);
  if (creation >= 0) H5Pclose(creation);
  if (links >= 0) H5Pclose(links);
  if (space >= 0) H5Sclose(space);
  return status;
}
