/* SPDX-License-Identifier: BSD-3-Clause */
/* The corpus of this harness: nothing crashes, nothing is broken, without libFuzzer. */
/* timeout: 120 */
/* may warn */
#define FUZZ_NAME "pack"
#include "tests/fuzz/fuzz.c"
#include "tests/fuzz/fuzz_pack.c"
#include "tests/fuzz/replay.h"
