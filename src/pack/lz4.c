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

size_t sp_lz4_write_head(size_t bytes, size_t block, unsigned char *out) {
  write_big(bytes, 8, out);
  write_big(block, 4, out + 8);
  return SP_LZ4_HEAD;
}

#ifdef SP_HAVE_LZ4

bool sp_lz4_is_built(void) {
  return true;
}

size_t sp_lz4_room(size_t bytes, size_t block) {
  const size_t n = block ? (bytes + block - 1) / block : 0;
  return SP_LZ4_HEAD + n * (SP_LZ4_BLOCK_HEAD + (size_t)LZ4_COMPRESSBOUND(block));
}

size_t sp_lz4_pack_block(int level, int acceleration, const unsigned char *from, size_t bytes, unsigned char *out) {
  const int n = (int)bytes, most = LZ4_compressBound(n);
  const char *rows = (const char *)from;
  char *packed = (char *)out + SP_LZ4_BLOCK_HEAD;
  const int size = level < 2 ? LZ4_compress_fast(rows, packed, n, most, acceleration)
                             : LZ4_compress_HC(rows, packed, n, most, level);
  if (size <= 0) return 0;
  write_big((uint64_t)size, 4, out);
  return SP_LZ4_BLOCK_HEAD + (size_t)size;
}

size_t sp_lz4_pack(int level, const unsigned char *from, size_t bytes, size_t block, unsigned char *out) {
  unsigned char *to = out + sp_lz4_write_head(bytes, block, out);
  SP_EACH_PIECE (p, 0, bytes, block) {
    size_t taken = sp_lz4_pack_block(level, 1, from + p.first, p.count, to);
    if (taken == 0) return 0;
    if (taken >= SP_LZ4_BLOCK_HEAD + p.count) {
      memcpy(to + SP_LZ4_BLOCK_HEAD, from + p.first, p.count);
      write_big(p.count, 4, to);
      taken = SP_LZ4_BLOCK_HEAD + p.count;
    }
    to += taken;
  }
  return (size_t)(to - out);
}

size_t sp_lz4_find_block(const unsigned char *from, size_t n, unsigned char *to, size_t bytes,
                         const unsigned char **bytes_at) {
  const size_t taken = sp_lz4_skip_block(from, n), packed = taken - SP_LZ4_BLOCK_HEAD;
  if (taken == 0 || packed > INT32_MAX) return 0;
  *bytes_at = packed == bytes ? from + SP_LZ4_BLOCK_HEAD : to;
  return packed == bytes ? taken : sp_lz4_expand_block(from, n, to, bytes);
}

size_t sp_lz4_expand_block(const unsigned char *from, size_t n, unsigned char *to, size_t bytes) {
  const size_t taken = sp_lz4_skip_block(from, n), packed = taken - SP_LZ4_BLOCK_HEAD;
  if (taken == 0 || packed > INT32_MAX || bytes > INT32_MAX) return 0;
  const int got = LZ4_decompress_safe((const char *)from + SP_LZ4_BLOCK_HEAD, (char *)to, (int)packed, (int)bytes);
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

size_t sp_lz4_pack_block(int level, int acceleration, const unsigned char *from, size_t bytes, unsigned char *out) {
  return 0;
}

size_t sp_lz4_find_block(const unsigned char *from, size_t n, unsigned char *to, size_t bytes,
                         const unsigned char **bytes_at) {
  return 0;
}

size_t sp_lz4_expand_block(const unsigned char *from, size_t n, unsigned char *to, size_t bytes) {
  return 0;
}

#endif

size_t sp_lz4_unpack_block(const unsigned char *from, size_t n, unsigned char *to, size_t bytes) {
  const unsigned char *at = to;
  const size_t taken = sp_lz4_find_block(from, n, to, bytes, &at);
  if (taken && at != to) memcpy(to, at, bytes);
  return taken;
}
