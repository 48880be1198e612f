/* SPDX-License-Identifier: BSD-3-Clause */
/* Pictures as SVG 1.1: text as text, rasters as PNG in data URIs. Coordinates have at most two digits behind the point,
 * so that the same picture has the same bytes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/quote.h"
#include "src/qc/picture.h"

static void write_clean(FILE *stream, const char *text, const char *special) {
  static const char *const entities[] = {"&lt;", "&gt;", "&amp;", "&quot;", "&#39;"};
  for (const char *c = text; *c;) {
    const size_t length = sp_utf8_length(c);
    const char *found = length == 1 ? strchr(special, *c) : NULL;
    if (found) {
      fputs(entities[found - special], stream);
    } else if (length == 0 || (sp_is_control(c) && *c != '\n' && *c != '\t')) {
      fputc('?', stream);
    } else {
      fwrite(c, 1, length, stream);
    }
    c += length ? length : 1;
  }
}

void sp_write_escaped(FILE *stream, const char *text) {
  write_clean(stream, text, "<>&\"'");
}

void sp_write_plain(FILE *stream, const char *text) {
  write_clean(stream, text, "");
}

static void write_base64(FILE *stream, const uint8_t *bytes, size_t n) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < n; i += 3) {
    const uint32_t word =
        (uint32_t)bytes[i] << 16 | (i + 1 < n ? (uint32_t)bytes[i + 1] << 8 : 0) | (i + 2 < n ? bytes[i + 2] : 0);
    const char four[4] = {digits[word >> 18], digits[word >> 12 & 63], i + 1 < n ? digits[word >> 6 & 63] : '=',
                          i + 2 < n ? digits[word & 63] : '='};
    fwrite(four, 1, 4, stream);
  }
}

/* Two digits at most behind the point, no "-0". */
static void number(FILE *stream, double value) {
  const double cents = floor(100 * value + 0.5);
  fprintf(stream, "%.10g", cents == 0 ? 0.0 : cents / 100);
}

static void attribute(FILE *stream, const char *name, double value) {
  fprintf(stream, " %s=\"", name);
  number(stream, value);
  fputc('"', stream);
}

static void path(FILE *stream, const sp_item *item, bool close) {
  bool pen_down = false;
  fputs("<path d=\"", stream);
  for (size_t i = 0; i < item->n; i++) {
    const double *at = item->points[i];
    if (!isfinite(at[0]) || !isfinite(at[1])) {
      pen_down = false;
      continue;
    }
    fputc(pen_down ? 'L' : 'M', stream);
    number(stream, at[0]);
    fputc(' ', stream);
    number(stream, at[1]);
    pen_down = true;
  }
  fputs(close ? "Z\"" : "\"", stream);
}

static void write_polyline(FILE *stream, const sp_item *item) {
  path(stream, item, false);
  fprintf(stream, " fill=\"none\" stroke=\"#%06x\"", item->stroke.colour);
  attribute(stream, "stroke-width", (double)item->stroke.width);
  if (item->stroke.dash > 0) attribute(stream, "stroke-dasharray", (double)item->stroke.dash);
  fputs("/>\n", stream);
}

static void fill(FILE *stream, uint32_t colour, double opacity) {
  fprintf(stream, " fill=\"#%06x\"", colour);
  if (opacity < 1) attribute(stream, "fill-opacity", opacity);
}

static void write_polygon(FILE *stream, const sp_item *item) {
  path(stream, item, true);
  fill(stream, item->stroke.colour, item->opacity);
  fputs("/>\n", stream);
}

static void write_rect(FILE *stream, const sp_item *item) {
  fputs("<rect", stream);
  attribute(stream, "x", item->x);
  attribute(stream, "y", item->y);
  attribute(stream, "width", item->width);
  attribute(stream, "height", item->height);
  fill(stream, item->stroke.colour, item->opacity);
  fputs("/>\n", stream);
}

static void write_mark(FILE *stream, const sp_item *item) {
  double corners[12][2];
  const size_t n = sp_symbol_corners(item->symbol, item->size, corners);
  if (n == 0) {
    fputs("<circle", stream);
    attribute(stream, "cx", item->x);
    attribute(stream, "cy", item->y);
    attribute(stream, "r", item->size);
  } else {
    for (size_t i = 0; i < n; i++) {
      corners[i][0] += item->x;
      corners[i][1] += item->y;
    }
    path(stream, &(sp_item){.n = n, .points = corners}, true);
  }
  fill(stream, item->stroke.colour, 1);
  fputs("/>\n", stream);
}

static void write_text(FILE *stream, const sp_item *item) {
  static const char *const anchors[] = {"start", "middle", "end"};
  fputs("<text", stream);
  attribute(stream, "x", item->x);
  attribute(stream, "y", item->y);
  attribute(stream, "font-size", item->size);
  if (item->anchor != SP_LEFT) fprintf(stream, " text-anchor=\"%s\"", anchors[item->anchor]);
  if (item->turned) {
    fputs(" transform=\"rotate(-90 ", stream);
    number(stream, item->x);
    fputc(' ', stream);
    number(stream, item->y);
    fputs(")\"", stream);
  }
  fputc('>', stream);
  sp_write_escaped(stream, item->text);
  fputs("</text>\n", stream);
}

static sp_status write_raster(FILE *stream, const sp_item *item) {
  uint8_t *png = NULL;
  size_t n = 0;
  SP_TRY(sp_png_of_raster(item->raster, &png, &n));
  fputs("<image", stream);
  attribute(stream, "x", item->x);
  attribute(stream, "y", item->y);
  attribute(stream, "width", item->width);
  attribute(stream, "height", item->height);
  fputs(" preserveAspectRatio=\"none\" style=\"image-rendering:pixelated\" href=\"data:image/png;base64,", stream);
  write_base64(stream, png, n);
  fputs("\"/>\n", stream);
  free(png);
  return SP_SUCCESS;
}

sp_status sp_picture_write_svg(const sp_picture *p, FILE *stream) {
  static void (*const write[])(FILE *, const sp_item *) = {[SP_ITEM_POLYLINE] = write_polyline,
                                                           [SP_ITEM_POLYGON] = write_polygon,
                                                           [SP_ITEM_RECT] = write_rect,
                                                           [SP_ITEM_MARK] = write_mark,
                                                           [SP_ITEM_TEXT] = write_text};
  if (p->failed) return SP_ERR_MEMORY;
  fputs("<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\"", stream);
  attribute(stream, "width", p->width);
  attribute(stream, "height", p->height);
  fprintf(stream, " viewBox=\"0 0 ");
  number(stream, p->width);
  fputc(' ', stream);
  number(stream, p->height);
  fputs("\" font-family=\"sans-serif\">\n<title>", stream);
  sp_write_escaped(stream, p->title);
  fputs("</title>\n", stream);
  write_rect(stream, &(sp_item){.width = p->width, .height = p->height, .stroke = {.colour = SP_WHITE}, .opacity = 1});
  for (size_t i = 0; i < p->n_items; i++) {
    const sp_item *item = &p->items[i];
    if (item->kind == SP_ITEM_RASTER) {
      SP_TRY(write_raster(stream, item));
    } else {
      write[item->kind](stream, item);
    }
  }
  fputs("</svg>\n", stream);
  return SP_SUCCESS;
}
