/* SPDX-License-Identifier: BSD-3-Clause */
/* What a run leaves beside its output: journal, history, and what was in flight. The first byte chooses which. Lines of
 * a journal that begin with '!' are given the checksum that they need, so that what they say is looked at; the others
 * stand as they are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "seisproc/crc32c.h"
#include "seisproc/engine.h"
#include "seisproc/memory.h"
#include "src/run/history.h"
#include "src/run/inflight.h"
#include "src/run/journal.h"
#include "tests/fuzz/fuzz.h"

enum { N_UNITS = 40, LINE_ROOM = 32 };

/* The text with checksums; the caller frees. */
static char *seal_lines(const char *text, size_t n, size_t *length) {
  size_t n_lines = 1;
  for (size_t i = 0; i < n; i++) n_lines += text[i] == '\n';
  char *out = malloc(n + n_lines * LINE_ROOM), *at = out;
  uint32_t seed = 0;
  for (size_t i = 0; out && i < n;) {
    const char *end = memchr(text + i, '\n', n - i);
    const size_t line = end ? (size_t)(end - text) - i : n - i;
    const bool sealed = line > 0 && text[i] == '!';
    const char *body = text + i + sealed;
    const size_t body_bytes = line - sealed;
    memcpy(at, body, body_bytes);
    at += body_bytes;
    if (sealed) at += sprintf(at, " crc32c=%08x", sp_crc32c(seed, body, body_bytes));
    if (end) *at++ = '\n';
    /* from the line `begin` on, checksums start from that of all lines so far */
    if (seed == 0 && body_bytes >= 6 && !memcmp(body, "begin ", 6)) seed = sp_crc32c(0, out, (size_t)(at - out));
    i += line + (end != NULL);
  }
  *length = out ? (size_t)(at - out) : 0;
  return out;
}

static void read_journal(const char *text, size_t n) {
  size_t length;
  char *sealed = seal_lines(text, n, &length);
  if (!sealed) return;
  const char *path = fuzz_path("out.h5.journal");
  fuzz_write(path, sealed, length);
  sp_journal_contents contents;
  const uint64_t allocated = sp_alloc_bytes();
  if (sp_journal_read(path, &sp_gather_figures, N_UNITS, &contents) == SP_SUCCESS) {
    uint64_t done = 0;
    for (int u = 0; contents.done && u < N_UNITS; u++) done += contents.done[u] != 0;
    FUZZ_CHECK(done == contents.n_done, "the journal counts more units than it names");
    FUZZ_CHECK(contents.length <= length, "the journal is longer than its file");
    sp_journal *journal;
    if (contents.done && sp_journal_open(path, &contents, N_UNITS, NULL, &journal) == SP_SUCCESS)
      sp_journal_close(journal);
    sp_journal_contents_free(&contents);
  }
  FUZZ_CHECK(sp_alloc_bytes() - allocated < 4 * length + (1 << 16), "more is allocated than the file has");
  free(sealed);
  unlink(path);
}

static void read_history(const char *text, size_t n) {
  uint8_t counts[N_UNITS], trials[N_UNITS];
  const char *path = fuzz_path("out.h5.runs");
  sp_last_run last;
  fuzz_write(path, text, n);
  sp_history_last(path, n > 3 ? (uint8_t)text[0] : 0, &last);
  sp_history_count_crashes(path, N_UNITS, counts, trials);
  unlink(path);
}

static void read_inflight(const char *text, size_t n) {
  char says[SP_INFLIGHT_TEXT];
  const char *path = fuzz_path("out.h5.inflight");
  bool waits;
  fuzz_write(path, text, n);
  for (int rank = -1; rank < 4; rank++) {
    sp_inflight_describe(path, rank, says, &waits);
    FUZZ_CHECK(strlen(says) < sizeof says, "a description without an end");
  }
  unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  fuzz_folder();
  if (size == 0) return 0;
  const char *text = (const char *)data + 1;
  switch (data[0] % 4) {
  case 0:
    read_history(text, size - 1);
    break;
  case 1:
    read_inflight(text, size - 1);
    break;
  default:
    read_journal(text, size - 1);
    break;
  }
  return 0;
}
