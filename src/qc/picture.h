/* SPDX-License-Identifier: BSD-3-Clause */
/* Pictures: what is drawn, as a list, and two ways to write it: SVG, whose text stays text, and PNG with cairo where
 * that was there when the program was built. Private to src/qc and the commands that draw.
 *
 * Lengths are pixels, x to the right and y down, colours 0xRRGGBB. Everything lies on white. Functions that draw return
 * nothing: memory that is missing is remembered, and writing the picture says so.
 */
#ifndef SEISPROC_SRC_QC_PICTURE_H
#define SEISPROC_SRC_QC_PICTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "seisproc/status.h"
#include "src/qc/colour.h"

enum { SP_BLACK = 0x000000, SP_WHITE = 0xffffff, SP_DARK_GRAY = 0x555555, SP_LIGHT_GRAY = 0xcccccc };

/* Pixels of a palette. */
typedef struct sp_raster {
  uint32_t width, height;
  uint8_t *pixels; /* [height][width]; owned */
  sp_palette palette;
} sp_raster;

/* All zero pixels. The caller owns *out (sp_raster_free, takes NULL). */
sp_status sp_raster_create(uint32_t width, uint32_t height, sp_colour_map map, sp_raster **out);
void sp_raster_free(sp_raster *raster);

/* Writes a raster as a PNG of 8-bit palette, the same bytes for the same pixels. The caller owns *png (free). */
sp_status sp_png_of_raster(const sp_raster *raster, uint8_t **png, size_t *bytes);

/* Writes rows of 8-bit RGB, `stride` bytes apart, as a PNG to a stream. */
sp_status sp_png_write_rgb(FILE *stream, uint32_t width, uint32_t height, const uint8_t *rows, size_t stride);

typedef enum sp_anchor { SP_LEFT, SP_MIDDLE, SP_RIGHT } sp_anchor;
typedef enum sp_symbol { SP_CIRCLE, SP_SQUARE, SP_TRIANGLE, SP_DIAMOND, SP_CROSS } sp_symbol;

typedef struct sp_stroke {
  uint32_t colour;
  float width;
  float dash; /* length of dashes and gaps; 0: none */
} sp_stroke;

typedef struct sp_picture sp_picture;

/* `title` is what the picture shows, in words and numbers, for whoever does not see it. Copied. */
sp_status sp_picture_create(double width, double height, const char *title, sp_picture **out);
void sp_picture_free(sp_picture *picture); /* takes NULL */

void sp_picture_line(sp_picture *p, double x0, double y0, double x1, double y1, sp_stroke stroke);
/* points[n][2]; copied. A gap is a point that is not finite. */
void sp_picture_polyline(sp_picture *p, const double (*points)[2], size_t n, sp_stroke stroke);
/* Filled. */
void sp_picture_polygon(sp_picture *p, const double (*points)[2], size_t n, uint32_t colour, double opacity);
void sp_picture_rect(sp_picture *p, double x, double y, double width, double height, uint32_t colour, double opacity);
void sp_picture_mark(sp_picture *p, double x, double y, sp_symbol symbol, double size, uint32_t colour);
/* y is the baseline; turned: reads upwards. `text` may hold anything. */
void sp_picture_text(sp_picture *p, double x, double y, double size, sp_anchor anchor, bool turned, const char *text);
/* Takes the raster. */
void sp_picture_raster(sp_picture *p, double x, double y, sp_raster *raster);

sp_status sp_picture_write_svg(const sp_picture *picture, FILE *stream);
/* Errors: SP_ERR_USAGE where the program was built without cairo. */
sp_status sp_picture_write_png(const sp_picture *picture, FILE *stream);
bool sp_picture_has_png(void);

/* Text in which nothing is markup: '<', '>', '&', '"' and '\'' are written as entities, control characters and bytes
 * that are not UTF-8 as '?'. */
void sp_write_escaped(FILE *stream, const char *text);
/* The same without entities. */
void sp_write_plain(FILE *stream, const char *text);

/* A number as axes show it: as few digits as say it to 6 places, "0.5", "1200", "2e+06". */
enum { SP_NUMBER_TEXT = 24 };
const char *sp_number_text(double value, char text[SP_NUMBER_TEXT]);

/* Items, for what writes them (picture_svg.c, picture_cairo.c). */
typedef enum sp_item_kind {
  SP_ITEM_POLYLINE,
  SP_ITEM_POLYGON,
  SP_ITEM_RECT,
  SP_ITEM_MARK,
  SP_ITEM_TEXT,
  SP_ITEM_RASTER
} sp_item_kind;

typedef struct sp_item {
  sp_item_kind kind;
  double x, y, width, height, size, opacity;
  sp_stroke stroke; /* its colour is what fills, too */
  sp_symbol symbol;
  sp_anchor anchor;
  bool turned;
  size_t n;
  double (*points)[2]; /* [n]; owned */
  char *text;          /* owned */
  sp_raster *raster;   /* owned */
} sp_item;

struct sp_picture {
  double width, height;
  char *title;
  sp_item *items;
  size_t n_items, room;
  bool failed; /* memory was short */
};

/* Corners of a mark about the origin, 0 for a circle; at most 12. */
size_t sp_symbol_corners(sp_symbol symbol, double size, double corners[12][2]);

#endif
