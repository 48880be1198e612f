/* SPDX-License-Identifier: BSD-3-Clause */
/* Samples of SEG-Y's formats to float and back.
 *
 * libsegyio's conversions are not used: they know five of the nine formats, big-endian only, and do not say whether a
 * sample survives the way to float and back. The tests compare with them where both can do it.
 */
#include <math.h>

#include "seisproc/segy.h"
#include "seisproc/share.h"
#include "src/segy/segy_bytes.h"

/* Samples are converted in pieces: the plain loop over a piece has no branch, and a piece that turns out to hold a
 * sample out of the ordinary is done again with care. */
enum { PIECE = 256 };

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Swapping bytes takes a vector instruction that x86-64 does not promise: a second copy is compiled that has it, and
 * the loader picks one. */
#if defined __x86_64__ && defined __GNUC__ && !defined __clang__
#define BEST_OF_ISA __attribute__((target_clones("avx2", "default")))
#else
#define BEST_OF_ISA
#endif

typedef struct format_ops {
  const char *name;
  size_t bytes; /* a sample; 0: not read */
  bool (*decode)(const uint8_t *raw, size_t n, float *out, sp_byte_order order);
  void (*encode)(const float *samples, size_t n, uint8_t *out, sp_byte_order order, sp_segy_losses *losses);
} format_ops;

ALWAYS_INLINE uint32_t float_bits(float v) {
  uint32_t bits;
  memcpy(&bits, &v, sizeof bits);
  return bits;
}

ALWAYS_INLINE float bits_float(uint32_t bits) {
  float v;
  memcpy(&v, &bits, sizeof v);
  return v;
}

/* --- IBM System/360 single precision: sign, 7-bit power of 16 biased by 64, 24-bit fraction ------------------- */

static float ibm_carefully(uint32_t word) {
  const double size = ldexp((double)(word & 0xffffff), 4 * (int)(word >> 24 & 0x7f) - 280);
  const float v = (float)size; /* beyond its range an infinity (C11, annex F) */
  return word >> 31 ? -v : v;
}

/* A normalised fraction has 21 to 24 bits, so it is a float's exactly: converting the fraction as an integer gives the
 * mantissa, and the power of 16 adds to the exponent. Masks of all ones or none keep the loop free of branches. */
ALWAYS_INLINE bool ibm_piece(const uint8_t *raw, size_t n, float *out, sp_byte_order order) {
  int32_t plain = -1;
  for (size_t i = 0; i < n; i++) {
    const uint32_t word = sp_get_u32(raw + 4 * i, order);
    const int32_t fraction = (int32_t)(word & 0xffffff), power = 4 * (int32_t)(word >> 24 & 0x7f) - 280;
    const uint32_t bits = float_bits((float)fraction);
    const int32_t exponent = (int32_t)(bits >> 23) + power;
    const int32_t zero = -(int32_t)((word & 0x7fffffff) == 0);
    plain &= zero | (-(int32_t)(fraction > 0xfffff) & -(int32_t)(exponent > 0) & -(int32_t)(exponent < 255));
    out[i] = bits_float((word & 0x80000000) | ((bits + ((uint32_t)power << 23)) & ~(uint32_t)zero));
  }
  return plain;
}

ALWAYS_INLINE bool ibm_decode(const uint8_t *raw, size_t n, float *out, sp_byte_order order) {
  bool exact = true;
  SP_EACH_PIECE (piece, 0, n, PIECE) {
    const uint64_t first = piece.first;
    const size_t m = (size_t)piece.count;
    if (ibm_piece(raw + 4 * first, m, out + first, order)) continue;
    exact = false;
    for (size_t i = first; i < first + m; i++) out[i] = ibm_carefully(sp_get_u32(raw + 4 * i, order));
  }
  return exact;
}

static uint32_t ibm_encode_carefully(float v, sp_segy_losses *losses) {
  const uint32_t bits = float_bits(v), sign = bits & 0x80000000;
  int exponent = (int)(bits >> 23 & 0xff);
  uint32_t mantissa = bits & 0x7fffff;
  if (exponent == 255) {
    losses->not_finite++;
    return mantissa ? 0 : sign | 0x7fffffff;
  }
  if (exponent == 0) {
    if (mantissa == 0) return sign;
    const int shift = __builtin_clz(mantissa) - 8;
    mantissa <<= shift;
    exponent = 1 - shift;
  }
  mantissa |= 0x800000;
  /* value = mantissa * 2^(exponent - 150) = fraction * 2^(4 * power - 280); the least power with a fraction below
   * 2^24 leaves 0 to 3 bits to round away */
  const int power = 32 + ((exponent + 5) >> 2), shift = 4 * power - exponent - 130;
  const uint32_t half = (1u << shift) >> 1, odd = mantissa >> shift & 1;
  return sign | (uint32_t)power << 24 | (mantissa + (half ? half - 1 + odd : 0)) >> shift;
}

/* The same for normal numbers and zeros, all four shifts side by side: vectors cannot shift by their own values
 * everywhere. */
ALWAYS_INLINE bool ibm_encode_piece(const float *samples, size_t n, uint8_t *out, sp_byte_order order) {
  int32_t plain = -1;
  for (size_t i = 0; i < n; i++) {
    const uint32_t bits = float_bits(samples[i]), mantissa = (bits & 0x7fffff) | 0x800000;
    const int32_t exponent = (int32_t)(bits >> 23 & 0xff), power = 32 + ((exponent + 5) >> 2);
    const int32_t shift = 4 * power - exponent - 130;
    const uint32_t by1 = (mantissa + (mantissa >> 1 & 1)) >> 1, by2 = (mantissa + 1 + (mantissa >> 2 & 1)) >> 2,
                   by3 = (mantissa + 3 + (mantissa >> 3 & 1)) >> 3;
    const uint32_t fraction = (mantissa & -(uint32_t)(shift == 0)) | (by1 & -(uint32_t)(shift == 1)) |
                              (by2 & -(uint32_t)(shift == 2)) | (by3 & -(uint32_t)(shift == 3));
    const int32_t zero = -(int32_t)((bits & 0x7fffffff) == 0);
    plain &= zero | (-(int32_t)(exponent > 0) & -(int32_t)(exponent < 255));
    const uint32_t size = ((uint32_t)power << 24 | fraction) & ~(uint32_t)zero;
    sp_put_u32(out + 4 * i, order, (bits & 0x80000000) | size);
  }
  return plain;
}

ALWAYS_INLINE void ibm_encode(const float *samples, size_t n, uint8_t *out, sp_byte_order order,
                              sp_segy_losses *losses) {
  SP_EACH_PIECE (piece, 0, n, PIECE) {
    const uint64_t first = piece.first;
    const size_t m = (size_t)piece.count;
    if (ibm_encode_piece(samples + first, m, out + 4 * first, order)) continue;
    for (size_t i = first; i < first + m; i++) {
      sp_put_u32(out + 4 * i, order, ibm_encode_carefully(samples[i], losses));
    }
  }
}

/* --- IEEE floats ---------------------------------------------------------------------------------------------- */

ALWAYS_INLINE bool f32_decode(const uint8_t *raw, size_t n, float *out, sp_byte_order order) {
  for (size_t i = 0; i < n; i++) {
    const uint32_t word = sp_get_u32(raw + 4 * i, order);
    memcpy(out + i, &word, sizeof word); /* as bits: a signalling NaN stays one */
  }
  return true;
}

ALWAYS_INLINE void f32_encode(const float *samples, size_t n, uint8_t *out, sp_byte_order order,
                              sp_segy_losses *losses) {
  for (size_t i = 0; i < n; i++) sp_put_u32(out + 4 * i, order, float_bits(samples[i]));
}

ALWAYS_INLINE bool f64_decode(const uint8_t *raw, size_t n, float *out, sp_byte_order order) {
  uint64_t differs = 0;
  for (size_t i = 0; i < n; i++) {
    const uint64_t bits = sp_get_u64(raw + 8 * i, order);
    double v;
    memcpy(&v, &bits, sizeof v);
    out[i] = (float)v;
    const double again = out[i];
    uint64_t again_bits;
    memcpy(&again_bits, &again, sizeof again_bits);
    differs |= bits ^ again_bits;
  }
  return !differs;
}

ALWAYS_INLINE void f64_encode(const float *samples, size_t n, uint8_t *out, sp_byte_order order,
                              sp_segy_losses *losses) {
  for (size_t i = 0; i < n; i++) {
    const double v = samples[i];
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    sp_put_u64(out + 8 * i, order, bits);
  }
}

/* --- integers ------------------------------------------------------------------------------------------------- */

/* The nearest integer from least to most. */
static int64_t to_integer(float v, int64_t least, int64_t most, sp_segy_losses *losses) {
  if (!isfinite(v)) {
    losses->not_finite++;
    return isnan(v) ? 0 : v < 0 ? least : most;
  }
  const double rounded = rint((double)v);
  if (rounded < (double)least || rounded > (double)most) {
    losses->clipped++;
    return v < 0 ? least : most;
  }
  losses->zeroed += rounded == 0 && v != 0;
  return (int64_t)rounded;
}

/* Adding and taking away 1.5 * 2^52 rounds a double below 2^51 to the nearest integer, halves to even, and its low
 * bits are that integer: no rounding instruction is needed. NaN fails the comparison. */
#define DEFINE_INTEGER(name, type, bits_type, get, put, least, most)                                                   \
  ALWAYS_INLINE bool name##_decode(const uint8_t *raw, size_t n, float *out, sp_byte_order order) {                    \
    int64_t exact = -1;                                                                                                \
    for (size_t i = 0; i < n; i++) {                                                                                   \
      const type v = (type)get(raw + sizeof v * i, order);                                                             \
      out[i] = (float)v;                                                                                               \
      if (sizeof v == 4) exact &= -(int64_t)((double)out[i] == (double)v);                                             \
    }                                                                                                                  \
    return exact;                                                                                                      \
  }                                                                                                                    \
  ALWAYS_INLINE void name##_encode(const float *samples, size_t n, uint8_t *out, sp_byte_order order,                  \
                                   sp_segy_losses *losses) {                                                           \
    SP_EACH_PIECE (piece, 0, n, PIECE) {                                                                               \
      const size_t m = piece.count;                                                                                    \
      const float *v = samples + piece.first;                                                                          \
      uint8_t *to = out + sizeof(type) * piece.first;                                                                  \
      int64_t plain = -1, zeroed = 0;                                                                                  \
      for (size_t i = 0; i < m; i++) {                                                                                 \
        const double shifted = (double)v[i] + 0x1.8p52;                                                                \
        uint64_t bits;                                                                                                 \
        memcpy(&bits, &shifted, sizeof bits);                                                                          \
        plain &= -(int64_t)(shifted >= 0x1.8p52 + (least)) & -(int64_t)(shifted <= 0x1.8p52 + (most));                 \
        put(to + sizeof(type) * i, order, (bits_type)bits);                                                            \
        zeroed += (bits_type)bits == 0 && v[i] != 0;                                                                   \
      }                                                                                                                \
      if (plain) {                                                                                                     \
        losses->zeroed += (uint64_t)zeroed;                                                                            \
        continue;                                                                                                      \
      }                                                                                                                \
      for (size_t i = 0; i < m; i++) {                                                                                 \
        put(to + sizeof(type) * i, order, (bits_type)to_integer(v[i], least, most, losses));                           \
      }                                                                                                                \
    }                                                                                                                  \
  }

ALWAYS_INLINE uint8_t get_u8(const void *at, sp_byte_order order) {
  return *(const uint8_t *)at;
}

ALWAYS_INLINE void put_u8(void *at, sp_byte_order order, uint8_t v) {
  *(uint8_t *)at = v;
}

DEFINE_INTEGER(i8, int8_t, uint8_t, get_u8, put_u8, INT8_MIN, INT8_MAX)
DEFINE_INTEGER(u8, uint8_t, uint8_t, get_u8, put_u8, 0, UINT8_MAX)
DEFINE_INTEGER(i16, int16_t, uint16_t, sp_get_u16, sp_put_u16, INT16_MIN, INT16_MAX)
DEFINE_INTEGER(u16, uint16_t, uint16_t, sp_get_u16, sp_put_u16, 0, UINT16_MAX)
DEFINE_INTEGER(i32, int32_t, uint32_t, sp_get_u32, sp_put_u32, INT32_MIN, INT32_MAX)
DEFINE_INTEGER(u32, uint32_t, uint32_t, sp_get_u32, sp_put_u32, 0, UINT32_MAX)

/* --- the table ------------------------------------------------------------------------------------------------ */

/* One copy of the loops for each byte order, so that the order is a constant in them. */
#define DEFINE_ORDERS(name)                                                                                            \
  BEST_OF_ISA static bool name##_decode_any(const uint8_t *raw, size_t n, float *out, sp_byte_order order) {           \
    return order == SP_ORDER_BIG ? name##_decode(raw, n, out, SP_ORDER_BIG)                                            \
                                 : name##_decode(raw, n, out, SP_ORDER_LITTLE);                                        \
  }                                                                                                                    \
  BEST_OF_ISA static void name##_encode_any(const float *samples, size_t n, uint8_t *out, sp_byte_order order,         \
                                            sp_segy_losses *losses) {                                                  \
    if (order == SP_ORDER_BIG) {                                                                                       \
      name##_encode(samples, n, out, SP_ORDER_BIG, losses);                                                            \
    } else {                                                                                                           \
      name##_encode(samples, n, out, SP_ORDER_LITTLE, losses);                                                         \
    }                                                                                                                  \
  }

DEFINE_ORDERS(ibm)
DEFINE_ORDERS(f32)
DEFINE_ORDERS(f64)
DEFINE_ORDERS(i8)
DEFINE_ORDERS(u8)
DEFINE_ORDERS(i16)
DEFINE_ORDERS(u16)
DEFINE_ORDERS(i32)
DEFINE_ORDERS(u32)

static const format_ops formats[] = {
    [1] = {"4-byte IBM float", 4, ibm_decode_any, ibm_encode_any},
    [2] = {"4-byte integer", 4, i32_decode_any, i32_encode_any},
    [3] = {"2-byte integer", 2, i16_decode_any, i16_encode_any},
    [4] = {"4-byte fixed point with gain", 0, NULL, NULL},
    [5] = {"4-byte IEEE float", 4, f32_decode_any, f32_encode_any},
    [6] = {"8-byte IEEE float", 8, f64_decode_any, f64_encode_any},
    [7] = {"3-byte integer", 0, NULL, NULL},
    [8] = {"1-byte integer", 1, i8_decode_any, i8_encode_any},
    [9] = {"8-byte integer", 0, NULL, NULL},
    [10] = {"4-byte unsigned integer", 4, u32_decode_any, u32_encode_any},
    [11] = {"2-byte unsigned integer", 2, u16_decode_any, u16_encode_any},
    [12] = {"8-byte unsigned integer", 0, NULL, NULL},
    [15] = {"3-byte unsigned integer", 0, NULL, NULL},
    [16] = {"1-byte unsigned integer", 1, u8_decode_any, u8_encode_any},
};

static const format_ops *find(int code) {
  const int n = sizeof formats / sizeof formats[0];
  return code > 0 && code < n && formats[code].name ? &formats[code] : NULL;
}

const char *sp_segy_format_name(int code) {
  const format_ops *format = find(code);
  return format ? format->name : NULL;
}

size_t sp_segy_format_bytes(int code) {
  const format_ops *format = find(code);
  return format ? format->bytes : 0;
}

bool sp_segy_decode(int format, sp_byte_order order, const void *raw, size_t n, float *out) {
  return formats[format].decode(raw, n, out, order);
}

void sp_segy_encode(int format, sp_byte_order order, const float *samples, size_t n, void *out,
                    sp_segy_losses *losses) {
  formats[format].encode(samples, n, out, order, losses);
}
