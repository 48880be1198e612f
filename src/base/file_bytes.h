/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading and writing all bytes that are asked for: the system may move fewer, or be interrupted by a signal. All
 * return 0 or an errno, and leave the message to the caller, who knows whose file it is. */
#ifndef SEISPROC_SRC_BASE_FILE_BYTES_H
#define SEISPROC_SRC_BASE_FILE_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* At the descriptor's position, or at `offset`. EIO where a file takes nothing without saying why. */
int sp_write_all(int fd, const void *bytes, size_t n);
int sp_write_all_at(int fd, const void *bytes, size_t n, uint64_t offset);

/* *got is n, or less where the file ends; on an error what was read before it. */
int sp_read_all(int fd, void *bytes, size_t n, size_t *got);
int sp_read_all_at(int fd, void *bytes, size_t n, uint64_t offset, size_t *got);

#endif
