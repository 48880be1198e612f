/* SPDX-License-Identifier: BSD-3-Clause */
/* PNG by libpng: no time, no text, one compression level, no filter, so that the same pixels give the same bytes. */
#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "seisproc/log.h"
#include "seisproc/memory.h"
#include "src/qc/picture.h"

enum { LEVEL = 6 };

/* libpng's way to say what went wrong; it must not return. */
static void refuse(png_structp png, png_const_charp why) {
  sp_log(SP_LOG_ERROR, "libpng: %s", why);
  png_longjmp(png, 1);
}

static void ignore(png_structp png, png_const_charp why) {}

static void flush_nothing(png_structp png) {}

/* A failure stays with the stream, and whoever closes it says which file it is. */
static void to_stream(png_structp png, png_bytep bytes, size_t n) {
  FILE *const stream = png_get_io_ptr(png);
  if (!ferror(stream)) fwrite(bytes, 1, n, stream);
}

typedef struct image {
  uint32_t width, height;
  int colour_type;
  const uint8_t *rows;
  size_t stride;
  const sp_palette *palette; /* NULL: RGB */
} image;

static void write_image(png_structp png, png_infop info, const image *of) {
  png_set_compression_level(png, LEVEL);
  png_set_filter(png, PNG_FILTER_TYPE_BASE, PNG_FILTER_NONE);
  png_set_IHDR(png, info, of->width, of->height, 8, of->colour_type, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  if (of->palette) {
    png_color colours[256];
    for (int i = 0; i < 256; i++) {
      const uint8_t *rgb = of->palette->rgb[i];
      colours[i] = (png_color){rgb[0], rgb[1], rgb[2]};
    }
    png_set_PLTE(png, info, colours, 256);
  }
  png_write_info(png, info);
  for (uint32_t y = 0; y < of->height; y++) png_write_row(png, of->rows + y * of->stride);
  png_write_end(png, info);
}

static sp_status write_png(FILE *stream, const image *of) {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, refuse, ignore);
  png_infop info = png ? png_create_info_struct(png) : NULL;
  if (!info) {
    png_destroy_write_struct(&png, NULL);
    return SP_RAISE(SP_ERR_MEMORY, "a picture: no memory for libpng");
  }
  volatile sp_status status = SP_ERR_IO;
  if (!setjmp(png_jmpbuf(png))) {
    png_set_write_fn(png, stream, to_stream, flush_nothing);
    write_image(png, info, of);
    status = SP_SUCCESS;
  }
  png_destroy_write_struct(&png, &info);
  return status;
}

sp_status sp_png_write_rgb(FILE *stream, uint32_t width, uint32_t height, const uint8_t *rows, size_t stride) {
  const image of = {width, height, PNG_COLOR_TYPE_RGB, rows, stride, NULL};
  return write_png(stream, &of);
}

sp_status sp_png_of_raster(const sp_raster *raster, uint8_t **png, size_t *bytes) {
  char *block = NULL;
  size_t n = 0;
  FILE *stream = open_memstream(&block, &n);
  if (!stream) return SP_RAISE(SP_ERR_MEMORY, "a picture: no memory");
  const image of = {raster->width,  raster->height, PNG_COLOR_TYPE_PALETTE,
                    raster->pixels, raster->width,  &raster->palette};
  const sp_status status = write_png(stream, &of);
  fclose(stream);
  if (status != SP_SUCCESS) {
    free(block);
    return status;
  }
  *png = (uint8_t *)block;
  *bytes = n;
  return SP_SUCCESS;
}

sp_status sp_raster_create(uint32_t width, uint32_t height, sp_colour_map map, sp_raster **out) {
  sp_raster *r = NULL;
  SP_TRY(sp_calloc(1, sizeof *r, "a picture", &r));
  const sp_status status = sp_calloc((size_t)width * height, 1, "a picture", &r->pixels);
  if (status != SP_SUCCESS) {
    sp_free(r);
    return status;
  }
  r->width = width;
  r->height = height;
  sp_palette_make(map, &r->palette);
  *out = r;
  return SP_SUCCESS;
}

void sp_raster_free(sp_raster *raster) {
  if (!raster) return;
  sp_free(raster->pixels);
  sp_free(raster);
}
