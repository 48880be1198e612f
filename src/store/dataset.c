/* SPDX-License-Identifier: BSD-3-Clause */
/* Rows of an open dataset, read and written without further metadata. */
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
#include "src/store/dataset_parts.h"

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

sp_sample_form sp_dataset_samples(const sp_dataset *dataset) {
  return dataset->samples;
}

uint64_t sp_dataset_file_row_bytes(const sp_dataset *dataset) {
  return dataset->file_row_bytes;
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

static bool is_scaled(const sp_dataset *dataset) {
  return dataset->samples != SP_SAMPLES_FLOAT32;
}

/* Codes of samples are read to the second half of the rows that they become. */
static void *place_for(const sp_dataset *dataset, sp_local n, void *rows) {
  return is_scaled(dataset) ? (char *)rows + n * dataset->file_row_bytes : rows;
}

static hid_t type_in_memory(const sp_dataset *dataset) {
  return is_scaled(dataset) ? dataset->code_type : sp_h5_memory_type(dataset->type);
}

/* Not through a pointer of the one type to memory that holds the other. */
static void decode_row(const sp_dataset *dataset, float factor, const char *codes, char *row) {
  enum { PIECE = 512 };
  uint16_t from[PIECE];
  float to[PIECE];
  SP_EACH_PIECE (p, 0, dataset->row_length, PIECE) {
    memcpy(from, codes + p.first * sizeof *from, p.count * sizeof *from);
    sp_scaled_decode(dataset->samples == SP_SAMPLES_FLOAT16_SCALED, factor, from, p.count, to);
    memcpy(row + p.first * sizeof *to, to, p.count * sizeof *to);
  }
}

static sp_status read_rows(sp_dataset *dataset, bool collective, sp_global first, sp_local n, void *rows);

/* Turns codes, read as place_for says, into samples. selected: `first` counts what is selected. */
static sp_status decode(sp_dataset *dataset, bool selected, sp_global first, sp_local n, void *rows) {
  enum { FACTORS = 256 };
  const char *codes = place_for(dataset, n, rows);
  float factors[FACTORS];
  if (!is_scaled(dataset)) return SP_SUCCESS;
  SP_EACH_PIECE (p, 0, n, FACTORS) {
    const sp_local count = (sp_local)p.count;
    SP_TRY(selected ? sp_dataset_read_independent(dataset->factors, first + p.first, count, factors)
                    : read_rows(dataset->factors, false, first + p.first, count, factors));
    for (uint64_t i = 0; i < p.count; i++) {
      const uint64_t at = p.first + i;
      decode_row(dataset, factors[i], codes + at * dataset->file_row_bytes,
                 (char *)rows + at * dataset->row_length * sizeof(float));
    }
  }
  return SP_SUCCESS;
}

static sp_status read_rows(sp_dataset *dataset, bool collective, sp_global first, sp_local n, void *rows) {
  void *const stored = place_for(dataset, n, rows);
  SP_TRY(select_rows(dataset, first, n));
  if (dataset->packed) return sp_packed_read(dataset->packed, first, n, rows);
  const herr_t code = H5Dread(dataset->id, type_in_memory(dataset), dataset->memory_space, dataset->file_space,
                              dataset->transfer[collective], stored);
  if (code < 0) return report_last(dataset, false, first, n, rows);
  SP_TRY(check_length(dataset, first, n));
  return decode(dataset, false, first, n, rows);
}

sp_status sp_dataset_read_factors(sp_dataset *dataset, sp_global first, sp_local n, float *factors) {
  if (!is_scaled(dataset)) return sp_dataset_refuse(dataset, "has no samples of 16 bits");
  return sp_dataset_read_independent(dataset->factors, first, n, factors);
}

static sp_status write_rows(sp_dataset *dataset, bool collective, sp_global first, sp_local n, const void *rows) {
  if (is_scaled(dataset))
    return sp_dataset_refuse(dataset, "has samples of 16 bits, which are written as traces alone");
  if (dataset->packed) return sp_dataset_refuse(dataset, "is packed: `seisproc unpack` comes before writing");
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
  const hid_t memory = type_in_memory(dataset), plist = dataset->transfer[1];
  void *const stored = place_for(dataset, n, rows);
  const herr_t code = writes ? H5Dwrite(dataset->id, memory, dataset->memory_space, dataset->file_space, plist, stored)
                             : H5Dread(dataset->id, memory, dataset->memory_space, dataset->file_space, plist, stored);
  const sp_selection_run begin = sp_dataset_run(dataset, first, n),
                         end = sp_dataset_run(dataset, first + n - (n > 0), n > 0);
  *moved = code >= 0 && (writes || check_length(dataset, end.source, end.n) == SP_SUCCESS);
  if (*moved && !writes) *moved = decode(dataset, true, first, n, rows) == SP_SUCCESS;
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
