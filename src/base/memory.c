/* SPDX-License-Identifier: BSD-3-Clause */
#include "seisproc/memory.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "src/base/fault.h"

enum { HUGE_FROM = 4 << 20, HUGE_ALIGNMENT = 2 << 20 };

static atomic_uint_fast64_t allocations, allocated_bytes;

sp_status sp_alloc_block(size_t bytes, const char *what, void **out) {
  const size_t alignment = bytes >= HUGE_FROM ? HUGE_ALIGNMENT : SP_ALIGNMENT;
  void *block = NULL;
  if (SP_FAULT_IS_DUE("allocation") || posix_memalign(&block, alignment, bytes ? bytes : 1)) {
    return SP_RAISE(SP_ERR_MEMORY, "cannot allocate %zu bytes for %s", bytes, what);
  }
  if (bytes >= HUGE_FROM) madvise(block, bytes, MADV_HUGEPAGE); /* a hint: failure changes nothing */
  allocations++;
  allocated_bytes += bytes;
  *out = block;
  return SP_SUCCESS;
}

sp_status sp_calloc_block(size_t n, size_t size, const char *what, void **out) {
  size_t bytes;
  if (__builtin_mul_overflow(n, size, &bytes)) {
    return SP_RAISE(SP_ERR_MEMORY, "cannot allocate %zu x %zu bytes for %s", n, size, what);
  }
  void *block = NULL;
  SP_TRY(sp_alloc(bytes, what, &block));
  memset(block, 0, bytes);
  *out = block;
  return SP_SUCCESS;
}

void sp_free(void *block) {
  free(block);
}

uint64_t sp_alloc_count(void) {
  return allocations;
}

uint64_t sp_alloc_bytes(void) {
  return allocated_bytes;
}

sp_status sp_strdup(const char *text, char **out) {
  const size_t bytes = strlen(text) + 1;
  void *copy = NULL;
  SP_TRY(sp_alloc(bytes, "a string", &copy));
  memcpy(copy, text, bytes);
  *out = copy;
  return SP_SUCCESS;
}

size_t sp_peak_rss(void) {
  struct rusage usage;
  if (getrusage(RUSAGE_SELF, &usage)) return 0;
  return (size_t)usage.ru_maxrss * 1024;
}
