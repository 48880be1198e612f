/* SPDX-License-Identifier: BSD-3-Clause */
/* Every processor, one line each, and what else than the CPU it has a backend for. SP_PROCESSOR(name, GPU) stands for
 * `extern const sp_processor sp_processor_<name>` and, where GPU is CUDA and not NONE, for
 * `extern const sp_cuda_ops sp_<name>_cuda`. A backend finds its ops by the position in this list, which is also the
 * order of `seisproc help`. Included several times, so without a guard. */
SP_PROCESSOR(mute, CUDA)
SP_PROCESSOR(dwt, CUDA)
SP_PROCESSOR(tf, CUDA)
SP_PROCESSOR(fk, CUDA)
SP_PROCESSOR(fkk, NONE)
SP_PROCESSOR(bandpass, NONE)
SP_PROCESSOR(agc, NONE)
SP_PROCESSOR(balance, NONE)
SP_PROCESSOR(notch, NONE)
SP_PROCESSOR(edit, NONE)
SP_PROCESSOR(fx_decon, NONE)
SP_PROCESSOR(fk_denoise, CUDA)
SP_PROCESSOR(pstm, NONE)
