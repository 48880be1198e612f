/* SPDX-License-Identifier: BSD-3-Clause */
/* What `seisproc info` was asked for, and its part for SEG-Y and SU files. Private to src/cli. */
#ifndef SEISPROC_CLI_INFO_H
#define SEISPROC_CLI_INFO_H

#include <stdbool.h>
#include <stdint.h>

#include "seisproc/json.h"
#include "seisproc/survey_file.h"

typedef struct sp_info_request {
  const char *path;
  bool json;
  bool ranges;         /* least and largest value of each header column */
  const char *gathers; /* which; NULL: all */
  bool text;           /* SEG-Y's textual header */
} sp_info_request;

/* How /traces is packed (info_packing.c). */
typedef struct sp_info_packing {
  char samples[24]; /* how they are stored, where that is not float32; else "" */
  double rounding;  /* then the largest error of a sample as a part of its gather's RMS */
  char codec[16];   /* "": it is not, or the file does not say */
  int64_t level, packed_bytes, lossless_chunks;
  double error_bound, largest_error; /* as parts of a gather's RMS; 0: lossless */
} sp_info_packing;

sp_status sp_info_find_packing(sp_survey *survey, sp_info_packing *out);

/* A line, or nothing; a JSON member, or null. */
void sp_info_print_packing(const sp_info_packing *packing, const sp_survey_info *info);
void sp_info_json_packing(sp_json *json, const sp_info_packing *packing, const sp_survey_info *info);

/* Tells what a file is that is not HDF5. Errors: SP_ERR_INPUT, one line, when it is neither SEG-Y nor SU. */
sp_status sp_info_segy(const sp_info_request *request);

/* Prints a textual header, EBCDIC or ASCII, as lines of UTF-8 after `margin`; changes the bytes. */
void sp_info_print_text(unsigned char *text, const char *margin);

enum { SP_SIZE_TEXT = 24 };

/* Writes a number of bytes as "12.3 MB"; returns text. */
const char *sp_info_size(uint64_t bytes, char text[SP_SIZE_TEXT]);

#endif
