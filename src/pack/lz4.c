/* SPDX-License-Identifier: BSD-3-Clause */
/* LZ4 as HDF5's filter 32004 has it: blocks behind their sizes; a block that would not become smaller is copied, which
 * its size says. */
#include <string.h>

#include "seisproc/share.h"
#include "src/pack/codecs.h"

#ifdef SP_HAVE_LZ4
#include <lz4.h>
#include <lz4hc.h>
#endif

static uint64_t read_big(const unsigned char *from, int n) {
  uint64_t value = 0;
  for (int i = 0; i < n; i++) value = value << 8 | from[i];
  return value;
}

static void write_big(uint64_t value, int n, unsigned char *to) {
  for (int i = 0; i < n; i++) to[i] = (unsigned char)(value >> 8 * (n - 1 - i));
}

size_t sp_lz4_block_bytes(const unsigned char *from, size_t n, size_t bytes) {
  if (n < SP_LZ4_HEAD || read_big(from, 8) != bytes) return 0;
  const uint64_t block = read_big(from + 8, 4);
  return block <= INT32_MAX ? (size_t)block : 0;
}

size_t sp_lz4_skip_block(const unsigned char *from, size_t n) {
  if (n < SP_LZ4_BLOCK_HEAD) return 0;
  const uint64_t packed = read_big(from, 4);
  return packed > 0 && packed <= n - SP_LZ4_BLOCK_HEAD ? SP_LZ4_BLOCK_HEAD + (size_t)packed : 0;
}

#ifdef SP_HAVE_LZ4

bool sp_lz4_is_built(void) {
  return true;
}

size_t sp_lz4_room(size_t bytes, size_t block) {
  const size_t n = block ? (bytes + block - 1) / block : 0;
  return SP_LZ4_HEAD + n * (SP_LZ4_BLOCK_HEAD + (size_t)LZ4_COMPRESSBOUND(block));
}

size_t sp_lz4_pack(int level, const unsigned char *from, size_t bytes, size_t block, unsigned char *out) {
  unsigned char *to = out;
  write_big(bytes, 8, to);
  write_big(block, 4, to + 8);
  to += SP_LZ4_HEAD;
  SP_EACH_PIECE (p, 0, bytes, block) {
    const int n = (int)p.count, most = LZ4_compressBound(n);
    const char *piece = (const char *)from + p.first;
    char *packed = (char *)to + SP_LZ4_BLOCK_HEAD;
    int size =
        level < 2 ? LZ4_compress_default(piece, packed, n, most) : LZ4_compress_HC(piece, packed, n, most, level);
    if (size <= 0) return 0;
    if (size >= n) memcpy(packed, piece, (size_t)(size = n));
    write_big((uint64_t)size, 4, to);
    to += SP_LZ4_BLOCK_HEAD + size;
  }
  return (size_t)(to - out);
}

size_t sp_lz4_find_block(const unsigned char *from, size_t n, unsigned char *to, size_t bytes,
                         const unsigned char **bytes_at) {
  const size_t taken = sp_lz4_skip_block(from, n), packed = taken - SP_LZ4_BLOCK_HEAD;
  if (taken == 0 || packed > INT32_MAX) return 0;
  const unsigned char *data = from + SP_LZ4_BLOCK_HEAD;
  *bytes_at = packed == bytes ? data : to;
  if (packed == bytes) return taken;
  const int got = LZ4_decompress_safe((const char *)data, (char *)to, (int)packed, (int)bytes);
  return got >= 0 && (size_t)got == bytes ? taken : 0;
}

#else

bool sp_lz4_is_built(void) {
  return false;
}

size_t sp_lz4_room(size_t bytes, size_t block) {
  return bytes;
}

size_t sp_lz4_pack(int level, const unsigned char *from, size_t bytes, size_t block, unsigned char *out) {
  return 0;
}

size_t sp_lz4_find_block(const unsigned char *from, size_t n, unsigned char *to, size_t bytes,
                         const unsigned char **bytes_at) {
  return 0;
}

#endif

size_t sp_lz4_unpack_block(const unsigned char *from, size_t n, unsigned char *to, size_t bytes) {
  const unsigned char *at = to;
  const size_t taken = sp_lz4_find_block(from, n, to, bytes, &at);
  if (taken && at != to) memcpy(to, at, bytes);
  return taken;
}
