/* SPDX-License-Identifier: BSD-3-Clause */
/* Every engine, one line each: SP_ENGINE(KIND, name) stands for `sp_engine_<name>` of engine_ops.h,
 * SP_ENGINE_ABSENT(KIND, name, why) for one that this build lacks. Included several times, so without a guard. */
SP_ENGINE(CPU, cpu)
SP_ENGINE(MOCK, mock)
SP_ENGINE(CUDA, cuda)
