/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernels of tf, compiled once an instruction set. */
#ifndef SEISPROC_KERNELS_TF_CPU_BODY_H
#define SEISPROC_KERNELS_TF_CPU_BODY_H
#include <string.h>

#include "kernels/common/window_stats.h"
#include "kernels/tf/cpu.h"
#include "kernels/tf/cpu_vec.h"
#include "kernels/tf/decision.h"

#include "kernels/tf/cpu_body_polar.h"

#include "kernels/tf/cpu_body_fft.h"

#include "kernels/tf/cpu_body_shrink.h"

#include "kernels/tf/cpu_body_stft64.h"

#include "kernels/tf/cpu_body_voices.h"

const sp_tf_kernels SP_ISA_SYMBOL(sp_tf_kernels) = {
    .lanes = SP_LANES,
    .shrink = shrink,
    .copy = copy,
    .stft64_analyse = stft64_analyse,
    .stft64_synthesise = stft64_synthesise,
    .normalise = normalise,
    .modulate = modulate,
    .voices_analyse = voices_analyse,
    .voices_synthesise = voices_synthesise,
    .polar = polar,
};

#endif
