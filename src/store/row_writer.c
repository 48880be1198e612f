/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/row_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "seisproc/file_system.h"
#include "seisproc/log.h"
#include "seisproc/machine.h"
#include "seisproc/memory.h"
#include "seisproc/side_file.h"
#include "src/base/file_bytes.h"
#include "src/store/dataset_parts.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "samples lie in a file as they do in memory");

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

/* Threads that copy to memory-backed storage: one fills a quarter of what memory takes, and finding pages for a file
 * costs as much as filling them. */
enum { MAX_COPIERS = 4, CORES_A_COPIER = 8, LEAST_COPY = 64 << 10 };

struct sp_row_writer {
  const sp_dataset *dataset; /* borrowed */
  int direct, mapped, plain; /* files; direct and mapped -1: not to be had */
  int n_copiers;
};

sp_status sp_row_writer_create(const sp_dataset *dataset, bool direct, sp_row_writer **out) {
  sp_row_writer *writer;
  sp_machine machine;
  const char *path = sp_dataset_file(dataset);
  if (!sp_dataset_is_native(dataset) && sp_dataset_samples(dataset) == SP_SAMPLES_FLOAT32) {
    return SP_RAISE(SP_ERR_INPUT, "%s: %s is of a type that this program does not write", path,
                    sp_dataset_path(dataset));
  }
  SP_TRY(sp_survey_forward(dataset->survey, sp_calloc(1, sizeof *writer, "a writer", &writer)));
  writer->dataset = dataset;
  const sp_file_system *fs = sp_file_system_holding(path);
  const bool in_memory = fs && fs->kind == SP_STORAGE_MEMORY;
  writer->direct = direct && !in_memory ? open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_DIRECT) : -1;
  writer->mapped = direct && in_memory ? open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) : -1;
  sp_machine_look(&machine);
  const int n = 2 + machine.n_cores / CORES_A_COPIER;
  writer->n_copiers = n < MAX_COPIERS ? n : MAX_COPIERS;
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
  if (writer->mapped >= 0) close(writer->mapped);
  if (writer->plain >= 0) close(writer->plain);
  sp_free(writer);
}

size_t sp_row_page_offset(sp_global first, uint64_t row_bytes) {
  return first * row_bytes % SP_PAGE;
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

/* --- memory-backed storage: through a mapping, by several threads, who need not wait for each other as writes do ---
 */

typedef struct copy {
  char *to;
  const char *from;
  size_t n;
  int error;
} copy;

/* Where there is no memory left the system says so here, and does not kill the process as a bare access would. */
static void *run_copy(void *copy_) {
  copy *c = copy_;
  char *page = c->to - (uintptr_t)c->to % SP_PAGE;
  const size_t n = (size_t)(c->to - page) + c->n;
  c->error = madvise(page, n, MADV_POPULATE_WRITE) ? errno : 0;
  if (!c->error) memcpy(c->to, c->from, c->n);
  return NULL;
}

/* Parts that end at pages, the first by this thread. Returns 0, or the error of one. */
static int copy_parts(int n_copiers, char *to, const char *from, size_t n) {
  copy parts[MAX_COPIERS];
  pthread_t threads[MAX_COPIERS];
  bool started[MAX_COPIERS] = {false};
  const size_t whole = n / LEAST_COPY + 1, n_parts = whole < (size_t)n_copiers ? whole : (size_t)n_copiers;
  for (size_t i = 0, at = 0; i < n_parts; i++) {
    const size_t share = (n * (i + 1) / n_parts), end = i + 1 < n_parts ? share - (uintptr_t)(to + share) % SP_PAGE : n;
    parts[i] = (copy){.to = to + at, .from = from + at, .n = end - at};
    at = end;
    started[i] = i > 0 && pthread_create(&threads[i], NULL, run_copy, &parts[i]) == 0;
  }
  for (size_t i = 0; i < n_parts; i++) {
    if (!started[i]) run_copy(&parts[i]);
  }
  int error = 0;
  for (size_t i = 0; i < n_parts; i++) {
    if (started[i]) pthread_join(threads[i], NULL);
    if (parts[i].error) error = parts[i].error;
  }
  return error;
}

/* Returns 0, or an error after which nothing is said of what was written. */
static int write_to_memory(const sp_row_writer *writer, const char *from, uint64_t begin, uint64_t end) {
  const uint64_t first_page = begin / SP_PAGE * SP_PAGE;
  char *pages = mmap(NULL, end - first_page, PROT_READ | PROT_WRITE, MAP_SHARED, writer->mapped, (off_t)first_page);
  if (pages == MAP_FAILED) return errno;
  const int error = copy_parts(writer->n_copiers, pages + (begin - first_page), from, end - begin);
  munmap(pages, end - first_page);
  return error;
}

/* --- where a range goes ------------------------------------------------------------------------------------------ */

/* The pages that are wholly in the range go past the cache; its two ends, and all that fails there, go through it. */
static int write_direct(sp_row_writer *writer, const char *from, uint64_t begin, uint64_t end) {
  const uint64_t first_page = (begin + SP_PAGE - 1) / SP_PAGE * SP_PAGE, last_page = end / SP_PAGE * SP_PAGE;
  const bool aligned = ((uintptr_t)from - begin) % SP_PAGE == 0;
  if (writer->direct < 0 || !aligned || first_page >= last_page)
    return sp_write_all_at(writer->plain, from, end - begin, begin);
  int error = sp_write_all_at(writer->plain, from, first_page - begin, begin);
  if (error) return error;
  const uint64_t at = write_past_cache(writer->direct, from + (first_page - begin), first_page, last_page);
  if (at == first_page && errno == EINVAL) {
    sp_debug("this file system takes no direct writes");
    close(writer->direct);
    writer->direct = -1;
  }
  return sp_write_all_at(writer->plain, from + (at - begin), end - at, at);
}

/* What the system does not do the fast way, or has no memory for, is written plainly, which has words for it. */
static int write_bytes(sp_row_writer *writer, const char *from, uint64_t begin, uint64_t end) {
  if (writer->mapped < 0) return write_direct(writer, from, begin, end);
  const int error = write_to_memory(writer, from, begin, end);
  if (!error) return 0;
  if (error == EINVAL) { /* Linux before 5.14 */
    close(writer->mapped);
    writer->mapped = -1;
  }
  return sp_write_all_at(writer->plain, from, end - begin, begin);
}

sp_status sp_row_writer_write(sp_row_writer *writer, sp_global first, sp_local n, const void *rows) {
  const sp_dataset *d = writer->dataset;
  const uint64_t row_bytes = sp_dataset_file_row_bytes(d);
  const uint64_t begin = sp_dataset_file_offset(d) + first * row_bytes;
  if (first + n > sp_dataset_rows(d)) return SP_RAISE(SP_ERR_INTERNAL, "rows beyond the end of a dataset");
  const int error = write_bytes(writer, rows, begin, begin + n * row_bytes);
  if (error == 0) return SP_SUCCESS;
  return SP_RAISE(SP_ERR_IO, "%s: cannot write %s, rows %llu to %llu: %s", sp_dataset_file(d), sp_dataset_path(d),
                  (unsigned long long)first, (unsigned long long)(first + n) - (n > 0), strerror(error));
}
