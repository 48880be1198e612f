/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/qc/page.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"

static const char style[] =
    ":root{color-scheme:light dark}body{font-family:sans-serif;margin:1.5em auto;max-width:1240px;padding:0 1em;"
    "line-height:1.4}figure{margin:1em 0;overflow-x:auto;background:#fff;color:#000}figure "
    "svg{max-width:100%;height:auto}"
    "figcaption{padding:.3em .6em;font-size:.9em}table{border-collapse:collapse;font-size:.9em}"
    "th,td{padding:.2em .7em;text-align:right;border-bottom:1px solid "
    "#8888}th:first-child,td:first-child{text-align:left}"
    "pre{overflow-x:auto;border:1px solid #8888;padding:.6em;white-space:pre-wrap;overflow-wrap:anywhere}"
    ".worry{border-left:.4em solid #d55e00;padding:.3em .8em}.table{overflow-x:auto}"
    "h1,p,td,summary{overflow-wrap:anywhere}"
    "@media "
    "print{@page{size:A4;margin:12mm}body{max-width:none;margin:0}figure{break-inside:avoid}h2{break-after:avoid}}";

void sp_page_begin(FILE *stream, const char *title) {
  fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
        "style-src 'unsafe-inline'\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>",
        stream);
  sp_write_escaped(stream, title);
  fprintf(stream, "</title>\n<style>%s</style>\n</head>\n<body>\n<h1>", style);
  sp_write_escaped(stream, title);
  fputs("</h1>\n", stream);
}

void sp_page_end(FILE *stream) {
  fputs("</body>\n</html>\n", stream);
}

void sp_page_heading(FILE *stream, const char *id, const char *text) {
  fprintf(stream, "<h2 id=\"%s\">", id);
  sp_write_escaped(stream, text);
  fputs("</h2>\n", stream);
}

sp_status sp_page_picture(FILE *stream, sp_picture *picture, const char *caption) {
  fputs("<figure>\n", stream);
  const sp_status status = sp_picture_write_svg(picture, stream);
  if (caption) {
    fputs("<figcaption>", stream);
    sp_write_escaped(stream, caption);
    fputs("</figcaption>\n", stream);
  }
  fputs("</figure>\n", stream);
  sp_picture_free(picture);
  return status;
}

void sp_page_line(FILE *stream, const char *kind, const char *format, ...) {
  char *text = NULL;
  va_list args;
  va_start(args, format);
  const int n = vasprintf(&text, format, args);
  va_end(args);
  if (n < 0) return;
  if (kind) {
    fprintf(stream, "<p class=\"%s\">", kind);
  } else {
    fputs("<p>", stream);
  }
  sp_write_escaped(stream, text);
  fputs("</p>\n", stream);
  free(text);
}
