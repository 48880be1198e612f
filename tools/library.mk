# SPDX-License-Identifier: BSD-3-Clause
# The library for other programs: static, and shared with versioned symbols. PUBLIC_HEADERS alone are installed, and
# the shared library exports what they declare (tools/exports.py).

PUBLIC_HEADERS := $(addprefix include/seisproc/,array_chain.h choices.h engine.h figures.h file_identity.h \
  gather_index.h header_column.h job.h log.h memory.h param.h processor.h selection.h status.h survey_file.h \
  trace_store.h version.h)

# Below 1.0 a minor version may change interfaces (docs/versions.md): it is part of the name that programs ask for.
SO_NAME := libseisproc.so.$(basename $(VERSION))
LIB_SO := $(BUILD)/libseisproc.so.$(VERSION)

# What the GPU module calls in the library that has loaded it.
$(BUILD)/libseisproc.map: $(PUBLIC_HEADERS) VERSION tools/exports.py tools/library.mk $(CUDA_SO)
	@mkdir -p $(@D)
	@$(PYTHON) tools/exports.py $(VERSION) $(PUBLIC_HEADERS) \
	  $(if $(CUDA_SO),-- $$(nm -D --undefined-only $(CUDA_SO) | sed -n 's/.* U \(sp_[a-z0-9_]*\)$$/\1/p')) >$@

$(LIB_SO): $(LIB_OBJ) $(BUILD)/libseisproc.map
	$(call Q,LINK,$@)$(CC) $(LDFLAGS) -shared -Wl,-soname,$(SO_NAME) -Wl,--version-script=$(BUILD)/libseisproc.map \
	  -Wl,--no-undefined -o $@ $(LIB_OBJ) $(LDLIBS)

install-library: $(LIB) $(LIB_SO)
	install -d $(DESTDIR)$(PREFIX)/include/seisproc $(DEST_LIB)/pkgconfig $(DEST_LIB)/cmake/seisproc
	install -m 644 $(PUBLIC_HEADERS) $(DESTDIR)$(PREFIX)/include/seisproc
	install -m 644 $(LIB) $(DEST_LIB)
	install -m 755 $(LIB_SO) $(DEST_LIB)
	ln -sf libseisproc.so.$(VERSION) $(DEST_LIB)/$(SO_NAME)
	ln -sf $(SO_NAME) $(DEST_LIB)/libseisproc.so
	sed '$(INSTALLED_PLACES)' tools/seisproc.pc.in >$(DEST_LIB)/pkgconfig/seisproc.pc
	sed '$(INSTALLED_PLACES)' tools/seisproc-config.cmake.in >$(DEST_LIB)/cmake/seisproc/seisproc-config.cmake
	sed '$(INSTALLED_PLACES)' tools/seisproc-config-version.cmake.in \
	  >$(DEST_LIB)/cmake/seisproc/seisproc-config-version.cmake

INSTALLED_PLACES = s|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@VERSION@|$(VERSION)|; s|@SO_NAME@|$(SO_NAME)|; \
  s|@REQUIRES@|$(PKGS) $(PKG_CAIRO) $(strip $(PKG_PACK))|; \
  s|@LIBS@|$(FFTW_MPI_LIB) $(call hdf5_hl,$(DEPS_LIBS)) $(strip $(PACK_LIBS) $(RPATHS))|; \
  s|@STATIC_LIBS@|$(DEPS_LIBS) $(RPATHS) -lm -ldl -pthread|
