/* SPDX-License-Identifier: BSD-3-Clause */
/* zfp as H5Z-ZFP (HDF5's filter 32013) has it: a zfp header, of mode and shape, stands in the filter's parameters
 * behind a word of versions, the chunk is the stream alone. */
#include <string.h>

#include "src/pack/codecs.h"

#ifdef SP_HAVE_ZFP
#include <zfp.h>

/* H5Z-ZFP's own version, whose rules these are. */
enum { FILTER_VERSION = 0x111, HEADER_WORDS = SP_FILTER_VALUES - 1 };

typedef struct codec {
  bitstream *bits;
  zfp_stream *stream;
  zfp_field *field;
} codec;

static void close_codec(codec *c) {
  if (c->field) zfp_field_free(c->field);
  if (c->stream) zfp_stream_close(c->stream);
  if (c->bits) stream_close(c->bits);
}

static bool open_codec(codec *c, void *buffer, size_t n) {
  c->bits = stream_open(buffer, n);
  c->stream = c->bits ? zfp_stream_open(c->bits) : NULL;
  c->field = c->stream ? zfp_field_alloc() : NULL;
  if (c->field) return true;
  close_codec(c);
  return false;
}

/* Takes mode and shape from the filter's parameters; the stream then goes on at `buffer`. */
static bool open_described(codec *c, const sp_chunk_filter *filter, void *buffer, size_t n) {
  uint64_t header[HEADER_WORDS / 2 + 2] = {0}; /* whole words of the stream, and one more to read into */
  if (filter->n_values < 2 || filter->n_values > SP_FILTER_VALUES) return false;
  memcpy(header, filter->value + 1, (filter->n_values - 1) * sizeof(unsigned));
  if (!open_codec(c, header, sizeof header)) return false;
  const bool good = zfp_read_header(c->stream, c->field, ZFP_HEADER_FULL) != 0;
  bitstream *bits = good ? stream_open(buffer, n) : NULL;
  if (!bits) {
    close_codec(c);
    return false;
  }
  stream_close(c->bits);
  c->bits = bits;
  zfp_stream_set_bit_stream(c->stream, bits);
  zfp_stream_rewind(c->stream);
  return true;
}

bool sp_zfp_is_built(void) {
  return true;
}

void sp_zfp_describe(const sp_pack_how *how, uint64_t rows, uint64_t row_length, sp_chunk_filter *filter) {
  uint64_t header[HEADER_WORDS / 2 + 2] = {0};
  codec c = {0};
  filter->n_values = 0;
  if (!open_codec(&c, header, sizeof header)) return;
  zfp_stream_set_accuracy(c.stream, how->tolerance);
  zfp_field_set_type(c.field, zfp_type_float);
  if (how->zfp_dims == 1) {
    zfp_field_set_size_1d(c.field, rows * row_length);
  } else {
    zfp_field_set_size_2d(c.field, row_length, rows);
  }
  const size_t n_bits = zfp_write_header(c.stream, c.field, ZFP_HEADER_FULL);
  zfp_stream_flush(c.stream);
  close_codec(&c);
  filter->n_values = 1 + (unsigned)((n_bits + 31) / 32);
  filter->value[0] = (unsigned)ZFP_VERSION << 16 | ZFP_CODEC << 12 | FILTER_VERSION;
  memcpy(filter->value + 1, header, (filter->n_values - 1) * sizeof(unsigned));
}

bool sp_zfp_check(const sp_chunk_filter *filter, uint64_t elements, size_t *room) {
  uint64_t nothing[2] = {0};
  codec c = {0};
  if (!open_described(&c, filter, nothing, sizeof nothing)) return false;
  const zfp_field *f = c.field;
  uint64_t n = 1;
  const uint64_t size[] = {f->nx ? f->nx : 1, f->ny ? f->ny : 1, f->nz ? f->nz : 1, f->nw ? f->nw : 1};
  bool good = f->type == zfp_type_float && f->nx;
  for (int i = 0; i < 4; i++) good = good && !__builtin_mul_overflow(n, size[i], &n);
  good = good && n == elements && c.stream->maxprec > 0;
  *room = good ? zfp_stream_maximum_size(c.stream, f) + 64 : 0;
  close_codec(&c);
  return *room != 0;
}

size_t sp_zfp_pack(const sp_chunk_filter *filter, const void *from, void *out, size_t room) {
  codec c = {0};
  if (!open_described(&c, filter, out, room)) return 0;
  zfp_field_set_pointer(c.field, (void *)(uintptr_t)from);
  const size_t n = zfp_compress(c.stream, c.field);
  close_codec(&c);
  return n;
}

bool sp_zfp_unpack(const sp_chunk_filter *filter, const void *from, size_t n, size_t room, void *to) {
  codec c = {0};
  if (!open_described(&c, filter, (void *)(uintptr_t)from, room)) return false;
  zfp_field_set_pointer(c.field, to);
  const size_t taken = zfp_decompress(c.stream, c.field);
  close_codec(&c);
  return taken > 0 && taken <= n + 8; /* the stream reads whole words */
}

#else

bool sp_zfp_is_built(void) {
  return false;
}

void sp_zfp_describe(const sp_pack_how *how, uint64_t rows, uint64_t row_length, sp_chunk_filter *filter) {}

bool sp_zfp_check(const sp_chunk_filter *filter, uint64_t elements, size_t *room) {
  return false;
}

size_t sp_zfp_pack(const sp_chunk_filter *filter, const void *from, void *out, size_t room) {
  return 0;
}

bool sp_zfp_unpack(const sp_chunk_filter *filter, const void *from, size_t n, size_t room, void *to) {
  return false;
}

#endif
