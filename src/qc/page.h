/* SPDX-License-Identifier: BSD-3-Clause */
/* HTML pages that need nothing but themselves: no script, no network; they say so to the browser. Private to src/qc and
 * the commands that draw. */
#ifndef SEISPROC_SRC_QC_PAGE_H
#define SEISPROC_SRC_QC_PAGE_H

#include "src/qc/picture.h"

void sp_page_begin(FILE *stream, const char *title);
void sp_page_end(FILE *stream);

/* <h2 id="..."> */
void sp_page_heading(FILE *stream, const char *id, const char *text);

/* The picture within a figure, with a line of text below it (NULL: none). Frees the picture. */
sp_status sp_page_picture(FILE *stream, sp_picture *picture, const char *caption);

/* <p>, formatted text in which nothing is markup; kind: the paragraph's class, or NULL. */
void sp_page_line(FILE *stream, const char *kind, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
