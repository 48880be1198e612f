/* Rows of a dataset: opened once, then read and written without further metadata. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "src/store/h5.h"

struct sp_dataset {
  hid_t id, file_space, memory_space;
  hid_t transfer[2]; /* alone, collective */
  sp_type type;
  uint64_t rows, row_length;
  int n_dims;
  uint64_t file_offset;
  char *path;
  const sp_survey *survey; /* borrowed */
};

static sp_status read_shape(sp_dataset *dataset) {
  hsize_t dims[2] = {0, 1};
  dataset->n_dims = H5Sget_simple_extent_ndims(dataset->file_space);
  if (dataset->n_dims < 1 || dataset->n_dims > 2) {
    return SP_RAISE(SP_ERR_INPUT, "%s: %s has %d dimensions, allowed is 1 or 2", dataset->survey->path, dataset->path,
                    dataset->n_dims);
  }
  H5Sget_simple_extent_dims(dataset->file_space, dims, NULL);
  dataset->rows = dims[0];
  dataset->row_length = dims[1];
  const hid_t type = H5Dget_type(dataset->id);
  const bool known = sp_h5_known_type(type, &dataset->type);
  H5Tclose(type);
  if (!known) {
    return SP_RAISE(SP_ERR_INPUT, "%s: %s is of a type that survey files do not have", dataset->survey->path,
                    dataset->path);
  }
  const haddr_t offset = H5Dget_offset(dataset->id);
  if (offset == HADDR_UNDEF && dataset->rows && dataset->row_length) {
    return SP_RAISE(SP_ERR_INPUT, "%s: %s is not one contiguous block", dataset->survey->path, dataset->path);
  }
  dataset->file_offset = offset == HADDR_UNDEF ? 0 : offset;
  H5Eclear2(H5E_DEFAULT);
  return SP_SUCCESS;
}

static sp_status make_transfers(sp_dataset *dataset) {
  SP_TRY(SP_H5_ID(dataset->transfer[0], H5Pcreate(H5P_DATASET_XFER)));
  SP_TRY(SP_H5_ID(dataset->transfer[1], H5Pcreate(H5P_DATASET_XFER)));
  if (dataset->survey->comm == MPI_COMM_NULL) return SP_SUCCESS;
  return SP_H5(H5Pset_dxpl_mpio(dataset->transfer[1], H5FD_MPIO_COLLECTIVE));
}

sp_status sp_dataset_open(sp_survey *survey, const char *path, sp_dataset **out) {
  sp_status status;
  sp_dataset *dataset;
  SP_TRY(sp_calloc(1, sizeof *dataset, "a dataset", (void **)&dataset));
  dataset->survey = survey;
  dataset->id = dataset->file_space = dataset->memory_space = H5I_INVALID_HID;
  dataset->transfer[0] = dataset->transfer[1] = H5I_INVALID_HID;
  SP_TRY_GOTO(fail, sp_strdup(path, &dataset->path));
  dataset->id = H5Dopen2(survey->file, path, H5P_DEFAULT);
  if (dataset->id < 0) {
    H5Eclear2(H5E_DEFAULT);
    status = SP_RAISE(SP_ERR_INPUT, "%s: has no dataset %s", survey->path, path);
    goto fail;
  }
  SP_TRY_GOTO(fail, SP_H5_ID(dataset->file_space, H5Dget_space(dataset->id)));
  SP_TRY_GOTO(fail, read_shape(dataset));
  const hsize_t dims[2] = {1, dataset->row_length}, limits[2] = {H5S_UNLIMITED, dataset->row_length};
  SP_TRY_GOTO(fail, SP_H5_ID(dataset->memory_space, H5Screate_simple(dataset->n_dims, dims, limits)));
  SP_TRY_GOTO(fail, make_transfers(dataset));
  *out = dataset;
  return SP_SUCCESS;
fail:
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
  sp_free(dataset->path);
  sp_free(dataset);
}

const char *sp_dataset_file(const sp_dataset *dataset) {
  return dataset->survey->path;
}

const char *sp_dataset_path(const sp_dataset *dataset) {
  return dataset->path;
}

sp_type sp_dataset_type(const sp_dataset *dataset) {
  return dataset->type;
}

uint64_t sp_dataset_rows(const sp_dataset *dataset) {
  return dataset->rows;
}

uint64_t sp_dataset_row_length(const sp_dataset *dataset) {
  return dataset->row_length;
}

uint64_t sp_dataset_file_offset(const sp_dataset *dataset) {
  return dataset->file_offset;
}

/* Points both dataspaces at n rows from `first`; at nothing where n is 0. */
static sp_status select_rows(sp_dataset *dataset, sp_global first, sp_local n) {
  if (first + n > dataset->rows) {
    return SP_RAISE(SP_ERR_INTERNAL, "%s: %s has %llu rows, asked for %u from %llu", dataset->survey->path,
                    dataset->path, (unsigned long long)dataset->rows, n, (unsigned long long)first);
  }
  if (n == 0) {
    SP_TRY(SP_H5(H5Sselect_none(dataset->file_space)));
    return SP_H5(H5Sselect_none(dataset->memory_space));
  }
  const hsize_t start[2] = {first, 0}, count[2] = {n, dataset->row_length};
  SP_TRY(SP_H5(H5Sselect_hyperslab(dataset->file_space, H5S_SELECT_SET, start, NULL, count, NULL)));
  SP_TRY(SP_H5(H5Sset_extent_simple(dataset->memory_space, dataset->n_dims, count, NULL)));
  return SP_H5(H5Sselect_all(dataset->memory_space));
}

/* Why rows cannot be read or written, which MPI-IO hardly tells: the system tells it of the same bytes moved plainly. 0
 * where that goes well. */
static int plain_error(const sp_dataset *dataset, bool writes, sp_global first, sp_local n, void *rows) {
  const size_t row = dataset->row_length * sp_type_size(dataset->type), bytes = n * row;
  const int fd = open(dataset->survey->path, (writes ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
  int error = fd < 0 ? errno : 0;
  for (size_t at = 0; at < bytes && !error;) {
    const off_t offset = (off_t)(dataset->file_offset + first * row + at);
    char *const from = (char *)rows + at;
    const ssize_t moved = writes ? pwrite(fd, from, bytes - at, offset) : pread(fd, from, bytes - at, offset);
    if (moved < 0 && errno != EINTR) error = errno;
    if (moved == 0) break;
    if (moved > 0) at += (size_t)moved;
  }
  if (fd >= 0) close(fd);
  return error;
}

static sp_status report(sp_dataset *dataset, bool writes, sp_global first, sp_local n, void *rows) {
  char why[256], free_there[64] = "";
  sp_h5_error_text(why, sizeof why);
  const int error = plain_error(dataset, writes, first, n, rows);
  if (error == ENOSPC || error == EDQUOT) {
    snprintf(free_there, sizeof free_there, "; %.1f MB are free", 1e-6 * sp_part_room(dataset->survey->path));
  }
  return SP_RAISE(SP_ERR_IO, "%s: cannot %s %s, rows %llu to %llu: %s%s", dataset->survey->path,
                  writes ? "write" : "read", dataset->path, (unsigned long long)first,
                  (unsigned long long)(first + n) - (n > 0), error ? strerror(error) : why, free_there);
}

static sp_status read_rows(sp_dataset *dataset, bool collective, sp_global first, sp_local n, void *rows) {
  SP_TRY(select_rows(dataset, first, n));
  const herr_t code = H5Dread(dataset->id, sp_h5_memory_type(dataset->type), dataset->memory_space, dataset->file_space,
                              dataset->transfer[collective], rows);
  return code < 0 ? report(dataset, false, first, n, rows) : SP_SUCCESS;
}

static sp_status write_rows(sp_dataset *dataset, bool collective, sp_global first, sp_local n, const void *rows) {
  SP_TRY(select_rows(dataset, first, n));
  const herr_t code = H5Dwrite(dataset->id, sp_h5_memory_type(dataset->type), dataset->memory_space,
                               dataset->file_space, dataset->transfer[collective], rows);
  return code < 0 ? report(dataset, true, first, n, (void *)(uintptr_t)rows) : SP_SUCCESS;
}

sp_status sp_dataset_read(sp_dataset *dataset, sp_global first, sp_local n, void *rows) {
  return read_rows(dataset, true, first, n, rows);
}

sp_status sp_dataset_write(sp_dataset *dataset, sp_global first, sp_local n, const void *rows) {
  return write_rows(dataset, true, first, n, rows);
}

/* Rows that go in one piece where a transfer is not collective: HDF5 1.10 counts its bytes in an int. */
static sp_local rows_a_piece(const sp_dataset *dataset, sp_local left) {
  const uint64_t rows = (UINT64_C(1) << 30) / (dataset->row_length * sp_type_size(dataset->type) + 1) + 1;
  return rows < left ? (sp_local)rows : left;
}

sp_status sp_dataset_read_independent(sp_dataset *dataset, sp_global first, sp_local n, void *rows) {
  const size_t row = dataset->row_length * sp_type_size(dataset->type);
  for (sp_local at = 0, piece; at < n; at += piece) {
    piece = rows_a_piece(dataset, n - at);
    SP_TRY(read_rows(dataset, false, first + at, piece, (char *)rows + at * row));
  }
  return SP_SUCCESS;
}

sp_status sp_dataset_write_independent(sp_dataset *dataset, sp_global first, sp_local n, const void *rows) {
  const size_t row = dataset->row_length * sp_type_size(dataset->type);
  for (sp_local at = 0, piece; at < n; at += piece) {
    piece = rows_a_piece(dataset, n - at);
    SP_TRY(write_rows(dataset, false, first + at, piece, (const char *)rows + at * row));
  }
  return SP_SUCCESS;
}
