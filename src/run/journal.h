/* SPDX-License-Identifier: BSD-3-Clause */
/* The journal: which units of an output are on the disk, and their figures. Private to src/run.
 *
 * A text file beside the output, only ever appended to. Each line ends with the CRC-32C of what stands before it:
 *
 *   seisproc-journal 2 id=UUID input=UUID bytes=N modified=NS units=N traces=N samples=N results=V figures=NAME,... CRC
 *   job KEY: VALUE CRC                        a line for each line of the job's canonical text
 *   begin N CRC                               the output exists, with all its trace headers; N job lines
 *   done FIRST_UNIT N FIGURE:FIGURE... CRC    these units are on the disk
 *   packed FIRST_UNIT N FIGURE:FIGURE... ROWS K PLANE:NUMBER:AT:BYTES:SKIPPED:CRC... CRC
 *                                             likewise, K chunks of ROWS rows of theirs packed, in OUT.packed
 *
 * where CRC is crc32c=HEX.
 *
 * A `done` line is appended after its samples were synced. A line that fails its CRC says nothing: the units that it
 * named are computed again. The CRC of `done` lines starts from the CRC of all lines up to `begin`, whose id is a new
 * one for each journal: a line that a file system brings back from a deleted journal fails. `done` lines may come in
 * any order, and more than once. Units that are not on the disk as they were written are undone by a new journal
 * without them, which takes the place of the old one in one step. The header is written to another file first, which is
 * synced and then renamed: a header with a damaged line is not an interrupted start, and is refused.
 */
#ifndef SEISPROC_SRC_RUN_JOURNAL_H
#define SEISPROC_SRC_RUN_JOURNAL_H

#include <stdbool.h>

#include "seisproc/figures.h"
#include "seisproc/node_window.h"
#include "seisproc/survey_file.h"

/* What a journal belongs to. */
typedef struct sp_journal_header {
  char input_uuid[SP_UUID_LENGTH + 1];
  sp_file_identity input; /* size and time of modification; device and inode are not kept */
  uint64_t n_units, n_traces;
  uint32_t n_samples;
  uint32_t results_version;      /* of the program that computed (run.h) */
  const sp_figure_list *figures; /* of a unit; borrowed */
  char *job;                     /* canonical text; owned */
} sp_journal_header;

/* What a journal says. */
typedef struct sp_journal_contents {
  bool begun; /* there is a whole header, up to its `begin` line */
  sp_journal_header header;
  uint8_t *done;    /* [n_units], non-zero: on the disk; owned */
  void *figures;    /* [n_units] records, of those; owned */
  uint64_t n_done;  /* units */
  sp_chunk *chunks; /* [n_chunks], as they were noted: the last one of a number counts; owned */
  size_t n_chunks, chunk_room;
  uint64_t chunk_rows;  /* of each; where there are any */
  uint64_t n_bad_lines; /* that failed their CRC, a torn last one not counted */
  uint64_t length;      /* bytes up to the end of the last whole line */
  uint32_t seed;        /* of the CRCs of `done` lines */
} sp_journal_contents;

typedef struct sp_journal sp_journal;

/* Units that are no task may share chunks with their neighbours at both ends, of each plane. */
enum { SP_JOURNAL_MORE_CHUNKS = 2 * SP_MAX_PLANES };

/* Writes a new journal with its header and makes it durable; replaces an old one in one step. Errors: SP_ERR_IO. */
sp_status sp_journal_create(const char *path, const sp_journal_header *header);

/* Begins a journal with this header that is to take the place of the one at `path`: what is appended to it counts once
 * sp_journal_put has put it there, in one step and durable; closed before that it says nothing. Units and chunks of a
 * line as for sp_journal_open. Borrows path. Errors: SP_ERR_IO. */
sp_status sp_journal_begin(const char *path, const sp_journal_header *header, uint32_t max_units,
                           const sp_window_shape *window, sp_journal **out);
sp_status sp_journal_put(sp_journal *journal);

/* Reads the journal of an output with n_units units that have these figures (borrowed by *out). A file that is not
 * there, is empty, or ends within its header gives begun = false; of one whose header says another number of units only
 * the header is given (done and figures are NULL). Errors: SP_ERR_INPUT for a file that is no journal, is one of other
 * figures or is damaged in its header, SP_ERR_IO. The caller frees *out with sp_journal_contents_free. */
sp_status sp_journal_read(const char *path, const sp_figure_list *figures, uint64_t n_units, sp_journal_contents *out);
void sp_journal_contents_free(sp_journal_contents *contents);

/* Reads the header alone, whatever its units and figures are (figures is NULL). Where there is no whole one, out->job
 * is NULL. The caller frees out->job with sp_free. Errors as sp_journal_read. */
sp_status sp_journal_read_header(const char *path, sp_journal_header *out);

/* Opens the journal that `contents` was read from for appending; a torn last line is cut off. No line will have more
 * than max_units, and more chunks than a slot of this window and SP_JOURNAL_MORE_CHUNKS; NULL: none. Borrows path.
 * Errors: SP_ERR_IO. */
sp_status sp_journal_open(const char *path, const sp_journal_contents *contents, uint32_t max_units,
                          const sp_window_shape *window, sp_journal **out);

/* Appends a line for n units that are on the disk, with their records, and the chunks of them that are packed. Lines
 * become durable in groups (sp_journal_poll). */
sp_status sp_journal_append(sp_journal *journal, uint64_t first_unit, uint32_t n, const void *records,
                            const sp_chunk *chunks, size_t n_chunks);

/* Starts a sync where lines need one and none is under way; *durable is whether every line so far is on the disk.
 * Never waits. Errors: SP_ERR_IO when a sync failed. */
sp_status sp_journal_poll(sp_journal *journal, bool *durable);

/* Takes NULL. */
void sp_journal_close(sp_journal *journal);

#endif
