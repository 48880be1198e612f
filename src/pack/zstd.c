/* SPDX-License-Identifier: BSD-3-Clause */
/* Zstandard as HDF5's filter 32015 has it: one frame, which says how long its content is. */
#include "seisproc/memory.h"
#include "src/pack/codecs.h"

#ifdef SP_HAVE_ZSTD
#include <zstd.h>

struct sp_zstd {
  ZSTD_CCtx *packs;
  ZSTD_DCtx *unpacks;
};

bool sp_zstd_is_built(void) {
  return true;
}

sp_status sp_zstd_create(sp_zstd **out) {
  sp_zstd *z;
  SP_TRY(sp_calloc(1, sizeof *z, "Zstandard", &z));
  z->packs = ZSTD_createCCtx();
  z->unpacks = ZSTD_createDCtx();
  if (!z->packs || !z->unpacks) {
    sp_zstd_destroy(z);
    return SP_RAISE(SP_ERR_MEMORY, "no memory for Zstandard");
  }
  *out = z;
  return SP_SUCCESS;
}

void sp_zstd_destroy(sp_zstd *z) {
  if (!z) return;
  ZSTD_freeCCtx(z->packs);
  ZSTD_freeDCtx(z->unpacks);
  sp_free(z);
}

size_t sp_zstd_room(size_t bytes) {
  return ZSTD_compressBound(bytes);
}

size_t sp_zstd_pack(sp_zstd *z, int level, const unsigned char *from, size_t bytes, unsigned char *out, size_t room) {
  const size_t n = ZSTD_compressCCtx(z->packs, out, room, from, bytes, level);
  return ZSTD_isError(n) ? 0 : n;
}

bool sp_zstd_unpack(sp_zstd *z, const unsigned char *from, size_t n, unsigned char *to, size_t bytes) {
  return ZSTD_getFrameContentSize(from, n) == bytes && ZSTD_decompressDCtx(z->unpacks, to, bytes, from, n) == bytes;
}

#else

bool sp_zstd_is_built(void) {
  return false;
}

sp_status sp_zstd_create(sp_zstd **out) {
  *out = NULL;
  return SP_SUCCESS;
}

void sp_zstd_destroy(sp_zstd *z) {}

size_t sp_zstd_room(size_t bytes) {
  return bytes;
}

size_t sp_zstd_pack(sp_zstd *z, int level, const unsigned char *from, size_t bytes, unsigned char *out, size_t room) {
  return 0;
}

bool sp_zstd_unpack(sp_zstd *z, const unsigned char *from, size_t n, unsigned char *to, size_t bytes) {
  return false;
}

#endif
