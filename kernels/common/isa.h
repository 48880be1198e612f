/* SPDX-License-Identifier: BSD-3-Clause */
/* Which instruction set the CPU kernels use.
 *
 * A kernel that gains from it is compiled several times from one source, as <kernel>_portable.c,
 * <kernel>_avx2.c and <kernel>_avx512.c (the Makefile sets the flags by suffix), and picks its functions
 * when it plans. SEISPROC_ISA=portable|avx2|avx512 forces one; one that this processor lacks falls back to
 * the best that it has.
 */
#ifndef SEISPROC_KERNELS_COMMON_ISA_H
#define SEISPROC_KERNELS_COMMON_ISA_H

typedef enum sp_isa { SP_ISA_PORTABLE, SP_ISA_AVX2, SP_ISA_AVX512, SP_ISA_COUNT } sp_isa;

/* The instruction set to use now: the best this processor has, or what SEISPROC_ISA names if that is less. */
sp_isa sp_isa_select(void);

const char *sp_isa_name(sp_isa isa);

#endif
