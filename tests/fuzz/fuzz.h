/* SPDX-License-Identifier: BSD-3-Clause */
/* What the harnesses share. Each is one function that libFuzzer calls with bytes of its own making (`make fuzz`), and
 * that test_*.c calls with those of corpus/ (replay.h). A harness fails by aborting. Its files lie in memory-backed
 * storage, and what it logs goes nowhere. */
#ifndef SEISPROC_TESTS_FUZZ_FUZZ_H
#define SEISPROC_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A folder for this process, made at the first call, removed with what is in it when the process ends. */
const char *fuzz_folder(void);

/* folder/name, in one of a few static buffers. */
const char *fuzz_path(const char *name);

void fuzz_write(const char *path, const void *bytes, size_t n);

/* Reads a file whole; the caller frees. NULL where it is not there. */
uint8_t *fuzz_read(const char *path, size_t *n);

/* Aborts with a line that says what is wrong. */
#define FUZZ_CHECK(good, what) ((good) ? (void)0 : fuzz_fail(what))
_Noreturn void fuzz_fail(const char *what);

#endif
