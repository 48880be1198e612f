/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/row_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "seisproc/side_file.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "samples lie in a file as they do in memory");

struct sp_row_writer {
  const sp_dataset *dataset; /* borrowed */
  int direct, plain;         /* files; direct -1: not to be had */
};

sp_status sp_row_writer_create(const sp_dataset *dataset, bool direct, sp_row_writer **out) {
  sp_row_writer *writer;
  const char *path = sp_dataset_file(dataset);
  if (!sp_dataset_is_native(dataset)) {
    return SP_RAISE(SP_ERR_INPUT, "%s: %s is of a type that this program does not write", path,
                    sp_dataset_path(dataset));
  }
  SP_TRY(sp_calloc(1, sizeof *writer, "a writer", &writer));
  writer->dataset = dataset;
  writer->direct = direct ? open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_DIRECT) : -1;
  writer->plain = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
  if (writer->plain < 0) {
    const sp_status status = SP_RAISE(sp_file_status(errno), "%s: cannot be written: %s", path, strerror(errno));
    sp_row_writer_destroy(writer);
    return status;
  }
  *out = writer;
  return SP_SUCCESS;
}

void sp_row_writer_destroy(sp_row_writer *writer) {
  if (!writer) return;
  if (writer->direct >= 0) close(writer->direct);
  if (writer->plain >= 0) close(writer->plain);
  sp_free(writer);
}

size_t sp_row_phase(sp_global first, uint64_t row_bytes) {
  return first * row_bytes % SP_PAGE;
}

/* Returns 0, or the error. */
static int write_plainly(int file, const char *from, uint64_t at, uint64_t end) {
  while (at < end) {
    const ssize_t n = pwrite(file, from, end - at, (off_t)at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (n == 0) return EIO;
    from += n;
    at += (uint64_t)n;
  }
  return 0;
}

/* Writes whole pages, as far as it gets, and returns where that is. */
static uint64_t write_past_cache(int file, const char *from, uint64_t at, uint64_t end) {
  while (at < end) {
    const ssize_t n = pwrite(file, from, end - at, (off_t)at);
    if (n < SP_PAGE) return at;
    const uint64_t pages = (uint64_t)n / SP_PAGE * SP_PAGE;
    from += pages;
    at += pages;
  }
  return at;
}

/* The pages that are wholly in the range go past the cache; its two ends, and all that fails there, go through it. */
static int write_bytes(sp_row_writer *writer, const char *from, uint64_t begin, uint64_t end) {
  const uint64_t first_page = (begin + SP_PAGE - 1) / SP_PAGE * SP_PAGE, last_page = end / SP_PAGE * SP_PAGE;
  const bool aligned = ((uintptr_t)from - begin) % SP_PAGE == 0;
  if (writer->direct < 0 || !aligned || first_page >= last_page) return write_plainly(writer->plain, from, begin, end);
  int error = write_plainly(writer->plain, from, begin, first_page);
  if (error) return error;
  const uint64_t at = write_past_cache(writer->direct, from + (first_page - begin), first_page, last_page);
  if (at == first_page && errno == EINVAL) {
    sp_debug("this file system takes no direct writes");
    close(writer->direct);
    writer->direct = -1;
  }
  return write_plainly(writer->plain, from + (at - begin), at, end);
}

sp_status sp_row_writer_write(sp_row_writer *writer, sp_global first, sp_local n, const void *rows) {
  const sp_dataset *d = writer->dataset;
  const uint64_t row_bytes = sp_dataset_row_length(d) * sp_type_size(sp_dataset_type(d));
  const uint64_t begin = sp_dataset_file_offset(d) + first * row_bytes;
  if (first + n > sp_dataset_rows(d)) return SP_RAISE(SP_ERR_INTERNAL, "rows beyond the end of a dataset");
  const int error = write_bytes(writer, rows, begin, begin + n * row_bytes);
  if (error == 0) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_IO, "%s: cannot write %s, rows %llu to %llu: %s", sp_dataset_file(d), sp_dataset_path(d),
                  (unsigned long long)first, (unsigned long long)(first + n) - (n > 0), strerror(error));
}
