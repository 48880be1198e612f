/* Every processor, one line each: SP_PROCESSOR(name) stands for `extern const sp_processor sp_processor_<name>`.
 * Included several times, so without a guard. The order is that of `seisproc help`. */
SP_PROCESSOR(mute)
SP_PROCESSOR(dwt)
SP_PROCESSOR(tf)
