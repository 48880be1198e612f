/* SPDX-License-Identifier: BSD-3-Clause */
/* OUT.part.image: snapshots of the sums and images of the classes that are complete. Made by the workers, read by rank
 * 0 when it resumes.
 *
 * Two heads are written in turn, each with a checksum and a sequence number: the newer one that is whole counts. It
 * names how many steps are complete and which of two snapshots belongs to those that follow. A snapshot is a bitmap of
 * batches that it holds, and a record a column of each step: int64 sums, uint32 hits, checksum. It is written by all
 * workers, each its part, while they go on: a mark a worker says that its part is on the disk, and the head counts once
 * all marks bear its numbers. An image is a record a class and point: float32 samples, uint32 hits, checksum; it is
 * synced before the head that speaks of it is written.
 */
#ifndef SEISPROC_SRC_FLOW_IMAGE_IMAGE_STATE_H
#define SEISPROC_SRC_FLOW_IMAGE_IMAGE_STATE_H

#include "src/flow/image/image_flow.h"

typedef struct sp_image_head {
  uint64_t sequence;            /* counts up; 0: none */
  uint32_t n_complete;          /* steps */
  int32_t snapshot;             /* 0, 1; -1: none */
  uint32_t first_step, n_steps; /* that the snapshot is of; some may be complete */
  uint64_t n_units;             /* bits of its bitmap, as many a step */
  uint32_t n_parts;             /* marks that it needs */
  uint64_t run;                 /* of the one that wrote it: marks of one that was killed are not those of the next */
  double peak;                  /* so far */
  uint64_t strongest;           /* number of the trace that has it */
  uint32_t engine;              /* 0 CPU, 1 CUDA: their bits differ */
  uint32_t model_crc;
} sp_image_head;

typedef struct sp_image_state sp_image_state;

/* Opens the file, for reading where it must be there, else making it. Errors: SP_ERR_IO. *head: the one that counts. */
sp_status sp_image_state_open(const sp_image_shared *shared, const char *part_path, bool create, sp_image_state **out,
                              sp_image_head *head);
void sp_image_state_close(sp_image_state *state);

/* Whether there is such a file. */
bool sp_image_state_exists(const char *part_path);

/* Removes it, if it is there. */
void sp_image_state_remove(const char *part_path);

sp_status sp_image_state_write_head(sp_image_state *s, const sp_image_head *head); /* and syncs it */
sp_status sp_image_state_sync(sp_image_state *s);

/* The bitmap of a snapshot, (n_units + 7) / 8 bytes with a checksum. */
sp_status sp_image_state_write_bits(sp_image_state *s, int snapshot, const uint8_t *bits, uint64_t n_units);
sp_status sp_image_state_read_bits(sp_image_state *s, int snapshot, uint8_t *bits, uint64_t n_units);

/* Says that part `part` of the snapshot of head->sequence is on the disk, and syncs that. */
sp_status sp_image_state_write_mark(sp_image_state *s, const sp_image_head *head, uint32_t part);

/* A column of a snapshot: of its `step`-th step, by its number in the tile; a point of a class. Errors: SP_ERR_IO, also
 * for a checksum. */
sp_status sp_image_state_write_sums(sp_image_state *s, int snapshot, uint32_t step, uint64_t column, const int64_t *sum,
                                    const uint32_t *hits);
sp_status sp_image_state_read_sums(sp_image_state *s, int snapshot, uint32_t step, uint64_t column, int64_t *sum,
                                   uint32_t *hits);
sp_status sp_image_state_write_point(sp_image_state *s, uint32_t class_number, uint64_t point, const float *image,
                                     const uint32_t *hits);
sp_status sp_image_state_read_point(sp_image_state *s, uint32_t class_number, uint64_t point, float *image,
                                    uint32_t *hits);

/* Bytes of the file. */
double sp_image_state_bytes(const sp_image_shared *shared);

#endif
