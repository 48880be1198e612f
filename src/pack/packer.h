/* SPDX-License-Identifier: BSD-3-Clause */
/* Chunks of rows, packed and unpacked: the bytes are those that HDF5's filters make of a chunk, without HDF5. Knows no
 * files, no ranks, no surveys.
 *
 * A chunk is `rows` whole rows of row_length elements. On packing it goes through the filters of its form in their
 * order; a filter may be left out for a chunk, whose bit in `skipped` (HDF5's filter mask) is then set:
 *
 *   shuffle (2)     byte k of all elements together, k = 0, 1, ...
 *   bits (32008)    bit shuffle with LZ4: uint64 bytes, uint32 bytes a block, then a block after the other: uint32
 *                   bytes, LZ4; all big-endian. What is left of a multiple of 8 elements is as it is
 *   lz4 (32004)     uint64 bytes, uint32 bytes a block, then a block after the other: uint32 bytes, LZ4; all big-endian
 *   zstd (32015)    one Zstandard frame
 *   zfp (32013)     a zfp stream without a header, which is the filter's value[1] and on
 *
 * What is unpacked may come from anywhere: sizes and parameters are checked, and damage is an error, not a crash.
 */
#ifndef SEISPROC_SRC_PACK_PACKER_H
#define SEISPROC_SRC_PACK_PACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "seisproc/status.h"

typedef enum sp_codec { SP_CODEC_NONE, SP_CODEC_LZ4, SP_CODEC_ZSTD, SP_CODEC_ZFP, SP_N_CODECS } sp_codec;

/* "none", "lz4", "zstd", "zfp". */
const char *sp_codec_name(sp_codec codec);

/* False for another name. */
bool sp_codec_parse(const char *name, sp_codec *out);

/* The library that it needs where this program was built without it, such as "liblz4"; NULL where it can be used. */
const char *sp_codec_lacks(sp_codec codec);

/* Levels that it takes: lz4 1 (fast) to 12, zstd 1 to 19; 0 and 0 where it has none. */
void sp_codec_levels(sp_codec codec, int *least, int *most, int *usual);

enum {
  SP_FILTER_SHUFFLE = 2,
  SP_FILTER_LZ4 = 32004,
  SP_FILTER_BIT_LZ4 = 32008,
  SP_FILTER_ZFP = 32013,
  SP_FILTER_ZSTD = 32015
};
enum { SP_CHUNK_FILTERS = 3, SP_FILTER_VALUES = 8, SP_CHUNK_MOST_BYTES = 256 << 20, SP_CHUNK_MOST_ELEMENT = 16 };

/* A filter by HDF5's registered number, with its parameters as the file has them. */
typedef struct sp_chunk_filter {
  int id;
  unsigned n_values, value[SP_FILTER_VALUES];
} sp_chunk_filter;

typedef struct sp_chunk_form {
  uint64_t rows, row_length;
  uint32_t element; /* bytes */
  int level;        /* for packing */
  int n_filters;    /* at most one each of zfp, shuffle, and bits, lz4 or zstd, in this order */
  sp_chunk_filter filter[SP_CHUNK_FILTERS];
} sp_chunk_form;

/* How chunks are to be packed. */
typedef struct sp_pack_how {
  sp_codec codec;
  int level;
  double tolerance; /* zfp: largest error of a sample, > 0 */
  int zfp_dims;     /* zfp: 2: blocks of 4 x 4 samples and traces; 1: of 4 samples */
  bool samples;     /* float32: lz4 shuffles bits, not bytes */
} sp_pack_how;

/* The form of chunks of about `rows` rows, not more: fewer where the codec packs rows in groups. Elements are packed by
 * zfp only where they are float32; it gets a lossless codec beside it, for chunks that it cannot hold. SP_CODEC_NONE
 * gives a form without filters. Errors: SP_ERR_USAGE where the library is missing. */
sp_status sp_chunk_form_make(const sp_pack_how *how, uint64_t rows, uint64_t row_length, uint32_t element,
                             sp_chunk_form *out);

/* Whether chunks of a form, read from a file, can be unpacked here; else why not, as in "...: REASON". */
bool sp_chunk_form_check(const sp_chunk_form *form, char *why, size_t size);

size_t sp_chunk_bytes(const sp_chunk_form *form);

/* Room for a packed chunk, which must be there both for packing and, behind the bytes that are read from a file,
 * for unpacking: a damaged zfp stream is read that far. */
size_t sp_chunk_room(const sp_chunk_form *form);

/* Scratch of one thread for chunks of a form, which is copied. The caller owns *out. Errors: SP_ERR_MEMORY. */
typedef struct sp_packer sp_packer;
sp_status sp_packer_create(const sp_chunk_form *form, sp_packer **out);
void sp_packer_destroy(sp_packer *packer); /* takes NULL */

/* Packs a chunk into out[sp_chunk_room]. lossless: without zfp. A chunk that does not become smaller is copied with all
 * filters skipped. Errors: SP_ERR_INTERNAL, one line, when a library refuses. */
sp_status sp_packer_pack(sp_packer *packer, const void *rows, bool lossless, void *out, size_t *bytes,
                         uint32_t *skipped);

/* A packed chunk that is being unpacked, in units that threads share out: rows u * unit_rows ... are unit u. */
typedef struct sp_packed_chunk {
  const sp_chunk_form *form;  /* borrowed */
  const unsigned char *bytes; /* borrowed */
  size_t n_bytes;
  uint32_t skipped;
  uint64_t unit_rows;
  uint32_t n_units;
  size_t *block; /* lz4 in several units: where blocks begin; owned, kept for the next chunk */
  size_t n_block_room;
} sp_packed_chunk;

/* Looks at a packed chunk. `chunk` is all zero before the first, and given back with sp_packed_chunk_free. False: it is
 * damaged, or memory is short. */
bool sp_packed_chunk_look(sp_packed_chunk *chunk, const sp_chunk_form *form, const void *bytes, size_t n,
                          uint32_t skipped);
void sp_packed_chunk_free(sp_packed_chunk *chunk);

/* Unpacks unit u to the rows at `out`. Any number of threads, each with a packer of its own. False: it is damaged; then
 * what is in `out` is undefined. */
bool sp_packer_unpack(sp_packer *packer, const sp_packed_chunk *chunk, uint32_t unit, void *out);

/* All units, to the rows of the whole chunk at `out`. */
bool sp_packer_unpack_all(sp_packer *packer, const sp_packed_chunk *chunk, void *out);

#endif
