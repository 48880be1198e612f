/* SPDX-License-Identifier: BSD-3-Clause */
/* Launchers print a page about every rank that does not end with 0: Open MPI's between two lines of dashes, MPICH's
 * between two of equals signs with a few lines behind. What became of the job is said in our own line by whoever waits
 * for it, so these are left out of what the launcher says; all else is passed on. Pure. */
#ifndef SEISPROC_SRC_DIST_LAUNCHER_PAGE_H
#define SEISPROC_SRC_DIST_LAUNCHER_PAGE_H

#include <stdbool.h>
#include <stddef.h>

enum { SP_PAGE_SIZE = 4096 };

/* Zeros to begin with. */
typedef struct sp_launcher_page {
  char held[SP_PAGE_SIZE]; /* a page from its first line on, or the start of a line that may be left out */
  size_t n, line;          /* bytes held; where the last line among them begins */
  bool in_line, in_page;
  char mark; /* of which the page's first line is made */
} sp_launcher_page;

/* Takes text[n] and hands on to `pass` what is not such a page, or may not become one. */
void sp_launcher_page_filter(sp_launcher_page *page, const char *text, size_t n,
                             void (*pass)(const char *text, size_t n));

/* Hands on what is held: nothing more comes, or not soon. */
void sp_launcher_page_flush(sp_launcher_page *page, void (*pass)(const char *text, size_t n));

#endif
