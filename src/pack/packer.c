/* SPDX-License-Identifier: BSD-3-Clause */
/* Chunks through their filters, there and back. Invariant: what is unpacked has the form's size at every step, or the
 * chunk is damaged. */
#include "src/pack/packer.h"

#include <string.h>

#include "seisproc/memory.h"
#include "seisproc/share.h"
#include "src/pack/codecs.h"
#include "src/pack/shuffle.h"

struct sp_packer {
  sp_chunk_form form;
  size_t bytes, room;
  unsigned char *shuffled; /* a chunk's byte planes */
  sp_zstd *zstd;           /* NULL where the form has no such filter */
};

static bool is_skipped(uint32_t skipped, int i) {
  return skipped >> i & 1;
}

static int find(const sp_chunk_form *form, int id) {
  for (int i = 0; i < form->n_filters; i++) {
    if (form->filter[i].id == id) return i;
  }
  return -1;
}

sp_status sp_packer_create(const sp_chunk_form *form, sp_packer **out) {
  sp_status status;
  sp_packer *p;
  SP_TRY(sp_calloc(1, sizeof *p, "a packer", &p));
  p->form = *form;
  p->bytes = sp_chunk_bytes(form);
  p->room = sp_chunk_room(form);
  SP_TRY_GOTO(fail, sp_alloc(p->bytes, "a shuffled chunk", &p->shuffled));
  if (find(form, SP_FILTER_ZSTD) >= 0) SP_TRY_GOTO(fail, sp_zstd_create(&p->zstd));
  *out = p;
  return SP_SUCCESS;
fail:
  sp_packer_destroy(p);
  return status;
}

void sp_packer_destroy(sp_packer *p) {
  if (!p) return;
  sp_zstd_destroy(p->zstd);
  sp_free(p->shuffled);
  sp_free(p);
}

/* --- there ------------------------------------------------------------------------------------------------------- */

static uint32_t all_but(const sp_chunk_form *form, int first, int end) {
  uint32_t mask = 0;
  for (int i = 0; i < form->n_filters; i++) {
    if (i < first || i >= end) mask |= 1u << i;
  }
  return mask;
}

static bool pack_lossless(sp_packer *p, const unsigned char *rows, int first, unsigned char *out, size_t *n) {
  const sp_chunk_form *form = &p->form;
  const unsigned char *from = rows;
  *n = p->bytes;
  for (int i = first; i < form->n_filters; i++) {
    const sp_chunk_filter *f = &form->filter[i];
    if (f->id == SP_FILTER_SHUFFLE) {
      sp_shuffle(form->element, p->bytes / form->element, rows, p->shuffled);
      from = p->shuffled;
    } else if (f->id == SP_FILTER_BIT_LZ4) {
      *n = sp_bit_lz4_pack(form->level, from, p->bytes / form->element, form->element, f->value[SP_BIT_BLOCK],
                           p->shuffled, out);
    } else if (f->id == SP_FILTER_LZ4) {
      *n = sp_lz4_pack(form->level, from, p->bytes, f->value[0], out);
    } else {
      *n = sp_zstd_pack(p->zstd, form->level, from, p->bytes, out, p->room);
    }
  }
  return *n != 0;
}

sp_status sp_packer_pack(sp_packer *p, const void *rows, bool lossless, void *out, size_t *bytes, uint32_t *skipped) {
  const int zfp = find(&p->form, SP_FILTER_ZFP), first = zfp + 1; /* zfp is the first, where it is there */
  size_t n = p->bytes;
  bool good = true;
  uint32_t mask = all_but(&p->form, first, p->form.n_filters);
  if (zfp >= 0 && !lossless) {
    n = sp_zfp_pack(&p->form.filter[zfp], rows, out, p->room);
    mask = all_but(&p->form, 0, first);
    good = n != 0;
  } else if (first < p->form.n_filters) {
    good = pack_lossless(p, rows, first, out, &n);
  }
  if (!good) return SP_RAISE(SP_ERR_INTERNAL, "a chunk of %zu bytes cannot be packed", p->bytes);
  if (n >= p->bytes) {
    memcpy(out, rows, n = p->bytes);
    mask = all_but(&p->form, 0, 0);
  }
  *bytes = n;
  *skipped = mask;
  return SP_SUCCESS;
}

/* --- back -------------------------------------------------------------------------------------------------------- */

static bool has_bits(const sp_chunk_form *form) {
  return form->n_filters == 1 && form->filter[0].id == SP_FILTER_BIT_LZ4;
}

/* Finds where each of n blocks begins. False: they are not all there, or memory. */
static bool find_blocks(sp_packed_chunk *c, size_t n) {
  if (n > c->n_block_room) {
    sp_free(c->block);
    c->block = NULL;
    c->n_block_room = 0;
    if (sp_alloc(n * sizeof *c->block, "places of blocks", &c->block) != SP_SUCCESS) return false;
    c->n_block_room = n;
  }
  size_t at = SP_LZ4_HEAD;
  for (size_t b = 0; b < n; b++) {
    const size_t taken = sp_lz4_skip_block(c->bytes + at, c->n_bytes - at);
    if (taken == 0) return false;
    c->block[b] = at;
    at += taken;
  }
  return at == c->n_bytes;
}

/* Where LZ4's blocks are those of whole rows, of all their bits or in each byte plane, the rows of a block are a unit.
 * False: the chunk is damaged, or memory. */
static bool find_units(sp_packed_chunk *c) {
  const sp_chunk_form *form = c->form;
  const size_t elements = form->rows * form->row_length, bytes = sp_chunk_bytes(form);
  const bool bits = has_bits(form), planes = form->n_filters == 2 && form->filter[0].id == SP_FILTER_SHUFFLE &&
                                             form->filter[1].id == SP_FILTER_LZ4;
  if ((!bits && !planes) || c->skipped) return true;
  const size_t block = sp_lz4_block_bytes(c->bytes, c->n_bytes, bytes), n = bits ? block / form->element : block;
  if (n == 0 || elements % n || n % form->row_length || (bits && (n % 8 || block % form->element))) return true;
  if (!find_blocks(c, bits ? elements / n : bytes / n)) return false;
  c->unit_rows = n / form->row_length;
  c->n_units = (uint32_t)(elements / n);
  return true;
}

bool sp_packed_chunk_look(sp_packed_chunk *c, const sp_chunk_form *form, const void *bytes, size_t n,
                          uint32_t skipped) {
  c->form = form;
  c->bytes = bytes;
  c->n_bytes = n;
  c->skipped = skipped;
  c->unit_rows = form->rows;
  c->n_units = 1;
  if (n == 0 || n > sp_chunk_room(form) || skipped >> form->n_filters) return false;
  return find_units(c);
}

void sp_packed_chunk_free(sp_packed_chunk *c) {
  sp_free(c->block);
  *c = (sp_packed_chunk){0};
}

/* Most planes of samples are noise, which LZ4 leaves as it is: those are taken from where they are. */
static bool unpack_blocks(sp_packer *p, const sp_packed_chunk *c, uint32_t unit, unsigned char *out) {
  const size_t block = c->unit_rows * p->form.row_length;
  const unsigned char *planes[SP_CHUNK_MOST_ELEMENT];
  if (has_bits(&p->form)) {
    const size_t at = c->block[unit];
    return sp_bit_lz4_unpack_block(c->bytes + at, c->n_bytes - at, block, p->form.element, p->shuffled, out) != 0;
  }
  for (uint32_t k = 0; k < p->form.element; k++) {
    const size_t at = c->block[(size_t)k * c->n_units + unit];
    if (!sp_lz4_find_block(c->bytes + at, c->n_bytes - at, p->shuffled + k * block, block, &planes[k])) return false;
  }
  sp_unshuffle(p->form.element, block, planes, out);
  return true;
}

static bool unpack_lz4(const sp_packed_chunk *c, unsigned char *out, size_t bytes) {
  const size_t block = sp_lz4_block_bytes(c->bytes, c->n_bytes, bytes);
  size_t at = SP_LZ4_HEAD;
  if (block == 0) return false;
  SP_EACH_PIECE (p, 0, bytes, block) {
    const size_t taken = sp_lz4_unpack_block(c->bytes + at, c->n_bytes - at, out + p.first, p.count);
    if (taken == 0) return false;
    at += taken;
  }
  return true;
}

/* A chunk that one codec made, or none, to `to`. */
static bool unpack_codec(sp_packer *p, const sp_packed_chunk *c, int filter, unsigned char *to) {
  if (filter < 0) {
    if (c->n_bytes != p->bytes) return false;
    memcpy(to, c->bytes, p->bytes);
    return true;
  }
  const sp_chunk_filter *f = &p->form.filter[filter];
  const size_t elements = p->bytes / p->form.element;
  return f->id == SP_FILTER_LZ4 ? unpack_lz4(c, to, p->bytes)
         : f->id == SP_FILTER_BIT_LZ4
             ? sp_bit_lz4_unpack(c->bytes, c->n_bytes, elements, p->form.element, p->shuffled, to)
         : f->id == SP_FILTER_ZSTD ? sp_zstd_unpack(p->zstd, c->bytes, c->n_bytes, to, p->bytes)
                                   : sp_zfp_unpack(f, c->bytes, c->n_bytes, p->room, to);
}

bool sp_packer_unpack(sp_packer *p, const sp_packed_chunk *c, uint32_t unit, void *out) {
  const sp_chunk_form *form = &p->form;
  int codec = -1, shuffle = -1;
  if (c->n_units > 1) return unpack_blocks(p, c, unit, out);
  for (int i = 0; i < form->n_filters; i++) {
    if (is_skipped(c->skipped, i)) continue;
    if (form->filter[i].id == SP_FILTER_SHUFFLE) {
      shuffle = i;
    } else if (codec < 0) {
      codec = i;
    } else {
      return false; /* zfp and another one: nobody packs so */
    }
  }
  /* no filter but shuffle comes behind zfp */
  if (shuffle >= 0 && codec >= 0 && form->filter[codec].id == SP_FILTER_ZFP) return false;
  if (!unpack_codec(p, c, codec, shuffle >= 0 ? p->shuffled : out)) return false;
  if (shuffle < 0) return true;
  const size_t n = p->bytes / form->element;
  const unsigned char *planes[SP_CHUNK_MOST_ELEMENT];
  for (uint32_t k = 0; k < form->element; k++) planes[k] = p->shuffled + k * n;
  sp_unshuffle(form->element, n, planes, out);
  return true;
}

bool sp_packer_unpack_all(sp_packer *p, const sp_packed_chunk *c, void *out) {
  const size_t unit = c->unit_rows * p->form.row_length * p->form.element;
  for (uint32_t u = 0; u < c->n_units; u++) {
    if (!sp_packer_unpack(p, c, u, (char *)out + u * unit)) return false;
  }
  return true;
}
