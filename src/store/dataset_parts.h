/* SPDX-License-Identifier: BSD-3-Clause */
/* An open dataset, as dataset_open.c makes it and dataset.c moves its rows. Private to these two. */
#ifndef SEISPROC_SRC_STORE_DATASET_PARTS_H
#define SEISPROC_SRC_STORE_DATASET_PARTS_H

#include "src/base/scaled.h"
#include "src/store/h5.h"
#include "src/store/packed.h"

struct sp_dataset {
  hid_t id, file_space, memory_space;
  hid_t transfer[2];         /* independent, collective */
  sp_type type;              /* in memory */
  bool native;               /* the file has that type as well */
  uint64_t rows, row_length; /* of the file */
  sp_row_unit unit;
  int n_dims;
  uint64_t file_offset, file_row_bytes;
  char *path;
  sp_packed *packed; /* NULL: one contiguous block */
  /* samples stored in 16 bits (src/base/scaled.h): the file's type, and where its traces' factors are */
  sp_sample_form samples;
  hid_t code_type;
  struct sp_dataset *factors;
  sp_survey *survey; /* borrowed */
};

/* One line: SP_ERR_INPUT. */
sp_status sp_dataset_refuse(const sp_dataset *d, const char *what);

#endif
