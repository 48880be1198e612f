/* SPDX-License-Identifier: BSD-3-Clause */
/* Pictures as PNG with cairo. Text is in the font that cairo itself holds, so that no font and no fontconfig is needed,
 * and the same picture has the same bytes on every machine with this cairo. */
#include "src/qc/picture.h"

#ifdef SP_HAVE_CAIRO
#include <cairo.h>
#include <math.h>
#include <stdlib.h>

#include "seisproc/memory.h"

bool sp_picture_has_png(void) {
  return true;
}

static void set_colour(cairo_t *c, uint32_t colour, double opacity) {
  cairo_set_source_rgba(c, (colour >> 16) / 255.0, (colour >> 8 & 255) / 255.0, (colour & 255) / 255.0, opacity);
}

static void trace_path(cairo_t *c, const double (*points)[2], size_t n, double x, double y) {
  bool pen_down = false;
  cairo_new_path(c);
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(points[i][0]) || !isfinite(points[i][1])) {
      pen_down = false;
    } else if (pen_down) {
      cairo_line_to(c, points[i][0] + x, points[i][1] + y);
    } else {
      cairo_move_to(c, points[i][0] + x, points[i][1] + y);
      pen_down = true;
    }
  }
}

static void draw_polyline(cairo_t *c, const sp_item *item) {
  const double dash = (double)item->stroke.dash;
  trace_path(c, (const double(*)[2])item->points, item->n, 0, 0);
  set_colour(c, item->stroke.colour, 1);
  cairo_set_line_width(c, (double)item->stroke.width);
  cairo_set_dash(c, &dash, dash > 0, 0);
  cairo_stroke(c);
}

static void draw_polygon(cairo_t *c, const sp_item *item) {
  trace_path(c, (const double(*)[2])item->points, item->n, 0, 0);
  cairo_close_path(c);
  set_colour(c, item->stroke.colour, item->opacity);
  cairo_fill(c);
}

static void draw_rect(cairo_t *c, const sp_item *item) {
  cairo_rectangle(c, item->x, item->y, item->width, item->height);
  set_colour(c, item->stroke.colour, item->opacity);
  cairo_fill(c);
}

static void draw_mark(cairo_t *c, const sp_item *item) {
  double corners[12][2];
  const size_t n = sp_symbol_corners(item->symbol, item->size, corners);
  cairo_new_path(c);
  if (n == 0) {
    cairo_arc(c, item->x, item->y, item->size, 0, 2 * M_PI);
  } else {
    trace_path(c, (const double(*)[2])corners, n, item->x, item->y);
  }
  set_colour(c, item->stroke.colour, 1);
  cairo_fill(c);
}

static void draw_text(cairo_t *c, const sp_item *item) {
  cairo_text_extents_t extents;
  char *text = NULL;
  size_t n = 0;
  /* only what is UTF-8: cairo refuses all that follows a string that is not */
  FILE *stream = open_memstream(&text, &n);
  if (!stream) return;
  sp_write_plain(stream, item->text);
  fclose(stream);
  cairo_save(c);
  cairo_move_to(c, item->x, item->y);
  if (item->turned) cairo_rotate(c, -M_PI / 2);
  cairo_set_font_size(c, item->size);
  cairo_text_extents(c, text, &extents);
  if (item->anchor != SP_LEFT) cairo_rel_move_to(c, -extents.x_advance * (item->anchor == SP_MIDDLE ? 0.5 : 1), 0);
  set_colour(c, SP_BLACK, 1);
  cairo_show_text(c, text);
  cairo_restore(c);
  free(text);
}

/* Pixels go to pixels. */
static void draw_raster(cairo_surface_t *surface, const sp_item *item) {
  const sp_raster *r = item->raster;
  cairo_surface_flush(surface);
  unsigned char *to = cairo_image_surface_get_data(surface);
  const int stride = cairo_image_surface_get_stride(surface), width = cairo_image_surface_get_width(surface);
  const int height = cairo_image_surface_get_height(surface), x0 = (int)floor(item->x + 0.5);
  const int y0 = (int)floor(item->y + 0.5);
  for (int y = 0; y < (int)r->height; y++) {
    for (int x = 0; x < (int)r->width; x++) {
      if (x0 + x < 0 || x0 + x >= width || y0 + y < 0 || y0 + y >= height) continue;
      const uint32_t colour = sp_palette_colour(&r->palette, r->pixels[(size_t)y * r->width + (size_t)x]);
      *(uint32_t *)(void *)(to + (y0 + y) * stride + 4 * (x0 + x)) = colour;
    }
  }
  cairo_surface_mark_dirty(surface);
}

static void draw(cairo_t *c, cairo_surface_t *surface, const sp_picture *p) {
  static void (*const draws[])(cairo_t *, const sp_item *) = {[SP_ITEM_POLYLINE] = draw_polyline,
                                                              [SP_ITEM_POLYGON] = draw_polygon,
                                                              [SP_ITEM_RECT] = draw_rect,
                                                              [SP_ITEM_MARK] = draw_mark,
                                                              [SP_ITEM_TEXT] = draw_text};
  set_colour(c, SP_WHITE, 1);
  cairo_paint(c);
  cairo_select_font_face(c, "@cairo:sans", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  for (size_t i = 0; i < p->n_items; i++) {
    if (p->items[i].kind == SP_ITEM_RASTER) {
      draw_raster(surface, &p->items[i]);
    } else {
      draws[p->items[i].kind](c, &p->items[i]);
    }
  }
}

static sp_status write_surface(cairo_surface_t *surface, FILE *stream) {
  const int width = cairo_image_surface_get_width(surface), height = cairo_image_surface_get_height(surface);
  const int stride = cairo_image_surface_get_stride(surface);
  const unsigned char *from = cairo_image_surface_get_data(surface);
  uint8_t *rgb = NULL;
  SP_TRY(sp_alloc((size_t)width * (size_t)height * 3, "a picture", &rgb));
  for (int y = 0; y < height; y++) {
    for (int x = 0; x < width; x++) {
      const uint32_t colour = *(const uint32_t *)(const void *)(from + y * stride + 4 * x);
      uint8_t *to = rgb + 3 * ((size_t)y * (size_t)width + (size_t)x);
      to[0] = (uint8_t)(colour >> 16);
      to[1] = (uint8_t)(colour >> 8);
      to[2] = (uint8_t)colour;
    }
  }
  const sp_status status = sp_png_write_rgb(stream, (uint32_t)width, (uint32_t)height, rgb, 3 * (size_t)width);
  sp_free(rgb);
  return status;
}

sp_status sp_picture_write_png(const sp_picture *p, FILE *stream) {
  if (p->failed) return SP_ERR_MEMORY;
  cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)ceil(p->width), (int)ceil(p->height));
  cairo_t *c = cairo_create(surface);
  draw(c, surface, p);
  cairo_surface_flush(surface);
  const cairo_status_t drawn = cairo_status(c);
  sp_status status;
  if (drawn == CAIRO_STATUS_SUCCESS) {
    status = write_surface(surface, stream);
  } else {
    status = SP_RAISE(SP_ERR_MEMORY, "a picture: cairo: %s", cairo_status_to_string(drawn));
  }
  cairo_destroy(c);
  cairo_surface_destroy(surface);
  return status;
}

#else

bool sp_picture_has_png(void) {
  return false;
}

sp_status sp_picture_write_png(const sp_picture *p, FILE *stream) {
  return SP_RAISE(SP_ERR_USAGE, "this program was built without cairo, which draws PNG: name a .svg or .html");
}

#endif
