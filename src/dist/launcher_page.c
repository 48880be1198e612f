/* SPDX-License-Identifier: BSD-3-Clause */
/* Which of Open MPI's pages say only that a rank ended.
 *
 * Invariant: what is held begins at the start of a line, and is either nothing but dashes or a page that began. */
#include "src/dist/launcher_page.h"

#include <string.h>

/* A line of so many dashes begins and ends a page. */
enum { LEAST_DASHES = 40 };

static const char *const left_out[] = {"Primary job  terminated normally, but",
                                       "one or more processes exited with non-zero status", "noticed that process rank",
                                       "MPI_ABORT was invoked on rank", "has exited due to process rank"};

static bool is_left_out(const sp_launcher_page *page) {
  for (size_t i = 0; i < sizeof left_out / sizeof left_out[0]; i++) {
    if (memmem(page->held, page->n, left_out[i], strlen(left_out[i]))) return true;
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
  const size_t length = page->n - page->line - 1;
  const bool dashes = length >= LEAST_DASHES && strspn(page->held + page->line, "-") == length;
  const bool ends = page->in_page && dashes;
  page->line = page->n;
  if (ends && is_left_out(page)) {
    *page = (sp_launcher_page){0};
  } else if (ends || (!page->in_page && !dashes)) {
    sp_launcher_page_flush(page, pass);
  } else {
    page->in_page = true;
  }
}

void sp_launcher_page_filter(sp_launcher_page *page, const char *text, size_t n,
                             void (*pass)(const char *text, size_t n)) {
  for (size_t i = 0; i < n; i++) {
    const char c = text[i];
    const bool may_begin = page->in_page || (!page->in_line && (c == '-' || (c == '\n' && page->n)));
    if (may_begin) {
      page->held[page->n++] = c;
      if (c == '\n') end_line(page, pass);
      if (page->n == SP_PAGE_SIZE) sp_launcher_page_flush(page, pass);
      continue;
    }
    sp_launcher_page_flush(page, pass);
    const char *end = memchr(text + i, '\n', n - i);
    const size_t rest = end ? (size_t)(end - (text + i)) + 1 : n - i;
    pass(text + i, rest);
    page->in_line = end == NULL;
    i += rest - 1;
  }
}
