/* SPDX-License-Identifier: BSD-3-Clause */
/* The libraries, one file each, as packer.c uses them. Where one was not there on building, its functions are there all
 * the same: `is_built` is false, nothing can be packed or unpacked. Private to src/pack.
 */
#ifndef SEISPROC_SRC_PACK_CODECS_H
#define SEISPROC_SRC_PACK_CODECS_H

#include "src/pack/packer.h"

enum { SP_LZ4_HEAD = 12, SP_LZ4_BLOCK_HEAD = 4 };

/* Where the parameters of filter 32008 have the elements of a block. */
enum { SP_BIT_BLOCK = 3 };

/* --- lz4.c: the format of HDF5's filter 32004 --- */
bool sp_lz4_is_built(void);
size_t sp_lz4_room(size_t bytes, size_t block);
/* Bytes written to `out`, 0 where the library refuses. level 1: fast; 2 to 12: its high compression. */
size_t sp_lz4_pack(int level, const unsigned char *from, size_t bytes, size_t block, unsigned char *out);
/* Bytes a block, from the head of packed bytes that are to give `bytes`; 0: damaged. */
size_t sp_lz4_block_bytes(const unsigned char *from, size_t n, size_t bytes);
/* One block at `from`, of which n bytes are left, to exactly `bytes`. Returns what it takes of n, 0: damaged. */
size_t sp_lz4_unpack_block(const unsigned char *from, size_t n, unsigned char *to, size_t bytes);
/* The same, but a block that is a copy of its bytes is not copied: *bytes_at is where they are, in `to` or at `from`.
 */
size_t sp_lz4_find_block(const unsigned char *from, size_t n, unsigned char *to, size_t bytes,
                         const unsigned char **bytes_at);
/* What the block at `from` takes, 0: it does not end within n. */
size_t sp_lz4_skip_block(const unsigned char *from, size_t n);
/* The head, and a block behind its size that is never a copy, there and back; both return the bytes that it takes, 0:
 * refused, damaged. acceleration: LZ4's, of level 1, 1 or more; the larger the less it looks for. */
size_t sp_lz4_write_head(size_t bytes, size_t block, unsigned char *out);
size_t sp_lz4_pack_block(int level, int acceleration, const unsigned char *from, size_t bytes, unsigned char *out);
size_t sp_lz4_expand_block(const unsigned char *from, size_t n, unsigned char *to, size_t bytes);

/* --- bit_lz4.c: the format of HDF5's filter 32008 with LZ4. `block` is in elements, a multiple of 8; scratch[bytes of
 * a block, or of all elements where they are fewer] --- */
size_t sp_bit_lz4_room(size_t elements, size_t element, size_t block);
/* Bytes written to `out`, 0 where the library refuses. */
size_t sp_bit_lz4_pack(int level, const unsigned char *from, size_t elements, size_t element, size_t block,
                       unsigned char *scratch, unsigned char *out);
/* One block at `from`, of which n bytes are left. Returns what it takes of n, 0: damaged. */
size_t sp_bit_lz4_unpack_block(const unsigned char *from, size_t n, size_t elements, size_t element,
                               unsigned char *scratch, unsigned char *to);
/* All of a chunk. False: damaged. */
bool sp_bit_lz4_unpack(const unsigned char *from, size_t n, size_t elements, size_t element, unsigned char *scratch,
                       unsigned char *to);

/* --- zstd.c --- */
typedef struct sp_zstd sp_zstd; /* of a thread */
bool sp_zstd_is_built(void);
sp_status sp_zstd_create(sp_zstd **out);
void sp_zstd_destroy(sp_zstd *zstd); /* takes NULL */
size_t sp_zstd_room(size_t bytes);
size_t sp_zstd_pack(sp_zstd *zstd, int level, const unsigned char *from, size_t bytes, unsigned char *out, size_t room);
bool sp_zstd_unpack(sp_zstd *zstd, const unsigned char *from, size_t n, unsigned char *to, size_t bytes);

/* --- zfp.c --- */
bool sp_zfp_is_built(void);
/* The parameters of H5Z-ZFP's filter for chunks of rows x row_length float32. */
void sp_zfp_describe(const sp_pack_how *how, uint64_t rows, uint64_t row_length, sp_chunk_filter *filter);
/* Whether a filter's parameters are of chunks of `elements` float32; *room is what a packed one takes at most. */
bool sp_zfp_check(const sp_chunk_filter *filter, uint64_t elements, size_t *room);
size_t sp_zfp_pack(const sp_chunk_filter *filter, const void *from, void *out, size_t room);
/* `room` bytes can be read at `from`, n of them count. */
bool sp_zfp_unpack(const sp_chunk_filter *filter, const void *from, size_t n, size_t room, void *to);

#endif
