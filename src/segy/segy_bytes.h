/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers in files of either byte order. Private to src/segy. */
#ifndef SEISPROC_SRC_SEGY_SEGY_BYTES_H
#define SEISPROC_SRC_SEGY_SEGY_BYTES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "seisproc/segy.h"

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define SP_ORDER_HOST SP_ORDER_LITTLE
#else
#define SP_ORDER_HOST SP_ORDER_BIG
#endif

static inline uint16_t sp_get_u16(const void *at, sp_byte_order order) {
  uint16_t v;
  memcpy(&v, at, sizeof v);
  return order == SP_ORDER_HOST ? v : __builtin_bswap16(v);
}

static inline uint32_t sp_get_u32(const void *at, sp_byte_order order) {
  uint32_t v;
  memcpy(&v, at, sizeof v);
  return order == SP_ORDER_HOST ? v : __builtin_bswap32(v);
}

static inline uint64_t sp_get_u64(const void *at, sp_byte_order order) {
  uint64_t v;
  memcpy(&v, at, sizeof v);
  return order == SP_ORDER_HOST ? v : __builtin_bswap64(v);
}

static inline int16_t sp_get_i16(const void *at, sp_byte_order order) {
  return (int16_t)sp_get_u16(at, order);
}

static inline int32_t sp_get_i32(const void *at, sp_byte_order order) {
  return (int32_t)sp_get_u32(at, order);
}

static inline float sp_get_f32(const void *at, sp_byte_order order) {
  const uint32_t bits = sp_get_u32(at, order);
  float v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

static inline double sp_get_f64(const void *at, sp_byte_order order) {
  const uint64_t bits = sp_get_u64(at, order);
  double v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

static inline void sp_put_u16(void *at, sp_byte_order order, uint16_t v) {
  if (order != SP_ORDER_HOST) v = __builtin_bswap16(v);
  memcpy(at, &v, sizeof v);
}

static inline void sp_put_u32(void *at, sp_byte_order order, uint32_t v) {
  if (order != SP_ORDER_HOST) v = __builtin_bswap32(v);
  memcpy(at, &v, sizeof v);
}

static inline void sp_put_u64(void *at, sp_byte_order order, uint64_t v) {
  if (order != SP_ORDER_HOST) v = __builtin_bswap64(v);
  memcpy(at, &v, sizeof v);
}

#endif
