/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/flow/gather/row_ops.h"

#include "kernels/common/isa.h"

extern const sp_row_ops sp_row_ops_portable, sp_row_ops_avx2, sp_row_ops_avx512;

const sp_row_ops *sp_row_ops_select(void) {
#if defined(__x86_64__)
  const sp_isa isa = sp_isa_select();
  if (isa == SP_ISA_AVX512) return &sp_row_ops_avx512;
  if (isa == SP_ISA_AVX2) return &sp_row_ops_avx2;
#endif
  return &sp_row_ops_portable;
}
