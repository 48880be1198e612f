/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading a journal: lines that carry their own checksum are taken, others say nothing. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seisproc/crc32c.h"
#include "seisproc/memory.h"
#include "seisproc/side_file.h"
#include "src/base/file_bytes.h"
#include "src/run/journal.h"
#include "src/run/journal_lines.h"

static const char magic[] = SP_JOURNAL_MAGIC, family[] = SP_JOURNAL_FAMILY, crc_mark[] = SP_JOURNAL_CRC;

enum { CRC_TAIL = sizeof crc_mark - 1 + 8 };

/* Whether a line of n characters, without its end, carries its own CRC, in the one spelling that seal gives it. */
static bool is_sealed(const char *line, size_t n, uint32_t seed) {
  if (n < CRC_TAIL) return false;
  char tail[CRC_TAIL + 1];
  snprintf(tail, sizeof tail, "%s%08" PRIx32, crc_mark, sp_crc32c(seed, line, n - CRC_TAIL));
  return !memcmp(line + n - CRC_TAIL, tail, CRC_TAIL);
}

static sp_status read_text(const char *path, char **text, size_t *length) {
  *text = NULL;
  *length = 0;
  const int fd = sp_side_open(path, O_RDONLY);
  if (fd < 0 && errno == ENOENT) return SP_SUCCESS;
  if (fd < 0) return SP_RAISE(sp_file_status(errno), "%s: cannot be opened: %s", path, sp_side_error(errno));
  sp_status status = SP_SUCCESS;
  struct stat entry;
  char *buffer = NULL;
  size_t n = 0;
  if (fstat(fd, &entry)) {
    status = SP_RAISE(SP_ERR_IO, "%s: %s", path, strerror(errno));
    goto out;
  }
  SP_TRY_GOTO(out, sp_alloc((size_t)entry.st_size + 1, "the journal", &buffer));
  const int error = sp_read_all(fd, buffer, (size_t)entry.st_size, &n);
  if (error) status = SP_RAISE(SP_ERR_IO, "%s: cannot be read: %s", path, strerror(error));
  buffer[n] = '\0';
  *text = buffer;
  *length = n;
out:
  if (status != SP_SUCCESS) {
    sp_free(buffer);
    *text = NULL;
  }
  close(fd);
  return status;
}

/* A number in decimal digits; false for anything else. */
static bool parse_number(const char **at, uint64_t *out) {
  char *end;
  if (!isdigit((unsigned char)**at)) return false;
  errno = 0;
  *out = strtoull(*at, &end, 10);
  *at = end;
  return errno == 0;
}

static bool parse_first_line(const char *line, sp_journal_header *header, char names[SP_JOURNAL_NAMES]) {
  return sscanf(line + sizeof magic - 1,
                "id=%*36s input=%36s bytes=%" SCNu64 " modified=%" SCNd64 " units=%" SCNu64 " traces=%" SCNu64
                " samples=%" SCNu32 " results=%" SCNu32 " figures=%511s",
                header->input_uuid, &header->input.bytes, &header->input.modified_ns, &header->n_units,
                &header->n_traces, &header->n_samples, &header->results_version, names) == 8;
}

/* One chunk of a `packed` line, with a space before it. */
static bool parse_chunk(const char **at, sp_chunk *out) {
  int n = 0;
  *out = (sp_chunk){0};
  const bool good = sscanf(*at, " %" SCNx32 ":%" SCNx64 ":%" SCNx64 ":%" SCNx64 ":%" SCNx32 ":%" SCNx32 "%n",
                           &out->plane, &out->number, &out->at, &out->bytes, &out->skipped, &out->crc, &n) == 6;
  *at += n;
  return good && n > 0;
}

static bool make_room(sp_journal_contents *out, size_t n) {
  const size_t room = 2 * (out->n_chunks + n);
  sp_chunk *chunks;
  if (out->n_chunks + n <= out->chunk_room) return true;
  if (sp_calloc(room, sizeof *chunks, "the journal's chunks", &chunks) != SP_SUCCESS) return false;
  if (out->n_chunks) memcpy(chunks, out->chunks, out->n_chunks * sizeof *chunks);
  sp_free(out->chunks);
  out->chunks = chunks;
  out->chunk_room = room;
  return true;
}

/* The chunks at the end of a line of n_line characters, after numbers that say how long they are and how many. */
static bool parse_chunks(const char *at, size_t n_line, sp_journal_contents *out) {
  uint64_t rows, n;
  if (!parse_number(&at, &rows) || *at++ != ' ' || !parse_number(&at, &n)) return false;
  if (rows == 0 || (out->n_chunks && rows != out->chunk_rows)) return false;
  if (n > n_line / (2 * 6) || !make_room(out, n)) return false;
  for (uint64_t i = 0; i < n; i++) {
    if (!parse_chunk(&at, &out->chunks[out->n_chunks + i])) return false;
  }
  if (strncmp(at, crc_mark, sizeof crc_mark - 1)) return false;
  out->chunk_rows = rows;
  out->n_chunks += n;
  return true;
}

/* The records of a line of n_line characters; false where it does not say what its first numbers promise. */
static bool parse_records(const char *at, uint64_t first, uint64_t n, bool packed, size_t n_line,
                          sp_journal_contents *out) {
  const sp_figure_list *list = out->header.figures;
  if (first > out->header.n_units || n > out->header.n_units - first) return false;
  for (int check = 1; check >= 0; check--) { /* look first, then take */
    const char *c = at;
    for (uint64_t u = first; u < first + n; u++) {
      char scratch[SP_MAX_RECORD];
      const char *end;
      if (!sp_figures_parse(list, c, &end, check ? (void *)scratch : sp_figures_at(list, out->figures, u)))
        return false;
      c = end + 1;
      if (check) continue;
      out->n_done += !out->done[u];
      out->done[u] = 1;
    }
    if (check && packed && !parse_chunks(c, n_line, out)) return false;
  }
  return true;
}

static bool parse_done(const char *line, size_t n_line, sp_journal_contents *out) {
  uint64_t first, n;
  const bool packed = !strncmp(line, "packed ", 7);
  const char *at = line + (packed ? 7 : 5);
  if (!packed && strncmp(line, "done ", 5)) return false;
  if (!parse_number(&at, &first) || *at++ != ' ' || !parse_number(&at, &n)) return false;
  return *at++ == ' ' && parse_records(at, first, n, packed, n_line, out);
}

/* Lines one after the other, without their ends. */
typedef struct reader {
  const char *start, *line, *end;
  size_t n; /* of the line */
} reader;

/* The next whole line; false at the end, or at a line that is torn. */
static bool next_line(reader *r) {
  const char *line = r->line ? r->line + r->n + 1 : r->start;
  const char *line_end = line < r->end ? memchr(line, '\n', (size_t)(r->end - line)) : NULL;
  if (!line_end) return false;
  r->line = line;
  r->n = (size_t)(line_end - line);
  return true;
}

static uint64_t bytes_read(const reader *r) {
  return r->line ? (uint64_t)(r->line + r->n + 1 - r->start) : 0;
}

static void append_job_line(sp_journal_header *header, const char *line, size_t n) {
  char *job = header->job + strlen(header->job);
  memcpy(job, line, n);
  job[n] = '\n';
  job[n + 1] = '\0';
}

/* The lines after the first, up to `begin`. False for a header that was damaged. */
static bool parse_header(reader *r, sp_journal_contents *out) {
  for (size_t n_job = 0; next_line(r);) {
    if (!is_sealed(r->line, r->n, 0)) return false;
    const size_t body = r->n - CRC_TAIL;
    if (body >= 4 && !memcmp(r->line, "job ", 4)) {
      append_job_line(&out->header, r->line + 4, body - 4);
      n_job++;
    } else {
      out->begun = !strncmp(r->line, "begin ", 6) && strtoull(r->line + 6, NULL, 10) == n_job;
      return out->begun;
    }
  }
  return true; /* it just ends: nothing was begun */
}

static bool has_figures(const sp_figure_list *figures, const char *names) {
  char expected[SP_JOURNAL_NAMES];
  if (!figures) return true;
  sp_figures_names(figures, expected, sizeof expected);
  return !strcmp(names, expected);
}

static sp_status parse(const char *path, reader *r, uint64_t n_units, sp_journal_contents *out) {
  char names[SP_JOURNAL_NAMES];
  if (!next_line(r)) return SP_SUCCESS;
  const bool good = is_sealed(r->line, r->n, 0) && parse_first_line(r->line, &out->header, names);
  if (good && !has_figures(out->header.figures, names)) {
    return SP_RAISE(SP_ERR_INPUT,
                    "%s: what is done has other figures than here, those of another version of seisproc or of another "
                    "kind of job; finish with that, or --restart",
                    path);
  }
  if (!good || !parse_header(r, out)) {
    return SP_RAISE(SP_ERR_INPUT, "%s: damaged in its header, so what is done cannot be told; --restart starts over",
                    path);
  }
  out->length = bytes_read(r);
  /* one of another survey: its header says so, and nothing is allocated by what it says */
  if (!out->begun || !out->header.figures || out->header.n_units != n_units) return SP_SUCCESS;
  out->seed = sp_crc32c(0, r->start, out->length);
  SP_TRY(sp_calloc(n_units + 1, 1, "the journal's units", &out->done));
  SP_TRY(sp_calloc(n_units + 1, out->header.figures->bytes, "the journal's units", &out->figures));
  while (next_line(r)) {
    out->n_bad_lines += !(is_sealed(r->line, r->n, out->seed) && parse_done(r->line, r->n, out));
  }
  out->length = bytes_read(r);
  return SP_SUCCESS;
}

static sp_status refuse(const char *path, const char *text) {
  if (!strncmp(text, family, sizeof family - 1)) {
    return SP_RAISE(SP_ERR_INPUT, "%s: a journal of another version of seisproc; finish with that, or --restart", path);
  }
  return SP_RAISE(SP_ERR_INPUT, "%s: not a journal of seisproc; move it away, or let --restart replace it", path);
}

sp_status sp_journal_read(const char *path, const sp_figure_list *figures, uint64_t n_units, sp_journal_contents *out) {
  *out = (sp_journal_contents){0};
  sp_journal_contents contents = {.header.figures = figures};
  char *text = NULL;
  size_t length;
  SP_TRY(read_text(path, &text, &length));
  if (length == 0) {
    sp_free(text);
    return SP_SUCCESS;
  }
  sp_status status = sp_calloc(length + 2, 1, "the journal's job", &contents.header.job);
  if (status == SP_SUCCESS && strncmp(text, magic, length < sizeof magic - 1 ? length : sizeof magic - 1)) {
    status = refuse(path, text);
  }
  reader r = {.start = text, .end = text + length};
  if (status == SP_SUCCESS) status = parse(path, &r, n_units, &contents);
  sp_free(text);
  if (status != SP_SUCCESS) {
    sp_journal_contents_free(&contents);
    return status;
  }
  *out = contents;
  return SP_SUCCESS;
}

sp_status sp_journal_read_header(const char *path, sp_journal_header *out) {
  sp_journal_contents contents;
  SP_TRY(sp_journal_read(path, NULL, 0, &contents));
  if (!contents.begun) sp_journal_contents_free(&contents);
  *out = contents.header;
  return SP_SUCCESS;
}

void sp_journal_contents_free(sp_journal_contents *contents) {
  sp_free(contents->header.job);
  sp_free(contents->done);
  sp_free(contents->chunks);
  sp_free(contents->figures);
  *contents = (sp_journal_contents){0};
}
