/* SPDX-License-Identifier: BSD-3-Clause */
/* HDF5's shuffle: byte k of all n elements together, k = 0, 1, ... Private to src/pack. */
#ifndef SEISPROC_SRC_PACK_SHUFFLE_H
#define SEISPROC_SRC_PACK_SHUFFLE_H

#include <stddef.h>
#include <stdint.h>

void sp_shuffle(size_t element, size_t n, const unsigned char *from, unsigned char *to);

/* Back again; planes[k] is byte k of all. */
void sp_unshuffle(size_t element, size_t n, const unsigned char *const *planes, unsigned char *to);

#endif
