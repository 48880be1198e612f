/* SPDX-License-Identifier: BSD-3-Clause */
/* Codecs by name, and the form of chunks: which filters with which parameters. */
#include <stdio.h>
#include <string.h>

#include "src/pack/codecs.h"

/* LZ4 goes in blocks of about as many bytes: those of a unit's byte planes stay in a core's own cache. */
enum { LZ4_BLOCK = 64 << 10 };

/* Elements of a block whose bits are shuffled; not a power of two, at which its bits would lie in few lines of a cache.
 * The version of the bitshuffle library whose format it is, and its number for LZ4. A file
 * that says a block of 0 means the library's choice, which is at least BIT_LEAST_BLOCK. */
enum { BIT_BLOCK = 16000, BIT_LEAST_BLOCK = 128, BIT_MAJOR = 0, BIT_MINOR = 5, BIT_CODEC_LZ4 = 2 };
enum { BIT_ELEMENT = 2, BIT_CODEC = 4, BIT_VALUES = 5 };

typedef struct codec_entry {
  const char *name, *library;
  bool (*is_built)(void);
  int filter, least, most, usual; /* levels */
} codec_entry;

static bool always(void) {
  return true;
}

static const codec_entry codecs[SP_N_CODECS] = {{"none", NULL, always, 0, 0, 0, 0},
                                                {"lz4", "liblz4", sp_lz4_is_built, SP_FILTER_LZ4, 1, 12, 1},
                                                {"zstd", "libzstd", sp_zstd_is_built, SP_FILTER_ZSTD, 1, 19, 3},
                                                {"zfp", "libzfp", sp_zfp_is_built, SP_FILTER_ZFP, 0, 0, 0}};

const char *sp_codec_name(sp_codec codec) {
  return codecs[codec].name;
}

bool sp_codec_parse(const char *name, sp_codec *out) {
  for (int c = 0; c < SP_N_CODECS; c++) {
    if (strcmp(name, codecs[c].name)) continue;
    *out = (sp_codec)c;
    return true;
  }
  return false;
}

const char *sp_codec_lacks(sp_codec codec) {
  return codecs[codec].is_built() ? NULL : codecs[codec].library;
}

void sp_codec_levels(sp_codec codec, int *least, int *most, int *usual) {
  *least = codecs[codec].least;
  *most = codecs[codec].most;
  *usual = codecs[codec].usual;
}

static void add(sp_chunk_form *form, int id, unsigned value) {
  form->filter[form->n_filters++] = (sp_chunk_filter){.id = id, .n_values = 1, .value = {value}};
}

static void add_lossless(sp_chunk_form *form, const sp_pack_how *how, sp_codec codec, uint64_t block) {
  const bool own = codec == how->codec;
  form->level = own && how->level ? how->level : codecs[codec].usual;
  if (form->element > 1) add(form, SP_FILTER_SHUFFLE, form->element);
  add(form, codecs[codec].filter, codec == SP_CODEC_LZ4 ? (unsigned)block : (unsigned)form->level);
}

/* Rows that LZ4 takes in a block, so that whole rows can be unpacked without the rest of the chunk: of shuffled bits as
 * many as give a multiple of eight elements. */
static uint64_t rows_a_block(const sp_chunk_form *form, bool bits) {
  const uint64_t length = form->row_length ? form->row_length : 1, rows = (bits ? BIT_BLOCK : LZ4_BLOCK) / length;
  if (!bits) return rows ? rows : 1;
  const uint64_t some = length % 8 == 0 ? 1 : length % 4 == 0 ? 2 : length % 2 == 0 ? 4 : 8;
  return rows > some ? rows - rows % some : some;
}

static bool packs_bits(const sp_chunk_form *form, const sp_pack_how *how) {
  return how->samples && form->rows * form->row_length >= 8;
}

/* Of the rows of a chunk, as many as are whole blocks of LZ4's. */
static void fit_rows(const sp_pack_how *how, sp_chunk_form *form) {
  const uint64_t group = rows_a_block(form, packs_bits(form, how));
  if (form->rows > group) form->rows -= form->rows % group;
}

static void add_lz4(sp_chunk_form *form, const sp_pack_how *how) {
  const bool bits = packs_bits(form, how);
  const uint64_t group = rows_a_block(form, bits);
  const uint64_t block = (form->rows < group ? form->rows : group) * form->row_length;
  if (!bits) {
    add_lossless(form, how, SP_CODEC_LZ4, block);
    return;
  }
  form->level = how->codec == SP_CODEC_LZ4 && how->level ? how->level : codecs[SP_CODEC_LZ4].usual;
  form->filter[form->n_filters++] =
      (sp_chunk_filter){.id = SP_FILTER_BIT_LZ4,
                        .n_values = BIT_VALUES,
                        .value = {BIT_MAJOR, BIT_MINOR, form->element, (unsigned)(block - block % 8), BIT_CODEC_LZ4}};
}

/* What packs chunks without loss: of zfp those that it cannot keep within their bounds. */
static sp_codec lossless_of(sp_codec codec) {
  if (codec != SP_CODEC_ZFP) return codec;
  return sp_zstd_is_built() ? SP_CODEC_ZSTD : sp_lz4_is_built() ? SP_CODEC_LZ4 : SP_CODEC_NONE;
}

sp_status sp_chunk_form_make(const sp_pack_how *how, uint64_t rows, uint64_t row_length, uint32_t element,
                             sp_chunk_form *out) {
  sp_chunk_form form = {.rows = rows, .row_length = row_length, .element = element};
  const sp_codec codec = lossless_of(how->codec);
  const char *lacks = sp_codec_lacks(how->codec);
  if (lacks) {
    return SP_RAISE(SP_ERR_USAGE, "codec %s: this program was built without %s", sp_codec_name(how->codec), lacks);
  }
  if (codec == SP_CODEC_LZ4) fit_rows(how, &form); /* before zfp is told of them */
  if (how->codec == SP_CODEC_ZFP) {
    form.filter[0].id = SP_FILTER_ZFP;
    if (how->tolerance > 0) sp_zfp_describe(how, form.rows, row_length, &form.filter[form.n_filters++]);
  }
  if (codec == SP_CODEC_LZ4) {
    add_lz4(&form, how);
  } else if (codec == SP_CODEC_ZSTD) {
    add_lossless(&form, how, codec, 0);
  }
  *out = form;
  return SP_SUCCESS;
}

size_t sp_chunk_bytes(const sp_chunk_form *form) {
  return form->rows * form->row_length * form->element;
}

static size_t bit_room(const sp_chunk_form *form, const sp_chunk_filter *f) {
  const uint64_t elements = form->rows * form->row_length, said = f->value[SP_BIT_BLOCK];
  const uint64_t block = said ? said : BIT_LEAST_BLOCK;
  return sp_bit_lz4_room(elements, form->element, block < elements ? block : elements);
}

size_t sp_chunk_room(const sp_chunk_form *form) {
  const size_t bytes = sp_chunk_bytes(form);
  size_t room = bytes + 64;
  for (int i = 0; i < form->n_filters; i++) {
    const sp_chunk_filter *f = &form->filter[i];
    size_t needed = 0;
    if (f->id == SP_FILTER_ZFP) sp_zfp_check(f, form->rows * form->row_length, &needed);
    if (f->id == SP_FILTER_ZSTD) needed = sp_zstd_room(bytes);
    if (f->id == SP_FILTER_LZ4) needed = sp_lz4_room(bytes, f->value[0] && f->value[0] < bytes ? f->value[0] : bytes);
    if (f->id == SP_FILTER_BIT_LZ4) needed = bit_room(form, f);
    if (needed > room) room = needed;
  }
  return room;
}

static const char *name_filter(int id) {
  static const struct {
    int id;
    const char *name;
  } names[] = {{1, "deflate"},     {3, "fletcher32"}, {4, "szip"},      {5, "nbit"},
               {6, "scaleoffset"}, {32000, "lzf"},    {32001, "blosc"}, {32026, "blosc2"}};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (names[i].id == id) return names[i].name;
  }
  return "unknown";
}

static int order_of(int id) {
  const bool last = id == SP_FILTER_LZ4 || id == SP_FILTER_ZSTD || id == SP_FILTER_BIT_LZ4;
  return id == SP_FILTER_ZFP ? 0 : id == SP_FILTER_SHUFFLE ? 1 : last ? 2 : -1;
}

static const char *lacking(int id) {
  if (id == SP_FILTER_BIT_LZ4) id = SP_FILTER_LZ4;
  for (int c = 0; c < SP_N_CODECS; c++) {
    if (codecs[c].filter == id) return sp_codec_lacks((sp_codec)c);
  }
  return NULL;
}

static bool check_filter(const sp_chunk_form *form, const sp_chunk_filter *f, char *why, size_t size) {
  size_t room;
  const char *lacks = lacking(f->id);
  if (order_of(f->id) < 0) {
    snprintf(why, size, "is packed by filter %d (%s), allowed are shuffle, bitshuffle, lz4, zstd and zfp", f->id,
             name_filter(f->id));
  } else if (lacks) {
    snprintf(why, size, "is packed by filter %d, and this program was built without %s", f->id, lacks);
  } else if (f->n_values > SP_FILTER_VALUES) {
    snprintf(why, size, "has %u parameters of filter %d, allowed are %d", f->n_values, f->id, SP_FILTER_VALUES);
  } else if (f->id == SP_FILTER_SHUFFLE && (f->n_values < 1 || f->value[0] != form->element)) {
    snprintf(why, size, "is shuffled by another size than that of its elements");
  } else if (f->id == SP_FILTER_BIT_LZ4 && (f->n_values < BIT_VALUES || f->value[BIT_ELEMENT] != form->element ||
                                            f->value[SP_BIT_BLOCK] % 8 || f->value[BIT_CODEC] != BIT_CODEC_LZ4)) {
    snprintf(why, size, "has bits shuffled by another size than that of its elements, or without LZ4");
  } else if (f->id == SP_FILTER_ZFP && (form->element != 4 || !sp_zfp_check(f, form->rows * form->row_length, &room))) {
    snprintf(why, size, "has parameters of zfp that do not go with its chunks of float32");
  } else {
    return true;
  }
  return false;
}

static bool has_filter(const sp_chunk_form *form, int id) {
  for (int i = 0; i < form->n_filters; i++) {
    if (form->filter[i].id == id) return true;
  }
  return false;
}

bool sp_chunk_form_check(const sp_chunk_form *form, char *why, size_t size) {
  uint64_t bytes;
  int before = -1;
  if (form->element > SP_CHUNK_MOST_ELEMENT) {
    snprintf(why, size, "has elements of %u bytes, allowed are up to %d", form->element, SP_CHUNK_MOST_ELEMENT);
    return false;
  }
  if (__builtin_mul_overflow(form->rows, form->row_length, &bytes) ||
      __builtin_mul_overflow(bytes, form->element, &bytes) || bytes == 0 || bytes > SP_CHUNK_MOST_BYTES) {
    snprintf(why, size, "has chunks of %llu rows, allowed are 1 byte to %d MiB a chunk", (unsigned long long)form->rows,
             SP_CHUNK_MOST_BYTES >> 20);
    return false;
  }
  for (int i = 0; i < form->n_filters; i++) {
    if (!check_filter(form, &form->filter[i], why, size)) return false;
    if (order_of(form->filter[i].id) <= before) {
      snprintf(why, size,
               "has filters in an order that is not read, allowed are zfp, shuffle, and bitshuffle, lz4 or zstd");
      return false;
    }
    before = order_of(form->filter[i].id);
  }
  if (has_filter(form, SP_FILTER_SHUFFLE) && has_filter(form, SP_FILTER_BIT_LZ4)) {
    snprintf(why, size, "has bytes and bits shuffled, allowed is one of them");
    return false;
  }
  return true;
}
