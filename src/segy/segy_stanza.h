/* SPDX-License-Identifier: BSD-3-Clause */
/* Stanzas in extended textual headers. Private to src/segy. */
#ifndef SEISPROC_SRC_SEGY_SEGY_STANZA_H
#define SEISPROC_SRC_SEGY_SEGY_STANZA_H

#include "src/segy/segy_probe.h"

/* A header word that a layout stanza puts elsewhere than the standard does. */
typedef struct sp_stanza_word {
  sp_header_block block;
  const sp_header_field *field;
  uint16_t byte; /* from 1 */
  sp_field_type type;
  bool scaled; /* its type says that the scalar of its kind applies */
} sp_stanza_word;

typedef struct sp_stanza {
  bool found;
  size_t n_words;
  sp_stanza_word words[SP_SEGY_MAX_COLUMNS];
} sp_stanza;

/* Number of extended textual headers up to and with the one that holds ((SEG: EndText)); SP_ERR_INPUT without one. */
sp_status sp_stanza_count_texts(const sp_segy_probe *probe, uint64_t *out);

/* Number of texts that stand behind the file headers, stanzas or plain, declared or not. */
sp_status sp_stanza_count_all(const sp_segy_probe *probe, uint64_t *out);

/* Whether an extended textual header stands where the i-th would, from 0: all that is looked at is printable. */
bool sp_stanza_is_text(const sp_segy_probe *probe, uint64_t i);

/* Reads the layout stanza (rev 2.1, D8) among n extended textual headers. A stanza that cannot be used is noted and
 * left out. */
sp_status sp_stanza_read(const sp_segy_probe *probe, uint64_t n_texts, sp_segy_layout *layout, sp_stanza *out);

/* The field at its byte in a standard header: the stanza's, else the table's. */
double sp_stanza_value(const sp_stanza *stanza, sp_byte_order order, const char *name, const uint8_t *header);

/* Offset of the trace header extension that calls itself SEG00001 in its bytes 233-240; 0 where none does. */
uint16_t sp_segy_find_extension1(const uint8_t *header, uint32_t header_bytes);

#endif
