/* SPDX-License-Identifier: BSD-3-Clause */
/* CRC-32C by tables, slicing by eight (Kounavis and Berry 2005): the way that every processor has, and the powers of x
 * that joining two CRCs needs. */
#include "src/base/crc32c_variants.h"

/* A row of the table is linear over GF(2) in the bits of its index, so the eight entries at powers of two make all. */
#define BIT(n, b, value) ((((n) >> (b)) & 1u) * (value))
#define ENTRY(n, a, b, c, d, e, f, g, h)                                                                               \
  (BIT(n, 0, a) ^ BIT(n, 1, b) ^ BIT(n, 2, c) ^ BIT(n, 3, d) ^ BIT(n, 4, e) ^ BIT(n, 5, f) ^ BIT(n, 6, g) ^            \
   BIT(n, 7, h))
#define ENTRIES_4(n, ...)                                                                                              \
  ENTRY(n, __VA_ARGS__), ENTRY((n) + 1, __VA_ARGS__), ENTRY((n) + 2, __VA_ARGS__), ENTRY((n) + 3, __VA_ARGS__)
#define ENTRIES_16(n, ...)                                                                                             \
  ENTRIES_4(n, __VA_ARGS__), ENTRIES_4((n) + 4, __VA_ARGS__), ENTRIES_4((n) + 8, __VA_ARGS__),                         \
      ENTRIES_4((n) + 12, __VA_ARGS__)
#define ENTRIES_64(n, ...)                                                                                             \
  ENTRIES_16(n, __VA_ARGS__), ENTRIES_16((n) + 16, __VA_ARGS__), ENTRIES_16((n) + 32, __VA_ARGS__),                    \
      ENTRIES_16((n) + 48, __VA_ARGS__)
#define ROW(...)                                                                                                       \
  {                                                                                                                    \
    ENTRIES_64(0u, __VA_ARGS__), ENTRIES_64(64u, __VA_ARGS__), ENTRIES_64(128u, __VA_ARGS__),                          \
        ENTRIES_64(192u, __VA_ARGS__)                                                                                  \
  }

/* table[k][n]: what byte n leaves in the state after k more bytes of zeros. */
static const uint32_t table[8][256] = {
    ROW(0xf26b8303, 0xe13b70f7, 0xc79a971f, 0x8ad958cf, 0x105ec76f, 0x20bd8ede, 0x417b1dbc, 0x82f63b78),
    ROW(0x13a29877, 0x274530ee, 0x4e8a61dc, 0x9d14c3b8, 0x3fc5f181, 0x7f8be302, 0xff17c604, 0xfbc3faf9),
    ROW(0xa541927e, 0x4f6f520d, 0x9edea41a, 0x38513ec5, 0x70a27d8a, 0xe144fb14, 0xc76580d9, 0x8b277743),
    ROW(0xdd45aab8, 0xbf672381, 0x7b2231f3, 0xf64463e6, 0xe964b13d, 0xd725148b, 0xaba65fe7, 0x52a0c93f),
    ROW(0x38116fac, 0x7022df58, 0xe045beb0, 0xc5670b91, 0x8f2261d3, 0x1ba8b557, 0x37516aae, 0x6ea2d55c),
    ROW(0xef306b19, 0xdb8ca0c3, 0xb2f53777, 0x6006181f, 0xc00c303e, 0x85f4168d, 0x0e045beb, 0x1c08b7d6),
    ROW(0x68032cc8, 0xd0065990, 0xa5e0c5d1, 0x4e2dfd53, 0x9c5bfaa6, 0x3d5b83bd, 0x7ab7077a, 0xf56e0ef4),
    ROW(0x493c7d27, 0x9278fa4e, 0x211d826d, 0x423b04da, 0x847609b4, 0x0d006599, 0x1a00cb32, 0x34019664)};

const uint32_t sp_crc32c_power[SP_CRC32C_POWERS] = {
    0xdd36fbfc, 0xbef0965e, 0x80000000, 0x82f63b78, 0xa66805eb, 0x5d27e147, 0x4f256efc, 0x069db049,
    0x5cf015c3, 0x6ebf1d86, 0x0b803b7d, 0xd07b8be2, 0xc38a7543, 0x2a543193, 0x0ee201e6, 0xaf85baad,
    0x62809d1b, 0xd4e35816, 0xcf5531ac, 0xb6b0b548, 0x7b578a73, 0x5b7ff1c3, 0xd97d9a55, 0x23c58698,
    0xa8900a0a, 0x3d908177, 0xc7baed8f, 0xd15d7d3f, 0x6b086b3f, 0xb7720ee7, 0xee51a57d};

static uint32_t little_endian_32(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t update(uint32_t state, const uint8_t *data, size_t n) {
  for (; n >= 8; n -= 8, data += 8) {
    const uint32_t low = state ^ little_endian_32(data), high = little_endian_32(data + 4);
    state = table[7][low & 255] ^ table[6][low >> 8 & 255] ^ table[5][low >> 16 & 255] ^ table[4][low >> 24] ^
            table[3][high & 255] ^ table[2][high >> 8 & 255] ^ table[1][high >> 16 & 255] ^ table[0][high >> 24];
  }
  for (; n > 0; n--) state = state >> 8 ^ table[0][(state ^ *data++) & 255];
  return state;
}

static uint32_t multiply(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (int bit = 31; bit >= 0; bit--) {
    product ^= (0u - (a >> bit & 1)) & b;
    b = b >> 1 ^ ((0u - (b & 1)) & 0x82f63b78u);
  }
  return update(product, (const uint8_t[4]){0}, 4);
}

static bool always(void) {
  return true;
}

const sp_crc32c_variant sp_crc32c_table = {"table", always, update, multiply};
