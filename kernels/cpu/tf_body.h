/* The kernels of tf, compiled once an instruction set. */
#ifndef SEISPROC_KERNELS_CPU_TF_BODY_H
#define SEISPROC_KERNELS_CPU_TF_BODY_H
#include <string.h>

#include "kernels/cpu/tf.h"
#include "kernels/cpu/tf_vec.h"
#include "kernels/cpu/window_stats.h"

#include "kernels/cpu/tf_body_polar.h"

#include "kernels/cpu/tf_body_fft.h"

#include "kernels/cpu/tf_body_shrink.h"

#include "kernels/cpu/tf_body_stft64.h"

#include "kernels/cpu/tf_body_voices.h"

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
    .voices_sum = voices_sum,
    .polar = polar,
};

#endif
