/* SPDX-License-Identifier: BSD-3-Clause */
/* What `seisproc info` was asked for, and its part for SEG-Y and SU files. Private to src/cli. */
#ifndef SEISPROC_CLI_INFO_H
#define SEISPROC_CLI_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "seisproc/status.h"

typedef struct sp_info_request {
  const char *path;
  bool json;
  bool ranges;         /* least and largest value of each header column */
  const char *gathers; /* which; NULL: all */
  bool text;           /* SEG-Y's textual header */
} sp_info_request;

/* Tells what a file is that is not HDF5. Errors: SP_ERR_INPUT, one line, when it is neither SEG-Y nor SU. */
sp_status sp_info_segy(const sp_info_request *request);

/* Prints a textual header, EBCDIC or ASCII, as lines of UTF-8 after `margin`; changes the bytes. */
void sp_info_print_text(unsigned char *text, const char *margin);

enum { SP_SIZE_TEXT = 24 };

/* Writes a number of bytes as "12.3 MB"; returns text. */
const char *sp_info_size(uint64_t bytes, char text[SP_SIZE_TEXT]);

#endif
