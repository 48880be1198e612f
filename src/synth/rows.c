/* SPDX-License-Identifier: BSD-3-Clause */
#include "src/synth/rows.h"

const sp_synth_ops *sp_synth_ops_select(void) {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512vl")) {
    return &sp_synth_ops_avx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return &sp_synth_ops_avx2;
#endif
  return &sp_synth_ops_portable;
}
