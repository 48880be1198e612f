/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/run/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/crc32c.h"
#include "seisproc/memory.h"
#include "seisproc/part_file.h"
#include "seisproc/side_file.h"
#include "src/base/fault.h"
#include "src/base/file_bytes.h"
#include "src/run/journal_lines.h"
#include "src/run/sync_thread.h"

enum { LINE_TEXT = 128, CHUNK_TEXT = 96, HEADER_LINE_TEXT = 1024 };

struct sp_journal {
  int fd;
  uint32_t seed;    /* of the lines' CRCs */
  const char *path; /* borrowed */
  char *new_path;   /* where one lies that is to take the place of the one at path; else NULL */
  const sp_figure_list *figures;
  char *line; /* one line at a time */
  size_t line_size;
  uint64_t appended, syncing, durable; /* lines */
  uint64_t chunk_rows;
  sp_sync_thread *sync;
};

/* --- lines ------------------------------------------------------------------------------------------------ */

/* Text being written into a buffer that is large enough for it. */
typedef struct writer {
  char *start; /* of the line */
  char *at, *end;
} writer;

static void put(writer *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(writer *t, const char *format, ...) {
  va_list args;
  va_start(args, format);
  const int n = vsnprintf(t->at, (size_t)(t->end - t->at), format, args);
  va_end(args);
  assert(n >= 0 && n < t->end - t->at);
  t->at += n;
}

/* Ends a line with its CRC. */
static void seal(writer *t, uint32_t seed) {
  put(t, SP_JOURNAL_CRC "%08" PRIx32 "\n", sp_crc32c(seed, t->start, (size_t)(t->at - t->start)));
  t->start = t->at;
}

static sp_status append(int fd, const char *path, const char *text, size_t n) {
  const int error = sp_write_all(fd, text, n);
  return error ? SP_RAISE(SP_ERR_IO, "%s: cannot be written: %s", path, strerror(error)) : SP_SUCCESS;
}

/* --- making ----------------------------------------------------------------------------------------------- */

static size_t count_lines(const char *text) {
  size_t n = 0;
  for (; *text; text++) n += *text == '\n' || !text[1];
  return n;
}

static void write_header(writer *t, const sp_journal_header *header) {
  char id[SP_UUID_LENGTH + 1], names[SP_JOURNAL_NAMES];
  sp_uuid_create(id);
  sp_figures_names(header->figures, names, sizeof names);
  put(t,
      SP_JOURNAL_MAGIC "id=%s input=%s bytes=%" PRIu64 " modified=%" PRId64 " units=%" PRIu64 " traces=%" PRIu64
                       " samples=%" PRIu32 " results=%" PRIu32 " figures=%s",
      id, header->input_uuid, header->input.bytes, header->input.modified_ns, header->n_units, header->n_traces,
      header->n_samples, header->results_version, names);
  seal(t, 0);
  for (const char *job = header->job; *job;) {
    const int n = (int)strcspn(job, "\n");
    put(t, "job %.*s", n, job);
    seal(t, 0);
    job += n + (job[n] == '\n');
  }
  put(t, "begin %zu", count_lines(header->job));
  seal(t, 0);
}

/* Appends the header to a new file; the CRCs of all lines to come begin with its own. */
static sp_status add_header(sp_journal *journal, const sp_journal_header *header) {
  const size_t size = strlen(header->job) + (2 + count_lines(header->job)) * HEADER_LINE_TEXT;
  char *buffer = NULL;
  SP_TRY(sp_alloc(size, "the journal's header", &buffer));
  writer t = {buffer, buffer, buffer + size};
  write_header(&t, header);
  const size_t n = (size_t)(t.at - buffer);
  journal->seed = sp_crc32c(0, buffer, n);
  const sp_status status = append(journal->fd, journal->new_path, buffer, n);
  sp_free(buffer);
  return status;
}

static sp_status make_line(sp_journal *journal, uint32_t max_units, const sp_window_shape *window) {
  journal->line_size = LINE_TEXT + max_units * sp_figures_text_size(journal->figures);
  if (window) {
    journal->chunk_rows = window->chunk_rows[0];
    journal->line_size += (window->max_chunks + SP_JOURNAL_MORE_CHUNKS) * CHUNK_TEXT;
  }
  return sp_alloc(journal->line_size, "a journal line", &journal->line);
}

sp_status sp_journal_begin(const char *path, const sp_journal_header *header, uint32_t max_units,
                           const sp_window_shape *window, sp_journal **out) {
  sp_status status;
  sp_journal *journal = NULL;
  SP_TRY(sp_calloc(1, sizeof *journal, "the journal", &journal));
  *journal = (sp_journal){.fd = -1, .path = path, .figures = header->figures};
  SP_TRY_GOTO(fail, sp_side_append(path, SP_SIDE_NEW, &journal->new_path));
  SP_TRY_GOTO(fail, make_line(journal, max_units, window));
  journal->fd = sp_side_create(journal->new_path);
  if (journal->fd < 0) {
    status = SP_RAISE(sp_file_status(errno), "%s: cannot be created: %s", journal->new_path, sp_side_error(errno));
    goto fail;
  }
  SP_TRY_GOTO(fail, add_header(journal, header));
  *out = journal;
  return SP_SUCCESS;
fail:
  sp_journal_close(journal);
  return status;
}

sp_status sp_journal_put(sp_journal *journal) {
  if (fsync(journal->fd)) {
    return SP_RAISE(SP_ERR_IO, "%s: cannot be synced: %s", journal->new_path, strerror(errno));
  }
  SP_FAULT_POINT("journal_written");
  if (rename(journal->new_path, journal->path)) {
    return SP_RAISE(SP_ERR_IO, "%s: cannot be renamed: %s", journal->new_path, strerror(errno));
  }
  SP_FAULT_POINT("journal_renamed");
  return sp_sync_entry(journal->path);
}

sp_status sp_journal_create(const char *path, const sp_journal_header *header) {
  sp_journal *journal = NULL;
  SP_TRY(sp_journal_begin(path, header, 0, NULL, &journal));
  const sp_status status = sp_journal_put(journal);
  sp_journal_close(journal);
  return status;
}

/* --- appending -------------------------------------------------------------------------------------------- */

sp_status sp_journal_open(const char *path, const sp_journal_contents *contents, uint32_t max_units,
                          const sp_window_shape *window, sp_journal **out) {
  sp_status status;
  sp_journal *journal = NULL;
  SP_TRY(sp_calloc(1, sizeof *journal, "the journal", &journal));
  journal->path = path;
  journal->seed = contents->seed;
  journal->fd = sp_side_open(path, O_WRONLY | O_APPEND);
  if (journal->fd < 0 || ftruncate(journal->fd, (off_t)contents->length)) {
    status = SP_RAISE(sp_file_status(errno), "%s: cannot be opened: %s", path, sp_side_error(errno));
    goto fail;
  }
  journal->figures = contents->header.figures;
  SP_TRY_GOTO(fail, make_line(journal, max_units, window));
  SP_TRY_GOTO(fail, sp_sync_thread_create(path, NULL, &journal->sync));
  *out = journal;
  return SP_SUCCESS;
fail:
  sp_journal_close(journal);
  return status;
}

sp_status sp_journal_append(sp_journal *journal, uint64_t first_unit, uint32_t n, const void *records,
                            const sp_chunk *chunks, size_t n_chunks) {
  writer t = {journal->line, journal->line, journal->line + journal->line_size};
  put(&t, "%s %" PRIu64 " %" PRIu32, n_chunks ? "packed" : "done", first_unit, n);
  for (uint32_t u = 0; u < n; u++) {
    put(&t, " ");
    t.at +=
        sp_figures_format(journal->figures, sp_figures_at(journal->figures, records, u), t.at, (size_t)(t.end - t.at));
  }
  if (n_chunks) put(&t, " %" PRIu64 " %zu", journal->chunk_rows, n_chunks);
  for (size_t i = 0; i < n_chunks; i++) {
    const sp_chunk *c = &chunks[i];
    put(&t, " %" PRIx32 ":%" PRIx64 ":%" PRIx64 ":%" PRIx64 ":%" PRIx32 ":%" PRIx32, c->plane, c->number, c->at,
        c->bytes, c->skipped, c->crc);
  }
  seal(&t, journal->seed);
  SP_FAULT_TORN_WRITE("append_torn", journal->fd, journal->line, (size_t)(t.at - journal->line));
  SP_TRY(append(journal->fd, journal->path, journal->line, (size_t)(t.at - journal->line)));
  journal->appended++;
  return SP_SUCCESS;
}

sp_status sp_journal_poll(sp_journal *journal, bool *durable) {
  SP_TRY(sp_sync_thread_poll(journal->sync, &journal->durable));
  if (journal->appended > journal->syncing && sp_sync_thread_start(journal->sync, journal->appended)) {
    journal->syncing = journal->appended;
  }
  *durable = journal->durable == journal->appended;
  return SP_SUCCESS;
}

void sp_journal_close(sp_journal *journal) {
  if (!journal) return;
  sp_sync_thread_destroy(journal->sync);
  if (journal->fd >= 0) close(journal->fd);
  sp_free(journal->line);
  sp_free(journal->new_path);
  sp_free(journal);
}
