/* SPDX-License-Identifier: BSD-3-Clause */
/* UUIDs of survey files (RFC 9562): random ones, and hashes of a name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <xxhash.h>

#include "seisproc/survey_file.h"

static void format_uuid(unsigned char b[16], int version, char uuid[SP_UUID_LENGTH + 1]) {
  b[6] = (unsigned char)((b[6] & 0x0f) | version << 4);
  b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
  snprintf(uuid, SP_UUID_LENGTH + 1, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
           b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

void sp_uuid_create(char uuid[SP_UUID_LENGTH + 1]) {
  unsigned char bytes[16];
  if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes) abort(); /* 16 bytes never come short (getrandom(2)) */
  format_uuid(bytes, 4, uuid);
}

void sp_uuid_derive(const char *name, char uuid[SP_UUID_LENGTH + 1]) {
  XXH128_canonical_t hash;
  XXH128_canonicalFromHash(&hash, XXH3_128bits(name, strlen(name)));
  format_uuid(hash.digest, 8, uuid);
}
