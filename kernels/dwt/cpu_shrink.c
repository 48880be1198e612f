/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernels/dwt/cpu_shrink.h"

const sp_shrink_functions *sp_shrink_select(sp_isa isa) {
#if defined(__x86_64__)
  if (isa == SP_ISA_AVX512) return &sp_shrink_avx512;
  if (isa == SP_ISA_AVX2) return &sp_shrink_avx2;
#endif
  return &sp_shrink_portable;
}
