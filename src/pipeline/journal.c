#include "src/pipeline/journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "seisproc/crc32c.h"
#include "seisproc/memory.h"
#include "src/pipeline/sync_thread.h"

static const char magic[] = "seisproc-journal 1 ";
static const char crc_mark[] = " crc32c=";

enum { CRC_TAIL = sizeof crc_mark - 1 + 8, RESULT_TEXT = 32, LINE_TEXT = 128 };

struct sp_journal {
  int fd;
  const char *path; /* borrowed */
  char *line;       /* one line at a time */
  size_t line_size;
  uint64_t appended, syncing, durable; /* lines */
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
static void seal(writer *t) {
  put(t, "%s%08" PRIx32 "\n", crc_mark, sp_crc32c(0, t->start, (size_t)(t->at - t->start)));
  t->start = t->at;
}

/* Whether a line of n characters, without its end, carries its own CRC. */
static bool is_sealed(const char *line, size_t n) {
  if (n < CRC_TAIL || strncmp(line + n - CRC_TAIL, crc_mark, sizeof crc_mark - 1)) return false;
  char hex[9] = "";
  memcpy(hex, line + n - 8, 8);
  char *end;
  const unsigned long crc = strtoul(hex, &end, 16);
  return !*end && crc == sp_crc32c(0, line, n - CRC_TAIL);
}

static sp_status write_all(int fd, const char *path, const char *text, size_t n) {
  while (n > 0) {
    const ssize_t written = write(fd, text, n);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return SP_RAISE(SP_ERR_IO, "%s: cannot be written: %s", path, strerror(errno));
    text += written;
    n -= (size_t)written;
  }
  return SP_SUCCESS;
}

/* --- making ----------------------------------------------------------------------------------------------- */

static void write_header(writer *t, const sp_journal_header *header) {
  put(t, "%sinput=%s gathers=%" PRIu64 " traces=%" PRIu64 " samples=%" PRIu32 " results=%" PRIu32, magic,
      header->input_uuid, header->n_gathers, header->n_traces, header->n_samples, header->results_version);
  seal(t);
  for (const char *job = header->job; *job;) {
    const int n = (int)strcspn(job, "\n");
    put(t, "job %.*s", n, job);
    seal(t);
    job += n + (job[n] == '\n');
  }
  put(t, "begin");
  seal(t);
}

static size_t count_lines(const char *text) {
  size_t n = 1;
  for (; *text; text++) n += *text == '\n';
  return n;
}

static sp_status sync_folder(const char *path) {
  char *copy = NULL;
  SP_TRY(sp_strdup(path, &copy));
  const int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool good = fd >= 0 && fsync(fd) == 0;
  if (fd >= 0) close(fd);
  sp_free(copy);
  return good ? SP_SUCCESS : SP_RAISE(SP_ERR_IO, "%s: its folder cannot be synced: %s", path, strerror(errno));
}

static sp_status write_new_file(const char *path, const char *text, size_t n) {
  const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return SP_RAISE(SP_ERR_IO, "%s: cannot be created: %s", path, strerror(errno));
  sp_status status = write_all(fd, path, text, n);
  if (status == SP_SUCCESS && fsync(fd)) {
    status = SP_RAISE(SP_ERR_IO, "%s: cannot be synced: %s", path, strerror(errno));
  }
  close(fd);
  return status;
}

sp_status sp_journal_create(const char *path, const sp_journal_header *header) {
  const size_t path_size = strlen(path) + sizeof ".new";
  const size_t size = strlen(header->job) + (2 + count_lines(header->job)) * 2 * LINE_TEXT;
  char *buffer = NULL, *new_path = NULL;
  sp_status status;
  SP_TRY_GOTO(out, sp_alloc(path_size, "a path", (void **)&new_path));
  snprintf(new_path, path_size, "%s.new", path);
  SP_TRY_GOTO(out, sp_alloc(size, "the journal's header", (void **)&buffer));
  writer t = {buffer, buffer, buffer + size};
  write_header(&t, header);
  SP_TRY_GOTO(out, write_new_file(new_path, buffer, (size_t)(t.at - buffer)));
  if (rename(new_path, path)) {
    status = SP_RAISE(SP_ERR_IO, "%s: cannot be renamed: %s", new_path, strerror(errno));
    goto out;
  }
  status = sync_folder(path);
out:
  sp_free(buffer);
  sp_free(new_path);
  return status;
}

/* --- reading ---------------------------------------------------------------------------------------------- */

static sp_status read_text(const char *path, char **text, size_t *length) {
  *text = NULL;
  *length = 0;
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return SP_SUCCESS;
  if (fd < 0) return SP_RAISE(SP_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
  sp_status status = SP_SUCCESS;
  struct stat entry;
  char *buffer = NULL;
  size_t n = 0;
  if (fstat(fd, &entry) || !S_ISREG(entry.st_mode)) {
    status = SP_RAISE(SP_ERR_INPUT, "%s: not a journal", path);
    goto out;
  }
  SP_TRY_GOTO(out, sp_alloc((size_t)entry.st_size + 1, "the journal", (void **)&buffer));
  while (n < (size_t)entry.st_size) {
    const ssize_t got = read(fd, buffer + n, (size_t)entry.st_size - n);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) status = SP_RAISE(SP_ERR_IO, "%s: cannot be read: %s", path, strerror(errno));
    if (got <= 0) break;
    n += (size_t)got;
  }
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

static sp_status parse_first_line(const char *line, sp_journal_contents *out) {
  sp_journal_header *header = &out->header;
  if (sscanf(line + sizeof magic - 1,
             "input=%36s gathers=%" SCNu64 " traces=%" SCNu64 " samples=%" SCNu32 " results=%" SCNu32,
             header->input_uuid, &header->n_gathers, &header->n_traces, &header->n_samples,
             &header->results_version) != 5 ||
      header->n_gathers > header->n_traces + (UINT64_C(1) << 40)) {
    return SP_ERR_INPUT;
  }
  SP_TRY(sp_calloc(header->n_gathers + 1, 1, "the journal's gathers", (void **)&out->done));
  return sp_calloc(header->n_gathers + 1, sizeof(sp_gather_result), "the journal's gathers", (void **)&out->results);
}

/* The results of a `done` line; false where it does not say what its first numbers promise. */
static bool parse_results(const char *at, uint64_t first, uint64_t n, sp_journal_contents *out) {
  if (first > out->header.n_gathers || n > out->header.n_gathers - first) return false;
  for (int check = 1; check >= 0; check--) { /* look first, then take */
    const char *c = at;
    for (uint64_t g = first; g < first + n; g++) {
      char *end;
      sp_gather_result result = {.reason = (uint32_t)strtoul(c, &end, 10)};
      if (end == c || *end != ':') return false;
      result.crc_traces = (uint32_t)strtoul(c = end + 1, &end, 16);
      if (end != c + 8) return false;
      if (*end == ':') {
        result.crc_noise = (uint32_t)strtoul(c = end + 1, &end, 16);
        if (end != c + 8) return false;
      }
      if (*end != ' ') return false;
      c = end + 1;
      if (check) continue;
      out->n_done += !out->done[g];
      out->done[g] = 1;
      out->results[g] = result;
    }
  }
  return true;
}

static bool parse_done(const char *line, sp_journal_contents *out) {
  char *end;
  const uint64_t first = strtoull(line + 5, &end, 10);
  if (*end != ' ') return false;
  const uint64_t n = strtoull(end + 1, &end, 10);
  return *end == ' ' && parse_results(end + 1, first, n, out);
}

static void append_job_line(sp_journal_contents *out, const char *line, size_t n) {
  char *job = out->header.job + strlen(out->header.job);
  memcpy(job, line, n);
  job[n] = '\n';
  job[n + 1] = '\0';
}

/* One sealed line, n characters with its CRC. False for one that says nothing here. */
static bool parse_line(const char *line, size_t n, sp_journal_contents *out) {
  const size_t body = n - CRC_TAIL;
  if (out->begun) return !strncmp(line, "done ", 5) && parse_done(line, out);
  if (!strncmp(line, "job ", 4)) {
    append_job_line(out, line + 4, body - 4);
    return true;
  }
  out->begun = body == 5 && !strncmp(line, "begin", 5);
  return out->begun;
}

static sp_status parse(const char *path, const char *text, size_t length, sp_journal_contents *out) {
  const char *line = text, *const end = text + length;
  for (bool first = true; line < end; first = false) {
    const char *line_end = memchr(line, '\n', (size_t)(end - line));
    if (!line_end) break; /* torn */
    const size_t n = (size_t)(line_end - line);
    const bool sealed = is_sealed(line, n);
    if (first) {
      if (!sealed || parse_first_line(line, out) != SP_SUCCESS)
        return SP_RAISE(SP_ERR_INPUT, "%s: not a journal", path);
    } else if (!sealed || !parse_line(line, n, out)) {
      out->n_bad_lines++;
    }
    line = line_end + 1;
    out->length = (uint64_t)(line - text);
  }
  return SP_SUCCESS;
}

sp_status sp_journal_read(const char *path, sp_journal_contents *out) {
  *out = (sp_journal_contents){0};
  sp_journal_contents contents = {0};
  char *text = NULL;
  size_t length;
  SP_TRY(read_text(path, &text, &length));
  if (length == 0) {
    sp_free(text);
    return SP_SUCCESS;
  }
  sp_status status = sp_calloc(length + 2, 1, "the journal's job", (void **)&contents.header.job);
  if (status == SP_SUCCESS && strncmp(text, magic, length < sizeof magic - 1 ? length : sizeof magic - 1)) {
    status = SP_RAISE(SP_ERR_INPUT, "%s: not a journal", path);
  }
  if (status == SP_SUCCESS) status = parse(path, text, length, &contents);
  sp_free(text);
  if (status != SP_SUCCESS) {
    sp_journal_contents_free(&contents);
    return status;
  }
  *out = contents;
  return SP_SUCCESS;
}

void sp_journal_contents_free(sp_journal_contents *contents) {
  sp_free(contents->header.job);
  sp_free(contents->done);
  sp_free(contents->results);
  *contents = (sp_journal_contents){0};
}

/* --- appending -------------------------------------------------------------------------------------------- */

sp_status sp_journal_open(const char *path, uint64_t length, sp_local max_gathers, sp_journal **out) {
  sp_status status;
  sp_journal *journal = NULL;
  SP_TRY(sp_calloc(1, sizeof *journal, "the journal", (void **)&journal));
  journal->path = path;
  journal->fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (journal->fd < 0 || ftruncate(journal->fd, (off_t)length)) {
    status = SP_RAISE(SP_ERR_IO, "%s: cannot be opened: %s", path, strerror(errno));
    goto fail;
  }
  journal->line_size = LINE_TEXT + max_gathers * (size_t)RESULT_TEXT;
  SP_TRY_GOTO(fail, sp_alloc(journal->line_size, "a journal line", (void **)&journal->line));
  SP_TRY_GOTO(fail, sp_sync_thread_create(path, &journal->sync));
  *out = journal;
  return SP_SUCCESS;
fail:
  sp_journal_close(journal);
  return status;
}

sp_status sp_journal_append(sp_journal *journal, const sp_range *range, const sp_gather_result *results) {
  writer t = {journal->line, journal->line, journal->line + journal->line_size};
  put(&t, "done %" PRIu64 " %" PRIu32, range->first_gather, range->n_gathers);
  for (sp_local g = 0; g < range->n_gathers; g++) {
    put(&t, " %" PRIu32 ":%08" PRIx32, results[g].reason, results[g].crc_traces);
    if (results[g].crc_noise) put(&t, ":%08" PRIx32, results[g].crc_noise);
  }
  seal(&t);
  SP_TRY(write_all(journal->fd, journal->path, journal->line, (size_t)(t.at - journal->line)));
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
  sp_free(journal);
}
