/* SPDX-License-Identifier: BSD-3-Clause */
/* Which of a launcher's pages and lines say only that a rank ended.
 *
 * Open MPI's pages stand between two lines of dashes. Hydra's, MPICH's launcher, has an empty line, then a page between
 * two lines of equals signs, then lines of which each is left out by itself.
 *
 * Invariant: what is held begins at the start of a line, and is either a page that began or the beginning of something
 * that may be left out. */
#include "src/dist/launcher_page.h"

#include <string.h>

/* A line of so many dashes, or equals signs, begins and ends a page. */
enum { LEAST_RULE = 40 };

static const char *const pages_left_out[] = {"Primary job  terminated normally, but",
                                             "one or more processes exited with non-zero status",
                                             "noticed that process rank",
                                             "MPI_ABORT was invoked on rank",
                                             "has exited due to process rank",
                                             "BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES"};

/* How a line begins, and what it has somewhere. */
static const struct {
  const char *begins, *has;
} lines_left_out[] = {{"YOUR APPLICATION TERMINATED WITH THE EXIT STRING: ", ""},
                      {"This typically refers to a problem with your application.", ""},
                      {"Please see the FAQ page for debugging suggestions", ""},
                      {"Abort(", "application called MPI_Abort("}};
enum { N_LINES = sizeof lines_left_out / sizeof lines_left_out[0] };

static bool is_page_left_out(const sp_launcher_page *page) {
  for (size_t i = 0; i < sizeof pages_left_out / sizeof pages_left_out[0]; i++) {
    if (memmem(page->held, page->n, pages_left_out[i], strlen(pages_left_out[i]))) return true;
  }
  return false;
}

/* text[n] is one line without its end. */
static bool is_line_left_out(const char *text, size_t n) {
  for (size_t i = 0; i < N_LINES; i++) {
    const size_t length = strlen(lines_left_out[i].begins);
    if (n < length || memcmp(text, lines_left_out[i].begins, length) != 0) continue;
    if (memmem(text, n, lines_left_out[i].has, strlen(lines_left_out[i].has))) return true;
  }
  return false;
}

/* text[n] is nothing but dashes, or equals signs. */
static bool is_rule(const char *text, size_t n) {
  size_t same = 0;
  while (same < n && text[same] == text[0]) same++;
  return n == 0 || (same == n && (text[0] == '-' || text[0] == '='));
}

/* What is held, not yet a line, may become one that begins a page or is left out. */
static bool is_open(const sp_launcher_page *page) {
  const char *text = page->held + page->line;
  const size_t n = page->n - page->line;
  if (page->in_page || is_rule(text, n)) return true;
  for (size_t i = 0; i < N_LINES; i++) {
    const size_t length = strlen(lines_left_out[i].begins);
    if (memcmp(text, lines_left_out[i].begins, n < length ? n : length) == 0) return true;
  }
  return false;
}

void sp_launcher_page_flush(sp_launcher_page *page, void (*pass)(const char *text, size_t n)) {
  if (page->n) pass(page->held, page->n);
  page->in_line |= page->n > 0 && page->held[page->n - 1] != '\n';
  page->n = page->line = 0;
  page->in_page = false;
}

/* A line has ended, the last of what is held. */
static void end_line(sp_launcher_page *page, void (*pass)(const char *text, size_t n)) {
  const char *line = page->held + page->line;
  const size_t length = page->n - page->line - 1;
  const bool rule = length >= LEAST_RULE && is_rule(line, length);
  const bool ends = page->in_page && rule && *line == page->mark;
  const bool first_and_empty = page->n == 1;
  const bool left_out = page->in_page ? ends && is_page_left_out(page) : is_line_left_out(line, length);
  page->line = page->n;
  if (left_out) {
    *page = (sp_launcher_page){0};
  } else if (ends || (!page->in_page && !rule && !first_and_empty)) {
    sp_launcher_page_flush(page, pass);
  } else if (!page->in_page && rule) {
    page->in_page = true;
    page->mark = *line;
  }
}

/* Takes one character at the start of a line, or where something is held; whether it does. */
static bool hold(sp_launcher_page *page, char c, void (*pass)(const char *text, size_t n)) {
  if (page->in_line) return false;
  page->held[page->n++] = c;
  if (c == '\n') {
    end_line(page, pass);
  } else if (!is_open(page)) {
    page->n--;
    sp_launcher_page_flush(page, pass);
    return false;
  }
  if (page->n == SP_PAGE_SIZE) sp_launcher_page_flush(page, pass);
  return true;
}

void sp_launcher_page_filter(sp_launcher_page *page, const char *text, size_t n,
                             void (*pass)(const char *text, size_t n)) {
  for (size_t i = 0; i < n; i++) {
    if (hold(page, text[i], pass)) continue;
    const char *end = memchr(text + i, '\n', n - i);
    const size_t rest = end ? (size_t)(end - (text + i)) + 1 : n - i;
    pass(text + i, rest);
    page->in_line = end == NULL;
    i += rest - 1;
  }
}
