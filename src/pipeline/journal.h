/* The journal: which gathers of an output are on the disk. Private to src/pipeline.
 *
 * A text file beside the output, only ever appended to. Each line ends with the CRC-32C of what stands before it:
 *
 *   seisproc-journal 1 input=UUID gathers=N traces=N samples=N results=V crc32c=HEX
 *   job KEY: VALUE crc32c=HEX                       a line for each line of the job's canonical text
 *   begin crc32c=HEX                                the output exists, with all its trace headers
 *   done FIRST_GATHER N REASON:CRC[:CRC] ... crc32c=HEX     the samples of these gathers are on the disk
 *
 * A `done` line is appended after its samples were synced. A line that fails its CRC says nothing: the gathers that it
 * named are computed again. Lines may come in any order after `begin`.
 */
#ifndef SEISPROC_SRC_PIPELINE_JOURNAL_H
#define SEISPROC_SRC_PIPELINE_JOURNAL_H

#include <stdbool.h>

#include "seisproc/engine.h"
#include "seisproc/gather_index.h"
#include "seisproc/survey_file.h"

/* What a journal belongs to. */
typedef struct sp_journal_header {
  char input_uuid[SP_UUID_LENGTH + 1];
  uint64_t n_gathers, n_traces;
  uint32_t n_samples;
  uint32_t results_version; /* of the program that computed (pipeline.h) */
  char *job;                /* canonical text; owned */
} sp_journal_header;

/* What a journal says. */
typedef struct sp_journal_contents {
  bool begun; /* there is a whole header, up to its `begin` line */
  sp_journal_header header;
  uint8_t *done;             /* [n_gathers], non-zero: on the disk; owned */
  sp_gather_result *results; /* [n_gathers], of those; owned */
  uint64_t n_done;           /* gathers */
  uint64_t n_bad_lines;      /* that failed their CRC, a torn last one not counted */
  uint64_t length;           /* bytes up to the end of the last whole line */
} sp_journal_contents;

typedef struct sp_journal sp_journal;

/* Writes a new journal with its header and makes it durable; replaces an old one in one step. Errors: SP_ERR_IO. */
sp_status sp_journal_create(const char *path, const sp_journal_header *header);

/* Reads a journal. A file that is not there, is empty, or ends within its header gives begun = false. Errors:
 * SP_ERR_INPUT for a file that is no journal, SP_ERR_IO. The caller frees *out with sp_journal_contents_free. */
sp_status sp_journal_read(const char *path, sp_journal_contents *out);
void sp_journal_contents_free(sp_journal_contents *contents);

/* Opens a journal for appending behind its first `length` bytes; what stands there is cut off. No range will have more
 * than max_gathers. Borrows path. Errors: SP_ERR_IO. */
sp_status sp_journal_open(const char *path, uint64_t length, sp_local max_gathers, sp_journal **out);

/* Appends a line for a range that is on the disk. Lines become durable in groups (sp_journal_poll). */
sp_status sp_journal_append(sp_journal *journal, const sp_range *range, const sp_gather_result *results);

/* Starts a sync where lines need one and none is under way; *durable is whether every line so far is on the disk.
 * Never waits. Errors: SP_ERR_IO when a sync failed. */
sp_status sp_journal_poll(sp_journal *journal, bool *durable);

/* Takes NULL. */
void sp_journal_close(sp_journal *journal);

#endif
