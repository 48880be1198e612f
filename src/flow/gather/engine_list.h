/* Every engine, one line each: SP_ENGINE(KIND, name) stands for `extern const sp_engine_ops sp_engine_<name>`,
 * SP_ENGINE_ABSENT(KIND, name, why) for one that this build lacks. Included several times, so without a guard. */
SP_ENGINE(CPU, cpu)
SP_ENGINE(MOCK, mock)
SP_ENGINE(CUDA, cuda)
