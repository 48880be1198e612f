/* SPDX-License-Identifier: BSD-3-Clause */
/* The numbers in which formulas are written once for CPU and GPU: a vector of SP_LANES floats on the CPU (simd.h), the
 * float of one thread in CUDA. A header of formulas includes this one and is compiled by both.
 *
 * num_sub, num_mul and num_div round once each; a product and a sum are never contracted. num_fused may be rounded once
 * or twice, num_quotient may miss the nearest float by two units in the last place: whichever is cheaper.
 * A num_key is an integer of the order of a float, negative ones included (vi_ordered); a num_rank is what numbers
 * that are not negative are ordered by: their bits on the CPU, the numbers themselves in CUDA.
 */
#ifndef SEISPROC_KERNELS_COMMON_NUMBER_H
#define SEISPROC_KERNELS_COMMON_NUMBER_H

#ifdef __CUDACC__

#include <stdint.h>

#define SP_FORMULA   __device__ static __forceinline__
#define SP_UNROLL    _Pragma("unroll")
#define SP_HOST_BOTH __host__ __device__ static inline

typedef float num, num_rank;
typedef int num_key;
typedef bool num_mask, num_flag;

SP_FORMULA num num_set(float x) {
  return x;
}
SP_FORMULA num num_abs(num a) {
  return fabsf(a);
}
SP_FORMULA num num_min(num a, num b) {
  return fminf(a, b);
}
SP_FORMULA num num_max(num a, num b) {
  return fmaxf(a, b);
}
SP_FORMULA num num_sub(num a, num b) {
  return __fsub_rn(a, b);
}
SP_FORMULA num num_mul(num a, num b) {
  return __fmul_rn(a, b);
}
SP_FORMULA num num_div(num a, num b) {
  return __fdiv_rn(a, b);
}
SP_FORMULA num num_quotient(num a, num b) {
  return __fdividef(a, b);
}
SP_FORMULA num num_fused(num a, num b, num c) {
  return fmaf(a, b, c);
}
SP_FORMULA num_mask num_less(num a, num b) {
  return a < b;
}
SP_FORMULA num num_select(num_mask m, num a, num b) {
  return m ? a : b;
}
SP_FORMULA num_flag num_flag_less(num a, num b) {
  return a < b;
}
SP_FORMULA num num_where(num_flag f, num a, num b) {
  return f ? a : b;
}
SP_FORMULA num size_min(num a, num b) {
  return fminf(a, b);
}
SP_FORMULA num size_max(num a, num b) {
  return fmaxf(a, b);
}
SP_FORMULA num size_pick(num a, num b, num yes, num no) {
  return a < b ? yes : no;
}
SP_FORMULA num size_of_rank(num_rank r) {
  return r;
}
SP_FORMULA unsigned num_between(num a, num low, num high) {
  return low <= a && a < high;
}
SP_FORMULA num_key key_of(num a) {
  const int bits = __float_as_int(a);
  return bits ^ ((bits >> 31) & 0x7fffffff);
}
SP_FORMULA num num_of_key(num_key a) {
  return __int_as_float(a ^ ((a >> 31) & 0x7fffffff));
}
SP_FORMULA num_key key_of_size(num a) {
  return __float_as_int(a);
}
SP_FORMULA num size_of_key(num_key a) {
  return __int_as_float(a);
}
SP_FORMULA num_key key_set(int32_t x) {
  return x;
}
SP_FORMULA num_key key_min(num_key a, num_key b) {
  return min(a, b);
}
SP_FORMULA num_key key_max(num_key a, num_key b) {
  return max(a, b);
}
SP_FORMULA num_mask key_less(num_key a, num_key b) {
  return a < b;
}
SP_FORMULA num_key key_select(num_mask m, num_key a, num_key b) {
  return m ? a : b;
}

#else

#include "kernels/common/simd.h"

#define SP_FORMULA   SP_INLINE
#define SP_HOST_BOTH static inline

typedef vf num;
typedef vi num_key, num_rank, num_flag;
typedef vm num_mask;

#define num_set      vf_set
#define num_abs      vf_abs
#define num_min      vf_min
#define num_max      vf_max
#define num_less     vf_less
#define num_select   vf_select
#define num_between  lanes_between
#define key_of       vi_ordered
#define num_of_key   vf_from_ordered
#define key_of_size  (vi)
#define size_of_key  (vf)
#define size_of_rank (vf)
#define key_set      vi_set
#define key_min      vi_min
#define key_max      vi_max
#define key_less     vi_less
#define key_select   vi_select

SP_FORMULA num num_sub(num a, num b) {
  return a - b;
}
SP_FORMULA num num_mul(num a, num b) {
  return a * b;
}
SP_FORMULA num num_div(num a, num b) {
  return a / b;
}
SP_FORMULA num num_quotient(num a, num b) {
  return a / b;
}
SP_FORMULA num num_fused(num a, num b, num c) {
#if SP_LANES > 4 || defined(__ARM_FEATURE_FMA)
  return vf_fma(a, b, c);
#else
  return a * b + c;
#endif
}
SP_FORMULA num_flag num_flag_less(num a, num b) {
  return a < b;
}
SP_FORMULA num num_where(num_flag f, num a, num b) {
  return (vf)((f & (vi)a) | (~f & (vi)b));
}
/* Of floats of which none is negative: their bits are ordered as they are, and integers are faster. */
SP_FORMULA num size_min(num a, num b) {
  return (vf)vi_min((vi)a, (vi)b);
}
SP_FORMULA num size_max(num a, num b) {
  return (vf)vi_max((vi)a, (vi)b);
}
/* a < b ? yes : no */
SP_FORMULA num size_pick(num a, num b, num yes, num no) {
  return vf_select(vi_less((vi)a, (vi)b), yes, no);
}

/* Bit l is set where low <= a < high in lane l. */
SP_FORMULA unsigned lanes_between(vf a, vf low, vf high) {
#if SP_LANES == 16
  return _kandn_mask16(vf_less(a, low), vf_less(a, high));
#elif SP_LANES == 8
  return vm_bits(~vf_less(a, low) & vf_less(a, high));
#else
  const vi between = ~vf_less(a, low) & vf_less(a, high);
  unsigned bits = 0;
  for (int l = 0; l < SP_LANES; l++) bits |= ((unsigned)between[l] & 1) << l;
  return bits;
#endif
}

#endif
#endif
