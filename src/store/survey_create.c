/* SPDX-License-Identifier: BSD-3-Clause */
/* Making a new survey file: all datasets and attributes at once, then synced and closed. */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/side_file.h"
#include "src/store/h5.h"

static sp_status write_root(hid_t file, const sp_survey_info *info) {
  SP_TRY(sp_h5_write_text(file, "/", "format", "seisproc"));
  SP_TRY(sp_h5_write_int(file, "/", "format_version", SP_FORMAT_VERSION));
  SP_TRY(sp_h5_write_int(file, "/", "n_traces", (int64_t)info->n_traces));
  SP_TRY(sp_h5_write_int(file, "/", "n_samples", info->n_samples));
  SP_TRY(sp_h5_write_real(file, "/", "sample_interval_us", info->sample_interval_us));
  SP_TRY(sp_h5_write_text(file, "/", "uuid", info->uuid));
  SP_TRY(sp_h5_write_text(file, "/", "created_by", info->created_by));
  return sp_h5_write_text(file, "/", "history", info->history ? info->history : "");
}

static sp_status create_attribute(hid_t file, const sp_attribute_spec *spec) {
  switch (spec->kind) {
  case SP_ATTR_TEXT:
    return sp_h5_write_text(file, spec->object, spec->name, spec->text);
  case SP_ATTR_INT:
    return sp_h5_write_int(file, spec->object, spec->name, spec->integer);
  case SP_ATTR_REAL:
    return sp_h5_write_real(file, spec->object, spec->name, spec->real);
  }
  return SP_RAISE(SP_ERR_INTERNAL, "%s: an attribute of no kind", spec->name);
}

static sp_status fill(hid_t file, const sp_survey *source, const sp_survey_info *info, const sp_dataset_spec *datasets,
                      size_t n_datasets, const sp_attribute_spec *attributes, size_t n_attributes) {
  SP_TRY(write_root(file, info));
  for (size_t i = 0; i < n_datasets; i++) SP_TRY(sp_h5_create_dataset(file, &datasets[i]));
  if (source) SP_TRY(sp_h5_inherit(source, file));
  if (info->content[0]) SP_TRY(sp_h5_write_text(file, "/traces", "content", info->content));
  if (info->gather_key[0] && !source) SP_TRY(sp_h5_write_text(file, "/gathers/key", "name", info->gather_key));
  for (size_t i = 0; i < n_attributes; i++) SP_TRY(create_attribute(file, &attributes[i]));
  return sp_h5_add_scales(file, source, info);
}

/* Closing writes what HDF5 held back. */
static sp_status close_file(hid_t file, const char *path) {
  if (H5Fclose(file) >= 0) return SP_SUCCESS;
  char why[256];
  sp_h5_error_text(why, sizeof why);
  return SP_RAISE(SP_ERR_IO, "%s: cannot be written: %s", path, why);
}

/* An empty file with a layout of its own, by Lustre's tool; false where that cannot be had. */
static bool lay_out(const char *path, const sp_stripe *stripe) {
  char count[16], bytes[24];
  pid_t child;
  int status = 1;
  snprintf(count, sizeof count, "%d", stripe->count);
  snprintf(bytes, sizeof bytes, "%llu", (unsigned long long)stripe->bytes);
  char *const command[] = {"lfs", "setstripe", "-c", count, "-S", bytes, (char *)(uintptr_t)path, NULL};
  const int error = posix_spawnp(&child, command[0], NULL, NULL, command, environ);
  while (!error && waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!error && WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
  sp_warn("%s: lies on the storage as files of its folder do, since `lfs setstripe` %s", path,
          error ? "is not there" : "fails");
  unlink(path);
  return false;
}

static sp_status create_file(const char *path, const sp_stripe *stripe, hid_t *file) {
  hid_t access;
  const int error = sp_side_check(path);
  if (error) return SP_RAISE(sp_file_status(error), "%s: cannot be created: %s", path, sp_side_error(error));
  unlink(path); /* left by a command that was cut off */
  SP_TRY(SP_H5_ID(access, H5Pcreate(H5P_FILE_ACCESS)));
  /* so that rows can be written past the page cache, and lie on storage targets as they are meant to */
  H5Pset_alignment(access, SP_PAGE, stripe ? stripe->bytes : SP_PAGE);
  const bool laid_out = stripe && lay_out(path, stripe);
  *file = H5Fcreate(path, laid_out ? H5F_ACC_TRUNC : H5F_ACC_EXCL, H5P_DEFAULT, access);
  H5Pclose(access);
  if (*file >= 0) return SP_SUCCESS;
  char why[256];
  sp_h5_error_text(why, sizeof why);
  return SP_RAISE(SP_ERR_IO, "%s: cannot be created: %s", path, why);
}

/* The file is whole before it has the name `path`: whoever looks there never finds one that HDF5 cannot open. */
static sp_status move_into_place(const char *new_path, const char *path) {
  const int error = sp_side_check(path);
  if (error) return SP_RAISE(sp_file_status(error), "%s: cannot be replaced: %s", path, sp_side_error(error));
  SP_TRY(sp_sync_file(new_path));
  if (!rename(new_path, path)) return SP_SUCCESS;
  return SP_RAISE(sp_file_status(errno), "%s: cannot be renamed to %s: %s", new_path, path, strerror(errno));
}

/* Of the whole file: a failure to write at closing leaves HDF5 with a file that it can neither close nor forget. */
static sp_status check_bytes(const sp_survey *source, const char *path, const sp_dataset_spec *datasets,
                             size_t n_datasets) {
  double bytes = 0;
  if (source) SP_TRY(sp_survey_inherited_bytes(source, &bytes));
  for (size_t i = 0; i < n_datasets; i++) {
    const sp_dataset_spec *d = &datasets[i];
    const double row = (double)(d->row_length ? d->row_length : 1) * (double)sp_type_size(d->type);
    bytes += (double)d->rows * row + SP_PAGE; /* each begins at a page */
  }
  return sp_part_check_bytes(path, bytes);
}

sp_status sp_survey_derive_striped(const sp_survey *source, const char *path, const sp_stripe *stripe,
                                   const sp_survey_info *info, const sp_dataset_spec *datasets, size_t n_datasets,
                                   const sp_attribute_spec *attributes, size_t n_attributes) {
  char *new_path = NULL;
  hid_t file;
  sp_h5_start();
  SP_TRY(check_bytes(source, path, datasets, n_datasets));
  SP_TRY(sp_side_append(path, SP_SIDE_NEW, &new_path));
  sp_status status = create_file(new_path, stripe, &file);
  if (status == SP_SUCCESS) {
    status = fill(file, source, info, datasets, n_datasets, attributes, n_attributes);
    const sp_status closed = close_file(file, path);
    if (status == SP_SUCCESS) status = closed;
    if (status == SP_SUCCESS) status = move_into_place(new_path, path);
    if (status != SP_SUCCESS) unlink(new_path);
  }
  sp_free(new_path);
  return status;
}

sp_status sp_survey_derive(const sp_survey *source, const char *path, const sp_survey_info *info,
                           const sp_dataset_spec *datasets, size_t n_datasets, const sp_attribute_spec *attributes,
                           size_t n_attributes) {
  return sp_survey_derive_striped(source, path, NULL, info, datasets, n_datasets, attributes, n_attributes);
}

sp_status sp_survey_create(const char *path, const sp_survey_info *info, const sp_dataset_spec *datasets,
                           size_t n_datasets, const sp_attribute_spec *attributes, size_t n_attributes) {
  return sp_survey_derive(NULL, path, info, datasets, n_datasets, attributes, n_attributes);
}

static sp_status add(hid_t file, const sp_dataset_spec *datasets, size_t n_datasets,
                     const sp_attribute_spec *attributes, size_t n_attributes) {
  for (size_t i = 0; i < n_datasets; i++) {
    if (H5Lexists(file, datasets[i].path, H5P_DEFAULT) > 0) {
      sp_h5_detach_scales(file, datasets[i].path);
      SP_TRY(SP_H5(H5Ldelete(file, datasets[i].path, H5P_DEFAULT)));
    }
    SP_TRY(sp_h5_create_dataset(file, &datasets[i]));
  }
  for (size_t i = 0; i < n_attributes; i++) {
    const sp_attribute_spec *a = &attributes[i];
    if (H5Aexists_by_name(file, a->object, a->name, H5P_DEFAULT) > 0) {
      SP_TRY(SP_H5(H5Adelete_by_name(file, a->object, a->name, H5P_DEFAULT)));
    }
    SP_TRY(create_attribute(file, a));
  }
  return sp_h5_add_missing_scales(file);
}

sp_status sp_survey_add(const char *path, const sp_dataset_spec *datasets, size_t n_datasets,
                        const sp_attribute_spec *attributes, size_t n_attributes) {
  sp_h5_start();
  const hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT);
  if (file < 0) {
    char why[256];
    sp_h5_error_text(why, sizeof why);
    return SP_RAISE(SP_ERR_IO, "%s: cannot be opened: %s", path, why);
  }
  const sp_status status = add(file, datasets, n_datasets, attributes, n_attributes), closed = close_file(file, path);
  return status == SP_SUCCESS ? closed : status;
}

sp_status sp_survey_sync(sp_survey *survey) {
  if (H5Fflush(survey->file, H5F_SCOPE_GLOBAL) >= 0) return SP_SUCCESS;
  char why[256];
  sp_h5_error_text(why, sizeof why);
  return SP_RAISE(SP_ERR_IO, "%s: cannot be written: %s", survey->path, why);
}
