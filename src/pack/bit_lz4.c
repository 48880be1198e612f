/* SPDX-License-Identifier: BSD-3-Clause */
/* Bit shuffle with LZ4 as HDF5's filter 32008 has it: after the same head as filter 32004's, blocks of elements, each
 * shuffled (bits.h) and packed behind its size; the last one is shorter, and up to seven elements behind it are as they
 * are. Noisy bits are copied at the speed of memory, and those that all samples share, of sign and exponent, become
 * runs: LZ4 hardly has to look for anything. */
#include "src/pack/bits.h"
#include "src/pack/codecs.h"

#include <string.h>

/* Planes of noise begin anew with each trace, and LZ4 looks closely at the first bytes of each: with this acceleration
 * muted gathers are packed in two thirds of the time, for one part in 200 of the ratio. */
enum { EIGHT = 8, ACCELERATION = 8 };

/* Of the next block where so many are left; 0: those are as they are. */
static size_t elements_of(size_t left, size_t block) {
  return left >= block ? block : left - left % EIGHT;
}

size_t sp_bit_lz4_room(size_t elements, size_t element, size_t block) {
  return sp_lz4_room(elements * element, block * element) + EIGHT * element;
}

size_t sp_bit_lz4_pack(int level, const unsigned char *from, size_t elements, size_t element, size_t block,
                       unsigned char *scratch, unsigned char *out) {
  size_t done = 0, n;
  unsigned char *to = out + sp_lz4_write_head(elements * element, block * element, out);
  for (; (n = elements_of(elements - done, block)) > 0; done += n) {
    sp_bit_shuffle(element, n, from + done * element, scratch);
    const size_t taken = sp_lz4_pack_block(level, ACCELERATION, scratch, n * element, to);
    if (taken == 0) return 0;
    to += taken;
  }
  memcpy(to, from + done * element, (elements - done) * element);
  return (size_t)(to - out) + (elements - done) * element;
}

size_t sp_bit_lz4_unpack_block(const unsigned char *from, size_t n, size_t elements, size_t element,
                               unsigned char *scratch, unsigned char *to) {
  const size_t taken = sp_lz4_expand_block(from, n, scratch, elements * element);
  if (taken) sp_bit_unshuffle(element, elements, scratch, to);
  return taken;
}

bool sp_bit_lz4_unpack(const unsigned char *from, size_t n, size_t elements, size_t element, unsigned char *scratch,
                       unsigned char *to) {
  const size_t block = sp_lz4_block_bytes(from, n, elements * element) / element;
  size_t at = SP_LZ4_HEAD, done = 0, count;
  if (block == 0 || block % EIGHT) return false;
  for (; (count = elements_of(elements - done, block)) > 0; done += count) {
    const size_t taken = sp_bit_lz4_unpack_block(from + at, n - at, count, element, scratch, to + done * element);
    if (taken == 0) return false;
    at += taken;
  }
  if (n - at != (elements - done) * element) return false;
  memcpy(to + done * element, from + at, n - at);
  return true;
}
