/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory for samples: aligned, counted, allocated at start.
 *
 * Everything large is taken before the first trace is read and given back at the end. Blocks are aligned
 * to SP_ALIGNMENT so that kernels may use aligned loads; large ones ask for huge pages.
 */
#ifndef SEISPROC_MEMORY_H
#define SEISPROC_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "seisproc/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { SP_ALIGNMENT = 64, SP_PAGE = 4096 };

/* Allocates `bytes` (0 gives a valid block), aligned, contents undefined, and sets *out, a pointer of any type. `what`
 * names it in the error line. The caller owns *out and returns it with sp_free. Errors: SP_ERR_MEMORY. */
#define sp_alloc(bytes, what, out) sp_alloc_block(bytes, what, SP_POINTER_TO(out))

/* The same for n elements of `size` bytes, set to zero; refuses n * size that overflows. */
#define sp_calloc(n, size, what, out) sp_calloc_block(n, size, what, SP_POINTER_TO(out))

sp_status sp_alloc_block(size_t bytes, const char *what, void **out);
sp_status sp_calloc_block(size_t n, size_t size, const char *what, void **out);

/* The address of a pointer as that of a void pointer; does not compile for anything else. */
#define SP_POINTER_TO(out) ((void)sizeof(*(out) == (const void *)0), (void **)(out))

/* Takes NULL. */
void sp_free(void *block);

/* `bytes` rounded up, so that what follows in the same block is aligned, too. */
static inline size_t sp_aligned(size_t bytes) {
  return (bytes + SP_ALIGNMENT - 1) / SP_ALIGNMENT * SP_ALIGNMENT;
}

/* Number of calls of sp_alloc and sp_calloc in this process so far: two equal readings around a phase
 * show that it allocated nothing. */
uint64_t sp_alloc_count(void);

/* Bytes that those calls asked for, freed or not. */
uint64_t sp_alloc_bytes(void);

/* Copies a string; the caller owns the copy (sp_free). Errors: SP_ERR_MEMORY. */
sp_status sp_strdup(const char *text, char **out);

/* Peak resident set of this process in bytes, 0 where the system does not tell. */
size_t sp_peak_rss(void);

#ifdef __cplusplus
}
#endif

#endif
