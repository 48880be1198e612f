/* SPDX-License-Identifier: BSD-3-Clause */
#include "kernels/common/isa.h"

#include <stdlib.h>
#include <string.h>

#include "seisproc/log.h"

static const char *const names[SP_ISA_COUNT] = {"portable", "avx2", "avx512"};

const char *sp_isa_name(sp_isa isa) {
  return names[isa];
}

static sp_isa best(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return SP_ISA_AVX512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) {
    return SP_ISA_AVX2;
  }
#endif
  return SP_ISA_PORTABLE;
}

sp_isa sp_isa_select(void) {
  const sp_isa have = best();
  const char *wanted = getenv("SEISPROC_ISA");
  if (!wanted) return have;
  for (int i = 0; i < SP_ISA_COUNT; i++) {
    if (!strcmp(wanted, names[i])) return (sp_isa)i < have ? (sp_isa)i : have;
  }
  sp_warn("SEISPROC_ISA: found '%s', allowed is one of portable, avx2, avx512; using %s", wanted, names[have]);
  return have;
}
