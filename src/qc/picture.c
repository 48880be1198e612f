/* SPDX-License-Identifier: BSD-3-Clause */
/* The list of what a picture is made of. */
#include "src/qc/picture.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/memory.h"

sp_status sp_picture_create(double width, double height, const char *title, sp_picture **out) {
  sp_picture *p = NULL;
  SP_TRY(sp_calloc(1, sizeof *p, "a picture", &p));
  p->width = width;
  p->height = height;
  const sp_status status = sp_strdup(title, &p->title);
  if (status != SP_SUCCESS) {
    sp_free(p);
    return status;
  }
  *out = p;
  return SP_SUCCESS;
}

static void drop_item(sp_item *item) {
  sp_free(item->points);
  sp_free(item->text);
  sp_raster_free(item->raster);
}

void sp_picture_free(sp_picture *p) {
  if (!p) return;
  for (size_t i = 0; i < p->n_items; i++) drop_item(&p->items[i]);
  sp_free(p->items);
  sp_free(p->title);
  sp_free(p);
}

/* Takes what the item owns. */
static void add(sp_picture *p, sp_item item) {
  if (p->n_items == p->room) {
    const size_t room = p->room ? 2 * p->room : 64;
    void *more = NULL;
    if (sp_calloc(room, sizeof *p->items, "a picture", &more) != SP_SUCCESS) {
      p->failed = true;
      drop_item(&item);
      return;
    }
    if (p->n_items) memcpy(more, p->items, p->n_items * sizeof *p->items);
    sp_free(p->items);
    p->items = more;
    p->room = room;
  }
  p->items[p->n_items++] = item;
}

static void add_points(sp_picture *p, sp_item item, const double (*points)[2], size_t n) {
  if (sp_calloc(n, sizeof *points, "a picture", &item.points) != SP_SUCCESS) {
    p->failed = true;
    return;
  }
  memcpy(item.points, points, n * sizeof *points);
  item.n = n;
  add(p, item);
}

void sp_picture_line(sp_picture *p, double x0, double y0, double x1, double y1, sp_stroke stroke) {
  const double points[2][2] = {{x0, y0}, {x1, y1}};
  sp_picture_polyline(p, points, 2, stroke);
}

void sp_picture_polyline(sp_picture *p, const double (*points)[2], size_t n, sp_stroke stroke) {
  add_points(p, (sp_item){.kind = SP_ITEM_POLYLINE, .stroke = stroke}, points, n);
}

void sp_picture_polygon(sp_picture *p, const double (*points)[2], size_t n, uint32_t colour, double opacity) {
  add_points(p, (sp_item){.kind = SP_ITEM_POLYGON, .stroke = {.colour = colour}, .opacity = opacity}, points, n);
}

void sp_picture_rect(sp_picture *p, double x, double y, double width, double height, uint32_t colour, double opacity) {
  add(p, (sp_item){.kind = SP_ITEM_RECT,
                   .x = x,
                   .y = y,
                   .width = width,
                   .height = height,
                   .stroke = {.colour = colour},
                   .opacity = opacity});
}

void sp_picture_mark(sp_picture *p, double x, double y, sp_symbol symbol, double size, uint32_t colour) {
  add(p, (sp_item){.kind = SP_ITEM_MARK, .x = x, .y = y, .symbol = symbol, .size = size, .stroke = {.colour = colour}});
}

void sp_picture_text(sp_picture *p, double x, double y, double size, sp_anchor anchor, bool turned, const char *text) {
  sp_item item = {.kind = SP_ITEM_TEXT, .x = x, .y = y, .size = size, .anchor = anchor, .turned = turned};
  if (!text || !text[0]) return;
  if (sp_strdup(text, &item.text) != SP_SUCCESS) {
    p->failed = true;
    return;
  }
  add(p, item);
}

void sp_picture_raster(sp_picture *p, double x, double y, sp_raster *raster) {
  add(p,
      (sp_item){
          .kind = SP_ITEM_RASTER, .x = x, .y = y, .width = raster->width, .height = raster->height, .raster = raster});
}

size_t sp_symbol_corners(sp_symbol symbol, double size, double corners[12][2]) {
  static const double square[][2] = {{-1, -1}, {1, -1}, {1, 1}, {-1, 1}},
                      triangle[][2] = {{0, -1.2}, {1.1, 0.8}, {-1.1, 0.8}},
                      diamond[][2] = {{0, -1.4}, {1.4, 0}, {0, 1.4}, {-1.4, 0}},
                      cross[][2] = {{-.4, -1.3}, {.4, -1.3}, {.4, -.4}, {1.3, -.4}, {1.3, .4},   {.4, .4},
                                    {.4, 1.3},   {-.4, 1.3}, {-.4, .4}, {-1.3, .4}, {-1.3, -.4}, {-.4, -.4}};
  const double(*shape)[2] = symbol == SP_SQUARE     ? square
                            : symbol == SP_TRIANGLE ? triangle
                            : symbol == SP_DIAMOND  ? diamond
                                                    : cross;
  const size_t n = symbol == SP_CIRCLE ? 0 : symbol == SP_TRIANGLE ? 3 : symbol == SP_CROSS ? 12 : 4;
  for (size_t i = 0; i < n; i++) {
    corners[i][0] = size * shape[i][0];
    corners[i][1] = size * shape[i][1];
  }
  return n;
}

const char *sp_number_text(double value, char text[SP_NUMBER_TEXT]) {
  snprintf(text, SP_NUMBER_TEXT, "%.*g", fabs(value) >= 1e6 && fabs(value) < 1e8 ? 8 : 6,
           fabs(value) < 1e-300 ? 0.0 : value);
  return text;
}
