/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of a dataset: opened once, with a look at everything that is read from the file about it, then read and written
 * without further metadata. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seisproc/dist.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/share.h"
#include "seisproc/side_file.h"
#include "src/base/file_bytes.h"
#include "src/store/h5.h"
#include "src/store/packed.h"

struct sp_dataset {
  hid_t id, file_space, memory_space;
  hid_t transfer[2];         /* independent, collective */
  sp_type type;              /* in memory */
  bool native;               /* the file has that type as well */
  uint64_t rows, row_length; /* of the file */
  sp_row_unit unit;
  int n_dims;
  uint64_t file_offset, file_row_bytes;
  char *path;
  sp_packed *packed; /* NULL: one contiguous block */
  sp_survey *survey; /* borrowed */
};

/* --- what the file says of it ------------------------------------------------------------------------------------- */

static sp_status refuse(const sp_dataset *d, const char *what) {
  H5Eclear2(H5E_DEFAULT);
  return SP_RAISE(SP_ERR_INPUT, "%s: %s %s", d->survey->path, d->path, what);
}

static sp_status read_type(sp_dataset *d, const sp_dataset_rule *rule) {
  char name[SP_H5_TYPE_TEXT], own[SP_H5_TYPE_TEXT], what[2 * SP_H5_TYPE_TEXT + 64];
  sp_type holds;
  const hid_t type = H5Dget_type(d->id);
  if (type < 0) return refuse(d, "has a type that cannot be read");
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
  return refuse(d, what);
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
    return refuse(d, what);
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
    return refuse(d, what);
  }
  const bool fits = !__builtin_mul_overflow(d->file_row_bytes, d->row_length, &d->file_row_bytes);
  return fits ? SP_SUCCESS : refuse(d, "is larger than any file");
}

/* Packed chunks, or chunks as they are. */
static sp_status open_packed(sp_dataset *d, hid_t creation) {
  sp_chunk_form form;
  char why[192];
  if (!d->native) return refuse(d, "is packed in another type than seisproc packs it in");
  if (!sp_packed_describe(creation, d->n_dims, d->row_length, (uint32_t)sp_type_size(d->type), &form, why,
                          sizeof why)) {
    return refuse(d, why);
  }
  return sp_packed_open(d->survey, d->path, &form, d->rows, &d->packed);
}

/* One contiguous block that lies wholly within the file, or packed chunks. */
static sp_status read_storage(sp_dataset *d) {
  uint64_t bytes, end;
  const hid_t creation = H5Dget_create_plist(d->id);
  if (creation < 0) return refuse(d, "has a storage that cannot be read");
  const H5D_layout_t layout = H5Pget_layout(creation);
  const int n_external = layout == H5D_CONTIGUOUS ? H5Pget_external_count(creation) : 0;
  const sp_status chunks = layout == H5D_CHUNKED ? open_packed(d, creation) : SP_SUCCESS;
  H5Pclose(creation);
  if (layout == H5D_CHUNKED) return chunks;
  if (layout != H5D_CONTIGUOUS) {
    return refuse(d, layout == H5D_VIRTUAL ? "is a view of other files, allowed is one contiguous block"
                                           : "is not one contiguous block");
  }
  if (n_external) return refuse(d, "lies in another file, allowed is one contiguous block of this one");
  const haddr_t offset = H5Dget_offset(d->id);
  H5Eclear2(H5E_DEFAULT);
  d->file_offset = offset == HADDR_UNDEF ? 0 : offset;
  if (__builtin_mul_overflow(d->rows, d->file_row_bytes, &bytes)) return refuse(d, "is larger than any file");
  if (bytes == 0) return SP_SUCCESS;
  if (offset == HADDR_UNDEF) return refuse(d, "has no storage: nothing was ever written to it");
  if (__builtin_add_overflow(bytes, d->file_offset, &end) || end > d->survey->identity.bytes) {
    return refuse(d, "ends behind the end of the file");
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
    return refuse(d, "is a link to somewhere else, which is not followed");
  case SP_H5_PRESENT:
    break;
  }
  d->id = H5Dopen2(d->survey->file, d->path, H5P_DEFAULT);
  return d->id < 0 ? refuse(d, "is not a dataset that can be opened") : SP_SUCCESS;
}

static sp_status look_at(sp_dataset *d) {
  const sp_dataset_rule rule = sp_dataset_rule_for(d->survey, d->path);
  SP_TRY(open_object(d));
  d->file_space = H5Dget_space(d->id);
  if (d->file_space < 0) return refuse(d, "has a shape that cannot be read");
  d->unit = rule.unit;
  SP_TRY(read_type(d, &rule));
  SP_TRY(read_shape(d, &rule));
  return read_storage(d);
}

sp_status sp_dataset_open(sp_survey *survey, const char *path, sp_dataset **out) {
  sp_status status;
  sp_dataset *dataset;
  SP_TRY(sp_calloc(1, sizeof *dataset, "a dataset", &dataset));
  dataset->survey = survey;
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
  sp_packed_close(dataset->packed);
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

/* What is selected of the rows; NULL: all of them. */
static const sp_selection *selection_of(const sp_dataset *dataset) {
  return dataset->unit == SP_ROWS_OTHER ? NULL : dataset->survey->selection;
}

uint64_t sp_dataset_rows(const sp_dataset *dataset) {
  const sp_selection *s = selection_of(dataset);
  if (!s) return dataset->rows;
  return dataset->unit == SP_ROWS_TRACES    ? s->n_traces
         : dataset->unit == SP_ROWS_GATHERS ? s->n_gathers
                                            : s->n_gathers + 1;
}

sp_selection_run sp_dataset_run(const sp_dataset *dataset, sp_global first, sp_local n) {
  const sp_selection *s = selection_of(dataset);
  if (!s || n == 0) return (sp_selection_run){first, n};
  return dataset->unit == SP_ROWS_TRACES ? sp_selection_traces(s, first, n) : sp_selection_gathers(s, first, n);
}

uint64_t sp_dataset_row_length(const sp_dataset *dataset) {
  return dataset->row_length;
}

bool sp_dataset_is_native(const sp_dataset *dataset) {
  return dataset->native && !dataset->packed;
}

sp_packed *sp_dataset_packed(const sp_dataset *dataset) {
  return dataset->packed;
}

uint64_t sp_dataset_file_offset(const sp_dataset *dataset) {
  return dataset->file_offset;
}

uint64_t sp_dataset_file_bytes(const sp_dataset *dataset) {
  return dataset->rows * dataset->file_row_bytes;
}

/* Points both dataspaces at n rows from `first`; at nothing where n is 0. */
static sp_status select_rows(sp_dataset *dataset, sp_global first, sp_local n) {
  if (first > dataset->rows || n > dataset->rows - first) {
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
  const uint64_t offset = dataset->file_offset + first * row;
  size_t got;
  if (!error) error = writes ? sp_write_all_at(fd, rows, bytes, offset) : sp_read_all_at(fd, rows, bytes, offset, &got);
  if (fd >= 0) close(fd);
  return error;
}

/* A failure to read that the system explains is classed by its reason. Without one it is the transfer's, which may go
 * well the next time, or a value that the type in memory does not hold. */
static sp_status report(sp_dataset *dataset, bool writes, sp_global first, sp_local n, void *rows, const char *why) {
  char free_there[64] = "";
  const int error = dataset->native ? plain_error(dataset, writes, first, n, rows) : 0;
  if (error == ENOSPC || error == EDQUOT) {
    snprintf(free_there, sizeof free_there, "; %.1f MB are free", 1e-6 * sp_part_room(dataset->survey->path));
  }
  const sp_status status = error && !writes ? sp_file_status(error) : dataset->native ? SP_ERR_IO : SP_ERR_INPUT;
  return SP_RAISE(status, "%s: cannot %s %s, rows %llu to %llu: %s%s", dataset->survey->path, writes ? "write" : "read",
                  dataset->path, (unsigned long long)first, (unsigned long long)(first + n) - (n > 0),
                  error             ? strerror(error)
                  : dataset->native ? why
                                    : "a value that its type here does not hold",
                  free_there);
}

/* For the transfer that failed last. */
static sp_status report_last(sp_dataset *dataset, bool writes, sp_global first, sp_local n, void *rows) {
  char why[256];
  sp_h5_error_text(why, sizeof why);
  return report(dataset, writes, first, n, rows, why);
}

/* Where a file has become shorter, HDF5 and MPI-IO read zeros and say that all went well. */
static sp_status check_length(const sp_dataset *dataset, sp_global first, sp_local n) {
  struct stat entry;
  if (n == 0 || dataset->file_row_bytes == 0) return SP_SUCCESS;
  const uint64_t end = dataset->file_offset + (first + n) * dataset->file_row_bytes;
  if (!fstat(dataset->survey->fd, &entry) && (uint64_t)entry.st_size >= end) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_INPUT,
                  "%s: cannot read %s, rows %llu to %llu: the file ends before them, it has become shorter",
                  dataset->survey->path, dataset->path, (unsigned long long)first, (unsigned long long)(first + n) - 1);
}

static sp_status read_rows(sp_dataset *dataset, bool collective, sp_global first, sp_local n, void *rows) {
  SP_TRY(select_rows(dataset, first, n));
  if (dataset->packed) return sp_packed_read(dataset->packed, first, n, rows);
  const herr_t code = H5Dread(dataset->id, sp_h5_memory_type(dataset->type), dataset->memory_space, dataset->file_space,
                              dataset->transfer[collective], rows);
  return code < 0 ? report_last(dataset, false, first, n, rows) : check_length(dataset, first, n);
}

static sp_status write_rows(sp_dataset *dataset, bool collective, sp_global first, sp_local n, const void *rows) {
  if (dataset->packed) return refuse(dataset, "is packed: `seisproc unpack` comes before writing");
  SP_TRY(select_rows(dataset, first, n));
  const herr_t code = H5Dwrite(dataset->id, sp_h5_memory_type(dataset->type), dataset->memory_space,
                               dataset->file_space, dataset->transfer[collective], rows);
  return code < 0 ? report_last(dataset, true, first, n, (void *)(uintptr_t)rows) : SP_SUCCESS;
}

sp_local sp_dataset_rows_a_transfer(const sp_dataset *dataset) {
  const uint64_t rows = (UINT64_C(1) << 30) / (dataset->row_length * sp_type_size(dataset->type) + 1) + 1;
  return rows < UINT32_MAX ? (sp_local)rows : UINT32_MAX;
}

/* HDF5 takes its view of the file back only where MPI-IO's transfer went well, and that is a collective call: without
 * this one from the rank whose transfer failed the others would wait in theirs for ever. With the same hints as theirs,
 * since ROMIO compares hints among the ranks, one by one. */
static sp_status reset_view(const sp_dataset *dataset) {
  MPI_File file;
  SP_TRY(sp_h5_mpi_file(dataset->survey, &file));
  return SP_MPI(MPI_File_set_view(file, 0, MPI_BYTE, MPI_BYTE, "native", dataset->survey->hints));
}

/* The same for rows of what is selected: their runs together. */
static sp_status select_runs(sp_dataset *dataset, sp_global first, sp_local n) {
  sp_local at = sp_dataset_run(dataset, first, n).n;
  SP_TRY(select_rows(dataset, sp_dataset_run(dataset, first, n).source, at));
  if (at == n) return SP_SUCCESS;
  const hsize_t all[2] = {n, dataset->row_length};
  SP_TRY(SP_H5(H5Sset_extent_simple(dataset->memory_space, dataset->n_dims, all, NULL)));
  SP_TRY(SP_H5(H5Sselect_all(dataset->memory_space)));
  while (at < n) {
    const sp_selection_run run = sp_dataset_run(dataset, first + at, n - at);
    const hsize_t start[2] = {run.source, 0}, count[2] = {run.n, dataset->row_length};
    SP_TRY(SP_H5(H5Sselect_hyperslab(dataset->file_space, H5S_SELECT_OR, start, NULL, count, NULL)));
    at += run.n;
  }
  return SP_SUCCESS;
}

sp_status sp_dataset_transfer(sp_dataset *dataset, bool writes, sp_global first, sp_local n, void *rows, bool *moved) {
  char why[256];
  SP_TRY(select_runs(dataset, first, n));
  const hid_t memory = sp_h5_memory_type(dataset->type), plist = dataset->transfer[1];
  const herr_t code = writes ? H5Dwrite(dataset->id, memory, dataset->memory_space, dataset->file_space, plist, rows)
                             : H5Dread(dataset->id, memory, dataset->memory_space, dataset->file_space, plist, rows);
  const sp_selection_run begin = sp_dataset_run(dataset, first, n),
                         end = sp_dataset_run(dataset, first + n - (n > 0), n > 0);
  *moved = code >= 0 && (writes || check_length(dataset, end.source, end.n) == SP_SUCCESS);
  if (code >= 0) return SP_SUCCESS;
  const bool in_transfer = sp_h5_error_names(writes ? "MPI_File_write_at" : "MPI_File_read_at", why, sizeof why);
  const bool behind_it = !strcmp(why, writes ? "file write failed" : "file read failed"); /* fewer bytes than asked */
  if (in_transfer) SP_TRY(reset_view(dataset));
  const sp_status status = report(dataset, writes, begin.source, begin.n, rows, why);
  return in_transfer || behind_it ? SP_SUCCESS : status;
}

/* A sort map names traces of the file: those of a gather stay within it, so they move as its first trace does. */
static void move_numbers(uint64_t *numbers, sp_local n, sp_global source, sp_global here) {
  for (sp_local i = 0; i < n; i++) numbers[i] = numbers[i] - source + here;
}

static sp_status read_selected(sp_dataset *dataset, const sp_selection *s, sp_global first, sp_local n, void *rows) {
  const size_t row = dataset->row_length * sp_type_size(dataset->type);
  const uint64_t all = sp_dataset_rows(dataset);
  if (first > all || n > all - first) {
    return SP_RAISE(SP_ERR_INTERNAL, "%s: %s has %llu selected rows, asked for %u from %llu", dataset->survey->path,
                    dataset->path, (unsigned long long)all, n, (unsigned long long)first);
  }
  if (dataset->unit == SP_ROWS_FIRST_TRACES) {
    memcpy(rows, s->first_trace + first, n * sizeof *s->first_trace);
    return SP_SUCCESS;
  }
  const bool is_map = !strcmp(dataset->path, "/sort_map");
  for (sp_local at = 0; at < n;) {
    const sp_local piece = (sp_local)sp_share_piece(at, n, sp_dataset_rows_a_transfer(dataset)).count;
    const sp_selection_run run = sp_dataset_run(dataset, first + at, piece);
    SP_TRY(read_rows(dataset, false, run.source, run.n, (char *)rows + at * row));
    if (is_map) move_numbers((uint64_t *)rows + at, run.n, run.source, first + at);
    at += run.n;
  }
  return SP_SUCCESS;
}

sp_status sp_dataset_read(sp_dataset *dataset, sp_global first, sp_local n, void *rows) {
  const sp_selection *s = selection_of(dataset);
  return s ? read_selected(dataset, s, first, n, rows) : read_rows(dataset, true, first, n, rows);
}

sp_status sp_dataset_write(sp_dataset *dataset, sp_global first, sp_local n, const void *rows) {
  return write_rows(dataset, true, first, n, rows);
}

sp_status sp_dataset_read_independent(sp_dataset *dataset, sp_global first, sp_local n, void *rows) {
  const sp_selection *s = selection_of(dataset);
  if (s) return read_selected(dataset, s, first, n, rows);
  const size_t row = dataset->row_length * sp_type_size(dataset->type);
  SP_EACH_PIECE (p, 0, n, sp_dataset_rows_a_transfer(dataset)) {
    SP_TRY(read_rows(dataset, false, first + p.first, (sp_local)p.count, (char *)rows + p.first * row));
  }
  return SP_SUCCESS;
}

sp_status sp_dataset_write_independent(sp_dataset *dataset, sp_global first, sp_local n, const void *rows) {
  const size_t row = dataset->row_length * sp_type_size(dataset->type);
  SP_EACH_PIECE (p, 0, n, sp_dataset_rows_a_transfer(dataset)) {
    SP_TRY(write_rows(dataset, false, first + p.first, (sp_local)p.count, (const char *)rows + p.first * row));
  }
  return SP_SUCCESS;
}

sp_status sp_dataset_write_whole(sp_survey *survey, const char *path, uint64_t n, const void *rows) {
  sp_dataset *dataset;
  SP_TRY(sp_dataset_open(survey, path, &dataset));
  const size_t row = dataset->row_length * sp_type_size(dataset->type);
  sp_status status = SP_SUCCESS;
  SP_EACH_PIECE (p, 0, n, sp_dataset_rows_a_transfer(dataset)) {
    if (status == SP_SUCCESS) {
      status = write_rows(dataset, false, p.first, (sp_local)p.count, (const char *)rows + p.first * row);
    }
  }
  sp_dataset_close(dataset);
  return status;
}
