/* Every processor with a CUDA backend, one line each: SP_CUDA_PROCESSOR(name) stands for
 * `extern const sp_cuda_ops sp_<name>_cuda`. Included several times, so without a guard. */
SP_CUDA_PROCESSOR(mute)
SP_CUDA_PROCESSOR(dwt)
SP_CUDA_PROCESSOR(tf)
