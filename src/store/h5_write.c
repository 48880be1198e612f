/* SPDX-License-Identifier: BSD-3-Clause */
/* Datasets of new files: contiguous, allocated early and never filled. */
#include "src/base/scaled.h"
#include "src/store/h5.h"

sp_status sp_h5_create_dataset(hid_t file, const sp_dataset_spec *spec) {
  sp_status status;
  hid_t space = H5I_INVALID_HID, links = H5I_INVALID_HID, creation = H5I_INVALID_HID, dataset = H5I_INVALID_HID;
  hid_t codes = H5I_INVALID_HID;
  const sp_sample_form form = spec->type == SP_INT16_SCALED     ? SP_SAMPLES_INT16_SCALED
                              : spec->type == SP_FLOAT16_SCALED ? SP_SAMPLES_FLOAT16_SCALED
                                                                : SP_SAMPLES_FLOAT32;
  const bool scaled = form != SP_SAMPLES_FLOAT32;
  const hsize_t dims[2] = {spec->rows, spec->row_length};
  SP_TRY_GOTO(out, SP_H5_ID(space, H5Screate_simple(spec->row_length ? 2 : 1, dims, NULL)));
  SP_TRY_GOTO(out, SP_H5_ID(links, H5Pcreate(H5P_LINK_CREATE)));
  SP_TRY_GOTO(out, SP_H5(H5Pset_create_intermediate_group(links, 1)));
  SP_TRY_GOTO(out, SP_H5_ID(creation, H5Pcreate(H5P_DATASET_CREATE)));
  SP_TRY_GOTO(out, SP_H5(H5Pset_layout(creation, H5D_CONTIGUOUS)));
  SP_TRY_GOTO(out, SP_H5(H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY)));
  SP_TRY_GOTO(out, SP_H5(H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER)));
  SP_TRY_GOTO(out, SP_H5(H5Pset_obj_track_times(creation, false))); /* the same input gives the same bytes */
  if (scaled) SP_TRY_GOTO(out, SP_H5_ID(codes, sp_h5_code_type(form)));
  SP_TRY_GOTO(out, SP_H5_ID(dataset, H5Dcreate2(file, spec->path, scaled ? codes : sp_h5_file_type(spec->type), space,
                                                links, creation, H5P_DEFAULT)));
  if (spec->units) SP_TRY_GOTO(out, sp_h5_write_text(file, spec->path, "units", spec->units));
  if (scaled) status = sp_h5_write_text(file, spec->path, "samples", sp_sample_form_name(form));
out:
  if (codes >= 0) H5Tclose(codes);
  if (dataset >= 0) H5Dclose(dataset);
  if (creation >= 0) H5Pclose(creation);
  if (links >= 0) H5Pclose(links);
  if (space >= 0) H5Sclose(space);
  return status;
}
